"""JSON Lines: an object a line, with the fields that the first lines have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import pyarrow as pa

from flowverdict.packets.pieces import Piece, Reject, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.packets.blocks import Block

_OBJECT: Final = msgspec.json.Decoder(dict[str, Any])
_JSON: Final = "an object of JSON in each line"


def json_pieces(file: str, blocks: Iterator[Block]) -> Iterator[Piece]:
    """Yields the rows of a file of JSON Lines.

    Fields and types are those of the first block, some thousand lines; a field that a line lacks is
    null.

    Raises:
        InputError: it has none that could be read.
    """
    schema: pa.Schema | None = None
    for block in blocks:
        rows, lines, rejects = _read(block)
        if schema is None:
            if not rows:
                if rejects:
                    one = rejects[0]
                    raise refuse(file, one.what, one.expected, line=one.line)
                continue
            schema = _schema(file, rows, lines)
        yield _piece(schema, rows, lines, rejects, block.size)
    if schema is None:
        raise refuse(file, "is empty", _JSON)


def _read(block: Block) -> tuple[list[dict[str, Any]], list[int], list[Reject]]:
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    rejects: list[Reject] = []
    for line, text in enumerate(block.data.split(b"\n"), block.line):
        if not text.strip():
            continue
        try:
            rows.append(_OBJECT.decode(text))
            lines.append(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as problem:
            rejects.append(Reject(line, "", _told(problem), _JSON, _shown(text)))
    return rows, lines, rejects


def _told(problem: Exception) -> str:
    if isinstance(problem, UnicodeDecodeError):
        return "is not UTF-8"
    said = str(problem).removeprefix("JSON is malformed: ").removesuffix(" - at `$`")
    return f"is no JSON object ({said})"


def _shown(text: bytes) -> str:
    return text.decode(errors="backslashreplace").rstrip("\r")


def _schema(file: str, rows: list[dict[str, Any]], lines: list[int]) -> pa.Schema:
    names = dict.fromkeys(name for row in rows for name in row)
    fields: list[pa.Field] = []
    for name in names:
        values = [row.get(name) for row in rows]
        kind = _kind(values)
        if kind is None:
            at = next(at for at in range(len(values)) if _kind(values[: at + 1]) is None)
            what = f"`{_short(values[at])}` is of another type than in the lines before"
            raise refuse(file, what, "one type for each field", line=lines[at], column=name)
        fields.append(pa.field(name, kind))
    return pa.schema(fields)


def _kind(values: list[Any]) -> pa.DataType | None:
    try:
        found = pa.array(values).type
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):
        return None
    return pa.string() if pa.types.is_null(found) else found


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= 60 else text[:60] + "..."


def _piece(
    schema: pa.Schema, rows: list[dict[str, Any]], lines: list[int], rejects: list[Reject],
    size: int,
) -> Piece:  # fmt: skip
    known = frozenset(schema.names)
    try:
        if all(known.issuperset(row) for row in rows):
            return Piece(_batch(rows, schema), lines, rejects, size)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):
        pass
    kept: list[int] = []
    for at, row in enumerate(rows):
        wrong = _wrong(row, schema)
        if wrong is None:
            kept.append(at)
        else:
            rejects.append(Reject(lines[at], *wrong, row))
    batch = _batch([rows[at] for at in kept], schema)
    return Piece(batch, [lines[at] for at in kept], rejects, size)


def _wrong(row: dict[str, Any], schema: pa.Schema) -> tuple[str, str, str] | None:
    """Returns which field of a row is not as in the first lines, what it is, and what it was."""
    for name, value in row.items():
        at = schema.get_field_index(name)
        if at < 0:
            return name, "is a field that the first lines lack", "the same fields in all lines"
        kind = schema.field(at).type
        try:
            pa.array([value], kind)
        except (pa.ArrowException, OverflowError, UnicodeEncodeError):
            return name, f"`{_short(value)}`", f"{kind}, as in the first lines"
    return None


def _batch(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    arrays = [pa.array([row.get(one.name) for row in rows], one.type) for one in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
