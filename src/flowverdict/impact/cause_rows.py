"""The rows of a lake that findings are about, rule by rule: a query for any number of findings.

A row belongs to a finding if its source, destination, destination port and protocol are among the
finding's. Times are counted twice: from first to last of the finding, and in the whole lake.
"""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import numpy as np
import pyarrow as pa

from flowverdict.lake import Period, workspace
from flowverdict.net import PORTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from flowverdict.detect import Finding
    from flowverdict.lake import Lake

MOST_RULES: Final = 8
"""Rules that are told of a finding and a decision, those with most rows first."""
MOST_ENDS: Final = 4_000
"""Allowed flows that are told of a finding, those with most rows first."""

_MOST_PAIRS: Final = 20_000
"""Sources times targets of a finding up to which each pair is looked up; else each side apart."""

_IS_PACKET: Final = (
    "contains(f.src_ip, ':') = contains(f.dst_ip, ':') "
    f"AND (f.protocol NOT IN {PORTED} OR f.dst_port IS NOT NULL)"
)
"""What tells a packet that rules can be asked about."""
_ORDER: Final = "src_ip, dst_ip, src_port, dst_port, protocol, direction, mac, target"
_MILLISECOND: Final = timedelta(milliseconds=1)
_START: Final = datetime(1970, 1, 1, tzinfo=UTC)

INSIDE: Final = (
    r"^(10\.|127\.|169\.254\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\."
    r"|100\.(6[4-9]|[789]\d|1[01]\d|12[0-7])\.|168\.63\.129\.16$"
    r"|fe[89ab][0-9a-f]:|f[cd][0-9a-f]{2}:|::1?$)"
)
"""Addresses of nobody outside (RFC 1918, 3927, 4193, 4291, 6598), and the one that Azure probes
from."""


def is_outside(address: str) -> bool:
    """Reports whether an address can be that of somebody outside."""
    return re.match(INSIDE, address) is None


class Decided(NamedTuple):
    """What one rule decided of a finding's rows, as the log says.

    Attributes:
        finding: the finding's number.
        direction: ``I`` or ``O``.
        decision: ``A`` or ``D``.
        rule: its name; None where the log has none.
        rule_kind: as in the table ``flows``.
        acl: the id of its NSG or network manager, as logged.
        rows: how many rows from first to last of the finding.
        first: the time of the first of them.
        last: the time of the last one.
        since: the time of the first such row in the lake.
        packet: the first row: ``time``, ``src_ip``, ``dst_ip``, ``src_port``, ``dst_port``,
            ``protocol``, ``mac`` and ``target``.
    """

    finding: int
    direction: str
    decision: str
    rule: str | None
    rule_kind: str
    acl: str | None
    rows: int
    first: datetime
    last: datetime
    since: datetime
    packet: Mapping[str, Any]


