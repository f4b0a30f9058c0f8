"""Flow tuples of a VNet log, compiled.

Three ways, tried in turn: IPv4 by a table of separators; any tuple whose reading is plain, field
by field; and for the rest a note of where it stands, for the plain parser to read.
"""

# Compiled code has no types that a checker could follow: numba infers them.
# pyright: reportMissingParameterType=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportAttributeAccessIssue=false, reportGeneralTypeIssues=false
# pyright: reportUnnecessaryComparison=false

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from flowverdict.flowlog.kernel_bytes import (
    INLINE,
    OPTIONS,
    U64,
    copy16,
    count,
    digits,
    digits3,
    entry,
    load8,
    lowest,
    mask_up_to,
    put,
    same,
    skip_space,
    string_end,
)

OK: Final = 0
ODD: Final = 1
"""Not for the kernel: the plain reader must look at the record."""
FULL: Final = 2
"""A buffer is too small for the record."""

CHUNK: Final = 2048
INDEX_SIZE: Final = CHUNK + 64
LONGEST_ADDRESS: Final = 39
ENCRYPTION: Final = (
    "NX", "X", "NX_HW_NOT_SUPPORTED", "NX_SW_NOT_READY", "NX_NOT_ACCEPTED", "NX_NOT_SUPPORTED",
    "NX_LOCAL_DST", "NX_FALLBACK",
)  # fmt: skip
_TOKENS: Final = np.frombuffer("".join(ENCRYPTION).encode(), np.uint8)
_TOKEN_STARTS: Final = np.cumsum([0, *(len(one) for one in ENCRYPTION)]).astype(np.int64)
STATES: Final = "BCED"
DIRECTIONS: Final = "IO"
DECISIONS: Final = "AD"
UNUSUAL, MISSING, NO_BYTES = 0, 1, 2
WARNINGS: Final = ("proto_unusual", "missing_counters", "zero_bytes_with_packets")
ENCRYPTED: Final = 16
"""The bit of `present` that tells of an encryption token; the lower four are the counters'."""
SRC_PORT, DST_PORT, DIRECTION, DECISION, STATE, TOKEN, RECORD, TUPLE = range(8)
"""The columns in `narrow`; those in `wide` are the time and four counters."""
_SEPARATOR: Final = np.uint8(0x2E)
_EARLIEST: Final = 946_684_800_000
_LATEST: Final = 4_102_444_800_000


@njit(**INLINE)
def _token(a, start, length):
    """Returns the number of an encryption token; 0 for none, -1 for an unknown one."""
    if length == 2 and load8(a, start) == 78 and load8(a, start + 1) == 88:
        return 0
    if length == 1 and load8(a, start) == 88:
        return 1
    for i in range(2, 8):
        begin = _TOKEN_STARTS[i]
        if _TOKEN_STARTS[i + 1] - begin == length and same(a, start, _TOKENS, begin, length):
            return i
    return -1


@njit(**INLINE)
def _state(letter):
    if letter == 66:
        return 0
    if letter == 67:
        return 1
    if letter == 69:
        return 2
    return 3 if letter == 68 else -1


@njit(**INLINE)
def _number(a, start, end):
    """Returns the number that up to 18 digits write; -1 for any other text."""
    if end - start > 18 or end <= start:
        return -1
    value = 0
    for i in range(start, end):
        digit = load8(a, i) - 48
        if digit < 0 or digit > 9:
            return -1
        value = value * 10 + digit
    return value


@njit(**OPTIONS)
def _is_ipv4(a, start, end):
    """Reports whether a text is an IPv4 address: four octets without leading zeros."""
    p = start
    for octet in range(4):
        value = 0
        first = p
        while p < end and 48 <= load8(a, p) <= 57 and p - first < 4:
            value = value * 10 + load8(a, p) - 48
            p += 1
        length = p - first
        if length == 0 or length > 3 or value > 255 or (length > 1 and load8(a, first) == 48):
            return False
        if octet < 3:
            if p >= end or load8(a, p) != 46:
                return False
            p += 1
    return p == end


