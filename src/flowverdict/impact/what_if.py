"""What a change of policy does to recorded flows, before it is deployed."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flowverdict.impact.chosen import chosen
from flowverdict.impact.flows import TOLD, first_of, flow_starts, summed, told
from flowverdict.impact.judging import ALLOW, DENY, UNKNOWN, Judges
from flowverdict.impact.recorded import FLOW, NO_PACKET, starts, tells_packet
from flowverdict.lake import ALWAYS
from flowverdict.model import Direction, ResourceId
from flowverdict.net import Packet, has_ports, parse_address
from flowverdict.policy import DEFAULTS, Network, Standpoint, evaluate_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flowverdict.lake import Lake, Period
    from flowverdict.model import Estate
    from flowverdict.policy import Options, Verdict

Numbers = np.ndarray[Any, np.dtype[Any]]

_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_NO_RULE: Final = "which rule: the platform decided, or a demand for encryption"


@dataclass(frozen=True, slots=True)
class Change:
    """A recorded flow whose verdict changes.

    Attributes:
        nic: the interface at which it does; of both ends the originator's first.
        hits: the recorded tuples, those of one end where both were logged.
        bytes: both ways.
        first: the time of the first tuple.
        last: the time of the last one.
        recorded: ``allowed``, ``denied``, or ``both``: what the log says was decided.
    """

    nic: ResourceId
    direction: Direction
    packet: Packet
    hits: int
    bytes: int
    first: datetime
    last: datetime
    recorded: str
    before: Verdict
    after: Verdict

    @property
    def contradicts_log(self) -> bool:
        """Whether the log says throughout what the rules before the change do not."""
        said = {"allowed": "Allow", "denied": "Deny"}.get(self.recorded)
        return said is not None and said != self.before.access


@dataclass(slots=True)
class Unknown:
    """Why flows cannot be judged.

    Attributes:
        flows: how many flows.
        hits: their recorded tuples.
        new: the tuples of those that could be judged before the change.
        last: when the last of them was recorded.
    """

    flows: int = 0
    hits: int = 0
    new: int = 0
    last: datetime = _NEVER


@dataclass(slots=True)
class WhatIf:
    """What a change does to recorded flows; counts are of recorded tuples.

    Attributes:
        unknown: what could not be judged, by what is missing.
        unchanged: those whose verdict stays, return traffic among them.
        returning: return traffic of allowed flows, which is not judged anew.
        flows: how many different flows there are.
        broken_rows: of flows that break the end that stops them, with their counts.
        opened_rows: of flows that pass now the end that stopped them.
        accepted_rows: those of the broken ones that are meant to break: see ``accept``.
    """

    before: Network
    after: Network
    unknown: dict[str, Unknown] = field(default_factory=dict[str, Unknown])
    unchanged: int = 0
    returning: int = 0
    flows: int = 0
    broken_rows: list[pa.RecordBatch] = field(default_factory=list[Any], repr=False)
    opened_rows: list[pa.RecordBatch] = field(default_factory=list[Any], repr=False)
    accepted_rows: list[pa.RecordBatch] = field(default_factory=list[Any], repr=False)

    @property
    def broken(self) -> int:
        """How many flows passed and do not any more."""
        return sum(map(len, self.broken_rows))

    @property
    def opened(self) -> int:
        """How many flows were denied and pass now."""
        return sum(map(len, self.opened_rows))

    @property
    def accepted(self) -> int:
        """How many flows break that are meant to."""
        return sum(map(len, self.accepted_rows))

    def accept(self, condition: str) -> None:
        """Takes the broken flows of which a condition in SQL holds for meant.

        Their columns are ``protocol``, ``src_ip``, ``src_port``, ``dst_ip``, ``dst_port``,
        ``direction``, ``nic``, ``hits``, ``bytes``, ``first`` and ``last``.

        Raises:
            LakeError: the condition is wrong.
        """
        rows = pa.Table.from_batches(self.broken_rows, TOLD)
        meant = np.zeros(len(rows), np.bool_)
        meant[chosen(rows, condition, "accept")] = True
        self.accepted_rows += rows.filter(pa.array(meant)).to_batches()
        self.broken_rows = rows.filter(pa.array(~meant)).to_batches()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was recorded in this time: that nothing breaks says nothing then."""
        return not (self.flows or self.unknown or self.returning)

    @property
    def newly_unknown(self) -> int:
        """How many tuples could be judged before the change and cannot be judged behind it."""
        return sum(one.new for one in self.unknown.values())

    def breaks(self, most: int | None = None) -> Iterator[Change]:
        """Yields the flows that break, those with most tuples first."""
        return self._changes(self.broken_rows, most)

    def accepts(self, most: int | None = None) -> Iterator[Change]:
        """Yields the flows that break and are meant to, those with most tuples first."""
        return self._changes(self.accepted_rows, most)

    def opens(self, most: int | None = None) -> Iterator[Change]:
        """Yields the flows that pass now, those with most tuples first."""
        return self._changes(self.opened_rows, most)

    def _changes(self, batches: list[pa.RecordBatch], most: int | None) -> Iterator[Change]:
        if not batches:
            return
        table = pa.Table.from_batches(batches)
        order = [("hits", "descending"), *((name, "ascending") for name in FLOW)]
        for batch in table.sort_by(order).slice(0, most).to_batches(max_chunksize=1024):
            for row in batch.to_pylist():
                yield self._change(row)

    def _change(self, row: dict[str, Any]) -> Change:
        way = Direction.INBOUND if row["direction"] == "I" else Direction.OUTBOUND
        ends = parse_address(row["src_ip"]), parse_address(row["dst_ip"])
        ports = (row["src_port"], row["dst_port"]) if has_ports(row["protocol"]) else ()
        packet = Packet(row["protocol"], *ends, *ports)
        nic = ResourceId(row["nic"])
        verdicts = [
            evaluate_at(Standpoint(one, one.estate.resources.nics[nic]), way, packet)
            for one in (self.before, self.after)
        ]
        counts = {name: row[name] for name in ("hits", "bytes", "first", "last")}
        said = {"A": "allowed", "D": "denied"}.get(row["decisions"], "both")
        before, after = verdicts
        return Change(nic, way, packet, **counts, recorded=said, before=before, after=after)


