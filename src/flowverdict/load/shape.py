"""Where the fields of JSON objects stand, in both forms of Azure's resources."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, NamedTuple

_ENVELOPE = frozenset(
    """id name type location tags kind etag systemdata sku plan identity zones managedby
    extendedlocation resourcegroup subscriptionid tenantid provisioningstate""".split()
)
"""What stands at the top level in every form, whatever ``properties`` has under the same name."""

_MISSPELT = 0.9
"""How alike two names are of which one is taken for a misspelling of the other."""

_PLAIN = re.compile(r"[^.\[\]'\s]+\Z")
"""A name that can stand in a path behind a dot; others are quoted in brackets."""


class Field(NamedTuple):
    """Where a field of an object stands.

    Attributes:
        key: its name as the input writes it.
        step: its path below the object.
        inside: whether it stands in the object's ``properties``.
    """

    key: str
    step: str
    inside: bool = False

    def of(self, value: dict[str, Any]) -> Any:
        """Returns the field's value in an object."""
        return value["properties"][self.key] if self.inside else value[self.key]


class Shape:
    """Where the fields of all objects with the same names in the same order stand.

    Exports repeat a few shapes thousands of times: what depends on names alone is found out once.

    Attributes:
        fields: the fields by name in lower case.
        asked: the fields by name as they were asked for; None where there is none.
        twice: a name that stands twice at the top level, but for its case; empty where none does.
        pairs: fields that stand at the top level and in ``properties``, and must be the same.
    """

    __slots__ = ("asked", "fields", "pairs", "twice")

    def __init__(self, names: tuple[str, ...], properties: tuple[str, ...]) -> None:
        self.fields: dict[str, Field] = {}
        self.twice = ""
        self.pairs: list[tuple[Field, Field]] = []
        for key in names:
            if key.lower() in self.fields:
                self.twice = self.twice or key
            self.fields[key.lower()] = Field(key, _step(key))
        for key in properties:
            field = Field(key, f".properties{_step(key)}", inside=True)
            other = self.fields.get(key.lower())
            if other is None or key.lower() not in _ENVELOPE:
                self.fields[key.lower()] = field
                if other is not None:
                    self.pairs.append((other, field))
        self.asked = _Asked(self.fields)


class _Asked(dict[str, Field | None]):
    """Fields by name in the spelling of who asks: a name is put in lower case once a shape."""

    def __init__(self, fields: dict[str, Field]) -> None:
        super().__init__()
        self._fields = fields

    def __missing__(self, name: str) -> Field | None:
        found = self[name] = self._fields.get(name.lower())
        return found


@lru_cache(maxsize=1 << 12)
def misspelt(shape: Shape, names: tuple[str, ...]) -> tuple[str, str] | None:
    """Returns a field that is nearly one of the names, and that name, where it is missing."""
    for name in names:
        if name.lower() not in shape.fields:
            for close in get_close_matches(name.lower(), shape.fields, n=1, cutoff=_MISSPELT):
                return shape.fields[close].key, name
    return None


@lru_cache(maxsize=1 << 12)
def shape_of(names: tuple[str, ...], properties: tuple[str, ...]) -> Shape:
    """Returns the shape of objects with these names, and these in their ``properties``."""
    return Shape(names, properties)


def _step(key: str) -> str:
    """Returns the path of a name below its object."""
    if _PLAIN.match(key):
        return f".{key}"
    quoted = key.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{quoted}']"
