"""From a path inside a JSON document to the line it stands on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import msgspec

from flowverdict.load.document import decode_text, is_template, read_bytes, without_comments
from flowverdict.load.report import Unreadable
from flowverdict.model import Position

_STEP: Final = re.compile(r"\.([^.\[\]']+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]")
_ESCAPE: Final = re.compile(r"\\(.)")
_SPACE: Final = re.compile(rb"[ \t\r\n]*")
_NAME: Final = re.compile(rb'("(?:[^"\\]|\\.)*")[ \t\r\n]*:[ \t\r\n]*')
_END: Final = re.compile(rb"[ \t\r\n]*[,}]")
_DECODER: Final = json.JSONDecoder()


def line_and_column(where: Position) -> tuple[int, int] | None:
    """Returns the line and column (from 1) of a place; None where the file no longer has it.

    Of a place that only the expressions of a template make, it is that of what makes it. An address
    of Terraform is no path in a document, and has neither.
    """
    if where.path and not where.path.startswith("$"):
        return None
    try:
        path = Path(where.file)
        if not path.is_file():
            return None  # a pipe would be waited for
        text = decode_text(path, read_bytes(path)).encode()
        if template := is_template(text):
            text = without_comments(text)
        inner, at = text, _skip(text, 0)
        for key, index, quoted in _STEP.findall(where.path):
            name = None if index else key or _ESCAPE.sub(r"\1", quoted)
            try:
                below, inner = _element(inner, int(index)) if name is None else _member(inner, name)
            except ValueError:
                if template and inner != text:
                    break  # an expression or a loop stands there, which has it
                raise
            at += below
    except (Unreadable, ValueError, RecursionError):
        return None
    before = text[:at].decode()
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _skip(text: bytes, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None
    return found.end()


def _next(text: bytes, at: int) -> int:
    """Returns where what follows a comma begins; the comma is the next that is no space."""
    return _skip(text, _skip(text, at) + 1)


def _element(text: bytes, index: int) -> tuple[int, bytes]:
    """Returns where an element of a list begins, and its text.

    Raises:
        ValueError: there is no such element, or no list.
    """
    at = _next(text, 0)
    for number, raw in enumerate(msgspec.json.decode(text, type=list[msgspec.Raw])):
        inner = bytes(raw)
        if number == index:
            return at, inner
        at = _next(text, at + len(inner))
    raise ValueError(index)


def _member(text: bytes, name: str) -> tuple[int, bytes]:
    """Returns where a member of an object begins, and its text; of several of a name the last.

    Raises:
        ValueError: there is no such member, or no object.
    """
    values = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    found = None
    at = _next(text, 0)
    while key := _NAME.match(text, at):
        at = key.end()
        written = msgspec.json.decode(key[1], type=str)
        inner = bytes(values[written])
        if not (text.startswith(inner, at) and _END.match(text, at + len(inner))):
            inner = _first(text[at:])  # the name stands here twice, and the last was decoded
        if written == name:
            found = at, inner
        at = _next(text, at + len(inner))
    if found is None:
        raise ValueError(name)
    return found


def _first(text: bytes) -> bytes:
    """Returns the text of the value that a text begins with."""
    shown = text.decode()
    _, end = _DECODER.raw_decode(shown)
    return shown[:end].encode()
