"""The fewest rules: held against trying every division."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from flowverdict.impact.covering import Box, Point, cover

NUMBERS = st.integers(0, 2)
POINTS = st.builds(Point, NUMBERS, NUMBERS, st.sampled_from([None, 22]))


def divisions(points: list[Point]) -> Iterator[list[list[Point]]]:
    if not points:
        yield []
        return
    for rest in divisions(points[1:]):
        for at in range(len(rest)):
            yield [*rest[:at], [points[0], *rest[at]], *rest[at + 1 :]]
        yield [[points[0]], *rest]


def box(points: list[Point]) -> Box:
    return Box(*(frozenset(some) for some in zip(*points, strict=True)))


@given(st.sets(POINTS, min_size=1, max_size=7), st.sets(POINTS, max_size=6))
def test_no_division_has_fewer_rules(points: set[Point], forbidden: set[Point]) -> None:
    forbidden -= points
    found = cover(points, forbidden)
    every = ([box(group) for group in groups] for groups in divisions(sorted(points, key=str)))
    counts = [
        len(boxes) for boxes in every if not any(bad in one for one in boxes for bad in forbidden)
    ]
    assert found.is_smallest
    assert len(found.boxes) == min(counts)
    assert all(any(one in box for box in found.boxes) for one in points)
    assert not any(one in box for box in found.boxes for one in forbidden)


@given(st.sets(POINTS, min_size=1, max_size=12), st.sets(POINTS, max_size=8))
def test_a_search_that_is_cut_short_has_a_cover_and_says_what_it_knows(
    points: set[Point], forbidden: set[Point]
) -> None:
    forbidden -= points
    whole, short = cover(points, forbidden), cover(points, forbidden, steps=1)
    assert short.at_least <= len(whole.boxes) <= len(short.boxes)
    assert all(any(one in box for box in short.boxes) for one in points)
    assert not any(one in box for box in short.boxes for one in forbidden)


def test_many_sources_of_one_service_are_one_rule() -> None:
    points = [Point(source, 7, 22) for source in range(5000)]
    found = cover(points, [Point(9999, 7, 22), Point(1, 8, 22)])
    assert found.is_smallest
    assert [len(one.sources) for one in found.boxes] == [5000]


def test_a_grid_with_a_hole_takes_two() -> None:
    grid = {Point(a, b, 22) for a, b in product(range(3), range(3))}
    found = cover(grid - {Point(1, 1, 22)}, [Point(1, 1, 22)])
    assert (len(found.boxes), found.is_smallest) == (2, True)


def test_more_than_can_be_searched_is_put_where_it_fits() -> None:
    points = [Point(one, one, 22) for one in range(300)]
    forbidden = [Point(one, one + 1, 22) for one in range(299)]
    found = cover(points, forbidden)
    assert all(any(one in box for box in found.boxes) for one in points)
    assert not any(one in box for box in found.boxes for one in forbidden)
    assert len(found.boxes) < 10
    assert not found.is_smallest


def test_nothing_to_match_takes_no_rule() -> None:
    assert cover([], [Point(1, 2, 3)]).boxes == ()
