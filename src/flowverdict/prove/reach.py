"""Who can talk to whom, and on what: all packets between groups of interfaces.

A packet gets through if the rules at both ends let it. Of the internet there is one end. Whether
routes lead from one end to the other is not asked.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from flowverdict.net import EMPTY, IntervalSet
from flowverdict.policy import DEFAULTS
from flowverdict.policy.services import HOST
from flowverdict.prove.cells import Cell, Group, Matrix, services_text
from flowverdict.prove.ends import Ends
from flowverdict.prove.prover import Prover
from flowverdict.prove.selectors import SelectorError, Side

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flowverdict.model import Estate, NetworkInterface, ResourceId
    from flowverdict.policy import Options

__all__ = ["BY", "INTERNET", "Cell", "Group", "Reach", "services_text"]

BY: Final = ("subnet", "vnet", "asg", "group", "nic")
"""What interfaces can be put together by."""
INTERNET: Final = "Internet"


class Reach:
    """Answers who can talk to whom in one estate.

    Attributes:
        missing: what is needed to know of all packets; grows with what is asked.
        limits: what was not found out, and why; likewise.
    """

    def __init__(self, estate: Estate, options: Options = DEFAULTS) -> None:
        """Takes an estate, and how open questions are answered."""
        self.estate = estate
        self._prover = Prover(estate, options)
        self._ends = Ends(self._prover)
        self.missing = self._ends.missing
        self.limits = self._ends.limits

    def groups(self, by: str) -> list[Group]:
        """Returns the groups of interfaces by what they have in common, in the order of names.

        Args:
            by: one of ``BY``.
        """
        found: defaultdict[ResourceId, dict[ResourceId, IntervalSet]] = defaultdict(dict)
        for nic in self.estate.resources.nics.values():
            for key, addresses in self._keys(nic, by):
                if addresses:
                    found[key][nic.id] = found[key].get(nic.id, EMPTY) | addresses
        some = [
            Group(key.name, key, IntervalSet.union(members.values()), members)
            for key, members in found.items()
        ]
        named = Counter(one.name for one in some)
        told = [replace(one, name=_longer(one.id)) if named[one.name] > 1 else one for one in some]
        return sorted(told, key=lambda one: one.name.lower())

    def _keys(self, nic: NetworkInterface, by: str) -> Iterator[tuple[ResourceId, IntervalSet]]:
        if by == "nic":
            yield nic.id, self.estate.addresses_of(nic)
        elif by == "asg":
            for one in nic.ip_configurations:
                for asg in one.asgs:
                    yield asg, self.estate.may_get(nic, one)
        elif nic.subnet is not None:
            vnet = nic.subnet.parent
            if by == "subnet":
                yield nic.subnet, self.estate.addresses_of(nic)
            elif by == "vnet":
                yield vnet, self.estate.addresses_of(nic)
            else:
                for group in {*self.estate.resources.groups, *self.estate.members_by_group}:
                    if self._prover.network.is_member(group, vnet).holds:
                        yield group, self.estate.addresses_of(nic)

    def chosen(self, word: str) -> Group:
        """Returns whom a word of a claim means, as a group.

        Raises:
            SelectorError: it means nobody, or several.
        """
        side = Side(self._prover.network, [word])
        own: dict[ResourceId, IntervalSet] = {}
        outside: list[IntervalSet] = []
        for nic in self.estate.resources.nics.values():
            place = self._prover.at(nic).place
            own[nic.id] = side.local(nic, place)
            if side.varies or not outside:
                outside.append(side.remote(place).sure)
        addresses = IntervalSet.union(own.values())
        if addresses:
            return Group(word, None, addresses, {one: some for one, some in own.items() if some})
        addresses = IntervalSet.union(outside) - self._own
        if not addresses:
            raise SelectorError(f"`{word}` has no address: expected interfaces that have one")
        return Group(word, None, addresses)

    @property
    def internet(self) -> Group:
        """The internet as the interfaces see it, without their own addresses."""
        nics = self.estate.resources.nics.values()
        places = {id(place): place for nic in nics for place in (self._prover.at(nic).place,)}
        spaces = (place.tag(INTERNET).sure for place in places.values())
        addresses = IntervalSet.union(spaces) - HOST - self._own
        return Group(INTERNET, None, addresses)

    @cached_property
    def _own(self) -> IntervalSet:
        nics = self.estate.resources.nics.values()
        return IntervalSet.union(self.estate.addresses_of(nic) for nic in nics)

    def cells(self, sources: Sequence[Group], targets: Sequence[Group]) -> Iterator[Cell]:
        """Yields what gets from each of some groups to each of others, row by row."""
        closed = self.estate.private_endpoint_nics
        return Matrix(self._ends, sources, targets, closed).cells()

    def blast(self, start: Group) -> Iterator[list[tuple[NetworkInterface, Cell]]]:
        """Yields the interfaces that a group reaches directly, then those that these reach.

        And so on. Each stands once, with what gets to it from the interfaces a step before it.
        """
        own = {one.id: self.estate.addresses_of(one) for one in self.estate.resources.nics.values()}
        left: list[Group] = [
            Group(one.name, one, some, {one: some})
            for one, some in own.items()
            if some and one not in start.members
        ]
        frontier = start
        while left:
            closed = self.estate.private_endpoint_nics
            cells = Matrix(self._ends, [frontier], left, closed, remote=self._own).cells()
            hit = {one.target.id: one for one in cells if one.is_open}
            if not hit:
                return
            of = self.estate.resources.nics
            yield [(of[one], cell) for one, cell in hit.items() if one is not None]
            members = {one: own[one] for one in hit if one is not None}
            frontier = Group("", None, IntervalSet.union(members.values()), members)
            left = [one for one in left if one.id not in hit]


def _longer(resource: ResourceId | None) -> str:
    """Returns a name that tells a resource from another of its name: with its parent's."""
    assert resource is not None
    parent = resource.parent
    return f"{parent.name}/{resource.name}" if parent.name else resource.name
