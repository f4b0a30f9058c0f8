"""Does a rule match a packet? The five fields of policy specification section 3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowverdict.model import Direction
from flowverdict.net import ALL_PORTS, IntervalSet, Protocol, has_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flowverdict.model import Rule
    from flowverdict.net import Packet
    from flowverdict.policy.addresses import AddressSet
    from flowverdict.policy.standpoint import Standpoint
    from flowverdict.policy.worlds import World

_ICMP_ALONE: Final = IntervalSet([(Protocol.ICMP, Protocol.ICMP)])


def missed(
    rule: Rule, packet: Packet, place: Standpoint, world: World, committed: str = ""
) -> Iterator[str]:
    """Yields the names of the fields in which a rule does not match, the cheapest first.

    Fields of which the rule does not tell all come last: what is known may decide without them.
    """
    if rule.has_unknown:
        yield from _missed_in_part(rule, packet, place, world, committed)
        return
    if packet.protocol not in rule.protocols:
        yield "protocol"
    if not _destination_port(rule, packet):
        yield "destination port"
    if not _source_port(rule, packet, world):
        yield "source port"
    if not _contains(rule, "destination", packet, place, world, committed):
        yield "destination"
    if not _contains(rule, "source", packet, place, world, committed):
        yield "source"


def _missed_in_part(
    rule: Rule, packet: Packet, place: Standpoint, world: World, committed: str
) -> Iterator[str]:
    """Yields what ``missed`` does, for a rule of which a field is not known, or not all of it."""
    tests: dict[str, Callable[[], bool]] = {
        "protocol": lambda: packet.protocol in rule.protocols,
        "destination port": lambda: _destination_port(rule, packet),
        "source port": lambda: _source_port(rule, packet, world),
        "destination": lambda: _contains(rule, "destination", packet, place, world, committed),
        "source": lambda: _contains(rule, "source", packet, place, world, committed),
    }
    about = {
        "protocol": packet.protocol,
        "destination port": packet.dst_port,
        "source port": packet.src_port,
    }
    told = {one.field: one.what for one in rule.unknown}
    doubtful = {*told}
    doubtful.update(name for name in ("destination", "source") if getattr(rule, name).unknown)
    for name in sorted(tests, key=lambda one: one in doubtful):
        if tests[name]() or (name in told and world.ask(told[name], about[name])):
            continue
        yield name


def matches(
    rule: Rule, packet: Packet, place: Standpoint, world: World, committed: str = ""
) -> bool:
    """Reports whether a rule matches a packet; all five fields must."""
    return next(missed(rule, packet, place, world, committed), None) is None


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
    rule: Rule,
    side: str,
    packet: Packet,
    place: Standpoint,
    world: World,
    committed: str,
) -> bool:
    """Reports whether one side of a rule holds an address; certain parts before doubtful ones."""
    endpoint, address = rule.source, packet.src
    if side == "destination":
        endpoint, address = rule.destination, packet.dst
    if address in endpoint.prefixes:
        return True
    is_local = (rule.direction is Direction.INBOUND) == (side == "destination")
    doubtful: list[AddressSet] = []
    for one in place.sets_of(endpoint, committed, is_local=is_local):
        if one.data:
            world.used[one.data] = None
        if one.service and not one.service.takes(packet.protocol, packet.dst_port):
            continue
        if one.doubts:
            doubtful.append(one)
        elif address in one.sure:
            part = one.part_of(address)
            if part is not None and part.data:
                world.used[part.data] = None
            return True
    return any(one.contains(address, world) for one in doubtful)
