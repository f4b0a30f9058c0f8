"""Attacks while they are being drawn: who is still free to act, and what is true of each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from bench.detection.enterprise import (
    ENCRYPTED,
    NSG_LOGGED,
    ROLES,
    TWICE_LOGGED,
    Enterprise,
    names_of,
)
from bench.detection.flows import Flows, join
from bench.detection.labels import Label
from flowverdict.demo.day.rhythm import DAY, HOUR, Ints

MACHINES: Final = ("app", "worker", "desktop", "build", "web", "sql")
"""Where attacks happen: machines that always run, and that administer nothing."""


class Campaign:
    """Every attack on an enterprise.

    Attributes:
        rng: draws everything about them.
        everyone: the enterprise.
    """

    def __init__(self, everyone: Enterprise, days: int, begin: int, seed: int) -> None:
        self.rng = np.random.default_rng([seed, 3])
        self.everyone = everyone
        self._gaps: list[tuple[int, int, int]] = []
        self._begin = begin
        self._window = days // 2 * DAY, days * DAY
        self._parts: list[Flows] = []
        self._labels: list[Label] = []
        self._used: set[int] = set()

    @property
    def labels(self) -> tuple[Label, ...]:
        """What is true of them, in the order in which they were drawn."""
        return tuple(self._labels)

    def flows(self, within: int | None = None) -> Flows:
        """Returns everything drawn so far.

        Args:
            within: milliseconds after its begin at which each attack is over; None for its own end.
        """
        if within is None:
            return join(self._parts)
        return join(_ended(one, int(one.start.min()) + within) for one in self._parts)

    def gaps(self, within: int | None = None) -> list[tuple[int, int, int]]:
        """Returns of interfaces whose log is lost the machine, the begin and the end.

        Args:
            within: as in `flows`.
        """
        if within is None:
            return list(self._gaps)
        return [(one, begin, min(end, begin + within)) for one, begin, end in self._gaps]

    def lose(self, machines: Iterable[int], begin: int, end: int) -> None:
        """Loses the logs of some machines."""
        self._gaps.extend((one, begin, end) for one in machines)

    def when(self, length: float) -> int | None:
        """Returns when something of some milliseconds begins; None where there is no time for it.

        The first half of the days is left in peace, so that what is usual can be known.
        """
        first, last = self._window
        if last - first <= length + 2 * HOUR:
            return None
        return first + HOUR + int(self.rng.random() * (last - first - length - 2 * HOUR))

    def machine(self, *roles: str) -> int:
        """Returns a machine that has no part in any attack yet, as long as there is one."""
        all_of_them = self.everyone.of(*(roles or MACHINES)).tolist()
        free = [one for one in all_of_them if one not in self._used] or all_of_them
        found = int(free[int(self.rng.integers(len(free)))])
        self._used.add(found)
        return found

    def machines(self, number: int, *roles: str) -> Ints:
        """Returns different machines, whatever else happens to them."""
        all_of_them = self.everyone.of(*(roles or MACHINES))
        return self.rng.permutation(all_of_them)[:number]

    def stranger(self, *, ipv6: bool = False) -> int:
        """Returns an address of the internet."""
        return int(self.everyone.strangers(self.rng, 1, ipv6=ipv6)[0])

    def spaced(self, begin: int, gap_s: float, count: int, spread: float = 0.3) -> Ints:
        """Returns times at a distance in seconds, each off by up to `spread` of it."""
        gaps = gap_s * (1 + spread * (2 * self.rng.random(count) - 1))
        return begin + np.cumsum(gaps * 1000).astype(np.int64)

    def add(
        self,
        detection: str,
        speed: str,
        found: Flows,
        about: str,
        *,
        expected: bool = True,
        accepts: tuple[str, ...] = (),
        actors: Ints | None = None,
        targets: Ints | None = None,
    ) -> None:
        """Adds an attack whose flows are these; who acts is told by them, unless it is given."""
        who = np.unique(found.src) if actors is None else actors
        whom = np.unique(found.dst) if targets is None else targets
        self._parts.append(found)
        ends = (found.start + found.length).max()
        self.label(detection, speed, int(found.start.min()), int(ends), about,
                   expected=expected, accepts=accepts, actors=names_of(self.everyone, who),
                   targets=names_of(self.everyone, whom),
                   log=self._logs(np.concatenate((who, whom))))  # fmt: skip

    def label(
        self,
        detection: str,
        speed: str,
        first: int,
        last: int,
        about: str,
        *,
        expected: bool = True,
        accepts: tuple[str, ...] = (),
        actors: tuple[str, ...] = (),
        targets: tuple[str, ...] = (),
        log: tuple[str, ...] = (),
    ) -> None:
        """Adds what is true of an attack; times in milliseconds since the first midnight."""
        number = sum(one.detection == detection and one.speed == speed for one in self._labels)
        self._labels.append(
            Label(f"{detection}/{speed}/{number}", detection, speed, self._begin + first,
                  self._begin + last, actors, targets, expected, accepts, about, log)
        )  # fmt: skip

    def _logs(self, ends: Ints) -> tuple[str, ...]:
        mine = ends[ends < self.everyone.vms]
        roles = {ROLES[at] for at in self.everyone.role[mine].tolist()}
        forms = {"nsg2" if one.vnet == NSG_LOGGED else "vnet4" for one in roles}
        return tuple(sorted(forms | {"nsg2" for one in roles if one.name == TWICE_LOGGED}))


def _ended(found: Flows, end: int) -> Flows:
    """Returns flows that began before a time, with no more in them than was there by then."""
    found = found.where(found.start < end)
    length = np.minimum(found.length, end - found.start)
    share = np.where(length < found.length, length / np.maximum(found.length, 1), 1.0)
    counts = (found.packets_sent, found.bytes_sent, found.packets_received, found.bytes_received)
    sent, bytes_sent, received, bytes_received = (
        np.ceil(one * share).astype(np.int64) for one in counts
    )
    return found._replace(
        length=length,
        packets_sent=sent,
        bytes_sent=bytes_sent,
        packets_received=received,
        bytes_received=bytes_received,
    )


def encrypted_pair(campaign: Campaign) -> tuple[int, int]:
    """Returns two machines of the network whose traffic is encrypted."""
    roles = [one.name for one in ROLES if one.vnet == ENCRYPTED and one.name not in {"web", "sql"}]
    one = campaign.machine(*roles)
    other = campaign.machine(*roles)
    return one, other
