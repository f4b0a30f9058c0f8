"""Findings of one run beside what is known of them: a baseline, and suppressions with an end."""

from flowverdict.findings.baseline import Baseline, Entry, read_baseline, write_baseline
from flowverdict.findings.finding import Finding, Packets
from flowverdict.findings.review import Review, Reviewed, review
from flowverdict.findings.suppressions import Suppression, read_suppressions

__all__ = [
    "Baseline",
    "Entry",
    "Finding",
    "Packets",
    "Review",
    "Reviewed",
    "Suppression",
    "read_baseline",
    "read_suppressions",
    "review",
    "write_baseline",
]
