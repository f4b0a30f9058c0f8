"""Questions to Traffic Analytics' tables as a lake keeps them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from flowverdict.lake import ALWAYS, LakeError, Period, Table, query
from flowverdict.lake.engine import MEMORY
from flowverdict.traffic.analytics import derived, legacy, raw
from flowverdict.traffic.analytics.schema import (
    ANALYTICS,
    COLUMNS,
    DETAILS,
    IP_DETAILS,
    LEGACY,
    NTA,
    selected,
)
from flowverdict.traffic.views import VIEWS

if TYPE_CHECKING:
    from datetime import date

    from flowverdict.lake import Lake, Period

AZURE_VIEWS: Final = {
    NTA: selected(COLUMNS, NTA),
    IP_DETAILS: selected(DETAILS, IP_DETAILS),
    LEGACY: legacy.SQL,
    raw.NAME: raw.SQL,
    **derived.VIEWS,
}
"""Azure's tables, and the way back to flow rows, as views of what is kept or was made."""


def files_by_day(table: Table, period: Period = ALWAYS) -> dict[date, list[str]]:
    """Returns the files of a table's newest version, those of days that a period touches.

    Raises:
        LakeError: it cannot be opened.
    """
    found = table.open()
    days: dict[date, list[str]] = {}
    for one in pa.table(found.get_add_actions()).to_pylist() if found is not None else []:
        day = one["partition"]["day"]
        if touches(period, day):
            days.setdefault(day, []).append(one["path"])
    return {day: sorted(days[day]) for day in sorted(days)}


def files_of_day(table: Table, day: date) -> tuple[str, ...]:
    """Returns the files of one day of a table's newest version.

    Raises:
        LakeError: it cannot be opened.
    """
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return tuple(files_by_day(table, Period(noon, noon + timedelta(hours=1))).get(day, ()))


def touches(period: Period, day: date) -> bool:
    """Reports whether a period has a part of a day, UTC."""
    since, until = period.since, period.until
    return (since is None or since.astimezone(UTC).date() <= day) and (
        until is None or day <= until.astimezone(UTC).date()
    )


def ask(
    lake: Lake, sql: str, *, period: Period = ALWAYS, memory: str = MEMORY
) -> pa.RecordBatchReader:
    """Returns the answer to a query over all that a lake has: tables, views, Azure's tables.

    Of Azure's tables a period has the intervals that begin in it.

    Raises:
        LakeError: there is nothing in the lake yet, the query is wrong, or it names one of Azure's
            tables and these were not made yet.
    """
    views = {one.name: one.sql for one in VIEWS}
    table = analytics_table(lake)
    if table.open() is not None:
        more = [(table, period.condition("FlowIntervalStartTime"))]
        return query(lake, sql, views=views | AZURE_VIEWS, more=more, period=period, memory=memory)
    for name in AZURE_VIEWS:
        if re.search(rf"\b{name}\b", sql, re.IGNORECASE):
            made = "expected `flowverdict traffic --update` to have made it"
            raise LakeError(f"{lake.root}: holds no {name} yet: {made}")
    return query(lake, sql, views=views, period=period, memory=memory)


def analytics_table(lake: Lake) -> Table:
    """Returns the table in which a lake keeps Traffic Analytics' rows; it may not be there yet."""
    return Table(lake.store, "analytics", ANALYTICS.append(pa.field("day", pa.date32())))
