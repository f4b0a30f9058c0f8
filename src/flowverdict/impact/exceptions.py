"""The fewest exceptions to a wanted admin Deny that keep the flows that are meant."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from flowverdict.impact.chosen import chosen
from flowverdict.impact.exception_ends import END, ends_of, flow_keys
from flowverdict.impact.exception_plan import (
    Keeper,
    Plan,
    Planner,
    known_by_active_rules,
    packets_of,
)
from flowverdict.impact.flows import TOLD, flow_starts, summed, told
from flowverdict.impact.judging import ALLOW, DENY, Judges
from flowverdict.impact.recorded import tests_source_ports
from flowverdict.impact.what_if import WhatIf, what_if
from flowverdict.lake import ALWAYS
from flowverdict.model import ResourceId
from flowverdict.policy import DEFAULTS

if TYPE_CHECKING:
    from flowverdict.lake import Lake, Period
    from flowverdict.model import Estate
    from flowverdict.policy import Options

Numbers = np.ndarray[Any, np.dtype[Any]]


@dataclass(slots=True)
class Exceptions:
    """What keeps the flows that are meant.

    Attributes:
        broken: how many flows the change breaks.
        kept: how many of them are to be kept.
        rules: what keeps them, in the order of evaluation.
        at_least: how many rules it takes at the least, as far as that is known.
        saved: how many of them pass again.
        lost: how many of the others no such rule can keep, by why.
        notes: what to know before the rules are used.
        estate: the changed estate with the rules.
        replay: every recorded flow, judged by the change without the rules and with them.
        mistaken: flows of the replay that pass again and are not to, or do not and are.
    """

    broken: int
    kept: int
    saved: int
    estate: Estate
    replay: WhatIf
    rules: list[Keeper]
    at_least: int
    lost: dict[str, int]
    notes: list[str]
    mistaken: int

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
            ``protocol``, ``src_ip``, ``src_port`` (where a rule tests source ports), ``dst_ip``,
            ``dst_port``, ``direction``,
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

    def find(self, keep: str) -> Exceptions:
        """Goes through the lake: what breaks, what may not pass with it, and the proof."""
        changed = self._estates[1]
        flows, stopped = self._broken()
        kept = chosen(flows, keep, "keep")
        rules = {one.id: one for one in changed.every_admin_rule}
        meant = ends_of(stopped, kept)
        never = {
            flow: f"{_named(name)} stops it, which is no admin rule"
            for flow, name in meant.values()
            if not name or ResourceId(name) not in rules
        }
        planner = Planner(self._estates, self._lake, self._period, self._options, meant)
        plan = planner.plan(
            {
                key: rules[ResourceId(name)]
                for key, (flow, name) in meant.items()
                if name and flow not in never
            }
        )
        plan.never |= never
        return self._proven(plan, flows, kept)

    def _proven(self, plan: Plan, flows: pa.Table, kept: list[int]) -> Exceptions:
        """Replays every recorded flow, and holds what passes again against what is to be kept."""
        changed = self._estates[1]
        replay = what_if(
            changed,
            plan.estate,
            self._lake,
            period=self._period,
            options=self._options,
            source_ports=any(map(tests_source_ports, self._estates)),
        )
        passing = Counter(flow for batch in replay.opened_rows for flow in flow_keys(batch))
        why: Counter[str] = Counter()
        saved = mistaken = 0
        lost = plan.lost
        for number, flow in zip(
            kept, flow_keys(flows.take(pa.array(kept, pa.int64()))), strict=True
        ):
            if passing[flow]:
                passing[flow] -= 1
                saved += 1
            elif number in lost:
                why[lost[number]] += 1
            else:
                mistaken += 1
        rules = [one.rule for one in plan.keepers]
        notes = [one.note for one in plan.budgets.values() if one.note]
        return Exceptions(
            broken=len(flows),
            kept=len(kept),
            saved=saved,
            estate=plan.estate,
            replay=replay,
            rules=plan.keepers,
            at_least=plan.at_least,
            lost=dict(why),
            notes=[*notes, *known_by_active_rules(changed, rules)],
            mistaken=mistaken + passing.total(),
        )

    def _broken(self) -> tuple[pa.Table, list[pa.RecordBatch]]:
        """Returns the flows that break, and of each end that stops one its flow and the rule."""
        tables: list[pa.RecordBatch] = []
        stopped: list[pa.RecordBatch] = []
        count = 0
        judges = Judges(self._estates, self._options)
        for recorded in judges.recorded(self._lake, self._period):
            batch = packets_of(recorded)
            if not len(batch):
                continue
            judged = judges.judge(batch)
            batch = batch.append_column("nic", judged.nics)
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


def _named(name: str | None) -> str:
    return f"`{ResourceId(name).name}`" if name else "something that has no name"
