"""Records of flow logs in the forms in which Azure writes them, compiled.

A record holds flows, a flow holds groups, a group holds tuples, in VNet and in NSG logs alike;
only the names differ, and what a flow and a group are named for: an ACL and a rule, or a rule and
a MAC address.

One known field more than once, a field that nobody knows, an escape, another category: the walker
leaves the whole record to the plain reader. What it reads is in that form for sure.
"""

# Compiled code has no types that a checker could follow: numba infers them.
# pyright: reportMissingParameterType=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportAttributeAccessIssue=false, reportGeneralTypeIssues=false
# pyright: reportUnnecessaryComparison=false, reportUnusedImport=false

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from flowverdict.flowlog.kernel_bytes import BORROWING, INLINE, TEXT, load8, same, skip_space
from flowverdict.flowlog.kernel_bytes import string_end as _string_end
from flowverdict.flowlog.kernel_fields import NSG1, NSG2, RECORD, TUPLE, VNET4
from flowverdict.flowlog.kernel_tuples import FORM, FULL, ODD, OK, read_list

AGAIN: Final = 3
"""The record's version stands behind its tuples, and is not the one that was expected."""

_NAMES: Final = (
    "time", "operationName", "flowLogGUID", "systemId", "category", "flowLogVersion",
    "flowRecords", "properties", "macAddress", "targetResourceID", "resourceId",
    "flowLogResourceID",
    "flows", "Version", "aclID", "flowGroups", "rule", "mac", "flowTuples",
    "FlowLogFlowEvent", "NetworkSecurityGroupFlowEvent",
)  # fmt: skip
_TEXT: Final = np.frombuffer("".join(_NAMES).encode(), np.uint8)
_STARTS: Final = np.cumsum([0, *(len(one) for one in _NAMES)]).astype(np.int64)
CATEGORY, VNET_VERSION, RECORDS, PROPERTIES, MAC_ADDRESS, TARGET, NSG, FLOW_LOG = range(4, 12)
FLOWS, VERSION, ACL, GROUPS, RULE, MAC, TUPLES, VNET_EVENT, NSG_EVENT = range(12, 21)
_ONLY_VNET: Final = sum(1 << i for i in (2, VNET_VERSION, RECORDS, TARGET, FLOW_LOG))
_ONLY_NSG: Final = sum(1 << i for i in (3, PROPERTIES, NSG, VERSION))
_VNET_NEEDS: Final = sum(1 << i for i in (CATEGORY, RECORDS, FLOWS))
_NSG_NEEDS: Final = sum(1 << i for i in (CATEGORY, PROPERTIES, FLOWS, VERSION))
ROW, N_ODD, N_GROUPS, N_FLOWS, N_RECORDS = range(5)
"""What the kernel's `done` counts; then come three warnings."""
COUNTS: Final = 8
"""How many these are; behind them `done` has what they were before the record at hand."""
OTHER, READ_AS = 6, 8
"""The columns of `records` for a text that no row needs, and for the tuples' form; before them come
MAC address, target and flow log. Of each text there are the place and the length."""
_COLUMNS: Final = np.array([*[OTHER] * MAC_ADDRESS, 0, 2, 2, 4])


@njit(**INLINE)
def _is(a, start, length, name):
    begin = _STARTS[name]
    return _STARTS[name + 1] - begin == length and same(a, start, _TEXT, begin, length)


@njit(f"int64({TEXT}, int64, int64, int64, int64)", **BORROWING)
def _name(a, start, end, first, last):
    """Returns which of some known names a text is; -1 if it is none of them."""
    for name in range(first, last):
        if _is(a, start, end - start, name):
            return name
    return -1


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
def _text(a, p, n, table, row, column):
    """Notes in a table where a string begins and its length; returns its end, -1 if it is odd."""
    if p >= n or load8(a, p) != 34:
        return -1
    end = _string_end(a, p + 1, n)
    if end < 0:
        return -1
    table[row, column] = p + 1
    table[row, column + 1] = end - p - 1
    return end + 1


@njit(**INLINE)
def _group(a, p, n, cap, wide, narrow, protocols, present, offsets, sources, responders, odd,
           index, place, done, groups):  # fmt: skip
    """Reads a group."""
    g = done[N_GROUPS]
    if g >= len(groups):
        return FULL, p
    groups[g, 0] = groups[g, 1] = 0
    groups[g, 2] = done[N_FLOWS]
    groups[g, 3] = groups[g, 4] = done[ROW]
    text = RULE if place[FORM] == VNET4 else MAC
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
                a, p + 1, n, done[ROW], cap, wide, narrow, protocols, present, offsets,
                sources, responders, odd, done[N_ODD], done[5:], index, place,
            )  # fmt: skip
            if status != OK:
                return status, p
            groups[g, 4] = done[ROW]
        elif _is(a, name, end - name, text) and not seen & 2:
            seen |= 2
            p = _text(a, p, n, groups, g, 0)
            if p < 0:
                return ODD, p
        else:
            return ODD, p
        more, p = _next(a, p, n, 125)
    done[N_GROUPS] += more == 0
    return (OK if more == 0 else ODD), p


