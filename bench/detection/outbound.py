"""What goes out: beacons, stolen data, tunnels, mined coins."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bench.detection.campaign import Campaign
from bench.detection.enterprise import WEB
from bench.detection.flows import UDP, Shape, draw
from flowverdict.demo.day.rhythm import DAY, HOUR, SECOND, Ints

_CALL = Shape(0.6, 700, 400, 1.2)


class Beacon(NamedTuple):
    """How an implant calls home.

    Attributes:
        period_s: how long it sleeps.
        shorter: by how much of it a sleep may be shorter,
        longer: or longer.
        servers: how many it calls, by chance.
    """

    speed: str
    period_s: float
    shorter: float
    longer: float
    hours: float
    about: str
    servers: int = 1
    expected: bool = True


_BEACONS = (
    Beacon("60 s", 60, 0, 0, 24, "Cobalt Strike's default"),
    Beacon("60 s, 20 %", 60, 0.2, 0, 24, "Cobalt Strike, jitter 20"),
    Beacon("60 s, 50 %", 60, 0.5, 0, 24, "Cobalt Strike, jitter 50"),
    Beacon("60 to 90 s", 60, 0, 0.5, 24, "Sliver's default"),
    Beacon("10 s, 23 %", 10, 0.23, 0.23, 6, "Apollo's default"),
    Beacon("5 min, 10 %", 300, 0.1, 0.1, 48, "every five minutes for two days"),
    Beacon("1 h, 20 %", 3_600, 0.2, 0.2, 120, "every hour for five days"),
    Beacon("three servers", 60, 0.1, 0.1, 24, "each time one of three servers", servers=3),
    Beacon("below: 4 h", 14_400, 0.2, 0.2, 120, "six times a day", expected=False),
)


class Theft(NamedTuple):
    """How data leaves: so many transfers of so many bytes, a gap between their begins."""

    speed: str
    transfers: int
    size: float
    gap_s: float
    about: str
    servers: int = 1
    expected: bool = True


_THEFTS = (
    Theft("fast", 40, 500e6, 90, "20 GB in an hour, four at a time: rclone's default"),
    Theft("moderate", 20, 100e6, 720, "2 GB in four hours"),
    Theft("slow", 48, 50e6, 3_600, "50 MB an hour for two days"),
    Theft("distributed", 30, 100e6, 360, "3 GB in three hours to thirty addresses", servers=30),
    Theft("below", 48, 5e6, 3_600, "5 MB an hour for two days", expected=False),
)


def add_outbound(campaign: Campaign) -> None:
    """Adds all of them that the days have room for."""
    _beacons(campaign)
    _thefts(campaign)
    _tunnels(campaign)
    _mining(campaign)


def _outside(campaign: Campaign, number: int, times: Ints) -> Ints:
    servers = campaign.everyone.strangers(campaign.rng, number)
    return servers[campaign.rng.integers(0, number, len(times))]


def _beacons(campaign: Campaign) -> None:
    rng = campaign.rng
    for beacon in _BEACONS:
        begin = campaign.when(beacon.hours * HOUR)
        if begin is None:
            continue
        count = int(beacon.hours * 3_600 / beacon.period_s)
        sleeps = 1 - beacon.shorter + (beacon.shorter + beacon.longer) * rng.random(count)
        times = begin + np.cumsum(sleeps * beacon.period_s * SECOND).astype(np.int64)
        times = times[times < begin + beacon.hours * HOUR]
        found = draw(rng, campaign.machine(), _outside(campaign, beacon.servers, times), 443,
                     times, _CALL)  # fmt: skip
        campaign.add("beacon", beacon.speed, found, beacon.about, expected=beacon.expected)
    begin = campaign.when(2 * DAY)
    if begin is not None:
        found = draw(rng, campaign.machine(), campaign.stranger(), 443, np.array([begin]),
                     Shape(1.9 * DAY / SECOND, 2_000_000, 3_000_000, 1.01))  # fmt: skip
        campaign.add("beacon", "below: kept open", found, "one connection for two days",
                     expected=False)  # fmt: skip


def _thefts(campaign: Campaign) -> None:
    rng = campaign.rng
    for theft in _THEFTS:
        begin = campaign.when(theft.gap_s * theft.transfers * SECOND * 1.2)
        if begin is None:
            continue
        times = campaign.spaced(begin, theft.gap_s, theft.transfers, 0.1)
        shape = Shape(max(30.0, theft.size / 1.5e6), theft.size, theft.size / 200, 1.1)
        found = draw(rng, campaign.machine("app", "worker", "desktop"),
                     _outside(campaign, theft.servers, times), 443, times, shape)  # fmt: skip
        campaign.add("exfiltration", theft.speed, found, theft.about, expected=theft.expected)
    begin = campaign.when(3 * HOUR)
    if begin is not None:
        times = campaign.spaced(begin, 300, 24, 0.1)
        found = draw(rng, campaign.stranger(), campaign.machine("web"), 443, times,
                     Shape(280, 2_000_000, 350_000_000, 1.1), rule=WEB)  # fmt: skip
        campaign.add("exfiltration", "fetched", found,
                     "8 GB in two hours, fetched from outside through an open port")  # fmt: skip


def _tunnels(campaign: Campaign) -> None:
    """Data in questions for names.

    iodine and dnscat2 ask from one port, which is one flow; what asks through the system's resolver
    comes from a new port each time. dnscat2 asks once a second by default.
    """
    rng = campaign.rng
    for speed, hours, questions, sent, about, expected in (
        ("fast", 2, 1, 60e6, "60 MB in two hours over one port: iodine", True),
        ("moderate", 6, 1, 12e6, "2 MB an hour for six hours over one port", True),
        ("new ports", 3, 9_000, 180, "fifty questions a minute, each from a port of its own", True),
        ("below", 6, 1, 1.9e6, "once a second for six hours: dnscat2 that waits", False),
    ):
        begin = campaign.when(hours * HOUR)
        if begin is None:
            continue
        times = begin + np.sort(rng.integers(0, hours * HOUR, questions)) * (questions > 1)
        seconds = hours * 3_600 if questions == 1 else 0.1
        found = draw(rng, campaign.machine(), campaign.stranger(), 53, times,
                     Shape(seconds, sent, sent * 1.2, 1.02), protocol=UDP)  # fmt: skip
        campaign.add("dns-tunnel", speed, found, about, expected=expected)


def _mining(campaign: Campaign) -> None:
    rng = campaign.rng
    for speed, port, sessions, hours, about, expected in (
        ("fast", 3333, 1, 12.0, "one connection for twelve hours", True),
        ("moderate", 14444, 6, 1.0, "connects again every hour, six hours", True),
        ("slow", 4444, 1, 0.5, "half an hour", True),
        ("below", 3333, 1, 0.08, "five minutes", False),
        ("below: TLS", 443, 1, 12.0, "twelve hours to a pool on port 443", False),
    ):
        begin = campaign.when(sessions * hours * HOUR * 1.1)
        if begin is None:
            continue
        times = begin + (np.arange(sessions) * hours * HOUR * 1.02).astype(np.int64)
        seconds = hours * 3_600
        found = draw(rng, campaign.machine(), campaign.stranger(), port, times,
                     Shape(seconds, 12 * seconds, 9 * seconds, 1.01))  # fmt: skip
        campaign.add("mining-port", speed, found, about, expected=expected)
