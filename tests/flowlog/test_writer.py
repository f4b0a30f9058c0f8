"""Rows written as blobs: to the byte, and back again."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa  # pyright: ignore[reportMissingTypeStubs]
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flowverdict.flowlog import SCHEMA, Reading, read_blob
from flowverdict.flowlog.paths import parse_path
from flowverdict.flowlog.writer import Blob, Unwritable, write_blobs

FLOW_LOG = (
    "/SUBSCRIPTIONS/S/RESOURCEGROUPS/NETWORKWATCHERRG/PROVIDERS/MICROSOFT.NETWORK"
    "/NETWORKWATCHERS/NETWORKWATCHER_EASTUS/FLOWLOGS/F"
)
VNET = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v"
ACL = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkSecurityGroups/web"
NSG = ACL.upper()
ZEROS = "00000000-0000-0000-0000-000000000000"
ADMIN = "01020304-abcd-ef00-1234-102030405060"
MAC = "0022486DBA37"
PROVENANCE = ("blob", "record", "tuple")
START = datetime(2026, 8, 13, 20, 32, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def row(**columns: Any) -> dict[str, Any]:
    """A row of a VNet log: a begin, outbound."""
    return {
        "time": at(0.96), "src_ip": "10.0.5.4", "dst_ip": "20.150.1.97", "src_port": 33620,
        "dst_port": 443, "protocol": 6, "direction": "O", "decision": "A", "state": "B",
        "encryption": "NX", "packets_sent": 0, "bytes_sent": 0, "packets_received": 0,
        "bytes_received": 0, "rule": "AllowInternetOutBound", "rule_kind": "default", "acl": ACL,
        "mac": MAC, "target": VNET, "flow_log": FLOW_LOG, "schema": "vnet4", "blob": "x",
        "record": 0, "tuple": 0, **columns,
    }  # fmt: skip


def nsg(**columns: Any) -> dict[str, Any]:
    """A row of an NSG log of version 2: a begin, inbound, denied."""
    none = dict.fromkeys(
        ("encryption", "packets_sent", "bytes_sent", "packets_received", "bytes_received",
         "flow_log"),
    )  # fmt: skip
    fields = {
        "time": at(1), "src_ip": "125.64.94.197", "dst_ip": "10.0.5.4", "direction": "I",
        "decision": "D", "rule": "DenyAllInBound", "acl": NSG, "target": NSG, "schema": "nsg2",
    }  # fmt: skip
    return row(**{**none, **fields, **columns})


def batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    plain = pa.schema(
        [
            pa.field(
                one.name, one.type.value_type if pa.types.is_dictionary(one.type) else one.type
            )
            for one in SCHEMA
        ]
    )
    return pa.RecordBatch.from_pylist(rows, plain).cast(SCHEMA)


def write(*rows: dict[str, Any]) -> list[Blob]:
    return list(write_blobs([batch(list(rows))]))


def read(blob: Blob) -> tuple[list[dict[str, Any]], Reading, list[pa.RecordBatch]]:
    reading = Reading(blob.path)
    batches = list(read_blob(blob.data, reading))
    return [one for found in batches for one in found.to_pylist()], reading, batches


def values(one: dict[str, Any]) -> tuple[Any, ...]:
    """A row without where it was read."""
    return tuple(value for name, value in one.items() if name not in PROVENANCE)


def texts(blob: Blob) -> list[str]:
    """The tuples of a blob."""
    return re.findall(r'"(\d+,[^"]*)"', blob.data.decode())


# --- to the byte ------------------------------------------------------------------------


def test_a_vnet_blob_to_the_byte() -> None:
    """The order of fields, acl twice for two directions, and the tuples are those of a capture."""
    deny: dict[str, Any] = {
        "src_ip": "85.217.149.66", "dst_ip": "10.0.5.4", "src_port": 39933, "dst_port": 47262,
        "direction": "I", "decision": "D", "state": "D", "rule": "DenyAllInBound",
    }  # fmt: skip
    end = {"state": "E", "packets_sent": 5, "bytes_sent": 593, "bytes_received": None}
    platform = {"rule": "PlatformRule", "rule_kind": "platform", "acl": ZEROS}
    later = {"time": at(61), "rule": "Supplier-API", "rule_kind": "user", "encryption": None}
    (blob,) = write(row(**deny), row(), row(**end), row(**platform), row(**later), row(**deny))
    start = (
        '"flowLogGUID":"c9c3e7a5-guid","macAddress":"0022486DBA37","category":"FlowLogFlowEvent",'
        f'"flowLogResourceID":"{FLOW_LOG}","targetResourceID":"{VNET}","flowLogVersion":4,'
        '"operationName":"FlowLogFlowEvent","flowRecords":{"flows":['
    )
    denied = '"1786653120960,85.217.149.66,10.0.5.4,39933,47262,6,I,D,NX,0,0,0,0"'
    begin = "1786653120960,10.0.5.4,20.150.1.97,33620,443,6,O,B,NX,0,0,0,0"
    ended = "1786653120960,10.0.5.4,20.150.1.97,33620,443,6,O,E,NX,5,593,0,"
    first = (
        f'{{"time":"2026-08-13T20:33:03.0500000Z",{start}'
        f'{{"aclID":"{ACL}","flowGroups":[{{"rule":"DefaultRule_DenyAllInBound",'
        f'"flowTuples":[{denied},{denied}]}}]}},'
        f'{{"aclID":"{ACL}","flowGroups":[{{"rule":"DefaultRule_AllowInternetOutBound",'
        f'"flowTuples":["{begin}","{ended}"]}}]}},'
        f'{{"aclID":"{ZEROS}","flowGroups":[{{"rule":"PlatformRule","flowTuples":["{begin}"]}}]}}'
        "]}}"
    )
    second = (
        f',{{"time":"2026-08-13T20:34:03.0500000Z",{start}'
        f'{{"aclID":"{ACL}","flowGroups":[{{"rule":"UserRule_Supplier-API","flowTuples":'
        '["1786653181000,10.0.5.4,20.150.1.97,33620,443,6,O,B,,0,0,0,0"]}]}]}}'
    )
    guid = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
    made = json.loads(blob.data)["records"][0]["flowLogGUID"]
    assert guid.fullmatch(made)
    assert [one.decode().replace(made, "c9c3e7a5-guid") for one in blob.blocks] == [
        '{"records":[', first, second, "]}",
    ]  # fmt: skip
    assert blob.path == (
        "insights-logs-flowlogflowevent/flowLogResourceID=/S_NETWORKWATCHERRG"
        "/NETWORKWATCHER_EASTUS_F/y=2026/m=08/d=13/h=20/m=00/macAddress=0022486DBA37/PT1H.json"
    )


def test_an_nsg_blob_to_the_byte() -> None:
    """Both versions in one blob, each in records of its own."""
    end = {"decision": "A", "state": "E", "packets_sent": 1, "bytes_sent": 66, "rule": "RDP"}
    end |= {"packets_received": 0, "bytes_received": 0, "rule_kind": "user", "protocol": 17}
    (blob,) = write(nsg(), nsg(schema="nsg1", state=None), nsg(**end), nsg())
    made = json.loads(blob.data)["records"][0]["systemId"]
    head = (
        '{"time":"2026-08-13T20:33:03.0500000Z","systemId":"GUID","macAddress":"0022486DBA37",'
        f'"category":"NetworkSecurityGroupFlowEvent","resourceId":"{NSG}",'
        '"operationName":"NetworkSecurityGroupFlowEvents","properties":{"Version":'
    )
    begin = '"1786653121,125.64.94.197,10.0.5.4,33620,443,T,I,D,B,,,,"'
    end_text = '"1786653121,125.64.94.197,10.0.5.4,33620,443,U,I,A,E,1,66,0,0"'
    deny_rule = '"flows":[{"rule":"DefaultRule_DenyAllInBound","flows":['
    mac = '{"mac":"0022486DBA37","flowTuples":['
    second = (
        f"{head}2,{deny_rule}{mac}{begin},{begin}]}}]}},"
        f'{{"rule":"UserRule_RDP","flows":[{mac}{end_text}]}}]}}]}}}}'
    )
    first = '"1786653121,125.64.94.197,10.0.5.4,33620,443,T,I,D"'
    assert [one.decode().replace(made, "GUID") for one in blob.blocks] == [
        '{"records":[',
        second,
        f",{head}1,{deny_rule}{mac}{first}]}}]}}]}}}}",
        "]}",
    ]
    assert blob.path == (
        f"insights-logs-networksecuritygroupflowevent/resourceId={NSG}"
        "/y=2026/m=08/d=13/h=20/m=00/macAddress=0022486DBA37/PT1H.json"
    )


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"state": "C", "packets_sent": 3}, "C,NX,3,0,0,0"),
        (dict.fromkeys(("packets_sent", "bytes_sent"), None), "B,NX,,,0,0"),
        ({"encryption": "NX_FALLBACK"}, "B,NX_FALLBACK,0,0,0,0"),
        ({"bytes_sent": 2**63 - 1}, f"B,NX,0,{2**63 - 1},0,0"),
    ],
)
def test_null_is_empty_and_zero_is_zero(columns: dict[str, Any], expected: str) -> None:
    (blob,) = write(row(**columns))
    assert texts(blob) == [f"1786653120960,10.0.5.4,20.150.1.97,33620,443,6,O,{expected}"]


def test_what_has_no_ports_and_ipv6() -> None:
    ping = {"protocol": 58, "src_port": None, "dst_port": None, "src_ip": "fd00::6"}
    (blob,) = write(row(**ping, dst_ip="2001:db8::1"))
    assert texts(blob) == ["1786653120960,fd00::6,2001:db8::1,,,58,O,B,NX,0,0,0,0"]


# --- where a row goes -------------------------------------------------------------------


def test_a_blob_for_each_log_interface_and_hour() -> None:
    other = FLOW_LOG[:-1] + "G"
    rows = [
        row(time=at(3600)), row(), row(mac="0022486DBA38"), row(flow_log=other), nsg(),
        row(time=at(1)),
    ]  # fmt: skip
    blobs = write(*rows)
    found = [parse_path(blob.path) for blob in blobs]
    hour, next_hour = at(-32 * 60), at(28 * 60)
    assert {(one.name, one.mac, one.hour) for one in found if one} == {
        ("F", "0022486DBA37", hour),
        ("F", "0022486DBA37", next_hour),
        ("F", "0022486DBA38", hour),
        ("G", "0022486DBA37", hour),
        ("WEB", "0022486DBA37", hour),
    }
    assert len(blobs) == 5
    assert all(blob.blocks[0] == b'{"records":[' and blob.blocks[-1] == b"]}" for blob in blobs)


def test_the_last_minute_of_an_hour_stands_in_the_next_blob() -> None:
    """A path names the hour in which records were written, not that of the packets."""
    (blob,) = write(row(time=datetime(2026, 12, 31, 23, 59, 30, tzinfo=UTC)))
    assert "/y=2027/m=01/d=01/h=00/m=00/" in blob.path
    assert json.loads(blob.data)["records"][0]["time"] == "2027-01-01T00:00:03.0500000Z"


def test_a_record_is_three_to_sixty_three_seconds_younger_than_its_tuples() -> None:
    for seconds in (0, 0.001, 31, 59.999):
        (blob,) = write(row(time=at(seconds)))
        time = json.loads(blob.data)["records"][0]["time"]
        assert re.fullmatch(r"[-\d]{10}T[:\d]{8}\.\d{7}Z", time)
        assert 3 < (datetime.fromisoformat(time[:26] + "Z") - at(seconds)).total_seconds() < 63.1


def test_a_minute_with_much_in_it_is_split_as_azure_splits_it() -> None:
    """A real capture has records of up to 32 KB with one time, 530 to 610 tuples each."""
    rows = [nsg(src_port=one % 65536, dst_port=50000) for one in range(3000)]
    (blob,) = write(*rows)
    records = json.loads(blob.data)["records"]
    assert len({record["time"] for record in records}) == 1
    sizes = [len(record["properties"]["flows"][0]["flows"][0]["flowTuples"]) for record in records]
    assert all(400 <= size <= 650 for size in sizes[:-1])
    assert all(30_000 < len(block) < 33_500 for block in blob.blocks[1:-2])
    assert [one["src_port"] for one in read(blob)[0]] == list(range(3000))


def test_an_end_before_a_begin_of_the_same_millisecond_stays_there() -> None:
    rows = [row(), row(state="E"), row(), row(state="E", time=at(6))]
    (blob,) = write(*rows)
    assert [one["state"] for one in read(blob)[0]] == ["B", "E", "B", "E"]


def test_a_tuple_that_strayed_into_a_vnet_record_goes_back_there() -> None:
    (blob,) = write(nsg(flow_log=FLOW_LOG, target=VNET))
    rows, reading, _ = read(blob)
    assert [values(one) for one in rows] == [values(nsg(flow_log=FLOW_LOG, target=VNET))]
    assert reading.warnings == {"schema_mismatch": 1}


def test_an_nsg_log_knows_seconds_only() -> None:
    (blob,) = write(nsg(time=at(1.999)))
    assert read(blob)[0][0]["time"] == at(1)


def test_nothing_gives_no_blob() -> None:
    assert write() == []
    assert list(write_blobs([])) == []


@pytest.mark.parametrize(
    "bad",
    [
        row(rule_kind="admin"),
        row(rule=None),
        row(rule_kind="platform"),
        row(state="D"),
        row(decision="D"),
        row(state=None),
        row(mac=""),
        nsg(protocol=1),
        nsg(encryption="X"),
        nsg(state="D"),
        nsg(schema="nsg1"),
        nsg(schema="nsg1", state=None, packets_sent=0),
    ],
)
def test_what_no_log_could_say_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(Unwritable):
        write(bad)


# --- and back ---------------------------------------------------------------------------

ADDRESSES = st.sampled_from(["10.0.5.4", "8.8.8.8", "fd00::6", "2001:db8::1", "::"])
PORTS = st.integers(0, 65535)
COUNTERS = st.none() | st.sampled_from([0, 1, 2**63 - 1]) | st.integers(0, 10**6)
NAMES = st.sampled_from(["RDP", "", 'é "\\\n', "UserRule_twice", "日本"])
OWNERS = st.sampled_from([None, FLOW_LOG, NSG, "/x/../y", "g", "é,\x00"])
MACS = st.sampled_from([None, MAC, "000D3AF87856", "no mac"])
RULES = st.one_of(
    st.tuples(NAMES, st.sampled_from(["user", "default"]), st.sampled_from([None, ACL, ADMIN])),
    st.just(("PlatformRule", "platform", ZEROS)),
    st.just(("unspecified", "encryption", "unspecified")),
    st.tuples(st.sampled_from(["Internet", "日本"]), st.just("admin"), st.just(ADMIN)),
    st.tuples(
        st.sampled_from([None, "AllowAll"]), st.just("unknown"), st.sampled_from([None, ACL])
    ),
)
TIMES = st.one_of(st.integers(0, 150_000), st.integers(3_400_000, 3_700_000)).map(
    lambda ms: START + timedelta(milliseconds=ms)
)


@st.composite
def rows_of_any_schema(draw: st.DrawFn) -> dict[str, Any]:
    schema = draw(st.sampled_from(["nsg1", "nsg2", "vnet4"]))
    time = draw(TIMES)
    rule, kind, acl = draw(RULES)
    target, flow_log = draw(OWNERS), draw(OWNERS)
    if schema != "vnet4":
        time = time.replace(microsecond=0)
        if draw(st.booleans()):
            acl, flow_log = draw(st.sampled_from([None, NSG, ACL])), None
            target, rule, kind = acl, draw(NAMES), "user"
    protocol = draw(st.sampled_from([6, 17, 6, 17, 1, 58, 50] if schema == "vnet4" else [6, 17]))
    ports = PORTS if protocol in (6, 17) else st.none() | PORTS
    decision = draw(st.sampled_from("AD"))
    states = {
        "nsg1": st.none(),
        "nsg2": st.sampled_from([None, "B", "C", "E"]),
        "vnet4": st.just("D") if decision == "D" else st.sampled_from("BCE"),
    }
    tokens = st.sampled_from([None, "X", "NX", "NX_HW_NOT_SUPPORTED", "NX_QUANTUM"])
    counters = st.none() if schema == "nsg1" else COUNTERS
    return row(
        time=time, src_ip=draw(ADDRESSES), dst_ip=draw(ADDRESSES), src_port=draw(ports),
        dst_port=draw(ports), protocol=protocol, direction=draw(st.sampled_from("IO")),
        decision=decision, state=draw(states[schema]),
        encryption=draw(tokens) if schema == "vnet4" else None, packets_sent=draw(counters),
        bytes_sent=draw(counters), packets_received=draw(counters),
        bytes_received=draw(counters), rule=rule, rule_kind=kind, acl=acl, mac=draw(MACS),
        target=target, flow_log=flow_log, schema=schema,
    )  # fmt: skip


def in_order(rows: list[dict[str, Any]]) -> dict[Any, list[Any]]:
    """Rows by everything inside which the order in which they came is kept."""
    names = ("direction", "rule", "rule_kind", "acl", "mac", "target", "flow_log")
    found: dict[Any, list[Any]] = defaultdict(list)
    for one in rows:
        minute = one["time"].replace(second=0, microsecond=0)
        found[minute, one["schema"], *(one[name] for name in names)].append(values(one))
    return found


@settings(max_examples=150, deadline=None)
@given(st.lists(rows_of_any_schema(), max_size=30), st.integers(0, 30))
@example([row(), row(state="E"), row()], 1)
def test_writing_and_then_reading_is_the_identity(rows: list[dict[str, Any]], cut: int) -> None:
    blobs = list(write_blobs([batch(rows[:cut]), batch(rows[cut:])]))
    back: list[dict[str, Any]] = []
    batches: list[pa.RecordBatch] = []
    for blob in blobs:
        found, reading, more = read(blob)
        back += found
        batches += more
        assert reading.rejected == []
        assert (reading.status, reading.records) == ("ok", len(blob.blocks) - 2)
        assert not {"truncated", "unknown_category", "unknown_version", "key_alias", "short_tuple",
                    "extra_columns", "unit_seconds"} & reading.warnings.keys()  # fmt: skip
        assert json.loads(blob.data).keys() == {"records"}
        assert blob.blocks[1].startswith(b"{")
        assert all(block.startswith(b",{") for block in blob.blocks[2:-1])
    assert Counter(map(values, back)) == Counter(map(values, rows))
    assert in_order(back) == in_order(rows)
    assert len({blob.path for blob in blobs}) == len(blobs)
    assert list(write_blobs(batches)) == blobs
