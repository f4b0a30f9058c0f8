"""The fewest rules that match all of some packets and none of others.

A rule matches every combination of its sources, destinations and ports. So packets can share one if
no combination of theirs is forbidden, and fewest rules is a division of the packets into as few
such groups as there can be. That is hard in general: it is searched for up to a number of steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product
from math import prod
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
    others = frozenset(
        one
        for one in forbidden
        if all(value in side for value, side in zip(one, sides, strict=True))
    )
    classes = [_Classes(field, wanted, others) for field in range(3)]
    search = _Search(
        sorted({_class_of(one, classes) for one in wanted}),
        {_class_of(one, classes) for one in others},
        [one.sizes for one in classes],
        steps,
    )
    groups, at_least = search.run()
    return Cover(tuple(_box(one, classes) for one in groups), at_least)


class _Classes:
    """The values of a field by classes between which nothing tells.

    Two sources that are wanted and forbidden with the same destinations and ports can share every
    rule; likewise two destinations, and two ports.

    Attributes:
        of: the class of each value.
        sizes: how many values each class has.
    """

    def __init__(self, field: int, points: frozenset[Point], forbidden: frozenset[Point]) -> None:
        known: dict[int | None, set[tuple[bool, int | None, int | None]]] = {}
        for some in (points, forbidden):
            for one in some:
                first, second = (*one[:field], *one[field + 1 :])
                known.setdefault(one[field], set()).add((some is points, first, second))
        numbers: dict[frozenset[tuple[bool, int | None, int | None]], int] = {}
        self.of: dict[int | None, int] = {}
        self._values: list[set[int | None]] = []
        for value in sorted(known, key=_none_first):
            rest = frozenset(known[value])
            number = numbers.setdefault(rest, len(numbers))
            if number == len(self._values):
                self._values.append(set())
            self._values[number].add(value)
            self.of[value] = number
        self.sizes = [len(one) for one in self._values]

    def values(self, numbers: Iterable[int]) -> frozenset[int | None]:
        """Returns the values of some classes."""
        return frozenset[int | None]().union(*(self._values[one] for one in numbers))


def _none_first(value: int | None) -> int:
    return -1 if value is None else value


_Class = tuple[int, int, int]
"""The classes of a point's source, destination and port."""


class _Group(NamedTuple):
    """Classes of sources, destinations and ports: every combination."""

    sources: frozenset[int]
    destinations: frozenset[int]
    ports: frozenset[int]

    def joined(self, other: _Group) -> _Group:
        """Returns the smallest group that both are in."""
        return _Group(*(one | two for one, two in zip(self, other, strict=True)))


def _class_of(point: Point, classes: Sequence[_Classes]) -> _Class:
    source, destination, port = (some.of[one] for one, some in zip(point, classes, strict=True))
    return source, destination, port


def _box(group: _Group, classes: Sequence[_Classes]) -> Box:
    fields = (some.values(one) for one, some in zip(group, classes, strict=True))
    return Box(*fields)  # pyright: ignore[reportArgumentType]


class _Search:
    """Divides points into groups, branch by branch, those that fit with fewest others first."""

    def __init__(
        self, points: list[_Class], forbidden: set[_Class], sizes: list[list[int]], steps: int
    ) -> None:
        self._forbidden = forbidden
        self._sizes = sizes
        self._steps = steps
        self._points = [_Group(*(frozenset([one]) for one in point)) for point in points]
        self._best = self._greedy()
        self._cost = self._cost_of(self._best)

    def run(self) -> tuple[list[_Group], int]:
        """Returns the best division, and how many groups it takes at the least."""
        at_least = 1
        if len(self._points) <= _MOST:
            apart = {point: set[_Group]() for point in self._points}
            for one, other in combinations(self._points, 2):
                if not self._fits(one.joined(other)):
                    apart[one].add(other)
                    apart[other].add(one)
            self._points.sort(key=lambda point: -len(apart[point]))
            at_least = self._clique(apart)
            self._place(0, [])
            if self._steps > 0:
                at_least = len(self._best)
        return self._best, at_least

    def _greedy(self) -> list[_Group]:
        """Puts each point where it adds least."""
        groups: list[_Group] = []
        for point in self._points:
            wider, number = next(self._ways(groups, point), (point, len(groups)))
            groups[number : number + 1] = [wider]
        return groups

    def _ways(self, groups: list[_Group], point: _Group) -> Iterator[tuple[_Group, int]]:
        """Yields groups with the point in them, where it adds least first."""
        joined = [(one.joined(point), number) for number, one in enumerate(groups)]
        for wider, number in sorted(
            joined, key=lambda one: self._size(one[0]) - self._size(groups[one[1]])
        ):
            if self._fits(wider):
                yield wider, number

    def _fits(self, group: _Group) -> bool:
        if len(self._forbidden) < prod(map(len, group)):
            return not any(
                all(one in some for one, some in zip(point, group, strict=True))
                for point in self._forbidden
            )
        return self._forbidden.isdisjoint(product(*group))

    def _size(self, group: _Group) -> int:
        """Returns how many packets a group has."""
        return prod(
            sum(sizes[one] for one in some) for some, sizes in zip(group, self._sizes, strict=True)
        )

    def _clique(self, apart: dict[_Group, set[_Group]]) -> int:
        """Returns the size of a set of points of which no two can share a rule."""
        found: list[_Group] = []
        for point in self._points:
            if all(point in apart[one] for one in found):
                found.append(point)
        return len(found)

    def _place(self, at: int, groups: list[_Group]) -> None:
        """Puts what is left into groups, and keeps the best way."""
        if self._steps <= 0 or self._cost_of(groups) >= self._cost:
            return
        self._steps -= 1
        if at == len(self._points):
            self._cost, self._best = self._cost_of(groups), groups
            return
        point = self._points[at]
        for wider, number in self._ways(groups, point):
            self._place(at + 1, [*groups[:number], wider, *groups[number + 1 :]])
        self._place(at + 1, [*groups, point])

    def _cost_of(self, groups: list[_Group]) -> tuple[int, int]:
        return len(groups), sum(map(self._size, groups))
