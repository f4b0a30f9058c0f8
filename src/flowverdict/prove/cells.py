"""What gets from one group of interfaces to another: what the one end lets out and the other in.

The packets of a cell are found when they are asked for. What is asked of most cells, the services
and whether they are open between all, is told by the strips of both ends.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from flowverdict.model import Direction
from flowverdict.net import (
    ALL_IPV4,
    ALL_IPV6,
    ALL_PORTS,
    EMPTY,
    PORTED,
    IntervalSet,
    format_ports,
    protocol_name,
)
from flowverdict.prove.region import WITH_PORTS, WITHOUT_PORTS, Region
from flowverdict.prove.strips import Areas, Service, Services, box_of, far_within

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from flowverdict.model import ResourceId
    from flowverdict.prove.ends import End, Ends, Strips

_FAMILIES: Final = (ALL_IPV4, ALL_IPV6)


@dataclass(frozen=True, slots=True)
class Group:
    """Interfaces that are looked at together.

    Attributes:
        name: what they are called.
        id: what they are put together by; None for the internet and for words of the user.
        addresses: theirs, and those they may get; of the internet its addresses.
        members: the interfaces, and which of their addresses are meant; none for addresses that
            no interface of the estate has.
    """

    name: str
    id: ResourceId | None
    addresses: IntervalSet
    members: Mapping[ResourceId, IntervalSet] = field(
        default_factory=dict["ResourceId", IntervalSet], compare=False
    )

    @property
    def is_outside(self) -> bool:
        """Reports whether no interface of the estate has the addresses."""
        return not self.members


class _Told(NamedTuple):
    """Services without the source ports: the ports of protocols that have some, and the others."""

    ports: dict[int, IntervalSet]
    portless: IntervalSet

    @property
    def size(self) -> int:
        """How many packets there are between two addresses, from all source ports."""
        ports = sum(one.size for one in self.ports.values())
        return ports * ALL_PORTS.size + self.portless.size

    def has(self, service: Service) -> bool:
        """Reports whether a service adds nothing."""
        if service.protocols <= WITHOUT_PORTS:
            return service.protocols <= self.portless
        return all(
            service.ports <= self.ports.get(one, EMPTY)
            for one in PORTED
            if one in service.protocols
        )

    def within(self, service: Service) -> int:
        """Returns how many packets between two addresses a service has of these."""
        many = (service.protocols & self.portless).size
        for one, ports in self.ports.items():
            if one in service.protocols:
                many += (service.ports & ports).size * service.source_ports.size
        return many


def _told(services: Iterable[Service]) -> _Told:
    ports: dict[int, IntervalSet] = {}
    portless = EMPTY
    for one in services:
        for protocol in PORTED:
            if protocol in one.protocols:
                ports[protocol] = ports.get(protocol, EMPTY) | one.ports
        portless |= one.protocols - WITH_PORTS
    return _Told(ports, portless)


def services_text(region: Region) -> str:
    """Returns protocols and ports of packets, such as ``TCP 22, 443; UDP 53``; ``-`` for none."""
    boxes = region.disjoint()
    return _text(_told(Service(one.protocols, one.ports, one.source_ports) for one in boxes))


def _text(told: _Told) -> str:
    if not (told.ports or told.portless):
        return "-"
    if told.portless == WITHOUT_PORTS and all(told.ports.get(one) == ALL_PORTS for one in PORTED):
        return "any"
    texts = [
        protocol_name(one) + ("" if ports == ALL_PORTS else f" {', '.join(format_ports(ports))}")
        for one, ports in sorted(told.ports.items())
    ]
    if told.portless == WITHOUT_PORTS:
        texts.append("any other protocol")
    else:
        texts += [protocol_name(one) for low, high in told.portless for one in range(low, high + 1)]
    return "; ".join(texts)


class _Side(NamedTuple):
    """A group as one end of a matrix.

    Attributes:
        far: how many addresses it has of each family, as the other end sees it.
        near: how many its interfaces have, each counted for itself.
        is_apart: no two of its interfaces behind different rules share one.
    """

    group: Group
    far: tuple[int, ...]
    near: tuple[int, ...]
    is_apart: bool


class _Passing:
    """The packets that pass both ends.

    Args:
        services: those of the strips.
        sides: who sends, and who receives.
        into: what the receivers let in from the senders; None if they are outside.
        out: what the senders let out to the receivers; likewise.
    """

    def __init__(
        self,
        services: Services,
        sides: tuple[_Side, _Side],
        into: Strips | None,
        out: Strips | None,
    ) -> None:
        self._services = services
        self._sides = sides
        self._into, self._out = into, out

    @cached_property
    def region(self) -> Region:
        boxes = [
            box_of(service, sources, destinations)
            for service, sources, destinations in self._areas()
        ]
        if all(one.is_apart for one in self._sides):
            return Region.of_disjoint(*boxes)
        return Region.of_boxes(*boxes)

    def _areas(self) -> Iterator[tuple[Service, IntervalSet, IntervalSet]]:
        """Yields services, and between whom they pass."""
        if self._out is None or self._into is None:
            yield from ((service, far, near) for service, far, near in self._into or ())
            yield from ((service, near, far) for service, far, near in self._out or ())
            return
        for one, far, near in self._into:
            for other, other_far, other_near in self._out:
                service = self._services.both(one, other)
                if service is None:
                    continue
                sources = far & other_near
                destinations = sources and near & other_far
                if destinations:
                    yield service, sources, destinations

    @cached_property
    def told(self) -> _Told:
        """The services of some packet."""
        found = _told(())
        if self._out is None or self._into is None:
            return _told(one.service for one in (self._into or self._out or ()))
        into, out = _by_service(self._into), _by_service(self._out)
        for one, here in into:
            for other, there in out:
                service = self._services.both(one, other)
                if service is None or found.has(service):
                    continue
                if any(
                    not (a.far.isdisjoint(b.near) or a.near.isdisjoint(b.far))
                    for a in here
                    for b in there
                ):
                    found = _with(found, service)
        return found

    @property
    def is_whole(self) -> bool:
        source, target = self._sides
        told = self.told
        return bool(told.size) and all(
            strips is None
            or sum(told.within(one.service) * one.far.size * one.near.size for one in strips)
            == told.size * sum(a * b for a, b in zip(far, near, strict=True))
            for strips, far, near in (
                (self._into, source.far, target.near),
                (self._out, target.far, source.near),
            )
        )


def _with(told: _Told, service: Service) -> _Told:
    more = _told((service,))
    ports = {
        one: told.ports.get(one, EMPTY) | more.ports.get(one, EMPTY)
        for one in PORTED
        if one in told.ports or one in more.ports
    }
    return _Told(ports, told.portless | more.portless)


def _by_service(strips: Strips) -> list[tuple[Service, Strips]]:
    found: dict[int, tuple[Service, Strips]] = {}
    for one in strips:
        found.setdefault(id(one.service), (one.service, []))[1].append(one)
    return list(found.values())


class Cell:
    """What gets from one group to another.

    Attributes:
        source: who sends.
        target: who receives.
    """

    __slots__ = ("_maybe", "_sure", "source", "target")

    def __init__(self, source: Group, target: Group, sure: _Passing, maybe: _Passing) -> None:
        self.source, self.target = source, target
        self._sure, self._maybe = sure, maybe

    @property
    def passing(self) -> Region:
        """The packets."""
        return self._sure.region

    @property
    def perhaps(self) -> Region:
        """Those and others of which it is not known."""
        return self._maybe.region

    @property
    def is_possible(self) -> bool:
        """Reports whether there is a packet that may get there."""
        return bool(self._maybe.told.size)

    @property
    def is_open(self) -> bool:
        """Reports whether there is a packet that gets there for sure."""
        return bool(self._sure.told.size)

    @property
    def is_whole(self) -> bool:
        """Reports whether what passes does so between all interfaces, from every source port."""
        return self._sure.is_whole

    @property
    def services(self) -> str:
        """Protocols and ports of what passes, as ``services_text`` has them."""
        return _text(self._sure.told)

    @property
    def unsure(self) -> str:
        """Protocols and ports of what may pass or not."""
        return "-" if self._maybe is self._sure else services_text(self.perhaps - self.passing)


class Matrix:
    """What gets from each of some groups to each of others.

    Args:
        ends: tells what interfaces let through.
        sources: who sends.
        targets: who receives.
        closed: interfaces to which nothing leads from outside.
        remote: the addresses at other ends of which the interfaces are asked, those of all groups
            among them; left out, they are those.
    """

    def __init__(
        self,
        ends: Ends,
        sources: Sequence[Group],
        targets: Sequence[Group],
        closed: frozenset[ResourceId],
        remote: IntervalSet | None = None,
    ) -> None:
        self._ends = ends
        self._sources = [_side(ends, one) for one in sources]
        self._targets = [_side(ends, one) for one in targets]
        self._closed = closed
        both = (*sources, *targets)
        self._remote = remote or IntervalSet.union(one.addresses for one in both)
        self._nothing = _Passing(ends.services, (_NOBODY, _NOBODY), [], [])

    def cells(self) -> Iterator[Cell]:
        """Yields the cells row by row, without those from outside to outside."""
        columns = self._columns()
        for number, source in enumerate(self._sources):
            out = None if source.group.is_outside else self._end(Direction.OUTBOUND, source.group)
            for target, column in zip(self._targets, columns, strict=True):
                if source.group.is_outside and target.group.is_outside:
                    continue
                if column is not None and number not in column:
                    yield Cell(source.group, target.group, self._nothing, self._nothing)
                else:
                    into = None if column is None else column[number]
                    yield self._cell(source, target, into, out)

    def _columns(self) -> list[dict[int, End] | None]:
        """Returns what each target lets in, by the numbers of sources; None for one outside."""
        areas = Areas([one.group.addresses for one in self._sources])
        is_outside = [one.group.is_outside for one in self._sources]
        found: list[dict[int, End] | None] = []
        for target in self._targets:
            if target.group.is_outside:
                found.append(None)
                continue
            end = self._end(Direction.INBOUND, target.group)
            outer = end
            if any(is_outside) and not self._closed.isdisjoint(target.group.members):
                outer = self._end(Direction.INBOUND, target.group, without=self._closed)
            found.append(
                {
                    number: one
                    for number, one in _by_area(end, areas).items()
                    if not is_outside[number]
                }
                | {
                    number: one
                    for number, one in _by_area(outer, areas).items()
                    if is_outside[number]
                }
            )
        return found

    def _end(
        self, way: Direction, group: Group, without: frozenset[ResourceId] = frozenset()
    ) -> End:
        members = {nic: own for nic, own in group.members.items() if nic not in without}
        return self._ends.of(way, self._ends.parts(members), self._remote)

    def _cell(self, source: _Side, target: _Side, into: End | None, out: End | None) -> Cell:
        known = all(one is None or one.sure is one.perhaps for one in (into, out))
        sure = self._passing(source, target, into and into.sure, out and out.sure)
        maybe = sure
        if not known:
            maybe = self._passing(source, target, into and into.perhaps, out and out.perhaps)
        return Cell(source.group, target.group, sure, maybe)

    def _passing(
        self, source: _Side, target: _Side, into: Strips | None, out: Strips | None
    ) -> _Passing:
        if into is not None:
            into = far_within(into, source.group.addresses)
        if out is not None:
            out = far_within(out, target.group.addresses)
        return _Passing(self._ends.services, (source, target), into, out)


def _side(ends: Ends, group: Group) -> _Side:
    parts = ends.parts(group.members)
    near = tuple(sum((one & some).size for one in parts.values()) for some in _FAMILIES)
    far = tuple((group.addresses & some).size for some in _FAMILIES)
    return _Side(group, far, near, group.is_outside or sum(near) == sum(far))


_NOBODY: Final = _Side(Group("", None, EMPTY), (), (), is_apart=True)


def _by_area(end: End, areas: Areas) -> dict[int, End]:
    """Returns the strips that touch each area at their far ends."""
    sure = _touching(end.sure, areas)
    perhaps = sure if end.sure is end.perhaps else _touching(end.perhaps, areas)
    return {number: type(end)(sure.get(number, []), some) for number, some in perhaps.items()}


def _touching(strips: Strips, areas: Areas) -> Mapping[int, Strips]:
    found: defaultdict[int, Strips] = defaultdict(list)
    for one in strips:
        for number in areas.touched(one.far):
            found[number].append(one)
    return found
