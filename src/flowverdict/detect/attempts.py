"""What detections ask: the rows of a lake drawn together once, day by day, in bounded memory.

Real logs repeat and lack things (flow-log specification, 3.3, 3.4, 3.8): a flow is logged by both
of its ends, a retransmitted SYN begins it anew, begins or ends are missing or filtered out. So rows
are not counted. All rows of one five-tuple in ten minutes are one *attempt*, whoever logged them,
however often, and in whatever order the files came. ``TABLES`` tells what detections may ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowverdict.lake import workspace
from flowverdict.net import EMPTY, parse_address
from flowverdict.traffic.addresses import PRIVATE_TEXT, SPECIAL_TEXT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from flowverdict.lake import Engine, Lake, Period
    from flowverdict.net import IntervalSet

_MEMORY: Final = "1500MB"
"""What DuckDB may take before it uses a folder; a run takes about a gigabyte more besides."""
WINDOW_MINUTES: Final = 10
"""Rows of one five-tuple in one such span since 1970 are one attempt."""

TABLES: Final = {
    "attempts": (
        "all rows of one five-tuple in ten minutes, whoever logged them: `src`, `src_port`, `dst`, "
        "`dst_port`, `protocol`; `start` and `stop`, its first and last row, as times in UTC; "
        "`is_new`, false where only C rows are there: an old flow goes on; `begun`, true where a "
        "begin is there; `denied`, where any end denied it; `failed`, true where it was denied, or "
        "TCP that carried nothing: no answer, or no more than a handshake; `packets_sent`, "
        "`bytes_sent`, `packets_received`, `bytes_received`, null where no row counts; "
        "`src_inside`, `dst_inside`, and `special`, of either end; `ruled`, false where only the "
        "platform decided"
    ),
    "addresses": (
        "each address once: `id`, `ip`, `inside` (private, or of the estate), `special` (the "
        "platform's own, link-local, multicast or broadcast: no machine's)"
    ),
    "services": "`address` and `tag`: those of the service tags that the setting `services` names",
    "denials": ("denied rows by `hour`, `acl`, `rule`, `rule_kind`, `mac` and `direction`: `hits`"),
    "logged": "each minute with rows of an interface: `mac`, `minute`, as a number since 1970",
    "local": "the addresses of each interface, as its rows say: `mac`, `address`, `hits`",
    "ciphers": (
        "allowed rows between addresses inside, by `src`, `dst`, `dst_port`, `encryption` (the raw "
        "token) and `hour`: `first`, `last`, `hits`; plain `NX` only of interfaces that encrypted "
        "something on that day"
    ),
}
"""The tables and their columns. Addresses are numbers: ``addresses`` has their text."""

_MADE: Final = """
CREATE TABLE addresses (id INTEGER, ip VARCHAR, inside BOOLEAN, special BOOLEAN);
CREATE TABLE observers (id INTEGER, mac VARCHAR, direction VARCHAR, schema VARCHAR);
CREATE TABLE attempts (
    src INTEGER, src_port INTEGER, dst INTEGER, dst_port INTEGER, protocol SMALLINT,
    start TIMESTAMP, stop TIMESTAMP, is_new BOOLEAN, begun BOOLEAN, denied BOOLEAN, failed BOOLEAN,
    packets_sent BIGINT, bytes_sent BIGINT, packets_received BIGINT, bytes_received BIGINT,
    src_inside BOOLEAN, dst_inside BOOLEAN, special BOOLEAN, ruled BOOLEAN
);
CREATE TABLE denials (
    hour TIMESTAMP, acl VARCHAR, rule VARCHAR, rule_kind VARCHAR, mac VARCHAR, direction VARCHAR,
    hits BIGINT
);
CREATE TABLE logged (mac VARCHAR, minute INTEGER);
CREATE TABLE daily (mac VARCHAR, address INTEGER, hits BIGINT);
CREATE TABLE ciphers (
    src INTEGER, dst INTEGER, dst_port INTEGER, encryption VARCHAR, hour TIMESTAMP,
    first TIMESTAMP, last TIMESTAMP, hits BIGINT
);
"""
_OF_DAY: Final = (
    """
INSERT INTO addresses
SELECT row_number() OVER (ORDER BY ip) + (SELECT count(*) FROM addresses), ip,
    regexp_matches(ip, '{private}'), regexp_matches(ip, '{special}')
