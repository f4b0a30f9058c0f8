"""How scanners are asked and scored, and how their reports are read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from conformance import run
from conformance.cases import Case, Question, read_cases
from conformance.scanners import checkov, kics, trivy
from conformance.scanners.asked import NO_CHECK, Said, ScannerError, checks_for
from conformance.scanners.flowverdict import FlowVerdict
from conformance.score import outcome, score


@pytest.mark.parametrize(
    ("answer", "right", "told"),
    [
        ("exposed", "exposed", "right"),
        ("closed", "closed", "right"),
        ("unknown", "unknown", "right"),
        ("closed", "exposed", "missed exposure"),
        ("exposed", "closed", "false alarm"),
        ("exposed", "unknown", "guess"),
        ("closed", "unknown", "guess"),
        ("unknown", "exposed", "no answer"),
        ("no answer", "closed", "no answer"),
        ("no answer", "unknown", "no answer"),
        ("no check", "exposed", "not asked"),
        ("no check", "unknown", "not asked"),
    ],
)
def test_what_becomes_of_an_answer(answer: str, right: str, told: str) -> None:
    assert outcome(answer, right) == told


@pytest.mark.parametrize(
    ("question", "checks"),
    [
        (Question("Inbound", "TCP", ("3389",), "Internet"), ("CKV_AZURE_9",)),
        (Question("Inbound", "TCP", ("22", "3389"), "Internet"), ("CKV_AZURE_10", "CKV_AZURE_9")),
        (Question("Inbound", "UDP", ("53",), "Internet"), ("CKV_AZURE_77",)),
        (Question("Inbound", "TCP", ("443",), "Internet"), None),
        (Question("Inbound", "TCP", ("22", "443"), "Internet"), None),
        (Question("Inbound", "TCP", (), "Internet"), None),
        (Question("Inbound", "TCP", ("22",), "10.1.0.0/16"), None),
        (Question("Outbound", "TCP", ("22",), "Internet"), None),
    ],
)
def test_a_check_is_asked_what_it_is_about_and_nothing_else(question, checks) -> None:
    assert checks_for(question, checkov.CHECKS["terraform"]) == checks


def test_checks_that_say_nothing_give_no_answer() -> None:
    said = Said(failed=frozenset({"A"}), passed=frozenset({"B"}))
    assert said.of(["A", "B"]) == "exposed"
    assert said.of(["B"]) == "closed"
    assert said.of(["C"]) == "no answer"
    assert said.of(["C"], tells_passes=False) == "closed"
    assert said.of(None) == "no check"


def test_a_report_of_checkov() -> None:
    report = {
        "results": {
            "failed_checks": [
                {"check_id": "CKV_AZURE_9", "file_path": "/01-order/allow-above-deny/main.tf"}
            ],
            "passed_checks": [
                {"check_id": "CKV_AZURE_10", "file_path": "/01-order/allow-above-deny/main.tf"},
                {"check_id": "CKV_AZURE_9", "file_path": "\\01-order\\order-in-file\\main.tf"},
            ],
        }
    }
    said = checkov.read(json.dumps(report))
    assert said["allow-above-deny"] == Said(frozenset({"CKV_AZURE_9"}), frozenset({"CKV_AZURE_10"}))
    assert said["order-in-file"].passed == {"CKV_AZURE_9"}


def test_a_report_of_trivy() -> None:
    report = {
        "Results": [
            {"Target": ".", "Class": "config"},
            {
                "Target": "01-order/allow-above-deny/azuredeploy.json",
                "Misconfigurations": [
                    {"ID": "AVD-AZU-0048", "Status": "FAIL"},
                    {"ID": "AZU-0050", "Status": "PASS"},
                    {"ID": "AZU-0047", "Status": "EXCEPTION"},
                ],
            },
        ]
    }
    said = trivy.read(json.dumps(report))
    assert said == {"allow-above-deny": Said(frozenset({"AZU-0048"}), frozenset({"AZU-0050"}))}


def test_a_report_of_kics() -> None:
    query = kics.CHECKS["arm"]["Inbound", "TCP", "22"][0]
    report = {
        "queries": [
            {"query_id": query, "files": [{"file_name": "a/arm/01-order/order-in-file/t.json"}]}
        ]
    }
    assert kics.read(json.dumps(report)) == {"order-in-file": Said(frozenset({query}))}


@pytest.mark.parametrize("scanner", [checkov, trivy, kics])
@pytest.mark.parametrize("report", ["", "[]", '{"queries": 1, "Results": [{}], "results": {}}'])
def test_what_is_no_report_is_refused(scanner, report: str) -> None:
    with pytest.raises(ScannerError, match="no report"):
        scanner.read(report)


class _AlwaysExposed:
    name: str = "alarmist"
    forms: tuple[str, ...] = ("arm",)

    def version(self) -> str | None:
        return "1.0"

    def ask(self, cases: Sequence[Case], folder: Path, form: str) -> Mapping[str, str]:
        assert all((folder / form / one.theme / one.id).is_dir() for one in cases)
        return {one.id: "exposed" for one in cases}


class _Absent(_AlwaysExposed):
    name: str = "absent"

    def version(self) -> str | None:
        return None


class _Broken(_AlwaysExposed):
    name: str = "broken"

    def ask(self, cases: Sequence[Case], folder: Path, form: str) -> Mapping[str, str]:
        raise ScannerError("`broken` ended with exit code 3: no")


def test_scanners_are_scored_one_by_one_and_none_spoils_the_others(capsys) -> None:
    cases = read_cases()[:30]
    scores, absent = run.ask(cases, [_Broken(), _Absent(), _AlwaysExposed(), FlowVerdict()])
    assert absent == ["absent"]
    assert "`broken` ended with exit code 3: no" in capsys.readouterr().err
    alarmist, ours = scores[0], scores[1]
    exposed = sum(one.answer == "exposed" for one in cases)
    assert alarmist.counts(cases)["right"] == exposed
    assert alarmist.counts(cases)["false alarm"] == len(cases) - exposed
    assert ours.counts(cases)["right"] == len(cases)
    table = "\n".join(run.as_lines(cases, scores, absent, markdown=False))
    assert "alarmist (arm)" in table
    assert "not installed: absent" in table


def test_a_case_that_is_not_in_a_form_is_not_asked_in_it() -> None:
    cases = [one for one in read_cases() if "managers" in one.network][:2]
    scores, _ = run.ask(cases, [_AlwaysExposed()])
    assert scores[0].counts(cases)["not asked"] == 2


def test_answers_of_any_scanner_can_be_scored_from_a_file(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(run, "SCANNERS", (_Absent(),))
    file = tmp_path / "mine.json"
    file.write_text('{"deny-above-allow": "closed", "allow-above-deny": "closed"}')
    assert run.main(["--answers", str(file), "--wrong"]) == 0
    told = capsys.readouterr().out
    assert "missed exposure  allow-above-deny: Does any interface accept TCP 3389" in told
    assert run.main(["--answers", str(file), "--output", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    total = found["scores"][0]["total"]
    assert (total["right"], total["missed exposure"]) == (1, 1)
    assert total["not asked"] == found["cases"] - 2
    assert found["scores"][0]["cases"]["deny-above-allow"]["outcome"] == "right"
    assert run.main(["--output", "md"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("# How scanners did")
    assert "\nMade by `python -m conformance.run --output md` on 20" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"nobody": "closed"}', "`nobody`: expected the id of a case"),
        ('{"order-in-file": "open"}', "`open`: expected exposed or closed or unknown"),
        ("[1]", "expected a JSON object of case ids and answers"),
        ("{", "no JSON: expected a JSON object"),
        (None, "No such file or directory: expected a JSON object"),
    ],
)
def test_a_wrong_file_of_answers_is_refused_in_one_line(tmp_path, capsys, text, told) -> None:
    file = tmp_path / "mine.json"
    if text is not None:
        file.write_text(text)
    assert run.main(["--answers", str(file)]) == 2
    assert told in capsys.readouterr().err


def test_a_score_is_told_by_theme_too() -> None:
    cases = read_cases()
    found = score(cases, {}, "silent", "", "").as_json(cases)
    assert found["total"]["not asked"] == len(cases)
    assert sum(one["not asked"] for one in found["themes"].values()) == len(cases)
    assert found["cases"][cases[0].id]["answer"] == NO_CHECK


def test_the_results_that_are_shown_are_of_these_cases() -> None:
    """Made anew with `python -m conformance.run --output md > conformance/RESULTS.md`."""
    shown = (Path(run.__file__).parent / "RESULTS.md").read_text(encoding="utf-8")
    table = "\n".join(run.as_lines(read_cases(), [], [], markdown=True))
    [counted] = [one for one in table.splitlines() if " cases: " in one]
    assert counted in shown.splitlines()
    ours = next(one for one in shown.splitlines() if one.startswith("| flowverdict (azure)"))
    assert [one.strip() for one in ours.split("|")][3:5] == [str(len(read_cases())), "0"]