@njit(**OPTIONS)
def _is_plain_ipv6(a, start, end):
    """Reports whether a text is an IPv6 address in the form of RFC 5952, for sure.

    Other spellings, and addresses with an IPv4 address inside, are for the plain parser.
    """
    groups = np.zeros(8, np.int64)
    n = 0
    gap = -1
    p = start
    if end - start < 2 or end - start > LONGEST_ADDRESS:
        return False
    if load8(a, p) == 58:
        if load8(a, p + 1) != 58:
            return False
        gap = 0
        p += 2
    while p < end:
        value = 0
        first = p
        while p < end and load8(a, p) != 58:
            c = load8(a, p)
            if 48 <= c <= 57:
                value = value * 16 + c - 48
            elif 97 <= c <= 102:
                value = value * 16 + c - 87
            else:
                return False
            p += 1
            if p - first > 4:
                return False
        if p == first or n >= 8 or (p - first > 1 and load8(a, first) == 48):
            return False
        groups[n] = value
        n += 1
        if p < end:
            p += 1
            if p >= end:
                return False
            if load8(a, p) == 58:
                if gap >= 0:
                    return False
                gap = n
                p += 1
    width = 0
    if gap >= 0:
        width = 8 - n
        if width < 2:
            return False
        for i in range(n - 1, gap - 1, -1):
            groups[i + width] = groups[i]
        for i in range(gap, gap + width):
            groups[i] = 0
    elif n != 8:
        return False
    best = 0
    best_at = -1
    run = 0
    for i in range(8):
        run = run + 1 if groups[i] == 0 else 0
        if run > best:
            best = run
            best_at = i - run + 1
    if gap >= 0 and (best != width or best_at != gap):
        return False
    if gap < 0 and best > 1:
        return False
    return not (best_at == 0 and best >= 5)


@njit(**INLINE)
def _copy(target, to, source, start, length):
    for i in range(0, length, 16):
        copy16(target, to + i, source, start + i)


@njit(**OPTIONS)
def _read_plain(a, start, end, row, cap, wide, narrow, protocols, present, sources, responders,
                source_at, responder_at, warnings):  # fmt: skip
    """Reads a tuple field by field; returns the lengths of its addresses, or -1 if it is odd."""
    commas = np.empty(14, np.int64)
    n = 1
    commas[0] = start - 1
    for i in range(start, end):
        if load8(a, i) == 44:
            if n > 12:
                return -1, -1
            commas[n] = i
            n += 1
    if n != 13:
        return -1, -1
    commas[13] = end
    time = _number(a, start, commas[1])
    if time < _EARLIEST or time >= _LATEST:
        return -1, -1
    for i in range(1, 3):
        first, last = commas[i] + 1, commas[i + 1]
        if not (_is_ipv4(a, first, last) or _is_plain_ipv6(a, first, last)):
            return -1, -1
    src_port = _number(a, commas[3] + 1, commas[4])
    dst_port = _number(a, commas[4] + 1, commas[5])
    protocol = _number(a, commas[5] + 1, commas[6])
    if src_port < 0 or dst_port < 0 or protocol < 0:
        return -1, -1
    if src_port > 65535 or dst_port > 65535 or protocol > 255:
        return -1, -1
    if commas[7] - commas[6] != 2 or commas[8] - commas[7] != 2:
        return -1, -1
    direction = load8(a, commas[6] + 1)
    state = _state(load8(a, commas[7] + 1))
    if (direction not in (73, 79)) or state < 0:
        return -1, -1
    there = 0
    token = 0
    if commas[9] - commas[8] > 1:
        token = _token(a, commas[8] + 1, commas[9] - commas[8] - 1)
        if token < 0:
            return -1, -1
        there = ENCRYPTED
    for i in range(4):
        first, last = commas[9 + i] + 1, commas[10 + i]
        value = 0
        if last > first:
            value = _number(a, first, last)
            if value < 0:
                return -1, -1
            there |= 1 << i
        put(wide, (i + 1) * cap + row, value)
    _store(row, cap, time, src_port, dst_port, protocol, direction, state, token, there,
           wide, narrow, protocols, present)  # fmt: skip
    _warn(protocol, state, there, wide[cap + row], wide[2 * cap + row], wide[3 * cap + row],
          wide[4 * cap + row], warnings)  # fmt: skip
    source = commas[2] - commas[1] - 1
    responder = commas[3] - commas[2] - 1
    _copy(sources, source_at, a, commas[1] + 1, source)
    _copy(responders, responder_at, a, commas[2] + 1, responder)
    return source, responder


