"""The bytes of a text file in blocks of whole lines."""

from __future__ import annotations

import codecs
import gzip
import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

from flowverdict.packets.pieces import refuse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_BLOCK: Final = 1 << 22
_LONGEST: Final = 1 << 24
"""A row that takes more is none."""
_GZIP: Final = b"\x1f\x8b"
_FOREIGN: Final = {
    codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16",
}  # fmt: skip


class Block(NamedTuple):
    """Whole lines: ``line`` is the number of the first, from 1; the last may lack its end."""

    data: bytes
    line: int
    size: int


def unpacked(file: str, stream: BinaryIO, head: bytes) -> Iterator[bytes]:
    """Yields a text file's bytes, without compression and byte-order mark.

    Args:
        file: its name, for messages.
        stream: where the rest is read.
        head: its first bytes, read already.
    """
    pieces = _read(stream, head)
    if head.startswith(_GZIP):
        pieces = _inflated(file, pieces)
    first = next(pieces, b"")
    for mark, name in _FOREIGN.items():
        if first.startswith(mark):
            raise refuse(file, f"is {name}", "text in UTF-8")
    yield first.removeprefix(codecs.BOM_UTF8)
    yield from pieces


def blocks(
    file: str, pieces: Iterator[bytes], *, quotes: bool, size: int = _BLOCK
) -> Iterator[Block]:
    """Yields blocks of whole lines.

    Args:
        file: its name, for messages.
        pieces: the bytes.
        quotes: a line feed between quotation marks ends no line.
        size: how many bytes a block has, about; what is less is one.
    """
    left, line = b"", 1
    for piece in pieces:
        left += piece
        if len(left) < size:
            continue
        end = _end(left, quotes=quotes)
        if not end and len(left) > _LONGEST:
            end = left.find(b"\n") + 1  # a quotation mark that never ends spoils its line alone
            if not end:
                raise refuse(file, "has a line of over 16 MB", "lines", line=line)
        if end:
            yield Block(left[:end], line, end)
            line += left.count(b"\n", 0, end)
            left = left[end:]
    while left:
        even = not quotes or left.count(b'"') % 2 == 0
        end = len(left) if even else _end(left, quotes=quotes) or left.find(b"\n") + 1 or len(left)
        yield Block(left[:end], line, end)
        line += left.count(b"\n", 0, end)
        left = left[end:]


def _end(data: bytes, *, quotes: bool) -> int:
    """Returns the place behind the last line feed that ends a line; 0 where there is none."""
    end = data.rfind(b"\n") + 1
    if quotes:
        odd = data.count(b'"', 0, end) % 2
        while end and odd:
            before = data.rfind(b"\n", 0, end - 1) + 1
            odd ^= data.count(b'"', before, end) % 2
            end = before
    return end


def _read(stream: BinaryIO, head: bytes) -> Iterator[bytes]:
    yield head
    while piece := stream.read(_BLOCK):
        yield piece


def _inflated(file: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
    try:
        with gzip.GzipFile(fileobj=_Pieces(pieces)) as inner:  # pyright: ignore[reportArgumentType] # it only reads
            while piece := inner.read(_BLOCK):
                yield piece
    except (EOFError, OSError, zlib.error) as problem:
        said = "ends too early" if isinstance(problem, EOFError) else "is damaged"
        raise refuse(file, said, "a whole gzip file") from None


class _Pieces:
    """Pieces as a file that is read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def read(self, size: int = -1) -> bytes:
        """Returns up to so many bytes."""
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._left = piece
        size = len(self._left) if size < 0 else size
        taken, self._left = self._left[:size], self._left[size:]
        return taken
