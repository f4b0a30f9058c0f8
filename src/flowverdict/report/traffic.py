"""What a lake tells of a time, as a report shows it: a few aggregates, none of them long."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from flowverdict.lake import ALWAYS, query
from flowverdict.report import questions
from flowverdict.report.places import OTHERS, Places
from flowverdict.report.timeline import Bucket, Timeline, utc
from flowverdict.traffic import Inventory, Log, take_stock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from flowverdict.lake import Lake, Period
    from flowverdict.model import Estate

    Countries = Callable[[Sequence[str]], Sequence[str | None]]
    """The country of each address; None where it is not known."""

_MOST_PLACES: Final = 16


class Talker(NamedTuple):
    """An address or a country: flows that began, denied tuples, bytes both ways."""

    name: str
    begun: int
    denied: int
    bytes: int


class Port(NamedTuple):
    """A responder's port; None where the protocol has none."""

    protocol: int
    port: int | None
    begun: int
    denied: int


class Rule(NamedTuple):
    """A rule as logged, how many tuples it decided, and when it last did."""

    name: str
    kind: str
    acl: str
    decision: str
    hits: int
    last: datetime


class Cell(NamedTuple):
    """Who talks to whom: flows that began, and denied tuples, from one place to another."""

    source: str
    target: str
    begun: int
    denied: int


class Silence(NamedTuple):
    """A time between rows without any row."""

    first: datetime
    behind: datetime

    @property
    def minutes(self) -> int:
        """How many minutes it lasts."""
        return round((self.behind - self.first) / timedelta(minutes=1))


class Quiet(NamedTuple):
    """What is logged of an interface: tuples, and how many hours and minutes have some."""

    mac: str
    tuples: int
    hours: int
    minutes: int


@dataclass(frozen=True, slots=True)
class Traffic:
    """What of a time a lake tells.

    Attributes:
        tuples: how many rows there are, at least one.
        begun: tuples with which a flow began.
        denied: denied tuples.
        interfaces: how many MAC addresses were logged.
        sources: about how many addresses asked.
        targets: about how many were asked.
        schemas: the kinds of flow logs.
        talkers: the addresses with most bytes.
        denied_sources: those that were denied most often.
        rules: those with most tuples.
        matrix: places by places, the busiest ones.
        countries: None where nothing tells countries.
        silences: the longest.
        quiet: the interfaces with the fewest hours that have rows.
        stock: what is logged, held against the estate; None without one.
    """

    tuples: int
    begun: int
    denied: int
    first: datetime
    last: datetime
    interfaces: int
    sources: int
    targets: int
    schemas: str
    timeline: Sequence[Bucket]
    talkers: Sequence[Talker]
    denied_sources: Sequence[Talker]
    ports: Sequence[Port]
    rules: Sequence[Rule]
    matrix: Sequence[Cell]
    countries: Sequence[Talker] | None
    silences: Sequence[Silence]
    quiet: Sequence[Quiet]
    stock: Inventory | None

    @property
    def hours(self) -> int:
        """How many hours of the clock it touches."""
        return int(self.last.timestamp()) // 3600 - int(self.first.timestamp()) // 3600 + 1


def ask(
    lake: Lake,
    *,
    period: Period = ALWAYS,
    estate: Estate | None = None,
    places: Places | None = None,
    countries: Countries | None = None,
) -> Traffic | None:
    """Returns what a lake tells of a time; None where it has no rows of it.

    Args:
        lake: where to look.
        period: the time of the tuples.
        estate: what could have been logged; None where that is not known.
        places: names of addresses; None for prefixes alone.
        countries: the countries of addresses; None where nothing tells them.

    Raises:
        LakeError: there is nothing in the lake yet, or it cannot be read.
    """

    def rows(sql: str) -> list[dict[str, Any]]:
        answer = query(lake, sql, views=questions.VIEWS, period=period)
        return [row for batch in answer for row in batch.to_pylist()]

    (summary,) = rows(questions.SUMMARY)
    if not summary["tuples"]:
        return None
    summary |= {name: utc(summary[name] / 1000) for name in ("first", "last")}
    pieces = Timeline.between(summary["first"], summary["last"])
    return Traffic(
        **summary,
        timeline=list(pieces.filled(rows(questions.timeline(pieces.step_ms)))),
        talkers=[Talker(*row.values()) for row in rows(questions.TALKERS)],
        denied_sources=[Talker(*row.values()) for row in rows(questions.DENIED_SOURCES)],
        ports=[Port(*row.values()) for row in rows(questions.PORTS)],
        rules=[_rule(row) for row in rows(questions.RULES)],
        matrix=_matrix(rows(questions.MATRIX), places or Places(estate)),
        countries=None if countries is None else _by_country(rows(questions.OUTSIDE), countries),
        silences=[
            Silence(*(utc(value / 1000) for value in row.values()))
            for row in rows(questions.SILENCES)
        ],
        quiet=[Quiet(*row.values()) for row in rows(questions.QUIET)],
        stock=None if estate is None else _stock(rows(questions.MACS), estate),
    )


def _rule(row: dict[str, Any]) -> Rule:
    row["last"] = utc(row["last"] / 1000)
    return Rule(**row)


def _stock(rows: Iterable[Mapping[str, Any]], estate: Estate) -> Inventory:
    macs: list[str | None] = []
    logs: list[Log] = []
    for row in rows:
        macs.append(row["mac"])
        logs.append(Log(row["schema"], row["target"] or "", row["flow_log"] or ""))
    return take_stock(estate, macs, dict.fromkeys(logs))


def _matrix(rows: Iterable[Mapping[str, Any]], places: Places) -> list[Cell]:
    """Returns the busiest places by one another, and all the rest as one place."""
    cells = _added((places.name(row["source"]), places.name(row["target"]), row) for row in rows)
    weights: dict[str, int] = {}
    for cell in cells:
        for end in (cell.source, cell.target):
            weights[end] = weights.get(end, 0) + cell.begun + cell.denied
    busiest = set(sorted(weights, key=lambda one: (-weights[one], one))[:_MOST_PLACES])
    return _added(
        (*(end if end in busiest else OTHERS for end in cell[:2]), cell._asdict()) for cell in cells
    )


def _added(rows: Iterable[Sequence[Any]]) -> list[Cell]:
    totals: dict[tuple[str, str], list[int]] = {}
    for source, target, row in rows:
        counts = totals.setdefault((source, target), [0, 0])
        counts[0] += row["begun"]
        counts[1] += row["denied"]
    return [Cell(*ends, *counts) for ends, counts in sorted(totals.items())]


def _by_country(rows: Sequence[Mapping[str, Any]], countries: Countries) -> list[Talker]:
    totals: dict[str, list[int]] = {}
    names = countries([row["ip"] for row in rows])
    for row, name in zip(rows, names, strict=True):
        if name:
            counts = totals.setdefault(name, [0, 0, 0])
            for at, what in enumerate(("begun", "denied", "bytes")):
                counts[at] += row[what]
    found = [Talker(name, *counts) for name, counts in totals.items()]
    return sorted(found, key=lambda one: (-one.begun - one.denied, one.name))[: questions.MOST]
