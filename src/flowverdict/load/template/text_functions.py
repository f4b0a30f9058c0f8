"""Template functions of texts and numbers, in which every argument is known."""

from __future__ import annotations

import base64
import json
import operator
import re
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote, unquote, urljoin

import msgspec

from flowverdict.load.template.partial import as_list, shown
from flowverdict.load.template.syntax import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Callable

_HOLE: Final = re.compile(r"\{\{|\}\}|\{(\d+)(?:,(-?\d+))?(?::([^}]*))?\}")
_ARM: Final = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")
"""The namespace of the names that ``guid`` makes."""
_TRUE: Final = {"true": True, "false": False, "1": True, "0": False}


def _format(pattern: str, *values: Any) -> str:
    """Fills ``{0}`` of a pattern, as .NET's ``string.Format`` does (``{0:D2}``, ``{0,5}``)."""

    def fill(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0][0]
        at = int(found[1])
        if at >= len(values):
            raise ExpressionError(f"`{found[0]}` of `format` has no argument")
        told = _formatted(values[at], found[3] or "")
        width = int(found[2] or 0)
        return told.rjust(width) if width > 0 else told.ljust(-width)

    return _HOLE.sub(fill, pattern)


def _formatted(value: Any, how: str) -> str:
    if not how:
        return shown(value)
    kind, digits = how[0].lower(), how[1:]
    if isinstance(value, int) and kind in "dxn" and (not digits or digits.isdigit()):
        if kind == "x":
            return f"{value:{how[0]}}".zfill(int(digits or 0))
        if kind == "d":
            return ("-" if value < 0 else "") + str(abs(value)).zfill(int(digits or 0))
    raise ExpressionError(f"`{{0:{how}}}` of `format` is not read")


def _integer(value: Any) -> int:
    if isinstance(value, str):
        try:
            return int(value.strip())
        except ValueError:
            raise ExpressionError(f"`{value}` is no whole number") from None
    return int(value)


def _boolean(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in _TRUE:
        return _TRUE[value.lower()]
    if isinstance(value, int):
        return bool(value)
    raise ExpressionError(f"`{shown(value)}` is neither true nor false")


def _string(value: Any) -> str:
    if isinstance(value, (list, dict)):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return shown(value)


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise ExpressionError(f"`{text[:40]}` is no JSON") from None


def _substring(text: str, start: int, length: int | None = None) -> str:
    length = len(text) - start if length is None else length
    if start < 0 or length < 0 or start + length > len(text):
        raise ExpressionError(f"`substring` from {start}, {length} long, of `{text}`")
    return text[start : start + length]


def _split(text: str, marks: Any) -> list[str]:
    marks = [marks] if isinstance(marks, str) else marks
    return re.split("|".join(re.escape(one) for one in marks), text) if marks else [text]


def _pad_left(value: Any, width: int, fill: str = " ") -> str:
    return shown(value).rjust(width, fill)


def _divided(one: int, other: int) -> tuple[int, int]:
    """Divides as Azure does: towards zero, the remainder with the sign of what is divided."""
    if other == 0:
        raise ExpressionError("division by zero")
    quotient = abs(one) // abs(other) * (1 if (one < 0) == (other < 0) else -1)
    return quotient, one - quotient * other


def _numbers(values: tuple[Any, ...]) -> list[int]:
    found = as_list(values[0]) if len(values) == 1 else None
    return list(values) if found is None else found


def _arithmetic(run: Callable[[int, int], int]) -> Callable[[Any, Any], int]:
    """Returns a function of two whole numbers that takes nothing else."""

    def checked(one: Any, other: Any) -> int:
        for value in (one, other):
            if not isinstance(value, int) or isinstance(value, bool):
                raise ExpressionError(
                    f"`{shown(value)}` where a number should be", "a whole number"
                )
        return run(one, other)

    return checked


def _starts(text: str, start: str) -> bool:
    return text.lower().startswith(start.lower())


def _ends(text: str, end: str) -> bool:
    return text.lower().endswith(end.lower())


def _equals(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other


def _replace(text: str, old: str, new: str) -> str:
    return text.replace(old, new) if old else text


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()


def _decoded_json(text: str) -> Any:
    return _json(_decoded(text))


def _component(text: str) -> str:
    return quote(text, safe="")


def _position(of: Any, part: Any, *, last: bool) -> int:
    if isinstance(of, list):
        places = [at for at, one in enumerate(cast("list[Any]", of)) if one == part]
        return places[-1 if last else 0] if places else -1
    text, wanted = str(of).lower(), str(part).lower()
    return text.rfind(wanted) if last else text.find(wanted)


def _guid(*values: Any) -> str:
    """Returns a name-based UUID (RFC 4122, 4.3, version 5) of texts with dashes between them.

    Azure's documents name the RFC. How the texts are joined, and the namespace, stand in the
    functions of Azure Policy that Microsoft publishes (``ExpressionBuiltInFunctions.cs``).
    """
    if not values:
        raise ExpressionError("`guid` without an argument", "a text")
    for one in values:
        if not isinstance(one, str):
            raise ExpressionError(f"`{shown(one)}` where a text should be", "a text")
    return str(uuid.uuid5(_ARM, "-".join(values)))


TEXT: Final[dict[str, Callable[..., Any]]] = {
    "add": _arithmetic(operator.add),
    "base64": _encoded,
    "base64tojson": _decoded_json,
    "base64tostring": _decoded,
    "bool": _boolean,
    "div": _arithmetic(lambda one, other: _divided(one, other)[0]),
    "endswith": _ends,
    "equals": _equals,
    "format": _format,
    "greater": operator.gt,
    "greaterorequals": operator.ge,
    "guid": _guid,
    "indexof": partial(_position, last=False),
    "int": _integer,
    "json": _json,
    "lastindexof": partial(_position, last=True),
    "less": operator.lt,
    "lessorequals": operator.le,
    "max": lambda *values: max(_numbers(values)),
    "min": lambda *values: min(_numbers(values)),
    "mod": _arithmetic(lambda one, other: _divided(one, other)[1]),
    "mul": _arithmetic(operator.mul),
    "not": operator.not_,
    "padleft": _pad_left,
    "replace": _replace,
    "split": _split,
    "startswith": _starts,
    "string": _string,
    "sub": _arithmetic(operator.sub),
    "substring": _substring,
    "tolower": str.lower,
    "toupper": str.upper,
    "trim": str.strip,
    "uri": urljoin,
    "uricomponent": _component,
    "uricomponenttostring": unquote,
}
"""What each function does; its name in lower case."""
