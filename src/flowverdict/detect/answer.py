"""The rows of a detection's query as findings: checked, for anybody may have written the query."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, cast

import pyarrow as pa

from flowverdict.detect.finding import OUTCOMES, SEVERITIES, Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from flowverdict.detect.detection import Detection


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_null(kind)


def _is_numbers(kind: pa.DataType) -> bool:
    return pa.types.is_null(kind) or (pa.types.is_list(kind) and _is_number(kind.value_type))


def _is_word(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_null(kind)


COLUMNS: Final[Mapping[str, tuple[Callable[[pa.DataType], bool], str]]] = {
    "sources": (_is_numbers, "a list of `id` of `addresses`"),
    "targets": (_is_numbers, "a list of `id` of `addresses`"),
    "ports": (_is_numbers, "a list of ports"),
    "protocol": (_is_number, "an IANA number, or null"),
    "first": (pa.types.is_timestamp, "a time"),
    "last": (pa.types.is_timestamp, "a time"),
    "outcome": (_is_word, "a word"),
    "severity": (_is_word, "a word"),
}
"""What every query tells; whatever else it tells is evidence."""
_MOST: Final = 10_000
"""The most addresses that a finding names; how many there are is evidence too."""
_PORTS: Final = range(1 << 16)
_PROTOCOLS: Final = range(1 << 8)


def findings_of(
    one: Detection, rows: pa.Table, texts: Callable[[list[int]], Mapping[int, str]]
) -> Iterator[Finding]:
    """Yields the findings of a detection's rows.

    Args:
        one: the detection.
        rows: what its query answered.
        texts: returns the addresses of numbers, of those that there are.

    Raises:
        ValueError: a column lacks or holds something else; says what was expected.
    """
    _check(rows.schema)
    try:
        every = rows.to_pylist()
    except (ValueError, OverflowError, pa.ArrowException) as problem:
        raise ValueError(f"its answer cannot be read: {problem}") from None
    sides = ((row[name] or () for name in ("sources", "targets")) for row in every)
    numbers = {at for side in sides for every in side for at in every if at is not None}
    known = texts(sorted(numbers))
    if strange := numbers - known.keys():
        raise ValueError(
            f"`sources` or `targets` hold {min(strange)}: expected `id` of `addresses`"
        )
    for row in every:
        yield _finding(one, row, known)


def _check(schema: pa.Schema) -> None:
    names: list[str] = schema.names
    lacking = [name for name in COLUMNS if name not in names]
    if lacking:
        told = ", ".join(f"`{name}`" for name in lacking)
        raise ValueError(f"its query lacks {told}: expected a column for each")
    for name, (fits, expected) in COLUMNS.items():
        kind = schema.field(name).type
        if not fits(kind):
            raise ValueError(f"`{name}` is of type {kind}: expected {expected}")


def _finding(one: Detection, row: dict[str, Any], texts: Mapping[int, str]) -> Finding:
    sides = {
        name: sorted({texts[at] for at in row[name] or () if at is not None})
        for name in ("sources", "targets")
    }
    evidence = {name: _plain(value) for name, value in row.items() if name not in COLUMNS}
    for name, every in sides.items():
        if len(every) > 1:
            evidence[name] = len(every)
    first, last = in_utc(row["first"]), in_utc(row["last"])
    if first is None or last is None or row["severity"] not in SEVERITIES:
        raise ValueError(
            "a row without times or severity: expected `first`, `last`, and one of "
            f"{_words(SEVERITIES)}"
        )
    if first > last:
        raise ValueError(f"a row with `first` {first} behind `last` {last}: expected it before")
    outcome, protocol = row["outcome"] or "", row["protocol"]
    if outcome not in OUTCOMES:
        raise ValueError(f"`outcome` is `{outcome}`: expected one of {_words(OUTCOMES)}")
    ports = sorted({port for port in row["ports"] or () if port is not None})
    if not all(port in _PORTS for port in ports):
        raise ValueError(f"`ports` hold {ports[-1]}: expected 0 to 65535")
    if protocol is not None and protocol not in _PROTOCOLS:
        raise ValueError(f"`protocol` is {protocol}: expected 0 to 255")
    return Finding(
        one.id, row["severity"], one.techniques[0], first, last, tuple(sides["sources"][:_MOST]),
        tuple(sides["targets"][:_MOST]), tuple(ports), protocol, outcome, evidence,
    )  # fmt: skip


def _plain(value: Any) -> Any:
    """Returns a value of a row as JSON has it: whole numbers whole, times in UTC."""
    match value:
        case datetime():
            return in_utc(value)
        case Decimal():
            return int(value) if value == int(value) else float(value)
        case float():
            return round(value, 3) if math.isfinite(value) else None
        case dict():
            return {name: _plain(one) for name, one in cast("dict[str, Any]", value).items()}
        case list():
            return [_plain(one) for one in cast("list[Any]", value)]
        case _:
            return value


def _words(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words if word)


def in_utc(moment: datetime | None) -> datetime | None:
    """Returns a time of a row, which is in UTC whether it says so or not."""
    return None if moment is None else moment.replace(tzinfo=UTC)
