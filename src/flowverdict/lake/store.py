"""Where a lake lies: a folder of this machine, or a container of a storage account."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    import pyarrow as pa
    from obstore.store import ObjectStore


_NOISE: Final = re.compile("\x1b\\[[0-9;]*m|\u21b3")
_ANSWER: Final = re.compile(r"status code[:\s]+(\d{3}(?: [A-Z][A-Za-z]+)*)")
_CODE: Final = re.compile(r"<Code>(\w+)</Code>")
_SILENT: Final = re.compile("timed ?out|Timeout", re.IGNORECASE)
_SECRET: Final = re.compile(r"\b(sig|AccountKey)=[^&;\s\"'`)]+", re.IGNORECASE)
_DECODED: Final = re.compile("%[0-9A-Fa-f]{2}")
_LONGEST: Final = 300


class LakeError(Exception):
    """A lake that cannot be opened, read or written."""


def _no_options() -> dict[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Store:
    """The files of a lake, by their paths in it.

    Attributes:
        root: the lake as its user names it.
        uri: the same for Delta.
        objects: gives what holds the files.
        options: gives Delta's storage options: asked for anew each time, since tokens expire.
        clock: gives the time, in seconds since 1970.
    """

    root: str
    uri: str
    objects: Callable[[], ObjectStore]
    options: Callable[[], dict[str, str]] = field(default=_no_options)
    clock: Callable[[], float] = time.time

    @property
    def is_remote(self) -> bool:
        """Whether it lies in a storage account."""
        return "://" in self.uri

    def put(self, path: str, data: pa.Buffer, *, new: bool = False) -> None:
        """Writes a file: all of it or none.

        Raises:
            FileExistsError: it is there already, and was to be new.
            LakeError: it cannot be written.
        """
        with self._told(path):
            obstore.put(
                self.objects(),
                path,
                memoryview(data).cast("B"),
                mode="create" if new else "overwrite",
                use_multipart=False,  # a kill between the parts would leave them behind
            )

    def get(self, path: str) -> memoryview:
        """Returns a file's bytes.

        Raises:
            FileNotFoundError: there is none.
            LakeError: it cannot be read.
        """
        with self._told(path):
            return memoryview(obstore.get(self.objects(), path).bytes())

    def list(self, folder: str) -> Iterator[tuple[str, float]]:
        """Yields the files of a folder and when each was written, in seconds since 1970."""
        with self._told(folder):
            for page in obstore.list(self.objects(), prefix=folder):
                for one in page:
                    yield one["path"], one["last_modified"].timestamp()

    def delete(self, paths: Iterable[str]) -> None:
        """Deletes files; one that is gone already is no error."""
        for path in paths:
            with self._told(path):
                try:
                    obstore.delete(self.objects(), path)
                except FileNotFoundError:
                    continue

    @contextmanager
    def _told(self, path: str) -> Generator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except AlreadyExistsError:
            raise FileExistsError(path) from None
        except (BaseError, OSError) as problem:
            raise LakeError(f"{self.root}/{path}: {one_line(problem)}") from None


def local_store(root: str) -> Store:
    """Returns the store of a folder, which is made when the first file is written.

    Raises:
        LakeError: there is something else of this name, or Delta cannot use it.
    """
    path = Path(root)
    if not root or (path.exists() and not path.is_dir()):
        raise LakeError(f"{root or 'LAKE'}: is no folder: expected a lake, or a new name for one")
    if (found := _DECODED.search(str(path.absolute()))) is not None:
        # delta-rs writes into this folder and reads from the decoded one, file:// or not
        raise LakeError(f"{root}: Delta reads `{found[0]}` as another name: expected none of these")
    return Store(root, str(path), lambda: LocalStore(path.absolute(), mkdir=True))


def one_line(problem: Exception) -> str:
    """Returns what an exception says as one line of reasonable length.

    What stores of objects say is a tree with addresses and retries in it: what it comes down to
    is told instead.
    """
    text = _NOISE.sub(" ", str(problem).partition("Debug source:")[0])
    if (answer := _ANSWER.search(text)) is not None:
        code = (_CODE.search(text) or answer)[1]
        if answer[1][:3] in ("401", "403"):
            return f"access denied ({code})"
        return f"the server answers {code if answer[1][:3] == '404' else answer[1]}"
    if "tcp connect error" in text or "dns error" in text:
        return "cannot be reached: expected the name of a storage account, and a network"
    if _SILENT.search(str(problem)):
        return "the server does not answer"
    text = without_secrets(" ".join(text.split()))
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


def without_secrets(text: str) -> str:
    """Returns a text without signatures and keys, which addresses and exceptions carry along."""
    return _SECRET.sub(r"\1=...", text)
