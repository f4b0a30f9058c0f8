"""Who can talk to whom, and on what: all packets between groups of interfaces.

A packet gets through if the rules at both ends let it. Of the internet there is one end. Whether
routes lead from one end to the other is not asked.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Final

from flowverdict.model import Direction
from flowverdict.net import (
    ALL_ADDRESSES,
    ALL_IPV4,
    ALL_IPV6,
    ALL_PORTS,
    EMPTY,
    PORTED,
    IntervalSet,
    format_addresses,
    format_ports,
    protocol_name,
)
from flowverdict.policy import DEFAULTS
from flowverdict.policy.services import HOST
from flowverdict.prove.diagram import LimitError
from flowverdict.prove.end_to_end import through
from flowverdict.prove.prover import Prover
from flowverdict.prove.region import NOTHING, WITHOUT_PORTS, Region, local_end, packets, together
from flowverdict.prove.selectors import SelectorError, Side

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flowverdict.model import Estate, NetworkInterface, ResourceId
    from flowverdict.policy import Options

BY: Final = ("subnet", "vnet", "asg", "group", "nic")
"""What interfaces can be put together by."""
INTERNET: Final = "Internet"

_PORTS: Final = 65536


@dataclass(frozen=True, slots=True)
class Group:
    """Interfaces that are looked at together.

    Attributes:
        name: what they are called.
        id: what they are put together by; None for the internet and for words of the user.
        addresses: theirs, and those they may get; of the internet its addresses.
        is_outside: no interface of the estate has them.
        members: the interfaces, where the user's words mean some.
    """

    name: str
    id: ResourceId | None
    addresses: IntervalSet
    is_outside: bool = False
    members: frozenset[ResourceId] = frozenset()


@dataclass(frozen=True, slots=True)
class Cell:
    """What gets from one group to another.

    Attributes:
        passing: the packets.
        perhaps: those and others of which it is not known.
    """

    source: Group
    target: Group
    passing: Region
    perhaps: Region

    @property
    def is_whole(self) -> bool:
        """Reports whether what passes does so between all addresses, from every source port."""
        ends = self.source.addresses, self.target.addresses
        pairs = sum(prod((end & family).size for end in ends) for family in (ALL_IPV4, ALL_IPV6))
        services, portless = _services(self.passing)
        many = sum(ports.size for ports in services.values()) * _PORTS + portless.size
        return bool(self.passing) and self.passing.size == many * pairs


def services_text(region: Region) -> str:
    """Returns protocols and ports of packets, such as ``TCP 22, 443; UDP 53``; ``-`` for none."""
    if not region:
        return "-"
    services, portless = _services(region)
    if portless == WITHOUT_PORTS and all(services.get(one) == ALL_PORTS for one in PORTED):
        return "any"
    texts = [
        protocol_name(one) + ("" if ports == ALL_PORTS else f" {', '.join(format_ports(ports))}")
        for one, ports in sorted(services.items())
    ]
    if portless == WITHOUT_PORTS:
        texts.append("any other protocol")
    else:
        texts += [protocol_name(one) for low, high in portless for one in range(low, high + 1)]
    return "; ".join(texts)


def _services(region: Region) -> tuple[dict[int, IntervalSet], IntervalSet]:
    """Returns the ports of each protocol with ports, and the protocols without."""
    ports: dict[int, IntervalSet] = {}
    portless = EMPTY
    for box in region.boxes():
        with_ports = [one for one in PORTED if one in box.protocols]
        for one in with_ports:
            ports[one] = ports.get(one, EMPTY) | box.ports
        if not with_ports:
            portless |= box.protocols
    return ports, portless


@dataclass(slots=True)
class _End:
    """What the interfaces at one end let through, and of what it is not known."""

    passing: Region = NOTHING
    perhaps: Region = NOTHING


class Reach:
    """Answers who can talk to whom in one estate.

    Attributes:
        missing: what is needed to know of all packets; grows with what is asked.
        limits: what was not found out, and why; likewise.
    """

    def __init__(self, estate: Estate, options: Options = DEFAULTS) -> None:
        """Takes an estate, and how open questions are answered."""
        self.estate = estate
        self.missing: dict[str, None] = {}
        self.limits: list[str] = []
        self._prover = Prover(estate, options)

    def groups(self, by: str) -> list[Group]:
        """Returns the groups of interfaces by what they have in common, in the order of names.

        Args:
            by: one of ``BY``.
        """
        found: defaultdict[ResourceId, list[IntervalSet]] = defaultdict(list)
        for nic in self.estate.resources.nics.values():
            for key, addresses in self._keys(nic, by):
                found[key].append(addresses)
        some = [Group(key.name, key, IntervalSet.union(one)) for key, one in found.items()]
        named = Counter(one.name for one in some)
        told = [
            Group(_longer(one.id), one.id, one.addresses) if named[one.name] > 1 else one
            for one in some
        ]
        return sorted((one for one in told if one.addresses), key=lambda one: one.name.lower())

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
            members = frozenset(one for one, some in own.items() if some)
            return Group(word, None, addresses, members=members)
        addresses = IntervalSet.union(outside) - self._own
        if not addresses:
            raise SelectorError(f"`{word}` has no address: expected interfaces that have one")
        return Group(word, None, addresses, is_outside=True)

    @property
    def internet(self) -> Group:
        """The internet as the interfaces see it, without their own addresses."""
        nics = self.estate.resources.nics.values()
        places = {id(place): place for nic in nics for place in (self._prover.at(nic).place,)}
        spaces = (place.tag(INTERNET).sure for place in places.values())
        addresses = IntervalSet.union(spaces) - HOST - self._own
        return Group(INTERNET, None, addresses, is_outside=True)

    @cached_property
    def _own(self) -> IntervalSet:
        nics = self.estate.resources.nics.values()
        return IntervalSet.union(self.estate.addresses_of(nic) for nic in nics)

    @cached_property
    def _private_endpoints(self) -> IntervalSet:
        """The addresses of private endpoints, to which nothing leads from outside."""
        of = self.estate.resources.nics
        some = self.estate.private_endpoint_nics
        return IntervalSet.union(of[one].addresses for one in some if one in of)

    def cells(self, sources: Sequence[Group], targets: Sequence[Group]) -> Iterator[Cell]:
        """Yields what gets from each of some groups to each of others, row by row."""
        others = IntervalSet.union(one.addresses for one in (*sources, *targets) if one.is_outside)
        ends = {way: self._end(way, others) for way in Direction}
        inbound, outbound = ends[Direction.INBOUND], ends[Direction.OUTBOUND]
        passing = through(inbound.passing, outbound.passing, others)
        perhaps = through(inbound.perhaps, outbound.perhaps, others)
        known = passing == perhaps
        for source in sources:
            row = packets(sources=source.addresses)
            if source.is_outside:
                row &= packets(destinations=ALL_ADDRESSES - self._private_endpoints)
            sure = passing & row
            maybe = sure if known else perhaps & row
            for target in targets:
                if source.is_outside and target.is_outside:
                    continue
                column = packets(destinations=target.addresses)
                found = sure & column
                yield Cell(source, target, found, found if known else maybe & column)

    def blast(self, start: Group) -> Iterator[list[tuple[NetworkInterface, Region]]]:
        """Yields the interfaces that a group reaches directly, then those that these reach.

        And so on. Each stands once, with the packets by which it is reached first.
        """
        ends = {way: self._end(way, EMPTY) for way in Direction}
        passing = ends[Direction.INBOUND].passing & ends[Direction.OUTBOUND].passing
        seen, frontier = start.addresses, start.addresses
        nics = self.estate.resources.nics.values()
        own = {one.id: self.estate.addresses_of(one) for one in nics}
        left: list[NetworkInterface] = [
            one for one in nics if one.id not in start.members and own[one.id]
        ]
        while frontier and left:
            step = passing & packets(sources=frontier)
            reached = step.values("destinations")
            hit = [one for one in left if not own[one.id].isdisjoint(reached)]
            if hit:
                yield [(one, step & packets(destinations=own[one.id])) for one in hit]
            frontier = IntervalSet.union(own[one.id] for one in hit) - seen
            seen |= frontier
            found = {one.id for one in hit}
            left = [one for one in left if one.id not in found]

    @cached_property
    def _alike(self) -> list[list[NetworkInterface]]:
        """The interfaces that have or may get an address, those behind the same rules together."""
        found: defaultdict[int, list[NetworkInterface]] = defaultdict(list)
        for nic in self.estate.resources.nics.values():
            if self.estate.addresses_of(nic):
                found[id(self._prover.at(nic))].append(nic)
        return list(found.values())

    @cached_property
    def _of_either(self) -> IntervalSet:
        """The addresses that interfaces behind different rules have or may get: one or other.

        Virtual networks that do not meet may have the same addresses.
        """
        left = self.estate.open_addresses
        seen, shared = EMPTY, EMPTY
        for nics in self._alike:
            some = IntervalSet.union(self.estate.addresses_of(nic) for nic in nics)
            if common := seen & some:
                shared |= common
                names = (f"private address of `{nic.id}`" for nic in nics if nic.id in left)
                self.missing.update(dict.fromkeys(names))
            seen |= some
            for one in nics if common else ():
                if not one.addresses.isdisjoint(common):
                    which = ", ".join(format_addresses(one.addresses & common))
                    told = f"whose address `{which}` is: `{one.id}` is not alone with it"
                    self.missing[told] = None
        return shared

    def _end(self, way: Direction, others: IntervalSet) -> _End:
        """Returns what passes the interfaces of one end, to or from their like and others."""
        remote = self._own | others
        unsure = local_end(way, self._of_either)
        passing: list[Region] = []
        perhaps: list[Region] = []
        for nics in self._alike:
            local = IntervalSet.union(self.estate.addresses_of(nic) for nic in nics)
            region = (
                packets(sources=remote, destinations=local)
                if way is Direction.INBOUND
                else packets(sources=local, destinations=remote)
            )
            try:
                found = self._prover.by_access(nics[0], way, region, "Allow", "Unknown")
                if "Unknown" in found:
                    outcome = self._prover.outcome(nics[0], way, found["Unknown"])
                    self.missing.update(dict.fromkeys(outcome.missing()))
            except LimitError as problem:
                self.limits.append(f"{way.value.lower()} at `{nics[0].id.name}`: {problem}")
                found = {"Unknown": region}
            passing.append(found.get("Allow", NOTHING) - unsure)
            perhaps += [one for one in found.values() if one]
        return _End(together(passing), together(perhaps))


def _longer(resource: ResourceId | None) -> str:
    """Returns a name that tells a resource from another of its name: with its parent's."""
    assert resource is not None
    parent = resource.parent
    return f"{parent.name}/{resource.name}" if parent.name else resource.name
