"""Azure's own services that rules do not touch unless they name them (specification, 4.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowverdict.model import Access, Direction
from flowverdict.net import Protocol, parse_prefixes
from flowverdict.policy.addresses import AddressSet, Part
from flowverdict.policy.matching import matches

if TYPE_CHECKING:
    from flowverdict.net import Packet
    from flowverdict.policy.standpoint import Layer, Standpoint
    from flowverdict.policy.worlds import World

DNS: Final = parse_prefixes(["168.63.129.16"])
METADATA: Final = parse_prefixes(["169.254.169.254"])
ACTIVATION: Final = parse_prefixes(["23.102.135.246", "20.118.99.224", "40.83.235.53"])
"""The hosts ``kms.core.windows.net`` and ``azkms.core.windows.net`` of the public cloud."""

_PORTED: Final = (int(Protocol.TCP), int(Protocol.UDP))
PLATFORM_TAGS: Final = {
    "azureplatformdns": AddressSet((Part(DNS, "Azure DNS"),), service=(_PORTED, 53)),
    "azureplatformimds": AddressSet(
        (Part(METADATA, "instance metadata service"),), service=((int(Protocol.TCP),), 80)
    ),
    "azureplatformlkm": AddressSet(
        (Part(ACTIVATION, "Windows activation"),), service=((int(Protocol.TCP),), 1688)
    ),
}
"""The tags that switch platform exemptions off (policy specification, 2.3)."""
_DHCP_SERVERS: Final = parse_prefixes(["168.63.129.16", "255.255.255.255"])


def exempt_service(place: Standpoint, direction: Direction, packet: Packet, world: World) -> str:
    """Names the platform service that a packet is for, if rules have no effect on it.

    Empty where they have: for other packets, and where a rule that names the service denies it.
    """
    if place.options.platform_exemptions == "off" or direction is Direction.INBOUND:
        return ""
    service, tag = platform_service(packet)
    if not service:
        return ""
    if tag and any(_denies(layer, tag, packet, place, world) for layer in place.layers):
        return ""
    if tag == "azureplatformlkm" and _has_default_route(place, world):
        return ""
    return service


def platform_service(packet: Packet) -> tuple[str, str]:
    """Returns the platform service that an outbound packet is for, and the tag that names it.

    Both are empty where it is for none; the tag is empty for a service that no rule can block.
    """
    tcp, udp = packet.protocol == Protocol.TCP, packet.protocol == Protocol.UDP
    port = packet.dst_port
    if packet.dst in DNS and port == 53:
        return "Azure DNS", "azureplatformdns"
    if udp and port in (67, 68) and packet.dst in _DHCP_SERVERS:
        return "DHCP", ""
    if tcp and packet.dst in DNS and port in (80, 32526):
        return "WireServer", ""
    if tcp and packet.dst in METADATA and port == 80:
        return "the instance metadata service", "azureplatformimds"
    if tcp and packet.dst in ACTIVATION and port == 1688:
        return "Windows activation", "azureplatformlkm"
    return "", ""


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
