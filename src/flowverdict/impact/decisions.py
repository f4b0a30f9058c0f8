"""What was recorded of flows: rows of one flow, one end, one decision and one rule drawn together.

DuckDB draws them together and sorts them, both on disk where memory ends. ``recorded`` is faster,
and does not know what rules decided.
"""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa

from flowverdict.impact.recorded import FLOW, starts
from flowverdict.lake import ALWAYS, query

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flowverdict.lake import Lake, Period

_SWAPPED: Final = (
    "maybe.mac IS NOT DISTINCT FROM flows.mac AND maybe.direction <> flows.direction "
    "AND maybe.protocol = flows.protocol AND maybe.src_ip = flows.dst_ip "
    "AND maybe.dst_ip = flows.src_ip AND maybe.src_port = flows.dst_port "
    "AND maybe.dst_port = flows.src_port"
)
_TUPLE: Final = ("mac", "direction", "protocol", "src_ip", "dst_ip", "src_port", "dst_port")
_RETURNS: Final = f"""
WITH served AS MATERIALIZED (
    SELECT DISTINCT hash(mac, direction, protocol, src_ip, dst_ip, dst_port) AS key
    FROM flows WHERE decision = 'A' AND protocol IN (6, 17)
), maybe AS MATERIALIZED (
    SELECT {", ".join(_TUPLE)}, min(time) AS first FROM flows WHERE protocol IN (6, 17) AND hash(
        mac, CASE direction WHEN 'I' THEN 'O' ELSE 'I' END, protocol, dst_ip, src_ip, src_port
    ) IN (SELECT key FROM served) GROUP BY ALL
), returns AS MATERIALIZED (
    SELECT DISTINCT {", ".join(f"maybe.{name}" for name in _TUPLE)}
    FROM maybe JOIN flows ON {_SWAPPED} AND flows.decision = 'A'
    WHERE (flows.time, flows.dst_port) < (maybe.first, maybe.dst_port)
), places AS MATERIALIZED (
    SELECT row_number() OVER () AS place, *
    FROM (SELECT DISTINCT mac, target, acl FROM flows)
)
"""  # noqa: S608 no words of others
"""Return traffic: at one interface the other way of an allowed flow that began before it. Of two
that begin together, the one to the lower port is taken for the flow. What equal hashes let through
is held against the flows themselves. Places are numbered: ids of resources are long."""
_SAME: Final = " AND ".join(f"flows.{name} IS NOT DISTINCT FROM returns.{name}" for name in _TUPLE)
_PLACE: Final = " AND ".join(
    f"flows.{name} IS NOT DISTINCT FROM places.{name}" for name in ("mac", "target", "acl")
)


def decisions(
    lake: Lake, *, period: Period = ALWAYS, source_ports: bool = True
) -> Iterator[pa.RecordBatch]:
    """Yields what was recorded of flows, the rows of each one in one batch.

    A row is one end of a flow, as one rule decided it: ``FLOW``, ``direction``, ``mac``, ``target``
    and ``acl``, ``decision``, ``rule`` and ``rule_kind``, ``is_return`` (of return traffic),
    ``hits`` (recorded tuples), ``first`` and ``last`` time.

    Args:
        lake: where they are recorded.
        period: the time of the tuples.
        source_ports: whether flows from different ports are different flows.

    Raises:
        LakeError: there is nothing in the lake yet; also while the rows are read.
    """
    port = "flows.src_port" if source_ports else "CAST(NULL AS INTEGER) AS src_port"
    sql = (
        f"{_RETURNS}, ends AS (SELECT flows.protocol, flows.src_ip, flows.dst_ip, {port}, "  # noqa: S608 no words of others
        "flows.dst_port, flows.direction, decision, rule, rule_kind, place, "
        "returns.protocol IS NOT NULL AS is_return, "
        "count(*) AS hits, min(time) AS first, max(time) AS last "
        f"FROM flows JOIN places ON {_PLACE} LEFT JOIN returns ON {_SAME} GROUP BY ALL) "
        f"SELECT {', '.join(FLOW)}, direction, mac, target, acl, decision, rule, rule_kind, "
        "is_return, hits, first, last FROM ends JOIN places USING (place) "
        f"ORDER BY {', '.join(FLOW)}, direction DESC"
    )
    yield from _whole_flows(query(lake, sql, period=period))


def _whole_flows(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Moves the rows of a batch's last flow into the next batch, which may have more of it."""
    rest: pa.RecordBatch | None = None
    for one in batches:
        if not len(one):
            continue
        batch = one if rest is None else pa.concat_batches([rest, one])
        last = int(starts(batch)[-1])
        if last:
            yield batch.slice(0, last)
        rest = batch.slice(last)
    if rest is not None:
        yield rest
