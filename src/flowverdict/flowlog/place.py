"""How far a blob is read: where reading can go on, and what was given already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Between two records: reading can go on here when the blob has grown.

    Attributes:
        offset: bytes of the blob's text, unpacked, a byte-order mark included.
        number: of the record, or damaged piece, that stands here.
        depth: how many lists of records are open here.
    """

    offset: int = 0
    number: int = 0
    depth: int = 0


START: Final = Place()


@dataclass(frozen=True, slots=True, order=True)
class Progress:
    """How far a blob was read.

    Attributes:
        records: rows and rejects of all records before this one were given,
        tuples: and of so many tuples of this one. A damaged piece counts as one tuple.
    """

    records: int = 0
    tuples: int = 0


NOTHING: Final = Progress()
