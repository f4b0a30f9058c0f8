"""The compiled reader gives what the plain reader gives, for any bytes."""

from __future__ import annotations

import gzip
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowverdict.flowlog import SCHEMA, Reading, read_blob
from flowverdict.flowlog.kernel import read_blob_fast

ADDRESSES = [
    "10.0.0.4", "255.255.255.255", "0.0.0.1", "1.2.3.4", "203.0.113.77", "fd00::6", "2001:db8::1",
    "2603:1030:401:2::3a", "1:2:3:4:5:6:7:8", "1:0:0:2::", "fe80::1:0:0:1", "a::", "1:0:2::3",
]  # fmt: skip
ODD_ADDRESSES = [
    "010.0.0.4", "1.2.3", "1.2.3.4.5", "1.2.3.256", "", "::", "::1", "FD00::6", "fd00:0:0::6",
    "1::2:3:4:5:6:7", "::ffff:1.2.3.4", "::ffff:102:304", "1:2:3:4:5:6:7", "g::1", "fe80::1%eth0",
    "1::2::3", ":::", "1:", ":1:2:3:4:5:6:7", "1.2.3.4 ", "1:0:0:2:0:0:0:3", "1::2:0:0:0:3", "é",
    "0001::2", "12345::1", "1.2..4", "1:2:3:4:5:6:7:8:9", "1000.1.1.1",
]  # fmt: skip
TOKENS = [
    "NX", "X", "NX_HW_NOT_SUPPORTED", "NX_SW_NOT_READY", "NX_NOT_ACCEPTED", "NX_NOT_SUPPORTED",
    "NX_LOCAL_DST", "NX_FALLBACK",
]  # fmt: skip
ODD_NUMBERS = [
    "", "-1", "007", "99999999", "100000000", "999999999999999999", "9223372036854775807",
    "9223372036854775808", "18446744073709551615", "184467440737095516150", "1.5", "x", "65536",
    "65535", "256", "255", "+1", " 1", "٣", "1e3",
]  # fmt: skip
TIMES = [
    "946684800000", "0946684800000", "4102444799999", "4102444800000", "1663146003", "0", "",
    "1663146003599000", "0001663146003", "16631460035x9", "166314600359\u0663",
]  # fmt: skip


def vnet_tuple(rng: random.Random, odd: float = 0.0) -> str:
    """A tuple; each of its fields is odd with some probability."""
    state = rng.choice("BCED")
    quiet = state in "BD" and rng.random() < 0.5
    counters = ["", "", "", ""] if quiet else [str(rng.choice((0, 1, 99, 10**9))) for _ in "1234"]
    fields = [
        str(rng.randrange(1663146000000, 1663149600000)), rng.choice(ADDRESSES),
        rng.choice(ADDRESSES), str(rng.randrange(65536)), str(rng.choice((443, 53, 22))),
        rng.choice(("6", "17", "6", "1")), rng.choice("IO"), state, rng.choice(TOKENS), *counters,
    ]  # fmt: skip
    for i in range(13):
        if rng.random() < odd:
            others = {0: TIMES, 1: ODD_ADDRESSES, 2: ODD_ADDRESSES, 5: ["T", "U", *ODD_NUMBERS]}
            letters = {6: ["", "i", "IO"], 7: ["", "Z", "b", "BC"]}
            tokens = {8: ["", "NX_QUANTUM", "nx", "NX ", "NX_HW_NOT_SUPPORTEE"]}
            fields[i] = rng.choice((others | letters | tokens).get(i, ODD_NUMBERS))
    if rng.random() < odd:
        fields = fields[: rng.randrange(14)]
    if rng.random() < odd:
        fields.append("")
    return ",".join(fields)


def vnet_record(rng: random.Random, odd: float = 0.0, size: int = 6) -> dict[str, Any]:
    """A record; its fields in any order."""
    flows = [
        {
            "aclID": rng.choice((
                "/subscriptions/S/networkSecurityGroups/N", "",
                "00000000-1234-abcd-ef00-c1c2c3c4c5c6", "/x/networkManagers/m", "unspecified",
            )),
            "flowGroups": [
                {
                    "rule": rng.choice((
                        "UserRule_a", "DefaultRule_DenyAllInBound", "PlatformRule", "Block", "",
                        "unspecified",
                    )),
                    "flowTuples": [vnet_tuple(rng, odd) for _ in range(rng.randrange(size))],
                }
                for _ in range(rng.randrange(4))
            ],
        }
        for _ in range(rng.randrange(1, 4))
    ]  # fmt: skip
    record = {
        "time": "2026-08-13T20:33:21.9481850Z",
        "flowLogGUID": "1ea85f4d-b35c-4a7b-b925-29bdc9bd40ba",
        "macAddress": rng.choice(("0022486DBA37", "00-22-48-6d-ba-38", "odd", "")),
        "category": "FlowLogFlowEvent",
        "flowLogResourceID": "/SUBSCRIPTIONS/S/FLOWLOGS/F",
        "targetResourceID": "/subscriptions/s/virtualNetworks/v",
        "flowLogVersion": 4,
        "operationName": "FlowLogFlowEvent",
        "flowRecords": {"flows": flows},
    }
    if rng.random() < 0.3:
        names = list(record)
        rng.shuffle(names)
        record = {name: record[name] for name in names}
    return record


