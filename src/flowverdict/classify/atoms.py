"""Numbers for what policies tell apart: atoms of addresses, ports and protocols.

An atom is a run of numbers between two cuts; every set of any policy is a union of atoms. Behind
this, an address is the number of its atom, whatever its family.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from flowverdict.net import IntervalSet

if TYPE_CHECKING:
    from collections.abc import Iterable

Numbers = np.ndarray[Any, np.dtype[Any]]

_V6: Final = 1 << 32
_END: Final = _V6 + (1 << 128)


class Cuts:
    """Runs of numbers between cuts, numbered from 0; the first begins at 0."""

    def __init__(self, sets: Iterable[IntervalSet], always: Iterable[int] = ()) -> None:
        distinct = {id(one): one for one in sets}  # equality would compare long sets
        points = {0, *always}
        for one in distinct.values():
            for low, high in one.spans:
                points.add(low)
                points.add(high + 1)
        self.starts = sorted(points)
        self._kept = distinct
        self._number = {point: at for at, point in enumerate(self.starts)}
        self._spans: dict[int, list[int]] = {}

    @property
    def count(self) -> int:
        """How many atoms there are; the last begins where all numbers end and holds none."""
        return len(self.starts)

    def spans(self, one: IntervalSet) -> list[int]:
        """Returns the atoms at which the spans of a set begin, and end (exclusive), by turns."""
        key = id(one)
        found = self._spans.get(key)
        if found is None:
            number = self._number
            found = [number[point] for low, high in one.spans for point in (low, high + 1)]
            self._spans[key] = found
            self._kept[key] = one  # its id is not given to another while it lives
        return found

    def of(self, number: int) -> int:
        """Returns the atom of a number."""
        return bisect_right(self.starts, number) - 1

    def table(self, size: int) -> Numbers:
        """Returns the atom of each number below ``size``."""
        starts = np.array([one for one in self.starts if one < size])
        return (np.searchsorted(starts, np.arange(size), "right") - 1).astype(np.int32)


def address_table(cuts: Cuts) -> tuple[Numbers, Numbers, Numbers]:
    """Returns the atoms of all IPv4 addresses by 16, 8 and 8 bits: three tables.

    An entry of the first two is twice a place in the next, plus 1 where the next bits of the
    address count from there. Every atom has a place of its own in each: so three looks are enough
    for every address, and not one of them is a choice that a processor could guess wrong.
    """
    starts = np.array([one for one in cuts.starts if one < _V6], np.int64)
    identity = np.arange(len(starts), dtype=np.int32)
    offsets = np.arange(256, dtype=np.int64)

    def level(bases: Numbers, step: int) -> tuple[Numbers, Numbers]:
        """The entries of blocks of ``step`` addresses, and the bases of those that are split."""
        first = np.searchsorted(starts, bases, "right") - 1
        split = first != np.searchsorted(starts, bases + step - 1, "right") - 1
        entries = first.astype(np.int32) << 1
        pages = np.arange(np.count_nonzero(split), dtype=np.int32)
        entries[split] = (len(starts) + (pages << 8)) << 1 | 1
        return entries, bases[split]

    root, split = level(np.arange(1 << 16, dtype=np.int64) << 16, 1 << 16)
    middle, split = level((split[:, None] + (offsets << 8)).ravel(), 256)
    leaves, _ = level((split[:, None] + offsets).ravel(), 1)
    return root, np.concatenate([identity << 1, middle]), np.concatenate([identity, leaves >> 1])


def ipv6_starts(cuts: Cuts) -> tuple[Numbers, Numbers, int]:
    """Returns where atoms begin in IPv6, as two times 64 bits, and how many begin before."""
    before = bisect_left(cuts.starts, _V6)
    starts = [one - _V6 for one in cuts.starts[before:] if one < _END]
    high = np.array([one >> 64 for one in starts], np.uint64)
    return high, np.array([one & (1 << 64) - 1 for one in starts], np.uint64), before
