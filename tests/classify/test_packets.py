"""Rows as they come: unknown interfaces, null ports, both families, and what is no packet."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from flowverdict.classify import SCHEMA, PacketError, compile_estate
from flowverdict.model import Direction, Estate
from flowverdict.net import Packet, parse_address
from flowverdict.policy import DEFAULTS, NoNsgError
from tests.classify.asking import Seen, answers, batch_of, expected, judged
from tests.policy.estates import files_of, load

NETWORK: dict[str, Any] = {
    "vnets": {
        "v": {
            "space": ["10.1.0.0/16", "fd00:1::/48"],
            "subnets": {
                "s": {"prefixes": ["10.1.0.0/24", "fd00:1:0:1::/64"], "nsg": "a"},
                "bare": {"prefixes": ["10.1.1.0/24"]},
            },
        }
    },
    "nics": {
        "nic1": {"subnet": "v/s", "ip": ["10.1.0.4", "fd00:1:0:1::4"]},
        "nic2": {"subnet": "v/bare", "ip": ["10.1.1.4"]},
    },
    "nsgs": {
        "a": [
            "in 100 Allow Tcp [2001:db8::/32]:* -> *:443 name=six",
            "in 110 Deny Tcp [2001:db8:8000::/33]:* -> *:* name=half",
            "in 120 Allow Tcp [ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:* -> *:* name=last",
            "in 130 Allow Tcp 203.0.113.0/24:1024-65535 -> *:22 name=ssh",
            "in 140 Allow Icmp 203.0.113.0/24:* -> *:* name=ping",
            "in 150 Allow Udp 255.255.255.255:* -> *:* name=top",
        ]
    },
}


@pytest.fixture(scope="module")
def estate() -> Estate:
    return load(files_of(NETWORK))


def _nic(estate: Estate, name: str = "nic1") -> str:
    return str(estate.nics_by_name[name][0].id)


def _seen(estate: Estate, source: str, *packet: int | None) -> Seen:
    protocol, src_port, dst_port = packet
    assert protocol is not None
    local = "fd00:1:0:1::4" if ":" in source else "10.1.0.4"
    ends = parse_address(source), parse_address(local)
    sent = Packet(protocol, *ends, src_port, dst_port)
    return Seen(_nic(estate), Direction.INBOUND, sent)


@pytest.mark.parametrize(
    ("source", "packet", "rule"),
    [
        ("2001:db8::1", (6, 9, 443), "six"),
        ("2001:db8:ffff::1", (6, 9, 443), "six"),
        ("2001:db8:ffff::1", (6, 9, 80), "half"),
        ("2001:db8:7fff:ffff:ffff:ffff:ffff:ffff", (6, 9, 80), "DenyAllInBound"),
        ("2001:db9::", (6, 9, 443), "DenyAllInBound"),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", (6, 9, 1), "last"),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", (6, 9, 1), "DenyAllInBound"),
        ("fd00:1::9", (50, None, None), "AllowVnetInBound"),
        ("203.0.113.9", (6, 1024, 22), "ssh"),
        ("203.0.113.9", (6, 1023, 22), "DenyAllInBound"),
        ("203.0.113.9", (6, None, 22), None),
        ("203.0.113.9", (6, None, 23), "DenyAllInBound"),
        ("203.0.113.9", (1, None, None), "ping"),
        ("255.255.255.255", (17, 0, 65535), "top"),
    ],
)
def test_families_and_ports(
    estate: Estate, source: str, packet: tuple[int, int | None, int | None], rule: str | None
) -> None:
    seen = _seen(estate, source, *packet)
    [got] = judged(compile_estate(estate), [seen])
    assert [got] == expected(estate, [seen])
    assert (got[1] or "/").rpartition("/")[2] == (rule or "")
    assert (got[0] == "Unknown") == (rule is None)


def _rows(estate: Estate, **columns: Any) -> pa.RecordBatch:
    some = {
        "nic": [_nic(estate)],
        "direction": ["I"],
        "protocol": [6],
        "src_ip": ["203.0.113.9"],
        "dst_ip": ["10.1.0.4"],
        "src_port": [40000],
        "dst_port": [22],
    }
    return pa.RecordBatch.from_pydict(some | columns)


def test_an_interface_that_the_estate_lacks_is_what_is_missing(estate: Estate) -> None:
    lost = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/x"
    count = {name: [value.as_py()] * 4 for name, value in _first(_rows(estate)).items()}
    batch = _rows(estate, **count | {"nic": [lost, None, _nic(estate).upper(), ""]})
    got = answers(compile_estate(estate).judge(batch))
    assert got[0] == ("Unknown", None, None, None, f"network interface `{lost}`")
    assert got[1] == got[3] == ("Unknown", None, None, None, "network interface of the packet")
    assert got[2][:2] == ("Allow", "securityRules/ssh")


def _first(batch: pa.RecordBatch) -> dict[str, pa.Scalar]:
    return {name: batch[name][0] for name in batch.schema.names}


def test_an_interface_that_cannot_be_read_says_why() -> None:
    files = files_of(NETWORK)
    [_, nic] = files["nics.json"]["value"]
    nic["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"] = "10.1.1.999"
    estate = load(files)
    [got] = answers(compile_estate(estate).judge(_rows(estate, nic=[nic["id"]])))
    assert got[0] == "Unknown"
    assert "10.1.1.999" in (got[4] or "")


def test_any_arrow_form_of_a_column_will_do(estate: Estate) -> None:
    plain = _rows(estate)
    coded = pa.RecordBatch.from_arrays(
        [
            plain["nic"].dictionary_encode(),
            plain["direction"].dictionary_encode(),
            plain["protocol"].cast(pa.uint8()),
            plain["src_ip"].dictionary_encode(),
            plain["dst_ip"].cast(pa.large_string()),
            plain["src_port"].cast(pa.uint16()),
            plain["dst_port"].cast(pa.int64()),
        ],
        plain.schema.names,
    )
    classifier = compile_estate(estate)
    assert classifier.judge(coded).equals(classifier.judge(plain))
    assert classifier.judge(coded).schema == SCHEMA
    longer = pa.concat_batches([_rows(estate, src_ip=["2001:db8::1"], dst_ip=["::1"]), plain])
    assert answers(classifier.judge(longer.slice(1))) == answers(classifier.judge(plain))


def test_ports_of_a_protocol_without_ports_are_not_looked_at(estate: Estate) -> None:
    classifier = compile_estate(estate)
    none = pa.array([None], pa.int32())
    bare = _rows(estate, protocol=[1], src_port=none, dst_port=none)
    assert classifier.judge(bare) == classifier.judge(_rows(estate, protocol=[1], dst_port=[0]))
    assert answers(classifier.judge(bare))[0][1] == "securityRules/ping"


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"direction": ["In"]}, "row 0: direction: `In`: expected `I` or `O`"),
        ({"direction": [None]}, "row 0: direction: null: expected `I` or `O`"),
        ({"protocol": [256]}, "row 0: protocol: `256`: expected a number from 0 to 255"),
        ({"protocol": [None]}, "row 0: protocol: a column of null: expected whole numbers"),
        ({"protocol": ["tcp"]}, "row 0: protocol: a column of string: expected whole numbers"),
        ({"src_port": [-1]}, "row 0: src_port: `-1`: expected a number from 0 to 65535"),
        ({"dst_port": [65536]}, "row 0: dst_port: `65536`: expected a number from 0 to 65535"),
        ({"dst_port": [2**32 + 22]}, "row 0: dst_port: `4294967318`: expected a number from"),
        (
            {"dst_port": pa.array([None], pa.int32())},
            "row 0: dst_port: null: expected a port: TCP and UDP have one",
        ),
        ({"src_ip": ["10.0.0.256"]}, "row 0: src_ip: `10.0.0.256` is no IP address"),
        ({"src_ip": ["10.0.0.01"]}, "row 0: src_ip: `10.0.0.01` is no IP address"),
        ({"src_ip": [""]}, "row 0: src_ip: `` is no IP address"),
        ({"dst_ip": pa.array([None], pa.string())}, "row 0: dst_ip: null: expected an IP address"),
        ({"dst_ip": [1]}, "row 0: dst_ip: a column of int64: expected texts"),
        ({"dst_ip": ["::1"]}, "row 0: dst_ip: `::1`: expected an address of the family"),
    ],
)
def test_what_is_no_packet_is_named_by_row_and_column(
    estate: Estate, columns: dict[str, Any], said: str
) -> None:
    with pytest.raises(PacketError) as raised:
        compile_estate(estate).judge(_rows(estate, **columns))
    assert str(raised.value).startswith(said)


def test_the_row_is_the_one_that_is_wrong(estate: Estate) -> None:
    right = _rows(estate)
    wrong = _rows(estate, src_ip=["1.2.3"])
    with pytest.raises(PacketError, match=r"row 2: src_ip: `1\.2\.3`"):
        compile_estate(estate).judge(pa.concat_batches([right, right, wrong, wrong]))


TEXTS = """0.0.0.0 255.255.255.255 1.2.3.4 01.2.3.4 1.2.3 1.2.3.4.5 1..2.3 .1.2.3 1.2.3. 256.1.1.1
    1.2.3.999 1.2.3.4/32 +1.2.3.4 1.2.3.4x 1.2.3.0x4 00.0.0.0 1.2.3.00 1234 1.2.3.0000 a.b.c.d
    \u0661.2.3.4 1.2.3.1000 100.100.100.1000""".split()


@pytest.mark.parametrize("text", [*TEXTS, " 1.2.3.4", "1.2.3.4 ", "1.2.3.4\n", "1 .2.3.4"])
def test_a_text_is_an_address_if_the_parser_says_so(estate: Estate, text: str) -> None:
    classifier = compile_estate(estate)
    if problem := _problem(text):
        with pytest.raises(PacketError) as raised:
            classifier.judge(_rows(estate, src_ip=[text]))
        assert str(raised.value) == f"row 0: src_ip: {problem}"
    else:
        seen = _seen(estate, text, 6, 40000, 22)
        assert judged(classifier, [seen]) == expected(estate, [seen])


def _problem(text: str) -> str:
    try:
        parse_address(text)
    except ValueError as problem:
        return str(problem)
    return ""


def test_a_missing_column_is_named(estate: Estate) -> None:
    with pytest.raises(KeyError, match="dst_port"):
        compile_estate(estate).judge(_rows(estate).drop_columns(["dst_port"]))


def test_without_an_nsg_the_option_refuses_as_the_evaluator_does(estate: Estate) -> None:
    classifier = compile_estate(estate, DEFAULTS.with_setting("no-nsg", "error"))
    assert answers(classifier.judge(_rows(estate)))[0][0] == "Allow"
    with pytest.raises(NoNsgError, match=r"NsgsNotAppliedOnNic.*nic2"):
        classifier.judge(_rows(estate, nic=[_nic(estate, "nic2")]))


def test_threads_may_share_a_classifier(estate: Estate) -> None:
    chance = np.random.default_rng(1)
    sources = ["203.0.113.9", "2001:db8::1", "2001:db8:ffff::1", "10.1.0.9", "8.8.8.8"]
    ports = [None, 22, 1024, 50000]
    some = [
        _seen(estate, sources[a], 6, ports[b], 22 + c)
        for a, b, c in chance.integers(0, [5, 4, 3], (400, 3)).tolist()
    ]
    classifier = compile_estate(estate)
    pieces = [some[at : at + 20] for at in range(0, len(some), 20)]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda piece: classifier.judge(batch_of(piece)), pieces))
    assert [one for batch in found for one in answers(batch)] == expected(estate, some)
