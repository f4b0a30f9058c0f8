"""A progress bar for work that takes long: on a terminal's stderr, and nowhere else."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


@contextmanager
def progress(total: int | None) -> Generator[Callable[[int, int], None]]:
    """Gives what is told of the work: how much of the total is done, and how many rows that was.

    Args:
        total: in whatever unit is told; None where it is not known.
    """
    if not sys.stderr.isatty():
        yield lambda _done, _rows: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    started = time.monotonic()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)

        def told(done: int, rows: int) -> None:
            speed = rows / max(time.monotonic() - started, 1e-3)
            text = f"{rows:,} rows, {speed:,.0f}/s"
            bar.update(task, completed=done, description=text)

        yield told
