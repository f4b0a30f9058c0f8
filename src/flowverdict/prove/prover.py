"""What the policy of an interface does with every packet of a region.

Where nothing is missing, the tests decide. Where something may be, packets are told apart by every
set that was looked at, and ``policy.evaluate`` decides for one packet of each cell: it cannot tell
the others from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from flowverdict.model import Direction
from flowverdict.net import EMPTY, IntervalSet
from flowverdict.policy import DEFAULTS, evaluate_at
from flowverdict.prove.diagram import (
    LimitError,
    Store,
    Work,
    beside,
    beside_all,
    by_leaf,
    combined,
)
from flowverdict.prove.pieces import Sets
from flowverdict.prove.region import (
    DEPTH,
    Box,
    Region,
    behind,
    fields_of,
    leaves,
    packet_of,
    paths,
)
from flowverdict.prove.solve import MOST_STEPS, Asked, Decided, decided, solve
from flowverdict.stages import WAYS, Policies, no_collection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from flowverdict.model import Estate, NetworkInterface, Rule
    from flowverdict.net import Packet
    from flowverdict.policy import Network, Options
    from flowverdict.prove.diagram import Node
    from flowverdict.prove.pieces import Pieces
    from flowverdict.prove.solve import Leaf
    from flowverdict.stages import Around, Policy, Side

MOST_CELLS: Final = 50_000
"""Packets that the evaluator is asked about for one question."""
MOST_TO_THEMSELVES: Final = 256
"""Addresses of which packets to themselves are judged one by one."""


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

    def has(self, *access: str) -> bool:
        """Reports whether a packet meets with one of some accesses."""
        return any(leaf.access in access for leaf in leaves(self.node))

    def missing(self) -> tuple[str, ...]:
        """Returns what is missing to know of all packets."""
        told: dict[str, None] = {}
        for leaf in leaves(self.node):
            told.update(dict.fromkeys(leaf.missing))
        return tuple(told)

    def judgements(self) -> list[tuple[Judgement, Region]]:
        """Returns what happens, and to which packets."""
        return _by_leaf(self.node)


def _by_leaf(node: Node | None) -> list[tuple[Any, Region]]:
    with no_collection():
        return [(leaf, Region(part)) for leaf, part in by_leaf(Store(), DEPTH, node)]


class Change(NamedTuple):
    """What happened to packets, and what happens to them now."""

    before: Judgement
    after: Judgement


class Difference:
    """The packets of which the judgement changes: a diagram whose leaves are ``Change``."""

    __slots__ = ("node",)

    def __init__(self, node: Node | None) -> None:
        self.node = node

    def of(self, packet: Packet) -> Change | None:
        """Returns what changes for a packet; None where nothing does."""
        return behind(self.node, fields_of(packet))

    def changes(self) -> list[tuple[Change, Region]]:
        """Returns what changes, and for which packets."""
        return _by_leaf(self.node)


class Prover:
    """Answers for the interfaces of one estate."""

    def __init__(
        self, estate: Estate, options: Options = DEFAULTS, *, steps: int = MOST_STEPS
    ) -> None:
        """Takes an estate, how open questions are answered, and how much work is granted."""
        self.estate = estate
        self._options = options
        self._steps = steps
        self._policies = Policies(estate, options)
        self._sets = Sets()

    @property
    def network(self) -> Network:
        """The estate with its options, each thing in it resolved once."""
        return self._policies.network

    def outcome(self, nic: NetworkInterface, direction: Direction, region: Region) -> Outcome:
        """Returns what happens to packets at an interface.

        Args:
            nic: where they are seen.
            direction: inbound if the interface is their destination.
            region: the packets.

        Raises:
            LimitError: it takes more work than is granted.
        """
        policies = [(self.at(nic), direction)]
        return Outcome(self._solved([self], policies, region, _SINGLE))

    def by_access(
        self, nic: NetworkInterface, direction: Direction, region: Region, *accesses: str
    ) -> dict[str, Region]:
        """Returns the packets of a region that meet with each of some accesses at an interface.

        The same as ``outcome(…).where(…)`` for each, and quicker: what decides is not told apart.

        Returns:
            By access, those that no packet meets with left out.

        Raises:
            LimitError: it takes more work than is granted.
        """
        policies = [(self.at(nic), direction)]
        node = self._solved([self], policies, region, _ByAccess(accesses))
        return {access: Region(part) for access, part in by_leaf(Store(), DEPTH, node)}

    def judgement(self, nic: NetworkInterface, direction: Direction, packet: Packet) -> Judgement:
        """Returns what happens to one packet, which has a source port if it has ports."""
        policy = self.at(nic)
        stages = policy.stages[WAYS.index(direction)]
        matches = (self._sets.first(one, policy.around, packet) for one in stages)
        found = decided(one for one in matches if one is not None)
        if found is not None:
            return _judgement(found)
        verdict = evaluate_at(policy.place, direction, packet)
        return Judgement(verdict.access, verdict.layer, verdict.rule, verdict.missing)

    def difference(
        self,
        nic: NetworkInterface,
        other: Prover,
        other_nic: NetworkInterface,
        direction: Direction,
        region: Region,
    ) -> Difference:
        """Returns the packets of a region that two interfaces' policies judge otherwise.

        Args:
            nic: an interface of this estate.
            other: answers for the other estate; may be the same.
            other_nic: an interface of that one.
            direction: inbound if the interfaces are the packets' destination.
            region: the packets.

        Raises:
            LimitError: it takes more work than is granted.
        """
        policies = [(self.at(nic), direction), (other.at(other_nic), direction)]
        return Difference(self._solved([self, other], policies, region, _CHANGE))

    def refuses(self, nic: NetworkInterface) -> bool:
        """Reports whether the option ``no-nsg=error`` refuses an answer at an interface."""
        return self._options.no_nsg == "error" and self.at(nic).lacks_nsg

    def at(self, nic: NetworkInterface) -> Policy:
        """Returns what stands before an interface."""
        return self._policies.at(nic)

    def pieces(self, policy: Policy, direction: Direction, box: Box) -> list[Pieces]:
        """Returns what of the tests of a policy of this estate lies in a box."""
        return self._sets.pieces(policy.stages[WAYS.index(direction)], policy.around, box)

    def _solved(
        self,
        provers: list[Prover],
        policies: list[tuple[Policy, Direction]],
        region: Region,
        join: _Join,
    ) -> Node | None:
        """Returns what policies do with a region; each is of one prover's estate."""
        judging = _Judging(policies, join, self._steps)
        sides = list(zip(provers, policies, strict=True))
        with no_collection():
            found = [
                judging.solved([prover.pieces(*one, box) for prover, one in sides], box)
                for box in region.disjoint()
            ]
            return beside_all(judging.store, found)


