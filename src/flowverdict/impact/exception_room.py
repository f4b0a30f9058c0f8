"""Room for exceptions: free priorities in front of a Deny, and rules that a manager may still have.

A priority is taken once in its collection, whichever the direction (policy specification, 8.5).
Rules of one configuration are put in one order by their priorities, and of two with the same one it
is not documented which comes first (10.3): so an exception shares its priority with no rule of its
direction in the whole configuration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowverdict.model import Direction
from flowverdict.model.limits import ADMIN_PREFIXES, ADMIN_RULES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flowverdict.model import Estate, ResourceId, Rule

Room = dict[Direction, list[int]]
"""Free priorities of each direction, ascending, with no rule of that direction between them."""


def room_before(
    estate: Estate, collection: ResourceId, denies: Sequence[Rule], ends: Mapping[Direction, int]
) -> Room:
    """Returns free priorities in front of all of some Denies.

    The nearest that are enough for ``ends`` rules; where no run of them is, the longest one.
    """
    rules = [one for one in estate.every_admin_rule if one.id.parent.parent == collection.parent]
    taken = {one.priority for one in rules if one.id.parent == collection}
    found: Room = {}
    for way in Direction:
        found[way] = []
        if not ends.get(way):
            continue
        barriers = {one.priority for one in rules if one.direction is way}
        before = min((one.priority for one in denies if one.direction is way), default=1)
        runs: list[list[int]] = [[]]
        for priority in range(before - 1, 0, -1):
            if priority in barriers:
                runs.append([])
            elif priority not in taken:
                runs[-1].insert(0, priority)
        most = min(ends[way], ADMIN_RULES)
        enough = [one for one in runs if len(one) >= most]
        found[way] = enough[0] if enough else max(runs, key=len)
    return found


@dataclass(slots=True)
class Dealer:
    """Gives priorities to the rules of one collection, each number once.

    Attributes:
        room: what is free.
        given: how many of each direction are taken.
    """

    room: Room
    given: dict[Direction, int]

    @classmethod
    def of(cls, room: Room) -> Dealer:
        """Returns one that has given nothing yet."""
        return cls(room, dict.fromkeys(Direction, 0))

    def take(self, way: Direction) -> bool:
        """Takes one number of a direction; false where none is left for it."""
        lacks = 0
        for one in Direction:
            wanted = self.given[one] + (one is way)
            alone = len(set(self.room[one]) - self._shared)
            if wanted > len(self.room[one]):
                return False
            lacks += max(0, wanted - alone)
        if lacks > len(self._shared):
            return False
        self.given[way] += 1
        return True

    def numbers(self) -> Room:
        """Returns as many numbers as were taken, the nearest to the Deny, ascending."""
        shared = sorted(self._shared)
        found: Room = {}
        for way in Direction:
            alone = sorted(set(self.room[way]) - self._shared)
            found[way] = alone[max(0, len(alone) - self.given[way]) :]
            for _ in range(self.given[way] - len(found[way])):
                found[way].append(shared.pop())
            found[way].sort()
        return found

    @property
    def _shared(self) -> set[int]:
        inbound, outbound = (set(self.room[way]) for way in Direction)
        return inbound & outbound


@dataclass(slots=True)
class Budget:
    """What a network manager may still have.

    Attributes:
        rules: how many rules more.
        prefixes: how many prefixes more.
        note: which limit it is beyond already; what Azure granted there is not known.
    """

    rules: float
    prefixes: float
    note: str = ""

    @classmethod
    def of(cls, estate: Estate, manager: ResourceId) -> Budget:
        """Returns what is left of a manager's limits."""
        own = {
            one.id: one for one in estate.every_admin_rule if one.id.parent.parent.parent == manager
        }
        prefixes = sum(map(_prefixes, own.values()))
        if len(own) > ADMIN_RULES:
            told = f"`{manager.name}` has {len(own):,} admin rules already: Azure documents"
            return cls(float("inf"), float("inf"), f"{told} {ADMIN_RULES}")
        if prefixes > ADMIN_PREFIXES:
            told = f"`{manager.name}` has {prefixes:,} prefixes already: Azure documents"
            return cls(float("inf"), float("inf"), f"{told} {ADMIN_PREFIXES:,}")
        return cls(ADMIN_RULES - len(own), ADMIN_PREFIXES - prefixes)

    def lacks(self, prefixes: int) -> str:
        """Says which limit one rule more would go beyond; empty where none."""
        if self.rules < 1:
            return f"a network manager can have {ADMIN_RULES} admin rules"
        if self.prefixes < prefixes:
            return f"a network manager's admin rules can have {ADMIN_PREFIXES:,} prefixes"
        return ""

    def spend(self, prefixes: int) -> None:
        """Counts one rule more."""
        self.rules -= 1
        self.prefixes -= prefixes


def _prefixes(rule: Rule) -> int:
    return sum(len(side.texts) for side in (rule.source, rule.destination))
