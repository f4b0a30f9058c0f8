"""From a path inside a JSON document to the line it stands on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

from flowverdict.load.document import decode_text, read_bytes
from flowverdict.load.report import Unreadable
from flowverdict.model import Position

_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_SPACE: Final = re.compile(r"[ \t\r\n]*")


def line_and_column(where: Position) -> tuple[int, int] | None:
    """Returns the line and column (from 1) of a place; None where the file no longer has it."""
    try:
        path = Path(where.file)
        if not path.is_file():
            return None  # a pipe would be waited for
        text = decode_text(path, read_bytes(path))
        at = _skip(text, 0)
        for key, index in _STEP.findall(where.path):
            at = _enter(text, at, key, int(index) if index else 0)
    except (Unreadable, ValueError, IndexError):
        return None
    before = text[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None
    return found.end()


def _enter(text: str, at: int, key: str, index: int) -> int:
    """Returns where a member or an element of the value at ``at`` begins.

    Raises:
        ValueError: there is none.
    """
    decoder = json.JSONDecoder()
    wanted = "{" if key else "["
    if text[at] != wanted:
        raise ValueError(at)
    at = _skip(text, at + 1)
    number = 0
    while text[at] not in "}]":
        name = ""
        if key:
            name, at = decoder.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        if name == key if key else number == index:
            return at
        _, at = decoder.raw_decode(text, at)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
        number += 1
    raise ValueError(at)