FROM (
    SELECT src_ip AS ip FROM flows WHERE {day} UNION SELECT dst_ip FROM flows WHERE {day}
) ANTI JOIN addresses USING (ip)
""",
    """
INSERT INTO observers
SELECT row_number() OVER (ORDER BY mac, direction, schema)
    + (SELECT count(*) FROM observers), *
FROM (
    SELECT DISTINCT coalesce(mac, '') AS mac, direction, schema FROM flows WHERE {day}
) ANTI JOIN observers USING (mac, direction, schema)
""",
    # an observer's rows are summed before observers are compared: two ends count the same packets
    """
INSERT INTO attempts
WITH seen AS (
    SELECT s.id AS src, src_port, d.id AS dst, dst_port, protocol, o.id AS observer,
        epoch_ms(time) // {window} AS span,
        min(epoch_ms(time)) AS start, max(epoch_ms(time)) AS stop,
        min(epoch_ms(time)) FILTER (state IS NULL OR state IN ('B', 'D')) AS begin,
        bool_or(state IS DISTINCT FROM 'C') AS is_new, bool_or(decision = 'D') AS denied,
        bool_or(rule_kind <> 'platform') AS ruled,
        {sums},
        any_value(s.inside) AS src_inside, any_value(d.inside) AS dst_inside,
        any_value(s.special OR d.special) AS special
    FROM flows
    JOIN addresses AS s ON s.ip = src_ip JOIN addresses AS d ON d.ip = dst_ip
    JOIN observers AS o
        ON o.mac = coalesce(flows.mac, '') AND o.direction = flows.direction
        AND o.schema = flows.schema
    WHERE {day}
    GROUP BY ALL
),
met AS MATERIALIZED (
    SELECT src, src_port, dst, dst_port, protocol, span,
        coalesce(min(begin), min(start)) AS start, max(stop) AS stop,
        bool_or(is_new) AS is_new, min(begin) IS NOT NULL AS begun, bool_or(denied) AS denied,
        max(packets_sent) AS packets_sent, max(bytes_sent) AS bytes_sent,
        max(packets_received) AS packets_received, max(bytes_received) AS bytes_received,
        any_value(src_inside) AS src_inside, any_value(dst_inside) AS dst_inside,
        any_value(special) AS special, bool_or(ruled) AS ruled
    FROM seen GROUP BY src, src_port, dst, dst_port, protocol, span
),
-- an end alone goes on with what the span before has, unless that has nothing: its begin is missing
before AS (
    SELECT src, src_port, dst, dst_port, protocol, span FROM met
    UNION ALL
    SELECT src, src_port, dst, dst_port, protocol, epoch_ms(start) // {window}
    FROM attempts WHERE start >= {midnight} - to_milliseconds({window})
),
going AS (
    SELECT ends.* FROM (
        SELECT src, src_port, dst, dst_port, protocol, span FROM met WHERE is_new AND NOT begun
    ) AS ends JOIN before ON {same_flow} WHERE before.span = ends.span - 1
)
SELECT met.src, met.src_port, met.dst, met.dst_port, met.protocol,
    make_timestamp_ms(start), make_timestamp_ms(stop),
    is_new AND ends.span IS NULL, begun, denied,
    is_new AND (denied OR (met.protocol = 6 AND coalesce(packets_sent > 0
        AND (packets_received = 0 OR (packets_sent <= 3 AND packets_received <= 1)), false))),
    packets_sent, bytes_sent, packets_received, bytes_received, src_inside, dst_inside, special,
    ruled
FROM met LEFT JOIN going AS ends ON {same_attempt} AND ends.span = met.span
""",
    """
INSERT INTO denials
SELECT time_bucket(INTERVAL 1 HOUR, time::TIMESTAMP), acl, rule, rule_kind, mac, direction, count(*)
FROM flows WHERE {day} AND decision = 'D' GROUP BY ALL
""",
    """
