"""Blobs into a lake."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from flowverdict.flowlog import QUARANTINE, SCHEMA, Reading, read_blob
from flowverdict.lake.tables import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from flowverdict.lake.sources import Blob
    from flowverdict.lake.tables import Lake

ROWS_A_COMMIT: Final = 1_000_000
_BLOBS_A_COMMIT: Final = 1_000


@dataclass(slots=True)
class Summary:
    """What a run did.

    Attributes:
        blobs: how many were read.
        rows: how many were added.
        duplicate_records: records that the lake had already.
        unread: blobs that could not be read, with the reason.
        not_flow_logs: blobs that hold something else.
        shrunk: blobs with fewer records than the lake has of them: they were replaced.
    """

    blobs: int = 0
    records: int = 0
    rows: int = 0
    quarantined: int = 0
    duplicate_records: int = 0
    bytes: int = 0
    warnings: dict[str, int] = field(default_factory=dict[str, int])
    unread: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    not_flow_logs: list[str] = field(default_factory=list[str])
    shrunk: list[str] = field(default_factory=list[str])


def ingest(
    blobs: Iterable[Blob],
    lake: Lake,
    *,
    seen: Callable[[Blob, Summary], None] | None = None,
    rows_a_commit: int = ROWS_A_COMMIT,
) -> Summary:
    """Adds the rows of blobs to a lake, each exactly once, however often it is called.

    Small blobs share a commit, and so a file. A blob that has grown is read on from where the last
    run stopped; what the lake has already is counted and left.

    Args:
        blobs: what to read.
        lake: where to.
        seen: called after each blob, for progress.
        rows_a_commit: how many rows come together before they are committed; more make larger
            files and take more memory.

    Raises:
        LakeError: the lake cannot be opened or written.
    """
    summary = Summary()
    load = _Load(lake, summary, rows_a_commit)
    for blob in blobs:
        try:
            data = blob.read()
        except OSError as problem:
            reason = (problem.strerror or str(problem)).lower()
            summary.unread.append((blob.name, reason))
            continue
        summary.blobs += 1
        summary.bytes += len(data)
        load.take(blob.name, data)
        if seen is not None:
            seen(blob, summary)
    load.flush()
    return summary


class _Load:
    """Rows on their way into one commit."""

    def __init__(self, lake: Lake, summary: Summary, rows_a_commit: int) -> None:
        self._lake = lake
        self._rows_a_commit = rows_a_commit
        self._summary = summary
        self._table = lake.flows.open()
        self._clear()

    def _clear(self) -> None:
        self._rows: list[pa.RecordBatch] = []
        self._rejects: list[pa.RecordBatch] = []
        self._read: dict[str, Progress] = {}
        self._count = 0

    def take(self, name: str, data: bytes) -> None:
        """Reads a blob; commits what has come together when it is enough."""
        reading = Reading(name)
        known = self._lake.flows.progress(name, self._table)
        for batch in read_blob(data, reading):
            self._rows.append(batch)
            self._count += batch.num_rows
        summary = self._summary
        for code, times in reading.warnings.items():
            summary.warnings[code] = summary.warnings.get(code, 0) + times
        if reading.status == "not_flow_log":
            summary.not_flow_logs.append(name)
            return
        summary.records += reading.records
        summary.duplicate_records += min(known.records, reading.records)
        progress = Progress(reading.progress.records, reading.progress.tuples)
        if progress.records < known.records:
            summary.shrunk.append(name)
        if reading.rejected:
            self._rejects.append(reading.quarantine())
        self._read[name] = progress
        if self._count >= self._rows_a_commit or len(self._read) >= _BLOBS_A_COMMIT:
            self.flush()

    def flush(self) -> None:
        """Commits: the quarantine first, then the rows; both know by themselves what they have."""
        if self._read:
            rejects = pa.Table.from_batches(self._rejects, QUARANTINE)
            if rejects.num_rows:
                added = self._lake.quarantine.append(rejects, self._read)
                self._summary.quarantined += added
            rows = pa.Table.from_batches(self._rows, SCHEMA)
            self._summary.rows += self._lake.flows.append(rows, self._read)
            self._table = self._lake.flows.open()
        self._clear()
