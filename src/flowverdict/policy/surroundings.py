"""What lies around a subnet: the address spaces of which the topology tags are made.

Policy specification, section 2.2. The result differs for each virtual network and route table.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from flowverdict.model.value import value
from flowverdict.net import (
    ALL_ADDRESSES,
    ALL_IPV6,
    PRIVATE,
    IntervalSet,
    NetworkTextError,
    parse_prefix,
    parse_prefixes,
)
from flowverdict.policy.addresses import AddressSet, Doubt, Part
from flowverdict.policy.deployed import deployed_connectivity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.model import (
        Estate,
        GatewayConnection,
        Peering,
        ResourceId,
        Subnet,
        VirtualNetwork,
    )
    from flowverdict.policy.network import Network
    from flowverdict.policy.options import Options

HOST_ADDRESS: Final = parse_prefix("168.63.129.16")
PROBES: Final = parse_prefixes(["168.63.129.16", "fe80::1234:5678:9abc"])
_FORWARDED: Final = frozenset({"VirtualAppliance", "VirtualNetworkGateway", "VnetLocal"})


@value
class Space:
    """Addresses around a subnet.

    Attributes:
        addresses: what belongs to the space, or may belong to it if it is in doubt.
        why: where they come from; for a doubt, what is missing.
        in_tag: they are part of ``VirtualNetwork``.
        is_network: they are a network's own space, and so no part of ``Internet``.
        doubtful: the space is in doubt.
        assumed: what is taken for granted in counting it.
        data: the dated data that the addresses came from.
    """

    addresses: IntervalSet
    why: str
    in_tag: bool = True
    is_network: bool = True
    doubtful: bool = False
    assumed: str = ""
    data: str = ""


def spaces(network: Network, vnet_id: ResourceId, subnet: Subnet | None) -> tuple[Space, ...]:
    """Returns everything around a subnet that counts for ``VirtualNetwork`` or ``Internet``."""
    options = network.options
    found = [Space(HOST_ADDRESS, "the host's virtual address", is_network=False)]
    vnet = network.estate.resources.vnets.get(vnet_id)
    if vnet is None:
        found.append(_missing(network.estate.name_lost("virtual network", vnet_id)))
    else:
        found.append(Space(vnet.space, f"address space of `{vnet_id.name}`"))
        for peering in vnet.peerings:
            found.extend(_peer(network, peering, subnet))
        found.extend(_beyond_gateways(network, vnet_id))
        if options.connected_groups == "on":
            found.extend(_connected(network, vnet))
    if options.on_premises:
        found.append(Space(options.on_premises, "on-premises prefixes given as an option"))
    found.extend(_routes(network, subnet))
    return tuple(found)


def virtual_network(around: tuple[Space, ...]) -> AddressSet:
    """Returns the ``VirtualNetwork`` tag."""
    return AddressSet(
        parts=tuple(
            Part(one.addresses, one.why, one.assumed, one.data)
            for one in around
            if one.in_tag and not one.doubtful
        ),
        doubts=tuple(
            Doubt(one.addresses, one.why) for one in around if one.in_tag and one.doubtful
        ),
    )


def internet(estate: Estate, around: tuple[Space, ...]) -> AddressSet:
    """Returns the ``Internet`` tag: the recorded space less the networks' own."""
    own = IntervalSet.union(one.addresses for one in around if one.is_network and not one.doubtful)
    return AddressSet(
        parts=(Part(estate.internet.addresses - own, "reached over the public internet"),),
        doubts=tuple(
            Doubt(one.addresses, one.why, member_if=False)
            for one in around
            if one.is_network and one.doubtful
        ),
        data=estate.internet.label,
    )


def _missing(what: str, addresses: IntervalSet = ALL_ADDRESSES, *, in_tag: bool = True) -> Space:
    return Space(addresses, what, in_tag=in_tag, doubtful=True)


