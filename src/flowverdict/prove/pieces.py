"""What of the tests of stages lies within a box, and whether it matches for sure."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

from flowverdict.net import EMPTY, IntervalSet
from flowverdict.prove.region import NO_PORT, Box

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowverdict.stages import Around, Side, Stage, Test

_LONG: Final = 4
"""Spans from which on a set is worth keeping what lies within another."""
_KEPT: Final = 50_000
"""Sets within others that are kept; then all are forgotten."""


class Piece(NamedTuple):
    """Packets for which a test may count, within a box.

    Attributes:
        certain: it matches them; else whether it does hangs on what is missing.
    """

    test: Test
    box: Box
    certain: bool


Pieces = list[Piece]
"""Of one stage, in the order of its tests; of a test what is certain before what is not."""


class _Service(NamedTuple):
    """A test with what of its protocols and ports lies in a box."""

    test: Test
    protocols: IntervalSet
    ports: IntervalSet
    source_ports: IntervalSet


class Sets:
    """Finds what of stages lies within boxes; what is the same for many boxes is found once."""

    def __init__(self) -> None:
        self._sides: dict[tuple[int, int], tuple[Side, Around, IntervalSet, IntervalSet]] = {}
        self._within: dict[IntervalSet, _Within] = {}
        self._services: dict[
            tuple[IntervalSet, IntervalSet, IntervalSet], dict[int, tuple[Stage, list[_Service]]]
        ] = {}

    def pieces(self, stages: Iterable[Stage], around: Around, box: Box) -> list[Pieces]:
        """Returns what of the tests of stages lies in a box."""
        if len(self._within) > _KEPT:
            self._within.clear()
        src, dst = self._inside(box.sources), self._inside(box.destinations)
        services = self._services.setdefault((box.protocols, box.ports, box.source_ports), {})
        found: list[Pieces] = []
        for stage in stages:
            if id(stage) not in services:
                services[id(stage)] = stage, _services(stage, box)
            found.append(self._of_stage(services[id(stage)][1], around, src, dst))
        return found

    def _of_stage(
        self, services: list[_Service], around: Around, src: _Within, dst: _Within
    ) -> Pieces:
        found: Pieces = []
        for test, protocols, ports, source_ports in services:
            to, by = test.dst, test.src
            sure_dst, maybe_dst = to.sure, EMPTY
            if to.asks or to.likely or to.in_network or to.in_internet:
                sure_dst, maybe_dst = self._side(to, around)
                maybe_dst = dst.of(maybe_dst)
            sure_dst = dst.of(sure_dst)
            if not (sure_dst.spans or maybe_dst.spans):
                continue
            sure_src, maybe_src = by.sure, EMPTY
            if by.asks or by.likely or by.in_network or by.in_internet:
                sure_src, maybe_src = self._side(by, around)
                maybe_src = src.of(maybe_src)
            sure_src = src.of(sure_src)
            if not (sure_src.spans or maybe_src.spans):
                continue
            box = Box(protocols, sure_src, sure_dst, ports, source_ports)
            if sure_src.spans and sure_dst.spans and not test.asks:
                found.append(Piece(test, box, certain=True))
            if test.asks or maybe_src.spans or maybe_dst.spans:
                whole = box._replace(
                    sources=sure_src | maybe_src, destinations=sure_dst | maybe_dst
                )
                found.append(Piece(test, whole, certain=False))
        return found

    def _inside(self, addresses: IntervalSet) -> _Within:
        found = self._within.get(addresses)
        if found is None:
            found = self._within[addresses] = _Within(addresses)
        return found

    def _side(self, side: Side, around: Around) -> tuple[IntervalSet, IntervalSet]:
        """Returns the addresses of a side that match for sure, and others that may."""
        key = (id(side), id(around) if side.in_network or side.in_internet else 0)
        found = self._sides.get(key)
        if found is None:
            found = self._sides[key] = (side, around, *_resolved(side, around))
        return found[2:]


class _Within:
    """Sets within one set."""

    def __init__(self, values: IntervalSet) -> None:
        self._values = values
        self._spans = values.spans
        self._lows = [low for low, _ in values]
        self._first, self._last = values.spans[0][0], values.spans[-1][1]
        self._known: dict[int, tuple[IntervalSet, IntervalSet]] = {}

    def of(self, other: IntervalSet) -> IntervalSet:
        """Returns what of another set lies in this one."""
        spans = other.spans
        if len(spans) == 1:
            return self._of_span(other)
        if not spans or spans[-1][1] < self._first or self._last < spans[0][0]:
            return EMPTY
        if self._first == self._last:
            return self._values if self._first in other else EMPTY
        if len(spans) < _LONG:
            return self._values & other
        found = self._known.get(id(other))
        if found is None:
            found = self._known[id(other)] = other, self._values & other
        return found[1]

    def _of_span(self, other: IntervalSet) -> IntervalSet:
        low, high = other.spans[0]
        if low <= self._first and self._last <= high:
            return self._values
        if high < self._first or self._last < low:
            return EMPTY
        begin, end = bisect_right(self._lows, low), bisect_right(self._lows, high)
        if begin == end:  # no span begins behind the first number and within the other
            top = self._spans[begin - 1][1]
            if high <= top:
                return other
            return IntervalSet([(low, top)]) if low <= top else EMPTY
        some = list(self._spans[begin:end])
        if begin and low <= self._spans[begin - 1][1]:
            some.insert(0, (low, self._spans[begin - 1][1]))
        if high < some[-1][1]:
            some[-1] = (some[-1][0], high)
        return IntervalSet(some)


def _services(stage: Stage, box: Box) -> list[_Service]:
    """Returns the tests of a stage that match some protocol and ports of a box."""
    has_ports = NO_PORT not in box.ports
    of_protocols, of_ports = _Within(box.protocols), _Within(box.ports)
    of_source_ports = _Within(box.source_ports)
    found: list[_Service] = []
    for test in stage.tests:
        protocols = of_protocols.of(test.protocols)
        if not protocols.spans:
            continue
        if has_ports:
            ports = of_ports.of(test.dst_ports)
            source_ports = of_source_ports.of(test.src_ports)
            if ports.spans and source_ports.spans:
                found.append(_Service(test, protocols, ports, source_ports))
        elif test.without_dst_port and test.without_src_port:
            found.append(_Service(test, protocols, box.ports, box.source_ports))
    return found


def _resolved(side: Side, around: Around) -> tuple[IntervalSet, IntervalSet]:
    """Returns the addresses of a side that match for sure, and others that may.

    What is likely matches, unless another set of the side asks for it first.
    """
    sure, likely, maybe = [side.sure], [side.likely], [side.asks]
    for counts, tag in ((side.in_network, around.network), (side.in_internet, around.internet)):
        if counts:
            sure.append(tag.sure)
            likely.append(tag.likely)
            maybe.append(tag.asks)
    known, asked = _union(sure), _union(maybe)
    if not asked:
        return _union([known, *likely]), EMPTY
    asked -= known
    return _union([known, *likely]) - asked, asked


def _union(sets: Iterable[IntervalSet]) -> IntervalSet:
    some = [one for one in sets if one]
    return some[0] if len(some) == 1 else IntervalSet.union(some)