@njit(**INLINE)
def _flows(a, p, n, cap, wide, narrow, protocols, present, offsets, sources, responders, odd,
           index, place, done, groups, flows):  # fmt: skip
    """Reads the list of flows in a record."""
    text, inside = (ACL, GROUPS) if place[FORM] == VNET4 else (RULE, FLOWS)
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
            if _is(a, name, end - name, text) and not seen & 1:
                seen |= 1
                p = _text(a, p, n, flows, f, 0)
                if p < 0:
                    return ODD, p
            elif _is(a, name, end - name, inside) and not seen & 2:
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
def _record(a, p, n, expected, cap, wide, narrow, protocols, present, offsets, sources, responders,
            odd, index, place, done, groups, flows, records):  # fmt: skip
    """Reads a record, whose version is `expected` if it stands behind the tuples.

    Returns:
        The status, where the record ends, and its form.
    """
    r = done[N_RECORDS]
    if r >= len(records):
        return FULL, p, -1
    for i in range(OTHER):
        records[r, i] = 0
    category = form = read_as = -1
    seen = 0
    is_inside = False  # of the object that holds the flows
    more, p = _opened(a, p, n, 123, 125)
    while more == 1:
        name, end, p = _key(a, p, n)
        if name < 0:
            return ODD, p, form
        which = _name(a, name, end, 0, VERSION + 1)
        if which < 0 or (which >= FLOWS) != is_inside or seen & (1 << which) or p >= n:
            return ODD, p, form
        seen |= 1 << which
        if which in (RECORDS, PROPERTIES):
            if which == RECORDS:
                form = VNET4
            is_inside = True
            more, p = _opened(a, p, n, 123, 125)
            if more != 1:
                return ODD, p, form
            continue
        if which == FLOWS:
            read_as = form if form >= 0 else expected
            place[FORM] = read_as
            status, p = _flows(
                a, p, n, cap, wide, narrow, protocols, present, offsets, sources, responders, odd,
                index, place, done, groups, flows,
            )  # fmt: skip
            if status != OK:
                return status, p, form
        elif which in (VERSION, VNET_VERSION):
            number = load8(a, p) - 48
            if which == VERSION and 1 <= number <= 2:
                form = NSG1 if number == 1 else NSG2
            elif which == VERSION or number != 4:
                return ODD, p, form
            p += 1
        else:
            p = _text(a, p, n, records, r, _COLUMNS[which])
            if p < 0:
                return ODD, p, form
            if which == CATEGORY:
                category = _name(a, records[r, OTHER], p - 1, VNET_EVENT, NSG_EVENT + 1)
        more, p = _next(a, p, n, 125)
        if more == 0 and is_inside:
            is_inside = False
            more, p = _next(a, p, n, 125)
    is_vnet = category == VNET_EVENT and seen & _VNET_NEEDS == _VNET_NEEDS and not seen & _ONLY_NSG
    is_nsg = category == NSG_EVENT and seen & _NSG_NEEDS == _NSG_NEEDS and not seen & _ONLY_VNET
    if more != 0 or not (is_vnet or is_nsg):
        return ODD, p, form
    records[r, READ_AS] = form
    return (OK if form == read_as else AGAIN), p, form


@njit(
    f"Tuple((int64, int64))({TEXT}, int64, int64, int64, int64, int64, int64[::1], int32[::1],"
    " int16[::1], uint8[::1], int32[::1], uint8[::1], uint8[::1], int64[:, ::1], int32[::1],"
    " int64[::1], int64[::1], int64[:, ::1], int64[:, ::1], int64[:, ::1])",
    **BORROWING,
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
    expected = NSG2
    while True:
        while p < n and (load8(a, p) in (32, 10, 13, 9, 0, 44, 30)):
            p += 1
        start = p
        for i in range(COUNTS):
            done[COUNTS + i] = done[i]
        status, p, form = _record(
            a, p, n, expected, cap, wide, narrow, protocols, present, offsets, sources, responders,
            odd, index, place, done, groups, flows, records,
        )  # fmt: skip
        if status != OK:
            for i in range(COUNTS):
                done[i] = done[COUNTS + i]
            if status != AGAIN:
                return status, behind
            expected = form
            place[1] = 0
            p = start
            continue
        first = done[COUNTS + ROW]
        number = np.int32(base + done[N_RECORDS])
        for row in range(first, done[ROW]):
            narrow[RECORD * cap + row] = number
            narrow[TUPLE * cap + row] = row - first
        done[N_RECORDS] += 1
        behind = p
        if done[ROW] >= limit:
            return OK, behind
