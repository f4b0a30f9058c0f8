"""What a check says of one resource."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from flowverdict.prove.lint.checks import CHECKS, Level
from flowverdict.prove.text import few

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowverdict.model import Position, ResourceId, Rule
    from flowverdict.net import Packet

MOST_NAMES: Final = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check says of one resource.

    Attributes:
        check: the name of the check, a key of ``CHECKS``.
        level: how much it matters.
        resource: what it is about; None where the input could not tell.
        text: one line for people, without the place.
        where: where the resource stands.
        others: the resources that make it so, most telling first.
        packet: a packet that shows it, where one can.
    """

    check: str
    level: Level
    resource: ResourceId | None
    text: str
    where: Position | None = None
    others: tuple[ResourceId, ...] = ()
    packet: Packet | None = None


class _Placed(Protocol):
    @property
    def id(self) -> ResourceId: ...
    @property
    def where(self) -> Position | None: ...


def of_resource(check: str, one: _Placed, text: str, *others: ResourceId) -> Finding:
    """Returns what a check says of a resource; its name is put before the text."""
    return Finding(
        check, CHECKS[check].level, one.id, f"`{one.id.name}`: {text}", one.where, others
    )


def of_rule(
    check: str, rule: Rule, text: str, others: Iterable[Rule] = (), packet: Packet | None = None
) -> Finding:
    """Returns what a check says of a rule among others; who it is, is put before the text."""
    told = f"`{rule.name}` ({rule.priority}) of `{rule.id.parent.name}`: {text}"
    ids = tuple(one.id for one in others)
    return Finding(check, CHECKS[check].level, rule.id, told, rule.where, ids, packet)


def named(rules: Iterable[Rule]) -> str:
    """Returns the names of rules with their priorities, the first few."""
    return few([f"`{rule.name}` ({rule.priority})" for rule in rules], MOST_NAMES)
