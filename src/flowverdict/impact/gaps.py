"""What of a time no flow log tells: interfaces without a row, and hours without one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flowverdict.lake import ALWAYS, query
from flowverdict.traffic import HOURS, interfaces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.lake import Lake, Period
    from flowverdict.model import Estate, NetworkInterface

_HOUR: Final = 3600
_ORDER: Final = "ORDER BY mac, hour, schema, target, flow_log"


@dataclass(frozen=True, slots=True)
class Gaps:
    """The hours in which an interface has no row.

    Attributes:
        missing: how many.
        hours: of how many.
    """

    nic: NetworkInterface
    missing: int
    hours: int

    def __str__(self) -> str:
        """Says it in a line."""
        of = f"in {self.missing:,} of {self.hours:,} hours" if self.missing < self.hours else ""
        return f"rows of `{self.nic.id.name}` {of or 'at any time'}: it was idle or not logged"


def gaps(estate: Estate, lake: Lake, *, period: Period = ALWAYS) -> Iterator[Gaps]:
    """Yields the interfaces of an estate that have no row in some hour.

    An idle interface writes nothing: what is missing may be that it was idle. Where the period has
    no bound, the first and the last hour of the lake's rows are taken for one.

    Raises:
        LakeError: the lake cannot be read.
    """
    logged: dict[str, set[int]] = {}
    for one in interfaces(query(lake, f"{HOURS.sql} {_ORDER}", period=period)):
        if one.mac is not None:
            logged[one.mac] = {hour.start for hour in one.hours}
    window = _window(logged, period)
    for nic in sorted(estate.resources.nics.values(), key=lambda one: one.id):
        found = logged.get(nic.mac, set[int]()).intersection(window)
        if len(found) < len(window):
            yield Gaps(nic, len(window) - len(found), len(window))


def _window(logged: dict[str, set[int]], period: Period) -> range:
    """Returns the hours of a period, since 1970-01-01."""
    hours = [hour for one in logged.values() for hour in one]
    if not hours:
        return range(0)
    first, behind = min(hours), max(hours) + 1
    if period.since is not None:
        first = int(period.since.timestamp()) // _HOUR
    if period.until is not None:
        behind = -(-int(period.until.timestamp()) // _HOUR)
    return range(first, behind)
