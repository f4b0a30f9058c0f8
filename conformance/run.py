"""Asks scanners for the answers and prints how they did: `python -m conformance.run`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from conformance.cases import ANSWERS, read_cases
from conformance.scanners.asked import ScannerError
from conformance.scanners.checkov import Checkov
from conformance.scanners.flowverdict import FlowVerdict
from conformance.scanners.kics import Kics
from conformance.scanners.trivy import Trivy
from conformance.score import NOT_ASKED, OUTCOMES, RIGHT, Score, score
from conformance.write import write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from conformance.cases import Case
    from conformance.scanners.asked import Scanner

SCANNERS: Final[tuple[Scanner, ...]] = (FlowVerdict(), Checkov(), Trivy(), Kics())


class UsageError(Exception):
    """What was given cannot be used; the message says what was expected."""


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    options = _options().parse_args(words)
    cases = read_cases()
    try:
        given = [_given(Path(one), cases) for one in options.answers]
    except UsageError as problem:
        print(problem, file=sys.stderr)
        return 2
    scores, absent = ask(cases, SCANNERS)
    scores += given
    if options.output == "json":
        told = {
            "cases": len(cases),
            "scores": [one.as_json(cases) for one in scores],
            "not_installed": absent,
        }
        print(json.dumps(told, indent=1))
        return 0
    lines = list(as_lines(cases, scores, absent, markdown=options.output == "md"))
    if options.wrong:
        lines += _wrong(cases, scores)
    print("\n".join(lines))
    return 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m conformance.run",
        description="Ask the scanners that are installed, and print how they did.",
    )
    parser.add_argument(
        "--answers",
        metavar="FILE.json",
        action="append",
        default=[],
        help='score these answers too: {"case id": "exposed" | "closed" | "unknown"}',
    )
    parser.add_argument("--output", choices=["table", "md", "json"], default="table")
    parser.add_argument("--wrong", action="store_true", help="list every answer that is not right")
    return parser


def _given(path: Path, cases: Sequence[Case]) -> Score:
    """Returns the score of answers that stand in a file."""
    expected = "expected a JSON object of case ids and answers"
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise UsageError(f"{path}: {problem.strerror}: {expected}") from None
    except ValueError:
        raise UsageError(f"{path}: no JSON: {expected}") from None
    if not isinstance(found, dict):
        raise UsageError(f"{path}: {expected}")
    answers: dict[str, Any] = found
    known = {one.id for one in cases}
    for name, answer in answers.items():
        if name not in known:
            raise UsageError(f"{path}: `{name}`: expected the id of a case")
        if answer not in ANSWERS:
            raise UsageError(f"{path}: `{name}`: `{answer}`: expected {' or '.join(ANSWERS)}")
    return score(cases, answers, path.stem, "", "")


def ask(cases: Sequence[Case], scanners: Sequence[Scanner]) -> tuple[list[Score], list[str]]:
    """Returns how the scanners did that are installed, and the names of those that are not."""
    scores: list[Score] = []
    versions = {one.name: _version(one) for one in scanners}
    absent = [name for name, version in versions.items() if version is None]
    present = [one for one in scanners if versions[one.name]]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(cases if present else (), folder)
        for scanner in present:
            try:
                for form in scanner.forms:
                    found = _told(scanner, cases, folder, form)
                    version = versions[scanner.name] or ""
                    scores.append(score(cases, found, scanner.name, version, form))
            except ScannerError as problem:
                print(problem, file=sys.stderr)
    return scores, absent


def _version(scanner: Scanner) -> str | None:
    """Returns the version of a scanner; nothing where it is there and does not run."""
    try:
        return scanner.version()
    except ScannerError as problem:
        print(problem, file=sys.stderr)
        return ""


def _told(scanner: Scanner, cases: Sequence[Case], folder: Path, form: str) -> Mapping[str, str]:
    """Returns the answers for the cases that there are in a form."""
    there = [one for one in cases if (folder / form / one.theme / one.id).exists()]
    return scanner.ask(there, folder, form)


def as_lines(
    cases: Sequence[Case], scores: Sequence[Score], absent: Sequence[str], *, markdown: bool
) -> Iterator[str]:
    """Yields the tables: in all, and by theme how many were right of those that were asked."""
    if markdown:
        yield "# How scanners did"
        yield ""
        yield "What the columns mean: [README](README.md#how-answers-are-scored)."
        yield ""
        yield f"Made by `python -m conformance.run --output md` on {datetime.now(UTC).date()}."
        yield ""
    kinds = ", ".join(f"{sum(one.answer == kind for one in cases)} {kind}" for kind in ANSWERS)
    yield f"{len(cases)} cases: {kinds}"
    yield ""
    head = ["scanner", "version", *OUTCOMES]
    rows = [[one.name, one.version, *map(str, one.counts(cases).values())] for one in scores]
    yield from _table([head, *rows], markdown=markdown)
    yield ""
    themes = {one.theme: [some for some in cases if some.theme == one.theme] for one in cases}
    body = [
        [theme, *(_share(one.counts(some)) for one in scores)] for theme, some in themes.items()
    ]
    yield from _table([["right of asked", *(one.name for one in scores)], *body], markdown=markdown)
    if absent:
        yield ""
        yield f"not installed: {', '.join(absent)}"


def _share(counts: Mapping[str, int]) -> str:
    asked = sum(counts.values()) - counts[NOT_ASKED]
    return f"{counts[RIGHT]} of {asked}" if asked else "-"


def _table(rows: list[list[str]], *, markdown: bool) -> Iterator[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for number, row in enumerate(rows):
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)]
        yield f"| {' | '.join(cells)} |" if markdown else "  ".join(cells).rstrip()
        if number == 0 and markdown:
            yield f"| {' | '.join('-' * width for width in widths)} |"


def _wrong(cases: Sequence[Case], scores: Sequence[Score]) -> Iterator[str]:
    for one in scores:
        yield ""
        yield f"{one.name}:"
        for case in cases:
            if (found := one.outcomes[case.id]) not in (RIGHT, NOT_ASKED):
                yield f"  {found:<15}  {case.id}: {case.question}"


if __name__ == "__main__":
    sys.exit(main())
