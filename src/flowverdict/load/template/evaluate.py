"""Evaluates the expressions of a template: JSON in, JSON out, with marks for what is not known."""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Any, Final

from flowverdict.load.template.forms import FORMS
from flowverdict.load.template.identity import IDENTITY
from flowverdict.load.template.list_functions import LISTS, NotTold
from flowverdict.load.template.net_functions import PREFIXES
from flowverdict.load.template.partial import (
    Partial,
    as_list,
    as_object,
    called,
    first_unknown,
    member,
    shown,
    unknown,
)
from flowverdict.load.template.syntax import (
    Call,
    ExpressionError,
    Literal,
    Member,
    is_expression,
    parse,
    plain,
)
from flowverdict.load.template.text_functions import TEXT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowverdict.load.template.scope import Scope
    from flowverdict.load.template.syntax import Expression

_SAME_NAME: Final = frozenset({"tolower", "toupper", "trim"})
"""Functions that make of a name one that Azure takes for the same."""
_TAKES_UNKNOWN: Final = frozenset({"createarray", "createobject", "empty"})
_KNOWN: Final = {"true": True, "false": False, "null": None}
_WRONG: Final = (
    TypeError,
    AttributeError,
    ValueError,
    KeyError,
    IndexError,
    OverflowError,
    binascii.Error,
)
_MOST_COPIES: Final = 800
"""Azure's limit for one loop."""


