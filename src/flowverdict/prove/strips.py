"""What interfaces let through as strips: a service, addresses on the far side, and own addresses.

One policy's packets are few strips. Those of many interfaces are the strips of each, one after the
other: no interface's packets are another's, and as one diagram they would be every pair of spans.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from flowverdict.net import IntervalSet
from flowverdict.prove.region import Box

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from flowverdict.prove.region import Region


class Service(NamedTuple):
    """Packets by all but their addresses; equal ones of one ``Services`` are one object."""

    protocols: IntervalSet
    ports: IntervalSet
    source_ports: IntervalSet

    @property
    def size(self) -> int:
        """How many combinations there are."""
        return self.protocols.size * self.ports.size * self.source_ports.size


class Strip(NamedTuple):
    """Packets of a service between any of some addresses and any of others, of one family.

    Attributes:
        service: protocols and ports.
        far: addresses at the other end.
        near: addresses of interfaces.
    """

    service: Service
    far: IntervalSet
    near: IntervalSet


class Services:
    """Makes services, equal ones once, and remembers what two of them share."""

    def __init__(self) -> None:
        self._known: dict[Service, Service] = {}
        self._shared: dict[tuple[int, int], Service | None] = {}

    def one(self, service: Service) -> Service:
        """Returns the object for a service."""
        return self._known.setdefault(service, service)

    def both(self, one: Service, other: Service) -> Service | None:
        """Returns what two services of this object share; None for nothing."""
        if one is other:
            return one
        key = (id(one), id(other))
        if key not in self._shared:
            shared = Service(*(a & b for a, b in zip(one, other, strict=True)))
            self._shared[key] = self.one(shared) if all(shared) else None
        return self._shared[key]

    def strips(self, region: Region, *, inbound: bool) -> Iterator[Strip]:
        """Yields the disjoint strips of a region, whose receivers are near if it is inbound."""
        for box in region.boxes():
            service = self.one(Service(box.protocols, box.ports, box.source_ports))
            far, near = box.sources, box.destinations
            yield Strip(service, far, near) if inbound else Strip(service, near, far)


def box_of(service: Service, sources: IntervalSet, destinations: IntervalSet) -> Box:
    """Returns the packets of a service between some addresses."""
    return Box(service.protocols, sources, destinations, service.ports, service.source_ports)


def merged(strips: Iterable[Strip]) -> list[Strip]:
    """Returns strips with those that differ in their near addresses alone made one."""
    found: dict[tuple[int, tuple[tuple[int, int], ...]], list[Strip]] = {}
    for one in strips:
        found.setdefault((id(one.service), one.far.spans), []).append(one)
    return [
        some[0]
        if len(some) == 1
        else some[0]._replace(near=IntervalSet.union(one.near for one in some))
        for some in found.values()
    ]


def far_within(strips: Iterable[Strip], addresses: IntervalSet) -> list[Strip]:
    """Returns what of strips is from or to some addresses at the other end."""
    return merged(
        one if far is one.far else one._replace(far=far)
        for one in strips
        if (far := addresses & one.far)
    )


class Areas:
    """Finds which of many sets of addresses share some with another set."""

    def __init__(self, areas: Sequence[IntervalSet]) -> None:
        turns: dict[int, set[int]] = {}
        for number, area in enumerate(areas):
            for low, high in area:
                turns.setdefault(low, set()).add(number)
                turns.setdefault(high + 1, set()).symmetric_difference_update((number,))
        self._lows = sorted(turns)
        """Where the sets that hold an address change."""
        self._here: list[frozenset[int]] = []
        now: frozenset[int] = frozenset()
        for low in self._lows:
            now ^= turns[low]
            self._here.append(now)

    def touched(self, addresses: IntervalSet) -> set[int]:
        """Returns the numbers of the sets that share an address with some."""
        found: set[int] = set()
        for low, high in addresses:
            first = max(bisect_right(self._lows, low) - 1, 0)
            for some in self._here[first : bisect_right(self._lows, high)]:
                found |= some
        return found


def without_gaps(addresses: IntervalSet, others: IntervalSet) -> IntervalSet:
    """Returns addresses with the gaps between them in which there is none of some others."""
    return IntervalSet(
        [
            *addresses,
            *(
                (one[1] + 1, two[0] - 1)
                for one, two in pairwise(addresses)
                if others.isdisjoint(IntervalSet([(one[1] + 1, two[0] - 1)]))
            ),
        ]
    )
