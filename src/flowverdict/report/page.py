"""The report: one HTML page with its pictures and styles in it, without script or network."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from flowverdict.net import NetworkTextError, parse_address, protocol_name
from flowverdict.report import charts
from flowverdict.report.charts import ALLOWED, DENIED
from flowverdict.report.questions import LEAST_GAP_MINUTES, MOST
from flowverdict.report.told import last_part, minute, ports_text, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from flowverdict.report.places import Places
    from flowverdict.report.timeline import Bucket
    from flowverdict.report.told import Told
    from flowverdict.report.traffic import Port, Rule, Talker, Traffic

MOST_CARDS: Final = 60
"""Findings that are told in full; the rest is counted."""
MOST_TIMELINES: Final = 24
"""Findings that have a picture."""
_MOST_OPEN: Final = 6
"""Findings that stand open; a click opens the others."""
_MOST_ENDS: Final = 12
_PORTS: Final = {
    20: "FTP data", 21: "FTP", 22: "SSH", 23: "Telnet", 25: "SMTP", 53: "DNS", 80: "HTTP",
    88: "Kerberos", 123: "NTP", 135: "RPC", 139: "NetBIOS", 389: "LDAP", 443: "HTTPS",
    445: "SMB", 636: "LDAPS", 1433: "SQL Server", 1521: "Oracle", 2375: "Docker",
    3306: "MySQL", 3389: "RDP", 5432: "PostgreSQL",
    5985: "WinRM", 5986: "WinRM", 6379: "Redis", 8080: "HTTP", 8443: "HTTPS",
    9200: "Elasticsearch", 11211: "memcached", 27017: "MongoDB",
}  # fmt: skip
"""What usually answers at a port (IANA's registry, and use)."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a report is made of.

    Attributes:
        lake: where the rows are, as its user named it.
        asked: the time that was asked for, in words; empty for all of it.
        traffic: None where there are no rows of that time.
        findings: the most severe first.
        timelines: when the flows of the findings passed, by their place in ``findings``; fewer
            where only some have one.
        places: names of addresses.
        interfaces: names of interfaces, by MAC address.
        has_estate: whether they come from an estate.
        countries_of: what tells countries, and of when it is.
    """

    lake: str
    asked: str
    traffic: Traffic | None
    findings: Sequence[Told]
    timelines: Sequence[Sequence[Bucket]]
    places: Places
    interfaces: Mapping[str, str]
    has_estate: bool
    countries_of: str = ""

    def interface(self, mac: str) -> str:
        """Returns a MAC address with the name of the interface that has it."""
        return " ".join(filter(None, (mac or "no MAC address", self.interfaces.get(mac, ""))))


def page(content: Content, now: datetime, version: str) -> str:
    """Returns a report as HTML.

    Args:
        content: what it tells.
        now: when it is made, with a zone.
        version: of the program.
    """
    folder = files("flowverdict.report")
    # autoescape: names of rules and addresses come from logs, and may be anything
    environment = Environment(
        autoescape=True, finalize=_finalize, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    filters: dict[str, Any] = {
        "bytes": size, "count": "{:,}".format, "minute": minute,
        "ports": ports_text, "ends": _ends, "chart": _chart, "port": port_name, "rule": rule_label,
    }  # fmt: skip
    environment.filters.update(filters)
    template = environment.from_string((folder / "page.html.jinja").read_text("utf-8"))
    style = Markup((folder / "page.css").read_text("utf-8"))  # noqa: S704 our own
    return template.render(
        content=content,
        traffic=content.traffic,
        pictures=_Pictures(content),
        style=style,
        version=version,
        now=now,
        most=MOST,
        most_cards=MOST_CARDS,
        most_open=_MOST_OPEN,
        least_gap=LEAST_GAP_MINUTES,
    )


def _finalize(value: Any) -> Any:
    """Makes what is shown readable: nothing for None, and no characters that cannot be seen."""
    if value is None:
        return ""
    if isinstance(value, Markup):
        return value
    return "\n".join(map(printable, str(value).split("\n")))


def _chart(drawn: Markup | str) -> Markup:
    """Returns a picture in what scrolls where the page is narrower; nothing for none."""
    return Markup('<div class="chart">{}</div>').format(drawn) if drawn else Markup()


def _ends(addresses: Sequence[str], places: Places) -> str:
    """Returns addresses with the names of the machines that have them, the first few of many."""
    first = sorted(addresses, key=_by_number)[:_MOST_ENDS]
    shown = [f"{one} ({name})" if (name := places.host(one)) else one for one in first]
    more = len(addresses) - _MOST_ENDS
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")


def _by_number(address: str) -> tuple[int, str]:
    try:
        return parse_address(address), ""
    except NetworkTextError:
        return -1, address


def size(count: float) -> str:
    """Returns a number of bytes for people, by thousands: ``1.2 GB``."""
    units = ("B", "kB", "MB", "GB", "TB", "PB")
    at = 0
    while count >= 999.5 and at < len(units) - 1:
        count, at = count / 1000, at + 1
    return f"{count:,.0f} {units[at]}" if at == 0 or count >= 99.5 else f"{count:,.1f} {units[at]}"


class _Pictures:
    """Draws a picture when the page comes to it."""

    def __init__(self, content: Content) -> None:
        self._content = content

    def finding(self, number: int, title: str) -> Markup | str:
        """Draws when a finding's flows began or were denied; nothing where that is not known."""
        timelines = self._content.timelines
        if number >= len(timelines) or not timelines[number]:
            return ""
        return charts.spark(f"When its flows passed: {title}", timelines[number])

    def timeline(self, traffic: Traffic) -> Markup:
        """Draws allowed and denied over time."""
        title = f"Over time: {traffic.begun:,} flows began, {traffic.denied:,} tuples were denied"
        return charts.over_time(title, traffic.timeline)

    def talkers(self, traffic: Traffic) -> Markup:
        """Draws the bytes of the busiest addresses."""
        rows = [(self.address(one), one.bytes, "bytes") for one in traffic.talkers]
        return charts.bars("Addresses with most bytes", rows, unit="B")

    def denied(self, traffic: Traffic) -> Markup:
        """Draws who was denied most often."""
        rows = [(self.address(one), one.denied, DENIED) for one in traffic.denied_sources]
        return charts.bars("Addresses that were denied most often", rows)

    def ports(self, traffic: Traffic) -> Markup:
        """Draws the ports that were asked for most."""
        rows = [row for one in traffic.ports for row in _both(port_name(one), one)]
        return charts.bars("Ports that were asked for most", rows)

    def rules(self, traffic: Traffic) -> Markup:
        """Draws the rules that decided most."""
        labels = [rule_label(one) for one in traffic.rules]
        rows = [
            (f"{label} ({one.kind})" if labels.count(label) > 1 else label, one.hits, _word(one))
            for label, one in zip(labels, traffic.rules, strict=True)
        ]
        return charts.bars("Rules that decided most tuples", rows)

    def countries(self, talkers: Sequence[Talker]) -> Markup:
        """Draws the countries that most flows came from or went to."""
        rows = [row for one in talkers for row in _both(one.name, one)]
        return charts.bars("Countries at the other end", rows)

    def matrix(self, traffic: Traffic) -> Markup:
        """Draws who talks to whom."""
        return charts.matrix("Who talks to whom", traffic.matrix)

    def interfaces(self, traffic: Traffic) -> Markup:
        """Draws how many interfaces have rows."""
        return charts.interfaces("Interfaces that have rows", traffic.timeline)

    def address(self, talker: Talker) -> str:
        """Returns an address with the name of the machine that has it."""
        name = self._content.places.host(talker.name)
        return f"{talker.name} {name}" if name else talker.name


def port_name(one: Port) -> str:
    """Returns a port as people know it: ``TCP 443 HTTPS``."""
    name = protocol_name(one.protocol)
    if one.port is None or (one.port == 0 and one.protocol not in (6, 17)):
        return name
    return f"{name} {one.port} {_PORTS.get(one.port, '')}".rstrip()


def rule_label(one: Rule) -> str:
    """Returns a rule and its list: ``AllowHttps of nsg-web``; what it is, where it has no name."""
    of = last_part(one.acl)
    name = one.name or f"({one.kind})"
    return f"{name} of {of}" if of else name


def _word(one: Rule) -> str:
    return DENIED if one.decision == "D" else ALLOWED


def _both(label: str, one: Port | Talker) -> Iterator[tuple[str, int, str]]:
    yield label, one.begun, ALLOWED
    yield label, one.denied, DENIED
