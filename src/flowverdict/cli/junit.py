"""JUnit reports, as build servers read them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PLURALS: Final = {"failure": "failures", "error": "errors", "skipped": "skipped"}


class Case(NamedTuple):
    """What became of a claim or a check.

    Attributes:
        outcome: ``failure``, ``error``, ``skipped``, or empty where it is good.
        lines: what is said of it; the first one is the message.
    """

    name: str
    outcome: str
    lines: Sequence[str]


def junit(command: str, cases: Sequence[Case]) -> Iterator[str]:
    """Yields the report of a command, a test for each case."""
    suite = ET.Element("testsuite", name=f"flowverdict {command}", tests=str(len(cases)))
    counts = Counter(one.outcome for one in cases)
    for outcome, plural in _PLURALS.items():
        suite.set(plural, str(counts[outcome]))
    for one in cases:
        case = ET.SubElement(suite, "testcase", classname=command, name=_xml(one.name))
        if one.outcome:
            told = ET.SubElement(case, one.outcome, message=_xml(one.lines[0]))
            told.text = _xml("\n".join(one.lines))
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield ET.tostring(suites, encoding="unicode")


def _xml(text: str) -> str:
    """Returns a text that XML may hold: control characters are shown by their numbers."""
    return "".join(one if one.isprintable() or one in "\n\t" else repr(one)[1:-1] for one in text)
