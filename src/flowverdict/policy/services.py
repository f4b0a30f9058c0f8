"""Azure's own services that rules do not touch unless they name them (specification, 4.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowverdict.model.value import value
from flowverdict.net import IntervalSet, Protocol, parse_prefixes

if TYPE_CHECKING:
    from flowverdict.net import Packet

HOST: Final = parse_prefixes(["168.63.129.16"])
"""The host's virtual address, which DNS, DHCP, WireServer and health probes share."""

_TCP: Final = IntervalSet([(Protocol.TCP, Protocol.TCP)])
_UDP: Final = IntervalSet([(Protocol.UDP, Protocol.UDP)])


@value
class PlatformService:
    """A service and the packets that are for it.

    Attributes:
        tag: the service tag that names it, in lower case; empty for one that no rule can block.
    """

    name: str
    tag: str
    addresses: IntervalSet
    protocols: IntervalSet
    ports: IntervalSet

    def takes(self, protocol: int, port: int | None) -> bool:
        """Reports whether a protocol and destination port are the service's."""
        return protocol in self.protocols and port is not None and port in self.ports


def _ports(*ports: int) -> IntervalSet:
    return IntervalSet((port, port) for port in ports)


SERVICES: Final = (
    PlatformService("Azure DNS", "azureplatformdns", HOST, _TCP | _UDP, _ports(53)),
    PlatformService("DHCP", "", HOST | parse_prefixes(["255.255.255.255"]), _UDP, _ports(67, 68)),
    PlatformService("WireServer", "", HOST, _TCP, _ports(80, 32526)),
    PlatformService(
        "the instance metadata service",
        "azureplatformimds",
        parse_prefixes(["169.254.169.254"]),
        _TCP,
        _ports(80),
    ),
    # the hosts kms.core.windows.net and azkms.core.windows.net of the public cloud
    PlatformService(
        "Windows activation",
        "azureplatformlkm",
        parse_prefixes(["23.102.135.246", "20.118.99.224", "40.83.235.53"]),
        _TCP,
        _ports(1688),
    ),
)

BY_TAG: Final = {one.tag: one for one in SERVICES if one.tag}


def service_of(packet: Packet) -> PlatformService | None:
    """Returns the platform service that an outbound packet is for."""
    return next(
        (
            one
            for one in SERVICES
            if packet.dst in one.addresses and one.takes(packet.protocol, packet.dst_port)
        ),
        None,
    )
