"""Compiled: texts into addresses, addresses into atoms, and rows looked up by combinations."""

# Compiled code has no types that a checker could follow: numba infers them.
# pyright: reportMissingParameterType=false, reportCallIssue=false

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit, types
from numba.core.options import DefaultOptions
from numba.extending import intrinsic

UNJUDGED: Final = -3
"""Nobody has judged the row yet."""

COMPILED: Final[dict[str, Any]] = {
    "nogil": True, "cache": True, "boundscheck": False, "error_model": "numpy",
}  # fmt: skip
BORROWING: Final[dict[str, Any]] = {
    **COMPILED, **({"_nrt": False} if hasattr(DefaultOptions, "_nrt") else {}),
}  # fmt: skip
"""For functions that make no arrays: references to those that they are handed are not counted."""
INLINE: Final[dict[str, Any]] = {**BORROWING, "forceinline": True}

_TEXT: Final = types.Array(types.uint8, 1, "C", readonly=True)
_PLACES: Final = types.Array(types.int32, 1, "C", readonly=True)


@njit(**INLINE)
def ipv4(text, at, end):
    """The number of the IPv4 address that a text is, as ``ipaddress`` reads it, or -1."""
    number, octets = 0, 0
    while octets < 4:
        first, value = at, 0
        while at < end and at < first + 3 and 48 <= text[at] <= 57:
            value = 10 * value + (text[at] - 48)
            at += 1
        size = at - first
        if size == 0 or value > 255 or (size > 1 and text[first] == 48):
            return -1
        number = number << 8 | value
        octets += 1
        if octets < 4:
            if at >= end or text[at] != 46:
                return -1
            at += 1
    return number if at == end else -1


@njit(types.void(_TEXT, _PLACES, types.uint32[::1], types.boolean[::1]), **COMPILED)
def read_ipv4(text, places, numbers, plain):
    """Reads IPv4 addresses; clears ``plain`` where a text is none."""
    for row in range(len(numbers)):
        number = ipv4(text, places[row], places[row + 1])
        if number >= 0:
            numbers[row] = number
        else:
            plain[row] = False


@njit(
    "void(Array(uint8, 1, 'C', readonly=True), Array(int32, 1, 'C', readonly=True), int64[::1],"
    "uint64[::1], uint64[::1], boolean[::1])",
    **COMPILED,
)
def read_ipv6(text, places, rows, high, low, read):
    """Reads IPv6 addresses as ``ipaddress`` does, those of hexadecimal groups alone.

    Sets ``read`` where a text is one; others may be one too, with an IPv4 address at the end.
    """
    groups = np.zeros(8, np.uint64)
    for number in range(len(rows)):
        at, end = places[rows[number]], places[rows[number] + 1]
        count, gap, right = 0, -1, end - at >= 2
        if right and text[at] == 58:  # a colon in front is the first of two
            right = text[at + 1] == 58
            gap = 0
            at += 2
        while right and at < end:
            first, value = at, np.uint64(0)
            while at < end and at < first + 4:
                digit = np.int64(text[at])
                if 48 <= digit <= 57:
                    digit -= 48
                elif 97 <= (digit | 32) <= 102:
                    digit = (digit | 32) - 87
                else:
                    break
                value = value << np.uint64(4) | np.uint64(digit)
                at += 1
            right = at > first and count < 8
            if right:
                groups[count] = value
                count += 1
                if at < end:
                    right = text[at] == 58 and at + 1 < end
                    at += 1
                    if right and text[at] == 58:
                        right = gap < 0
                        gap = count
                        at += 1
        right = right and (count < 8 if gap >= 0 else count == 8)
        if right:
            words = (np.uint64(0), np.uint64(0))
            for group in range(8):
                behind = group - (8 - count)
                value = np.uint64(0)
                if gap < 0 or group < gap:
                    value = groups[group]
                elif behind >= gap:
                    value = groups[behind]
                if group < 4:
                    words = (words[0] << np.uint64(16) | value, words[1])
                else:
                    words = (words[0], words[1] << np.uint64(16) | value)
            high[number], low[number] = words
            read[number] = True


@intrinsic
def item(context, array, index):
    """The element of an array; unlike ``array[index]`` it does not ask whether that is negative."""

    def generate(context, builder, signature, values):
        view = context.make_array(signature.args[0])(context, builder, values[0])
        return builder.load(builder.gep(view.data, [values[1]]))

    return array.dtype(array, types.int64), generate


@njit("void(uint32[::1], int32[::1], int32[::1], int32[::1], int32[::1])", **BORROWING)
def find_atoms(addresses, root, middle, leaves, atoms):
    """Gives IPv4 addresses the numbers of their atoms: see ``atoms.address_table``."""
    for row in range(len(addresses)):
        address = np.int64(addresses[row])
        entry = np.int64(item(root, address >> 16))
        entry = np.int64(item(middle, (entry >> 1) + ((address >> 8) & 255 & -(entry & 1))))
        atoms[row] = item(leaves, (entry >> 1) + (address & 255 & -(entry & 1)))


@njit("void(uint64[::1], uint64[::1], uint64[::1], uint64[::1], int32, int32[::1])", **COMPILED)
def find_atoms_ipv6(high, low, starts_high, starts_low, before, atoms):
    """Gives IPv6 addresses the numbers of their atoms, by searching where atoms start.

    Args:
        high: the first 64 bits of each address.
        low: the last.
        starts_high: likewise of the first address of each atom that begins in IPv6.
        starts_low: likewise.
        before: how many atoms begin in front of those.
        atoms: takes the atom of each address.
    """
    for row in range(len(high)):
        first, count = 0, len(starts_high)
        while count > 0:
            half = count >> 1
            middle = first + half
            above = starts_high[middle] > high[row] or (
                starts_high[middle] == high[row] and starts_low[middle] > low[row]
            )
            first, count = (first, half) if above else (middle + 1, count - half - 1)
        atoms[row] = before + first - 1


@njit(
    "int64(int32[::1], uint8[::1], uint8[::1], int32[::1], int32[::1], int32[::1], int32[::1],"
    "int32[::1], int32[::1], int32[::1], int64[:, ::1], int32[::1], int32[::1])",
    **BORROWING,
)
def look_up(
    policy, way, protocol, src_port, dst_port, src, dst, ports, protocols, which, records, cells,
    out,
):  # fmt: skip
    """Judges rows of lists that have combinations; the others become ``UNJUDGED``.

    The columns are as in ``judge``. ``which`` has for each policy and direction the number of its
    record, or -1; records say where in ``cells`` the steps of each field, the services and the
    outcomes begin (``classes.Classes.steps``). Returns how many rows are ``UNJUDGED``.
    """
    left = 0
    for row in range(len(out)):
        number = np.int64(policy[row])
        record = np.int64(item(which, 2 * number + way[row])) if number >= 0 else -1
        if record < 0:
            out[row] = UNJUDGED
            left += 1
            continue
        kind = np.int64(item(cells, records[record, 2] + item(protocols, np.int64(protocol[row]))))
        kind += item(cells, records[record, 3] + item(ports, np.int64(src_port[row]) + 2))
        kind += item(cells, records[record, 4] + item(ports, np.int64(dst_port[row]) + 2))
        cell = np.int64(item(cells, records[record, 0] + src[row]))
        cell += item(cells, records[record, 1] + dst[row])
        if (kind | cell) < 0:
            out[row] = UNJUDGED
            left += 1
            continue
        cell += item(cells, records[record, 5] + kind)
        out[row] = item(cells, records[record, 6] + cell)
    return left
