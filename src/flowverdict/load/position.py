"""From a path inside a JSON document to the line it stands on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

from flowverdict.load.document import decode_text, read_bytes
from flowverdict.load.report import Unreadable
from flowverdict.model import Position

_STEP: Final = re.compile(r"\.([^.\[\]']+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]")
_ESCAPE: Final = re.compile(r"\\(.)")
_DECODER: Final = json.JSONDecoder()
_SPACE: Final = re.compile(r"[ \t\r\n]*")


def line_and_column(where: Position) -> tuple[int, int] | None:
    """Returns the line and column (from 1) of a place; None where the file no longer has it."""
    try:
        path = Path(where.file)
        if not path.is_file():
            return None  # a pipe would be waited for
        text = decode_text(path, read_bytes(path))
        at = _skip(text, 0)
        for key, index, quoted in _STEP.findall(where.path):
            name = None if index else key or _ESCAPE.sub(r"\1", quoted)
            at = _member(text, at, name) if name is not None else _element(text, at, int(index))
    except (Unreadable, ValueError, IndexError):
        return None
    before = text[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None
    return found.end()


def _element(text: str, at: int, index: int) -> int:
    """Returns where an element of the list at a place begins.

    Raises:
        ValueError: there is no such element, or no list.
    """
    if text[at] != "[":
        raise ValueError(at)
    at = _skip(text, at + 1)
    for _ in range(index):
        at = _after(text, at)
    if text[at] == "]":
        raise ValueError(at)
    return at


def _member(text: str, at: int, name: str) -> int:
    """Returns where a member of the object at a place begins; of several of a name the last.

    Raises:
        ValueError: there is no such member, or no object.
    """
    if text[at] != "{":
        raise ValueError(at)
    found = None
    at = _skip(text, at + 1)
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)
        if key == name:
            found = at
        at = _after(text, at)
    if found is None:
        raise ValueError(at)
    return found


def _after(text: str, at: int) -> int:
    """Returns where what follows a value and its comma begins."""
    _, at = _DECODER.raw_decode(text, at)
    at = _skip(text, at)
    return _skip(text, at + 1) if text[at] == "," else at
