"""What of the tests of stages lies within a box, and whether it matches for sure."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

from flowverdict.net import EMPTY, IntervalSet
from flowverdict.prove.region import NO_PORT, Box, fields_of
from flowverdict.stages import STOP

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flowverdict.net import Packet
    from flowverdict.stages import Around, Side, Stage, Test

_LONG: Final = 4
"""Spans from which on a set is worth keeping what lies within another."""
_KEPT: Final = 5_000
"""Wide ends of boxes of which is kept what lies within; then all are forgotten."""
_SERVICES_KEPT: Final = 100
"""Likewise combinations of protocols and ports."""


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
    """A test with what of its protocols and ports lies in a box.

    Attributes:
        is_whole: that is all of the box's.
    """

    test: Test
    protocols: IntervalSet
    ports: IntervalSet
    source_ports: IntervalSet
    is_whole: bool


class _Half(NamedTuple):
    """A service with what of the test's addresses at one end lies in a box, and what may."""

    service: _Service
    sure: IntervalSet
    maybe: IntervalSet


class Sets:
    """Finds what of stages lies within boxes; what is the same for many boxes is found once."""

    def __init__(self) -> None:
        self._sides: dict[tuple[int, int], tuple[Side, Around, IntervalSet, IntervalSet]] = {}
        self._within: dict[IntervalSet, _Within] = {}
        self._services: dict[tuple[IntervalSet, ...], dict[int, tuple[Stage, list[_Service]]]] = {}

    def pieces(self, stages: Iterable[Stage], around: Around, box: Box) -> list[Pieces]:
        """Returns what of the tests of stages lies in a box."""
        if len(self._within) > _KEPT or len(self._services) > _SERVICES_KEPT:
            self._within.clear()
            self._services.clear()
        inward = box.destinations.size <= box.sources.size
        name, far, near = ("src", box.sources, box.destinations)
        if not inward:
            name, far, near = ("dst", box.destinations, box.sources)
        there, here = self._inside(far), _Within(near)
        services = self._services.setdefault((box.protocols, box.ports, box.source_ports), {})
        found: list[Pieces] = []
        for stage in stages:
            if id(stage) not in services:
                services[id(stage)] = stage, _services(stage, box)
            tests = services[id(stage)][1]
            key = (id(tests), id(around), name)
            if key not in there.halves:
                halves = list(self._halves(tests, around, there, name))
                there.halves[key] = around, halves
            halves = there.halves[key][1]
            exempt = bool(found and found[0] and found[0][0].test.layer == "platform")
            part = self._part(halves, around, here, inward=inward)
            if exempt:
                found.append(list(part))
                continue
            some = _with_a_say(part, box)
            found.append(some)
            if some and _ends_there(some, box):
                break
        return found

    def _halves(
        self, services: list[_Service], around: Around, there: _Within, name: str
    ) -> Iterator[_Half]:
        """Yields the tests that match some address at the wide end of a box."""
        for service in services:
            sure, maybe = self._ends(getattr(service.test, name), around, there)
            if sure.spans or maybe.spans:
                yield _Half(service, sure, maybe)

    def _part(
        self, halves: list[_Half], around: Around, here: _Within, *, inward: bool
    ) -> Iterator[Piece]:
        """Yields what of tests lies in a box, given what does at its wide end."""
        for (test, protocols, ports, source_ports, _), sure_far, maybe_far in halves:
            sure, maybe = self._ends(test.dst if inward else test.src, around, here)
            if not (sure.spans or maybe.spans):
                continue
            asks = test.asks or maybe.spans or maybe_far.spans
            if sure.spans and sure_far.spans and not test.asks:
                ends = (sure_far, sure) if inward else (sure, sure_far)
                yield Piece(test, Box(protocols, *ends, ports, source_ports), certain=True)
            if asks:
                far, near = sure_far | maybe_far, sure | maybe
                ends = (far, near) if inward else (near, far)
                yield Piece(test, Box(protocols, *ends, ports, source_ports), certain=False)

    def _ends(self, side: Side, around: Around, within: _Within) -> tuple[IntervalSet, IntervalSet]:
        """Returns the addresses of a side within others that match for sure, and that may."""
        if not (side.asks or side.likely or side.in_network or side.in_internet):
            return within.of(side.sure), EMPTY
        sure, maybe = self._side(side, around)
        return within.of(sure), within.of(maybe)

    def first(self, stage: Stage, around: Around, packet: Packet) -> tuple[Test, bool] | None:
        """Returns the first test of a stage that may match a packet, and whether it does.

        Args:
            stage: the tests.
            around: the topology tags there.
            packet: with a source port, if it has ports.
        """
        protocol, src, dst, port, source_port = fields_of(packet)
        for test in stage.tests:
            if protocol not in test.protocols:
                continue
            if port == NO_PORT:
                if not (test.without_dst_port and test.without_src_port):
                    continue
            elif port not in test.dst_ports or source_port not in test.src_ports:
                continue
            certain = not test.asks
            for address, side in ((dst, test.dst), (src, test.src)):
                sure, maybe = self._side(side, around)
                if address not in sure:
                    certain = False
                    if address not in maybe:
                        break
            else:
                return test, certain
        return None

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
            found = self._sides[key] = (side, around, *resolved(side, around))
        return found[2:]


