"""Addresses and prefixes of both families, held against Python's ipaddress."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowverdict.net import (
    ALL_ADDRESSES,
    ALL_IPV4,
    ALL_IPV6,
    EMPTY,
    IntervalSet,
    NetworkTextError,
    format_address,
    format_addresses,
    is_ipv6,
    parse_address,
    parse_prefix,
    parse_prefixes,
)
from tests.net.profiles import times

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))
BOUNDARIES = """
    0.0.0.0 255.255.255.255 10.0.0.0 10.255.255.255 168.63.129.16
    :: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ::ffff:10.0.0.4 fe80::1234:5678:9abc
""".split()


@st.composite
def networks(draw: st.DrawFn) -> Network:
    address = draw(addresses)
    length = draw(st.integers(0, address.max_prefixlen))
    return ipaddress.ip_network((address, length), strict=False)


@times(4)
@given(addresses)
def test_formatting_then_parsing_an_address_is_the_identity(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    point = parse_address(str(address))
    assert format_address(point) == str(address)
    assert parse_address(format_address(point)) == point
    assert is_ipv6(point) == (address.version == 6)


@pytest.mark.parametrize("text", BOUNDARIES)
def test_boundary_addresses(text: str) -> None:
    point = parse_address(text)
    assert ipaddress.ip_address(format_address(point)) == ipaddress.ip_address(text)
    assert point in (ALL_IPV6 if ":" in text else ALL_IPV4)


@pytest.mark.parametrize("text", ["FD00::A", "fd00:0:0::a", "FD00:0:0:0:0:0:0:000a"])
def test_spellings_of_one_address_are_one_point(text: str) -> None:
    assert parse_address(text) == parse_address("fd00::a")
    assert format_address(parse_address(text)) == "fd00::a"


@times(4)
@given(networks(), addresses)
def test_a_prefix_holds_what_ipaddress_says(
    network: Network, address: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> None:
    held = parse_prefix(str(network))
    assert held.size == network.num_addresses
    assert parse_address(str(network.network_address)) in held
    assert parse_address(str(network.broadcast_address)) in held
    expected = address.version == network.version and address in network
    assert (parse_address(str(address)) in held) == expected


@given(networks())
def test_families_never_meet(network: Network) -> None:
    other = ALL_IPV4 if network.version == 6 else ALL_IPV6
    assert parse_prefix(str(network)).isdisjoint(other)


def test_both_families_are_every_address() -> None:
    assert ALL_IPV4.isdisjoint(ALL_IPV6)
    assert ALL_IPV4 | ALL_IPV6 == ALL_ADDRESSES
    assert parse_prefix("0.0.0.0/0") == ALL_IPV4
    assert parse_prefix("::/0") == ALL_IPV6
    assert ALL_IPV4.size == 1 << 32
    assert ALL_IPV6.size == 1 << 128


def test_a_mapped_address_is_ipv6() -> None:
    """`::ffff:10.0.0.4` is an IPv6 address: no IPv4 prefix holds it."""
    assert parse_address("::ffff:10.0.0.4") not in parse_prefix("10.0.0.0/8")


@given(networks())
def test_splitting_a_prefix_changes_nothing(network: Network) -> None:
    if network.prefixlen == network.max_prefixlen:
        return
    halves = [str(half) for half in network.subnets()]
    assert parse_prefixes(halves) == parse_prefix(str(network))


@times(4)
@given(st.lists(networks(), max_size=6))
def test_formatting_then_parsing_a_set_is_the_identity(some: list[Network]) -> None:
    held = parse_prefixes(map(str, some))
    texts = format_addresses(held)
    assert parse_prefixes(texts) == held
    sizes = [parse_prefix(text).size for text in texts]
    assert sum(sizes) == held.size


@given(st.lists(networks(), max_size=4))
def test_the_formatted_prefixes_are_the_fewest(some: list[Network]) -> None:
    texts = format_addresses(parse_prefixes(map(str, some)))
    parsed = [ipaddress.ip_network(text) for text in texts]
    fewest = [
        *ipaddress.collapse_addresses(
            one for one in parsed if isinstance(one, ipaddress.IPv4Network)
        ),
        *ipaddress.collapse_addresses(
            one for one in parsed if isinstance(one, ipaddress.IPv6Network)
        ),
    ]
    assert parsed == fewest


def test_a_set_without_addresses_has_no_text() -> None:
    assert format_addresses(EMPTY) == []
    assert parse_prefixes([]) == EMPTY


def test_a_span_over_both_families_is_split_between_them() -> None:
    everything = IntervalSet([(0, ALL_ADDRESSES.spans[-1][1])])
    assert format_addresses(everything) == ["0.0.0.0/0", "::/0"]


@given(networks(), st.data())
def test_host_bits_are_refused_with_both_right_spellings(
    network: Network, data: st.DataObject
) -> None:
    """Specification, 1.4: host bits set (`20.20.20.20/16`) gives an error."""
    if network.num_addresses == 1:
        return
    offset = data.draw(st.integers(1, network.num_addresses - 1))
    host = network.network_address + offset
    with pytest.raises(NetworkTextError, match="host bits") as refused:
        parse_prefix(f"{host}/{network.prefixlen}")
    assert f"`{network}`" in str(refused.value)
    assert f"`{host}`" in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        *("", "10.0.0.4 "),
        *"* Internet 10.0.0 10.0.0.256 010.0.0.4 1.2.3.4.5 0x7f000001 10.0.0.4:80 ٣.0.0.1".split(),
        *"fe80::1%eth0 ::: 1::2::3 g::1 [::1]".split(),
    ],
)
def test_what_is_no_address_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(NetworkTextError, match="expected one such as"):
        parse_address(text)


@pytest.mark.parametrize(
    "text",
    [
        *"10.0.0.0/33 10.0.0.0/ 10.0.0.0/-1 10.0.0.0/8/8 10.0.0.0/a 10.0.0.0/255.0.0.0".split(),
        *"::/129 10.0.0.0/²".split(),
    ],
)
def test_a_wrong_length_is_refused_with_the_right_ones(text: str) -> None:
    with pytest.raises(NetworkTextError, match="expected a number from 0 to"):
        parse_prefix(text)


def test_an_endless_length_is_refused_like_any_other() -> None:
    with pytest.raises(NetworkTextError, match="expected a number from 0 to 32"):
        parse_prefix("10.0.0.0/" + "9" * 5000)
