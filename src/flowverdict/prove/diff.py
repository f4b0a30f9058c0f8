"""Which packets get another verdict: two estates, interface by interface, all packets."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING

from flowverdict.model import Direction
from flowverdict.net import IntervalSet
from flowverdict.policy import DEFAULTS
from flowverdict.prove.diagram import LimitError
from flowverdict.prove.names import free_addresses, tag_names
from flowverdict.prove.prover import Prover
from flowverdict.prove.region import local_addresses, local_end
from flowverdict.prove.witness import witness
from flowverdict.stages import PLATFORM

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flowverdict.model import Estate, NetworkInterface, ResourceId
    from flowverdict.net import Packet
    from flowverdict.policy import Options
    from flowverdict.prove.prover import Judgement
    from flowverdict.prove.region import Region
    from flowverdict.stages import Around, Policy, Stage, Test


@dataclass(frozen=True, slots=True)
class Changed:
    """Packets whose verdict changes, at interfaces that stand behind the same rules.

    Attributes:
        nics: the interfaces, as they are after the change.
        direction: how the packets meet them.
        packets: all of them.
        packet: one of them, at the first interface that it is for.
        nic: that interface.
        before: what happened to it, and to the others.
        after: what happens now.
        names: what sets of addresses are called there: tags.
    """

    nics: tuple[NetworkInterface, ...]
    direction: Direction
    packets: Region
    packet: Packet
    nic: NetworkInterface
    before: Judgement
    after: Judgement
    names: Mapping[IntervalSet, str]


@dataclass(slots=True)
class Diff:
    """What two estates do differently.

    Attributes:
        changes: packets that get another verdict, those that pass now first.
        added: interfaces that only the second estate has, or addresses of theirs.
        removed: likewise of the first one.
        compared: how many interfaces were compared.
        limits: what was not compared, or not to its end, and why.
    """

    changes: list[Changed] = field(default_factory=list[Changed])
    added: list[NetworkInterface] = field(default_factory=list["NetworkInterface"])
    removed: list[NetworkInterface] = field(default_factory=list["NetworkInterface"])
    compared: int = 0
    limits: list[str] = field(default_factory=list[str])

    @property
    def is_same(self) -> bool:
        """Whether it is proven that no packet gets another verdict."""
        return not (self.changes or self.added or self.removed or self.limits)


def diff(before: Estate, after: Estate, options: Options = DEFAULTS) -> Diff:
    """Compares what two estates do with every packet at every interface.

    Interfaces are the same if their ids are, and are compared for the addresses that they have in
    both estates.

    Args:
        before: an estate.
        after: another one.
        options: how open questions are answered in both.
    """
    found = Diff()
    old, new = before.resources.nics, after.resources.nics
    for nic in new.values():
        if nic.id not in old or after.addresses_of(nic) - before.addresses_of(old[nic.id]):
            found.added.append(nic)
    for nic in old.values():
        if nic.id not in new or before.addresses_of(nic) - after.addresses_of(new[nic.id]):
            found.removed.append(nic)
    provers = Prover(before, options), Prover(after, options)
    groups: dict[tuple[int, int], list[NetworkInterface]] = {}
    kept: list[Policy] = []
    for nic in new.values():
        if nic.id not in old:
            continue
        policies = provers[0].at(old[nic.id]), provers[1].at(nic)
        kept += policies  # told apart by identity
        groups.setdefault((id(policies[0]), id(policies[1])), []).append(nic)
    alike = _Alike()
    for nics in groups.values():
        found.compared += len(nics)
        if alike.are(provers[0].at(old[nics[0].id]), provers[1].at(nics[0])):
            continue
        for way in Direction:
            try:
                found.changes += _at(provers, old[nics[0].id], nics, way)
            except LimitError as problem:
                name = nics[0].id.name
                found.limits.append(f"{way.value.lower()} at `{name}`: {problem}")
    if before.resources != after.resources:
        missing = {**_not_seen(after), **_not_seen(before)}
        found.limits += (f"packets at `{nic.name}`: {what}" for nic, what in missing.items())
    found.changes.sort(key=_order)
    return found


def _not_seen(estate: Estate) -> dict[ResourceId, str]:
    """Returns what is missing to compare interfaces that an estate speaks of."""
    nics = estate.resources.nics.values()
    found = {one.id: estate.name_address_lost(one) for one in nics if estate.lacks_address(one)}
    broken = (one for one in estate.broken if one.type.endswith("/networkinterfaces"))
    lost = {one: estate.name_lost("network interface", one) for one in broken}
    absent = {one: estate.name_lost("network interface", one) for one in estate.absent_nics}
    return {**found, **absent, **lost}


class _Alike:
    """Tells whether two policies are the same by what they are made of: then no packet differs.

    Where something may be missing it is not told: the evaluator has to be asked.
    """

    def __init__(self) -> None:
        self._stages: dict[tuple[int, int], tuple[Stage, Stage, bool]] = {}
        self._around: dict[tuple[int, int], tuple[Around, Around, bool]] = {}

    def are(self, one: Policy, other: Policy) -> bool:
        """Reports whether nothing that decides differs."""
        stages = (list(zip_longest(*both)) for both in zip(one.stages, other.stages, strict=True))
        return (
            self._same_around(one.around, other.around)
            and _routes(one) == _routes(other)
            and all(self._same_stage(*pair) for pairs in stages for pair in pairs)
        )

    def _same_stage(self, one: Stage | None, other: Stage | None) -> bool:
        if one is None or other is None:
            return False
        key = (id(one), id(other))
        if key not in self._stages:
            same = one.tests == other.tests and (one is PLATFORM or not any(map(_asks, one.tests)))
            self._stages[key] = one, other, same
        return self._stages[key][2]

    def _same_around(self, one: Around, other: Around) -> bool:
        key = (id(one), id(other))
        if key not in self._around:
            tags = (one.network, one.internet), (other.network, other.internet)
            same = tags[0] == tags[1] and not any(tag.asks for tag in tags[0])
            self._around[key] = one, other, same
        return self._around[key][2]


def _asks(test: Test) -> bool:
    return bool(test.rule is None or test.asks or test.src.asks or test.dst.asks)


def _routes(policy: Policy) -> object:
    """Returns the routes of a subnet, on which exemptions hang; the policy if they are unknown."""
    subnet = policy.place.subnet
    if subnet is None:
        return policy
    if subnet.route_table is None:
        return None
    return policy.place.estate.resources.route_tables.get(subnet.route_table, policy)


def _at(
    provers: tuple[Prover, Prover],
    one: NetworkInterface,
    nics: list[NetworkInterface],
    way: Direction,
) -> Iterator[Changed]:
    """Yields what changes at interfaces behind the same rules, in one direction."""
    before, after = provers
    old = before.estate.resources.nics
    own = {
        nic.id: before.estate.addresses_of(old[nic.id]) & after.estate.addresses_of(nic)
        for nic in nics
    }
    local = IntervalSet.union(own.values())
    region = local_end(way, local)
    for change, some in before.difference(one, after, nics[0], way, region).changes():
        packet = witness(some)
        seen = local_addresses(way, some)
        here = tuple(nic for nic in nics if not own[nic.id].isdisjoint(seen))
        address = packet.dst if way is Direction.INBOUND else packet.src
        at = next(nic for nic in here if address in own[nic.id])
        names = tag_names(after.at(at).place, [one.rule for one in change if one.rule])
        names |= free_addresses(after.estate, at)
        yield Changed(here, way, some, packet, at, change.before, change.after, names)


_ORDER = ("Allow", "Unknown", "Deny")


def _order(change: Changed) -> tuple[int, int, str]:
    return (
        _ORDER.index(change.after.access),
        -_ORDER.index(change.before.access),
        str(change.nic.id),
    )
