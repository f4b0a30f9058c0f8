"""Estates of which some values are not known: JSON files with the mark in their place.

A text that begins with `unknown:` stands for a value that the input does not tell, for the reason
behind the colon.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st

from flowverdict.load import document, estate
from flowverdict.load.document import Document
from flowverdict.load.unknown import Unknown
from flowverdict.model import Estate
from tests.policy.estates import Json, load

_SINGULAR = ("sourceAddressPrefix", "destinationAddressPrefix", "sourcePortRange",
             "destinationPortRange", "protocol")  # fmt: skip
_PLURAL = ("sourceAddressPrefixes", "destinationAddressPrefixes", "destinationPortRanges")


def marked(value: Any) -> Any:
    """The value with the mark wherever a text asks for it."""
    if isinstance(value, str) and value.startswith("unknown:"):
        return Unknown(value.removeprefix("unknown:"))
    if isinstance(value, list):
        return [marked(one) for one in value]
    if isinstance(value, dict):
        return {name: marked(one) for name, one in value.items()}
    return value


def read_marked(path: Path) -> Document:
    """Reads a file as `read_document` does, with marks."""
    found = document.read_document(path)
    return Document(found.file, marked(found.value))


def load_marked(files: Mapping[str, Any], tags: Json | None = None) -> Estate:
    """Loads an estate with marks in it."""
    with patch.object(estate, "read_document", read_marked):
        return load(files, tags)


def rules_of(files: Mapping[str, Any]) -> Iterator[Json]:
    """The fields of all security rules in files of the REST form."""
    for content in files.values():
        for one in content.get("value", []) if isinstance(content, dict) else []:
            for rule in one.get("properties", {}).get("securityRules", []):
                yield rule["properties"]


@st.composite
def blanked(draw: st.DrawFn, files: Mapping[str, Any]) -> Mapping[str, Any]:
    """The files, with fields of rules, and elements of their lists, that are not known."""
    for rule in rules_of(files):
        if draw(st.integers(0, 3)):
            continue
        for name in draw(st.sets(st.sampled_from(_SINGULAR + _PLURAL), min_size=1, max_size=2)):
            if rule.get(name) and name in _SINGULAR:
                rule[name] = "unknown:it is a secret"
            elif rule.get(name):
                rule[name][draw(st.integers(0, len(rule[name]) - 1))] = "unknown:it is a secret"
    return files
