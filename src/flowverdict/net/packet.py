"""One packet, as far as a filter looks at it."""

from __future__ import annotations

from dataclasses import dataclass

from flowverdict.net.address import format_address, is_ipv6
from flowverdict.net.protocol import has_ports, protocol_name


@dataclass(frozen=True, slots=True)
class Packet:
    """The first packet of a flow, seen from its originator.

    Attributes:
        protocol: the IANA number.
        src: the originator's address, as a point of ``flowverdict.net.address``.
        dst: the responder's address.
        src_port: the originator's port; None for any port, and for protocols without ports.
        dst_port: the responder's port; None just for protocols without ports.
    """

    protocol: int
    src: int
    dst: int
    src_port: int | None = None
    dst_port: int | None = None

    def __post_init__(self) -> None:
        """Refuses packets that cannot exist."""
        if not 0 <= self.protocol <= 255:
            raise ValueError(f"protocol {self.protocol}: expected a number from 0 to 255")
        if has_ports(self.protocol) and self.dst_port is None:
            raise ValueError(f"{protocol_name(self.protocol)} without a destination port")
        if not has_ports(self.protocol) and (self.src_port, self.dst_port) != (None, None):
            raise ValueError(f"{protocol_name(self.protocol)} with a port")
        if is_ipv6(self.src) != is_ipv6(self.dst):
            raise ValueError("source and destination of different address families")

    def __str__(self) -> str:
        """Shows the packet as a person would write it."""
        source, target = (
            _endpoint(
                self.src, "*" if self.src_port is None else str(self.src_port), self.protocol
            ),
            _endpoint(self.dst, str(self.dst_port), self.protocol),
        )
        return f"{protocol_name(self.protocol)} {source} -> {target}"


def _endpoint(address: int, port: str, protocol: int) -> str:
    text = format_address(address)
    if not has_ports(protocol):
        return text
    return f"[{text}]:{port}" if is_ipv6(address) else f"{text}:{port}"
