"""Flow logs, bytes to rows: every schema in which Azure writes them, cut short or not."""

from flowverdict.flowlog.choice import reader_for
from flowverdict.flowlog.columns import COLUMNS, QUARANTINE, SCHEMA, Column
from flowverdict.flowlog.pieces import unpacked
from flowverdict.flowlog.place import Place, Progress
from flowverdict.flowlog.reader import Reading, read_blob, read_pieces
from flowverdict.flowlog.rows import PlainRows, RowsOf
from flowverdict.flowlog.tuples import Rejected, Schema, Values, read_tuple

__all__ = [
    "COLUMNS",
    "QUARANTINE",
    "SCHEMA",
    "Column",
    "Place",
    "PlainRows",
    "Progress",
    "Reading",
    "Rejected",
    "RowsOf",
    "Schema",
    "Values",
    "read_blob",
    "read_pieces",
    "read_tuple",
    "reader_for",
    "unpacked",
]
