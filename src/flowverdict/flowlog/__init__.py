"""Flow logs, bytes to rows: every schema in which Azure writes them, cut short or not."""

from flowverdict.flowlog.columns import COLUMNS, QUARANTINE, SCHEMA, Column
from flowverdict.flowlog.reader import Reading, read_blob
from flowverdict.flowlog.tuples import Rejected, Schema, Values, read_tuple

__all__ = [
    "COLUMNS",
    "QUARANTINE",
    "SCHEMA",
    "Column",
    "Reading",
    "Rejected",
    "Schema",
    "Values",
    "read_blob",
    "read_tuple",
]
