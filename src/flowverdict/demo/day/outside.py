"""Who is outside of the bank.

People are where nobody is: at addresses for documentation (RFC 5737, RFC 3849) and of relays that
are no more (RFC 7526), as far as Azure counts them to the internet. Azure's services are at
addresses of theirs, so that rules which name a service tag know them.
"""

from __future__ import annotations

from typing import Final

from flowverdict.demo.plan.organisation import NORTH, WEST

CUSTOMERS: Final = tuple(f"192.88.99.{last}" for last in range(1, 120))
CUSTOMERS_V6: Final = tuple(f"2001:db8:{home:x}::{home % 7 + 2:x}" for home in range(0x100, 0x140))
SITES: Final = tuple(f"198.51.100.{last}" for last in range(80, 88))
"""Websites that people at the bank use."""

SCANNERS: Final = (
    *(f"198.51.100.{last}" for last in range(192, 250)),
    *(f"192.88.99.{last}" for last in range(128, 200)),
)
"""The background noise of the internet."""
PORT_SCANNER: Final = "198.51.100.250"
"""One of them in earnest."""
GUESSERS: Final = tuple(
    f"203.0.113.{last}"
    for last in (*range(1, 77), *range(78, 100), *range(161, 192), *range(208, 255))
)
"""Machines that try passwords on RDP."""
INTRUDER: Final = "203.0.113.200"
"""One more of them, at an address that a forgotten rule lets in."""

CLEARING_HOUSE: Final = "198.51.100.66"
ENGINEERS: Final = ("203.0.113.101", "203.0.113.105")
VENDOR: Final = "198.51.100.20"

PROBE: Final = "168.63.129.16"
"""From here Azure's load balancers ask whether a machine is alive."""
STORAGE: Final = {WEST.name: "52.239.140.36", NORTH.name: "52.239.136.68"}
MONITOR: Final = "13.81.158.230"
BACKUP: Final = {WEST.name: "20.61.102.140", NORTH.name: "40.69.107.50"}
