"""What ordered tests do with every packet of a box, as a decision diagram.

The fields are taken one after the other. Of the tests that can still match, those that do not match
every value of the field cut it into spans; in each span some of them are left. Tests that cannot
have a say any more are dropped, so that spans that differ in nothing that counts are found to be
alike, and what was solved once for a field and some tests is not solved again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from flowverdict.model import Access
from flowverdict.policy.services import BY_TAG
from flowverdict.prove.region import DEPTH
from flowverdict.stages import KEEP_FIRST, STOP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from flowverdict.net import IntervalSet
    from flowverdict.prove.diagram import Edge, Node, Store, Work
    from flowverdict.prove.pieces import Pieces
    from flowverdict.prove.region import Box
    from flowverdict.stages import Test

MOST_STEPS: Final = 2_000_000
"""Spans of fields that one question may cut."""


@dataclass(frozen=True, eq=False, slots=True)
class Decided:
    """A test decides; None where nothing does, and the packet passes."""

    test: Test | None

    @property
    def access(self) -> str:
        """``Allow`` or ``Deny``."""
        return self.test.access if self.test else "Allow"


@dataclass(frozen=True, slots=True)
class Asked:
    """What happens hangs on something that may be missing: the evaluator has to be asked.

    Attributes:
        tests: those of which it is not certain whether they match.
        parts: what tells such packets from others: the pieces that have a say.
    """

    tests: tuple[Test, ...]
    parts: int


Leaf = Decided | Asked


def decided(matches: Iterable[tuple[Test, bool]]) -> Decided | None:
    """Returns what decides; None where the evaluator has to be asked.

    Args:
        matches: of each stage in which one may match the first such test, and whether it does for
            sure.
    """
    kept: Test | None = None
    for test, certain in matches:
        if not certain:
            return None
        if test.action == STOP:
            return Decided(test)
        if test.action != KEEP_FIRST or kept is None:
            kept = test
    return Decided(kept)


def solve(
    policies: Sequence[Sequence[Pieces]],
    box: Box,
    store: Store,
    leaf_of: Callable[[list[Leaf]], Any],
    *,
    leaves_out: Callable[[str], bool],
    work: Work,
) -> Node | None:
    """Returns what policies do with the packets of a box.

    Args:
        policies: of each policy the pieces of its stages, within the box.
        box: the packets.
        store: makes the nodes.
        leaf_of: gives the leaf for what each policy does; None for packets to leave out. Equal
            leaves have to be one object, and live as long as the store.
        leaves_out: reports whether packets are left out for which every policy has this access,
            whatever decides.
        work: how much is granted.

    Raises:
        LimitError: it takes more.
    """
    return _Solving(policies, box, store, leaf_of, leaves_out, work).solved()


class _Stage(NamedTuple):
    """The pieces of a stage as bits.

    Attributes:
        all: all of them.
        keeps: those whose test does not end the evaluation.
        behind: those of later stages of the policy.
        is_ordered: false where the order within the stage may be another one.
    """

    all: int
    keeps: int
    behind: int
    is_ordered: bool


class _Solving:
    def __init__(
        self,
        policies: Sequence[Sequence[Pieces]],
        box: Box,
        store: Store,
        leaf_of: Callable[[list[Leaf]], Any],
        leaves_out: Callable[[str], bool],
        work: Work,
    ) -> None:
        self._box = box
        self._store = store
        self._leaf_of = leaf_of
        self._work = work
        self._pieces = [one for stages in policies for stage in stages for one in stage]
        self._memo: list[dict[int, Any]] = [{} for _ in range(DEPTH + 1)]
        self._tails: list[dict[int, Any]] = [{} for _ in range(DEPTH)]
        self._all, self._outside = (1 << len(self._pieces)) - 1, 1 << len(self._pieces)
        self._places: list[list[tuple[int, ...]]] = []
        """Of each field and piece where its values begin and where they have ended, by turns."""
        self._borders = [_places(one) for one in box]
        """Likewise of the box."""
        whole: list[int] = []
        for field, every in enumerate(box):
            some = [one.box[field].spans for one in self._pieces]
            self._places.append([_places(one.box[field]) for one in self._pieces])
            low, high = every.spans[0]
            whole.append(
                self._all
                if low == high and len(every.spans) == 1
                else _bits([spans is every.spans or spans == every.spans for spans in some])
            )
        self._partial = [self._all & ~one for one in whole]
        """Of each field the pieces that lack some of its values."""
        self._sure_from = [0] * DEPTH
        """Of each field the pieces that match for sure whatever it and those behind it are."""
        sure = self._certain = _bits([one.certain for one in self._pieces])
        for field in reversed(range(DEPTH)):
            sure &= whole[field]
            self._sure_from[field] = sure
        self._policies = list(_policies(policies))
        self._stages = [stage.all for stages in self._policies for stage in stages if stage.all]
        tests = [one.test for one in self._pieces]
        self._platform = _bits([one.layer == "platform" for one in tests])
        self._named = _bits(map(_unexempts, tests)) if self._platform else 0
        accesses = [name for name in ("Allow", "Deny") if leaves_out(name)]
        self._left_out = [(_bits([one.access == name for one in tests]), name) for name in accesses]

    def solved(self) -> Node | None:
        """Returns the diagram."""
        return self._node(0, self._all)

    def _node(self, field: int, live: int) -> Any:
        """Returns what follows from a field and those behind it if these pieces may match."""
        memo = self._memo[field]
        if live in memo:
            return memo[live]
        if field == DEPTH:
            found = memo[live] = self._decided(live)
            return found
        asked, sure = live, live & self._sure_from[field]
        if sure == live:
            found = memo[asked] = self._tail(field, live)
            return found
        if sure:
            left = self._with_a_say(live, sure)
            left = left | live & self._named if live & self._platform else left
            if left != live:
                if left in memo:
                    found = memo[asked] = memo[left]
                    return found
                live, sure = left, left & sure
        if self._left_out and self._is_left_out(live, sure):
            found = None
        elif live == sure:
            found = self._tail(field, live)
        elif partial := live & self._partial[field]:
            found = self._store.made(self._cut(field, live, partial))
        else:
            child = self._node(field + 1, live)
            spans = self._box[field].spans
            found = None
            if child is not None:
                found = self._store.made([(low, high, child) for low, high in spans])
        memo[asked] = memo[live] = found
        return found

    def _decided(self, live: int) -> Any:
        return self._leaf_of([self._leaf(live, stages) for stages in self._policies])

    def _is_left_out(self, live: int, sure: int) -> bool:
        """Reports whether what is live leads to an access that is left out, whatever matches."""
        if live & ~self._certain:
            return False
        for those, name in self._left_out:
            if live & ~those:
                continue
            if name == "Allow":  # what nothing matches passes too
                return True
            return all(any(sure & one.all for one in stages) for stages in self._policies)
        return False

    def _tail(self, field: int, live: int) -> Any:
        """Returns what follows from a field if the values of it and those behind do not count."""
        first = 0
        for stage in self._stages:
            some = live & stage
            first |= some & -some
        tails = self._tails[field]
        if first not in tails:
            leaf = self._decided(first)
            whole = None if leaf is None else self._store.product(self._box[field:], leaf)
            tails[first] = whole
        return tails[first]

    def _cut(self, field: int, live: int, partial: int) -> list[Edge]:
        """Returns the spans of a field in which the same pieces are left, and what follows."""
        places = self._places[field]
        turns: dict[int, int] = {}
        turn = turns.get
        rest = partial
        while rest:
            bit = rest & -rest
            rest ^= bit
            for place in places[bit.bit_length() - 1]:
                turns[place] = turn(place, 0) ^ bit
        self._work.take(len(turns))
        outside = self._outside
        for place in self._borders[field]:
            turns[place] = turn(place, 0) ^ outside
        known = self._memo[field + 1].get
        edges: list[Edge] = []
        now = live & ~partial | outside
        start: int = 0
        last: Any = None
        for place in sorted(turns):
            if last is not None:
                edges.append((start, place - 1, last))
            now ^= turns[place]
            start = place
            last = None
            if now < outside:
                last = known(now, self)  # which no node is
                if last is self:
                    last = self._node(field + 1, now)
        return _merged(edges)

    def _with_a_say(self, live: int, sure: int) -> int:
        """Drops the pieces behind one that matches for sure, where they have no say."""
        for stages in self._policies:
            for stage in stages:
                found = sure & stage.all
                if not found or not stage.is_ordered:
                    continue
                first = found & -found
                live &= ~(stage.all & -(first << 1))
                if not (first | live & (first - 1)) & stage.keeps:
                    live &= ~stage.behind
                    break
        return live

    def _leaf(self, live: int, stages: list[_Stage]) -> Leaf:
        matches: list[tuple[Test, bool]] = []
        for stage in stages:
            if some := live & stage.all:
                test, _, certain = self._pieces[(some & -some).bit_length() - 1]
                matches.append((test, certain))
        return decided(matches) or self._ask(live, stages)

    def _ask(self, live: int, stages: list[_Stage]) -> Asked:
        own = live & sum(stage.all for stage in stages)
        tests = [
            piece.test
            for number, piece in enumerate(self._pieces)
            if own >> number & 1 and not piece.certain
        ]
        return Asked(tuple(tests), own)


def _merged(edges: list[Edge]) -> list[Edge]:
    """Returns edges with those that touch and lead to the same made one."""
    found: list[Edge] = []
    for low, high, child in edges:
        if found and found[-1][2] is child and found[-1][1] == low - 1:
            found[-1] = (found[-1][0], high, child)
        else:
            found.append((low, high, child))
    return found


def _places(values: IntervalSet) -> tuple[int, ...]:
    """Returns where values begin and where they have ended, by turns."""
    spans = values.spans
    if len(spans) == 1:
        return spans[0][0], spans[0][1] + 1
    return tuple([place for low, high in spans for place in (low, high + 1)])


def _bits(some: Iterable[bool]) -> int:
    """Returns a number with a bit for each of some that holds, the first one lowest."""
    found, bit = 0, 1
    for one in some:
        if one:
            found |= bit
        bit <<= 1
    return found


def _unexempts(test: Test) -> bool:
    """Reports whether a rule denies packets for the platform by name, and so wherever it stands."""
    rule = test.rule
    return (
        rule is not None
        and rule.access is Access.DENY
        and any(tag.lower() in BY_TAG for tag in rule.destination.tags)
    )


def _policies(policies: Sequence[Sequence[Pieces]]) -> list[list[_Stage]]:
    """Returns the stages of policies, their pieces numbered through."""
    first = sum(len(stage) for stages in policies for stage in stages)
    found: list[list[_Stage]] = []
    for stages in reversed(policies):
        some: list[_Stage] = []
        behind = 0
        for stage in reversed(stages):
            first -= len(stage)
            every = ((1 << len(stage)) - 1) << first
            keeps = sum(
                1 << number for number, one in enumerate(stage, first) if one.test.action != STOP
            )
            ordered = all(one.test.rule is not None for one in stage)
            some.insert(0, _Stage(every, keeps, behind, ordered))
            behind |= every
        found.insert(0, some)
    return found
