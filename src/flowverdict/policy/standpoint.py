"""A network interface and all that stands before it: the place from which rules are read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from flowverdict.model import Severity
from flowverdict.net import ALL_ADDRESSES, IntervalSet
from flowverdict.policy.addresses import AddressSet, Doubt, Part
from flowverdict.policy.admin import AdminLayer, admin_layer
from flowverdict.policy.membership import group_addresses
from flowverdict.policy.platform import PLATFORM_TAGS
from flowverdict.policy.surroundings import PROBES, Space, internet, spaces, virtual_network

if TYPE_CHECKING:
    from flowverdict.model import (
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


@dataclass(frozen=True, slots=True)
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
    """A network interface in its estate, with what evaluation needs resolved once."""

    def __init__(self, estate: Estate, nic: NetworkInterface, options: Options) -> None:
        self.estate = estate
        self.nic = nic
        self.options = options
        self.used: dict[str, None] = {}
        """The dated data that answers from here relied on."""
        self._sets: dict[object, AddressSet] = {}

    @property
    def subnet(self) -> Subnet | None:
        """The subnet; None where the input does not have it."""
        return self.estate.resources.subnets.get(self.nic.subnet) if self.nic.subnet else None

    @property
    def vnet_id(self) -> ResourceId | None:
        """The virtual network's id, which the subnet's id tells."""
        return self.nic.subnet.parent if self.nic.subnet else None

    @property
    def vnet(self) -> VirtualNetwork | None:
        """The virtual network; None where the input does not have it."""
        return self.estate.resources.vnets.get(self.vnet_id) if self.vnet_id else None

    @cached_property
    def around(self) -> tuple[Space, ...]:
        """The address spaces around the interface."""
        if self.vnet_id is None:
            what = f"subnet of network interface `{self.nic.id}`"
            return (Space(ALL_ADDRESSES, what, doubtful=True),)
        found = spaces(self.estate, self.vnet_id, self.subnet, self.options)
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
        if reason := self.estate.broken.get(resource):
            return f"{kind} `{resource}` ({reason})"
        return f"{kind} `{resource}`" + (f", which {referrer} refers to" if referrer else "")

    @cached_property
    def remarks(self) -> tuple[str, ...]:
        """What loading had to say about the interface, its subnet and its virtual network."""
        places = [one.where for one in (self.nic, self.subnet, self.vnet) if one and one.where]
        found = [
            str(one)
            for one in self.estate.diagnostics
            if one.severity is Severity.WARNING
            and any(_is_inside(one.where, place) for place in places)
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
        if self.nic.private_endpoint:
            return True
        endpoints = self.estate.resources.private_endpoints.values()
        return any(self.nic.id in one.nics for one in endpoints)

    @cached_property
    def admin(self) -> AdminLayer | None:
        """The admin rules; None where the virtual network is missing and there may be some."""
        if self.is_private_endpoint:
            return AdminLayer(skipped="admin rules are not applied to private endpoints")
        if self.vnet is None:
            has_managers = self.estate.configurations_by_manager or self.estate.active_rules
            return None if has_managers or self.estate.deployments else AdminLayer()
        return admin_layer(self.estate, self.vnet, self.subnet, self.options)

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

    def tag(self, name: str) -> AddressSet:
        """Returns the addresses of a service tag, as they are for this interface."""
        key = name.lower()
        if key not in self._sets:
            self._sets[key] = self._resolve(key, name)
        return self._sets[key]

    def _resolve(self, key: str, name: str) -> AddressSet:
        if key == "virtualnetwork":
            return virtual_network(self.around)
        if key == "internet":
            return internet(self.estate, self.around)
        if key == "azureloadbalancer":
            return AddressSet((Part(PROBES, "health probes of the load balancer"),))
        if key in PLATFORM_TAGS:
            return PLATFORM_TAGS[key]
        label = self.estate.service_tags.label
        found = self.estate.service_tags.prefixes(name)
        if found is None:
            what = f"service tag `{name}`: not in {label}"
            return AddressSet(doubts=(Doubt(ALL_ADDRESSES, what),), data=label)
        return AddressSet((Part(found, f"service tag `{name}`"),), data=label)

    def asg(self, group: ResourceId) -> AddressSet:
        """Returns the addresses of an application security group's members."""
        if group not in self._sets:
            self._sets[group] = self._members(group)
        return self._sets[group]

    def _members(self, group: ResourceId) -> AddressSet:
        members = self.estate.asg_members.get(group, ())
        addresses = IntervalSet.union(one.addresses for one in members)
        doubts: list[Doubt] = []
        if group not in self.estate.resources.asgs:
            doubts.append(Doubt(ALL_ADDRESSES, f"application security group `{group}`"))
        for one in members:
            if not one.addresses:
                subnet = self.estate.resources.subnets.get(one.subnet) if one.subnet else None
                within = subnet.prefixes if subnet else ALL_ADDRESSES
                doubts.append(Doubt(within, f"private address of `{one.name}` at {one.where}"))
        for broken, reason in self.estate.broken.items():
            if broken.type.endswith("/networkinterfaces"):
                doubts.append(Doubt(ALL_ADDRESSES, f"network interface `{broken}` ({reason})"))
        part = Part(addresses, f"application security group `{group.name}`")
        return AddressSet((part,), tuple(doubts))

    def group(self, group: ResourceId, committed: str) -> AddressSet:
        """Returns the addresses of a network group, as frozen at a commit."""
        key = (group, committed)
        if key not in self._sets:
            self._sets[key] = group_addresses(self.estate, group, committed)
        return self._sets[key]

    def sets_of(self, endpoint: Endpoint, committed: str = "") -> list[AddressSet]:
        """Returns the sets of which one side of a rule is the union."""
        literal = AddressSet((Part(endpoint.prefixes, "listed"),)) if endpoint.prefixes else None
        return [
            *([literal] if literal else []),
            *(self.tag(one) for one in endpoint.tags),
            *(self.asg(one) for one in endpoint.asgs),
            *(self.group(one, committed) for one in endpoint.groups),
        ]


def _is_inside(where: Position, outer: Position) -> bool:
    """Reports whether a place is another one or inside it."""
    return where.file == outer.file and (
        where.path == outer.path or where.path.startswith((f"{outer.path}.", f"{outer.path}["))
    )
