"""Findings of ``lint`` as other tools read them: a comment for a pull request, SARIF 2.1.0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flowverdict.cli.prove_reports import cell, located, sarif_log
from flowverdict.cli.render import counted, place_text
from flowverdict.prove.lint import CHECKS, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.prove.lint import Finding

_SIGNS: Final = {Level.ERROR: "❌", Level.WARNING: "⚠️", Level.NOTE: "i"}


def as_markdown(findings: list[Finding]) -> Iterator[str]:
    """Yields the lines of a comment for a pull request."""
    yield f"### Network rules: {counted(len(findings), 'finding')}"
    if not findings:
        return
    yield ""
    yield "| | check | finding | at |"
    yield "|---|---|---|---|"
    for one in findings:
        cells = one.check, one.text, place_text(one.where) if one.where else ""
        yield f"| {_SIGNS[one.level]} | {' | '.join(map(cell, cells))} |"


def as_sarif(findings: list[Finding]) -> Iterator[str]:
    """Yields a SARIF 2.1.0 log."""
    names = list(CHECKS)
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
            "ruleIndex": names.index(one.check),
            "level": one.level.name.lower(),
            "message": {"text": one.text},
            "locations": located(one.where),
            "partialFingerprints": {"check/resources": one.fingerprint},
        }
        for one in findings
    ]
    yield sarif_log(rules, results)
