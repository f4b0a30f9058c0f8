"""Tuples stitched into sessions, and denied tuples folded into attempts.

Flow-log specification, sections 3.3, 3.4, 3.8 and 12. A session is what one interface logged of one
flow from its begin to its end. Counters are deltas and are summed over C and E rows. Rows are taken
in the order of their times, ties in the order of the file: a retransmitted SYN ends one flow and
begins the next in the same millisecond. Nothing that a log may lack is needed: a session without a
begin or without an end says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa

from flowverdict.flowlog import Column
from flowverdict.traffic.view import View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SWEEP_MINUTES: Final = 5
"""How often a flow that goes on is logged: what one C row counts."""
IDLE_MINUTES: Final = 10
"""Two sweeps missed: whatever comes later is another session."""
RETRY_SECONDS: Final = 10
"""Denied tuples that are no further apart are one attempt, with its retransmissions."""
MATCH_SECONDS: Final = 10
"""How far apart the clocks and flushes of two observers of one flow may be (inferred)."""

_FLOW: Final = "protocol, src_ip, src_port, dst_ip, dst_port"
_KEY: Final = f"schema, mac, {_FLOW}, direction"
_IN_ORDER: Final = "time, blob, record, tuple"
_MOST: Final = 2**63 - 1


def _total(counter: str) -> str:
    """A sum over C and E rows: null where none has a number; 0 where nothing was counted yet.

    A begin of a VNet flow log counts zeros. That of an NSG flow log counts nothing, and may be all
    that is ever logged of the flow. A sum that no true log reaches stops at the largest number.
    """
    total = f"sum({counter}) FILTER (state <> 'B')"
    return f"""CASE WHEN bool_and(state = 'B') THEN min(0 * {counter})
        WHEN {total} > {_MOST} THEN {_MOST} ELSE ({total})::BIGINT END AS {counter}"""


_SESSIONS: Final = f"""
WITH ordered AS (
    SELECT {_KEY}, time, state, packets_sent, bytes_sent, packets_received, bytes_received,
        rule, rule_kind, acl, encryption, row_number() OVER flow AS nth,
        lag(state) OVER flow AS state_before, lag(time) OVER flow AS time_before,
        lead(state) OVER flow AS state_behind, lead(time) OVER flow AS time_behind
    FROM flows
    WHERE decision = 'A' AND state IN ('B', 'C', 'E')
    WINDOW flow AS (PARTITION BY {_KEY} ORDER BY {_IN_ORDER})
),
numbered AS (
    SELECT *, sum(
        CASE WHEN state_before IS NULL OR state_before = 'E' OR state = 'B'
            OR time - time_before > INTERVAL {IDLE_MINUTES} MINUTE THEN 1 ELSE 0 END
    ) OVER (PARTITION BY {_KEY} ORDER BY nth) AS session
    FROM ordered
)
SELECT
    min(time) AS first_time, max(time) AS last_time,
    CASE arg_min(state, nth)
        WHEN 'B' THEN min(time) WHEN 'C' THEN min(time) - INTERVAL {SWEEP_MINUTES} MINUTE
        END AS counts_from,
    CASE arg_min(state, nth)
        WHEN 'B' THEN 'begun' WHEN 'C' THEN 'resumed' ELSE 'orphan_end' END AS opened,
    CASE
        WHEN bool_or(state = 'E') THEN 'ended'
        WHEN bool_or(state_behind = 'B'
            AND time_behind - time <= INTERVAL {IDLE_MINUTES} MINUTE) THEN 'replaced'
        WHEN bool_or(time_behind - time > INTERVAL {IDLE_MINUTES} MINUTE) THEN 'expired'
        WHEN bool_and(state = 'B') THEN 'orphan_begin'
        ELSE 'open' END AS closed,
    src_ip, src_port, dst_ip, dst_port, protocol, direction,
    {_total("packets_sent")},
    {_total("bytes_sent")},
    {_total("packets_received")},
    {_total("bytes_received")},
    count(*) AS tuples,
    count(*) FILTER (state <> 'B' AND (packets_sent IS NULL OR bytes_sent IS NULL
        OR packets_received IS NULL OR bytes_received IS NULL)) AS uncounted,
    arg_max(rule, nth) AS rule, arg_max(rule_kind, nth) AS rule_kind, arg_max(acl, nth) AS acl,
    arg_max(encryption, nth) AS encryption, mac, schema
FROM numbered
GROUP BY {_KEY}, session
"""  # noqa: S608 names of our own

_DENIED: Final = f"""
WITH ordered AS (
    SELECT {_KEY}, time, rule, rule_kind, acl, encryption, row_number() OVER flow AS nth,
        lag(time) OVER flow AS time_before
    FROM flows
    WHERE decision = 'D'
    WINDOW flow AS (PARTITION BY {_KEY} ORDER BY {_IN_ORDER})
),
numbered AS (
    SELECT *, sum(
        CASE WHEN time_before IS NULL
            OR time - time_before > INTERVAL {RETRY_SECONDS} SECOND THEN 1 ELSE 0 END
    ) OVER (PARTITION BY {_KEY} ORDER BY nth) AS attempt
    FROM ordered
)
SELECT
    min(time) AS first_time, max(time) AS last_time,
    src_ip, src_port, dst_ip, dst_port, protocol, direction, count(*) AS tuples,
    arg_min(rule, nth) AS rule, arg_min(rule_kind, nth) AS rule_kind, arg_min(acl, nth) AS acl,
    arg_min(encryption, nth) AS encryption, mac, schema
