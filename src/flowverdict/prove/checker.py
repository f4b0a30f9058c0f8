"""Claims held against an estate: what holds, what fails with a packet, what cannot be known.

A claim about one direction is judged at each interface of its side, for all packets at once. One
from end to end is about packets that pass every interface of the estate that has one of their
addresses: what the senders let out and what the receivers let in are two sets, and a packet gets
through if it is in both. Whether routes lead from one to the other is not asked.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from flowverdict.model import Direction, Estate, Resources
from flowverdict.policy import DEFAULTS
from flowverdict.prove.diagram import LimitError
from flowverdict.prove.end_to_end import end_to_end
from flowverdict.prove.exposures import Exposure, exposures
from flowverdict.prove.planned import which
from flowverdict.prove.prover import Prover
from flowverdict.prove.question import Question
from flowverdict.prove.results import Failure, Result, verdict_of
from flowverdict.prove.witness import witness
from flowverdict.stages import no_collection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowverdict.model import NetworkInterface, ResourceId
    from flowverdict.policy import Options
    from flowverdict.prove.claims import Claim
    from flowverdict.prove.question import Asked

_APART: Final = ("resources", "diagnostics")
"""Fields of an estate that are compared in another way, or change no verdict."""


@dataclass(slots=True)
class _AtOne:
    """What one interface says of a claim."""

    failure: Failure | None = None
    missing: tuple[str, ...] = ()


@dataclass(slots=True)
class _Seen:
    """What is kept of a claim for the next estate: interfaces at which it does not hold."""

    judged: int
    apart: dict[ResourceId, _AtOne]


class Checker:
    """Judges claims about one estate; keeps what it found for a next one that is like it.

    Attributes:
        touched: the interfaces that are judged again; None for all of them.
    """

    def __init__(
        self, estate: Estate, options: Options = DEFAULTS, *, before: Checker | None = None
    ) -> None:
        """Takes an estate.

        Args:
            estate: the network.
            options: how open questions are answered.
            before: what judged a former estate with the same options. Where nothing but NSGs
                differs, interfaces before which they are the same are not judged again.
        """
        self._estate = estate
        self._options = options
        self._prover = Prover(estate, options)
        self._seen: dict[Claim, _Seen] = {}
        self._before: dict[Claim, _Seen] = {}
        self.touched: set[ResourceId] | None = None
        self._by_nsg: dict[ResourceId, list[ResourceId]] = {}
        if before is not None and before._options == options:  # noqa: SLF001 of the same class
            changed = changed_nsgs(before._estate, estate)  # noqa: SLF001
            if changed is not None:
                self._by_nsg = before._by_nsg or _by_nsg(estate)  # noqa: SLF001
                self.touched = {nic for one in changed for nic in self._by_nsg.get(one, ())}
            self._before = before._seen  # noqa: SLF001

    def check(self, claim: Claim) -> Result:
        """Returns what becomes of a claim.

        Raises:
            SelectorError: a word of it means nobody, or several.
        """
        with no_collection():
            question = Question(self._prover.network, self._prover, claim)
            if claim.direction is None:
                return end_to_end(question)
            seen = self._seen[claim] = self._at_interfaces(question, claim.direction)
            return _result(question, [claim.direction], seen)

    def exposures(self, result: Result) -> list[Exposure]:
        """Returns where a claim fails, apart for each rule that makes it so."""
        with no_collection():
            return exposures(Question(self._prover.network, self._prover, result.claim), result)

    def _at_interfaces(self, question: Question, way: Direction) -> _Seen:
        """Asks the interfaces before which something differs from last time, or all of them."""
        known = self._before.get(question.claim)
        nics = self._estate.resources.nics
        if known is None or self.touched is None:
            self._by_nsg = self._by_nsg or _by_nsg(self._estate)
            return _ask(question, way, nics.values())
        seen = _ask(question, way, (nics[one] for one in self.touched))
        apart = {one: at for one, at in known.apart.items() if one not in self.touched}
        # who is concerned does not hang on NSGs
        return _Seen(known.judged, {**apart, **seen.apart})


def _ask(question: Question, way: Direction, nics: Iterable[NetworkInterface]) -> _Seen:
    """Returns what interfaces say of a claim about one direction."""
    seen = _Seen(0, {})
    for nic in nics:
        asked = question.asked(nic, way)
        if asked is None:
            continue
        seen.judged += 1
        found = _at_one(question, nic, way, asked)
        if found.failure or found.missing:
            seen.apart[nic.id] = found
    return seen


def _at_one(question: Question, nic: NetworkInterface, way: Direction, asked: Asked) -> _AtOne:
    if not (asked.sure or asked.maybe):
        return _AtOne(None, asked.lost)
    if question.prover.refuses(nic):
        return _AtOne(None, (f"an NSG before `{nic.id}` (option `no-nsg`)",))
    missing = dict.fromkeys(asked.lost)
    failure = None
    try:
        prover = question.prover
        found = prover.by_access(nic, way, asked.sure, *question.accesses)
        if question.fails(found) and not question.fails_whichever(nic, way, asked, found):
            missing[which(nic)] = None
        elif question.fails(found) and _may_be_kept(question, nic, way, asked):
            missing.update(dict.fromkeys(asked.missing))
        elif question.fails(found):
            wrong = found[question.wrong]
            packet = witness(wrong)
            judgement = prover.judgement(nic, way, packet)
            failure = Failure(nic, way, wrong, packet, judgement, question.names(nic, way))
            if question.claim.expect == "not-all":  # every packet passes: no other is in doubt
                return _AtOne(failure)
        if question.claim.expect == "not-all" and "Deny" in found:
            if question.is_kept_whichever(nic, way, asked, found["Deny"]):
                return _AtOne()
            missing[which(nic)] = None
        if unknown := found.get("Unknown"):
            missing.update(dict.fromkeys(prover.outcome(nic, way, unknown).missing()))
        if asked.maybe and prover.by_access(nic, way, asked.maybe, question.wrong, "Unknown"):
            missing.update(dict.fromkeys(asked.missing))
    except LimitError as problem:
        missing[f"less work at `{nic.id.name}`: {problem}"] = None
    return _AtOne(failure, tuple(missing))


def _may_be_kept(question: Question, nic: NetworkInterface, way: Direction, asked: Asked) -> bool:
    """Reports whether packets that may be asked about too may keep all from passing."""
    if question.claim.expect != "not-all" or not (asked.maybe or asked.lost):
        return False
    return bool(asked.lost) or bool(
        question.prover.by_access(nic, way, asked.maybe, "Deny", "Unknown")
    )


def _result(question: Question, ways: Iterable[Direction], seen: _Seen) -> Result:
    nics = question.network.estate.resources.nics
    found = [seen.apart[one] for one in nics if one in seen.apart] if seen.apart else []
    failures = tuple(one.failure for one in found if one.failure)
    missing = [what for one in found for what in one.missing]
    sides = [question.side(way) for way in ways]
    missing += [what for side in sides for what in side.missing]
    if not (seen.judged or missing):
        names = " or ".join(f"`{side.text}`" for side in sides)
        places = ((nic, question.prover.at(nic).place) for nic in nics.values())
        if any(side.local(nic, place) for nic, place in places for side in sides):
            missing.append(f"packets for the addresses of {names}: the claim is about no such ones")
        else:
            missing.append(f"network interfaces of {names}: there is none in the estate")
    return verdict_of(question.claim, failures, missing, seen.judged)


def changed_nsgs(before: Estate, after: Estate) -> set[ResourceId] | None:
    """Returns the NSGs that differ; None where anything else may."""
    if before is after:
        return set()
    old, new = before.resources, after.resources
    kept = [(one.name, before, after) for one in fields(Estate) if one.name not in _APART]
    kept += [(one.name, old, new) for one in fields(Resources) if one.name != "nsgs"]
    if any(getattr(one, name) is not getattr(other, name) for name, one, other in kept):
        return None
    if old.nsgs.keys() != new.nsgs.keys():
        return None
    return {one for one, nsg in new.nsgs.items() if old.nsgs[one] is not nsg}


def _by_nsg(estate: Estate) -> dict[ResourceId, list[ResourceId]]:
    """Returns the interfaces behind each NSG, their own or their subnet's."""
    found: dict[ResourceId, list[ResourceId]] = {}
    subnets = estate.resources.subnets
    for nic in estate.resources.nics.values():
        subnet = subnets.get(nic.subnet) if nic.subnet else None
        for nsg in {nic.nsg, subnet.nsg if subnet else None} - {None}:
            assert nsg is not None
            found.setdefault(nsg, []).append(nic.id)
    return found
