"""Bytes into JSON values, one record at a time, keeping everything that a cut file still has.

Flow logs are met as one object with ``records``, as arrays, as one record a line, as fragments of
any of these, and cut short anywhere. No JSON library gives a row of a file that is cut: this
reader gives every value that is whole (flow-log specification, 4.4 and 13.3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from json import JSONDecoder
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPACE: Final = frozenset(" \t\r\n\x00")
_DEEPEST: Final = 64
_DECODER: Final = JSONDecoder(strict=False)
"""Lets control characters inside strings through: what a tuple makes of them is its matter."""
_RECORD: Final = re.compile(r'\{\s*"(?:time|records)"|(?<=\n)\s*[{\[]', re.IGNORECASE)
"""Where a record begins, or a line that could: Azure writes ``time`` first."""
_NUMBER: Final = re.compile(r"(-?(?:0|[1-9]\d*))(\.\d+)?([eE][-+]?\d+)?")
_MOST_DIGITS: Final = 4000
"""Python refuses to read longer whole numbers; no field of a flow log has one."""
_WORDS: Final = {"true": True, "false": False, "null": None}


class _Cut(Exception):
    """The text ends inside a value."""


class _Broken(Exception):
    """The text is no JSON here; carries where."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


@dataclass(slots=True)
class Scanned:
    """A value from the list of records, or standing alone.

    Attributes:
        value: what was whole of it.
        start: where it begins in the text, counted in characters.
        end: where it ends.
        whole: false if the text was cut inside it.
    """

    value: Any
    start: int
    end: int
    whole: bool = True


@dataclass(slots=True)
class Scan:
    """Reads the records of one text; what else was met is counted.

    Attributes:
        text: the text, without a byte-order mark.
        truncated: set if the text ends inside a value or an open list of records.
        nested: how many lists of records stand inside another.
        broken: pieces of text that are no JSON: where each begins and ends.
        end: behind the last whole record; where reading could go on when the text has grown.
    """

    text: str
    truncated: bool = False
    nested: int = 0
    broken: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    end: int = 0

    def __iter__(self) -> Iterator[Scanned]:
        """Yields the records, and whatever else stands where a record could."""
        at = 0
        open_lists = 0
        while True:
            at = self._skip(at)
            if at >= len(self.text):
                self.truncated = self.truncated or open_lists > 0
                return
            char = self.text[at]
            if char == "[":
                at, open_lists = at + 1, open_lists + 1
            elif char in "]}":
                at, open_lists = at + 1, max(0, open_lists - (char == "]"))
            elif (inside := self._head(at)) is not None:
                self.nested += open_lists > 0
                at, open_lists = inside, open_lists + 1
            elif char == "{":
                found = self._value(at)
                at = found.end
                if found.whole:
                    self.end = found.end
                yield found
            else:
                at = self._pass_over(at, at)

    def _skip(self, at: int) -> int:
        text = self.text
        while at < len(text) and (text[at] in _SPACE or text[at] in ",\x1e"):
            at += 1
        return at

    def _head(self, at: int) -> int | None:
        """Returns where the list of records begins if ``{"records":[`` stands here."""
        text = self.text
        if text[at] != "{":
            return None
        try:
            name = self._space(at + 1)
            if text[name : name + 9].lower() != '"records"':
                return None
            colon = self._space(name + 9)
            opened = self._space(colon + 1)
        except _Cut:
            return None
        return opened + 1 if text[colon] == ":" and text[opened] == "[" else None

    def _value(self, at: int) -> Scanned:
        """Reads the object at a place, as much as is whole of it."""
        holder: list[Any] = []
        try:
            end = self._read(at, holder, 0)
        except _Cut:
            self.truncated = True
            return Scanned(holder[0], at, len(self.text), whole=False)
        except _Broken as damage:
            return Scanned(holder[0], at, self._pass_over(at, damage.at), whole=False)
        return Scanned(holder[0], at, end)

    def _pass_over(self, start: int, at: int) -> int:
        """Notes damaged text from ``at`` on; returns where the next record or line begins."""
        found = _RECORD.search(self.text, max(at, start + 1))
        end = found.start() if found else len(self.text)
        if self.broken and self.broken[-1][1] == at:
            self.broken[-1] = (self.broken[-1][0], end)
        else:
            self.broken.append((at, end))
        return end

    def _space(self, at: int) -> int:
        text = self.text
        while at < len(text) and text[at] in _SPACE:
            at += 1
        if at >= len(text):
            raise _Cut
        return at

    def _read(self, at: int, into: list[Any] | _Slot, depth: int) -> int:
        """Reads a value and adds it to a container at once, so that a cut leaves what is whole."""
        text = self.text
        char = text[at]
        if char == '"':
            value, end = self._string(at)
            into.append(value)
            return end
        if depth >= _DEEPEST:
            raise _Broken(at)
        if char == "{":
            return self._object(at, into, depth)
        if char == "[":
            return self._array(at, into, depth)
        number = _NUMBER.match(text, at)
        if number is not None and number.end() > at:
            if number.end() >= len(text):
                raise _Cut  # more digits may follow
            whole, fraction, exponent = number.groups()
            is_whole = not (fraction or exponent) and len(whole) <= _MOST_DIGITS
            into.append(int(whole) if is_whole else float(number.group()))
            return number.end()
        for word, value in _WORDS.items():
            if text.startswith(word, at):
                into.append(value)
                return at + len(word)
            if word.startswith(text[at:]):
                raise _Cut
        raise _Broken(at)

    def _string(self, at: int) -> tuple[str, int]:
        try:
            return _DECODER.raw_decode(self.text, at)
        except ValueError:
            pass
        if '"' not in self.text[at + 1 :] or self._unfinished(at + 1):
            raise _Cut
        raise _Broken(at)

    def _unfinished(self, at: int) -> bool:
        """Reports whether a string has no closing quote: every later quote is escaped."""
        text = self.text
        while True:
            quote = text.find('"', at)
            if quote < 0:
                return True
            back = quote
            while back > at and text[back - 1] == "\\":
                back -= 1
            if (quote - back) % 2 == 0:
                return False
            at = quote + 1

    def _object(self, at: int, into: list[Any] | _Slot, depth: int) -> int:
        text = self.text
        value: dict[str, Any] = {}
        into.append(value)
        at = self._space(at + 1)
        if text[at] == "}":
            return at + 1
        while True:
            if text[at] != '"':
                raise _Broken(at)
            key, at = self._string(at)
            at = self._space(at)
            if text[at] != ":":
                raise _Broken(at)
            at = self._read(self._space(at + 1), _Slot(value, key), depth + 1)
            at = self._space(at)
            if text[at] == "}":
                return at + 1
            if text[at] != ",":
                raise _Broken(at)
            at = self._space(at + 1)

    def _array(self, at: int, into: list[Any] | _Slot, depth: int) -> int:
        text = self.text
        value: list[Any] = []
        into.append(value)
        at = self._space(at + 1)
        if text[at] == "]":
            return at + 1
        while True:
            at = self._space(self._read(at, value, depth + 1))
            if text[at] == "]":
                return at + 1
            if text[at] != ",":
                raise _Broken(at)
            at = self._space(at + 1)


@dataclass(slots=True)
class _Slot:
    """A member of an object, to be filled as if it were a list of one."""

    target: dict[str, Any]
    key: str

    def append(self, value: Any) -> None:
        """Sets the member."""
        self.target[self.key] = value
