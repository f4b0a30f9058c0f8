"""Packets that can exist, and those that cannot."""

from __future__ import annotations

import pytest

from flowverdict.net import Packet, Protocol, has_ports, parse_address, protocol_name

HERE, THERE = parse_address("10.0.0.4"), parse_address("203.0.113.9")
HERE6 = parse_address("fd00::4")


@pytest.mark.parametrize(
    ("packet", "text"),
    [
        (Packet(6, HERE, THERE, 40000, 443), "TCP 10.0.0.4:40000 -> 203.0.113.9:443"),
        (Packet(17, HERE, THERE, None, 53), "UDP 10.0.0.4:* -> 203.0.113.9:53"),
        (Packet(1, HERE, THERE), "ICMP 10.0.0.4 -> 203.0.113.9"),
        (Packet(6, HERE6, HERE6 + 1, None, 443), "TCP [fd00::4]:* -> [fd00::5]:443"),
        (Packet(58, HERE6, HERE6 + 1), "ICMPV6 fd00::4 -> fd00::5"),
        (Packet(132, HERE, THERE), "132 10.0.0.4 -> 203.0.113.9"),
        (Packet(6, HERE, THERE, 0, 0), "TCP 10.0.0.4:0 -> 203.0.113.9:0"),
    ],
)
def test_a_packet_is_shown_as_a_person_would_write_it(packet: Packet, text: str) -> None:
    assert str(packet) == text


@pytest.mark.parametrize(
    ("protocol", "src", "dst", "src_port", "dst_port", "why"),
    [
        (6, HERE, THERE, 40000, None, "without a destination port"),
        (1, HERE, THERE, None, 80, "ICMP with a port"),
        (50, HERE, THERE, 1, None, "ESP with a port"),
        (6, HERE, HERE6, None, 80, "different address families"),
        (256, HERE, THERE, None, None, "from 0 to 255"),
        (-1, HERE, THERE, None, None, "from 0 to 255"),
    ],
)
def test_a_packet_that_cannot_exist_is_refused(
    protocol: int, src: int, dst: int, src_port: int | None, dst_port: int | None, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        Packet(protocol, src, dst, src_port, dst_port)


def test_only_tcp_and_udp_have_ports() -> None:
    assert [number for number in range(256) if has_ports(number)] == [6, 17]


def test_names_are_the_usual_ones_or_the_number() -> None:
    assert [protocol_name(one) for one in Protocol] == "ICMP TCP UDP ESP AH ICMPV6".split()
    assert protocol_name(47) == "47"
