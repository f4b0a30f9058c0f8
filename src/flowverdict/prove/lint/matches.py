"""Which packets the rules of one list match at a place, for sure and perhaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from flowverdict.net import ALL_IPV4, ALL_IPV6
from flowverdict.prove.lint.boxes import disjoint, less, touch, within
from flowverdict.prove.pieces import resolved
from flowverdict.prove.region import PORTLESS, WITH_PORTS, WITHOUT_PORTS, Box

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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


class Left(NamedTuple):
    """What of some packets is left behind rules.

    Attributes:
        packets: those that may still be there.
        took: the rules that took some of the others.
    """

    packets: Boxes
    took: tuple[Rule, ...]


def matches(tests: Iterable[Test], around: Around) -> list[Match]:
    """Returns what the rules of a stage match, one entry a rule, in their order.

    The platform's own tests, which no rule writes, are left out.
    """
    found: list[Match] = []
    for test in tests:
        if test.layer == "platform":
            continue
        sure, perhaps = tuple(_boxes(test, around, sure=True)), tuple(_boxes(test, around))
        last = found[-1] if found else None
        if last is not None and test.rule is not None and last.rule is test.rule:
            sure, perhaps = disjoint(last.sure + sure), disjoint(last.perhaps + perhaps)
            found[-1] = Match(last.rule, last.action, sure, perhaps)
        else:
            found.append(Match(test.rule, test.action, sure, perhaps))
    return found


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


def left_behind(one: Match, before: Iterable[Match]) -> Left:
    """Returns what a rule may match of what rules before it surely do not take."""
    touching = [other for other in before if touch(one.perhaps, other.sure)]
    for other in touching:
        if other.rule is not None and within(one.perhaps, other.sure):
            return Left((), (other.rule,))
    rest = one.perhaps
    took: list[Rule] = []
    for other in touching:
        if other.rule is not None and touch(rest, other.sure):
            took.append(other.rule)
            rest = less(rest, other.sure)
    return Left(rest, tuple(took))
