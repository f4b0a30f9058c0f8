"""Compiled: flow rows added to the groups that they belong to."""

# Compiled code has no types that a checker could follow: numba infers them.
# pyright: reportMissingParameterType=false

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit, types

from flowverdict.classify.columns import COMPILED, INLINE, ipv4

# what stands in a group's line: three words of its key, and what is summed up
ADDRESSES, REST, PLACE, HITS, BYTES, FIRST, LAST, WORDS = range(8)
NEVER: Final = (1 << 63) - 1

# the rest of a key: ports are one higher, 0 is none
DST_PORT: Final = 0
SRC_PORT: Final = 17
PROTOCOL: Final = 34
OUTBOUND: Final = 50
PLATFORM: Final = 51
DENIED: Final = 52
RETURN: Final = 53
_SRC_TEXT: Final = 54  # the address is no number, but that of a text
_DST_TEXT: Final = 55
MAC_BITS: Final = 24  # the last ones of a place are the number of the interface's address
FRONT: Final = np.uint64(32)  # how far the originator's address is shifted
BACK: Final = np.uint64((1 << 32) - 1)  # where the responder's is
PORTS: Final = np.uint64((1 << 17) - 1)
WORD: Final = np.uint64((1 << 16) - 1)
SRC_TEXT: Final = np.uint64(1 << _SRC_TEXT)
DST_TEXT: Final = np.uint64(1 << _DST_TEXT)

# how much there is
TEXTS, TEXT_BYTES, GROUPS, COUNTS = range(4)

_BLOCK: Final = 256

_COLUMN: Final = types.Array(types.int64, 1, "C", readonly=True)
_BYTES: Final = types.Array(types.uint8, 1, "C", readonly=True)
_PLACES: Final = types.Array(types.int32, 1, "C", readonly=True)


@njit(**INLINE)
def _mixed(word):
    word ^= word >> np.uint64(31)
    word *= np.uint64(0x9E3779B97F4A7C15)
    word ^= word >> np.uint64(29)
    word *= np.uint64(0xBF58476D1CE4E5B9)
    return word ^ (word >> np.uint64(32))


@njit(**INLINE)
def _text_hash(text, at, end):
    found = np.uint64(0xCBF29CE484222325)
    for place in range(at, end):
        found = (found ^ np.uint64(text[place])) * np.uint64(0x100000001B3)
    return found


@njit(**INLINE)
def _address_hash(number, text, at, end):
    return _mixed(np.uint64(number)) if number >= 0 else _text_hash(text, at, end)


@njit(**INLINE)
def _number(text, at, end, found, pool, ends, hashes, slots, counts):
    """The number of a text among those that were met, a new one if it was not."""
    last = np.uint64(len(slots) - 1)
    slot = _mixed(found) & last
    while slots[slot] >= 0:
        number = slots[slot]
        begin = ends[number]
        if hashes[number] == found and ends[number + 1] - begin == end - at:
            same = 0
            while same < end - at and pool[begin + same] == text[at + same]:
                same += 1
            if same == end - at:
                return np.int64(number)
        slot = (slot + np.uint64(1)) & last
    number, used = counts[TEXTS], counts[TEXT_BYTES]
    for place in range(at, end):
        pool[used + place - at] = text[place]
    counts[TEXTS] += 1
    counts[TEXT_BYTES] += end - at
    ends[number + 1] = counts[TEXT_BYTES]
    hashes[number] = found
    slots[slot] = number
    return number


@njit(**INLINE)
def _is_in(word, table):
    """Whether a set of words, the one of zeros aside, has a word."""
    last = np.uint64(len(table) - 1)
    slot = (word >> np.uint64(20)) & last
    while table[slot] != np.uint64(0):
        if table[slot] == word:
            return True
        slot = (slot + np.uint64(1)) & last
    return False


@njit(**INLINE)
def _hash(first, second, third):
    return _mixed(_mixed(_mixed(first) ^ second) ^ third)


@njit(**INLINE)
def _is(lines, group, first, second, third):
    return (
        lines[group, ADDRESSES] == first
        and lines[group, REST] == second
        and lines[group, PLACE] == third
    )


@njit(**INLINE)
def _group(first, second, third, found, lines, table, counts):
    """The group of a key with this hash, a new one if there was none."""
    last = np.uint64(len(table) - 1)
    slot = found & last
    while table[slot] >= 0:
        if _is(lines, table[slot], first, second, third):
            return np.int64(table[slot])
        slot = (slot + np.uint64(1)) & last
    group = counts[GROUPS]
    counts[GROUPS] += 1
    table[slot] = group
    lines[group, ADDRESSES], lines[group, REST], lines[group, PLACE] = first, second, third
    lines[group, HITS], lines[group, BYTES] = 0, 0
    lines[group, FIRST], lines[group, LAST] = NEVER, 0
    return group


