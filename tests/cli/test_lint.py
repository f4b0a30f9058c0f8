"""`flowverdict lint`: what it prints, its reports, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.runs import run
from tests.cli.test_prove import OPEN, network

DEAD = "in 200 Deny Tcp Internet -> *:3389 name=NoRdp"
OTHER = "in 210 Deny Tcp 20.0.0.0/8 -> *:22 name=Like"


def test_exit_codes_and_levels(tmp_path: Path) -> None:
    """Contract 4.4: 1 is for findings; notes are none."""
    clean, notes = network(tmp_path / "a", OPEN), network(tmp_path / "b", OPEN, OTHER)
    told = run("lint", clean)
    assert (told.exit_code, told.stdout) == (0, "nothing found in 14 rules\n")
    told = run("lint", notes)
    assert told.exit_code == 0
    assert told.stdout.splitlines() == [
        "1 note in 15 rules",
        "1 finding of a lower level not shown: --level note shows them",
    ]
    told = run("lint", notes, "--level", "note")
    assert told.exit_code == 0
    assert "note: `Like` (210) of `n1`: not needed: without it" in told.stdout
    dead = network(tmp_path / "c", OPEN, DEAD)
    told = run("lint", dead)
    assert told.exit_code == 1
    assert told.stdout.splitlines()[0].endswith(
        "warning: `NoRdp` (200) of `n1`: denies nothing: every packet for it is decided before, "
        "by `Rdp` (100) [shadowed]"
    )
    assert run("lint", dead, "--level", "error").exit_code == 0
    assert run("lint", dead, "--skip", "shadowed").exit_code == 0
    assert run("lint", dead, "--check", "no-nsg").exit_code == 0


def test_wrong_words_are_one_line(tmp_path: Path) -> None:
    for words in (("--check", "everything"), ("--level", "loud"), ("--option", "x")):
        told = run("lint", network(tmp_path / words[1]), *words)
        assert (told.exit_code, told.stdout, told.stderr.count("\n")) == (2, "", 1)
    told = run("lint", tmp_path / "nowhere")
    assert (told.exit_code, told.stdout, told.stderr.count("\n")) == (2, "", 1)


def test_json(tmp_path: Path) -> None:
    estate = network(tmp_path, OPEN, DEAD)
    answer = json.loads(run("lint", estate, "--output", "json", "--opens").stdout)
    [finding] = answer["findings"]
    assert finding["check"] == "shadowed"
    assert finding["level"] == "warning"
    assert finding["resource"].endswith("/securityRules/NoRdp")
    assert [one.rpartition("/")[2] for one in finding["others"]] == ["Rdp"]
    assert finding["where"]["line"] > 1
    assert finding["witness"]["dst_port"] == 3389
    assert [one["packets"] for one in answer["opens"]] == [
        ["TCP 3389 from Internet to any"], ["TCP 443 from Internet to any"],
    ]  # fmt: skip


def test_sarif_and_markdown(tmp_path: Path) -> None:
    estate = network(tmp_path, OPEN, DEAD)
    [log] = json.loads(run("lint", estate, "--output", "sarif").stdout)["runs"]
    [result] = log["results"]
    assert log["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "shadowed"
    assert result["level"] == "warning"
    [place] = result["locations"]
    assert place["physicalLocation"]["region"]["startLine"] > 1
    moved = network(tmp_path / "moved", OPEN, OTHER, DEAD)
    log = json.loads(run("lint", moved, "--output", "sarif").stdout)["runs"][0]
    assert log["results"][0]["partialFingerprints"] == result["partialFingerprints"]
    lines = run("lint", estate, "--output", "md").stdout.splitlines()
    assert lines[0] == "### Network rules: 1 finding"
    assert lines[-1].startswith("| ⚠️ | shadowed | `NoRdp` (200) of `n1`: denies nothing")


def test_what_rules_open_alone(tmp_path: Path) -> None:
    told = run("lint", network(tmp_path, OPEN), "--opens")
    assert "`Rdp` of `n1` alone opens:\n  TCP 3389 from Internet to any\n" in told.stdout


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    estate = network(tmp_path, "in 50 Allow Tcp * -> *:22 name=Early")
    told = run("lint", estate, "--level", "error")
    assert told.exit_code == 1
    assert (
        "error: priority 50 of `Early`: expected a number from 100 to 4096 [input]" in told.stdout
    )
