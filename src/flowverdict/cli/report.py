"""``flowverdict report``: traffic and findings as one HTML file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from flowverdict import __version__
from flowverdict.cli.arguments import estate_options
from flowverdict.cli.detecting import Search
from flowverdict.cli.errors import Refused
from flowverdict.cli.lakes import lake_option, told
from flowverdict.cli.period import period_options, read_period
from flowverdict.detect import SEVERITIES, packaged
from flowverdict.report.page import MOST_TIMELINES, Content, page
from flowverdict.report.places import Places
from flowverdict.report.reading import read_findings
from flowverdict.report.timeline import Timeline, of_findings
from flowverdict.report.told import by_weight
from flowverdict.report.traffic import ask
from flowverdict.traffic.analytics.countries import Registered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowverdict.lake import Period
    from flowverdict.report.told import Told

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
    given = None if findings is None else read_findings(findings)
    period = read_period(words["since"], words["until"])
    search = Search(location, {**words, "cure": True})

    def content() -> Content:
        told_of = SEVERITIES[SEVERITIES.index(severity) :]
        if given is None:
            shown = _found(search, told_of)
        else:
            shown = [one for one in given if one.finding.severity in told_of]
        return _content(search, location, by_weight(shown), period)

    text = page(told(content), datetime.now(UTC), __version__).encode("utf-8", "backslashreplace")
    if str(output) == "-":
        click.echo(text, nl=False)
        return
    try:
        output.write_bytes(text)
    except OSError as problem:
        raise Refused(f"--output `{output}`: cannot be written: {problem.strerror}") from None
    click.echo(f"{output}: {len(text):,} bytes", err=True)


def _found(search: Search, severities: Sequence[str]) -> list[Told]:
    """Returns what the packaged detections find, with the rules that decided and cures."""
    found = search.run(packaged()).findings
    return search.told([one for one in found if one.severity in severities])[0]


def _content(search: Search, location: str, findings: list[Told], period: Period) -> Content:
    lake, estate = search.lake, search.estate
    places, countries = Places(estate), Registered()
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