def _peer(network: Network, peering: Peering, subnet: Subnet | None) -> Iterator[Space]:
    """A peering's remote space, and through a remote gateway what lies behind it."""
    if peering.state not in ("Connected", ""):
        return
    if not peering.complete and (subnet is None or not _takes_part(peering, subnet)):
        return
    assumed = "" if peering.state else f"that peering `{peering.id.name}` is connected"
    name = peering.remote.name if peering.remote else peering.id.name
    why = f"address space of `{name}`, peered by `{peering.id.name}`"
    family = ALL_IPV6 if peering.only_ipv6 else ALL_ADDRESSES
    for one in _remote_space(network.estate, peering, why):
        yield replace(
            one, addresses=one.addresses & family, in_tag=peering.allow_access, assumed=assumed
        )
    if peering.use_remote_gateways and peering.remote:
        if peering.remote not in network.estate.gateways_by_vnet:
            what = f"virtual network gateway of `{peering.remote}`"
            yield from _learned(what, network.options)
        yield from _beyond_gateways(network, peering.remote)


def _takes_part(peering: Peering, subnet: Subnet) -> bool:
    names = {name.lower() for name in peering.local_subnets}
    return not names or subnet.id.last in names


def _remote_space(estate: Estate, peering: Peering, why: str) -> Iterator[Space]:
    """The remote addresses of a peering: the whole network's, or the named subnets' alone."""
    remote = estate.resources.vnets.get(peering.remote) if peering.remote else None
    if not peering.complete and remote is not None and peering.remote_subnets:
        for name in peering.remote_subnets:
            subnet_id = remote.id.child("subnets", name)
            subnet = estate.resources.subnets.get(subnet_id)
            if subnet is None:
                yield _missing(f"subnet `{subnet_id}`", remote.space)
            else:
                yield Space(subnet.prefixes, f"{why} (subnet `{name}`)")
    elif peering.remote_space:
        yield Space(peering.remote_space, why)
    elif remote is not None and peering.complete:
        yield Space(remote.space, why)
    else:
        what = estate.name_lost("virtual network", peering.remote or peering.id)
        yield _missing(f"address space of {what}")


def _learned(what: str, options: Options) -> Iterator[Space]:
    """Addresses that routes nobody wrote down may hold."""
    if options.learned_routes != "none":
        addresses = PRIVATE if options.learned_routes == "private" else ALL_ADDRESSES
        yield _missing(f"{what} (option `on-premises` can name its prefixes)", addresses)


def _untold(what: str, options: Options) -> Space:
    """Addresses beyond a gateway that are configured, and that the input does not tell."""
    return _missing(what, PRIVATE if options.learned_routes == "private" else ALL_ADDRESSES)


def _beyond_gateways(network: Network, vnet: ResourceId) -> Iterator[Space]:
    """What a virtual network's gateways connect: on-premises networks and other networks."""
    estate = network.estate
    for gateway_id in estate.gateways_by_vnet.get(vnet, ()):
        gateway = estate.resources.gateways.get(gateway_id)
        if gateway is None:
            yield from _learned(f"virtual network gateway `{gateway_id}`", network.options)
        elif gateway.client_pool or gateway.missing:
            why = f"point-to-site clients of `{gateway_id.name}`"
            if gateway.missing:
                yield _untold(f"{why} ({gateway.missing})", network.options)
            yield Space(gateway.client_pool, why, assumed=f"that VirtualNetwork holds {why}")
        connections = estate.connections_by_gateway.get(gateway_id, ())
        if not connections:
            what = f"connections of virtual network gateway `{gateway_id.name}`"
            yield from _learned(what, network.options)
        for connection in connections:
            yield from _connection(network, connection, gateway_id)


