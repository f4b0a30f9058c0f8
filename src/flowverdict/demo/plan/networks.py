"""Virtual networks, their subnets and rules, as values that know their ARM ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from flowverdict.demo.plan.names import Place

Direction: TypeAlias = Literal["Inbound", "Outbound"]
Access: TypeAlias = Literal["Allow", "Deny"]


@dataclass(frozen=True, slots=True)
class Asg:
    """Application security group; its members are found at the IP configurations."""

    place: Place
    name: str

    @property
    def id(self) -> str:
        """ARM id."""
        return self.place.id("Microsoft.Network/applicationSecurityGroups", self.name)


@dataclass(frozen=True, slots=True)
class Rule:
    """Custom rule of an NSG. A side names prefixes and tags, or else ASGs."""

    name: str
    priority: int
    direction: Direction
    access: Access
    protocol: str = "Tcp"
    sources: tuple[str, ...] = ("*",)
    destinations: tuple[str, ...] = ("*",)
    ports: tuple[str, ...] = ("*",)
    source_asgs: tuple[Asg, ...] = ()
    destination_asgs: tuple[Asg, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class Nsg:
    """Network security group with its custom rules."""

    place: Place
    name: str
    rules: tuple[Rule, ...]

    @property
    def id(self) -> str:
        """ARM id."""
        return self.place.id("Microsoft.Network/networkSecurityGroups", self.name)


@dataclass(frozen=True, slots=True)
class Route:
    """User-defined route; `hop` is the appliance's address, if that is the next hop."""

    name: str
    prefix: str
    hop_type: str
    hop: str | None = None


@dataclass(frozen=True, slots=True)
class RouteTable:
    """Route table of one or more subnets."""

    place: Place
    name: str
    routes: tuple[Route, ...]

    @property
    def id(self) -> str:
        """ARM id."""
        return self.place.id("Microsoft.Network/routeTables", self.name)


@dataclass(frozen=True, slots=True)
class Subnet:
    """Subnet with one IPv4 prefix and, where it is dual-stack, one IPv6 prefix."""

    name: str
    prefixes: tuple[str, ...]
    nsg: Nsg | None = None
    route_table: RouteTable | None = None
    endpoint_policies: str = "Disabled"


@dataclass(frozen=True, slots=True)
class VNet:
    """Virtual network. `encrypted` says whether its machines encrypt what they send each other."""

    place: Place
    name: str
    space: tuple[str, ...]
    subnets: tuple[Subnet, ...]
    environment: str
    owner: str
    encrypted: bool = False

    @property
    def id(self) -> str:
        """ARM id."""
        return self.place.id("Microsoft.Network/virtualNetworks", self.name)

    def subnet(self, name: str) -> Subnet:
        """The subnet of this name."""
        return next(subnet for subnet in self.subnets if subnet.name == name)

    def subnet_id(self, name: str) -> str:
        """ARM id of the subnet of this name."""
        return f"{self.id}/subnets/{name}"


@dataclass(frozen=True, slots=True)
class Peering:
    """One direction of a peering. `gateway` says which end lends its gateway to the other."""

    vnet: VNet
    remote: VNet
    gateway: Literal["lends", "borrows", "none"]
