"""Rows are kept by the day of their time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from flowverdict.lake import Lake, LakeError, query, retain
from tests.lake.test_exactly_once import fill, run

NOON = datetime(2026, 8, 20, 12, tzinfo=UTC)
"""Seven days after the day of the rows."""


def days(lake: Lake) -> list[date]:
    """The days that have rows."""
    found = query(lake, "SELECT DISTINCT day FROM flows ORDER BY 1").read_all().to_pylist()
    return [row["day"] for row in found]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake of one day."""
    run(fill(tmp_path / "logs", 2), tmp_path / "lake")
    return Lake(str(tmp_path / "lake"))


@pytest.mark.parametrize(("kept", "rows"), [(0, 240), (7, 240), (6, 0), (365, 240)])
def test_a_day_goes_when_all_of_it_is_old_enough(lake: Lake, kept: int, rows: int) -> None:
    done = retain(lake, kept, NOON)
    assert done.rows == 240 - rows
    assert days(lake) == ([date(2026, 8, 13)] if rows else [])


def test_a_dry_run_deletes_nothing(lake: Lake) -> None:
    done = retain(lake, 1, NOON, dry_run=True)
    assert done.days == ((date(2026, 8, 13), 240),)
    assert days(lake) == [date(2026, 8, 13)]


def test_the_files_are_gone_from_the_disk(lake: Lake) -> None:
    assert retain(lake, 1, NOON).files > 0
    assert not list((Path(lake.root) / "flows").glob("day=*/*.parquet"))


def test_what_was_deleted_does_not_come_back(lake: Lake, tmp_path: Path) -> None:
    retain(lake, 1, NOON)
    assert run(tmp_path / "logs", tmp_path / "lake").rows == 0


@pytest.mark.parametrize("kept", [-1, 366])
def test_other_numbers_of_days_are_refused(lake: Lake, kept: int) -> None:
    with pytest.raises(LakeError, match="1 to 365"):
        retain(lake, kept, NOON)


def test_the_zone_of_the_clock_does_not_matter(lake: Lake) -> None:
    east = NOON.astimezone(timezone(timedelta(hours=13)))
    assert retain(lake, 7, east, dry_run=True) == retain(lake, 7, NOON, dry_run=True)
