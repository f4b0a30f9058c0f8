"""The compiled reader gives what the plain reader gives, for any bytes."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import gzip
import json
import random
from typing import Any, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowverdict.flowlog import SCHEMA, Reading, read_blob
from flowverdict.flowlog.kernel import read_blob_fast
from flowverdict.flowlog.kernel_arrow import Buffers

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


NSG_TIMES = [
    "946684800", "0946684800", "4102444799", "4102444800", "99999999999", "100000000000",
    "1663146003599", "16631460035x", "0", "", "1663146003599000", "166314600\u0663",
]  # fmt: skip
FORMS = ("vnet4", "nsg1", "nsg2")


def flow_tuple(rng: random.Random, odd: float = 0.0, form: str = "vnet4") -> str:
    """A tuple; each of its fields is odd with some probability."""
    state = rng.choice("BCED" if form == "vnet4" else "BCE")
    quiet = state in "BD" and rng.random() < 0.5
    counters = ["", "", "", ""] if quiet else [str(rng.choice((0, 1, 99, 10**9))) for _ in "1234"]
    time = rng.randrange(1663146000000, 1663149600000)
    protocol = rng.choice(("6", "17", "6", "1")) if form == "vnet4" else rng.choice("TU")
    verdict = [state, rng.choice(TOKENS)] if form == "vnet4" else [rng.choice("AD"), state]
    fields = [
        str(time if form == "vnet4" else time // 1000), rng.choice(ADDRESSES),
        rng.choice(ADDRESSES), str(rng.randrange(65536)), str(rng.choice((443, 53, 22))),
        protocol, rng.choice("IO"), *verdict, *counters,
    ][: 8 if form == "nsg1" else None]  # fmt: skip
    addresses = {1: ODD_ADDRESSES, 2: ODD_ADDRESSES}
    letters = {5: ["T", "U", "6", "t", "TU", *ODD_NUMBERS], 6: ["", "i", "IO"]}
    if form == "vnet4":
        letters |= {0: TIMES, 7: ["", "Z", "b", "BC", "A"]}
        letters |= {8: ["", "NX_QUANTUM", "nx", "NX ", "NX_HW_NOT_SUPPORTEE"]}
    else:
        letters |= {0: NSG_TIMES, 7: ["", "Z", "a", "AD", "B"], 8: ["", "D", "Z", "b", "BC", "NX"]}
    for i in range(len(fields)):
        if rng.random() < odd:
            fields[i] = rng.choice((addresses | letters).get(i, ODD_NUMBERS))
    if rng.random() < odd:
        fields = fields[: rng.randrange(14)]
    if rng.random() < odd:
        fields.append("")
    if rng.random() < odd / 4:
        return flow_tuple(rng, odd, rng.choice(FORMS))
    return ",".join(fields)


def flow_groups(
    rng: random.Random, odd: float, size: int, form: str, word: dict[str, tuple[str, ...]]
) -> list[dict[str, Any]]:
    """Groups of tuples, each named by one of some words."""
    return [
        {name: rng.choice(words) for name, words in word.items()}
        | {"flowTuples": [flow_tuple(rng, odd, form) for _ in range(rng.randrange(size))]}
        for _ in range(rng.randrange(4))
    ]


def flow_record(
    rng: random.Random, odd: float = 0.0, size: int = 6, form: str = "vnet4"
) -> dict[str, Any]:
    """A record; its fields in any order."""
    rules = ("UserRule_a", "DefaultRule_DenyAllInBound", "PlatformRule", "Block", "", "unspecified")
    acls = (
        "/subscriptions/S/networkSecurityGroups/N", "",
        "00000000-1234-abcd-ef00-c1c2c3c4c5c6", "/x/networkManagers/m", "unspecified",
    )  # fmt: skip
    macs = ("0022486DBA37", "00-22-48-6d-ba-38", "odd", "")
    numbers = range(rng.randrange(1, 4))
    if form == "vnet4":
        record: dict[str, Any] = {
            "time": "2026-08-13T20:33:21.9481850Z",
            "flowLogGUID": "1ea85f4d-b35c-4a7b-b925-29bdc9bd40ba",
            "macAddress": rng.choice(macs),
            "category": "FlowLogFlowEvent",
            "flowLogResourceID": "/SUBSCRIPTIONS/S/FLOWLOGS/F",
            "targetResourceID": "/subscriptions/s/virtualNetworks/v",
            "flowLogVersion": 4,
            "operationName": "FlowLogFlowEvent",
            "flowRecords": {
                "flows": [
                    {
                        "aclID": rng.choice(acls),
                        "flowGroups": flow_groups(rng, odd, size, form, {"rule": rules}),
                    }
                    for _ in numbers
                ]
            },
        }
    else:
        record = {
            "time": "2018-11-13T12:00:35.3899262Z",
            "systemId": "a0fca5ce-022c-47b1-9735-89943b42f2fa",
            "macAddress": rng.choice(macs),
            "category": "NetworkSecurityGroupFlowEvent",
            "resourceId": rng.choice(acls),
            "operationName": "NetworkSecurityGroupFlowEvents",
            "properties": {
                "Version": FORMS.index(form),
                "flows": [
                    {
                        "rule": rng.choice(rules),
                        "flows": flow_groups(rng, odd, size, form, {"mac": macs}),
                    }
                    for _ in numbers
                ],
            },
        }
        if rng.random() < 0.3:  # as in the documentation's lists
            del record["macAddress"]
    return shuffled(rng, record) if rng.random() < 0.3 else record


def shuffled(rng: random.Random, value: Any) -> Any:
    """The same JSON, the members of each object in another order."""
    if isinstance(value, list):
        return [shuffled(rng, one) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    members = list(cast("dict[str, Any]", value).items())
    rng.shuffle(members)
    return {name: shuffled(rng, inner) for name, inner in members}


def only(record: dict[str, Any], groups: list[Any]) -> dict[str, Any]:
    """A record of any form with one flow, and some groups in it."""
    if "flowRecords" in record:
        flows: list[Any] = [{"flowGroups": groups, "aclID": "after"}]
        return record | {"flowRecords": {"flows": flows}}
    flows = [{"flows": groups, "rule": "UserRule_after"}]
    return record | {"properties": record["properties"] | {"flows": flows}}


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
        for column in one.columns:
            if isinstance(column, pa.DictionaryArray):
                words = column.dictionary.to_pylist()
                assert len(words) == len(set(words))
    assert fast == plain
    return fast


def blob(
    seed: int,
    odd: float = 0.0,
    records: int = 3,
    size: int = 6,
    forms: tuple[str, ...] = ("vnet4",),
) -> dict[str, Any]:
    """Some records, each in one of some forms."""
    rng = random.Random(seed)
    return {"records": [flow_record(rng, odd, size, rng.choice(forms)) for _ in range(records)]}


each_form = pytest.mark.parametrize("form", FORMS)
mixed_too = pytest.mark.parametrize(
    "forms", [*((one,) for one in FORMS), FORMS], ids=[*FORMS, "mixed"]
)


@mixed_too
@pytest.mark.parametrize("odd", [0.0, 0.02, 0.3])
@pytest.mark.parametrize("seed", range(8))
def test_blobs_of_many_forms(seed: int, odd: float, forms: tuple[str, ...]) -> None:
    value = blob(seed, odd, 6, 1 + 8 * (seed % 5), forms)
    same(text(value))
    same(text(value, indent=2).replace(b"\n", b"\r\n"))
    same(text(value, ensure_ascii=False))
    same(b"\n".join(text(one) for one in value["records"]))
    same(gzip.compress(text(value)))


BASES = {
    "vnet4": "1663146003599,10.0.0.6,52.239.184.180,23956,443,6,O,E,NX,1,2,3,4",
    "nsg2": "1663146003,10.0.0.6,52.239.184.180,23956,443,T,O,A,E,1,2,3,4",
    "nsg1": "1663146003,10.0.0.6,52.239.184.180,23956,443,T,O,A",
}


@mixed_too
@pytest.mark.parametrize("odd", [0.0, 0.02])
@pytest.mark.parametrize("inside", [{}, {"more": {"time": "2026-08-13T20:33:21Z"}}])
def test_the_end_of_a_blob_is_read_elsewhere(
    inside: dict[str, Any], odd: float, forms: tuple[str, ...]
) -> None:
    """What is behind the last record that has room behind it is copied; see ``look_at``."""
    records = blob(5, odd, 30, 30, forms)["records"]
    records[-6:] = [one | inside for one in records[-6:]]
    data = text({"records": records})
    assert len(data) // 2 < data.rfind(b'{"time"', 0, len(data) - 4096) < len(data) - 4096
    same(data)
    for size in range(len(data) - 6000, len(data), 517):
        same(data[:size])


def odd_tuples(form: str) -> list[str]:
    """Tuples in each of which one thing is odd."""
    base = BASES[form].split(",")
    odd = [*ODD_ADDRESSES, *ADDRESSES, *ODD_NUMBERS, *TIMES, *NSG_TIMES, *TOKENS]
    odd += ["T", "U", "A", "B", "D", "Z", "\\", '"', "A ", "\x00"]
    tuples = [",".join([*base[:i], one, *base[i + 1 :]]) for i in range(len(base)) for one in odd]
    tuples += [",".join(base[:i]) for i in range(len(base))]
    return [*tuples, ",", ",".join([*base, ""]), ",".join([*base, "", "", "", "", ""])]


@each_form
def test_every_kind_of_odd_field_alone(form: str) -> None:
    rng = random.Random(5)
    tuples = odd_tuples(form)
    plain = [one for one in tuples if "\\" not in one and '"' not in one and "\x00" not in one]
    others = [one for other in FORMS for one in odd_tuples(other)[::7]]
    tails: tuple[list[Any], ...] = ([1], [None], [["x"]], [{}], [])
    for some in (tuples, *([*plain, *tail] for tail in tails), others):
        record = only(flow_record(rng, form=form), [{"flowTuples": some}])
        same(text({"records": [record, flow_record(rng, form=form), record]}))
        same(text({"records": [record]}, ensure_ascii=False))


@mixed_too
def test_cuts_at_every_byte(forms: tuple[str, ...]) -> None:
    data = text(blob(6, 0.05, 2, 4, forms))
    for cut in range(len(data)):
        same(data[:cut])


@mixed_too
def test_cuts_at_the_front(forms: tuple[str, ...]) -> None:
    data = text(blob(4, 0.05, 3, 4, forms))
    for cut in range(0, len(data), 13):
        same(data[cut:])


@mixed_too
def test_flipped_bytes(forms: tuple[str, ...]) -> None:
    rng = random.Random(7)
    data = text(blob(8, 0.02, 3, 4, forms))
    bad = b'\x00\x1e "\\,.:{}[]0nNtT\n\xc3\xff9-12A'
    for _ in range(800):
        damaged = bytearray(data)
        for _ in range(rng.choice((1, 1, 3))):
            damaged[rng.randrange(len(data))] = rng.choice(bad)
        same(bytes(damaged))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    same(data)
    same(b'{"records":[' + data)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 10**9),
    st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=9))),
    st.sampled_from(FORMS),
)
def test_bytes_put_in_anywhere(seed: int, pieces: list[tuple[int, bytes]], form: str) -> None:
    data = text(blob(seed, 0.05, 2, 3, (form,)))
    for at, piece in pieces[:3]:
        place = at % len(data)
        data = data[:place] + piece + data[place:]
    same(data)


ODD_IN: dict[str, list[Any]] = {
    "vnet4": [
        {"category": "flowlogflowevent"}, {"flowLogVersion": "4"}, {"flowLogVersion": 5},
        {"flowLogVersion": 4.0}, {"flowLogVersion": None}, {"flowLogVersion": 44},
        {"flowRecords": None}, {"flowRecords": []}, {"flowRecords": {}},
        {"flowRecords": {"flows": {}}}, {"flowRecords": {"flows": [1, None]}},
        {"flowRecords": {"flows": [{}, {"aclID": None}, {"flowGroups": None}]}},
        {"flowRecords": {"flows": [], "other": 1}}, {"flowRecords": {"Version": 2, "flows": []}},
        {"resourceId": "/x"}, {"systemId": "s"}, {"targetResourceID": 'a"\\\n'},
        {"targetResourceID": "", "flowLogResourceID": ""}, {"properties": {"flows": []}},
        {"category": "NetworkSecurityGroupFlowEvent"},
    ],
    "nsg2": [
        {"category": "networksecuritygroupflowevent"}, {"resourceId": None}, {"resourceId": ""},
        {"resourceId": 'a"\\\n'}, {"resourceid": "/x"}, {"properties": None}, {"properties": []},
        {"properties": {}}, {"properties": {"flows": []}}, {"properties": {"Version": 2}},
        *({"properties": {"Version": one, "flows": [{"rule": "r", "flows": [
            {"mac": "m", "flowTuples": [BASES["nsg1"], BASES["nsg2"], BASES["vnet4"]]}]}]}}
          for one in ("1", "2", 0, 3, 4, 12, 2.0, 1.5, None, True, -1)),
        {"properties": {"version": 1, "flows": []}}, {"properties": {"Version": 2, "flows": {}}},
        {"properties": {"Version": 2, "flows": [1, None]}},
        {"properties": {"Version": 2, "flows": [{}, {"rule": None}, {"flows": None}]}},
        {"properties": {"Version": 2, "flows": [], "other": 1}}, {"flowLogVersion": 4},
        {"targetResourceID": "/x"}, {"flowLogGUID": "g"}, {"flowRecords": {"flows": []}},
        {"flowLogResourceID": "/x"}, {"category": "FlowLogFlowEvent"}, {"Version": 2},
        {"flows": []},
    ],
}  # fmt: skip
ODD_RECORDS = {
    form: [
        *some, {"macAddress": None}, {"macAddress": 5}, {"macAddress": "é"}, {"category": ""},
        {"macAddress": "\U0001f600"}, {"category": "AuditEvent"}, {"category": None},
        {"records": []}, {"TIME": "x"}, {"time": "\u2028"}, {"other": {}}, {"time": 7},
    ]
    for form, some in ODD_IN.items()
}  # fmt: skip


@pytest.mark.parametrize(
    ("form", "change"),
    [(form, one) for form, some in ODD_RECORDS.items() for one in some],
    ids=str,
)
def test_records_of_odd_forms_between_others(form: str, change: dict[str, Any]) -> None:
    value = blob(11, 0.02, 3, forms=(form,))
    value["records"][1] |= change
    same(text(value))
    same(text(value, ensure_ascii=False))
    same(text(value, indent=1))


FIELDS = [(form, name) for form in FORMS for name in flow_record(random.Random(2), form=form)]


@pytest.mark.parametrize(("form", "name"), FIELDS)
def test_missing_and_repeated_fields(form: str, name: str) -> None:
    value = blob(12, forms=(form,))
    record = value["records"][1]
    again = {name: record.get(name, "0022486DBA37")}
    repeated = text(record)[:-1] + b"," + text(again)[1:]
    same(b'{"records":[' + repeated + b"," + repeated + b"]}")
    record.pop(name, None)
    same(text(value))


@each_form
def test_groups_of_odd_forms(form: str) -> None:
    good = BASES[form]
    for word in ("rule", "mac"):
        groups: list[Any] = [
            {word: "UserRule_é", "flowTuples": [good]}, {"flowTuples": [good], word: "last"},
            {"flowTuples": [good]}, {word: "UserRule_none"}, {}, {word: None, "flowTuples": [good]},
            {word: "x", "flowTuples": None}, {word: "x", "flowTuples": "no"},
            {word.upper(): "x", "FLOWTUPLES": [good]}, {word: 'a"b', "flowTuples": [good]}, 7, [],
            {word: "x", "flowTuples": [good], "more": [[{"flowTuples": [good]}]]}, None,
            {"rule": "x", "mac": "y", "flowTuples": [good]}, {word: 1, "flowTuples": [good]},
        ]  # fmt: skip
        for one in groups:
            record = flow_record(random.Random(2), form=form)
            record = only(record, [{word: "b", "flowTuples": [good]}, one])
            for ascii_only in (True, False):
                same(text({"records": [record, record]}, ensure_ascii=ascii_only))


@pytest.mark.parametrize("version", [1, 2])
def test_the_version_behind_the_tuples(version: int) -> None:
    tuples = [BASES["nsg1"], BASES["nsg2"]]
    record = flow_record(random.Random(3), form="nsg1")
    flows = [{"flows": [{"flowTuples": tuples, "mac": "00224871C205"}], "rule": "UserRule_x"}]
    late = record | {"properties": {"flows": flows, "Version": version}}
    early = record | {"properties": {"Version": 3 - version, "flows": flows}}
    data = text({"records": [late, early, late, late, early]})
    reading = same(data)
    assert reading.rows == 10
    expected = (3, 2) if version == 1 else (2, 3)
    assert (reading.warnings["schema_mismatch"], reading.warnings["short_tuple"]) == expected
    assert by_kernel(data).records == 5


def by_kernel(data: bytes) -> Taken:
    """What the kernel takes of the first list of records, with no help but for odd tuples."""
    padded = np.zeros(len(data) + 4096, np.uint8)
    padded[: len(data)] = np.frombuffer(data, np.uint8)
    buffers = Buffers(Reading("blob"))
    buffers.look_at(padded, padded, 0, len(data))
    records, _ = buffers.read(data.index(b"[") + 1, 1 << 16, 0)
    return Taken(records, buffers.rows, buffers.odd)


class Taken(NamedTuple):
    records: int
    rows: int
    odd: int


@mixed_too
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("indent", [None, 2])
def test_what_is_plain_is_left_to_nobody_else(
    seed: int, indent: int | None, forms: tuple[str, ...]
) -> None:
    data = json.dumps(blob(seed, 0.0, 20, 9, forms), indent=indent).encode()
    reading = same(data)
    assert reading.rows > 50
    assert by_kernel(data) == (20, reading.rows, 0)


@mixed_too
def test_odd_tuples_leave_the_record_to_the_kernel(forms: tuple[str, ...]) -> None:
    data = text(blob(1, 0.2, 20, 9, forms), ensure_ascii=False)
    reading = same(data)
    records, rows, odd = by_kernel(data)
    assert (records, rows) == (20, reading.rows)
    assert odd >= len(reading.rejected) > 20


def test_nsg_and_vnet_records_in_one_blob() -> None:
    rng = random.Random(1)
    records = [flow_record(rng, 0.05, form=rng.choice(FORMS)) for _ in range(20)]
    same(text({"records": records}))
    same(text({"records": [{"records": records}]}))
    same(b"\xef\xbb\xbf" + text(records) + b"\x00\x00\n" + text(records[0]))


def test_a_tuple_of_an_nsg_log_in_a_vnet_record() -> None:
    record = flow_record(random.Random(1))
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
    records: list[dict[str, Any]] = []
    for size, form in (
        (40_000, "vnet4"), (9, "nsg2"), (30_000, "vnet4"), (100_000, "nsg2"), (100, "nsg1"),
        (66_000, "nsg1"), (500, "vnet4"),
    ):  # fmt: skip
        some = [flow_tuple(rng, 0.005, form) for _ in range(300)]
        tuples = [rng.choice(some) for _ in range(size)]
        records.append(only(flow_record(rng, form=form), [{"flowTuples": tuples}]))
    plain, fast = Reading("blob"), Reading("blob")
    data = text({"records": records})
    for one, other in zip(read_blob_fast(data, fast), read_blob(data, plain), strict=True):
        for found, expected in zip(one.columns, other.columns, strict=True):
            kind = getattr(expected.type, "value_type", expected.type)
            assert found.cast(kind).equals(expected.cast(kind))
    assert fast == plain
