"""Minutes with rows, and minutes without, for each interface and hour."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from flowverdict.model import ResourceId
from flowverdict.traffic import HOURS, Gap, Interface, Tally, hours, interfaces, moment
from tests.traffic.logs import FLOW_LOG, NSG, VNET, T, nsg, rows, single, tuple2, tuple4, vnet4

FIRST = T // 60_000
"""The minute of T: 20:31, of which 14 seconds are left."""


def ordered(batches: Any) -> list[Any]:
    """What ``hours`` gives in the order that ``interfaces`` wants."""
    keys = [(name, "ascending") for name in ("mac", "hour", "schema")]
    return pa.Table.from_batches(batches, HOURS.schema).sort_by(keys).to_batches()


def covered(*records: dict[str, Any]) -> list[Interface]:
    """The interfaces of some records."""
    return list(interfaces(ordered(hours(rows(*records)))))


def test_minutes_between_the_first_row_and_the_last_are_told() -> None:
    (one,) = covered(vnet4(tuple4(0, "B"), tuple4(13.9, "E"), tuple4(200, "B"), tuple4(330, "E")))
    assert one.mac == "0022486DBA37"
    assert one.span == Gap(FIRST, FIRST + 7)
    assert (one.minutes, one.span.minutes) == (3, 7)
    assert list(one.gaps()) == [Gap(FIRST + 1, FIRST + 4), Gap(FIRST + 5, FIRST + 6)]
    assert moment(FIRST) == datetime(2026, 8, 13, 20, 31, tzinfo=UTC)


def test_a_gap_goes_over_hours_and_days() -> None:
    (one,) = covered(vnet4(tuple4(0, "B"), tuple4(86_400, "E"), tuple4(86_400 + 7_200, "E")))
    assert [gap.minutes for gap in one.gaps()] == [1439, 119]
    assert [hour.start for hour in one.hours] == [FIRST // 60, FIRST // 60 + 24, FIRST // 60 + 26]
    assert [gap.minutes for gap in one.gaps_in(one.hours[0])] == [28]
    assert [gap.minutes for gap in one.gaps_in(one.hours[1])] == [31, 28]


def test_each_log_has_its_rows_and_minutes_of_both_kinds_are_told() -> None:
    (one,) = covered(
        nsg(tuple2(0, "A,B,,,,"), tuple2(70, "A,E,1,1,1,1"), tuple2(300, "D,B,,,,")),
        vnet4(tuple4(60, "B"), tuple4(300, "D"), tuple4(600, "D")),
    )
    assert {(log.schema, log.target, log.id): n for log, n in one.rows.items()} == {
        ("nsg2", NSG.upper(), ""): 3,
        ("vnet4", VNET, FLOW_LOG.upper()): 3,
    }
    assert one.doubled == 2
    tally = Tally()
    assert list(tally.passing([one])) == [one]
    assert (tally.macs, tally.doubled) == ([one.mac], {one.mac: 2})
    assert tally.nsg_rows == {ResourceId(NSG): 3}


def test_rows_without_a_mac_address_are_of_an_interface_without_a_name() -> None:
    assert [one.mac for one in covered(vnet4(tuple4(0, "B"), mac=None))] == [None]


def test_the_edges_of_an_hour_are_minutes_too() -> None:
    start = (FIRST // 60 + 1) * 3600 - T / 1000
    (one,) = covered(vnet4(tuple4(start, "B"), tuple4(start + 3599.999, "E")))
    assert len(one.hours) == 1
    assert one.hours[0].minutes == 1 | 1 << 59
    assert one.span.minutes == 60


def test_nothing_comes_of_nothing() -> None:
    assert list(hours([])) == list(interfaces([])) == []


SECONDS = st.lists(st.integers(0, 4 * 3600), min_size=1, max_size=30)


@given(SECONDS)
def test_minutes_and_gaps_fill_the_span(seconds: list[int]) -> None:
    found = rows(vnet4(*(tuple4(one, "D") for one in seconds)))
    (one,) = interfaces(ordered(hours(found)))
    minutes = {(T // 1000 + second) // 60 for second in seconds}
    missing = [at for gap in one.gaps() for at in range(gap.first, gap.behind)]
    assert one.span == Gap(min(minutes), max(minutes) + 1)
    assert sorted(minutes | set(missing)) == list(range(min(minutes), max(minutes) + 1))
    assert not minutes & set(missing)
    assert one.minutes == len(minutes)
    assert sum(one.rows.values()) == len(seconds)


@given(SECONDS)
def test_parts_of_the_rows_may_be_counted_apart(seconds: list[int]) -> None:
    """As an engine of many machines does: each its part, then all of them by key."""
    found = rows(vnet4(*(tuple4(one, "D") for one in seconds)))
    whole = list(interfaces(ordered(hours(found))))
    parts = [batch for part in single(found, 4) for batch in hours([part])]
    assert list(interfaces(ordered(parts))) == whole
