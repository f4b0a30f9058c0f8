"""Bytes into JSON values, one record at a time, keeping everything that a cut file still has.

Flow logs are met as one object with ``records``, as arrays, as one record a line, as fragments of
any of these, and cut short anywhere. No JSON library gives a row of a file that is cut: this
reader gives every value that is whole (flow-log specification, 4.4 and 13.3).

A text may be looked at in windows. What a record or a damaged piece is, never depends on what
follows it: reading that is interrupted behind one of them goes on as if it had not been.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from json import JSONDecoder
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

_QUOTE, _COMMA, _COLON = b'",:'
_OPEN_LIST, _CLOSE_LIST, _OPEN_OBJECT, _CLOSE_OBJECT = b"[]{}"
_SPACE: Final = frozenset(b" \t\r\n\x00")
_BETWEEN: Final = re.compile(rb"[ \t\r\n\x00,\x1e]*+")
_DEEPEST: Final = 64
_DECODER: Final = JSONDecoder(strict=False)
"""Lets control characters inside strings through: what a tuple makes of them is its matter."""
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_RECORD: Final = re.compile(rb'\{\s*+"(?:time|records)"|\n[^\S\n]*+[{\[]', re.IGNORECASE)
"""Where a record begins, or a line that could: Azure writes ``time`` first."""
_NUMERIC: Final = re.compile(rb"[-+.0-9eE]*+")
_NUMBER: Final = re.compile(rb"(-?(?:0|[1-9]\d*))(\.\d+)?([eE][-+]?\d+)?")
_MOST_DIGITS: Final = 4000
"""Python refuses to read longer whole numbers; no field of a flow log has one."""
_WORDS: Final = {b"true": True, b"false": False, b"null": None}
_LONGEST_PIECE: Final = 1 << 24
"""Longer damage comes in several pieces, cut at this distance whatever the windows are."""
_LOOK_AHEAD: Final = 1 << 12


class _Cut(Exception):
    """The text ends inside a value."""


class _Broken(Exception):
    """The text is no JSON here; carries where."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


