"""IPv6 addresses are read as the parser reads them, whatever way they are written in."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import ipaddress
import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowverdict.classify import PacketError
from flowverdict.classify.packets import Addresses, read_packets
from flowverdict.net import NetworkTextError, parse_address


def addresses_of(texts: list[str]) -> Addresses:
    count = len(texts)
    columns = {
        "direction": ["I"] * count,
        "protocol": [6] * count,
        "src_ip": texts,
        "dst_ip": texts,
        "src_port": [1] * count,
        "dst_port": [1] * count,
    }
    return read_packets(pa.RecordBatch.from_pydict(columns)).src


SIXES = """:: ::1 1:: fd00::4 2001:db8::1 1:2:3:4:5:6:7:8 1::8 1:2:3:4:5:6:7:: ::2:3:4:5:6:7:8
    FD00::aB 0001:0:0:0:0:0:0:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 1:2::7:8 ::ffff:10.0.0.4
    64:ff9b::1.2.3.4 : ::: 1 1: :1 1::2::3 1:2:3:4:5:6:7 1:2:3:4:5:6:7:8:9 1:2:3:4:5:6:7:8:: 12345::
    ::12345 ::g 1:2:3:4::5:6:7:8 ::1:2:3:4:5:6:7:8 fe80::1%eth0 :::1 1:::2 1::: 1:2:3:4:5:6:7:
    1:2:3:4:5:6:7:8: ::1: :1:: 10.0.0.4:: ::-1 ::+1""".split()


@pytest.mark.parametrize("text", SIXES)
def test_an_ipv6_address_is_read_as_everywhere(text: str) -> None:
    try:
        wanted = parse_address(text)
    except NetworkTextError as problem:
        with pytest.raises(PacketError, match=re.escape(str(problem))):
            addresses_of([text])
    else:
        assert addresses_of([text, "10.0.0.1"]).point(0) == wanted


@given(st.lists(st.integers(0, (1 << 128) - 1) | st.integers(0, 1 << 40), min_size=1, max_size=20))
def test_ipv6_addresses_in_any_way_of_writing(numbers: list[int]) -> None:
    made = [ipaddress.IPv6Address(one) for one in numbers]
    texts = [text for one in made for text in (str(one), one.exploded, str(one).upper())]
    found = addresses_of(texts)
    assert [found.point(at) for at in range(len(texts))] == [parse_address(text) for text in texts]


@given(st.text("0123456789abcdefABCDEFg:.%", max_size=12))
def test_what_is_no_ipv6_address_is_none(text: str) -> None:
    test_an_ipv6_address_is_read_as_everywhere(text)
