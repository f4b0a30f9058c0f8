"""Virtual networks, subnets, peerings, interfaces, machines, gateways and their kin."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from flowverdict.load.addresses import read_prefix, read_space
from flowverdict.load.load_balancers import read_pools
from flowverdict.load.report import warning
from flowverdict.load.unknown import Unknown
from flowverdict.model import (
    ANY_TAG,
    Gateway,
    GatewayConnection,
    IpConfiguration,
    LocalGateway,
    NetworkInterface,
    Peering,
    PrivateEndpoint,
    PublicIp,
    ResourceId,
    Route,
    RouteTable,
    ServiceSubnetUse,
    Subnet,
    VirtualMachine,
    VirtualNetwork,
)
from flowverdict.net import EMPTY, IntervalSet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.load.node import Node
    from flowverdict.model import Diagnostic, Tags

_POLICIES: Final = {
    word.lower(): word
    for word in ("Disabled", "Enabled", "NetworkSecurityGroupEnabled", "RouteTableEnabled")
}
_CONNECTIONS: Final = {
    word.lower(): word for word in ("IPsec", "Vnet2Vnet", "ExpressRoute", "VPNClient")
}
_MAC: Final = re.compile(r"[0-9A-F]{12}\Z")
_WITHOUT_SEPARATORS: Final = str.maketrans("", "", "-:.")
_VERSIONS: Final = {"ipv4": False, "ipv6": True}
_PEERING_STATES: Final = {word.lower(): word for word in ("Initiated", "Connected", "Disconnected")}


def read_vnet(node: Node, resource: ResourceId) -> VirtualNetwork:
    """Reads a virtual network with the peerings inside it; its subnets are read one by one."""
    if node.get("addressSpace") is None:
        raise node.fail("missing", "missing address space", "`addressSpace`")
    return VirtualNetwork(
        id=resource,
        location="" if _is_unknown(node, "location") else node.text("location"),
        space=read_space(node, "addressSpace"),
        subnets=(),
        peerings=tuple(
            read_peering(one, child_id(one, resource, "virtualNetworkPeerings"))
            for one in node.items("virtualNetworkPeerings")
        ),
        tags=_read_tags(node),
        where=node.where,
    )


def _is_unknown(node: Node, name: str) -> bool:
    return isinstance(node.value_of(name), Unknown)


def _read_tags(node: Node) -> Tags:
    """Returns the resource tags (not service tags), by name."""
    tags = node.get("tags")
    if tags is None:
        return ()
    if isinstance(tags.value, Unknown):
        return ((ANY_TAG, None),)
    found = ((name, tags.value_of(name)) for name in tags.fields)
    return tuple(
        sorted((name, None if isinstance(text, Unknown) else str(text)) for name, text in found)
    )


def lists_left_out(node: Node, resource: ResourceId) -> Iterator[tuple[str, Diagnostic]]:
    """Yields the lists that every export of a virtual network has, and this one lacks.

    In all recorded answers both stand, empty where there is nothing in them.
    """
    for name in ("subnets", "virtualNetworkPeerings"):
        if node.value_of(name) is None:
            what = f"`{resource.name}` has no list `{name}`, and counts as without any"
            expected = "the whole resource, as `az network vnet list` prints it"
            yield name, warning(node.where, "left-out", what, expected, resource=resource)


def child_id(node: Node, parent: ResourceId, collection: str) -> ResourceId:
    """Returns an inner resource's id, from its own ``id`` or from its parent's and its name."""
    if node.get("id") is not None:
        return node.as_id()
    return parent.child(collection, node.need("name").as_text())


def read_subnet(node: Node, resource: ResourceId) -> Subnet:
    """Reads a subnet."""
    many = node.texts("addressPrefixes")
    if not many:
        many = [node.need("addressPrefix", "`addressPrefix` or `addressPrefixes`")]
    node.check_spelling("networkSecurityGroup", "routeTable", "delegations")
    users = node.references("ipConfigurations")
    policies = _POLICIES["disabled"]
    if node.get("privateEndpointNetworkPolicies") is not None:
        policies = node.choice("privateEndpointNetworkPolicies", _POLICIES)
    return Subnet(
        id=resource,
        prefixes=IntervalSet.union(read_prefix(one, one.as_text()) for one in many),
        nsg=node.reference("networkSecurityGroup"),
        route_table=node.reference("routeTable"),
        private_endpoint_network_policies=policies,
        delegations=tuple(one.text("serviceName") for one in node.items("delegations")),
        has_application_gateway=bool(
            node.items("applicationGatewayIPConfigurations")
            or node.items("applicationGatewayIpConfigurations")
        ),
        gateways=tuple(_of_kind(users, "/virtualnetworkgateways/")),
        nics=tuple(_of_kind(users, "/networkinterfaces/")),
        where=node.where,
    )


def _of_kind(configurations: tuple[ResourceId, ...], kind: str) -> Iterator[ResourceId]:
    """Yields the resources of a kind that IP configurations are part of, each once."""
    found: dict[ResourceId, None] = {}
    for one in configurations:
        at = one.key.find("/ipconfigurations/")
        if kind in one.key and at > 0:
            found[ResourceId(one.text[:at])] = None
    yield from found


def read_peering(node: Node, resource: ResourceId) -> Peering:
    """Reads one side of a peering."""
    node.check_spelling("allowVirtualNetworkAccess", "peerCompleteVnets", "useRemoteGateways")
    known = node.get("peeringState") is not None
    space = read_space(node, "remoteAddressSpace")
    return Peering(
        id=resource,
        remote=node.reference("remoteVirtualNetwork"),
        state=node.choice("peeringState", _PEERING_STATES) if known else "",
        allow_access=node.flag("allowVirtualNetworkAccess", default=True),
        use_remote_gateways=node.flag("useRemoteGateways", default=False),
        remote_space=space or read_space(node, "remoteVirtualNetworkAddressSpace"),
        complete=node.flag("peerCompleteVnets", default=True),
        local_subnets=tuple(one.as_text() for one in node.texts("localSubnetNames")),
        remote_subnets=tuple(one.as_text() for one in node.texts("remoteSubnetNames")),
        only_ipv6=node.flag("enableOnlyIPv6Peering", default=False),
        where=node.where,
    )


def read_route_table(node: Node, resource: ResourceId) -> RouteTable:
    """Reads a route table."""
    node.need_body("routes")
    return RouteTable(
        id=resource,
        routes=tuple(read_route(one) for one in node.items("routes")),
        where=node.where,
    )


def read_route(node: Node) -> Route:
    """Reads a route of a route table."""
    prefix = node.need("addressPrefix")
    if prefix.as_text()[:1].isdigit() or ":" in prefix.as_text():
        read_prefix(prefix, prefix.as_text())
    hops = ("VirtualNetworkGateway", "VnetLocal", "Internet", "VirtualAppliance", "None")
    return Route(
        name=node.text("name"),
        prefix=prefix.as_text(),
        next_hop=node.choice("nextHopType", {hop.lower(): hop for hop in hops}),
    )


def read_nic(node: Node, resource: ResourceId) -> NetworkInterface:
    """Reads a network interface."""
    configurations = node.items("ipConfigurations")
    if not configurations:
        raise node.fail("missing", "missing IP configuration", "`ipConfigurations`")
    node.check_spelling("networkSecurityGroup", "privateEndpoint", "virtualMachine")
    found = tuple(_read_ip_configuration(one) for one in configurations)
    if len({one.subnet for one in found if one.subnet}) > 1:
        raise node.fail("subnets", "IP configurations in different subnets", "a single subnet")
    return NetworkInterface(
        id=resource,
        ip_configurations=found,
        nsg=node.reference("networkSecurityGroup"),
        vm=node.reference("virtualMachine"),
        private_endpoint=node.reference("privateEndpoint"),
        ip_forwarding=node.flag("enableIPForwarding", default=False),
        tcp_state_tracking=not node.flag("disableTcpStateTracking", default=False),
        mac=_read_mac(node),
        tags=_read_tags(node),
        where=node.where,
    )


def _read_mac(node: Node) -> str:
    """Returns the MAC address as flow logs have it; empty before a machine has run with it."""
    found = node.get("macAddress")
    if found is None or isinstance(found.value, Unknown) or not found.as_text():
        return ""
    plain = found.as_text().translate(_WITHOUT_SEPARATORS).upper()
    if not _MAC.match(plain):
        what = f"`{found.as_text()}` is no MAC address"
        raise found.fail("mac", what, "12 hexadecimal digits, such as `00-0D-3A-F8-78-56`")
    return plain


def _read_ip_configuration(node: Node) -> IpConfiguration:
    node.check_spelling("applicationSecurityGroups", "publicIPAddress", "privateIPAddress")
    return IpConfiguration(
        name=node.text("name"),
        addresses=_known_address(node.get("privateIPAddress")),
        subnet=_known_subnet(node),
        asgs=node.references("applicationSecurityGroups"),
        public_ip=node.reference("publicIPAddress"),
        is_ipv6=bool(
            node.value_of("privateIPAddressVersion")
            and node.choice("privateIPAddressVersion", _VERSIONS)
        ),
        pools=read_pools(node),
        where=node.where,
    )


def _known_subnet(node: Node) -> ResourceId | None:
    """Returns a subnet; None where it is missing or not known: then what hangs on it is not."""
    subnet = node.get("subnet")
    if subnet is None or (isinstance(subnet.value, dict) and _is_unknown(subnet, "id")):
        return None
    return node.reference("subnet")


def _known_address(node: Node | None) -> IntervalSet:
    """Returns the addresses of a prefix; none where it is missing or not known."""
    if node is None or isinstance(node.value, Unknown):
        return EMPTY
    return read_prefix(node, node.as_text())


def read_vm(node: Node, resource: ResourceId) -> VirtualMachine:
    """Reads a virtual machine or a scale-set instance."""
    profile, hardware = node.get("networkProfile"), node.get("hardwareProfile")
    return VirtualMachine(
        id=resource,
        nics=profile.references("networkInterfaces") if profile else (),
        size=hardware.text("vmSize") if hardware else "",
        tags=_read_tags(node),
        where=node.where,
    )


def read_public_ip(node: Node, resource: ResourceId) -> PublicIp:
    """Reads a public IP address."""
    address = _known_address(node.get("ipAddress"))
    return PublicIp(resource, address.spans[0][0] if address else None, where=node.where)


def read_private_endpoint(node: Node, resource: ResourceId) -> PrivateEndpoint:
    """Reads a private endpoint."""
    return PrivateEndpoint(
        id=resource,
        nics=node.references("networkInterfaces"),
        asgs=node.references("applicationSecurityGroups"),
        where=node.where,
    )


def read_gateway(node: Node, resource: ResourceId) -> Gateway:
    """Reads a virtual network gateway."""
    clients = node.get("vpnClientConfiguration")
    subnets = _subnets_of(node, "ipConfigurations")
    if not subnets:
        raise node.fail("missing", "missing the gateway's subnet", "`ipConfigurations[].subnet`")
    pool, missing = _known_space(clients, "vpnClientAddressPool") if clients else (EMPTY, "")
    return Gateway(
        id=resource,
        subnets=subnets,
        client_pool=pool,
        missing=missing,
        where=node.where,
    )


def read_local_gateway(node: Node, resource: ResourceId) -> LocalGateway:
    """Reads a local network gateway."""
    space, missing = _known_space(node, "localNetworkAddressSpace")
    return LocalGateway(resource, space, missing, where=node.where)


def _known_space(node: Node, name: str) -> tuple[IntervalSet, str]:
    """Returns the known prefixes of an address space, and why others are not known."""
    inner = node.get(name)
    if inner is None:
        return EMPTY, ""
    if isinstance(inner.value, Unknown):
        return EMPTY, inner.value.what
    items, unknown = inner.known_items("addressPrefixes")
    return IntervalSet.union(read_prefix(one, one.as_text()) for one in items), "; ".join(unknown)


def read_connection(node: Node, resource: ResourceId) -> GatewayConnection:
    """Reads a gateway connection."""
    return GatewayConnection(
        id=resource,
        kind=node.choice("connectionType", _CONNECTIONS),
        gateway=node.reference("virtualNetworkGateway1"),
        remote_gateway=node.reference("virtualNetworkGateway2"),
        local_gateway=node.reference("localNetworkGateway2"),
        bgp=node.flag("enableBgp", default=False),
        where=node.where,
    )


def _subnets_of(node: Node, name: str) -> tuple[ResourceId, ...]:
    return tuple(ref for one in node.items(name) if (ref := one.reference("subnet")))


def read_firewall(node: Node, resource: ResourceId) -> ServiceSubnetUse:
    """Reads an Azure Firewall."""
    subnets = _subnets_of(node, "ipConfigurations")
    return ServiceSubnetUse(resource, "Azure Firewall", subnets, where=node.where)


def read_bastion(node: Node, resource: ResourceId) -> ServiceSubnetUse:
    """Reads a Bastion host."""
    subnets = _subnets_of(node, "ipConfigurations")
    return ServiceSubnetUse(resource, "Azure Bastion", subnets, where=node.where)


def read_application_gateway(node: Node, resource: ResourceId) -> ServiceSubnetUse:
    """Reads an application gateway."""
    subnets = _subnets_of(node, "gatewayIPConfigurations")
    return ServiceSubnetUse(resource, "Application Gateway", subnets, where=node.where)


def read_managed_instance(node: Node, resource: ResourceId) -> ServiceSubnetUse:
    """Reads a SQL managed instance."""
    subnet = node.reference("subnetId")
    subnets = (subnet,) if subnet else ()
    return ServiceSubnetUse(resource, "Azure SQL Managed Instance", subnets, where=node.where)


def read_databricks(node: Node, resource: ResourceId) -> ServiceSubnetUse:
    """Reads a Databricks workspace; its subnets are named inside its own parameters."""
    subnets: list[ResourceId] = []
    if parameters := node.get("parameters"):
        vnet = parameters.get("customVirtualNetworkId")
        vnet_id = vnet.need("value").as_id() if vnet else None
        for name in ("customPublicSubnetName", "customPrivateSubnetName"):
            subnet = parameters.get(name)
            if vnet_id and subnet:
                subnets.append(vnet_id.child("subnets", subnet.need("value").as_text()))
    return ServiceSubnetUse(resource, "Azure Databricks", tuple(subnets), where=node.where)