class Ending(Enum):
    """How a record ends."""

    WHOLE = "whole"
    CUT = "cut"
    """The text ends inside of it."""
    BROKEN = "broken"
    """A damaged piece of text follows."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """A value from the list of records, or standing alone; what is whole of it."""

    value: Any
    ending: Ending


@dataclass(frozen=True, slots=True)
class Damage:
    """A piece of text that is no JSON.

    Attributes:
        is_followed: whether something that could be a record stands behind it. More of the same
            piece may come if not.
    """

    text: str
    is_followed: bool


@dataclass(frozen=True, slots=True)
class Run:
    """Records, one behind the other, that somebody else read."""

    records: int


Ahead: TypeAlias = Callable[[int], tuple[int, int]]
"""Is shown where an object begins; returns how many records it read, and behind them."""


def _nobody(at: int) -> tuple[int, int]:
    return 0, at


@dataclass(slots=True)
class Scan:
    """Reads the records of a text; what else was met is counted.

    Attributes:
        text: the text, or a window of it.
        is_last: whether the text ends here.
        depth: how many lists of records are open.
        at: behind what was read so far. When a window is done its rest begins here.
        truncated: set if the text ends inside a value or an open list of records.
        nested: how many lists of records stand inside another.
        is_blank: whether nothing was met but space.
        unread: what is whole of a record that does not end in this window.
    """

    text: bytes | bytearray
    is_last: bool = True
    depth: int = 0
    at: int = 0
    truncated: bool = False
    nested: int = 0
    is_blank: bool = True
    unread: Any = None
    _is_inside_damage: bool = False

    def read(self, ahead: Ahead = _nobody) -> Iterator[Scanned | Damage | Run]:
        """Yields the records, and whatever else stands where a record could.

        Args:
            ahead: reads what it can itself.
        """
        self.unread = None
        while self._skip() < len(self.text):
            before = self.at
            yield from self._next(before, ahead)
            if self.at == before:
                return  # it does not end in this window
        self.truncated = self.truncated or (self.is_last and self.depth > 0)

    def _skip(self) -> int:
        if not self._is_inside_damage:
            found = _BETWEEN.match(self.text, self.at)
            self.at = found.end() if found else self.at
        return self.at

    def _next(self, at: int, ahead: Ahead) -> Iterator[Scanned | Damage | Run]:
        """Reads what begins at a place, and moves on behind it; stays if its end is not here."""
        self.is_blank = False
        char = self.text[at]
        if self._is_inside_damage:
            yield from self._damage(at, at + 1)
        elif char == _OPEN_LIST:
            self.at, self.depth = at + 1, self.depth + 1
        elif char in (_CLOSE_LIST, _CLOSE_OBJECT):
            self.at, self.depth = at + 1, max(0, self.depth - (char == _CLOSE_LIST))
        elif char != _OPEN_OBJECT:
            yield from self._damage(at, at + 1)
        elif (inside := self._head(at)) is not None:
            self.nested += self.depth > 0
            self.at, self.depth = inside, self.depth + 1
        else:
            records, end = ahead(at)
            if records:
                self.at = end
                yield Run(records)
            else:
                yield from self._record(at)

    def _head(self, at: int) -> int | None:
        """Returns where the list of records begins if ``{"records":[`` stands here."""
        text = self.text
        try:
            name = self._space(at + 1)
            if text[name : name + 9].lower() != b'"records"':
                return None
            colon = self._space(name + 9)
            opened = self._space(colon + 1)
        except _Cut:
            return None
        return opened + 1 if text[colon] == _COLON and text[opened] == _OPEN_LIST else None

    def _record(self, at: int) -> Iterator[Scanned | Damage]:
        """Reads the object at a place, as much as is whole of it."""
        holder: list[Any] = []
        try:
            end = self._read(at, holder, 0)
        except _Cut:
            if self.is_last:
                self.at, self.truncated = len(self.text), True
                yield Scanned(holder[0], Ending.CUT)
            else:
                self.unread = holder[0]
        except _Broken as broken:
            # A line that begins where the damage was found may be a record.
            for piece in self._damage(broken.at, max(broken.at - 1, at + 1)):
                yield Scanned(holder[0], Ending.BROKEN)
                yield piece
                return
            self.unread = holder[0]
        else:
            self.at = end
            yield Scanned(holder[0], Ending.WHOLE)

    def _damage(self, at: int, search: int) -> Iterator[Damage]:
        """Passes over damaged text to where the next record or line begins."""
        text = self.text
        limit = at + _LONGEST_PIECE + _LOOK_AHEAD
        found = _RECORD.search(text, search, limit)
        if found:
            end = max(at, found.start())
        elif limit <= len(text):
            end = at + _LONGEST_PIECE
            while text[end] & 0xC0 == 0x80 and end > at + _LONGEST_PIECE - 4:
                end -= 1  # not inside a character
        elif self.is_last:
            end = len(text)
        else:
            return
        self.at, self._is_inside_damage = end, found is None
        yield Damage(text[at:end].decode(errors="replace"), found is not None)

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
        if char == _QUOTE:
            value, end = self._string(at)
            into.append(value)
            return end
        if depth >= _DEEPEST:
            raise _Broken(at)
        if char == _OPEN_OBJECT:
            return self._object(at, into, depth)
        if char == _OPEN_LIST:
            return self._array(at, into, depth)
        number = _NUMBER.match(text, at)
        if (numeric := _NUMERIC.match(text, at)) and at < numeric.end() == len(text):
            raise _Cut  # more of a number may follow
        if number:
            whole, fraction, exponent = number.groups()
            is_whole = not (fraction or exponent) and len(whole) <= _MOST_DIGITS
            into.append(int(whole) if is_whole else float(number.group()))
            return number.end()
        for word, value in _WORDS.items():
            found = text[at : at + len(word)]
            if found == word:
                into.append(value)
                return at + len(word)
            if at + len(found) == len(text) and word.startswith(found):
                raise _Cut
        raise _Broken(at)

    def _string(self, at: int) -> tuple[str, int]:
        found = _STRING.match(self.text, at)
        if found is None:
            raise _Cut  # no quote behind it that is not escaped
        text = found.group().decode(errors="replace")
        if "\\" not in text:
            return text[1:-1], found.end()
        try:
            return _DECODER.decode(text), found.end()
        except ValueError:
            raise _Broken(at) from None

    def _object(self, at: int, into: list[Any] | _Slot, depth: int) -> int:
        text = self.text
        value: dict[str, Any] = {}
        into.append(value)
        at = self._space(at + 1)
        if text[at] == _CLOSE_OBJECT:
            return at + 1
        while True:
            if text[at] != _QUOTE:
                raise _Broken(at)
            key, at = self._string(at)
            at = self._space(at)
            if text[at] != _COLON:
                raise _Broken(at)
            at = self._read(self._space(at + 1), _Slot(value, key), depth + 1)
            at = self._space(at)
            if text[at] == _CLOSE_OBJECT:
                return at + 1
            if text[at] != _COMMA:
                raise _Broken(at)
            at = self._space(at + 1)

    def _array(self, at: int, into: list[Any] | _Slot, depth: int) -> int:
        text = self.text
        value: list[Any] = []
        into.append(value)
        at = self._space(at + 1)
        if text[at] == _CLOSE_LIST:
            return at + 1
        while True:
            at = self._space(self._read(at, value, depth + 1))
            if text[at] == _CLOSE_LIST:
                return at + 1
            if text[at] != _COMMA:
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
