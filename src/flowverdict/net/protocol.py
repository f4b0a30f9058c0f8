"""IP protocols by their IANA numbers."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from flowverdict.net.intervals import IntervalSet


class Protocol(IntEnum):
    """The protocols that have a name here; any other number from 0 to 255 is legal too."""

    ICMP = 1
    TCP = 6
    UDP = 17
    ESP = 50
    AH = 51
    ICMPV6 = 58


ALL_PROTOCOLS: Final = IntervalSet([(0, 255)])


PORTED: Final = (int(Protocol.TCP), int(Protocol.UDP))
"""The protocols whose packets carry ports."""


def has_ports(protocol: int) -> bool:
    """Reports whether packets of the protocol carry ports."""
    return protocol in PORTED


def protocol_name(protocol: int) -> str:
    """Returns the usual name, or the number as text."""
    try:
        return Protocol(protocol).name
    except ValueError:
        return str(protocol)
