"""What an address can be, as far as Traffic Analytics' flow types tell (specification, 8.5)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from flowverdict.net import IntervalSet, parse_prefixes


class Kind(StrEnum):
    """What an address is, before the other end of its flow is looked at."""

    NETWORK = "network"
    """Of a virtual network of the estate, by a private or a public address."""
    CLIENT = "client"
    """Of a point-to-site client."""
    SITE = "site"
    """Of an on-premises site behind a gateway."""
    OWN = "own"
    """A public address of the estate of which the network is not told."""
    PLATFORM = "platform"
    """Azure's own inside every network: 168.63.129.16 and 169.254.169.254."""
    AZURE = "azure"
    """Of Microsoft, by the service tags."""
    THREAT = "threat"
    """Of a threat list, and not of Microsoft."""
    EXTERNAL = "external"
    """Any other public address."""
    PRIVATE = "private"
    """Private, and of nothing that the estate has."""
    SPECIAL = "special"
    """Link-local, multicast, loopback and the like."""


WIRE_SERVER: Final = parse_prefixes(["168.63.129.16"])
METADATA: Final = parse_prefixes(["169.254.169.254"])

PRIVATE: Final[IntervalSet] = parse_prefixes(
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"]
)
"""What the specification counts as private: RFC 1918, RFC 6598 and RFC 4193."""
SPECIAL: Final[IntervalSet] = parse_prefixes(
    [
        "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4",
        "::/127", "fe80::/10", "ff00::/8",
    ]
)  # fmt: skip
"""No address of one host that could be reached from elsewhere (RFC 6890)."""
