"""``flowverdict audit``: the words of its answers, and its exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from flowverdict.demo.bank import write_bank
from flowverdict.load import load_estate
from tests.cli.runs import run
from tests.impact.logs import ingested, vnet

MOMENT = 1786653060000
HOUR = 3_600_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audit")
    write_bank(folder / "bank")
    return folder


@pytest.fixture(scope="module")
def nsg(folder: Path) -> str:
    estate = load_estate([folder / "bank"])
    nic = next(one for one in estate.resources.nics.values() if one.id.name == "dev-vm-nic")
    assert nic.nsg is not None
    return str(nic.nsg)


def lake(folder: Path, name: str, *groups: tuple[str, str, list[str]]) -> Path:
    """A lake of what the development VM's log says: rule, acl and tuples."""
    estate = load_estate([folder / "bank"])
    nic = next(one for one in estate.resources.nics.values() if one.id.name == "dev-vm-nic")
    records = [vnet(nic.mac, *tuples, rule=rule, acl=acl) for rule, acl, tuples in groups]
    return ingested(folder, records, name)


def call(at: int, state: str) -> str:
    return f"{MOMENT + at},10.10.1.4,10.10.2.4,50000,8080,6,O,{state},NX,0,0,0,0"


@pytest.fixture(scope="module")
def edited(folder: Path, nsg: str) -> Path:
    """The call passed twice by a rule that is gone, and is denied from an hour later."""
    return lake(
        folder,
        "edited",
        ("UserRule_AllowOnce", nsg, [call(0, "B"), call(60_000, "E")]),
        ("UserRule_DenyAll", nsg, [call(HOUR, "D")]),
        ("PlatformRule", "00000000-0000-0000-0000-000000000000", [call(9, "E")]),
    )


def asked(folder: Path, where: Path, *words: str) -> Any:
    return run("audit", folder / "bank", "--lake", where, *words)


def test_a_disagreement_is_1_and_tells_both_rules_and_since_when(
    folder: Path, edited: Path
) -> None:
    done = asked(folder, edited)
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "33.33 % of 3 tuples agree with the rules, 2 do not; 1 tuple not compared"
    assert "decided by a rule that the estate lacks: 2 tuples" in lines
    line = next(one for one in lines if "AllowOnce" in one)
    start = r"2 +2026-08-13T20:31Z +2026-08-13T20:32Z +dev-vm-nic +Allow by securityRules/AllowOnce"
    assert re.match(start, line)
    assert "Deny by securityRules/DenyAll of " in line
    assert line.endswith("deleted, renamed or new; agree since 2026-08-13T21:31Z")
    assert "not compared: decided by the platform: 1 tuple" in lines
    assert "  1 tuple let through, from 2026-08-13T20:31Z to 2026-08-13T20:31Z" in lines


def test_json_has_everything(folder: Path, edited: Path, nsg: str) -> None:
    answer = json.loads(asked(folder, edited, "--output", "json").stdout)
    assert (answer["rows"], answer["agreed"], answer["disagreed"]) == (4, 1, 2)
    assert answer["agreement"] == 33.33
    (one,) = answer["disagreements"]
    assert one["kind"] == "rule-missing"
    assert (one["rows"], one["flows"], len(one["nics"])) == (2, 1, 1)
    assert one["agreedSince"] == "2026-08-13T21:31:00.000Z"
    assert one["agreedUntil"] is None
    assert one["recorded"] == {
        "access": "Allow", "rule": "AllowOnce", "ruleKind": "user", "acl": nsg,
    }  # fmt: skip
    assert one["computed"]["ruleName"] == "securityRules/DenyAll"
    assert one["flow"]["nic"] == one["nics"][0]
    (platform,) = answer["withoutRule"]
    assert (platform["kind"], platform["rows"], platform["computed"]) == ("platform", 1, None)
    assert all(one["rows"] == 0 for one in answer["unknown"])  # interfaces without a row


def test_agreement_is_0(folder: Path, nsg: str) -> None:
    where = lake(folder, "same", ("UserRule_DenyAll", nsg, [call(0, "D"), call(9, "D")]))
    done = asked(folder, where)
    assert done.exit_code == 0
    assert done.stdout.startswith("100.00 % of 2 tuples agree with the rules\n")


def test_nothing_that_can_be_compared_is_3(folder: Path, edited: Path) -> None:
    done = asked(folder, edited, "--since", "2030-01-01")
    assert done.exit_code == 3
    assert done.stdout.startswith("0 tuples, of which none can be compared\n")
    empty = json.loads(asked(folder, edited, "--since", "2030-01-01", "--output", "json").stdout)
    assert empty["agreement"] is None


def test_a_hundred_per_cent_is_never_rounded_up_to(folder: Path, nsg: str) -> None:
    same = [call(at, "D") for at in range(30_000)]
    where = lake(
        folder, "nearly", ("UserRule_DenyAll", nsg, same), ("UserRule_X", nsg, [call(0, "B")])
    )
    done = asked(folder, where)
    assert done.exit_code == 1
    assert done.stdout.startswith("99.99 % of 30,001 tuples agree with the rules, 1 do")


def test_bad_words_are_2(folder: Path, edited: Path) -> None:
    for words in (
        ("audit", folder / "nowhere", "--lake", edited),
        ("audit", folder / "bank"),
        ("audit", folder / "bank", "--lake", folder / "nowhere"),
        ("audit", folder / "bank", "--lake", edited, "--since", "yesterday"),
    ):
        done = run(*words)
        assert done.exit_code == 2
        assert len(done.stderr.splitlines()) == 1