class Evaluator:
    """Evaluates in a scope, at one turn of the loops around."""

    def __init__(
        self,
        scope: Scope,
        loops: Mapping[str, int | Partial] | None = None,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        """Takes the scope.

        Args:
            scope: parameters, variables and the place of deployment.
            loops: the turn of each loop, by its name in lower case; by ``""`` the resource's. A
                mark stands for any turn of a loop of which it is not known how often it turns.
            arguments: the values of lambda arguments.
        """
        self.scope = scope
        self.loops = loops or {}
        self.arguments = arguments or {}

    def at_turn(self, name: str, turn: int | Partial, *, is_resource: bool = False) -> Evaluator:
        """Returns an evaluator at a turn of one more loop."""
        loops: dict[str, int | Partial] = {**self.loops, name.lower(): turn}
        if is_resource or "" not in self.loops:
            loops[""] = turn
        return Evaluator(self.scope, loops, self.arguments)

    def with_arguments(self, arguments: Mapping[str, Any]) -> Evaluator:
        """Returns an evaluator within a lambda."""
        return Evaluator(self.scope, self.loops, {**self.arguments, **arguments})

    def value(self, raw: Any) -> Any:
        """Returns a value with every expression in it evaluated.

        Raises:
            ExpressionError: Azure would refuse one.
        """
        if isinstance(raw, str):
            return self.expression(parse(raw)) if is_expression(raw) else plain(raw)
        if (elements := as_list(raw)) is not None:
            return [self.value(one) for one in elements]
        fields = as_object(raw)
        return raw if fields is None else self._object(fields)

    def _object(self, raw: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, one in raw.items():
            if name.lower() == "copy" and (loops := _loops(one)):
                for loop in loops:
                    found[str(loop["name"])] = self.copied(loop)
            else:
                key = self.value(name)
                found[key.text if isinstance(key, Partial) else str(key)] = self.value(one)
        return found

    def copied(self, loop: dict[str, Any], name: str = "") -> Any:
        """Returns the list that a ``copy`` of a property or variable stands for."""
        name = name or str(loop.get("name", ""))
        count = self.count(loop)
        if isinstance(count, Partial):
            return count
        return [self.at_turn(name, turn).value(loop.get("input")) for turn in range(count)]

    def count(self, loop: dict[str, Any]) -> Any:
        """Returns how often a loop turns: a whole number, or a mark."""
        count = self.value(loop.get("count"))
        if isinstance(count, Partial):
            return count
        if isinstance(count, str) and count.isdigit():
            count = int(count)
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise ExpressionError(f"`count` of `copy` is `{shown(count)}`", "a whole number")
        if count > _MOST_COPIES:
            raise ExpressionError(f"`count` of `copy` is {count}", f"at most {_MOST_COPIES}")
        return count

    def expression(self, tree: Expression) -> Any:
        """Returns the value of an expression."""
        match tree:
            case Literal(value):
                return value
            case Member():
                of, key = self.expression(tree.of), self.expression(tree.key)
                return member(of, key, is_safe=tree.is_safe)
            case Call():
                return self._call(tree)

    def _call(self, tree: Call) -> Any:
        name, arguments = tree.name, tree.arguments
        if name in _KNOWN:
            return _KNOWN[name]
        try:
            if name in FORMS:
                return FORMS[name](self, arguments)
            if "." in name:
                return self.scope.own_function(name, [self.expression(one) for one in arguments])
            return self._plain_call(tree, [self.expression(one) for one in arguments])
        except _WRONG as problem:
            what = f"`{name}` cannot take {len(arguments)} such arguments ({problem})"
            raise ExpressionError(what, f"what Azure documents for `{name}`") from None

    def _plain_call(self, tree: Call, values: list[Any]) -> Any:
        name = tree.name
        if name in IDENTITY:
            return IDENTITY[name](self.scope, values)
        if name in self.scope.told and not values:
            return self.scope.told[name]
        if name in LISTS:
            return _of_lists(name, values)
        found = TEXT.get(name) or PREFIXES.get(name)
        part = first_unknown(values)
        if found is not None and part is None:
            return found(*values)
        if name in ("concat", "format"):
            return _concat(values) if name == "concat" else _format(values)
        if found is None:
            return unknown(f"function `{tree.spelled}` is not evaluated", called(name, values))
        assert part is not None
        return _of_unknown(name, values, part)


def function_names() -> set[str]:
    """Returns the names of all functions that are evaluated, in lower case."""
    told = {"resourcegroup", "subscription", "managementgroup", "tenant", "deployment"}
    made = {"concat", "environment", *_KNOWN}
    return told | made | {*FORMS, *IDENTITY, *LISTS, *TEXT, *PREFIXES}


def _loops(value: Any) -> list[dict[str, Any]]:
    """Returns the loops of a ``copy`` of properties; none where the word means something else."""
    found = [as_object(one) for one in as_list(value) or []]
    loops = [one for one in found if one is not None and {"name", "input"} <= one.keys()]
    return loops if len(loops) == len(found) else []


def _of_lists(name: str, values: list[Any]) -> Any:
    part = next((one for one in values if isinstance(one, Partial)), None)
    if name == "empty" and part is not None:
        return False if _has_literal(part.text) else part
    if name == "contains" and not isinstance(values[0], Partial):
        part = None  # what is looked for is not known, and need not be
    if part is not None and name not in _TAKES_UNKNOWN:
        return _of_unknown(name, values, part)
    try:
        return LISTS[name](*values)
    except NotTold as problem:
        return _of_unknown(name, values, problem.part)


def _of_unknown(name: str, values: list[Any], part: Partial) -> Any:
    """Returns what a function gives of which an argument is not known."""
    if name in _SAME_NAME and isinstance(values[0], Partial):
        return values[0]
    if name == "equals" and values[0] == values[1]:
        return True
    if name == "split" and part.text.startswith("/") and values[1] == "/":
        return [Partial(part.what, one) if "{" in one else one for one in part.text.split("/")]
    if name == "json" and isinstance(values[0], Partial):
        return _json(values[0])
    if name == "join" and not isinstance(values[0], Partial) and isinstance(values[1], str):
        return Partial(part.what, values[1].join(map(shown, values[0])))
    return unknown(part.what, called(name, values))


def _json(text: Partial) -> Any:
    """Returns JSON in which texts may hold what is not known; a mark where it is none."""
    try:
        value = TEXT["json"](text.text)
    except ExpressionError:
        return unknown(text.what, called("json", [text]))
    return _marked(value, text.what)


def _marked(value: Any, what: str) -> Any:
    """Returns a value with a mark for each text that holds something in braces."""
    if (fields := as_object(value)) is not None:
        return {name: _marked(one, what) for name, one in fields.items()}
    if (elements := as_list(value)) is not None:
        return [_marked(one, what) for one in elements]
    return Partial(what, value) if isinstance(value, str) and "{" in value else value


def _has_literal(text: str) -> bool:
    """Reports whether a text has anything outside of braces."""
    depth = 0
    for one in text:
        depth += (one == "{") - (one == "}")
        if depth == 0 and one != "}":
            return True
    return False


def _concat(values: list[Any]) -> Any:
    if any(isinstance(one, list) for one in values):
        if part := next((one for one in values if isinstance(one, Partial)), None):
            return unknown(part.what, called("concat", values))
        return [each for one in values for each in LISTS["array"](one)]
    text = "".join(map(shown, values))
    part = first_unknown(values)
    return text if part is None else Partial(part.what, text)


def _format(values: list[Any]) -> Any:
    pattern, *others = values
    part = first_unknown(values)
    assert part is not None
    if isinstance(pattern, Partial):
        return unknown(part.what, called("format", values))
    return Partial(part.what, TEXT["format"](pattern, *map(shown, others)))
