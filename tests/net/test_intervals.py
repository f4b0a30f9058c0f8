"""The laws of interval sets, held against Python's own sets on a small universe."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowverdict.net import EMPTY, IntervalSet
from tests.net.profiles import times

Spans = list[tuple[int, int]]
TOP = 24
UNIVERSE = range(TOP + 1)

spans = st.lists(
    st.tuples(st.integers(0, TOP), st.integers(0, TOP)).map(lambda two: (min(two), max(two))),
    max_size=6,
)


def members(some: Spans) -> set[int]:
    return {number for low, high in some for number in range(low, high + 1)}


def listed(some: IntervalSet) -> set[int]:
    return members(list(some))


@times(8)
@given(spans, spans)
def test_the_operations_are_those_of_sets(a: Spans, b: Spans) -> None:
    x, y = IntervalSet(a), IntervalSet(b)
    p, q = members(a), members(b)
    assert listed(x | y) == p | q
    assert listed(x & y) == p & q
    assert listed(x - y) == p - q
    assert (x <= y) == (p <= q)
    assert (x == y) == (p == q)
    assert x.isdisjoint(y) == p.isdisjoint(q)


@times(8)
@given(spans)
def test_membership_size_and_truth_are_those_of_a_set(a: Spans) -> None:
    some, same = IntervalSet(a), members(a)
    assert [number in some for number in (-1, *UNIVERSE, TOP + 1)] == [
        number in same for number in (-1, *UNIVERSE, TOP + 1)
    ]
    assert some.size == len(same)
    assert bool(some) == bool(same)


@times(8)
@given(spans)
def test_spans_are_sorted_and_never_touch(a: Spans) -> None:
    some = list(IntervalSet(a))
    assert all(low <= high for low, high in some)
    assert all(high + 1 < low for (_, high), (low, _) in pairwise(some))


@given(spans, st.randoms())
def test_one_set_has_one_form(a: Spans, chance: Random) -> None:
    shuffled = [(n, n) for n in members(a)]
    chance.shuffle(shuffled)
    assert IntervalSet(a) == IntervalSet(shuffled)
    assert hash(IntervalSet(a)) == hash(IntervalSet(shuffled))
    assert IntervalSet(a).spans == IntervalSet(shuffled).spans


@given(spans, spans, spans)
def test_de_morgan_and_distribution(a: Spans, b: Spans, c: Spans) -> None:
    x, y, z = IntervalSet(a), IntervalSet(b), IntervalSet(c)
    whole = IntervalSet([(0, TOP)])
    assert whole - (x | y) == (whole - x) & (whole - y)
    assert whole - (x & y) == (whole - x) | (whole - y)
    assert x & (y | z) == (x & y) | (x & z)
    assert x | (y & z) == (x | y) & (x | z)
    assert (x - y) | (x & y) == x


@given(st.lists(spans, max_size=5))
def test_a_union_of_many_is_the_union_of_each(many: list[Spans]) -> None:
    sets = [IntervalSet(each) for each in many]
    folded = EMPTY
    for each in sets:
        folded |= each
    assert IntervalSet.union(sets) == folded


@given(spans, st.integers(0, TOP - 1))
def test_splitting_a_span_changes_nothing(a: Spans, at: int) -> None:
    pieces: Spans = []
    for low, high in a:
        pieces += [(low, at), (at + 1, high)] if low <= at < high else [(low, high)]
    assert IntervalSet(pieces) == IntervalSet(a)


@given(spans)
def test_the_shown_form_makes_the_set_again(a: Spans) -> None:
    some = IntervalSet(a)
    assert eval(repr(some), {"IntervalSet": IntervalSet}) == some  # noqa: S307 its own text


def test_the_empty_set_has_no_member() -> None:
    assert not EMPTY
    assert EMPTY.size == 0
    assert 0 not in EMPTY
    assert not EMPTY - EMPTY
    assert EMPTY.isdisjoint(EMPTY)
    assert IntervalSet() == EMPTY


def test_a_set_equals_no_other_kind_of_thing() -> None:
    assert IntervalSet([(1, 2)]) != ((1, 2),)


@pytest.mark.parametrize("span", [(1, 0), (5, 3)])
def test_a_span_that_runs_backwards_is_refused(span: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="empty span"):
        IntervalSet([span])


def test_very_large_numbers_are_numbers() -> None:
    top = (1 << 32) + (1 << 128) - 1
    some = IntervalSet([(0, 0), (top, top)])
    assert top in some
    assert top - 1 not in some
    assert some.size == 2
