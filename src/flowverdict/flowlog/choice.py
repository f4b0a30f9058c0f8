"""Which reader: the compiled one, unless making it ready takes longer than the plain one reads."""

from __future__ import annotations

import importlib.util
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flowverdict.flowlog.rows import PlainRows

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowverdict.flowlog.rows import RowsOf

_TINY: Final = 1_000_000
"""Bytes that are read sooner than the compiled reader is loaded."""
_SMALL: Final = 16_000_000
"""Bytes that are read sooner than it is compiled."""
_MODULE: Final = "flowverdict.flowlog.kernel_walk"
_ENTRY: Final = "read_records"


def reader_for(size: int, say: Callable[[str], None]) -> RowsOf:
    """Returns the reader for so many bytes.

    Args:
        size: of all that is to be read.
        say: told if the reader is compiled now, which takes half a minute and happens once for a
            machine, or if it cannot be.
    """
    if size <= _TINY:
        return PlainRows
    ready = is_compiled()
    if not ready:
        if size <= _SMALL:
            return PlainRows
        say("compiling the reader, once for this machine: half a minute")
    try:
        from flowverdict.flowlog.kernel import KernelRows  # noqa: PLC0415 imported if it pays
    except (ImportError, RuntimeError, OSError) as problem:
        reason = " ".join(str(problem).split())
        say(f"the reader cannot be compiled ({reason}): reading on slowly, with the same result")
        return PlainRows
    return KernelRows


def is_compiled() -> bool:
    """Reports whether this machine has the reader compiled already.

    Numba keeps an index of what it compiled, with the state that the source had; to import the
    source in order to ask would compile it. Where the index cannot be read the answer is no.
    """
    spec = importlib.util.find_spec(_MODULE)
    if spec is None or spec.origin is None:
        return False
    source = Path(spec.origin)
    try:
        import numba  # noqa: PLC0415 half a second
        from numba.core.caching import CompileResultCacheImpl  # noqa: PLC0415

        names: dict[str, object] = {}
        exec(compile(f"def {_ENTRY}(): pass", str(source), "exec"), names)  # noqa: S102 a name in that file, to ask for its place
        locator: Any = CompileResultCacheImpl(names[_ENTRY]).locator
        for index in Path(locator.get_cache_path()).glob(f"{source.stem}.{_ENTRY}-*.nbi"):
            with index.open("rb") as file:
                if pickle.load(file) != numba.__version__:  # noqa: S301 numba's own cache
                    continue
                stamp, overloads = pickle.loads(file.read())  # noqa: S301
                if stamp == locator.get_source_stamp() and overloads:
                    return True
    except (ImportError, RuntimeError, OSError, AttributeError, ValueError, pickle.PickleError):
        return False
    return False
