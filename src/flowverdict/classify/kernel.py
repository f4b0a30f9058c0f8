"""Compiled: texts into addresses, addresses into atoms, and rows through the stages of a policy."""

# Compiled code has no types that a checker could follow: numba infers them.
# pyright: reportMissingParameterType=false, reportCallIssue=false

from __future__ import annotations

from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core.options import DefaultOptions
from numba.extending import intrinsic

OPEN: Final = -2
"""A missing fact may count: the evaluator has to say."""
NO_POLICY: Final = -1
"""There is no policy to judge by."""
BY_NOTHING: Final = 0
"""Allowed because nothing decided."""

_OPTIONS: Final[dict[str, Any]] = {
    "nogil": True, "cache": True, "boundscheck": False, "error_model": "numpy",
}  # fmt: skip
_BORROWING: Final[dict[str, Any]] = {
    **_OPTIONS, **({"_nrt": False} if hasattr(DefaultOptions, "_nrt") else {}),
}  # fmt: skip
"""For functions that make no arrays: references to those that they are handed are not counted."""
_INLINE: Final[dict[str, Any]] = {**_BORROWING, "forceinline": True}

# where in a stage's record (``tables._Maker.stage``) what stands
_WIDE: Final = 0  # words in a row
_ASKING: Final = 1  # bit 0: addresses have three planes; bit 1: some test always asks
_PROTOCOLS: Final = 2  # rows
_DST_PORTS: Final = 3  # size of the search, lines, rows
_SRC_PORTS: Final = 6
_SOME_PORTS: Final = 9  # tests that are not for every source port
_ALWAYS: Final = 10  # tests that ask whenever they match
_SRC: Final = 11  # size of the search, lines, rows, size of a plane, rows of topology tags
_DST: Final = 16
_PLANE: Final = 3
_TAGS: Final = 4
_ACTIONS: Final = 21
_OUTCOMES: Final = 22
STAGE_FIELDS: Final = 23

_ONE: Final = np.uint64(1)
_NONE: Final = np.uint64(0)


_TEXT: Final = types.Array(types.uint8, 1, "C", readonly=True)
_PLACES: Final = types.Array(types.int32, 1, "C", readonly=True)


@njit(types.void(_TEXT, _PLACES, types.uint32[::1], types.boolean[::1]), **_OPTIONS)
def read_ipv4(text, places, numbers, plain):
    """Reads IPv4 addresses as ``ipaddress`` does; clears ``plain`` where a text is none."""
    for row in range(len(numbers)):
        at, end = places[row], places[row + 1]
        number, octets, right = 0, 0, end - at <= 15
        while right and octets < 4:
            first, value = at, 0
            while at < end and at < first + 3 and 48 <= text[at] <= 57:
                value = 10 * value + (text[at] - 48)
                at += 1
            size = at - first
            right = size > 0 and value < 256 and (size == 1 or text[first] != 48)
            number = number << 8 | value
            octets += 1
            if octets < 4:
                right = right and at < end and text[at] == 46
                at += 1
        if right and at == end:
            numbers[row] = number
        else:
            plain[row] = False


