"""What flow logs say was decided, held against what the rules of an estate decide."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flowverdict.classify.packets import read_packets
from flowverdict.classify.policies import WAYS
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
from flowverdict.impact.decisions import decisions
from flowverdict.impact.recorded import (
    NO_PACKET,
    starts,
    tells_packet,
    tests_source_ports,
)
from flowverdict.impact.traces import Traces
from flowverdict.lake import ALWAYS
from flowverdict.model import ResourceId
from flowverdict.packets import Places
from flowverdict.packets.places import combined
from flowverdict.policy import DEFAULTS, Standpoint, evaluate_at

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
_SAID: Final = ("decision", "rule", "rule_kind", "acl")
_FAR: Final = np.iinfo(np.int64).max


class Key(NamedTuple):
    """What makes rows one finding: what the log says, what the rules say, and how they differ."""

    kind: str
    why: str
    said: Said
    access: str
    layer: str | None
    rule: ResourceId | None


@dataclass(slots=True)
class Finding:
    """Recorded tuples of which log and rules say the same two things.

    Attributes:
        verdict: on the packet of one of them; None where no rule was asked for.
        nics: the interfaces at which they were recorded.
        flows: how many different flows there are, counted at each end that logged them.
        hits: how many tuples.
        first: in milliseconds since 1970, as are the others: when the first tuple was recorded.
        last: when the last one was.
        agreed_until: when the last tuple was recorded in which some of these flows agreed, before
            they did not; 0 where there is none.
        agreed_since: when the first one was after they did not.
    """

    key: Key
    verdict: Verdict | None
    nics: set[ResourceId] = field(default_factory=set[ResourceId])
    flows: int = 0
    hits: int = 0
    first_ms: int = _FAR
    last_ms: int = 0
    agreed_until_ms: int = 0
    agreed_since_ms: int = _FAR

    @property
    def first(self) -> datetime:
        """When the first tuple was recorded."""
        return _moment(self.first_ms)

    @property
    def last(self) -> datetime:
        """When the last tuple was recorded."""
        return _moment(self.last_ms)

    @property
    def agreed_until(self) -> datetime | None:
        """When some of these flows agreed for the last time before; None if they never did."""
        return _moment(self.agreed_until_ms) if self.agreed_until_ms else None

    @property
    def agreed_since(self) -> datetime | None:
        """When some of these flows agreed for the first time after; None if they never did."""
        return _moment(self.agreed_since_ms) if self.agreed_since_ms < _FAR else None

    def add(self, rows: _Rows, members: Numbers) -> None:
        """Takes some rows."""
        self.flows += len(np.unique(rows.flow[members]))
        self.hits += int(rows.hits[members].sum())
        self.first_ms = min(self.first_ms, int(rows.first[members].min()))
        self.last_ms = max(self.last_ms, int(rows.last[members].max()))
        if rows.nics is not None:
            ids = rows.nics.take(pa.array(members)).unique().to_pylist()
            self.nics.update(map(ResourceId, ids))


@dataclass(slots=True)
class Audit:
    """How far flow logs and rules agree; counts are of recorded tuples.

    Attributes:
        rows: all of them.
        kinds: those of each kind of agreement, disagreement, or of what is neither.
        findings: what is not plain agreement.
        unknown: those that could not be judged, by what is missing.
    """

    rows: int = 0
    kinds: Counter[str] = field(default_factory=Counter[str])
    findings: dict[Key, Finding] = field(default_factory=dict[Key, Finding])
    unknown: Counter[str] = field(default_factory=Counter[str])

    @property
    def agreed(self) -> int:
        """How many agree: in the decision, and in the rule as far as the log names one."""
        return sum(self.kinds[one] for one in AGREEMENTS)

    @property
    def disagreed(self) -> int:
        """How many disagree, in the decision or in the rule."""
        return sum(self.kinds[one] for one in DISAGREEMENTS)

    @property
    def judged(self) -> int:
        """How many could be held against the rules."""
        return self.agreed + self.disagreed

    @property
    def agreement(self) -> float | None:
        """Of those judged, how many agree, in per cent rounded down; None where none was."""
        return self.agreed * 10_000 // self.judged / 100 if self.judged else None

    def of_kind(self, *kinds: str) -> list[Finding]:
        """Returns findings, in the order of the kinds and those with most tuples first."""
        found = [one for one in self.findings.values() if one.key.kind in kinds]
        order = {kind: at for at, kind in enumerate(kinds)}
        return sorted(found, key=lambda one: (order[one.key.kind], -one.hits, one.first_ms))


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
        for batch in decisions(lake, period=period, source_ports=self._tested):
            self._take(batch)
        return self._found

    def _take(self, batch: pa.RecordBatch) -> None:
        self._found.rows += int(pc.sum(batch["hits"]).as_py())
        flow = np.zeros(len(batch), np.int64)
        flow[starts(batch)] = 1
        batch = batch.append_column("flow", pa.array(np.cumsum(flow)))
        for kind, why in _UNRULED.items():
            self._unruled(batch.filter(pc.equal(batch["rule_kind"], kind)), kind, why)
        batch = batch.filter(
            pc.invert(pc.is_in(batch["rule_kind"].cast(pa.string()), pa.array([*_UNRULED])))
        )
        batch = self._without(batch, batch["is_return"], RETURNS)
        batch = self._without(batch, pc.invert(tells_packet(batch)), NO_PACKET)
        names = ("direction", "mac", "target", "acl", "src_ip", "dst_ip")
        nics, missing = self._places.find({one: batch[one].cast(pa.string()) for one in names})
        missing = pc.coalesce(missing, pa.scalar(NO_PACKET))
        for reason in missing.filter(nics.is_null()).unique().to_pylist():
            chosen = pc.and_(nics.is_null(), pc.equal(missing, reason))
            self._unknown(reason, batch["hits"].filter(chosen))
        batch, nics = batch.filter(nics.is_valid()), nics.drop_null()
        if len(batch):
            self._judge(_Rows(batch, nics))

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
        rows = _Rows(batch, None)
        for code, said in enumerate(rows.said):
            finding = self._finding(Key(kind, why, said, said.access, None, None), None)
            finding.add(rows, np.flatnonzero(rows.codes == code))
        self._found.kinds[kind] += int(rows.hits.sum())

    def _judge(self, rows: _Rows) -> None:
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

    def _at(self, rows: _Rows, packets: Packets, row: int) -> Verdict:
        """Returns the verdict on a row at its own interface: another one's has another name."""
        assert rows.nics is not None
        nic = self._estate.resources.nics[ResourceId(rows.nics[row].as_py())]
        place = Standpoint(self._traces.policies.network, nic)
        return evaluate_at(place, WAYS[int(packets.way[row])], packets.packet(row))

    @staticmethod
    def _turns(rows: _Rows, agrees: Numbers, others: list[tuple[Finding, Numbers]]) -> None:
        """Finds since when, or until when, flows disagree that agree at another time."""
        disagree = [(one, members) for one, members in others if one.key.kind in DISAGREEMENTS]
        if not disagree:
            return
        ends = rows.ends()
        size = int(ends.max()) + 1
        first, last = np.full(size, _FAR), np.zeros(size, np.int64)
        np.minimum.at(first, ends[agrees], rows.first[agrees])
        np.maximum.at(last, ends[agrees], rows.last[agrees])
        for finding, members in disagree:
            before = last[ends[members]]
            after = first[ends[members]]
            before = before[(before > 0) & (before < rows.first[members])]
            after = after[(after < _FAR) & (after > rows.last[members])]
            finding.agreed_until_ms = max(finding.agreed_until_ms, *before.tolist(), 0)
            finding.agreed_since_ms = min(finding.agreed_since_ms, *after.tolist(), _FAR)


class _Rows:
    """Rows of a batch as numbers; times in milliseconds since 1970.

    Attributes:
        said: what logs say.
        codes: which of it each row says.
    """

    def __init__(self, batch: pa.RecordBatch, nics: pa.Array | None) -> None:
        self.batch = batch
        self.nics = nics
        self.hits = batch["hits"].to_numpy()
        self.first, self.last = (
            batch[name].cast(pa.timestamp("ms", "UTC")).cast(pa.int64()).to_numpy()
            for name in ("first", "last")
        )
        self.flow = batch["flow"].to_numpy()
        words, self.codes = combined([batch[name].cast(pa.string()) for name in _SAID])
        self.said = [Said(*one) for one in words]

    def ends(self) -> Numbers:
        """Returns numbers that are the same for rows of one flow at one interface."""
        assert self.nics is not None
        nics = self.nics.dictionary_encode()
        inbound = pc.equal(self.batch["direction"], "I").to_numpy(zero_copy_only=False)
        codes = (self.flow * len(nics.dictionary) + nics.indices.to_numpy()) * 2 + inbound
        return np.unique(codes, return_inverse=True)[1].ravel()


def _moment(since_ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=since_ms)
