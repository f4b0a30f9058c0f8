"""Small files into large ones: what a watched container leaves behind, minute by minute."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.exceptions import DeltaError
from deltalake.transaction import RemoveAction

from flowverdict.lake.tables import next_rewrite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deltalake import DeltaTable

    from flowverdict.lake.tables import Lake, Table

_SMALL: Final = 4 << 20
_MANY: Final = 16
"""So many small files of one day are worth merging."""
_AT_ONCE: Final = 32 << 20
"""Bytes of files that are merged into one; their rows are in memory together."""
_KEPT_HOURS: Final = 24
"""A query that runs may still read files that were merged."""


@dataclass(frozen=True, slots=True)
class Compacted:
    """What compaction did: files merged, files they were merged into."""

    merged: int = 0
    into: int = 0


def compact(lake: Lake) -> Compacted:
    """Merges small files of one day where there are many; the rows stay the same.

    Files that were merged are deleted a day later, when others are merged.

    Raises:
        LakeError: the lake cannot be read or written.
    """
    merged = into = 0
    for table in (lake.flows, lake.quarantine):
        delta = table.open()
        if delta is None:
            continue
        before = into
        for files in _portions(delta):
            if _merge(table, delta, files):
                merged, into = merged + len(files), into + 1
                delta = table.open() or delta
        if into > before:
            _tidy(table, delta)
    return Compacted(merged, into)


def _portions(delta: DeltaTable) -> Iterator[list[dict[str, Any]]]:
    """Yields small files of one day, as many as become one."""
    days: dict[Any, list[dict[str, Any]]] = {}
    for file in pa.table(delta.get_add_actions()).to_pylist():
        if file["size_bytes"] < _SMALL:
            days.setdefault(file["partition"]["day"], []).append(file)
    for files in days.values():
        if len(files) < _MANY:
            continue
        portion: list[dict[str, Any]] = []
        for file in sorted(files, key=lambda one: one["modification_time"]):
            if sum(one["size_bytes"] for one in portion) + file["size_bytes"] > _AT_ONCE:
                yield portion
                portion = []
            portion.append(file)
        if len(portion) > 1:
            yield portion


def _merge(table: Table, delta: DeltaTable, files: list[dict[str, Any]]) -> bool:
    """Merges files; reports whether they were still there to be merged."""
    try:
        parts = [table.store.get(f"{table.name}/{one['path']}") for one in files]
    except FileNotFoundError:
        return False  # another run was faster
    rows = pa.concat_tables(pq.read_table(pa.BufferReader(one)) for one in parts)
    added = [
        replace(one, data_change=False) for one in table.write(rows, files[0]["partition"]["day"])
    ]
    when = int(table.store.clock() * 1000)
    removed = [
        RemoveAction(
            one["path"],
            data_change=False,
            deletion_timestamp=when,
            size=one["size_bytes"],
            partition_values=dict(added[0].partition_values),
        )
        for one in files
    ]
    return table.commit(delta, [*added, *removed], next_rewrite(delta))


def _tidy(table: Table, delta: DeltaTable) -> None:
    """Deletes what nothing names any more: files after a day, cursors after an hour."""
    try:
        delta.vacuum(_KEPT_HOURS, dry_run=False, enforce_retention_duration=False, full=True)
    except (DeltaError, OSError) as problem:
        raise table.told(problem) from None
    table.snapshot().cursors.forget(table.store.clock())
