"""Addresses of nobody outside, as sets, and as patterns of their canonical text for SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowverdict.net import parse_prefixes

if TYPE_CHECKING:
    from flowverdict.net import IntervalSet

WIRE_SERVER: Final[IntervalSet] = parse_prefixes(["168.63.129.16"])
"""The platform's own address in every network (flow-log specification, 9.6)."""
METADATA: Final[IntervalSet] = parse_prefixes(["169.254.169.254"])
SPECIAL: Final[IntervalSet] = parse_prefixes(
    [
        "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4",
        "::/127", "fe80::/10", "ff00::/8",
    ]
)  # fmt: skip
"""No address of one host that could be reached from elsewhere (RFC 6890)."""

PRIVATE_TEXT: Final = (
    r"^(10\.|192\.168\.|172\.(1[6-9]|2[0-9]|3[01])\.|100\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\.|"
    r"f[cd][0-9a-f]{2}:)"
)
"""``net.PRIVATE`` as a pattern."""
SPECIAL_TEXT: Final = (
    r"^(168\.63\.129\.16$|169\.254\.|0\.|127\.|2(2[4-9]|[3-5][0-9])\.|fe[89ab][0-9a-f]:|ff[0-9a-f]{2}:|"
    r"::1?$)"
)
"""``SPECIAL`` and ``WIRE_SERVER`` as a pattern."""
INSIDE_TEXT: Final = f"{PRIVATE_TEXT}|{SPECIAL_TEXT}"
"""All of these: an address that it does not match can be that of somebody outside."""
