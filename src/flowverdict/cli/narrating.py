"""How a demo speaks: prose, and commands that are printed, can be pasted, and are run."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import textwrap
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from flowverdict.cli.render import coloured

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_WIDTH: Final = 80
_NOT_IN_DOUBLE_QUOTES: Final = frozenset('"$`\\!')


def title(text: str) -> None:
    """Prints a heading."""
    click.echo()
    click.echo(coloured(text, bold=True))


def prose(lines: Iterable[str]) -> None:
    """Prints lines, none wider than a terminal."""
    for line in lines:
        click.echo(textwrap.fill(line, _WIDTH))


def shown_and_run(arguments: Sequence[str], into: str | None = None) -> None:
    """Prints a command of this program and runs it.

    Its output goes where this one's goes, or into a file, as the printed command has it too.
    """
    from flowverdict.cli.main import main

    target = f" > {_quoted(into)}" if into else ""
    click.echo(coloured(f"$ {as_typed(arguments)}{target}", fg="cyan"))
    with ExitStack() as stack:
        if into:
            file = stack.enter_context(Path(into).open("w", encoding="utf-8"))
            stack.enter_context(redirect_stdout(file))
        try:
            main.main(list(arguments), prog_name="flowverdict")
        except SystemExit as end:
            if end.code not in (0, 1):
                raise


def as_typed(arguments: Sequence[str]) -> str:
    """Returns a command of this program as the reader can paste it."""
    return f"{_program()} {' '.join(map(_quoted, arguments))}"


def _quoted(word: str) -> str:
    """Returns a word for a shell; SQL, which has single quotes of its own, in double ones."""
    if "'" in word and not _NOT_IN_DOUBLE_QUOTES.intersection(word):
        return f'"{word}"'
    return shlex.quote(word)


def _program() -> str:
    """Returns the words that start this program."""
    called = Path(sys.argv[0])
    found = shutil.which(called.name)
    if found and Path(found).resolve() == called.resolve():
        return called.name
    if called.name == "__main__.py":
        return "python -m flowverdict"
    relative = os.path.relpath(called)
    return _quoted(called.as_posix() if relative.startswith("..") else Path(relative).as_posix())
