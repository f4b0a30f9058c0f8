"""Threat lists of the user's: addresses that somebody holds to be bad, and why."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flowverdict.net import IntervalSet, format_addresses
from flowverdict.traffic.analytics.overlay import Overlay

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

TYPES: Final = (
    "Botnet", "C2", "CryptoMining", "DarkNet", "DDos", "MaliciousUrl", "Malware", "Phishing",
    "Proxy", "PUA", "WatchList",
)  # fmt: skip
"""Traffic Analytics' words (flow-log specification, 8.4)."""
WATCH_LIST: Final = "WatchList"
"""The word for what a list does not say more about (inferred)."""
_SPELT: Final = {re.sub("[^a-z0-9]", "", one.lower()): one for one in TYPES} | {
    "commandandcontrol": "C2",
    "cnc": "C2",
    "miner": "CryptoMining",
    "mining": "CryptoMining",
    "tor": "DarkNet",
    "anonymization": "Proxy",
}


@dataclass(frozen=True, slots=True)
class Threat:
    """What is held against some addresses.

    Attributes:
        addresses: the addresses.
        type: one of ``TYPES``.
        since: the first day on which it counts; None for no bound.
        until: the last day on which it counts; None for no bound.
    """

    addresses: IntervalSet
    type: str = WATCH_LIST
    description: str | None = None
    domain: str | None = None
    url: str | None = None
    port: int | None = None
    since: date | None = None
    until: date | None = None

    def counts_on(self, day: date) -> bool:
        """Reports whether it counts on a day."""
        return (self.since is None or self.since <= day) and (
            self.until is None or day <= self.until
        )


class Threats:
    """Threats by address; of several that count the first one in the order of the files."""

    def __init__(self, threats: Iterable[Threat] = ()) -> None:
        found = tuple(threats)
        self._overlay = Overlay((one, one.addresses) for one in found)
        self.count = len(found)
        told = "\n".join(_line(one) for one in found)
        self.label = f"{self.count} threats ({hashlib.sha256(told.encode()).hexdigest()})"

    def at(self, point: int, day: date) -> Threat | None:
        """Returns what is held against an address on a day; None for nothing."""
        return next((one for one in self._overlay.at(point) if one.counts_on(day)), None)


def _line(one: Threat) -> str:
    cells = (one.type, one.description, one.domain, one.url, one.port, one.since, one.until)
    return "|".join((" ".join(format_addresses(one.addresses)), *(str(cell) for cell in cells)))


def known_type(text: str) -> str | None:
    """Returns Traffic Analytics' word for a kind of threat; None where it has none."""
    return _SPELT.get(re.sub("[^a-z0-9]", "", text.lower()))
