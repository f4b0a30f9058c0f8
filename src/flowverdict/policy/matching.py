"""Does a rule match a packet? The five fields of policy specification section 3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flowverdict.net import ALL_PORTS, IntervalSet, Protocol, has_ports

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowverdict.model import Endpoint, Rule
    from flowverdict.net import Packet
    from flowverdict.policy.addresses import AddressSet
    from flowverdict.policy.standpoint import Standpoint
    from flowverdict.policy.worlds import World

_ICMP_ALONE: Final = IntervalSet([(Protocol.ICMP, Protocol.ICMP)])


@dataclass(frozen=True, slots=True)
class Field:
    """One of the five fields, with the question whether it matches."""

    name: str
    matches: Callable[[], bool]


def fields(
    rule: Rule, packet: Packet, place: Standpoint, world: World, committed: str = ""
) -> tuple[Field, ...]:
    """Returns the five fields of a rule, cheapest first; each is looked at when it is asked."""
    return (
        Field("protocol", lambda: packet.protocol in rule.protocols),
        Field("destination port", lambda: _destination_port(rule, packet)),
        Field("source port", lambda: _source_port(rule, packet, world)),
        Field(
            "destination",
            lambda: _contains(rule.destination, packet.dst, packet, place, world, committed),
        ),
        Field(
            "source", lambda: _contains(rule.source, packet.src, packet, place, world, committed)
        ),
    )


def matches(
    rule: Rule, packet: Packet, place: Standpoint, world: World, committed: str = ""
) -> bool:
    """Reports whether a rule matches a packet; all five fields must."""
    return all(field.matches() for field in fields(rule, packet, place, world, committed))


def _without_ports(rule: Rule, ports: IntervalSet) -> bool:
    """A packet without ports matches where the rule's are any; an ICMP rule's do not count (Q5)."""
    return ports == ALL_PORTS or rule.protocols == _ICMP_ALONE


def _destination_port(rule: Rule, packet: Packet) -> bool:
    if packet.dst_port is None:
        return _without_ports(rule, rule.destination_ports)
    return packet.dst_port in rule.destination_ports


def _source_port(rule: Rule, packet: Packet, world: World) -> bool:
    if not has_ports(packet.protocol):
        return _without_ports(rule, rule.source_ports)
    if packet.src_port is None:
        return world.narrow(ALL_PORTS, rule.source_ports)
    return packet.src_port in rule.source_ports


def _contains(
    endpoint: Endpoint,
    address: int,
    packet: Packet,
    place: Standpoint,
    world: World,
    committed: str,
) -> bool:
    """Reports whether one side of a rule holds an address; certain parts before doubtful ones."""
    if address in endpoint.prefixes:
        return True
    doubtful: list[AddressSet] = []
    for one in place.sets_of(endpoint, committed):
        if one.data:
            place.used[one.data] = None
        if one.service and not _is_service(one.service, packet):
            continue
        if one.doubts:
            doubtful.append(one)
        elif address in one.sure:
            return True
    return any(one.contains(address, world) for one in doubtful)


def _is_service(service: tuple[tuple[int, ...], int], packet: Packet) -> bool:
    protocols, port = service
    return packet.protocol in protocols and packet.dst_port == port
