"""Compiled: rows through the stages of a policy, one by one."""

# Compiled code has no types that a checker could follow: numba infers them.
# pyright: reportMissingParameterType=false, reportCallIssue=false

from __future__ import annotations

from typing import Final

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from flowverdict.classify.columns import BORROWING, INLINE, UNJUDGED, item

OPEN: Final = -2
"""A missing fact may count: the evaluator has to say."""
NO_POLICY: Final = -1
"""There is no policy to judge by."""
BY_NOTHING: Final = 0
"""Allowed because nothing decided."""

# where in a stage's record (``records.Records.stage``) what stands
WIDE: Final = 0  # words in a row
ASKING: Final = 1  # bit 0: addresses have three planes; bit 1: some test always asks
_TAGGED: Final = 4  # bit 2: some test has a topology tag
_FROM_PORTS: Final = 8  # bit 3: some test is not for every packet's source port
PROTOCOLS: Final = 2  # rows
DST_PORTS: Final = 3  # size of the search, lines, rows
LINES: Final = 1
ROWS: Final = 2
SRC_PORTS: Final = 6
_SOME_PORTS: Final = 9  # tests that are not for every source port
_ALWAYS: Final = 10  # tests that ask whenever they match
SRC: Final = 11  # size of the search, lines, rows, size of a plane, rows of topology tags
DST: Final = 16
PLANE: Final = 3
TAGS: Final = 4
_ACTIONS: Final = 21
_OUTCOMES: Final = 22
STAGE_FIELDS: Final = 23

_ONE: Final = np.uint64(1)
_NONE: Final = np.uint64(0)


