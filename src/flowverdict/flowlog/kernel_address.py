"""Addresses in the form in which they are written out again, compiled.

What another form, or an address with an address inside, is worth is for the plain parser to say.
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
    BORROWING,
    INLINE,
    TEXT,
    U64,
    count,
    digits3,
    load8,
    lowest,
    mask_equal,
    mask_up_to,
    near_equal,
    near_up_to,
)

LONGEST_ADDRESS: Final = 39
_LONGEST_PAIR: Final = 31
"""Bytes of two IPv4 addresses with one between them."""
_ONE: Final = U64(1)
_COLON: Final = np.uint8(0x3A)
_DOT: Final = np.uint8(0x2E)
_ZERO: Final = np.uint8(0x30)
_NINE: Final = np.uint8(0x39)
_BELOW_A: Final = np.uint8(0x60)
_UP_TO_F: Final = np.uint8(0x66)
_BELOW_ZERO: Final = np.uint8(0x2F)


@njit(**INLINE)
def are_ipv4(a, start, middle, end):
    """Reports whether two texts with one byte between them are IPv4 addresses without odd zeros.

    Each number below has one bit for each byte from `start` on, the first one lowest.
    """
    size = end - start
    if size > _LONGEST_PAIR:
        return False
    inside = (_ONE << U64(size)) - _ONE
    comma = _ONE << U64(middle - start)
    up_to_four = near_up_to(a, start, _ZERO + np.uint8(4))
    up_to_five = near_up_to(a, start, _ZERO + np.uint8(5))
    up_to_one = near_up_to(a, start, _ZERO + np.uint8(1))
    up_to_two = near_up_to(a, start, _ZERO + np.uint8(2))
    dots = near_equal(a, start, _DOT) & inside
    digits = near_up_to(a, start, _NINE) & ~near_up_to(a, start, _BELOW_ZERO) & inside
    zeros = near_equal(a, start, _ZERO)
    firsts = ((dots | comma) << _ONE) | _ONE
    seconds, thirds = digits >> _ONE, digits >> U64(2)
    wrong = inside & ~(digits | dots | comma)
    wrong |= firsts & ~digits  # nothing
    wrong |= firsts & zeros & seconds
    wrong |= firsts & seconds & thirds & (digits >> U64(3))
    below_256 = (up_to_four >> _ONE) | ((up_to_five >> _ONE) & (up_to_five >> U64(2)))
    wrong |= firsts & seconds & thirds & ~(up_to_one | (up_to_two & below_256))
    return (wrong == U64(0)) & (count(dots) == 6) & (count(dots & (comma - _ONE)) == 3)


@njit(**INLINE)
def _octet_is_wrong(a, before, behind):
    """Reports whether what stands between two places is no octet without leading zeros."""
    length = behind - before - 1
    value, bad = digits3(a, before + 1, length)
    wrong = (bad != U64(0)) | (length < 1) | (length > 3) | (value > U64(255))
    return wrong | ((length > 1) & (load8(a, before + 1) == 48))


@njit(**INLINE)
def _is_ipv4(a, start, end):
    before = start - 1
    for octet in range(4):
        behind = before + 1
        while behind < end and load8(a, behind) != 46:
            behind += 1
        if (behind < end) != (octet < 3) or _octet_is_wrong(a, before, behind):
            return False
        before = behind
    return True


@njit(**INLINE)
def _has_run(zeros, length):
    """Reports whether some groups in a row, each one written `0`, are as many as `length`."""
    run = zeros
    for i in range(1, length):
        run &= zeros >> U64(2 * i)
    return run != U64(0)


@njit(**INLINE)
def _is_plain_ipv6(a, start, end):
    """Reports whether a text is an IPv6 address in the form of RFC 5952, for sure.

    Each number below has one bit for each byte of the text, the first one lowest.
    """
    size = end - start
    if size < 2 or size > LONGEST_ADDRESS:
        return False
    inside = (_ONE << U64(size)) - _ONE
    up_to_nine = mask_up_to(a, start, _COLON) & ~mask_up_to(a, start, _BELOW_ZERO)
    letters = mask_up_to(a, start, _UP_TO_F) & ~mask_up_to(a, start, _BELOW_A)
    colons = mask_equal(a, start, _COLON) & inside
    firsts = ((colons << _ONE) | _ONE) & inside & ~colons
    zeros = mask_equal(a, start, _ZERO) & firsts
    gaps = colons & (colons >> _ONE)
    others = ~colons & inside
    wrong = ~(up_to_nine | letters) & inside
    wrong |= (zeros << _ONE) & others  # a leading zero
    pairs = others & (others >> _ONE)
    wrong |= pairs & (pairs >> U64(2)) & (others >> U64(4))  # five digits
    wrong |= gaps & (gaps - _ONE)
    wrong |= colons & ~(gaps | (gaps << _ONE)) & (_ONE | (_ONE << U64(size - 1)))
    if wrong != U64(0):
        return False
    groups = count(firsts)
    if gaps == U64(0):
        return groups == 8 and not _has_run(zeros, 2)
    at = lowest(gaps)
    width = 8 - groups
    if width < 2 or (at == 0 and width >= 5):
        return False
    before = zeros & (gaps - _ONE)
    after = zeros & ~(gaps - _ONE)
    beside = (gaps >> _ONE) | (gaps << U64(2))
    if (zeros & beside) != U64(0):
        return False
    return not (_has_run(before, width) or _has_run(after, width + 1))


@njit(f"boolean({TEXT}, int64, int64)", **BORROWING)
def is_address(a, start, end):
    """Reports whether a text is an address, in the form in which it is written out again."""
    if end - start <= 15:
        p = start
        while p < end and 48 <= load8(a, p) <= 57:
            p += 1
        if p < end and load8(a, p) == 46:
            return _is_ipv4(a, start, end)
    return _is_plain_ipv6(a, start, end)
