"""A claim as what is asked at interfaces: which packets meet each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flowverdict.model import Direction
from flowverdict.net import ALL_ADDRESSES, ALL_IPV4, ALL_IPV6, EMPTY
from flowverdict.policy.services import SERVICES
from flowverdict.prove.names import free_addresses
from flowverdict.prove.planned import is_open, whichever
from flowverdict.prove.region import NOTHING, Region, local_addresses, packets, together
from flowverdict.prove.selectors import Addresses, Side

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from flowverdict.model import NetworkInterface, Rule
    from flowverdict.net import IntervalSet
    from flowverdict.policy import Network
    from flowverdict.prove.claims import Claim
    from flowverdict.prove.prover import Prover
    from flowverdict.stages import Around, Policy


PLATFORM: Final = together(
    [
        packets(protocols=one.protocols, destinations=one.addresses, ports=one.ports)
        for one in SERVICES
    ]
)
"""Packets for Azure's own services, which rules have no effect on unless they name them."""


class Question:
    """A claim as what is asked at interfaces."""

    def __init__(self, network: Network, prover: Prover, claim: Claim) -> None:
        """Reads the sides of a claim.

        Raises:
            SelectorError: a word means nobody, or several.
        """
        self.network = network
        self.prover = prover
        self.claim = claim
        sources = (*claim.sources, *(f"!{one}" for one in claim.via))
        self._sides = {
            Direction.OUTBOUND: Side(network, sources),
            Direction.INBOUND: Side(network, claim.destinations),
        }
        self._remote: dict[tuple[Direction, int], tuple[Around, Addresses]] = {}

    @property
    def wrong(self) -> str:
        """The access that no packet may meet with."""
        return "Deny" if self.claim.expect == "allow" else "Allow"

    @property
    def accesses(self) -> tuple[str, ...]:
        """The accesses on which the claim hangs."""
        both = ("Allow", "Deny") if self.claim.expect == "not-all" else (self.wrong,)
        return (*both, "Unknown")

    def fails(self, found: Collection[str]) -> bool:
        """Reports whether the accesses that packets meet with are not what was claimed."""
        if self.claim.expect == "not-all":
            return set(found) == {"Allow"}
        return self.wrong in found

    def fails_whichever(
        self, nic: NetworkInterface, way: Direction, asked: Asked, found: Mapping[str, Region]
    ) -> bool:
        """Reports whether what fails at an interface does whichever addresses it gets."""
        estate = self.network.estate
        if not is_open(estate, nic):
            return True
        if self.claim.expect == "not-all":
            return whichever(estate, nic, way, asked.sure)
        return whichever(estate, nic, way, found[self.wrong])

    def is_kept_whichever(
        self, nic: NetworkInterface, way: Direction, asked: Asked, denied: Region
    ) -> bool:
        """Reports whether some packets are denied at an interface whichever address it gets."""
        if not is_open(self.network.estate, nic):
            return True
        seen = local_addresses(way, denied)
        own = local_addresses(way, asked.sure)
        return not seen.isdisjoint(nic.addresses) or own <= seen

    def side(self, way: Direction) -> Side:
        """Returns who is at the interface when packets meet it in a direction."""
        return self._sides[way]

    def names(self, nic: NetworkInterface, way: Direction) -> dict[IntervalSet, str]:
        """Returns what addresses are called in the claim, as an interface sees them."""
        remote = self._seen_from(self.prover.at(nic), way).sure
        text = self._sides[_other(way)].text
        parts = (remote, remote & ALL_IPV4, remote & ALL_IPV6)
        local = free_addresses(self.network.estate, nic)
        return local | {some: text for some in parts if some}

    def words(
        self, nic: NetworkInterface, way: Direction, rule: Rule | None
    ) -> dict[str, IntervalSet]:
        """Returns the names that stand for the same people at another time, with who they are.

        Those of the claim come first, then those of the rule that decides.
        """
        words: dict[str, IntervalSet] = {}
        other = self._sides[_other(way)]
        if other.is_of_services:
            words[other.text] = self._seen_from(self.prover.at(nic), way).sure
        words.setdefault("any", ALL_ADDRESSES)
        end = None
        if rule is not None:
            end = rule.source if way is Direction.INBOUND else rule.destination
        for name in end.tags if end else ():
            if addresses := self.tag(nic, name):
                words.setdefault(name, addresses)
        return words

    def tag(self, nic: NetworkInterface, name: str) -> IntervalSet:
        """Returns the addresses of a service tag; none for `VirtualNetwork`, the estate's own."""
        if name.lower() == "virtualnetwork":
            return EMPTY
        return self.prover.at(nic).place.tag(name).sure

    def asked(self, nic: NetworkInterface, way: Direction) -> Asked | None:
        """Returns what is asked at an interface; None where it is not concerned."""
        policy = self.prover.at(nic)
        remote = self._seen_from(policy, way)
        local = self._local(nic, policy, way)
        sure, maybe = NOTHING, NOTHING
        if local:
            sure, maybe = self._regions(local, remote, nic, policy, way)
        estate = self.network.estate
        lost: tuple[str, ...] = ()
        if estate.lacks_address(nic) and self._sides[way].selects(nic):
            lost = (estate.name_address_lost(nic),)
        if sure or maybe or lost:
            return Asked(sure, maybe, remote.missing, lost)
        return None

    def _local(self, nic: NetworkInterface, policy: Policy, way: Direction) -> IntervalSet:
        """Returns the addresses of an interface that are asked about.

        What nobody else may do is asked of everybody at the other end.
        """
        if self.claim.expect == "only" and way is not self._judged_at:
            return self.network.estate.addresses_of(nic)
        return self._sides[way].local(nic, policy.place)

    @property
    def _judged_at(self) -> Direction:
        return self.claim.direction or Direction.OUTBOUND

    def _seen_from(self, policy: Policy, way: Direction) -> Addresses:
        """Returns the addresses of the other side as an interface sees them."""
        other = self._sides[_other(way)]
        key = (way, id(policy.around) if other.varies else 0)
        if key not in self._remote:
            self._remote[key] = policy.around, other.remote(policy.place)
        return self._remote[key][1]

    def _regions(
        self,
        local: IntervalSet,
        remote: Addresses,
        nic: NetworkInterface,
        policy: Policy,
        way: Direction,
    ) -> tuple[Region, Region]:
        """Returns the packets that are asked about, and others that may have to be."""
        claim = self.claim
        fields = {
            "protocols": claim.protocols,
            "ports": claim.ports,
            "source_ports": claim.source_ports,
        }
        if claim.expect != "only":
            sure = packets(**_ends(way, local, remote.sure), **fields)
            maybe = (
                packets(**_ends(way, local, remote.maybe), **fields) if remote.maybe else NOTHING
            )
            return sure, maybe
        if way is self._judged_at:
            whole = packets(**_ends(way, local, ALL_ADDRESSES))
            if way is Direction.OUTBOUND:  # what the platform itself needs is nobody's plan
                whole -= PLATFORM
            granted = packets(**_ends(way, local, remote.sure), **fields)
            perhaps = packets(**_ends(way, local, remote.maybe), **fields)
            return whole - granted - perhaps, (whole & perhaps) - granted
        there = self._sides[way].local(nic, policy.place)
        granted = packets(**_ends(way, there, remote.sure | remote.maybe), **fields)
        whole = packets(**_ends(way, local, remote.sure))
        perhaps = packets(**_ends(way, local, remote.maybe))
        return whole - granted, perhaps - granted


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked at an interface.

    Attributes:
        sure: packets that the claim is about.
        maybe: others that it may be about.
        missing: what is needed to know about those.
        lost: what is needed to know about more packets, of which nothing is known.
    """

    sure: Region
    maybe: Region
    missing: tuple[str, ...]
    lost: tuple[str, ...] = ()


def _other(way: Direction) -> Direction:
    return Direction.OUTBOUND if way is Direction.INBOUND else Direction.INBOUND


def _ends(way: Direction, local: IntervalSet, remote: IntervalSet) -> dict[str, IntervalSet]:
    if way is Direction.INBOUND:
        return {"sources": remote, "destinations": local}
    return {"sources": local, "destinations": remote}
