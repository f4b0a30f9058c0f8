"""Results of claims in words that every report has in common."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from flowverdict.cli.known import known_json
from flowverdict.cli.render import flow_json, place_text
from flowverdict.findings import Finding
from flowverdict.policy import rule_name
from flowverdict.prove.results import FAILS, HOLDS, UNKNOWN
from flowverdict.prove.text import few, lines

if TYPE_CHECKING:
    from flowverdict.findings import Reviewed
    from flowverdict.prove.claims import Claim
    from flowverdict.prove.diff import Changed
    from flowverdict.prove.exposures import Exposure
    from flowverdict.prove.prover import Judgement
    from flowverdict.prove.results import Failure, Result

_MOST_NICS: Final = 3
_placed: Final = cache(place_text)
"""Files of megabytes are looked through for a line: for each place once."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A claim, what became of it, and what is known of each finding.

    Attributes:
        failures: where it fails, and by which rule; those that count come first.
        missing: what is needed to know; likewise.
    """

    result: Result
    failures: list[tuple[Failure, Reviewed]]
    missing: list[tuple[str, Reviewed]]

    @property
    def counted(self) -> str:
        """The verdict as it counts: that of what is neither in a baseline nor suppressed."""
        if any(one.state == "open" for _, one in self.failures):
            return FAILS
        return UNKNOWN if any(one.state == "open" for _, one in self.missing) else HOLDS

    @property
    def every(self) -> list[Reviewed]:
        """What is known of all findings."""
        return [one for _, one in (*self.failures, *self.missing)]


def failure_finding(claim: Claim, exposure: Exposure) -> Finding:
    """Returns what makes a failure the same one in another run.

    Which rule lets every packet pass makes no difference where every packet does.
    """
    failure = exposure.failure
    rule = failure.judgement.rule if claim.expect != "not-all" else None
    about = {"nic": str(failure.nic.id), "direction": failure.direction.value}
    if rule:
        about["rule"] = str(rule.id)
    return Finding("claim", claim.name, about, exposure.extent)


def missing_finding(claim: Claim, missing: str) -> Finding:
    """Returns what makes an unknown the same one in another run."""
    return Finding("claim", claim.name, missing=missing)


def answer(proof: Proof) -> dict[str, Any]:
    """Returns a result as ``--output json`` has it."""
    result = proof.result
    first = proof.failures[0][0] if proof.failures else None
    return {
        "name": result.claim.name,
        "verdict": result.verdict,
        "witness": _witness(first) if first else None,
        "decided_by": _decided_by(first) if first else None,
        "missing": [what for what, _ in proof.missing],
        "expect": result.claim.expect,
        "judged": result.judged,
        "failing": [
            {
                "nic": str(one.nic.id),
                "direction": one.direction.value,
                "packets": lines(one.packets, one.names),
                "witness": _witness(one),
                "decided_by": _decided_by(one),
                **known_json(reviewed),
            }
            for one, reviewed in proof.failures
        ],
        "unknown": [{"missing": what, **known_json(one)} for what, one in proof.missing],
    }


def _witness(failure: Failure) -> dict[str, Any]:
    return flow_json(failure.nic.id, failure.direction, failure.packet)


def _decided_by(failure: Failure) -> dict[str, Any] | None:
    judgement = failure.judgement
    return _rule_json(judgement) if judgement.rule else None


def judgement_json(judgement: Judgement) -> dict[str, Any]:
    """Returns what happens to packets: the access, the rule that decides, what is missing."""
    return {
        "access": judgement.access,
        **_rule_json(judgement),
        "missing": list(judgement.missing),
    }


def _rule_json(judgement: Judgement) -> dict[str, Any]:
    rule = judgement.rule
    where = rule.where if rule else None
    return {
        "ruleName": rule_name(judgement.layer, rule) if rule else None,
        "ruleId": str(rule.id) if rule else None,
        "layer": judgement.layer,
        "where": {"file": where.file, "path": where.path} if where else None,
    }


def decided(failure: Failure) -> str:
    """Says what decides about the packet that shows a failure."""
    return said(failure.judgement)


def said(judgement: Judgement) -> str:
    """Says what happens to packets, and by which rule."""
    if judgement.access == "Unknown":
        return f"not known; missing: {'; '.join(judgement.missing)}"
    verb = "allowed" if judgement.access == "Allow" else "denied"
    if judgement.rule is None:
        why = "by several rules" if judgement.layer else "no security group is in the way"
        return f"{verb}: {why}"
    where = f" at {_placed(judgement.rule.where)}" if judgement.rule.where else ""
    return f"{verb} by {rule_name(judgement.layer, judgement.rule)} ({judgement.layer}){where}"


def changed_json(one: Changed) -> dict[str, Any]:
    """Returns packets that get another verdict as JSON answers have them."""
    return {
        "nics": [str(nic.id) for nic in one.nics],
        "direction": one.direction.value,
        "packets": lines(one.packets, one.names),
        "witness": flow_json(one.nic.id, one.direction, one.packet),
        "before": judgement_json(one.before),
        "after": judgement_json(one.after),
    }


def nic_names(one: Changed) -> str:
    """Returns the names of the interfaces at which packets get another verdict, the first few."""
    return few([nic.id.name for nic in one.nics], _MOST_NICS)
