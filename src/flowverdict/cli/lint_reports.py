"""Findings of ``lint`` as other tools read them: a comment for a pull request, JUnit, SARIF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flowverdict.cli.junit import Case, junit
from flowverdict.cli.known import gone_lines, noted, tally
from flowverdict.cli.render import cell, place_text
from flowverdict.cli.sarif import gone, known, located, sarif_log
from flowverdict.findings import Reviewed
from flowverdict.model.words import counted
from flowverdict.prove.lint import CHECKS, Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flowverdict.findings import Review
    from flowverdict.model import Position

Told = tuple[Finding, Reviewed]
"""A finding, and what is known of it."""
_SIGNS: Final = {Level.ERROR: "❌", Level.WARNING: "⚠️", Level.NOTE: "i"}
_EXCUSED: Final = "⚪"


def as_markdown(findings: list[Told], review: Review) -> Iterator[str]:
    """Yields the lines of a comment for a pull request."""
    yield f"### Network rules: {counted(len(findings), 'finding')}{tally(review)}"
    if findings:
        yield ""
        yield "| | check | finding | at |"
        yield "|---|---|---|---|"
    for one, known_of in findings:
        place = place_text(one.where) if one.where else ""
        cells = one.check, noted(one.text, known_of), place
        sign = _SIGNS[one.level] if known_of.state == "open" else _EXCUSED
        yield f"| {sign} | {' | '.join(map(cell, cells))} |"
    if review.gone:
        yield ""
        yield from (f"* {cell(one)}" for one in gone_lines(review))


def as_junit(findings: list[Told], asked: Sequence[str]) -> Iterator[str]:
    """Yields a JUnit report: each check is a test, which notes do not fail."""
    cases: list[Case] = []
    for check in asked:
        mine = [(one, known_of) for one, known_of in findings if one.check == check]
        told = [_line(one, known_of) for one, known_of in mine]
        is_open = any(one.level > Level.NOTE and known_of.state == "open" for one, known_of in mine)
        excused = any(known_of.state != "open" for _, known_of in mine)
        tag = "failure" if is_open else "skipped" if excused else ""
        cases.append(Case(check, tag, told))
    yield from junit("lint", cases)


def _line(one: Finding, known_of: Reviewed) -> str:
    where = f"{place_text(one.where)}: " if one.where else ""
    return noted(f"{where}{one.level.name.lower()}: {one.text}", known_of)


def as_sarif(findings: list[Told], review: Review, place: Position, baseline: str) -> Iterator[str]:
    """Yields a SARIF 2.1.0 log.

    Args:
        findings: those that are told.
        review: what is known of all of them.
        place: where a finding stands that has no other place.
        baseline: the file.
    """
    indices = {name: at for at, name in enumerate(CHECKS)}
    rules: list[dict[str, Any]] = [
        {
            "id": name,
            "shortDescription": {"text": name},
            "fullDescription": {"text": check.finds},
            "defaultConfiguration": {"level": check.level.name.lower()},
        }
        for name, check in CHECKS.items()
    ]
    results: list[dict[str, Any]] = [
        {
            "ruleId": one.check,
            "ruleIndex": indices[one.check],
            "level": one.level.name.lower(),
            "message": {"text": noted(one.text, known_of)},
            "locations": located(one.where, place),
            **known(known_of),
        }
        for one, known_of in findings
    ]
    yield sarif_log("lint", rules, [*results, *gone(review, indices, baseline)])
