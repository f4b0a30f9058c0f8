"""What interfaces let in and out, those behind the same rules together."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from flowverdict.model import Direction
from flowverdict.net import EMPTY, IntervalSet, format_addresses
from flowverdict.policy.services import SERVICES
from flowverdict.prove.diagram import LimitError
from flowverdict.prove.region import packets
from flowverdict.prove.strips import Services, Strip, merged, without_gaps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flowverdict.model import Estate, NetworkInterface, ResourceId
    from flowverdict.prove.prover import Prover
    from flowverdict.prove.region import Region

Strips = list[Strip]

_OF_PLATFORM: Final = IntervalSet.union(one.addresses for one in SERVICES)
"""Destinations of which the evaluator decides: they are asked about apart, for they are few."""


class End(NamedTuple):
    """What some interfaces let through, and that and what is not known: often the same object.

    Attributes:
        sure: strips of each interface, disjoint.
        perhaps: likewise; an address of several interfaces may stand in several.
    """

    sure: Strips
    perhaps: Strips


class Ends:
    """Answers for the ends of one estate.

    Attributes:
        services: those of all strips.
        missing: what is needed to know of all packets; grows with what is asked.
        limits: what was not found out, and why; likewise.
    """

    def __init__(self, prover: Prover) -> None:
        """Takes what tells what a policy does with packets."""
        self.services = Services()
        self.missing: dict[str, None] = {}
        self.limits: list[str] = []
        self._prover = prover
        self._found: dict[tuple[Direction, IntervalSet, int], End] = {}
        self._to_ask: dict[
            tuple[Direction, IntervalSet], list[tuple[IntervalSet, IntervalSet]]
        ] = {}

    @property
    def _estate(self) -> Estate:
        return self._prover.estate

    def parts(self, members: Mapping[ResourceId, IntervalSet]) -> dict[int, IntervalSet]:
        """Returns the addresses of interfaces by the rules that they are behind.

        Args:
            members: interfaces, and those of their addresses that count.

        Returns:
            By the numbers of lists in ``alike``.
        """
        found: defaultdict[int, list[IntervalSet]] = defaultdict(list)
        for nic, addresses in members.items():
            if addresses:
                found[self._number[nic]].append(addresses)
        return {number: IntervalSet.union(some) for number, some in found.items()}

    def of(self, way: Direction, parts: Mapping[int, IntervalSet], remote: IntervalSet) -> End:
        """Returns what interfaces let through, from or to some addresses and others.

        Args:
            way: inbound for what they let in.
            parts: the interfaces, as ``parts`` has them.
            remote: all addresses at the other end that matter; others are in strips by chance.
        """
        sure: Strips = []
        perhaps: Strips = []
        doubtful = False
        for number, addresses in parts.items():
            end = self._end(way, number, remote)
            alone = addresses - self._of_either
            sure += _near(end.sure, alone)
            perhaps += _near(end.perhaps, addresses)
            doubtful = doubtful or end.sure is not end.perhaps or alone != addresses
        some = merged(sure)
        return End(some, merged(perhaps) if doubtful else some)

    @cached_property
    def alike(self) -> list[list[NetworkInterface]]:
        """The interfaces that have or may get an address, those behind the same rules together."""
        found: defaultdict[int, list[NetworkInterface]] = defaultdict(list)
        for nic in self._estate.resources.nics.values():
            if self._estate.addresses_of(nic):
                found[id(self._prover.at(nic))].append(nic)
        return list(found.values())

    @cached_property
    def _number(self) -> dict[ResourceId, int]:
        return {nic.id: number for number, nics in enumerate(self.alike) for nic in nics}

    @cached_property
    def _own(self) -> list[IntervalSet]:
        """The addresses of each list in ``alike``."""
        of = self._estate.addresses_of
        return [IntervalSet.union(of(nic) for nic in nics) for nics in self.alike]

    @cached_property
    def _of_either(self) -> IntervalSet:
        """The addresses that interfaces without one may get, and others behind other rules too."""
        left = self._estate.open_addresses
        if not left:
            return EMPTY
        open_ones = IntervalSet.union(one for some in left.values() for one in some)
        seen, shared = EMPTY, EMPTY
        for nics, own in zip(self.alike, self._own, strict=True):
            some = own & open_ones
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

    def _end(self, way: Direction, number: int, remote: IntervalSet) -> End:
        key = way, remote, number
        if key not in self._found:
            sure: Strips = []
            unknown: Strips = []
            for wide, exact in self._asked(way, remote):
                allowed, doubtful = self._strips(way, number, wide, exact)
                sure += allowed
                unknown += doubtful
            self._found[key] = End(sure, sure + unknown if unknown else sure)
        return self._found[key]

    def _asked(self, way: Direction, remote: IntervalSet) -> list[tuple[IntervalSet, IntervalSet]]:
        """Returns addresses to ask about, first with others that make them fewer spans."""
        key = way, remote
        if key not in self._to_ask:
            of_platform = remote & _OF_PLATFORM if way is Direction.OUTBOUND else EMPTY
            rest = remote - of_platform
            parts = [(without_gaps(rest, _OF_PLATFORM), rest), (of_platform, of_platform)]
            self._to_ask[key] = [one for one in parts if one[1]]
        return self._to_ask[key]

    def _strips(
        self, way: Direction, number: int, wide: IntervalSet, exact: IntervalSet
    ) -> tuple[Strips, Strips]:
        """Returns what passes at interfaces that are alike, and of what it is not known."""
        nic, local = self.alike[number][0], self._own[number]
        inbound = way is Direction.INBOUND
        for remote in dict.fromkeys((wide, exact)):
            region = _between(way, local, remote)
            try:
                found = self._prover.by_access(nic, way, region, "Allow", "Unknown")
                unknown = found.get("Unknown")
                if unknown and remote != exact:
                    continue  # it may be about others alone
                if unknown:
                    outcome = self._prover.outcome(nic, way, unknown)
                    self.missing.update(dict.fromkeys(outcome.missing()))
            except LimitError as problem:
                if remote != exact:
                    continue
                self.limits.append(f"{way.value.lower()} at `{nic.id.name}`: {problem}")
                found = {"Unknown": region}
            allowed, doubtful = (
                list(self.services.strips(found[one], inbound=inbound)) if one in found else []
                for one in ("Allow", "Unknown")
            )
            return allowed, doubtful
        raise AssertionError("the exact addresses come last")


def _between(way: Direction, local: IntervalSet, remote: IntervalSet) -> Region:
    if way is Direction.INBOUND:
        return packets(sources=remote, destinations=local)
    return packets(sources=local, destinations=remote)


def _near(strips: Strips, addresses: IntervalSet) -> Iterator[Strip]:
    for one in strips:
        near = one.near & addresses
        if near == one.near:
            yield one
        elif near:
            yield one._replace(near=near)