def text(value: Any, **options: Any) -> bytes:
    """JSON, as Azure writes it if no options say otherwise."""
    return json.dumps(value, separators=(",", ":"), **options).encode()


def same(data: bytes) -> Reading:
    """Reads some bytes both ways and compares everything."""
    plain, fast = Reading("blob"), Reading("blob")
    expected = list(read_blob(data, plain))
    found = list(read_blob_fast(data, fast))
    assert [one.num_rows for one in found] == [one.num_rows for one in expected]
    for one, other in zip(found, expected, strict=True):
        one.validate(full=True)
        assert one.schema == SCHEMA
        assert one.to_pydict() == other.to_pydict()
    assert fast == plain
    return fast


def blob(seed: int, odd: float = 0.0, records: int = 3, size: int = 6) -> dict[str, Any]:
    rng = random.Random(seed)
    return {"records": [vnet_record(rng, odd, size) for _ in range(records)]}


@pytest.mark.parametrize("odd", [0.0, 0.02, 0.3])
@pytest.mark.parametrize("seed", range(12))
def test_blobs_of_many_forms(seed: int, odd: float) -> None:
    value = blob(seed, odd, records=6, size=1 + 8 * (seed % 5))
    same(text(value))
    same(text(value, indent=2).replace(b"\n", b"\r\n"))
    same(text(value, ensure_ascii=False))
    same(b"\n".join(text(one) for one in value["records"]))
    same(gzip.compress(text(value)))


def test_every_kind_of_odd_field_alone() -> None:
    rng = random.Random(5)
    base = "1663146003599,10.0.0.6,52.239.184.180,23956,443,6,O,E,NX,1,2,3,4".split(",")
    odd = [*ODD_ADDRESSES, *ADDRESSES, *ODD_NUMBERS, *TIMES, *TOKENS, "T", "U", "D", "Z", "\\", '"']
    tuples: list[Any] = [
        ",".join([*base[:i], one, *base[i + 1 :]]) for i in range(13) for one in odd
    ]
    tuples += ["", ",", ",".join(base[:9]), ",".join(base[:8]), ",".join([*base, ""])]
    for tail in ([1], [None], [["x"]], [{}], []):
        record = vnet_record(rng)
        plain = [one for one in tuples if "\\" not in one and '"' not in one]
        for some in (tuples, plain):
            groups = [{"rule": "UserRule_x", "flowTuples": [*some, *tail]}]
            record["flowRecords"] = {"flows": [{"aclID": "a", "flowGroups": groups}]}
            same(text({"records": [record, vnet_record(rng), record]}))
            same(text({"records": [record]}, ensure_ascii=False))


def test_cuts_at_every_byte() -> None:
    data = text(blob(3, 0.05, records=2, size=4))
    for cut in range(len(data)):
        same(data[:cut])


def test_cuts_at_the_front() -> None:
    data = text(blob(4, 0.05, records=3, size=4))
    for cut in range(0, len(data), 13):
        same(data[cut:])


def test_flipped_bytes() -> None:
    rng = random.Random(7)
    data = text(blob(8, 0.02, records=2, size=5))
    for _ in range(1500):
        damaged = bytearray(data)
        for _ in range(rng.choice((1, 1, 3))):
            damaged[rng.randrange(len(data))] = rng.choice(b'\x00\x1e "\\,.:{}[]0nNtT\n\xc3\xff9-')
        same(bytes(damaged))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    same(data)
    same(b'{"records":[' + data)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9), st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=9))))
def test_bytes_put_in_anywhere(seed: int, pieces: list[tuple[int, bytes]]) -> None:
    data = text(blob(seed, 0.05, records=2, size=3))
    for at, piece in pieces[:3]:
        place = at % len(data)
        data = data[:place] + piece + data[place:]
    same(data)


ODD_RECORDS: list[Any] = [
    {"macAddress": None}, {"macAddress": 5}, {"category": "flowlogflowevent"}, {"category": ""},
    {"category": "AuditEvent"}, {"category": None}, {"flowLogVersion": "4"}, {"flowLogVersion": 5},
    {"flowLogVersion": 4.0}, {"flowLogVersion": None}, {"flowRecords": None}, {"flowRecords": []},
    {"flowRecords": {}}, {"flowRecords": {"flows": {}}}, {"flowRecords": {"flows": [1, None]}},
    {"flowRecords": {"flows": [{}, {"aclID": None}, {"flowGroups": None}]}},
    {"flowRecords": {"flows": [], "other": 1}}, {"records": []}, {"TIME": "x"}, {"other": {}},
    {"resourceId": "/x"}, {"macAddress": "é"}, {"targetResourceID": 'a"\\\n'}, {"time": "\u2028"},
    {"targetResourceID": "", "flowLogResourceID": ""}, {"macAddress": "\U0001f600"},
]  # fmt: skip


