"""What the policy of an interface does with every packet of a region.

Where nothing is missing, the tests decide. Where something may be, packets are told apart by every
set that was looked at, and ``policy.evaluate`` decides for one packet of each cell: it cannot tell
the others from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from flowverdict.model import Direction
from flowverdict.net import EMPTY, IntervalSet
from flowverdict.policy import DEFAULTS, evaluate_at
from flowverdict.prove.diagram import LimitError, Store, combined
from flowverdict.prove.region import (
    DEPTH,
    NO_PORT,
    Box,
    Region,
    behind,
    fields_of,
    packet_of,
    paths,
)
from flowverdict.prove.solve import Asked, Decided, Leaves, Piece, solve
from flowverdict.stages import WAYS, Policies

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flowverdict.model import Estate, NetworkInterface, Rule
    from flowverdict.net import Packet
    from flowverdict.policy import Options
    from flowverdict.prove.diagram import Node
    from flowverdict.stages import Around, Policy, Side, Stage, Test

MOST_CELLS: Final = 50_000
"""Packets that the evaluator is asked about for one question."""


class Judgement(NamedTuple):
    """What happens to packets.

    Attributes:
        access: ``Allow``, ``Deny`` or ``Unknown``.
        layer: the layer that decides; None where none does.
        rule: the rule that decides, as far as one does.
        missing: what is needed to know; empty where it is known.
    """

    access: str
    layer: str | None
    rule: Rule | None
    missing: tuple[str, ...] = ()


class Outcome:
    """What happens to every packet of a region: a diagram whose leaves are ``Judgement``."""

    __slots__ = ("node",)

    def __init__(self, node: Node | None) -> None:
        self.node = node

    def of(self, packet: Packet) -> Judgement | None:
        """Returns what happens to a packet; None for one that is outside of the region."""
        return behind(self.node, fields_of(packet))

    def where(self, *access: str) -> Region:
        """Returns the packets that meet with one of some accesses."""
        return Region(
            combined(
                Store(),
                DEPTH,
                self.node,
                None,
                lambda one, _: True if one.access in access else None,
            )
        )

    def judgements(self) -> list[tuple[Judgement, Region]]:
        """Returns what happens, and to which packets."""
        found: dict[int, tuple[Judgement, list[Box]]] = {}
        for values, leaf in paths(self.node):
            found.setdefault(id(leaf), (leaf, []))[1].append(Box(*values))
        return [(one, Region.of_boxes(*boxes)) for one, boxes in found.values()]


class Prover:
    """Answers for the interfaces of one estate."""

    def __init__(self, estate: Estate, options: Options = DEFAULTS) -> None:
        self.estate = estate
        self._policies = Policies(estate, options)
        self._sets = _Sets()
        self._leaves = Leaves()

    def outcome(self, nic: NetworkInterface, direction: Direction, region: Region) -> Outcome:
        """Returns what happens to packets at an interface.

        Args:
            nic: where they are seen.
            direction: inbound if the interface is their destination.
            region: the packets.

        Raises:
            LimitError: it takes more work than is granted.
        """
        store = Store()
        policy = self._policies.at(nic)
        found: Node | None = None
        for box in region.boxes():
            part = self._solved(policy, direction, box, store)
            found = part if found is None else combined(store, DEPTH, found, part, _either)
        return Outcome(_Judging(policy, direction, store).judged(found))

    def _solved(self, policy: Policy, direction: Direction, box: Box, store: Store) -> Node | None:
        stages = [
            list(self._sets.pieces(stage, policy.around, box))
            for stage in policy.stages[WAYS.index(direction)]
        ]
        return solve(stages, box, store, self._leaves)


def _either(one: Any, other: Any) -> Any:
    return other if one is None else one


class _Sets:
    """The fields of tests within boxes, each made once."""

    def __init__(self) -> None:
        self._sides: dict[tuple[int, int], tuple[Side, IntervalSet, IntervalSet]] = {}
        self._within: dict[tuple[int, IntervalSet], tuple[IntervalSet, IntervalSet]] = {}
        self._ported: dict[tuple[int, IntervalSet, IntervalSet, IntervalSet], list[_Ported]] = {}

    def pieces(self, stage: Stage, around: Around, box: Box) -> Iterator[Piece]:
        """Yields what of a stage's tests lies in a box, what is certain of a test first."""
        for test, protocols, ports, source_ports in self._tests(stage, box):
            src, maybe_src = self._side(test.src, around, box.sources)
            if not (src or maybe_src):
                continue
            dst, maybe_dst = self._side(test.dst, around, box.destinations)
            if not (dst or maybe_dst):
                continue
            certain = Box(protocols, src, dst, ports, source_ports)
            if src and dst and not test.asks:
                yield Piece(test, certain, certain=True)
            if test.asks or maybe_src or maybe_dst:
                whole = certain._replace(sources=src | maybe_src, destinations=dst | maybe_dst)
                yield Piece(test, whole, certain=False)

    def _tests(self, stage: Stage, box: Box) -> list[_Ported]:
        """Returns the tests of a stage that match some protocol and ports of a box."""
        key = (id(stage), box.protocols, box.ports, box.source_ports)
        if key not in self._ported:
            self._ported[key] = list(_ported(stage, box))
        return self._ported[key]

    def _side(
        self, side: Side, around: Around, within: IntervalSet
    ) -> tuple[IntervalSet, IntervalSet]:
        """Returns the addresses of a side that match for sure, and others that may."""
        key = (id(side), id(around) if side.in_network or side.in_internet else 0)
        if key not in self._sides:
            self._sides[key] = (side, *_resolved(side, around))
        _, sure, maybe = self._sides[key]
        return self._clipped(sure, within), self._clipped(maybe, within) if maybe else maybe

    def _clipped(self, addresses: IntervalSet, within: IntervalSet) -> IntervalSet:
        if within.size == 1:
            return within if within.spans[0][0] in addresses else EMPTY
        key = (id(addresses), within)
        if key not in self._within:
            self._within[key] = addresses, addresses & within
        return self._within[key][1]


