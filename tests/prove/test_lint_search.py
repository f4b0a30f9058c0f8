"""What is looked for among rules, against every packet of a small world looked at one by one."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from flowverdict.net import IntervalSet
from flowverdict.prove.diagram import LimitError
from flowverdict.prove.lint.boxes import (
    ACROSS,
    APART,
    WITHIN,
    Boxes,
    Point,
    both,
    compared,
    disjoint,
    holds,
    less,
    touch,
)
from flowverdict.prove.lint.search import Effort, Wall, survivor, walls
from flowverdict.prove.region import Box
from tests.net.profiles import times

_WORLD = range(3)
_SETS = st.sets(st.sampled_from(_WORLD), min_size=1).map(
    lambda some: IntervalSet((one, one) for one in some)
)
_BOXES = st.builds(Box, _SETS, _SETS, _SETS, _SETS, _SETS)
_WALLS = st.tuples(_BOXES, st.booleans()).map(lambda one: Wall(*one))
_POINTS: list[Point] = list(product(_WORLD, repeat=5))


def packets(some: Boxes) -> set[Point]:
    return {one for one in _POINTS if holds(some, one)}


def passes(packet: Point, stages: list[list[Wall]]) -> bool:
    """Reports whether a packet gets past all stages, wall by wall in their order."""
    for stage in stages:
        first = next((one for one in stage if holds((one.box,), packet)), None)
        if first is not None and not first.is_gate:
            return False
    return True


@times(100)
@given(_BOXES, st.lists(st.lists(_WALLS, max_size=6), max_size=3))
def test_what_gets_past_is_found_if_there_is_any(box: Box, stages: list[list[Wall]]) -> None:
    found = survivor((box,), stages, Effort())
    event("some gets past" if found else "nothing gets past")
    there = {one for one in packets((box,)) if passes(one, stages)}
    assert bool(found) == bool(there)
    if found:
        assert packets((found,)) <= there


@times(60)
@given(st.lists(_BOXES, min_size=1, max_size=3), st.lists(_BOXES, max_size=5))
def test_what_is_left_is_found_where_there_is_some(some: list[Box], others: list[Box]) -> None:
    boxes = disjoint(some)
    left = less(boxes, others)
    assert packets(left) == packets(boxes) - packets(tuple(others))
    assert bool(survivor(boxes, [walls([tuple(others)])], Effort())) == bool(left)
    shared = both(boxes, disjoint(others))
    assert packets(shared) == packets(boxes) & packets(tuple(others))
    assert touch(boxes, tuple(others)) == bool(shared)


@given(_SETS, _SETS)
def test_how_a_set_lies_to_another(one: IntervalSet, other: IntervalSet) -> None:
    wanted = WITHIN if one <= other else ACROSS if one & other else APART
    assert compared(one, other) == wanted


def test_a_search_ends_with_its_effort() -> None:
    """Each field of a wall lacks another value: what is left is in ever smaller parts."""
    every = IntervalSet([(0, 2)])
    box = Box(every, every, every, every, every)
    stones = [
        Box(*(every - IntervalSet([(at // 3**field % 3,) * 2]) for field in range(5)))
        for at in range(3**5)
    ]
    assert survivor((box,), [walls([tuple(stones)])], Effort()) is None
    with pytest.raises(LimitError, match="more than 3 parts"):
        survivor((box,), [walls([tuple(stones)])], Effort(3))
