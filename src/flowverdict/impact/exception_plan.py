"""Where exceptions stand, and which: collection by collection, while there is room."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flowverdict.impact.covering import Box, Point, cover
from flowverdict.impact.exception_ends import Key, keys, place, sides
from flowverdict.impact.exception_room import Budget, Dealer, room_before
from flowverdict.impact.exception_rules import (
    ACCESSES,
    NAMED,
    Kind,
    order,
    prefixes_of,
    probe,
    rule_of,
    with_rules,
)
from flowverdict.impact.judging import ALLOW, Judged, Judges
from flowverdict.impact.recorded import tells_packet
from flowverdict.model import Access, Estate, ResourceId, Rule, free_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from flowverdict.lake import Lake, Period
    from flowverdict.policy import Options

Numbers = np.ndarray[Any, np.dtype[Any]]
Stops = dict[Key, Rule]
"""Ends of flows, and the Deny that stops each of them."""


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
class Plan:
    """Exceptions so far.

    Attributes:
        estate: the changed estate with them.
        keepers: what keeps flows.
        at_least: how many rules it takes at the least.
        budgets: what network managers may still have.
        never: flows that no rule can keep, and why.
        no_room: flows for whose rules there is no room, and why.
    """

    estate: Estate
    keepers: list[Keeper] = field(default_factory=list[Keeper])
    at_least: int = 0
    budgets: dict[ResourceId, Budget] = field(default_factory=dict["ResourceId", Budget])
    never: dict[int, str] = field(default_factory=dict[int, str])
    no_room: dict[int, str] = field(default_factory=dict[int, str])

    @property
    def lost(self) -> dict[int, str]:
        """The flows that are not kept, and why."""
        return {**self.no_room, **self.never}


class _Wanted(NamedTuple):
    """What one rule is to match, and the ends that are matched."""

    kind: Kind
    box: Box
    ends: set[Key]


class _Answers:
    """What the lake says of rules at a place, end by end.

    Attributes:
        points: what rules may match, and for which ends.
        forbidden: what they may not.
        left: ends that no rule has kept so far.
        others: ends that are to get rules elsewhere.
    """

    def __init__(self, stops: Stops, meant: Collection[Key]) -> None:
        self.points: dict[Kind, dict[Point, set[Key]]] = defaultdict(lambda: defaultdict(set))
        self.forbidden: dict[Kind, set[Point]] = defaultdict(set)
        self.left = set(stops)
        self.others: set[Key] = set()
        self._stops = stops
        self._meant = meant

    def take(self, key: Key, access: list[int], rules: list[str | None]) -> None:
        """Takes an end.

        Args:
            key: the end.
            access: what happens to it now, and with a rule that allows and one that always does.
            rules: what decides about it then.
        """
        kind, point = place(key)
        now, *tried = access
        if key in self._stops:
            helps = [one for one, then in zip(ACCESSES, tried, strict=True) if then == ALLOW]
            if now != ALLOW and helps:
                self.points[kind._replace(access=helps[0])][point].add(key)
            if helps or now == ALLOW:  # where it passes another exception keeps it already
                self.left.discard(key)
            return
        for one, then, rule in zip(ACCESSES, tried, rules[1:], strict=True):
            if key in self.others:  # its own rule has to come to it
                forbids = rule != rules[0] and then != ALLOW
            else:
                forbids = key not in self._meant and then != now
            if forbids:
                self.forbidden[kind._replace(access=one)].add(point)

    def points_apart(self) -> dict[Kind, dict[Point, set[Key]]]:
        """Returns the points, each for one kind of rule; what skips the NSGs skips no other's."""
        for kind in [one for one in self.points if one.access is Access.ALLOW]:
            always = kind._replace(access=Access.ALWAYS_ALLOW)
            for point in self.points[kind].keys() & self.points.get(always, {}).keys():
                self.points[always][point] |= self.points[kind].pop(point)
            self.forbidden[always] |= set(self.points[kind])
        return self.points