class _Ported(NamedTuple):
    """A test with what of its protocols and ports lies in a box."""

    test: Test
    protocols: IntervalSet
    ports: IntervalSet
    source_ports: IntervalSet


def _ported(stage: Stage, box: Box) -> Iterator[_Ported]:
    has_ports = NO_PORT not in box.ports
    for test in stage.tests:
        protocols = test.protocols & box.protocols
        if not protocols:
            continue
        if has_ports:
            ports, source_ports = test.dst_ports & box.ports, test.src_ports & box.source_ports
            if ports and source_ports:
                yield _Ported(test, protocols, ports, source_ports)
        elif test.without_dst_port and test.without_src_port:
            yield _Ported(test, protocols, box.ports, box.source_ports)


def _resolved(side: Side, around: Around) -> tuple[IntervalSet, IntervalSet]:
    sure, maybe = [side.sure, side.likely], [side.asks]
    for counts, tag in ((side.in_network, around.network), (side.in_internet, around.internet)):
        if counts:
            sure += (tag.sure, tag.likely)
            maybe.append(tag.asks)
    known = _union(sure)
    return known, _union(maybe) - known


def _union(sets: Iterable[IntervalSet]) -> IntervalSet:
    some = [one for one in sets if one]
    return some[0] if len(some) == 1 else IntervalSet.union(some)


class _Judging:
    """Puts judgements in the place of leaves."""

    def __init__(self, policy: Policy, direction: Direction, store: Store) -> None:
        self._policy = policy
        self._direction = direction
        self._store = store
        self._cells = 0
        self._known: dict[object, Judgement] = {}

    def judged(self, node: Node | None) -> Node | None:
        """Returns the diagram with judgements; packets that need it are cut into cells."""
        asked = [(Box(*values), leaf) for values, leaf in paths(node) if isinstance(leaf, Asked)]
        found = combined(self._store, DEPTH, node, None, self._of_decided)
        for box, leaf in asked:
            for cell in self._cells_of(box, leaf):
                part = self._store.product(cell, self._ask(cell))
                found = combined(self._store, DEPTH, found, part, _either)
        return found

    def _of_decided(self, leaf: Any, _: Any) -> Judgement | None:
        if isinstance(leaf, Asked):
            return None
        assert isinstance(leaf, Decided)
        test = leaf.test
        layer, rule = (test.layer, test.rule) if test else (None, None)
        return self._one(Judgement(leaf.access, layer, rule))

    def _one(self, judgement: Judgement) -> Judgement:
        key = (judgement.access, judgement.layer, id(judgement.rule), judgement.missing)
        return self._known.setdefault(key, judgement)

    def _cells_of(self, box: Box, leaf: Asked) -> Iterator[Box]:
        """Yields parts of a box within which no set that is looked at tells packets apart."""
        sources = _cut(box.sources, self._cuts(leaf, "src"))
        destinations = _cut(box.destinations, self._cuts(leaf, "dst"))
        self._cells += len(sources) * len(destinations)
        if self._cells > MOST_CELLS:
            raise LimitError(
                f"more than {MOST_CELLS:,} kinds of packets to ask the evaluator about"
            )
        for one in sources:
            for other in destinations:
                yield box._replace(sources=one, destinations=other)

    def _cuts(self, leaf: Asked, name: str) -> Iterator[IntervalSet]:
        around = self._policy.around
        for test in leaf.tests:
            side: Side = getattr(test, name)
            yield from side.cuts
            if side.in_network:
                yield from around.network.cuts
            if side.in_internet:
                yield from around.internet.cuts

    def _ask(self, cell: Box) -> Judgement:
        """Returns what the evaluator says of one packet of a cell."""
        protocol, src, dst, port, source_port = (one.spans[0][0] for one in cell)
        if dst == src:  # one address on both sides would be one fact, and not two
            dst = cell.destinations.spans[-1][1]
        packet = packet_of((protocol, src, dst, port, source_port))
        verdict = evaluate_at(self._policy.place, self._direction, packet)
        return self._one(Judgement(verdict.access, verdict.layer, verdict.rule, verdict.missing))


def _cut(values: IntervalSet, by: Iterable[IntervalSet]) -> list[IntervalSet]:
    """Divides values into the parts that some sets do not tell apart."""
    turns: dict[int, int] = {}
    some = {one.spans: one & values for one in by}
    for number, one in enumerate([values, *some.values()]):
        for low, high in one:
            turns[low] = turns.get(low, 0) ^ (1 << number)
            turns[high + 1] = turns.get(high + 1, 0) ^ (1 << number)
    parts: dict[int, list[tuple[int, int]]] = {}
    now, places = 0, sorted(turns)
    for at, place in enumerate(places):
        now ^= turns[place]
        if now & 1:
            parts.setdefault(now, []).append((place, places[at + 1] - 1))
    return [IntervalSet(spans) for spans in parts.values()]
