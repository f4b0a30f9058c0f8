"""The bank as a plan: parts that add up, hubs, and the whole, before any JSON is written."""

from __future__ import annotations

from dataclasses import dataclass, fields

from flowverdict.demo.plan.hosts import (
    Endpoint,
    LoadBalancer,
    Machine,
    Nic,
    PublicIp,
    ScaleSet,
)
from flowverdict.demo.plan.networks import Asg, Nsg, Peering, RouteTable, VNet
from flowverdict.demo.plan.organisation import Region, Tenant


@dataclass(frozen=True, slots=True)
class Part:
    """Resources that belong together. Parts add up to the bank."""

    vnets: tuple[VNet, ...] = ()
    nsgs: tuple[Nsg, ...] = ()
    asgs: tuple[Asg, ...] = ()
    route_tables: tuple[RouteTable, ...] = ()
    nics: tuple[Nic, ...] = ()
    machines: tuple[Machine, ...] = ()
    scale_sets: tuple[ScaleSet, ...] = ()
    public_ips: tuple[PublicIp, ...] = ()
    load_balancers: tuple[LoadBalancer, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()


def add_up(parts: tuple[Part, ...]) -> Part:
    """All resources of all parts, in order."""
    sums = {
        each.name: tuple(item for part in parts for item in getattr(part, each.name))
        for each in fields(Part)
    }
    return Part(**sums)


@dataclass(frozen=True, slots=True)
class Hub:
    """Hub of a region: its network, its machines, and the addresses of its gateway and firewall."""

    part: Part
    vnet: VNet
    region: Region
    public_ips: dict[str, PublicIp]


@dataclass(frozen=True, slots=True)
class Bank:
    """The whole organisation."""

    tenant: Tenant
    hubs: tuple[Hub, ...]
    part: Part
    peerings: tuple[Peering, ...]

    def machine(self, name: str) -> Machine:
        """The virtual machine of this name."""
        return next(machine for machine in self.part.machines if machine.name == name)

    def vnet(self, name: str) -> VNet:
        """The virtual network of this name."""
        return next(vnet for vnet in self.part.vnets if vnet.name == name)
