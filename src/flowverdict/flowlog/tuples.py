"""One flow tuple, the comma-separated text inside every flow log, into values.

This is the specification of tuple reading as a program: slow, with every case spelt out. The
compiled kernel must give the same rows, warnings and rejects. Source: flow-log specification,
sections 2.2, 3.2 and 13.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final


class Schema(Enum):
    """The forms in which Azure has written flow tuples; chosen by category and version."""

    NSG1 = "nsg1"
    NSG2 = "nsg2"
    VNET4 = "vnet4"


@dataclass(frozen=True, slots=True)
class Values:
    """What a tuple says.

    Attributes:
        time_ms: milliseconds since 1970-01-01 UTC.
        src_ip: the originator's address, canonical (RFC 5952 for IPv6).
        dst_ip: the responder's address, canonical.
        src_port: None where a protocol without ports leaves it empty.
        dst_port: likewise.
        protocol: the IANA number.
        direction: ``I`` or ``O``, seen from the network interface.
        decision: ``A`` or ``D``.
        state: ``B``, ``C``, ``E`` or ``D``; None in NSG version 1.
        encryption: the raw token; None in NSG logs.
        packets_sent: from originator to responder since the flow's last tuple; None where the
            tuple does not say, which is not zero.
        bytes_sent: likewise, headers included.
        packets_received: from responder to originator.
        bytes_received: likewise.
        schema: the form the tuple itself has.
    """

    time_ms: int
    src_ip: str
    dst_ip: str
    src_port: int | None
    dst_port: int | None
    protocol: int
    direction: str
    decision: str
    state: str | None
    encryption: str | None
    packets_sent: int | None
    bytes_sent: int | None
    packets_received: int | None
    bytes_received: int | None
    schema: Schema


class Rejected(Exception):
    """A tuple that cannot be a row; carries the code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


ENCRYPTION_TOKENS: Final = frozenset(
    """X NX NX_HW_NOT_SUPPORTED NX_SW_NOT_READY NX_NOT_ACCEPTED NX_NOT_SUPPORTED NX_LOCAL_DST
    NX_FALLBACK""".split()
)
_SECONDS_BELOW: Final = 10**11
_MILLIS_BELOW: Final = 10**14
_EARLIEST_MS: Final = 946_684_800_000
"""2000-01-01: an earlier time is no time at which Azure wrote a flow log."""
_LATEST_MS: Final = 4_102_444_800_000
"""2100-01-01."""
_LARGEST: Final = 2**63 - 1
_COLUMNS: Final = {Schema.NSG1: 8, Schema.NSG2: 13, Schema.VNET4: 13}
_LETTERS: Final = {"T": 6, "U": 17}
_PORTED: Final = (6, 17)


def read_tuple(raw: str, envelope: Schema) -> tuple[Values, tuple[str, ...]]:
    """Reads one tuple.

    Args:
        raw: the text.
        envelope: the form that the record around it announces. A tuple of another form is read
            as what it is, with the warning ``schema_mismatch``: its protocol column tells.

    Returns:
        The values, and the codes of warnings in the order in which they came up.

    Raises:
        Rejected: the tuple cannot be a row.
    """
    warnings: dict[str, None] = {}
    parts = raw.split(",")
    schema = _form(parts, envelope)
    if schema is not envelope:
        warnings["schema_mismatch"] = None
    least = 8
    if len(parts) < least:
        raise Rejected("short_tuple")
    wanted = _COLUMNS[schema]
    if len(parts) < wanted:
        warnings["short_tuple"] = None
        parts.extend([""] * (wanted - len(parts)))
    elif len(parts) > wanted:
        warnings["extra_columns"] = None
    time_ms = _time(parts[0], schema, warnings)
    src_ip, dst_ip = _address(parts[1]), _address(parts[2])
    protocol = _protocol(parts[5], schema, warnings)
    src_port, dst_port = _port(parts[3], protocol), _port(parts[4], protocol)
    direction = _one_of(parts[6], "IO", "schema_mismatch")
    state: str | None = None
    encryption: str | None = None
    counters: list[int | None] = [None] * 4
    if schema is Schema.VNET4:
        state = _one_of(parts[7], "BCED", "unknown_state")
        decision = "D" if state == "D" else "A"
        encryption = parts[8] or None
        if encryption is not None and encryption not in ENCRYPTION_TOKENS:
            warnings["unknown_enc"] = None
    else:
        decision = _one_of(parts[7], "AD", "schema_mismatch")
        if schema is Schema.NSG2 and parts[8]:
            state = _one_of(parts[8], "BCE", "unknown_state")
    if schema is not Schema.NSG1:
        counters = [_counter(one, warnings) for one in parts[9:13]]
        _check_counters(counters, state, warnings)
    values = Values(
        time_ms=time_ms,
        src_ip=src_ip,
        dst_ip=dst_ip,
        src_port=src_port,
        dst_port=dst_port,
        protocol=protocol,
        direction=direction,
        decision=decision,
        state=state,
        encryption=encryption,
        packets_sent=counters[0],
        bytes_sent=counters[1],
        packets_received=counters[2],
        bytes_received=counters[3],
        schema=schema,
    )
    return values, tuple(warnings)


