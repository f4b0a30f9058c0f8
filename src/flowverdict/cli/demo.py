"""``flowverdict demo``: a bank's network made on the spot, and stories told on it."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from flowverdict.cli.errors import Refused
from flowverdict.cli.render import coloured
from flowverdict.demo.bank import SEED, write_bank, write_change
from flowverdict.demo.stories import make_stories

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowverdict.demo.stories import Story

_FOLDER: Final = "flowverdict-demo"
_MARK: Final = ".made-by-flowverdict-demo"
_WIDTH: Final = 80


@click.command("demo")
@click.option("--seed", type=int, default=SEED, show_default=True, help="Which bank to make.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path(_FOLDER),
    show_default=True,
    help="Where to put its files; what an earlier demo put there is replaced.",
)
def command(seed: int, folder: Path) -> None:
    """Make the network of a bank on the spot, and tell three stories on it.

    Each command is printed before its output and can be pasted. The files stay for you to try.
    """
    _clear(folder)
    estate, changed = folder / "bank", folder / "bank-changed"
    write_bank(estate, seed=seed)
    write_change(changed, seed=seed)
    (folder / _MARK).write_text("", encoding="utf-8")
    program = _program()
    click.echo(f"Harbour Bank, made with seed {seed}: {estate}")
    stories = make_stories(seed)
    for number, story in enumerate(stories, start=1):
        _tell(number, story, estate, changed, program)
    click.echo()
    click.echo(f"The bank stays in {estate} for you to try. For a start:")
    click.echo(f"  {program} rules {_quoted([estate.as_posix()])} --vm core-ledger-01")
    click.echo(f"  {program} verify --help")


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


def _program() -> str:
    """Returns the words that start this program, as the reader can paste them."""
    called = Path(sys.argv[0])
    found = shutil.which(called.name)
    if found and Path(found).resolve() == called.resolve():
        return called.name
    if called.name == "__main__.py":
        return "python -m flowverdict"
    relative = os.path.relpath(called)
    return _quoted([called.as_posix() if relative.startswith("..") else Path(relative).as_posix()])


def _tell(number: int, story: Story, estate: Path, changed: Path, program: str) -> None:
    click.echo()
    click.echo(coloured(f"Story {number}. {story.title}", bold=True))
    _prose(story.prose)
    for step in story.steps:
        click.echo()
        _prose(step.prose)
        arguments = step.arguments(estate.as_posix(), changed.as_posix())
        click.echo(coloured(f"$ {program} {_quoted(arguments)}", fg="cyan"))
        _run(arguments)
    click.echo()
    _prose((story.moral,))


def _run(arguments: Sequence[str]) -> None:
    """Runs a command of this program; what it prints goes where this one's output goes."""
    from flowverdict.cli.main import main

    try:
        main.main(list(arguments), prog_name="flowverdict")
    except SystemExit as end:
        if end.code not in (0, 1):
            raise


def _quoted(words: Sequence[str]) -> str:
    return shlex.join(words)


def _prose(lines: Sequence[str]) -> None:
    for line in lines:
        click.echo(textwrap.fill(line, _WIDTH))
