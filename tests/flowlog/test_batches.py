"""Reading as a function from batches to batches gives what reading blob by blob gives."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import gzip

import pyarrow as pa
import pytest

from flowverdict.flowlog import QUARANTINE, SCHEMA, PlainRows, Reading, RowsOf, read_blob
from flowverdict.flowlog.batches import BLOBS, quarantine_batches, read_batches
from flowverdict.flowlog.kernel import KernelRows
from tests.flowlog.test_stream import LINES, WHOLE

CONTENTS = {"a": WHOLE, "b": b"", "c": gzip.compress(LINES), "d": b"no log", "e": WHOLE[:-90]}


def blobs(size: int) -> list[pa.RecordBatch]:
    """The blobs, so many in a batch."""
    table = pa.table({"blob": list(CONTENTS), "data": list(CONTENTS.values())}, BLOBS)
    return table.to_batches(max_chunksize=size)


@pytest.mark.parametrize("rows_of", [PlainRows, KernelRows])
@pytest.mark.parametrize("size", [1, 2, 10])
def test_the_rows_are_those_of_each_blob(size: int, rows_of: RowsOf) -> None:
    rows, rejects = [], []
    for name, data in CONTENTS.items():
        reading = Reading(name)
        rows += [row for batch in read_blob(data, reading) for row in batch.to_pylist()]
        rejects += reading.quarantine().to_pylist()
    found = pa.Table.from_batches(read_batches(blobs(size), rows_of=rows_of), SCHEMA)
    assert found.to_pylist() == rows
    assert len(rows) > 20
    left = pa.Table.from_batches(quarantine_batches(blobs(size), rows_of=rows_of), QUARANTINE)
    assert left.to_pylist() == rejects
    assert len(rejects) > 2
