"""A blob's bytes, as they come in pieces of any size: unpacked, and gathered into windows."""

from __future__ import annotations

import zlib
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

_GZIP: Final = b"\x1f\x8b"
_STEP: Final = 1 << 16
"""How much packed text is looked at once: what damage in it is looked for byte by byte."""
_MOST: Final = 1 << 20
"""How much is unpacked at once: a few bytes of gzip may hold a gigabyte."""


class Window:
    """The part of a text that is looked at.

    Attributes:
        text: its bytes. A piece that is all of it is not copied.
        is_last: whether the text ends with it.
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._left = memoryview(b"")  # of the last piece
        self.text: bytes | bytearray = b""
        self.is_last = False

    def fill(self, size: int) -> None:
        """Adds what comes next until there are so many bytes, or no more."""
        while len(self.text) < size:
            if not self._left:
                piece = next(self._pieces, None)
                if piece is None:
                    self.is_last = True
                    return
                if not self.text and len(piece) <= size:
                    self.text = piece
                    continue
                self._left = memoryview(piece)
            if isinstance(self.text, bytes):
                self.text = bytearray(self.text)
            part = self._left[: size - len(self.text)]
            self.text += part
            self._left = self._left[len(part) :]

    def drop(self, size: int) -> None:
        """Takes bytes off at the front."""
        if isinstance(self.text, bytes):
            self.text = bytearray(memoryview(self.text)[size:])
        else:
            del self.text[:size]


def unpacked(pieces: Iterable[bytes], cut: Callable[[], None] | None = None) -> Iterator[bytes]:
    """Yields the bytes of a file, unpacked if it is gzip; other bytes as they are.

    Args:
        pieces: the bytes, in pieces of any size.
        cut: called if the gzip is cut short or damaged, after what can be unpacked of it.
    """
    source = iter(pieces)
    head = b""
    while len(head) < len(_GZIP) and (piece := next(source, None)) is not None:
        head += piece
    everything = chain((head,), source)
    if not head.startswith(_GZIP):
        yield from everything
    elif not (yield from _members(everything)) and cut is not None:
        cut()


def _members(pieces: Iterable[bytes]) -> Generator[bytes, None, bool]:
    """Unpacks one member after another; reports whether all of them were whole."""
    member = None
    head = b""  # of what may be the next member
    for piece in pieces:
        for start in range(0, len(piece), _STEP):
            packed = head + piece[start : start + _STEP]
            while packed:
                if member is None:
                    head = packed = packed.lstrip(b"\0")
                    if len(head) < len(_GZIP):
                        break
                    if not head.startswith(_GZIP):
                        return False
                    member, head = zlib.decompressobj(wbits=31), b""
                if not (yield from _unpack(member, packed)):
                    return False
                packed = member.unused_data
                if member.eof:
                    member = None
    return member is None and not head


def _unpack(member: _Unpacker, packed: bytes) -> Generator[bytes, None, bool]:
    """Unpacks the next bytes of a member; reports whether they are without damage."""
    out = b""
    while packed or len(out) == _MOST:
        before = member.copy()
        try:
            out = member.decompress(packed, _MOST)
        except zlib.error:
            yield from _up_to_damage(before, packed)
            return False
        yield out
        packed = member.unconsumed_tail
    return True


class _Unpacker(Protocol):
    """What ``zlib.decompressobj`` returns: its type has no public name."""

    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = 0, /) -> bytes: ...
    def copy(self) -> _Unpacker: ...


def _up_to_damage(member: _Unpacker, packed: bytes) -> Iterator[bytes]:
    """Unpacks byte by byte: a larger step loses what it unpacked before it met the damage."""
    with suppress(zlib.error):
        for i in range(len(packed)):
            yield member.decompress(packed[i : i + 1])
