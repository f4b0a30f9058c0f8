"""`flowverdict diff`: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.runs import run
from tests.cli.test_prove import OPEN, network


def test_an_opened_port(tmp_path: Path) -> None:
    before, after = network(tmp_path / "a"), network(tmp_path / "b", OPEN)
    told = run("diff", before, after)
    assert told.exit_code == 1
    lines = told.stdout.splitlines()
    assert lines[:3] == [
        "Deny -> Allow  inbound at nic1",
        "  TCP 3389 from Internet to 10.0.0.4",
        "  such as  TCP 203.0.113.7:50000 -> 10.0.0.4:3389",
    ]
    assert lines[3].startswith("  before   denied by defaultSecurityRules/DenyAllInBound (nic)")
    assert lines[4].startswith("  after    allowed by securityRules/Rdp (nic)")
    assert lines[-1] == "1 set of packets with another verdict at 2 interfaces"
    answer = json.loads(run("diff", before, after, "--output", "json").stdout)
    [change] = answer["changes"]
    assert change["packets"] == ["TCP 3389 from Internet to 10.0.0.4"]
    assert (change["before"]["access"], change["after"]["access"]) == ("Deny", "Allow")
    assert change["witness"]["dst_port"] == 3389
    assert (answer["added"], answer["removed"], answer["compared"]) == ([], [], 2)


def test_nothing_changes_is_a_proof(tmp_path: Path) -> None:
    told = run("diff", network(tmp_path / "a", OPEN), network(tmp_path / "b", OPEN))
    assert (told.exit_code, told.stdout) == (
        0, "no packet gets another verdict at 2 interfaces: proven\n",
    )  # fmt: skip


def test_a_part_is_laid_over(tmp_path: Path) -> None:
    before, after = network(tmp_path / "a"), network(tmp_path / "b", OPEN)
    part = tmp_path / "part.json"
    part.write_text((after / "nsgs.json").read_text())
    told = run("diff", before, part)
    assert told.exit_code == 1
    assert "the change was read as a part" in told.stderr
    assert told.stdout == run("diff", before, after).stdout.replace(
        str(after / "nsgs.json"), str(part)
    )


@pytest.mark.parametrize("words", [("nowhere",), ()])
def test_wrong_words_are_one_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    told = run("diff", network(tmp_path), *words)
    assert (told.exit_code, told.stdout, told.stderr.count("\n")) == (2, "", 1)
