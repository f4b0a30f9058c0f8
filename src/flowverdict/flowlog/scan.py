"""Bytes into JSON values, one record at a time, keeping everything that a cut file still has.

Flow logs are met as one object with ``records``, as arrays, as one record a line, as fragments of
any of these, and cut short anywhere. No JSON library gives a row of a file that is cut: this
reader gives every value that is whole (flow-log specification, 4.4 and 13.3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
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
_LONGEST_DAMAGE: Final = 1 << 24
"""Longer damage is handed on in parts."""
_OVERLAP: Final = 1 << 10
"""What may be the beginning of a record at the end of a part."""
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
    """A value from the list of records, or standing alone, or a piece of text that is none.

    Attributes:
        value: what was whole of it.
        start: where it begins in the text, counted in characters.
        end: where it ends.
        whole: false if the text was cut inside it, or is damaged there.
        damaged: it is no value: a piece of text that is no JSON.
    """

    value: Any
    start: int
    end: int
    whole: bool = True
    damaged: bool = False


class Scan:
    """Reads the records of a text, or of a part of one.

    Attributes:
        depth: how many lists of records are open.
        truncated: set if the blob ends inside a value or an open list of records.
        nested: how many lists of records stand inside another.
        stopped: so much of the text was looked at.
    """

    def __init__(self, text: str, *, is_last: bool = True, depth: int = 0) -> None:
        """Takes a text.

        Args:
            text: without a byte-order mark.
            is_last: whether the blob ends where the text ends. If not, what may go on behind the
                text is left for the next one.
            depth: how many lists of records are open where it begins.
        """
        self.is_last = is_last
        self.depth = depth
        self.truncated = False
        self.nested = 0
        self.stopped = 0
        self._text = text

    @property
    def text(self) -> str:
        """The text."""
        return self._text

    @property
    def chars(self) -> str:
        """The text, for those who look at a few characters of it only."""
        return self._text

    def __iter__(self) -> Iterator[Scanned]:
        """Yields the records, and whatever else stands where a record could."""
        at = 0
        size = len(self.chars)
        while True:
            self.stopped = at = self._skip(at)
            if at >= size:
                self.truncated = self.is_last and (self.truncated or self.depth > 0)
                return
            char = self.chars[at]
            if char == "[":
                at, self.depth = at + 1, self.depth + 1
            elif char in "]}":
                at, self.depth = at + 1, max(0, self.depth - (char == "]"))
            elif (inside := self._head(at)) is not None:
                self.nested += self.depth > 0
                at, self.depth = inside, self.depth + 1
            else:
                found = list(self._value(at) if char == "{" else self._damage(at, at))
                at = found[-1].end
                if at >= size and not found[-1].whole and not self.is_last:
                    if at - self.stopped < _LONGEST_DAMAGE or not found[-1].damaged:
                        return
                    found[-1].end = at = at - _OVERLAP
                yield from found

    def _skip(self, at: int) -> int:
        text = self.chars
        while at < len(text) and (text[at] in _SPACE or text[at] in ",\x1e"):
            at += 1
        return at

    def _head(self, at: int) -> int | None:
        """Returns where the list of records begins if ``{"records":[`` stands here."""
        text = self.chars
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

    def _value(self, at: int) -> Iterator[Scanned]:
        """Reads the object at a place, as much as is whole of it; damage in it comes behind it."""
        holder: list[Any] = []
        try:
            end = self._read(at, holder, 0)
        except _Cut:
            self.truncated = self.is_last
            yield Scanned(holder[0], at, len(self.text), whole=False)
        except _Broken as damage:
            yield Scanned(holder[0], at, damage.at, whole=False)
            yield from self._damage(at, damage.at)
        else:
            yield Scanned(holder[0], at, end)

    def _damage(self, start: int, at: int) -> Iterator[Scanned]:
        """Passes over damaged text, up to where the next record or line begins."""
        found = _RECORD.search(self.text, max(at, start + 1))
        end = found.start() if found else len(self.text)
        yield Scanned(None, at, end, whole=False, damaged=True)

    def _space(self, at: int) -> int:
        text = self.chars
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