@pytest.mark.parametrize("change", ODD_RECORDS, ids=str)
def test_records_of_odd_forms_between_others(change: dict[str, Any]) -> None:
    value = blob(11, 0.02, records=3)
    value["records"][1] |= change
    same(text(value))
    same(text(value, ensure_ascii=False))
    same(text(value, indent=1))


@pytest.mark.parametrize("name", list(vnet_record(random.Random(1))))
def test_missing_and_repeated_fields(name: str) -> None:
    value = blob(12, records=3)
    record = value["records"][1]
    repeated = text(record)[:-1] + b"," + text({name: record[name]})[1:]
    same(b'{"records":[' + repeated + b"," + repeated + b"]}")
    del record[name]
    same(text(value))


def test_groups_of_odd_forms() -> None:
    good = vnet_tuple(random.Random(1))
    groups: list[Any] = [
        {"rule": "UserRule_é", "flowTuples": [good]}, {"flowTuples": [good], "rule": "last"},
        {"flowTuples": [good]}, {"rule": "UserRule_none"}, {}, {"rule": None, "flowTuples": [good]},
        {"rule": "x", "flowTuples": None}, {"rule": "x", "flowTuples": "no"},
        {"Rule": "x", "FLOWTUPLES": [good]}, {"rule": 'a"b', "flowTuples": [good]}, 7, [], None,
        {"rule": "x", "flowTuples": [good], "more": [[{"flowTuples": [good]}]]},
    ]  # fmt: skip
    for one in groups:
        record = vnet_record(random.Random(2))
        flow = {"flowGroups": [{"rule": "b", "flowTuples": [good]}, one], "aclID": "after"}
        record["flowRecords"] = {"flows": [flow, flow]}
        for ascii_only in (True, False):
            same(text({"records": [record, record]}, ensure_ascii=ascii_only))


def nsg_record(rng: random.Random, version: int) -> dict[str, Any]:
    tuples = ["1542110379,10.5.16.4,13.67.143.117,59932,443,T,O,A,E,1,66,1,66"] * rng.randrange(4)
    if version == 1:
        tuples = [one[: one.index(",E")] for one in tuples]
    return {
        "time": "2018-11-13T12:00:35.3899262Z",
        "macAddress": "000D3AF87856",
        "category": "NetworkSecurityGroupFlowEvent",
        "resourceId": "/SUBSCRIPTIONS/S/NETWORKSECURITYGROUPS/N",
        "properties": {
            "Version": version,
            "flows": [
                {"rule": "UserRule_a", "flows": [{"mac": "000D3AF87856", "flowTuples": tuples}]}
            ],
        },
    }


def test_nsg_and_vnet_records_in_one_blob() -> None:
    rng = random.Random(1)
    records = [
        nsg_record(rng, rng.choice((1, 2))) if rng.random() < 0.5 else vnet_record(rng, 0.05)
        for _ in range(20)
    ]
    same(text({"records": records}))
    same(text({"records": [{"records": records}]}))
    same(b"\xef\xbb\xbf" + text(records) + b"\x00\x00\n" + text(records[0]))


def test_a_tuple_of_an_nsg_log_in_a_vnet_record() -> None:
    record = vnet_record(random.Random(1))
    tuples = [
        "1542110379,10.5.16.4,13.67.143.117,59932,443,T,O,A,E,1,66,1,66",
        "1663146003599,10.0.0.6,52.239.184.180,23956,443,6,O,E,NX,1,2,3,4",
        "1639372882,20.83.213.10,20.0.0.4,54400,30786,T,I,D",
        "1663146003599,10.0.0.6,52.239.184.180,,,1,O,E,NX_NEW,1,2,3,4",
    ]
    groups = [{"rule": "UserRule_x", "flowTuples": tuples}]
    record["flowRecords"] = {"flows": [{"aclID": "a", "flowGroups": groups}]}
    reading = same(text({"records": [record]}))
    assert reading.rows == 4


def test_batches_and_buffers_that_grow() -> None:
    rng = random.Random(9)
    some = [vnet_tuple(rng, 0.005) for _ in range(300)]
    records: list[dict[str, Any]] = []
    for size in (40_000, 30_000, 100_000, 100, 66_000):
        record = vnet_record(rng)
        groups = [{"rule": "UserRule_x", "flowTuples": [rng.choice(some) for _ in range(size)]}]
        record["flowRecords"] = {"flows": [{"aclID": "a", "flowGroups": groups}]}
        records.append(record)
    records.insert(2, nsg_record(rng, 2))
    plain, fast = Reading("blob"), Reading("blob")
    data = text({"records": records})
    for one, other in zip(read_blob_fast(data, fast), read_blob(data, plain), strict=True):
        for found, expected in zip(one.columns, other.columns, strict=True):
            kind = getattr(expected.type, "value_type", expected.type)
            assert found.cast(kind).equals(expected.cast(kind))
    assert fast == plain
