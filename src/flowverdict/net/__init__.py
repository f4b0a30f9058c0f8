"""Plain networking: sets of addresses and ports, prefixes, protocols, packets. No word of Azure."""

from flowverdict.net.address import (
    ALL_ADDRESSES,
    ALL_IPV4,
    ALL_IPV6,
    PRIVATE,
    NetworkTextError,
    format_address,
    format_addresses,
    is_ipv6,
    parse_address,
    parse_prefix,
    parse_prefixes,
)
from flowverdict.net.intervals import EMPTY, IntervalSet
from flowverdict.net.packet import Packet
from flowverdict.net.ports import ALL_PORTS, format_ports, parse_port, parse_ports
from flowverdict.net.protocol import ALL_PROTOCOLS, PORTED, Protocol, has_ports, protocol_name

__all__ = [
    "ALL_ADDRESSES",
    "ALL_IPV4",
    "ALL_IPV6",
    "ALL_PORTS",
    "ALL_PROTOCOLS",
    "EMPTY",
    "PORTED",
    "PRIVATE",
    "IntervalSet",
    "NetworkTextError",
    "Packet",
    "Protocol",
    "format_address",
    "format_addresses",
    "format_ports",
    "has_ports",
    "is_ipv6",
    "parse_address",
    "parse_port",
    "parse_ports",
    "parse_prefix",
    "parse_prefixes",
    "protocol_name",
]
