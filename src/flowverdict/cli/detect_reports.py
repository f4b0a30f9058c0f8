"""Findings of ``detect``: as text, as JSON, as a comment for a pull request, as SARIF."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

from flowverdict.cli.known import gone_json, gone_lines, known_json, noted, tally
from flowverdict.cli.render import as_json, cell, coloured, counted, moment, with_lines
from flowverdict.cli.sarif import gone, known, located, sarif_log
from flowverdict.detect.finding import SEVERITIES
from flowverdict.findings import Finding as Entered
from flowverdict.findings import Reviewed
from flowverdict.model import Position
from flowverdict.net import (
    IntervalSet,
    NetworkTextError,
    format_ports,
    parse_ports,
    protocol_name,
)
from flowverdict.report.told import (
    Told,
    by_weight,
    minute,
    ports_text,
    printable,
    several,
    spelt,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from flowverdict.cli.known import Known
    from flowverdict.detect.finding import Finding
    from flowverdict.findings import Review

FORMATS: Final = ("table", "json", "md", "sarif", "ocsf")
"""The formats of ``detect``'s ``--output`` and ``--report``."""
Reported = tuple[Told, Reviewed]
"""A finding, and what is known of it."""

_COLOURS: Final = {"critical": "magenta", "high": "red", "medium": "yellow", "low": "cyan"}
_SIGNS: Final = {"critical": "⛔", "high": "❌", "medium": "⚠️"}
_EXCUSED: Final = "⚪"
_MARKUP: Final = re.compile(r"([\\`*\[\]<>])")
"""What Markdown takes for more than text; a log may hold any name."""
_PASSED: Final = ("allowed", "both")
_LEVELS: Final = {"critical": "error", "high": "error", "medium": "warning"}
_SCORES: Final[dict[str, str]] = dict(
    zip(SEVERITIES, ("0.0", "3.0", "5.0", "8.0", "9.5"), strict=True)
)
"""What code scanning takes for how severe a finding of security is, from 0 to 10."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a finding goes: more ports, or flows that now get through, make it another one.

    Attributes:
        ports: none where they do not matter.
        outcome: that of ``detect.Finding``.
    """

    ports: IntervalSet
    outcome: str

    def written(self) -> list[dict[str, str]]:
        """Returns it as a baseline has it."""
        return [{"outcome": self.outcome, "ports": ", ".join(format_ports(self.ports))}]

    def are_within(self, written: Sequence[Mapping[str, str]]) -> bool:
        """Reports whether a baseline goes as far: what was denied there may not get through now."""
        return any(self._is_within(one) for one in written)

    def _is_within(self, written: Mapping[str, str]) -> bool:
        texts = [one.strip() for one in written.get("ports", "").split(",") if one.strip()]
        try:
            ports = parse_ports(texts)
        except NetworkTextError:
            return False
        passed = written.get("outcome") in _PASSED
        return (passed or self.outcome not in _PASSED) and self.ports <= ports


def entered(one: Finding) -> Entered:
    """Returns what makes a finding the same one in another run: not its times, nor its counts."""
    about = {"sources": ", ".join(one.sources), "targets": ", ".join(one.targets)}
    extent = Extent(IntervalSet((port, port) for port in one.ports), one.outcome)
    return Entered("detection", one.detection, about, extent)


def _together(findings: Iterable[Entered]) -> list[Entered]:
    """Returns each finding once; where it came several times, as far as it went at any time."""
    found: dict[tuple[str, ...], Entered] = {}
    for one in findings:
        before = found.setdefault(one.key, one)
        mine, theirs = cast("Extent", one.packets), cast("Extent", before.packets)
        outcome = mine.outcome if mine.outcome == theirs.outcome else "both"
        extent = Extent(mine.ports | theirs.ports, outcome)
        found[one.key] = Entered(one.kind, one.name, one.about, extent)
    return list(found.values())


