"""Security admin rules as exceptions to others: where they fit, and what they match."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from flowverdict.model import Access, Direction, Endpoint, ResourceId, Rule
from flowverdict.net import ALL_PORTS, IntervalSet, format_addresses

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from flowverdict.impact.covering import Box
    from flowverdict.model import Estate

ACCESSES: Final = (Access.ALLOW, Access.ALWAYS_ALLOW)
"""What an exception may say, the one that leaves the NSGs their word first."""
NAMED: Final = {1, 6, 17, 50, 51}
"""Protocols that an admin rule can name; Any would let others through as well."""


class Kind(NamedTuple):
    """Which flows can share a rule, addresses and ports aside."""

    access: Access
    direction: Direction
    protocol: int
    is_ipv6: bool


def order(kind: Kind) -> tuple[int, str, int, bool]:
    """Returns what sorts kinds: what skips the NSGs has to be evaluated first."""
    return -ACCESSES.index(kind.access), kind.direction.value, kind.protocol, kind.is_ipv6


def with_rules(estate: Estate, denies: Sequence[Rule], rules: Sequence[Rule]) -> Estate:
    """Returns an estate in which rules are deployed wherever one of some Denies is."""
    ids = {one.id for one in denies}
    beside = {one.region: one for one in estate.active_rules if one.rule.id in ids}
    active = [replace(one, rule=rule) for one in beside.values() for rule in rules]
    admin_rules = {**estate.resources.admin_rules, **{one.id: one for one in rules}}
    resources = replace(estate.resources, admin_rules=admin_rules)
    return replace(estate, resources=resources, active_rules=(*estate.active_rules, *active))


def probe(collection: ResourceId, way: Direction, access: Access, room: list[int]) -> Rule:
    """Returns a rule that matches every packet, where the exceptions would stand."""
    name = f"probe-{way.value}"
    return Rule(collection.child("rules", name), name, room[-1], way, access)


def rule_of(name: ResourceId, priority: int, kind: Kind, box: Box) -> Rule:
    """Returns the rule that matches a box."""
    source, destination = (_endpoint(one) for one in (box.sources, box.destinations))
    ports = [one for one in box.ports if one is not None]
    return Rule(
        id=name,
        name=name.name,
        priority=priority,
        direction=kind.direction,
        access=kind.access,
        protocols=IntervalSet([(kind.protocol, kind.protocol)]),
        source=source,
        destination=destination,
        destination_ports=IntervalSet((one, one) for one in ports) if ports else ALL_PORTS,
    )


def _endpoint(addresses: Iterable[int]) -> Endpoint:
    prefixes = IntervalSet((one, one) for one in addresses)
    return Endpoint(prefixes, texts=tuple(format_addresses(prefixes)))


def prefixes_of(box: Box) -> int:
    """Returns how many prefixes the rule of a box has."""
    return sum(len(_endpoint(one).texts) for one in (box.sources, box.destinations))
