"""Ends of recorded flows, and what a rule for them would be made of."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from flowverdict.impact.covering import Point
from flowverdict.impact.exception_rules import Kind
from flowverdict.impact.recorded import FLOW
from flowverdict.model import Access, Direction
from flowverdict.net import has_ports, is_ipv6, parse_address

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

Key = tuple[Any, ...]
"""One end of a flow: the values of ``END``."""
END: Final = (*FLOW, "direction", "nic")


def ends_of(
    ends: Iterable[pa.RecordBatch], flows: Collection[int]
) -> dict[Key, tuple[int, str | None]]:
    """Returns the ends of some flows, and of each its flow and the rule that stops it."""
    found: dict[Key, tuple[int, str | None]] = {}
    for batch in ends:
        some = batch.filter(pc.is_in(batch["flow"], pa.array(flows, pa.int64())))
        about = zip(some["flow"].to_pylist(), some["rule"].to_pylist(), strict=True)
        found.update(zip(keys(some), about, strict=True))
    return found


def keys(batch: pa.RecordBatch) -> Iterator[Key]:
    """Returns the ends that rows are of."""
    return zip(*(batch[name].to_pylist() for name in END), strict=True)


def flow_keys(rows: pa.RecordBatch | pa.Table) -> Iterator[tuple[Any, ...]]:
    """Returns the flows that rows are of: the values of ``FLOW``."""
    return zip(*(rows[name].to_pylist() for name in FLOW), strict=True)


def sides(ends: Iterable[Key]) -> dict[str, set[object]]:
    """Returns the addresses and ports that rules for some ends are made of."""
    columns = zip(*ends, strict=True)
    named = dict(zip(END, columns, strict=True))
    return {name: set(named[name]) for name in ("src_ip", "dst_ip", "dst_port", "direction")}


def place(key: Key) -> tuple[Kind, Point]:
    """Returns an end as rules see it: which can share one, and what it is matched by."""
    protocol, src, dst, _, port, way, _ = key
    source, destination = parse_address(src), parse_address(dst)
    direction = Direction.INBOUND if way == "I" else Direction.OUTBOUND
    kind = Kind(Access.ALLOW, direction, protocol, is_ipv6(source))
    return kind, Point(source, destination, port if has_ports(protocol) else None)
