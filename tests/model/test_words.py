"""Counts and times are told in the same words everywhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from flowverdict.model.words import counted, moment


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 flows"), (1, "1 flow"), (2, "2 flows"), (2_967, "2,967 flows")]
)
def test_one_alone_is_singular(count: int, text: str) -> None:
    assert counted(count, "flow") == text


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5, minutes=30))])
def test_a_time_is_told_in_utc_whatever_its_zone(zone: timezone) -> None:
    time = datetime(2026, 8, 13, 20, 31, 7, 250_999, UTC)
    assert moment(time.astimezone(zone)) == "2026-08-13T20:31:07.250Z"