class Planner:
    """Makes plans for flows that a change breaks."""

    def __init__(
        self,
        estates: tuple[Estate, Estate],
        lake: Lake,
        period: Period,
        options: Options,
        meant: Mapping[Key, tuple[int, str | None]],
    ) -> None:
        """Takes what plans are made of.

        Args:
            estates: the network before the change, and with it.
            lake: recorded flows.
            period: the time of the tuples.
            options: how open questions are answered.
            meant: the ends that stop flows which are to be kept: flow and deciding rule.
        """
        self._estates = estates
        self._lake = lake
        self._period = period
        self._options = options
        self._meant = meant
        ways: dict[int, set[str]] = defaultdict(set)
        for key, (flow, _) in meant.items():
            ways[flow].add(place(key)[0].direction.value)
        self._two_ended = {flow for flow, some in ways.items() if len(some) > 1}

    def plan(self, stops: Stops) -> Plan:
        """Returns exceptions for ends; what is lost at one end gets none at the other."""
        out: dict[int, str] = {}
        while True:
            left = {key: deny for key, deny in stops.items() if self._flow(key) not in out}
            plan = self._planned(Plan(self._estates[1]), left)
            lost = plan.lost
            if not lost or not plan.keepers:
                break
            out.update(lost)
            if not self._two_ended & lost.keys():
                break
        plan.never |= {flow: why for flow, why in out.items() if flow not in plan.lost}
        again = {  # room may be left that others had taken for nothing
            key: deny
            for key, deny in stops.items()
            if self._flow(key) in plan.lost and self._flow(key) not in self._two_ended
        }
        if self._two_ended & plan.lost.keys() and again:
            for flow in {self._flow(key) for key in again}:
                plan.never.pop(flow, None)
                plan.no_room.pop(flow, None)
            plan = self._planned(plan, again)
        return plan

    def _flow(self, key: Key) -> int:
        return self._meant[key][0]

    def _planned(self, plan: Plan, stops: Stops) -> Plan:
        """Adds exceptions for ends to a plan."""
        by_collection: dict[ResourceId, Stops] = defaultdict(dict)
        for key, deny in stops.items():
            by_collection[deny.id.parent][key] = deny
        left = [(some, True) for some in reversed(by_collection.values())]
        while left:
            some, counts = left.pop()
            before = len(plan.keepers)
            rest = self._place(plan, some, counts=counts)
            if not rest:
                continue
            by_deny: dict[Rule, Stops] = defaultdict(dict)
            for key, deny in rest.items():
                by_deny[deny][key] = deny
            if len(by_deny) > 1:  # each in front of its own, where there may be more room
                left += [(by_deny[one], False) for one in sorted(by_deny, key=_from_behind)]
            elif len(plan.keepers) > before:  # there may be a free number farther in front
                left.append((rest, False))
            else:
                why = f"no priority is free in front of `{_first(rest).name}`"
                plan.no_room |= dict.fromkeys(map(self._flow, rest), why)
        return plan

    def _place(self, plan: Plan, stops: Stops, *, counts: bool) -> Stops:
        """Adds exceptions of one collection to a plan; returns the ends for which room is short.

        Args:
            plan: what there is.
            stops: the ends.
            counts: whether it is counted how many rules it takes, which once is enough.
        """
        short = self._without_room(plan.estate, stops)
        stops = {key: deny for key, deny in stops.items() if key not in short}
        if not stops:
            return short
        collection = _first(stops).id.parent
        denies = list(dict.fromkeys(stops.values()))
        ends = Counter(place(key)[0].direction for key in stops)
        room = room_before(plan.estate, collection, denies, ends)
        points, forbidden = self._asked(plan, stops, denies, room)
        boxes = self._covered(plan, points, forbidden, counts=counts)
        dealer = Dealer.of(room)
        given, rest = self._affordable(plan, boxes, dealer, collection)
        keepers = self._numbered(plan.estate, collection, given, dealer)
        plan.keepers += keepers
        plan.estate = with_rules(plan.estate, denies, [one.rule for one in keepers])
        return short | {key: stops[key] for key in rest}

    def _without_room(self, estate: Estate, stops: Stops) -> Stops:
        """Returns the ends whose Deny has no free priority in front of it."""
        full: set[Rule] = set()
        for deny in set(stops.values()):
            way = deny.direction
            if not room_before(estate, deny.id.parent, [deny], {way: 1})[way]:
                full.add(deny)
        return {key: deny for key, deny in stops.items() if deny in full}

    def _asked(
        self, plan: Plan, stops: Stops, denies: Sequence[Rule], room: Mapping[Any, list[int]]
    ) -> tuple[dict[Kind, dict[Point, set[Key]]], dict[Kind, set[Point]]]:
        """Asks the lake what rules at a place would do to every end.

        Returns the points that rules may have, and those that they may not.
        """
        collection = denies[0].id.parent
        probes = [
            with_rules(
                plan.estate,
                denies,
                [probe(collection, way, access, room[way]) for way in room if room[way]],
            )
            for access in ACCESSES
        ]
        found = _Answers(stops, self._meant.keys())
        lost = plan.lost
        others = {key for key in self._meant if key not in stops and self._flow(key) not in lost}
        found.others = others
        judges = Judges((plan.estate, *probes), self._options, found_in=self._estates)
        wanted, elsewhere = sides(stops), sides(others) if others else None
        for batch, judged in self._rows(judges, wanted):
            now, *tried = judged.access
            looked_at = np.any([one != now for one in tried], axis=0)
            if elsewhere:
                looked_at |= _are_in(batch, elsewhere)
            if plan.keepers:
                looked_at |= now == ALLOW
            rows = np.flatnonzero(looked_at)
            rules = [one.take(pa.array(rows)).to_pylist() for one in judged.rules]
            for at, row, key in zip(
                range(len(rows)), rows.tolist(), keys(batch.take(pa.array(rows))), strict=True
            ):
                found.take(
                    key,
                    [int(one[row]) for one in judged.access],
                    [one[at] for one in rules],
                )
        for key in found.left:
            why = f"no rule in front of `{stops[key].name}` keeps it: others stop it too"
            plan.never[self._flow(key)] = why
        return found.points_apart(), found.forbidden

    def _rows(
        self, judges: Judges, wanted: Mapping[str, Collection[object]]
    ) -> Iterator[tuple[pa.RecordBatch, Judged]]:
        """Yields recorded packets whose columns have some values, with what estates say of them."""
        for rows in judges.recorded(self._lake, self._period):
            batch = packets_of(rows)
            batch = batch.filter(pa.array(_are_in(batch, wanted)))
            if len(batch):
                judged = judges.judge(batch)
                yield batch.append_column("nic", judged.nics), judged

    def _covered(
        self,
        plan: Plan,
        points: Mapping[Kind, Mapping[Point, set[Key]]],
        forbidden: Mapping[Kind, set[Point]],
        *,
        counts: bool,
    ) -> list[_Wanted]:
        """Returns what rules match, those that always allow first."""
        found: list[_Wanted] = []
        for kind in sorted(points, key=order):
            wanted = dict(points[kind])
            others = forbidden.get(kind, set[Point]())
            for point in [one for one in wanted if one in others or kind.protocol not in NAMED]:
                why = (
                    "a flow that is not to be kept has the same addresses and ports"
                    if point in others
                    else f"admin rules cannot name the protocol {kind.protocol}"
                )
                plan.never |= dict.fromkeys(map(self._flow, wanted.pop(point)), why)
            covered = cover(wanted, others)
            if counts:
                plan.at_least += self._least(covered.at_least, wanted)
            for box in covered.boxes:
                inside = (some for point, some in wanted.items() if point in box)
                found.append(_Wanted(kind, box, set[Key]().union(*inside)))
        return found

    def _least(self, at_least: int, wanted: Mapping[Point, set[Key]]) -> int:
        """Returns how many rules it takes: less is known where the other end may do the work."""
        flows = {self._flow(key) for some in wanted.values() for key in some}
        return min(at_least, 1) if flows & self._two_ended else at_least

    def _affordable(
        self, plan: Plan, boxes: list[_Wanted], dealer: Dealer, collection: ResourceId
    ) -> tuple[list[_Wanted], set[Key]]:
        """Returns those for which there is room, what keeps most flows first; and ends left."""
        manager = collection.parent.parent
        budget = plan.budgets.setdefault(manager, Budget.of(self._estates[1], manager))
        given: set[int] = set()
        beyond: dict[int, str] = {}
        short: list[int] = []
        for at in sorted(range(len(boxes)), key=lambda at: -len(boxes[at].ends)):
            kind, box, _ = boxes[at]
            size = prefixes_of(box)
            if why := budget.lacks(size):
                beyond[at] = why
            elif dealer.take(kind.direction):
                budget.spend(size)
                given.add(at)
            else:
                short.append(at)
        kept = set[Key]().union(*(boxes[at].ends for at in given))
        for at, why in beyond.items():
            plan.no_room |= dict.fromkeys(map(self._flow, boxes[at].ends - kept), why)
        left = set[Key]().union(*(boxes[at].ends for at in short)) - kept
        return [box for at, box in enumerate(boxes) if at in given], left

    def _numbered(
        self, estate: Estate, collection: ResourceId, boxes: list[_Wanted], dealer: Dealer
    ) -> list[Keeper]:
        """Returns rules at the numbers that were dealt."""
        beside = [one for one in estate.every_admin_rule if one.id.parent == collection]
        numbers = {way: iter(some) for way, some in dealer.numbers().items()}
        found: list[Keeper] = []
        for kind, box, ends in boxes:
            way, priority = kind.direction, next(numbers[kind.direction])
            name = collection.child("rules", free_name(f"Keep-{way.value}-{priority}", beside))
            flows = len({self._flow(key) for key in ends})
            found.append(Keeper(rule_of(name, priority, kind, box), flows))
        return found


def packets_of(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Returns the rows that tell a packet on which rules have to decide."""
    unasked = pc.or_(rows["is_return"], rows["is_platform"])
    return rows.filter(pc.and_not(tells_packet(rows), unasked))


def _are_in(batch: pa.RecordBatch, wanted: Mapping[str, Collection[object]]) -> Numbers:
    """Reports of each row whether some columns have one of some values."""
    found = np.ones(len(batch), np.bool_)
    for name, values in wanted.items():
        inside = pc.is_in(batch[name], pa.array(values, batch[name].type))
        found &= inside.to_numpy(zero_copy_only=False)
    return found


def _from_behind(deny: Rule) -> int:
    return -deny.priority


def _first(stops: Mapping[Key, Rule]) -> Rule:
    return next(iter(stops.values()))


def known_by_active_rules(estate: Estate, rules: Iterable[Rule]) -> Iterator[str]:
    """Yields of which managers the active rules count, not the rules of their configurations."""
    active = {one.manager for one in estate.active_rules}
    for manager in sorted({one.id.parent.parent.parent for one in rules} & active):
        yield (
            f"`{manager.name}` is known by its list of active rules: other commands see these "
            "rules when a newer list has them"
        )
