"""What comes from the internet uninvited, and what came of it on the management machine.

All night passwords are tried on mgmt-vm-01, and denied; one source is let in by a rule that was
forgotten. From then on the machine looks around in the networks that it reaches.
"""

from __future__ import annotations

import numpy as np

from flowverdict.demo.day import outside
from flowverdict.demo.day.rhythm import HOUR, MINUTE, SECOND, STEADY, between, times_of
from flowverdict.demo.day.traffic import TCP, UDP, Route, Shape, Traffic
from flowverdict.demo.plan.whole import Bank

_NOISY_PORTS = (22, 23, 23, 80, 81, 443, 445, 445, 1433, 2375, 3306, 5432, 5900, 6379, 8080, 8443,
                8888, 9200, 27017)  # fmt: skip
"""What the internet knocks at; RDP is not among it, that is told below."""
_NOISY_UDP = (53, 123, 161, 1900, 5060, 11211)
_NOISE = Shape(0, 60, 40, 1.5)
_GUESS = Shape(2.2, 1_900, 2_600, 1.6)
_SFTP = Shape(40, 2_000_000, 60_000, 3)
_SHELL = Shape(1_900, 90_000, 700_000, 2)

_ATTEMPTS_A_MINUTE = {
    "mgmt-vm-01": 8.0,
    "legacy-jump-01": 0.3,
    "branch-teller-01": 0.3,
    "sandbox-vm-01": 0.3,
    "sftp-01": 0.25,
    "tools-01": 0.25,
}
"""How often strangers knock at a machine with a public address; each time about two packets."""


def add_attacks(traffic: Traffic, bank: Bank) -> None:
    """Adds noise, the guessing of passwords and what it led to, scans, and SSH from outside."""
    _noise(traffic, bank)
    _guessing(traffic, bank)
    _intrusion(traffic, bank)
    _port_scan(traffic, bank)
    _looking_around(traffic, bank)
    _ssh(traffic, bank)


def _address(bank: Bank, machine: str) -> str:
    return bank.machine(machine).nics[0].address


def _noise(traffic: Traffic, bank: Bank) -> None:
    """Every scanner has a few ports of its own; some scanners are much busier than others."""
    rng = traffic.rng
    habits: list[tuple[str, int, int]] = []
    for number, scanner in enumerate(outside.SCANNERS):
        for _ in range(1 + int(rng.random() * 4)):
            udp = rng.random() < 0.15
            ports = _NOISY_UDP if udp else _NOISY_PORTS
            port = ports[int(rng.random() * len(ports))]
            weight = 2 + 4 // (number % 12 + 1)
            habits.extend([(scanner, port, UDP if udp else TCP)] * weight)
    for machine, rate in _ATTEMPTS_A_MINUTE.items():
        target = _address(bank, machine)
        routes = [Route(source, target, port, protocol) for source, port, protocol in habits]
        traffic.add(routes, times_of(rng, STEADY, int(rate * 24 * 60)), _NOISE)


def _guessing(traffic: Traffic, bank: Bank) -> None:
    """Many sources, a few attempts each: none of them alone looks like much."""
    target = _address(bank, "mgmt-vm-01")
    routes = [Route(source, target, 3389) for source in outside.GUESSERS]
    traffic.add(routes, between(traffic.rng, 0.8, 5.6, 420), _GUESS, together=2)


def _intrusion(traffic: Traffic, bank: Bank) -> None:
    """Attempts that are answered, one after the other; the last of them is a session."""
    route = [Route(outside.INTRUDER, _address(bank, "mgmt-vm-01"), 3389)]
    begin = int(3.2 * HOUR)
    attempts = np.arange(260, dtype=np.int64) * 9 * SECOND + begin
    wobble = (traffic.rng.random(len(attempts)) * 4 * SECOND).astype(np.int64)
    traffic.add(route, attempts + wobble, _GUESS)
    session = np.array([attempts[-1] + 2 * MINUTE], np.int64)
    traffic.add(route, session, Shape(9_700, 6_000_000, 84_000_000, 1.05))


def _port_scan(traffic: Traffic, bank: Bank) -> None:
    """Fast and vertical: hundreds of ports of one machine in a few minutes."""
    target = _address(bank, "tools-01")
    ports = traffic.rng.permutation(np.arange(1, 1025))[:620]
    times = between(traffic.rng, 14.3, 14.37, len(ports))
    for port, time in zip(ports.tolist(), times, strict=True):
        route = Route(outside.PORT_SCANNER, target, port)
        traffic.add([route], np.array([time]), Shape(0, 60, 40, tries=2))


def _looking_around(traffic: Traffic, bank: Bank) -> None:
    """Slow and horizontal: one port, an address every few minutes, most of them nobody's."""
    source = _address(bank, "mgmt-vm-01")
    subnets = ("10.17.1", "10.0.1", "10.0.2")
    found = [f"{subnet}.{last}" for subnet in subnets for last in range(4, 74)]
    order = traffic.rng.permutation(len(found)).tolist()
    routes = [Route(source, found[at], 445) for at in order if found[at] != source]
    times = between(traffic.rng, 6.9, 19.5, len(routes))
    for route, time in zip(routes, times, strict=True):
        traffic.add([route], np.array([time]), Shape(0, 60, 40, tries=2))


def _ssh(traffic: Traffic, bank: Bank) -> None:
    """Three ways in from the internet; one of them is meant."""
    sftp, tools = _address(bank, "sftp-01"), _address(bank, "tools-01")
    hourly = np.arange(6, 19, dtype=np.int64) * HOUR + 7 * MINUTE
    traffic.add([Route(outside.CLEARING_HOUSE, sftp, 22)], hourly, _SFTP)
    for engineer, hour in zip(outside.ENGINEERS, (7.1, 18.8), strict=True):
        time = np.array([int(hour * HOUR)], np.int64)
        traffic.add([Route(engineer, tools, 22)], time, _SHELL)
