"""The rows of a lake as they stand, some columns of them: for code that groups them itself."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.dataset as ds

from flowverdict.flowlog import SCHEMA
from flowverdict.lake.query import ALWAYS
from flowverdict.lake.store import LakeError, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flowverdict.lake.query import Period
    from flowverdict.lake.tables import Lake

_ROWS_A_BATCH: Final = 1 << 17
_AHEAD: Final = 1
"""Batches of a file, and files, that are read before they are asked for."""


def scan(
    lake: Lake, columns: Sequence[str], *, period: Period = ALWAYS
) -> Iterator[pa.RecordBatch]:
    """Yields the rows of ``flows`` in any order, in as much memory as a few batches need.

    Words are dictionaries, as in ``flowlog.SCHEMA``; a batch may have no row.

    Args:
        lake: where to look.
        columns: which columns.
        period: only rows of this time.

    Raises:
        LakeError: there is nothing in the lake yet, or it cannot be read; also while rows are read.
    """
    delta = lake.flows.open()
    if delta is None:
        raise LakeError(
            f"{lake.root}: holds no flows yet: expected a lake that `ingest` has filled"
        )
    words = [name for name in columns if pa.types.is_dictionary(SCHEMA.field(name).type)]
    try:
        rows = delta.to_pyarrow_dataset(
            parquet_read_options=ds.ParquetReadOptions(dictionary_columns=words)
        ).scanner(
            columns=[*columns],
            filter=period.expression(),
            batch_size=_ROWS_A_BATCH,
            batch_readahead=_AHEAD,
            fragment_readahead=_AHEAD,
        )
        for batch in rows.to_batches():
            lake.seen(len(batch))
            yield batch
    except (OSError, pa.ArrowException) as problem:
        raise LakeError(f"{lake.root}: {one_line(problem)}") from None
