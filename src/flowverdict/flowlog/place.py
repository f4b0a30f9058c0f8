"""How far a blob was read: where reading can go on, and what was given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Between two records: reading can go on here when the blob has grown.

    Attributes:
        offset: bytes of the blob's text (unpacked if it is gzip), byte-order mark included.
        number: of the record, or damaged piece, that stands here.
        depth: how many lists of records are open here.
    """

    offset: int = 0
    number: int = 0
    depth: int = 0


START: Final = Place()


@dataclass(frozen=True, slots=True, order=True)
class Progress:
    """How far a blob was given: everything before one record, and some tuples of that one.

    Attributes:
        records: the record's number; damaged pieces are counted as if they were records.
        tuples: how many of its tuples were given, as rows or as rejects; 1 for a damaged piece.
    """

    records: int = 0
    tuples: int = 0