def reviewed(
    findings: Iterable[Told],
    known: Known,
    asked: Collection[str],
    hidden: Iterable[Finding] = (),
) -> tuple[list[Reported], Review]:
    """Returns findings with what is known of each: those that count first, then by severity.

    Args:
        findings: in any order.
        known: the baseline and the suppressions.
        asked: the ids of all detections of the run.
        hidden: what was found too and is not told: it is not gone, and a new baseline has it.
    """
    shown = by_weight(findings)
    every = [entered(one) for one in (*(told.finding for told in shown), *hidden)]
    review = known.review("detection", _together(every), asked)
    told = [(one, review.of(entered(one.finding))) for one in shown]
    return sorted(told, key=lambda one: one[1].state != "open"), review


def as_text(findings: Sequence[Reported], review: Review, asked: Collection[str]) -> Iterator[str]:
    """Yields the lines for people."""
    for one, known_of in findings:
        finding = one.finding
        severity = coloured(finding.severity, fg=_COLOURS.get(finding.severity), bold=True)
        tag = " ".join(part for part in (finding.detection, finding.technique) if part)
        yield noted(f"{severity}: {printable(one.title)} [{printable(tag)}]", known_of)
        outcome = f", {_outcome(finding)}" if finding.outcome else ""
        yield f"  {minute(finding.first)} to {minute(finding.last)}{outcome}"
        details = (
            "; ".join(f"{name} {value}" for name, value in one.evidence()),
            one.reason,
            f"but by the estate: {one.doubt}" if one.doubt else "",
            f"cure: {one.remedy}" if one.remedy else "",
        )
        yield from (f"  {printable(line)}" for line in details if line)
    yield from gone_lines(review)
    yield f"{_summary(findings)} of {counted(len(asked), 'detection')}{tally(review)}"


def _outcome(one: Finding) -> str:
    return "denied and allowed" if one.outcome == "both" else one.outcome


def _summary(findings: Sequence[Reported]) -> str:
    counts = Counter(one.finding.severity for one, _ in findings)
    told = [f"{counts[one]:,} {one}" for one in reversed(SEVERITIES) if counts[one]]
    return f"{counted(len(findings), 'finding')} ({', '.join(told)})" if told else "no finding"


def finding_json(one: Told) -> dict[str, Any]:
    """Returns a finding as JSON answers have it; ``report --findings`` reads it back."""
    finding = one.finding
    return {
        "detection": finding.detection,
        "severity": finding.severity,
        "technique": finding.technique,
        "title": one.title,
        "first": moment(finding.first),
        "last": moment(finding.last),
        "src_ip": finding.src_ip,
        "dst_ip": finding.dst_ip,
        "sources": list(finding.sources),
        "targets": list(finding.targets),
        "ports": list(finding.ports),
        "protocol": None if finding.protocol is None else protocol_name(finding.protocol),
        "outcome": finding.outcome or None,
        "evidence": plain(finding.evidence),
        "decided_by": plain(one.decided_by),
        "cure": plain(one.cure),
    }


