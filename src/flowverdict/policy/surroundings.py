"""What lies around a subnet: the address spaces of which the topology tags are made.

Policy specification, section 2.2. The result differs for each virtual network and route table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flowverdict.net import (
    ALL_ADDRESSES,
    ALL_IPV6,
    EMPTY,
    IntervalSet,
    NetworkTextError,
    parse_prefix,
    parse_prefixes,
)
from flowverdict.policy.addresses import AddressSet, Doubt, Part
from flowverdict.policy.membership import connected_networks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.model import Estate, Gateway, Peering, ResourceId, Subnet
    from flowverdict.policy.options import Options

HOST_ADDRESS: Final = parse_prefix("168.63.129.16")
PROBES: Final = parse_prefixes(["168.63.129.16", "fe80::1234:5678:9abc"])
PRIVATE: Final = parse_prefixes(
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"]
)
_FORWARDED: Final = frozenset({"VirtualAppliance", "VirtualNetworkGateway", "VnetLocal"})


@dataclass(frozen=True, slots=True)
class Space:
    """Addresses around a subnet.

    Attributes:
        known: the addresses, or those that may belong to the space if it is in doubt.
        why: where they come from; for a doubt, what is missing.
        in_tag: they are part of ``VirtualNetwork``.
        is_network: they are a network's own space, and so no part of ``Internet``.
        doubtful: the space is in doubt.
        assumed: what is taken for granted in counting it.
    """

    known: IntervalSet
    why: str
    in_tag: bool = True
    is_network: bool = True
    doubtful: bool = False
    assumed: str = ""


def spaces(
    estate: Estate, vnet_id: ResourceId, subnet: Subnet | None, options: Options
) -> tuple[Space, ...]:
    """Returns everything around a subnet that counts for ``VirtualNetwork`` or ``Internet``."""
    found = [Space(HOST_ADDRESS, "the host's virtual address", is_network=False)]
    vnet = estate.resources.vnets.get(vnet_id)
    if vnet is None:
        found.append(_missing(f"virtual network `{vnet_id}`"))
    else:
        found.append(Space(vnet.space, f"address space of `{vnet_id.name}`"))
        for peering in vnet.peerings:
            found.extend(_peer(estate, peering, subnet, options))
        found.extend(_beyond_gateways(estate, vnet_id, options))
    if options.connected_groups == "on":
        found.extend(_connected(estate, vnet_id, options))
    if options.on_premises:
        found.append(Space(options.on_premises, "on-premises prefixes given as an option"))
    found.extend(_routes(estate, subnet, options))
    return tuple(found)


def virtual_network(around: tuple[Space, ...]) -> AddressSet:
    """Returns the ``VirtualNetwork`` tag."""
    return AddressSet(
        parts=tuple(
            Part(one.known, one.why, one.assumed)
            for one in around
            if one.in_tag and not one.doubtful
        ),
        doubts=tuple(Doubt(one.known, one.why) for one in around if one.in_tag and one.doubtful),
    )


def internet(estate: Estate, around: tuple[Space, ...]) -> AddressSet:
    """Returns the ``Internet`` tag: the recorded space less the networks' own."""
    own = IntervalSet.union(one.known for one in around if one.is_network and not one.doubtful)
    return AddressSet(
        parts=(Part(estate.internet.addresses - own, "reached over the public internet"),),
        doubts=tuple(
            Doubt(one.known, one.why, member_if=False)
            for one in around
            if one.is_network and one.doubtful
        ),
        data=estate.internet.label,
    )


def _missing(what: str, addresses: IntervalSet = ALL_ADDRESSES, *, in_tag: bool = True) -> Space:
    return Space(addresses, what, in_tag=in_tag, doubtful=True)


def _peer(
    estate: Estate, peering: Peering, subnet: Subnet | None, options: Options
) -> Iterator[Space]:
    """A peering's remote space, and through a remote gateway what lies behind it."""
    if peering.state != "Connected":
        return
    if not peering.complete and (subnet is None or not _takes_part(peering, subnet)):
        return
    name = peering.remote.name if peering.remote else peering.id.name
    remote = estate.resources.vnets.get(peering.remote) if peering.remote else None
    space = peering.remote_space
    if not space and remote is not None:
        space = remote.space if peering.complete else _named_subnets(estate, peering)
    family = ALL_IPV6 if peering.only_ipv6 else ALL_ADDRESSES
    if space:
        why = f"address space of `{name}`, peered by `{peering.id.name}`"
        yield Space(space & family, why, in_tag=peering.allow_access)
    else:
        what = f"address space of virtual network `{peering.remote or name}`"
        yield _missing(what, family, in_tag=peering.allow_access)
    if peering.use_remote_gateways and peering.remote:
        if remote is None:
            what = f"gateways of virtual network `{peering.remote}`"
            yield from _learned(what, options)
        else:
            yield from _beyond_gateways(estate, peering.remote, options)


