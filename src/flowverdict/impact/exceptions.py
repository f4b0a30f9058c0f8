"""The fewest exceptions to a wanted admin Deny that keep the flows that are meant."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flowverdict.impact.chosen import chosen
from flowverdict.impact.covering import Box, Point, cover
from flowverdict.impact.exception_rules import (
    ACCESSES,
    NAMED,
    Kind,
    order,
    over_limits,
    probe,
    room_before,
    rule_of,
    with_rules,
)
from flowverdict.impact.flows import TOLD, flow_starts, summed, told
from flowverdict.impact.judging import ALLOW, DENY, Judged, Judges
from flowverdict.impact.recorded import FLOW, tells_packet
from flowverdict.impact.what_if import WhatIf, what_if
from flowverdict.lake import ALWAYS
from flowverdict.model import Access, Direction, ResourceId, Rule, free_name
from flowverdict.net import has_ports, is_ipv6, parse_address
from flowverdict.policy import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flowverdict.lake import Lake, Period
    from flowverdict.model import Estate
    from flowverdict.policy import Options

Numbers = np.ndarray[Any, np.dtype[Any]]

Key = tuple[Any, ...]
"""One end of a flow: ``FLOW``, direction and interface."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """A rule that keeps flows.

    Attributes:
        rule: a security admin rule at a free priority, in front of the Deny.
        keeps: how many of the flows that are to be kept it lets through.
    """

    rule: Rule
    keeps: int


@dataclass(slots=True)
class Exceptions:
    """What keeps the flows that are meant.

    Attributes:
        broken: how many flows the change breaks.
        kept: how many of them are to be kept.
        rules: what keeps them, in the order of evaluation.
        at_least: how many rules it takes at the least, as far as that is known.
        lost: how many of them no such rule can keep, by why.
        notes: limits of Azure that the rules go beyond.
        estate: the changed estate with the rules.
        replay: every recorded flow, judged by the change without the rules and with them.
    """

    broken: int
    kept: int
    estate: Estate
    replay: WhatIf
    rules: list[Keeper]
    at_least: int
    lost: dict[str, int]
    notes: list[str]

    @property
    def saved(self) -> int:
        """How many flows the rules are to keep."""
        return self.kept - sum(self.lost.values())

    @property
    def is_smallest(self) -> bool:
        """Whether fewer rules are known not to do."""
        return len(self.rules) == self.at_least

    @property
    def is_proven(self) -> bool:
        """Whether by the replay as many pass again as are to be kept, and nothing else changes."""
        found = self.replay
        return (found.opened, found.broken, found.newly_unknown) == (self.saved, 0, 0)


def exceptions(
    estate: Estate,
    changed: Estate,
    lake: Lake,
    keep: str,
    *,
    period: Period = ALWAYS,
    options: Options = DEFAULTS,
) -> Exceptions:
    """Finds the fewest admin rules that keep some of the flows that a change breaks.

    A rule names the very addresses and ports of recorded flows. It stands in the collection of the
    Deny that stops them and allows, or always allows where the NSGs would not. None matches a
    recorded flow that is not to be kept and would get another verdict by it.

    Args:
        estate: the network as it is.
        changed: the network with the wanted Deny.
        lake: recorded flows.
        keep: which of the broken flows are meant: a condition in SQL over their columns
            ``protocol``, ``src_ip``, ``src_port``, ``dst_ip``, ``dst_port``, ``direction``,
            ``nic``, ``hits``, ``bytes``, ``first`` and ``last``.
        period: the time of the tuples.
        options: how open questions are answered.

    Raises:
        LakeError: the lake cannot be read, or the condition is wrong.
    """
    return _Finding(estate, changed, lake, period, options).find(keep)


class _Finding:
    def __init__(
        self, estate: Estate, changed: Estate, lake: Lake, period: Period, options: Options
    ) -> None:
        self._estates = estate, changed
        self._lake = lake
        self._period = period
        self._options = options
        self._lost: dict[int, str] = {}

    def find(self, keep: str) -> Exceptions:
        """Goes through the lake: what breaks, what may not pass with it, and the proof."""
        _, changed = self._estates
        flows, stopped = self._broken()
        kept = set(chosen(flows, keep, "keep"))
        rules = {one.id: one for one in changed.every_admin_rule}
        meant = {key: end for key, end in stopped.items() if end[0] in kept}
        for flow, name in meant.values():
            if not name or ResourceId(name) not in rules:
                self._lost[flow] = f"{_named(name)} stops it, which is no admin rule"
        while True:  # what is lost at one end needs no rule at the other
            lost = set(self._lost)
            found: list[Keeper] = []
            at_least = 0
            final = changed
            ends: dict[ResourceId, dict[Key, Rule]] = defaultdict(dict)
            for key, (flow, name) in meant.items():
                if flow not in lost and name:
                    rule = rules[ResourceId(name)]
                    ends[rule.id.parent][key] = rule
            for collection, some in ends.items():
                keepers, least = self._in(collection, some, meant)
                found += keepers
                at_least += least
                deny = next(iter(some.values()))
                final = with_rules(final, deny, [one.rule for one in keepers])
            if not found or lost == set(self._lost):
                break
        why = Counter(self._lost.values())
        replay = what_if(changed, final, self._lake, period=self._period, options=self._options)
        notes = list(over_limits(final, {one.rule.id.parent for one in found}))
        return Exceptions(len(flows), len(kept), final, replay, found, at_least, dict(why), notes)

    def _rows(self, *probes: Estate) -> Iterator[tuple[pa.RecordBatch, Judged]]:
        """Yields recorded packets with what the estates say of them."""
        judges = Judges((*self._estates, *probes), self._options)
        for rows in judges.recorded(self._lake, self._period):
            unasked = pc.or_(rows["is_return"], rows["is_platform"])
            batch = rows.filter(pc.and_not(tells_packet(rows), unasked))
            if len(batch):
                judged = judges.judge(batch)
                yield batch.append_column("nic", judged.nics), judged

    def _broken(self) -> tuple[pa.Table, dict[Key, tuple[int, str | None]]]:
        """Returns the flows that break, and of each end that stops one its flow and the rule."""
        tables: list[pa.RecordBatch] = []
        stopped: dict[Key, tuple[int, str | None]] = {}
        count = 0
        for batch, judged in self._rows():
            first = flow_starts(batch)
            before, after = (np.maximum.reduceat(one, first) for one in judged.access)
            which = (before == ALLOW) & (after == DENY)
            if not which.any():
                continue
            stops = judged.access[1] == DENY
            number = np.full(len(first), -1)
            number[which] = np.arange(count, count + which.sum())
            count += int(which.sum())
            of_row = np.repeat(number, np.diff(np.append(first, len(batch))))
            rows = np.flatnonzero((of_row >= 0) & stops)
            names = judged.rules[1].take(pa.array(rows)).cast(pa.string()).to_pylist()
            for key, flow, name in zip(
                _keys(batch, rows), of_row[rows].tolist(), names, strict=True
            ):
                stopped[key] = flow, name
            tables.append(told(batch, summed(batch, first), first, which, stops))
        return pa.Table.from_batches(tables, TOLD), stopped

    def _with_room(
        self, stops: Mapping[Key, Rule], meant: Mapping[Key, tuple[int, str | None]]
    ) -> dict[Key, Rule]:
        """Returns the ends whose Deny has a free priority in front of it."""
        full = {
            deny
            for deny in set(stops.values())
            if not room_before(self._estates[1], deny.id.parent, [deny], deny.direction, 1)
        }
        for key, deny in stops.items():
            if deny in full:
                self._lost[meant[key][0]] = f"no priority is free in front of `{deny.name}`"
        return {key: deny for key, deny in stops.items() if deny not in full}

    def _in(
        self,
        collection: ResourceId,
        stops: Mapping[Key, Rule],
        meant: Mapping[Key, tuple[int, str | None]],
    ) -> tuple[list[Keeper], int]:
        """Returns rules for one collection, and how many it takes at the least.

        Args:
            collection: where they stand.
            stops: the ends that they are for, and the Deny of each.
            meant: every end of a flow that is to be kept, and its flow.
        """
        _, changed = self._estates
        stops = self._with_room(stops, meant)
        if not stops:
            return [], 0
        denies = list(dict.fromkeys(stops.values()))
        count = Counter(_place(key)[0].direction for key in stops)
        room = {way: room_before(changed, collection, denies, way, count[way]) for way in Direction}
        probes = [
            with_rules(
                changed,
                denies[0],
                [probe(collection, way, access, room[way]) for way in room if room[way]],
            )
            for access in ACCESSES
        ]
        points: dict[Kind, dict[Point, set[int]]] = defaultdict(lambda: defaultdict(set))
        forbidden: dict[Kind, set[Point]] = defaultdict(set)
        left = set(stops)
        for batch, judged in self._rows(*probes):
            _, after, *tried = judged.access
            rows = np.flatnonzero(np.any([one != after for one in tried], axis=0))
            for at, key in zip(rows.tolist(), _keys(batch, rows), strict=True):
                kind, point = _place(key)
                by_access = list(zip(ACCESSES, tried, strict=True))
                if key in stops:
                    helps = [access for access, one in by_access if one[at] == ALLOW]
                    if helps:
                        points[kind._replace(access=helps[0])][point].add(meant[key][0])
                        left.discard(key)
                elif key not in meant:
                    for access, one in by_access:
                        if one[at] != after[at]:
                            forbidden[kind._replace(access=access)].add(point)
        for key in left:
            why = f"no rule in front of `{stops[key].name}` keeps it: others stop it too"
            self._lost[meant[key][0]] = why
        for kind in list(points):  # what skips the NSGs is for what they would stop, and no more
            if kind.access is Access.ALLOW:
                forbidden[kind._replace(access=Access.ALWAYS_ALLOW)] |= set(points[kind])
        return self._covered(collection, points, forbidden, room, denies[0].name)

    def _covered(
        self,
        collection: ResourceId,
        points: Mapping[Kind, Mapping[Point, set[int]]],
        forbidden: Mapping[Kind, set[Point]],
        room: Mapping[Direction, list[int]],
        deny: str,
    ) -> tuple[list[Keeper], int]:
        """Returns the rules at free priorities, those that always allow in front."""
        at_least = 0
        boxes: dict[Direction, list[tuple[Kind, Box, set[int]]]] = defaultdict(list)
        for kind in sorted(points, key=order):
            wanted = dict(points[kind])
            others = forbidden.get(kind, set[Point]())
            for point in [one for one in wanted if one in others or kind.protocol not in NAMED]:
                why = (
                    "a flow that is not to be kept has the same addresses and ports"
                    if point in others
                    else f"admin rules cannot name the protocol {kind.protocol}"
                )
                self._lost |= dict.fromkeys(wanted.pop(point), why)
            found = cover(wanted, others)
            at_least += found.at_least
            for box in found.boxes:
                inside = (flows for point, flows in wanted.items() if point in box)
                boxes[kind.direction].append((kind, box, set[int]().union(*inside)))
        beside = [one for one in self._estates[1].every_admin_rule if one.id.parent == collection]
        keepers: list[Keeper] = []
        for way, some in boxes.items():
            free = room[way][-len(some) :]
            best = sorted(range(len(some)), key=lambda at: -len(some[at][2]))[: len(free)]
            for priority, at in zip(free, sorted(best), strict=True):
                kind, box, flows = some[at]
                name = collection.child("rules", free_name(f"Keep-{way.value}-{priority}", beside))
                keepers.append(Keeper(rule_of(name, priority, kind, box), len(flows)))
            kept = set[int]().union(*(some[at][2] for at in best))
            for at in set(range(len(some))) - set(best):
                left = some[at][2] - kept
                self._lost |= dict.fromkeys(left, f"no priority is free in front of `{deny}`")
        return keepers, at_least


def _keys(batch: pa.RecordBatch, rows: Numbers) -> list[Key]:
    names = (*FLOW, "direction", "nic")
    columns = [batch[name].take(pa.array(rows)).to_pylist() for name in names]
    return list(zip(*columns, strict=True))


def _place(key: Key) -> tuple[Kind, Point]:
    protocol, src, dst, _, port, way, _ = key
    source, destination = parse_address(src), parse_address(dst)
    direction = Direction.INBOUND if way == "I" else Direction.OUTBOUND
    kind = Kind(Access.ALLOW, direction, protocol, is_ipv6(source))
    return kind, Point(source, destination, port if has_ports(protocol) else None)


def _named(name: str | None) -> str:
    return f"`{ResourceId(name).name}`" if name else "something that has no name"
