"""`flowverdict reach`: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.runs import run
from tests.cli.test_prove import OPEN, network


def test_a_matrix(tmp_path: Path) -> None:
    told = run("reach", network(tmp_path, OPEN), "--by", "nic")
    assert (told.exit_code, told.stderr) == (0, "")
    assert [line.split() for line in told.stdout.splitlines()] == [
        ["from", "\\", "to", "nic1", "nic2", "Internet"],
        ["nic1", "any", "any", "any"],
        ["nic2", "any", "any", "any"],
        ["Internet", "TCP", "3389", "TCP", "443"],
    ]
    told = run("reach", network(tmp_path / "b", OPEN), "--from", "Internet", "--output", "md")
    assert told.stdout.splitlines() == [
        "| from \\ to | s | Internet |",
        "|---|---|---|",
        "| Internet | TCP 443, 3389 (some) |  |",
    ]


def test_json(tmp_path: Path) -> None:
    estate = network(tmp_path, OPEN)
    words = ("--from", "Internet", "--to", "nic:nic1", "--output", "json")
    answer = json.loads(run("reach", estate, *words).stdout)
    [cell] = answer["cells"]
    assert (cell["from"], cell["to"], cell["services"]) == ("Internet", "nic:nic1", "TCP 3389")
    assert (cell["whole"], cell["perhaps"], answer["missing"]) == (True, "-", [])


def test_what_is_not_known(tmp_path: Path) -> None:
    told = run("reach", network(tmp_path, lost=True), "--from", "Internet", "--to", "nic2")
    assert told.exit_code == 3
    assert "perhaps any" in told.stdout
    assert told.stderr.startswith("not known without: network security group ")


def test_blast(tmp_path: Path) -> None:
    told = run("reach", network(tmp_path, OPEN), "--blast", "vm1")
    assert told.stdout.splitlines() == ["1 interface in 1 step", "  nic2  any"]


def test_wrong_words_are_one_line(tmp_path: Path) -> None:
    estate = network(tmp_path, OPEN)
    for words in (
        ("--blast", "vm1", "--to", "nic1"),
        ("--blast", "203.0.113.7"),
        ("--blast", ""),
        ("--from", "Internet", "--to", "203.0.113.7"),
        ("--from", "Atlantis"),
        ("--by", "asg"),
        ("--by", "colour"),
    ):
        told = run("reach", estate, *words)
        assert (told.exit_code, told.stdout, told.stderr.count("\n")) == (2, "", 1)
