"""``flowverdict coverage``: which interfaces and minutes have flow logs, and which have none."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from flowverdict.cli.arguments import load, output_argument
from flowverdict.cli.coverage_json import json_lines
from flowverdict.cli.coverage_text import text_lines
from flowverdict.cli.lakes import lake_option, open_lake, told
from flowverdict.cli.period import period_options, read_period
from flowverdict.lake import query
from flowverdict.traffic import HOURS, interfaces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.lake import Lake, Period
    from flowverdict.model import Estate

_ORDER: Final = "ORDER BY mac, hour, schema, target, flow_log"


@click.command("coverage")
@click.argument("estate", nargs=-1, type=click.Path())
@lake_option
@click.option(
    "--by",
    type=click.Choice(["interface", "hour"]),
    default="interface",
    show_default=True,
    help="The table has a line for each interface, or for each of its hours.",
)
@period_options
@output_argument
def command(
    estate: tuple[str, ...],
    location: str,
    by: str,
    since: str | None,
    until: str | None,
    output: str,
) -> None:
    """Tell which interfaces and minutes have flow logs, and which have none.

    An interface that is idle writes nothing: minutes without rows, between its first row and its
    last, are told as what they are. With an ESTATE, see which interfaces have no log at all, which
    flow logs are set up and write nothing, and what takes the place of the NSG flow logs that Azure
    deletes on 2027-09-30.
    """
    period = read_period(since, until)
    lake = open_lake(location)
    network = load(estate, None, None) if estate else None
    told(lambda: _print(lake, network, period, output=output, by=by))


def _print(lake: Lake, estate: Estate | None, period: Period, *, output: str, by: str) -> None:
    logged = interfaces(query(lake, f"{HOURS.sql} {_ORDER}", period=period))
    lines: Iterator[str] = (
        json_lines(logged, estate) if output == "json" else text_lines(logged, estate, by=by)
    )
    for line in lines:
        click.echo(line)
