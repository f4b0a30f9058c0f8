"""``flowverdict report``: traffic and findings as one HTML file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from flowverdict import __version__
from flowverdict.cli.arguments import estate_options, load, read_options
from flowverdict.cli.errors import Refused
from flowverdict.cli.lakes import lake_option, open_lake, told
from flowverdict.cli.period import period_options, read_period
from flowverdict.detect import SEVERITIES, packaged
from flowverdict.detect.run import detect
from flowverdict.impact.cause import causes
from flowverdict.impact.cure import cures
from flowverdict.impact.cure_json import cure_json
from flowverdict.load.report import Unreadable
from flowverdict.load.service_tags import PackagedTags, read_service_tags
from flowverdict.net import EMPTY, IntervalSet
from flowverdict.report.page import MOST_TIMELINES, Content, page
from flowverdict.report.places import Places
from flowverdict.report.reading import read_findings
from flowverdict.report.timeline import Timeline, of_findings
from flowverdict.report.told import Told, by_weight
from flowverdict.report.traffic import ask
from flowverdict.traffic.analytics.countries import Registered

if TYPE_CHECKING:
    from flowverdict.lake import Lake, Period
    from flowverdict.model import Estate, ServiceTags
    from flowverdict.policy import Options

_PATH: Final = click.Path(path_type=Path)


@click.command("report")
@lake_option
@click.option(
    "--estate",
    multiple=True,
    type=click.Path(),
    metavar="ESTATE",
    help="The network, for names and for the rules behind findings; may be given several times.",
)
@estate_options
@click.option(
    "--findings",
    type=_PATH,
    metavar="FILE",
    help="What `detect --output json` wrote; otherwise they are looked for.",
)
@click.option(
    "--severity",
    type=click.Choice(SEVERITIES),
    default="low",
    show_default=True,
    help="The least severe finding that is told.",
)
@period_options
@click.option(
    "--output", required=True, type=_PATH, metavar="FILE", help="The page; `-` prints it."
)
def command(
    location: str, findings: Path | None, severity: str, output: Path, **words: Any
) -> None:
    """Write traffic and findings as one HTML file, for people.

    The page has its pictures in it and needs neither a server nor a network nor a script: it can be
    mailed, kept beside a ticket, and printed. It shows what was allowed and denied over time, who
    moves most bytes, who is denied most often, ports, rules, who talks to whom and what is logged;
    and of each finding when it happened, which rule decided and what stops it.
    """
    period = read_period(words["since"], words["until"])
    settings, deployed = words["settings"], words["assume_deployed"]
    options = read_options(settings, None, assume_deployed=deployed)
    given = None if findings is None else read_findings(findings)
    lake = open_lake(location)
    tags, internet = words["service_tags"], words["internet_tag"]
    estate = load(words["estate"], tags, internet) if words["estate"] else None

    def content() -> Content:
        found = given if given is not None else _found(lake, estate, tags, options, period)
        least = SEVERITIES.index(severity)
        shown = [one for one in found if SEVERITIES.index(one.finding.severity) >= least]
        return _content(lake, location, estate, by_weight(shown), period)

    text = page(told(content), datetime.now(UTC), __version__).encode("utf-8", "backslashreplace")
    if str(output) == "-":
        click.echo(text, nl=False)
        return
    try:
        output.write_bytes(text)
    except OSError as problem:
        raise Refused(f"--output `{output}`: cannot be written: {problem.strerror}") from None
    click.echo(f"{output}: {len(text):,} bytes", err=True)


def _found(
    lake: Lake, estate: Estate | None, tags: Path | None, options: Options, period: Period
) -> list[Told]:
    """Returns what the packaged detections find, with the rules that decided."""
    owned = EMPTY
    if estate is not None:
        known, vnets = estate.service_tags, estate.resources.vnets.values()
        owned = IntervalSet.union(one.space for one in vnets)
    else:
        known = _tags(tags) if tags else PackagedTags()
    found = detect(lake, packaged(), known, period=period, owned=owned).findings
    reasons = causes(found, lake, estate, options, period)
    remedies = cures(found, reasons, estate, lake, options)
    return [
        Told(one, cause and cause.as_json(), cure and cure_json(cure))
        for one, cause, cure in zip(found, reasons, remedies, strict=True)
    ]


def _tags(path: Path) -> ServiceTags:
    try:
        return read_service_tags(path)
    except Unreadable as problem:
        raise Refused(str(problem)) from None


def _content(
    lake: Lake, location: str, estate: Estate | None, findings: list[Told], period: Period
) -> Content:
    places = Places(estate)
    countries = Registered()
    traffic = ask(lake, period=period, estate=estate, places=places, countries=countries.of)
    some = [one.finding for one in findings[:MOST_TIMELINES]]
    timelines = []
    if traffic is not None:
        time = Timeline.between(traffic.first, traffic.last)
        timelines = of_findings(lake, some, time, period=period)
    bounds = (("from", period.since), ("until", period.until))
    asked = " ".join(f"{word} {one:%Y-%m-%d %H:%M}Z" for word, one in bounds if one)
    names = {
        mac: ", ".join(nic.id.name for nic in nics)
        for mac, nics in (estate.nics_by_mac.items() if estate else ())
    }
    return Content(
        lake=location,
        asked=asked,
        traffic=traffic,
        findings=findings,
        timelines=timelines,
        places=places,
        interfaces=names,
        has_estate=estate is not None,
        countries_of=countries.label,
    )
