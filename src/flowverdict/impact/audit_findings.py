"""What an audit finds: what logs say and what rules say, pair by pair, with when and how often."""

# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flowverdict.impact.audit_causes import AGREEMENTS, DISAGREEMENTS, Said
from flowverdict.model import ResourceId
from flowverdict.packets.places import combined

if TYPE_CHECKING:
    from flowverdict.policy import Verdict

Numbers = np.ndarray[Any, np.dtype[Any]]

FAR: Final = np.iinfo(np.int64).max
_SAID: Final = ("decision", "rule", "rule_kind", "acl")


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
    first_ms: int = FAR
    last_ms: int = 0
    agreed_until_ms: int = 0
    agreed_since_ms: int = FAR

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
        return _moment(self.agreed_since_ms) if self.agreed_since_ms < FAR else None

    def add(self, rows: Rows, members: Numbers) -> None:
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


class Rows:
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
            batch[name].cast(pa.int64()).to_numpy() for name in ("first", "last")
        )
        self.flow = batch["flow"].to_numpy()
        words, self.codes = combined([batch[name] for name in _SAID])
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
