"""What flow logs say was decided, held against what the rules of an estate decide."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flowverdict.classify.packets import read_packets
from flowverdict.impact.audit_causes import (
    AGREEMENTS,
    AGREES,
    DISAGREEMENTS,
    ENCRYPTION,
    PLATFORM,
    UNKNOWN,
    Causes,
    Said,
)
from flowverdict.impact.audit_findings import FAR, Audit, Finding, Key, Rows
from flowverdict.impact.recorded import (
    NO_PACKET,
    naming,
    recorded,
    starts,
    tells_packet,
    tests_source_ports,
)
from flowverdict.impact.traces import Traces
from flowverdict.lake import ALWAYS
from flowverdict.model import ResourceId
from flowverdict.packets import Places
from flowverdict.policy import DEFAULTS, Standpoint, evaluate_at
from flowverdict.stages import WAYS

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowverdict.classify.packets import Packets
    from flowverdict.lake import Lake, Period
    from flowverdict.model import Estate
    from flowverdict.policy import Options, Verdict

Numbers = np.ndarray[Any, np.dtype[Any]]

RETURNS: Final = "return traffic of an allowed flow: no rule is asked for it"
_UNRULED: Final = {
    PLATFORM: "the platform decided, no rule",
    ENCRYPTION: "a demand for encryption decided, no rule",
}


def audit(
    estate: Estate, lake: Lake, *, period: Period = ALWAYS, options: Options = DEFAULTS
) -> Audit:
    """Judges the flows of a lake, and compares that with what was recorded of them.

    Raises:
        LakeError: the lake cannot be read.
        NoNsgError: with ``no_nsg="error"``, where no NSG is attached.
    """
    return _Auditing(estate, options).audit(lake, period)


class _Auditing:
    def __init__(self, estate: Estate, options: Options) -> None:
        self._estate = estate
        self._tested = tests_source_ports(estate)
        self._places = Places(estate)
        self._traces = Traces(estate, options)
        self._causes = Causes(estate)
        self._compared: dict[tuple[int, Said], Key] = {}
        self._found = Audit()

    def audit(self, lake: Lake, period: Period) -> Audit:
        """Goes through the flows of a lake."""
        for batch in recorded(lake, period=period, source_ports=self._tested, ruled=True):
            self._take(batch)
        return self._found

    def _take(self, batch: pa.RecordBatch) -> None:
        self._found.rows += int(pc.sum(batch["hits"]).as_py())
        flow = np.zeros(len(batch), np.int64)
        flow[starts(batch)] = 1
        batch = batch.append_column("flow", pa.array(np.cumsum(flow)))
        for kind, why in _UNRULED.items():
            self._unruled(batch.filter(pc.equal(batch["rule_kind"], kind)), kind, why)
        batch = batch.filter(pc.invert(pc.is_in(batch["rule_kind"], pa.array([*_UNRULED]))))
        batch = self._without(batch, batch["is_return"], RETURNS)
        batch = self._without(batch, pc.invert(tells_packet(batch)), NO_PACKET)
        nics, missing = self._places.find(naming(batch))
        missing = pc.coalesce(missing, pa.scalar(NO_PACKET))
        for reason in missing.filter(nics.is_null()).unique().to_pylist():
            chosen = pc.and_(nics.is_null(), pc.equal(missing, reason))
            self._unknown(reason, batch["hits"].filter(chosen))
        batch, nics = batch.filter(nics.is_valid()), nics.drop_null()
        if len(batch):
            self._judge(Rows(batch, nics))

    def _without(self, batch: pa.RecordBatch, which: pa.Array, reason: str) -> pa.RecordBatch:
        """Counts some rows as not judged, and returns the others."""
        self._unknown(reason, batch["hits"].filter(which))
        return batch.filter(pc.invert(which))

    def _unknown(self, reason: str, hits: pa.Array) -> None:
        if len(hits):
            count = int(pc.sum(hits).as_py())
            self._found.unknown[reason] += count
            self._found.kinds[UNKNOWN] += count

    def _unruled(self, batch: pa.RecordBatch, kind: str, why: str) -> None:
        """Counts the rows that no rule decided."""
        if not len(batch):
            return
        rows = Rows(batch, None)
        for code, said in enumerate(rows.said):
            finding = self._finding(Key(kind, why, said, said.access, None, None), None)
            finding.add(rows, np.flatnonzero(rows.codes == code))
        self._found.kinds[kind] += int(rows.hits.sum())

    def _judge(self, rows: Rows) -> None:
        """Compares rows at known interfaces with the verdicts on them."""
        said, codes = rows.said, rows.codes
        packets = read_packets(rows.batch)
        agrees = np.zeros(len(codes), np.bool_)
        others: list[tuple[Finding, Numbers]] = []
        assert rows.nics is not None
        for policy, members, verdict in self._traces.of(packets, rows.nics):
            for code in np.unique(codes[members]).tolist():
                chosen = members[codes[members] == code]
                known = (id(verdict), said[code])
                if known not in self._compared:
                    self._compared[known] = self._key(said[code], verdict, policy.place)
                key = self._compared[known]
                if key.kind == UNKNOWN:
                    self._unknown(key.why, pa.array(rows.hits[chosen]))
                    continue
                self._found.kinds[key.kind] += int(rows.hits[chosen].sum())
                agrees[chosen] = key.kind in AGREEMENTS
                if key.kind != AGREES:
                    asked = partial(self._at, rows, packets, int(chosen[0]))
                    finding = self._finding(key, asked)
                    finding.add(rows, chosen)
                    others.append((finding, chosen))
        self._turns(rows, agrees, others)

    def _key(self, said: Said, verdict: Verdict, place: Standpoint) -> Key:
        said = self._causes.spelt(said)
        kind, why = self._causes.of(said, verdict, place)
        rule = verdict.rule.id if verdict.rule else None
        return Key(kind, why, said, verdict.access, verdict.layer, rule)

    def _finding(self, key: Key, verdict: Callable[[], Verdict] | None) -> Finding:
        if key not in self._found.findings:
            self._found.findings[key] = Finding(key, verdict and verdict())
        return self._found.findings[key]

    def _at(self, rows: Rows, packets: Packets, row: int) -> Verdict:
        """Returns the verdict on a row at its own interface: another one's has another name."""
        assert rows.nics is not None
        nic = self._estate.resources.nics[ResourceId(rows.nics[row].as_py())]
        place = Standpoint(self._traces.policies.network, nic)
        return evaluate_at(place, WAYS[int(packets.way[row])], packets.packet(row))

    @staticmethod
    def _turns(rows: Rows, agrees: Numbers, others: list[tuple[Finding, Numbers]]) -> None:
        """Finds since when, or until when, flows disagree that agree at another time."""
        disagree = [(one, members) for one, members in others if one.key.kind in DISAGREEMENTS]
        if not disagree:
            return
        ends = rows.ends()
        size = int(ends.max()) + 1
        first, last = np.full(size, FAR), np.zeros(size, np.int64)
        np.minimum.at(first, ends[agrees], rows.first[agrees])
        np.maximum.at(last, ends[agrees], rows.last[agrees])
        for finding, members in disagree:
            before = last[ends[members]]
            after = first[ends[members]]
            before = before[(before > 0) & (before < rows.first[members])]
            after = after[(after < FAR) & (after > rows.last[members])]
            finding.agreed_until_ms = max(finding.agreed_until_ms, *before.tolist(), 0)
            finding.agreed_since_ms = min(finding.agreed_since_ms, *after.tolist(), FAR)
