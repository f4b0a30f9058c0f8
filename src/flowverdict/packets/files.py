"""A file of packets, by its shape: CSV, JSON Lines or Parquet."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq

from flowverdict.packets.blocks import blocks, unpacked
from flowverdict.packets.csv_rows import csv_pieces
from flowverdict.packets.json_rows import json_pieces
from flowverdict.packets.pieces import ROWS, Piece, refuse

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import BinaryIO

STANDARD_INPUT: Final = "-"
_HEAD: Final = 1 << 16
_PARQUET: Final = b"PAR1"
_EXPECTED: Final = "CSV, JSON Lines or Parquet"


@contextmanager
def opened(name: str, standard_input: BinaryIO) -> Generator[tuple[Iterator[Piece], int | None]]:
    """Gives the rows of a file, and its size in bytes where it is known.

    Args:
        name: its path, or ``-``.
        standard_input: what ``-`` stands for.

    Raises:
        InputError: there is none, or it cannot be read; also while its rows are read.
    """
    if name == STANDARD_INPUT:
        yield _pieces("standard input", standard_input, None), None
        return
    path = Path(name)
    try:
        if path.is_dir():
            raise refuse(name, "is a folder", f"a file of {_EXPECTED}, or a lake")
        size = path.stat().st_size if path.is_file() else None
        with path.open("rb") as stream:
            yield _pieces(name, stream, path), size
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise refuse(name, "no such file", f"a file of {_EXPECTED}, or `-`") from None
    except PermissionError:
        raise refuse(name, "may not be read", f"a file of {_EXPECTED}") from None


def _pieces(name: str, stream: BinaryIO, path: Path | None) -> Iterator[Piece]:
    head = b""
    while len(head) < _HEAD and (more := stream.read(_HEAD - len(head))):
        head += more
    if head.startswith(_PARQUET):
        if path is None or not path.is_file():
            raise refuse(name, "is Parquet, which is read from its end", "a file")
        return _parquet(name, path)
    content = unpacked(name, stream, head)
    first = next(content, b"")
    begin = first.lstrip()[:1]
    if begin == b"[":
        raise refuse(name, "is one array of JSON", "an object a line, as `jq -c '.[]'` makes them")
    whole = _chain(first, content)
    if begin == b"{":
        return json_pieces(name, blocks(name, whole, quotes=False))
    return csv_pieces(name, blocks(name, whole, quotes=True))


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _parquet(name: str, path: Path) -> Iterator[Piece]:
    try:
        with pq.ParquetFile(path) as file:
            size = path.stat().st_size / max(file.metadata.num_rows, 1)
            yield Piece(pa.RecordBatch.from_pylist([], schema=file.schema_arrow), [])
            row = 1
            for batch in file.iter_batches(ROWS):
                took = int(size * len(batch))
                yield Piece(batch, range(row, row + len(batch)), size=took)
                row += len(batch)
    except (pa.ArrowException, OSError) as problem:
        said = " ".join(str(problem).split())
        raise refuse(name, f"is damaged ({said})", "a whole Parquet file") from None
