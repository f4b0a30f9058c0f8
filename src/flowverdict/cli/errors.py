"""What is wrong with an input, on stderr: one line each, exit code 2, never a traceback."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from flowverdict.model import InputError
from flowverdict.policy import Network, NoNsgError, RequestError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from flowverdict.model import Diagnostic, Estate
    from flowverdict.policy import Options

BAD_INPUT: Final = 2
UNKNOWN: Final = 3
_MOST_LINES: Final = 20


class Refused(click.ClickException):
    """A message without the word that click puts before it."""

    exit_code = BAD_INPUT

    def show(self, file: object = None) -> None:  # noqa: ARG002 click's signature
        """Prints the message to stderr."""
        click.echo(self.message, err=True)


@contextmanager
def reported() -> Generator[None]:
    """Turns what the library says of bad input into messages and exit code 2."""
    try:
        yield
    except InputError as problem:
        raise Refused("\n".join(_limited(str(one) for one in problem.diagnostics))) from None
    except RequestError as problem:
        option = f"--{problem.field} " if problem.field else ""
        raise Refused(f"{option}{problem.problem}") from None
    except NoNsgError as problem:
        raise Refused(str(problem)) from None


_TOLD: Final = frozenset(
    """passed-over not-read linked place removed inline count incomplete update tie part-alone
    unknown-value twice""".split()
)
"""Codes of warnings that are said before every answer: something was left out, or assumed."""


def show_what_is_wrong(estate: Estate) -> None:
    """Prints what of an estate could not be read, and what was left out or assumed."""
    told = (one for one in estate.diagnostics if one.code in _TOLD)
    show_diagnostics((*estate.errors, *told))


def show_admin_warnings(estate: Estate, options: Options) -> None:
    """Prints what deserves a look about admin rules, such as that they are not deployed."""
    _show(f"warning: {one}" for one in Network(estate, options).admin_warnings())


def show_diagnostics(diagnostics: Iterable[Diagnostic]) -> None:
    """Prints diagnostics to stderr, one line each, and says how many more there are."""
    _show(str(one) for one in diagnostics)


def _show(texts: Iterable[str]) -> None:
    for line in _limited(texts):
        click.echo(line, err=True)


def _limited(texts: Iterable[str]) -> list[str]:
    lines = list(dict.fromkeys(texts))
    more = len(lines) - _MOST_LINES
    return lines if more <= 0 else [*lines[:_MOST_LINES], f"and {more} more such lines"]
