"""Blobs of a storage account: a real Azurite, written to as Azure's own writer writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import (
    AccountSasPermissions,
    ContainerClient,
    ResourceTypes,
    generate_account_sas,
)

from flowverdict.lake import Lake, LakeError, SourceError, Summary, find_blobs, ingest
from flowverdict.lake.account import Account, Address
from flowverdict.lake.containers import list_blobs
from flowverdict.lake.sources import Blob, Changed
from tests.azurite.proxy import between
from tests.azurite.server import ACCOUNT, KEY, Azurite, commit
from tests.cli.runs import run, start
from tests.lake.test_exactly_once import RUN, fill, record, rows

MAC = "0022486DBA37"
FOLDER = "flowLogResourceID=/S_NETWORKWATCHERRG/NETWORKWATCHER_WESTEUROPE_F"
PATH = f"{FOLDER}/y=2026/m=08/d=13/h=20/m=00/macAddress={MAC}/PT1H.json"


def blocks(minutes: int, mac: str = MAC) -> list[bytes]:
    """Head, a block for each minute, tail."""
    texts = [json.dumps(record(at, mac, 30), separators=(",", ":")) for at in range(minutes)]
    data = [("," if at else "") + text for at, text in enumerate(texts)]
    return [b'{"records":[', *(one.encode() for one in data), b"]}"]


class Store:
    """A container, and what a run over it does."""

    def __init__(self, azurite: Azurite, lake: Path) -> None:
        self.azurite = azurite
        self.container: ContainerClient = azurite.new_container()
        self.url = f"az://{ACCOUNT}/{self.container.container_name}"
        self.lake = lake
        self.port: int | None = None
        self.accounts: list[Account] = []

    def listed(self, url: str = "") -> list[Blob]:
        """The blobs that a run finds."""
        address = Address.parse(url or self.url)
        account = Account.of(address.account, self.azurite.environment(self.port), timeout_s=2)
        self.accounts.append(account)
        return list(find_blobs([str(address)], remote=lambda _: list_blobs(account, address)))

    def close(self) -> None:
        """End all connections."""
        for one in (self.container, *self.accounts):
            one.close()

    def run(self) -> Summary:
        """One run."""
        return ingest(self.listed(), Lake(str(self.lake)))


@pytest.fixture
def store(azurite: Azurite, tmp_path: Path) -> Iterator[Store]:
    """An empty container."""
    with closing(Store(azurite, tmp_path / "lake")) as found:
        yield found


def test_a_blob_that_grows_each_minute_is_read_from_where_it_stopped(store: Store) -> None:
    sizes = []
    for minutes in (1, 2, 3, 10):
        commit(store.container, PATH, blocks(minutes))
        sizes.append(store.run().bytes)
    new = [sum(map(len, blocks(n)[at:])) for n, at in ((1, 0), (2, 2), (3, 3), (10, 4))]
    assert sizes == new
    assert sum(rows(store.lake).values()) == 300
    assert set(rows(store.lake).values()) == {1}
    assert store.run().unchanged == 1


def test_a_blob_that_was_replaced_is_compared(store: Store) -> None:
    """By a shorter one, by another one whose blocks have the same sizes, in one piece."""
    commit(store.container, PATH, blocks(4))
    assert store.run().rows == 120
    commit(store.container, PATH, blocks(2))
    again = store.run()
    assert (again.rows, len(again.replaced)) == (0, 1)
    other = [one.replace(MAC.encode(), b"0022486DBA38") for one in blocks(4)]
    commit(store.container, PATH, other)
    assert store.run().rows == 120
    store.container.upload_blob(PATH, b"".join(other), overwrite=True)
    assert store.run().rows == 0
    store.container.upload_blob(PATH, b"".join(blocks(5, "0022486DBA39")), overwrite=True)
    assert store.run().rows == 150
    assert set(rows(store.lake).values()) == {1}


def test_a_blob_in_one_piece_that_grows_is_read_on(store: Store) -> None:
    """As a copy is written: it has no blocks to tell it by."""
    for minutes in (2, 5):
        store.container.upload_blob(PATH, b"".join(blocks(minutes)), overwrite=True)
        summary = store.run()
    assert summary.bytes == len(b"".join(blocks(5)[3:]))
    assert sum(rows(store.lake).values()) == 150


def test_what_changes_between_listing_and_reading_is_looked_at_again(store: Store) -> None:
    commit(store.container, PATH, blocks(2))
    listed = store.listed()
    commit(store.container, PATH, blocks(4))
    with pytest.raises(Changed):
        list(listed[0].read())
    assert ingest(listed, Lake(str(store.lake))).rows == 120


def test_a_blob_in_the_archive_says_what_to_do(store: Store) -> None:
    commit(store.container, PATH, blocks(1))
    store.container.get_blob_client(PATH).set_standard_blob_tier("Archive")
    (line,) = store.run().unread
    assert line == f"{store.url}/{PATH}: is archived: expected a blob that is rehydrated"


def test_a_slash_at_the_end_of_a_prefix_counts(store: Store) -> None:
    for name in ("a/PT1H.json", "ab/PT1H.json"):
        store.container.upload_blob(name, b"{}")

    def names(prefix: str) -> list[str]:
        return [one.name.removeprefix(f"{store.url}/") for one in store.listed(store.url + prefix)]

    assert names("/a") == names("") == names("/") == ["a/PT1H.json", "ab/PT1H.json"]
    assert names("/a/") == ["a/PT1H.json"]


def test_many_blobs_are_listed_and_others_are_not(store: Store) -> None:
    for at in range(12):
        commit(store.container, PATH.replace(MAC, f"0022486D{at:04X}"), blocks(1))
    store.container.upload_blob("notes/readme.txt", b"hello")
    store.container.upload_blob("other/PT1H.json", b'{"category": "AuditEvent"}')
    summary = store.run()
    assert (summary.blobs, summary.rows, len(summary.not_flow_logs)) == (13, 360, 1)
    below = store.listed(f"{store.url}/{FOLDER}")
    assert len(below) == 12


def test_nothing_in_the_container_is_ever_changed(store: Store) -> None:
    commit(store.container, PATH, blocks(3))
    before = store.container.get_blob_client(PATH).get_blob_properties()
    store.run()
    after = store.container.get_blob_client(PATH).get_blob_properties()
    assert (after.etag, after.last_modified) == (before.etag, before.last_modified)
    assert after.lease.status == "unlocked"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("500", "the server answers 500 (InternalError): try again later"),
        ("hang", "the server does not answer"),
        ("cut", "the connection breaks off: try again later"),
    ],
)
def test_a_server_that_fails_is_one_line_and_the_next_run_ends_the_work(
    store: Store, fault: str, said: str
) -> None:
    """In the middle of the work: the blobs were listed, then the network goes bad."""
    for at in range(3):
        commit(store.container, PATH.replace(MAC, f"0022486D{at:04X}"), blocks(5))
    with between(store.azurite.port) as proxy:
        store.port = proxy.port
        listed = store.listed()
        proxy.fault = fault
        summary = ingest(listed[:1], Lake(str(store.lake)))
        assert proxy.requests > 0
        assert len(summary.unread) == 1
        (line,) = summary.unread
        assert line.startswith(listed[0].name)
        assert said in line
        assert "\n" not in line
        proxy.fault = ""
        assert store.run().rows + summary.rows == 450
    assert set(rows(store.lake).values()) == {1}


def test_a_server_that_fails_once_is_asked_again(store: Store) -> None:
    commit(store.container, PATH, blocks(2))
    with between(store.azurite.port) as proxy:
        store.port = proxy.port
        listed = store.listed()
        proxy.fault = "once"
        assert ingest(listed, Lake(str(store.lake))).rows == 60
        assert proxy.requests == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"container": "nowhere"}, "there is no such container"),
        ({"key": "d3Jvbmc="}, "access denied"),
        ({"endpoint": "http://127.0.0.1:1/flowverdict"}, "cannot be reached"),
    ],
)
def test_what_cannot_be_listed_is_one_line(
    azurite: Azurite, change: dict[str, str], said: str
) -> None:
    endpoint = change.get("endpoint", azurite.endpoint)
    account = Account(ACCOUNT, endpoint, change.get("key", KEY), timeout_s=2)
    address = Address(ACCOUNT, change.get("container", "container-0"), "")
    with closing(account), pytest.raises(SourceError) as problem:
        list(list_blobs(account, address))
    assert said in str(problem.value)
    assert str(problem.value).startswith(f"az://{ACCOUNT}/")
    assert "\n" not in str(problem.value)


def test_a_block_list_of_another_version_is_not_taken(store: Store) -> None:
    """The blob was committed anew between the listing and the question for its blocks."""
    commit(store.container, PATH, blocks(2))
    (listed,) = store.listed()
    commit(store.container, PATH, blocks(3))
    with pytest.raises(Changed):
        listed.mark(12)


def test_a_blob_that_is_not_made_of_blocks_is_read(store: Store) -> None:
    data = b"".join(blocks(3))
    store.container.upload_blob(PATH, data, blob_type="AppendBlob")
    assert store.run().rows == 90
    store.container.upload_blob(PATH, data, blob_type="AppendBlob", overwrite=True)
    assert store.run().rows == 0


@pytest.fixture
def remote(store: Store, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a lake in the account; its credentials are in the environment."""
    for name, value in store.azurite.environment().items():
        monkeypatch.setenv(name, value)
    return f"{store.url}/a lake"


