"""A batch's columns as numbers, and each row as the packet that it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from flowverdict.classify.columns import read_ipv4, read_ipv6
from flowverdict.net import ALL_IPV4, NetworkTextError, Packet, has_ports, is_ipv6, parse_address

if TYPE_CHECKING:
    from collections.abc import Callable

Numbers = np.ndarray[Any, np.dtype[Any]]

NO_PORT: Final = -2
"""The protocol has no ports."""
ANY_PORT: Final = -1
"""The source port is not known."""
IPV6: Final = ALL_IPV4.size
"""Where IPv6 begins on the line of addresses."""
_LOW: Final = (1 << 64) - 1

_DIRECTIONS: Final = {"I": 0, "O": 1}
_PORTED: Final = np.array([has_ports(number) for number in range(256)])


class PacketError(ValueError):
    """A row that is no packet; the message says which row and column, and what was expected."""

    def __init__(self, row: int, column: str, problem: str) -> None:
        super().__init__(f"row {row}: {column}: {problem}")
        self.row = row
        self.column = column


@dataclass(frozen=True, slots=True)
class Addresses:
    """A column of addresses.

    Attributes:
        ipv4: the addresses of that family as numbers; 0 elsewhere.
        others: the rows with an IPv6 address, in order.
        high: the first 64 bits of theirs.
        low: the last.
    """

    ipv4: Numbers
    others: Numbers
    high: Numbers
    low: Numbers

    def point(self, row: int) -> int:
        """Returns the point of a row's address."""
        at = int(np.searchsorted(self.others, row))
        if at < len(self.others) and self.others[at] == row:
            return IPV6 + (int(self.high[at]) << 64 | int(self.low[at]))
        return int(self.ipv4[row])


@dataclass(frozen=True, slots=True)
class Packets:
    """The rows of a batch.

    Attributes:
        way: 0 inbound, 1 outbound.
        src_port: ``NO_PORT``, ``ANY_PORT`` or the number.
        dst_port: ``NO_PORT`` or the number.
    """

    way: Numbers
    protocol: Numbers
    src_port: Numbers
    dst_port: Numbers
    src: Addresses
    dst: Addresses

    def packet(self, row: int) -> Packet:
        """Returns a row as the evaluator takes it."""
        ports = [int(self.src_port[row]), int(self.dst_port[row])]
        source, target = (port if port >= 0 else None for port in ports)
        return Packet(
            int(self.protocol[row]), self.src.point(row), self.dst.point(row), source, target
        )


def read_packets(batch: pa.RecordBatch) -> Packets:
    """Returns a batch's rows as numbers.

    Ports of a protocol that has none are not looked at: no rule can test them.

    Raises:
        PacketError: a row is no packet.
        KeyError: a column is missing.
    """
    protocol = _whole(batch, "protocol", 255)
    ported = _PORTED[protocol]
    src_port = np.where(ported, _whole(batch, "src_port", 65535, null=ANY_PORT), NO_PORT)
    dst_port = np.where(ported, _whole(batch, "dst_port", 65535, null=NO_PORT), NO_PORT)
    portless = ported & (dst_port == NO_PORT)
    _refuse(batch, "dst_port", portless, "expected a port: TCP and UDP have one")
    src, dst = _addresses(batch, "src_ip"), _addresses(batch, "dst_ip")
    if not np.array_equal(src.others, dst.others):
        mixed = np.setxor1d(src.others, dst.others)
        expected = "expected an address of the family that `src_ip` has"
        raise PacketError(int(mixed[0]), "dst_ip", f"`{batch['dst_ip'][mixed[0]]}`: {expected}")
    return Packets(_directions(batch), protocol.astype(np.uint8), src_port, dst_port, src, dst)


def _refuse(batch: pa.RecordBatch, column: str, wrong: Numbers, expected: str) -> None:
    if wrong.any():
        row = int(np.argmax(wrong))
        value = batch[column][row].as_py()
        raise PacketError(row, column, f"{'null' if value is None else f'`{value}`'}: {expected}")


