"""Work that goes on until somebody interrupts it."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Any, Final

import click

from flowverdict.cli.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType

_MOST_S: Final = 86_400


def interval_option(goes_on: str) -> Callable[[Any], Any]:
    """Returns the option of how long to wait, of a command with an option that makes it go on."""
    return click.option(
        "--interval",
        type=click.FloatRange(min=0, min_open=True),
        default=60.0,
        show_default=True,
        metavar="SECONDS",
        callback=_bounded,
        help=f"With {goes_on}: how long to wait before looking again.",
    )


def _bounded(_context: click.Context, _option: click.Parameter, interval: float) -> float:
    if not interval <= _MOST_S:  # nor is no number
        raise Refused(f"--interval `{interval}`: expected no more than {_MOST_S:,} seconds")
    return interval


@contextmanager
def until_interrupted() -> Generator[Event]:
    """Gives what the first interrupt sets; the next one has its usual effect.

    An exception in its place could be lost in code that calls back and ignores it.
    """
    stop = Event()
    usual = signal.getsignal(signal.SIGINT)

    def interrupted(_signal: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, usual)
        stop.set()

    signal.signal(signal.SIGINT, interrupted)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, usual)
