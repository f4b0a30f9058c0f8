"""Sets of packets as lists of disjoint boxes: what a rule matches is one or two of them.

Lists of rules are looked at rule by rule, and little is left of each after a few subtractions. For
that a list of boxes is many times as quick as a diagram, whose spans multiply where service tags
with thousands of prefixes meet lists of ports.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from flowverdict.prove.region import Box, Region

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flowverdict.net import IntervalSet

Boxes = tuple[Box, ...]
Point = tuple[int, ...]
"""The fields of one packet, in the order of ``Box``."""

CHEAP_FIRST: Final = (0, 3, 4, 2, 1)
"""The fields of a box in the order in which they are compared: sets of addresses are long."""
APART: Final = 0
ACROSS: Final = 1
WITHIN: Final = 2
"""How a set lies to another."""
_MANY: Final = 64
"""Boxes from which on it is worth finding out how few they could be, each time they double."""


def touch(some: Boxes, others: Boxes) -> bool:
    """Reports whether some boxes share a packet with others."""
    for one in some:
        for other in others:
            if _meet(one, other):
                return True
    return False


def corners(box: Box) -> tuple[Point, Point]:
    """Returns two packets of a box: of the lowest values of its fields, and of the highest."""
    low = tuple([field.spans[0][0] for field in box])
    return low, tuple([field.spans[-1][1] for field in box])


def holds(some: Boxes, packet: Point) -> bool:
    """Reports whether a packet is in one of some boxes."""
    protocol, source, destination, port, source_port = packet
    for one in some:
        if (
            port in one.ports
            and destination in one.destinations
            and source in one.sources
            and protocol in one.protocols
            and source_port in one.source_ports
        ):
            return True
    return False


def _meet(one: Box, other: Box) -> bool:
    for at in CHEAP_FIRST:
        some, others = one[at], other[at]
        if some is others:
            continue
        mine, theirs = some.spans, others.spans
        if mine[-1][1] < theirs[0][0] or theirs[-1][1] < mine[0][0]:
            return False
        if (len(mine) > 1 or len(theirs) > 1) and some.isdisjoint(others):
            return False
    return True


def both(some: Boxes, others: Boxes) -> Boxes:
    """Returns the packets of some boxes that others have too; both lists are disjoint."""
    return tuple([_shared(one, other) for one in some for other in others if _meet(one, other)])


def _shared(one: Box, other: Box) -> Box:
    """Returns what boxes share; a field that the other has all of stays the object that it is."""
    return Box(
        *[
            mine if compared(mine, theirs) is WITHIN else mine & theirs
            for mine, theirs in zip(one, other, strict=True)
        ]
    )


def less(some: Boxes, others: Iterable[Box]) -> Boxes:
    """Returns the packets of disjoint boxes that others lack, in disjoint boxes."""
    for other in others:
        found = tuple([part for one in some for part in _less(one, other)])
        if len(found) >= _MANY and len(found).bit_length() > len(some).bit_length():
            found = tuple(Region.of_disjoint(*found).boxes())
        some = found
    return some


def _less(one: Box, other: Box) -> Iterator[Box]:
    if not _meet(one, other):
        yield one
        return
    fields: list[IntervalSet] = list(one)
    for at in CHEAP_FIRST:
        inside = fields[at] & other[at]
        if inside != fields[at]:
            outside = [*fields]
            outside[at] = fields[at] - inside
            yield Box(*outside)
            fields[at] = inside


def within(some: Boxes, others: Boxes) -> bool:
    """Reports whether others have every packet of some, each box within one of them.

    False tells nothing: several boxes together may hold one.
    """
    return all(
        any(all(one[at] <= other[at] for at in CHEAP_FIRST) for other in others) for one in some
    )


def disjoint(some: Iterable[Box]) -> Boxes:
    """Returns boxes that share no packet and have the same packets as some."""
    found: Boxes = ()
    for one in some:
        found += less((one,), found)
    return found


def compared(one: IntervalSet, other: IntervalSet) -> int:
    """Returns whether a set is ``WITHIN`` another, ``APART`` from it, or neither: ``ACROSS``."""
    if one is other:
        return WITHIN
    mine, theirs = one.spans, other.spans
    first, last = mine[0][0], mine[-1][1]
    if last < theirs[0][0] or theirs[-1][1] < first:
        return APART
    if len(theirs) == 1:
        low, high = theirs[0]
        if low <= first and last <= high:
            return WITHIN
        if len(mine) == 1:
            return ACROSS
        return APART if one.isdisjoint(other) else ACROSS
    begins = other.begins()
    within = True
    for low, high in mine:
        at = bisect_right(begins, low) - 1
        if at < 0 or theirs[at][1] < high:
            within = False
            break
    if within:
        return WITHIN
    return APART if one.isdisjoint(other) else ACROSS
