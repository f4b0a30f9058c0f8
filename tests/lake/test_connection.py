"""What opens a storage account: variables, endpoints, keys."""

from __future__ import annotations

import pytest

from flowverdict.lake.account import Account, AccountError, Address
from flowverdict.lake.connection import find_connection, is_loopback

KEY = "YSBrZXk="
CONNECTION = "AZURE_STORAGE_CONNECTION_STRING"
ENDPOINT = "AZURE_STORAGE_SERVICE_ENDPOINT"
EMULATOR = "DefaultEndpointsProtocol=http;AccountName=mine;BlobEndpoint=http://127.0.0.1:10000"


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        (
            {CONNECTION: f"AccountName=other;AccountKey={KEY}"},
            f"az://mine: {CONNECTION} is that of `other`: expected one account",
        ),
        ({CONNECTION: "nonsense"}, f"{CONNECTION}: expected AccountName=..."),
        (
            {CONNECTION: "BlobEndpoint=https://other.blob.core.windows.net/;"
             "SharedAccessSignature=sv=2026&sig=x"},
            f"az://mine: {CONNECTION} is that of `other`",
        ),
        ({CONNECTION: f"{EMULATOR}/other"}, f"az://mine: {CONNECTION} is that of `other`"),
        ({ENDPOINT: "http://azurite:10000/other"}, f"az://mine: {ENDPOINT} is that of `other`"),
        ({ENDPOINT: "http://[::1]:10000/other"}, f"az://mine: {ENDPOINT} is that of `other`"),
        (
            {ENDPOINT: "https://other.z1.blob.core.chinacloudapi.cn"},
            f"az://mine: {ENDPOINT} is that of `other`",
        ),
        (
            {ENDPOINT: "https://OTHER.privatelink.blob.core.windows.net"},
            f"az://mine: {ENDPOINT} is that of `other`",
        ),
        ({ENDPOINT: "mine.blob.core.windows.net"}, f"{ENDPOINT}: names no endpoint: expected http"),
        ({ENDPOINT: "https://[::1"}, f"{ENDPOINT}: names no endpoint: expected http"),
        ({ENDPOINT: "https://mine.example:x"}, f"{ENDPOINT}: names no endpoint: expected http"),
        ({"AZURE_STORAGE_KEY": "no key!"}, "AZURE_STORAGE_KEY: holds no key of an account"),
        ({"AZURE_STORAGE_ACCOUNT_KEY": "YQ="}, "AZURE_STORAGE_ACCOUNT_KEY: holds no key of an"),
        ({"AZURE_STORAGE_KEY": "\u00e9"}, "AZURE_STORAGE_KEY: holds no key of an account"),
    ],
)  # fmt: skip
def test_what_opens_nothing_is_said(environment: dict[str, str], said: str) -> None:
    with pytest.raises(AccountError) as problem:
        find_connection("mine", environment)
    assert str(problem.value).startswith(said)


@pytest.mark.parametrize(
    ("environment", "endpoint"),
    [
        ({}, "https://mine.blob.core.windows.net"),
        ({ENDPOINT: "https://mine.blob.core.usgovcloudapi.net/"},
         "https://mine.blob.core.usgovcloudapi.net"),
        ({CONNECTION: f"AccountName=mine;AccountKey={KEY};EndpointSuffix=core.chinacloudapi.cn"},
         "https://mine.blob.core.chinacloudapi.cn"),
        ({ENDPOINT: "https://mine-secondary.blob.core.windows.net"},
         "https://mine-secondary.blob.core.windows.net"),
        ({ENDPOINT: "https://logs.example.org"}, "https://logs.example.org"),
        ({CONNECTION: f"{EMULATOR}/mine;"}, "http://127.0.0.1:10000/mine"),
    ],
    ids=["public", "government", "china", "secondary", "own domain", "emulator"],
)  # fmt: skip
def test_clouds_have_endpoints_of_their_own(environment: dict[str, str], endpoint: str) -> None:
    assert find_connection("mine", environment).endpoint == endpoint


def test_what_a_shell_leaves_around_a_key_is_no_part_of_it() -> None:
    assert find_connection("mine", {"AZURE_STORAGE_KEY": f" {KEY}\r\n"}).key == KEY
    assert find_connection("mine", {"AZURE_STORAGE_SAS_TOKEN": "?sv=1\n"}).sas == "sv=1"


@pytest.mark.parametrize(
    "environment",
    [
        {ENDPOINT: "https://mine.blob.core.windows.net/?sv=1&sig=SECRET"},
        {ENDPOINT: "https://mine:SECRET@mine.blob.core.windows.net"},
        {ENDPOINT: "SECRET"},
        {CONNECTION: "SECRET"},
        {CONNECTION: "AccountName=mine;AccountKey=SECRET!"},
        {CONNECTION: "AccountName=other;AccountKey=SECRETSE"},
        {"AZURE_STORAGE_KEY": "SECRET!"},
    ],
)
def test_no_secret_is_repeated(environment: dict[str, str]) -> None:
    with pytest.raises(AccountError) as problem:
        find_connection("mine", environment)
    assert "SECRET" not in str(problem.value)


@pytest.mark.parametrize(
    "url", ["az://x", "az://", "az://UPPER/container", "az://mine/c?sig=SECRET"]
)
def test_an_address_that_is_none_is_said(url: str) -> None:
    with pytest.raises(AccountError, match="expected az://ACCOUNT/CONTAINER") as problem:
        Address.parse(url)
    assert "SECRET" not in str(problem.value)


@pytest.mark.parametrize("name", ["a//b", "a/../b", "./a", "a%20b", "a\\b", "a\nb"])
def test_a_lake_whose_name_means_another_place_is_refused(name: str) -> None:
    address = Address.parse(f"az://mine/container/{name}")
    with pytest.raises(AccountError, match="expected a plain path for a lake"):
        Account("mine", "https://mine.blob.core.windows.net", KEY).store(address)


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("http://127.0.0.1:10000/mine", True),
        ("http://127.8.8.8", True),
        ("http://[::1]:10000/mine", True),
        ("http://localhost:10000/mine", True),
        ("http://10.0.0.4/mine", False),
        ("http://localhost.example.org", False),
        ("http://azurite:10000/mine", False),
    ],
)
def test_only_loopback_stays_on_this_machine(endpoint: str, expected: bool) -> None:
    assert is_loopback(endpoint) is expected
