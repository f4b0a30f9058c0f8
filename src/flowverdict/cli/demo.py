"""``flowverdict demo``: a bank's network made on the spot, stories told on it, and a day of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from flowverdict.cli.errors import Refused
from flowverdict.cli.narrating import as_typed, prose, shown_and_run, title
from flowverdict.demo.bank import SEED, write_bank, write_change, write_deny
from flowverdict.demo.questions import (
    ASKED,
    ATTACKED,
    DENIED,
    DENY,
    ESTATE,
    KEEP,
    LAKE,
    LEFT_TO_YOU,
    LOGS,
    RESPONSE,
)
from flowverdict.demo.stories import make_stories

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from flowverdict.demo.questions import Question
    from flowverdict.demo.stories import Story

_FOLDER: Final = "flowverdict-demo"
_MARK: Final = ".made-by-flowverdict-demo"


@click.command("demo")
@click.option("--seed", type=int, default=SEED, show_default=True, help="Which bank to make.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path(_FOLDER),
    show_default=True,
    help="Where to put its files; what an earlier demo put there is replaced.",
)
@click.option("--no-logs", is_flag=True, help="Leave out the flow logs: only tell the stories.")
def command(seed: int, folder: Path, no_logs: bool) -> None:  # noqa: FBT001 click's own way
    """Make the network of a bank, tell three stories on it, and sum up a day of it.

    Each command is printed before its output and can be pasted. The files stay for you to try.
    """
    _clear(folder)
    estate, changed = folder / "bank", folder / "bank-changed"
    write_bank(estate, seed=seed)
    write_change(changed, seed=seed)
    (folder / _MARK).write_text("", encoding="utf-8")
    click.echo(f"Harbour Bank, made with seed {seed}: {estate}")
    stories = make_stories(seed)
    for number, story in enumerate(stories, start=1):
        _tell(number, story, estate, changed)
    if not no_logs:
        _day(seed, folder, estate)
    click.echo()
    click.echo(f"The bank stays in {estate} for you to try. For a start:")
    click.echo(f"  {as_typed(['rules', estate.as_posix(), '--vm', 'core-ledger-01'])}")
    click.echo(f"  {as_typed(['verify', '--help'])}")


def _clear(folder: Path) -> None:
    """Removes an earlier demo, and nothing else."""
    if (folder / _MARK).exists():
        shutil.rmtree(folder)
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(f"{folder}: is there and not from an earlier demo: expected a new folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise Refused(f"{folder}: {reason}: expected a folder to write into") from None


def _tell(number: int, story: Story, estate: Path, changed: Path) -> None:
    title(f"Story {number}. {story.title}")
    prose(story.prose)
    for step in story.steps:
        click.echo()
        prose(step.prose)
        shown_and_run(step.arguments(estate.as_posix(), changed.as_posix()))
    click.echo()
    prose((story.moral,))


def _day(seed: int, folder: Path, estate: Path) -> None:
    """Makes a day of flow logs and sums it up, if what that takes is installed."""
    from flowverdict.cli.main import main

    title("A day at the bank")
    try:
        for needed in ("ingest", "flows"):
            main.get_command(click.get_current_context(), needed)
    except Refused as problem:
        prose((f"The flow logs of a day are left out: {problem.message}",))
        return
    _write_logs(seed, folder / "logs", estate)
    write_deny(folder / "deny-ssh", seed=seed)
    named = {
        LOGS: "logs", LAKE: "lake", ESTATE: estate.name, DENY: "deny-ssh", KEEP: "keep-sftp.json",
        RESPONSE: "deny-intruder.json",
    }  # fmt: skip
    places = {word: (folder / name).as_posix() for word, name in named.items()}
    _ask(ASKED, places)
    title("A change, before it is deployed")
    _ask(DENIED, places)
    title("Who got in")
    _ask(ATTACKED, places)
    click.echo()
    click.echo("Now it is your turn:")
    for question in LEFT_TO_YOU:
        click.echo()
        prose(question.prose)
        click.echo(f"  {as_typed(question.arguments(places))}")


def _ask(questions: Iterable[Question], places: Mapping[str, str]) -> None:
    for question in questions:
        click.echo()
        prose(question.prose)
        shown_and_run(question.arguments(places), places.get(question.into))


def _write_logs(seed: int, logs: Path, estate: Path) -> None:
    from flowverdict.api import load_estate
    from flowverdict.cli.judging import judge_of
    from flowverdict.demo.day.blobs import write_day

    prose(
        (
            "Tuesday, 10 March 2026: what the bank's network interfaces saw, as the flow logs",
            "that Azure would have written. The rules were asked what to write down.",
        )
    )
    try:
        written = write_day(logs, judge_of(load_estate(estate)), seed)
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        where = problem.filename or logs
        raise Refused(f"{where}: {reason}: expected a file that can be written") from None
    click.echo(f"{written.blobs:,} blobs, {written.bytes / 1e6:.1f} MB: {logs}")
