"""Findings against what is true: what was found, what was missed, what was a false alarm."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from bench.detection.labels import Label, Truth
from flowverdict.detect import SEVERITIES, Finding

SLACK_MS: Final = 15 * 60_000
"""How far the times of a finding may lie outside of its attack's: detections look at windows."""
TOLD: Final = SEVERITIES.index("low")
"""What `flowverdict detect` tells unless it is asked for more."""
ALARM: Final = SEVERITIES.index("medium")
"""From here on its exit code is 1."""
NOISE: Final = "internet-noise"
ORDINARY: Final = "ordinary"


class Verdict(Enum):
    """What a finding is worth.

    `RIGHT` names an attack by what it is, or by what else its label accepts. `MISNAMED` is about an
    attack and calls it something else. `FALSE` is about nothing that was wrong.
    """

    RIGHT = "right"
    MISNAMED = "misnamed"
    FALSE = "false"


@dataclass(frozen=True, slots=True)
class Judged:
    """A finding with its verdict; `cause` is the attack's id, or what was taken for one."""

    finding: Finding
    verdict: Verdict
    cause: str

    @property
    def is_alarm(self) -> bool:
        """Reports whether somebody is woken up by it."""
        return SEVERITIES.index(self.finding.severity) >= ALARM


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attack: the findings that tell of it, by the name it has or another."""

    label: Label
    findings: tuple[Finding, ...]

    @property
    def is_found(self) -> bool:
        """Reports whether it was found as what it is."""
        return any(one.detection == self.label.detection for one in self.findings)

    @property
    def is_told(self) -> bool:
        """Reports whether it was found as what it is, or as what its label accepts."""
        return bool(self.findings)


@dataclass(frozen=True, slots=True)
class Card:
    """How detections did on one world."""

    truth: Truth
    outcomes: tuple[Outcome, ...]
    judged: tuple[Judged, ...]


def score(findings: Iterable[Finding], truth: Truth) -> Card:
    """Returns how findings did; those that are not told by default do not count."""
    told = [one for one in findings if SEVERITIES.index(one.severity) >= TOLD]
    outcomes = tuple(
        Outcome(label, tuple(one for one in told if _names(one, label) and _is_about(one, label)))
        for label in truth.labels
    )
    return Card(truth, outcomes, tuple(_judged(one, truth) for one in told))


def _names(finding: Finding, label: Label) -> bool:
    return finding.detection == label.detection or finding.detection in label.accepts


def _is_about(finding: Finding, label: Label) -> bool:
    """Reports whether a finding is of the time of an attack, and of its parties.

    A finding that names no source, or no target, is about whatever the others name.
    """
    if not _is_then(finding, label.first, label.last):
        return False
    sides = [
        (finding.sources, label.actors),
        (finding.targets, label.targets),
    ]
    named = [set(mine) & set(their) for mine, their in sides if mine and their]
    if not named:  # as of an interface without a log: only the evidence tells
        named = [set(map(str, finding.evidence.values())) & set(label.targets)]
    return all(named)


def _is_then(finding: Finding, first: int, last: int) -> bool:
    return _ms(finding.last) >= first - SLACK_MS and _ms(finding.first) <= last + SLACK_MS


def _judged(finding: Finding, truth: Truth) -> Judged:
    about = [label for label in truth.labels if _is_about(finding, label)]
    for label in about:
        if _names(finding, label):
            return Judged(finding, Verdict.RIGHT, label.id)
    if about:
        return Judged(finding, Verdict.MISNAMED, about[0].id)
    return Judged(finding, Verdict.FALSE, _cause(finding, truth))


def _cause(finding: Finding, truth: Truth) -> str:
    """Returns the lookalike that a false alarm is about; the internet's noise, if it is that.

    The most telling comes first: who and whom, then the noise, then whom, then who.
    """
    sources, targets = set(finding.sources), set(finding.targets)
    targets |= set(map(str, finding.evidence.values()))
    fitting = [
        (bool(one.targets), bool(one.actors), one.id)
        for one in truth.lookalikes
        if (not one.actors or sources & set(one.actors))
        and (not one.targets or targets & set(one.targets))
        and (not one.last or _is_then(finding, one.first, one.last))
    ]
    if not sources.isdisjoint(truth.noise):
        fitting.append((True, False, NOISE))
    # of equals the first one, but the noise before all that only name whom
    fitting.sort(key=lambda one: (not one[0], not one[1], one[2] != NOISE))
    return fitting[0][2] if fitting else ORDINARY


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000)


def found_within(cards: Sequence[tuple[int, Card]], label: str) -> int | None:
    """Returns the shortest time after which an attack that is over then is found; None for never.

    Args:
        cards: of one world, by after how many milliseconds each attack in it was over.
        label: the attack's id.
    """
    for within, card in sorted(cards, key=lambda one: one[0]):
        if any(one.label.id == label and one.is_found for one in card.outcomes):
            return within
    return None
