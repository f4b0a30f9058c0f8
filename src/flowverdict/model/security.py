"""Rules, network security groups and application security groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Final

from flowverdict.model.diagnostics import Diagnostic, Position
from flowverdict.model.ids import ResourceId
from flowverdict.model.value import value
from flowverdict.net import ALL_ADDRESSES, ALL_PORTS, ALL_PROTOCOLS, EMPTY, IntervalSet

if TYPE_CHECKING:
    from collections.abc import Iterable

NOT_KNOWN: Final = "(not known)"
"""Stands among the texts of a rule for what the input does not tell."""


class Direction(Enum):
    """The way a packet takes, seen from the network interface."""

    INBOUND = "Inbound"
    OUTBOUND = "Outbound"


class Access(Enum):
    """What a rule does; ``AlwaysAllow`` exists in security admin rules alone."""

    ALLOW = "Allow"
    DENY = "Deny"
    ALWAYS_ALLOW = "AlwaysAllow"


@value
class Endpoint:
    """One side of a rule: the union of everything it lists.

    Attributes:
        prefixes: the addresses of the literal prefixes (``*`` is every address).
        tags: service tags, as written.
        asgs: application security groups.
        groups: network groups (security admin rules alone).
        texts: the prefixes and tags as written, for people.
        unknown: what else stands in the list, and the input does not tell.
    """

    prefixes: IntervalSet = EMPTY
    tags: tuple[str, ...] = ()
    asgs: tuple[ResourceId, ...] = ()
    groups: tuple[ResourceId, ...] = ()
    texts: tuple[str, ...] = field(default=(), compare=False)
    unknown: tuple[str, ...] = ()

    @property
    def is_any(self) -> bool:
        """Reports whether the side matches every address of both families."""
        return self.prefixes == ALL_ADDRESSES


ANYWHERE: Final = Endpoint(ALL_ADDRESSES, texts=("*",))


@value
class UnknownField:
    """What a rule has in a field, in part or as a whole, and the input does not tell.

    Attributes:
        field: ``protocol``, ``destination port`` or ``source port``.
        what: what is missing.
    """

    field: str
    what: str


@value
class Rule:
    """A security rule, of an NSG or of a security admin rule collection.

    Attributes:
        id: the ARM id; a default rule's ends in ``/defaultSecurityRules/{name}``.
        priority: a lower number is evaluated earlier.
        protocols: IANA numbers; ICMP is number 1 alone (ICMPv6 is matched by ``*`` only).
        where: the place it was read from; None for a default rule that was injected.
        problems: why Azure would refuse the rule; with any, it may or may not be in force.
        modified: when the rule was last written (ISO 8601), where the input says so.
        created: when the rule was first written, where the input says so.
        unknown: what of its protocol and ports is not known, besides what stands there.
    """

    id: ResourceId
    name: str
    priority: int
    direction: Direction
    access: Access
    protocols: IntervalSet = ALL_PROTOCOLS
    source: Endpoint = ANYWHERE
    source_ports: IntervalSet = ALL_PORTS
    destination: Endpoint = ANYWHERE
    destination_ports: IntervalSet = ALL_PORTS
    where: Position | None = field(default=None, compare=False)
    problems: tuple[Diagnostic, ...] = field(default=(), compare=False)
    created: str = field(default="", compare=False)
    modified: str = field(default="", compare=False)
    unknown: tuple[UnknownField, ...] = ()

    @property
    def has_unknown(self) -> bool:
        """Reports whether the input does not tell all packets that the rule matches."""
        return bool(self.unknown or self.source.unknown or self.destination.unknown)

    @property
    def is_default(self) -> bool:
        """Reports whether the rule is one of an NSG's six default rules."""
        return self.id.key.endswith(f"/defaultsecurityrules/{self.name.lower()}")


@dataclass(frozen=True)
class NetworkSecurityGroup:
    """A network security group.

    Attributes:
        rules: custom and default rules of both directions, by direction and priority.
        attached: the subnets and interfaces that the NSG itself says it is attached to.
        problems: why Azure would refuse it; with any, its verdicts are not known.
    """

    id: ResourceId
    rules: tuple[Rule, ...]
    attached: tuple[ResourceId, ...] = field(default=(), compare=False)
    where: Position | None = field(default=None, compare=False)
    problems: tuple[Diagnostic, ...] = field(default=(), compare=False)

    @cached_property
    def _by_direction(self) -> dict[Direction, tuple[Rule, ...]]:
        return {
            way: tuple(rule for rule in self.rules if rule.direction is way) for way in Direction
        }

    def towards(self, direction: Direction) -> tuple[Rule, ...]:
        """Returns the rules of one direction, in the order of evaluation."""
        return self._by_direction[direction]


@value
class ApplicationSecurityGroup:
    """An application security group; its members are the IP configurations that name it."""

    id: ResourceId
    where: Position | None = field(default=None, compare=False)


_VNET: Final = Endpoint(tags=("VirtualNetwork",), texts=("VirtualNetwork",))
_PROBES: Final = Endpoint(tags=("AzureLoadBalancer",), texts=("AzureLoadBalancer",))
_INTERNET: Final = Endpoint(tags=("Internet",), texts=("Internet",))


def free_name(name: str, rules: Iterable[Rule]) -> str:
    """Returns the name, with a number behind it if a rule has it; case does not count."""
    taken = {rule.name.lower() for rule in rules}
    numbered = (name if at == 1 else f"{name}-{at}" for at in range(1, len(taken) + 2))
    return next(one for one in numbered if one.lower() not in taken)


def default_rules(nsg: ResourceId) -> tuple[Rule, ...]:
    """Returns the six rules that every NSG has (policy specification, 1.5)."""
    table = (
        ("AllowVnetInBound", 65000, Direction.INBOUND, Access.ALLOW, _VNET, _VNET),
        (
            "AllowAzureLoadBalancerInBound",
            65001,
            Direction.INBOUND,
            Access.ALLOW,
            _PROBES,
            ANYWHERE,
        ),
        ("DenyAllInBound", 65500, Direction.INBOUND, Access.DENY, ANYWHERE, ANYWHERE),
        ("AllowVnetOutBound", 65000, Direction.OUTBOUND, Access.ALLOW, _VNET, _VNET),
        ("AllowInternetOutBound", 65001, Direction.OUTBOUND, Access.ALLOW, ANYWHERE, _INTERNET),
        ("DenyAllOutBound", 65500, Direction.OUTBOUND, Access.DENY, ANYWHERE, ANYWHERE),
    )
    return tuple(
        Rule(
            id=nsg.child("defaultSecurityRules", name),
            name=name,
            priority=priority,
            direction=direction,
            access=access,
            source=source,
            destination=destination,
        )
        for name, priority, direction, access, source, destination in table
    )
