"""`flowverdict exceptions`: what it prints, and that what it prints can be used."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.runs import on_a_terminal, run
from tests.conformance.sketch import write
from tests.impact.logs import ingested, vnet

MOMENT = 1786653060000
MAC = "0022486D0000"
GUARD = "in 10 Deny Tcp Internet -> *:22 name=NoSsh"


def network(folder: Path, *rules: str) -> Path:
    sketch: dict[str, Any] = {
        "vnets": {"v": {"space": ["10.0.0.0/16"], "subnets": {"s": {"prefixes": ["10.0.0.0/24"]}}}},
        "nics": {"nic4": {"subnet": "v/s", "ip": ["10.0.0.4"], "nsg": "n"}},
        "nsgs": {"n": ["in 100 Allow * * -> * name=Open"]},
        "managers": {
            "M": {
                "scope": ["sub:main"],
                "groups": {"G": {"members": ["v"]}},
                "deployments": [{"regions": ["eastus"], "configurations": ["cfg"]}],
                "configurations": {
                    "cfg": {
                        "collections": {
                            "c": {
                                "groups": ["G"],
                                "rules": [*rules, "in 4000 Allow Tcp 192.0.2.1 -> *:9 name=X"],
                            }
                        }
                    }
                },
            }
        },
    }
    estate = write(sketch, folder, "flat")
    for file in estate.rglob("*.json"):
        file.write_text(
            file.read_text().replace('"name": "nic4"', f'"name": "nic4", "macAddress": "{MAC}"')
        )
    return estate


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A network, the same with a Deny, and a lake of three flows."""
    folder = tmp_path_factory.mktemp("exceptions")
    tuples = [
        f"{MOMENT},203.0.113.{last},10.0.0.4,50000,{port},6,I,E,NX,1,10,1,20"
        for last, port in ((7, 22), (8, 22), (7, 443))
    ]
    ingested(folder, [vnet(MAC, *tuples)])
    return network(folder / "before"), network(folder / "after", GUARD), folder / "lake"


def ask(story: tuple[Path, Path, Path], *words: Any, keep: str = "src_ip = '203.0.113.7'") -> Any:
    before, after, lake = story
    return run("exceptions", before, "--change", after, "--lake", lake, "--keep", keep, *words)


def test_the_table_has_the_rule_and_the_proof(story: tuple[Path, Path, Path]) -> None:
    told = ask(story)
    assert told.exit_code == 0
    lines = told.stdout.splitlines()
    assert lines[0] == (
        "2 flows broken, 1 of them meant, 1 kept by 1 rule, the fewest there can be"
    )
    assert re.split(r" {2,}", lines[3]) == [
        "9", "Keep-Inbound-9", "Allow", "Inbound", "TCP", "203.0.113.7", "10.0.0.4", "22", "1",
    ]  # fmt: skip
    assert lines[-1] == ("replay of 3 flows: 1 kept, 0 break, 1 stay broken: nothing else changes")


def test_json_has_the_same(story: tuple[Path, Path, Path]) -> None:
    answer = json.loads(ask(story, "--output", "json").stdout)
    assert answer["counts"] == {"broken": 2, "meant": 1, "kept": 1}
    assert answer["atLeast"] == 1
    assert answer["exceptions"][0]["rule"]["properties"]["priority"] == 9
    assert answer["replay"] == {
        "flows": 3, "opened": 1, "broken": 0, "newlyUnknown": 0, "mistaken": 0, "holds": True,
    }  # fmt: skip


def test_what_it_prints_as_a_change_is_one(story: tuple[Path, Path, Path], tmp_path: Path) -> None:
    before, after, lake = story
    (tmp_path / "keep.json").write_text(ask(story, "--output", "change").stdout)
    words = ("--change", after, "--change", tmp_path / "keep.json", "--lake", lake)
    found = json.loads(run("what-if", before, *words, "--output", "json").stdout)
    assert [one["flow"]["src_ip"] for one in found["broken"]] == ["203.0.113.8"]


def test_az_commands_name_everything(story: tuple[Path, Path, Path]) -> None:
    told = ask(story, "--output", "az").stdout.replace(" \\\n ", "")
    for words in (
        "az network manager security-admin-config rule-collection rule create",
        "--network-manager-name M", "--configuration-name cfg", "--rule-collection-name c",
        "--name Keep-Inbound-9", "--access Allow", "--priority 9", "--protocol Tcp",
        """--sources '[{"addressPrefix":"203.0.113.7","addressPrefixType":"IPPrefix"}]'""",
        "--dest-port-ranges 22",
    ):  # fmt: skip
        assert words in told


def test_what_cannot_be_kept_is_exit_code_1(story: tuple[Path, Path, Path], tmp_path: Path) -> None:
    before, _, lake = story
    first = network(tmp_path, GUARD.replace("10", "1"))
    told = run("exceptions", before, "--change", first, "--lake", lake, "--keep", "true")
    assert told.exit_code == 1
    assert "not kept: 2 flows: no priority is free in front of `NoSsh`" in told.stdout


@pytest.mark.parametrize("keep", ["", "nobody = 1"])
def test_a_wrong_filter_is_one_line(story: tuple[Path, Path, Path], keep: str) -> None:
    told = ask(story, keep=keep)
    assert (told.exit_code, told.stdout, told.stderr.count("\n")) == (2, "", 1)


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_terminal_shows_how_far_it_is(story: tuple[Path, Path, Path]) -> None:
    """Three goes through three rows: what breaks, what may not pass, the replay."""
    before, after, lake = story
    words: list[str | Path] = [
        "exceptions", before, "--change", after, "--lake", lake, "--keep", "dst_port = 22",
    ]  # fmt: skip
    assert re.search(rb"\d rows, [\d,]+/s", on_a_terminal(words, {"TERM": "xterm-256color"}))
    assert "rows" not in ask(story).stderr
