"""``--since`` and ``--until``: which time a question is about."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from flowverdict.cli.errors import Refused
from flowverdict.lake import Period

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")
_EXPECTED: Final = "expected a day such as 2026-08-13, or a time such as 2026-08-13T20:30Z"


def period_options(command: F) -> F:
    """Adds ``--since`` and ``--until``."""
    for name, text in (
        ("--until", "Only rows before this time; a day is meant whole, a time without zone UTC."),
        ("--since", "Only rows from this time on; likewise."),
    ):
        command = click.option(name, metavar="TIME", help=text)(command)
    return command


def read_period(since: str | None, until: str | None) -> Period:
    """Returns what the options say.

    Raises:
        Refused: one of them is no time, or there is nothing between them.
    """
    first = None if since is None else _moment("--since", since, days=0)
    behind = None if until is None else _moment("--until", until, days=1)
    if first is not None and behind is not None and first >= behind:
        raise Refused(f"--until `{until}`: expected a time behind --since `{since}`")
    return Period(first, behind)


def _moment(option: str, text: str, *, days: int) -> datetime:
    """Returns a time; of a day its first moment, or that of the day so many days later."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    try:
        if day is not None:
            return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days)
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused(f"{option} `{text}`: {_EXPECTED}") from None
