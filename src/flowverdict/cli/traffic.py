"""``flowverdict traffic``: the rows of Traffic Analytics, made offline."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from flowverdict.cli.arguments import load
from flowverdict.cli.errors import Refused
from flowverdict.cli.flows import select
from flowverdict.cli.lakes import lake_option, open_lake, told
from flowverdict.cli.period import period_options, read_period
from flowverdict.cli.progress import progress
from flowverdict.cli.render import table
from flowverdict.cli.rows import read_output, row_options, write_rows
from flowverdict.model.words import counted
from flowverdict.traffic.analytics.asking import analytics_table, ask
from flowverdict.traffic.analytics.countries import Database
from flowverdict.traffic.analytics.live import analyse_lake
from flowverdict.traffic.analytics.making import INTERVALS
from flowverdict.traffic.analytics.places import Places
from flowverdict.traffic.analytics.queries import ESTATE, NETWORK, queries
from flowverdict.traffic.analytics.schema import IP_DETAILS, LEGACY, NTA
from flowverdict.traffic.analytics.table import days_behind
from flowverdict.traffic.analytics.table import update as bring_up_to_date
from flowverdict.traffic.analytics.threat_files import read_threats

if TYPE_CHECKING:
    from flowverdict.cli.rows import Output
    from flowverdict.lake import Lake, Period


def _packed(side: str) -> str:
    """Returns an address to be shown: of many public ones the first, and how many more."""
    ips = f"{side}PublicIps"
    more = f"length({ips}) - length(replace({ips}, ' ', ''))"
    return (
        f"coalesce({side}Ip, split_part({ips}, '|', 1) || "
        f"if({more} > 0, ' and ' || ({more}) || ' more', '')) AS {side}Ip"
    )


_SHOWN: Final = {
    NTA: f"FlowIntervalStartTime, FlowType, {_packed('Src')}, SrcVm, {_packed('Dest')}, DestVm, "
    "DestPort, L4Protocol, FlowDirection, FlowStatus, AclRule, "
    "AllowedInFlows + AllowedOutFlows + DeniedInFlows + DeniedOutFlows AS Flows, "
    "BytesSrcToDest, BytesDestToSrc",
    IP_DETAILS: "FlowIntervalStartTime, FlowType, Ip, PublicIpDetails, Location, ThreatType, "
    "ThreatDescription",
    LEGACY: "FlowIntervalStartTime_t, FlowType_s, SrcIP_s, DestIP_s, PublicIPs_s, DestPort_d, "
    "L4Protocol_s, FlowDirection_s, FlowStatus_s, NSGRule_s, VM1_s, VM2_s",
}
_NO_NETWORK: Final = (
    "without --estate machines, subnets, regions and gateways are not known, and what hangs on them"
)
_ORDER: Final = {
    NTA: "FlowIntervalStartTime, MacAddress, FlowDirection, FlowStatus, AclGroup, AclRule, "
    "DestPort, L4Protocol, SrcIp, DestIp, SrcPublicIps, DestPublicIps, FlowEncryption, "
    "TargetResourceId, FlowLogResourceId, FlowStartTime, FlowEndTime, BytesSrcToDest",
    IP_DETAILS: "FlowIntervalStartTime, Ip",
    LEGACY: "FlowIntervalStartTime_t, MACAddress_s, FlowDirection_s, FlowStatus_s, NSGList_s, "
    "NSGRule_s, DestPort_d, L4Protocol_s, SrcIP_s, DestIP_s, PublicIPs_s, FlowStartTime_t, "
    "FlowEndTime_t, OutboundBytes_d",
}


@click.command("traffic")
@lake_option
@click.option(
    "--estate",
    multiple=True,
    type=click.Path(),
    help="Files or folders of Azure resources; several times for several.",
)
@click.option(
    "--interval",
    type=click.Choice([f"{one}m" for one in INTERVALS]),
    help="How much time a row sums up; 60m unless told otherwise.",
)
@click.option(
    "--table",
    "name",
    type=click.Choice([NTA, IP_DETAILS, LEGACY]),
    default=NTA,
    show_default=True,
    help="Which of Azure's tables.",
)
@click.option(
    "--query",
    "asked_for",
    type=click.Choice(["list", *queries()]),
    metavar="NAME",
    help="Answer a question that many ask, such as top-talkers, instead; `list` lists them.",
)
@click.option("--where", metavar="SQL", help="Which rows, as the condition of a SQL query.")
@click.option(
    "--threats",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A list of bad addresses: one a line, CSV, or STIX 2.1; several times for several.",
)
@click.option(
    "--countries",
    type=click.Path(path_type=Path),
    help="A database of countries (MMDB); otherwise what the registries say, packaged.",
)
@click.option(
    "--service-tags",
    type=click.Path(path_type=Path),
    help="Microsoft's service-tag file or REST answer; otherwise a packaged one.",
)
@click.option(
    "--update",
    is_flag=True,
    help="Bring the lake's table of these rows up to date instead, for `flows --sql` too.",
)
@period_options
@row_options
def command(  # noqa: PLR0913, PLR0917 an option each
    location: str,
    estate: tuple[str, ...],
    interval: str | None,
    name: str,
    asked_for: str | None,
    where: str | None,
    threats: tuple[Path, ...],
    countries: Path | None,
    service_tags: Path | None,
    update: bool,  # noqa: FBT001 click's own way
    since: str | None,
    until: str | None,
    output: str | None,
    to: Path | None,
    limit: int | None,
) -> None:
    """Print the rows of Traffic Analytics, made of a lake's flow rows.

    A row sums up the flows of an interval that share all but their source ports, under Azure's
    column names. The ESTATE tells machines, subnets and networks; without it the types of flows
    between private addresses are Unknown. What only Azure knows is null.

    With --update the rows are kept in the lake: only intervals with new rows are made anew. A lake
    that has them answers with them where no option says how they are to be made.
    """
    if update and (asked_for, where, to, limit) != (None, None, None, None):
        raise Refused("--update: prints no rows: expected it alone")
    if update and output not in (None, "table", "json"):
        raise Refused(f"--update: has no --output {output}: expected table or json")
    if asked_for == "list":
        for line in table(
            [("QUERY", "TELLS"), *((one.name, one.title) for one in queries().values())]
        ):
            click.echo(line)
        return
    chosen = read_output(output, to, limit, location)
    period = read_period(since, until)
    asked = _sql(name, asked_for, where, chosen)
    needs = queries()[asked_for].needs if asked_for is not None else ""
    if needs == ESTATE and not estate:
        raise Refused(f"--query {asked_for}: asks for rules too: expected --estate")
    lake = open_lake(location)
    says_how = estate or interval or threats or countries or service_tags
    if not update and not says_how and told(lambda: analytics_table(lake).open()) is not None:
        told(lambda: _print_kept(lake, asked, period, chosen))
        return
    if needs == NETWORK and not estate:
        click.echo(f"--query {asked_for}: {_NO_NETWORK}", err=True)
    places = _places(estate, threats, countries, service_tags)
    minutes = int((interval or "60m").removesuffix("m"))
    if update:
        told(lambda: _update(lake, places, minutes, period, chosen))
    else:
        told(lambda: _print(lake, places, asked, minutes, period, chosen))


def _sql(name: str, asked_for: str | None, where: str | None, chosen: Output) -> str:
    """Returns what is asked: rows of a table, or of the answer to a question, in its order."""
    if asked_for is not None:
        sql = f"({queries()[asked_for].sql})"
        return select("*", sql, where, most=chosen.most)
    columns = _SHOWN[name] if chosen.form == "table" else "*"
    return select(columns, name, where, _ORDER[name], chosen.most)


def _places(
    estate: tuple[str, ...],
    threats: tuple[Path, ...],
    countries: Path | None,
    service_tags: Path | None,
) -> Places:
    bad = read_threats(threats) if threats else None
    by_address = Database(countries) if countries else None
    return Places(load(estate, service_tags, None), by_address, bad)


def _print(
    lake: Lake, places: Places, sql: str, minutes: int, period: Period, chosen: Output
) -> None:
    with progress(None) as step:
        rows = analyse_lake(lake, places, sql, minutes=minutes, period=period, seen=step)
    write_rows(rows, chosen)


def _print_kept(lake: Lake, sql: str, period: Period, chosen: Output) -> None:
    if behind := days_behind(lake, period):
        days = ", ".join(str(day) for day in behind[:3]) + (", ..." if len(behind) > 3 else "")
        what = f"{lake.root}: rows of {days} have changed since the table was made"
        click.echo(f"{what}: expected `flowverdict traffic --update`", err=True)
    write_rows(ask(lake, sql, period=period), chosen)


def _update(lake: Lake, places: Places, minutes: int, period: Period, chosen: Output) -> None:
    with progress(None) as step:
        done = bring_up_to_date(lake, places, minutes=minutes, period=period, seen=step)
    if chosen.form == "json":
        click.echo(json.dumps(asdict(done)))
        return
    days, intervals = counted(done.days, "day"), counted(done.intervals, "interval")
    click.echo(f"{days} looked at, {intervals} made anew: {counted(done.rows, 'row')}")
