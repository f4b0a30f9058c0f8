"""The SQL of a report: each answer is bounded by its ``LIMIT``, or by the pieces of a timeline.

A flow between two logged interfaces is in the log twice, and three times where an NSG flow log and
a VNet flow log see the same interface. ``pairs`` has each pair of addresses once: of the observers
of a pair the one that counted most stands for it. Tuples by time, port and rule are counted as they
were logged.
"""

from __future__ import annotations

from typing import Final

from flowverdict.report.places import INTERNET

MOST: Final = 15
"""Lines of a picture."""
MOST_PAIRS: Final = 50_000
"""Pairs of addresses that a matrix is made of, and addresses that countries are made of."""
LEAST_GAP_MINUTES: Final = 2

_BEGUN: Final = "count(*) FILTER (decision = 'A' AND (state = 'B' OR state IS NULL))"
_DENIED: Final = "count(*) FILTER (decision = 'D')"
_BYTES: Final = "sum(coalesce(bytes_sent, 0) + coalesce(bytes_received, 0))::BIGINT"
_SUMS: Final = "sum(begun)::BIGINT AS begun, sum(denied)::BIGINT AS denied"
_WEIGHT: Final = "sum(begun + denied)"
_PRIVATE: Final = (
    "^(10\\.|192\\.168\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|169\\.254\\.|168\\.63\\.129\\.16$|"
    "100\\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\\.|f[cd]|fe[89ab])"
)
"""Addresses that ``Places`` does not put on the internet."""


def _inside(address: str) -> str:
    return f"({address} IN (FROM inside) OR regexp_matches({address}, '{_PRIVATE}'))"


VIEWS: Final = {
    "pairs": f"""
        WITH observed AS (
            SELECT src_ip, dst_ip, mac, schema, direction,
                {_BEGUN} AS begun, {_DENIED} AS denied, {_BYTES} AS bytes
            FROM flows GROUP BY ALL
        )
        SELECT src_ip, dst_ip, max(begun) AS begun, max(denied) AS denied, max(bytes) AS bytes
        FROM observed GROUP BY ALL
    """,
    "ends": "SELECT unnest([src_ip, dst_ip]) AS ip, begun, denied, bytes FROM pairs",
    "inside": """
        SELECT DISTINCT CASE direction WHEN 'I' THEN dst_ip ELSE src_ip END AS ip FROM flows
    """,
}  # fmt: skip
"""What several questions are put to; ``inside`` has the addresses of logged interfaces."""

