"""A bad network before a real storage account: it fails, hangs or cuts what passes through it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Generator
from dataclasses import dataclass, field

_REFUSAL = (
    b"HTTP/1.1 500 Internal Server Error\r\nx-ms-error-code: InternalError\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)


@dataclass
class Proxy:
    """Hands connections on to a server; `fault` is what it does to them.

    Attributes:
        fault: empty, `500` answers all requests so, `hang` never answers, `cut` ends a connection
            in the middle of a long answer, `once` answers the next request with 500.
        requests: how many connections or requests it has met with a fault.
    """

    to: int
    fault: str = ""
    requests: int = 0
    port: int = 0
    _sockets: list[socket.socket] = field(default_factory=list[socket.socket])

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.to))
            self._sockets += [client, server]
            for source, target, answers in ((client, server, False), (server, client, True)):
                threading.Thread(
                    target=self._pass, args=(source, target, client), kwargs={"answers": answers},
                    daemon=True,
                ).start()  # fmt: skip

    def _pass(
        self, source: socket.socket, target: socket.socket, client: socket.socket, *, answers: bool
    ) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                passed += len(data)
                if not answers and self.fault in ("500", "once", "hang"):
                    self.requests += 1
                    if self.fault == "hang":
                        continue
                    if self.fault == "once":
                        self.fault = ""
                    client.sendall(_REFUSAL)
                    break
                if answers and self.fault == "cut" and passed > 4000:
                    self.requests += 1
                    target.sendall(data[: len(data) // 2])
                    break
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@contextlib.contextmanager
def between(port: int) -> Generator[Proxy]:
    """Start a proxy before a port of this machine."""
    proxy = Proxy(port)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy.port = listener.getsockname()[1]
        threading.Thread(target=proxy._serve, args=(listener,), daemon=True).start()
        try:
            yield proxy
        finally:
            for one in proxy._sockets:
                one.close()
