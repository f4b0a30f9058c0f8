"""CSV: rows by pyarrow, and where that finds something wrong, by the standard library line by line.

The second tells where, and keeps the rows around it. All columns are texts: what is written is what
is kept.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.csv as pc

from flowverdict.packets.pieces import Piece, Reject, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flowverdict.packets.blocks import Block

_DELIMITERS: Final = (",", ";", "\t")


def csv_pieces(file: str, blocks: Iterator[Block]) -> Iterator[Piece]:
    """Yields the rows of a CSV file; the first piece has none.

    Raises:
        InputError: it has no head that names columns.
    """
    first = next(blocks, None)
    if first is None or not first.data.strip():
        raise refuse(file, "is empty", "a line with the names of columns")
    head, feed, rest = first.data.partition(b"\n")
    names, delimiter = _head(file, head.removesuffix(b"\r"))
    schema = pa.schema([pa.field(name, pa.string()) for name in names])
    yield Piece(_batch([], schema), [], size=len(head) + len(feed))
    if rest:
        yield _piece(schema, delimiter, first._replace(data=rest, line=2, size=len(rest)))
    for block in blocks:
        yield _piece(schema, delimiter, block)


def _head(file: str, line: bytes) -> tuple[list[str], str]:
    """Returns the names of the columns, and what stands between them."""
    try:
        text = line.decode()
    except UnicodeDecodeError as problem:
        what = f"byte {problem.start + 1} of the line is not UTF-8"
        raise refuse(file, what, "text in UTF-8", line=1) from None
    if "\r" in text:
        raise refuse(file, "has lines that end with CR alone", "LF or CRLF", line=1)
    delimiter = max(_DELIMITERS, key=text.count)
    try:
        names = next(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error as problem:
        raise refuse(file, str(problem), "a line with the names of columns", line=1) from None
    names = [name.strip() for name in names]
    for at, name in enumerate(names):
        if not name:
            raise refuse(file, f"column {at + 1} has no name", "a name for each column", line=1)
        if name in names[:at]:
            raise refuse(file, f"two columns are named `{name}`", "names that differ", line=1)
    return names, delimiter


def _piece(schema: pa.Schema, delimiter: str, block: Block) -> Piece:
    try:
        rows = pc.read_csv(
            pa.BufferReader(block.data),
            pc.ReadOptions(
                column_names=schema.names, use_threads=False, block_size=len(block.data) + 1
            ),
            pc.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            pc.ConvertOptions(column_types=schema, strings_can_be_null=False),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return _read_slowly(schema, delimiter, block)
    lines = block.data.count(b"\n") + (not block.data.endswith(b"\n"))
    if rows.num_rows != lines or b"\r" in block.data.replace(b"\r\n", b""):
        # empty lines, or line feeds within values: rows are no lines
        return _read_slowly(schema, delimiter, block)
    found = rows.combine_chunks().to_batches()
    batch = found[0] if found else _batch([], schema)
    return Piece(batch, range(block.line, block.line + lines), size=block.size)


def _read_slowly(schema: pa.Schema, delimiter: str, block: Block) -> Piece:
    text = block.data.decode(errors="surrogateescape")
    source = text.splitlines(keepends=True) if "\r" not in text else io.StringIO(text, newline="")
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    rejects: list[Reject] = []
    while True:
        line = block.line + reader.line_num
        try:
            row = next(reader, None)
        except csv.Error as problem:
            what, expected = str(problem), "CSV"
            rejects.append(_reject(block, reader.line_num, line, "", what, expected))
            continue
        if row is None:
            break
        if not row:
            continue  # an empty line
        column = ""
        if len(row) != len(schema):
            what, expected = _many(len(row)), f"{len(schema)}, as the first line has"
        elif not text.isascii() and (wrong := _not_utf8(row)) is not None:
            column, what, expected = schema.names[wrong], "is not UTF-8", "text in UTF-8"
        else:
            rows.append(row)
            lines.append(line)
            continue
        rejects.append(_reject(block, reader.line_num, line, column, what, expected))
    return Piece(_batch(rows, schema), lines, rejects, block.size)


def _reject(block: Block, behind: int, line: int, column: str, what: str, expected: str) -> Reject:
    taken = block.data.split(b"\n")[line - block.line : behind]
    raw = b"\n".join(taken).decode(errors="backslashreplace").rstrip("\r")
    return Reject(line, column, what, expected, raw)


def _many(count: int) -> str:
    return f"has {count} column{'s' if count != 1 else ''}"


def _not_utf8(row: Sequence[str]) -> int | None:
    """Returns which value is no UTF-8."""
    return next((at for at, one in enumerate(row) if not _is_text(one)), None)


def _is_text(value: str) -> bool:
    return not any("\ud800" <= one <= "\udfff" for one in value)


def _batch(rows: list[list[str]], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else ([] for _ in schema)
    arrays = [pa.array(list(column), pa.string()) for column in columns]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
