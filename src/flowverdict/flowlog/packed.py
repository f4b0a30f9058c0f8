"""Gzip, unpacked as it comes; of what is cut or damaged, as much as there is."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_MAGIC: Final = b"\x1f\x8b"
_PIECE: Final = 1 << 20


def unpacked(
    pieces: Iterable[bytes], damaged: Callable[[], None] = lambda: None
) -> Iterator[bytes]:
    """Yields the text of a blob, whether it is packed or not.

    Args:
        pieces: the blob's bytes from its beginning.
        damaged: called once if the packed bytes end too early or are no gzip from some place on.
    """
    source = iter(pieces)
    head = b""
    for piece in source:
        head += piece
        if len(head) >= len(_MAGIC):
            break
    if not head.startswith(_MAGIC):
        yield head
        yield from source
        return
    member, is_open = zlib.decompressobj(wbits=31), True
    left = head
    while True:
        try:
            while left:
                if not is_open:
                    if not left.lstrip(b"\x00"):
                        break  # padding behind the last member
                    member, is_open = zlib.decompressobj(wbits=31), True
                yield member.decompress(left, _PIECE)
                left = member.unconsumed_tail
                if member.eof:
                    left, is_open = member.unused_data, False
        except zlib.error:
            damaged()
            return
        more = next(source, b"")
        if not more:
            break
        left += more
    if is_open:
        damaged()