def ask(lake: str, sql: str) -> Any:
    """The rows of an answer."""
    result = run("flows", "--lake", lake, "--sql", sql, "--output", "json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_a_lake_may_lie_in_the_account_itself(store: Store, remote: str, tmp_path: Path) -> None:
    """From blobs of one container into a lake in the same account, and back out."""
    commit(store.container, PATH, blocks(3))
    for minutes, added in ((3, 90), (3, 0), (5, 60)):
        commit(store.container, PATH, blocks(minutes))
        result = run("ingest", f"{store.url}/{FOLDER}", "--lake", remote, "--output", "json")
        assert json.loads(result.stdout)["rows"] == added
    assert ask(remote, "SELECT count(*) AS n FROM flows") == [{"n": 150}]
    (row,) = ask(remote, "SELECT * FROM flows WHERE record = 4 AND tuple = 29")
    assert (row["day"], row["mac"], row["blob"]) == ("2026-08-13", MAC, f"{store.url}/{PATH}")
    assert ask(remote, "SELECT count(*) AS n FROM sessions") == [{"n": 150}]
    done = run("retain", "--lake", remote, "--days", "1", "--output", "json")
    assert json.loads(done.stdout)["rows"] == 150
    assert ask(remote, "SELECT count(*) AS n FROM flows") == [{"n": 0}]
    assert not list(store.container.list_blob_names(name_starts_with="a lake/flows/day"))


def test_a_signature_opens_the_account_as_well(
    store: Store, remote: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that may read and list, and for the lake write and delete; a wrong one is not told."""
    commit(store.container, PATH, blocks(3))
    signature = generate_account_sas(
        ACCOUNT,
        KEY,
        ResourceTypes(container=True, object=True),
        AccountSasPermissions(read=True, list=True, write=True, create=True, delete=True),
        datetime.now(UTC) + timedelta(hours=1),
    )
    monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING")
    monkeypatch.setenv("AZURE_STORAGE_SERVICE_ENDPOINT", store.azurite.endpoint)
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", f"?{signature}")
    result = run("ingest", store.url, "--lake", remote, "--output", "json")
    assert json.loads(result.stdout)["rows"] == 90
    assert ask(remote, "SELECT count(*) AS n FROM flows") == [{"n": 90}]
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", f"{signature.partition('sig=')[0]}sig=c2VjcmV0")
    for words in ((store.url, "--lake", tmp_path / "lake"), (tmp_path, "--lake", remote)):
        result = run("ingest", *words)
        assert result.exit_code == 2
        assert "access denied" in result.stderr
        assert "c2VjcmV0" not in result.stderr


@pytest.mark.parametrize("name", ["a#b", "what?", "100%", "\u00e9 [x]", "+a&b=c;~/d"])
def test_a_lake_lies_where_its_name_says(store: Store, remote: str, name: str) -> None:
    commit(store.container, PATH, blocks(2))
    lake = f"{store.url}/{name}/"
    for added in (60, 0):
        result = run("ingest", f"{store.url}/{FOLDER}", "--lake", lake, "--output", "json")
        assert json.loads(result.stdout)["rows"] == added
    assert ask(lake, "SELECT count(*) AS n FROM flows") == [{"n": 60}]
    written = [one for one in store.container.list_blob_names() if one != PATH]
    assert {one.startswith(f"{name}/") for one in written} == {True}


def test_two_runs_at_once_into_the_account_add_each_row_once(
    store: Store, remote: str, tmp_path: Path
) -> None:
    source = fill(tmp_path / "logs", 12)
    opened = "Lake(open_store(sys.argv[2], os.environ, local_store))"
    code = RUN.replace("Lake(sys.argv[2])", opened)
    code = code.replace("import Lake,", "import Lake, local_store, open_store,")
    command = [sys.executable, "-c", f"import os{code}", str(source), remote, "200"]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]
    for one in both:
        _, said = one.communicate(timeout=120)
        assert one.returncode == 0, said.decode()
    found = ask(remote, "SELECT blob, record, tuple, count(*) AS n FROM flows GROUP BY ALL")
    assert len(found) == 12 * 4 * 30
    assert {one["n"] for one in found} == {1}


def test_merging_works_in_the_account(store: Store, remote: str, tmp_path: Path) -> None:
    source = tmp_path / "PT1H.json"
    for minutes in range(1, 18):
        source.write_bytes(b"".join(blocks(minutes)))
        assert run("ingest", source, "--lake", remote).exit_code == 0
    assert ask(remote, "SELECT count(*) AS n FROM flows") == [{"n": 17 * 30}]
    names = list(store.container.list_blob_names(name_starts_with="a lake/flows/_delta_log/"))
    assert any(b"remove" in store.container.download_blob(one).readall() for one in names)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("500", "/flows: the server answers 500 Internal Server Error"),
        ("hang", "/flows: the server does not answer"),
    ],
)
def test_a_lake_that_cannot_be_written_is_one_line(
    store: Store,
    remote: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    said: str,
) -> None:
    source = fill(tmp_path / "logs", 1)
    with between(store.azurite.port) as proxy:
        for name, value in store.azurite.environment(proxy.port).items():
            monkeypatch.setenv(name, value)
        proxy.fault = fault
        result = run("ingest", source, "--lake", remote, "--timeout", "1")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == f"{remote}{said}\n"
        proxy.fault = ""
        assert run("ingest", source, "--lake", remote).exit_code == 0
        assert ask(remote, "SELECT count(*) AS n FROM flows") == [{"n": 120}]


@pytest.mark.parametrize(
    ("account", "container", "said"),
    [
        (Account(ACCOUNT, "", "d3Jvbmc="), "container-0", "access denied (AuthorizationFailure)"),
        (Account(ACCOUNT, "", KEY), "nowhere", "the server answers ContainerNotFound"),
        (Account(ACCOUNT, "http://127.0.0.1:1/x", KEY), "container-0", "cannot be reached"),
    ],
    ids=["key", "container", "endpoint"],
)
def test_what_opens_no_lake_is_one_line(
    azurite: Azurite, account: Account, container: str, said: str
) -> None:
    account = replace(account, endpoint=account.endpoint or azurite.endpoint, timeout_s=1)
    lake = Lake(account.store(Address(ACCOUNT, container, "lake")))
    with pytest.raises(LakeError) as problem:
        ingest([], lake)
    assert str(problem.value).startswith(f"az://{ACCOUNT}/{container}/lake/flows: {said}")
    assert "\n" not in str(problem.value)


def test_without_any_credentials_it_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a process of its own: Azure's libraries log what they tried, at length."""
    for name in [one for one in os.environ if one.startswith(("AZURE_", "IDENTITY_", "MSI_"))]:
        monkeypatch.delenv(name)
    # only one kind of credential is tried, one that asks nobody
    variables = {"AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"}
    for words in (
        ("ingest", "az://nobody/logs", "--lake", tmp_path),
        ("ingest", tmp_path, "--lake", "az://nobody/lakes"),
        ("flows", "--lake", "az://nobody/lakes"),
    ):
        done = start(words, env=variables)
        assert (done.returncode, done.stdout) == (2, b"")
        (line,) = done.stderr.decode().splitlines()
        assert line.startswith("az://nobody")
        assert "no credentials were found: expected AZURE_STORAGE_CONNECTION_STRING" in line
