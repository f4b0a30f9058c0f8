"""Sets of ports."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from flowverdict.net.address import NetworkTextError
from flowverdict.net.intervals import IntervalSet

if TYPE_CHECKING:
    from collections.abc import Iterable

TOP: Final = 65535
ALL_PORTS: Final = IntervalSet([(0, TOP)])


def parse_port(text: str) -> int:
    """Returns a port number.

    Raises:
        NetworkTextError: the text is no whole number from 0 to 65535.
    """
    if text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= TOP:
        return int(text)
    raise NetworkTextError(f"`{text}` is no port: expected a number from 0 to {TOP}")


@lru_cache(maxsize=1 << 14)
def _parse_range(text: str) -> IntervalSet:
    if text == "*":
        return ALL_PORTS
    low, dash, high = text.partition("-")
    try:
        first = parse_port(low.strip())
        last = parse_port(high.strip()) if dash else first
    except NetworkTextError:
        raise NetworkTextError(
            f"`{text}` is no port or range: expected `*`, `443` or `8000-8100` (0 to {TOP})"
        ) from None
    if first > last:
        raise NetworkTextError(f"`{text}` runs backwards: expected `{last}-{first}`")
    return IntervalSet([(first, last)])


def parse_ports(texts: Iterable[str]) -> IntervalSet:
    """Returns the ports of ``*``, single ports and ``low-high`` ranges together."""
    sets = [_parse_range(text) for text in texts]
    return sets[0] if len(sets) == 1 else IntervalSet.union(sets)


def format_ports(ports: IntervalSet) -> list[str]:
    """Returns ports and ranges as text, lowest first; ``*`` for all of them."""
    if ports == ALL_PORTS:
        return ["*"]
    return [str(low) if low == high else f"{low}-{high}" for low, high in ports]