INSERT INTO logged
SELECT DISTINCT mac, (epoch_ms(time) // 60000)::INTEGER
FROM flows WHERE {day} AND mac IS NOT NULL
""",
    """
INSERT INTO daily
SELECT mac, id, hits
FROM (
    SELECT mac, CASE direction WHEN 'I' THEN dst_ip ELSE src_ip END AS ip, count(*) AS hits
    FROM flows WHERE {day} AND mac IS NOT NULL GROUP BY ALL
) JOIN addresses USING (ip)
""",
    """
INSERT INTO ciphers
SELECT s.id, d.id, dst_port, encryption, hour, first, last, hits
FROM (
    SELECT src_ip, dst_ip, dst_port, encryption,
        time_bucket(INTERVAL 1 HOUR, time::TIMESTAMP) AS hour,
        min(time)::TIMESTAMP AS first, max(time)::TIMESTAMP AS last, count(*) AS hits
    FROM flows
    WHERE {day} AND decision = 'A' AND (encryption <> 'NX' OR mac IN (
        SELECT mac FROM flows WHERE {day} AND encryption = 'X'))
    GROUP BY ALL
)
JOIN addresses AS s ON s.ip = src_ip JOIN addresses AS d ON d.ip = dst_ip
WHERE s.inside AND d.inside
""",
)
_AT_LAST: Final = """
CREATE TABLE local AS SELECT mac, address, sum(hits)::BIGINT AS hits FROM daily GROUP BY ALL
"""
_COUNTERS: Final = ("packets_sent", "bytes_sent", "packets_received", "bytes_received")
_COUNTED: Final = "state IN ('C', 'E')"
"""Begins and denials count nothing: VNet flow logs write zeros there."""
_MOST: Final = 1 << 44
"""What one row cannot count: 17 TB in five minutes. A counter beyond it says nothing."""


def draw_together(lake: Lake, period: Period, owned: IntervalSet = EMPTY) -> Engine:
    """Returns an engine that has ``TABLES``; whoever has it closes it.

    Args:
        lake: the recorded flows.
        period: the time of the rows.
        owned: addresses that are inside although they may be public.

    Raises:
        LakeError: the lake cannot be read, or there is no room for the tables.
    """
    engine = workspace(lake, period=period, memory=_MEMORY)
    try:
        engine.make(_MADE)
        sums = ", ".join(
            f"sum({one}) FILTER ({_COUNTED} AND {one} < {_MOST})::BIGINT AS {one}"
            for one in _COUNTERS
        )
        for day in _days(engine):
            words = {
                "private": PRIVATE_TEXT, "special": SPECIAL_TEXT, "sums": sums,
                "window": WINDOW_MINUTES * 60_000, "day": f"day = DATE '{day}'",
                "midnight": f"TIMESTAMP '{day}'", "same_flow": _same("before"),
                "same_attempt": _same("met"),
            }  # fmt: skip
            addresses, *others = (_filled(one, words) for one in _OF_DAY)
            known = _count(engine)
            engine.make(addresses)
            if owned:
                _take_in(engine, owned, known)
            for statement in others:
                engine.make(statement)
        engine.make(_AT_LAST)
    except BaseException:
        engine.close()
        raise
    return engine


def among(engine: Engine, addresses: IntervalSet, behind: int = 0) -> dict[int, int]:
    """Returns the outside addresses that are among some, by their numbers.

    Args:
        engine: one that has the table ``addresses``.
        addresses: which.
        behind: only numbers behind this one.
    """
    asked = "SELECT id, ip FROM addresses WHERE NOT inside AND id > $behind ORDER BY id"
    found = engine.table(asked, {"behind": behind})
    points = map(parse_address, found["ip"].to_pylist())
    pairs = zip(found["id"].to_pylist(), points, strict=True)
    return {number: point for number, point in pairs if point in addresses}


def _take_in(engine: Engine, owned: IntervalSet, behind: int) -> None:
    numbers = among(engine, owned, behind)
    if numbers:
        listed = ", ".join(map(str, numbers))
        engine.make(f"UPDATE addresses SET inside = true WHERE id IN ({listed})")  # noqa: S608 numbers


def _count(engine: Engine) -> int:
    return engine.table("SELECT count(*) AS count FROM addresses", {})["count"][0].as_py()


def _same(other: str) -> str:
    """Returns what makes ``ends`` of the same five-tuple; ports may be null."""
    ports = (f"ends.{one} IS NOT DISTINCT FROM {other}.{one}" for one in ("src_port", "dst_port"))
    others = (f"ends.{one} = {other}.{one}" for one in ("src", "dst", "protocol"))
    return " AND ".join((*others, *ports))


def _filled(statement: str, words: Mapping[str, object]) -> str:
    for name, word in words.items():
        statement = statement.replace(f"{{{name}}}", str(word))
    return statement


def _days(engine: Engine) -> list[date]:
    return engine.table("SELECT DISTINCT day FROM flows ORDER BY day", {})["day"].to_pylist()
