"""Bytes by the word: what the compiled reader is made of.

Every load may read up to 64 bytes behind its place and every store up to 16: the buffers that the
reader hands out are padded for that.
"""

# Compiled code has no types that a checker could follow: numba infers them.
# pyright: reportMissingParameterType=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportAttributeAccessIssue=false, reportGeneralTypeIssues=false
# pyright: reportUnnecessaryComparison=false

from __future__ import annotations

from functools import reduce
from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core.options import DefaultOptions
from numba.extending import intrinsic

OPTIONS: Final[dict[str, Any]] = {
    "nogil": True, "cache": True, "boundscheck": False, "error_model": "numpy",
}  # fmt: skip
BORROWING: Final[dict[str, Any]] = {
    **OPTIONS, **({"_nrt": False} if hasattr(DefaultOptions, "_nrt") else {}),
}  # fmt: skip
"""For functions that make no arrays: numba then counts no references to those that they are handed.
It would count several times a tuple, which takes a third of the time. The option is not public."""
TEXT: Final = "Array(uint8, 1, 'C', readonly=True)"
"""How a signature says that it takes a text."""
INLINE: Final[dict[str, Any]] = {**BORROWING, "forceinline": True}
U64: Final = np.uint64
_ZEROS: Final = 0x3030303030303030
_ABOVE_NINE: Final = 0x7676767676767676
_TOPS: Final = 0x8080808080808080


def _pointer(context: Any, builder: Any, kind: Any, array: Any, offset: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.gep(data, [offset])


@intrinsic
def load64(typing: Any, array: Any, offset: Any) -> Any:
    """Returns the eight bytes at a place, the first one lowest."""
    signature = types.uint64(array, types.int64)

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        place = _pointer(context, builder, sig.args[0], args[0], args[1])
        return builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()), align=1)

    return signature, build


@intrinsic
def load8(typing: Any, array: Any, offset: Any) -> Any:
    """Returns the byte at a place."""
    signature = types.int64(array, types.int64)

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        place = _pointer(context, builder, sig.args[0], args[0], args[1])
        return builder.zext(builder.load(place), ir.IntType(64))

    return signature, build


@intrinsic
def entry(typing: Any, array: Any, offset: Any) -> Any:
    """Returns an element of an int32 array."""
    signature = types.int64(array, types.int64)

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        place = _pointer(context, builder, sig.args[0], args[0], args[1])
        return builder.sext(builder.load(place), ir.IntType(64))

    return signature, build


@intrinsic
def put(typing: Any, array: Any, offset: Any, value: Any) -> Any:
    """Sets an element, which must have the array's own type."""
    signature = types.void(array, types.int64, array.dtype)

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.store(args[2], _pointer(context, builder, sig.args[0], args[0], args[1]))
        return context.get_dummy_value()

    return signature, build


@intrinsic
def copy16(typing: Any, target: Any, to: Any, source: Any, start: Any) -> Any:
    """Copies 16 bytes."""
    signature = types.void(target, types.int64, source, types.int64)

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        word = ir.IntType(128).as_pointer()
        write = builder.bitcast(_pointer(context, builder, sig.args[0], args[0], args[1]), word)
        read = builder.bitcast(_pointer(context, builder, sig.args[2], args[2], args[3]), word)
        builder.store(builder.load(read, align=1), write, align=1)
        return context.get_dummy_value()

    return signature, build


def _mask(predicate: str, lanes: int) -> Any:
    """Makes an intrinsic that compares bytes at a place; the lowest bit is the first one's."""

    @intrinsic
    def mask(typing: Any, array: Any, offset: Any, byte: Any) -> Any:
        signature = types.uint64(array, types.int64, types.uint8)

        def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            vector = ir.VectorType(ir.IntType(8), lanes)
            none = ir.Constant(vector, ir.Undefined)
            place = _pointer(context, builder, sig.args[0], args[0], args[1])
            block = builder.load(builder.bitcast(place, vector.as_pointer()), align=1)
            first = builder.insert_element(none, args[2], ir.Constant(ir.IntType(32), 0))
            zeros = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
            byte_everywhere = builder.shuffle_vector(first, none, zeros)
            bits = builder.icmp_unsigned(predicate, block, byte_everywhere)
            number = builder.bitcast(bits, ir.IntType(lanes))
            return number if lanes == 64 else builder.zext(number, ir.IntType(64))

        return signature, build

    return mask


