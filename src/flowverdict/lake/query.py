"""Questions to a lake, in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

import duckdb
import pyarrow as pa

from flowverdict.lake.sessions import SESSIONS
from flowverdict.lake.store import LakeError

if TYPE_CHECKING:
    from flowverdict.lake.tables import Lake, Table


def query(lake: Lake, sql: str) -> pa.RecordBatchReader:
    """Returns the answer to a query over ``flows``, ``sessions`` and ``quarantine``.

    The files are those of the tables' newest versions: what Delta has removed is not read.

    Raises:
        LakeError: there is nothing in the lake yet, or the query is wrong.
    """
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    if lake.flows.open() is None:
        raise LakeError(
            f"{lake.root}: holds no flows yet: expected a lake that `ingest` has filled"
        )
    _view(connection, "flows", lake.flows)
    _view(connection, "quarantine", lake.quarantine)
    connection.execute(f"CREATE VIEW sessions AS {SESSIONS}")
    try:
        return connection.sql(sql).to_arrow_reader(1 << 16)
    except AttributeError:  # what is no query has no relation for an answer
        raise LakeError("SQL: expected a query that has rows for an answer") from None
    except duckdb.Error as problem:
        message = " ".join(str(problem).split())
        raise LakeError(f"SQL: {message}") from None


def _view(connection: duckdb.DuckDBPyConnection, name: str, table: Table) -> None:
    found = table.open()
    if found is not None and table.store.is_remote:
        # DuckDB's own way to Azure is a download; Delta's files are read as they stream
        connection.register(name, found.to_pyarrow_dataset())
        return
    # Delta writes a space in a folder's name as it stands in an address
    files = [unquote(one) for one in found.file_uris()] if found is not None else []
    if not files:
        connection.register(name, table.schema.empty_table())
        return
    listed = ", ".join("'" + one.replace("'", "''") + "'" for one in files)
    # the names and types are the table's own; `day` stands in the folders' names
    connection.execute(
        f"CREATE VIEW {name} AS SELECT * FROM "  # noqa: S608 file names of the table's own
        f"read_parquet([{listed}], hive_partitioning = true, union_by_name = true)"
    )
