"""IP addresses of both families as points of one line.

IPv4 addresses are the points ``0 .. 2**32 - 1``; the IPv6 address ``a`` is the point
``2**32 + a``. So a set of addresses is one ``IntervalSet`` whatever its families, the families
can never be confused with one another, and nothing above this module has two code paths.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from flowverdict.net.intervals import IntervalSet

if TYPE_CHECKING:
    from collections.abc import Iterable

_V6: Final = 1 << 32
_END: Final = _V6 + (1 << 128)

ALL_IPV4: Final = IntervalSet([(0, _V6 - 1)])
ALL_IPV6: Final = IntervalSet([(_V6, _END - 1)])
ALL_ADDRESSES: Final = ALL_IPV4 | ALL_IPV6


class NetworkTextError(ValueError):
    """A text that is no address, prefix, port or protocol; the message says what was expected."""


def is_ipv6(point: int) -> bool:
    """Reports whether the point is an IPv6 address."""
    return point >= _V6


@lru_cache(maxsize=1 << 16)
def parse_address(text: str) -> int:
    """Returns the point of an IPv4 or IPv6 address.

    Raises:
        NetworkTextError: the text is no address (a zone such as ``%eth0`` counts as none).
    """
    try:
        if ":" not in text:
            return int(ipaddress.IPv4Address(text))
        if "%" not in text:
            return _V6 + int(ipaddress.IPv6Address(text))
    except ValueError:
        pass
    raise NetworkTextError(
        f"`{text}` is no IP address: expected one such as `10.0.0.4` or `fd00::4`"
    )


@lru_cache(maxsize=1 << 16)
def parse_prefix(text: str) -> IntervalSet:
    """Returns the addresses of a prefix such as ``10.0.0.0/8``, or of a single address.

    Raises:
        NetworkTextError: the text is no prefix, or has bits set behind its length.
    """
    base, slash, length_text = text.partition("/")
    low = parse_address(base)
    if not slash:
        return IntervalSet([(low, low)])
    bits = 128 if is_ipv6(low) else 32
    number = length_text.isascii() and length_text.isdigit() and len(length_text) <= 3
    if not (number and int(length_text) <= bits):
        raise NetworkTextError(
            f"`{text}` has a wrong prefix length: expected a number from 0 to {bits} behind `/`"
        )
    size = 1 << (bits - int(length_text))
    start = low - _V6 if is_ipv6(low) else low
    if start % size:
        right = format_address(low - start % size)
        raise NetworkTextError(
            f"`{text}` has host bits set: expected `{right}/{length_text}`, "
            f"or `{base}` for the single address"
        )
    return IntervalSet([(low, low + size - 1)])


def parse_prefixes(texts: Iterable[str]) -> IntervalSet:
    """Returns the addresses of all the prefixes together."""
    return IntervalSet.union(parse_prefix(text) for text in texts)


def format_address(point: int) -> str:
    """Returns the canonical text of an address."""
    if is_ipv6(point):
        return str(ipaddress.IPv6Address(point - _V6))
    return str(ipaddress.IPv4Address(point))


def format_addresses(addresses: IntervalSet) -> list[str]:
    """Returns the fewest prefixes that make up the set, lowest first; hosts without a length."""
    texts: list[str] = []
    for family in (ALL_IPV4, ALL_IPV6):
        offset = family.spans[0][0]
        make = ipaddress.IPv6Address if offset else ipaddress.IPv4Address
        for low, high in addresses & family:
            for network in ipaddress.summarize_address_range(
                make(low - offset),
                make(high - offset),
            ):
                host = network.prefixlen == network.max_prefixlen
                texts.append(str(network.network_address) if host else str(network))
    return texts


PRIVATE: Final = parse_prefixes(
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"]
)
"""What is nobody's on the internet: RFC 1918, RFC 6598 and RFC 4193."""
