"""A time in pieces of one length, and the flows of findings in them."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from flowverdict.lake import ALWAYS, query
from flowverdict.lake.engine import quoted
from flowverdict.report import questions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from flowverdict.detect.finding import Finding
    from flowverdict.lake import Lake, Period

_STEPS_S: Final = (60, 300, 600, 900, 1800, 3600, 10800, 21600, 43200, 86400)
_MOST_PIECES: Final = 96
_KINDS: Final = ("source", "target", "port")
_MOST_VALUES: Final = 2_000
"""Addresses and ports of one finding that are looked for; a finding with more goes without."""


class Bucket(NamedTuple):
    """A piece of time: tuples of flows that began, denied tuples, interfaces that have rows."""

    start: datetime
    end: datetime
    begun: int
    denied: int
    interfaces: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """A time in pieces.

    Attributes:
        first: a time in the first piece.
        last: a time in the last one.
        step_s: how long a piece is.
    """

    first: datetime
    last: datetime
    step_s: int

    @classmethod
    def between(cls, first: datetime, last: datetime) -> Timeline:
        """Returns a time in about as many pieces as a picture shows."""
        span = int((last - first).total_seconds())
        days = _STEPS_S[-1] * -(-span // (_STEPS_S[-1] * _MOST_PIECES))
        step = next((one for one in _STEPS_S if span <= one * _MOST_PIECES), days)
        return cls(first, last, step)

    @property
    def step_ms(self) -> int:
        """How long a piece is, in milliseconds."""
        return self.step_s * 1000

    def filled(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Bucket]:
        """Yields every piece, with what of it was counted.

        Args:
            rows: with ``bucket``, the number of a piece since 1970-01-01.
        """
        found = {row["bucket"]: row for row in rows}
        step = self.step_s
        first, last = (int(one.timestamp()) // step for one in (self.first, self.last))
        for number in range(first, last + 1):
            row = found.get(number, {})
            counts = [row.get(name, 0) for name in ("begun", "denied", "interfaces")]
            yield Bucket(utc(number * step), utc((number + 1) * step), *counts)


def of_findings(
    lake: Lake, findings: Sequence[Finding], time: Timeline, *, period: Period = ALWAYS
) -> list[list[Bucket]]:
    """Returns for each finding when its flows began or were denied, as logged.

    Its flows are those from its sources to its targets at its ports; where it has none of the
    three, or too many, it has no pieces. All findings take one question.

    Raises:
        LakeError: the lake cannot be read.
    """
    views: dict[str, list[str]] = {name: [] for name in _KINDS}
    kinds: set[frozenset[str]] = set()
    for k, one in enumerate(findings):
        ends: tuple[Sequence[str | int], ...] = (one.sources, one.targets, one.ports)
        values: dict[str, Sequence[str | int]] = dict(zip(_KINDS, ends, strict=True))
        kind = frozenset(name for name, inner in values.items() if inner)
        if kind and sum(map(len, values.values())) <= _MOST_VALUES:
            kinds.add(kind)
            for name in kind:
                written = "-".join(sorted(kind))
                views[name] += (f"({k}, '{written}', {_sql(value)})" for value in values[name])
    if not kinds:
        return [[] for _ in findings]
    tables = {
        f"finding_{name}s": f"FROM (VALUES {', '.join(lines)}) AS v(k, kind, value)"
        for name, lines in views.items()
        if lines
    }
    rows: dict[int, list[dict[str, Any]]] = {}
    for batch in query(
        lake, questions.of_findings(time.step_ms, kinds), views=tables, period=period
    ):
        for row in batch.to_pylist():
            rows.setdefault(row["k"], []).append(row)
    return [list(time.filled(rows[k])) if k in rows else [] for k in range(len(findings))]


def _sql(value: str | int) -> str:
    return str(value) if isinstance(value, int) else quoted(value)


def utc(second: float) -> datetime:
    """Returns the time so many seconds after 1970-01-01."""
    return datetime.fromtimestamp(second, UTC)
