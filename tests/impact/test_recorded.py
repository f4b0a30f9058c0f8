"""Recorded flows, put together by compiled code: held against the same question in SQL."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from flowverdict.impact import recorded as module
from flowverdict.impact.recorded import FLOW, recorded, starts
from flowverdict.lake import Lake, LakeError, Period, query, scan
from tests.impact.logs import ingested, lake_at
from tests.traffic.logs import vnet4

MOMENT = 1786653060000
MACS = ("000D3AF87856", "000D3AF87857", "000D3AF87858")
ADDRESSES = ("10.0.0.4", "10.0.0.5", "203.0.113.77", "255.255.255.255", "0.0.0.0")  # noqa: S104
ADDRESSES_6 = ("2001:db8::1", "2001:db8::2", "::1", "fd00:db8:deca:daed::4")
TUPLE = ("mac", "direction", "protocol", "src_ip", "dst_ip", "src_port", "dst_port")
END = (*FLOW, "direction", "mac", "target", "acl", "nsg", "is_return", "is_platform", "decision")
RULED = ("rule", "rule_kind")
PARTS = 400
"""Groups at once with which the lake is read in parts."""

SWAPPED = (
    "one.mac IS NOT DISTINCT FROM flows.mac AND one.direction <> flows.direction "
    "AND one.protocol = flows.protocol AND one.src_ip = flows.dst_ip "
    "AND one.dst_ip = flows.src_ip AND one.src_port = flows.dst_port "
    "AND one.dst_port = flows.src_port"
)
SAME = " AND ".join(f"flows.{name} IS NOT DISTINCT FROM returns.{name}" for name in TUPLE)
SQL = f"""
WITH began AS (
    SELECT {", ".join(TUPLE)}, min(time) AS first FROM flows WHERE protocol IN (6, 17) GROUP BY ALL
), returns AS (
    SELECT DISTINCT {", ".join(f"one.{name}" for name in TUPLE)}
    FROM began AS one JOIN flows ON {SWAPPED} AND flows.decision = 'A'
    WHERE (flows.time, flows.dst_port) < (one.first, one.dst_port)
)
SELECT flows.protocol, flows.src_ip, flows.dst_ip, {{port}} AS src_port, flows.dst_port,
    flows.direction, flows.mac, target, acl, schema <> 'vnet4' AS nsg,
    returns.protocol IS NOT NULL AS is_return,
    rule_kind IN ('platform', 'encryption') AS is_platform, decision, {{said}} count(*) AS hits,
    CAST(sum(coalesce(bytes_sent, 0) + coalesce(bytes_received, 0)) AS BIGINT) AS bytes,
    min(time) AS first, max(time) AS last
FROM flows LEFT JOIN returns ON {SAME} GROUP BY ALL
"""  # noqa: S608 no words of others


def record(some: random.Random, mac: str, rows: int) -> dict[str, Any]:
    """A record of a VNet or NSG flow log, of few addresses and ports that meet each other often."""
    tuples: list[str] = []
    for _ in range(rows):
        src, dst = some.sample(some.choice([ADDRESSES, ADDRESSES_6]), 2)
        ports = some.sample(["22", "443", "50000", "50001", "65535", "0"], 2)
        time, way = MOMENT + 60_000 * some.randrange(4), some.choice("IO")
        tuples.append(f"{time},{src},{dst},{','.join(ports)}|{way}")
    acl, rule = (
        some.choice(["/n1", "/n2"]),
        some.choice(["UserRule_r", "UserRule_s", "PlatformRule"]),
    )
    if some.random() < 0.5:
        words = [
            f"{head},{some.choice('661')[0]},{way},{some.choice('BCED')},NX,1,{some.randrange(99)},1,20"
            for head, way in (one.split("|") for one in tuples)
        ]
        return vnet4(*words, mac=mac, rule=rule, acl=acl, target=some.choice(["/v", "/w"]))
    words = []
    for head, way in (one.split("|") for one in tuples):
        time, rest = head.split(",", 1)
        words.append(
            f"{int(time) // 1000},{rest},{some.choice('TU')},{way},{some.choice('AD')},B,,,,"
        )
    return {
        "category": "NetworkSecurityGroupFlowEvent", "resourceId": acl, "macAddress": mac,
        "properties": {
            "Version": 2,
            "flows": [{"rule": rule, "flows": [{"mac": mac, "flowTuples": words}]}],
        },
    }  # fmt: skip


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    some = random.Random(1)
    folder = tmp_path_factory.mktemp("recorded")
    records = [record(some, some.choice(MACS), some.randrange(60)) for _ in range(60)]
    return lake_at(ingested(folder, records))


def ends(batches: list[pa.RecordBatch]) -> list[dict[str, Any]]:
    found = [row for batch in batches for row in batch.to_pylist()]
    return sorted(found, key=lambda row: [str(row.get(name)) for name in (*END, *RULED)])


@pytest.mark.parametrize("most", [module.MOST, PARTS], ids=["at once", "in parts"])
@pytest.mark.parametrize("ruled", [False, True])
@pytest.mark.parametrize("source_ports", [True, False])
def test_it_says_what_sql_says(
    lake: Lake,
    source_ports: bool,
    ruled: bool,
    most: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[str] = []
    monkeypatch.setattr(module, "MOST", most)
    monkeypatch.setattr(module, "_ROWS_A_BATCH", 50)
    monkeypatch.setattr(module, "scan", lambda *a, **k: read.append("once") or scan(*a, **k))
    batches = list(recorded(lake, source_ports=source_ports, ruled=ruled))
    sql = SQL.format(
        port="flows.src_port" if source_ports else "CAST(NULL AS INTEGER)",
        said="rule, rule_kind," if ruled else "",
    )
    asked = query(lake, sql).read_all().to_batches()
    assert ends(batches) == ends(asked)
    assert {row["is_return"] for row in ends(batches)} == {True, False}
    assert {":" in row["src_ip"] for row in ends(batches)} == {True, False}
    flows = [tuple(row[name] for name in FLOW) for batch in batches for row in batch.to_pylist()]
    runs = sum(len(starts(batch)) for batch in batches)
    assert len(batches) > 3
    assert (len(read) > 2) == (most == PARTS)
    assert runs == len(set(flows)), "the rows of a flow are not together in one batch"


def test_a_lake_without_a_row_has_no_flows(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="holds no flows yet"):
        list(recorded(Lake(str(tmp_path))))


def test_a_period_has_its_rows_alone(lake: Lake) -> None:
    period = Period(datetime.fromtimestamp((MOMENT + 60_000) / 1000, UTC))
    batches = list(recorded(lake, period=period))
    sql = SQL.format(port="flows.src_port", said="")
    assert ends(batches) == ends(query(lake, sql, period=period).read_all().to_batches())
    assert 0 < len(ends(batches)) < len(ends(list(recorded(lake))))


def test_a_time_without_a_row_has_no_flows(lake: Lake) -> None:
    assert not list(recorded(lake, period=Period(until=datetime(2001, 1, 1, tzinfo=UTC))))