class RowsOf:
    """The rows of a lake that some findings are about, for several questions to the same version.

    A context manager: it lets everything go behind its block.
    """

    def __init__(self, findings: Sequence[Finding], lake: Lake, period: Period) -> None:
        """Makes findings known to the lake.

        Args:
            findings: each with sources or targets.
            lake: where to look.
            period: the time of all rows that are looked at.

        Raises:
            LakeError: there is nothing in the lake yet.
        """
        shapes = {(bool(one.sources), bool(one.targets)) for one in findings}
        self._engine = workspace(lake, period=period)
        try:
            for name, table in _tables(findings).items():
                self._know(name, table)
            self._engine.make(_PAIRED)
            self._engine.make(f"CREATE TEMP VIEW rows_of AS {_union(shapes & _JOINS.keys())}")
        except BaseException:
            self._engine.close()
            raise

    def __enter__(self) -> Self:
        """Returns itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Lets everything go."""
        self._engine.close()

    def _know(self, name: str, table: pa.Table) -> None:
        """Makes a table of the engine's own: of another's it does not know how large it is."""
        self._engine.connection.register("given", table)
        self._engine.make(f"CREATE OR REPLACE TABLE {name} AS FROM given")
        self._engine.connection.unregister("given")

    def decided(self) -> list[Decided]:
        """Returns what rules decided of the rows, those with most rows first.

        Raises:
            LakeError: the lake cannot be read.
        """
        sql = f"""
            FROM (SELECT finding, direction, decision, rule, rule_kind, min(acl) AS acl,
                CAST(count(*) FILTER (inside) AS BIGINT) AS rows,
                min(time) FILTER (inside) AS first, max(time) FILTER (inside) AS last,
                min(time) AS since,
                min({{'time': time, 'src_ip': src_ip, 'dst_ip': dst_ip, 'src_port': src_port,
                    'dst_port': dst_port, 'protocol': protocol, 'mac': mac, 'target': target}})
                    FILTER (inside) AS packet
            FROM rows_of GROUP BY finding, direction, decision, rule, rule_kind, lower(acl))
            WHERE rows > 0
            QUALIFY row_number() OVER (PARTITION BY finding, decision, direction
                ORDER BY rows DESC, rule, rule_kind, acl) <= {MOST_RULES}
            ORDER BY finding, rows DESC, direction, decision, rule, rule_kind, acl"""  # noqa: S608 no words of others
        return [Decided(**row) for row in self._engine.table(sql, {}).to_pylist()]

    def opened_since(self, rules: Sequence[Decided]) -> list[datetime | None]:
        """Returns when each rule first let anybody in from outside, to its finding's targets.

        Raises:
            LakeError: the lake cannot be read.
        """
        numbered = pa.table(
            {
                "number": pa.array(range(len(rules)), pa.int32()),
                "finding": pa.array([one.finding for one in rules], pa.int32()),
                "name": pa.array([one.rule or "" for one in rules], pa.string()),
                "kind": pa.array([one.rule_kind for one in rules], pa.string()),
                "list": pa.array([(one.acl or "").lower() for one in rules], pa.string()),
            }
        )
        self._know("rules", numbered)
        let_in = (
            "coalesce(f.rule, '') = name AND f.rule_kind = kind "
            "AND lower(coalesce(f.acl, '')) = list AND f.decision = 'A' AND f.direction = 'I' "
            f"AND NOT regexp_matches(f.src_ip, '{INSIDE}') "
            "AND (asked.protocol IS NULL OR asked.protocol = f.protocol)"
        )
        port = "LEFT JOIN ports ON ports.finding = asked.finding AND ports.port = f.dst_port"
        sql = f"""
            WITH anywhere AS MATERIALIZED (SELECT * FROM rules JOIN wanted USING (finding)
                WHERE NOT has_targets),
            somewhere AS MATERIALIZED (SELECT * FROM rules JOIN wanted USING (finding)
                JOIN targets USING (finding))
            SELECT number, min(time) AS since FROM (
                SELECT number, time, has_ports, port FROM anywhere AS asked
                JOIN flows AS f ON {let_in} {port}
                UNION ALL
                SELECT number, time, has_ports, port FROM somewhere AS asked
                JOIN flows AS f ON asked.ip = f.dst_ip AND {let_in} {port}
            ) WHERE NOT has_ports OR port IS NOT NULL GROUP BY number"""  # noqa: S608 no words of others
        rows = self._engine.table(sql, {}).to_pylist()
        found = {row["number"]: row["since"] for row in rows}
        return [found.get(number) for number in range(len(rules))]

    def allowed(self, *, source_ports: bool = False) -> pa.Table:
        """Returns the distinct flows that were allowed, at each interface that logged them.

        Columns: ``finding``, ``direction``, ``mac``, ``target``, ``acl``, ``protocol``, ``src_ip``,
        ``dst_ip``, ``src_port``, ``dst_port``, ``rows``, and ``left_out``: how many flows more the
        finding has.

        Args:
            source_ports: whether flows from different ports are different flows; null else.

        Raises:
            LakeError: the lake cannot be read.
        """
        port = "src_port" if source_ports else "CAST(NULL AS INTEGER)"
        sql = f"""
            SELECT *, greatest(count(*) OVER (PARTITION BY finding) - {MOST_ENDS}, 0) AS left_out
            FROM (SELECT finding, direction, mac, target, min(acl) AS acl, protocol,
                src_ip, dst_ip, {port} AS src_port, dst_port, CAST(count(*) AS BIGINT) AS rows
                FROM rows_of
                WHERE inside AND decision = 'A' AND rule_kind NOT IN ('platform', 'encryption')
                GROUP BY finding, direction, mac, target, protocol, src_ip, dst_ip, dst_port,
                    {port})
            QUALIFY row_number() OVER (PARTITION BY finding
                ORDER BY rows DESC, {_ORDER}) <= {MOST_ENDS}
            ORDER BY finding, rows DESC, {_ORDER}"""  # noqa: S608 no words of others
        return self._engine.table(sql, {})


