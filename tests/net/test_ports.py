"""Ports and ranges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowverdict.net import (
    ALL_PORTS,
    EMPTY,
    IntervalSet,
    NetworkTextError,
    format_ports,
    parse_port,
    parse_ports,
)

TOP = 65535
port = st.integers(0, TOP)
ranges = st.tuples(port, port).map(lambda two: (min(two), max(two)))


@given(st.lists(ranges, max_size=6).map(IntervalSet))
def test_formatting_then_parsing_is_the_identity(ports: IntervalSet) -> None:
    assert parse_ports(format_ports(ports)) == ports


@given(ranges, st.data())
def test_splitting_a_range_changes_nothing(span: tuple[int, int], data: st.DataObject) -> None:
    low, high = span
    at = data.draw(st.integers(low, high))
    halves = [f"{low}-{at}"] + ([f"{at + 1}-{high}"] if at < high else [])
    assert parse_ports(halves) == parse_ports([f"{low}-{high}"])


@pytest.mark.parametrize(
    ("texts", "spans"),
    [
        (["0"], [(0, 0)]),
        (["65535"], [(TOP, TOP)]),
        (["0-65535"], [(0, TOP)]),
        (["*"], [(0, TOP)]),
        (["80", "443"], [(80, 80), (443, 443)]),
        (["80", "81"], [(80, 81)]),
        (["8000-8100", "*"], [(0, TOP)]),
        (["22-22"], [(22, 22)]),
        (["443", "80"], [(80, 80), (443, 443)]),
    ],
)
def test_what_a_text_stands_for(texts: list[str], spans: list[tuple[int, int]]) -> None:
    assert list(parse_ports(texts)) == spans


def test_no_text_is_no_port() -> None:
    assert parse_ports([]) == EMPTY
    assert format_ports(EMPTY) == []


def test_every_port_is_a_star() -> None:
    assert format_ports(ALL_PORTS) == ["*"]
    assert ALL_PORTS.size == 1 << 16


@pytest.mark.parametrize(
    "text",
    ["", "2 2", "9" * 5000, *"-1 65536 99999999 1.5 80- - 80-90-100 ssh 0x16 ² ٣ +22 1e3".split()],
)
def test_what_is_no_port_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(NetworkTextError, match="expected"):
        parse_ports([text])


@pytest.mark.parametrize("text", ["", "-1", "65536", "*", "80-90", "²", "9" * 5000])
def test_a_single_port_is_one_number(text: str) -> None:
    with pytest.raises(NetworkTextError, match="expected a number from 0 to 65535"):
        parse_port(text)


def test_a_range_that_runs_backwards_says_how_it_would_be_right() -> None:
    with pytest.raises(NetworkTextError, match="expected `80-90`"):
        parse_ports(["90-80"])
