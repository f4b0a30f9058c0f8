"""Which reader: the compiled one, or the plain one where nobody should wait for a compiler."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from flowverdict.flowlog.rows import PlainRows

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowverdict.flowlog.rows import RowsOf

_TINY: Final = 2_000_000
"""The plain reader is done with so many bytes before the compiled one is even loaded."""
_SMALL: Final = 24_000_000
"""The plain reader takes up to ten seconds for so many bytes, the compiler half a minute."""
_MIDDLING: Final = 64_000_000
"""The plain reader takes about as long as the compiler, if its work cannot be kept."""


def reader_for(size: int | None, say: Callable[[str], None]) -> RowsOf:
    """Returns the reader for a run; loads the compiled one, and compiles it where that pays.

    Args:
        size: how many bytes the run has to read in all; None if nobody knows.
        say: gets a line if somebody has to wait.
    """
    if size is not None and size <= _TINY:
        return PlainRows
    try:
        kept = KERNEL.folder()
        if not KERNEL.is_kept_in(kept):
            if size is not None and size <= (_SMALL if kept else _MIDDLING):
                return PlainRows
            KERNEL.compile(kept, say)
        rows: RowsOf = import_module("flowverdict.flowlog.kernel").KernelRows
    except (ImportError, OSError) as problem:
        if size is None or size > _SMALL:
            say(f"reading by the plain reader, about 100 times slower: {problem}")
        return PlainRows
    return rows


@dataclass(frozen=True, slots=True)
class Compiled:
    """Modules that numba compiles when they are imported, and keeps.

    Numba notices if the file changed in which a function stands, not if those changed that are
    compiled into it, and a processor of another kind needs its own code. So a mark is left beside
    what was compiled: from which files, by which numba, for which processor.

    Attributes:
        modules: their names.
    """

    modules: tuple[str, ...]

    def folder(self) -> Path | None:
        """Returns where numba keeps what it compiles of them; None if it finds no place.

        Raises:
            ImportError: numba is not there, or not whole.
        """
        caching = import_module("numba.core.caching")
        function = FunctionType(  # any function of that file will do
            Compiled.folder.__code__.replace(co_filename=str(self._files()[-1])), {}
        )
        try:
            locator = caching.CompileResultCacheImpl(function).locator
        except RuntimeError:
            return None
        return Path(locator.get_cache_path())

    def is_kept_in(self, folder: Path | None) -> bool:
        """Reports whether importing the modules needs no compiler."""
        if all(name in sys.modules for name in self.modules):
            return True
        if folder is None or not (folder / self._mark()).exists():
            return False
        return all(any(folder.glob(pattern)) for pattern in self._indexes())

    def compile(self, folder: Path | None, say: Callable[[str], None]) -> None:
        """Imports the modules, to be kept in a folder if there is one.

        Raises:
            ImportError: numba is not there, or not whole.
            OSError: there is not even a place for the time being.
        """
        if folder is not None:
            say("compiling the reader, once for this machine (half a minute)")
            try:
                self._forget_others(folder)
                self._import()
                (folder / self._mark()).touch()
            except OSError as problem:
                say(f"{folder}: {(problem.strerror or str(problem)).lower()}")
            else:
                return
        say(
            "compiling the reader for this run alone (half a minute): it can be kept nowhere "
            "(set NUMBA_CACHE_DIR to a folder that can be written)"
        )
        config: Any = import_module("numba").config
        for name in self.modules:
            sys.modules.pop(name, None)  # they know where they wanted to be kept
        with TemporaryDirectory(prefix="flowverdict-", ignore_cleanup_errors=True) as place:
            before, config.CACHE_DIR = config.CACHE_DIR, place
            try:
                self._import()
            finally:
                config.CACHE_DIR = before

    def _import(self) -> None:
        for name in self.modules:
            import_module(name)

    def _files(self) -> list[Path]:
        specs = [find_spec(name) for name in self.modules]
        return [Path(one.origin) for one in specs if one is not None and one.origin is not None]

    def _indexes(self) -> list[str]:
        return [f"{file.stem}.*.nbi" for file in self._files()]

    def _sources(self) -> str:
        """Returns the beginning of a mark's name, which tells of the modules' text."""
        digest = sha256(b"\0".join(file.read_bytes() for file in self._files()))
        return f"{self.modules[-1]}-{digest.hexdigest()[:16]}"

    def _mark(self) -> str:
        numba = import_module("numba")
        target = import_module("numba.core.registry").cpu_target.target_context
        machine = (sys.implementation.cache_tag, numba.__version__, target.codegen().magic_tuple())
        return f"{self._sources()}-{sha256(repr(machine).encode()).hexdigest()[:16]}"

    def _forget_others(self, folder: Path) -> None:
        """Takes away what was compiled from other files, or nobody knows from which."""
        ours, known = self._sources(), False
        for mark in folder.glob(f"{self.modules[-1]}-*"):
            if mark.name.startswith(ours):
                known = True
            else:
                mark.unlink(missing_ok=True)
        for pattern in [] if known else self._indexes():
            for index in folder.glob(pattern):
                index.unlink(missing_ok=True)


KERNEL: Final = Compiled(
    tuple(
        f"flowverdict.flowlog.kernel_{name}"
        for name in ("bytes", "address", "fields", "tuples", "words", "walk")
    )
)
