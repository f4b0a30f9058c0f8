"""A whole blob into Arrow batches, compiled: the same rows as the plain reader, many times faster.

The kernel reads what is in Azure's own form for sure. A tuple that is odd goes to the plain tuple
parser, a record that is odd to the plain scanner and record reader, at the place where it stands:
what they give is what the plain reader gives.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from flowverdict.flowlog import reader
from flowverdict.flowlog.columns import SCHEMA
from flowverdict.flowlog.kernel_arrow import Buffers, allocate
from flowverdict.flowlog.kernel_tuples import CHUNK
from flowverdict.flowlog.records import read_record
from flowverdict.flowlog.scan import Scan, Scanned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.flowlog.reader import Reading
    from flowverdict.flowlog.records import Record

_BATCH_ROWS: Final = reader._BATCH_ROWS  # pyright: ignore[reportPrivateUsage] # noqa: SLF001
_PADDING: Final = CHUNK + 256
_LARGEST: Final = 2**31 - 2 * _PADDING
"""Places in a blob are 32 bits wide in the kernel; a larger one is for the plain reader."""


@dataclass(frozen=True, slots=True)
class _Run:
    """Some records that the kernel read, one behind the other."""

    records: int


@dataclass(slots=True)
class _FastScan(Scan):
    """A scan that shows each record to the kernel first."""

    raw: bytes = b""
    buffers: Any = None
    room: int = _BATCH_ROWS
    is_ascii: bool = True
    place: list[int] = field(default_factory=lambda: [0, 0])

    def _value(self, at: int) -> Scanned:
        start = at if self.is_ascii else self._byte(at)
        records, end = self.buffers.read(start, self.room)
        if not records:
            return Scan._value(self, at)  # noqa: SLF001
        if not self.is_ascii:
            self.place = [at + len(self.raw[start:end].decode()), end]
            end = self.place[0]
        return Scanned(_Run(records), at, end)

    def _byte(self, at: int) -> int:
        """Returns where a character is in the bytes; places are asked for in ascending order."""
        char, byte = self.place
        byte += len(self.text[char:at].encode())
        self.place = [at, byte]
        return byte


def read_blob_fast(data: bytes, reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yields the rows of a blob as batches of ``SCHEMA``; the contract is ``read_blob``'s.

    Args:
        data: the blob's bytes, gzip or not, cut short or not.
        reading: takes counts, warnings and rejects; complete when the last batch is out.
    """
    text = reader.decode(data, reading)
    raw = data if data.isascii() else text.encode()
    if len(raw) > _LARGEST:
        yield from reader.read_blob(raw, reading)
        return
    padded = allocate(len(raw) + _PADDING, np.uint8)
    padded[: len(raw)] = np.frombuffer(raw, np.uint8)
    padded[len(raw) :] = 0
    buffers = Buffers(padded, len(raw), reading)
    scan = _FastScan(text, raw=raw, buffers=buffers, is_ascii=text.isascii())
    if scan.is_ascii:
        scan.raw = b""
    del raw
    pieces: list[pa.RecordBatch] = []
    pending: list[tuple[int, Record]] = []
    rows = 0  # of pieces and pending records
    for found in scan:
        if isinstance(found.value, _Run):
            if pending:
                pieces.append(_plain(pending, reading))
                pending = []
            reading.records += found.value.records
            reading.whole_records += found.value.records
            reading.flow_records += found.value.records
            reading.cut_tuples = None
        else:
            record = read_record(found.value)
            number = reading.records
            if buffers.rows:
                rows += buffers.rows
                pieces.append(buffers.take())
            _count(record, number, reading, whole=found.whole)
            pending.append((number, record))
            rows += len(record.rows)
        ready = rows + buffers.rows
        if ready >= _BATCH_ROWS:
            yield _whole(pieces, pending, buffers, reading)
            reading.rows += ready
            pieces, pending, rows = [], [], 0
        scan.room = _BATCH_ROWS - rows
    if rows + buffers.rows:
        ready = rows + buffers.rows
        yield _whole(pieces, pending, buffers, reading)
        reading.rows += ready
    reader._finish(scan, reading)  # pyright: ignore[reportPrivateUsage] # noqa: SLF001


def _count(record: Record, number: int, reading: Reading, *, whole: bool) -> None:
    reading.records += 1
    reading.whole_records += whole
    reading.cut_tuples = None if whole else record.tuples
    reading.flow_records += record.is_flow_log
    for code, times in record.warnings.items():
        reading.warn(code, times)
    reading.rejected.extend((number, one.tuple_number, one.code, one.raw) for one in record.rejects)


def _whole(
    pieces: list[pa.RecordBatch],
    pending: list[tuple[int, Record]],
    buffers: Buffers,
    reading: Reading,
) -> pa.RecordBatch:
    """Returns one batch of what was read, in the order in which it stands in the blob."""
    if pending:
        pieces.append(_plain(pending, reading))
    if buffers.rows:
        pieces.append(buffers.take())
    if len(pieces) == 1:
        return pieces[0]
    table = pa.Table.from_batches(pieces, SCHEMA).unify_dictionaries().combine_chunks()
    return table.to_batches()[0]


def _plain(pending: list[tuple[int, Record]], reading: Reading) -> pa.RecordBatch:
    return reader._batch(pending, reading.blob)  # pyright: ignore[reportPrivateUsage] # noqa: SLF001
