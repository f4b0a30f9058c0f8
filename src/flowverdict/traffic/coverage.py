"""What is logged when: for each interface, by its MAC address, the minutes that have rows.

An idle interface writes nothing, so a minute without rows is no proof of a gap. Only minutes
between an interface's first and last row are told; what lies before and behind is not known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from flowverdict.flowlog import Column
from flowverdict.model import ResourceId
from flowverdict.traffic.view import View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MINUTES: Final = 60
_VNET: Final = "vnet4"

HOURS: Final = View(
    "hours",
    "flows",
    """
SELECT mac, schema, target, flow_log, epoch_ms(time) // 3600000 AS hour, count(*) AS rows,
    bit_or(1::BIGINT << (epoch_ms(time) // 60000 % 60)::INTEGER) AS minutes
FROM flows GROUP BY ALL
""",
    (
        Column("mac", pa.string(), "the logged interface", nullable=True),
        Column("schema", pa.string(), "`nsg1`, `nsg2` or `vnet4`"),
        Column("target", pa.string(), "the logged resource", nullable=True),
        Column("flow_log", pa.string(), "the flow log's own id", nullable=True),
        Column("hour", pa.int64(), "hours since 1970-01-01, UTC"),
        Column("rows", pa.int64(), "how many rows there are"),
        Column("minutes", pa.int64(), "bit 0 for the first minute with rows, bit 59 for the last"),
    ),
    "What one flow log has of one interface in one hour.",
)


@dataclass(frozen=True, slots=True, order=True)
class Log:
    """A flow log as its rows name it.

    Attributes:
        target: the logged resource, as logged; empty where the log does not say.
        id: the flow log's own id, as logged; empty in NSG logs.
    """

    schema: str
    target: str = ""
    id: str = ""


@dataclass(slots=True)
class Hour:
    """An hour in which an interface has rows.

    Attributes:
        start: hours since 1970-01-01, UTC.
        rows: of each log.
        masks: of each log the minutes with rows, as bits.
    """

    start: int
    rows: dict[Log, int] = field(default_factory=dict[Log, int])
    masks: dict[Log, int] = field(default_factory=dict[Log, int])

    @property
    def minutes(self) -> int:
        """The minutes with rows of any log, as bits."""
        return _union(self.masks.values())

    @property
    def doubled(self) -> int:
        """The minutes with rows of NSG logs and VNet flow logs alike, as bits."""
        new = _union(mask for log, mask in self.masks.items() if log.schema == _VNET)
        return new & _union(mask for log, mask in self.masks.items() if log.schema != _VNET)


@dataclass(frozen=True, slots=True)
class Gap:
    """Minutes without rows between others; minutes since 1970-01-01, the last one left out."""

    first: int
    behind: int

    @property
    def minutes(self) -> int:
        """How many they are."""
        return self.behind - self.first


@dataclass(frozen=True, slots=True)
class Interface:
    """What was logged of one interface.

    Attributes:
        mac: None where the log does not say.
        hours: those that have rows, in order; at least one.
    """

    mac: str | None
    hours: tuple[Hour, ...]

    @property
    def rows(self) -> dict[Log, int]:
        """How many rows there are of each log."""
        found: dict[Log, int] = {}
        for hour in self.hours:
            for log, rows in hour.rows.items():
                found[log] = found.get(log, 0) + rows
        return found

    @property
    def minutes(self) -> int:
        """How many minutes have rows."""
        return sum(one.minutes.bit_count() for one in self.hours)

    @property
    def doubled(self) -> int:
        """How many minutes have rows of NSG logs and VNet flow logs alike."""
        return sum(one.doubled.bit_count() for one in self.hours)

    @property
    def span(self) -> Gap:
        """From the first minute with rows to behind the last one."""
        first, last = self.hours[0], self.hours[-1]
        low = (first.minutes & -first.minutes).bit_length() - 1
        return Gap(first.start * MINUTES + low, last.start * MINUTES + last.minutes.bit_length())

    def gaps(self) -> Iterator[Gap]:
        """Yields the minutes without rows inside the span, joined where they touch."""
        return self._gaps(self.hours, self.span)

    def gaps_in(self, hour: Hour) -> list[Gap]:
        """Returns the minutes without rows of one of its hours, inside the span."""
        span, first = self.span, hour.start * MINUTES
        inside = Gap(max(span.first, first), min(span.behind, first + MINUTES))
        return list(self._gaps([hour], inside))

    @staticmethod
    def _gaps(hours: Iterable[Hour], span: Gap) -> Iterator[Gap]:
        expected = span.first
        for hour in hours:
            mask = hour.minutes
            for at in range(MINUTES):
                if mask >> at & 1:
                    minute = hour.start * MINUTES + at
                    if minute > expected:
                        yield Gap(expected, minute)
                    expected = minute + 1
        if expected < span.behind:
            yield Gap(expected, span.behind)


@dataclass(slots=True)
class Tally:
    """What is kept of interfaces that pass by one after another.

    Attributes:
        macs: their MAC addresses.
        rows: how many rows each flow log has.
        doubled: the minutes that NSG logs and VNet flow logs have alike, of interfaces with any.
    """

    macs: list[str | None] = field(default_factory=list["str | None"])
    rows: dict[Log, int] = field(default_factory=dict[Log, int])
    doubled: dict[str, int] = field(default_factory=dict[str, int])

    def passing(self, interfaces: Iterable[Interface]) -> Iterator[Interface]:
        """Yields interfaces, and counts them."""
        for one in interfaces:
            self.macs.append(one.mac)
            for log, rows in one.rows.items():
                self.rows[log] = self.rows.get(log, 0) + rows
            if one.doubled and one.mac is not None:
                self.doubled[one.mac] = one.doubled
            yield one

    @property
    def nsg_rows(self) -> dict[ResourceId, int]:
        """How many rows each network security group's log has."""
        found: dict[ResourceId, int] = {}
        for log, rows in self.rows.items():
            if log.schema != _VNET and log.target:
                nsg = ResourceId(log.target)
                found[nsg] = found.get(nsg, 0) + rows
        return found


def hours(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yields what each flow log has of each interface in each hour.

    What comes of parts of the rows may be put together by ``interfaces``.

    Raises:
        LakeError: the batches have other columns.
    """
    return HOURS.over(batches)


def interfaces(batches: Iterable[pa.RecordBatch]) -> Iterator[Interface]:
    """Yields each interface with its hours.

    Args:
        batches: what ``hours`` gives, by interface and hour; of one hour there may be several rows.
    """
    rows = (row for batch in batches for row in batch.to_pylist())
    for mac, of_one in groupby(rows, itemgetter("mac")):
        yield Interface(mac, tuple(_hours(of_one)))


def _hours(rows: Iterable[dict[str, Any]]) -> Iterator[Hour]:
    for start, of_one in groupby(rows, itemgetter("hour")):
        hour = Hour(start)
        for row in of_one:
            log = Log(row["schema"], row["target"] or "", row["flow_log"] or "")
            hour.rows[log] = hour.rows.get(log, 0) + row["rows"]
            hour.masks[log] = hour.masks.get(log, 0) | row["minutes"]
        yield hour


def moment(minute: int) -> datetime:
    """Returns the time at which a minute since 1970-01-01 begins."""
    return datetime.fromtimestamp(minute * 60, UTC)


def _union(masks: Iterable[int]) -> int:
    found = 0
    for one in masks:
        found |= one
    return found
