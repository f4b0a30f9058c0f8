"""The smallest change that stops a finding, tried on the recorded flows before it is offered.

Every alternative is judged twice: the attackers' packets have to be denied with it, and what else
it would break of the last days of the lake is told. Of those that break least the smallest one is
recommended.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from flowverdict.impact.cure_admin import admin_denies
from flowverdict.impact.cure_advice import Advice, advice_for
from flowverdict.impact.cure_bastion import for_bastion
from flowverdict.impact.cure_deny import Asked, Proposal, nsg_denies, points
from flowverdict.impact.cure_edit import Edit, edited
from flowverdict.impact.cure_effect import SEVERE, Attackers, Effect, effects, is_severe, last_days
from flowverdict.impact.cure_ends import Ends, Judge, ends_of
from flowverdict.impact.cure_remove import narrowed, removals
from flowverdict.impact.what_if import what_ifs
from flowverdict.net import EMPTY, IntervalSet, parse_address
from flowverdict.policy import DEFAULTS, Network

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from flowverdict.detect import Finding
    from flowverdict.impact.cause import Cause
    from flowverdict.impact.cure_ends import End, Flow
    from flowverdict.lake import Lake, Period
    from flowverdict.model import Estate, ResourceId
    from flowverdict.policy import Options

REMOVE: Final = "remove-rule"
NSG_DENY: Final = "nsg-deny"
NARROW: Final = "narrow-rule"
BASTION: Final = "bastion-only"
ADMIN_DENY: Final = "admin-deny"
KINDS: Final = (REMOVE, NSG_DENY, NARROW, BASTION, ADMIN_DENY)
"""Of alternatives that are as good the first is recommended: a rule less, then one more nearby."""
DAYS: Final = 30
ENOUGH: Final = 7
"""Days of flows behind which it is believed that nobody else uses a rule."""
_MEANT: Final = {
    "clear-text": "the flows are meant, their lack of encryption is not: no rule helps with that"
}
"""Detections of flows that are not to be stopped, and why."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """A change that stops a finding's flows.

    Attributes:
        kind: one of ``KINDS``.
        edits: what is done to which rule.
        effect: what it does to recorded flows.
        notes: what to know before it is used.
        regions: where configurations of admin rules have to be committed.
    """

    kind: str
    edits: tuple[Edit, ...]
    effect: Effect
    notes: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()


@dataclass(slots=True)
class Cure:
    """What stops a finding.

    Attributes:
        why: why nothing is offered, or need not be; empty where there is an alternative.
        alternatives: the recommended one first.
        refused: why other kinds are not offered.
        advice: what else would help, and is no rule: it is not judged.
        flows: what has to be stopped.
    """

    estate: Estate | None = field(default=None, repr=False)
    why: str = ""
    alternatives: list[Alternative] = field(default_factory=list[Alternative])
    refused: dict[str, str] = field(default_factory=dict[str, str])
    advice: list[Advice] = field(default_factory=list[Advice])
    flows: tuple[Flow, ...] = ()

    @property
    def recommended(self) -> Alternative | None:
        """What breaks least, and of that the smallest; None where nothing is offered."""
        return self.alternatives[0] if self.alternatives else None


def cures(
    findings: Sequence[Finding],
    causes: Sequence[Cause | None],
    estate: Estate | None,
    lake: Lake,
    options: Options = DEFAULTS,
    days: int = DAYS,
) -> list[Cure | None]:
    """Returns what stops each finding; None for one that has no cause.

    The lake is read once for all findings and kinds of cure, and once more if rules are narrowed.

    Args:
        findings: what was found.
        causes: the rules that decided it, as ``causes`` returns them.
        estate: the rules as they are; without it there is no cure.
        lake: the flows on which cures are tried.
        options: how open questions are answered.
        days: how many days of the lake, back from its newest row.

    Raises:
        LakeError: the lake cannot be read.
    """
    found = [
        None if cause is None else _without(one, cause, estate)
        for one, cause in zip(findings, causes, strict=True)
    ]
    numbers = [at for at, one in enumerate(found) if one is not None and not one.why]
    if estate is None or not numbers:
        return found
    asked: dict[int, Asked] = {}
    some = [findings[at] for at in numbers]
    for number, ends in zip(numbers, ends_of(some, lake, estate, options), strict=True):
        cure = found[number]
        assert cure is not None
        if ends.ends:
            asked[number] = _asked(findings[number], ends)
        else:
            cure.why = _nothing_passes(ends)
    period = last_days(lake, days)
    search = _Search(findings, estate, lake, options, period, asked)
    for number, cure in search.cures().items():
        found[number] = cure
    return found


def _without(finding: Finding, cause: Cause, estate: Estate | None) -> Cure:
    """Returns a cure without an alternative yet, and why there is none where that is known."""
    if why := _MEANT.get(finding.detection):
        return Cure(estate, why)
    if not cause.allows:
        names = dict.fromkeys(str(one.said) for one in cause.denies)
        return Cure(estate, f"nothing passed: {'; '.join(names)}: keep it")
    if all(one.layer == "platform" for one in cause.allows):
        return Cure(estate, "no rule let them in: the platform decided")
    return Cure(estate, "" if estate else "an ESTATE is needed to find one")


def _nothing_passes(ends: Ends) -> str:
    if ends.denied and not ends.unknown:
        return f"the rules deny it by now: {ends.denied[0].told}: keep that"
    reasons = "; ".join(ends.unknown) or "no allowed flow was recorded"
    return f"what would stop it is not known: {reasons}"


def _asked(finding: Finding, ends: Ends) -> Asked:
    notes: list[str] = []
    sources = targets = EMPTY
    if ends.left_out:
        sources, targets = _addresses(finding.sources), _addresses(finding.targets)
        notes.append(f"{ends.left_out:,} more of its flows were not looked at one by one")
    if ends.unknown:
        count, reasons = sum(ends.unknown.values()), "; ".join(ends.unknown)
        notes.append(f"{count:,} of its flows could not be judged: {reasons}")
    severe = is_severe(finding, SEVERE)
    return Asked(finding.detection, ends.ends, sources, targets, severe, tuple(notes))


def _addresses(addresses: Iterable[str]) -> IntervalSet:
    return points(map(parse_address, addresses))


class _Search:
    """Makes alternatives of every kind for all findings at once, and tries them on the lake."""

    def __init__(
        self,
        findings: Sequence[Finding],
        estate: Estate,
        lake: Lake,
        options: Options,
        period: Period,
        asked: Mapping[int, Asked],
    ) -> None:
        self._estate = estate
        self._lake = lake
        self._options = options
        self._period = period
        self._asked = asked
        flows = {at: tuple({end.flow: 0 for end in one.ends}) for at, one in asked.items()}
        self._attackers = Attackers(findings, flows)
        self._findings = findings
        self._cures = {number: Cure(estate, flows=some) for number, some in flows.items()}

    def cures(self) -> dict[int, Cure]:
        """Returns a cure of each finding, by its number."""
        if not self._asked:
            return {}
        network = Network(self._estate, self._options)
        removed = removals(self._estate, self._options, self._asked)
        proposals = {
            REMOVE: removed,
            BASTION: for_bastion(self._estate, self._options, self._asked, removed),
            NSG_DENY: nsg_denies(self._estate, self._asked),
            ADMIN_DENY: admin_denies(network, self._asked),
        }
        self._try(proposals)
        if narrow := self._narrowed(removed):
            self._try({NARROW: narrow})
        advice = advice_for(self._findings, self._asked, self._estate, self._lake, self._period)
        for number, cure in self._cures.items():
            cure.advice = advice.get(number, [])
            cure.alternatives = _with_hint(sorted(cure.alternatives, key=_worth))
            if not cure.alternatives:
                cure.why = "; ".join(f"{kind}: {why}" for kind, why in cure.refused.items())
        return self._cures

    def _try(self, proposals: Mapping[str, Proposal]) -> None:
        """Judges proposals, and offers those that stop their findings."""
        for kind, one in proposals.items():
            if kind != REMOVE:  # that is what it was made by
                self._verify(one)
        some = [(kind, part) for kind, one in proposals.items() for part in one.consistent()]
        changed = [
            edited(self._estate, (edit for edits in part.values() for edit in edits))
            for _, part in some
        ]
        found = what_ifs(
            self._estate, changed, self._lake, period=self._period, options=self._options
        )
        for (kind, part), what_if in zip(some, found, strict=True):
            of = effects(what_if, part, self._attackers, self._period)
            for number, edits in part.items():
                notes = (*proposals[kind].notes.get(number, ()), *self._asked[number].notes)
                if kind in (REMOVE, NARROW, BASTION) and of[number].days < ENOUGH:
                    notes = (*notes, _few_days(of[number]))
                regions = self._regions(number) if kind == ADMIN_DENY else ()
                alternative = Alternative(kind, tuple(edits), of[number], notes, regions)
                self._cures[number].alternatives.append(alternative)
        for kind, proposal in proposals.items():
            for number, why in proposal.reasons.items():
                self._cures[number].refused[kind] = why

    def _verify(self, proposal: Proposal) -> None:
        """Takes back what does not stop every flow of its finding, judged anew."""
        together = Judge(edited(self._estate, proposal.every_edit), self._options)
        known: dict[tuple[Edit, ...], Judge] = {}
        for number, edits in list(proposal.edits.items()):
            ends, own = self._asked[number].ends, {one.rule.id for one in edits}
            if all(_is_denied_by(one, own) for one in together.again(ends)):
                continue  # so they do alone: nothing that is not theirs decides
            key = tuple(edits)
            if key not in known:
                known[key] = Judge(edited(self._estate, edits), self._options)
            again = known[key].again(ends)
            passes = next((one for one in again if one.verdict.access != "Deny"), None)
            if passes is not None:
                proposal.refuse([number], f"would not stop it: {passes.told}")

    def _narrowed(self, removed: Proposal) -> Proposal | None:
        """Returns rules narrowed to what others use, where removing them breaks something."""
        found = Proposal()
        for number in removed.edits:
            (of,) = (one for one in self._cures[number].alternatives if one.kind == REMOVE)
            if not of.effect.broken:
                continue
            edits = self._narrow(of)
            if isinstance(edits, str):
                found.refuse([number], edits)
            else:
                found.edits[number] = edits
        return found if found.edits or found.reasons else None

    def _narrow(self, removed: Alternative) -> list[Edit] | str:
        edits: list[Edit] = []
        for one in removed.edits:
            use = removed.effect.used.get(one.rule.id)
            new = narrowed(one.rule, use) if use and use.ports else None
            if isinstance(new, str):
                return new
            edits.append(Edit(new, one.rule))
        return edits

    def _regions(self, number: int) -> tuple[str, ...]:
        vnets = (end.place.vnet for end in self._asked[number].ends)
        return tuple(sorted({one.region for one in vnets if one is not None and one.region}))


def _with_hint(alternatives: list[Alternative]) -> list[Alternative]:
    """Returns alternatives; of those that leave a rule that nobody else used it is said."""
    removed = next((one for one in alternatives if one.kind == REMOVE), None)
    if removed is None or removed.effect.broken:
        return alternatives
    names = ", ".join(f"`{one.rule.name}`" for one in removed.edits)
    hint = f"{names} would still let in whomever else it names, and nobody else used it"
    return [
        replace(one, notes=(*one.notes, hint)) if one.kind in (NSG_DENY, ADMIN_DENY) else one
        for one in alternatives
    ]


def _few_days(of: Effect) -> str:
    days = "1 day" if of.days == 1 else f"{of.days} days"
    return f"flows of {days} alone were judged: what uses the rule less often is not among them"


def _is_denied_by(end: End, rules: Collection[ResourceId]) -> bool:
    """Reports whether one of some rules denies a flow."""
    verdict = end.verdict
    return verdict.access == "Deny" and verdict.rule is not None and verdict.rule.id in rules


def _worth(one: Alternative) -> tuple[int, int, int, int, int]:
    """Returns what sorts alternatives: what breaks least, then the smallest.

    Of a few days' flows it is not believed that nobody else uses a rule: it goes later then.
    """
    of = one.effect
    hasty = one.kind in (REMOVE, BASTION) and of.days < ENOUGH
    return of.broken, of.newly_unknown, hasty, len(one.edits), KINDS.index(one.kind)