def _whole(batch: pa.RecordBatch, column: str, top: int, null: int | None = None) -> Numbers:
    """Returns a column of numbers from 0 to ``top``, with ``null`` for nulls where they may be."""
    values = batch[column]
    if null is not None and pa.types.is_null(values.type):
        return np.full(len(values), null, np.int32)
    if not pa.types.is_integer(values.type):
        raise PacketError(0, column, f"a column of {values.type}: expected whole numbers")
    expected = f"expected a number from 0 to {top}"
    empty = values.is_null().to_numpy(zero_copy_only=False) if values.null_count else None
    found = (values if empty is None else values.fill_null(0)).to_numpy()
    _refuse(batch, column, (found < 0) | (found > top), expected)
    found = found.astype(np.int32)
    if empty is not None:
        if null is None:
            _refuse(batch, column, empty, expected)
        found[empty] = null
    return found


def _by_word(column: pa.Array, found: Callable[[str | None], int]) -> Numbers:
    """Returns a number for each row of a column with few different texts."""
    if pa.types.is_null(column.type):
        column = column.cast(pa.string())
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    words = [*column.dictionary.to_pylist(), None]
    codes = column.indices
    codes = codes.fill_null(len(words) - 1) if codes.null_count else codes
    numbers = codes.to_numpy()
    table = np.zeros(len(words), np.int32)
    used = np.flatnonzero(np.bincount(numbers)) if len(numbers) else numbers
    for code in used.tolist():
        table[code] = found(words[code])
    return table[numbers]


def read_words(batch: pa.RecordBatch, column: str, found: Callable[[str | None], int]) -> Numbers:
    """Returns what ``found`` says of each row's text; it is asked once for each text."""
    return _by_word(batch[column], found)


def _directions(batch: pa.RecordBatch) -> Numbers:
    found = read_words(batch, "direction", lambda word: _DIRECTIONS.get(word or "", -1))
    _refuse(batch, "direction", found < 0, "expected `I` or `O`")
    return found.astype(np.uint8)


def _addresses(batch: pa.RecordBatch, column: str) -> Addresses:
    texts = batch[column]
    if pa.types.is_dictionary(texts.type):
        texts = texts.dictionary.take(texts.indices)
    if texts.type != pa.string():
        if not (pa.types.is_large_string(texts.type) or pa.types.is_null(texts.type)):
            raise PacketError(0, column, f"a column of {texts.type}: expected texts")
        texts = texts.cast(pa.string())
    _, offsets, data = texts.buffers()
    places = np.frombuffer(offsets or bytes(4), np.int32)
    places = places[texts.offset : texts.offset + len(texts) + 1]
    ipv4 = np.zeros(len(texts), np.uint32)
    plain = np.ones(len(texts), np.bool_)
    text = np.frombuffer(data or b"", np.uint8)
    read_ipv4(text, places, ipv4, plain)
    if texts.null_count:
        plain &= texts.is_valid().to_numpy(zero_copy_only=False)
    others = np.flatnonzero(~plain)
    high, low = np.zeros((2, len(others)), np.uint64)
    read = np.zeros(len(others), np.bool_)
    read_ipv6(text, places, others, high, low, read)
    if texts.null_count:
        read &= texts.is_valid().to_numpy(zero_copy_only=False)[others]
    for at in np.flatnonzero(~read).tolist():
        point = _read_address(column, texts, int(others[at]))
        high[at], low[at] = point - IPV6 >> 64, point - IPV6 & _LOW
    return Addresses(ipv4, others, high, low)


def _read_address(column: str, texts: pa.Array, row: int) -> int:
    """Returns an address in a form that is seldom written, such as `::ffff:10.0.0.4`."""
    text = texts[row].as_py()
    if text is None:
        raise PacketError(row, column, "null: expected an IP address")
    try:
        point = parse_address(text)
    except NetworkTextError as problem:
        raise PacketError(row, column, str(problem)) from None
    assert is_ipv6(point), "the kernel reads every IPv4 address that is one"
    return point
