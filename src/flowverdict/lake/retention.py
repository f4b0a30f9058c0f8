"""How long rows are kept: by the day of their time, as flow logs' own retention counts days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from deltalake import CommitProperties
from deltalake.exceptions import CommitFailedError, DeltaError

from flowverdict.lake.query import query
from flowverdict.lake.store import LakeError
from flowverdict.lake.tables import ATTEMPTS, next_rewrite

if TYPE_CHECKING:
    from datetime import date

    from flowverdict.lake.tables import Lake, Table

MOST_DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class Retained:
    """What a run of retention deleted, or would delete.

    Attributes:
        before: rows of earlier days are deleted; None where all are kept.
        days: each day that is deleted, with its number of rows.
        files: how many files were removed from the disk; 0 in a dry run.
    """

    before: date | None
    days: tuple[tuple[date, int], ...]
    files: int = 0

    @property
    def rows(self) -> int:
        """How many rows are deleted."""
        return sum(rows for _, rows in self.days)


def retain(lake: Lake, days: int, now: datetime, *, dry_run: bool = False) -> Retained:
    """Deletes rows older than a number of days, and the files that nothing refers to any more.

    A day is kept whole: its rows go when the last moment of it is old enough. What was deleted
    does not come back when its blobs are read again.

    Args:
        lake: where from.
        days: 1 to 365; 0 keeps everything.
        now: the time from which is counted.
        dry_run: tell what would be deleted, and delete nothing.

    Raises:
        LakeError: the number of days is none, or the lake cannot be read or written.
    """
    if not 0 <= days <= MOST_DAYS:
        raise LakeError(f"{days} days: expected 0, which keeps everything, or 1 to {MOST_DAYS}")
    if days == 0:
        return Retained(None, ())
    before = (now.astimezone(UTC) - timedelta(days=days)).date()
    older = f"day < DATE '{before}'"
    sql = f"SELECT day, count(*) AS rows FROM flows WHERE {older} GROUP BY 1 ORDER BY 1"  # noqa: S608 a date of our own
    found = tuple((row["day"], row["rows"]) for row in query(lake, sql).read_all().to_pylist())
    if dry_run:
        return Retained(before, found)
    removed = [name for one in (lake.flows, lake.quarantine) for name in _delete(one, before)]
    return Retained(before, found, len(removed))


def _delete(table: Table, before: date) -> list[str]:
    """Deletes the days before one; returns the files that are gone from the disk."""
    for _ in range(ATTEMPTS):
        delta = table.open()
        if delta is None:
            return []
        properties = CommitProperties(app_transactions=[next_rewrite(delta)])
        try:
            delta.delete(f"day < '{before}'", commit_properties=properties)
            return delta.vacuum(0, dry_run=False, enforce_retention_duration=False)
        except CommitFailedError:
            continue  # rows came, or files were merged, meanwhile
        except (DeltaError, OSError) as problem:
            raise table.told(problem) from None
    raise LakeError(f"{table.store.root}: others write without end: expected a quiet moment")
