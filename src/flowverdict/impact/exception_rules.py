"""Security admin rules as exceptions to others: where they fit, and what they match."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from flowverdict.model import Access, Direction, Endpoint, ResourceId, Rule
from flowverdict.net import ALL_PORTS, IntervalSet, format_addresses

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from flowverdict.impact.covering import Box
    from flowverdict.model import Estate

MOST_RULES: Final = 100
"""Security admin rules of one network manager (policy specification, 8.7)."""
MOST_PREFIXES: Final = 20_000
"""Prefixes of all of them."""
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


def with_rules(estate: Estate, deny: Rule, rules: Sequence[Rule]) -> Estate:
    """Returns an estate in which rules are deployed beside another one of their collection."""
    beside = [one for one in estate.active_rules if one.rule.id == deny.id]
    active = [replace(one, rule=rule) for one in beside for rule in rules]
    admin_rules = {**estate.resources.admin_rules, **{one.id: one for one in rules}}
    resources = replace(estate.resources, admin_rules=admin_rules)
    return replace(estate, resources=resources, active_rules=(*estate.active_rules, *active))


def room_before(
    estate: Estate, collection: ResourceId, denies: Sequence[Rule], way: Direction, most: int
) -> list[int]:
    """Returns free priorities next to one another in front of all of some Denies.

    The nearest that are enough for ``most`` rules; where no run is, the longest one.
    """
    before = min((one.priority for one in denies if one.direction is way), default=1)
    used = {
        one.priority
        for one in estate.every_admin_rule
        if one.id.parent == collection and one.direction is way
    }
    runs: list[list[int]] = [[]]
    for priority in range(before - 1, 0, -1):
        if priority not in used:
            runs[-1].insert(0, priority)
        elif runs[-1]:
            runs.append([])
    enough = [one for one in runs if len(one) >= min(most, MOST_RULES)]
    return enough[0] if enough else max(runs, key=len)


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


def over_limits(estate: Estate, collections: set[ResourceId]) -> Iterator[str]:
    """Yields which of Azure's limits the rules of a manager go beyond."""
    for manager in sorted({one.parent.parent for one in collections}):
        own = [
            one
            for one in estate.resources.admin_rules.values()
            if one.id.parent.parent.parent == manager
        ]
        if len(own) > MOST_RULES:
            yield f"`{manager.name}` has {len(own):,} admin rules: Azure allows {MOST_RULES}"
        prefixes = sum(len(side.texts) for one in own for side in (one.source, one.destination))
        if prefixes > MOST_PREFIXES:
            yield f"`{manager.name}` has {prefixes:,} prefixes: Azure allows {MOST_PREFIXES:,}"
