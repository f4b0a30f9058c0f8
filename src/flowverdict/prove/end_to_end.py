"""Claims from end to end: what all senders let out, and what all receivers let in, as two sets.

A packet gets through if it is in both. Addresses that no interface of the estate has are nobody's:
there the other end alone is asked. Whether routes lead from one to the other is not asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from flowverdict.model import Direction
from flowverdict.net import ALL_ADDRESSES, IntervalSet
from flowverdict.prove.diagram import LimitError
from flowverdict.prove.planned import is_open, may_be_given, which, whichever
from flowverdict.prove.region import NOTHING, Region, local_addresses, local_end, packets, together
from flowverdict.prove.results import Failure, Result, verdict_of
from flowverdict.prove.witness import witness

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.model import Estate, NetworkInterface
    from flowverdict.prove.question import Asked, Question


_MOST_PAIRS: Final = 10_000
"""Pairs of interfaces without addresses that are looked at one by one."""


@dataclass(slots=True)
class _End:
    """What the interfaces at one end let through, of what is asked.

    Attributes:
        passing: what passes, and what may pass, of what the claim is about for sure.
        perhaps: what passes or may pass of all that it may be about.
        missing: what is needed to know.
        lost: what is needed to know about packets that are in neither.
        judged: how many interfaces were asked.
        open: of interfaces that may get one of several addresses, what passes at those, and what
            may: it passes at the one that they get, and no other.
    """

    passing: Region = NOTHING
    perhaps: Region = NOTHING
    missing: dict[str, None] = field(default_factory=dict[str, None])
    lost: dict[str, None] = field(default_factory=dict[str, None])
    judged: int = 0
    open: list[tuple[NetworkInterface, Region, Region]] = field(
        default_factory=list["tuple[NetworkInterface, Region, Region]"]
    )


def end_to_end(question: Question) -> Result:
    """Returns what becomes of a claim whose packets have to pass both ends, or may not."""
    if question.wrong == "Deny":
        return _all_pass(question)
    ends = {way: _end(question, way) for way in Direction}
    estate = question.network.estate
    own = IntervalSet.union(nic.addresses for nic in estate.resources.nics.values())
    others = ALL_ADDRESSES - own
    nobody = others - may_be_given(estate)
    inbound, outbound = ends[Direction.INBOUND], ends[Direction.OUTBOUND]
    passing = through(inbound.passing, outbound.passing, nobody)
    perhaps = through(inbound.perhaps, outbound.perhaps, others)
    judged = sum(one.judged for one in ends.values())
    failures = (
        *(_failures(question, passing) if passing else ()),
        *(_at_any_address(question, ends, nobody) if perhaps else ()),
    )
    missing: dict[str, None] = {}
    doubtful = perhaps - together([one.packets for one in failures])
    for one in ends.values():
        missing.update(one.lost)
    if doubtful:
        for one in ends.values():
            missing.update(one.missing)
            missing.update((which(nic), None) for nic, _, may in one.open if may & doubtful)
    missing.update(_absent(question))
    if not (judged or missing):
        missing[_nobody(question)] = None
    return verdict_of(question.claim, failures, missing, judged)


def _at_any_address(
    question: Question, ends: dict[Direction, _End], nobody: IntervalSet
) -> Iterator[Failure]:
    """Yields interfaces at which packets get through whichever addresses they get."""
    estate = question.network.estate
    for way, other in ((Direction.INBOUND, Direction.OUTBOUND), tuple(Direction)[::-1]):
        beyond = local_end(other, nobody) | ends[other].passing
        for nic, passes, _ in ends[way].open:
            if whichever(estate, nic, way, here := passes & beyond):
                yield failure(question, nic, way, here)
    inbound, outbound = ends[Direction.INBOUND].open, ends[Direction.OUTBOUND].open
    if len(inbound) * len(outbound) > _MOST_PAIRS:
        return
    for nic, passes, _ in inbound:
        for peer, leaves, _ in outbound:
            here = passes & leaves
            if here and peer is not nic and _whichever_both(estate, peer, nic, here):
                yield failure(question, nic, Direction.INBOUND, here)
                break


def _whichever_both(
    estate: Estate, source: NetworkInterface, target: NetworkInterface, region: Region
) -> bool:
    """Reports whether packets of a region go between two interfaces whatever both get."""
    for sources in estate.open_addresses[source.id]:
        for targets in estate.open_addresses[target.id]:
            left = packets(sources=sources, destinations=targets)
            for box in region.boxes():
                left -= packets(sources=box.sources, destinations=box.destinations)
            if not left:
                return True
    return False


def through(inbound: Region, outbound: Region, others: IntervalSet) -> Region:
    """Returns the packets that pass every end that is an interface's.

    Args:
        inbound: what the receivers let in.
        outbound: what the senders let out.
        others: addresses that no interface has.
    """
    from_others = inbound & packets(sources=others)
    to_others = outbound & packets(destinations=others)
    return (inbound & outbound) | from_others | to_others


def _end(question: Question, way: Direction) -> _End:
    """Returns what the interfaces at one end let through."""
    found = _End()
    passing: list[Region] = []
    perhaps: list[Region] = []
    for nic in question.network.estate.resources.nics.values():
        asked = question.asked(nic, way)
        if asked is None:
            continue
        found.judged += 1
        found.lost.update(dict.fromkeys(asked.lost))
        try:
            passes, may, missing = _at(question, nic, way, asked)
        except LimitError as problem:
            passes, may = NOTHING, asked.sure | asked.maybe
            missing = (f"less work at `{nic.id.name}`: {problem}",)
        perhaps.append(may)
        if is_open(question.network.estate, nic):
            at_own = local_end(way, nic.addresses)
            found.open.append((nic, passes - at_own, may - at_own))
            passes &= at_own
        passing.append(passes)
        found.missing.update(dict.fromkeys(missing))
    found.passing, found.perhaps = together(passing), together(perhaps)
    return found


def _at(
    question: Question, nic: NetworkInterface, way: Direction, asked: Asked
) -> tuple[Region, Region, tuple[str, ...]]:
    """Returns what passes an interface, what may, and what is needed to know."""
    if not (asked.sure or asked.maybe):
        return NOTHING, NOTHING, ()
    if question.prover.refuses(nic):
        return NOTHING, asked.sure | asked.maybe, (f"an NSG before `{nic.id}` (option `no-nsg`)",)
    outcome = question.prover.outcome(nic, way, asked.sure)
    passes = outcome.where("Allow")
    may = outcome.where("Allow", "Unknown")
    missing = outcome.missing()
    if asked.maybe:
        more = question.prover.outcome(nic, way, asked.maybe)
        unsure = more.where("Allow", "Unknown")
        if unsure:
            may |= unsure
            missing = (*missing, *asked.missing, *more.missing())
    return passes, may, missing


def _failures(question: Question, passing: Region) -> Iterator[Failure]:
    """Yields the interfaces at which packets come in, or go out to others, that should not."""
    left = passing
    # of two interfaces with one address the same one is told, whatever the order of files
    nics = sorted(question.network.estate.resources.nics.values(), key=lambda one: one.id)
    for way in Direction:
        seen = local_addresses(way, passing)
        for nic in nics:
            if nic.addresses.isdisjoint(seen):
                continue
            here = left & local_end(way, nic.addresses)
            if here:
                left -= here
                yield failure(question, nic, way, here)


def failure(question: Question, nic: NetworkInterface, way: Direction, here: Region) -> Failure:
    """Returns the failure of a claim at an interface, with a packet that shows it."""
    packet = witness(here)
    one = question.prover.outcome(nic, way, Region.of_packet(packet))
    judgement = one.of(packet)
    assert judgement is not None
    return Failure(nic, way, here, packet, judgement, question.names(nic, way))


def _all_pass(question: Question) -> Result:
    """Returns what becomes of a claim that every packet passes: each end alone can stop it."""
    failures: list[Failure] = []
    missing: dict[str, None] = {}
    judged = 0
    for way in Direction:
        for nic in question.network.estate.resources.nics.values():
            asked = question.asked(nic, way)
            if asked is None:
                continue
            judged += 1
            try:
                stopped, told = _stopped(question, nic, way, asked)
            except LimitError as problem:
                stopped, told = NOTHING, (f"less work at `{nic.id.name}`: {problem}",)
            if stopped:
                failures.append(failure(question, nic, way, stopped))
            missing.update(dict.fromkeys(told))
    missing.update(_absent(question))
    if not (judged or missing):
        missing[_nobody(question)] = None
    return verdict_of(question.claim, tuple(failures), missing, judged)


def _stopped(
    question: Question, nic: NetworkInterface, way: Direction, asked: Asked
) -> tuple[Region, tuple[str, ...]]:
    if not (asked.sure or asked.maybe):
        return NOTHING, asked.lost
    if question.prover.refuses(nic):
        return NOTHING, (f"an NSG before `{nic.id}` (option `no-nsg`)",)
    outcome = question.prover.outcome(nic, way, asked.sure)
    missing = (*asked.lost, *outcome.missing())
    if asked.maybe:
        more = question.prover.outcome(nic, way, asked.maybe)
        if more.where("Deny", "Unknown"):
            missing = (*missing, *asked.missing)
    stopped = outcome.where("Deny")
    if stopped and not whichever(question.network.estate, nic, way, stopped):
        return NOTHING, (*missing, which(nic))
    return stopped, missing


def _absent(question: Question) -> dict[str, None]:
    return dict.fromkeys(what for way in Direction for what in question.side(way).missing)


def _nobody(question: Question) -> str:
    names = " or ".join(f"`{question.side(way).text}`" for way in Direction)
    return f"network interfaces of {names}: there is none in the estate"
