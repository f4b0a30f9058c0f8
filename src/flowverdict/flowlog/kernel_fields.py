"""The fields of a tuple and the columns that take them, compiled; one tuple field by field."""

# Compiled code has no types that a checker could follow: numba infers them.
# pyright: reportMissingParameterType=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportAttributeAccessIssue=false, reportGeneralTypeIssues=false
# pyright: reportUnnecessaryComparison=false

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from flowverdict.flowlog.kernel_address import is_address
from flowverdict.flowlog.kernel_bytes import BORROWING, INLINE, TEXT, copy16, load8, put, same

VNET4, NSG1, NSG2 = range(3)
SCHEMAS: Final = ("vnet4", "nsg1", "nsg2")
"""The forms of records and tuples; the kernel has their numbers."""
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
STATED: Final = 32
"""The bit that tells of a state."""
SRC_PORT, DST_PORT, DIRECTION, DECISION, STATE, TOKEN, RECORD, TUPLE = range(8)
"""The columns in `narrow`; those in `wide` are the time and four counters."""
EARLIEST: Final = 946_684_800_000
LATEST: Final = 4_102_444_800_000
_SECONDS_BELOW: Final = 10**11


@njit(**INLINE)
def token_of(a, start, length):
    """Returns the number of an encryption token; -1 for an unknown one."""
    first = load8(a, start)
    is_nx = (length == 2) & (first == 78) & (load8(a, start + 1) == 88)
    is_x = (length == 1) & (first == 88)
    if is_nx | is_x:
        return np.int64(is_x)
    for i in range(2, 8):
        begin = _TOKEN_STARTS[i]
        if _TOKEN_STARTS[i + 1] - begin == length and same(a, start, _TOKENS, begin, length):
            return i
    return -1


@njit(**INLINE)
def state_of(letter):
    """Returns the number of a state, without a branch for each; -1 if it is none."""
    i = letter - 66
    return i ^ (i >> 1) if 0 <= i < 4 else -1


@njit(**INLINE)
def protocol_of(letter):
    """Returns the protocol for which an NSG log has a letter; -1 if there is none."""
    if letter == 84:
        return 6
    return 17 if letter == 85 else -1


@njit(**INLINE)
def verdict(a, start, middle, end, form):
    """Reads what stands behind the direction: one letter, a comma, and for some forms a word.

    Args:
        a: the text.
        start: where the letter is.
        middle: where the word begins; `end` if the form has none.
        end: where it ends.
        form: the tuple's.

    Returns:
        Decision, state and token as numbers, the bits for `present`, and whether all is well.
    """
    letter = load8(a, start)
    size = end - middle
    if form == VNET4:
        state = state_of(letter)
        token = token_of(a, middle, size) if size > 0 else 0
        there = STATED | ENCRYPTED if size > 0 else STATED
        return np.int64(state == 3), state, token, there, (state >= 0) & (token >= 0)
    state = 0
    there = 0
    if size > 0:
        state = state_of(load8(a, middle))
        there = STATED
    fits = ((letter == 65) | (letter == 68)) & (size <= 1) & (state >= 0) & (state < 3)
    return np.int64(letter == 68), state, 0, there, fits


@njit(**INLINE)
def store(row, cap, time, src_port, dst_port, protocol, direction, decision, state, token, there,
          wide, narrow, protocols, present):  # fmt: skip
    """Puts all of a tuple into the columns but its counters and addresses."""
    put(wide, row, np.int64(time))
    put(narrow, SRC_PORT * cap + row, np.int32(src_port))
    put(narrow, DST_PORT * cap + row, np.int32(dst_port))
    put(narrow, DIRECTION * cap + row, np.int32(direction == 79))
    put(narrow, DECISION * cap + row, np.int32(decision))
    put(narrow, STATE * cap + row, np.int32(state))
    put(narrow, TOKEN * cap + row, np.int32(token))
    put(protocols, row, np.int16(protocol))
    put(present, row, np.uint8(there))


