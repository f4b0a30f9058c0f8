"""What stands before an interface as stages: lists of tests, the first that matches counts.

A test is a rule with its fields as sets of numbers. Where the evaluator would ask its world for a
missing fact, the test says so for the same packets (or for more): those are left to the evaluator.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from flowverdict.model import Access, Direction
from flowverdict.net import (
    ALL_ADDRESSES,
    ALL_PORTS,
    ALL_PROTOCOLS,
    EMPTY,
    IntervalSet,
    Protocol,
)
from flowverdict.policy.services import SERVICES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flowverdict.model import Endpoint, Rule
    from flowverdict.policy import Standpoint
    from flowverdict.policy.addresses import AddressSet
    from flowverdict.policy.admin import AdminLayer, ManagerRules
    from flowverdict.policy.deployed import Entry
    from flowverdict.policy.services import PlatformService

STOP: Final = 0
"""The test decides."""
KEEP_FIRST: Final = 1
"""The test decides unless a later stage does, and unless an earlier one did (an admin Allow)."""
KEEP_LAST: Final = 2
"""The test decides unless a later stage does (an NSG's Allow)."""

_TOPOLOGY: Final = ("virtualnetwork", "internet")
_ICMP_ALONE: Final = IntervalSet([(Protocol.ICMP, Protocol.ICMP)])


class Side(NamedTuple):
    """Source or destination of a test.

    Attributes:
        sure: addresses that match for sure, whatever is missing.
        asks: other addresses for which a missing fact may be asked.
        likely: addresses that match by a set that has doubts about others.
        cuts: every set that was looked at; addresses that none of them tells apart are alike.
        in_network: the side has ``VirtualNetwork``, which differs from place to place.
        in_internet: likewise ``Internet``.
    """

    sure: IntervalSet = EMPTY
    asks: IntervalSet = EMPTY
    likely: IntervalSet = EMPTY
    cuts: tuple[IntervalSet, ...] = ()
    in_network: bool = False
    in_internet: bool = False


ANYWHERE: Final = Side(sure=ALL_ADDRESSES, cuts=(ALL_ADDRESSES,))


class Test(NamedTuple):
    """A rule with its fields as sets of numbers.

    Attributes:
        without_dst_port: it matches packets of protocols without ports; so ``without_src_port``.
        asks: a missing fact is asked for whenever it matches.
        action: what a match does: ``STOP``, ``KEEP_FIRST`` or ``KEEP_LAST``.
    """

    rule: Rule | None
    layer: str
    access: str
    action: int
    protocols: IntervalSet = ALL_PROTOCOLS
    dst_ports: IntervalSet = ALL_PORTS
    src_ports: IntervalSet = ALL_PORTS
    without_dst_port: bool = True
    without_src_port: bool = True
    dst: Side = ANYWHERE
    src: Side = ANYWHERE
    asks: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Stage:
    """Tests in order; a stage in which none matches decides nothing."""

    tests: tuple[Test, ...]


ASKING: Final = Test(None, "", "", STOP, asks=True)
"""Stands for a stage of which it is not known what it does."""

PLATFORM: Final = Stage(
    tuple(
        Test(
            None,
            "platform",
            "",
            STOP,
            one.protocols,
            one.ports,
            without_dst_port=False,
            dst=Side(sure=one.addresses, cuts=(one.addresses,)),
            asks=True,
        )
        for one in SERVICES
    )
)
"""Packets for the platform are rare, and their rules a page of their own: the evaluator's."""


def side_of(sets: Iterable[AddressSet], endpoint: Endpoint) -> Side:
    """Returns one side of a rule.

    Args:
        sets: what the side is the union of, topology tags and platform services left out.
        endpoint: the side as the rule has it.
    """
    sure, asks, likely, cuts = [endpoint.prefixes], [EMPTY], [EMPTY], [endpoint.prefixes]
    for one in sets:
        cuts += (one.sure, *(doubt.addresses for doubt in one.doubts))
        if not one.doubts:
            sure.append(one.sure)
            continue
        maybe = IntervalSet.union(doubt.addresses for doubt in one.doubts if doubt.member_if)
        less = IntervalSet.union(doubt.addresses for doubt in one.doubts if not doubt.member_if)
        likely.append(one.sure - less)
        asks += (maybe - one.sure, one.sure & less)
    known = [one for one in sure if one]
    certain = known[0] if len(known) == 1 else IntervalSet.union(known)
    tags = {tag.lower() for tag in endpoint.tags}
    return Side(
        certain,
        IntervalSet.union(asks) - certain,
        IntervalSet.union(likely),
        tuple(cuts),
        "virtualnetwork" in tags,
        "internet" in tags,
    )


def nsg_stage(place: Standpoint, name: str, rules: Iterable[Rule]) -> Stage:
    """Returns an NSG's rules of one direction; the same wherever the NSG is attached."""
    tests: list[Test] = []
    for rule in rules:
        action = KEEP_LAST if rule.access is Access.ALLOW else STOP
        tests += _tests(place, Test(rule, name, rule.access.value, action), rule)
    return Stage(tuple(tests))


def admin_stages(place: Standpoint, layer: AdminLayer, direction: Direction) -> list[Stage]:
    """Returns the admin rules of one direction: a stage, or one a manager where each has a say."""
    found = [Stage(tuple(_manager_tests(place, one, direction))) for one in layer.managers]
    if layer.order_missing and len(found) > 1:
        found[0] = Stage((ASKING, *found[0].tests))
    if place.options.multi_manager_allow == "final" and found:
        return [Stage(tuple(test for one in found for test in one.tests))]
    return found


def _manager_tests(
    place: Standpoint, manager: ManagerRules, direction: Direction
) -> Iterator[Test]:
    found = [_entry_tests(place, one) for one in manager.towards(direction)]
    by_priority: dict[int, list[Test]] = {}
    for test in (test for tests in found for test in tests if test.rule):
        assert test.rule is not None
        by_priority.setdefault(test.rule.priority, []).append(test)
    tied = {
        priority
        for priority, tests in by_priority.items()
        if len({one.rule.access for one in tests if one.rule}) > 1 and any(map(_may_ask, tests))
    }
    for test in (test for tests in found for test in tests):
        # of rules of one priority the evaluator looks at all, once one of them decides
        yield test._replace(asks=True) if test.rule and test.rule.priority in tied else test


def _entry_tests(place: Standpoint, entry: Entry) -> list[Test]:
    rule = entry.rule
    if rule is None:
        return [ASKING]
    action = KEEP_FIRST if rule.access is Access.ALLOW else STOP
    access = "Deny" if rule.access is Access.DENY else "Allow"
    whole = Test(rule, "admin", access, action, asks=bool(entry.doubts))
    return _tests(place, whole, rule, entry.committed)


def _may_ask(test: Test) -> bool:
    return (
        test.asks
        or test.src_ports != ALL_PORTS
        or any(one.asks or one.in_network or one.in_internet for one in (test.src, test.dst))
    )


def _tests(place: Standpoint, whole: Test, rule: Rule, committed: str = "") -> list[Test]:
    """Returns a rule as tests: several where a side has a platform service, which takes ports."""
    inbound = rule.direction is Direction.INBOUND
    dst, to = _side(place, rule.destination, committed, is_local=inbound)
    src, by = _side(place, rule.source, committed, is_local=not inbound)
    tests = [
        Test(
            whole.rule,
            whole.layer,
            whole.access,
            whole.action,
            rule.protocols,
            rule.destination_ports,
            rule.source_ports,
            _without_ports(rule, rule.destination_ports),
            _without_ports(rule, rule.source_ports),
            dst,
            src,
            whole.asks,
        )
    ]
    if rule.unknown:
        tests.append(_of_unknown(tests[0], rule))
    if not (to or by):
        return tests
    for name, services in (("dst", to), ("src", by)):
        for service in services:
            tests = [part for one in tests for part in _split(one, name, service)]
    return tests


def _of_unknown(test: Test, rule: Rule) -> Test:
    """Returns what stands for the fields of a rule that are not known: any value may match."""
    fields = {one.field for one in rule.unknown}
    test = test._replace(asks=True)
    if "protocol" in fields:
        test = test._replace(protocols=ALL_PROTOCOLS)
    if "destination port" in fields:
        test = test._replace(dst_ports=ALL_PORTS, without_dst_port=True)
    if "source port" in fields:
        test = test._replace(src_ports=ALL_PORTS, without_src_port=True)
    return test


def _without_ports(rule: Rule, ports: IntervalSet) -> bool:
    return ports is ALL_PORTS or ports == ALL_PORTS or rule.protocols == _ICMP_ALONE


def _side(
    place: Standpoint, endpoint: Endpoint, committed: str, *, is_local: bool
) -> tuple[Side, list[PlatformService]]:
    """Returns a side without the platform services in it, and those."""
    others = endpoint.asgs or endpoint.groups or endpoint.unknown
    if not (endpoint.tags or others):
        if endpoint.prefixes == ALL_ADDRESSES:
            return ANYWHERE, []
        return Side(endpoint.prefixes, cuts=(endpoint.prefixes,)), []
    same = tuple(tag for tag in endpoint.tags if tag.lower() not in _TOPOLOGY)
    if not (same or endpoint.prefixes or others):
        return _of_topology(frozenset(tag.lower() for tag in endpoint.tags)), []
    others_only = replace(endpoint, prefixes=EMPTY, tags=same)
    sets = place.sets_of(others_only, committed, is_local=is_local)
    services = [one.service for one in sets if one.service]
    return side_of([one for one in sets if not one.service], endpoint), services


@cache
def _of_topology(tags: frozenset[str]) -> Side:
    """Returns the side of topology tags alone, one object wherever it stands: default rules do."""
    network, internet = _TOPOLOGY
    return Side(cuts=(EMPTY,), in_network=network in tags, in_internet=internet in tags)


def _split(test: Test, name: str, service: PlatformService) -> Iterator[Test]:
    """Splits a test by whether a service takes the packet, of whose side it is then a part."""
    side: Side = getattr(test, name)
    wider = side._replace(
        sure=side.sure | service.addresses,
        asks=side.asks - service.addresses,
        cuts=(*side.cuts, service.addresses),
    )
    protocols, ports = test.protocols & service.protocols, test.dst_ports & service.ports
    if protocols and ports:
        taken = test._replace(protocols=protocols, dst_ports=ports, without_dst_port=False)
        yield taken._replace(**{name: wider})
        if rest := test.dst_ports - service.ports:
            yield test._replace(protocols=protocols, dst_ports=rest)
        if other := test.protocols - service.protocols:
            yield test._replace(protocols=other)
    else:
        yield test
