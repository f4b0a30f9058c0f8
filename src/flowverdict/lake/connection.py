"""What opens a storage account, in the variables that Azure's own tools read.

Nothing that is said here repeats a value that may be, or hold, a secret: a key that was pasted
into the wrong variable would stand in a log.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

from flowverdict.lake.store import LakeError

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONNECTION: Final = "AZURE_STORAGE_CONNECTION_STRING"
_KEYS: Final = ("AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCOUNT_KEY")
_SAS: Final = "AZURE_STORAGE_SAS_TOKEN"
_ENDPOINT: Final = "AZURE_STORAGE_SERVICE_ENDPOINT"
_HOST: Final = re.compile(r"([a-z0-9]{3,24})(?:-secondary)?\.(?:[a-z0-9-]+\.)?(?:blob|dfs)\.")
"""An account's own, with a zone or `privatelink`; a custom domain does not name the account."""


class AccountError(LakeError):
    """An address or credentials that open nothing."""


class Connection(NamedTuple):
    """What opens an account; without key and signature, a token has to.

    Attributes:
        endpoint: of its blobs, without a slash at the end.
        sas: a shared access signature, without a question mark.
    """

    endpoint: str
    key: str = ""
    sas: str = ""


def find_connection(name: str, environment: Mapping[str, str]) -> Connection:
    """Finds what opens an account.

    Args:
        name: the account's.
        environment: variables, named as Azure's tools name them.

    Raises:
        AccountError: what is there is broken, or another account's.
    """

    def value(variable: str) -> str:
        return environment.get(variable, "").strip()

    if text := value(_CONNECTION):
        return _of_string(text, name)
    endpoint = value(_ENDPOINT) or f"https://{name}.blob.core.windows.net"
    _check_endpoint(endpoint, name, _ENDPOINT)
    variable = next((one for one in _KEYS if value(one)), _KEYS[0])
    _check_key(value(variable), variable)
    return Connection(endpoint.rstrip("/"), value(variable), value(_SAS).lstrip("?"))


def is_loopback(endpoint: str) -> bool:
    """Reports whether what is sent to an endpoint stays on this machine."""
    host = urlsplit(endpoint).hostname or ""
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _of_string(text: str, name: str) -> Connection:
    """Returns what a connection string says."""
    parts = dict(one.strip().split("=", 1) for one in text.split(";") if "=" in one)
    account = parts.get("AccountName", "")
    endpoint = parts.get("BlobEndpoint", "")
    if not account and not endpoint:
        raise AccountError(f"{_CONNECTION}: expected AccountName=...;AccountKey=...")
    _check_account(account or name, name, _CONNECTION)
    protocol = parts.get("DefaultEndpointsProtocol", "https")
    suffix = parts.get("EndpointSuffix", "core.windows.net")
    endpoint = endpoint or f"{protocol}://{name}.blob.{suffix}"
    _check_endpoint(endpoint, name, _CONNECTION)
    key = parts.get("AccountKey", "")
    _check_key(key, _CONNECTION)
    return Connection(endpoint.rstrip("/"), key, parts.get("SharedAccessSignature", "").lstrip("?"))


def _check_endpoint(endpoint: str, name: str, variable: str) -> None:
    """Refuses the endpoint of another account: rows would get the name of the wrong one."""
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, usable = urlsplit(""), False
    if not usable or parts.query or parts.fragment or parts.username is not None:
        raise AccountError(
            f"{variable}: names no endpoint: expected https://... with nothing behind the host"
        )
    if (found := _account_of(parts)) is not None:
        _check_account(found, name, variable)


def _account_of(endpoint: SplitResult) -> str | None:
    """Returns the account that an endpoint names: in its host, or for emulators in its path."""
    host = endpoint.hostname or ""
    if _address(host) is not None or "." not in host:
        return endpoint.path.strip("/").partition("/")[0] or None
    found = _HOST.match(host)
    return found[1] if found else None


def _check_account(found: str, name: str, variable: str) -> None:
    if found != name:
        raise AccountError(f"az://{name}: {variable} is that of `{found}`: expected one account")


def _check_key(key: str, variable: str) -> None:
    try:
        base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        raise AccountError(f"{variable}: holds no key of an account: expected base64") from None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