@njit(**INLINE)
def warn(protocol, state, there, packets1, bytes1, packets2, bytes2, warnings):
    """Counts what the plain parser would warn of."""
    unusual = (protocol != 6) & (protocol != 17)
    missing = ((state == 1) | (state == 2)) & ((there & 15) != 15)
    no_bytes = (packets1 != 0) & (bytes1 == 0) & ((there & 2) != 0)
    no_bytes |= (packets2 != 0) & (bytes2 == 0) & ((there & 8) != 0)
    if unusual | missing | no_bytes:
        warnings[UNUSUAL] += unusual
        warnings[MISSING] += missing
        warnings[NO_BYTES] += no_bytes


@njit(**INLINE)
def copy_address(target, to, source, start, length):
    """Copies a text of at most 48 bytes."""
    copy16(target, to, source, start)
    if length > 16:
        copy16(target, to + 16, source, start + 16)
        copy16(target, to + 32, source, start + 32)


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


@njit(
    f"Tuple((int64, int64))({TEXT}, int64, int64, int64, int64, int64, int64[::1], int32[::1],"
    " int16[::1], uint8[::1], uint8[::1], uint8[::1], int64, int64, int64[::1], int64[::1])",
    **BORROWING,
)
def read_fields(a, start, end, form, row, cap, wide, narrow, protocols, present, sources,
                responders, source_at, responder_at, warnings, commas):  # fmt: skip
    """Reads a tuple field by field; returns the lengths of its addresses, or -1 if it is odd.

    `commas` is room for 14 places.
    """
    columns = 8 if form == NSG1 else 13
    n = 1
    commas[0] = start - 1
    for i in range(start, end):
        if load8(a, i) == 44:
            if n == columns:
                return -1, -1
            commas[n] = i
            n += 1
    if n != columns:
        return -1, -1
    commas[n] = end
    time = _number(a, start, commas[1])
    if form != VNET4 and time < _SECONDS_BELOW:
        time *= 1000
    if time < EARLIEST or time >= LATEST:
        return -1, -1
    for i in range(1, 3):
        if not is_address(a, commas[i] + 1, commas[i + 1]):
            return -1, -1
    src_port = _number(a, commas[3] + 1, commas[4])
    dst_port = _number(a, commas[4] + 1, commas[5])
    protocol = _number(a, commas[5] + 1, commas[6])
    if form != VNET4:
        is_letter = commas[6] - commas[5] == 2
        protocol = protocol_of(load8(a, commas[5] + 1)) if is_letter else -1
    if src_port < 0 or dst_port < 0 or protocol < 0:
        return -1, -1
    if src_port > 65535 or dst_port > 65535 or protocol > 255:
        return -1, -1
    if commas[7] - commas[6] != 2 or commas[8] - commas[7] != 2:
        return -1, -1
    direction = load8(a, commas[6] + 1)
    word, last = (end, end) if form == NSG1 else (commas[8] + 1, commas[9])
    decision, state, token, there, fits = verdict(a, commas[7] + 1, word, last, form)
    if direction not in (73, 79) or not fits:
        return -1, -1
    for i in range(4):
        value = 0
        if form != NSG1 and commas[10 + i] - commas[9 + i] > 1:
            value = _number(a, commas[9 + i] + 1, commas[10 + i])
            if value < 0:
                return -1, -1
            there |= 1 << i
        put(wide, (i + 1) * cap + row, np.int64(value))
    store(row, cap, time, src_port, dst_port, protocol, direction, decision, state, token, there,
          wide, narrow, protocols, present)  # fmt: skip
    warn(protocol, state, there, wide[cap + row], wide[2 * cap + row], wide[3 * cap + row],
         wide[4 * cap + row], warnings)  # fmt: skip
    source = commas[2] - commas[1] - 1
    responder = commas[3] - commas[2] - 1
    copy_address(sources, source_at, a, commas[1] + 1, source)
    copy_address(responders, responder_at, a, commas[2] + 1, responder)
    return source, responder
