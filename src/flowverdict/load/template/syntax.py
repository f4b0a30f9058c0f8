"""The expressions of ARM templates as trees.

``[concat(parameters('name'), '-nsg')]`` in a text is an expression; a text that begins with ``[[``
is one with a bracket. Within, there are calls, properties, indexes, texts and whole numbers.
"""

from __future__ import annotations

import re
from dataclasses import field
from functools import lru_cache
from typing import Final

from flowverdict.model.value import value

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_][\w]*(?:\.[A-Za-z_][\w]*(?=\s*\())?)"
    r"|(?P<number>-?\d+)(?![\w.])|'(?P<text>(?:[^']|'')*)'|(?P<mark>\?\.|\[\?|[().,\[\]]))"
)
_DEEPEST: Final = 200


class ExpressionError(Exception):
    """An expression that Azure would refuse.

    Attributes:
        expected: what should stand there.
    """

    def __init__(self, what: str, expected: str = "") -> None:
        super().__init__(what)
        self.expected = expected


@value
class Literal:
    """A text or a whole number."""

    value: str | int


@value
class Call:
    """A function with its arguments; of a user's own function the name has a dot.

    Attributes:
        name: in lower case.
        spelled: as it is written.
    """

    name: str
    arguments: tuple[Expression, ...]
    spelled: str = field(default="", compare=False)


@value
class Member:
    """A property or an element.

    Attributes:
        key: the property's name or the element's place.
        is_safe: whether a missing one is null (``.?`` in Bicep).
    """

    of: Expression
    key: Expression
    is_safe: bool = False


Expression = Literal | Call | Member


def is_expression(text: str) -> bool:
    """Reports whether a text is an expression."""
    return text.startswith("[") and text.endswith("]") and not text.startswith("[[")


def plain(text: str) -> str:
    """Returns a text that is no expression as it is meant."""
    return text[1:] if text.startswith("[[") else text


@lru_cache(maxsize=1 << 14)
def parse(text: str) -> Expression:
    """Returns the tree of an expression in its brackets.

    Raises:
        ExpressionError: it is none.
    """
    reading = _Reading(text[1:-1])
    found = reading.expression(0)
    reading.end()
    return found


def written(tree: Expression) -> str:
    """Returns an expression as it is written, without spaces."""
    match tree:
        case Literal(value):
            return str(value) if isinstance(value, int) else f"'{value}'"
        case Member(of, key):
            return f"{written(of)}[{written(key)}]"
        case Call(name, arguments):
            return f"{name}({','.join(map(written, arguments))})"


class _Reading:
    """Reads an expression from its beginning to its end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def _next(self, *, take: bool = True) -> tuple[str, str]:
        """Returns the kind and text of what follows; empty at the end."""
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            if rest := self._text[self._at :].strip():
                raise ExpressionError(f"`{rest[:20]}` is no expression", "a function or a text")
            return "", ""
        if take:
            self._at = found.end()
        kind = found.lastgroup or "text"
        return kind, found[kind]

    def end(self) -> None:
        """Refuses what stands behind an expression."""
        _, rest = self._next()
        if rest:
            raise ExpressionError(f"`{rest}` stands behind the expression", "`]`")

    def expression(self, depth: int) -> Expression:
        """Reads an expression with the properties and elements behind it."""
        if depth > _DEEPEST:
            raise ExpressionError("expression is nested too deeply")
        kind, text = self._next()
        if kind == "number":
            return Literal(int(text))
        if kind == "text":
            found: Expression = Literal(text.replace("''", "'"))
        elif kind == "name":
            mark = self._next(take=False)[1]
            if mark != "(":
                raise ExpressionError(f"`{text}` is no function call", f"`{text}(`")
            self._next()
            found = Call(text.lower(), tuple(self._arguments(depth)), text)
        else:
            what = f"`{text}`" if text else "the end"
            raise ExpressionError(f"{what} where a value should be", "a function or a text")
        return self._members(found, depth)

    def _arguments(self, depth: int) -> list[Expression]:
        if self._next(take=False) == ("mark", ")"):
            self._next()
            return []
        found: list[Expression] = []
        while True:
            found.append(self.expression(depth + 1))
            kind, mark = self._next()
            if (kind, mark) == ("mark", ")"):
                return found
            if (kind, mark) != ("mark", ","):
                raise ExpressionError(f"`{mark or 'the end'}` within arguments", "`,` or `)`")

    def _members(self, found: Expression, depth: int) -> Expression:
        while True:
            kind, mark = self._next(take=False)
            if kind != "mark" or mark not in (".", "[", "?.", "[?"):
                return found
            self._next()
            if mark in (".", "?."):
                kind, name = self._next()
                if kind != "name":
                    raise ExpressionError(f"`{name}` behind a dot", "a property")
                found = Member(found, Literal(name), is_safe=mark == "?.")
            else:
                key = self.expression(depth + 1)
                if self._next() != ("mark", "]"):
                    raise ExpressionError("an index is not closed", "`]`")
                found = Member(found, key, is_safe=mark == "[?")
