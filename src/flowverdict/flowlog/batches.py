"""Blobs in Arrow batches into rows in Arrow batches: reading as a larger engine wants it.

An engine such as Spark hands batches to a function and takes batches back (``mapInArrow``). A
blob is read wherever its batch happens to be; give each task many of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa

from flowverdict.flowlog.reader import Reading, read_pieces
from flowverdict.flowlog.rows import PlainRows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flowverdict.flowlog.rows import RowsOf

BLOBS: Final = pa.schema(
    [pa.field("blob", pa.string(), nullable=False), pa.field("data", pa.binary(), nullable=False)]
)
"""Blobs: what each is called, and its bytes, packed or not."""


def read_batches(
    blobs: Iterable[pa.RecordBatch], *, rows_of: RowsOf = PlainRows
) -> Iterator[pa.RecordBatch]:
    """Yields the rows of blobs as batches of ``SCHEMA``.

    Args:
        blobs: batches of ``BLOBS``.
        rows_of: the reader.
    """
    for name, data in _blobs(blobs):
        for batch in read_pieces((data,), Reading(name), rows_of=rows_of):
            if batch.num_rows:
                yield batch


def quarantine_batches(
    blobs: Iterable[pa.RecordBatch], *, rows_of: RowsOf = PlainRows
) -> Iterator[pa.RecordBatch]:
    """Yields what of blobs cannot become a row, as batches of ``QUARANTINE``."""
    for name, data in _blobs(blobs):
        reading = Reading(name)
        for _ in read_pieces((data,), reading, rows_of=rows_of):
            pass
        if reading.rejected:
            yield reading.quarantine()


def _blobs(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[str, bytes]]:
    for batch in batches:
        yield from zip(batch["blob"].to_pylist(), batch["data"].to_pylist(), strict=True)
