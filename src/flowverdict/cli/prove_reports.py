"""Results of claims as other tools read them: a comment for a pull request, JUnit, SARIF 2.1.0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flowverdict.cli.junit import Case, junit
from flowverdict.cli.known import gone_lines, noted, tally
from flowverdict.cli.proofs import decided
from flowverdict.cli.render import cell
from flowverdict.cli.sarif import gone, known, located, sarif_log
from flowverdict.prove.claims import described
from flowverdict.prove.results import FAILS, HOLDS, UNKNOWN
from flowverdict.prove.text import lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.cli.proofs import Proof
    from flowverdict.findings import Review
    from flowverdict.model import Position

_SIGNS: Final = {HOLDS: "✅", FAILS: "❌", UNKNOWN: "❓"}
_EXCUSED: Final = "⚪"
_MOST: Final = 20


def as_markdown(proofs: list[Proof], review: Review) -> Iterator[str]:
    """Yields the lines of a comment for a pull request."""
    failing = sum(1 for one in proofs if one.result.verdict == FAILS)
    yield f"### Network claims: {failing} of {len(proofs)} fail{tally(review)}"
    yield ""
    yield "| | claim | at | packet | decided by |"
    yield "|---|---|---|---|---|"
    for proof in proofs:
        yield from _rows(proof)
    if review.gone:
        yield ""
        yield from (f"* {cell(one)}" for one in gone_lines(review))


def _rows(proof: Proof) -> Iterator[str]:
    claim = proof.result.claim
    name = f"{cell(claim.name)}<br>{cell(described(claim))}"
    for one, known_of in proof.failures[:_MOST]:
        sign = _SIGNS[FAILS] if known_of.state == "open" else _EXCUSED
        cells = one.nic.id.name, str(one.packet), noted(decided(one), known_of)
        yield f"| {sign} | {name} | {' | '.join(map(cell, cells))} |"
    more = len(proof.failures) - _MOST
    if more > 0:
        yield f"| | {name} | {more:,} more findings | | |"
    if proof.missing:
        is_open = any(one.state == "open" for _, one in proof.missing)
        told = "; ".join(noted(what, one) for what, one in proof.missing[:_MOST])
        yield f"| {_SIGNS[UNKNOWN] if is_open else _EXCUSED} | {name} | | missing | {cell(told)} |"
    if proof.result.verdict == HOLDS:
        yield f"| {_SIGNS[HOLDS]} | {name} | {proof.result.judged:,} interfaces | | |"


def as_junit(proofs: list[Proof]) -> Iterator[str]:
    """Yields a JUnit report: each claim is a test, what cannot be known an error.

    A claim of which no finding counts is skipped, with the reasons.
    """
    yield from junit("prove", [_case(one) for one in proofs])


def _case(proof: Proof) -> Case:
    name = proof.result.claim.name
    failing = list(_failure_lines(proof))
    missing = [noted(f"missing: {what}", one) for what, one in proof.missing]
    if proof.counted == FAILS:
        return Case(name, "failure", [*failing, *missing])
    if proof.counted == UNKNOWN:
        return Case(name, "error", [*missing, *failing])
    return Case(name, "skipped" if failing or missing else "", [*failing, *missing])


def _failure_lines(proof: Proof) -> Iterator[str]:
    for one, known_of in proof.failures:
        yield noted(f"{one.nic.id.name}: {one.packet}, {decided(one)}", known_of)
        yield from (f"  {line}" for line in lines(one.packets, one.names))


def as_sarif(proofs: list[Proof], review: Review, place: Position, baseline: str) -> Iterator[str]:
    """Yields a SARIF 2.1.0 log: a result for each interface and rule by which a claim fails.

    Args:
        proofs: the claims.
        review: what is known of all findings.
        place: where a finding stands that has no other place.
        baseline: the file.
    """
    rules = [
        {
            "id": one.result.claim.name,
            "shortDescription": {"text": one.result.claim.name},
            "fullDescription": {"text": f"{one.result.claim.expect} {described(one.result.claim)}"},
        }
        for one in proofs
    ]
    indices = {one.result.claim.name: at for at, one in enumerate(proofs)}
    results = [one for at, proof in enumerate(proofs) for one in _sarif(at, proof, place)]
    yield sarif_log("prove", rules, [*results, *gone(review, indices, baseline)])


def _sarif(at: int, proof: Proof, place: Position) -> Iterator[dict[str, Any]]:
    claim = proof.result.claim
    base = {"ruleId": claim.name, "ruleIndex": at}
    for what, known_of in proof.missing:
        yield {
            **base,
            "level": "warning",
            "message": {"text": noted(f"cannot be known; missing: {what}", known_of)},
            "locations": located(claim.where, place),
            **known(known_of),
        }
    for one, known_of in proof.failures:
        rule = one.judgement.rule
        where = (rule.where if rule else None) or one.nic.where or claim.where
        text = f"{one.nic.id.name}: {one.packet}, {decided(one)}"
        yield {
            **base,
            "level": "error",
            "message": {"text": noted(text, known_of)},
            "locations": located(where, place),
            **known(known_of),
        }
