"""Blobs into a lake: readers side by side, one that commits."""

from __future__ import annotations

import queue
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from flowverdict.flowlog import QUARANTINE, SCHEMA, reader_for
from flowverdict.lake.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from flowverdict.flowlog import Reading
    from flowverdict.lake.cursor import Cursor
    from flowverdict.lake.reading import Chunk
    from flowverdict.lake.sources import Blob
    from flowverdict.lake.tables import Lake

ROWS_A_COMMIT: Final = 1 << 20
_BLOBS_A_COMMIT: Final = 10_000
_WAITING_CHUNKS: Final = 6
"""Read and not yet taken; a chunk has some 65,000 rows."""
READERS: Final = 2


@dataclass(slots=True)
class Summary:
    """What a run did.

    Attributes:
        blobs: how many there are that could be read, those that have not changed included.
        unchanged: how many were not opened, since they are what they were.
        records: how many these hold.
        rows: how many were added.
        seen_rows: how many were read so far, those that the lake has included.
        duplicate_records: records that the lake had already.
        bytes: how many were read.
        unread: blobs that could not be read, and why, a line each.
        not_flow_logs: blobs that hold something else.
        empty: blobs without a record.
        replaced: blobs that no longer hold what the lake has of them.
    """

    blobs: int = 0
    unchanged: int = 0
    records: int = 0
    rows: int = 0
    seen_rows: int = 0
    quarantined: int = 0
    duplicate_records: int = 0
    bytes: int = 0
    warnings: dict[str, int] = field(default_factory=dict[str, int])
    unread: list[str] = field(default_factory=list[str])
    not_flow_logs: list[str] = field(default_factory=list[str])
    empty: list[str] = field(default_factory=list[str])
    replaced: list[str] = field(default_factory=list[str])


def ingest(
    blobs: Iterable[Blob],
    lake: Lake,
    *,
    seen: Callable[[Summary, int], None] = lambda _summary, _size: None,
    say: Callable[[str], None] = lambda _text: None,
    rows_a_commit: int = ROWS_A_COMMIT,
    readers: int = READERS,
) -> Summary:
    """Adds the rows of blobs to a lake, each exactly once, however often it is called.

    Small blobs share a commit, and so a file; large ones take several. A blob that has grown is
    read on from where the last run stopped. One that has not changed is not opened. One that was
    replaced is compared with the rows that the lake has of it, and what is new is added.

    Args:
        blobs: what to read.
        lake: where to.
        seen: called as rows come in, with the bytes that there are to read in all.
        say: told what takes long for another reason than its size.
        rows_a_commit: how many rows come together before they are committed; more make larger
            files and take more memory.
        readers: how many threads read.

    Raises:
        LakeError: the lake cannot be opened or written. What was committed before stays.
    """
    run = _Run(lake, rows_a_commit)
    todo = run.changed(blobs)
    size = sum(one.size or 0 for one in todo)
    reader = Reader(lake, run.cursors, reader_for(size, say))
    for chunk in _side_by_side(todo, reader, readers):
        run.take(chunk)
        seen(run.summary, size)
    run.flush()
    return run.summary


class _Run:
    """Rows on their way into commits, and what is told about them."""

    def __init__(self, lake: Lake, rows_a_commit: int) -> None:
        self.summary = Summary()
        self._lake = lake
        self._rows_a_commit = rows_a_commit
        self.cursors = lake.flows.snapshot().cursors
        self._clear()

    def _clear(self) -> None:
        self._rows: list[pa.RecordBatch] = []
        self._rejects: list[pa.RecordBatch] = []
        self._read: dict[str, Cursor] = {}
        self._rejecting: dict[str, Cursor] = {}
        self._count = 0

    def changed(self, blobs: Iterable[Blob]) -> deque[Blob]:
        """Returns the blobs that are to be opened; counts the others."""
        todo: deque[Blob] = deque()
        for blob in blobs:
            known = self.cursors[blob.name]
            if not blob.etag or blob.etag != known.etag:
                todo.append(blob)
                continue
            self.summary.blobs += 1
            self.summary.unchanged += 1
            self.summary.records += known.records
            self.summary.duplicate_records += known.records
        return todo

    def take(self, chunk: Chunk) -> None:
        """Takes what was read; commits what has come together when it is enough."""
        summary = self.summary
        summary.bytes += chunk.bytes
        if chunk.problem:
            summary.unread.append(chunk.problem)
            return
        if chunk.rows is not None:
            self._rows.append(chunk.rows)
            self._count += chunk.rows.num_rows
            summary.seen_rows += chunk.rows.num_rows
        if chunk.cursor is not None:
            self._read[chunk.blob] = chunk.cursor
            if chunk.rejects is not None:
                self._rejects.append(chunk.rejects)
            if chunk.rejects is not None or chunk.blob in self._rejecting:
                self._rejecting[chunk.blob] = chunk.cursor
        if chunk.reading is not None:
            self._finish(chunk, chunk.reading)
        if self._count >= self._rows_a_commit or len(self._read) >= _BLOBS_A_COMMIT:
            self.flush()

    def _finish(self, chunk: Chunk, reading: Reading) -> None:
        summary = self.summary
        summary.blobs += 1
        for code, times in reading.warnings.items():
            summary.warnings[code] = summary.warnings.get(code, 0) + times
        if reading.status == "not_flow_log":
            summary.not_flow_logs.append(chunk.blob)
            return
        summary.records += reading.records + chunk.skipped_records
        summary.duplicate_records += chunk.duplicate_records
        if chunk.replaced:
            summary.replaced.append(chunk.blob)
        if not reading.records + chunk.skipped_records:
            summary.empty.append(chunk.blob)

    def flush(self) -> None:
        """Commits: the quarantine first, then the rows; both know by themselves what they have."""
        if self._rejects:
            rejects = pa.Table.from_batches(self._rejects, QUARANTINE)
            self.summary.quarantined += self._lake.quarantine.append(rejects, self._rejecting)
        if self._read:
            rows = pa.Table.from_batches(self._rows, SCHEMA)
            self.summary.rows += self._lake.flows.append(rows, self._read)
        self._clear()


class _Stopped(Exception):
    """Nobody takes what is read any more."""


def _side_by_side(todo: deque[Blob], reader: Reader, threads: int) -> Iterator[Chunk]:
    """Yields what several threads read; that of one blob in its order."""
    ready: queue.Queue[Chunk | Exception | None] = queue.Queue(_WAITING_CHUNKS)
    stop = threading.Event()

    def put(one: Chunk | Exception | None) -> None:
        while not stop.is_set():
            try:
                ready.put(one, timeout=0.1)
            except queue.Full:
                continue
            return
        raise _Stopped

    def work() -> None:
        try:
            while todo:
                try:
                    blob = todo.popleft()
                except IndexError:
                    break
                for chunk in reader.read(blob):
                    put(chunk)
            put(None)
        except _Stopped:
            return
        except Exception as problem:  # noqa: BLE001 raised again where it is seen
            put(problem)

    workers = [threading.Thread(target=work, daemon=True) for _ in range(min(threads, len(todo)))]
    for one in workers:
        one.start()
    try:
        running = len(workers)
        while running:
            found = ready.get()
            if found is None:
                running -= 1
            elif isinstance(found, Exception):
                raise found
            else:
                yield found
    finally:
        stop.set()
        for one in workers:
            one.join()
