"""Traffic Analytics' rows out of a lake, a day at a time, in a database of their own.

Memory is bounded by the engine's: what does not fit goes on in a temporary folder. What is known
of addresses is asked once for each of a day's, a batch of them at a time.
"""

from __future__ import annotations

import csv
from dataclasses import astuple
from datetime import date
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pyarrow as pa

from flowverdict.lake import LakeError
from flowverdict.lake.engine import first_line
from flowverdict.traffic.analytics import fold
from flowverdict.traffic.analytics.schema import ANALYTICS
from flowverdict.traffic.analytics.sites import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.lake import Engine
    from flowverdict.traffic.analytics.places import Places

INTERVALS: Final = (10, 60)
"""Minutes; Azure offers no others (flow-log specification, 8.1)."""
_BATCH: Final = 1 << 15
_ORDER: Final = "Type, FlowIntervalStartTime, MacAddress, DestPort, SrcIp, DestIp"
"""Alike stands beside alike: files become small."""
_SITES: Final = pa.schema(
    [
        pa.field("site", pa.int32()),
        *(pa.field(name, pa.int32() if name == "party" else pa.string()) for name in NAMES),
    ]
)
_LINKS: Final = pa.schema(
    [
        pa.field("src_party", pa.int32()),
        pa.field("dst_party", pa.int32()),
        *(pa.field(name, pa.string()) for name in ("kind", "name", "through")),
    ]
)


class Making:
    """Makes rows in an engine that has ``flows``, into its table ``analytics``."""

    def __init__(self, engine: Engine, places: Places, minutes: int) -> None:
        """Takes where to, what is known of addresses, and how long an interval is.

        Raises:
            LakeError: Azure has no such interval.
        """
        if minutes not in INTERVALS:
            raise LakeError(f"an interval of {minutes} minutes: expected 10 or 60")
        self._connection = engine.connection
        self._places = places
        self.milliseconds = minutes * 60_000
        self._replace("shape", ANALYTICS.empty_table())
        self._replace("observers", places.observers())
        self._replace("services", _services())
        self._is_first = True
        self.add(date.min, "false")  # so that there are tables, whatever comes

    def add(self, day: date, condition: str = "true") -> None:
        """Adds the rows of a day.

        Args:
            day: which one, UTC.
            condition: SQL, which rows of ``flows`` count; whole intervals, if they are to be kept.

        Raises:
            LakeError: a file cannot be read, or a counter is out of all bounds.
        """
        on_day = f"day = DATE '{day}' AND ({condition})"
        try:
            self._connection.execute(fold.folds(self.milliseconds, on_day))
            self._look_up(day)
            self._replace("sites", self._sites())
            self._append("typed", fold.typed(day))
            self._connection.execute("DROP TABLE folds")
        except duckdb.Error as problem:
            raise LakeError(first_line(problem)) from None
        self._is_first = False

    def finish(self, kept: str = "") -> None:
        """Makes the view ``analytics`` of what was added.

        Args:
            kept: a query that gives rows that were made before; empty for none.

        Raises:
            LakeError: what was kept cannot be read.
        """
        parts = ["FROM shape", fold.rows(self.milliseconds), fold.details(self.milliseconds)]
        view = " UNION ALL BY NAME ".join(f"({one})" for one in [*parts, kept] if one)
        try:
            self._replace("links", self._links())
            self._connection.execute(f"CREATE VIEW analytics AS {view}")
        except duckdb.Error as problem:
            raise LakeError(first_line(problem)) from None

    def take(self) -> Iterator[pa.RecordBatch]:
        """Yields the rows of ``analytics``, by ``schema.ANALYTICS``.

        Raises:
            LakeError: there is no room for them.
        """
        try:
            rows = self._connection.sql(f"SELECT * FROM analytics ORDER BY {_ORDER}")  # noqa: S608 names of our own
            for batch in rows.to_arrow_reader(_BATCH):
                yield batch.cast(ANALYTICS)
        except duckdb.Error as problem:
            raise LakeError(first_line(problem)) from None

    def _look_up(self, day: date) -> None:
        """Adds what is known of the addresses of a day."""
        asked = self._connection.cursor()
        rows = asked.sql(fold.ADDRESSES).to_arrow_reader(_BATCH)
        if self._is_first:
            self._replace("places", _dated(self._places.told([], [], day), day))
        for batch in rows:
            told = self._places.told(
                batch.column("ip").to_pylist(), batch.column("scope").to_pylist(), day
            )
            self._connection.register("told", _dated(told, day))
            self._connection.execute("INSERT INTO places SELECT * FROM told")
            self._connection.unregister("told")
        asked.close()

    def _append(self, name: str, sql: str) -> None:
        into = f"CREATE TABLE {name} AS" if self._is_first else f"INSERT INTO {name}"
        self._connection.execute(f"{into} {sql}")

    def _sites(self) -> pa.Table:
        rows = [(at, *astuple(site)) for at, site in enumerate(self._places.sites.table)]
        return _table(rows, _SITES)

    def _links(self) -> pa.Table:
        pairs = self._connection.execute(fold.PARTIES).fetchall()
        return _table([(*pair, *self._places.links.between(*pair)) for pair in pairs], _LINKS)

    def _replace(self, name: str, rows: pa.Table | pa.RecordBatch) -> None:
        self._connection.register("given", rows)
        self._connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM given")  # noqa: S608 a name of our own
        self._connection.unregister("given")


def _dated(rows: pa.RecordBatch, day: date) -> pa.RecordBatch:
    days = pa.array([day] * len(rows), pa.date32())
    return pa.RecordBatch.from_arrays(
        [*rows.columns, days], schema=rows.schema.append(pa.field("day", pa.date32()))
    )


def _table(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    cells = zip(schema.names, zip(*rows, strict=True), strict=True) if rows else ()
    columns: dict[str, Any] = {name: list(one) for name, one in cells}
    return pa.table(
        [pa.array(columns.get(one.name, []), one.type) for one in schema], schema=schema
    )


def _services() -> pa.Table:
    """Returns the names of common ports, as IANA registers them."""
    text = files("flowverdict.traffic.analytics").joinpath("services.csv").read_text("utf-8")
    rows = [
        (int(one["port"]), int(one["protocol"]) if one["protocol"] else None, one["name"])
        for one in csv.DictReader(text.splitlines())
    ]
    names = pa.schema([("port", pa.int32()), ("protocol", pa.int16()), ("name", pa.string())])
    return _table(rows, names)
