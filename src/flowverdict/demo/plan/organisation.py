"""Who is who at Harbour Bank: regions, subscriptions, management groups, teams, addresses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from flowverdict.demo.plan.names import Place, guid

BANK = "Harbour Bank"
ROOT = "harbour-bank"
"""Name of the top management group; the tenant's own root group stands above it."""

APPS = (
    ("cards", "core-banking"),
    ("payments", "core-banking"),
    ("mortgages", "retail"),
    ("savings", "retail"),
    ("treasury", "core-banking"),
    ("fraud", "digital"),
    ("mobile", "digital"),
    ("statements", "digital"),
    ("onboarding", "digital"),
    ("trading", "core-banking"),
    ("pensions", "retail"),
    ("leasing", "retail"),
    ("custody", "core-banking"),
    ("insurance", "retail"),
    ("markets", "core-banking"),
    ("reporting", "digital"),
)
"""Applications with a network of their own, and the subscription that pays."""

SUBSCRIPTIONS = (
    ("connectivity", "platform"),
    ("core-banking", "production"),
    ("retail", "production"),
    ("digital", "production"),
    ("development", "non-production"),
    ("sandbox", "sandboxes"),
)
"""Subscriptions and the management group each is in."""

MANAGEMENT_GROUPS = (
    ("platform", "Platform", ROOT),
    ("landing-zones", "Landing zones", ROOT),
    ("production", "Production", "landing-zones"),
    ("non-production", "Non-production", "landing-zones"),
    ("sandboxes", "Sandboxes", ROOT),
)
"""Management groups below the top one: name, display name, parent."""


@dataclass(frozen=True, slots=True)
class Region:
    """Azure region with its share of the bank's address plan.

    Every network begins at `10.octet.0.0`: the hub at `hub_octet`, the spokes of the stories
    from there on, the applications from `spoke_octet`.
    """

    name: str
    code: str
    tag: str
    hub_octet: int
    spoke_octet: int
    on_premises: str
    data_centre: str

    @property
    def hub(self) -> str:
        """Address space of the hub."""
        return f"10.{self.hub_octet}.0.0/20"

    @property
    def firewall(self) -> str:
        """Private address of the hub's firewall."""
        return f"10.{self.hub_octet}.0.68"

    @property
    def bastion(self) -> str:
        """Subnet of the hub's Bastion."""
        return f"10.{self.hub_octet}.0.128/26"

    @property
    def monitoring(self) -> str:
        """Subnet of the hub's monitoring servers."""
        return f"10.{self.hub_octet}.1.0/24"


WEST = Region("westeurope", "weu", "WestEurope", 0, 20, "192.168.0.0/18", "rotterdam")
NORTH = Region("northeurope", "neu", "NorthEurope", 128, 140, "192.168.128.0/18", "dublin")
REGIONS = (WEST, NORTH)

MOST_APPLICATIONS = 2 * (NORTH.hub_octet - WEST.spoke_octet)
"""How many applications the address plan has room for."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """The ids of the tenant and its subscriptions, all drawn from one seed."""

    seed: int

    @property
    def id(self) -> str:
        """Id of the tenant."""
        return guid(str(self.seed), "tenant")

    def subscription(self, name: str) -> str:
        """Id of a subscription."""
        return guid(str(self.seed), "subscription", name)

    def place(self, subscription: str, group: str, region: Region) -> Place:
        """A resource group in a subscription and region."""
        return Place(self.subscription(subscription), group, region.name)


@dataclass(frozen=True, slots=True)
class Application:
    """Application in a region: its slug names all of its resources."""

    slug: str
    subscription: str
    environment: str
    region: Region
    octet: int

    @property
    def space(self) -> str:
        """Address space of its network."""
        return f"10.{self.octet}.0.0/20"

    @property
    def space6(self) -> str:
        """IPv6 address space of its network, where that is dual-stack."""
        return f"fd48:b000:{self.octet:x}::/48"

    def prefix(self, number: int) -> str:
        """The /24 with this number."""
        return f"10.{self.octet}.{number}.0/24"

    def prefix6(self, number: int) -> str:
        """The /64 with this number."""
        return f"fd48:b000:{self.octet:x}:{number}::/64"


def applications() -> Iterator[Application]:
    """Applications without end, by turns in the west and in the north.

    Seven of nine are production, one is development, one a sandbox.
    """
    for number in count():
        region = REGIONS[number % 2]
        name, subscription = APPS[number // 2 % len(APPS)]
        generation = number // 2 // len(APPS)
        environment = {4: "development", 8: "sandbox"}.get(number % 9, "production")
        slug = f"{name}{generation + 1 if generation else ''}-{region.code}"
        yield Application(
            slug=slug,
            subscription=subscription if environment == "production" else environment,
            environment=environment,
            region=region,
            octet=region.spoke_octet + number // 2,
        )
