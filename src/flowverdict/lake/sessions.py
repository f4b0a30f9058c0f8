"""Tuples stitched into sessions, as SQL that runs in bounded memory.

Flow-log specification, sections 3.3 and 12: a session is what one interface logged of one flow
from its begin to its end. Counters are deltas and are summed over C and E rows. Rows are taken in
the order of their times, ties in the order of the file: a retransmitted SYN ends one flow and
begins the next in the same millisecond. Nothing that a log may lack is needed: a session without a
begin or without an end says so.
"""

from __future__ import annotations

from typing import Final

IDLE_MINUTES: Final = 10
"""Two sweeps of continuing rows missed: whatever comes later is another session."""

_KEY: Final = "schema, mac, protocol, src_ip, src_port, dst_ip, dst_port, direction"

SESSIONS: Final = f"""
WITH ordered AS (
    SELECT *,
        lag(state) OVER flow AS state_before, lag(time) OVER flow AS time_before,
        lead(state) OVER flow AS state_behind, lead(time) OVER flow AS time_behind
    FROM flows
    WHERE state IN ('B', 'C', 'E')
    WINDOW flow AS (PARTITION BY {_KEY} ORDER BY time, blob, record, tuple)
),
numbered AS (
    SELECT *, sum(
        CASE WHEN state_before IS NULL OR state_before = 'E' OR state = 'B'
            OR time - time_before > INTERVAL {IDLE_MINUTES} MINUTE THEN 1 ELSE 0 END
    ) OVER (PARTITION BY {_KEY} ORDER BY time, blob, record, tuple) AS nth
    FROM ordered
)
SELECT
    min(time) AS first_time, max(time) AS last_time,
    CASE arg_min(state, (time, blob, record, tuple))
        WHEN 'B' THEN 'begun' WHEN 'C' THEN 'resumed' ELSE 'orphan_end' END AS opened,
    CASE
        WHEN bool_or(state = 'E') THEN 'ended'
        WHEN bool_or(state_behind = 'B'
            AND time_behind - time <= INTERVAL {IDLE_MINUTES} MINUTE) THEN 'replaced'
        WHEN bool_or(time_behind - time > INTERVAL {IDLE_MINUTES} MINUTE) THEN 'expired'
        WHEN count(*) = 1 AND bool_or(state = 'B') THEN 'orphan_begin'
        ELSE 'open' END AS closed,
    src_ip, src_port, dst_ip, dst_port, protocol, direction,
    sum(packets_sent) FILTER (state <> 'B') AS packets_sent,
    sum(bytes_sent) FILTER (state <> 'B') AS bytes_sent,
    sum(packets_received) FILTER (state <> 'B') AS packets_received,
    sum(bytes_received) FILTER (state <> 'B') AS bytes_received,
    count(*) AS tuples,
    arg_max(rule, (time, blob, record, tuple)) AS rule,
    arg_max(rule_kind, (time, blob, record, tuple)) AS rule_kind,
    arg_max(encryption, (time, blob, record, tuple)) AS encryption,
    mac, schema
FROM numbered
GROUP BY {_KEY}, nth
"""  # noqa: S608 names of our own
"""Sessions of the table ``flows``; denied tuples and version 1 of NSG logs have none."""
