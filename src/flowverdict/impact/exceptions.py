"""The fewest exceptions to a wanted admin Deny that keep the flows that are meant."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flowverdict.impact.chosen import chosen
from flowverdict.impact.covering import Box, Point, cover
from flowverdict.impact.exception_ends import END, Key, ends_of, flow_keys, keys, place, sides
from flowverdict.impact.exception_room import Budget, Dealer, room_before
from flowverdict.impact.exception_rules import (
    ACCESSES,
    NAMED,
    Kind,
    order,
    probe,
    rule_of,
    with_rules,
)
from flowverdict.impact.flows import TOLD, flow_starts, summed, told
from flowverdict.impact.judging import ALLOW, DENY, Judged, Judges
from flowverdict.impact.recorded import tells_packet, tests_source_ports
from flowverdict.impact.what_if import WhatIf, what_if
from flowverdict.lake import ALWAYS
from flowverdict.model import Access, ResourceId, Rule, free_name
from flowverdict.policy import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from flowverdict.lake import Lake, Period
    from flowverdict.model import Estate
    from flowverdict.policy import Options

Numbers = np.ndarray[Any, np.dtype[Any]]


class _Kept(NamedTuple):
    """What one rule is to match, and the flows that it keeps."""

    kind: Kind
    box: Box
    flows: set[int]


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
        notes: what to know before the rules are used.
        estate: the changed estate with the rules.
        replay: every recorded flow, judged by the change without the rules and with them.
        mistaken: flows of the replay that pass again and are not to, or do not and are.
    """

    broken: int
    kept: int
    estate: Estate
    replay: WhatIf
    rules: list[Keeper]
    at_least: int
    lost: dict[str, int]
    notes: list[str]
    mistaken: int

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
        """Whether by the replay those pass again that are to be kept, and nothing else changes."""
        return not (self.mistaken or self.replay.broken or self.replay.newly_unknown)


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
        flows, ends_stopped = self._broken()
        kept = chosen(flows, keep, "keep")
        rules = {one.id: one for one in changed.every_admin_rule}
        meant = ends_of(ends_stopped, kept)
        for flow, name in meant.values():
            if not name or ResourceId(name) not in rules:
                self._lost[flow] = f"{_named(name)} stops it, which is no admin rule"
        while True:  # what is lost at one end needs no rule at the other
            lost = set(self._lost)
            found: list[Keeper] = []
            at_least = 0
            final = changed
            budgets: dict[ResourceId, Budget] = {}
            ends: dict[ResourceId, dict[Key, Rule]] = defaultdict(dict)
            for key, (flow, name) in meant.items():
                if flow not in lost and name:
                    rule = rules[ResourceId(name)]
                    ends[rule.id.parent][key] = rule
            for collection, some in ends.items():
                manager = collection.parent.parent
                budget = budgets.setdefault(manager, Budget.of(changed, manager))
                keepers, least = self._in(collection, some, meant, final, budget)
                found += keepers
                at_least += least
                deny = next(iter(some.values()))
                final = with_rules(final, deny, [one.rule for one in keepers])
            if not found or lost == set(self._lost):
                break
        why = Counter(self._lost.values())
        replay = what_if(
            changed,
            final,
            self._lake,
            period=self._period,
            options=self._options,
            source_ports=any(map(tests_source_ports, self._estates)),
        )
        saved = [number for number in kept if number not in self._lost]
        wanted = Counter(flow_keys(flows.take(pa.array(saved, pa.int64()))))
        passing = Counter(flow for batch in replay.opened_rows for flow in flow_keys(batch))
        mistaken = (wanted - passing) + (passing - wanted)
        notes = [one.note for one in budgets.values() if one.note]
        notes += _known_by_active_rules(changed, [one.rule for one in found])
        return Exceptions(
            broken=len(flows),
            kept=len(kept),
            estate=final,
            replay=replay,
            rules=found,
            at_least=at_least,
            lost=dict(why),
            notes=notes,
            mistaken=mistaken.total(),
        )

    def _rows(
        self, judges: Judges, wanted: Mapping[str, Collection[object]] | None = None
    ) -> Iterator[tuple[pa.RecordBatch, Judged]]:
        """Yields recorded packets with what estates say of them.

        Args:
            judges: the estates.
            wanted: values of columns; rows with others are left out.
        """
        for rows in judges.recorded(self._lake, self._period):
            unasked = pc.or_(rows["is_return"], rows["is_platform"])
            keep = pc.and_not(tells_packet(rows), unasked)
            for name, values in (wanted or {}).items():
                keep = pc.and_(keep, pc.is_in(rows[name], pa.array(values, rows[name].type)))
            batch = rows.filter(keep)
            if len(batch):
                judged = judges.judge(batch)
                yield batch.append_column("nic", judged.nics), judged

    def _broken(self) -> tuple[pa.Table, list[pa.RecordBatch]]:
        """Returns the flows that break, and of each end that stops one its flow and the rule."""
        tables: list[pa.RecordBatch] = []
        stopped: list[pa.RecordBatch] = []
        count = 0
        for batch, judged in self._rows(Judges(self._estates, self._options)):
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
            rows = pa.array(np.flatnonzero((of_row >= 0) & stops))
            columns = {name: batch[name].take(rows) for name in END}
            columns["flow"] = pa.array(of_row).take(rows)
            columns["rule"] = judged.rules[1].take(rows).cast(pa.string())
            stopped.append(pa.RecordBatch.from_pydict(columns))
            tables.append(told(batch, summed(batch, first), first, which, stops))
        return pa.Table.from_batches(tables, TOLD), stopped

    def _with_room(
        self, stops: Mapping[Key, Rule], meant: Mapping[Key, tuple[int, str | None]], estate: Estate
    ) -> dict[Key, Rule]:
        """Returns the ends whose Deny has a free priority in front of it."""
        full: set[Rule] = set()
        for deny in set(stops.values()):
            way = deny.direction
            if not room_before(estate, deny.id.parent, [deny], {way: 1})[way]:
                full.add(deny)
        for key, deny in stops.items():
            if deny in full:
                self._lost[meant[key][0]] = f"no priority is free in front of `{deny.name}`"
        return {key: deny for key, deny in stops.items() if deny not in full}

    def _in(
        self,
        collection: ResourceId,
        stops: Mapping[Key, Rule],
        meant: Mapping[Key, tuple[int, str | None]],
        so_far: Estate,
        budget: Budget,
    ) -> tuple[list[Keeper], int]:
        """Returns rules for one collection, and how many it takes at the least.

        Args:
            collection: where they stand.
            stops: the ends that they are for, and the Deny of each.
            meant: every end of a flow that is to be kept, and its flow.
            so_far: the changed estate with the exceptions that other collections got.
            budget: what the manager may still have.
        """
        _, changed = self._estates
        stops = self._with_room(stops, meant, so_far)
        if not stops:
            return [], 0
        denies = list(dict.fromkeys(stops.values()))
        ends = Counter(place(key)[0].direction for key in stops)
        room = room_before(so_far, collection, denies, ends)
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
        judges = Judges((changed, *probes), self._options, found_in=self._estates)
        for batch, judged in self._rows(judges, sides(stops)):
            after, *tried = judged.access
            rows = np.flatnonzero(np.any([one != after for one in tried], axis=0))
            for at, key in zip(rows.tolist(), keys(batch.take(pa.array(rows))), strict=True):
                kind, point = place(key)
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
        boxes, at_least = self._covered(points, forbidden)
        dealer = Dealer.of(room)
        kept = self._affordable(boxes, dealer, budget, denies)
        return self._numbered(collection, kept, dealer), at_least

    def _covered(
        self,
        points: Mapping[Kind, Mapping[Point, set[int]]],
        forbidden: Mapping[Kind, set[Point]],
    ) -> tuple[list[_Kept], int]:
        """Returns what rules match, those that always allow first, and how many it takes."""
        at_least = 0
        found: list[_Kept] = []
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
            covered = cover(wanted, others)
            at_least += covered.at_least
            for box in covered.boxes:
                inside = (flows for point, flows in wanted.items() if point in box)
                found.append(_Kept(kind, box, set[int]().union(*inside)))
        return found, at_least

    def _affordable(
        self, boxes: list[_Kept], dealer: Dealer, budget: Budget, denies: Sequence[Rule]
    ) -> list[_Kept]:
        """Returns those for which there is room; where it ends, those that keep most flows."""
        given: set[int] = set()
        left: dict[int, str] = {}
        for at in sorted(range(len(boxes)), key=lambda at: -len(boxes[at].flows)):
            kind, box, _ = boxes[at]
            prefixes = len(box.sources) + len(box.destinations)
            why = budget.lacks(prefixes)
            if not why and not dealer.take(kind.direction):
                deny = next(one for one in denies if one.direction is kind.direction)
                why = f"no priority is free in front of `{deny.name}`"
            if why:
                left[at] = why
                continue
            budget.spend(prefixes)
            given.add(at)
        kept = set[int]().union(*(boxes[at].flows for at in given))
        for at, why in left.items():
            self._lost |= dict.fromkeys(boxes[at].flows - kept, why)
        return [box for at, box in enumerate(boxes) if at in given]

    def _numbered(self, collection: ResourceId, boxes: list[_Kept], dealer: Dealer) -> list[Keeper]:
        """Returns rules at the numbers that were dealt."""
        beside = [one for one in self._estates[1].every_admin_rule if one.id.parent == collection]
        numbers = {way: iter(some) for way, some in dealer.numbers().items()}
        found: list[Keeper] = []
        for kind, box, flows in boxes:
            way, priority = kind.direction, next(numbers[kind.direction])
            name = collection.child("rules", free_name(f"Keep-{way.value}-{priority}", beside))
            found.append(Keeper(rule_of(name, priority, kind, box), len(flows)))
        return found


def _known_by_active_rules(estate: Estate, rules: Iterable[Rule]) -> Iterator[str]:
    """Yields of which managers the active rules count, not the rules of their configurations."""
    active = {one.manager for one in estate.active_rules}
    for manager in sorted({one.id.parent.parent.parent for one in rules} & active):
        yield (
            f"`{manager.name}` is known by its list of active rules: other commands see these "
            "rules when a newer list has them"
        )


def _named(name: str | None) -> str:
    return f"`{ResourceId(name).name}`" if name else "something that has no name"
