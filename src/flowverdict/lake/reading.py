"""One blob, read on from where its cursor stands."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from flowverdict.flowlog import SCHEMA, Reading, read_pieces
from flowverdict.lake.cursor import UNREAD, Cursor
from flowverdict.lake.query import query
from flowverdict.lake.replaced import compare
from flowverdict.lake.sources import Changed, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.flowlog import RowsOf
    from flowverdict.lake.cursor import Cursors
    from flowverdict.lake.sources import Blob
    from flowverdict.lake.tables import Lake

_LOOKS: Final = 5
"""How often a blob is looked at again that changes while it is read."""
_GZIP: Final = b"\x1f\x8b"
_PACKED: Final = "gzip:"
"""Begins the mark of a packed blob, and then comes its etag."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a blob, and how far it is read with them.

    Attributes:
        cursor: None if the blob holds nothing for the lake.
        bytes: how many were read for this chunk.
        reading: with the blob's last chunk only.
        skipped_records: how many the lake had, and were not read again.
        duplicate_records: how many the lake had.
        replaced: the blob no longer holds what the lake has of it.
        problem: why the blob cannot be read, or not on; all else says nothing then.
    """

    blob: str
    rows: pa.RecordBatch | None = None
    rejects: pa.RecordBatch | None = None
    cursor: Cursor | None = None
    bytes: int = 0
    reading: Reading | None = None
    skipped_records: int = 0
    duplicate_records: int = 0
    replaced: bool = False
    problem: str = ""


class Reader:
    """Reads blobs in chunks; serves several threads."""

    def __init__(self, lake: Lake, cursors: Cursors, rows_of: RowsOf) -> None:
        self._lake = lake
        self._cursors = cursors
        self._rows_of = rows_of

    def read(self, blob: Blob) -> Iterator[Chunk]:
        """Yields what is new of a blob; what keeps it from being read is the last chunk."""
        known = self._cursors[blob.name]
        try:
            for _ in range(_LOOKS):
                try:
                    for chunk in self._look(blob, known):
                        known = chunk.cursor or known
                        yield chunk
                except Changed:
                    blob = blob.refreshed()
                else:
                    return
            yield Chunk(blob.name, problem=f"{blob.name}: changes all the time while it is read")
        except SourceError as problem:
            yield Chunk(blob.name, problem=str(problem))

    def _look(self, blob: Blob, known: Cursor) -> Iterator[Chunk]:
        if known == UNREAD:
            yield from self._on(blob, known)
        elif known.mark.startswith(_PACKED):
            # a packed blob cannot be entered in the middle
            same = known.mark == _PACKED + blob.etag
            yield from self._on(blob, known) if same else self._again(blob, known)
        elif _is_what_it_was(blob, known):
            yield from self._on(blob, known)
        else:
            yield from self._again(blob, known)

    def _on(self, blob: Blob, known: Cursor) -> Iterator[Chunk]:
        """Reads from where the cursor stands; what the lake has already, it leaves by itself."""
        reading = Reading(blob.name)
        pieces = _Pieces(blob.read(known.offset), packed=False if known.offset else None)
        rejected = 0
        for batch in read_pieces(pieces, reading, at=known.place, rows_of=self._rows_of):
            rejects, rejected = _rejects(reading, rejected), len(reading.rejected)
            cursor = _cursor(blob, reading, pieces)
            yield Chunk(blob.name, batch, rejects, cursor, pieces.taken())
        if reading.status == "not_flow_log" and not known.records:
            yield Chunk(blob.name, bytes=pieces.taken(), reading=reading)
            return
        cursor = _cursor(blob, reading, pieces)._replace(etag=blob.etag)
        yield Chunk(
            blob.name,
            None,
            _rejects(reading, rejected),
            cursor,
            pieces.taken(),
            reading,
            skipped_records=known.number,
            duplicate_records=max(known.number, known.records),
        )

    def _again(self, blob: Blob, known: Cursor) -> Iterator[Chunk]:
        """Reads a blob whose beginning is not what it was."""
        reading = Reading(blob.name)
        pieces = _Pieces(blob.read())
        batches = list(read_pieces(pieces, reading, rows_of=self._rows_of))
        found = pa.Table.from_batches(batches, SCHEMA)
        compared = compare(found, self._had(blob.name, "flows"), known.progress)
        cursor = _cursor(blob, reading, pieces)._replace(etag=blob.etag)
        replaced = _is_shorter(blob, known) or compared.gone > 0
        duplicates = known.records
        if not compared.goes_on:
            base = known.records + (known.tuples > 0)
            duplicates = reading.records - len(compared.fresh)
            found = _renumbered(found, compared.fresh, base)
            reading.rejected = _unknown(reading, base, self._had(blob.name, "quarantine"))
            cursor = cursor._replace(number=cursor.number + base, records=cursor.records + base)
        batches = found.combine_chunks().to_batches()
        yield Chunk(
            blob.name,
            batches[0] if batches else None,
            _rejects(reading, 0),
            cursor,
            pieces.taken(),
            reading,
            duplicate_records=min(duplicates, reading.records),
            replaced=replaced,
        )

    def _had(self, blob: str, table: str) -> pa.Table:
        """Returns the rows that a table of the lake has of a blob."""
        quoted = blob.replace("'", "''")
        return query(self._lake, f"SELECT * FROM {table} WHERE blob = '{quoted}'").read_all()  # noqa: S608


class _Pieces:
    """The pieces of a blob on their way; counts them, and sees whether they are packed."""

    def __init__(self, pieces: Iterator[bytes], *, packed: bool | None = None) -> None:
        self._pieces = pieces
        self._bytes = 0
        self.packed = packed

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if self.packed is None:
                self.packed = piece.startswith(_GZIP)
            self._bytes += len(piece)
            yield piece

    def taken(self) -> int:
        """Returns how many bytes came since it was asked last."""
        taken, self._bytes = self._bytes, 0
        return taken


def _is_shorter(blob: Blob, known: Cursor) -> bool:
    return blob.size is not None and blob.size < known.offset


def _is_what_it_was(blob: Blob, known: Cursor) -> bool:
    """Reports whether a blob still begins with what was read of it."""
    if known.offset == 0:
        return not known.tuples
    return not _is_shorter(blob, known) and blob.mark(known.offset) == known.mark


def _cursor(blob: Blob, reading: Reading, pieces: _Pieces) -> Cursor:
    """Returns how far a blob is read, as if there was more to come."""
    progress = reading.progress
    if pieces.packed:
        mark = _PACKED + blob.etag
        return Cursor("", mark, 0, 0, 0, progress.records, progress.tuples)
    place = reading.place
    mark = blob.mark(place.offset) if place.offset else ""
    return Cursor(
        "", mark, place.offset, place.number, place.depth, progress.records, progress.tuples
    )


def _rejects(reading: Reading, seen: int) -> pa.RecordBatch | None:
    """Returns what was rejected since so many were."""
    return reading.quarantine(seen) if len(reading.rejected) > seen else None


def _renumbered(rows: pa.Table, records: frozenset[int], base: int) -> pa.Table:
    """Returns the rows of some records, numbered behind those that the lake has."""
    keep = pc.is_in(rows["record"], pa.array(sorted(records), pa.int32()))
    rows = rows.filter(keep)
    at = rows.schema.get_field_index("record")
    moved = pc.cast(pc.add(rows["record"], base), pa.int32())
    return rows.set_column(at, rows.schema.field(at), moved)


def _unknown(reading: Reading, base: int, had: pa.Table) -> list[tuple[int, int | None, str, str]]:
    """Returns the rejects that the lake lacks, numbered behind the records that it has."""
    known = Counter(zip(had["code"].to_pylist(), had["raw"].to_pylist(), strict=True))
    left: list[tuple[int, int | None, str, str]] = []
    for record, number, code, raw in reading.rejected:
        if known[code, raw]:
            known[code, raw] -= 1
        else:
            left.append((record + base, number, code, raw))
    return left