class _Join(Protocol):
    """What becomes of the judgements of policies about one packet."""

    def leaf(self, judgements: list[Judgement]) -> Any:
        """Returns the leaf; None for a packet to leave out."""

    def leaves_out(self, access: str) -> bool:
        """Reports whether a packet is left out for which all policies have an access."""
        ...


class _Single:
    """All that happens under one policy."""

    def leaf(self, judgements: list[Judgement]) -> Judgement:
        return judgements[0]

    def leaves_out(self, access: str) -> bool:  # noqa: ARG002 of no packet
        return False


class _ByAccess:
    """What access one policy has, where it is one of some."""

    def __init__(self, accesses: Iterable[str]) -> None:
        self._accesses = {one: one for one in accesses}

    def leaf(self, judgements: list[Judgement]) -> str | None:
        return self._accesses.get(judgements[0].access)

    def leaves_out(self, access: str) -> bool:
        return access not in self._accesses


class _Change:
    """What two policies judge otherwise."""

    def leaf(self, judgements: list[Judgement]) -> Change | None:
        before, after = judgements
        same = (before.access, before.missing) == (after.access, after.missing)
        return None if same else Change(before, after)

    def leaves_out(self, access: str) -> bool:  # noqa: ARG002 of all packets
        return True


_SINGLE: Final = _Single()
_CHANGE: Final = _Change()


