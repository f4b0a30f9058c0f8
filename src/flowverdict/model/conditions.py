"""The conditions by which Azure Policy makes virtual networks members of a network group."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from flowverdict.model.value import value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@value
class Test:
    """A leaf such as ``{"field": "Name", "contains": "-gen"}``; names in lower case."""

    field: str
    operator: str
    values: tuple[str, ...]


@value
class Combination:
    """``allOf``, ``anyOf`` or ``not`` over parts; operator in lower case."""

    operator: str
    parts: tuple[Condition, ...]


@value
class NotModelled:
    """A condition this project does not evaluate; ``what`` names it."""

    what: str


Condition = Test | Combination | NotModelled

OPERATORS: Mapping[str, Callable[[str, tuple[str, ...]], bool]] = {
    "equals": lambda value, wanted: value == wanted[0],
    "notequals": lambda value, wanted: value != wanted[0],
    "in": lambda value, wanted: value in wanted,
    "notin": lambda value, wanted: value not in wanted,
    "contains": lambda value, wanted: wanted[0] in value,
    "notcontains": lambda value, wanted: wanted[0] not in value,
    "like": lambda value, wanted: fnmatch.fnmatchcase(value, _wildcard(wanted[0])),
    "notlike": lambda value, wanted: not fnmatch.fnmatchcase(value, _wildcard(wanted[0])),
    "match": lambda value, wanted: _match(value, wanted[0]),
    "matchinsensitively": lambda value, wanted: _match(value, wanted[0]),
    "notmatch": lambda value, wanted: not _match(value, wanted[0]),
    "notmatchinsensitively": lambda value, wanted: not _match(value, wanted[0]),
}


def holds(condition: Condition, value_of: Callable[[str], str | None]) -> bool | None:
    """Reports whether a condition holds; None where that hangs on what is not modelled.

    Args:
        condition: what to evaluate.
        value_of: gives a field's value in lower case, None where the resource has no such field,
            and raises ``KeyError`` for a field that is not modelled.
    """
    match condition:
        case NotModelled():
            return None
        case Combination("not", parts):
            inner = holds(parts[0], value_of)
            return None if inner is None else not inner
        case Combination(operator, parts):
            answers = [holds(part, value_of) for part in parts]
            decisive = operator == "anyof"
            if decisive in answers:
                return decisive
            return None if None in answers else not decisive
        case Test(field, operator, wanted):
            try:
                value = value_of(field)
            except KeyError:
                return None
            if operator == "exists":
                return (value is not None) == (wanted[0] == "true")
            # Azure Policy: a missing field satisfies the negated operators alone
            return OPERATORS[operator](value if value is not None else "", wanted)


def not_modelled(condition: Condition) -> tuple[str, ...]:
    """Returns the names of all parts that are not modelled."""
    match condition:
        case NotModelled(what):
            return (what,)
        case Combination(_, parts):
            return tuple(name for part in parts for name in not_modelled(part))
        case Test():
            return ()


def _wildcard(pattern: str) -> str:
    """``*`` is the only wildcard of ``like``: the others of ``fnmatch`` are taken literally."""
    return pattern.replace("[", "[[]").replace("?", "[?]")


def _match(value: str, pattern: str) -> bool:
    """``#`` stands for a digit, ``?`` for a letter, ``.`` for any character (Azure Policy)."""
    if len(value) != len(pattern):
        return False
    return all(
        mark == "."
        or (mark == "#" and char.isdigit())
        or (mark == "?" and char.isalpha())
        or mark == char
        for mark, char in zip(pattern, value, strict=True)
    )
