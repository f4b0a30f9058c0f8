"""The fewest rules that match all of some packets and none of others.

A rule matches every combination of its sources, destinations and ports. So packets can share one if
no combination of theirs is forbidden, and fewest rules is a division of the packets into as few
such groups as there can be. That is hard in general: it is searched for up to a number of steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

STEPS: Final = 200_000
"""Groups that are tried before the search ends with what it has."""
_MOST: Final = 100
"""Classes of packets among which it is searched at all; above, each is put where it fits best."""


class Point(NamedTuple):
    """A packet, as far as rules of one protocol and direction tell packets apart.

    Attributes:
        source: an address.
        destination: likewise.
        port: the destination port; None where the protocol has none.
    """

    source: int
    destination: int
    port: int | None


@dataclass(frozen=True, slots=True)
class Box:
    """What one rule matches: every combination."""

    sources: frozenset[int]
    destinations: frozenset[int]
    ports: frozenset[int | None]

    @property
    def size(self) -> int:
        """How many combinations there are."""
        return len(self.sources) * len(self.destinations) * len(self.ports)

    def __contains__(self, point: Point) -> bool:
        return (
            point.source in self.sources
            and point.destination in self.destinations
            and point.port in self.ports
        )

    def joined(self, other: Box) -> Box:
        """Returns the smallest box that both are in."""
        return Box(
            self.sources | other.sources,
            self.destinations | other.destinations,
            self.ports | other.ports,
        )


@dataclass(frozen=True, slots=True)
class Cover:
    """Boxes that have every point.

    Attributes:
        boxes: of those with as few boxes, one with few combinations.
        at_least: how many boxes it takes at the least, as far as that is known.
    """

    boxes: tuple[Box, ...]
    at_least: int

    @property
    def is_smallest(self) -> bool:
        """Whether fewer boxes are known not to do."""
        return len(self.boxes) == self.at_least


def cover(points: Iterable[Point], forbidden: Iterable[Point], *, steps: int = STEPS) -> Cover:
    """Returns as few boxes as can be found that have every point, and none that is forbidden.

    Args:
        points: what is to be matched.
        forbidden: what is not; none of the points.
        steps: when to give up the search for fewer.
    """
    wanted = frozenset(points)
    if not wanted:
        return Cover((), 0)
    sides = [{one[field] for one in wanted} for field in range(3)]
    others = [
        one
        for one in frozenset(forbidden)
        if all(value in side for value, side in zip(one, sides, strict=True))
    ]
    return _Search(_classes(wanted, frozenset(others)), others, steps).run()


def _classes(points: frozenset[Point], forbidden: frozenset[Point]) -> list[Box]:
    """Draws together points between which nothing tells.

    Two sources that are wanted and forbidden with the same destinations and ports can share every
    rule; likewise two destinations, and two ports. Each class is one box.
    """
    alike: list[dict[int | None, frozenset[int | None]]] = []
    for field in range(3):
        known: dict[int | None, set[tuple[bool, int | None, int | None]]] = {}
        for some in (points, forbidden):
            for one in some:
                first, second = (*one[:field], *one[field + 1 :])
                known.setdefault(one[field], set()).add((some is points, first, second))
        same: dict[frozenset[tuple[bool, int | None, int | None]], set[int | None]] = {}
        for value, rest in known.items():
            same.setdefault(frozenset(rest), set()).add(value)
        alike.append({value: frozenset(some) for some in same.values() for value in some})
    found: dict[Box, None] = {}
    for one in sorted(points, key=str):
        box = Box(*(some[value] for some, value in zip(alike, one, strict=True)))  # pyright: ignore[reportArgumentType]
        found[box] = None
    return list(found)


class _Search:
    """Divides boxes into groups, branch by branch, those that fit with fewest others first."""

    def __init__(self, boxes: list[Box], forbidden: Sequence[Point], steps: int) -> None:
        self._forbidden = forbidden
        self._steps = steps
        self._boxes = boxes
        self._best = self._greedy()
        self._cost = _cost(self._best)

    def run(self) -> Cover:
        """Returns the best division."""
        at_least = 1
        if len(self._boxes) <= _MOST:
            apart = {box: set[Box]() for box in self._boxes}
            for one, other in combinations(self._boxes, 2):
                if not self._fits(one.joined(other)):
                    apart[one].add(other)
                    apart[other].add(one)
            self._boxes.sort(key=lambda box: -len(apart[box]))
            at_least = self._clique(apart)
            self._place(0, [])
            if self._steps > 0:
                at_least = len(self._best)
        return Cover(tuple(self._best), at_least)

    def _greedy(self) -> list[Box]:
        """Puts each box where it adds least."""
        groups: list[Box] = []
        for box in self._boxes:
            wider, number = next(self._ways(groups, box), (box, len(groups)))
            groups[number : number + 1] = [wider]
        return groups

    def _ways(self, groups: list[Box], box: Box) -> Iterator[tuple[Box, int]]:
        """Yields groups with the box in them, where it adds least first."""
        joined = [(one.joined(box), number) for number, one in enumerate(groups)]
        for wider, number in sorted(joined, key=lambda one: one[0].size - groups[one[1]].size):
            if self._fits(wider):
                yield wider, number

    def _fits(self, box: Box) -> bool:
        return not any(one in box for one in self._forbidden)

    def _clique(self, apart: dict[Box, set[Box]]) -> int:
        """Returns the size of a set of boxes of which no two can share a rule."""
        found: list[Box] = []
        for box in self._boxes:
            if all(box in apart[one] for one in found):
                found.append(box)
        return len(found)

    def _place(self, at: int, groups: list[Box]) -> None:
        """Puts what is left into groups, and keeps the best way."""
        if self._steps <= 0 or _cost(groups) >= self._cost:
            return
        self._steps -= 1
        if at == len(self._boxes):
            self._cost, self._best = _cost(groups), groups
            return
        box = self._boxes[at]
        for wider, number in self._ways(groups, box):
            self._place(at + 1, [*groups[:number], wider, *groups[number + 1 :]])
        self._place(at + 1, [*groups, box])


def _cost(groups: list[Box]) -> tuple[int, int]:
    return len(groups), sum(one.size for one in groups)