def _form(parts: list[str], envelope: Schema) -> Schema:
    """Returns the form that a tuple has: NSG logs write the protocol as a letter."""
    token = parts[5] if len(parts) > 5 else ""
    if envelope is Schema.VNET4:
        if token not in _LETTERS:
            return envelope
        return Schema.NSG2 if len(parts) > _COLUMNS[Schema.NSG1] else Schema.NSG1
    if token.isascii() and token.isdigit():
        return Schema.VNET4
    if envelope is Schema.NSG1 and len(parts) >= _COLUMNS[Schema.NSG2]:
        return Schema.NSG2
    return envelope


def _time(text: str, schema: Schema, warnings: dict[str, None]) -> int:
    number = _digits(text)
    if number is None:
        raise Rejected("bad_ts")
    if number < _SECONDS_BELOW:
        if schema is Schema.VNET4:
            warnings["unit_seconds"] = None
        number *= 1000
    elif number >= _MILLIS_BELOW:
        warnings["unit_micro"] = None
        number //= 1000
    if not _EARLIEST_MS <= number < _LATEST_MS:
        raise Rejected("bad_ts")
    return number


@lru_cache(maxsize=1 << 16)
def _address(text: str) -> str:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        raise Rejected("bad_ip") from None
    if "%" in text:
        raise Rejected("bad_ip")
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return f"::ffff:{found.ipv4_mapped}"  # RFC 5952, section 5; str() does so from 3.13 on
    return str(found)


def _protocol(text: str, schema: Schema, warnings: dict[str, None]) -> int:
    number = _LETTERS.get(text) if schema is not Schema.VNET4 else _digits(text)
    if number is None or number > 255:
        raise Rejected("proto_unusual")
    if number not in _PORTED:
        warnings["proto_unusual"] = None
    return number


def _port(text: str, protocol: int) -> int | None:
    if not text and protocol not in _PORTED:
        return None
    number = _digits(text)
    if number is None or number > 65535:
        raise Rejected("bad_port")
    return number


def _one_of(text: str, letters: str, code: str) -> str:
    if len(text) != 1 or text not in letters:
        raise Rejected(code)
    return text


def _counter(text: str, warnings: dict[str, None]) -> int | None:
    if not text:
        return None
    if text[0] == "-" and _digits(text[1:]) is not None:
        warnings["negative_counter"] = None
        return None
    number = _digits(text)
    if number is None:
        warnings["missing_counters"] = None
        return None
    if number > _LARGEST:
        warnings["huge_counter"] = None
        return None
    return number


def _check_counters(
    counters: list[int | None], state: str | None, warnings: dict[str, None]
) -> None:
    packets_sent, bytes_sent, packets_received, bytes_received = counters
    unexplained = not ({"negative_counter", "huge_counter"} & warnings.keys())
    if state in ("C", "E") and None in counters and unexplained:
        warnings["missing_counters"] = None
    for packets, size in ((packets_sent, bytes_sent), (packets_received, bytes_received)):
        if packets and size == 0:
            warnings["zero_bytes_with_packets"] = None


def _digits(text: str) -> int | None:
    """Returns the number that a text of up to 20 digits writes; None for any other text."""
    if text.isascii() and text.isdigit() and len(text) <= 20:
        return int(text)
    return None
