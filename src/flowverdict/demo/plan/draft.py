"""A network being drawn: it hands out addresses and collects what is put into it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from flowverdict.demo.plan.hosts import (
    Endpoint,
    IpConfiguration,
    LoadBalancer,
    Machine,
    Nic,
    PublicIp,
    ScaleSet,
)
from flowverdict.demo.plan.names import Place, host
from flowverdict.demo.plan.networks import Asg, Nsg, VNet
from flowverdict.demo.plan.whole import Part

T = TypeVar("T")


@dataclass(slots=True)
class Draft:
    """One virtual network and the resources in it, which share its resource group."""

    vnet: VNet
    nics: list[Nic] = field(default_factory=list[Nic])
    machines: list[Machine] = field(default_factory=list[Machine])
    scale_sets: list[ScaleSet] = field(default_factory=list[ScaleSet])
    load_balancers: list[LoadBalancer] = field(default_factory=list[LoadBalancer])
    endpoints: list[Endpoint] = field(default_factory=list[Endpoint])
    _used: Counter[str] = field(default_factory=Counter[str])

    @property
    def place(self) -> Place:
        """Where the network lies."""
        return self.vnet.place

    def addresses(
        self,
        subnet: str,
        *,
        asgs: tuple[Asg, ...] = (),
        public_ip: PublicIp | None = None,
        pool: str | None = None,
    ) -> tuple[IpConfiguration, ...]:
        """The next free address of a subnet, and its IPv6 twin where the subnet has one."""
        number = self._used[subnet]
        self._used[subnet] += 1
        first, *rest = self.vnet.subnet(subnet).prefixes
        return (
            IpConfiguration("ipconfig1", host(first, number), public_ip, asgs, pool),
            *(IpConfiguration("ipconfig-v6", host(prefix, number), None, asgs) for prefix in rest),
        )

    def vm(
        self,
        name: str,
        subnet: str,
        *,
        asgs: tuple[Asg, ...] = (),
        nsg: Nsg | None = None,
        public_ip: PublicIp | None = None,
        pool: str | None = None,
        windows: bool = False,
    ) -> Machine:
        """A virtual machine with one NIC."""
        nic = Nic(
            self.place,
            f"{name}-nic",
            self.vnet,
            subnet,
            self.addresses(subnet, asgs=asgs, public_ip=public_ip, pool=pool),
            nsg,
            machine=self.place.id("Microsoft.Compute/virtualMachines", name),
        )
        return self.machine(name, (nic,), windows=windows)

    def machine(self, name: str, nics: tuple[Nic, ...], *, windows: bool = False) -> Machine:
        """A virtual machine with these NICs."""
        machine = Machine(self.place, name, nics, windows)
        self.nics.extend(nics)
        self.machines.append(machine)
        return machine

    def endpoint(self, name: str, subnet: str, service: str, kind: str) -> Endpoint:
        """A private endpoint to a service (its id) of a kind (`blob`, `sqlServer`)."""
        endpoint_id = self.place.id("Microsoft.Network/privateEndpoints", name)
        address = host(self.vnet.subnet(subnet).prefixes[0], self._used[subnet])
        self._used[subnet] += 1
        configuration = IpConfiguration("privateEndpointIpConfig", address)
        nic = Nic(
            self.place, f"{name}-nic", self.vnet, subnet, (configuration,), endpoint=endpoint_id
        )
        endpoint = Endpoint(self.place, name, nic, service, kind)
        self.nics.append(nic)
        self.endpoints.append(endpoint)
        return endpoint

    def part(self) -> Part:
        """Everything drawn, with the NSGs, ASGs, route tables and public addresses it uses."""
        subnets = self.vnet.subnets
        configurations = [each for nic in self.nics for each in nic.addresses]
        nsgs = _once(nsg for nsg in (*(s.nsg for s in subnets), *(n.nsg for n in self.nics)) if nsg)
        in_rules = (
            asg
            for nsg in nsgs
            for rule in nsg.rules
            for asg in (*rule.source_asgs, *rule.destination_asgs)
        )
        return Part(
            vnets=(self.vnet,),
            nsgs=nsgs,
            asgs=_once((*(asg for each in configurations for asg in each.asgs), *in_rules)),
            route_tables=_once(s.route_table for s in subnets if s.route_table),
            nics=tuple(self.nics),
            machines=tuple(self.machines),
            scale_sets=tuple(self.scale_sets),
            public_ips=(
                *(each.public_ip for each in configurations if each.public_ip),
                *(lb.front for lb in self.load_balancers if isinstance(lb.front, PublicIp)),
            ),
            load_balancers=tuple(self.load_balancers),
            endpoints=tuple(self.endpoints),
        )


def _once(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))
