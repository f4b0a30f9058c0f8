"""What commands over a lake have in common: where it lies, and what opens it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

import click

from flowverdict.cli.errors import Refused
from flowverdict.cli.progress import progress
from flowverdict.lake import Lake, LakeError, local_store, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_Answer = TypeVar("_Answer")

lake_option: Final = click.option(
    "--lake",
    "location",
    required=True,
    metavar="LAKE",
    help="A folder, or az://ACCOUNT/CONTAINER/PREFIX.",
)


def open_lake(location: str, *, timeout_s: float | None = None) -> Lake:
    """Returns a lake by the name that its user gives it."""
    limits: dict[str, float] = {} if timeout_s is None else {"timeout_s": timeout_s}
    return told(lambda: Lake(open_store(location, os.environ, local_store, **limits)))


@contextmanager
def shown(lake: Lake) -> Generator[None]:
    """Shows how many rows of a lake were read: some questions go through it more than once."""
    count = 0
    with progress(None) as step:

        def seen(rows: int) -> None:
            nonlocal count
            count += rows
            step(count, count)

        lake.seen = seen
        yield


def told(act: Callable[[], _Answer]) -> _Answer:
    """Returns what an act gives; what is wrong with a lake is one line."""
    try:
        return act()
    except LakeError as problem:
        raise Refused(str(problem)) from None