FROM numbered
GROUP BY {_KEY}, attempt
"""  # noqa: S608 names of our own

_ONCE: Final = f"""
WITH started AS (
    SELECT *, coalesce(counts_from, first_time) AS started FROM sessions
),
met AS (
    SELECT *, max(last_time) OVER (
        PARTITION BY {_FLOW} ORDER BY started, last_time
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS covered
    FROM started
),
numbered AS (
    SELECT *, sum(
        CASE WHEN covered IS NULL
            OR started - covered > INTERVAL {MATCH_SECONDS} SECOND THEN 1 ELSE 0 END
    ) OVER (
        PARTITION BY {_FLOW} ORDER BY started, last_time
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS episode
    FROM met
),
chosen AS (
    SELECT *, first_value({{'mac': mac, 'direction': direction, 'schema': schema}}) OVER (
        PARTITION BY {_FLOW}, episode
        ORDER BY schema <> 'vnet4', direction <> 'O', first_time, mac
    ) AS observer
    FROM numbered
)
SELECT * EXCLUDE (started, covered, episode, observer)
FROM chosen
WHERE observer IS NOT DISTINCT FROM {{'mac': mac, 'direction': direction, 'schema': schema}}
"""  # noqa: S608 names of our own

_TIME: Final = pa.timestamp("ms", "UTC")
_TUPLE: Final = (
    Column("src_ip", pa.string(), "the originator's address"),
    Column("src_port", pa.int32(), "the originator's port", nullable=True),
    Column("dst_ip", pa.string(), "the responder's address"),
    Column("dst_port", pa.int32(), "the responder's port", nullable=True),
    Column("protocol", pa.int16(), "the IANA number: 6 is TCP, 17 is UDP"),
    Column("direction", pa.string(), "`I` into or `O` out of the logged interface"),
)
_WHERE: Final = (
    Column("rule", pa.string(), "the rule's name", nullable=True),
    Column("rule_kind", pa.string(), "user, default, admin, platform, encryption or unknown"),
    Column("acl", pa.string(), "the id of the NSG or network manager, as logged", nullable=True),
    Column("encryption", pa.string(), "the raw token, such as `X` or `NX`", nullable=True),
    Column("mac", pa.string(), "the logged interface", nullable=True),
    Column("schema", pa.string(), "`nsg1`, `nsg2` or `vnet4`"),
)

SESSIONS: Final = View(
    "sessions",
    "flows",
    _SESSIONS,
    (
        Column("first_time", _TIME, "its first tuple"),
        Column("last_time", _TIME, "its last tuple"),
        Column("counts_from", _TIME, "since when the counters count: the begin; five minutes "
               "before a first C; null where the first tuple is an end", nullable=True),
        Column("opened", pa.string(), "`begun`, `resumed` (C without a begin) or `orphan_end`"),
        Column("closed", pa.string(), "`ended`, `replaced` by another begin, `expired` after ten "
               "minutes of silence, `open`, or `orphan_begin`: a begin and nothing behind it"),
        *_TUPLE,
        Column("packets_sent", pa.int64(), "originator to responder; null where the log does not "
               "say, which is not zero", nullable=True),
        Column("bytes_sent", pa.int64(), "likewise", nullable=True),
        Column("packets_received", pa.int64(), "responder to originator", nullable=True),
        Column("bytes_received", pa.int64(), "likewise", nullable=True),
        Column("tuples", pa.int64(), "how many tuples it is made of"),
        Column("uncounted", pa.int64(), "C and E tuples that lack a counter: the sums lack them"),
        *_WHERE,
    ),
    "What one interface logged of one flow, from its begin to its end.",
)  # fmt: skip
SESSIONS_ONCE: Final = View(
    "sessions_once",
    "sessions",
    _ONCE,
    SESSIONS.columns,
    "Sessions with one observer for each flow, so that totals of a network count nothing twice.",
)
DENIED_ATTEMPTS: Final = View(
    "denied_attempts",
    "flows",
    _DENIED,
    (
        Column("first_time", _TIME, "its first tuple"),
        Column("last_time", _TIME, "its last tuple"),
        *_TUPLE,
        Column("tuples", pa.int64(), "how many denied tuples it is made of"),
        *_WHERE,
    ),
    "Denied tuples of one flow that are at most ten seconds apart: an attempt and its retries.",
)


def stitch(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yields the sessions of flow rows; denied rows, and version 1 of NSG logs, have none.

    Raises:
        LakeError: the batches have other columns.
    """
    return SESSIONS.over(batches)


def once(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yields of sessions those of one observer for each flow.

    Sessions of one five-tuple that overlap, or nearly do, are one flow seen by several: by its two
    ends, by an appliance between them, by an NSG and a VNet flow log. A VNet flow log is preferred,
    then the side where the flow goes out, then who saw it first.

    Raises:
        LakeError: the batches have other columns.
    """
    return SESSIONS_ONCE.over(batches)


def fold(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yields the denied attempts of flow rows.

    Raises:
        LakeError: the batches have other columns.
    """
    return DENIED_ATTEMPTS.over(batches)
