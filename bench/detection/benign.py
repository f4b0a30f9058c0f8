"""A day on which nothing is wrong, with much that looks as if something were.

Lookalikes are the false alarms that such detections are known for: the company's own scanner, an
office behind one address, administrators' tools that ask every machine in turn, databases asked
without a pool, a nightly job that calls a partner, an upload that nobody had announced.
"""

from __future__ import annotations

import numpy as np

from bench.detection.enterprise import (
    ADMIN,
    BLOCK,
    BLOCKED_PORTS,
    DENY,
    NO_ENCRYPTION,
    OLD,
    TOKENS,
    Enterprise,
    mac_address,
    names_of,
)
from bench.detection.flows import UDP, Flows, Shape, closed, draw, either, join, unreached
from bench.detection.labels import Lookalike
from bench.detection.services import (
    EVERYBODY,
    PROBES,
    REGULAR,
    SCRAPES,
    SERVICES,
    Regular,
    Service,
)
from flowverdict.demo.day.rhythm import DAY, HOUR, MINUTE, OFFICE, SECOND, STEADY, Ints, times_of

PATCH_DAY = 8
"""The second Tuesday, where the first day is a Monday."""
_JOINS = 10
_RESIZED = 11
_FAILED = Shape(1.6, 1_900, 2_300, 1.3)
_DESKTOP = Shape(2_500, 3_000_000, 30_000_000, 2)
_LOGIN = Shape(3, 3_500, 5_000, 1.6)
_NOISY_TCP = np.array([22, 23, 23, 80, 81, 443, 445, 1433, 2375, 3306, 3389, 5432, 5900, 6379, 8080,
                       8443, 8888, 9200, 27017])  # fmt: skip
_NOISY_UDP = np.array([53, 123, 161, 1900, 5060, 11211])