SUMMARY: Final = f"""
    WITH parts AS (
        SELECT mac, schema, count(*) AS tuples, {_BEGUN} AS begun, {_DENIED} AS denied,
            min(time) AS first, max(time) AS last
        FROM flows GROUP BY ALL
    ),
    ends AS (
        SELECT approx_count_distinct(src_ip) AS sources, approx_count_distinct(dst_ip) AS targets
        FROM flows
    )
    SELECT coalesce(sum(tuples), 0)::BIGINT AS tuples, {_SUMS},
        epoch_ms(min(first)) AS first, epoch_ms(max(last)) AS last,
        count(DISTINCT mac) AS interfaces, any_value(sources) AS sources,
        any_value(targets) AS targets, string_agg(DISTINCT schema, ', ' ORDER BY schema) AS schemas
    FROM parts, ends
"""
TALKERS: Final = f"""
    SELECT ip, {_SUMS}, sum(bytes)::BIGINT AS bytes FROM ends
    GROUP BY ip HAVING sum(bytes) > 0 ORDER BY sum(bytes) DESC, ip LIMIT {MOST}
"""
DENIED_SOURCES: Final = f"""
    SELECT src_ip AS ip, {_SUMS}, sum(bytes)::BIGINT AS bytes FROM pairs
    GROUP BY ip HAVING sum(denied) > 0 ORDER BY sum(denied) DESC, ip LIMIT {MOST}
"""
PORTS: Final = f"""
    SELECT protocol, dst_port AS port, {_BEGUN} AS begun, {_DENIED} AS denied FROM flows
    GROUP BY ALL HAVING {_BEGUN} + {_DENIED} > 0
    ORDER BY {_BEGUN} + {_DENIED} DESC, protocol, port LIMIT {MOST}
"""
RULES: Final = f"""
    SELECT coalesce(rule, '') AS name, rule_kind AS kind, coalesce(lower(acl), '') AS acl, decision,
        count(*) AS hits, epoch_ms(max(time)) AS last
    FROM flows GROUP BY ALL ORDER BY hits DESC, acl, name, kind, decision LIMIT {MOST}
"""
MATRIX: Final = f"""
    WITH placed AS (
        SELECT CASE WHEN {_inside("src_ip")} THEN src_ip ELSE '{INTERNET}' END AS source,
            CASE WHEN {_inside("dst_ip")} THEN dst_ip ELSE '{INTERNET}' END AS target,
            begun, denied
        FROM pairs
    )
    SELECT source, target, {_SUMS} FROM placed
    GROUP BY ALL ORDER BY {_WEIGHT} DESC, source, target LIMIT {MOST_PAIRS}
"""
OUTSIDE: Final = f"""
    SELECT ip, {_SUMS}, sum(bytes)::BIGINT AS bytes FROM ends
    WHERE NOT {_inside("ip")} GROUP BY ip ORDER BY {_WEIGHT} DESC, ip LIMIT {MOST_PAIRS}
"""
SILENCES: Final = f"""
    WITH minutes AS (SELECT DISTINCT epoch_ms(time) // 60000 AS minute FROM flows),
    steps AS (SELECT minute, lag(minute) OVER (ORDER BY minute) AS before FROM minutes)
    SELECT (before + 1) * 60000 AS first, minute * 60000 AS behind FROM steps
    WHERE minute - before > {LEAST_GAP_MINUTES}
    ORDER BY minute - before DESC, first LIMIT {MOST}
"""
QUIET: Final = f"""
    WITH hours AS (
        SELECT coalesce(mac, '') AS mac, epoch_ms(time) // 3600000 AS hour, count(*) AS tuples,
            bit_or(1::BIGINT << (epoch_ms(time) // 60000 % 60)::INTEGER) AS minutes
        FROM flows GROUP BY ALL
    )
    SELECT mac, sum(tuples)::BIGINT AS tuples, count(*) AS hours,
        sum(bit_count(minutes))::BIGINT AS minutes
    FROM hours GROUP BY mac ORDER BY hours, minutes, mac LIMIT {MOST}
"""
MACS: Final = "SELECT DISTINCT mac, schema, target, flow_log FROM flows"


def timeline(step_ms: int) -> str:
    """Returns what asks for a timeline whose pieces are so long."""
    return f"""
        SELECT epoch_ms(time) // {step_ms} AS bucket, {_BEGUN} AS begun, {_DENIED} AS denied,
            count(DISTINCT mac) AS interfaces
        FROM flows GROUP BY ALL
    """


def of_findings(step_ms: int, kinds: set[frozenset[str]]) -> str:
    """Returns what asks for the timelines of findings, by their number ``k``.

    Args:
        step_ms: how long a piece is.
        kinds: by what findings tell their flows: some of ``source``, ``target`` and ``port``, for
            each of which there is a view ``finding_sources`` and so on; ``k`` in it is the finding.
    """
    columns = {"source": "src_ip", "target": "dst_ip", "port": "dst_port"}
    parts: list[str] = []
    for kind in sorted(kinds, key=sorted):
        first, *others = (one for one in columns if one in kind)
        joins = [f"JOIN finding_{first}s AS f ON flows.{columns[first]} = f.value"]
        joins += [
            f"JOIN finding_{one}s AS {one} ON flows.{columns[one]} = {one}.value AND {one}.k = f.k"
            for one in others
        ]
        name = "-".join(sorted(kind))
        parts.append(f"""
            SELECT f.k, epoch_ms(time) // {step_ms} AS bucket, {_BEGUN} AS begun,
                {_DENIED} AS denied
            FROM flows {" ".join(joins)} WHERE f.kind = '{name}' GROUP BY ALL
        """)
    return " UNION ALL ".join(parts)
