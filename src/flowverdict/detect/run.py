"""Detections put to a lake, one after another, and their rows as findings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from flowverdict.detect.answer import findings_of, in_utc
from flowverdict.detect.attempts import MEMORY, among, draw_together
from flowverdict.detect.detection import SERVICES
from flowverdict.detect.finding import SEVERITIES, Finding
from flowverdict.lake import ALWAYS, LakeError
from flowverdict.net import EMPTY, IntervalSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from flowverdict.detect.detection import Detection
    from flowverdict.lake import Engine, Lake, Period
    from flowverdict.model import ServiceTags

_MOST_FINDINGS: Final = 200_000
"""Of one detection; behind it its thresholds are too low to be of use."""


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
        found.first, found.last = in_utc(told["first"]), in_utc(told["last"])
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
    prefixes: dict[str, IntervalSet] = {}
    for tag in sorted({tag for one in detections for tag in one.services}):
        found = tags.prefixes(tag)
        if found is None:
            raise LakeError(f"`{tag}` under `{SERVICES}`: is no service tag of {tags.label}")
        prefixes[tag] = found
    some = among(engine, IntervalSet.union(prefixes.values()))
    for tag, space in prefixes.items():
        rows = [f"({number}, '{tag}')" for number, point in some.items() if point in space]
        if rows:
            engine.make(f"INSERT INTO tagged VALUES {', '.join(rows)}")  # noqa: S608 numbers, and a tag that is there


def _ask(engine: Engine, one: Detection) -> Iterator[Finding]:
    named = ", ".join(f"'{tag}'" for tag in one.services) or "NULL"
    addresses = f"SELECT address, tag FROM tagged WHERE tag IN ({named})"  # noqa: S608 looked up
    engine.make(f"CREATE OR REPLACE VIEW {SERVICES} AS {addresses}")
    try:
        rows = engine.table(one.sql, one.values, most=_MOST_FINDINGS + 1)
    except LakeError as problem:
        raise LakeError(f"detection `{one.id}`: {problem}") from None
    if rows.num_rows > _MOST_FINDINGS:
        raise LakeError(
            f"detection `{one.id}`: finds more than {_MOST_FINDINGS:,}: expected a threshold, or a "
            "query, that finds less"
        )
    try:
        yield from findings_of(one, rows, lambda numbers: _texts(engine, numbers))
    except ValueError as problem:
        raise LakeError(f"detection `{one.id}`: {problem}") from None


def _texts(engine: Engine, numbers: list[int]) -> dict[int, str]:
    if not numbers:
        return {}
    asked = "SELECT id, ip FROM addresses WHERE id IN (SELECT unnest($numbers))"
    found = engine.table(asked, {"numbers": numbers})
    return dict(zip(found["id"].to_pylist(), found["ip"].to_pylist(), strict=True))
