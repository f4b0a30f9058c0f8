"""Records of VNet logs in the form in which Azure writes them, compiled.

One known field more than once, a field that nobody knows, an escape, another category: the walker
leaves the whole record to the plain reader. What it reads is in that form for sure.
"""

# Compiled code has no types that a checker could follow: numba infers them.
# pyright: reportMissingParameterType=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportAttributeAccessIssue=false, reportGeneralTypeIssues=false
# pyright: reportUnnecessaryComparison=false

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from flowverdict.flowlog.kernel_bytes import INLINE, OPTIONS, U64, load8, load64, same, skip_space
from flowverdict.flowlog.kernel_bytes import string_end as _string_end
from flowverdict.flowlog.kernel_tuples import FULL, ODD, OK, RECORD, TUPLE, read_list

_NAMES: Final = (
    "time", "flowLogGUID", "operationName", "category", "flowLogVersion", "flowRecords",
    "macAddress", "targetResourceID", "flowLogResourceID", "flows", "aclID", "flowGroups", "rule",
    "flowTuples", "FlowLogFlowEvent",
)  # fmt: skip
_TEXT: Final = np.frombuffer("".join(_NAMES).encode(), np.uint8)
_STARTS: Final = np.cumsum([0, *(len(one) for one in _NAMES)]).astype(np.int64)
CATEGORY, VERSION, RECORDS, MAC = 3, 4, 5, 6
FLOWS, ACL, GROUPS, RULE, TUPLES, EVENT = 9, 10, 11, 12, 13, 14
ROW, N_ODD, N_GROUPS, N_FLOWS, N_RECORDS = range(5)
"""What the kernel's `done` counts; then come three warnings."""
_PRIME: Final = U64(0x9E3779B97F4A7C15)


@njit(**INLINE)
def _is(a, start, length, name):
    begin = _STARTS[name]
    return _STARTS[name + 1] - begin == length and same(a, start, _TEXT, begin, length)


@njit(**INLINE)
def _key(a, p, n):
    """Returns where a member's name begins and ends and its value begins; -1 if it is odd."""
    if p >= n or load8(a, p) != 34:
        return -1, 0, 0
    end = _string_end(a, p + 1, n)
    if end < 0:
        return -1, 0, 0
    q = skip_space(a, end + 1, n)
    if q >= n or load8(a, q) != 58:
        return -1, 0, 0
    return p + 1, end, skip_space(a, q + 1, n)


@njit(**INLINE)
def _next(a, p, n, closing):
    """Returns what follows a value: 1 another one, 0 the end, -1 neither; and its place."""
    p = skip_space(a, p, n)
    if p >= n:
        return -1, p
    c = load8(a, p)
    if c == closing:
        return 0, p + 1
    if c != 44:
        return -1, p
    return 1, skip_space(a, p + 1, n)


@njit(**INLINE)
def _opened(a, p, n, opening, closing):
    """Likewise for the beginning of an object or list."""
    if p >= n or load8(a, p) != opening:
        return -1, p
    p = skip_space(a, p + 1, n)
    if p < n and load8(a, p) == closing:
        return 0, p + 1
    return 1, p


@njit(**INLINE)
def _group(a, p, n, cap, wide, narrow, protocols, present, offsets, sources, responders, odd,
           index, place, done, groups):  # fmt: skip
    """Reads a flow group."""
    g = done[N_GROUPS]
    if g >= len(groups):
        return FULL, p
    groups[g, 0] = groups[g, 1] = 0
    groups[g, 2] = done[N_FLOWS]
    groups[g, 3] = groups[g, 4] = done[ROW]
    seen = 0
    more, p = _opened(a, p, n, 123, 125)
    while more == 1:
        name, end, p = _key(a, p, n)
        if name < 0:
            return ODD, p
        if _is(a, name, end - name, TUPLES) and not seen & 1:
            seen |= 1
            if p >= n or load8(a, p) != 91:
                return ODD, p
            status, p, done[ROW], done[N_ODD] = read_list(
                a, p + 1, n, done[ROW], cap, wide, narrow, protocols, present, offsets, sources,
                responders, odd, done[N_ODD], done[5:8], index, place,
            )  # fmt: skip
            if status != OK:
                return status, p
            groups[g, 4] = done[ROW]
        elif _is(a, name, end - name, RULE) and not seen & 2:
            seen |= 2
            if p >= n or load8(a, p) != 34:
                return ODD, p
            end = _string_end(a, p + 1, n)
            if end < 0:
                return ODD, p
            groups[g, 0] = p + 1
            groups[g, 1] = end - p - 1
            p = end + 1
        else:
            return ODD, p
        more, p = _next(a, p, n, 125)
    done[N_GROUPS] += more == 0
    return (OK if more == 0 else ODD), p


