"""Questions to a lake, in SQL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from flowverdict.lake.engine import MEMORY, Engine, quoted
from flowverdict.lake.store import LakeError, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from flowverdict.lake.tables import Lake, Table

_MICROSECONDS: Final = pa.timestamp("us", "UTC")
_PATTERN: Final = re.compile(r"([\[*?])")


@dataclass(frozen=True, slots=True)
class Period:
    """A span of time.

    Attributes:
        since: its first moment, with a zone; None for no bound.
        until: the first moment behind it, with a zone; None for no bound.
    """

    since: datetime | None = None
    until: datetime | None = None

    def condition(self, column: str = "time") -> str:
        """Returns it in SQL, over a time and, so that other days are not opened, ``day``."""
        parts = ["true"]
        if self.since is not None:
            moment = self.since.astimezone(UTC)
            parts += [f"day >= DATE '{moment.date()}'", f"{column} >= TIMESTAMPTZ '{moment}'"]
        if self.until is not None:
            moment = self.until.astimezone(UTC)
            parts += [f"day <= DATE '{moment.date()}'", f"{column} < TIMESTAMPTZ '{moment}'"]
        return " AND ".join(parts)

    def expression(self) -> pc.Expression:
        """Returns the same for a scan."""
        found = pc.scalar(True)  # noqa: FBT003 Arrow's constant
        day, time = pc.field("day"), pc.field("time")
        if self.since is not None:
            moment = self.since.astimezone(UTC)
            found = found & (day >= moment.date()) & (time >= pa.scalar(moment, _MICROSECONDS))
        if self.until is not None:
            moment = self.until.astimezone(UTC)
            found = found & (day <= moment.date()) & (time < pa.scalar(moment, _MICROSECONDS))
        return found


ALWAYS: Final = Period()
_NO_VIEWS: Final[Mapping[str, str]] = {}


def query(
    lake: Lake,
    sql: str,
    *,
    views: Mapping[str, str] = _NO_VIEWS,
    more: Sequence[tuple[Table, str]] = (),
    period: Period = ALWAYS,
    memory: str = MEMORY,
) -> pa.RecordBatchReader:
    """Returns the answer to a query over ``flows`` and ``quarantine``, as it is computed.

    The files are those of the tables' newest versions: what Delta has removed is not read. The
    query reads them and nothing else, and changes nothing.

    Args:
        lake: where to look.
        sql: one ``SELECT``.
        views: more to ask, by name: each a query over the tables and the views before it.
        more: further tables of the lake, each with the condition of its rows; one that is not
            there yet has none.
        period: ``flows`` has only the rows of this time.
        memory: what is taken before a temporary folder is used, such as ``512MB``.

    Raises:
        LakeError: there is nothing in the lake yet, or the query is wrong; also while the rows of
            the answer are read.
    """
    engine, files = open_engine(lake, more=more, period=period, memory=memory)
    return answer(engine, files, lake, sql, views)


def workspace(lake: Lake, *, period: Period = ALWAYS, memory: str = MEMORY) -> Engine:
    """Returns an engine that knows a lake's tables, for several questions to the same versions.

    It reads their files and nothing else; the tables that it makes are kept in a temporary folder.
    Whoever has it closes it.

    Raises:
        LakeError: there is nothing in the lake yet.
    """
    engine, files = open_engine(lake, period=period, memory=memory, keeps_tables=True)
    engine.seal(files)
    return engine


def open_engine(
    lake: Lake,
    *,
    more: Sequence[tuple[Table, str]] = (),
    period: Period = ALWAYS,
    memory: str = MEMORY,
    keeps_tables: bool = False,
) -> tuple[Engine, list[str]]:
    """Returns an engine that knows a lake's tables, and the files that it has to read for them.

    Raises:
        LakeError: there is nothing in the lake yet.
    """
    if lake.flows.open() is None:
        raise LakeError(
            f"{lake.root}: holds no flows yet: expected a lake that `ingest` has filled"
        )
    engine = Engine(memory, keeps_tables=keeps_tables)
    try:
        files = [
            *expose(engine, lake.flows, period.condition()),
            *expose(engine, lake.quarantine),
            *(path for table, rows in more for path in expose(engine, table, rows)),
        ]
    except BaseException as problem:
        engine.close()
        if isinstance(problem, duckdb.Error):
            raise LakeError(f"{lake.root}: {one_line(problem)}") from None
        raise
    return engine, files


def answer(
    engine: Engine, files: Sequence[str], lake: Lake, sql: str, views: Mapping[str, str]
) -> pa.RecordBatchReader:
    """Returns the answer of an engine to a query, over views of its tables too.

    Raises:
        LakeError: the query is wrong; also while the rows of the answer are read.
    """
    try:
        for name, asked in views.items():
            engine.connection.execute(f'CREATE VIEW "{name}" AS {asked}')
        engine.seal(files)
    except BaseException as problem:
        engine.close()
        if isinstance(problem, duckdb.Error):
            raise LakeError(f"{lake.root}: {one_line(problem)}") from None
        raise
    return engine.answer(sql)


def expose(
    engine: Engine,
    table: Table,
    condition: str = "true",
    *,
    name: str = "",
    paths: Sequence[str] | None = None,
) -> list[str]:
    """Makes a table known to an engine; returns the files that have to be read for it.

    Args:
        engine: which one.
        table: what.
        condition: SQL, which of its rows.
        name: what it is called there; its own name if left out.
        paths: the files that count, as Delta names them; all of the newest version if left out.
            Where the lake is not on a disk, all of them count anyway.
    """
    found = table.open()
    name = name or table.name
    if paths is None:
        paths = pa.table(found.get_add_actions())["path"].to_pylist() if found is not None else []
    if found is None or not paths:
        engine.connection.register(name, table.schema.empty_table())
        return []
    if table.store.is_remote:
        # DuckDB's own way to Azure is a download; Delta's files are read as they stream
        engine.connection.register(f"{name} from afar", found.to_pyarrow_dataset())
        source, files = f'"{name} from afar"', list[str]()
    else:
        plain = [f"{table.location}/{path}" for path in paths]
        patterns = [_PATTERN.sub(r"[\1]", one) for one in plain]  # a name is no pattern
        listed = ", ".join(quoted(one) for one in patterns)
        # the names and types are the table's own; `day` stands in the folders' names
        source = (
            f"read_parquet([{listed}], hive_partitioning = true, hive_types = {{'day': DATE}}, "
            "union_by_name = true)"
        )
        files = [*plain, *patterns]
    engine.connection.execute(
        f"CREATE VIEW {name} AS SELECT * FROM {source} WHERE {condition}"  # noqa: S608 names of our own
    )
    return files
