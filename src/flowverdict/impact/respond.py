"""What is recommended against all findings, as one change, and what that breaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flowverdict.impact.cure import DAYS
from flowverdict.impact.cure_edit import Edit, edited, fragment
from flowverdict.impact.cure_effect import SEVERE, Attackers, Effect, effects, is_severe, last_days
from flowverdict.impact.what_if import what_if
from flowverdict.policy import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from flowverdict.detect import Finding
    from flowverdict.impact.cure import Cure
    from flowverdict.impact.cure_ends import Flow
    from flowverdict.lake import Lake
    from flowverdict.model import Estate, ResourceId
    from flowverdict.policy import Options


@dataclass(frozen=True, slots=True)
class Response:
    """What is recommended against findings.

    Attributes:
        edits: what is done to which rule, each rule once.
        resources: the same as a part of an estate, which ``--change`` reads.
        estate: the network with it.
        effect: what it does to recorded flows.
    """

    edits: tuple[Edit, ...]
    resources: list[dict[str, Any]]
    estate: Estate
    effect: Effect


def respond(
    findings: Sequence[Finding],
    found: Sequence[Cure | None],
    estate: Estate,
    lake: Lake,
    options: Options = DEFAULTS,
    days: int = DAYS,
    severity: str = SEVERE,
) -> Response | None:
    """Puts the recommended cures together, and tries them together; None where there is none.

    Where two of them would make different rules out of one, the next alternative is taken.

    Args:
        findings: what was found.
        found: what stops it, as ``cures`` returns it.
        estate: the rules as they are.
        lake: the flows on which the change is tried.
        options: how open questions are answered.
        days: how many days of the lake, back from its newest row.
        severity: findings that are less severe are left out: what they found may be meant.

    Raises:
        LakeError: the lake cannot be read.
    """
    edits: dict[ResourceId, Edit] = {}
    flows: dict[int, Iterable[Flow]] = {}
    for number, one in enumerate(found):
        if one is None or not is_severe(findings[number], severity):
            continue
        chosen = next((of for of in one.alternatives if _goes_with(of.edits, edits)), None)
        if chosen is None:
            continue
        flows[number] = one.flows
        for edit in chosen.edits:
            if edits.get(edit.rule.id, edit) == edit or edit.new is None:
                edits[edit.rule.id] = edit  # what goes for one goes for all
    if not edits:
        return None
    every = tuple(edits.values())
    changed = edited(estate, every)
    period = last_days(lake, days)
    replay = what_if(estate, changed, lake, period=period, options=options)
    attackers = Attackers(findings, flows, severe=severity)
    of = effects(replay, {0: every}, attackers, period)[0]
    return Response(every, fragment(estate, every), changed, of)


def _goes_with(some: Iterable[Edit], others: Mapping[ResourceId, Edit]) -> bool:
    """Reports whether no rule is made into two different ones; one that goes is none."""
    pairs = ((one, others[one.rule.id]) for one in some if one.rule.id in others)
    return all(one == other or None in (one.new, other.new) for one, other in pairs)