@njit(**INLINE)
def _flows(a, p, n, cap, wide, narrow, protocols, present, offsets, sources, responders, odd,
           index, place, done, groups, flows):  # fmt: skip
    """Reads the list of flows in a record."""
    more, p = _opened(a, p, n, 91, 93)
    while more == 1:
        f = done[N_FLOWS]
        if f >= len(flows):
            return FULL, p
        flows[f, 0] = flows[f, 1] = 0
        flows[f, 2] = done[N_RECORDS]
        seen = 0
        inner, p = _opened(a, p, n, 123, 125)
        while inner == 1:
            name, end, p = _key(a, p, n)
            if name < 0:
                return ODD, p
            if _is(a, name, end - name, ACL) and not seen & 1:
                seen |= 1
                if p >= n or load8(a, p) != 34:
                    return ODD, p
                end = _string_end(a, p + 1, n)
                if end < 0:
                    return ODD, p
                flows[f, 0] = p + 1
                flows[f, 1] = end - p - 1
                p = end + 1
            elif _is(a, name, end - name, GROUPS) and not seen & 2:
                seen |= 2
                deep, p = _opened(a, p, n, 91, 93)
                while deep == 1:
                    status, p = _group(
                        a, p, n, cap, wide, narrow, protocols, present, offsets, sources,
                        responders, odd, index, place, done, groups,
                    )  # fmt: skip
                    if status != OK:
                        return status, p
                    deep, p = _next(a, p, n, 93)
                if deep < 0:
                    return ODD, p
            else:
                return ODD, p
            inner, p = _next(a, p, n, 125)
        if inner < 0:
            return ODD, p
        done[N_FLOWS] += 1
        more, p = _next(a, p, n, 93)
    return (OK if more == 0 else ODD), p


@njit(**INLINE)
def _record(a, p, n, cap, wide, narrow, protocols, present, offsets, sources, responders, odd,
            index, place, done, groups, flows, records):  # fmt: skip
    """Reads a record."""
    r = done[N_RECORDS]
    if r >= len(records):
        return FULL, p
    for i in range(6):
        records[r, i] = 0
    seen = 0
    more, p = _opened(a, p, n, 123, 125)
    while more == 1:
        name, end, p = _key(a, p, n)
        if name < 0:
            return ODD, p
        which = -1
        for i in range(9):
            if _is(a, name, end - name, i):
                which = i
        if which < 0 or p >= n or seen & (1 << which):
            return ODD, p
        seen |= 1 << which
        if which == VERSION:
            if load8(a, p) != 52:
                return ODD, p
            p += 1
        elif which == RECORDS:
            inner, p = _opened(a, p, n, 123, 125)
            if inner != 1:
                return ODD, p
            name, end, p = _key(a, p, n)
            if name < 0 or not _is(a, name, end - name, FLOWS):
                return ODD, p
            status, p = _flows(
                a, p, n, cap, wide, narrow, protocols, present, offsets, sources, responders, odd,
                index, place, done, groups, flows,
            )  # fmt: skip
            if status != OK:
                return status, p
            inner, p = _next(a, p, n, 125)
            if inner != 0:
                return ODD, p
        else:
            if load8(a, p) != 34:
                return ODD, p
            end = _string_end(a, p + 1, n)
            if end < 0:
                return ODD, p
            if which == CATEGORY and not _is(a, p + 1, end - p - 1, EVENT):
                return ODD, p
            if which >= MAC:
                records[r, 2 * (which - MAC)] = p + 1
                records[r, 2 * (which - MAC) + 1] = end - p - 1
            p = end + 1
        more, p = _next(a, p, n, 125)
    needed = (1 << CATEGORY) | (1 << RECORDS)
    if more != 0 or seen & needed != needed:
        return ODD, p
    return OK, p


@njit(
    "Tuple((int64, int64))(uint8[::1], int64, int64, int64, int64, int64, int64[::1], int32[::1],"
    " int16[::1], uint8[::1], int32[::1], uint8[::1], uint8[::1], int64[:, ::1], int32[::1],"
    " int64[::1], int64[::1], int64[:, ::1], int64[:, ::1], int64[:, ::1])",
    **OPTIONS,
)
def read_records(a, p, n, limit, base, cap, wide, narrow, protocols, present, offsets, sources,
                 responders, odd, index, place, done, groups, flows, records):  # fmt: skip
    """Reads one record after another as long as they are in Azure's own form.

    The first one begins at `p`; `limit` is the number of rows at which to stop, `base` the number
    of the first record that `done` counts.

    Returns:
        Why it stopped, and behind the last record that it read.
    """
    behind = p
    while True:
        while p < n and (load8(a, p) in (32, 10, 13, 9, 0, 44, 30)):
            p += 1
        before = done.copy()
        status, p = _record(
            a, p, n, cap, wide, narrow, protocols, present, offsets, sources, responders, odd,
            index, place, done, groups, flows, records,
        )  # fmt: skip
        if status != OK:
            done[:] = before
            return status, behind
        first = before[ROW]
        number = np.int32(base + done[N_RECORDS])
        for row in range(first, done[ROW]):
            narrow[RECORD * cap + row] = number
            narrow[TUPLE * cap + row] = row - first
        done[N_RECORDS] += 1
        behind = p
        if done[ROW] >= limit:
            return OK, behind


@njit("int64(uint8[::1], int64[::1], int64[::1], int32[::1], int64[::1])", **OPTIONS)
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


@njit("void(int64[:, ::1], int32[::1], int32[::1])", **OPTIONS)
def spread(groups, codes, rows):
    """Gives each row the code of its group."""
    for g in range(len(codes)):
        code = codes[g]
        for row in range(groups[g, 3], groups[g, 4]):
            rows[row] = code
