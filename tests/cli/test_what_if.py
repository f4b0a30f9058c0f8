"""``flowverdict what-if``: the words of its answers, and its exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import flowverdict
from flowverdict.demo.bank import write_bank, write_change
from tests.cli.runs import run
from tests.cli.test_prove import OPEN, network
from tests.impact.logs import ingested, vnet

MOMENT = 1786653060000
NSG = "network/dev-vm-nsg.json"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bank, the bank changed, and a lake in which its development VM calls an API twice."""
    folder = tmp_path_factory.mktemp("what-if")
    write_bank(folder / "bank")
    write_bank(folder / "changed")
    write_change(folder / "changed")
    nic = next(
        one
        for one in flowverdict.load_estate([folder / "bank"]).resources.nics.values()
        if one.id.name == "dev-vm-nic"
    )
    rows = [f"{MOMENT + at},10.10.1.4,10.10.2.4,50000,8080,6,O,D,NX,0,0,0,0" for at in (0, 9)]
    ingested(folder, [vnet(nic.mac, *rows)])
    return folder


def asked(folder: Path, before: str, change: str, *words: str) -> Any:
    paths = [folder / before, "--change", folder / change, "--lake", folder / "lake"]
    return run("what-if", *paths, *words)


def test_a_flow_that_breaks_is_1_and_names_both_rules(folder: Path) -> None:
    done = asked(folder, "changed", "bank")
    assert done.exit_code == 1
    assert done.stdout.startswith("1 flow: 1 break, 0 newly pass; 0 tuples unchanged\n")
    line = next(one for one in done.stdout.splitlines() if "8080" in one)
    start = r"2 +2026-08-13T20:31Z +2026-08-13T20:31Z +TCP 10.10.1.4:\* -> 10.10.2.4:8080 "
    assert re.match(start, line)
    assert "Allow by securityRules/AllowApiServers (nic)" in line
    assert "Deny by securityRules/DenyAll (nic)" in line
    assert "the whole estate" in done.stderr


def test_a_flow_that_passes_now_is_no_finding(folder: Path) -> None:
    done = asked(folder, "bank", "changed")
    assert done.exit_code == 0
    assert "opened: 1 flow" in done.stdout


def test_a_part_is_laid_over_the_estate(folder: Path) -> None:
    done = asked(folder, "bank", f"changed/{NSG}")
    assert done.exit_code == 0
    assert "opened: 1 flow" in done.stdout
    assert "a part" in done.stderr


def test_a_part_that_is_said_to_be_whole_leaves_no_interface(folder: Path) -> None:
    done = asked(folder, "bank", f"changed/{NSG}", "--whole")
    assert done.exit_code == 3
    assert "could be judged before" in done.stdout


def test_json_has_the_fields_of_the_contract(folder: Path) -> None:
    done = asked(folder, "changed", "bank", "--output", "json")
    answer = json.loads(done.stdout)
    assert list(answer) == ["broken", "opened", "exposed", "closed", "unknown", "unchanged"]
    (one,) = answer["broken"]
    assert one["flows"] == 2
    assert one["flow"]["first"] < one["flow"]["last"]
    for side, access in (("before", "Allow"), ("after", "Deny")):
        assert one[side]["access"] == access
        assert {"ruleName", "ruleId", "layer", "trace"} <= one[side].keys()
    assert all(set(one) == {"missing", "flows", "new", "last"} for one in answer["unknown"])


def test_markdown_is_a_comment(folder: Path) -> None:
    done = asked(folder, "changed", "bank", "--output", "md")
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("### ")
    row = next(one for one in lines if "8080" in one)
    assert row.startswith("| 2 |")
    assert r"10.10.1.4:\*" in row


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--change", "nowhere"], "nowhere"),
        ([], "no --change: expected what changes"),
        (["--change", ""], "an empty name"),
    ],
)
def test_bad_words_are_2(folder: Path, words: list[str], told: str) -> None:
    done = run("what-if", folder / "bank", *words, "--lake", folder / "lake")
    assert done.exit_code == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_meant_to_break_is_told_apart(folder: Path) -> None:
    done = asked(folder, "changed", "bank", "--accept", "dst_port = 8080")
    assert done.exit_code == 0
    assert done.stdout.startswith("1 flow: 0 break (1 more is meant to), 0 newly pass;")
    assert "meant to break: 1 flow" in done.stdout
    answer = json.loads(
        asked(folder, "changed", "bank", "--accept", "dst_port = 8080", "--output", "json").stdout
    )
    assert (answer["broken"], len(answer["accepted"])) == ([], 1)
    assert asked(folder, "changed", "bank", "--accept", "dst_port = 22").exit_code == 1


@pytest.mark.parametrize(("before", "change"), [("changed", "bank"), ("bank", "bank")])
def test_a_wrong_condition_is_one_line(folder: Path, before: str, change: str) -> None:
    """Also where nothing breaks: a pipeline must not find out on the day when something does."""
    done = asked(folder, before, change, "--accept", "nobody = 1")
    assert (done.exit_code, done.stdout) == (2, "")
    assert 'accept: Binder Error: Referenced column "nobody" not found' in done.stderr


def test_a_time_without_a_flow_is_3(folder: Path) -> None:
    words = ("--since", "2030-01-01")
    done = asked(folder, "changed", "bank", *words)
    assert done.exit_code == 3
    assert "everything: no flow was recorded in this time" in done.stdout
    answer = json.loads(asked(folder, "changed", "bank", *words, "--output", "json").stdout)
    assert answer["unknown"][0]["missing"] == "everything: no flow was recorded in this time"


def test_packets_that_nobody_recorded_are_exposed_and_closed(tmp_path: Path) -> None:
    """Contract 4.5: over all packets, with both verdicts and a witness."""
    before, after = network(tmp_path / "a"), network(tmp_path / "b", OPEN)
    words = f"{MOMENT},203.0.113.9,10.0.0.4,5,22,6,I,D,NX,1,1,1,1"
    ingested(tmp_path, [vnet("0022486D0000", words)])
    lake = ("--lake", tmp_path / "lake")
    opened = json.loads(run("what-if", before, "--change", after, *lake, "--output", "json").stdout)
    [exposed] = opened["exposed"]
    assert opened["closed"] == []
    assert exposed["packets"] == ["TCP 3389 from Internet to 10.0.0.4"]
    assert (exposed["before"]["access"], exposed["after"]["access"]) == ("Deny", "Allow")
    assert exposed["witness"]["dst_port"] == 3389
    back = json.loads(run("what-if", after, "--change", before, *lake, "--output", "json").stdout)
    assert back["exposed"] == []
    assert [one["packets"] for one in back["closed"]] == [exposed["packets"]]
    told = run("what-if", before, "--change", after, *lake).stdout
    assert "exposed: 1 set of packets, recorded or not" in told
