"""Words of many groups of rows, each one kept once; compiled."""

# Compiled code has no types that a checker could follow: numba infers them.
# pyright: reportMissingParameterType=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportAttributeAccessIssue=false, reportGeneralTypeIssues=false
# pyright: reportUnnecessaryComparison=false

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from flowverdict.flowlog.kernel_bytes import (
    BORROWING,
    OPTIONS,
    TEXT,
    U64,
    load8,
    load64,
    lowest,
    put,
    same,
)

_PRIME: Final = U64(0x9E3779B97F4A7C15)
_LOWEST: Final = 0x0101010101010101
_GATHER: Final = 0x0102040810204080
"""Times eight bytes of one bit each: has these bits in its highest byte."""


@njit(f"int64({TEXT}, int64[::1], int64[::1], int32[::1], int64[::1])", **OPTIONS)
def intern(a, starts, lengths, codes, firsts):
    """Numbers texts so that equal ones have one number; returns how many there are.

    `codes` takes each text's number, `firsts` where each number came up first.
    """
    n = len(starts)
    size = 64
    while size < 2 * n:
        size *= 2
    table = np.full(size, -1, np.int32)
    known = 0
    for i in range(n):
        start, length = starts[i], lengths[i]
        if i > 0 and length == lengths[i - 1] and same(a, start, a, starts[i - 1], length):
            codes[i] = codes[i - 1]
            continue
        key = U64(length)
        for j in range(0, length - 7, 8):
            key = (key ^ load64(a, start + j)) * _PRIME
            key ^= key >> U64(29)
        for j in range(length & ~7, length):
            key = (key ^ U64(load8(a, start + j))) * _PRIME
            key ^= key >> U64(29)
        slot = np.int64(key & U64(size - 1))
        while True:
            code = table[slot]
            if code < 0:
                table[slot] = known
                firsts[known] = i
                codes[i] = known
                known += 1
                break
            other = firsts[code]
            if lengths[other] == length and same(a, starts[other], a, start, length):
                codes[i] = code
                break
            slot = (slot + 1) & (size - 1)
    return known


@njit("void(int64[:, ::1], int32[::1], int32[::1])", **BORROWING)
def spread(groups, codes, rows):
    """Gives each row the code of its group."""
    for g in range(len(codes)):
        code = codes[g]
        for row in range(U64(groups[g, 3]), U64(groups[g, 4])):
            rows[row] = code


@njit("void(uint8[::1], uint8, uint8[::1])", **BORROWING)
def pack(flags, bit, packed):
    """Packs one bit of each byte, eight to a byte, the lowest first.

    It loads up to seven bytes behind the flags; what becomes of them is in the last byte.
    """
    place = lowest(U64(bit))
    for i in range(len(packed)):
        eight = (load64(flags, 8 * i) >> U64(place)) & U64(_LOWEST)
        put(packed, i, np.uint8((eight * U64(_GATHER)) >> U64(56)))


@njit(f"boolean({TEXT})", **BORROWING)
def is_ascii(text):
    """Reports whether a text is ASCII."""
    bits = np.uint8(0)
    for i in range(len(text)):
        bits |= text[i]
    return bits < np.uint8(128)
