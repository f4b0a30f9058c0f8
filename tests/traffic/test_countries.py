"""Countries of addresses, out of the package and out of a user's database."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowverdict.model import InputError
from flowverdict.traffic.analytics.countries import Database, Registered
from tests.traffic.mmdb import database

GEO = {
    "203.0.113.0/24": {"country": {"iso_code": "NZ"}},
    "198.51.100.0/24": {"registered_country": {"iso_code": "NO"}},
    "192.0.2.0/24": {"country_code": "DE", "country": "Germany"},
    "2001:db8::/32": {"country": "SE"},
    "100.64.0.0/10": {"city": {"names": "nowhere"}},
}
ADDRESSES = ["203.0.113.7", "198.51.100.7", "192.0.2.7", "2001:db8::7", "100.64.0.1", "8.8.8.8"]


def test_the_registries_know_most_addresses() -> None:
    assert list(Registered().of(["8.8.8.8", "2a00:1450::1", "203.0.113.7"])) == ["US", "IE", None]
    assert "iptocc" in Registered().label


def test_a_database_of_any_maker(tmp_path: Path) -> None:
    path = tmp_path / "geo.mmdb"
    path.write_bytes(database(GEO))
    found = Database(path)
    assert list(found.of(ADDRESSES)) == ["NZ", "NO", "DE", "SE", None, None]
    assert found.label == "countries of geo.mmdb (Test-Country, 1767225600)"


def test_a_database_of_ipv4_alone_knows_no_address_of_ipv6(tmp_path: Path) -> None:
    path = tmp_path / "geo.mmdb"
    path.write_bytes(database({k: v for k, v in GEO.items() if ":" not in k}, version=4))
    assert list(Database(path).of(ADDRESSES)) == ["NZ", "NO", "DE", None, None, None]


@pytest.mark.parametrize("content", [b"", b"{}", None])
def test_what_is_no_database_is_told(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "geo.mmdb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as problem:
        Database(path)
    (line,) = str(problem.value).splitlines()
    assert line.startswith(f"{path}: ")
    assert line.endswith("expected a database of countries in MaxMind's format (MMDB)")


def test_a_damaged_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "geo.mmdb"
    whole = database(GEO)
    cut = whole.index(b"\xab\xcd\xefMaxMind.com")
    path.write_bytes(whole[: cut - 200] + b"\xff" * 200 + whole[cut:])
    found = Database(path)
    with pytest.raises(InputError, match=r"geo\.mmdb: is damaged"):
        found.of(ADDRESSES)
