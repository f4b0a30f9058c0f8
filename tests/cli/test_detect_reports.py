"""Findings of `detect` in every format."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from flowverdict.cli.detect_reports import (
    FORMATS,
    Extent,
    Reported,
    as_json_lines,
    as_markdown,
    as_sarif,
    as_text,
    finding_json,
    plain,
    reviewed,
)
from flowverdict.cli.known import Known, known_options_in
from flowverdict.cli.ocsf import as_ocsf
from flowverdict.findings import Review
from flowverdict.net import parse_ports
from flowverdict.report.told import Told
from tests.cli.runs import run
from tests.report.made import CURE, EVERY, GUESSES, NIGHT, RULE, SCAN, changed

ASKED = ("rdp-brute-force", "port-scan", "log-gap", "beacon")
NOW = datetime(2026, 3, 11, tzinfo=UTC)
RULES = json.loads((Path(__file__).parent / "ocsf-1.5.0.json").read_text())


def known(**words: Any) -> Known:
    files = {name: words.get(name) for name in ("baseline", "write_baseline", "suppressions")}
    asked = {**files, "today": datetime(2026, 3, 11), "reports": ()}  # noqa: DTZ001 as click's
    return Known.read(asked, FORMATS)


def told(findings: Iterable[Told] = EVERY, **words: Any) -> tuple[list[Reported], Review]:
    return reviewed(findings, known(**words), ASKED)


def states(findings: Iterable[Told], **words: Any) -> list[str]:
    return [one.state for _, one in told(findings, **words)[0]]


def test_the_text_says_who_did_what_by_which_rule_and_what_stops_it() -> None:
    assert list(as_text(*told(), ASKED)) == [
        (
            "high: RDP brute force from 203.0.113.200 at 10.17.1.4 on port 3389 "
            "[rdp-brute-force T1110.001]"
        ),
        "  2026-03-10 01:02Z to 2026-03-10 05:02Z, denied and allowed",
        "  attempts 1,312; rate 0.25; peak 2026-03-10 01:02Z; rules a, b, c and 1 more",
        "  let in by securityRules/AllowRdpOld (nic, nsg-1), since 2026-03-10 01:30Z",
        "  cure: Deny 203.0.113.200 at priority 99: the rule that let it in stands at 100",
        (
            "low: Port scan from 12 addresses at fd00::4, fd00::5 on ports 20, 21, 22 and 7 more "
            "[port-scan T1046]"
        ),
        "  2026-03-10 02:02Z to 2026-03-10 03:02Z, denied",
        "informational: Log gap at 6045BD2A0000 [log-gap]",
        "  2026-03-10 01:02Z to 2026-03-10 01:32Z",
        "  minutes 30; whole yes",
        "3 findings (1 high, 1 low, 1 informational) of 4 detections",
    ]
    assert list(as_text(*told([]), ASKED)) == ["no finding of 4 detections"]


def test_json_has_everything() -> None:
    answer = json.loads("".join(as_json_lines(*told())))
    first, second, third = answer["findings"]
    assert first["first"] == "2026-03-10T01:02:03.456Z"
    assert (first["src_ip"], first["dst_ip"], first["protocol"]) == (
        "203.0.113.200", "10.17.1.4", "TCP",
    )  # fmt: skip
    assert first["evidence"]["peak"] == "2026-03-10T01:02:03.456Z"
    assert (first["decided_by"], first["cure"]) == (RULE, CURE)
    assert (second["src_ip"], len(second["sources"]), second["decided_by"]) == (None, 12, None)
    assert (third["outcome"], third["protocol"], third["state"]) == (None, None, "open")
    assert answer["gone"] == []
    assert len({one["fingerprint"] for one in answer["findings"]}) == 3
    assert json.loads("".join(as_json_lines(*told([])))) == {"findings": [], "gone": []}


def test_what_is_no_json_becomes_text() -> None:
    values = {"t": NIGHT, "s": {3, 1}, "u": (ip_address("::1"),), 5: date(2026, 1, 2)}
    assert plain(values) == {
        "t": "2026-03-10T01:02:03.456Z", "s": [1, 3], "u": ["::1"], "5": "2026-01-02",
    }  # fmt: skip


def test_markdown_is_a_table_whatever_names_hold() -> None:
    rule = {**RULE, "ruleName": "a|b\nc"}
    lines = list(as_markdown(*told([Told(GUESSES, rule, CURE), Told(SCAN)])))
    assert lines[0] == "### Traffic: 2 findings (1 high, 1 low)"
    rows = [one.replace("\\|", "") for one in lines[2:]]
    assert [one.count("|") for one in rows] == [8] * 4
    assert r"let in by a\|b\\nc" in lines[4]
    assert list(as_markdown(*told([]))) == ["### Traffic: no finding"]


def sarif(findings: Iterable[Told], lake: str = "lake", **words: Any) -> dict[str, Any]:
    about = {"rdp-brute-force": "many tries", "beacon": "steady calls"}
    text = "".join(as_sarif(*told(findings, **words), about, lake, str(words.get("baseline", ""))))
    return json.loads(text)["runs"][0]


def test_sarif_has_a_place_for_each_finding(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    Path("nsg.json").write_text('{\n  "securityRules": [\n    {"name": "AllowRdpOld"}\n  ]\n}\n')
    where = {"file": "nsg.json", "path": "$.securityRules[0]"}
    run_of = sarif([Told(GUESSES, {**RULE, "where": where}, CURE), Told(SCAN)])
    rules = run_of["tool"]["driver"]["rules"]
    assert [one["id"] for one in rules] == ["rdp-brute-force", "beacon", "port-scan"]
    assert rules[0]["properties"] == {
        "tags": ["security", "external/attack/T1110.001"], "security-severity": "8.0",
    }  # fmt: skip
    first, second = run_of["results"]
    assert [rules[one["ruleIndex"]]["id"] for one in (first, second)] == [
        one["ruleId"] for one in (first, second)
    ]
    assert (first["level"], second["level"]) == ("error", "note")
    [place] = first["locations"]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "nsg.json"}, "region": {"startLine": 3, "startColumn": 5},
    }  # fmt: skip
    [place] = second["locations"]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "lake"}, "region": {"startLine": 1, "startColumn": 1},
    }  # fmt: skip
    assert "let in by securityRules/AllowRdpOld" in first["message"]["text"]
    assert "cure: Deny 203.0.113.200" in first["message"]["text"]


def test_a_lake_in_a_storage_account_is_a_place_too() -> None:
    [result] = sarif([Told(SCAN)], "az://account/container/lake")["results"]
    [place] = result["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "az://account/container/lake"


def test_a_baseline_hides_neither_who_gets_in_now_nor_more_ports(tmp_path: Path) -> None:
    file = tmp_path / "b.json"
    denied = changed(GUESSES, outcome="denied")
    told([denied, Told(SCAN)], write_baseline=file)
    assert states([denied], baseline=file) == ["baseline"]
    later = changed(GUESSES, outcome="denied", first=NIGHT.replace(day=11), evidence={})
    assert states([later], baseline=file) == ["baseline"]
    assert states([Told(GUESSES)], baseline=file) == ["open"]
    assert states([changed(SCAN, ports=(20, 21))], baseline=file) == ["baseline"]
    assert states([changed(SCAN, ports=(20, 80))], baseline=file) == ["open"]
    assert states([changed(SCAN, sources=("2001:db8::1",))], baseline=file) == ["open"]
    results = sarif([Told(SCAN)], baseline=file)["results"]
    assert [one["baselineState"] for one in results] == ["unchanged", "absent"]
    assert "no longer found" in "\n".join(as_text(*told([Told(SCAN)], baseline=file), ASKED))


def test_what_a_baseline_holds_may_be_bent() -> None:
    extent = Extent(parse_ports(["22"]), "denied")
    assert extent.are_within([{"outcome": "denied", "ports": "20-30"}])
    assert not extent.are_within([{"outcome": "denied", "ports": "x"}])
    assert not extent.are_within([{}])
    assert not extent.are_within([])


def test_a_finding_at_two_times_is_one_in_a_baseline(tmp_path: Path) -> None:
    file = tmp_path / "b.json"
    denied = changed(GUESSES, outcome="denied", ports=(22,))
    assert len(told([denied, Told(GUESSES)], write_baseline=file)[0]) == 2
    [entry] = json.loads(file.read_bytes())["findings"]
    assert entry["packets"] == [{"outcome": "both", "ports": "22, 3389"}]
    assert states([Told(GUESSES), denied], baseline=file) == ["baseline"] * 2


def test_a_suppression_is_told(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("- {detection: port-*, targets: fd00*, reason: ours, until: never}\n")
    found, review = told(suppressions=file)
    assert [one.state for _, one in found] == ["open", "open", "suppressed"]
    assert "[suppressed for good: ours]" in "\n".join(as_text(found, review, ASKED))
    assert "| ⚪ | port scan (T1046) [suppressed" in "\n".join(as_markdown(found, review))
    event = json.loads(list(as_ocsf(found, NOW))[2])
    assert (event["status"], event["is_alert"]) == ("Suppressed", False)


def test_formats_are_the_command_s_own() -> None:
    @click.command()
    @known_options_in(FORMATS)
    def command(output: str, **words: Any) -> None:
        click.echo(f"{output} {Known.read(words, FORMATS).reports}")

    words = ["--output", "ocsf", "--report", "ocsf=x.json"]
    result = CliRunner().invoke(command, words)
    assert result.output.startswith("ocsf [('ocsf',")
    assert run("lint", "x", "--output", "ocsf").exit_code == 2


def is_ip(text: Any) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


TYPES: dict[str, Callable[[Any], bool]] = {
    "string_t": lambda one: isinstance(one, str) and one != "",
    "integer_t": lambda one: type(one) is int,
    "long_t": lambda one: type(one) is int,
    "timestamp_t": lambda one: type(one) is int and one > 10**12,
    "boolean_t": lambda one: type(one) is bool,
    "port_t": lambda one: type(one) is int and 0 <= one <= 65535,
    "ip_t": is_ip,
    "resource_uid_t": lambda one: isinstance(one, str),
    "json_t": lambda one: json.dumps(one) != "",
}


def broken(name: str, value: Any, path: str = "$") -> list[str]:
    """Where an object breaks the rules of the schema."""
    rules = RULES[name]
    wrong = [f"{path}: no {one}" for one in rules["required"] if one not in value]
    choice = rules.get("at_least_one")
    if choice and not any(one in value for one in choice):
        wrong.append(f"{path}: none of {choice}")
    for field, inner in value.items():
        at, type_name = f"{path}.{field}", rules["attributes"].get(field, "")
        parts = inner if type_name.endswith("[]") else [inner]
        kind = type_name.removesuffix("[]")
        if kind in RULES:
            wrong += [line for part in parts for line in broken(kind, part, at)]
        elif kind not in TYPES or not all(TYPES[kind](part) for part in parts):
            wrong.append(f"{at}: {inner!r} is no {type_name or 'field of ' + name}")
        captions = rules.get("enums", {}).get(field)
        if captions is None:
            continue
        if str(inner) not in captions:
            wrong.append(f"{at}: {inner!r} is none of {captions}")
        sibling = value.get(field.removesuffix("_id")) if field.endswith("_id") else None
        if sibling is not None and inner != 99 and sibling != captions.get(str(inner)):
            wrong.append(f"{at}: {inner!r} is not {sibling!r}")
    return wrong


MORE = [
    Told(GUESSES, {"acl": "/x/nsgs/n"}),
    Told(GUESSES, {"ruleName": "r"}),
    Told(replace(GUESSES, outcome="allowed", protocol=17), {"direction": "Outbound"}),
    changed(GUESSES, outcome="denied", technique="T1110", protocol=200),
    changed(GUESSES, targets=("10.0.0.4", "fd00::4"), sources=()),
    changed(SCAN, sources=tuple(f"198.51.100.{n}" for n in range(250))),
]


@pytest.mark.parametrize("one", [*EVERY, *MORE], ids=range(len(EVERY) + len(MORE)))
def test_events_keep_to_the_schema(one: Told) -> None:
    [line] = as_ocsf(told([one])[0], NOW)
    event = json.loads(line)
    assert broken("detection_finding", event) == []
    assert len(event.get("evidences", ())) <= 101


def test_the_check_itself_finds_what_is_wrong() -> None:
    [line] = as_ocsf(told([EVERY[1]])[0], NOW)
    event = json.loads(line)
    for change in (
        {"severity_id": 9}, {"severity": "Low"}, {"time": "now"}, {"sort": 1}, {"evidences": [{}]},
        {"finding_info": {}}, {"resources": [{"ip": "mac", "name": "x"}]},
    ):  # fmt: skip
        assert broken("detection_finding", {**event, **change}), change


def test_events_tell_what_was_found() -> None:
    first, second, third = (json.loads(one) for one in as_ocsf(told()[0], NOW))
    assert [one["severity_id"] for one in (first, second, third)] == [4, 2, 1]
    assert first["time"] == 1_773_187_200_000
    assert first["start_time"] == 1_773_104_523_456
    assert first["finding_info"]["attacks"] == [
        {"technique": {"uid": "T1110"}, "sub_technique": {"uid": "T1110.001"}}
    ]
    data, pair = first["evidences"]
    assert data["data"]["attempts"] == 1312
    assert pair["src_endpoint"] == {"ip": "203.0.113.200"}
    assert pair["dst_endpoint"] == {"ip": "10.17.1.4", "port": 3389}
    assert pair["connection_info"] == {
        "direction_id": 1, "protocol_num": 6, "protocol_name": "tcp", "protocol_ver_id": 4,
    }  # fmt: skip
    assert first["firewall_rule"]["name"] == "securityRules/AllowRdpOld"
    assert first["policy"]["name"] == "nsg-1"
    assert first["remediation"]["desc"].startswith("Deny 203.0.113.200")
    assert (first["action"], second["action"]) == ("Both", "Denied")
    assert first["metadata"]["profiles"] == ["security_control"]
    assert "action_id" not in third
    assert "resources" not in third
    assert len(second["evidences"]) == 14
    assert {one["value"] for one in second["observables"]} >= {"fd00::4", "2001:db8::c"}


def test_the_same_finding_at_another_time_is_another_event() -> None:
    later = changed(GUESSES, first=NIGHT.replace(day=11), last=NIGHT.replace(day=12))
    uids = {
        json.loads(one)["finding_info"]["uid"] for one in as_ocsf(told([*EVERY, later])[0], NOW)
    }
    assert len(uids) == 4


def test_json_keeps_what_is_no_unicode() -> None:
    bent = replace(EVERY[1], decided_by={**RULE, "ruleName": "bad\udcff"})
    for lines in (as_ocsf(told([bent])[0], NOW), as_json_lines(*told([bent]))):
        assert "bad\\udcff" in "".join(lines).encode().decode()
    assert finding_json(bent)["decided_by"]["ruleName"] == "bad\udcff"


def test_a_terminal_is_told_nothing_but_text() -> None:
    rule = {**RULE, "ruleName": "a\x1b[2Jb", "differs": "\u202e"}
    one = Told(replace(GUESSES, sources=("\x1b]0;x\x07",), evidence={"k": "\x9b1m"}), rule)
    lines = list(as_text(*told([one]), ASKED))
    assert all(line.isprintable() for line in lines)
    assert "let in by a\\x1b[2Jb (nic, nsg-1), since 2026-03-10 01:30Z" in lines[3]


def test_a_log_steers_neither_terminals_nor_pages(tmp_path: Path) -> None:
    """Anybody may have written a log, and named a rule."""
    name = "Al\x1b]0;own\x07low\r\ncritical: X | <img src=x> [c](javascript:x) `\x9b"
    logged = changed(GUESSES, evidence={"rule": name}).finding
    of = reviewed([Told(logged, {"ruleName": name, "acl": name, "decision": "A"})], known(), ASKED)
    for form in (as_text(*of, ASKED), as_markdown(*of), as_sarif(*of, {}, "lake", ""),
                 as_ocsf(of[0], NOW), as_json_lines(*of)):  # fmt: skip
        lines = "\n".join(form)
        assert all(one >= " " for one in lines.replace("\n", ""))
        assert "\ncritical" not in lines
    assert all(map(str.isprintable, (*as_text(*of, ASKED), *as_markdown(*of))))
    told = "\n".join(as_markdown(*of))
    assert r"\<img src=x\> \[c\](javascript:x) \`" in told
    assert told.count("\n| ") == 2
