"""Packets in files and tables: read, set before their network interfaces, and judged."""

from flowverdict.packets.columns import NAMES, VERDICT, read_columns
from flowverdict.packets.files import STANDARD_INPUT, opened
from flowverdict.packets.judging import Judge, Judged, joined_schema, judge_packets, numbered
from flowverdict.packets.pieces import ROWS, Piece, Reject
from flowverdict.packets.places import Places

__all__ = [
    "NAMES",
    "ROWS",
    "STANDARD_INPUT",
    "VERDICT",
    "Judge",
    "Judged",
    "Piece",
    "Places",
    "Reject",
    "joined_schema",
    "judge_packets",
    "numbered",
    "opened",
    "read_columns",
]
