"""Detections put to a lake, one after another, and their rows as findings."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from flowverdict.detect.attempts import MEMORY, among, draw_together
from flowverdict.detect.detection import SERVICES
from flowverdict.detect.finding import SEVERITIES, Finding
from flowverdict.lake import ALWAYS, LakeError
from flowverdict.net import EMPTY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from flowverdict.detect.detection import Detection
    from flowverdict.lake import Engine, Lake, Period
    from flowverdict.model import ServiceTags
    from flowverdict.net import IntervalSet

COLUMNS: Final = (
    "sources",
    "targets",
    "ports",
    "protocol",
    "first",
    "last",
    "outcome",
    "severity",
)
"""What every query tells; whatever else it tells is evidence."""
_MOST: Final = 10_000
"""The most addresses that a finding names; how many there are is evidence too."""


@dataclass(slots=True)
class Detected:
    """What detections found.

    Attributes:
        findings: the severest first, then by time.
        asked: the ids of the detections that were run.
        first: the first row of the time that was looked at; None where there is none.
        last: the last one.
        attempts: how many attempts the rows make.
    """

    findings: list[Finding] = field(default_factory=list[Finding])
    asked: list[str] = field(default_factory=list[str])
    first: datetime | None = None
    last: datetime | None = None
    attempts: int = 0


def detect(
    lake: Lake,
    detections: Sequence[Detection],
    tags: ServiceTags,
    *,
    period: Period = ALWAYS,
    owned: IntervalSet = EMPTY,
    memory: str = MEMORY,
    seen: Callable[[str], None] = lambda _id: None,
) -> Detected:
    """Looks for what detections tell of.

    Args:
        lake: the recorded flows.
        detections: what to look for.
        tags: the public service tags, for addresses of Azure's services.
        period: the time of the rows.
        owned: addresses that are inside although they may be public.
        memory: what DuckDB may take before it goes on in a temporary folder.
        seen: told the id of each detection before it runs.

    Raises:
        LakeError: the lake cannot be read, or a query is wrong; says which detection's.
    """
    engine = draw_together(lake, period, owned, memory)
    try:
        found = Detected(asked=[one.id for one in detections])
        bounds = "SELECT min(start) AS first, max(stop) AS last, count(*) AS attempts FROM attempts"
        (told,) = engine.table(bounds, {}).to_pylist()
        found.first, found.last = _utc(told["first"]), _utc(told["last"])
        found.attempts = told["attempts"]
        _tag(engine, detections, tags)
        for one in detections:
            seen(one.id)
            found.findings += _ask(engine, one)
    finally:
        engine.close()
    found.findings.sort(key=_order)
    return found


def _order(one: Finding) -> tuple[Any, ...]:
    return (-SEVERITIES.index(one.severity), one.first, one.detection, one.sources, one.targets,
            one.ports, one.last, repr(sorted(one.evidence.items())))  # fmt: skip


def _tag(engine: Engine, detections: Sequence[Detection], tags: ServiceTags) -> None:
    """Makes known which outside addresses are those of Azure's services that are asked about."""
    engine.make("CREATE TABLE tagged (address INTEGER, tag VARCHAR)")
    for tag in sorted({tag for one in detections for tag in one.services}):
        prefixes = tags.prefixes(tag)
        if prefixes is None:
            raise LakeError(f"`{tag}` under `{SERVICES}`: is no service tag of {tags.label}")
        rows = [f"({number}, '{tag}')" for number in among(engine, prefixes)]
        if rows:
            engine.make(f"INSERT INTO tagged VALUES {', '.join(rows)}")  # noqa: S608 numbers, and a tag that is there


def _ask(engine: Engine, one: Detection) -> Iterator[Finding]:
    named = ", ".join(f"'{tag}'" for tag in one.services) or "NULL"
    addresses = f"SELECT DISTINCT address FROM tagged WHERE tag IN ({named})"  # noqa: S608 looked up
    engine.make(f"CREATE OR REPLACE VIEW {SERVICES} AS {addresses}")
    try:
        rows = engine.table(one.sql, one.values)
    except LakeError as problem:
        raise LakeError(f"detection `{one.id}`: {problem}") from None
    lacking = [name for name in COLUMNS if name not in rows.schema.names]
    if lacking:
        told = ", ".join(f"`{name}`" for name in lacking)
        raise LakeError(f"detection `{one.id}`: its query lacks {told}: expected a column for each")
    texts = _texts(engine, rows.select(["sources", "targets"]).to_pylist())
    for row in rows.to_pylist():
        yield _finding(one, row, texts)


def _texts(engine: Engine, rows: list[dict[str, Any]]) -> dict[int, str]:
    numbers = {number for row in rows for side in row.values() for number in side or ()}
    asked = "SELECT id, ip FROM addresses WHERE list_contains($numbers, id)"
    if not numbers:
        return {}
    found = engine.table(asked, {"numbers": sorted(numbers)})
    return dict(zip(found["id"].to_pylist(), found["ip"].to_pylist(), strict=True))


def _finding(one: Detection, row: dict[str, Any], texts: dict[int, str]) -> Finding:
    sides = {name: sorted({texts[at] for at in row[name] or ()}) for name in ("sources", "targets")}
    evidence = {name: _plain(value) for name, value in row.items() if name not in COLUMNS}
    for name, every in sides.items():
        if len(every) > 1:
            evidence[name] = len(every)
    first, last = _utc(row["first"]), _utc(row["last"])
    if first is None or last is None or row["severity"] not in SEVERITIES:
        words = ", ".join(f"`{word}`" for word in SEVERITIES)
        raise LakeError(
            f"detection `{one.id}`: a row without times or severity: expected `first`, `last`, and "
            f"one of {words}"
        )
    return Finding(
        one.id, row["severity"], one.techniques[0], first, last,
        tuple(sides["sources"][:_MOST]), tuple(sides["targets"][:_MOST]),
        tuple(sorted({port for port in row["ports"] or () if port is not None})),
        row["protocol"], row["outcome"], evidence,
    )  # fmt: skip


def _plain(value: Any) -> Any:
    """Returns a value of a row as JSON has it: whole numbers whole, times in UTC."""
    if isinstance(value, datetime):
        return _utc(value)
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    if isinstance(value, float):
        return round(value, 3)
    return value


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)