def _takes_part(peering: Peering, subnet: Subnet) -> bool:
    names = {name.lower() for name in peering.local_subnets}
    return not names or subnet.id.name.lower() in names


def _named_subnets(estate: Estate, peering: Peering) -> IntervalSet:
    assert peering.remote is not None
    ids = (peering.remote.child("subnets", name) for name in peering.remote_subnets)
    found = (estate.resources.subnets.get(one) for one in ids)
    return IntervalSet.union(one.prefixes if one else EMPTY for one in found)


def _learned(what: str, options: Options) -> Iterator[Space]:
    """Addresses that routes nobody wrote down may hold."""
    if options.learned_routes != "none":
        addresses = PRIVATE if options.learned_routes == "private" else ALL_ADDRESSES
        yield _missing(what, addresses)


def _beyond_gateways(estate: Estate, vnet: ResourceId, options: Options) -> Iterator[Space]:
    """What a virtual network's gateways connect: on-premises networks and other networks."""
    for gateway in estate.gateways_by_vnet.get(vnet, ()):
        if gateway.client_pool:
            why = f"point-to-site clients of `{gateway.id.name}`"
            yield Space(gateway.client_pool, why, assumed=f"that VirtualNetwork holds {why}")
        if not estate.resources.connections:
            yield from _without_connections(estate, gateway, options)
        for connection in estate.resources.connections.values():
            ends = (connection.gateway, connection.remote_gateway)
            if gateway.id not in ends:
                continue
            label = f"`{connection.id.name}`"
            if connection.local_gateway:
                local = estate.resources.local_gateways.get(connection.local_gateway)
                if local is None:
                    yield _missing(f"local network gateway `{connection.local_gateway}`")
                else:
                    why = f"on-premises network `{local.id.name}`, connected by {label}"
                    yield Space(local.space, why)
            for other in ends:
                if other and other != gateway.id:
                    yield from _other_network(estate, other, label)
            if connection.kind.lower() == "expressroute" or connection.bgp:
                what = f"routes learned over connection {label}"
                yield from _learned(f"{what} (option `on-premises` can name them)", options)


def _without_connections(estate: Estate, gateway: Gateway, options: Options) -> Iterator[Space]:
    """The input has a gateway but no connection at all: what it connects is not known."""
    what = f"connections of virtual network gateway `{gateway.id.name}`"
    local = [one.space for one in estate.resources.local_gateways.values()]
    if local:
        yield _missing(what, IntervalSet.union(local))
    else:
        yield from _learned(what, options)


def _other_network(estate: Estate, gateway_id: ResourceId, label: str) -> Iterator[Space]:
    gateway = estate.resources.gateways.get(gateway_id)
    if gateway is None:
        yield _missing(f"virtual network gateway `{gateway_id}`")
        return
    for vnet_id in {subnet.parent for subnet in gateway.subnets}:
        vnet = estate.resources.vnets.get(vnet_id)
        if vnet is None:
            yield _missing(f"virtual network `{vnet_id}`")
        else:
            yield Space(vnet.space, f"address space of `{vnet_id.name}`, connected by {label}")


def _connected(estate: Estate, vnet_id: ResourceId, options: Options) -> Iterator[Space]:
    for group, member in connected_networks(estate, vnet_id, options):
        vnet = estate.resources.vnets.get(member)
        if vnet is None:
            yield _missing(f"virtual network `{member}`")
        else:
            why = f"address space of `{member.name}`, in the connected group `{group.name}`"
            assumed = f"that members of a connected group are in VirtualNetwork (Q14): {why}"
            yield Space(vnet.space, why, assumed=assumed)


def _routes(estate: Estate, subnet: Subnet | None, options: Options) -> Iterator[Space]:
    """The prefixes of the subnet's user-defined routes: in the tag, but no network's own."""
    if subnet is None or subnet.route_table is None or options.udr_in_virtual_network == "none":
        return
    table = estate.resources.route_tables.get(subnet.route_table)
    if table is None:
        what = f"route table `{subnet.route_table}`"
        yield Space(ALL_ADDRESSES, what, is_network=False, doubtful=True)
        return
    for route in table.routes:
        if options.udr_in_virtual_network == "forwarded" and route.next_hop not in _FORWARDED:
            continue
        try:
            addresses = parse_prefix(route.prefix)
        except NetworkTextError:
            addresses = estate.service_tags.prefixes(route.prefix)
        why = f"route `{route.name}` of `{table.id.name}` to {route.next_hop}"
        if addresses is None:
            what = f"service tag `{route.prefix}` ({why})"
            yield Space(ALL_ADDRESSES, what, is_network=False, doubtful=True)
        else:
            yield Space(addresses, why, is_network=False)
