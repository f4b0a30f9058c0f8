"""A cursor over JSON that knows where it stands and reads both forms of Azure's resources.

Azure's REST answers keep a resource's fields under ``properties``; ``az`` lifts them to the top
level, and does not spell every name in the same case. A ``Node`` finds a field in either place,
without regard to case, and every complaint it makes carries the place.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flowverdict.load.report import Unreadable, error
from flowverdict.load.shape import misspelt, shape_of
from flowverdict.load.unknown import Unknown
from flowverdict.model import Position, ResourceId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowverdict.load.shape import Field, Shape

T = TypeVar("T")

_REFERENCE = frozenset({"id", "resourceGroup"})
"""What a reference to a resource holds, as ``az`` writes it."""


@lru_cache(maxsize=1 << 14)
def _resource_id(text: str) -> ResourceId | None:
    """Returns the ARM id that a text is; None for a text that is none, or not fit to be shown."""
    if not text.isprintable():
        return None
    if text[:1] != "/" and text.lower().startswith(("subscriptions/", "providers/")):
        text = f"/{text}"  # some answers leave the first slash out
    return ResourceId(text) if text.startswith("/") and text.strip("/") else None


class Node:
    """One JSON value, its file and its path."""

    __slots__ = ("_parent", "_path", "_shape", "_step", "file", "value")

    def __init__(
        self, value: Any, file: str, parent: Node | None = None, step: str | int = "$"
    ) -> None:
        self.value = value
        self.file = file
        self._parent = parent
        self._step = step
        self._path = ""
        self._shape: Shape | None = None

    @property
    def path(self) -> str:
        """Where it stands in its document; put together when it is asked for."""
        if not self._path:
            step = f"[{self._step}]" if isinstance(self._step, int) else self._step
            self._path = self._parent.path + step if self._parent else step
        return self._path

    @property
    def where(self) -> Position:
        """The place, for messages."""
        return Position(self.file, self.path)

    def fail(self, code: str, what: str, expected: str = "", hint: str = "") -> Unreadable:
        """Returns the exception to raise about this value."""
        return Unreadable(error(self.where, code, what, expected, hint))

    def not_known(self, value: Unknown) -> Unreadable:
        """Returns the exception to raise where this value is needed, and the input lacks it."""
        return self.fail("unknown-value", f"value is not known ({value.what})")

    def not_of(self, found: str, expected: str) -> Unreadable:
        """Returns the exception to raise about a value of another kind than is expected."""
        if isinstance(self.value, Unknown):
            return self.not_known(self.value)
        return self.fail("shape", f"{found} found", expected)

    @property
    def fields(self) -> dict[str, Field]:
        """The object's fields by name in lower case.

        Raises:
            Unreadable: the value is no object, or a field stands in it twice.
        """
        return (self._shape or self._look()).fields

    def _look(self) -> Shape:
        if not isinstance(self.value, dict):
            raise self.not_of(_kind(self.value), "an object")
        value = cast("dict[str, Any]", self.value)
        inner = value.get("properties")
        inside: tuple[str, ...] = ()
        if isinstance(inner, dict):
            inside = tuple(cast("dict[str, Any]", inner))
        elif isinstance(inner, Unknown):
            raise Node(inner, self.file, self, ".properties").not_known(inner)
        shape = shape_of(tuple(value), inside)
        if shape.twice:
            raise self.fail("twice", f"`{shape.twice}` stands here twice", "each field once")
        for one, other in shape.pairs:
            if one.of(value) != other.of(value):
                what = f"`{other.key}` stands here and in `properties`, with other contents"
                raise self.fail("twice", what, "each field once")
        self._shape = shape
        return shape

    def value_of(self, name: str) -> Any:
        """Returns the value of a field; None where it is missing."""
        field = (self._shape or self._look()).asked[name]
        if field is None:
            return None
        return self.value["properties"][field.key] if field.inside else self.value[field.key]

    def get(self, name: str) -> Node | None:
        """Returns a field; None where it is missing or null."""
        field = (self._shape or self._look()).asked[name]
        if field is None:
            return None
        value = self.value["properties"][field.key] if field.inside else self.value[field.key]
        return None if value is None else Node(value, self.file, self, field.step)

    def need(self, name: str, expected: str = "") -> Node:
        """Returns a field that must be there.

        Raises:
            Unreadable: the field is missing or null.
        """
        found = self.get(name)
        if found is None:
            raise self.fail("missing", f"missing `{name}`", expected or f"`{name}`")
        return found

    def need_body(self, *names: str) -> None:
        """Refuses a resource of which only the envelope was exported.

        Raises:
            Unreadable: there are no ``properties``, and none of the fields that stand in them.
        """
        has_properties = any(field.inside for field in self.fields.values())
        if not has_properties and not {name.lower() for name in names} & self.fields.keys():
            raise self.fail("missing", f"missing `{names[0]}`", "the whole resource")

    def refuse_fields_but(self, known: frozenset[str], what: str) -> None:
        """Refuses fields that nobody would read; ``known`` is in lower case.

        Raises:
            Unreadable: there is such a field.
        """
        if self.fields.keys() <= known:
            return
        written = next(field.key for name, field in self.fields.items() if name not in known)
        expected = "a field that Azure documents"
        raise self.fail("unread-field", f"`{written}` is no field of a {what}", expected)

    def check_spelling(self, *names: str) -> None:
        """Refuses fields that are nearly one of the names, where that one is missing.

        Raises:
            Unreadable: a field is misspelt.
        """
        if found := misspelt(self._shape or self._look(), names):
            raise self.fail("misspelt", f"`{found[0]}` is no field", f"`{found[1]}`")

    def text(self, name: str, default: str = "") -> str:
        """Returns a text field, or the default where it is missing."""
        value = self.value_of(name)
        if value is None:
            return default
        if isinstance(value, str) and value.isprintable():
            return value
        return self.need(name).as_text()

    def flag(self, name: str, *, default: bool) -> bool:
        """Returns a true-or-false field, or the default where it is missing."""
        value = self.value_of(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.need(name).not_of(f"`{_short(value)}`", "true or false")
        return value

    def items(self, name: str) -> list[Node]:
        """Returns the elements of a list field; none where it is missing."""
        value = self.value_of(name)
        return [] if value is None or value == [] else self.need(name).elements()

    def reference(self, name: str) -> ResourceId | None:
        """Returns the id in a field such as ``{"subnet": {"id": …}}``; None where it is missing."""
        found = self.get(name)
        return None if found is None else found.as_id()

    def references(self, name: str) -> tuple[ResourceId, ...]:
        """Returns the ids in a list of ``{"id": …}``."""
        return tuple([item.as_id() for item in self.items(name)])

    def choice(self, name: str, choices: Mapping[str, T]) -> T:
        """Returns what a word stands for; the words of ``choices`` are in lower case.

        Raises:
            Unreadable: the field is missing, or its word is none of the choices.
        """
        value = self.value_of(name)
        if not isinstance(value, str) or value.lower() not in choices:
            found = self.need(name)
            raise found.fail("choice", f"`{_short(found.as_text())}` is no {name}", _words(choices))
        return choices[value.lower()]

    def elements(self) -> list[Node]:
        """Returns the elements of this list.

        Raises:
            Unreadable: the value is no list.
        """
        if not isinstance(self.value, list):
            raise self.not_of(_kind(self.value), "a list")
        values = cast("list[Any]", self.value)
        return [Node(one, self.file, self, at) for at, one in enumerate(values)]

    def texts(self, name: str) -> list[Node]:
        """Returns the elements of a list field of texts, each checked to be text."""
        found = self.items(name)
        for one in found:
            one.as_text()
        return found

    def known_items(self, name: str) -> tuple[list[Node], list[str]]:
        """Returns the known elements of a list field, and why others are not known."""
        value = self.value_of(name)
        if isinstance(value, Unknown):
            return [], [value.what]
        items = self.items(name)
        unknown = [one.value.what for one in items if isinstance(one.value, Unknown)]
        if unknown:
            items = [one for one in items if not isinstance(one.value, Unknown)]
        return items, unknown

    def as_text(self) -> str:
        """Returns this value as text.

        Raises:
            Unreadable: the value is no text.
        """
        if not isinstance(self.value, str):
            raise self.not_of(f"`{_short(self.value)}`", "a text")
        if not self.value.isprintable():
            raise self.fail("shape", f"`{_short(self.value)}` found", "no control characters")
        return self.value

    def as_integer(self) -> int:
        """Returns this value as a whole number, which may be written as text.

        Raises:
            Unreadable: the value is no whole number.
        """
        value = self.value
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
            return int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.not_of(f"`{_short(value)}`", "a whole number")
        return value

    def as_id(self) -> ResourceId:
        """Returns the ARM id in this value: a text, or an object with ``id``.

        Raises:
            Unreadable: there is no id in it.
        """
        found = _resource_id(text) if isinstance(text := self._id_text(), str) else None
        if found is None:
            node = self if isinstance(self.value, str) else self.need("id", "an ARM id")
            what = f"`{_short(node.as_text())}` is no ARM id"
            raise node.fail("id", what, "`/subscriptions/…`")
        return found

    def _id_text(self) -> Any:
        if not isinstance(self.value, dict):
            return self.value if isinstance(self.value, str) else self.value_of("id")
        value = cast("dict[str, Any]", self.value)
        return value.get("id") if value.keys() <= _REFERENCE else self.value_of("id")


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names: tuple[tuple[type, str], ...] = (
        (dict, "an object"),
        (list, "a list"),
        (str, "a text"),
        (bool, "true or false"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "a number")


def _short(value: Any) -> str:
    if isinstance(value, (int, float)):
        return str(value).lower()[:60]
    text = value if isinstance(value, str) else _kind(value)
    text = text.encode("unicode_escape").decode() if not text.isprintable() else text
    return text if len(text) <= 60 else text[:57] + "…"


def _words(choices: Mapping[str, Any]) -> str:
    words = [
        f"`{value if isinstance(value, str) else getattr(value, 'value', key)}`"
        for key, value in choices.items()
    ]
    unique = list(dict.fromkeys(words))
    return unique[0] if len(unique) == 1 else f"{', '.join(unique[:-1])} or {unique[-1]}"
