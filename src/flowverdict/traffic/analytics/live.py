"""Questions to Traffic Analytics' tables, made on the spot of a lake's flow rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowverdict.lake import ALWAYS, answer, open_engine
from flowverdict.lake.engine import MEMORY
from flowverdict.traffic.analytics.asking import AZURE_VIEWS, files_by_day
from flowverdict.traffic.analytics.making import Making
from flowverdict.traffic.analytics.queries import rules_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from flowverdict.lake import Lake, Period
    from flowverdict.traffic.analytics.places import Places


def analyse_lake(
    lake: Lake,
    places: Places,
    sql: str,
    *,
    minutes: int = 60,
    period: Period = ALWAYS,
    memory: str = MEMORY,
    seen: Callable[[int, int], None] = lambda _done, _all: None,
) -> pa.RecordBatchReader:
    """Returns the answer to a query over Azure's tables, made now of a lake's flow rows.

    Args:
        lake: where the rows are.
        places: what is known of addresses.
        sql: one ``SELECT`` over ``AZURE_VIEWS``, the lake's own tables, and ``rules``, those of
            the estate's network security groups.
        minutes: how long an interval is, 10 or 60.
        period: only rows of this time.
        memory: what is taken before a temporary folder is used.
        seen: told how many days are done, and how many there are.

    Raises:
        LakeError: there is nothing in the lake yet, or the query is wrong.
    """
    engine, files = open_engine(lake, period=period, memory=memory)
    try:
        making = Making(engine, places, minutes)
        engine.connection.register("rules", rules_of(places.sites.estate))
        days = files_by_day(lake.flows, period)
        for done, day in enumerate(days):
            seen(done, len(days))
            making.add(day)
        making.finish()
    except BaseException:
        engine.close()
        raise
    return answer(engine, files, lake, sql, AZURE_VIEWS)