def _connection(
    network: Network, connection: GatewayConnection, gateway: ResourceId
) -> Iterator[Space]:
    """What lies at the other end of a gateway's connection."""
    label = f"`{connection.id.name}`"
    if connection.local_gateway:
        local = network.estate.resources.local_gateways.get(connection.local_gateway)
        what = f"address space of local network gateway `{connection.local_gateway.name}`"
        if local is None:
            yield _missing(f"local network gateway `{connection.local_gateway}`")
        elif local.missing:
            yield _untold(f"{what} ({local.missing})", network.options)
        elif not local.space:
            yield from _learned(what, network.options)
        if local is not None and local.space:
            yield Space(local.space, f"on-premises network `{local.id.name}`, connected by {label}")
    for other in (connection.gateway, connection.remote_gateway):
        if other and other != gateway:
            yield from _other_network(network.estate, other, label)
    if connection.kind.lower() == "expressroute" or connection.bgp:
        yield from _learned(f"routes learned over connection {label}", network.options)


def _other_network(estate: Estate, gateway_id: ResourceId, label: str) -> Iterator[Space]:
    gateway = estate.resources.gateways.get(gateway_id)
    if gateway is None:
        yield _missing(f"virtual network gateway `{gateway_id}`")
        return
    for vnet_id in {subnet.parent for subnet in gateway.subnets}:
        vnet = estate.resources.vnets.get(vnet_id)
        if vnet is None:
            yield _missing(estate.name_lost("virtual network", vnet_id))
        else:
            yield Space(vnet.space, f"address space of `{vnet_id.name}`, connected by {label}")


def _connected(network: Network, vnet: VirtualNetwork) -> Iterator[Space]:
    """The other members of the connected groups of a virtual network.

    Only deployed configurations count. That such members are in ``VirtualNetwork`` is an
    assumption (Q14).
    """
    configurations = network.estate.resources.connectivity
    for configuration_id, doubt in deployed_connectivity(network, vnet):
        configuration = configurations.get(configuration_id)
        if configuration is None:
            yield _missing(f"connectivity configuration `{configuration_id}`", PRIVATE)
            continue
        for group, everywhere in configuration.meshes:
            own = network.is_member(group, vnet.id)
            if own.holds is False:
                continue
            for other, member, _ in network.members(group):
                if other == vnet.id:
                    continue
                remote = network.estate.resources.vnets.get(other)
                if remote is None:
                    yield _missing(network.estate.name_lost("virtual network", other))
                elif everywhere or remote.region == vnet.region or not remote.region:
                    missing = doubt or own.missing or member.missing
                    if not (everywhere or (vnet.region and remote.region)):
                        missing = missing or f"regions of `{vnet.id.name}` and `{other.name}`"
                    yield _meshed(remote, group, missing)


def _meshed(remote: VirtualNetwork, group: ResourceId, missing: str) -> Space:
    if missing:
        return _missing(missing, remote.space)
    why = f"address space of `{remote.id.name}`, in the connected group `{group.name}`"
    assumed = f"that members of a connected group are in VirtualNetwork (Q14): {why}"
    return Space(remote.space, why, assumed=assumed)


def _routes(network: Network, subnet: Subnet | None) -> Iterator[Space]:
    """The prefixes of the subnet's user-defined routes: in the tag, but no network's own."""
    wanted = network.options.udr_in_virtual_network
    if subnet is None or subnet.route_table is None or wanted == "none":
        return
    table = network.estate.resources.route_tables.get(subnet.route_table)
    if table is None:
        what = f"route table `{subnet.route_table}`"
        yield Space(ALL_ADDRESSES, what, is_network=False, doubtful=True)
        return
    for route in table.routes:
        if wanted == "forwarded" and route.next_hop not in _FORWARDED:
            continue
        data = ""
        try:
            addresses = parse_prefix(route.prefix)
        except NetworkTextError:
            tags = network.estate.service_tags
            addresses, data = tags.prefixes(route.prefix), tags.label
        why = f"route `{route.name}` of `{table.id.name}` to {route.next_hop}"
        if addresses is None:
            what = f"service tag `{route.prefix}` ({why})"
            yield Space(ALL_ADDRESSES, what, is_network=False, doubtful=True)
        else:
            yield Space(addresses, why, is_network=False, data=data)
