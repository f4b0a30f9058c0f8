"""Tokens: renewed in time, sent to nobody who must not read them."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pyarrow as pa
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from flowverdict.lake import LakeError
from flowverdict.lake.account import Account, AccountError, Address

HOUR_S = 3600
PAUSE_S = 0.3
"""obstore asks for a token at most each tenth of a second, from five minutes before the end on."""
LAKE = Address("mine", "container", "lake")


class Tokens:
    """Gives another token each time, as a credential does in a run of hours."""

    def __init__(self, valid_s: int, most: int = 100) -> None:
        self.valid_s = valid_s
        self.most = most
        self.given = 0

    def get_token(self, *_scopes: str, **_: Any) -> AccessToken:
        """The next one."""
        self.given += 1
        if self.given > self.most:
            raise ClientAuthenticationError(
                "ClientSecretCredential: AADSTS7000222: The provided client secret keys for app "
                "'x' are expired. Visit the portal.\r\nTrace ID: 1"
            )
        return AccessToken(f"token-{self.given}", int(time.time()) + self.valid_s)


class Server:
    """Takes whatever is written, and notes what opened it."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                heard.append(self.headers["Authorization"])
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(201)
                self.send_header("ETag", '"1"')
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
                """Nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.http.server_port}/mine"


@pytest.fixture
def server() -> Iterator[Server]:
    """One on loopback."""
    found = Server()
    thread = threading.Thread(target=found.http.serve_forever)
    thread.start()
    yield found
    found.http.shutdown()
    thread.join()
    found.http.server_close()


def account(endpoint: str, tokens: Tokens) -> Account:
    """One that a token opens."""
    return Account("mine", endpoint, timeout_s=2, _tokens=[tokens])


@pytest.mark.parametrize(
    ("valid_s", "sent"),
    [(HOUR_S, ["token-1", "token-1", "token-1"]), (1, ["token-1", "token-2", "token-3"])],
    ids=["good for an hour", "about to expire"],
)
def test_files_are_written_with_a_token_that_is_still_good(
    server: Server, valid_s: int, sent: list[str]
) -> None:
    store = account(server.endpoint, Tokens(valid_s)).store(LAKE)
    for at in range(3):
        store.put(f"{at}", pa.py_buffer(b"data"))
        time.sleep(PAUSE_S)
    assert server.heard == [f"Bearer {one}" for one in sent]


def test_delta_gets_a_fresh_token_each_time() -> None:
    store = account("https://mine.blob.core.windows.net", Tokens(HOUR_S)).store(LAKE)
    assert [store.options()["bearer_token"] for _ in range(2)] == ["token-1", "token-2"]


def test_a_secret_that_expires_meanwhile_is_one_line(server: Server) -> None:
    store = account(server.endpoint, Tokens(1, most=1)).store(LAKE)
    store.put("0", pa.py_buffer(b"data"))
    time.sleep(PAUSE_S)
    with pytest.raises(LakeError) as problem:
        store.put("1", pa.py_buffer(b"data"))
    said = "AADSTS7000222: The provided client secret keys for app 'x' are expired: expected AZURE"
    assert said in str(problem.value)
    assert "\n" not in str(problem.value)
    assert server.heard == ["Bearer token-1"]


@pytest.mark.parametrize("endpoint", ["http://mine.blob.core.windows.net", "http://10.0.0.4/mine"])
def test_no_token_is_sent_for_all_to_read(endpoint: str) -> None:
    tokens = Tokens(HOUR_S)
    found = account(endpoint, tokens)
    said = f"az://mine: {endpoint} is not encrypted and gets no token: expected https, or a key"
    for act in (lambda: found.container("logs"), found.store(LAKE).options):
        with pytest.raises(AccountError) as problem:
            act()
        assert str(problem.value) == said
    with pytest.raises(LakeError, match="is not encrypted and gets no token"):
        found.store(LAKE).put("0", pa.py_buffer(b"data"))
    assert tokens.given == 0


def test_blobs_are_not_read_with_a_token_from_an_emulator_without_encryption() -> None:
    """Azure's library refuses it with an exception of no use to anyone."""
    found = account("http://127.0.0.1:10000/mine", Tokens(HOUR_S))
    with pytest.raises(AccountError, match="is not encrypted and gets no token"):
        found.container("logs")
