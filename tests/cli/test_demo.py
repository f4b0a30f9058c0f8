"""`demo`: a bank on the spot, stories told by the real commands, a day of it summed up by them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result

from flowverdict.demo.questions import ASKED, ATTACKED, DENIED, LEFT_TO_YOU
from flowverdict.demo.stories import make_stories
from tests.cli.runs import run, start

VERBS = ("verify", "explain", "ingest", "flows", "what-if", "exceptions", "detect")
STEPS = [step for story in make_stories() for step in story.steps]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    folder = tmp_path_factory.mktemp("demo") / "bank of mine"
    return folder, run("demo", "--folder", folder)


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    folder = tmp_path_factory.mktemp("demo") / "stories"
    return folder, run("demo", "--no-logs", "--folder", folder)


def commands(text: str, mark: str = "$ ") -> list[list[str]]:
    """The commands in lines that begin with a mark, without what starts the program."""
    found: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith(mark):
            words = shlex.split(line[len(mark) :])
            at = [number for number, word in enumerate(words) if word in VERBS]
            found.extend([words[at[0] :]] if at else [])
    return found


def test_every_story_is_told_by_commands(told: tuple[Path, Result]) -> None:
    folder, result = told
    assert result.exit_code == 0
    response = (folder / "deny-intruder.json").as_posix()
    assert result.stderr == (
        f"{response}: 1 rule changed: stops 1 recorded flow of theirs, breaks 0 others\n"
    )
    asked = len(ASKED) + len(DENIED) + len(ATTACKED)
    assert len(commands(result.stdout)) == len(STEPS) + asked
    assert all(story.title in result.stdout for story in make_stories())
    assert str(folder) in result.stdout


def test_the_printed_commands_can_be_pasted(told: tuple[Path, Result]) -> None:
    """Issue 2: the real commands printed before their output, so that each can be pasted."""
    _, result = told
    for words, step in zip(commands(result.stdout), STEPS, strict=False):
        again = run(*words)
        assert again.exit_code == 0
        assert again.stdout.strip() in result.stdout
        answer = json.loads(run(*words, "--output", "json").stdout)
        got = (answer["access"], answer["ruleName"], answer["layer"])
        assert got == (step.expect.access, step.expect.rule_name, step.expect.layer), step.why


def test_so_can_the_questions_to_the_logs(told: tuple[Path, Result]) -> None:
    _, result = told
    ingest, *asked = commands(result.stdout)[len(STEPS) : len(STEPS) + len(ASKED)]
    for words in asked:
        again = run(*words)
        assert (again.exit_code, again.stderr) == (0, "")
        assert again.stdout.strip() in result.stdout
        assert again.stdout.count("\n") > 1
    again = run(*ingest)
    assert again.stdout.startswith("0 rows from")
    assert "in the lake already" in again.stdout


def test_the_deny_hits_three_one_is_kept_and_the_second_run_is_clean(
    told: tuple[Path, Result],
) -> None:
    """Issue 4, part 7."""
    folder, result = told
    at = len(STEPS) + len(ASKED)
    first, kept, written, second = commands(result.stdout)[at : at + len(DENIED)]
    broken = json.loads(run(*first, "--output", "json").stdout)["broken"]
    assert len(broken) == 3
    assert {one["flow"]["dst_port"] for one in broken} == {22}
    found = json.loads(run(*kept, "--output", "json").stdout)
    assert (found["counts"]["kept"], len(found["exceptions"]), found["replay"]["holds"]) == (
        1,
        1,
        True,
    )
    assert written[-2:] == [">", f"{folder.as_posix()}/keep-sftp.json"]
    assert run(*written[:-2]).stdout == (folder / "keep-sftp.json").read_text()
    again = run(*second)
    assert (again.exit_code, again.stderr) == (0, "")
    assert "0 break (2 more are meant to), 0 newly pass" in again.stdout


def test_the_crowd_and_the_one_who_got_in_are_found_and_stopped(told: tuple[Path, Result]) -> None:
    """Issue 6, part 6."""
    folder, result = told
    found, broken, denied = commands(result.stdout)[-len(ATTACKED) :]
    (folder / "deny-intruder.json").unlink()
    again = run(*found)
    assert again.exit_code == 1
    assert again.stdout.strip() in result.stdout
    crowd, intruder = json.loads(run(*found, "--output", "json").stdout)["findings"]
    assert len(crowd["sources"]) > 100
    assert intruder["src_ip"] in crowd["sources"]
    assert crowd["evidence"]["denied"] > 500
    assert [one["ruleName"] for one in crowd["decided_by"]["others"]] == ["securityRules/DenyRdp"]
    assert intruder["src_ip"] == "203.0.113.200"
    assert intruder["evidence"]["sessions_after"] == 1
    assert intruder["decided_by"]["ruleName"] == "securityRules/AllowRdpMigration"
    assert intruder["cure"]["effect"]["broken"] == 0
    (deny,) = json.loads((folder / "deny-intruder.json").read_text())
    assert deny["properties"]["sourceAddressPrefix"] == "203.0.113.200"
    told_of = json.loads(run(*broken, "--output", "json").stdout)
    assert (told_of["broken"], told_of["opened"], len(told_of["accepted"])) == ([], [], 1)
    words = [
        word for word in denied if word not in ("--change", broken[broken.index("--change") + 1])
    ]
    assert run(*words, "--expect", "allow").exit_code == 0
    answer = run(*denied, "--expect", "deny")
    assert answer.exit_code == 0
    assert "by securityRules/Deny-rdp-brute-force, priority 190" in answer.stdout


def test_what_is_left_to_the_reader_has_the_answers(told: tuple[Path, Result]) -> None:
    _, result = told
    left = result.stdout[result.stdout.index("Now it is your turn") :]
    inside, ssh, encryption = commands(left, mark="  ")[: len(LEFT_TO_YOU)]
    (swept,) = json.loads(run(*inside, "--output", "json").stdout)["findings"]
    assert (swept["detection"], swept["src_ip"], swept["ports"]) == (
        "host-sweep",
        "10.17.1.4",
        [445],
    )
    ways_in = [line.split()[:3] for line in run(*ssh).stdout.splitlines()[1:]]
    assert ways_in == [
        ["198.51.100.66", "10.17.1.5", "AllowSftp"],
        ["203.0.113.101", "10.17.1.6", "AllowSshFromHome"],
        ["203.0.113.105", "10.17.1.6", "AllowSshFromHome"],
    ]
    tokens = {line.split()[0] for line in run(*encryption).stdout.splitlines()[1:]}
    assert {"X", "NX", "NX_FALLBACK", "NX_LOCAL_DST"} <= tokens


def test_no_step_of_the_day_is_longer_than_a_screen(told: tuple[Path, Result]) -> None:
    _, result = told
    day = result.stdout[result.stdout.index("A day at the bank") :]
    steps = re.split(r"\n\n", day)
    assert max(step.count("\n") for step in steps) < 20


def test_the_logs_of_the_day_are_all_read(told: tuple[Path, Result]) -> None:
    """Not a tuple is quarantined or warned of: they are as Azure writes them."""
    folder, result = told
    (said,) = [line for line in result.stdout.splitlines() if " rows from " in line]
    rows = int(said.split()[0].replace(",", ""))
    count = run("flows", "--lake", folder / "lake", "--sql", "SELECT count(*) AS n FROM flows")
    assert count.stdout.split() == ["N", str(rows)]
    assert "warning" not in result.stdout
    bad = run("flows", "--lake", folder / "lake", "--sql", "SELECT count(*) AS n FROM quarantine")
    assert bad.stdout.split() == ["N", "0"]


def test_without_logs_there_are_the_stories_alone(stories: tuple[Path, Result]) -> None:
    folder, result = stories
    assert (result.exit_code, result.stderr) == (0, "")
    assert len(commands(result.stdout)) == len(STEPS)
    assert not (folder / "logs").exists()
    assert not (folder / "lake").exists()


def test_without_the_extra_the_stories_are_told_and_a_line_says_what_the_logs_need(
    tmp_path: Path,
) -> None:
    """The gate installs without the extra `flows`; here none of it can be imported."""
    program = (
        "import sys\n"
        "for name in ('numpy', 'numba', 'pyarrow', 'deltalake', 'duckdb'):\n"
        "    sys.modules[name] = None\n"
        "from flowverdict.cli import main\n"
        "main(['demo', '--folder', 'here'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, check=False, timeout=60
    )
    told = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(commands(told)) == len(STEPS)
    assert "pip install 'flowverdict[flows]'" in " ".join(told.split())
    assert not (tmp_path / "here" / "logs").exists()


def test_it_may_be_told_again(stories: tuple[Path, Result]) -> None:
    folder, first = stories
    (folder / "bank" / "mine.json").write_text("[]")
    again = run("demo", "--no-logs", "--folder", folder)
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
    assert run("demo", "--no-logs", "--folder", tmp_path / "new").exit_code == 0


def test_a_place_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("demo", "--folder", tmp_path / "file" / "inside")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


def test_another_seed_is_another_bank(tmp_path: Path) -> None:
    result = run("demo", "--no-logs", "--seed", "8", "--folder", tmp_path / "x")
    assert result.exit_code == 0
    assert "seed 8" in result.stdout


def test_without_words_the_bank_is_put_here(tmp_path: Path) -> None:
    done = start(["demo", "--no-logs"], folder=tmp_path)
    assert done.returncode == 0
    assert done.stderr == b""
    assert (tmp_path / "flowverdict-demo" / "bank").is_dir()
    first = commands(done.stdout.decode())[0]
    again = start(first, folder=tmp_path)
    assert again.returncode == 0
