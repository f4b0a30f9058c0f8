"""What a check says of one resource."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowverdict.model import Position, ResourceId, Rule
    from flowverdict.net import Packet

_MOST = 3


class Level(IntEnum):
    """How much a finding matters; a higher one matters more."""

    NOTE = 1
    WARNING = 2
    ERROR = 3


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

    @property
    def fingerprint(self) -> str:
        """What makes it the same finding in another run: not its text, and not its place."""
        about = self.resource.key if self.resource else str(self.where)
        return "|".join((self.check, about, *sorted(one.key for one in self.others)))


def named(rules: Iterable[Rule]) -> str:
    """Returns the names of rules with their priorities, the first few."""
    every = list(rules)
    some = ", ".join(f"`{rule.name}` ({rule.priority})" for rule in every[:_MOST])
    more = len(every) - _MOST
    return some + (f" and {more:,} more" if more > 0 else "")