@njit(
    types.void(
        _BYTES, _PLACES, _BYTES, _PLACES,
        types.uint64[::1], types.uint64[::1], _COLUMN, _COLUMN,
        types.uint64, types.uint64, types.uint64[::1],
        types.uint8[::1], types.int64[::1], types.uint64[::1], types.int32[::1],
        types.uint64[:, ::1], types.int32[::1], types.int64[::1],
    ),
    **COMPILED,
)  # fmt: skip
def add(
    src_text, src_ends, dst_text, dst_ends, rest, place, size, time,
    mask, which, wanted, pool, ends, hashes, slots, lines, table, counts,
):  # fmt: skip
    """Adds rows to groups; there has to be room for as many new ones.

    Args:
        src_text: bytes of the originators' addresses.
        src_ends: where each begins, and the next.
        dst_text: likewise the responders'.
        dst_ends: likewise.
        rest: the second word of each row's key, without the bits about texts.
        place: the third.
        size: bytes.
        time: of the tuple.
        mask: which bits of the hash of the two addresses say in which part rows are.
        which: the part that is wanted.
        wanted: the hashes of the pairs of addresses that are wanted, as a table whose size is a
            power of two, zeros where nothing is; all are if it has one entry.
        pool: texts of addresses that are not IPv4, one behind the other.
        ends: where each begins, and the next.
        hashes: theirs.
        slots: their numbers by hash, -1 where nothing is; the size is a power of two.
        lines: of the groups.
        table: numbers of groups likewise.
        counts: how many texts, bytes of them, and groups there are.
    """
    last = np.uint64(len(table) - 1)
    rows, groups = np.empty(_BLOCK, np.int64), np.empty(_BLOCK, np.int64)
    firsts, seconds = np.empty(_BLOCK, np.uint64), np.empty(_BLOCK, np.uint64)
    found = np.empty(_BLOCK, np.uint64)
    for start in range(0, len(rest), _BLOCK):
        count = 0
        for row in range(start, min(start + _BLOCK, len(rest))):
            second = rest[row]
            src_at, src_end = src_ends[row], src_ends[row + 1]
            dst_at, dst_end = dst_ends[row], dst_ends[row + 1]
            src, dst = ipv4(src_text, src_at, src_end), ipv4(dst_text, dst_at, dst_end)
            src_hash = _address_hash(src, src_text, src_at, src_end)
            dst_hash = _address_hash(dst, dst_text, dst_at, dst_end)
            pair = _mixed(src_hash + dst_hash)
            if pair & mask != which or (len(wanted) > 1 and not _is_in(pair, wanted)):
                continue
            if src < 0:
                src = _number(
                    src_text, src_at, src_end, src_hash, pool, ends, hashes, slots, counts
                )
                second |= SRC_TEXT
            if dst < 0:
                dst = _number(
                    dst_text, dst_at, dst_end, dst_hash, pool, ends, hashes, slots, counts
                )
                second |= DST_TEXT
            rows[count] = row
            firsts[count] = np.uint64(src) << np.uint64(32) | np.uint64(dst)
            seconds[count] = second
            found[count] = _hash(firsts[count], second, place[row])
            count += 1
        # memory far away is looked at in loops in which nothing waits for anything
        for at in range(count):
            groups[at] = table[found[at] & last]
        for at in range(count):
            group = groups[at]
            if group >= 0 and not _is(lines, group, firsts[at], seconds[at], place[rows[at]]):
                groups[at] = -1
        for at in range(count):
            row, group = rows[at], groups[at]
            if group < 0:
                group = _group(firsts[at], seconds[at], place[row], found[at], lines, table, counts)
            moment = np.uint64(time[row])
            lines[group, HITS] += np.uint64(1)
            lines[group, BYTES] += np.uint64(size[row])
            lines[group, FIRST] = min(lines[group, FIRST], moment)
            lines[group, LAST] = max(lines[group, LAST], moment)


@njit("void(uint64[:, ::1], int32[::1], int64)", **COMPILED)
def enter(lines, table, count):
    """Enters so many groups, all of them different, into an empty table."""
    last = np.uint64(len(table) - 1)
    for group in range(count):
        first, second, third = lines[group, ADDRESSES], lines[group, REST], lines[group, PLACE]
        slot = _hash(first, second, third) & last
        while table[slot] >= 0:
            slot = (slot + np.uint64(1)) & last
        table[slot] = group


@njit("void(uint64[::1], int32[::1], int64)", **COMPILED)
def enter_texts(hashes, slots, count):
    """Enters so many texts, all of them different, into an empty table."""
    last = np.uint64(len(slots) - 1)
    for number in range(count):
        slot = _mixed(hashes[number]) & last
        while slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & last
        slots[slot] = number


@njit("void(uint64[::1], uint64[::1])", **COMPILED)
def enter_words(words, table):
    """Enters words, the one of zeros aside, into an empty set."""
    last = np.uint64(len(table) - 1)
    for word in words:
        if word != np.uint64(0) and not _is_in(word, table):
            slot = (word >> np.uint64(20)) & last
            while table[slot] != np.uint64(0):
                slot = (slot + np.uint64(1)) & last
            table[slot] = word


@njit("void(uint64[:, :], uint64[::1], uint64[::1])", **COMPILED)
def hash_pairs(lines, hashes, out):
    """Finds the hash of the two addresses of each group, whichever stands in front."""
    for group in range(len(out)):
        src = lines[group, ADDRESSES] >> np.uint64(32)
        dst = lines[group, ADDRESSES] & np.uint64(0xFFFFFFFF)
        src_hash = hashes[src] if lines[group, REST] & SRC_TEXT else _mixed(src)
        dst_hash = hashes[dst] if lines[group, REST] & DST_TEXT else _mixed(dst)
        out[group] = _mixed(src_hash + dst_hash)


@njit("int64(uint64[::1], uint8[::1], int32[::1])", **COMPILED)
def write_ipv4(numbers, text, ends):
    """Writes IPv4 addresses, at most 15 bytes each, and where each ends; returns the size."""
    at = 0
    for row in range(len(numbers)):
        for octet in range(4):
            value = np.int64(numbers[row] >> np.uint64(8 * (3 - octet)) & np.uint64(255))
            if octet:
                text[at] = 46
                at += 1
            if value >= 100:
                text[at] = 48 + value // 100
                at += 1
            if value >= 10:
                text[at] = 48 + value // 10 % 10
                at += 1
            text[at] = 48 + value % 10
            at += 1
        ends[row + 1] = at
    return at
