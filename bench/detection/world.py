"""Labelled traffic from a seed: rows a part of a day at a time, or a whole lake of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Final

import numpy as np
import pyarrow as pa

from bench.detection.attacks import add_attacks
from bench.detection.benign import Benign
from bench.detection.campaign import Campaign
from bench.detection.enterprise import make_enterprise, names_of
from bench.detection.labels import Truth
from bench.detection.outbound import add_outbound
from bench.detection.rows import Rows
from flowverdict.demo.day.rhythm import DAY
from flowverdict.lake import Lake
from flowverdict.lake.cursor import Cursor

BEGIN: Final = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp()) * 1_000
"""The first midnight, that of a Monday."""
_PARTS: Final = 4
"""Of a day: what is in memory at a time."""


class World:
    """Traffic of an enterprise over some days, all of it known."""

    def __init__(self, seed: int, machines: int, days: int, *, attacked: bool = True) -> None:
        """Takes how large it is; equal arguments make equal rows.

        Args:
            seed: of everything.
            machines: sixty or more.
            days: how many; the first is a Monday.
            attacked: whether anything is wrong.
        """
        self._days = days
        self._seed = seed
        self._all = make_enterprise(machines, np.random.default_rng([seed, 0]))
        self._benign = Benign(self._all, seed)
        self._campaign = Campaign(self._all, days, BEGIN, seed)
        if attacked:
            add_attacks(self._campaign)
            add_outbound(self._campaign)
        self.truth = Truth(
            seed,
            machines,
            days,
            BEGIN,
            self._campaign.labels,
            self._benign.lookalikes(BEGIN),
            names_of(self._all, self._all.of("noise")),
            names_of(self._all, self._all.public),
        )

    def parts(self, within: int | None = None) -> Iterator[pa.Table]:
        """Yields all rows, a quarter of a day after the other.

        Args:
            within: milliseconds after its begin at which each attack is over, as if rows were
                looked at so long after it; None for its own end.
        """
        gaps = [*self._campaign.gaps(within), *self._benign.restarts()]
        rows = Rows(self._all, gaps, BEGIN, self._seed)
        attacks = self._campaign.flows(within)
        for day in range(self._days):
            flows = self._benign.day(day)
            for part in range(_PARTS):
                first = day * DAY + part * DAY // _PARTS
                last = first + DAY // _PARTS
                both = [one.where((one.start >= first) & (one.start < last))
                        for one in (flows, attacks)]  # fmt: skip
                yield rows.part(type(flows)(*map(np.concatenate, zip(*both, strict=True))),
                                first, last)  # fmt: skip


def fill(
    lake: Lake,
    parts: Iterable[pa.Table],
    rows: int | None = None,
    say: Callable[[int], None] = lambda _rows: None,
) -> int:
    """Adds rows to a lake; returns how many.

    Args:
        lake: an empty one.
        parts: the rows.
        rows: how many to stop behind.
        say: told how many there are after each part.
    """
    count = 0
    with ThreadPoolExecutor(1) as writer:
        waiting = None
        for number, part in enumerate(parts):
            table = part if rows is None else part.slice(0, rows - count)
            if waiting is not None:
                waiting.result()
            waiting = writer.submit(lake.flows.append, table, {f"part-{number}": Cursor(records=1)})
            count += len(table)
            say(count)
            if count == rows:
                break
        if waiting is not None:
            waiting.result()
    return count
