"""A blob into Arrow batches, compiled: the same rows as the plain reader, many times faster.

The kernel reads what is in Azure's own form for sure. A tuple that is odd goes to the plain tuple
parser, a record that is odd to the plain scanner and record reader, at the place where it stands:
what they give is what the plain reader gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from flowverdict.flowlog.columns import SCHEMA
from flowverdict.flowlog.kernel_arrow import Buffers
from flowverdict.flowlog.kernel_tuples import CHUNK
from flowverdict.flowlog.memory import SLABS
from flowverdict.flowlog.reader import read_pieces
from flowverdict.flowlog.rows import BATCH_ROWS, PlainRows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.flowlog.reader import Reading
    from flowverdict.flowlog.records import Record

_PADDING: Final = CHUNK + 256
_RECORD: Final = b'{"time"'
"""How Azure's records begin. What looks like one and is none costs time, and no more."""
_LARGEST: Final = 2**31 - 2 * _PADDING
"""Places in a window are 32 bits wide in the kernel; a record as large as that is read plainly."""


def read_blob_fast(data: bytes, reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yields the rows of a blob as batches of ``SCHEMA``; the contract is ``read_blob``'s.

    Args:
        data: the blob's bytes, gzip or not, cut short or not.
        reading: takes counts, warnings and rejects; complete when the last batch is out.
    """
    return read_pieces((data,), reading, rows_of=KernelRows)


class KernelRows:
    """Rows of records that the kernel read, and between them of those that it left."""

    def __init__(self, reading: Reading) -> None:
        self._size = 0
        self._fast = Buffers(reading)
        self._plain = PlainRows(reading)
        self._done: list[pa.RecordBatch] = []  # what comes before both
        self._done_rows = 0

    @property
    def count(self) -> int:
        """How many rows the next batch has so far."""
        return self._done_rows + self._fast.rows + self._plain.count

    def look_at(self, text: bytes | bytearray) -> None:
        """Takes a window; copies its end to where there is room behind it.

        The kernel loads many bytes at once. It reads most of a large window where it is.
        """
        source = np.frombuffer(text, np.uint8)
        source.flags.writeable = False
        self._size = size = len(text) if len(text) <= _LARGEST else 0
        limit = max(0, size - _PADDING)
        split = text.rfind(_RECORD, 0, limit) if isinstance(text, bytes) else 0
        if split < size // 2:
            split = 0
        end = SLABS.slab(size - split + _PADDING).cut(size - split + _PADDING, np.uint8)
        end[: size - split] = source[split:size]
        end[size - split :] = 0
        end.flags.writeable = False
        self._fast.look_at(source if split else end, end, split, size)

    def is_ascii(self, text: bytes | bytearray) -> bool:
        """Reports whether the window is ASCII."""
        return self._fast.is_ascii() if self._size else text.isascii()

    def run(self, at: int, number: int) -> tuple[int, int]:
        """Reads whole records, until a batch is done or one of them is not plain to read."""
        if at >= self._size:
            return 0, at
        room = BATCH_ROWS - self._done_rows - self._plain.count
        records, end = self._fast.read(at, room, number)
        if records and self._plain.count:
            self._finish(self._plain)
        return records, end

    def add(self, record: Record, number: int) -> None:
        """Takes a record that was read plainly."""
        if self._fast.rows:
            self._finish(self._fast)
        self._plain.add(record, number)

    def _finish(self, rows: Buffers | PlainRows) -> None:
        batch = rows.take()
        self._done.append(batch)
        self._done_rows += batch.num_rows

    def take(self) -> pa.RecordBatch:
        """Returns the rows so far as a batch, in the order in which they stand in the blob."""
        if self._fast.rows:
            self._finish(self._fast)
        elif self._plain.count or not self._done:
            self._finish(self._plain)
        batches, self._done, self._done_rows = self._done, [], 0
        if len(batches) == 1:
            return batches[0]
        table = pa.Table.from_batches(batches, SCHEMA).unify_dictionaries().combine_chunks()
        return table.to_batches()[0]
