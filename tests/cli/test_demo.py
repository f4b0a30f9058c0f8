"""`demo`: a bank on the spot, and stories that are told by the real commands."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from click.testing import Result

from flowverdict.demo.stories import make_stories
from tests.cli.runs import run, start


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    folder = tmp_path_factory.mktemp("demo") / "bank of mine"
    return folder, run("demo", "--folder", folder)


def commands(text: str) -> list[list[str]]:
    found: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            words = shlex.split(line[2:])
            verb = next(at for at, word in enumerate(words) if word in ("verify", "explain"))
            found.append(words[verb:])
    return found


def test_every_story_is_told_by_commands(told: tuple[Path, Result]) -> None:
    folder, result = told
    assert result.exit_code == 0
    assert result.stderr == ""
    steps = [step for story in make_stories() for step in story.steps]
    assert len(commands(result.stdout)) == len(steps)
    assert all(story.title in result.stdout for story in make_stories())
    assert str(folder) in result.stdout


def test_the_printed_commands_can_be_pasted(told: tuple[Path, Result]) -> None:
    """Issue 2: the real commands printed before their output, so that each can be pasted."""
    _, result = told
    steps = [step for story in make_stories() for step in story.steps]
    for words, step in zip(commands(result.stdout), steps, strict=True):
        again = run(*words)
        assert again.exit_code == 0
        assert again.stdout.strip() in result.stdout
        answer = json.loads(run(*words, "--output", "json").stdout)
        got = (answer["access"], answer["ruleName"], answer["layer"])
        assert got == (step.expect.access, step.expect.rule_name, step.expect.layer), step.why


def test_it_may_be_told_again(told: tuple[Path, Result]) -> None:
    folder, first = told
    (folder / "bank" / "mine.json").write_text("[]")
    again = run("demo", "--folder", folder)
    assert again.exit_code == 0
    assert again.stdout == first.stdout
    assert not (folder / "bank" / "mine.json").exists()


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_a_foreign_folder_is_left_alone(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "mine"
    if kind == "file":
        place.write_text("mine")
    else:
        (tmp_path / "real").mkdir()
        (tmp_path / "real" / "thesis.txt").write_text("years of work")
        if kind == "link":
            place.symlink_to(tmp_path / "real")
        else:
            place = tmp_path / "real"
    result = run("demo", "--folder", place)
    assert result.exit_code == 2
    assert result.stderr == (
        f"{place}: is there and not from an earlier demo: expected a new folder\n"
    )
    assert result.stdout == ""
    if kind != "file":
        assert (tmp_path / "real" / "thesis.txt").read_text() == "years of work"


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    assert run("demo", "--folder", tmp_path / "new").exit_code == 0


def test_a_place_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("demo", "--folder", tmp_path / "file" / "inside")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


def test_another_seed_is_another_bank(tmp_path: Path) -> None:
    result = run("demo", "--seed", "8", "--folder", tmp_path / "x")
    assert result.exit_code == 0
    assert "seed 8" in result.stdout


def test_without_words_the_bank_is_put_here(tmp_path: Path) -> None:
    done = start(["demo"], folder=tmp_path)
    assert done.returncode == 0
    assert done.stderr == b""
    assert (tmp_path / "flowverdict-demo" / "bank").is_dir()
    first = commands(done.stdout.decode())[0]
    again = start(first, folder=tmp_path)
    assert again.returncode == 0