@intrinsic
def _lowest(context, word):
    """The number of the lowest bit that is set, of a word that has one."""

    def generate(_, builder, __, words):
        return builder.cttz(words[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


@intrinsic
def _at(context, array, index):
    """The element of an array; unlike ``array[index]`` it does not ask whether that is negative."""

    def generate(context, builder, signature, values):
        view = context.make_array(signature.args[0])(context, builder, values[0])
        return builder.load(builder.gep(view.data, [values[1]]))

    return array.dtype(array, types.int64), generate


@njit("void(uint32[::1], int32[::1], int32[::1], int32[::1], int32[::1])", **_BORROWING)
def find_atoms(addresses, root, middle, leaves, atoms):
    """Gives IPv4 addresses the numbers of their atoms: see ``atoms.address_table``."""
    for row in range(len(addresses)):
        address = np.int64(addresses[row])
        entry = np.int64(_at(root, address >> 16))
        entry = np.int64(_at(middle, (entry >> 1) + ((address >> 8) & 255 & -(entry & 1))))
        atoms[row] = _at(leaves, (entry >> 1) + (address & 255 & -(entry & 1)))


@njit(**_INLINE)
def _line(lines, base, search, atom):
    """The number of the row of an atom: see ``tables._search``."""
    if search == 0:
        return _at(lines, base + atom)
    low = 0
    while search > 1:
        half = search >> 1
        low += half * (_at(lines, base + low + half) <= atom)  # no branch to be guessed wrong
        search -= half
    return low


@njit(**_INLINE)
def _row(stages, field, lines, atom, wide):
    """Where the row of an atom begins: by a table of all atoms, or by the last cut not above it."""
    rows = _at(stages, field + 2)
    return rows + _line(lines, _at(stages, field + 1), _at(stages, field), atom) * wide


@njit(**_INLINE)
def _first(
    stages, stage, lines, words, protocol, dst_port, src_port, src, dst, src_state, dst_state, ask
):
    """The first test of a stage that matches; -1 where none does, ``OPEN`` where it would ask."""
    wide = _at(stages, stage + _WIDE)
    to = _row(stages, stage + _DST, lines, dst, wide)
    to_tags = _at(stages, stage + _DST + _TAGS) + dst_state * 3 * wide
    if wide == 1 and _at(words, to) | _at(words, to_tags) == _NONE:
        return -1
    by = _row(stages, stage + _SRC, lines, src, wide)
    by_tags = _at(stages, stage + _SRC + _TAGS) + src_state * 3 * wide
    kind = _at(stages, stage + _PROTOCOLS) + protocol * wide
    to_port = _row(stages, stage + _DST_PORTS, lines, dst_port, wide)
    by_port = _row(stages, stage + _SRC_PORTS, lines, src_port, wide)
    if ask or _at(stages, stage + _ASKING) != 0:
        return _first_or_open(
            stages, stage, words, kind, to_port, by_port, to, by, to_tags, by_tags, ask == 2
        )
    test = np.int64(-1)
    if wide <= 4:  # a branch that is guessed wrong costs more than the words behind the match
        for w in range(wide - 1, -1, -1):
            found = _at(words, kind + w) & _at(words, to_port + w) & _at(words, by_port + w)
            found &= _at(words, to + w) | _at(words, to_tags + w)
            found &= _at(words, by + w) | _at(words, by_tags + w)
            test = 64 * w + _lowest(found) if found != _NONE else test
        return test
    for w in range(wide):
        found = _at(words, to + w) | _at(words, to_tags + w)
        found &= _at(words, by + w) | _at(words, by_tags + w)
        found &= _at(words, kind + w) & _at(words, to_port + w) & _at(words, by_port + w)
        if found != _NONE:
            return 64 * w + _lowest(found)
    return test


@njit(**_BORROWING)
def _first_or_open(
    stages, stage, words, kind, to_port, by_port, to, by, to_tags, by_tags, any_port
):
    """Likewise, where a missing fact may be asked for."""
    wide = _at(stages, stage + _WIDE)
    has_doubts = _at(stages, stage + _ASKING) & 1
    to_plane = _at(stages, stage + _DST + _PLANE)
    by_plane = _at(stages, stage + _SRC + _PLANE)
    for w in range(wide):
        reached = _at(words, kind + w) & _at(words, to_port + w)
        passed = reached & _at(words, by_port + w)
        target = _at(words, to + w) | _at(words, to_tags + w)
        source = _at(words, by + w) | _at(words, by_tags + w)
        ask_to = _at(words, to_tags + wide + w)
        ask_by = _at(words, by_tags + wide + w)
        sure_to = _at(words, to_tags + 2 * wide + w)
        sure_by = _at(words, by_tags + 2 * wide + w)
        if has_doubts:
            ask_to |= _at(words, to + to_plane + w)
            ask_by |= _at(words, by + by_plane + w)
            sure_to |= _at(words, to + 2 * to_plane + w)
            sure_by |= _at(words, by + 2 * by_plane + w)
        else:
            sure_to |= _at(words, to + w)
            sure_by |= _at(words, by + w)
        found = passed & target & source
        asks = found & _at(words, _at(stages, stage + _ALWAYS) + w)
        asks |= passed & ((ask_to & ~sure_to) | (target & ask_by & ~sure_by))
        if any_port:
            partly = _at(words, _at(stages, stage + _SOME_PORTS) + w)
            asks |= reached & partly & _at(words, by_port + w)
        if found | asks != _NONE:
            at = _lowest(found | asks)
            return OPEN if (asks >> np.uint64(at)) & _ONE else 64 * w + at
    return -1


@njit(
    "void(int32[::1], uint8[::1], uint8[::1], int32[::1], int32[::1], int32[::1], int32[::1],"
    "int32[::1], int32[::1], uint8[:, ::1], int32[:, ::1], int32[::1], int64[::1], int32[::1],"
    "uint64[::1], int32[::1])",
    **_BORROWING,
)
def judge(
    policy, way, protocol, src_port, dst_port, src, dst,
    ports, protocols, topology, policies, lists, stages, lines, words, out,
):  # fmt: skip
    """Judges rows.

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
        stages: records of stages (``tables._Maker.stage``).
        lines: numbers of rows, actions and outcomes.
        words: rows of bits.
        out: takes the outcome of each row, ``NO_POLICY`` or ``OPEN``.
    """
    for row in range(len(out)):
        at = policy[row]
        if at < 0:
            out[row] = NO_POLICY
            continue
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
            action = _at(lines, _at(stages, stage + _ACTIONS) + test)
            if action != 1 or kept == BY_NOTHING:
                kept = _at(lines, _at(stages, stage + _OUTCOMES) + test)
            if i + 1 < end and action == 0:
                break
        out[row] = kept
