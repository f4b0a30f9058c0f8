"""Virtual networks and what is attached to them."""

from __future__ import annotations

from dataclasses import field
from typing import Final

from flowverdict.model.diagnostics import Position
from flowverdict.model.ids import ResourceId
from flowverdict.model.value import value
from flowverdict.net import EMPTY, IntervalSet

Tags = tuple[tuple[str, str | None], ...]
"""Resource tags by name; None for a text that the input does not tell."""

ANY_TAG: Final = ""
"""Stands for tags of any name, where the input does not tell which there are."""


def tag_of(tags: Tags, name: str) -> str | None:
    """Returns a resource tag's text, whatever the case of its name; None where there is none.

    Raises:
        KeyError: the input does not tell.
    """
    found = {key.lower(): text for key, text in tags}
    text = found.get(name.lower(), "" if ANY_TAG not in found else None)
    if text is None:
        raise KeyError(name)
    return text if name.lower() in found else None


@value
class Subnet:
    """A subnet of a virtual network.

    Attributes:
        gateways: the virtual network gateways whose IP configurations the subnet lists.
        nics: the network interfaces whose IP configurations it lists.
    """

    id: ResourceId
    prefixes: IntervalSet
    nsg: ResourceId | None = None
    route_table: ResourceId | None = None
    private_endpoint_network_policies: str = "Disabled"
    delegations: tuple[str, ...] = ()
    has_application_gateway: bool = False
    gateways: tuple[ResourceId, ...] = field(default=(), compare=False)
    nics: tuple[ResourceId, ...] = field(default=(), compare=False)
    where: Position | None = field(default=None, compare=False)

    @property
    def vnet(self) -> ResourceId:
        """The virtual network it is part of."""
        return self.id.parent


@value
class Peering:
    """A virtual network's side of a peering.

    Attributes:
        state: ``Connected``, ``Initiated`` or ``Disconnected``; empty where the input is silent.
        remote_space: the remote addresses that the peering itself states; empty where it is
            silent.
        local_subnets: with ``complete`` false, the names of the local subnets that take part.
        remote_subnets: with ``complete`` false, the names of the remote subnets that take part.
    """

    id: ResourceId
    remote: ResourceId | None
    state: str = ""
    allow_access: bool = True
    use_remote_gateways: bool = False
    remote_space: IntervalSet = EMPTY
    complete: bool = True
    local_subnets: tuple[str, ...] = ()
    remote_subnets: tuple[str, ...] = ()
    only_ipv6: bool = False
    where: Position | None = field(default=None, compare=False)


@value
class VirtualNetwork:
    """A virtual network."""

    id: ResourceId
    location: str
    space: IntervalSet
    subnets: tuple[ResourceId, ...] = ()
    peerings: tuple[Peering, ...] = ()
    tags: Tags = ()
    where: Position | None = field(default=None, compare=False)

    @property
    def region(self) -> str:
        """The region as Azure compares it: ``East US`` is ``eastus``; empty where unknown."""
        return self.location.replace(" ", "").lower()


@value
class Route:
    """A user-defined route; ``prefix`` is text because it may be a service tag."""

    name: str
    prefix: str
    next_hop: str


@value
class RouteTable:
    """A route table."""

    id: ResourceId
    routes: tuple[Route, ...] = ()
    where: Position | None = field(default=None, compare=False)


@value
class IpConfiguration:
    """An IP configuration of a network interface.

    Attributes:
        addresses: the private address, or the block it holds; empty where the input has none.
        is_ipv6: whether the address is, or will be, of IPv6.
        pools: the backend pools of load balancers that it is in; no verdict hangs on them.
    """

    name: str
    addresses: IntervalSet
    subnet: ResourceId | None
    asgs: tuple[ResourceId, ...] = ()
    public_ip: ResourceId | None = None
    is_ipv6: bool = False
    pools: tuple[ResourceId, ...] = field(default=(), compare=False)
    where: Position | None = field(default=None, compare=False)


