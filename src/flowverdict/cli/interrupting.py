"""Work that goes on until somebody interrupts it."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import FrameType


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
