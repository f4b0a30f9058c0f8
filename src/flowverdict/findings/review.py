"""Findings held against a baseline and suppressions: which of them count."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import date

    from flowverdict.findings.baseline import Baseline, Entry
    from flowverdict.findings.finding import Finding, Key
    from flowverdict.findings.suppressions import Suppression


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A finding, and what is known of it.

    Attributes:
        baseline: ``unchanged`` if the baseline has it, ``grown`` if that has fewer of its packets,
            ``new`` if it has not; empty where there is no baseline.
        suppression: the one that is in force.
        expired: one that would be, had it not ended; None where another is in force.
    """

    finding: Finding
    baseline: str = ""
    suppression: Suppression | None = None
    expired: Suppression | None = None

    @property
    def state(self) -> str:
        """``suppressed``, ``baseline``, or ``open``: that one counts."""
        if self.suppression:
            return "suppressed"
        return "baseline" if self.baseline == "unchanged" else "open"

    @property
    def note(self) -> str:
        """What is to be said beside the finding; empty for nothing."""
        if self.suppression:
            end = f"until {self.suppression.end}" if self.suppression.until else "for good"
            return f"suppressed {end}: {self.suppression.reason}"
        notes = {"unchanged": "in the baseline", "grown": "more packets than in the baseline"}
        told = [notes.get(self.baseline, "")]
        if self.expired:
            told.append(f"suppression ended on {self.expired.end}: {self.expired.reason}")
        return "; ".join(one for one in told if one)


@dataclass(slots=True)
class Review:
    """All findings of a run, reviewed.

    Attributes:
        gone: entries of the baseline that were looked for and are not there any more.
        unasked: names that the baseline has, and this run did not ask about.
        unused: suppressions that match no finding.
    """

    has_baseline: bool
    gone: list[Entry] = field(default_factory=list["Entry"])
    unasked: list[str] = field(default_factory=list[str])
    unused: list[Suppression] = field(default_factory=list["Suppression"])
    _by_key: dict[Key, Reviewed] = field(default_factory=dict["Key", Reviewed])

    def of(self, finding: Finding) -> Reviewed:
        """Returns what is known of a finding of this run."""
        return self._by_key[finding.key]

    def add(self, one: Reviewed) -> None:
        """Takes a finding."""
        self._by_key[one.finding.key] = one

    @property
    def every(self) -> list[Reviewed]:
        """All of them, in the order in which they were found."""
        return list(self._by_key.values())


def review(
    kind: str,
    findings: Iterable[Finding],
    asked: Collection[str],
    baseline: Baseline | None,
    suppressions: Sequence[Suppression],
    today: date,
) -> Review:
    """Holds findings of one kind against what is known.

    Args:
        kind: ``claim``, ``check`` or ``detection``; what is known of other kinds is passed over.
        findings: each key once.
        asked: the names of all claims, checks or detections of the run.
        baseline: findings that were there before.
        suppressions: statements about findings.
        today: the day on which suppressions are in force or not.
    """
    found = Review(baseline is not None)
    mine = [one for one in suppressions if one.kind == kind]
    used: set[int] = set()
    seen: set[Key] = set()
    for finding in findings:
        matching = [one for one in mine if one.matches(finding)]
        used.update(map(id, matching))
        active = next((one for one in matching if one.is_in_force(today)), None)
        expired = None if active else next(iter(matching), None)
        seen.add(finding.key)
        found.add(Reviewed(finding, _known(finding, baseline), active, expired))
    found.unused = [one for one in mine if id(one) not in used]
    entries = [one for one in baseline.entries if one.kind == kind] if baseline else []
    found.gone = [one for one in entries if one.name in asked and one.key not in seen]
    found.unasked = sorted({one.name for one in entries if one.name not in asked})
    return found


def _known(finding: Finding, baseline: Baseline | None) -> str:
    if baseline is None or finding.missing:
        return ""
    entry = baseline.of(finding)
    if entry is None:
        return "new"
    return "unchanged" if entry.holds(finding) else "grown"