def what_if(
    estate: Estate,
    changed: Estate,
    lake: Lake,
    *,
    period: Period = ALWAYS,
    options: Options = DEFAULTS,
    source_ports: bool = False,
) -> WhatIf:
    """Judges the flows of a lake before and after a change.

    Args:
        estate: the network as it is.
        changed: the network as it would be.
        lake: recorded flows.
        period: the time of the tuples.
        options: how open questions are answered.
        source_ports: whether flows from different ports are different flows although no rule of
            the two estates tests them.

    Raises:
        LakeError: the lake cannot be read.
    """
    (found,) = what_ifs(
        estate, [changed], lake, period=period, options=options, source_ports=source_ports
    )
    return found


def what_ifs(
    estate: Estate,
    changes: Sequence[Estate],
    lake: Lake,
    *,
    period: Period = ALWAYS,
    options: Options = DEFAULTS,
    source_ports: bool = False,
) -> list[WhatIf]:
    """Judges the flows of a lake before and after each of several changes, and reads them once.

    Args:
        estate: the network as it is.
        changes: the network as it would be; each stands alone.
        lake: recorded flows.
        period: the time of the tuples.
        options: how open questions are answered.
        source_ports: as ``what_if`` has it.

    Raises:
        LakeError: the lake cannot be read.
    """
    comparison = _Comparison(estate, changes, options)
    return comparison.compare(lake, period, source_ports=source_ports)


