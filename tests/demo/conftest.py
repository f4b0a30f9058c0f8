"""A day of the bank, made once for all tests of it."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from flowverdict.api import load_estate
from flowverdict.cli.judging import judge_of
from flowverdict.demo.bank import make_bank, write_bank
from flowverdict.demo.day.blobs import make_day
from flowverdict.demo.day.judging import Judge
from flowverdict.model import Estate
from flowverdict.traffic import SESSIONS

FLOWS = """
CREATE TABLE flows AS SELECT *,
    (mac, direction, src_ip, src_port, dst_ip, dst_port, protocol) AS flow,
    CASE WHEN packets_sent IS NULL THEN 'none'
        WHEN packets_sent + bytes_sent + packets_received + bytes_received = 0 THEN 'zeros'
        ELSE 'some' END AS counters
FROM seen
"""
INSIDE = "CREATE MACRO is_inside(ip) AS (ip LIKE '10.%' OR ip LIKE 'fd48:%')"


@dataclass(frozen=True)
class Day:
    """The bank, its rules, and the rows of its day as a table `flows` with its `sessions`."""

    bank: dict[str, object]
    estate: Estate
    judge: Judge
    rows: pa.RecordBatch
    database: duckdb.DuckDBPyConnection

    def sql(self, query: str) -> list[tuple]:
        return self.database.sql(query).fetchall()

    def one(self, query: str) -> tuple:
        (row,) = self.sql(query)
        return row


@pytest.fixture(scope="session")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    folder: Path = tmp_path_factory.mktemp("day") / "bank"
    write_bank(folder)
    estate = load_estate(folder)
    judge = judge_of(estate)
    rows = make_day(judge)
    numbered = pa.array(np.arange(rows.num_rows, dtype=np.int32))
    at = rows.schema.get_field_index("tuple")
    table = pa.Table.from_batches([rows]).set_column(at, rows.schema.field(at), numbered)
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    database.register("seen", table)
    database.execute(FLOWS)
    database.execute(INSIDE)
    database.execute(f"CREATE VIEW sessions AS {SESSIONS.sql}")
    return Day(make_bank(), estate, judge, rows, database)
