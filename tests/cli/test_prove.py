"""`flowverdict prove`: reports, exit codes, and that `verify` agrees with what it shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest

from tests.cli.runs import run
from tests.conformance.sketch import write
from tests.load.terraform.test_plan import existing, plan, rule

OPEN = "in 100 Allow Tcp Internet -> *:3389 name=Rdp"
RDP = """
- {name: no RDP, expect: deny, direction: Inbound, from: Internet, protocol: TCP, ports: [3389]}
"""
MORE = """
- {name: web is reachable, expect: allow, direction: Inbound, from: Internet, to: nic:nic2, protocol: TCP, ports: [443]}
- {name: nothing from Mars, expect: deny, direction: Inbound, from: "service:Mars", protocol: TCP, ports: [3389]}
"""  # noqa: E501


def network(folder: Path, *rules: str, lost: bool = False) -> Path:
    sketch: dict[str, Any] = {
        "vnets": {"v": {"space": ["10.0.0.0/16"], "subnets": {"s": {"prefixes": ["10.0.0.0/24"]}}}},
        "nics": {
            "nic1": {"subnet": "v/s", "ip": ["10.0.0.4"], "nsg": "n1", "vm": "vm1"},
            "nic2": {"subnet": "v/s", "ip": ["10.0.0.5"], "nsg": "n2"},
        },
        "nsgs": {"n1": list(rules), "n2": ["in 100 Allow Tcp Internet -> *:443 name=Https"]},
        "omit": ["nsgs/n2"] if lost else [],
    }
    return write(sketch, folder, "rest")


@pytest.fixture
def claims(tmp_path: Path) -> Path:
    path = tmp_path / "claims.yaml"
    path.write_text(RDP)
    return path


def test_exit_codes(tmp_path: Path, claims: Path) -> None:
    """Contract 4.4: 0 holds, 1 fails, 3 cannot be known, 2 bad input."""
    assert run("prove", network(tmp_path / "a"), claims).exit_code == 0
    assert run("prove", network(tmp_path / "b", OPEN), claims).exit_code == 1
    assert run("prove", network(tmp_path / "c", lost=True), claims).exit_code == 3
    assert run("prove", network(tmp_path / "d", OPEN, lost=True), claims).exit_code == 1
    assert run("prove", tmp_path / "nowhere", claims).exit_code == 2
    assert run("prove", network(tmp_path / "e"), tmp_path / "none.yaml").exit_code == 2


def test_the_shape_is_the_contract_and_verify_agrees(tmp_path: Path, claims: Path) -> None:
    """Contract 4.5."""
    estate = network(tmp_path / "estate", OPEN)
    claims.write_text(RDP + MORE)
    answer = json.loads(run("prove", estate, claims, "--output", "json").stdout)
    assert [(one["name"], one["verdict"]) for one in answer["results"]] == [
        ("no RDP", "fails"), ("web is reachable", "holds"), ("nothing from Mars", "unknown"),
    ]  # fmt: skip
    first, second, third = answer["results"]
    assert first["witness"].keys() == {
        "nic", "direction", "protocol", "src_ip", "src_port", "dst_ip", "dst_port",
    }  # fmt: skip
    assert first["decided_by"].items() >= {
        "ruleName": "securityRules/Rdp", "layer": "nic",
    }.items()  # fmt: skip
    assert first["missing"] == []
    assert first["failing"][0]["packets"] == ["TCP 3389 from Internet to 10.0.0.4"]
    assert (second["witness"], second["decided_by"]) == (None, None)
    assert "Mars" in third["missing"][0]
    shown = first["witness"]
    verified = run(
        "verify", estate, "--nic", shown["nic"], "--direction", shown["direction"],
        "--protocol", shown["protocol"], "--local", f"{shown['dst_ip']}:{shown['dst_port']}",
        "--remote", f"{shown['src_ip']}:{shown['src_port']}", "--output", "json",
    )  # fmt: skip
    verdict = json.loads(verified.stdout)
    assert (verdict["access"], verdict["ruleId"]) == ("Allow", first["decided_by"]["ruleId"])


def test_the_table_has_the_packet_and_the_rule(tmp_path: Path, claims: Path) -> None:
    lines = run("prove", network(tmp_path / "estate", OPEN), claims).stdout.splitlines()
    assert lines[0] == "fails    no RDP  (deny TCP 3389 from Internet to any)"
    assert lines[1].startswith(
        "         nic1: TCP 203.0.113.7:50000 -> 10.0.0.4:3389, allowed by securityRules/Rdp (nic)"
    )
    assert lines[2] == "           TCP 3389 from Internet to 10.0.0.4"
    assert lines[-1] == "0 holds, 1 fails, 0 unknown"


def test_a_comment_for_a_pull_request(tmp_path: Path, claims: Path) -> None:
    told = run("prove", network(tmp_path / "estate", OPEN), claims, "--output", "md").stdout
    assert told.startswith("### Network claims: 1 of 1 fail\n")
    row = told.splitlines()[-1]
    assert row.count(" | ") == 4
    assert "nic1" in row


def test_junit(tmp_path: Path, claims: Path) -> None:
    claims.write_text(RDP + MORE)
    told = run("prove", network(tmp_path / "estate", OPEN), claims, "--output", "junit").stdout
    suite = ET.fromstring(told.encode())[0]  # noqa: S314 our own
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    assert [[child.tag for child in case] for case in suite] == [["failure"], [], ["error"]]


def test_sarif_points_at_the_rule(
    tmp_path: Path, claims: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code scanning refuses a whole log for one place that is no URI, or for none at all."""
    monkeypatch.chdir(tmp_path)
    estate = network(tmp_path / "a folder", OPEN)
    log = json.loads(run("prove", estate, claims, "--output", "sarif").stdout)
    [found] = log["runs"][0]["results"]
    assert log["version"] == "2.1.0"
    assert (found["ruleId"], found["level"]) == ("no RDP", "error")
    place = found["locations"][0]["physicalLocation"]
    line = place["region"]["startLine"]
    uri = place["artifactLocation"]["uri"]
    assert uri.startswith("a%20folder/")
    text = Path(unquote(uri)).read_text().splitlines()
    assert any("Rdp" in one for one in text[line - 1 : line + 10])
    lost = network(tmp_path / "lost", OPEN, lost=True)
    told = run("prove", lost, "--pack", "management-ports", "--output", "sarif").stdout
    places = [
        one["locations"][0]["physicalLocation"] for one in json.loads(told)["runs"][0]["results"]
    ]
    assert len(places) == 4
    assert all(Path(unquote(one["artifactLocation"]["uri"])).is_file() for one in places)


