"""Regions are sets: every law of sets holds, against sets of packets that are counted out."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowverdict.net import ALL_IPV4, IntervalSet, Packet, parse_prefix
from flowverdict.prove.diagram import LimitError, Store
from flowverdict.prove.region import (
    ALL_PACKETS,
    NO_PORT,
    NOTHING,
    PORTLESS,
    Box,
    Region,
    packet_of,
    packets,
)

Fields = tuple[int, ...]
SIX = 1 << 32


def spans(top: int, base: int = 0) -> st.SearchStrategy[IntervalSet]:
    """Small sets of numbers near a number."""
    numbers = st.sets(st.integers(base, base + top), min_size=1, max_size=4)
    return numbers.map(lambda some: IntervalSet((one, one) for one in some))


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    base = draw(st.sampled_from([0, SIX]))
    ends = draw(spans(5, base)), draw(spans(5, base))
    if draw(st.booleans()):
        return Box(IntervalSet([(1, 1), (50, 51)]), *ends, PORTLESS, PORTLESS)
    protocols = draw(st.sampled_from([[(6, 6)], [(17, 17)], [(6, 6), (17, 17)]]))
    return Box(IntervalSet(protocols), *ends, draw(spans(4)), draw(spans(4)))


def counted(some: list[Box]) -> set[Fields]:
    """The packets of boxes, one by one."""
    return {
        fields
        for box in some
        for fields in product(
            *([v for low, high in one for v in range(low, high + 1)] for one in box)
        )
    }


some_boxes = st.lists(boxes(), max_size=4)


@given(some_boxes, some_boxes)
def test_the_operations_are_those_of_sets(one: list[Box], other: list[Box]) -> None:
    left, right = Region.of_boxes(*one), Region.of_boxes(*other)
    a, b = counted(one), counted(other)
    for region, wanted in ((left | right, a | b), (left & right, a & b), (left - right, a - b)):
        assert counted(list(region.boxes())) == wanted
        assert region.size == len(wanted) == sum(box.size for box in region.boxes())
        assert bool(region) == bool(wanted)
        for at, name in enumerate(Box._fields):
            seen = IntervalSet((fields[at], fields[at]) for fields in wanted)
            assert region.values(name) == seen
    assert (left <= right) == (a <= b)
    assert (left == right) == (a == b)
    assert left != right or hash(left) == hash(right)


@given(some_boxes, st.permutations(range(4)))
def test_however_it_came_about_a_region_has_one_form(some: list[Box], order: list[int]) -> None:
    turned = [some[at] for at in order if at < len(some)]
    one, other = Region.of_boxes(*some), Region.of_boxes(*turned)
    assert one == other
    assert list(one.boxes()) == list(other.boxes())
    assert hash(one) == hash(other)
    assert one == (one - other) | (one & other)


@given(some_boxes, boxes())
def test_a_packet_is_in_it_or_not(some: list[Box], other: Box) -> None:
    region = Region.of_boxes(*some)
    inside = counted(some)
    for fields in list(inside)[:20] + list(counted([other]))[:20]:
        assert (packet_of(fields) in region) == (fields in inside)


def test_a_packet_of_any_source_port_is_in_it_with_all_of_them() -> None:
    packet = Packet(6, 1, 2, None, 80)
    assert packet in packets(ports=IntervalSet([(80, 80)]))
    assert packet not in packets(source_ports=IntervalSet([(1, 65535)]))


def test_all_packets_are_those_that_exist() -> None:
    """Families do not mix, and only TCP and UDP have ports."""
    for box in ALL_PACKETS.boxes():
        assert (box.ports == PORTLESS) == (6 not in box.protocols and 17 not in box.protocols)
        assert (NO_PORT in box.source_ports) == (box.ports == PORTLESS)
        assert (box.sources <= ALL_IPV4) == (box.destinations <= ALL_IPV4)
    both = ((1 << 64) + (1 << 256)) * (2 * (1 << 32) + 254)
    assert ALL_PACKETS.size == both


def test_ports_are_only_asked_of_protocols_that_have_them() -> None:
    rdp = packets(ports=IntervalSet([(3389, 3389)]), sources=parse_prefix("10.0.0.0/8"))
    assert rdp.values("protocols") == IntervalSet([(6, 6), (17, 17)])
    assert rdp.values("destinations") == ALL_IPV4
    assert not packets(protocols=IntervalSet([(1, 1)]), ports=IntervalSet([(0, 0)]))
    assert packets(protocols=IntervalSet([(1, 1)])).values("ports") == PORTLESS


def test_nothing_is_empty() -> None:
    assert not NOTHING
    assert not list(NOTHING.boxes())
    assert NOTHING.size == 0
    assert not NOTHING.values("sources")
    assert ALL_PACKETS - ALL_PACKETS == NOTHING


def test_a_store_that_is_full_says_so() -> None:
    store = Store(most=2)
    with pytest.raises(LimitError, match="more than 2 different parts"):
        store.product([IntervalSet([(1, 1)])] * 3, leaf=True)


def test_a_region_is_counted_by_its_parts() -> None:
    """Every second value of each of four fields: few parts, packets that nobody could list."""
    chequered = IntervalSet((one, one) for one in range(0, 1 << 15, 2))
    region = packets(
        protocols=IntervalSet([(6, 6)]),
        sources=chequered,
        destinations=chequered,
        ports=chequered,
        source_ports=chequered,
    )
    assert region.size == (1 << 14) ** 4
    assert hash(region) == hash(region & ALL_PACKETS)
    assert (ALL_PACKETS - region).size == ALL_PACKETS.size - region.size
