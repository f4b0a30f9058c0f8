"""What cures would break of recorded flows, besides the flows of attackers."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flowverdict.classify.packets import read_packets
from flowverdict.detect import SEVERITIES
from flowverdict.impact.cause_rows import is_outside
from flowverdict.impact.flows import TOLD
from flowverdict.impact.traces import Traces
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

Mask = np.ndarray[Any, np.dtype[np.bool_]]
"""Of each row whether it is meant."""

SEVERE: Final = "high"
MOST_CHANGES: Final = 10
"""Broken flows that are told one by one, those with most tuples first."""
_KEY: Final = ("protocol", "src_ip", "dst_ip", "dst_port")
_NO_PORT: Final = -1
_MOST_STRANGERS: Final = 10_000
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


@dataclass(frozen=True, slots=True)
class Use:
    """What others had by a rule.

    Attributes:
        strangers: the addresses at the other side, as text; None where they are very many.
        ports: the destination ports; None for flows without one.
    """

    strangers: tuple[str, ...] | None
    ports: tuple[int | None, ...]


@dataclass(slots=True)
class Effect:
    """What an alternative does to recorded flows.

    Attributes:
        stopped: how many flows of the attackers it stops.
        broken: how many flows of others.
        newly_unknown: how many tuples could not be judged any more.
        flows: how many flows were judged.
        period: the time of the tuples.
        first: some of the flows of others, those with most tuples first.
        used: what others had by the rules that are changed.
    """

    period: Period
    stopped: int = 0
    broken: int = 0
    newly_unknown: int = 0
    flows: int = 0
    first: list[Change] = field(default_factory=list["Change"])
    used: dict[ResourceId, Use] = field(default_factory=dict["ResourceId", Use])

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
        self._findings = findings
        self._flows = flows
        self._severe = [at for at in flows if is_severe(findings[at], severe)]

    def severe(self, rows: pa.Table) -> Mask:
        """Reports of each row, as ``flows.TOLD`` has them, whether it is a severe finding's."""
        return self._are_of(self._severe, rows)

    def owns(self, number: int, rows: pa.Table) -> Mask:
        """Reports of each row whether it is a finding's own."""
        own = number in self._flows and number not in self._severe
        return self._are_of([number] if own else [], rows)

    def _are_of(self, numbers: Sequence[int], rows: pa.Table) -> Mask:
        flows = {flow for number in numbers for flow in self._flows[number]}
        sources = {one for at in numbers for one in self._findings[at].sources if is_outside(one)}
        found = pc.is_in(rows["src_ip"], pa.array(sorted(sources), pa.string()))
        found = found.to_numpy(zero_copy_only=False).copy()
        if flows:
            keys = rows.select(_KEY)
            keys = keys.set_column(3, "dst_port", pc.fill_null(keys["dst_port"], _NO_PORT))
            keys = keys.append_column("row", pa.array(np.arange(len(rows))))
            same = keys.join(_table(flows), keys=[*_KEY], join_type="left semi")
            found[same["row"].to_numpy()] = True
        return found


def _table(flows: Iterable[Flow]) -> pa.Table:
    every = list(flows)
    ports = [_NO_PORT if one[3] is None else one[3] for one in every]
    return pa.table(
        {
            "protocol": pa.array([one[0] for one in every], pa.int16()),
            "src_ip": pa.array([format_address(one[1]) for one in every], pa.string()),
            "dst_ip": pa.array([format_address(one[2]) for one in every], pa.string()),
            "dst_port": pa.array(ports, pa.int32()),
        }
    )


def is_severe(finding: Finding, least: str) -> bool:
    """Reports whether a finding is at least of some severity."""
    return SEVERITIES.index(finding.severity) >= SEVERITIES.index(least)


def effects(
    found: WhatIf, edits: Mapping[int, Sequence[Edit]], attackers: Attackers, period: Period
) -> dict[int, Effect]:
    """Returns what each finding's edits do, of what all of them do together.

    A flow is broken by the rule that denies it now, and by those that let it pass and are no more
    or are others now.

    Args:
        found: what all edits do.
        edits: by the findings' numbers.
        attackers: whose flows are meant to break.
        period: the time of the tuples.
    """
    rows = pa.Table.from_batches(found.broken_rows, TOLD)
    rows = rows.combine_chunks()
    meant = attackers.severe(rows)
    broken_by = _broken_by(found, rows, {one.rule.id for some in edits.values() for one in some})
    answer: dict[int, Effect] = {}
    for number, some in edits.items():
        own = {one.rule.id: broken_by[one.rule.id] for one in some if one.rule.id in broken_by}
        here = np.logical_or.reduce([*own.values(), np.zeros(len(rows), np.bool_)])
        theirs = meant | attackers.owns(number, rows)
        others = here & ~theirs
        answer[number] = Effect(
            period,
            stopped=int((here & theirs).sum()),
            broken=int(others.sum()),
            newly_unknown=found.newly_unknown,
            flows=found.flows,
            first=_changes(found, rows, others),
            used={rule: _use(rows.filter(pa.array(mask & others))) for rule, mask in own.items()},
        )
    return answer


def _broken_by(found: WhatIf, rows: pa.Table, rules: set[ResourceId]) -> dict[ResourceId, Mask]:
    """Returns, of each rule that is changed, which rows it breaks."""
    masks: dict[ResourceId, Mask] = {}
    if not len(rows):
        return masks
    (batch,) = rows.to_batches()
    packets = read_packets(batch)
    for network, is_before in ((found.before, True), (found.after, False)):
        traces = Traces(network.estate, network.options)
        for _, members, verdict in traces.of(packets, batch["nic"]):
            steps = verdict.trace if is_before else (verdict.decided_by,)
            for one in steps:
                if one is not None and one.rule is not None and one.rule.id in rules:
                    mask = masks.setdefault(one.rule.id, np.zeros(len(rows), np.bool_))
                    mask[members] = True
    return masks


def _changes(found: WhatIf, rows: pa.Table, which: Mask) -> list[Change]:
    """Returns the changes with most tuples; only those are sorted that may be among them."""
    numbers = np.flatnonzero(which)
    if len(numbers) > MOST_CHANGES:
        hits = rows["hits"].to_numpy()[numbers]
        numbers = numbers[hits >= np.partition(hits, -MOST_CHANGES)[-MOST_CHANGES]]
    some = replace(found, broken_rows=rows.take(pa.array(numbers)).to_batches())
    return list(some.breaks(MOST_CHANGES))


def _use(rows: pa.Table) -> Use:
    """Returns what flows had by a rule; each of them passed in one direction."""
    inbound = pc.equal(rows["direction"], "I")
    strangers = pc.if_else(inbound, rows["src_ip"], rows["dst_ip"]).unique()
    texts = None if len(strangers) > _MOST_STRANGERS else tuple(sorted(strangers.to_pylist()))
    return Use(texts, tuple(rows["dst_port"].unique().to_pylist()))
