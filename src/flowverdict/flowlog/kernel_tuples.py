"""Flow tuples, compiled.

Three ways, tried in turn: by a table of separators; field by field any tuple whose reading is
plain; and for the rest a note of where it stands, for the plain parser to read.
"""

# Compiled code has no types that a checker could follow: numba infers them.
# pyright: reportMissingParameterType=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportAttributeAccessIssue=false, reportGeneralTypeIssues=false
# pyright: reportUnnecessaryComparison=false

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from flowverdict.flowlog.kernel_address import are_ipv4, is_address
from flowverdict.flowlog.kernel_bytes import (
    INLINE,
    U64,
    count,
    digits,
    digits3,
    entry,
    load8,
    lowest,
    mask_equal,
    mask_from,
    put,
    skip_space,
    string_end,
)
from flowverdict.flowlog.kernel_fields import (
    EARLIEST,
    LATEST,
    NSG1,
    VNET4,
    copy_address,
    protocol_of,
    read_fields,
    store,
    verdict,
    warn,
)

OK: Final = 0
ODD: Final = 1
"""Not for the kernel: the plain reader must look at the record."""
FULL: Final = 2
"""A buffer is too small for the record."""

CHUNK: Final = 2048
INDEX_SIZE: Final = CHUNK + 64
MOST_SEPARATORS: Final = 14
"""In a tuple of thirteen columns, quotes included."""
FORM, CHECKED, NO_ASCII, ROOM = 3, 4, 5, 6
_COMMA: Final = np.uint8(0x2C)
_QUOTE: Final = np.uint8(0x22)
_BEYOND_ASCII: Final = np.uint8(0x80)


