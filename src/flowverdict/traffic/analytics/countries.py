"""The country of an address: by the registries' own data, or by a database of the user's."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import maxminddb
from iptocc import country_code

from flowverdict.model import Diagnostic, InputError, Position, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_RECORDS: Final = (("country", "iso_code"), ("registered_country", "iso_code"))
_PLAIN: Final = ("country_code", "country")


class Countries(Protocol):
    """Tells the countries of addresses."""

    @property
    def label(self) -> str:
        """What the data is, and of when."""
        ...

    def of(self, addresses: Sequence[str]) -> Sequence[str | None]:
        """Returns the countries (ISO 3166-1, two letters), None where one is not known."""
        ...


class Registered:
    """The country that a registry assigned an address to, which may not be where it is used."""

    @property
    def label(self) -> str:
        """What the data is, and of when: the package's version tells."""
        return f"countries of the registries (iptocc {version('iptocc')})"

    def of(self, addresses: Sequence[str]) -> Sequence[str | None]:
        """Returns the countries, None where one is not known."""
        return country_code(list(addresses))


class Database:
    """A database of MaxMind's format: a country, city or enterprise database of any maker."""

    def __init__(self, path: Path) -> None:
        """Opens it.

        Raises:
            InputError: it cannot be read, or is no such database.
        """
        try:
            self._reader = maxminddb.open_database(path)
        except OSError as problem:
            raise _refused(path, (problem.strerror or str(problem)).lower()) from None
        except (maxminddb.InvalidDatabaseError, UnicodeDecodeError, ValueError):
            raise _refused(path, "is no such database, or cut short") from None
        about = self._reader.metadata()
        self._path = path
        self._four_only = about.ip_version == 4
        self.label = f"countries of {path.name} ({about.database_type}, {about.build_epoch})"

    def of(self, addresses: Sequence[str]) -> Sequence[str | None]:
        """Returns the countries, None where one is not known.

        Raises:
            InputError: the database is damaged.
        """
        try:
            return [self._country(one) for one in addresses]
        except (maxminddb.InvalidDatabaseError, UnicodeDecodeError) as problem:
            raise _refused(self._path, f"is damaged ({problem})") from None

    def _country(self, address: str) -> str | None:
        if self._four_only and ":" in address:
            return None
        found = self._reader.get(address)
        if not isinstance(found, dict):
            return None
        record = cast("dict[str, Any]", found)
        for outer, inner in _RECORDS:
            country = record.get(outer)
            if isinstance(country, dict) and inner in country:
                return str(cast("dict[str, Any]", country)[inner])
        words = (record.get(name) for name in _PLAIN)
        return next((one for one in words if isinstance(one, str) and len(one) == 2), None)


def _refused(path: Path, what: str) -> InputError:
    expected = "a database of countries in MaxMind's format (MMDB)"
    return InputError(
        (Diagnostic(Severity.ERROR, "countries", Position(str(path)), what, expected),)
    )