@intrinsic
def _lowest(context, word):
    """The number of the lowest bit that is set, of a word that has one."""

    def generate(_, builder, __, words):
        return builder.cttz(words[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


@njit(**INLINE)
def _line(lines, base, search, atom):
    """The number of the row of an atom: see ``records._search``."""
    if search == 0:
        return item(lines, base + atom)
    low = 0
    while search > 1:
        half = search >> 1
        low += half * (item(lines, base + low + half) <= atom)  # no branch to be guessed wrong
        search -= half
    return low


@njit(**INLINE)
def _row(stages, field, lines, atom, wide):
    """Where the row of an atom begins: by a table of all atoms, or by the last cut not above it."""
    rows = item(stages, field + ROWS)
    return rows + _line(lines, item(stages, field + LINES), item(stages, field), atom) * wide


@njit(**INLINE)
def _first(
    stages, stage, lines, words, protocol, dst_port, src_port, src, dst, src_state, dst_state, ask
):
    """The first test of a stage that matches; -1 where none does, ``OPEN`` where it would ask."""
    wide = item(stages, stage + WIDE)
    to = _row(stages, stage + DST, lines, dst, wide)
    to_tags = item(stages, stage + DST + TAGS) + dst_state * 3 * wide
    if wide == 1 and item(words, to) | item(words, to_tags) == _NONE:
        return -1
    by = _row(stages, stage + SRC, lines, src, wide)
    by_tags = item(stages, stage + SRC + TAGS) + src_state * 3 * wide
    kind = item(stages, stage + PROTOCOLS) + protocol * wide
    to_port = _row(stages, stage + DST_PORTS, lines, dst_port, wide)
    marks = item(stages, stage + ASKING)
    by_port = kind  # to look twice at a row costs less than to look at another one
    if marks & _FROM_PORTS:
        by_port = _row(stages, stage + SRC_PORTS, lines, src_port, wide)
    if ask or marks & 3:
        return _first_or_open(
            stages, stage, words, kind, to_port, by_port, to, by, to_tags, by_tags, ask == 2
        )
    if not marks & _TAGGED:
        to_tags, by_tags = to, by
    test = np.int64(-1)
    if wide <= 4:  # a branch that is guessed wrong costs more than the words behind the match
        for w in range(wide - 1, -1, -1):
            found = item(words, kind + w) & item(words, to_port + w) & item(words, by_port + w)
            found &= item(words, to + w) | item(words, to_tags + w)
            found &= item(words, by + w) | item(words, by_tags + w)
            test = 64 * w + _lowest(found) if found != _NONE else test
        return test
    for w in range(wide):
        found = item(words, to + w) | item(words, to_tags + w)
        found &= item(words, by + w) | item(words, by_tags + w)
        found &= item(words, kind + w) & item(words, to_port + w) & item(words, by_port + w)
        if found != _NONE:
            return 64 * w + _lowest(found)
    return test


@njit(**BORROWING)
def _first_or_open(
    stages, stage, words, kind, to_port, by_port, to, by, to_tags, by_tags, any_port
):
    """Likewise, where a missing fact may be asked for."""
    wide = item(stages, stage + WIDE)
    has_doubts = item(stages, stage + ASKING) & 1
    to_plane = item(stages, stage + DST + PLANE)
    by_plane = item(stages, stage + SRC + PLANE)
    for w in range(wide):
        reached = item(words, kind + w) & item(words, to_port + w)
        passed = reached & item(words, by_port + w)
        target = item(words, to + w) | item(words, to_tags + w)
        source = item(words, by + w) | item(words, by_tags + w)
        ask_to = item(words, to_tags + wide + w)
        ask_by = item(words, by_tags + wide + w)
        sure_to = item(words, to_tags + 2 * wide + w)
        sure_by = item(words, by_tags + 2 * wide + w)
        if has_doubts:
            ask_to |= item(words, to + to_plane + w)
            ask_by |= item(words, by + by_plane + w)
            sure_to |= item(words, to + 2 * to_plane + w)
            sure_by |= item(words, by + 2 * by_plane + w)
        else:
            sure_to |= item(words, to + w)
            sure_by |= item(words, by + w)
        found = passed & target & source
        asks = found & item(words, item(stages, stage + _ALWAYS) + w)
        asks |= passed & ((ask_to & ~sure_to) | (target & ask_by & ~sure_by))
        if any_port:
            partly = item(words, item(stages, stage + _SOME_PORTS) + w)
            asks |= reached & partly & item(words, by_port + w)
        if found | asks != _NONE:
            at = _lowest(found | asks)
            return OPEN if (asks >> np.uint64(at)) & _ONE else 64 * w + at
    return -1


@njit(
    "void(int32[::1], uint8[::1], uint8[::1], int32[::1], int32[::1], int32[::1], int32[::1],"
    "int32[::1], int32[::1], uint8[:, ::1], int32[:, ::1], int32[::1], int64[::1], int32[::1],"
    "uint64[::1], int64[::1], int32[::1])",
    **BORROWING,
)
def judge(
    policy, way, protocol, src_port, dst_port, src, dst,
    ports, protocols, topology, policies, lists, stages, lines, words, seen, out,
):  # fmt: skip
    """Judges the rows that are ``UNJUDGED``.

    Args:
        policy: the number of each row's policy; negative for none.
        way: 0 inbound, 1 outbound.
        protocol: the IANA number.
        src_port: the number; -1 any port, -2 none.
        dst_port: the number; -2 none.
        src: the atom of the source address.
        dst: likewise of the destination.
        ports: the atoms of no port, of any port and of each port from 0.
        protocols: the atom of each protocol.
        topology: for each place and atom what is known of it (``tables._states``).
        policies: where in ``lists`` a policy's inbound stages are, how many, the outbound ones
            likewise, and the number of its place.
        lists: numbers of stages.
        stages: records of stages (``records.Records.stage``).
        lines: numbers of rows, actions and outcomes.
        words: rows of bits.
        seen: counts the rows of each policy and direction, as far as threads do not disturb it.
        out: takes the outcome of each row, ``NO_POLICY`` or ``OPEN``.
    """
    for row in range(len(out)):
        if out[row] != UNJUDGED:
            continue
        at = policy[row]
        if at < 0:
            out[row] = NO_POLICY
            continue
        seen[2 * at + way[row]] += 1
        source_port = ports[src_port[row] + 2]
        target_port = ports[dst_port[row] + 2]
        place = policies[at, 4]
        src_state = np.int64(topology[place, src[row]])
        dst_state = np.int64(topology[place, dst[row]])
        in_doubt = (src_state & (src_state >> 1) | dst_state & (dst_state >> 1)) & 5
        ask = 2 if src_port[row] == -1 else np.int64(in_doubt != 0)
        begin = policies[at, 2 * way[row]]
        end = begin + policies[at, 2 * way[row] + 1]
        kept = BY_NOTHING
        for i in range(begin, end):
            stage = STAGE_FIELDS * lists[i]
            test = _first(
                stages, stage, lines, words, protocols[protocol[row]], target_port, source_port,
                src[row], dst[row], src_state, dst_state, ask,
            )  # fmt: skip
            if test == -1:
                continue
            if test == OPEN:
                kept = OPEN
                break
            action = item(lines, item(stages, stage + _ACTIONS) + test)
            if action != 1 or kept == BY_NOTHING:
                kept = item(lines, item(stages, stage + _OUTCOMES) + test)
            if i + 1 < end and action == 0:
                break
        out[row] = kept
