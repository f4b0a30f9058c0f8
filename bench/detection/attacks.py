"""Attacks of every kind at several speeds.

Speeds are those of the tools that are used for it, as their manuals have them:

* nmap, timing templates: T0 waits 5 minutes between probes, T1 15 seconds, T2 0.4 seconds; a
  thousand ports by default, a hundred with -F. masscan: 100 packets a second by default.
* hydra: 16 tasks by default, 4 advised for SSH and RDP, which gives about two attempts a second;
  -c 60 waits a minute between attempts.
* Beacons: Cobalt Strike sleeps 60 seconds by default and cuts off up to its jitter; Sliver sleeps
  60 seconds and up to 30 more; Mythic's Apollo 10 seconds, give or take 23 %.
* Miners speak Stratum over one connection that stays open, on ports such as 3333.

What nobody could tell from ordinary mistakes (five wrong passwords, eight ports) is there too, and
need not be found. So is what leaves no trace in flow logs, such as a beacon that keeps one
connection open.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bench.detection.campaign import Campaign, encrypted_pair
from bench.detection.enterprise import DENY, FORGOTTEN, NOBODY, OLD, TOKENS, VNET, mac_address
from bench.detection.flows import Shape, closed, draw, either, join
from flowverdict.demo.day.rhythm import DAY, HOUR, MINUTE, SECOND

_KNOCK = Shape(0, 60, 40, 1.5, tries=2)
_DESKTOP = Shape(1_500, 900_000, 9_000_000, 2)


class Guess(NamedTuple):
    """A service whose passwords are tried, and what one attempt that fails takes."""

    detection: str
    port: int
    attempt: Shape
    from_inside: bool = False


class Pace(NamedTuple):
    """How fast something is done, and how often."""

    speed: str
    gap_s: float
    times: int
    about: str
    expected: bool = True

    @property
    def length(self) -> float:
        """Milliseconds from begin to end, with some room."""
        return self.gap_s * self.times * SECOND * 1.1


_GUESSED = (
    Guess("rdp-brute-force", 3389, Shape(1.6, 1_900, 2_300, 1.3)),
    Guess("ssh-brute-force", 22, Shape(2.6, 1_500, 2_600, 1.3)),
    Guess("sql-brute-force", 1433, Shape(0.2, 500, 600, 1.3)),
    Guess("winrm-brute-force", 5985, Shape(0.3, 1_500, 1_300, 1.3), from_inside=True),
)
_GUESSING = (
    Pace("fast", 0.5, 1_200, "two attempts a second for ten minutes: hydra -t 4"),
    Pace("moderate", 6, 600, "ten attempts a minute for an hour: hydra -t 1 -W 6"),
    Pace("slow", 60, 600, "an attempt a minute for ten hours: hydra -c 60"),
    Pace("stealthy", 600, 720, "an attempt every ten minutes for five days"),
    Pace("below", 50, 5, "five wrong passwords in four minutes", expected=False),
)
_PORT_SCANS = (
    Pace("fast", 0.01, 1_000, "nmap -T4, a thousand ports in ten seconds"),
    Pace("moderate", 0.4, 1_000, "nmap -T2, a thousand ports"),
    Pace("slow", 15, 100, "nmap -T1 -F, a hundred ports in 25 minutes"),
    Pace("stealthy", 300, 100, "nmap -T0 -F, a hundred ports in eight hours"),
    Pace("below", 30, 8, "eight ports in four minutes", expected=False),
)
_SWEEPS = (
    Pace("fast", 0.01, 240, "masscan at its 100 packets a second, one subnet"),
    Pace("moderate", 0.4, 240, "nmap -T2, one subnet"),
    Pace("slow", 15, 240, "nmap -T1, one subnet in an hour"),
    Pace("stealthy", 300, 240, "nmap -T0, one subnet in twenty hours"),
    Pace("below", 60, 8, "eight addresses in eight minutes", expected=False),
)


def add_attacks(campaign: Campaign) -> None:
    """Adds all of them that the days have room for."""
    for guess in _GUESSED:
        _guessing(campaign, guess)
    _port_scans(campaign)
    _sweeps(campaign)
    _let_in_later(campaign)
    _let_in(campaign)
    _lateral(campaign)
    _denials(campaign)
    _clear_text(campaign)
    _gaps(campaign)


def _guessing(campaign: Campaign, guess: Guess) -> None:
    for pace in _GUESSING:
        begin = campaign.when(pace.length)
        if begin is None:
            continue
        who = campaign.machine() if guess.from_inside else campaign.stranger()
        target, rule = campaign.machine(), VNET if guess.from_inside else FORGOTTEN
        found = draw(campaign.rng, who, target, guess.port,
                     campaign.spaced(begin, pace.gap_s, pace.times), guess.attempt,
                     rule=rule)  # fmt: skip
        accepts = ("lateral-movement",) if guess.from_inside else ("unexpected-allow",)
        campaign.add(guess.detection, pace.speed, found, pace.about,
                     expected=pace.expected, accepts=accepts)  # fmt: skip
    if guess.from_inside:
        return
    for speed, sources, each, rule, about in (
        ("distributed", 150, 8, FORGOTTEN, "150 sources, eight attempts each in six hours"),
        ("denied", 60, 10, DENY, "60 sources, ten attempts each in six hours, all denied"),
    ):
        begin = campaign.when(6 * HOUR)
        if begin is None:
            continue
        actors = campaign.everyone.strangers(campaign.rng, sources)
        times = begin + np.sort(campaign.rng.integers(0, 6 * HOUR, sources * each))
        src = campaign.rng.permutation(np.repeat(actors, each))
        found = draw(campaign.rng, src, campaign.machine(), guess.port, times, guess.attempt,
                     rule=rule)  # fmt: skip
        also = "deny-spike" if rule == DENY else "unexpected-allow"
        campaign.add(guess.detection, speed, found, about, accepts=(also,))
    begin = campaign.when(600 * 6 * SECOND)
    if begin is not None:
        (target,) = campaign.everyone.of("web6")[:1]
        found = draw(campaign.rng, campaign.stranger(ipv6=True), target, guess.port,
                     campaign.spaced(begin, 6, 500), guess.attempt, rule=FORGOTTEN)  # fmt: skip
        campaign.add(
            guess.detection,
            "IPv6",
            found,
            "ten attempts a minute, over IPv6",
            accepts=("unexpected-allow",),
        )


def _port_scans(campaign: Campaign) -> None:
    rng = campaign.rng
    for pace in _PORT_SCANS:
        begin = campaign.when(pace.length)
        if begin is None:
            continue
        ports = rng.permutation(np.arange(1, 10_000))[: pace.times]
        times = campaign.spaced(begin, pace.gap_s, pace.times)
        target = int(campaign.everyone.public[rng.integers(len(campaign.everyone.public))])
        found = draw(rng, campaign.stranger(), target, ports, times, _KNOCK, rule=DENY)
        campaign.add("port-scan", pace.speed, found, f"from outside, denied: {pace.about}",
                     expected=pace.expected, accepts=("deny-spike",))  # fmt: skip
        found = draw(rng, campaign.machine(), campaign.machine(), ports, times, _KNOCK, rule=VNET)
        campaign.add("port-scan", f"{pace.speed}, inside", closed(found),
                     f"from inside, refused by the machine itself: {pace.about}",
                     expected=pace.expected)  # fmt: skip
    for speed, sources, about in (
        ("distributed", campaign.everyone.neighbours(rng, 50), "50 sources of one /24"),
        ("scattered", campaign.everyone.strangers(rng, 100), "100 sources anywhere"),
    ):
        begin = campaign.when(HOUR)
        if begin is None:
            continue
        ports = rng.permutation(np.arange(1, 10_000))[:1_000]
        times = begin + np.sort(rng.integers(0, HOUR, 1_000))
        target = int(campaign.everyone.public[rng.integers(len(campaign.everyone.public))])
        src = rng.permutation(np.repeat(sources, 1_000 // len(sources)))
        found = draw(rng, src, target, ports, times, _KNOCK, rule=DENY)
        campaign.add("port-scan", speed, found, f"a thousand ports in an hour: {about}",
                     accepts=("deny-spike",))  # fmt: skip


def _sweeps(campaign: Campaign) -> None:
    rng = campaign.rng
    for number, pace in enumerate(_SWEEPS):
        begin = campaign.when(pace.length)
        if begin is None:
            continue
        targets = rng.permutation(campaign.everyone.subnet("worker"))[: pace.times]
        times = campaign.spaced(begin, pace.gap_s, len(targets))
        there = targets < campaign.everyone.vms
        port = (445, 3389, 22)[number % 3]
        found = draw(rng, campaign.machine("app", "build"), targets, port, times, _KNOCK,
                     rule=np.where(there, VNET, NOBODY))  # fmt: skip
        campaign.add("host-sweep", pace.speed, either(there, closed(found), found),
                     f"from inside, port {port}: {pace.about}",
                     expected=pace.expected, accepts=("lateral-movement",))  # fmt: skip
    public = campaign.everyone.public
    for speed, sources, minutes, about in (
        ("outside", 1, 1, "every public address on 22 within a minute"),
        ("distributed", 40, 30, "every public address on 22, in turn from 40 sources of one /24"),
    ):
        begin = campaign.when(minutes * MINUTE)
        if begin is None:
            continue
        actors = campaign.everyone.neighbours(rng, sources)
        times = begin + np.sort(rng.integers(0, minutes * MINUTE, 3 * len(public)))
        found = draw(rng, rng.choice(actors, len(times)), np.repeat(public, 3), 22, times, _KNOCK,
                     rule=DENY)  # fmt: skip
        campaign.add("host-sweep", speed, found, about, accepts=("deny-spike",))


def _let_in_later(campaign: Campaign) -> None:
    rng = campaign.rng
    for speed, probes, later, about, expected in (
        ("fast", 20, 2 * MINUTE, "twenty ports denied, the next one lets it in", True),
        ("moderate", 20, 2 * HOUR, "twenty ports denied, let in two hours later", True),
        ("slow", 20, 2 * DAY, "twenty ports denied, let in two days later", True),
        ("same port", 30, 3 * HOUR, "one port, thirty times denied, until a rule changed", True),
        ("below", 1, DAY, "one port denied, another lets it in a day later", False),
    ):
        begin = campaign.when(later + 2 * HOUR)
        if begin is None:
            continue
        who, target = campaign.stranger(), campaign.machine()
        port = np.full(probes, 3389) if speed == "same port" else 21 + 13 * np.arange(probes)
        found = join((
            draw(rng, who, target, port, campaign.spaced(begin, 2, probes), _KNOCK, rule=DENY),
            draw(rng, who, target, 3389, np.array([begin + 60 * SECOND + later]), _DESKTOP,
                 rule=FORGOTTEN),
        ))  # fmt: skip
        campaign.add("denied-then-allowed", speed, found, about,
                     expected=expected,
                     accepts=("port-scan", "deny-spike", "unexpected-allow"))  # fmt: skip


def _let_in(campaign: Campaign) -> None:
    """One session from outside, through a rule that somebody forgot."""
    for port, shape in ((3389, _DESKTOP), (22, Shape(900, 80_000, 500_000, 2))):
        begin = campaign.when(HOUR)
        if begin is None:
            continue
        found = draw(campaign.rng, campaign.stranger(), campaign.machine(), port,
                     np.array([begin]), shape, rule=FORGOTTEN)  # fmt: skip
        campaign.add("unexpected-allow", f"port {port}", found, "one session from outside")


def _lateral(campaign: Campaign) -> None:
    rng = campaign.rng
    for speed, gap_s, hosts, ports, about, expected in (
        ("fast", 30, 20, (445,), "twenty machines in ten minutes over SMB", True),
        ("moderate", 420, 8, (5985,), "eight machines in an hour over WinRM", True),
        ("slow", 7_200, 10, (3389,), "ten machines in twenty hours over RDP", True),
        ("mixed", 300, 9, (22, 445, 135), "nine machines in 45 minutes over three protocols", True),
        ("below", 10_800, 2, (22,), "two machines in six hours", False),
    ):
        begin = campaign.when(gap_s * hosts * SECOND * 1.5)
        if begin is None:
            continue
        source = campaign.machine("app", "build", "desktop")
        targets = campaign.machines(hosts, "web", "app", "worker")
        times = campaign.spaced(begin, gap_s, len(targets))
        found = draw(rng, source, targets, np.resize(ports, len(targets)), times,
                     Shape(200, 60_000, 90_000, 3))  # fmt: skip
        campaign.add("lateral-movement", speed, found.where(targets != source), about,
                     expected=expected, accepts=("host-sweep",))  # fmt: skip
    begin = campaign.when(8 * HOUR)
    if begin is not None:
        hops = campaign.machines(5, "web", "app", "worker")
        found = draw(rng, hops[:-1], hops[1:], 3389, campaign.spaced(begin, 3_600, 4),
                     Shape(3_000, 2_000_000, 20_000_000, 1.2))  # fmt: skip
        campaign.add("lateral-movement", "chain", found, "from each machine to the next, hourly")


def _denials(campaign: Campaign) -> None:
    rng = campaign.rng
    for speed, gap_s, count, inside, about, expected in (
        ("fast", 0.12, 5_000, False, "5,000 attempts at one port in ten minutes", True),
        ("moderate", 5, 2_160, True, "a machine that a rule cut off, for three hours", True),
        ("slow", 180, 240, True, "twenty attempts an hour for twelve hours", True),
        ("below", 900, 4, True, "four attempts in an hour", False),
    ):
        begin = campaign.when(gap_s * count * SECOND * 1.1)
        if begin is None:
            continue
        source = campaign.machine("app") if inside else campaign.stranger()
        target = campaign.machine("sql") if inside else int(campaign.everyone.public[-1])
        found = draw(rng, source, target, 1433 if inside else 4443,
                     campaign.spaced(begin, gap_s, count), _KNOCK,
                     rule=OLD if inside else DENY)  # fmt: skip
        campaign.add("deny-spike", speed, found, about, expected=expected,
                     accepts=("sql-brute-force",) if inside else ())  # fmt: skip


def _clear_text(campaign: Campaign) -> None:
    for speed, token, count, gap_s, about in (
        ("hardware", "NX_HW_NOT_SUPPORTED", 240, 30, "a host without the hardware, two hours"),
        ("fallback", "NX_FALLBACK", 12, 50, "an attempt to encrypt that failed, ten minutes"),
        ("off", "NX", 60, 30, "in clear inside a network that encrypts, half an hour"),
    ):
        begin = campaign.when(gap_s * count * SECOND * 1.2)
        if begin is None:
            continue
        one, other = encrypted_pair(campaign)
        found = draw(campaign.rng, one, other, 8080, campaign.spaced(begin, gap_s, count),
                     Shape(4, 3_000, 9_000, 3), token=TOKENS.index(token))  # fmt: skip
        campaign.add("clear-text", speed, found, about)


def _gaps(campaign: Campaign) -> None:
    """Logs that end and begin again while the machine goes on talking."""
    for speed, minutes, about, expected in (
        ("slow", 15, "a quarter of an hour of one interface", True),
        ("moderate", 120, "two hours of one interface", True),
        ("fast", 24 * 60, "a day of one interface", True),
        ("below", 8, "eight minutes of one interface", False),
    ):
        begin = campaign.when(minutes * MINUTE)
        if begin is None:
            continue
        machine = campaign.machine("app", "worker", "sql", "web")
        _lost(campaign, [machine], speed, begin, minutes, about, expected=expected)
    begin = campaign.when(HOUR)
    if begin is not None:
        hub = campaign.everyone.of("dc", "jump", "monitor", "scanner").tolist()
        _lost(campaign, hub, "flow log off", begin, 60, "an hour of a whole network")


def _lost(
    campaign: Campaign,
    machines: list[int],
    speed: str,
    begin: int,
    minutes: int,
    about: str,
    *,
    expected: bool = True,
) -> None:
    """Loses the logs of some machines for some minutes."""
    end = begin + minutes * MINUTE
    campaign.lose(machines, begin, end)
    names = [campaign.everyone.addresses[one] for one in machines]
    campaign.label("log-gap", speed, begin, end, about, expected=expected,
                   targets=(*names, *(mac_address(one) for one in machines)))  # fmt: skip
