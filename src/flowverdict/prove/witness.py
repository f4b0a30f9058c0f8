"""A packet that shows a claim: one of a region, as a person would make it up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowverdict.net import Protocol, parse_address
from flowverdict.prove.region import NO_PORT, packet_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowverdict.net import Packet
    from flowverdict.prove.diagram import Node
    from flowverdict.prove.region import Region

_PROTOCOLS: Final = (Protocol.TCP, Protocol.UDP, Protocol.ICMP, Protocol.ICMPV6)
_ADDRESSES: Final = tuple(
    map(parse_address, ("203.0.113.7", "198.51.100.7", "8.8.8.8", "2001:db8::7", "2a00::7"))
)
"""Of documentation first; then of somebody."""
_PORTS: Final = (443, 80, 22, 3389, 53)
_SOURCE_PORTS: Final = (50000, 49152, 1024)


def witness(region: Region) -> Packet:
    """Returns a packet of a region that is not empty.

    TCP rather than anything else, an address that documents use, an ephemeral source port: where
    the region has them.
    """
    node = region.node
    assert node is not None
    preferred = (_PROTOCOLS, _ADDRESSES, _ADDRESSES, _PORTS, _SOURCE_PORTS)
    fields: list[int] = []
    for wanted in preferred:
        value, node = _chosen(node, wanted)
        fields.append(value)
    return packet_of(tuple(fields))


def _chosen(node: Node, wanted: Iterable[int]) -> tuple[int, Node]:
    for value in wanted:
        for low, high, child in node.edges:
            if low <= value <= high:
                return value, child
    low, high, child = node.edges[0]
    return _within(low, high), child


def _within(low: int, high: int) -> int:
    """Returns a value of a span: not a prefix's first one, where there are others."""
    if low == NO_PORT or high - low < 3:
        return low
    return low + 1 if low else low + min(4, high)