mask_up_to = _mask("<=", 64)
"""Which of the 64 bytes at a place are at most some byte."""
mask_equal = _mask("==", 64)
"""Which of the 64 bytes at a place are some byte."""
mask_from = _mask(">=", 64)
"""Which of the 64 bytes at a place are at least some byte."""
near_up_to = _mask("<=", 32)
"""Which of the 32 bytes at a place are at most some byte."""
near_equal = _mask("==", 32)
"""Which of the 32 bytes at a place are some byte."""


@intrinsic
def lowest(typing: Any, bits: Any) -> Any:
    """Returns the place of the lowest bit that is set; 64 if there is none."""

    def build(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), build


@intrinsic
def count(typing: Any, bits: Any) -> Any:
    """Returns how many bits are set."""

    def build(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.uint64), build


@intrinsic
def digits(typing, array, at, length, at2, length2, at3, length3, at4, length4):
    """Returns the numbers that four texts of up to eight digits write, and what is wrong with them.

    The arguments are each one's place and length; an empty text is zero. Two neighbouring digits
    become a number below a hundred, two of these one below ten thousand, and so on. Of the last
    number, the top bit of a byte is set if one of the texts has no digit there.
    """
    signature = types.UniTuple(types.uint64, 5)(array, *(types.int64,) * 8)
    half, word = ir.IntType(32), ir.IntType(64)
    words, halves = ir.VectorType(word, 4), ir.VectorType(half, 8)

    def all_of(value: int) -> Any:
        return ir.Constant(words, [value] * 4)

    def gather(builder: Any, values: Any) -> Any:
        vector = ir.Constant(words, ir.Undefined)
        for i, value in enumerate(values):
            vector = builder.insert_element(vector, value, ir.Constant(half, i))
        return vector

    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        texts = [
            builder.load(builder.bitcast(builder.gep(data, [at]), word.as_pointer()), align=1)
            for at in args[1::2]
        ]
        lengths = gather(builder, args[2::2])
        shift = builder.sub(all_of(32), builder.shl(lengths, all_of(2)))
        x = builder.xor(gather(builder, texts), all_of(_ZEROS))
        x = builder.shl(builder.shl(x, shift), shift)
        bad = builder.or_(builder.add(x, all_of(_ABOVE_NINE)), x)
        tens = builder.add(builder.shl(x, all_of(3)), builder.shl(x, all_of(1)))
        x = builder.add(tens, builder.lshr(x, all_of(8)))
        total = ir.Constant(halves, [0] * 8)
        for places, values in ((0, [1_000_000, 100]), (16, [10_000, 1])):
            pairs = builder.and_(builder.lshr(x, all_of(places)), all_of(0x000000FF000000FF))
            scaled = builder.mul(builder.bitcast(pairs, halves), ir.Constant(halves, values * 4))
            total = builder.add(total, scaled)
        total = builder.bitcast(total, words)
        total = builder.and_(builder.add(total, builder.lshr(total, all_of(32))), all_of(2**32 - 1))
        lanes = [ir.Constant(half, i) for i in range(4)]
        numbers = [builder.extract_element(total, lane) for lane in lanes]
        wrong = reduce(builder.or_, (builder.extract_element(bad, lane) for lane in lanes))
        numbers.append(builder.and_(wrong, ir.Constant(word, _TOPS)))
        return context.make_tuple(builder, sig.return_type, numbers)

    return signature, build


@njit(**INLINE)
def digits3(a, start, length):
    """Returns the number that one to three digits write, and whether one of them is none."""
    x = (load64(a, start) ^ U64(_ZEROS)) << (U64(64 - 8 * length) & U64(63))
    bad = ((x + U64(_ABOVE_NINE)) | x) & U64(_TOPS)
    tens = ((x >> U64(48)) & U64(0xFF)) * U64(10)
    hundreds = ((x >> U64(40)) & U64(0xFF)) * U64(100)
    return (x >> U64(56)) + tens + hundreds, bad


@njit(**INLINE)
def same(a, start, b, other, length):
    """Reports whether two pieces of text are equal."""
    for i in range(length):
        if load8(a, start + i) != load8(b, other + i):
            return False
    return True


@njit(**INLINE)
def string_end(a, start, n):
    """Returns where the closing quote of a string is; -1 if it has escapes or is cut."""
    p = start
    while p < n:
        found = mask_equal(a, p, np.uint8(0x22)) | mask_equal(a, p, np.uint8(0x5C))
        if found != U64(0):
            p += lowest(found)
            return p if p < n and load8(a, p) == 0x22 else -1
        p += 64
    return -1


@njit(**INLINE)
def skip_space(a, p, n):
    """Returns where the next byte is that is no white space."""
    while p < n:
        c = load8(a, p)
        if c not in (32, 10, 13, 9, 0):
            break
        p += 1
    return p