def time_of(findings: Sequence[Finding]) -> Period:
    """Returns the time that findings span."""
    last = max(one.last for one in findings)
    return Period(min(one.first for one in findings), last + _MILLISECOND)


def _tables(findings: Sequence[Finding]) -> dict[str, pa.Table]:
    """Returns findings as tables, by their numbers."""
    wanted = pa.table(
        {
            "finding": pa.array(range(len(findings)), pa.int32()),
            "first": pa.array([_milliseconds(one.first) for one in findings], pa.int64()),
            "last": pa.array([_milliseconds(one.last) for one in findings], pa.int64()),
            "protocol": pa.array([one.protocol for one in findings], pa.int32()),
            "has_targets": pa.array([bool(one.targets) for one in findings]),
            "is_paired": pa.array(
                [len(one.sources) * len(one.targets) <= _MOST_PAIRS for one in findings]
            ),
            "has_ports": pa.array([bool(one.ports) for one in findings]),
        }
    )
    return {
        "wanted": wanted,
        "sources": _pairs("ip", [one.sources for one in findings], pa.string()),
        "targets": _pairs("ip", [one.targets for one in findings], pa.string()),
        "ports": _pairs("port", [one.ports for one in findings], pa.int32()),
    }


def _pairs(name: str, of_findings: Sequence[Sequence[Any]], kind: pa.DataType) -> pa.Table:
    """Returns a table of findings' numbers with one value each."""
    sizes = [len(one) for one in of_findings]
    numbers = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    values = pa.array([value for one in of_findings for value in one], kind)
    return pa.table({"finding": pa.array(numbers), name: values})


_JOINS: Final = {
    (True, True): "JOIN sources AS s ON s.ip = f.src_ip "
    "JOIN targets AS t ON t.ip = f.dst_ip AND t.finding = s.finding "
    "JOIN wanted AS w ON w.finding = s.finding AND NOT w.is_paired",
    (True, False): "JOIN sources AS s ON s.ip = f.src_ip "
    "JOIN wanted AS w ON w.finding = s.finding AND NOT w.has_targets",
    (False, True): "JOIN targets AS t ON t.ip = f.dst_ip "
    "JOIN wanted AS w ON w.finding = t.finding AND w.finding NOT IN (SELECT finding FROM sources)",
}
"""How rows find their findings, by whether these have sources and targets."""
_PAIRED: Final = (
    "CREATE TABLE pairs AS SELECT w.*, s.ip AS src_ip, t.ip AS dst_ip FROM wanted AS w "
    "JOIN sources AS s USING (finding) JOIN targets AS t USING (finding) WHERE w.is_paired"
)
_BY_PAIR: Final = "JOIN pairs AS w ON w.src_ip = f.src_ip AND w.dst_ip = f.dst_ip"
"""Many findings may have one source, or one target: rows meet those alone that have both."""


def _union(shapes: Iterable[tuple[bool, bool]]) -> str:
    """Returns the rows of findings in SQL, those of each shape after the other."""
    joins = [_JOINS[shape] for shape in sorted(shapes)]
    if (True, True) in shapes:
        joins.append(_BY_PAIR)
    return " UNION ALL ".join(
        "SELECT w.finding, f.*, f.time BETWEEN make_timestamptz(w.first * 1000) "  # noqa: S608 no words of others
        f"AND make_timestamptz(w.last * 1000) AS inside FROM flows AS f {join} "
        "LEFT JOIN ports AS p ON p.finding = w.finding AND p.port = f.dst_port "
        "WHERE (NOT w.has_ports OR p.port IS NOT NULL) "
        f"AND (w.protocol IS NULL OR w.protocol = f.protocol) AND {_IS_PACKET}"
        for join in joins
    )


def _milliseconds(moment: datetime) -> int:
    """Returns a time as the table has it, milliseconds since 1970."""
    return (moment - _START) // _MILLISECOND
