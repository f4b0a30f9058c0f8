"""Memory that is used again: to get new pages from the system takes longer than to fill them."""

from __future__ import annotations

import mmap
import threading
import weakref
from typing import Any, Final

import numpy as np

_LINE: Final = 64
_SMALL: Final = 1 << 17
_LARGE: Final = 1 << 20
_MOST_KEPT: Final = 1 << 29
"""Bytes that wait to be used again, at most."""


class Slabs:
    """Slabs of memory; one whose arrays are all gone is handed out again."""

    def __init__(self) -> None:
        self._free: dict[int, list[mmap.mmap]] = {}
        self._kept = 0
        self._lock = threading.RLock()  # memory may come back while some is handed out

    def slab(self, size: int) -> Slab:
        """Returns a slab of at least so many bytes, whatever they are."""
        if size <= _SMALL:
            return Slab(np.empty(size, np.uint8))
        size = 1 << (size - 1).bit_length() if size < _LARGE else -(-size // _LARGE) * _LARGE
        with self._lock:
            waiting = self._free.get(size)
            memory = waiting.pop() if waiting else None
            self._kept -= size if memory else 0
        if memory is None:
            memory = mmap.mmap(-1, size)
            if size > 2 * _LARGE and hasattr(mmap, "MADV_HUGEPAGE"):
                memory.madvise(mmap.MADV_HUGEPAGE)
        array = np.frombuffer(memory, np.uint8)
        weakref.finalize(array, self._give_back, memory, size).atexit = False
        return Slab(array)

    def _give_back(self, memory: mmap.mmap, size: int) -> None:
        with self._lock:
            if self._kept + size <= _MOST_KEPT:
                self._free.setdefault(size, []).append(memory)
                self._kept += size


class Slab:
    """Memory that arrays are cut from; it lives as long as any of them."""

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self._array = array
        self._used = 0

    def cut(self, length: int, kind: Any) -> np.ndarray[Any, Any]:
        """Returns an array of so many elements, whatever they are."""
        size = room(length, kind)
        part = self._array[self._used : self._used + length * np.dtype(kind).itemsize]
        self._used += size
        return part.view(kind)


def room(length: int, kind: Any) -> int:
    """Returns how many bytes an array takes of a slab."""
    return -(-length * np.dtype(kind).itemsize // _LINE) * _LINE


SLABS: Final = Slabs()
"""Those of this process."""
