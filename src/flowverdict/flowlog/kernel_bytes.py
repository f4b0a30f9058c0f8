"""Bytes by the word: what the compiled reader is made of.

Every load may read up to 64 bytes behind its place and every store up to 16: the buffers that the
reader hands out are padded for that.
"""

# Compiled code has no types that a checker could follow: numba infers them.
# pyright: reportMissingParameterType=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportAttributeAccessIssue=false, reportGeneralTypeIssues=false
# pyright: reportUnnecessaryComparison=false

from __future__ import annotations

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
INLINE: Final[dict[str, Any]] = {**BORROWING, "forceinline": True}
U64: Final = np.uint64
_ONES: Final = U64(0x0101010101010101)
_ZEROS: Final = U64(0x3030303030303030)
_ABOVE_NINE: Final = U64(0x7676767676767676)
_TOPS: Final = U64(0x8080808080808080)


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


@njit(**INLINE)
def digits(a, start, length):
    """Returns the number that up to eight digits write, and whether one of them is none."""
    half = U64(32 - 4 * length) & U64(63)
    x = ((load64(a, start) ^ _ZEROS) << half) << half
    bad = ((x + _ABOVE_NINE) | x) & _TOPS
    x = (x * U64(10)) + (x >> U64(8))
    low = (x & U64(0x000000FF000000FF)) * U64(0x000F424000000064)
    high = ((x >> U64(16)) & U64(0x000000FF000000FF)) * U64(0x0000271000000001)
    return (low + high) >> U64(32), bad


@njit(**INLINE)
def digits3(a, start, length):
    """Likewise, of one to three digits."""
    x = (load64(a, start) ^ _ZEROS) << (U64(64 - 8 * length) & U64(63))
    bad = ((x + _ABOVE_NINE) | x) & _TOPS
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
