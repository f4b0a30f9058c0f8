"""Blobs of a storage account, read as Azure's own writer leaves them: block by block.

Nothing here writes, leases or deletes. A blob that is committed anew while it is read is noticed,
since each request names the version that was listed.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceModifiedError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.storage.blob import BlobType

from flowverdict.lake.sources import Changed, SourceError, may_be_flow_log
from flowverdict.lake.store import one_line

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from azure.storage.blob import BlobProperties, ContainerClient

    from flowverdict.lake.account import Account, Address

_END: Final = 512
_ARCHIVED: Final = ("BlobArchived", "BlobBeingRehydrated")
_DENIED: Final = "expected the role Storage Blob Data Reader, or a key or signature that is valid"


@dataclass(frozen=True, slots=True)
class AzureBlob:
    """A blob of a container, in the version that was listed."""

    name: str
    container: ContainerClient
    path: str
    size: int
    etag: str
    in_blocks: bool
    _blocks: list[list[tuple[str, int]]] = field(default_factory=list["list[tuple[str, int]]"])

    @classmethod
    def of(cls, address: Address, container: ContainerClient, found: BlobProperties) -> AzureBlob:
        """Takes what a listing says of a blob."""
        name = f"az://{address.account}/{address.container}/{found.name}"
        return cls(name, container, found.name, *_version(found))

    def read(self, offset: int = 0) -> Iterator[bytes]:
        """Yields the bytes from an offset on."""
        if offset < self.size:
            with _told(self.name):
                yield from self._download(offset, None).chunks()

    def mark(self, offset: int) -> str:
        """Returns what tells the bytes before an offset from others.

        Where a block ends there, the ids and sizes of the blocks before it do: Azure adds one for
        each update. A blob that was uploaded in one piece is known by its beginning and its end.
        """
        at, digest = 0, hashlib.sha256()
        for block, size in self._block_list():
            if at >= offset:
                break
            digest.update(f"{block} {size}\n".encode())
            at += size
        if at == offset:
            return f"blocks:{digest.hexdigest()[:32]}"
        with _told(self.name):
            length = min(_END, offset)
            for start in (0, offset - length):
                digest.update(self._download(start, length).readall())
        return f"ends:{digest.hexdigest()[:32]}"

    def refreshed(self) -> AzureBlob:
        """Returns the blob as it is now."""
        with _told(self.name):
            found = self.container.get_blob_client(self.path).get_blob_properties()
        return AzureBlob(self.name, self.container, self.path, *_version(found))

    def _download(self, offset: int, length: int | None):
        return self.container.download_blob(
            self.path,
            offset=offset,
            length=length,
            etag=f'"{self.etag}"',
            match_condition=MatchConditions.IfNotModified,
            max_concurrency=1,
        )

    def _block_list(self) -> list[tuple[str, int]]:
        """Returns ids and sizes of the blocks; none where a blob is not made of any.

        No condition can be put on this request, so its answer is held against the version listed.
        """
        if self.in_blocks and not self._blocks:
            answers: list[str] = []

            def hear(response: Any) -> None:
                answers.append(response.http_response.headers.get("ETag", ""))

            with _told(self.name):
                blob = self.container.get_blob_client(self.path)
                committed, _ = blob.get_block_list(raw_response_hook=hear)
            if answers[-1].strip('"') != self.etag:
                raise _changed(self.name)
            self._blocks.append([(one.id, one.size) for one in committed])
        return self._blocks[0] if self._blocks else []


def _version(found: BlobProperties) -> tuple[int, str, bool]:
    """Returns size, etag, and whether blocks make up the blob."""
    return found.size, found.etag.strip('"'), found.blob_type == BlobType.BLOCKBLOB


def _changed(name: str) -> Changed:
    return Changed(f"{name}: was changed while it was read")


def list_blobs(account: Account, address: Address) -> Iterator[AzureBlob]:
    """Yields the blobs below an address that may be flow logs, by their names.

    Raises:
        AccountError: nothing opens the account.
        SourceError: the container cannot be listed.
    """
    container = account.container(address.container)
    with _told(str(address)):
        for found in container.list_blobs(name_starts_with=address.prefix or None):
            if may_be_flow_log(found.name):
                yield AzureBlob.of(address, container, found)


@contextmanager
def _told(name: str) -> Generator[None]:
    """Says in one line what a storage account answers."""
    try:
        yield
    except ResourceModifiedError:
        raise _changed(name) from None
    except ResourceNotFoundError as problem:
        what = "container" if problem.error_code == "ContainerNotFound" else "blob"
        raise SourceError(f"{name}: there is no such {what}") from None
    except ClientAuthenticationError as problem:
        raise SourceError(f"{name}: access denied ({_short(problem)}): {_DENIED}") from None
    except HttpResponseError as problem:
        if problem.status_code == 403:
            raise SourceError(f"{name}: access denied ({_short(problem)}): {_DENIED}") from None
        if problem.status_code is None:  # its beginning came, and then no more
            raise SourceError(f"{name}: the connection breaks off: try again later") from None
        if (code := _short(problem)) in _ARCHIVED:
            raise SourceError(f"{name}: is archived: expected a blob that is rehydrated") from None
        raise SourceError(
            f"{name}: the server answers {problem.status_code} ({code}): try again later"
        ) from None
    except ServiceRequestError as problem:
        raise SourceError(f"{name}: cannot be reached ({_short(problem)})") from None
    except ServiceResponseError as problem:
        raise SourceError(f"{name}: the server does not answer ({_short(problem)})") from None
    except (AzureError, OSError) as problem:
        raise SourceError(f"{name}: {one_line(problem)}") from None


def _short(problem: AzureError) -> str:
    code = getattr(problem, "error_code", None)
    return str(getattr(code, "value", code)) if code else one_line(problem)[:120]
