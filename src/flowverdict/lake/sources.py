"""Where flow-log blobs come from: files and folders of this machine, standard input."""

from __future__ import annotations

import glob
import hashlib
import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Final, Protocol

from flowverdict.flowlog.paths import parse_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_SUFFIXES: Final = (".json", ".json.gz", ".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
STDIN: Final = "-"
PIECE: Final = 1 << 22
_SAMPLES: Final = 16
_SAMPLE: Final = 512
_FIRST: Final = datetime.min.replace(tzinfo=UTC)


class SourceError(Exception):
    """A source that is not there or cannot be read."""


class Changed(SourceError):
    """A blob that is no longer the one that was listed."""


class Blob(Protocol):
    """A blob that can be read.

    Attributes:
        name: what it is called in the lake, the same at every run.
        size: in bytes; None where that is not known before it is read.
        etag: changes whenever the contents do; empty where nothing tells.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 above

    @property
    def size(self) -> int | None: ...  # noqa: D102 above

    @property
    def etag(self) -> str: ...  # noqa: D102 above

    def read(self, offset: int = 0) -> Iterator[bytes]:
        """Yields the bytes from an offset on.

        Raises:
            Changed: it is no longer the blob that was listed.
            SourceError: it cannot be read.
        """
        ...

    def mark(self, offset: int) -> str:
        """Returns what tells the bytes before an offset from others; raises likewise."""
        ...

    def refreshed(self) -> Blob:
        """Returns the blob as it is now; raises likewise."""
        ...


def sampled(file: IO[bytes], offset: int) -> str:
    """Returns a digest of samples of a file before an offset: its beginning, its end, and between.

    Flow logs are full of times and ports: two that agree in all samples and are not the same one
    do not happen by accident.
    """
    digest = hashlib.sha256()
    for at in range(_SAMPLES):
        file.seek(max(0, offset - _SAMPLE) * at // (_SAMPLES - 1))
        digest.update(file.read(min(_SAMPLE, offset)))
    return f"samples:{digest.hexdigest()[:32]}"


@dataclass(frozen=True, slots=True)
class File:
    """A file of this machine."""

    name: str
    size: int
    etag: str
    path: Path

    @classmethod
    def at(cls, path: Path) -> File:
        """Looks at a file.

        Raises:
            SourceError: it cannot be looked at, or is no ordinary file.
        """
        name = Path(os.path.realpath(path)).as_posix()
        try:
            found = path.stat()
        except OSError as problem:
            raise _unread(name, problem) from None
        if not stat.S_ISREG(found.st_mode):
            raise SourceError(f"{name}: is no ordinary file: expected flow logs")
        etag = f"{found.st_size}-{found.st_mtime_ns}-{found.st_ino}"
        return cls(name, found.st_size, etag, path)

    def read(self, offset: int = 0) -> Iterator[bytes]:
        """Yields the bytes from an offset on."""
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                while piece := file.read(PIECE):
                    yield piece
        except OSError as problem:
            raise _unread(self.name, problem) from None

    def mark(self, offset: int) -> str:
        """Returns what tells the bytes before an offset from others."""
        try:
            with self.path.open("rb") as file:
                return sampled(file, offset)
        except OSError as problem:
            raise _unread(self.name, problem) from None

    def refreshed(self) -> File:
        """Returns the file as it is now."""
        return File.at(self.path)


@dataclass(frozen=True, slots=True)
class Stream:
    """Standard input, kept on disk while it is read; its name in the lake is its contents."""

    name: str
    size: int
    file: IO[bytes]
    etag: str = ""

    @classmethod
    def of(cls, source: IO[bytes]) -> Stream:
        """Takes in all of a stream."""
        kept = TemporaryFile()  # noqa: SIM115 closed with the blob
        digest = hashlib.sha256()
        while piece := source.read(PIECE):
            digest.update(piece)
            kept.write(piece)
        return cls(f"stdin:{digest.hexdigest()[:32]}", kept.tell(), kept)

    def read(self, offset: int = 0) -> Iterator[bytes]:
        """Yields the bytes from an offset on."""
        self.file.seek(offset)
        while piece := self.file.read(PIECE):
            yield piece

    def mark(self, offset: int) -> str:
        """Returns what tells the bytes before an offset from others."""
        return sampled(self.file, offset)

    def refreshed(self) -> Stream:
        """Returns itself: what was read does not change."""
        return self


def find_blobs(
    sources: Iterable[str],
    stdin: IO[bytes] | None = None,
    unread: Callable[[str], None] = lambda _: None,
    remote: Callable[[str], Iterable[Blob]] | None = None,
) -> Iterator[Blob]:
    """Yields the blobs of files, folders, patterns and containers, each once, hour by hour.

    Args:
        sources: files, folders, which are searched, patterns such as ``logs/**/*.json``,
            containers such as ``az://account/container``, or ``-`` for standard input.
        stdin: standard input.
        unread: told about each file that is there and cannot be looked at.
        remote: lists a container.

    Raises:
        SourceError: a source is not there.
    """
    found: dict[str, Blob] = {}
    for source in sources:
        if source == STDIN and stdin is not None:
            yield Stream.of(stdin)
            continue
        if source.startswith("az://") and remote is not None:
            found |= {blob.name: blob for blob in remote(source)}
            continue
        for path in _paths(source):
            try:
                file = File.at(path)
            except SourceError as problem:
                unread(str(problem))
                continue
            found.setdefault(file.name, file)
    yield from sorted(found.values(), key=_when)


def _when(blob: Blob) -> tuple[datetime, str]:
    """Returns what puts blobs in the order of their hours, so that a commit has few days."""
    path = parse_path(blob.name)
    return (path.hour if path and path.hour else _FIRST, blob.name)


def _paths(source: str) -> Iterator[Path]:
    path = Path(source)
    if source and path.is_dir():
        yield from _files_in(path)
    elif source and path.exists():
        yield path
    elif glob.has_magic(source):
        matches = sorted(glob.glob(source, recursive=True))  # noqa: PTH207 knows `**` in a text
        if not matches:
            raise SourceError(f"{source}: matches no file: expected flow logs")
        for one in matches:
            inner = Path(one)
            yield from _files_in(inner) if inner.is_dir() else (inner,)
    else:
        raise SourceError(f"{source or 'SOURCE'}: no such file or folder: expected flow logs")


def _files_in(folder: Path) -> Iterator[Path]:
    for one in folder.rglob("*"):
        if may_be_flow_log(one.relative_to(folder).as_posix()) and not one.is_dir():
            yield one


def may_be_flow_log(path: str) -> bool:
    """Reports whether a path is worth opening: a lake's own log, which is JSON too, is not."""
    return path.lower().endswith(_SUFFIXES) and "_delta_log/" not in path


def _unread(name: str, problem: OSError) -> SourceError:
    return SourceError(f"{name}: {(problem.strerror or str(problem)).lower()}")