class _Within:
    """Sets within one set."""

    def __init__(self, values: IntervalSet) -> None:
        self.values = values
        self._spans = values.spans
        self._lows = [low for low, _ in values]
        self._first, self._last = values.spans[0][0], values.spans[-1][1]
        self._known: dict[int, tuple[IntervalSet, IntervalSet]] = {}
        self.halves: dict[tuple[int, int, str], tuple[Around, list[_Half]]] = {}

    def of(self, other: IntervalSet) -> IntervalSet:
        """Returns what of another set lies in this one."""
        spans = other.spans
        if len(spans) == 1:
            return self._of_span(other)
        if not spans or spans[-1][1] < self._first or self._last < spans[0][0]:
            return EMPTY
        if self._first == self._last:
            return self.values if self._first in other else EMPTY
        if len(spans) < _LONG:
            return self.values & other
        found = self._known.get(id(other))
        if found is None:
            found = self._known[id(other)] = other, self.values & other
        return found[1]

    def _of_span(self, other: IntervalSet) -> IntervalSet:
        # what `&` does, with what is known of these values: it was a sixth of a recheck slower
        low, high = other.spans[0]
        if low <= self._first and self._last <= high:
            return self.values
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


def _with_a_say(pieces: Iterable[Piece], box: Box) -> Pieces:
    """Returns the pieces of a stage up to one that matches the whole box for sure.

    Where it is not known what a stage does, its tests may count in another order.
    """
    found: Pieces = []
    ordered = True
    for piece in pieces:
        found.append(piece)
        ordered = ordered and piece.test.rule is not None
        if ordered and piece.certain and piece.box == box:
            break
    return found


def _ends_there(pieces: Pieces, box: Box) -> bool:
    """Reports whether no packet of a box gets past a stage."""
    last = pieces[-1]
    return (
        last.certain
        and last.box == box
        and all(one.test.action == STOP and one.test.rule is not None for one in pieces)
    )


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
                whole = (
                    protocols is box.protocols
                    and ports is box.ports
                    and source_ports is box.source_ports
                )
                found.append(_Service(test, protocols, ports, source_ports, whole))
        elif test.without_dst_port and test.without_src_port:
            whole = protocols is box.protocols
            found.append(_Service(test, protocols, box.ports, box.source_ports, whole))
    return found


def resolved(side: Side, around: Around) -> tuple[IntervalSet, IntervalSet]:
    """Returns the addresses of a side that match for sure, and others that may.

    What is likely matches, unless another set of the side asks for it first.
    """
    tags = [around.network] if side.in_network else []
    if side.in_internet:
        tags.append(around.internet)
    known = _union([side.sure, *(tag.sure for tag in tags)])
    likely = [side.likely, *(tag.likely for tag in tags)]
    asked = _union([side.asks, *(tag.asks for tag in tags)])
    if not asked:
        return _union([known, *likely]), EMPTY
    asked -= known
    return _union([known, *likely]) - asked, asked


def _union(sets: Iterable[IntervalSet]) -> IntervalSet:
    some = [one for one in sets if one]
    return some[0] if len(some) == 1 else IntervalSet.union(some)
