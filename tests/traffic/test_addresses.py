"""Patterns of addresses say what the sets of the same addresses say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowverdict.net import ALL_ADDRESSES, PRIVATE, format_address, parse_address
from flowverdict.traffic.addresses import (
    INSIDE_TEXT,
    PRIVATE_TEXT,
    SPECIAL,
    SPECIAL_TEXT,
    WIRE_SERVER,
)

if TYPE_CHECKING:
    from flowverdict.net import IntervalSet

ALIKE = pytest.mark.parametrize(
    ("pattern", "addresses"),
    [
        (PRIVATE_TEXT, PRIVATE),
        (SPECIAL_TEXT, SPECIAL | WIRE_SERVER),
        (INSIDE_TEXT, PRIVATE | SPECIAL | WIRE_SERVER),
    ],
)
EDGES = sorted(
    {
        point
        for low, high in (*PRIVATE, *SPECIAL, *WIRE_SERVER)
        for point in (low - 1, low, low + 1, high - 1, high, high + 1)
        if point in ALL_ADDRESSES
    }
)


@ALIKE
def test_a_pattern_matches_at_the_edges_what_the_set_holds(
    pattern: str, addresses: IntervalSet
) -> None:
    differ = [
        text
        for point in EDGES
        if (re.match(pattern, text := format_address(point)) is not None) != (point in addresses)
    ]
    assert differ == []


@ALIKE
@given(address=st.ip_addresses())
def test_a_pattern_matches_what_the_set_holds(
    pattern: str, addresses: IntervalSet, address: object
) -> None:
    point = parse_address(str(address))
    assert (re.match(pattern, format_address(point)) is not None) == (point in addresses)
