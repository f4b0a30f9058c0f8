"""Rows out of a lake: as a table for people, as JSON, CSV or Parquet for programs."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false

from __future__ import annotations

import csv
import json
import math
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flowverdict.cli.errors import Refused
from flowverdict.cli.lakes import open_lake, told
from flowverdict.cli.render import table
from flowverdict.traffic.analytics.asking import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from typing import TextIO

    from flowverdict.lake import Period

F = TypeVar("F", bound="Callable[..., Any]")

MOST_IN_TABLE: Final = 50
_OF_SUFFIX: Final = {
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
}


@dataclass(frozen=True, slots=True)
class Output:
    """What becomes of rows.

    Attributes:
        form: ``table``, ``json``, ``jsonl``, ``csv`` or ``parquet``.
        to: the file; None for standard output.
        limit: how many rows at most; None for all.
    """

    form: str
    to: Path | None
    limit: int | None

    @property
    def most(self) -> int | None:
        """How many rows are looked at: a table knows whether there are more than it shows."""
        if self.form == "table" and self.limit is None:
            return MOST_IN_TABLE + 1
        return self.limit


def row_options(command: F) -> F:
    """Adds ``--output``, ``--to`` and ``--limit``."""
    for add in reversed(
        (
            click.option(
                "--output",
                type=click.Choice(["table", "json", "jsonl", "csv", "parquet"]),
                help="How rows are printed: a table, or what the name of --to says; parquet "
                "needs --to.",
            ),
            click.option(
                "--to", type=click.Path(path_type=Path), help="Write to this file instead."
            ),
            click.option(
                "--limit",
                type=click.IntRange(min=1),
                metavar="ROWS",
                help=f"No more rows than this; a table has {MOST_IN_TABLE} unless told otherwise.",
            ),
        )
    ):
        command = add(command)
    return command


def read_output(output: str | None, to: Path | None, limit: int | None, lake: str | None) -> Output:
    """Returns what the options say.

    Raises:
        Refused: they do not go together, or the file is one of the lake's.
    """
    if to is None:
        if output == "parquet":
            raise Refused("--output parquet: expected --to FILE")
        return Output(output or "table", None, limit)
    if lake is not None and to.absolute().resolve().is_relative_to(Path(lake).absolute().resolve()):
        raise Refused(f"--to {to}: is inside the lake: expected a file outside of it")
    form = output or _OF_SUFFIX.get(to.suffix.lower())
    if form is None:
        endings = ", ".join(_OF_SUFFIX)
        raise Refused(f"--to {to}: expected --output, or a name that ends with {endings}")
    return Output(form, to, limit)


def print_answer(location: str, sql: str, period: Period, output: Output) -> None:
    """Writes what a lake and the views over it answer, as it comes.

    Raises:
        Refused: there is no such lake, the query is wrong, or the file cannot be written.
    """
    lake = open_lake(location)
    told(lambda: write_rows(ask(lake, sql, period=period), output))


def write_rows(rows: pa.RecordBatchReader, output: Output) -> None:
    """Writes rows as they come, and lets go of where they come from.

    Raises:
        Refused: two columns have one name, or the file cannot be written.
    """
    names = rows.schema.names
    twice = next((name for at, name in enumerate(names) if name in names[:at]), None)
    if twice is not None and output.form in ("json", "jsonl"):
        raise Refused(f"SQL: two columns are named `{twice}`: expected names that differ (AS)")
    try:
        batches = _first(rows, output.most)
        if output.to is None:
            _write_text(batches, rows.schema, output, sys.stdout)
            return
        try:
            _write_file(batches, rows.schema, output, output.to)
        except OSError as problem:
            said = problem.strerror or str(problem)
            raise Refused(f"{output.to}: {said.lower()}: expected a file to write") from None
    finally:
        rows.close()


def _first(rows: Iterable[pa.RecordBatch], most: int | None) -> Iterator[pa.RecordBatch]:
    left = most
    for batch in rows:
        yield batch if left is None else batch.slice(0, left)
        if left is not None:
            left -= batch.num_rows
            if left <= 0:
                return


def _write_file(
    batches: Iterator[pa.RecordBatch], schema: pa.Schema, output: Output, to: Path
) -> None:
    with _whole(to) as path:
        if output.form == "parquet":
            with pq.ParquetWriter(path, schema, compression="zstd") as writer:
                for batch in batches:
                    writer.write_batch(batch)
            return
        with path.open("w", encoding="utf-8", newline="") as out:
            _write_text(batches, schema, output, out)


@contextmanager
def _whole(to: Path) -> Generator[Path]:
    """Gives the name to write to: the file is there when it is whole, and not before."""
    if to.exists() and not to.is_file():
        yield to  # a pipe, or a device
        return
    part = to.with_name(f".{to.name}.part")
    try:
        yield part
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)


def _write_text(
    batches: Iterator[pa.RecordBatch], schema: pa.Schema, output: Output, out: TextIO
) -> None:
    if output.form == "table":
        _write_table(batches, schema.names, output, out)
        return
    out.writelines(_FORMS[output.form](batches, schema.names))


def _write_table(
    batches: Iterator[pa.RecordBatch], names: Sequence[str], output: Output, out: TextIO
) -> None:
    rows = [tuple(_cell(one) for one in row) for batch in batches for row in _rows(batch)]
    shown = rows if output.limit is not None else rows[:MOST_IN_TABLE]
    out.writelines(line + "\n" for line in table([tuple(name.upper() for name in names), *shown]))
    if len(rows) > len(shown):
        click.echo(f"the first {len(shown)} rows: --output csv has all", err=True)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    text = str(value)  # a name in a log is a stranger's: it shall not steer the terminal
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def _as_json(batches: Iterable[pa.RecordBatch], names: Sequence[str]) -> Iterator[str]:
    first = True
    yield "["
    for line in _objects(batches, names):
        yield ("\n" if first else ",\n") + line
        first = False
    yield "\n]\n"


def _as_jsonl(batches: Iterable[pa.RecordBatch], names: Sequence[str]) -> Iterator[str]:
    for line in _objects(batches, names):
        yield line + "\n"


def _objects(batches: Iterable[pa.RecordBatch], names: Sequence[str]) -> Iterator[str]:
    for batch in batches:
        for row in _rows(batch):
            yield json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False)


class _Lines:
    """A file for ``csv`` that hands back what is written."""

    def write(self, text: str) -> str:
        """Returns the text."""
        return text


def _as_csv(batches: Iterable[pa.RecordBatch], names: Sequence[str]) -> Iterator[str]:
    writer = csv.writer(_Lines(), lineterminator="\n")
    yield writer.writerow(names)
    for batch in batches:
        for row in _rows(batch):
            yield writer.writerow(row)


_FORMS: Final = {"json": _as_json, "jsonl": _as_jsonl, "csv": _as_csv}


def _rows(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    """Yields rows as JSON can hold them: times as ISO 8601, with `Z` where they are UTC."""
    return zip(*(_values(column) for column in batch.columns), strict=True)


def _values(column: pa.Array) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        return _times(column).to_pylist()
    if pa.types.is_temporal(column.type):
        return column.cast(pa.string()).to_pylist()
    return [_plain(value) for value in column.to_pylist()]


def _times(column: pa.Array) -> pa.Array:
    """Returns times as text, with three digits behind the second, or six where they matter."""
    zone = "Z" if column.type.tz is not None else ""
    text = column.cast(pa.timestamp(column.type.unit)).cast(pa.string())
    text = pc.replace_substring_regex(text, r"(\.\d{3})000$", r"\1")
    return pc.binary_join_element_wise(pc.replace_substring(text, " ", "T"), zone, "")


def _plain(value: Any) -> Any:
    """Returns a value as JSON can hold it."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, Decimal):  # a sum of numbers of 64 bits
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
