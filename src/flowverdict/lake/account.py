"""Storage accounts: ``az://ACCOUNT/CONTAINER[/PREFIX]``, and what opens them.

Credentials are looked for where Azure's own tools look: a connection string, an account key, a
shared access signature, and then whatever a managed identity, a service principal in the
environment or ``az login`` gives.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from azure.core.exceptions import AzureError
from azure.storage.blob import ContainerClient, LinearRetry
from obstore.store import AzureStore

from flowverdict.lake.connection import AccountError, find_connection, is_loopback
from flowverdict.lake.store import Store, without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azure.core.credentials import AccessToken, TokenCredential
    from obstore.store import AzureCredential

SCHEME: Final = "az://"
_EXPECTED: Final = "expected az://ACCOUNT/CONTAINER or az://ACCOUNT/CONTAINER/PREFIX"
_URL: Final = re.compile(r"az://([a-z0-9]{3,24})/([a-z0-9$][a-z0-9-]{2,62})(?:/(.*))?\Z", re.DOTALL)
_CREDENTIALS: Final = (
    "expected AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN, "
    "a managed identity, or `az login`"
)
_SCOPE: Final = "https://storage.azure.com/.default"
_ELSEWHERE: Final = re.compile(r"(?:\A|/)\.{0,2}(?:/|\Z)|%[0-9A-Fa-f]{2}|[\x00-\x1f\x7f\\]")
"""What Delta, the account or a URL would read as another path: `//`, `..`, `%20`, a backslash."""
_DIRECTORY: Final = re.compile(r"AADSTS\d+: [^\r\n]*?(?=\.(?:\s|\Z))")
"""What Microsoft Entra says of a service principal: the one sentence that helps."""
_PIECE: Final = 1 << 22
_RETRIES: Final = 2
TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Address:
    """A place in a storage account.

    Attributes:
        prefix: what the names of its blobs begin with; a slash at the end is part of it.
    """

    account: str
    container: str
    prefix: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """Reads an address.

        Raises:
            AccountError: it is none.
        """
        found = _URL.match(text)
        if found is None:
            raise AccountError(f"{without_secrets(text)}: {_EXPECTED}")
        account, container, prefix = found.groups()
        return cls(account, container, (prefix or "").lstrip("/"))

    def __str__(self) -> str:
        whole = f"{SCHEME}{self.account}/{self.container}"
        return f"{whole}/{self.prefix}" if self.prefix else whole


@dataclass(frozen=True, slots=True)
class Account:
    """A storage account that can be opened.

    Attributes:
        endpoint: of its blobs.
        key: the account's key; empty where something else opens it.
        sas: a shared access signature, without a question mark.
        timeout_s: how long a server may be silent.
    """

    name: str
    endpoint: str
    key: str = field(default="", repr=False)
    sas: str = field(default="", repr=False)
    timeout_s: float = TIMEOUT_S
    _tokens: list[TokenCredential] = field(default_factory=list[Any], repr=False)
    _opened: list[ContainerClient] = field(default_factory=list[ContainerClient], repr=False)

    @classmethod
    def of(
        cls, name: str, environment: Mapping[str, str], *, timeout_s: float = TIMEOUT_S
    ) -> Account:
        """Finds what opens an account.

        Args:
            name: the account's.
            environment: variables, named as Azure's tools name them.
            timeout_s: how long a server may be silent.

        Raises:
            AccountError: what is there is broken, or another account's.
        """
        return cls(name, *find_connection(name, environment), timeout_s)

    def container(self, name: str) -> ContainerClient:
        """Returns what reads a container; a server that fails or is silent is asked again twice.

        Raises:
            AccountError: nothing opens the account.
        """
        if not self._opens_itself:
            if self.endpoint.startswith("http:"):
                raise self._unencrypted()  # Azure's library takes none even on loopback
            self._token()  # else each request would say at length that there is none
        client = ContainerClient(
            self.endpoint,
            name,
            credential=self.key or self.sas or self._credential(),
            retry_policy=LinearRetry(backoff=1, retry_total=_RETRIES, random_jitter_range=1),
            connection_timeout=min(10.0, self.timeout_s),
            read_timeout=self.timeout_s,
            max_single_get_size=_PIECE,
            max_chunk_get_size=_PIECE,
        )
        self._opened.append(client)
        return client

    def close(self) -> None:
        """Ends the connections of all that was opened."""
        for client in self._opened:
            client.close()

    def store(self, address: Address) -> Store:
        """Returns the store of a lake in this account.

        Raises:
            AccountError: a lake cannot lie there.
        """
        prefix = address.prefix.rstrip("/")
        if prefix and _ELSEWHERE.search(prefix):
            raise AccountError(f"{address}: expected a plain path for a lake, such as logs/lake")
        timeout = timedelta(seconds=self.timeout_s)
        limits: Any = {
            "timeout": timeout,
            "connect_timeout": min(timeout, timedelta(seconds=10)),
            "allow_http": self.endpoint.startswith("http:"),
        }

        @cache
        def objects() -> AzureStore:
            return AzureStore(
                container_name=address.container,
                prefix=prefix or None,
                config=self._config(),
                client_options=limits,
                retry_config={"max_retries": _RETRIES, "retry_timeout": 3 * timeout},
                credential_provider=None if self._opens_itself else self._fresh_token,
            )

        def options() -> dict[str, str]:
            token = {} if self._opens_itself else {"bearer_token": self._token().token}
            return {
                **self._config(),
                **token,
                "allow_http": str(self.endpoint.startswith("http:")).lower(),
                "timeout": f"{self.timeout_s:g}s",
                "connect_timeout": f"{min(10.0, self.timeout_s):g}s",
                "max_retries": str(_RETRIES),
                "retry_timeout": f"{3 * self.timeout_s:g}s",
            }

        behind = f"/{prefix}" if prefix else ""
        root = f"{SCHEME}{address.account}/{address.container}{behind}"
        return Store(root, f"{SCHEME}{address.container}{quote(behind)}", objects, options)

    @property
    def _opens_itself(self) -> bool:
        """Whether a key or a signature opens it, and no token has to."""
        return bool(self.key or self.sas)

    def _config(self) -> Any:
        """Returns the account and what opens it for good, in the words of object stores."""
        found = {"account_name": self.name, "endpoint": self.endpoint}
        if self.key:
            return found | {"account_key": self.key}
        return found | {"sas_key": self.sas} if self.sas else found

    def _credential(self) -> TokenCredential:
        """Returns the usual Azure credential, the same one each time: it keeps its tokens."""
        if not self._tokens:
            from azure.identity import DefaultAzureCredential  # noqa: PLC0415 half a second

            _quieten()
            self._tokens.append(DefaultAzureCredential())
        return self._tokens[0]

    def _token(self) -> AccessToken:
        """Returns a token that is still good for minutes: the credential renews it in time.

        Raises:
            AccountError: there is none, or it would be sent for all to read.
        """
        if self.endpoint.startswith("http:") and not is_loopback(self.endpoint):
            raise self._unencrypted()
        try:
            return self._credential().get_token(_SCOPE)
        except AzureError as problem:  # a page of what was tried
            said = _DIRECTORY.search(str(problem))
            reason = said[0] if said else "no credentials were found"
            raise AccountError(f"{SCHEME}{self.name}: {reason}: {_CREDENTIALS}") from None

    def _unencrypted(self) -> AccountError:
        return AccountError(
            f"{SCHEME}{self.name}: {self.endpoint} is not encrypted and gets no token: "
            "expected https, or a key"
        )

    def _fresh_token(self) -> AzureCredential:
        """Returns the same for a store of objects, which asks again before it expires."""
        found = self._token()
        return {"token": found.token, "expires_at": datetime.fromtimestamp(found.expires_on, UTC)}


def open_store(
    root: str,
    environment: Mapping[str, str],
    local: Callable[[str], Store],
    *,
    timeout_s: float = TIMEOUT_S,
) -> Store:
    """Returns where a lake lies, by the name that its user gives it.

    Raises:
        LakeError: it is no such place.
    """
    if not root.startswith(SCHEME):
        return local(root)
    address = Address.parse(root)
    return Account.of(address.account, environment, timeout_s=timeout_s).store(address)


def _quieten() -> None:
    """Keeps what Azure's libraries log off stderr: it is said once, and by us.

    Who sets up logging gets it all the same.
    """
    logger = logging.getLogger("azure")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