class Benign:
    """Draws ordinary days of an enterprise, one after the other."""

    def __init__(self, enterprise: Enterprise, seed: int) -> None:
        self._all = enterprise
        self._seed = seed
        rng = np.random.default_rng([seed, 1])
        self._habits = [rng.random(len(enterprise.of(*one.clients))) for one in REGULAR]
        self._scrapes = rng.random(enterprise.vms)
        self._probes = rng.random(len(enterprise.of("web")))
        noise = enterprise.of("noise")
        self._noise_hours = 0.2 + 23.8 * rng.random(len(noise)) ** 2
        self._noise_weights = np.cumsum(1 / (1 + rng.permutation(len(noise))) ** 0.7)
        self._noise_ports = np.where(
            rng.random((len(noise), 2)) < 0.85,
            rng.choice(_NOISY_TCP, (len(noise), 2)),
            -rng.choice(_NOISY_UDP, (len(noise), 2)),
        )
        self._partners = enterprise.strangers(rng, 3)
        self._archive = enterprise.strangers(rng, 1)
        self._vendor = enterprise.strangers(rng, 1)
        self._engineers = enterprise.strangers(rng, 6)

    def lookalikes(self, begin: int) -> tuple[Lookalike, ...]:
        """Returns who does what looks like an attack.

        Args:
            begin: the first midnight, milliseconds since 1970.
        """
        named = self._all.named

        def of(numbers: Ints) -> tuple[str, ...]:
            return names_of(self._all, numbers)

        return (
            Lookalike("company-scanner", "looks at every machine once a week, and logs in",
                      of(named["scanner"])),
            Lookalike("office-address", "forty people behind one address, on RDP, who mistype",
                      of(named["offices"])),
            Lookalike("automation", "asks all servers over SSH every hour", of(named["monitor"])),
            Lookalike("jump-host", "administrators go on from it, each day to others",
                      of(named["jump"])),
            Lookalike("no-pool", "opens a SQL connection for each request", of(self._no_pool()),
                      of(named["sql"][:1])),
            Lookalike("nightly-job", "calls a partner every hour to the second",
                      of(self._jobs()), of(self._partners)),
            Lookalike("upload", "sends three gigabytes to an archive, once", of(self._uploader()),
                      of(self._archive)),
            Lookalike("vendor-portal", "a vendor's web pages on port 9999", of(named["desktop"]),
                      of(self._vendor)),
            Lookalike("just-in-time", "is denied until the port is opened for an hour",
                      of(self._engineers)),
            Lookalike("old-client", "has not heard that its server no longer takes it",
                      of(named["worker"][-1:]), of(named["app"][:1])),
            Lookalike("new-machine", "begins to work on a Thursday: all that it does is new",
                      of(self._newcomer())),
            Lookalike("resized", "is stopped for an hour, and logs nothing", (),
                      (*of(self._resized()), mac_address(int(self._resized()[0]))),
                      begin + _RESIZED * DAY + 10 * HOUR, begin + _RESIZED * DAY + 11 * HOUR),
            Lookalike("switched-off", "developers' machines, stopped at night", (),
                      tuple(map(mac_address, named["dev"].tolist()))),
            Lookalike("calls", "video calls, hundreds of megabytes each way", (),
                      of(named["teams"])),
            Lookalike("backups", "of machines, files and databases at night; artefacts of builds",
                      (), of(named["azure-storage"])),
            Lookalike("heartbeats", "of agents for protection, monitoring and licences", (),
                      of(self._all.of("edr", "azure-monitor", "licences", "time"))),
            Lookalike("customers", "of the web shops", of(self._all.of("customers", "customers6"))),
        )  # fmt: skip

    def restarts(self) -> list[tuple[int, int, int]]:
        """Returns when machines start again after updates and log nothing: two to six minutes."""
        rng = np.random.default_rng([self._seed, 5])
        begins = PATCH_DAY * DAY + 4 * HOUR + rng.integers(0, HOUR, self._all.vms)
        ends = begins + rng.integers(2 * MINUTE, 6 * MINUTE, self._all.vms)
        return list(zip(range(self._all.vms), begins.tolist(), ends.tolist(), strict=True))

    def day(self, day: int) -> Flows:
        """Returns the flows that begin on a day, counted from 0; the first is a Monday."""
        rng = np.random.default_rng([self._seed, 2, day])
        parts = [self._service(rng, one, day) for one in SERVICES]
        parts.extend(
            self._regular(rng, one, phase, day)
            for one, phase in zip(REGULAR, self._habits, strict=True)
        )
        parts.extend(
            _exchanged(self._regular(rng, one, phase, day))
            for one, phase in ((PROBES, self._probes), (SCRAPES, self._scrapes))
        )
        parts.extend(
            (
                self._offices(rng, day),
                self._company_scanner(rng, day),
                self._automation(rng, day),
                self._odd_jobs(rng, day),
                self._just_in_time(rng, day),
            )
        )
        if day == PATCH_DAY:
            parts.append(self._patches(rng))
        return join([self._asleep(join(parts), day), self._noise(rng, day)])

    def _service(self, rng: np.random.Generator, one: Service, day: int) -> Flows:
        clients, servers = self._all.of(*one.clients), self._all.of(*one.servers)
        much = one.a_day * (one.weekend if day % 7 >= 5 else 1.0)
        times = times_of(rng, one.rhythm, int(rng.poisson(much * len(clients))))
        rank = rng.integers(0, len(clients), len(times))
        src, dst = clients[rank], servers[_habit(rng, rank, one.fan, len(servers))]
        found = draw(rng, src, dst, one.port, times + day * DAY, one.shape,
                     protocol=one.protocol, rule=one.rule)  # fmt: skip
        return found.where(src != dst)

    def _regular(
        self, rng: np.random.Generator, one: Regular, phase: np.ndarray, day: int
    ) -> Flows:
        clients, servers = self._all.of(*one.clients), self._all.of(*one.servers)
        period = int(one.period_s * SECOND)
        first = (phase * period).astype(np.int64) - (day * DAY) % period
        ticks = first[:, None] + np.arange(DAY // period + 2) * period
        rank, nth = np.nonzero((ticks >= 0) & (ticks < DAY))
        wobble = rng.normal(0, one.wobble_s * SECOND, len(rank)).astype(np.int64)
        times = np.clip(ticks[rank, nth] + wobble, 0, DAY - 1) + day * DAY
        src, dst = clients[rank], servers[_habit(rng, rank + 1, one.fan, len(servers))]
        found = draw(rng, src, dst, one.port, times, one.shape,
                     protocol=one.protocol, rule=one.rule)  # fmt: skip
        return found.where(src != dst)

    def _noise(self, rng: np.random.Generator, day: int) -> Flows:
        """The internet knocks: some five attempts a minute at each public address.

        Each stranger comes for some hours of the day, most of them for few.
        """
        public, noise = self._all.public, self._all.of("noise")
        count = int(rng.poisson(5 * 24 * 60 * len(public)))
        weights = self._noise_weights
        who = np.searchsorted(weights, rng.random(count) * weights[-1])
        hour = 24 * rng.random(len(noise))[who] + self._noise_hours[who] * rng.random(count)
        times = day * DAY + (hour * HOUR).astype(np.int64) % DAY
        port = self._noise_ports[who, rng.integers(0, 2, count)]
        dst = public[rng.integers(0, len(public), count)]
        is_blocked = np.isin(port, BLOCKED_PORTS)
        knock = Shape(0, 60, 40, 1.5)
        parts = []
        for protocol, chosen in ((6, port > 0), (UDP, port < 0)):
            parts.append(
                draw(rng, noise[who[chosen]], dst[chosen], np.abs(port[chosen]), times[chosen],
                     knock, protocol=protocol, rule=np.where(is_blocked[chosen], BLOCK, DENY))
            )  # fmt: skip
        return join(parts)

    def _offices(self, rng: np.random.Generator, day: int) -> Flows:
        """Of forty people at an office one in ten mistypes, up to four times."""
        if day % 7 >= 5:
            return join([])
        offices, jump = self._all.of("offices"), self._all.of("jump")
        begins = times_of(rng, OFFICE, 40 * len(offices)) + day * DAY
        src = np.repeat(offices, 40)[rng.permutation(len(begins))]
        dst = jump[rng.integers(0, len(jump), len(begins))]
        wrong = np.flatnonzero(rng.random(len(begins)) < 0.1)
        again = np.repeat(wrong, 1 + rng.integers(0, 4, len(wrong)))
        earlier = begins[again] - rng.integers(5 * SECOND, 60 * SECOND, len(again))
        return join((
            draw(rng, src, dst, 3389, begins, _DESKTOP, rule=ADMIN),
            draw(rng, src[again], dst[again], 3389, earlier, _FAILED, rule=ADMIN),
        ))  # fmt: skip

    def _company_scanner(self, rng: np.random.Generator, day: int) -> Flows:
        """Every night a seventh of the machines: 200 ports of each, and a login."""
        (scanner,) = self._all.of("scanner")[:1]
        targets = self._all.of(*EVERYBODY)
        targets = targets[(targets % 7 == day % 7) & (targets != scanner)]
        ports = np.tile(np.arange(1, 201) * 49, len(targets))
        dst = np.repeat(targets, 200)
        times = day * DAY + HOUR + np.sort(rng.integers(0, 3 * HOUR, len(dst)))
        looks = closed(draw(rng, scanner, dst, ports, times, _LOGIN))
        logins = day * DAY + HOUR + np.sort(rng.integers(0, 3 * HOUR, 2 * len(targets)))
        port = np.where(np.repeat(targets % 2, 2) == 0, 445, 22)
        return join((looks, draw(rng, scanner, np.repeat(targets, 2), port, logins, _LOGIN)))

    def _automation(self, rng: np.random.Generator, day: int) -> Flows:
        """Within five minutes of each hour, every server over SSH."""
        (monitor,) = self._all.of("monitor")[:1]
        servers = self._all.of("web", "app", "worker")
        hours = np.repeat(np.arange(24) * HOUR + 7 * MINUTE, len(servers)) + day * DAY
        times = hours + rng.integers(0, 5 * MINUTE, len(hours))
        return draw(rng, monitor, np.tile(servers, 24), 22, times, Shape(5, 9_000, 9_000, 2))

    def _no_pool(self) -> Ints:
        return self._all.of("app")[:2]

    def _jobs(self) -> Ints:
        return self._all.of("worker")[:2]

    def _uploader(self) -> Ints:
        return self._all.of("app")[2:3]

    def _newcomer(self) -> Ints:
        return self._all.of("worker")[-2:-1]

    def _resized(self) -> Ints:
        return self._all.of("app")[3:4]

    def _odd_jobs(self, rng: np.random.Generator, day: int) -> Flows:
        named, parts, midnight = self._all.named, [], day * DAY
        requests = times_of(rng, STEADY, 2_600) + midnight
        parts.extend(
            draw(rng, int(app), int(named["sql"][0]), 1433, requests + int(app) * 997,
                 Shape(0.4, 2_500, 9_000, 3))
            for app in self._no_pool()
        )  # fmt: skip
        hours = np.arange(24) * HOUR + midnight + 90 * SECOND
        parts.extend(
            draw(rng, int(job), int(partner), 443, hours + rng.integers(0, 400, 24),
                 Shape(3, 9_000, 4_000, 1.2))
            for job, partner in zip(self._jobs(), self._partners, strict=False)
        )  # fmt: skip
        if day == 9:
            begins = 14 * HOUR + midnight + np.arange(6) * 8 * MINUTE
            parts.append(draw(rng, int(self._uploader()[0]), int(self._archive[0]), 443, begins,
                              Shape(450, 500_000_000, 900_000, 1.1)))  # fmt: skip
        if day % 7 < 5:
            desktops = named["desktop"][:3]
            begins = times_of(rng, OFFICE, 6) + midnight
            parts.append(draw(rng, desktops[rng.integers(0, 3, 6)], int(self._vendor[0]), 9999,
                              begins, Shape(1_500, 90_000, 900_000, 2)))  # fmt: skip
        begins = np.arange(0, DAY, 20 * MINUTE) + midnight
        parts.append(draw(rng, int(named["worker"][-1]), int(named["app"][0]), 8081, begins,
                          _LOGIN, rule=OLD))  # fmt: skip
        return join(parts)

    def _just_in_time(self, rng: np.random.Generator, day: int) -> Flows:
        """An engineer tries, remembers to ask, and is let in (Azure's just-in-time access)."""
        if day % 7 >= 5:
            return join([])
        who, target = int(self._engineers[day % 6]), int(self._all.of("jump")[-1])
        tries = times_of(rng, OFFICE, 1) + day * DAY
        return join((
            draw(rng, who, target, 3389, tries + np.arange(2) * 20 * SECOND, _DESKTOP, rule=DENY),
            draw(rng, who, target, 3389, tries + 4 * MINUTE, _DESKTOP, rule=ADMIN),
        ))  # fmt: skip

    def _patches(self, rng: np.random.Generator) -> Flows:
        """All machines fetch updates in one night, start again, and are not ready for a moment."""
        machines = self._all.of(*EVERYBODY)
        begins = PATCH_DAY * DAY + 2 * HOUR + rng.integers(0, 2 * HOUR, len(machines))
        updates = self._all.of("updates")
        fetched = draw(rng, machines, updates[machines % len(updates)], 443, begins,
                       Shape(300, 400_000, 500_000_000, 3))  # fmt: skip
        workers, sql = self._all.of("worker"), int(self._all.of("sql")[0])
        ends = {machine: end for machine, _, end in self.restarts()}
        starts = np.array([ends[one] for one in workers.tolist()])
        early = draw(rng, workers, sql, 1433, starts, _LOGIN, rule=NO_ENCRYPTION,
                     token=TOKENS.index("NX_SW_NOT_READY"))  # fmt: skip
        return join((fetched, early))

    def _asleep(self, found: Flows, day: int) -> Flows:
        """Returns flows as they are with some machines off: these do nothing, and do not answer."""
        for machines, begin, end in self._rests(day):
            off = np.zeros(len(self._all.addresses), bool)
            off[machines] = True
            is_now = (found.start >= begin) & (found.start < end)
            found = found.where(~(is_now & off[found.src]))
            is_now = (found.start >= begin) & (found.start < end)
            until = np.where((found.start < begin) & (off[found.src] | off[found.dst]),
                             begin - found.start, found.length)  # fmt: skip
            found = found._replace(length=np.minimum(found.length, until))
            found = either(is_now & off[found.dst], unreached(found), found)
        return found

    def _rests(self, day: int) -> list[tuple[Ints, int, int]]:
        """Returns which machines are off from when to when, of a day."""
        named, midnight = self._all.named, day * DAY
        end = midnight + DAY
        rests: list[tuple[Ints, int, int]] = []
        if day % 7 >= 5:
            rests.append((named["dev"], midnight, end))
        else:
            rests.append((named["dev"], midnight, midnight + 7 * HOUR))
            rests.append((named["dev"], midnight + 19 * HOUR, end))
        if day < _JOINS:
            rests.append((self._newcomer(), midnight, end))
        if day == _RESIZED:
            rests.append((self._resized(), midnight + 10 * HOUR, midnight + 11 * HOUR))
        return rests


def _habit(rng: np.random.Generator, rank: Ints, fan: int, servers: int) -> Ints:
    """Returns for each client one of the servers that it asks: always the same few."""
    if not fan or fan >= servers:
        return rng.integers(0, servers, len(rank))
    return (rank * 7 + rng.integers(0, fan, len(rank)) * 5) % servers


def _exchanged(found: Flows) -> Flows:
    return found._replace(src=found.dst, dst=found.src)