def plain(value: Any) -> Any:
    """Returns a value as JSON has it: times as texts in UTC, tuples and sets as lists."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return moment(value)
        case dict():
            fields = cast("dict[Any, Any]", value)
            return {str(name): plain(inner) for name, inner in fields.items()}
        case list() | tuple():
            return [plain(one) for one in cast("Sequence[Any]", value)]
        case set() | frozenset():
            return sorted(plain(one) for one in cast("Iterable[Any]", value))
        case _:
            return str(value)


def as_json_lines(
    findings: Sequence[Reported], review: Review, *, one_a_line: bool = False
) -> Iterator[str]:
    """Yields one JSON object, or where they come one after another one for each finding."""
    told = [{**finding_json(one), **known_json(known_of)} for one, known_of in findings]
    if one_a_line:
        for one in with_lines(told):
            yield json.dumps(one, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
        return
    yield as_json(with_lines({"findings": told, "gone": gone_json(review)}))


def as_markdown(findings: Sequence[Reported], review: Review) -> Iterator[str]:
    """Yields the lines of a comment for a pull request or a ticket."""
    yield f"### Traffic: {_summary(findings)}{tally(review)}"
    if findings:
        yield ""
        yield "| | finding | from | at | when | decided | what stops it |"
        yield "|---|---|---|---|---|---|---|"
    for one, known_of in findings:
        finding = one.finding
        name = spelt(finding.detection) + (f" ({finding.technique})" if finding.technique else "")
        port = f" port {ports_text(finding.ports)}" if finding.ports else ""
        reason = _MARKUP.sub(r"\\\1", one.reason)
        decided = ", ".join(part for part in (_outcome(finding), reason) if part)
        cells = (
            noted(name, known_of),
            several(finding.sources, "addresses"),
            several(finding.targets, "addresses") + port,
            f"{minute(finding.first)} to {minute(finding.last)}",
            decided,
            one.remedy,
        )
        sign = _SIGNS.get(finding.severity, "i") if known_of.state == "open" else _EXCUSED
        yield f"| {sign} | {' | '.join(map(cell, cells))} |"
    if review.gone:
        yield ""
        yield from (f"* {cell(one)}" for one in gone_lines(review))


def as_sarif(
    findings: Sequence[Reported],
    review: Review,
    detections: Mapping[str, str],
    lake: str,
    baseline: str,
) -> Iterator[str]:
    """Yields a SARIF 2.1.0 log.

    A finding stands where its rule stands, if ``decided_by`` has a ``where`` with ``file`` and
    ``path``; otherwise it stands at the lake.

    Args:
        findings: those that are told.
        review: what is known of all of them.
        detections: what each detection of the run finds, by id.
        lake: where the lake lies, as its user named it.
        baseline: the file.
    """
    worst: dict[str, str] = {}
    for one, _ in sorted(findings, key=lambda one: SEVERITIES.index(one[0].finding.severity)):
        worst[one.finding.detection] = one.finding.severity
    techniques = {one.finding.detection: one.finding.technique for one, _ in findings}
    ids = list(dict.fromkeys((*detections, *worst, *(one.name for one in review.gone))))
    indices = {name: at for at, name in enumerate(ids)}
    rules = [
        {
            "id": name,
            "shortDescription": {"text": spelt(name)},
            "fullDescription": {"text": detections.get(name, spelt(name))},
            "properties": _properties(worst.get(name, ""), techniques.get(name, "")),
        }
        for name in ids
    ]
    results = [
        {
            "ruleId": one.finding.detection,
            "ruleIndex": indices[one.finding.detection],
            "level": _LEVELS.get(one.finding.severity, "note"),
            "message": {"text": noted(_message(one), known_of)},
            "locations": located(_rule_place(one), Position(lake)),
            **known(known_of),
        }
        for one, known_of in findings
    ]
    yield sarif_log("detect", rules, [*results, *gone(review, indices, baseline)])


def _properties(severity: str, technique: str) -> dict[str, Any]:
    tags = ["security", *([f"external/attack/{technique}"] if technique else [])]
    return {"tags": tags, **({"security-severity": _SCORES[severity]} if severity else {})}


def _message(one: Told) -> str:
    finding = one.finding
    when = f"{minute(finding.first)} to {minute(finding.last)}"
    outcome = f", {_outcome(finding)}" if finding.outcome else ""
    cure = f"; cure: {one.remedy}" if one.remedy else ""
    return f"{one.title}, {when}{outcome}{f', {one.reason}' if one.reason else ''}{cure}"


def _rule_place(one: Told) -> Position | None:
    where: Any = (one.decided_by or {}).get("where")
    if isinstance(where, Position):
        return where
    if not isinstance(where, dict):
        return None
    fields = cast("dict[str, Any]", where)
    return Position(fields["file"], fields.get("path") or "") if fields.get("file") else None