@value
class NetworkInterface:
    """A network interface: a virtual machine's, a scale-set instance's, or a private endpoint's.

    Attributes:
        mac: twelve hexadecimal digits in upper case; empty where it has none yet.
    """

    id: ResourceId
    ip_configurations: tuple[IpConfiguration, ...] = ()
    nsg: ResourceId | None = None
    vm: ResourceId | None = None
    private_endpoint: ResourceId | None = None
    ip_forwarding: bool = False
    tcp_state_tracking: bool = True
    mac: str = field(default="", compare=False)
    tags: Tags = field(default=(), compare=False)
    where: Position | None = field(default=None, compare=False)

    @property
    def addresses(self) -> IntervalSet:
        """The private addresses of all its IP configurations."""
        return IntervalSet.union(one.addresses for one in self.ip_configurations)

    @property
    def subnet(self) -> ResourceId | None:
        """The subnet, which all IP configurations of an interface share."""
        return next((one.subnet for one in self.ip_configurations if one.subnet), None)


@value
class VirtualMachine:
    """A virtual machine, or an instance of a scale set; ``size`` such as ``Standard_D2s_v5``."""

    id: ResourceId
    nics: tuple[ResourceId, ...] = ()
    size: str = field(default="", compare=False)
    tags: Tags = field(default=(), compare=False)
    where: Position | None = field(default=None, compare=False)


@value
class PublicIp:
    """A public IP address; None where none is allocated yet."""

    id: ResourceId
    address: int | None = None
    where: Position | None = field(default=None, compare=False)


@value
class LoadBalancer:
    """A load balancer.

    Attributes:
        private_frontends: the addresses of its frontends, as far as a verdict needs it.
        public_frontends: the public IP addresses of the others.
        backends: network and address of what its pools name by address. What stands in them by
            IP configuration says so itself.
    """

    id: ResourceId
    private_frontends: IntervalSet = EMPTY
    public_frontends: tuple[ResourceId, ...] = ()
    backends: tuple[tuple[ResourceId, IntervalSet], ...] = field(default=(), compare=False)
    where: Position | None = field(default=None, compare=False)


@value
class PrivateEndpoint:
    """A private endpoint; its addresses stand on its network interfaces."""

    id: ResourceId
    nics: tuple[ResourceId, ...] = ()
    asgs: tuple[ResourceId, ...] = ()
    where: Position | None = field(default=None, compare=False)


@value
class Gateway:
    """A virtual network gateway.

    Attributes:
        subnets: the subnets of its IP configurations (``GatewaySubnet`` of one network).
        client_pool: the addresses of point-to-site VPN clients.
        missing: why others of theirs are not known; empty where these are all.
    """

    id: ResourceId
    subnets: tuple[ResourceId, ...]
    client_pool: IntervalSet = EMPTY
    missing: str = ""
    where: Position | None = field(default=None, compare=False)


@value
class LocalGateway:
    """A local network gateway: the on-premises side of a VPN connection.

    Attributes:
        space: the addresses behind it.
        missing: why others are not known; empty where these are all.
    """

    id: ResourceId
    space: IntervalSet
    missing: str = ""
    where: Position | None = field(default=None, compare=False)


@value
class GatewayConnection:
    """A connection of a virtual network gateway: IPsec, Vnet2Vnet or ExpressRoute."""

    id: ResourceId
    kind: str
    gateway: ResourceId | None
    remote_gateway: ResourceId | None = None
    local_gateway: ResourceId | None = None
    bgp: bool = False
    where: Position | None = field(default=None, compare=False)


@value
class ServiceSubnetUse:
    """A service that occupies subnets, and in which security admin rules are not applied.

    Attributes:
        service: the name in the words of the documentation, such as ``Azure Firewall``.
        subnets: the subnets its IP configurations stand in.
    """

    id: ResourceId
    service: str
    subnets: tuple[ResourceId, ...] = ()
    where: Position | None = field(default=None, compare=False)
