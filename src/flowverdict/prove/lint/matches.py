"""Which packets the rules of one list match at a place, for sure and perhaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowverdict.net import ALL_IPV4, ALL_IPV6
from flowverdict.prove.lint.boxes import disjoint
from flowverdict.prove.pieces import resolved
from flowverdict.prove.region import PORTLESS, WITH_PORTS, WITHOUT_PORTS, Box

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flowverdict.model import Rule
    from flowverdict.net import IntervalSet
    from flowverdict.prove.lint.boxes import Boxes
    from flowverdict.stages import Around, Test


@dataclass(frozen=True, slots=True)
class Match:
    """What a rule matches.

    Attributes:
        rule: None for a rule that is there and not known.
        action: what a match does (``stages.STOP`` and the others).
        sure: packets that it matches, whatever is missing.
        perhaps: all packets that it may match; these and more.
    """

    rule: Rule | None
    action: int
    sure: Boxes
    perhaps: Boxes


def matches(tests: Sequence[Test], around: Around, kept: dict[int, Match]) -> list[Match]:
    """Returns what the rules of a stage match, one entry a rule, in their order.

    The platform's own tests, which no rule writes, are left out.

    Args:
        tests: the stage's.
        around: the topology tags there.
        kept: what rules without topology tags match, by the number of their first test; filled here
            and the same wherever the stage stands.
    """
    found: list[Match] = []
    at = 0
    while at < len(tests):
        first, start = tests[at], at
        at += 1
        while first.rule is not None and at < len(tests) and tests[at].rule is first.rule:
            at += 1
        if first.layer == "platform":
            continue
        one = kept.get(start)
        if one is None:
            some = tests[start:at]
            one = _match(some, around)
            if not any(map(is_of_place, some)):
                kept[start] = one
        found.append(one)
    return found


def is_of_place(test: Test) -> bool:
    """Reports whether what a test matches differs from virtual network to virtual network."""
    return any(one.in_network or one.in_internet for one in (test.src, test.dst))


def _match(tests: Sequence[Test], around: Around) -> Match:
    """Returns what the tests of one rule match together."""
    sure = tuple(box for one in tests for box in _boxes(one, around, sure=True))
    perhaps = tuple(box for one in tests for box in _boxes(one, around))
    if len(tests) > 1:
        sure, perhaps = disjoint(sure), disjoint(perhaps)
    return Match(tests[0].rule, tests[0].action, sure, perhaps)


def _boxes(test: Test, around: Around, *, sure: bool = False) -> Iterator[Box]:
    if sure and test.asks:
        return
    ends: list[IntervalSet] = []
    for side in (test.src, test.dst):
        known, maybe = resolved(side, around)
        ends.append(known if sure else known | maybe)
    ported = test.protocols & WITH_PORTS
    portless = test.protocols & WITHOUT_PORTS
    for family in (ALL_IPV4, ALL_IPV6):
        sources, destinations = (one & family for one in ends)
        if not (sources and destinations):
            continue
        if ported and test.dst_ports and test.src_ports:
            yield Box(ported, sources, destinations, test.dst_ports, test.src_ports)
        if portless and test.without_dst_port and test.without_src_port:
            yield Box(portless, sources, destinations, PORTLESS, PORTLESS)
