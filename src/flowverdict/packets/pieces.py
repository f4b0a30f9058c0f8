"""Rows on their way from a file to the classifier, each with the place where it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from flowverdict.model import Diagnostic, InputError, Position, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

ROWS: Final = 1 << 16
"""How many rows a piece has, about."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that cannot be judged.

    Attributes:
        line: the line of the file, or the number of the row, from 1.
        column: empty where it is the row as a whole.
        what: what is wrong.
        raw: the row's text, or its columns where it has some.
    """

    line: int
    column: str
    what: str
    expected: str
    raw: Any


@dataclass(slots=True)
class Piece:
    """Some rows of a file.

    Attributes:
        rows: the columns as the file has them.
        lines: the place of each row, as ``Reject`` has it.
        rejects: what between these rows is none.
        size: how many bytes of the file it took.
    """

    rows: pa.RecordBatch
    lines: Sequence[int]
    rejects: list[Reject] = field(default_factory=list[Reject])
    size: int = 0


def refuse(file: str, what: str, expected: str, *, line: int = 0, column: str = "") -> InputError:
    """Returns the error about a place of a file; ``line`` 0 is the file as a whole."""
    where = Position(f"{file}:{line}" if line else file, column)
    return InputError((Diagnostic(Severity.ERROR, "packets", where, what, expected),))
