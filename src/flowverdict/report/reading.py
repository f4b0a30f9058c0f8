"""Findings out of the JSON that ``detect`` writes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from flowverdict.detect.finding import Finding
from flowverdict.model import Diagnostic, InputError, Position, Severity
from flowverdict.net import Protocol
from flowverdict.report.told import Told

if TYPE_CHECKING:
    from pathlib import Path

_EXPECTED: Final = "what `detect --output json` writes"
_NUMBERS: Final = {one.name: int(one) for one in Protocol}


class _Written(msgspec.Struct):
    """One finding; what it lacks is not known."""

    detection: str
    severity: Literal["informational", "low", "medium", "high", "critical"]
    first: datetime
    last: datetime
    technique: str | None = None
    src_ip: str | None = None
    dst_ip: str | None = None
    sources: list[str] | None = None
    targets: list[str] | None = None
    ports: list[int] = []
    protocol: str | int | None = None
    outcome: Literal["allowed", "denied", "both", ""] | None = None
    evidence: dict[str, Any] = {}
    decided_by: dict[str, Any] | None = None
    cure: dict[str, Any] | None = None
    state: str = "open"

    def told(self) -> Told:
        """Returns it as a finding.

        Raises:
            ValueError: the protocol is none.
        """
        sources = [self.src_ip] if self.sources is None and self.src_ip else self.sources
        targets = [self.dst_ip] if self.targets is None and self.dst_ip else self.targets
        finding = Finding(
            self.detection,
            self.severity,
            self.technique or "",
            _utc(self.first),
            _utc(self.last),
            tuple(sources or ()),
            tuple(targets or ()),
            tuple(self.ports),
            _protocol(self.protocol),
            self.outcome or "",
            self.evidence,
        )
        return Told(finding, self.decided_by, self.cure)


class _File(msgspec.Struct):
    findings: list[msgspec.Raw]


def read_findings(path: Path) -> list[Told]:
    """Returns the findings that a file holds, but for those that a baseline or a person excuses.

    Raises:
        InputError: the file cannot be read, or holds something else; all that is wrong at once.
    """
    try:
        content = msgspec.json.decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"), type=_File)
    except OSError as problem:
        raise InputError((_wrong(path, "", f"cannot be read: {problem.strerror}"),)) from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise InputError((_wrong(path, "", _said(problem)),)) from None
    found: list[Told] = []
    problems: list[Diagnostic] = []
    for number, raw in enumerate(content.findings):
        try:
            one = msgspec.json.decode(raw, type=_Written)
            told = one.told()
        except (ValueError, RecursionError) as problem:
            problems.append(_wrong(path, f"$.findings[{number}]", _said(problem)))
            continue
        if one.state == "open":
            found.append(told)
    if problems:
        raise InputError(tuple(problems))
    return found


def _protocol(value: str | int | None) -> int | None:
    if value is None:
        return None
    text = str(value).upper()
    number = _NUMBERS.get(text, int(text) if text.isascii() and text.isdigit() else -1)
    if not 0 <= number <= 255:
        raise ValueError(f"`{value}` is no protocol")
    return number


def _utc(time: datetime) -> datetime:
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)


def _said(problem: Exception) -> str:
    if isinstance(problem, RecursionError):
        return "is nested too deeply"
    return " ".join(str(problem).split()) or "is no JSON"


def _wrong(path: Path, where: str, what: str) -> Diagnostic:
    return Diagnostic(Severity.ERROR, "findings", Position(str(path), where), what, _EXPECTED)
