"""Recorded flows as a change meets them: each one once, with the ends at which it was recorded.

A flow is a protocol, two addresses and the port of the responder; the originator's port counts only
where a rule tests it. It is recorded at the originator's interface, at the responder's, or at both,
by a VNet flow log, an NSG flow log, or both. Rows of one flow are next to each other, so that a
batch of rows can be judged and its flows put together without knowing the others.
"""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flowverdict.lake import ALWAYS, query
from flowverdict.net import ALL_PORTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flowverdict.lake import Lake, Period
    from flowverdict.model import Estate

Numbers = np.ndarray[Any, np.dtype[Any]]

FLOW: Final = ("protocol", "src_ip", "dst_ip", "src_port", "dst_port")
"""What makes rows one flow."""
NO_PACKET: Final = "what packet it was: a port or an address"
_PORTED: Final = (6, 17)

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
    FROM (SELECT DISTINCT mac, target, acl, schema <> 'vnet4' AS nsg FROM flows)
)
"""  # noqa: S608 no words of others
"""Return traffic: at one interface the other way of an allowed flow that began before it. Of two
that begin together, the one to the lower port is taken for the flow. What equal hashes let through
is held against the flows themselves. Places are numbered: ids of resources are long."""
_SAME: Final = " AND ".join(f"flows.{name} IS NOT DISTINCT FROM returns.{name}" for name in _TUPLE)
_PLACE: Final = " AND ".join(
    f"flows.{name} IS NOT DISTINCT FROM places.{name}" for name in ("mac", "target", "acl")
)


def tests_source_ports(estate: Estate) -> bool:
    """Reports whether a rule tests the originator's port."""
    resources = estate.resources
    rules = [
        *(rule for nsg in resources.nsgs.values() for rule in nsg.rules),
        *resources.admin_rules.values(),
        *(one.rule for one in estate.active_rules),
    ]
    return any(rule.source_ports != ALL_PORTS for rule in rules)


def recorded(
    lake: Lake, *, period: Period = ALWAYS, source_ports: bool = True, ruled: bool = False
) -> Iterator[pa.RecordBatch]:
    """Yields recorded flows, the rows of each one in one batch.

    A row is one end of a flow in one kind of log: ``FLOW``, ``direction``, ``mac``, ``target`` and
    ``acl``, ``nsg`` (of an NSG flow log), ``is_return`` (of return traffic), ``is_platform`` (no
    rule decided, but the platform or a demand for encryption), ``hits`` (recorded tuples),
    ``bytes`` both ways, ``first`` and ``last`` time. With ``ruled`` it is also of one
    ``decision``, ``rule`` and ``rule_kind``.

    Args:
        lake: where they are recorded.
        period: the time of the tuples.
        source_ports: whether flows from different ports are different flows.
        ruled: whether what different rules decided are different rows.

    Raises:
        LakeError: there is nothing in the lake yet; also while the rows are read.
    """
    port = "flows.src_port" if source_ports else "CAST(NULL AS INTEGER) AS src_port"
    said = "decision, rule, rule_kind, " if ruled else ""
    sql = (
        f"{_RETURNS}, ends AS (SELECT flows.protocol, flows.src_ip, flows.dst_ip, {port}, "  # noqa: S608 no words of others
        f"flows.dst_port, flows.direction, {said}place, "
        "returns.protocol IS NOT NULL AS is_return, "
        "rule_kind IN ('platform', 'encryption') AS is_platform, "
        "count(*) AS hits, CAST(coalesce(sum(coalesce(bytes_sent, 0) + "
        "coalesce(bytes_received, 0)), 0) AS BIGINT) AS bytes, min(time) AS first, "
        f"max(time) AS last FROM flows JOIN places ON {_PLACE} "
        f"AND (schema <> 'vnet4') = places.nsg LEFT JOIN returns ON {_SAME} GROUP BY ALL) "
        f"SELECT {', '.join(FLOW)}, direction, mac, target, acl, nsg, is_return, is_platform, "
        f"{said}hits, bytes, first, last FROM ends JOIN places USING (place) "
        f"ORDER BY {', '.join(FLOW)}, direction DESC"
    )
    yield from _whole_flows(query(lake, sql, period=period))


def tells_packet(batch: pa.RecordBatch) -> pa.Array:
    """Reports of each row whether it tells a packet: two addresses of a family, and the ports."""
    ported = pc.is_in(batch["protocol"], pa.array(_PORTED, batch["protocol"].type))
    families = [pc.match_substring(batch[name], ":") for name in ("src_ip", "dst_ip")]
    return pc.and_(pc.equal(*families), pc.or_(pc.invert(ported), batch["dst_port"].is_valid()))


def starts(batch: pa.RecordBatch) -> Numbers:
    """Returns where flows begin in a batch of rows that stand together."""
    if not len(batch):
        return np.zeros(0, np.int64)
    new = np.zeros(len(batch), np.bool_)
    new[0] = True
    for name in FLOW:
        column = batch[name]
        if column.null_count == len(column):
            continue
        if not pa.types.is_string(column.type):
            column = column.cast(pa.int64()).fill_null(-1)
        new[1:] |= pc.not_equal(column[1:], column[:-1]).to_numpy(zero_copy_only=False)
    return np.flatnonzero(new)


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
