"""Compiled: texts into addresses, addresses into atoms, and rows through the stages of a policy."""

# Compiled code has no types that a checker could follow: numba infers them.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUntypedFunctionDecorator=false

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
_PAGE: Final = 1 << 30
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


@njit("void(uint32[::1], int32[::1], int32[::1], int32[::1])", **_OPTIONS)
def find_atoms(addresses, root, pages, atoms):
    """Gives IPv4 addresses the numbers of their atoms, by at most three looks."""
    for row in range(len(addresses)):
        address = addresses[row]
        atom = root[address >> 16]
        if atom & _PAGE:
            atom = pages[((atom ^ _PAGE) << 8) | ((address >> 8) & 255)]
            if atom & _PAGE:
                atom = pages[((atom ^ _PAGE) << 8) | (address & 255)]
        atoms[row] = atom


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


@njit(**_INLINE)
def _line(lines, base, search, atom):
    """The row of an atom: by a table of all atoms, or by the last cut that is not above it."""
    if search == 0:
        return _at(lines, base + atom)
    low = 0
    while search > 1:
        half = search >> 1
        low += half * (_at(lines, base + low + half) <= atom)  # no branch to be guessed wrong
        search -= half
    return low


@njit(**_INLINE)
def _first(stages, stage, lines, words, protocol, dst_port, src_port, src, dst, src_state, dst_state, ask):
    """The first test of a stage that matches; -1 where none does, ``OPEN`` where it would ask."""
    wide = _at(stages, stage + 0)
    by_dst = _at(stages, stage + 18) + _line(lines, _at(stages, stage + 17), _at(stages, stage + 16), dst) * wide
    dst_tags = _at(stages, stage + 20) + dst_state * 3 * wide
    if wide == 1 and _at(words, by_dst) | _at(words, dst_tags) == _NONE:
        return -1
    by_src = _at(stages, stage + 13) + _line(lines, _at(stages, stage + 12), _at(stages, stage + 11), src) * wide
    src_tags = _at(stages, stage + 15) + src_state * 3 * wide
    by_protocol = _at(stages, stage + 2) + protocol * wide
    by_dst_port = _at(stages, stage + 5) + _line(lines, _at(stages, stage + 4), _at(stages, stage + 3), dst_port) * wide
    by_src_port = _at(stages, stage + 8) + _line(lines, _at(stages, stage + 7), _at(stages, stage + 6), src_port) * wide
    if ask or _at(stages, stage + 1) != 0:
        return _first_or_open(
            stages, stage, words, by_protocol, by_dst_port, by_src_port, by_src, by_dst, src_tags,
            dst_tags, ask == 2,
        )  # fmt: skip
    test = np.int64(-1)
    if wide <= 4:  # a branch that is guessed wrong costs more than the words behind the match
        for w in range(wide - 1, -1, -1):
            found = _at(words, by_protocol + w) & _at(words, by_dst_port + w) & _at(words, by_src_port + w)
            found &= _at(words, by_dst + w) | _at(words, dst_tags + w)
            found &= _at(words, by_src + w) | _at(words, src_tags + w)
            test = 64 * w + _lowest(found) if found != _NONE else test
        return test
    for w in range(wide):
        found = (_at(words, by_dst + w) | _at(words, dst_tags + w)) & (_at(words, by_src + w) | _at(words, src_tags + w))
        found &= _at(words, by_protocol + w) & _at(words, by_dst_port + w) & _at(words, by_src_port + w)
        if found != _NONE:
            return 64 * w + _lowest(found)
    return test


@njit(**_BORROWING)
def _first_or_open(
    stages, stage, words, by_protocol, by_dst_port, by_src_port, by_src, by_dst, src_tags,
    dst_tags, any_port,
):  # fmt: skip
    """Likewise, where a missing fact may be asked for."""
    wide = _at(stages, stage + 0)
    has_doubts = _at(stages, stage + 1) & 1
    for w in range(wide):
        reached = _at(words, by_protocol + w) & _at(words, by_dst_port + w)
        passed = reached & _at(words, by_src_port + w)
        to = _at(words, by_dst + w) | _at(words, dst_tags + w)
        source = _at(words, by_src + w) | _at(words, src_tags + w)
        found = passed & to & source
        ask_to, ask_from = _at(words, dst_tags + wide + w), _at(words, src_tags + wide + w)
        sure_to, sure_from = _at(words, dst_tags + 2 * wide + w), _at(words, src_tags + 2 * wide + w)
        if has_doubts:
            ask_to |= _at(words, by_dst + _at(stages, stage + 19) + w)
            ask_from |= _at(words, by_src + _at(stages, stage + 14) + w)
            sure_to |= _at(words, by_dst + 2 * _at(stages, stage + 19) + w)
            sure_from |= _at(words, by_src + 2 * _at(stages, stage + 14) + w)
        else:
            sure_to |= _at(words, by_dst + w)
            sure_from |= _at(words, by_src + w)
        asks = found & _at(words, _at(stages, stage + 10) + w)
        asks |= passed & ((ask_to & ~sure_to) | (to & ask_from & ~sure_from))
        if any_port:
            asks |= reached & _at(words, _at(stages, stage + 9) + w) & _at(words, by_src_port + w)
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
        ports: the atom of each port; the atom behind the last stands for none, the next for any.
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
    none = ports[65535] + 1
    for row in range(len(out)):
        at = policy[row]
        if at < 0:
            out[row] = NO_POLICY
            continue
        number = src_port[row]
        any_port = number == -1
        source_port = ports[number] if number >= 0 else (none + 1 if any_port else none)
        number = dst_port[row]
        target_port = ports[number] if number >= 0 else none
        place = policies[at, 4]
        src_state = np.int64(topology[place, src[row]])
        dst_state = np.int64(topology[place, dst[row]])
        in_doubt = (src_state & (src_state >> 1) | dst_state & (dst_state >> 1)) & 5
        ask = 2 if any_port else np.int64(in_doubt != 0)
        begin = policies[at, 2 * way[row]]
        end = begin + policies[at, 2 * way[row] + 1]
        kept = BY_NOTHING
        for i in range(begin, end):
            stage = 23 * lists[i]
            test = _first(
                stages, stage, lines, words, protocols[protocol[row]], target_port, source_port,
                src[row], dst[row], src_state, dst_state, ask,
            )  # fmt: skip
            if test == -1:
                continue
            if test == OPEN:
                kept = OPEN
                break
            action = _at(lines, _at(stages, stage + 21) + test)
            if action != 1 or kept == BY_NOTHING:
                kept = _at(lines, _at(stages, stage + 22) + test)
            if i + 1 < end and action == 0:
                break
        out[row] = kept
