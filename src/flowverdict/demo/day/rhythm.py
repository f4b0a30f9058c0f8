"""When things happen: hours of the day, bursts, schedules; in milliseconds since midnight."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]
Reals: TypeAlias = NDArray[np.float64]

MIDNIGHT: Final = datetime(2026, 3, 10, tzinfo=UTC)
"""The day is a Tuesday; times are UTC, the bank's offices are an hour ahead."""
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
DAY: Final = 24 * HOUR

OFFICE: Final = (0, 0, 0, 0, 0, 2, 8, 30, 42, 45, 40, 26, 34, 42, 40, 34, 20, 8, 4, 2, 0, 0, 0, 0)
CUSTOMERS: Final = (3, 2, 1, 1, 1, 3, 8, 16, 20, 22, 23, 28, 24, 20, 19, 20, 24, 30, 34, 36, 33, 24,
                    13, 6)  # fmt: skip
NIGHT: Final = (4, 30, 40, 20, 4, *([0] * 19))
STEADY: Final = (1,) * 24
"""How much happens in each hour, as shares."""


def times_of(rng: np.random.Generator, hours: Sequence[int], number: int) -> Ints:
    """Returns so many times of a day whose hours have these shares, in order."""
    shares = np.asarray(hours, np.float64)
    begins = np.cumsum(shares) - shares
    drawn = np.sort(rng.random(number)) * shares.sum()
    hour = np.count_nonzero(begins[:, None] <= drawn, axis=0) - 1
    return ((hour + (drawn - begins[hour]) / shares[hour]) * HOUR).astype(np.int64)


def between(rng: np.random.Generator, begin: float, end: float, number: int) -> Ints:
    """Returns so many times between two hours of the day, such as 3.5 for half past three."""
    found = begin * HOUR + np.sort(rng.random(number)) * (end - begin) * HOUR
    return found.astype(np.int64)


def every(rng: np.random.Generator, minutes: float, jitter_s: float = 1.0) -> Ints:
    """Returns times at a regular distance, from a moment of its own on, a little off each time."""
    start = rng.random() * minutes * MINUTE
    times = np.arange(start, DAY, minutes * MINUTE)
    return (times + rng.random(len(times)) * jitter_s * SECOND).astype(np.int64)


def twice(rng: np.random.Generator) -> Ints:
    """Returns a time late in the evening before, one in the morning, one in the evening."""
    return ((np.array([-2, 10, 22]) + rng.random(3) / 4) * HOUR).astype(np.int64)
