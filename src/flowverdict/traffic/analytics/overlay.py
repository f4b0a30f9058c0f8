"""Sets of addresses laid over one another: which of them hold an address."""

from __future__ import annotations

from bisect import bisect_right
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowverdict.net import IntervalSet

T = TypeVar("T")


class Overlay(Generic[T]):
    """Labelled sets of addresses of both families; a look-up costs O(log n).

    Equal sets of holders are one tuple, so what is worked out for one may be kept by its identity.
    """

    def __init__(self, labelled: Iterable[tuple[T, IntervalSet]]) -> None:
        """Takes sets with their labels; labels are told in this order."""
        labels: list[T] = []
        changes: list[tuple[int, int, bool]] = []
        for at, (label, addresses) in enumerate(labelled):
            labels.append(label)
            for low, high in addresses:
                changes += ((low, at, True), (high + 1, at, False))
        changes.sort(key=itemgetter(0))
        known: dict[tuple[int, ...], tuple[T, ...]] = {(): ()}
        holding: set[int] = set()
        self._begins: list[int] = []
        self._holders: list[tuple[T, ...]] = []
        for point, of_one in groupby(changes, key=itemgetter(0)):
            for _, at, begins in of_one:
                (holding.add if begins else holding.discard)(at)
            key = tuple(sorted(holding))
            if key not in known:
                known[key] = tuple(labels[at] for at in key)
            self._begins.append(point)
            self._holders.append(known[key])

    def at(self, point: int) -> tuple[T, ...]:
        """Returns the labels of the sets that hold an address."""
        at = bisect_right(self._begins, point) - 1
        return self._holders[at] if at >= 0 else ()
