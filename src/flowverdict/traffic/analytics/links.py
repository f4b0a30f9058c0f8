"""How two ends of a flow are connected: by a peering, through a hub, by a gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from flowverdict.traffic.analytics.sites import grouped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.model import GatewayConnection, ResourceId
    from flowverdict.traffic.analytics.sites import Sites

PEERING: Final = "VNetPeering"
VPN: Final = "VpnGateway"
EXPRESS_ROUTE: Final = "ExpressRoute"
_OFF: Final = ("Disconnected", "Initiated")


class Link(NamedTuple):
    """What a row tells of a connection, in Traffic Analytics' words; null where it is not known.

    Attributes:
        through: the hub networks between, with spaces between them.
    """

    kind: str | None = None
    name: str | None = None
    through: str | None = None


_NONE: Final = Link()


class Links:
    """The connections of an estate between the parties of its sites."""

    def __init__(self, sites: Sites) -> None:
        self._sites = sites
        self._estate = sites.estate
        self._peerings: dict[ResourceId, dict[ResourceId, str]] = {}
        for vnet in self._estate.resources.vnets.values():
            for one in vnet.peerings:
                if one.remote is not None and one.state not in _OFF:
                    self._peerings.setdefault(vnet.id, {})[one.remote] = one.id.name

    def between(self, one: int, other: int) -> Link:
        """Returns how two parties are connected; nothing where the estate does not tell."""
        count = len(self._sites.networks)
        if one >= count and other >= count:
            return _NONE
        if one >= count:
            one, other = other, one
        near = self._sites.networks[one]
        if other >= count:
            return self._outside(near, self._sites.gateways[other - count])
        return self._inside(near, self._sites.networks[other])

    def _inside(self, near: ResourceId, far: ResourceId) -> Link:
        for here, there in ((near, far), (far, near)):
            if (name := self._peerings.get(here, {}).get(there)) is not None:
                return Link(PEERING, name)
        for at in self._estate.gateways_by_vnet.get(near, ()):
            for one in self._estate.connections_by_gateway.get(at, ()):
                ends = {one.gateway, one.remote_gateway}
                if any(end in ends for end in self._estate.gateways_by_vnet.get(far, ())):
                    return Link(VPN, one.id.name)
        hubs = sorted({*self._peers(near)} & {*self._peers(far)})
        return Link(PEERING, None, " ".join(map(grouped, hubs))) if hubs else _NONE

    def _outside(self, near: ResourceId, beyond: ResourceId) -> Link:
        """Returns the connection with clients of a gateway, or with a local network gateway."""
        ways = [
            (self._kind(one), one.id.name, one.gateway)
            for one in self._estate.resources.connections.values()
            if one.local_gateway == beyond
        ] or [(VPN, beyond.name, beyond)] * (beyond in self._estate.resources.gateways)
        found = [
            Link(kind, name, grouped(hub) if hub != near else None)
            for kind, name, gateway in ways
            for hub in self._reached(near)
            if gateway in self._estate.gateways_by_vnet.get(hub, ())
        ]
        if len(found) == 1:
            return found[0]
        return Link(found[0].kind) if len({one.kind for one in found}) == 1 else _NONE

    def _kind(self, one: GatewayConnection) -> str:
        return EXPRESS_ROUTE if one.kind == EXPRESS_ROUTE else VPN

    def _reached(self, vnet: ResourceId) -> Iterator[ResourceId]:
        """Yields a network, and those whose gateways it uses through a peering."""
        yield vnet
        known = self._estate.resources.vnets.get(vnet)
        for one in known.peerings if known else ():
            if one.remote is not None and one.use_remote_gateways and one.state not in _OFF:
                yield one.remote

    def _peers(self, vnet: ResourceId) -> Iterator[ResourceId]:
        yield from self._peerings.get(vnet, {})
        yield from (one for one, peers in self._peerings.items() if vnet in peers)