def test_sarif_of_a_plan_has_lines(tmp_path: Path, claims: Path) -> None:
    """An address of Terraform is no place in the file; code scanning asks for a line."""
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan(existing(rule("Rdp", "3389")), {}, [])))
    log = json.loads(run("prove", path, claims, "--output", "sarif").stdout)
    [found] = log["runs"][0]["results"]
    [place] = found["locations"]
    assert place["logicalLocations"] == [{"name": "azurerm_network_security_rule.Rdp"}]
    assert place["physicalLocation"]["region"] == {"startLine": 1, "startColumn": 1}


def test_what_is_not_deployed_is_told(tmp_path: Path, claims: Path) -> None:
    """Contract 4.1: without a deployment a configuration counts as not deployed, and is told."""
    deny = "in 100 Deny Tcp Internet -> *:3389 name=NoRdp"
    collections = {"c": {"groups": ["g"], "rules": [deny]}}
    sketch: dict[str, Any] = {
        "vnets": {"v": {"space": ["10.0.0.0/16"], "subnets": {"s": {"prefixes": ["10.0.0.0/24"]}}}},
        "nics": {"nic1": {"subnet": "v/s", "ip": ["10.0.0.4"], "vm": "vm1"}},
        "managers": {"m": {"scope": ["sub:main"], "groups": {"g": {"members": ["v"]}},
                           "configurations": {"cfg": {"collections": collections}}}},
    }  # fmt: skip
    estate = write(sketch, tmp_path, "rest")
    told = run("prove", estate, claims)
    assert told.exit_code == 1
    assert told.stderr == (
        "warning: security admin configuration `cfg` is not deployed in `eastus` as far as the "
        "estate tells: not evaluated (--assume-deployed evaluates it)\n"
    )
    assert "is not deployed" in run("diff", estate, estate).stderr
    assert "is not deployed" in run("reach", estate).stderr
    assert run("prove", estate, claims, "--assume-deployed").stderr == ""


def test_packs(tmp_path: Path) -> None:
    estate = network(tmp_path / "estate", OPEN)
    told = run("prove", estate, "--pack", "management-ports", "--pack", "no-any-any")
    assert told.exit_code == 1
    assert "fails    no RDP from the internet" in told.stdout
    assert "holds    no SSH from the internet" in told.stdout
    assert "holds    not every port from the internet" in told.stdout
    words = ("--set", "database=nic:nic2", "--set", "clients=VirtualNetwork")
    tiers = run("prove", estate, "--pack", "database-tiers", *words)
    assert (tiers.exit_code, tiers.stdout.split()[0]) == (0, "holds")


WRONG = [
    ((), "no claims: expected a file of invariants (.yaml) behind ESTATE, or --pack"),
    (("--pack", "database-tiers"), "needs `database`: expected --set database=NAME"),
    (("--pack", "no-any-any", "--set", "x"), "--set `x`: expected NAME=WORD"),
]


@pytest.mark.parametrize(("words", "said"), WRONG, ids=range(len(WRONG)))
def test_wrong_words_are_one_line(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    told = run("prove", network(tmp_path), *words)
    assert (told.exit_code, told.stdout, told.stderr.count("\n")) == (2, "", 1)
    assert said in told.stderr


def test_a_word_that_means_nobody_is_one_line_with_its_claim(tmp_path: Path, claims: Path) -> None:
    claims.write_text(RDP.replace("from: Internet", "from: Inetrnet"))
    told = run("prove", network(tmp_path / "estate"), claims)
    assert (told.exit_code, told.stdout, told.stderr.count("\n")) == (2, "", 1)
    assert "$[0]: claim `no RDP`: `Inetrnet` is nobody in the estate" in told.stderr
