"""``flowverdict flows``: rows out of a lake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from flowverdict.cli.errors import Refused
from flowverdict.cli.lakes import lake_option
from flowverdict.cli.period import period_options, read_period
from flowverdict.cli.rows import print_answer, read_output, row_options
from flowverdict.traffic import VIEWS
from flowverdict.traffic.analytics.asking import AZURE_VIEWS

if TYPE_CHECKING:
    from pathlib import Path

_COLUMNS: Final = (
    "time, src_ip, src_port, dst_ip, dst_port, protocol, direction, decision, state, bytes_sent, "
    "bytes_received, rule, mac"
)
_NAMES: Final = ", ".join((*(one.name for one in VIEWS), *AZURE_VIEWS))


@click.command("flows")
@lake_option
@click.option("--where", metavar="SQL", help="Which rows, as the condition of a SQL query.")
@click.option(
    "--sql", metavar="SQL", help=f"A whole query over flows, quarantine, {_NAMES}: one SELECT."
)
@period_options
@row_options
def command(
    location: str,
    where: str | None,
    sql: str | None,
    since: str | None,
    until: str | None,
    output: str | None,
    to: Path | None,
    limit: int | None,
) -> None:
    """Print flow rows, or the answer to a query over them.

    A first look at the top talkers:

    flowverdict flows --lake LAKE --sql "SELECT src_ip, sum(bytes_sent + bytes_received) AS bytes
    FROM sessions_once GROUP BY src_ip ORDER BY bytes DESC NULLS LAST LIMIT 10"

    A query reads the lake and nothing else, and changes nothing.
    """
    if sql is not None and where is not None:
        raise Refused("--where and --sql: expected one of the two")
    chosen = read_output(output, to, limit, location)
    columns = _COLUMNS if chosen.form == "table" else "*"
    asked = sql if sql is not None else select(columns, "flows", where, _ORDER, chosen.most)
    print_answer(location, asked, read_period(since, until), chosen)


_ORDER: Final = "time, blob, record, tuple"


def select(
    columns: str, table: str, where: str | None, order: str | None = None, most: int | None = None
) -> str:
    """Returns a query with the user's own condition, in which a comment ends with its line.

    Raises:
        Refused: the condition is empty.
    """
    if where is not None and not where.strip():
        raise Refused("--where: is empty: expected a condition such as `dst_port = 22`")
    condition = f" WHERE ({where}\n)" if where is not None else ""
    limit = f" LIMIT {most}" if most is not None else ""
    ordered = f" ORDER BY {order}" if order is not None else ""
    return f"SELECT {columns} FROM {table}{condition}{ordered}{limit}"  # noqa: S608 the user's own SQL