@njit(**INLINE)
def _build_index(a, p, index, place):
    """Notes where quotes and commas are in the next bytes; returns how many.

    It looks for bytes beyond ASCII too, in these and in all that it left out before.
    """
    n = 0
    beyond = U64(0)
    for base in range(place[CHECKED], p, 64):
        beyond |= mask_from(a, base, _BEYOND_ASCII)
    for block in range(CHUNK // 64):
        base = p + block * 64
        beyond |= mask_from(a, base, _BEYOND_ASCII)
        bits = mask_equal(a, base, _COMMA) | mask_equal(a, base, _QUOTE)
        found = count(bits)
        at = n
        while True:
            for _ in range(16):
                put(index, at, np.int32(base + lowest(bits)))
                bits &= bits - U64(1)
                at += 1
            if at >= n + found:
                break
        n += found
    place[CHECKED] = p + CHUNK
    place[NO_ASCII] |= beyond != U64(0)
    return n


@njit(**INLINE)
def _next_quote(a, p):
    """Returns where a quote is within 192 bytes; a place behind them if there is none."""
    near = lowest(mask_equal(a, p, _QUOTE))
    far = lowest(mask_equal(a, p + 64, _QUOTE))
    at = near + far * (near >> 6)
    if at == 128:
        at += lowest(mask_equal(a, p + 128, _QUOTE))
    return p + at if at < 192 else -1


@njit(**INLINE)
def _read_by_index(a, i, n, place, index, row, cap, wide, narrow, protocols, present, sources,
                   responders, source_at, responder_at, warnings):  # fmt: skip
    """Reads the tuple whose separators begin at an entry of the index.

    Returns:
        The entry of its closing quote, or -1 if it is not as most are; and the lengths of its
        addresses.
    """
    form = place[FORM]
    p, e1, e2, e3 = entry(index, i), entry(index, i + 1), entry(index, i + 2), entry(index, i + 3)
    e4, e5, e6 = entry(index, i + 4), entry(index, i + 5), entry(index, i + 6)
    e7, e8 = entry(index, i + 7), entry(index, i + 8)
    l1, l2, l3 = e4 - e3 - 1, e5 - e4 - 1, e6 - e5 - 1
    lengths = (l1 - 1) | (l2 - 1) | (l3 - 1) | (5 - l1) | (5 - l2) | (3 - l3)
    if form == NSG1:
        closing = i + 8
        e9 = e10 = e11 = e12 = e8
        k0 = k1 = k2 = k3 = 0
        word = e8
    else:
        closing = i + 13
        e9, e10, e11 = entry(index, i + 9), entry(index, i + 10), entry(index, i + 11)
        e12, e13 = entry(index, i + 12), entry(index, i + 13)
        k0, k1, k2, k3 = e10 - e9 - 1, e11 - e10 - 1, e12 - e11 - 1, e13 - e12 - 1
        lengths |= (8 - k0) | (8 - k1) | (8 - k2) | (8 - k3)
        word = e8 + 1
    time_size = 13 if form == VNET4 else 10
    end = entry(index, closing)
    fits = (e1 - p == time_size + 1) & (e7 - e6 == 2) & (e8 - e7 == 2)
    fits &= (_next_quote(a, p + 1) == end) & (end < n)
    if (lengths < 0) | (not fits):
        return -1, 0, 0
    wrong = not are_ipv4(a, e1 + 1, e2, e3)
    if wrong:
        wrong = not (is_address(a, e1 + 1, e2) and is_address(a, e2 + 1, e3))
    high, low, src_port, dst_port, bad = digits(
        a, p + 1, 8, p + 9, time_size - 8, e3 + 1, l1, e4 + 1, l2
    )
    time = np.int64(high) * 100000 + np.int64(low) * (1 if form == VNET4 else 1000)
    if form == VNET4:
        number, more = digits3(a, e5 + 1, l3)
        bad |= more
        protocol = np.int64(number)
    else:
        protocol = protocol_of(load8(a, e5 + 1)) if l3 == 1 else -1
    c0, c1, c2, c3, more = digits(a, e9 + 1, k0, e10 + 1, k1, e11 + 1, k2, e12 + 1, k3)
    bad |= more
    wrong |= (bad != U64(0)) | (time < EARLIEST) | (time >= LATEST)
    wrong |= (protocol < 0) | (protocol > 255) | (((src_port | dst_port) >> U64(16)) != U64(0))
    direction = load8(a, e6 + 1)
    wrong |= (direction != 73) & (direction != 79)
    decision, state, token, there, fits = verdict(a, e7 + 1, word, e9, form)
    if wrong | (not fits):
        return -1, 0, 0
    there |= np.int64(k0 > 0) | (np.int64(k1 > 0) << 1)
    there |= (np.int64(k2 > 0) << 2) | (np.int64(k3 > 0) << 3)
    put(wide, cap + row, np.int64(c0))
    put(wide, 2 * cap + row, np.int64(c1))
    put(wide, 3 * cap + row, np.int64(c2))
    put(wide, 4 * cap + row, np.int64(c3))
    store(row, cap, time, src_port, dst_port, protocol, direction, decision, state, token, there,
          wide, narrow, protocols, present)  # fmt: skip
    warn(protocol, state, there, c0, c1, c2, c3, warnings)
    copy_address(sources, source_at, a, e1 + 1, e2 - e1 - 1)
    copy_address(responders, responder_at, a, e2 + 1, e3 - e2 - 1)
    return closing, e2 - e1 - 1, e3 - e2 - 1


@njit(**INLINE)
def read_list(a, p, n, row, cap, wide, narrow, protocols, present, offsets, sources,
              responders, odd, n_odd, warnings, index, place):  # fmt: skip
    """Reads a list of tuples from behind its bracket.

    `place` is the index's state: the next entry, how many there are, where it begins; then comes
    the form of the tuples, which stands in memory so that no loop is compiled once for each form;
    up to where all bytes are known to be ASCII or not, and whether one is not; then 14 places for
    `read_fields`.

    Returns:
        The status, where the list ends, and the next free row and odd tuple.
    """
    p = skip_space(a, p, n)
    if p < n and load8(a, p) == 93:
        return OK, p + 1, row, n_odd
    i, k = place[0], place[1]
    place[1] = 0
    if not (place[2] <= p and k > 0 and p <= entry(index, k - 1)):
        i = k = 0
    source_at = np.int64(offsets[row])
    responder_at = np.int64(offsets[cap + 1 + row])
    while True:
        if row >= cap or n_odd >= len(odd):
            return FULL, p, row, n_odd
        while i < k and entry(index, i) < p:
            i += 1
        if i + MOST_SEPARATORS > k:
            k = _build_index(a, p, index, place)
            i = 0
            place[2] = p
        closing = -1
        source = responder = 0
        if i + MOST_SEPARATORS <= k and entry(index, i) == p and load8(a, p) == 34:
            closing, source, responder = _read_by_index(
                a, i, n, place, index, row, cap, wide, narrow, protocols, present, sources,
                responders, source_at, responder_at, warnings,
            )  # fmt: skip
        if closing >= 0:
            p = entry(index, closing) + 1
            i = closing + 1
        else:
            if p >= n or load8(a, p) != 34:
                return ODD, p, row, n_odd
            end = string_end(a, p + 1, n)
            if end < 0:
                return ODD, p, row, n_odd
            source, responder = read_fields(
                a, p + 1, end, place[FORM], row, cap, wide, narrow, protocols, present, sources,
                responders, source_at, responder_at, warnings, place[ROOM:],
            )  # fmt: skip
            if source < 0:
                odd[n_odd, 0] = row
                odd[n_odd, 1] = p + 1
                odd[n_odd, 2] = end
                odd[n_odd, 3] = place[FORM]
                n_odd += 1
                source = responder = 0
                for column in range(5):
                    put(wide, column * cap + row, np.int64(0))
                store(row, cap, 0, 0, 0, 0, 0, 0, 0, 0, 0, wide, narrow, protocols, present)
            p = end + 1
        source_at += source
        responder_at += responder
        row += 1
        put(offsets, row, np.int32(source_at))
        put(offsets, cap + 1 + row, np.int32(responder_at))
        if p < n and load8(a, p) <= 32:
            p = skip_space(a, p, n)
        if p >= n:
            return ODD, p, row, n_odd
        c = load8(a, p)
        p += 1
        if c == 93:
            place[0] = i
            place[1] = k
            return OK, p, row, n_odd
        if c != 44:
            return ODD, p, row, n_odd
        if load8(a, p) != 34:
            p = skip_space(a, p, n)
