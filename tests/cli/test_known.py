"""Baselines and suppressions on the command line, in every report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.cli.runs import run
from tests.cli.test_lint import DEAD
from tests.cli.test_prove import OPEN, RDP, network

SOME = "in 100 Allow Tcp 198.51.100.0/24 -> *:3389 name=Rdp"
OTHER = "in 110 Allow Tcp 203.0.113.0/24 -> *:3389 name=Other"
WEB = "in 120 Allow Tcp Internet -> *:443 name=Web"
MARS = '- {name: Mars, expect: deny, direction: Inbound, from: "service:Mars", protocol: TCP}\n'
REASON = "reason: until the move, until: 2026-06-30"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("claims.yaml").write_text(RDP)
    for name, rules in {
        "old": [SOME], "same": [WEB, SOME], "wider": [OPEN], "more": [SOME, OTHER], "shut": [],
    }.items():  # fmt: skip
        network(Path(name), *rules)
    return tmp_path


def prove(estate: str, *words: str) -> Any:
    return run("prove", estate, "claims.yaml", *words)


def states(estate: str, *words: str) -> list[tuple[str, str | None]]:
    [result] = json.loads(prove(estate, *words, "--output", "json").stdout)["results"]
    return [(one["state"], one["baseline"]) for one in result["failing"]]


def test_a_baseline_hides_no_new_exposure() -> None:
    """Neither a new rule nor more packets through the old one, wherever the rule stands."""
    assert prove("old", "--write-baseline", "b.json").exit_code == 0
    assert len(json.loads(Path("b.json").read_bytes())["findings"]) == 1
    known = ("--baseline", "b.json")
    assert (prove("same", *known).exit_code, states("same", *known)) == (
        0, [("baseline", "unchanged")],
    )  # fmt: skip
    assert (prove("wider", *known).exit_code, states("wider", *known)) == (1, [("open", "grown")])
    assert (prove("more", *known).exit_code, states("more", *known)) == (
        1, [("open", "new"), ("baseline", "unchanged")],
    )  # fmt: skip
    told = prove("more", *known).stdout
    assert "allowed by securityRules/Rdp (nic) at" in told
    assert told.splitlines()[-1] == "0 holds, 1 fails, 0 unknown; 1 finding in the baseline"
    assert "[more packets than in the baseline]" in prove("wider", *known).stdout


def test_a_baseline_shrinks_and_takes_nothing_in() -> None:
    prove("more", "--write-baseline", "b.json")
    gone = prove("old", "--baseline", "b.json")
    assert gone.exit_code == 0
    assert (
        "no longer found, still in the baseline: no RDP (nic nic1, direction Inbound, rule Other)"
    ) in gone.stdout
    told = prove("wider", "--baseline", "b.json", "--write-baseline", "b.json")
    assert (told.exit_code, told.stderr) == (1, "b.json: 1 finding written\n")
    assert states("old", "--baseline", "b.json") == [("baseline", "unchanged")]
    prove("shut", "--baseline", "b.json", "--write-baseline", "b.json")
    assert json.loads(Path("b.json").read_bytes())["findings"] == []


def test_what_a_baseline_does_not_excuse_is_what_cannot_be_known() -> None:
    network(Path("lost"), SOME, lost=True)
    assert prove("lost").exit_code == 1
    told = prove("lost", "--write-baseline", "b.json")
    assert told.stderr == "b.json: 1 finding written, 1 unknown left out\n"
    assert told.exit_code == 3, "what may be behind nic2's NSG was hidden by the failure at nic1"
    assert prove("lost", "--baseline", "b.json").exit_code == 3
    missing = json.loads(prove("lost", "--output", "json").stdout)["results"][0]["missing"]
    Path("s.yaml").write_text(f"- {{claim: no RDP, missing: '*n2*', {REASON}}}\n")
    known = ("--baseline", "b.json", "--suppressions", "s.yaml")
    assert len(missing) == 1
    assert prove("lost", *known, "--today", "2026-06-30").exit_code == 0
    assert prove("lost", *known, "--today", "2026-07-01").exit_code == 3


def test_suppressions_end_and_go() -> None:
    Path("s.yaml").write_text(
        f"- {{claim: no RDP, nic: nic1, rule: rdp, {REASON}}}\n- {{claim: gone, {REASON}}}\n"
    )
    known = ("--suppressions", "s.yaml", "--today")
    told = prove("wider", *known, "2026-06-30")
    assert told.exit_code == 0
    assert "[suppressed until 2026-06-30: until the move]" in told.stdout
    assert told.stderr == "s.yaml:2: suppression of claim `gone` matches no finding: it can go\n"
    told = prove("wider", *known, "2026-07-01")
    assert told.exit_code == 1
    assert "[suppression ended on 2026-06-30: until the move]" in told.stdout
    assert prove("more", *known, "2026-06-30").exit_code == 1, "another rule"
    prove("more", *known, "2026-06-30", "--write-baseline", "b.json")
    rules = [one["rule"] for one in json.loads(Path("b.json").read_bytes())["findings"]]
    assert [one.rpartition("/")[2] for one in rules] == ["Other"]


def test_every_report_tells_what_is_known() -> None:
    Path("claims.yaml").write_text(RDP + MARS)
    prove("more", "--write-baseline", "b.json")
    Path("s.yaml").write_text(f"- {{claim: Mars, missing: '*Mars*', {REASON}}}\n")
    reports = {form: Path(f"report.{form}") for form in ("table", "json", "md", "junit", "sarif")}
    words = [f"--report={form}={path}" for form, path in reports.items()]
    known = ("--baseline", "b.json", "--suppressions", "s.yaml", "--today", "2026-01-01")
    told = prove("old", *known, *words)
    assert told.exit_code == 0
    assert reports["table"].read_text() == told.stdout
    answer = json.loads(reports["json"].read_text())
    assert [one["about"]["rule"].rpartition("/")[2] for one in answer["gone"]] == ["Other"]
    assert answer["results"][1]["unknown"][0]["suppression"] == {
        "reason": "until the move", "until": "2026-06-30", "in_force": True,
    }  # fmt: skip
    lines = reports["md"].read_text().splitlines()
    assert lines[0].endswith("1 of 2 fail; 1 finding in the baseline, 1 suppressed")
    assert [one[:4] for one in lines if one.startswith("| ⚪")] == ["| ⚪ "] * 2
    suite = ET.fromstring(reports["junit"].read_bytes())[0]  # noqa: S314 our own
    assert [suite.get(one) for one in ("tests", "failures", "errors", "skipped")] == [*"2002"]
    assert "[in the baseline]" in str(suite[0][0].get("message"))
    results = json.loads(reports["sarif"].read_text())["runs"][0]["results"]
    assert [one.get("baselineState") for one in results] == ["unchanged", None, "absent"]
    assert [one["suppressions"][0]["justification"] for one in results[1:]] == [
        "until the move (until 2026-06-30)", "no longer found",
    ]  # fmt: skip
    assert len({one["partialFingerprints"]["flowverdict/v1"] for one in results}) == 3


def test_lint_has_them_too() -> None:
    network(Path("dead"), OPEN, DEAD)
    assert run("lint", "dead").exit_code == 1
    prove("old", "--write-baseline", "b.json")
    assert run("lint", "dead", "--write-baseline", "b.json").exit_code == 0
    kinds = [next(iter(one)) for one in json.loads(Path("b.json").read_bytes())["findings"]]
    assert kinds == ["check", "claim"]
    words = ("--baseline", "b.json", "--report", "sarif=l.sarif", "--output", "junit")
    told = run("lint", "dead", *words)
    assert told.exit_code == 0
    assert ET.fromstring(told.stdout.encode())[0].get("skipped") == "1"  # noqa: S314 our own
    [result] = json.loads(Path("l.sarif").read_bytes())["runs"][0]["results"]
    assert result["baselineState"] == "unchanged"
    told = run("lint", "old", "--baseline", "b.json")
    assert told.exit_code == 0
    assert "no longer found, still in the baseline: shadowed (resource NoRdp, " in told.stdout
    Path("s.yaml").write_text(f"- {{check: shadowed, resource: NoRdp, {REASON}}}\n")
    words = ("--suppressions", "s.yaml", "--today", "2026-01-01", "--output")
    assert run("lint", "dead", *words, "md").stdout.startswith(
        "### Network rules: 1 finding; 1 finding suppressed\n"
    )
    assert json.loads(run("lint", "dead", *words, "json").stdout)["findings"][0]["state"] == (
        "suppressed"
    )


WRONG = [
    (("--baseline", "none.json"), "none.json: cannot be read"),
    (("--suppressions", "claims.yaml"), "claims.yaml:2: `ports` is empty or no text"),
    (("--today", "soon"), "`soon` does not match the format"),
    (("--report", "pdf=x"), "--report `pdf=x`: expected FORMAT=FILE, with one of table, json"),
    (("--report", "sarif=-"), "--report `sarif=-`: expected FORMAT=FILE"),
    (("--report", "sarif"), "--report `sarif`: expected FORMAT=FILE"),
    (("--report", "md=no/where"), "--report `md=no/where`: cannot be written"),
    (("--write-baseline", "claims.yaml"), "claims.yaml: is no JSON"),
]


@pytest.mark.parametrize(("words", "said"), WRONG, ids=range(len(WRONG)))
def test_wrong_words_are_one_line(words: tuple[str, ...], said: str) -> None:
    told = prove("old", *words)
    assert (told.exit_code, told.stdout, told.stderr.count("\n")) == (2, "", 1)
    assert said in told.stderr


def test_no_two_claims_of_one_name() -> None:
    Path("claims.yaml").write_text(RDP.replace("no RDP", "no RDP from the internet"))
    told = prove("old", "--pack", "management-ports", "--pack", "management-ports")
    assert (told.exit_code, told.stdout, told.stderr.count("\n")) == (2, "", 1)
    assert "claim `no RDP from the internet` stands in claims.yaml: $[0] and pack" in told.stderr
