"""What a detection found: who did it, to whom, when, and what shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

SEVERITIES: Final = ("informational", "low", "medium", "high", "critical")
"""From what is good to know to what cannot wait, in the words of OCSF."""

OUTCOMES: Final = ("allowed", "denied", "both", "")
"""What the log says was decided of a finding's flows; empty where it is not about flows."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that happened, as one row of a detection's query tells it.

    Attributes:
        detection: the id of the detection, such as ``rdp-brute-force``.
        severity: one of ``SEVERITIES``.
        technique: the id of the MITRE ATT&CK technique, such as ``T1110.001``.
        first: when it began, UTC.
        last: when it was last seen, UTC; not before ``first``.
        sources: the addresses that did it, in order of their text; empty where nobody in
            particular did.
        targets: the addresses that it was done to, likewise.
        ports: the destination ports, in order; empty where they do not matter.
        protocol: the IANA number; None where it does not matter.
        outcome: one of ``OUTCOMES``.
        evidence: what was counted, by name; times are UTC, bytes and packets are totals.
    """

    detection: str
    severity: str
    technique: str
    first: datetime
    last: datetime
    sources: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    protocol: int | None = None
    outcome: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def grade(self) -> int:
        """How severe it is: the place of its severity in ``SEVERITIES``."""
        return SEVERITIES.index(self.severity)

    def is_at_least(self, severity: str) -> bool:
        """Reports whether it is of some severity or a higher one."""
        return self.grade >= SEVERITIES.index(severity)

    @property
    def src_ip(self) -> str | None:
        """The address that did it; None where there are several, or none."""
        return self.sources[0] if len(self.sources) == 1 else None

    @property
    def dst_ip(self) -> str | None:
        """The address that it was done to; None where there are several, or none."""
        return self.targets[0] if len(self.targets) == 1 else None


def weight(one: Finding) -> tuple[Any, ...]:
    """Returns what sorts findings: the severest first, of those the earliest, none by chance."""
    return (-one.grade, one.first, one.detection, one.sources, one.targets,
            one.ports, one.last, repr(sorted(one.evidence.items())))  # fmt: skip
