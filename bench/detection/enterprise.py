"""Who is there: machines with their roles, networks and rules, and everybody outside.

Every address has a number: machine `i` has its IPv4 address at number `i`. Strangers have addresses
in blocks that are assigned but not announced, so that nobody real is told to attack; Azure's own
services are where Azure has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from flowverdict.demo.day import outside
from flowverdict.demo.day.rhythm import Ints


class Role(NamedTuple):
    """What machines of a kind are for; `share` is how many of a hundred there are."""

    name: str
    share: int
    vnet: str


ROLES: Final = (
    Role("dc", 3, "hub"),
    Role("jump", 2, "hub"),
    Role("monitor", 1, "hub"),
    Role("scanner", 1, "hub"),
    Role("web", 12, "shop"),
    Role("app", 22, "shop"),
    Role("sql", 8, "shop"),
    Role("file", 3, "shop"),
    Role("worker", 15, "shop"),
    Role("desktop", 20, "office"),
    Role("build", 4, "office"),
    Role("dev", 9, "office"),
)
NETWORKS: Final = {"hub": 10, "shop": 20, "office": 30}
"""The second octet of each."""
ENCRYPTED: Final = "shop"
NSG_LOGGED: Final = "office"
"""Has no VNet flow log, but NSG flow logs of version 2."""
TWICE_LOGGED: Final = "worker"
"""A role whose machines have both, as while a migration goes on."""
_A_SUBNET: Final = 240
_FEWEST: Final = 60


class Rule(NamedTuple):
    """A rule as logs name it."""

    name: str
    kind: str
    allows: bool


RULES: Final = (
    Rule("AllowVnetInBound", "default", allows=True),
    Rule("DenyAllInBound", "default", allows=False),
    Rule("AllowAzureLoadBalancerInBound", "default", allows=True),
    Rule("AllowVnetOutBound", "default", allows=True),
    Rule("AllowInternetOutBound", "default", allows=True),
    Rule("Allow-Web", "user", allows=True),
    Rule("Allow-Admin-From-Offices", "user", allows=True),
    Rule("Temp-Allow-Any", "user", allows=True),
    Rule("Deny-Old-Clients", "user", allows=False),
    Rule("BlockHighRiskPorts", "admin", allows=False),
    Rule("unspecified", "encryption", allows=False),
    Rule("PlatformRule", "platform", allows=True),
)
(VNET, DENY, PROBE, OUT_VNET, OUT_INTERNET, WEB, ADMIN, FORGOTTEN, OLD, BLOCK, NO_ENCRYPTION,
 PLATFORM) = range(len(RULES))  # fmt: skip
NOBODY: Final = len(RULES)
"""No rule: nobody is there who could answer."""
BLOCKED_PORTS: Final = (23, 445)
"""What the admin rule keeps the internet from."""

TOKENS: Final = ("X", "NX", "NX_LOCAL_DST", "NX_FALLBACK", "NX_HW_NOT_SUPPORTED", "NX_SW_NOT_READY")
"""Of encryption: the first is for all in the encrypted network, the second for all else."""

_UNANNOUNCED: Final = (11, 21, 22, 26, 28, 30, 33, 55)
"""First octets."""


@dataclass(slots=True)
class Enterprise:
    """Machines, and the addresses of all that they meet.

    Attributes:
        vms: how many machines; each has one interface.
        role: of each machine, an index into `ROLES`.
        addresses: all, by number.
        named: the numbers of each role, and of each group outside.
        public: machines with a public address.
    """

    vms: int
    role: Ints
    addresses: list[str]
    named: dict[str, Ints] = field(default_factory=dict[str, Ints])
    public: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    _met: set[str] = field(default_factory=set[str])

    def of(self, *names: str) -> Ints:
        """Returns the numbers of some roles and groups."""
        return np.concatenate([self.named[name] for name in names])

    def add(self, texts: Iterable[str]) -> Ints:
        """Returns numbers for new addresses."""
        first = len(self.addresses)
        self.addresses.extend(texts)
        return np.arange(first, len(self.addresses))

    def strangers(self, rng: np.random.Generator, number: int, *, ipv6: bool = False) -> Ints:
        """Returns numbers for addresses of the internet that nobody had before."""
        found: list[str] = []
        while len(found) < number:
            octets = [_UNANNOUNCED[int(rng.random() * len(_UNANNOUNCED))]]
            octets.extend(rng.integers(1, 255, 3).tolist())
            text = ".".join(map(str, octets))
            if ipv6:  # of relays that are no more (RFC 7526)
                text = f"2002:{octets[0]:x}{octets[1]:02x}:{octets[2]:x}{octets[3]:02x}::1"
            if text not in self._met:
                self._met.add(text)
                found.append(text)
        return self.add(found)

    def neighbours(self, rng: np.random.Generator, number: int) -> Ints:
        """Returns numbers for addresses of one /24 of the internet."""
        (first,) = self.strangers(rng, 1).tolist()
        network = self.addresses[first].rsplit(".", 1)[0]
        texts = [f"{network}.{last}" for last in range(1, number + 1)]
        self._met.update(texts)
        return self.add(texts)

    def subnet(self, role: str) -> Ints:
        """Returns the numbers of all addresses of a role's first subnet, whoever has them."""
        group = f"subnet of {role}"
        if group not in self.named:
            machines = self.named[role][:_A_SUBNET]
            free = range(4 + len(machines), 4 + _A_SUBNET)
            nobody = self.add(f"{_subnet(role, 0)}.{last}" for last in free)
            self.named[group] = np.concatenate((machines, nobody))
        return self.named[group]

    def owners(self) -> Ints:
        """Returns the machine that has each address, -1 where it is none of ours."""
        found = np.full(len(self.addresses), -1)
        found[: self.vms] = np.arange(self.vms)
        found[self.named["web6"]] = self.named["web"]
        return found

    def are_private(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Returns of each address whether a VirtualNetwork tag has it."""
        return np.array([one.startswith(("10.", "fd")) for one in self.addresses])


def make_enterprise(vms: int, rng: np.random.Generator) -> Enterprise:
    """Returns an enterprise of so many machines, sixty at least."""
    numbers = [max(2 if one.name == "dc" else 1, vms * one.share // 100) for one in ROLES]
    rest = vms - sum(numbers)
    if vms < _FEWEST:
        raise ValueError(f"expected at least {_FEWEST} machines, not {vms}")
    numbers[next(at for at, one in enumerate(ROLES) if one.name == "app")] += rest
    role = np.repeat(np.arange(len(ROLES)), numbers)
    addresses = [
        f"{_subnet(one.name, at // _A_SUBNET)}.{4 + at % _A_SUBNET}"
        for one, number in zip(ROLES, numbers, strict=True)
        for at in range(number)
    ]
    made = Enterprise(vms, role, addresses)
    for at, one in enumerate(ROLES):
        made.named[one.name] = np.flatnonzero(role == at)
    made.named["web6"] = made.add(f"fd00:20:4::{at + 4:x}" for at in range(len(made.of("web"))))
    made.public = np.concatenate(
        [made.of("web", "jump", "dev"), made.of("app")[:8], made.of("sql")[:1]]
    )
    _add_outside(made, rng)
    return made


def _subnet(role: str, nth: int) -> str:
    at = next(number for number, one in enumerate(ROLES) if one.name == role)
    return f"10.{NETWORKS[ROLES[at].vnet]}.{16 * at + nth}"


def _add_outside(made: Enterprise, rng: np.random.Generator) -> None:
    vms = made.vms
    made.named |= {
        "probe": made.add([outside.PROBE]),
        "imds": made.add(["169.254.169.254"]),
        "azure-monitor": made.add([outside.MONITOR]),
        "azure-storage": made.add([*outside.STORAGE.values(), *outside.BACKUP.values()]),
        "activation": made.add(["20.118.99.224", "40.83.235.53"]),
        "time": made.add(["168.61.215.74"]),
        "teams": made.add(f"52.113.{at}.{at * 7 % 250 + 1}" for at in range(24)),
        "updates": made.strangers(rng, 6),
        "offices": made.strangers(rng, 3),
        "customers": made.strangers(rng, 8 * vms),
        "customers6": made.strangers(rng, vms, ipv6=True),
        "sites": made.strangers(rng, 300),
        "edr": made.strangers(rng, 2),
        "licences": made.strangers(rng, 2),
        "partners": made.strangers(rng, 8),
        "noise": np.concatenate(
            [made.strangers(rng, 3_000), *(made.neighbours(rng, 254) for _ in range(4))]
        ),
    }


def names_of(enterprise: Enterprise, numbers: Sequence[int] | Ints) -> tuple[str, ...]:
    """Returns addresses as text."""
    return tuple(enterprise.addresses[int(one)] for one in numbers)


def mac_address(machine: int) -> str:
    """Returns the MAC address of a machine's interface."""
    return f"002248{machine:06X}"
