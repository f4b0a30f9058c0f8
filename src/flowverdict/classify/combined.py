"""Answers for whole combinations of source, destination and service, where many packets come.

The packets of one policy and direction fall into classes: addresses that no test of it tells
apart, and services (protocol and both ports) likewise. When enough packets have come to such a
list, one of each combination of the classes that came is judged by the stages; from then on a
packet costs three sums and a look. What belongs to a class that had not come is judged as before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from flowverdict.classify.classes import Classes, Columns
from flowverdict.classify.columns import UNJUDGED, look_up
from flowverdict.classify.kernel import judge

if TYPE_CHECKING:
    from flowverdict.classify.tables import Tables

Numbers = np.ndarray[Any, np.dtype[Any]]

FIRST_LOOK: Final = 1 << 16
"""Packets of a list after which it is worth while to look how many combinations there are."""
COMBINATIONS_A_PACKET: Final = 4
"""How many combinations may be judged for each packet that has come."""
MOST: Final = 1 << 24
"""Entries of all lists together, 4 bytes each."""
_PARTS: Final = 7
_CHUNK: Final = 1 << 20


class Combined:
    """Judges rows by the stages, and by combinations where a list has them."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        lists = 2 * len(tables.policies)
        self._seen = np.zeros(lists, np.int64)
        self._wanted = np.full(lists, FIRST_LOOK, np.int64)
        self._made: dict[int, list[Numbers]] = {}
        self._ready = self._pooled()

    def judge(self, rows: Columns) -> Numbers:
        """Returns the outcome of each row, ``NO_POLICY`` or ``OPEN``."""
        out = np.empty(len(rows.policy), np.int32)
        if self._made:
            one = self._tables
            left = look_up(*rows, one.ports, one.protocols, *self._ready, out)
            if left:
                self._by_stages(rows, out)
        else:
            out.fill(UNJUDGED)
            self._by_stages(rows, out)
        return out

    def _by_stages(self, rows: Columns, out: Numbers) -> None:
        one = self._tables
        judge(
            *rows, one.ports, one.protocols, one.topology, one.policies, one.lists,
            one.stages, one.lines, one.words, self._seen, out,
        )  # fmt: skip

    @property
    def lists(self) -> int:
        """How many lists have combinations."""
        return len(self._made)

    @property
    def is_wanting(self) -> bool:
        """Reports whether a list has had so many packets that ``learn`` has something to do."""
        return bool((self._seen >= self._wanted).any())

    def learn(self, rows: Columns) -> None:
        """Makes the combinations of lists to which many packets came, out of the rows here."""
        for one in np.flatnonzero(self._seen >= self._wanted).tolist():
            policy, way = divmod(one, 2)
            some = np.flatnonzero((rows.policy == policy) & (rows.way == way))
            if not len(some):
                continue
            here = Columns(*(column[some] for column in rows))
            classes = Classes(self._tables, policy, way, here)
            room = MOST - sum(
                p.size for at, parts in self._made.items() if at != one for p in parts
            )
            if classes.size > room:
                self._wanted[one] = np.iinfo(np.int64).max
            elif classes.size > COMBINATIONS_A_PACKET * self._seen[one]:
                self._wanted[one] = classes.size // COMBINATIONS_A_PACKET
            else:
                cells = np.full(classes.size, UNJUDGED, np.int32)
                for start in range(0, len(cells), _CHUNK):
                    part = cells[start : start + _CHUNK]
                    self._by_stages(classes.combinations(np.arange(start, start + len(part))), part)
                self._seen[one] = 0
                self._made[one] = [*classes.steps(), cells]
        self._ready = self._pooled()

    def _pooled(self) -> tuple[Numbers, Numbers, Numbers]:
        """Returns the number of each list's record, the records, and all that they point to."""
        which = np.full(len(self._seen), -1, np.int32)
        which[list(self._made)] = np.arange(len(self._made))
        parts = [part for made in self._made.values() for part in made]
        ends = np.cumsum([0, *(part.size for part in parts)])
        records = ends[:-1].reshape(len(self._made), _PARTS).astype(np.int64)
        return which, records, np.concatenate([*parts, np.zeros(1, np.int32)])
