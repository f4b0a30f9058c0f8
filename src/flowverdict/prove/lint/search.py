"""Whether some packet gets past rules: looked for, not reckoned out.

What a long list leaves of a rule may take thousands of boxes to write down, and hardly ever is more
wanted of it than whether it is there. So boxes are cut at one rule after another, and the first
part that no rule touches any more is the answer. Only where there is none all of it is looked at.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from flowverdict.prove.diagram import LimitError
from flowverdict.prove.lint.boxes import APART, CHEAP_FIRST, WITHIN, compared
from flowverdict.prove.region import Box

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from flowverdict.net import IntervalSet
    from flowverdict.prove.lint.boxes import Boxes

MOST_PARTS: Final = 500_000
"""Parts of boxes that are looked at for one list of rules; the longest that is allowed, with lists
in all fields, took 80,000."""


class Effort:
    """How many parts of boxes may still be looked at."""

    __slots__ = ("_left", "_most")

    def __init__(self, most: int = MOST_PARTS) -> None:
        self._most = self._left = most

    def take(self) -> None:
        """Looks at a part.

        Raises:
            LimitError: it is one too many.
        """
        if self._left == 0:
            raise LimitError(f"more than {self._most:,} parts of sets of packets")
        self._left -= 1


class Wall(NamedTuple):
    """Packets that a rule keeps from going on.

    Attributes:
        is_gate: they go on to the next stage at once; else they are gone.
        open: the fields in which the box that is looked at is not within the wall's.
    """

    box: Box
    is_gate: bool = False
    open: tuple[int, ...] = CHEAP_FIRST


Walls = list[Wall]
"""Of one stage, in order; what none of them touches goes on to the next stage."""


def walls(boxes: Iterable[Boxes]) -> Walls:
    """Returns walls of boxes, all of which keep packets for good."""
    return [Wall(box) for some in boxes for box in some]


def survivor(some: Boxes, stages: Sequence[Walls], effort: Effort) -> Box | None:
    """Returns packets of boxes that get past all stages; None if there is no such packet.

    Raises:
        LimitError: it takes more parts of boxes than are left.
    """
    parts: list[tuple[Box, int, Walls]] = [(box, -1, []) for box in reversed(some)]
    while parts:
        box, at, ahead = parts.pop()
        effort.take()
        while not ahead:
            at += 1
            if at == len(stages):
                return box
            ahead = touching(stages[at], box)
        wall = _next(ahead)
        if not wall.open:
            if wall.is_gate:
                parts.append((box, at, []))
            continue
        rest = [one for one in ahead if one is not wall]
        for _, outside, changed in sorted(_outside(box, wall), key=itemgetter(0)):
            parts.append((outside, at, _of_part(rest, outside, changed)))
        if wall.is_gate:
            inside = box & wall.box
            parts.append((inside, at, []))
    return None


def touching(some: Walls, box: Box) -> Walls:
    """Returns the walls that a box touches, up to one that has all of it."""
    return _of_part(some, box, CHEAP_FIRST)


def _next(some: Walls) -> Wall:
    """Returns the wall to cut at: of those before the first gate one that leaves few parts."""
    best = some[0]
    if best.is_gate:
        return best
    for one in some:
        if one.is_gate:
            break
        if len(one.open) < len(best.open):
            best = one
    return best


def _of_part(some: Walls, part: Box, changed: tuple[int, ...]) -> Walls:
    """Returns the walls that a part of a box touches, up to one that has all of it.

    Args:
        some: the walls that the box touches.
        part: what is left of the box.
        changed: the fields in which it is smaller than the box.
    """
    found: Walls = []
    for wall in some:
        box, is_gate, fields = wall
        before = fields
        for field in fields:
            if field in changed:
                how = compared(part[field], box[field])
                if how is APART:
                    break
                if how is WITHIN:
                    before = tuple([one for one in before if one != field])
        else:
            found.append(wall if before is fields else Wall(box, is_gate, before))
            if not before:
                break
    return found


def _outside(box: Box, wall: Wall) -> Iterator[tuple[float, Box, tuple[int, ...]]]:
    """Yields the parts of a box outside of a wall: its share, itself, the fields that changed."""
    fields: list[IntervalSet] = list(box)
    if len(wall.open) == 1:
        [at] = wall.open
        fields[at] -= wall.box[at]
        yield 1.0, Box(*fields), wall.open
        return
    changed: tuple[int, ...] = ()
    share = 1.0
    for at in wall.open:
        inside = fields[at] & wall.box[at]
        outside = fields[at] - inside
        whole = fields[at].size
        changed = (*changed, at)
        fields[at] = outside
        yield share * (outside.size / whole), Box(*fields), changed
        share *= inside.size / whole
        fields[at] = inside
