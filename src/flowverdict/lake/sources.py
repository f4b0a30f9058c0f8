"""Where flow-log blobs come from: files and folders of this machine, standard input."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_SUFFIXES: Final = (".json", ".json.gz", ".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
STDIN: Final = "-"


class SourceError(Exception):
    """A source that is not there or cannot be read."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob that can be read.

    Attributes:
        name: what it is called in the lake, the same at every run.
        size: in bytes; None where that is not known before it is read.
        read: returns its bytes; raises ``OSError`` where it cannot.
    """

    name: str
    size: int | None
    read: Callable[[], bytes]


def find_blobs(sources: Iterable[str], stdin: Callable[[], bytes] | None = None) -> Iterator[Blob]:
    """Yields the blobs of files and folders, each once, in the order of their names.

    Args:
        sources: files, folders, which are searched, or ``-`` for standard input.
        stdin: reads standard input.

    Raises:
        SourceError: a source is not there.
    """
    seen: set[str] = set()
    for source in sources:
        if source == STDIN and stdin is not None:
            yield Blob("stdin", None, stdin)
            continue
        path = Path(source)
        if not source or not path.exists():
            raise SourceError(f"{source or 'SOURCE'}: no such file or folder: expected flow logs")
        for one in _files(path):
            name = Path(os.path.realpath(one)).as_posix()
            if name not in seen:
                seen.add(name)
                yield Blob(name, one.stat().st_size, one.read_bytes)


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for one in sorted(path.rglob("*")):
        if one.name.lower().endswith(_SUFFIXES) and one.is_file():
            yield one
