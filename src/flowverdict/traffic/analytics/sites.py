"""Where in the estate an address is: interface, machine, subnet, network, gateway.

The order is that of the flow-log specification, 8.5. Where several networks use an address, that
of the interface which logged the flow counts, then its only peer among them; else none does.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from flowverdict.net import EMPTY, IntervalSet
from flowverdict.policy.membership import is_member
from flowverdict.traffic.analytics.kinds import Kind
from flowverdict.traffic.analytics.overlay import Overlay

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flowverdict.model import Estate, NetworkInterface, ResourceId, Subnet

NOWHERE: Final = -1
"""The network of an interface that the estate does not have."""
_INSTANCE: Final = "microsoft.compute/virtualmachinescalesets/virtualmachines"
_APPLICATION_GATEWAY: Final = "Application Gateway"


@dataclass(frozen=True, slots=True)
class Site:
    """What a row tells of one of its ends; all in the form of Traffic Analytics, null if not known.

    Attributes:
        party: the network, or the gateway of what lies behind it, by number.
    """

    party: int | None = None
    subscription: str | None = None
    region: str | None = None
    nic: str | None = None
    vm: str | None = None
    subnet: str | None = None
    vnet: str | None = None
    application_gateway: str | None = None
    load_balancer: str | None = None
    local_network_gateway: str | None = None
    private_endpoint: str | None = None
    network_groups: str | None = None


class Found(NamedTuple):
    """Where an address is.

    Attributes:
        site: the number of the site in ``Sites.table``; None where there is none to tell.
    """

    kind: Kind
    site: int | None


@dataclass(slots=True)
class _Network:
    """One virtual network.

    Attributes:
        nics: its interfaces by address.
        balancers: the load balancers that have an address in front or behind, by their ids.
        subnets: which of its subnets holds an address.
    """

    id: ResourceId
    space: IntervalSet
    nics: dict[int, NetworkInterface]
    balancers: dict[int, tuple[ResourceId, ...]]
    subnets: Overlay[Subnet]
    region: str | None


class Sites:
    """The places of an estate.

    Attributes:
        table: what is told of each site that was found so far.
        networks: the virtual networks by number, in the order of their ids.
        gateways: the gateways behind which sites lie; their numbers follow those of the networks.
    """

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.table: list[Site] = []
        self._numbers: dict[Site, int] = {}
        resources = estate.resources
        self._machines = {nic.id: vm for vm, nics in estate.nics_by_vm.items() for nic in nics}
        self._endpoints = {
            nic: one.id for one in resources.private_endpoints.values() for nic in one.nics
        }
        self._groups_by_subnet: dict[ResourceId, list[str]] = {}
        for one in sorted(estate.members, key=lambda one: one.group):
            self._groups_by_subnet.setdefault(one.resource, []).append(str(one.group))
        self._groups: dict[ResourceId, str | None] = {}
        ids = {*resources.vnets, *(one.vnet for one in resources.subnets.values())}
        known = sorted(ids)
        beyond = {
            peering.remote: peering.remote_space
            for vnet in resources.vnets.values()
            for peering in vnet.peerings
            if peering.remote is not None and peering.remote not in ids and peering.remote_space
        }
        self.networks = (*known, *sorted(beyond))
        self.number = {vnet: at for at, vnet in enumerate(self.networks)}
        nics = _by_network(resources.nics.values())
        self._networks = [self._network(vnet, nics.get(vnet, [])) for vnet in known]
        self._spaces = Overlay((at, one.space) for at, one in enumerate(self._networks))
        self._beyond = Overlay((self.number[vnet], beyond[vnet]) for vnet in sorted(beyond))
        clients = [(one.id, one.client_pool) for one in resources.gateways.values()]
        offices = [(one.id, one.space) for one in resources.local_gateways.values()]
        far = sorted([*clients, *offices], key=lambda one: one[0])
        self.gateways = tuple(gateway for gateway, _ in far)
        self.number |= {one: at for at, one in enumerate(self.gateways, len(self.networks))}
        self._clients = Overlay(sorted(clients, key=lambda one: one[0]))
        self._offices = Overlay(sorted(offices, key=lambda one: one[0]))
        self._peers = {at: self._peers_of(vnet) for at, vnet in enumerate(known)}
        self._public = self._public_addresses()

    def scope(self, nics: Iterable[NetworkInterface]) -> int:
        """Returns the network of some interfaces; ``NOWHERE`` if it is not one."""
        vnets = {one.subnet.parent for one in nics if one.subnet}
        return self.number.get(vnets.pop(), NOWHERE) if len(vnets) == 1 else NOWHERE

    def find(self, point: int, scope: int) -> Found | None:
        """Returns where an address is, seen from an interface in a network; None for nowhere."""
        at = self._chosen(self._spaces.at(point), scope)
        if at is not None:
            return Found(Kind.NETWORK, self._keep(self._inside(self._networks[at], at, point)))
        if (site := self._public.get(point)) is not None:
            kind = Kind.OWN if site.party is None else Kind.NETWORK
            return Found(kind, self._keep(site))
        if gateways := self._clients.at(point):
            return Found(Kind.CLIENT, self._keep(self._behind(gateways)))
        if gateways := self._offices.at(point):
            site = self._behind(gateways)
            if len(gateways) == 1:
                site = replace(site, local_network_gateway=placed(gateways[0]))
            return Found(Kind.SITE, self._keep(site))
        peers = self._beyond.at(point)
        if len(peers) == 1:
            vnet = self.networks[peers[0]]
            site = Site(peers[0], vnet.subscription or None, vnet=grouped(vnet))
            return Found(Kind.NETWORK, self._keep(site))
        return None

    def lines(self) -> Iterator[str]:
        """Yields all that answers rest on, for a digest."""
        for at, one in enumerate(self._networks):
            yield f"{one.id.key} {one.region} {one.space.spans} {sorted(self._peers[at])}"
            yield from (
                f"{point} {astuple(self._of_nic(nic, at, one))}"
                for point, nic in sorted(one.nics.items())
            )
            yield from (
                f"{point} {' '.join(placed(balancer) for balancer in balancers)}"
                for point, balancers in sorted(one.balancers.items())
            )
            subnets = self.estate.subnets_by_vnet.get(one.id, [])
            yield from sorted(
                f"{astuple(self._of_subnet(subnet, at, one))} {subnet.prefixes.spans}"
                for subnet in subnets
            )
        yield from (f"{point} {astuple(site)}" for point, site in sorted(self._public.items()))
        yield from sorted(f"{nic.mac} {nic.id.key}" for nic in self.estate.resources.nics.values())
        for peer in self.estate.resources.vnets.values():
            yield from (
                f"{one.id.key} {one.state} {one.remote_space.spans}" for one in peer.peerings
            )
        gateways = self.estate.resources.gateways.values()
        yield from sorted(f"{one.id.key} {one.subnets} {one.client_pool.spans}" for one in gateways)
        offices = self.estate.resources.local_gateways.values()
        yield from sorted(f"{one.id.key} {one.space.spans}" for one in offices)
        connections = self.estate.resources.connections.values()
        yield from sorted(
            f"{one.id.key} {one.kind} {one.gateway} {one.remote_gateway} {one.local_gateway}"
            for one in connections
        )

    def _network(self, vnet: ResourceId, nics: list[NetworkInterface]) -> _Network:
        resources = self.estate.resources
        known = resources.vnets.get(vnet)
        subnets = self.estate.subnets_by_vnet.get(vnet, [])
        parts = [known.space if known else EMPTY, *(one.prefixes for one in subnets)]
        space = IntervalSet.union([*parts, *(nic.addresses for nic in nics)])
        return _Network(
            id=vnet,
            space=space,
            nics={
                one.addresses.spans[0][0]: nic
                for nic in nics
                for one in nic.ip_configurations
                if one.addresses.size == 1
            },
            balancers=self._balancers(vnet, space, nics),
            subnets=Overlay((one, one.prefixes) for one in sorted(subnets, key=lambda one: one.id)),
            region=(known.region if known else "") or None,
        )

    def _balancers(
        self, vnet: ResourceId, space: IntervalSet, nics: list[NetworkInterface]
    ) -> dict[int, tuple[ResourceId, ...]]:
        balancers = self.estate.resources.load_balancers
        held = [
            (addresses, balancer.id)
            for balancer in balancers.values()
            for addresses in (
                balancer.private_frontends & space,
                *(addresses for network, addresses in balancer.backends if network == vnet),
            )
        ]
        for nic in nics:
            for one in nic.ip_configurations:
                for pool in one.pools if one.addresses.size == 1 else ():
                    known = balancers.get(pool.parent)  # spelt as the balancer spells itself
                    held.append((one.addresses, known.id if known else pool.parent))
        found: dict[int, set[ResourceId]] = {}
        for addresses, balancer in held:
            for low, high in addresses:
                for point in range(low, high + 1):
                    found.setdefault(point, set()).add(balancer)
        return {point: tuple(sorted(ids)) for point, ids in found.items()}

    def _peers_of(self, vnet: ResourceId) -> frozenset[int]:
        known = self.estate.resources.vnets.get(vnet)
        peers = (one.remote for one in known.peerings) if known else ()
        return frozenset(
            self.number[one] for one in peers if one is not None and one in self.number
        )

    def _chosen(self, networks: tuple[int, ...], scope: int) -> int | None:
        if len(networks) <= 1:
            return networks[0] if networks else None
        if scope in networks:
            return scope
        peers = [one for one in networks if one in self._peers.get(scope, ())]
        return peers[0] if len(peers) == 1 else None

    def _inside(self, network: _Network, at: int, point: int) -> Site:
        nic, subnets = network.nics.get(point), network.subnets.at(point)
        if nic is not None:
            site = self._of_nic(nic, at, network)
        elif len(subnets) == 1:
            site = self._of_subnet(subnets[0], at, network)
        else:
            site = self._of_network(network, at)
        balancers = network.balancers.get(point)
        if balancers is None:
            return site
        return replace(site, load_balancer=" ".join(placed(one) for one in balancers))

    def _of_network(self, network: _Network, at: int) -> Site:
        subscription = network.id.subscription or None
        groups = self._groups_of(network.id)
        return Site(
            at, subscription, network.region, vnet=grouped(network.id), network_groups=groups
        )

    def _of_subnet(self, subnet: Subnet, at: int, network: _Network) -> Site:
        services = [
            one.id
            for one in self.estate.services_by_subnet.get(subnet.id, ())
            if one.service == _APPLICATION_GATEWAY
        ]
        site = self._of_network(network, at)
        return replace(
            site,
            subnet=f"{subnet.id.resource_group}/{subnet.vnet.name}/{subnet.id.name}",
            application_gateway=placed(services[0]) if len(services) == 1 else None,
            network_groups=self._with_subnet(site.network_groups, subnet),
        )

    def _of_nic(self, nic: NetworkInterface, at: int, network: _Network) -> Site:
        subnet = self.estate.resources.subnets.get(nic.subnet) if nic.subnet else None
        site = self._of_subnet(subnet, at, network) if subnet else self._of_network(network, at)
        machine = nic.vm or self._machines.get(nic.id)
        endpoint = nic.private_endpoint or self._endpoints.get(nic.id)
        return replace(
            site,
            subscription=nic.id.subscription or None,
            nic=grouped(nic.id),
            vm=_machine(machine) if machine else None,
            private_endpoint=str(endpoint) if endpoint else None,
        )

    def _behind(self, gateways: tuple[ResourceId, ...]) -> Site:
        if len(gateways) != 1:
            return Site()
        (gateway,) = gateways
        return Site(self.number[gateway], gateway.subscription or None)

    def _public_addresses(self) -> dict[int, Site]:
        """Returns the estate's public addresses, and of each its interface or load balancer."""
        resources = self.estate.resources
        points = {one.id: one.address for one in resources.public_ips.values()}
        found = {
            point: Site(subscription=one.subscription or None)
            for one, point in points.items()
            if point is not None
        }
        for balancer in resources.load_balancers.values():
            for one in balancer.public_frontends:
                point = points.get(one)
                if point is not None:
                    found[point] = replace(found[point], load_balancer=placed(balancer.id))
        for nic in resources.nics.values():
            for one in nic.ip_configurations:
                point = points.get(one.public_ip) if one.public_ip else None
                at = self.number.get(one.subnet.parent) if one.subnet else None
                if point is not None and at is not None:
                    found[point] = self._of_nic(nic, at, self._networks[at])
        return found

    def _groups_of(self, vnet: ResourceId) -> str | None:
        """Returns the network groups that a network is a member of for certain."""
        if vnet not in self._groups:
            estate = self.estate
            groups = {*estate.resources.groups, *estate.members_by_group, *estate.policies_by_group}
            of_vnets = (one for one in sorted(groups) if is_member(estate, one, vnet).holds)
            self._groups[vnet] = " ".join(str(one) for one in of_vnets) or None
        return self._groups[vnet]

    def _with_subnet(self, groups: str | None, subnet: Subnet) -> str | None:
        own = self._groups_by_subnet.get(subnet.id, [])
        return " ".join((*((groups,) if groups else ()), *own)) or None

    def _keep(self, site: Site) -> int:
        number = self._numbers.setdefault(site, len(self.table))
        if number == len(self.table):
            self.table.append(site)
        return number


NAMES: Final = tuple(one.name for one in fields(Site))


def grouped(resource: ResourceId) -> str:
    """Returns an id as `resource group/name`."""
    return f"{resource.resource_group}/{resource.name}"


def placed(resource: ResourceId) -> str:
    """Returns an id as `subscription/resource group/name`."""
    return f"{resource.subscription}/{grouped(resource)}"


def _machine(vm: ResourceId) -> str:
    if vm.type == _INSTANCE:
        scale_set = vm.parent
        return f"{scale_set.resource_group}/{scale_set.name}_{vm.name}"
    return grouped(vm)


def _by_network(nics: Iterable[NetworkInterface]) -> dict[ResourceId, list[NetworkInterface]]:
    found: dict[ResourceId, list[NetworkInterface]] = {}
    for nic in nics:
        if nic.subnet is not None:
            found.setdefault(nic.subnet.parent, []).append(nic)
    return found