class _ToAsk:
    """Stands for judgements that the evaluator has to make."""

    def __init__(self, leaves: Sequence[Leaf]) -> None:
        self.leaves = leaves


def _to_ask(leaf: Any) -> _ToAsk | None:
    return leaf if isinstance(leaf, _ToAsk) else None


class _Judging:
    """Judges boxes by one policy or by two side by side."""

    def __init__(
        self, policies: Sequence[tuple[Policy, Direction]], join: _Join, steps: int
    ) -> None:
        self._join = join
        self._work = Work(steps)
        self.store = Store()
        self._policies = policies
        self._cells = 0
        self._known: dict[object, Judgement] = {}
        self._leaves: dict[object, Any] = {}
        self._by_tests: dict[tuple[int, ...], Any] = {}

    def solved(self, pieces: Sequence[list[Pieces]], box: Box) -> Node | None:
        """Returns what happens to the packets of a box.

        Args:
            pieces: of each policy.
            box: the packets.
        """
        asked: dict[tuple[int, ...], _ToAsk] = {}

        def leaf_of(leaves: list[Leaf]) -> Any:
            tests = tuple([id(one.test) for one in leaves if isinstance(one, Decided)])
            if len(tests) == len(leaves):
                if tests not in self._by_tests:
                    self._by_tests[tests] = self._joined(map(self._decided, leaves))
                return self._by_tests[tests]
            parts = tuple(one.parts if isinstance(one, Asked) else id(one.test) for one in leaves)
            return asked.setdefault(parts, _ToAsk(leaves))

        found = solve(
            pieces,
            box,
            self.store,
            leaf_of,
            leaves_out=self._join.leaves_out,
            work=self._work,
        )
        if not asked:
            return found
        left = combined(self.store, DEPTH, found, None, lambda one, _: _to_ask(one))
        known = combined(
            self.store, DEPTH, found, None, lambda one, _: None if _to_ask(one) else one
        )
        cells = [
            self.store.product(cell, judged)
            for values, leaf in paths(left)
            for cell, judged in self._judged(Box(*values), leaf.leaves)
            if judged is not None
        ]
        return beside(self.store, known, beside_all(self.store, cells))

    def _judged(self, box: Box, leaves: Sequence[Leaf]) -> Iterator[tuple[Box, Any]]:
        """Yields the parts of a box with what happens to their packets.

        Where both ends of a packet are one address, what is missing about the one is what is
        missing about the other: such packets are judged apart. Where there are too many of them to
        be told one by one, they are judged as their neighbours, which cannot know more than they.
        """
        for cell in self._cut_up(box, leaves):
            both = self._in_doubt(cell, leaves)
            if not both:
                yield cell, self._joined(self._asked(_apart(cell), leaves))
                continue
            itself = self._joined(self._asked(_itself(cell, both), leaves))
            if cell.sources == cell.destinations == both and both.size == 1:
                yield cell, itself
                continue
            others = self._joined(self._asked(_apart(cell), leaves))
            if itself is others or both.size > MOST_TO_THEMSELVES:
                yield cell, others
                continue
            for address in (one for low, high in both for one in range(low, high + 1)):
                one = IntervalSet([(address, address)])
                yield cell._replace(sources=one, destinations=one), itself
                if rest := cell.destinations - one:
                    yield cell._replace(sources=one, destinations=rest), others
            if rest := cell.sources - both:
                yield cell._replace(sources=rest), others

    def _in_doubt(self, cell: Box, leaves: Sequence[Leaf]) -> IntervalSet:
        """Returns the addresses at both ends of packets, if of both ends something is missing."""
        both = cell.sources & cell.destinations
        if not both:
            return both
        for leaf, (policy, _) in zip(leaves, self._policies, strict=True):
            tests = leaf.tests if isinstance(leaf, Asked) else ()
            if all(
                any(_has_doubts(getattr(test, name), policy.around) for test in tests)
                for name in ("src", "dst")
            ):
                return both
        return EMPTY

    def _joined(self, judgements: Iterable[Judgement]) -> Any:
        some = list(judgements)
        key = tuple(map(id, some))
        if key not in self._leaves:
            self._leaves[key] = self._join.leaf(some)
        return self._leaves[key]

    def _decided(self, leaf: Leaf) -> Judgement:
        assert isinstance(leaf, Decided)
        return self._one(_judgement(leaf))

    def _one(self, judgement: Judgement) -> Judgement:
        key = (judgement.access, judgement.layer, id(judgement.rule), judgement.missing)
        return self._known.setdefault(key, judgement)

    def _cut_up(self, box: Box, leaves: Sequence[Leaf]) -> Iterator[Box]:
        """Yields parts of a box within which no set that is looked at tells packets apart."""
        sources = _cut(box.sources, self._cuts(leaves, "src"))
        destinations = _cut(box.destinations, self._cuts(leaves, "dst"))
        self._cells += len(sources) * len(destinations)
        if self._cells > MOST_CELLS:
            raise LimitError(
                f"more than {MOST_CELLS:,} kinds of packets to ask the evaluator about"
            )
        for one in sources:
            for other in destinations:
                yield box._replace(sources=one, destinations=other)

    def _cuts(self, leaves: Sequence[Leaf], name: str) -> Iterator[IntervalSet]:
        for leaf, (policy, _) in zip(leaves, self._policies, strict=True):
            around = policy.around
            for test in leaf.tests if isinstance(leaf, Asked) else ():
                side: Side = getattr(test, name)
                yield from side.cuts
                if side.in_network:
                    yield from around.network.cuts
                if side.in_internet:
                    yield from around.internet.cuts

    def _asked(self, packet: Packet, leaves: Sequence[Leaf]) -> Iterator[Judgement]:
        """Yields what happens to a packet, where the evaluator has to be asked as it says."""
        for leaf, (policy, direction) in zip(leaves, self._policies, strict=True):
            if isinstance(leaf, Decided):
                yield self._decided(leaf)
                continue
            verdict = evaluate_at(policy.place, direction, packet)
            yield self._one(Judgement(verdict.access, verdict.layer, verdict.rule, verdict.missing))


def _judgement(leaf: Decided) -> Judgement:
    test = leaf.test
    layer, rule = (test.layer, test.rule) if test else (None, None)
    return Judgement(leaf.access, layer, rule)


def _apart(cell: Box) -> Packet:
    """Returns a packet of a cell between two addresses, if there is one."""
    protocol, src, dst, port, source_port = (one.spans[0][0] for one in cell)
    if dst == src:
        dst = cell.destinations.spans[-1][1]
    if dst == src:
        src = cell.sources.spans[-1][1]
    return packet_of((protocol, src, dst, port, source_port))


def _itself(cell: Box, both: IntervalSet) -> Packet:
    """Returns a packet of a cell from an address to itself."""
    return _apart(cell._replace(sources=_first(both), destinations=_first(both)))


def _first(values: IntervalSet) -> IntervalSet:
    low = values.spans[0][0]
    return IntervalSet([(low, low)])


def _has_doubts(side: Side, around: Around) -> bool:
    """Reports whether a missing fact may be asked for about an address of a side."""
    of_tags = (side.in_network and around.network.asks) or (
        side.in_internet and around.internet.asks
    )
    return bool(side.asks or of_tags)


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
