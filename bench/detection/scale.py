"""A hundred million rows, and a day of five million: time and memory of the whole command."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from bench import processes
from bench.detection.world import World, fill
from bench.figures import Figure
from flowverdict.lake import Lake

ROWS = int(os.environ.get("FLOWVERDICT_BENCH_ROWS", "100000000"))
"""Rows of the large lake; fewer for a trial."""
A_DAY = 5_000_000
_MACHINES = 450
_DETECT = (
    "",
    """
from flowverdict.cli import main
sys.argv[:] = ["flowverdict", "detect", "--lake", sys.argv[1], "--output", "json"]
try:
    main()
except SystemExit as end:
    assert end.code in (0, 1), end.code
print()
""",
)


def measure() -> list[Figure]:
    """Make lakes of labelled traffic and look for attacks in them, as the command does."""
    with tempfile.TemporaryDirectory(prefix="flowverdict-bench-") as name:
        folder = Path(name)
        made_s, made = _make(folder / "large", ROWS)
        _, a_day = _make(folder / "day", min(A_DAY, ROWS))
        large = processes.usages({"detect": _DETECT}, [str(folder / "large")], rounds=1)["detect"]
        day = processes.usages({"detect": _DETECT}, [str(folder / "day")], rounds=1)["detect"]
    about = f"{made:,} rows of {_MACHINES} machines"
    return [
        Figure("detect_100m_s", large.seconds, f"every detection: {about}", 600),
        Figure("detect_100m_mb", large.peak_mb, "peak of the process", 4_000),
        Figure("detect_5m_s", day.seconds, f"every detection: a day of {a_day:,} rows", 30),
        Figure("labelled_rows_per_s", made / made_s, "made, and written into a lake"),
    ]


def _make(folder: Path, rows: int) -> tuple[float, int]:
    start = time.perf_counter()
    days = max(1, -(-rows // A_DAY))

    def say(count: int) -> None:
        print(f"\r{count:,} rows", end="", file=sys.stderr)

    made = fill(Lake(str(folder)), World(1, _MACHINES, days).parts(), rows, say)
    print(file=sys.stderr)
    return time.perf_counter() - start, made
