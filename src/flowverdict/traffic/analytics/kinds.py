"""What an address can be, as far as Traffic Analytics' flow types tell (specification, 8.5)."""

from __future__ import annotations

from enum import StrEnum


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
