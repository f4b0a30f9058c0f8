"""A network interface and all that stands before it: the place from which rules are read."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from flowverdict.model.value import value
from flowverdict.net import ALL_ADDRESSES, ALL_IPV4, EMPTY, IntervalSet
from flowverdict.policy.addresses import AddressSet, Doubt, Part
from flowverdict.policy.admin import AdminLayer
from flowverdict.policy.network import Network
from flowverdict.policy.surroundings import Space, internet, virtual_network

if TYPE_CHECKING:
    from flowverdict.model import (
        Direction,
        Endpoint,
        Estate,
        NetworkInterface,
        NetworkSecurityGroup,
        Position,
        ResourceId,
        Subnet,
        VirtualNetwork,
    )
    from flowverdict.policy.options import Options


@value
class Layer:
    """One NSG stage before a network interface.

    Attributes:
        name: ``subnet`` or ``nic``.
        applied_to: the subnet or the network interface.
        nsg: None where none is attached.
        missing: what would be needed to know what the layer does; empty where it is known.
        note: why no NSG counts although one may be attached.
    """

    name: str
    applied_to: ResourceId | None
    nsg: NetworkSecurityGroup | None = None
    missing: str = ""
    note: str = ""


class Standpoint:
    """A network interface in its network, with what evaluation needs resolved once."""

    def __init__(self, network: Network, nic: NetworkInterface) -> None:
        self.network = network
        self.nic = nic
        self._sides: dict[tuple[Endpoint, str, bool], list[AddressSet]] = {}

    @property
    def estate(self) -> Estate:
        """The estate."""
        return self.network.estate

    @property
    def options(self) -> Options:
        """How open questions are answered."""
        return self.network.options

    @cached_property
    def subnet(self) -> Subnet | None:
        """The subnet; None where the input does not have it."""
        return self.estate.resources.subnets.get(self.nic.subnet) if self.nic.subnet else None

    @cached_property
    def vnet_id(self) -> ResourceId | None:
        """The virtual network's id, which the subnet's id tells."""
        return self.nic.subnet.parent if self.nic.subnet else None

    @cached_property
    def vnet(self) -> VirtualNetwork | None:
        """The virtual network; None where the input does not have it."""
        return self.estate.resources.vnets.get(self.vnet_id) if self.vnet_id else None

    @cached_property
    def around(self) -> tuple[Space, ...]:
        """The address spaces around the interface."""
        if self.vnet_id is None:
            what = f"subnet of network interface `{self.nic.id}`"
            return (Space(ALL_ADDRESSES, what, doubtful=True),)
        found = self.network.around(self.vnet_id, self.subnet)
        if self.subnet is None:
            route = f"route table of {self.describe_missing('subnet', self.nic.subnet)}"
            found += (Space(ALL_ADDRESSES, route, is_network=False, doubtful=True),)
        return found

    def describe_missing(
        self, kind: str, resource: ResourceId | None, referrer: Position | None = None
    ) -> str:
        """Names a resource that the input lacks, and why it is needed or cannot be read."""
        if resource is None:
            return f"{kind} of network interface `{self.nic.id}`"
        if resource in self.estate.broken:
            return self.estate.name_lost(kind, resource)
        return f"{kind} `{resource}`" + (f" (referred to at {referrer})" if referrer else "")

    @cached_property
    def remarks(self) -> tuple[str, ...]:
        """What loading had to say about the interface, its subnet and its virtual network."""
        places = (self.nic.id, self.nic.subnet, self.vnet_id)
        found = [
            str(one)
            for place in places
            if place is not None
            for one in self.estate.warnings_by_resource.get(place, ())
        ]
        if not self.nic.tcp_state_tracking:
            found.append(
                f"`{self.nic.id.name}` does not track TCP state: replies are not covered by the "
                "verdict on the first packet"
            )
        return tuple(found)

    @property
    def is_private_endpoint(self) -> bool:
        """Reports whether the interface is a private endpoint's."""
        return self.nic.id in self.estate.private_endpoint_nics

    @cached_property
    def admin(self) -> AdminLayer | None:
        """The admin rules; None where the virtual network is missing and there may be some."""
        if self.is_private_endpoint:
            return AdminLayer(skipped="admin rules are not applied to private endpoints")
        if self.vnet is None:
            return None if self.estate.managers else AdminLayer()
        return self.network.admin(self.vnet, self.subnet)

    @cached_property
    def layers(self) -> tuple[Layer, Layer]:
        """The NSG stages in the order of inbound traffic: subnet, then interface."""
        subnet = self.subnet
        note = missing = ""
        if self.is_private_endpoint and subnet is not None:
            policies = subnet.private_endpoint_network_policies
            if policies not in ("Enabled", "NetworkSecurityGroupEnabled"):
                note = f"network policies for private endpoints are `{policies}` in the subnet"
        if subnet is None:
            missing = self.describe_missing("subnet", self.nic.subnet, self.nic.where)
        lower = Layer("subnet", self.nic.subnet, missing=missing, note=note)
        if subnet is not None:
            lower = self._layer("subnet", subnet.id, subnet.nsg, subnet.where, note)
        return lower, self._layer("nic", self.nic.id, self.nic.nsg, self.nic.where, note)

    def layers_towards(self, direction: Direction) -> tuple[Layer, Layer]:
        """Returns the NSG stages in the order in which a packet of a direction meets them."""
        subnet, nic = self.layers
        return (subnet, nic) if direction.value == "Inbound" else (nic, subnet)

    def _layer(
        self,
        name: str,
        applied_to: ResourceId,
        nsg_id: ResourceId | None,
        referrer: Position | None,
        note: str,
    ) -> Layer:
        if note or nsg_id is None:
            return Layer(name, applied_to, note=note)
        nsg = self.estate.resources.nsgs.get(nsg_id)
        missing = ""
        if nsg is None:
            missing = self.describe_missing("network security group", nsg_id, referrer)
        elif nsg.problems:
            missing = f"network security group `{nsg.id.name}` ({nsg.problems[0]})"
        return Layer(name, applied_to, nsg, missing)

    @cached_property
    def _virtual_network(self) -> AddressSet:
        return virtual_network(self.around)

    @cached_property
    def _internet(self) -> AddressSet:
        return internet(self.estate, self.around)

    def tag(self, name: str) -> AddressSet:
        """Returns the addresses of a service tag, as they are for this interface."""
        match name.lower():
            case "virtualnetwork":
                return self._virtual_network
            case "internet":
                return self._internet
            case _:
                return self.network.tag(name)

    @cached_property
    def own_groups(self) -> dict[ResourceId, IntervalSet]:
        """The groups of IP configurations that have no address yet, with what they may get.

        Whatever the interface gets, its own address is in them. Where two configurations of one
        family differ in their groups, it is not known which of them an address is of.
        """
        found: dict[ResourceId, IntervalSet] = {}
        configurations = self.nic.ip_configurations
        for one in configurations:
            alike = (
                at.asgs == one.asgs
                for at in configurations
                if not at.addresses and at.is_ipv6 == one.is_ipv6
            )
            if not one.addresses and one.asgs and self.subnet is not None and all(alike):
                prefixes = self.subnet.prefixes
                family = prefixes - ALL_IPV4 if one.is_ipv6 else prefixes & ALL_IPV4
                for group in one.asgs:
                    found[group] = found.get(group, EMPTY) | (family - self.nic.addresses)
        return found

    def sets_of(
        self, endpoint: Endpoint, committed: str = "", *, is_local: bool = False
    ) -> list[AddressSet]:
        """Returns the sets of which one side of a rule is the union.

        Args:
            endpoint: the side.
            committed: when the rule was committed, for the network groups in it.
            is_local: whether it is the interface's side.
        """
        own = [group for group in endpoint.asgs if is_local and group in self.own_groups]
        key = (endpoint, committed, bool(own))
        if key not in self._sides:
            members = (
                Part(self.own_groups[one], f"application security group `{one.name}`")
                for one in own
            )
            literal = (AddressSet((Part(endpoint.prefixes, "listed"),)),)
            self._sides[key] = [
                *(literal if endpoint.prefixes else ()),
                *(AddressSet((one,)) for one in members),
                *(self.tag(one) for one in endpoint.tags),
                *(self.network.asg(one) for one in endpoint.asgs),
                *(self.network.group(one, committed) for one in endpoint.groups),
                *(AddressSet(doubts=(Doubt(ALL_ADDRESSES, one),)) for one in endpoint.unknown),
            ]
        return self._sides[key]
