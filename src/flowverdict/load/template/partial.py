"""Values of a template that are known in part, with a text that stands for them in ids."""

from __future__ import annotations

from typing import Any, Final, cast
from zlib import crc32

from flowverdict.load.template.syntax import ExpressionError
from flowverdict.load.unknown import Unknown
from flowverdict.model.value import value

_LONGEST: Final = 120
"""Letters of what stands for a value; longer ones are cut, and told apart by a number."""


@value
class Partial(Unknown):
    """A value that the template does not tell, or not all of it.

    Two values of one text are the same, so that references by the same expression meet.

    Attributes:
        text: the value with what is not known in braces, such as ``{main.prefix}-nsg``.
    """

    text: str


@value
class Opened(Partial):
    """A resource's or a deployment's answer: what the template says of it is known.

    Attributes:
        known: the fields that are known; there are others.
    """

    known: dict[str, Any]


def as_object(value: Any) -> dict[str, Any] | None:
    """Returns the value if it is an object; None for any other."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def as_list(value: Any) -> list[Any] | None:
    """Returns the value if it is a list; None for any other."""
    return cast("list[Any]", value) if isinstance(value, list) else None


def find_key(of: dict[str, Any], name: str) -> str | None:
    """Returns an object's key, whatever its case; None where there is none."""
    if name in of:
        return name
    return next((one for one in of if one.lower() == name.lower()), None)


def unknown(what: str, text: str) -> Partial:
    """Returns a value that is not known at all.

    Args:
        what: why.
        text: what stands for it; a ``/`` in it would divide an id.
    """
    text = text.replace("/", "|")
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}… {crc32(text.encode()):08x}"
    return Partial(what, "{" + text + "}")


def first_unknown(value: Any) -> Partial | None:
    """Returns the first part of a value that is not known; None where all is."""
    if isinstance(value, Partial):
        return value
    if isinstance(value, dict):
        value = list(cast("dict[str, Any]", value).values())
    if isinstance(value, list):
        found = (first_unknown(one) for one in cast("list[Any]", value))
        return next((one for one in found if one is not None), None)
    return None


def shown(value: Any) -> str:
    """Returns a value as it stands in a text; objects and lists as templates write them."""
    match value:
        case Partial():
            return value.text
        case str():
            return value
        case bool():
            return "True" if value else "False"
        case None:
            return ""
        case int():
            return str(value)
        case list():
            return "[" + ",".join(map(_quoted, cast("list[Any]", value))) + "]"
        case _:
            pairs = cast("dict[str, Any]", value).items()
            return "{" + ",".join(f'"{name}":{_quoted(one)}' for name, one in pairs) + "}"


def _quoted(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else shown(value)


def called(name: str, arguments: list[Any]) -> str:
    """Returns what stands for the call of a function."""
    return f"{name}({', '.join(map(_argument, arguments))})"


def _argument(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else shown(value)


def member(of: Any, key: Any, *, is_safe: bool) -> Any:
    """Returns a property or an element.

    Raises:
        ExpressionError: there is none.
    """
    if isinstance(of, Opened) and isinstance(key, str):
        name = find_key(of.known, key)
        if name is not None:
            return of.known[name]
    if isinstance(of, Partial):
        inner = f".{key}" if isinstance(key, str) else f"[{shown(key)}]"
        text = of.text[1:-1] if of.text.startswith("{") and of.text.endswith("}") else of.text
        return unknown(of.what, text + inner)
    if isinstance(key, Partial):
        return unknown(key.what, f"{shown(of)}[{key.text}]")
    elements, fields = as_list(of), as_object(of)
    if elements is not None and isinstance(key, int):
        if 0 <= key < len(elements):
            return elements[key]
        what = f"element {key} of a list of {len(elements)}"
    elif fields is not None:
        name = find_key(fields, shown(key))
        if name is not None:
            return fields[name]
        what = f"no property `{shown(key)}`"
    else:
        what = f"no property `{shown(key)}` of `{shown(of)[:40]}`"
    if is_safe:
        return None
    raise ExpressionError(what, "one that is there")
