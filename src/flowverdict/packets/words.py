"""What a word of a row stands for; for nothing, and each function raises ``NetworkTextError``."""

from __future__ import annotations

from math import isnan
from typing import Any, Final

from flowverdict.net import NetworkTextError, Protocol, parse_port

DIRECTIONS: Final = {
    "I": "I", "IN": "I", "INBOUND": "I",
    "O": "O", "OUT": "O", "OUTBOUND": "O",
}  # fmt: skip
PROTOCOLS: Final = {one.name: int(one) for one in Protocol} | {"T": 6, "U": 17}
ICMP: Final = (int(Protocol.ICMP), int(Protocol.ICMPV6))


def direction(value: Any) -> str:
    """Returns ``I`` or ``O``."""
    found = DIRECTIONS.get(str(value).strip().upper())
    if found is None:
        raise NetworkTextError(f"{_shown(value)}: expected I, O, Inbound or Outbound")
    return found


def protocol(value: Any) -> int:
    """Returns an IANA number from one or from a name."""
    text = str(_whole(value)).strip().upper()
    number = PROTOCOLS.get(text, -1)
    if number < 0 and text.isascii() and text.isdigit() and len(text) <= 3:
        number = int(text)
    if not 0 <= number <= 255:
        names = ", ".join(one.name for one in Protocol)
        raise NetworkTextError(f"{_shown(value)}: expected {names}, or a number from 0 to 255")
    return number


def port(value: Any) -> int | None:
    """Returns a port; None where there is none, or any."""
    absent = value is None or (isinstance(value, float) and isnan(value))
    text = "" if absent else str(_whole(value)).strip()
    return None if text in ("", "*") else parse_port(text)


def _whole(value: Any) -> Any:
    """Returns a whole number that was stored as another: columns with gaps often are."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _shown(value: Any) -> str:
    return "is empty" if value is None or value == "" else f"`{value}`"
