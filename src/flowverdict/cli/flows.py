"""``flowverdict flows``: rows out of a lake."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import csv
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import pyarrow.parquet as pq

from flowverdict.cli.errors import Refused
from flowverdict.cli.lakes import lake_option, open_lake
from flowverdict.cli.render import table
from flowverdict.lake import LakeError, query

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

_MOST_IN_TABLE: Final = 50
_COLUMNS: Final = (
    "time, src_ip, src_port, dst_ip, dst_port, protocol, direction, decision, state, bytes_sent, "
    "bytes_received, rule, mac"
)


@click.command("flows")
@lake_option
@click.option("--where", metavar="SQL", help="Which rows, as the condition of a SQL query.")
@click.option("--sql", metavar="SQL", help="A whole query over flows, sessions and quarantine.")
@click.option(
    "--output",
    type=click.Choice(["table", "json", "jsonl", "csv", "parquet"]),
    default="table",
    show_default=True,
    help="How rows are printed; parquet needs --to.",
)
@click.option("--to", type=click.Path(path_type=Path), help="Write to this file instead.")
def command(
    location: str, where: str | None, sql: str | None, output: str, to: Path | None
) -> None:
    """Print flow rows, or the answer to a query over them.

    A first look at the top talkers:

    flowverdict flows --lake LAKE --sql "SELECT src_ip, sum(bytes_sent) AS bytes FROM flows GROUP BY
    src_ip ORDER BY bytes DESC NULLS LAST LIMIT 10"
    """
    if sql and where:
        raise Refused("--where and --sql: expected one of the two")
    if output == "parquet" and to is None:
        raise Refused("--output parquet: expected --to FILE")
    columns = _COLUMNS if output == "table" else "*"
    condition = f" WHERE {where}" if where else ""
    order = " ORDER BY time, blob, record, tuple"
    asked = sql or f"SELECT {columns} FROM flows{condition}{order}"  # noqa: S608 the user's own SQL
    try:
        rows = query(open_lake(location), asked)
        if output == "parquet":
            assert to is not None
            _write_parquet(rows, to)
            return
        with to.open("w", encoding="utf-8", newline="") if to else _stdout() as out:
            for text in _FORMS[output](rows):
                out.write(text)
    except LakeError as problem:
        raise Refused(str(problem)) from None


class _stdout:  # noqa: N801 used as a function is
    """Standard output as something that is not closed behind its user."""

    def __enter__(self) -> Any:
        """Returns standard output."""
        return sys.stdout

    def __exit__(self, *_: object) -> None:
        """Leaves it open."""


def _write_parquet(rows: pa.RecordBatchReader, to: Path) -> None:
    try:
        with pq.ParquetWriter(to, rows.schema, compression="zstd") as writer:
            for batch in rows:
                writer.write_batch(batch)
    except OSError as problem:
        raise Refused(f"{to}: {problem.strerror or problem}: expected a file to write") from None


def _as_table(rows: pa.RecordBatchReader) -> Iterator[str]:
    names = rows.schema.names
    shown: list[tuple[str, ...]] = []
    more = False
    for batch in rows:
        for row in batch.to_pylist():
            if len(shown) == _MOST_IN_TABLE:
                more = True
                break
            shown.append(tuple(_cell(row[name]) for name in names))
        if more:
            break
    for line in table([tuple(name.upper() for name in names), *shown]):
        yield line + "\n"
    if more:
        click.echo(f"the first {_MOST_IN_TABLE} rows: --output csv has all", err=True)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else str(value)


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _as_json(rows: pa.RecordBatchReader) -> Iterator[str]:
    first = True
    yield "["
    for line in _objects(rows):
        yield ("\n" if first else ",\n") + line
        first = False
    yield "\n]\n"


def _as_jsonl(rows: pa.RecordBatchReader) -> Iterator[str]:
    for line in _objects(rows):
        yield line + "\n"


def _objects(rows: pa.RecordBatchReader) -> Iterator[str]:
    for batch in rows:
        for row in batch.to_pylist():
            yield json.dumps(row, default=_plain, ensure_ascii=False)


class _Lines:
    """A file for ``csv`` that hands back what is written."""

    def write(self, text: str) -> str:
        """Returns the text."""
        return text


def _as_csv(rows: pa.RecordBatchReader) -> Iterator[str]:
    writer = csv.writer(_Lines(), lineterminator="\n")
    yield writer.writerow(rows.schema.names)
    for batch in rows:
        for row in batch.to_pylist():
            yield writer.writerow(["" if cell is None else _text(cell) for cell in row.values()])


def _text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


_FORMS: Final = {"table": _as_table, "json": _as_json, "jsonl": _as_jsonl, "csv": _as_csv}