class _Comparison:
    def __init__(self, estate: Estate, changes: Sequence[Estate], options: Options) -> None:
        self._judges = Judges((estate, *changes), options)
        before = Network(estate, options)
        self._found = [WhatIf(before, Network(one, options)) for one in changes]

    def compare(self, lake: Lake, period: Period, *, source_ports: bool) -> list[WhatIf]:
        """Goes through the flows of a lake."""
        for batch in self._judges.recorded(lake, period, source_ports=source_ports):
            self._take(batch)
        return self._found

    def _take(self, batch: pa.RecordBatch) -> None:
        returns = batch.filter(batch["is_return"])
        if len(returns):
            hits = int(summed(returns, starts(returns))["hits"].to_numpy().sum())
            for found in self._found:
                found.returning += hits
                found.unchanged += hits
        batch = batch.filter(pc.invert(batch["is_return"]))
        batch = self._packets(batch)
        if not len(batch):
            return
        judged = self._judges.judge(batch)
        batch = batch.append_column("nic", judged.nics)
        first = flow_starts(batch)
        sums = summed(batch, first)
        for at, found in enumerate(self._found, start=1):
            ends = [judged.access[0], judged.access[at]]
            self._compare(found, batch, first, sums, ends, [judged.missing[0], judged.missing[at]])

    def _packets(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Counts the rows that no rule decided or that tell no packet; returns the others."""
        ruled = pc.invert(batch["is_platform"])
        unruled = batch.filter(batch["is_platform"])
        self._unjudged(_NO_RULE, unruled)
        is_packet = tells_packet(batch)
        lost = batch.filter(pc.and_(ruled, pc.invert(is_packet)))
        self._unjudged(NO_PACKET, lost)
        return batch.filter(pc.and_(ruled, is_packet))

    def _compare(
        self,
        found: WhatIf,
        batch: pa.RecordBatch,
        first: Numbers,
        sums: pa.RecordBatch,
        verdicts: list[Numbers],
        missing: list[pa.Array],
    ) -> None:
        found.flows += len(first)
        before, after = (np.maximum.reduceat(one, first) for one in verdicts)
        unknown = (before == UNKNOWN) | (after == UNKNOWN)
        same = (before == after) & ~unknown
        found.unchanged += int(sums["hits"].to_numpy()[same].sum())
        broken, opened = (
            (before == ALLOW) & (after == DENY),
            (before == DENY) & (after == ALLOW),
        )
        for which, wanted, into in (
            (broken, verdicts[1] == DENY, found.broken_rows),
            (opened, verdicts[0] == DENY, found.opened_rows),
        ):
            if which.any():
                into.append(told(batch, sums, first, which, wanted))
        if unknown.any():
            is_unknown = (verdicts[0] == UNKNOWN) | (verdicts[1] == UNKNOWN)
            ends = first_of(is_unknown, first)[unknown]
            reasons = pc.coalesce(missing[0], missing[1]).take(pa.array(ends))
            rows = sums.filter(pa.array(unknown))
            new = (before != UNKNOWN)[unknown]
            for reason in reasons.unique().to_pylist():
                alike = pc.equal(reasons, reason)
                some = new[alike.to_numpy(zero_copy_only=False)]
                _unknown(found, reason, rows.filter(alike), some)

    def _unjudged(self, reason: str, rows: pa.RecordBatch) -> None:
        """Counts rows that nobody can judge, before the change or behind it, flow by flow."""
        if len(rows):
            flows = summed(rows, starts(rows))
            for found in self._found:
                _unknown(found, reason, flows, np.zeros(len(flows), np.bool_))


def _unknown(found: WhatIf, reason: str, rows: pa.RecordBatch, new: Numbers) -> None:
    one = found.unknown.setdefault(reason, Unknown())
    hits = rows["hits"].to_numpy()
    one.flows += len(rows)
    one.hits += int(hits.sum())
    one.new += int(hits[new].sum())
    one.last = max(one.last, pc.max(rows["last"]).as_py())
