"""Files into JSON values; every failure is one message with its place."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from typing import TYPE_CHECKING, Any

import msgspec

from flowverdict.load.report import Unreadable, error
from flowverdict.model import Position
from flowverdict.model.value import value

if TYPE_CHECKING:
    from pathlib import Path

_ZIP = b"PK\x03\x04"
_BYTE = re.compile(r"\(byte (\d+)\)")
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})(?!(\\(u([dD]([c-fC-F][0-9a-fA-F]?)?)?)?)?\Z)"
    rb"|\\.",
    re.DOTALL,
)
"""An escape in JSON; ``half`` is one of UTF-16's surrogates alone, and not where the text ends."""

_COMMENT = re.compile(
    rb'(?P<text>"(?:[^"\\]|\\.)*")|//[^\r\n]*|/\*.*?\*/',
    re.DOTALL,
)
"""A text in JSON, or a comment."""
_NO_SPACE = re.compile(rb"[^\r\n]")


@value
class Document:
    """One JSON document and the file it came from."""

    file: str
    value: Any


def read_bytes(path: Path) -> bytes:
    """Returns a file's bytes, unpacked if it is a gzip file.

    Raises:
        Unreadable: the file is not there, may not be read, or is cut short.
    """
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (EOFError, gzip.BadGzipFile, zlib.error) as problem:
        reason = f"gzip file is damaged or cut short ({problem})"
        raise Unreadable(error(Position(str(path)), "file", reason, "a whole file")) from None
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise Unreadable(error(Position(str(path)), "file", reason, "a readable file")) from None


def decode_text(path: Path, data: bytes) -> str:
    """Returns the text of a JSON file in UTF-8 or, as Windows PowerShell writes it, UTF-16.

    Raises:
        Unreadable: the bytes are no such text.
    """
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as problem:
        reason = f"byte {problem.start} is no {encoding.removesuffix('-sig').upper()} text"
        raise Unreadable(error(Position(str(path)), "encoding", reason, "JSON in UTF-8")) from None


def read_document(path: Path) -> Document:
    """Reads one JSON file.

    Raises:
        Unreadable: the file cannot be read or is not JSON.
    """
    data = read_bytes(path)
    if data.startswith(_ZIP):
        what = "an archive, as Terraform keeps plans"
        hint = "of a plan: `terraform show -json FILE`"
        raise Unreadable(error(Position(str(path)), "json", what, "JSON", hint))
    text = decode_text(path, data)
    if not text or text.isspace():
        raise Unreadable(error(Position(str(path)), "json", "file is empty", "JSON"))
    raw = data if data[:1] in (b"{", b"[") else text.encode("utf-8", "replace")
    if is_template(raw):
        raw = without_comments(raw)
        text = raw.decode("utf-8", "replace")
    try:
        value = msgspec.json.decode(raw)
        if _has_lost_names(raw, value):
            json.loads(text, object_pairs_hook=lambda pairs: _check_names(path, pairs))
    except msgspec.DecodeError as problem:
        raise Unreadable(_json_error(str(path), raw, str(problem))) from None
    except RecursionError:
        what = "JSON is nested too deeply"
        raise Unreadable(error(Position(str(path)), "json", what, "Azure resources")) from None
    return Document(str(path), value)


def is_template(raw: bytes) -> bool:
    """Reports whether a document may be an ARM template or its parameters."""
    return b"/schemas/" in raw and b"contentVersion" in raw


def without_comments(raw: bytes) -> bytes:
    """Returns JSON with spaces in the place of comments, which Azure allows in templates."""
    if b"//" not in raw and b"/*" not in raw:
        return raw
    return _COMMENT.sub(lambda found: found["text"] or _NO_SPACE.sub(b" ", found[0]), raw)


def _has_lost_names(raw: bytes, value: Any) -> bool:
    """Reports whether a document may hold more names than were decoded of it.

    Each name brings a colon, and encoding what was decoded keeps every other colon: counting finds
    out at the speed of memory.
    """
    written = raw.count(b":")
    if rb"\u003" in raw:
        written += raw.count(rb"\u003a") + raw.count(rb"\u003A")
    return written > msgspec.json.encode(value).count(b":")


def _check_names(path: Path, pairs: list[tuple[str, Any]]) -> None:
    """Refuses an object in which a name stands twice: JSON readers keep the last in silence."""
    if len({name for name, _ in pairs}) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for at, name in enumerate(names) if name in names[:at])
        what = f"`{twice}` stands twice in one object"
        raise Unreadable(error(Position(str(path)), "twice", what, "each field once"))


def _json_error(file: str, raw: bytes, message: str) -> Any:
    """Says where broken JSON breaks, by line and column."""
    if "truncated" in message or "surrogate" in message:
        half = next((one for one in _ESCAPE.finditer(raw) if one["half"]), None)
        if half is not None:
            what = f"`{half['half'].decode()}` is half of a surrogate pair"
            return error(_place(file, raw[: half.start()]), "json", what, "both halves, or none")
    found = _BYTE.search(message)
    if found is None and "truncated" not in message:
        return error(Position(file), "json", message[:1].lower() + message[1:], "JSON")
    if found is None:
        where = Position(f"{file}:{len(raw.splitlines())}")
        return error(where, "json", "JSON ends too early", "a whole JSON document")
    assert found is not None
    past = "trailing" in message  # what is one too many is told from behind
    where = _place(file, raw[: int(found[1]) - past])
    reason = _BYTE.sub("", message).strip().removeprefix("JSON is malformed: ")
    return error(where, "json", f"broken JSON, {reason}", "JSON")


def _place(file: str, raw: bytes) -> Position:
    """Returns the line and column behind the beginning of a file."""
    before = raw.decode(errors="ignore")
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    return Position(f"{file}:{line}:{column}")
