"""What ordered tests do with every packet of a box, as a decision diagram.

The fields are taken one after the other. Of the tests that can still match, those that do not match
every value of the field cut it into spans; in each span some of them are left. Tests that cannot
have a say any more are dropped, so that spans that differ in nothing that counts are found to be
alike, and what was solved once for a field and some tests is not solved again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from flowverdict.prove.diagram import LimitError
from flowverdict.prove.region import DEPTH
from flowverdict.stages import KEEP_FIRST, STOP

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from flowverdict.prove.diagram import Node, Store
    from flowverdict.prove.region import Box
    from flowverdict.stages import Test

MOST_STEPS: Final = 5_000_000
"""Spans of fields that one question may cut."""


class Piece(NamedTuple):
    """Packets for which a test may count, within a box.

    Attributes:
        certain: it matches them; else whether it does hangs on what is missing.
    """

    test: Test
    box: Box
    certain: bool


@dataclass(frozen=True, eq=False, slots=True)
class Decided:
    """A test decides; None where nothing does, and the packet passes."""

    test: Test | None

    @property
    def access(self) -> str:
        """``Allow`` or ``Deny``."""
        return self.test.access if self.test else "Allow"


@dataclass(frozen=True, eq=False, slots=True)
class Asked:
    """What happens hangs on something that may be missing: the evaluator has to be asked.

    Attributes:
        tests: those of which it is not certain whether they match.
    """

    tests: tuple[Test, ...]


class Leaves:
    """Makes leaves, equal ones once."""

    def __init__(self) -> None:
        self._decided: dict[int, Decided] = {}
        self._asked: dict[tuple[int, ...], Asked] = {}

    def decided(self, test: Test | None) -> Decided:
        """Returns the leaf for a deciding test."""
        return self._decided.setdefault(id(test), Decided(test))

    def asked(self, pieces: Iterable[Piece]) -> Asked:
        """Returns the leaf for pieces that have a say, some of which may match or not."""
        some = list(pieces)
        key = tuple((id(one.test), one.certain) for one in some)
        if key not in self._asked:
            self._asked[key] = Asked(tuple(one.test for one in some if not one.certain))
        return self._asked[key]


def solve(
    stages: Sequence[Sequence[Piece]],
    box: Box,
    store: Store,
    leaves: Leaves,
    *,
    steps: int = MOST_STEPS,
) -> Node | None:
    """Returns what stages do with the packets of a box; leaves are ``Decided`` or ``Asked``.

    Args:
        stages: the pieces of each stage, in the order of their tests, within the box; of a test
            what is certain before what is not.
        box: the packets.
        store: makes the nodes.
        leaves: makes the leaves; has to live as long as the store.
        steps: how much work is granted.

    Raises:
        LimitError: it takes more.
    """
    solving = _Solving(stages, box, store, leaves, steps)
    return solving.node(0, (1 << sum(map(len, stages))) - 1)


class _Solving:
    def __init__(
        self,
        stages: Sequence[Sequence[Piece]],
        box: Box,
        store: Store,
        leaves: Leaves,
        steps: int,
    ) -> None:
        self._box = box
        self._store = store
        self._leaves = leaves
        self._granted = self._steps = steps
        self._pieces = [piece for stage in stages for piece in stage]
        self._memo: list[dict[int, Any]] = [{} for _ in range(DEPTH + 1)]
        self._whole = [0] * DEPTH
        """Of each field the pieces that have all of its values."""
        self._spans: list[list[tuple[tuple[int, int], ...]]] = [[] for _ in range(DEPTH)]
        for field in range(DEPTH):
            every = box[field].spans
            for number, piece in enumerate(self._pieces):
                spans = piece.box[field].spans
                self._spans[field].append(spans)
                if spans == every:
                    self._whole[field] |= 1 << number
        self._stages = [_Stage(some) for some in _numbered(stages)]
        for at, stage in enumerate(self._stages):
            stage.behind = sum(later.all for later in self._stages[at + 1 :])
        self._platform = sum(
            1 << number
            for number, piece in enumerate(self._pieces)
            if piece.test.layer == "platform"
        )
        certain = sum(1 << number for number, one in enumerate(self._pieces) if one.certain)
        self._sure_from = [0] * DEPTH + [certain]
        """Of each field the pieces that match for sure whatever it and those behind it are."""
        for field in reversed(range(DEPTH)):
            self._sure_from[field] = self._sure_from[field + 1] & self._whole[field]

    def node(self, field: int, live: int) -> Any:
        """Returns what follows from a field and those behind it if these pieces may match."""
        live = self._with_a_say(field, live)
        memo = self._memo[field]
        if live in memo:
            return memo[live]
        if field == DEPTH:
            found = self._leaf(live)
        elif partial := live & ~self._whole[field]:
            found = self._store.node(self._cut(field, live, partial))
        else:
            child = self.node(field + 1, live)
            found = self._store.node((low, high, child) for low, high in self._box[field])
        memo[live] = found
        return found

    def _cut(self, field: int, live: int, partial: int) -> Iterator[tuple[int, int, Any]]:
        """Yields the spans of a field in which the same pieces are left, and what follows."""
        spans = self._spans[field]
        turns: dict[int, int] = {}
        rest = partial
        while rest:
            bit = rest & -rest
            rest ^= bit
            for low, high in spans[bit.bit_length() - 1]:
                turns[low] = turns.get(low, 0) ^ bit
                turns[high + 1] = turns.get(high + 1, 0) ^ bit
        self._steps -= len(turns)
        if self._steps < 0:
            raise LimitError(f"more than {self._granted:,} spans of fields to tell apart")
        inside = 1 << len(self._pieces)
        for low, high in self._box[field]:
            turns[low] = turns.get(low, 0) ^ inside
            turns[high + 1] = turns.get(high + 1, 0) ^ inside
        now = live & self._whole[field]
        places = sorted(turns)
        for at, place in enumerate(places):
            now ^= turns[place]
            if now & inside:
                yield place, places[at + 1] - 1, self.node(field + 1, now ^ inside)

    def _with_a_say(self, field: int, live: int) -> int:
        """Drops the pieces behind one that matches for sure, where they have no say."""
        if live & self._platform:  # what the platform exempts hangs on rules wherever they stand
            return live
        sure = live & self._sure_from[field]
        if not sure:
            return live
        for stage in self._stages:
            found = sure & stage.all
            if not found or stage.is_unordered:
                continue
            first = found & -found
            live &= ~(stage.all & -(first << 1))
            if first & stage.stops and not live & stage.all & (first - 1) & ~stage.stops:
                return live & ~stage.behind
        return live

    def _leaf(self, live: int) -> Decided | Asked:
        kept: Test | None = None
        for stage in self._stages:
            some = live & stage.all
            if not some:
                continue
            test, _, certain = self._pieces[(some & -some).bit_length() - 1]
            if not certain:
                return self._ask(live)
            if test.action == STOP:
                return self._leaves.decided(test)
            if test.action != KEEP_FIRST or kept is None:
                kept = test
        return self._leaves.decided(kept)

    def _ask(self, live: int) -> Asked:
        return self._leaves.asked(
            piece for number, piece in enumerate(self._pieces) if live >> number & 1
        )


class _Stage:
    """The pieces of a stage as bits.

    Attributes:
        all: all of them.
        stops: those whose test ends the evaluation.
        behind: those of later stages.
        is_unordered: the order within the stage may be another one.
    """

    __slots__ = ("all", "behind", "is_unordered", "stops")

    def __init__(self, pieces: Iterable[tuple[int, Piece]]) -> None:
        self.all = self.stops = self.behind = 0
        self.is_unordered = False
        for number, piece in pieces:
            self.all |= 1 << number
            if piece.test.action == STOP:
                self.stops |= 1 << number
            if piece.test.rule is None:
                self.is_unordered = True


def _numbered(stages: Sequence[Sequence[Piece]]) -> Iterator[list[tuple[int, Piece]]]:
    first = 0
    for stage in stages:
        yield list(enumerate(stage, first))
        first += len(stage)
