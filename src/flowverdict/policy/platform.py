"""Is a packet exempt from rules, because it is for the platform (policy specification, 4.4)?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowverdict.model import Access, Direction
from flowverdict.policy.matching import matches
from flowverdict.policy.services import service_of

if TYPE_CHECKING:
    from flowverdict.net import Packet
    from flowverdict.policy.standpoint import Layer, Standpoint
    from flowverdict.policy.worlds import World


def exempt_service(place: Standpoint, direction: Direction, packet: Packet, world: World) -> str:
    """Names the platform service that a packet is for, if rules have no effect on it.

    Empty where they have: for other packets, and where a rule that names the service denies it.
    """
    if place.options.platform_exemptions == "off" or direction is Direction.INBOUND:
        return ""
    service = service_of(packet)
    if service is None:
        return ""
    tag = service.tag
    if tag and any(_denies(layer, tag, packet, place, world) for layer in place.layers):
        return ""
    if tag == "azureplatformlkm" and _has_default_route(place, world):
        return ""
    return service.name


def _denies(layer: Layer, tag: str, packet: Packet, place: Standpoint, world: World) -> bool:
    """Reports whether an NSG has a Deny for a platform tag that matches an outbound packet."""
    if layer.missing:
        return bool(world.ask(layer.missing, tag))
    return layer.nsg is not None and any(
        matches(rule, packet, place, world)
        for rule in layer.nsg.towards(Direction.OUTBOUND)
        if rule.access is Access.DENY and any(one.lower() == tag for one in rule.destination.tags)
    )


def _has_default_route(place: Standpoint, world: World) -> bool:
    """Reports whether the subnet has a user-defined default route."""
    if place.subnet is None:
        what = place.describe_missing("subnet", place.nic.subnet)
        return bool(world.ask(f"route table of {what}"))
    if place.subnet.route_table is None:
        return False
    table = place.estate.resources.route_tables.get(place.subnet.route_table)
    if table is None:
        return bool(world.ask(f"route table `{place.subnet.route_table}`"))
    return any(route.prefix == "0.0.0.0/0" for route in table.routes)
