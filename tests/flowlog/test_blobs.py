"""Blobs in every form in which flow logs are met, whole, cut and damaged."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowverdict.flowlog import SCHEMA, Reading, read_blob

T04 = "1542110437,125.64.94.197,10.5.16.4,59752,18264,T,I,D,B,,,,"
T05 = "1542110379,10.5.16.4,13.67.143.117,59932,443,T,O,A,E,1,66,1,66"
T14 = "1786653112710,40.87.164.0,10.0.5.4,23456,25800,6,I,E,NX,1,128,1,54"
T15 = "1786653168597,173.34.158.146,10.0.5.4,59350,8001,6,I,E,NX,5,593,4,560"


def vnet4(*tuples: str, **fields: Any) -> dict[str, Any]:
    """A VNet record with one group of tuples."""
    groups = [{"rule": "UserRule_x", "flowTuples": list(tuples)}]
    record: dict[str, Any] = {
        "time": "2026-08-13T20:33:21.9481850Z",
        "flowLogGUID": "1ea85f4d-b35c-4a7b-b925-29bdc9bd40ba",
        "macAddress": "0022486DBA37",
        "category": "FlowLogFlowEvent",
        "flowLogResourceID": "/SUBSCRIPTIONS/S/RESOURCEGROUPS/R/FLOWLOGS/F",
        "targetResourceID": "/subscriptions/s/resourceGroups/r/virtualNetworks/v",
        "flowLogVersion": 4,
        "operationName": "FlowLogFlowEvent",
        "flowRecords": {"flows": [{"aclID": "a", "flowGroups": groups}]},
    }
    return {**record, **fields}


def nsg2(*tuples: str, version: int = 2) -> dict[str, Any]:
    """An NSG record with one group of tuples."""
    flows = [{"rule": "DefaultRule_DenyAllInBound", "flows": [group(*tuples)]}]
    return {
        "time": "2018-11-13T12:00:35.3899262Z",
        "systemId": "a0fca5ce-022c-47b1-9735-89943b42f2fa",
        "macAddress": "000D3AF87856",
        "category": "NetworkSecurityGroupFlowEvent",
        "resourceId": "/SUBSCRIPTIONS/S/NETWORKSECURITYGROUPS/N",
        "operationName": "NetworkSecurityGroupFlowEvents",
        "properties": {"Version": version, "flows": flows},
    }


def group(*tuples: str) -> dict[str, Any]:
    """The inner group of an NSG record."""
    return {"mac": "000D3AF87856", "flowTuples": list(tuples)}


def text(value: Any) -> str:
    """JSON on one line, as Azure writes it."""
    return json.dumps(value, separators=(",", ":"))


def read(data: str | bytes) -> tuple[list[dict[str, Any]], Reading]:
    """The rows of a blob, and what else was noted."""
    reading = Reading("blob")
    raw = data.encode() if isinstance(data, str) else data
    rows = [row for batch in read_blob(raw, reading) for row in batch.to_pylist()]
    return rows, reading


WHOLE = text({"records": [vnet4(T14), vnet4(T15)]})
ROWS = read(WHOLE)[0]


@pytest.mark.parametrize(
    "blob",
    [
        WHOLE,
        f"{text(vnet4(T14))}\n{text(vnet4(T15))}\n",
        text([vnet4(T14), vnet4(T15)]),
        f",{text(vnet4(T14))},{text(vnet4(T15))}]}}",
        text({"records": [vnet4(T14)]}) + text({"records": [vnet4(T15)]}),
        json.dumps({"records": [vnet4(T14), vnet4(T15)]}, indent=2).replace("\n", "\r\n"),
        gzip.compress(WHOLE.encode()),
        gzip.compress(text({"records": [vnet4(T14)]}).encode())
        + gzip.compress(text({"records": [vnet4(T15)]}).encode()),
        f"\x00\n{WHOLE}\x00\x00",
        text({"records": [dict(reversed(vnet4(T14).items())), vnet4(T15)]}),
    ],
    ids=[
        "one object", "a record a line", "an array", "a fragment", "two objects", "indented",
        "gzip", "gzip twice", "padded with NUL", "fields in another order",
    ],
)  # fmt: skip
def test_the_form_of_a_blob_does_not_matter(blob: str | bytes) -> None:
    rows, reading = read(blob)
    assert rows == ROWS
    assert (reading.status, reading.records, reading.warnings) == ("ok", 2, {})


def test_a_row_has_everything_around_it() -> None:
    first = ROWS[0]
    assert first["rule"] == "x"
    assert first["rule_kind"] == "user"
    assert first["mac"] == "0022486DBA37"
    assert (first["blob"], first["record"], first["tuple"], first["schema"]) == (
        "blob", 0, 0, "vnet4",
    )  # fmt: skip
    assert list(first) == SCHEMA.names


@pytest.mark.parametrize(
    ("blob", "status", "warnings"),
    [
        ("", "empty", {}),
        (" \r\n\x00", "empty", {}),
        ('{"records":[]}', "ok", {}),
        ('{"records":[', "ok", {"truncated": 1}),
        ("hello\nworld\n", "not_flow_log", {"truncated": 1}),
        (text({"category": "AuditEvent", "time": "x"}), "not_flow_log", {"unknown_category": 1}),
    ],
)
def test_what_is_no_flow_log_is_said(blob: str, status: str, warnings: dict[str, int]) -> None:
    rows, reading = read(blob)
    assert rows == []
    assert (reading.status, reading.warnings) == (status, warnings)


def test_a_byte_order_mark_is_a_warning() -> None:
    rows, reading = read(b"\xef\xbb\xbf" + WHOLE.encode())
    assert rows == ROWS
    assert reading.warnings == {"bom": 1}


def test_both_versions_of_nsg_logs_may_stand_in_one_blob() -> None:
    """As in a real capture of 2021: nine records of version 2, then six of version 1."""
    v1 = "1639372882,20.83.213.10,20.0.0.4,54400,30786,T,I,D"
    rows, reading = read(text({"records": [nsg2(T04, T05), nsg2(v1, version=1)]}))
    assert [row["schema"] for row in rows] == ["nsg2", "nsg2", "nsg1"]
    assert rows[2]["state"] is None
    assert rows[2]["bytes_sent"] is None
    assert reading.warnings == {}


def test_identical_tuples_of_one_record_all_stay() -> None:
    """A real capture holds B, E, B with the two B strings alike to the byte."""
    rows, _ = read(text({"records": [vnet4(T14, T15, T14)]}))
    assert [row["tuple"] for row in rows] == [0, 1, 2]
    assert rows[0]["time"] == rows[2]["time"]


def test_an_acl_may_stand_twice_in_a_record() -> None:
    record = vnet4()
    record["flowRecords"]["flows"] = [
        {"aclID": "a", "flowGroups": [{"rule": "DefaultRule_DenyAllInBound", "flowTuples": [T14]}]},
        {"aclID": "a", "flowGroups": [{"rule": "PlatformRule", "flowTuples": [T15]}]},
    ]
    rows, _ = read(text(record))
    assert [(row["rule"], row["rule_kind"]) for row in rows] == [
        ("DenyAllInBound", "default"),
        ("PlatformRule", "platform"),
    ]


def test_a_bad_tuple_goes_to_quarantine_and_its_neighbours_stay() -> None:
    rows, reading = read(text({"records": [vnet4(T14, "nonsense", T15)]}))
    assert [row["tuple"] for row in rows] == [0, 2]
    assert reading.quarantine().to_pylist() == [
        {"blob": "blob", "record": 0, "tuple": 1, "code": "short_tuple", "raw": "nonsense"}
    ]


@pytest.mark.parametrize(
    ("record", "rows", "warnings"),
    [
        ({"records": [{"records": [nsg2(T04)]}]}, 1, {"nested_records": 1}),
        (vnet4(flowRecords=[{"aclID": "a", "flowGroups": []}]), 0, {"schema_mismatch": 1}),
        (vnet4(flowRecords=None), 0, {"schema_mismatch": 1}),
        (vnet4(T14, flowLogVersion=5), 1, {"unknown_version": 1}),
        (vnet4(T14, category=None), 1, {"unknown_category": 1}),
    ],
    ids=["nested", "list of flows", "no flows", "version 5", "no category"],
)
def test_odd_records_are_read_with_a_warning(
    record: Any, rows: int, warnings: dict[str, int]
) -> None:
    found, reading = read(text(record))
    assert len(found) == rows
    assert reading.warnings == warnings


def test_the_flow_log_may_be_named_by_the_other_key() -> None:
    record = vnet4(T14, resourceId="/F")
    del record["flowLogResourceID"]
    rows, reading = read(text(record))
    assert rows[0]["flow_log"] == "/F"
    assert reading.warnings == {"key_alias": 1}


@pytest.mark.parametrize("mac", ["00-22-48-6D-BA-37", "0022486dba37", "00:22:48:6d:ba:37"])
def test_mac_addresses_have_one_form(mac: str) -> None:
    assert read(text(vnet4(T14, macAddress=mac)))[0][0]["mac"] == "0022486DBA37"


def test_connectors_flattened_records_give_the_same_row() -> None:
    flattened = {
        "time": "2018-11-13T12:00:35.3899262Z", "category": "NetworkSecurityGroupFlowEvent",
        "resourceId": "/SUBSCRIPTIONS/S/NETWORKSECURITYGROUPS/N", "version": 2,
        "nsgRuleName": "DefaultRule_DenyAllInBound", "mac": "000D3AF87856",
        "startTime": "1542110379", "sourceAddress": "10.5.16.4",
        "destinationAddress": "13.67.143.117", "sourcePort": 59932, "destinationPort": "443",
        "transportProtocol": "T", "deviceDirection": "O", "deviceAction": "A", "flowState": "E",
        "packetsStoD": 1, "bytesStoD": 66, "packetsDtoS": 1, "bytesDtoS": 66,
    }  # fmt: skip
    assert read(text(flattened))[0] == read(text({"records": [nsg2(T05)]}))[0]


def test_an_odd_byte_in_a_name_is_replaced() -> None:
    blob = WHOLE.encode().replace(b"UserRule_x", b"UserRule_\xff")
    rows, reading = read(blob)
    assert rows[0]["rule"] == "�"
    assert reading.warnings == {"schema_mismatch": 1}


def test_a_cut_blob_yields_a_prefix_of_its_rows() -> None:
    """At every byte: what is whole before the cut is kept, and nothing is made up."""
    blob = text({"records": [vnet4(T14, T15, T14), vnet4(T15, T14)]})
    whole = read(blob)[0]
    before = 0
    for cut in range(len(blob) + 1):
        rows, reading = read(blob[:cut])
        assert rows == whole[: len(rows)]
        assert len(rows) >= before
        before = len(rows)
        if 0 < cut < len(blob) - 2:
            assert reading.warnings.get("truncated") or not reading.records
    assert before == len(whole)


def test_damage_in_one_record_leaves_the_others() -> None:
    records = [text(vnet4(T14)), text(vnet4(T15)), text(vnet4(T14))]
    damaged = records[1].replace('"flowRecords":', '"flowRecords"!')
    rows, reading = read(f'{{"records":[{records[0]},{damaged},{records[2]}]}}')
    assert len(rows) == 2
    (one,) = [row for row in reading.quarantine().to_pylist() if row["tuple"] is None]
    assert one["code"] == "truncated"
    assert T15 in one["raw"]


def test_half_a_surrogate_pair_is_no_crash() -> None:
    """As a JSON escape it is no UTF-8, wherever it stands."""
    blob = text({"records": [vnet4(T14, T15[:-1] + "\ud800", T15, macAddress="\udc00")]})
    rows, reading = read(blob.replace("UserRule_x", "UserRule_\\ud800").encode())
    assert [(row["rule"], row["mac"]) for row in rows] == [("?", "?")] * 3
    assert reading.warnings == {"missing_counters": 1}


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_a_flipped_byte_is_never_a_crash(at: int, byte: int) -> None:
    blob = bytearray(WHOLE.encode())
    blob[at] = byte
    rows, reading = read(bytes(blob))
    assert len(rows) <= 2
    assert reading.status in ("ok", "not_flow_log")
