"""What cures would break of recorded flows, besides the flows of attackers."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flowverdict.detect import SEVERITIES
from flowverdict.impact.cause_rows import is_outside
from flowverdict.impact.flows import TOLD
from flowverdict.lake import Period, query
from flowverdict.net import format_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from flowverdict.detect import Finding
    from flowverdict.impact.cure_edit import Edit
    from flowverdict.impact.cure_ends import Flow
    from flowverdict.impact.what_if import Change, WhatIf
    from flowverdict.lake import Lake
    from flowverdict.model import ResourceId

SEVERE: Final = "high"
MOST_CHANGES: Final = 2_000
"""Broken flows that are looked at one by one, those with most tuples first."""
_KEY: Final = ("protocol", "src_ip", "dst_ip", "dst_port")
_NO_PORT: Final = -1
_DAY: Final = timedelta(days=1)
_MOMENT: Final = timedelta(milliseconds=1)


def last_days(lake: Lake, days: int) -> Period:
    """Returns the last days of a lake, counted from its newest row; fewer where it has fewer.

    Raises:
        LakeError: the lake cannot be read.
    """
    sql = "SELECT min(time) AS oldest, max(time) AS newest FROM flows"
    (row,) = query(lake, sql).read_all().to_pylist()
    oldest, newest = row["oldest"], row["newest"]
    if newest is None:
        return Period()
    return Period(since=max(oldest, newest - timedelta(days=days)), until=newest + _MOMENT)


@dataclass(slots=True)
class Effect:
    """What an alternative does to recorded flows.

    Attributes:
        stopped: how many flows of the attackers it stops.
        broken: how many flows of others.
        is_least: whether there may be more of both, which were too many to tell by whose rule.
        newly_unknown: how many tuples could not be judged any more.
        flows: how many flows were judged.
        period: the time of the tuples.
        first: the flows of others that were looked at, those with most tuples first.
        used: the flows of others by the rule that breaks them.
    """

    period: Period
    stopped: int = 0
    broken: int = 0
    is_least: bool = False
    newly_unknown: int = 0
    flows: int = 0
    first: list[Change] = field(default_factory=list["Change"])
    used: dict[ResourceId, list[Flow]] = field(default_factory=dict["ResourceId", "list[Flow]"])

    @property
    def days(self) -> int:
        """How many days the flows are of, begun ones too."""
        since, until = self.period.since, self.period.until
        return 0 if since is None or until is None else max(1, -((since - until + _MOMENT) // _DAY))


class Attackers:
    """The flows that are meant to break: a finding's own, and those of every severe one."""

    def __init__(
        self,
        findings: Sequence[Finding],
        flows: Mapping[int, Iterable[Flow]],
        *,
        severe: str = SEVERE,
    ) -> None:
        """Takes the flows of findings.

        Args:
            findings: of which every flow from an outside source counts.
            flows: those that the findings are about, by number.
            severe: from which severity on a finding's flows are meant to break whatever stops them.
        """
        self._own = {number: set(some) for number, some in flows.items()}
        self._outside = {
            number: {one for one in findings[number].sources if is_outside(one)} for number in flows
        }
        worst = [at for at in flows if is_severe(findings[at], severe)]
        every = sorted({flow for at in worst for flow in self._own[at]}, key=str)
        self._flows = pa.table(
            {
                "protocol": pa.array([one[0] for one in every], pa.int16()),
                "src_ip": pa.array([format_address(one[1]) for one in every], pa.string()),
                "dst_ip": pa.array([format_address(one[2]) for one in every], pa.string()),
                "dst_port": pa.array(
                    [_NO_PORT if one[3] is None else one[3] for one in every], pa.int32()
                ),
            }
        )
        sources = {one for at in worst for one in self._outside[at]}
        self._sources = pa.array(sorted(sources), pa.string())

    def are_in(self, rows: pa.Table) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Reports of each row, as ``flows.TOLD`` has them, whether it is a severe finding's."""
        keys = rows.select(_KEY)
        ports = pc.fill_null(keys["dst_port"], _NO_PORT)
        keys = keys.set_column(3, "dst_port", ports)
        numbered = keys.append_column("number", pa.array(np.arange(len(rows))))
        own = numbered.join(self._flows, keys=[*_KEY], join_type="left semi")["number"]
        found = pc.is_in(rows["src_ip"], self._sources).to_numpy(zero_copy_only=False).copy()
        found[own.to_numpy()] = True
        return found

    def owns(self, number: int, flow: Flow) -> bool:
        """Reports whether a flow is a finding's own."""
        if number not in self._own:
            return False
        return flow in self._own[number] or format_address(flow[1]) in self._outside[number]


def is_severe(finding: Finding, least: str) -> bool:
    """Reports whether a finding is at least of some severity."""
    return SEVERITIES.index(finding.severity) >= SEVERITIES.index(least)


def effects(
    found: WhatIf, edits: Mapping[int, Sequence[Edit]], attackers: Attackers, period: Period
) -> dict[int, Effect]:
    """Returns what each finding's edits do, of what all of them do together.

    A flow is broken by the rule that denies it now, or that let it pass before and is no more or is
    another one.

    Args:
        found: what all edits do; its broken flows are told apart from the attackers'.
        edits: by the findings' numbers.
        attackers: whose flows are meant to break.
        period: the time of the tuples.
    """
    rows = pa.Table.from_batches(found.broken_rows, TOLD)
    meant = attackers.are_in(rows)
    found.accepted_rows = rows.filter(pa.array(meant)).to_batches()
    found.broken_rows = rows.filter(pa.array(~meant)).to_batches()
    answer = {number: Effect(period, flows=found.flows) for number in edits}
    findings: dict[ResourceId, set[int]] = defaultdict(set)
    for number, some in edits.items():
        for one in some:
            findings[one.rule.id].add(number)
    for change in found.accepts(MOST_CHANGES):
        for number in {at for rule in _rules_of(change) & findings.keys() for at in findings[rule]}:
            answer[number].stopped += 1
    for change in found.breaks(MOST_CHANGES):
        packet = change.packet
        flow = (packet.protocol, packet.src, packet.dst, packet.dst_port)
        rules = _rules_of(change) & findings.keys()
        for number in {at for rule in rules for at in findings[rule]}:
            of = answer[number]
            if attackers.owns(number, flow):
                of.stopped += 1
                continue
            of.broken += 1
            of.first.append(change)
            for rule in rules:
                of.used.setdefault(rule, []).append(flow)
    for of in answer.values():
        of.is_least = max(found.broken, found.accepted) > MOST_CHANGES
        of.newly_unknown = found.newly_unknown
    return answer


def _rules_of(change: Change) -> set[ResourceId]:
    """Returns the rules by which a flow is stopped now, or passed before."""
    steps = (*change.before.trace, change.after.decided_by)
    return {one.rule.id for one in steps if one is not None and one.rule is not None}
