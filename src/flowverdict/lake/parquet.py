"""Flow rows as Parquet files, and what Delta wants to know of them.

The encodings are those that any reader of Delta knows; chosen by trial on the data of
``bench/ingest.py``, where times and running numbers are the large ones. Times are in milliseconds,
as flow logs have them: in Delta's usual microseconds each row would be a byte longer.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Sequence

_DELTAS: Final = dict.fromkeys(("time", "record", "tuple"), "DELTA_BINARY_PACKED")
_PLAIN: Final = {"src_port", "raw", *_DELTAS}
"""Too many values for a dictionary to help."""
_LONGEST_BOUND: Final = 40
"""Longer texts are no bounds: they would make the log of the table longer than it helps."""


def encoded(rows: pa.Table) -> tuple[pa.Buffer, str]:
    """Returns rows as a Parquet file, and its statistics as Delta writes them (JSON)."""
    sink = pa.BufferOutputStream()
    names = rows.column_names
    pq.write_table(
        rows.unify_dictionaries(),  # a change of dictionaries ends their use in a file
        sink,
        compression="zstd",
        compression_level=1,
        use_dictionary=[name for name in names if name not in _PLAIN],  # pyright: ignore[reportArgumentType] # or names
        column_encoding={name: how for name, how in _DELTAS.items() if name in names},
        store_schema=False,  # words are text to whoever reads
    )
    data = sink.getvalue()
    return data, _statistics(pq.read_metadata(pa.BufferReader(data)))


def _statistics(about: pq.FileMetaData) -> str:
    groups = [about.row_group(i) for i in range(about.num_row_groups)]
    bounds: dict[str, dict[str, Any]] = {"minValues": {}, "maxValues": {}, "nullCount": {}}
    for at in range(about.num_columns):
        columns = [group.column(at) for group in groups]
        name = columns[0].path_in_schema if columns else ""
        found = [one.statistics for one in columns if one.statistics is not None]
        if not found or len(found) != len(columns):
            continue
        bounds["nullCount"][name] = sum(one.null_count for one in found)
        lows = [one.min for one in found if one.has_min_max]
        highs = [one.max for one in found if one.has_min_max]
        if lows and _are_short(lows) and _are_short(highs):
            bounds["minValues"][name] = _plain(min(lows))
            bounds["maxValues"][name] = _plain(max(highs))
    return json.dumps({"numRecords": about.num_rows} | bounds)


def _are_short(values: Sequence[Any]) -> bool:
    return all(not isinstance(one, str) or len(one) <= _LONGEST_BOUND for one in values)


def _plain(value: Any) -> Any:
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else value