@njit(**INLINE)
def _store(row, cap, time, src_port, dst_port, protocol, direction, state, token, there,
           wide, narrow, protocols, present):  # fmt: skip
    put(wide, row, np.int64(time))
    put(narrow, SRC_PORT * cap + row, np.int32(src_port))
    put(narrow, DST_PORT * cap + row, np.int32(dst_port))
    put(narrow, DIRECTION * cap + row, np.int32(direction == 79))
    put(narrow, DECISION * cap + row, np.int32(state == 3))
    put(narrow, STATE * cap + row, np.int32(state))
    put(narrow, TOKEN * cap + row, np.int32(token))
    put(protocols, row, np.int16(protocol))
    put(present, row, np.uint8(there))


@njit(**INLINE)
def _warn(protocol, state, there, packets1, bytes1, packets2, bytes2, warnings):
    if (protocol != 6) & (protocol != 17):
        warnings[UNUSUAL] += 1
    if ((state == 1) | (state == 2)) & ((there & 15) != 15):
        warnings[MISSING] += 1
    first = (packets1 != 0) & (bytes1 == 0) & ((there & 2) != 0)
    if first | ((packets2 != 0) & (bytes2 == 0) & ((there & 8) != 0)):
        warnings[NO_BYTES] += 1


@njit(**INLINE)
def _build_index(a, p, index):
    """Notes where quotes, commas and dots are in the next bytes; returns how many."""
    n = 0
    for block in range(CHUNK // 64):
        base = p + block * 64
        bits = mask_up_to(a, base, _SEPARATOR)
        found = count(bits)
        at = n
        while True:
            for _ in range(8):
                put(index, at, np.int32(base + lowest(bits)))
                bits &= bits - U64(1)
                at += 1
            if at >= n + found:
                break
        n += found
    return n


@njit(**INLINE)
def _octet(a, before, behind):
    """Returns an octet, and whether it is none: too long, empty, not digits, leading zeros."""
    length = behind - before - 1
    value, bad = digits3(a, before + 1, length)
    wrong = (bad != U64(0)) | (length < 1) | (length > 3) | (value > U64(255))
    return wrong | ((length > 1) & (load8(a, before + 1) == 48))


@njit(**INLINE)
def read_list(a, p, n, row, cap, wide, narrow, protocols, present, offsets, sources, responders,
              odd, n_odd, warnings, index, place):  # fmt: skip
    """Reads a list of tuples from behind its bracket.

    `place` is the index's state: the next entry, how many there are, where it begins.

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
        if i + 20 > k:
            k = _build_index(a, p, index)
            i = 0
            place[2] = p
        done = False
        if i + 20 <= k and entry(index, i) == p and load8(a, p) == 34:
            e1, e2 = entry(index, i + 1), entry(index, i + 2)
            e3, e4 = entry(index, i + 3), entry(index, i + 4)
            e5, e6 = entry(index, i + 5), entry(index, i + 6)
            e7, e8 = entry(index, i + 7), entry(index, i + 8)
            e9, e10, e11 = entry(index, i + 9), entry(index, i + 10), entry(index, i + 11)
            e12, e13, e14 = entry(index, i + 12), entry(index, i + 13), entry(index, i + 14)
            e15, e16, e17 = entry(index, i + 15), entry(index, i + 16), entry(index, i + 17)
            e18, e19 = entry(index, i + 18), entry(index, i + 19)
            dots = (
                (load8(a, e2) ^ 46) | (load8(a, e3) ^ 46) | (load8(a, e4) ^ 46)
                | (load8(a, e6) ^ 46) | (load8(a, e7) ^ 46) | (load8(a, e8) ^ 46)
            )  # fmt: skip
            commas = (
                (load8(a, e1) ^ 44) | (load8(a, e5) ^ 44) | (load8(a, e9) ^ 44)
                | (load8(a, e10) ^ 44) | (load8(a, e11) ^ 44) | (load8(a, e12) ^ 44)
                | (load8(a, e13) ^ 44) | (load8(a, e14) ^ 44) | (load8(a, e15) ^ 44)
                | (load8(a, e16) ^ 44) | (load8(a, e17) ^ 44) | (load8(a, e18) ^ 44)
                | (load8(a, e19) ^ 34)
            )  # fmt: skip
            l1, l2, l3 = e10 - e9 - 1, e11 - e10 - 1, e12 - e11 - 1
            k0, k1, k2, k3 = e16 - e15 - 1, e17 - e16 - 1, e18 - e17 - 1, e19 - e18 - 1
            lengths = (
                (l1 - 1) | (l2 - 1) | (l3 - 1) | (5 - l1) | (5 - l2) | (3 - l3)
                | (8 - k0) | (8 - k1) | (8 - k2) | (8 - k3)
            )  # fmt: skip
            fits = (e1 - p == 14) & (e13 - e12 == 2) & (e14 - e13 == 2) & (e19 < n)
            if ((dots | commas) == 0) & (lengths >= 0) & fits:
                wrong = _octet(a, e1, e2) | _octet(a, e2, e3) | _octet(a, e3, e4)
                wrong |= _octet(a, e4, e5) | _octet(a, e5, e6) | _octet(a, e6, e7)
                wrong |= _octet(a, e7, e8) | _octet(a, e8, e9)
                high, bad = digits(a, p + 1, 8)
                low, more = digits(a, p + 9, 5)
                bad |= more
                src_port, more = digits(a, e9 + 1, l1)
                bad |= more
                dst_port, more = digits(a, e10 + 1, l2)
                bad |= more
                protocol, more = digits3(a, e11 + 1, l3)
                bad |= more
                c0, more = digits(a, e15 + 1, k0)
                bad |= more
                c1, more = digits(a, e16 + 1, k1)
                bad |= more
                c2, more = digits(a, e17 + 1, k2)
                bad |= more
                c3, more = digits(a, e18 + 1, k3)
                bad |= more
                time = np.int64(high) * 100000 + np.int64(low)
                wrong |= (protocol >> U64(8)) | ((src_port | dst_port) >> U64(16)) != U64(0)
                wrong |= (bad != U64(0)) | (time < _EARLIEST) | (time >= _LATEST)
                direction, letter = load8(a, e12 + 1), load8(a, e13 + 1)
                state = _state(letter)
                wrong |= ((direction != 73) & (direction != 79)) | (state < 0)
                size = e15 - e14 - 1
                token = 0
                there = 0
                if size > 0:
                    token = _token(a, e14 + 1, size)
                    there = ENCRYPTED
                if (not wrong) and token >= 0:
                    there |= np.int64(k0 > 0) | (np.int64(k1 > 0) << 1)
                    there |= (np.int64(k2 > 0) << 2) | (np.int64(k3 > 0) << 3)
                    put(wide, cap + row, np.int64(c0))
                    put(wide, 2 * cap + row, np.int64(c1))
                    put(wide, 3 * cap + row, np.int64(c2))
                    put(wide, 4 * cap + row, np.int64(c3))
                    _store(row, cap, time, src_port, dst_port, protocol, direction, state, token,
                           there, wide, narrow, protocols, present)  # fmt: skip
                    _warn(np.int64(protocol), state, there, c0, c1, c2, c3, warnings)
                    copy16(sources, source_at, a, e1 + 1)
                    copy16(responders, responder_at, a, e5 + 1)
                    source_at += e5 - e1 - 1
                    responder_at += e9 - e5 - 1
                    p = e19 + 1
                    i += 20
                    done = True
        if not done:
            if p >= n or load8(a, p) != 34:
                return ODD, p, row, n_odd
            end = string_end(a, p + 1, n)
            if end < 0:
                return ODD, p, row, n_odd
            source, responder = _read_plain(
                a, p + 1, end, row, cap, wide, narrow, protocols, present, sources, responders,
                source_at, responder_at, warnings,
            )  # fmt: skip
            if source < 0:
                odd[n_odd, 0] = row
                odd[n_odd, 1] = p + 1
                odd[n_odd, 2] = end
                n_odd += 1
                for column in range(5):
                    put(wide, column * cap + row, np.int64(0))
                _store(row, cap, 0, 0, 0, 0, 0, 0, 0, 0, wide, narrow, protocols, present)
            else:
                source_at += source
                responder_at += responder
            p = end + 1
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
