"""A whole blob into Arrow batches, compiled: the same rows as the plain reader, many times faster.

The kernel reads what is in Azure's own form for sure. A tuple that is odd goes to the plain tuple
parser, a record that is odd to the plain scanner and record reader, at the place where it stands:
what they give is what the plain reader gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from flowverdict.flowlog.columns import SCHEMA
from flowverdict.flowlog.kernel_arrow import Buffers
from flowverdict.flowlog.kernel_tuples import CHUNK
from flowverdict.flowlog.reader import (
    BATCH_ROWS,
    PADDING,
    batch_of,
    plain_rows,
    read_pieces,
)
from flowverdict.flowlog.records import read_record
from flowverdict.flowlog.scan import Scan, Scanned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.flowlog.reader import Reading, Window
    from flowverdict.flowlog.records import Record

assert PADDING >= CHUNK + 256


@dataclass(frozen=True, slots=True)
class _Run:
    """Some records that the kernel read, one behind the other."""

    records: int


class _Ascii:
    """Bytes that are looked at as text, without a copy of them all."""

    def __init__(self, data: memoryview) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, key: int | slice) -> str:
        if isinstance(key, int):
            return chr(self._data[key])
        return str(self._data[key], "ascii")


class _FastScan(Scan):
    """A scan that shows each record to the kernel first."""

    def __init__(self, window: Window, reading: Reading) -> None:
        data = np.frombuffer(window.memory, np.uint8)
        self.is_ascii = bool(window.size == 0 or data[: window.size].max() < 0x80)
        super().__init__(
            "" if self.is_ascii else window.decoded(reading),
            is_last=window.is_last,
            depth=window.depth,
        )
        self.room = BATCH_ROWS
        self.buffers = Buffers(data, window.size, reading)
        self._data = memoryview(window.memory)[: window.size]
        self._chars = _Ascii(self._data) if self.is_ascii else self._text
        self._seen = [0, 0]

    @property
    def text(self) -> str:
        """The text, decoded when it is asked for."""
        if self.is_ascii and not self._text:
            self._text = str(self._data, "ascii")
        return self._text

    @property
    def chars(self) -> Any:
        """The text, for those who look at a few characters of it only."""
        return self._chars

    def _value(self, at: int) -> Iterator[Scanned]:
        start = at if self.is_ascii else self._byte(at)
        records, end = self.buffers.read(start, self.room)
        if not records:
            yield from super()._value(at)
            return
        if not self.is_ascii:
            self._seen = [at + len(str(self._data[start:end], "utf-8")), end]
            end = self._seen[0]
        yield Scanned(_Run(records), at, end)

    def _byte(self, at: int) -> int:
        """Returns where a character is in the bytes; places are asked for in ascending order."""
        char, byte = self._seen
        byte += len(self._text[char:at].encode())
        self._seen = [at, byte]
        return byte


def fast_rows(window: Window, reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yields the rows of a window; the contract is that of ``plain_rows``."""
    scan = _FastScan(window, reading)
    if not window.is_utf8:
        yield from plain_rows(window, reading)
        return
    window.scan = scan
    buffers = scan.buffers
    pieces: list[pa.RecordBatch] = []
    pending: list[tuple[int, Record]] = []
    rows = 0  # of pieces and pending records
    for found in scan:
        if isinstance(found.value, _Run):
            if pending:
                pieces.append(batch_of(pending, reading.blob))
                pending = []
            reading.count_plain(found.value.records)
        elif found.damaged:
            reading.count_damage(scan.text[found.start : found.end])
        else:
            if buffers.rows:
                rows += buffers.rows
                pieces.append(buffers.take())
            record = read_record(found.value)
            pending.append((reading.count(record, whole=found.whole), record))
            rows += len(record.rows)
        if found.whole:
            window.note(reading, found)
        ready = rows + buffers.rows
        if ready >= BATCH_ROWS:
            reading.rows += ready
            yield _whole(pieces, pending, buffers, reading)
            pieces, pending, rows = [], [], 0
        scan.room = BATCH_ROWS - rows
    if ready := rows + buffers.rows:
        reading.rows += ready
        yield _whole(pieces, pending, buffers, reading)


def read_blob_fast(data: bytes, reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yields the rows of a blob as batches of ``SCHEMA``; the contract is ``read_blob``'s.

    Args:
        data: the blob's bytes, gzip or not, cut short or not.
        reading: takes counts, warnings and rejects; complete when the last batch is out.
    """
    return read_pieces((data,), reading, rows_of=fast_rows)


def _whole(
    pieces: list[pa.RecordBatch],
    pending: list[tuple[int, Record]],
    buffers: Buffers,
    reading: Reading,
) -> pa.RecordBatch:
    """Returns one batch of what was read, in the order in which it stands in the blob."""
    if pending:
        pieces.append(batch_of(pending, reading.blob))
    if buffers.rows:
        pieces.append(buffers.take())
    if len(pieces) == 1:
        return pieces[0]
    table = pa.Table.from_batches(pieces, SCHEMA).unify_dictionaries().combine_chunks()
    return table.to_batches()[0]
