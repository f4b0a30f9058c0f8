"""Template functions that are evaluated in an order of their own, or that ask their scope."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

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
from flowverdict.load.template.syntax import Call, ExpressionError, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowverdict.load.template.evaluate import Evaluator
    from flowverdict.load.template.syntax import Expression

Arguments = tuple["Expression", ...]


def _if(at: Evaluator, arguments: Arguments) -> Any:
    """Evaluates one branch; both where it is not known which one counts."""
    condition, then, otherwise = arguments
    holds = at.expression(condition)
    if not isinstance(holds, Partial):
        return at.expression(then if _truth(holds) else otherwise)
    one, other = at.expression(then), at.expression(otherwise)
    return one if one == other else unknown(holds.what, called("if", [holds, one, other]))


def _all(at: Evaluator, arguments: Arguments, *, end: bool) -> Any:
    """Evaluates ``and`` (which ends with the first false) and ``or`` (with the first true)."""
    left: Partial | None = None
    for one in arguments:
        value = at.expression(one)
        if isinstance(value, Partial):
            left = left or value
        elif _truth(value) is end:
            return end
    return (not end) if left is None else left


def _coalesce(at: Evaluator, arguments: Arguments) -> Any:
    for one in arguments:
        value = at.expression(one)
        if value is not None:
            return value
    return None


def _try_get(at: Evaluator, arguments: Arguments) -> Any:
    value, *keys = [at.expression(one) for one in arguments]
    for key in keys:
        value = None if value is None else member(value, key, is_safe=True)
    return value


def _parameters(at: Evaluator, arguments: Arguments) -> Any:
    return at.scope.parameter(_name(at.expression(arguments[0])))


def _variables(at: Evaluator, arguments: Arguments) -> Any:
    return at.scope.variable(_name(at.expression(arguments[0])))


def _copy_index(at: Evaluator, arguments: Arguments) -> Any:
    values = [at.expression(one) for one in arguments]
    name = str(values.pop(0)) if values and isinstance(values[0], str) else ""
    turn = at.loops.get(name.lower())
    if turn is None:
        where = f" of `{name}`" if name else ""
        raise ExpressionError(f"`copyIndex`{where} outside of its loop", "a loop around")
    if isinstance(turn, Partial):
        return unknown(turn.what, called("copyIndex", [name, *values])) if values else turn
    return turn + int(values[0]) if values else turn


def _lambda_variables(at: Evaluator, arguments: Arguments) -> Any:
    name = _name(at.expression(arguments[0]))
    if name.lower() not in at.arguments:
        raise ExpressionError(f"`{name}` is no argument of a lambda around", "one that is")
    return at.arguments[name.lower()]


def _reference(at: Evaluator, arguments: Arguments) -> Any:
    to, *others = [at.expression(one) for one in arguments]
    whole = len(others) > 1 and str(others[1]).lower() == "full"
    return at.scope.reference(to, whole=whole)


def _resource_info(at: Evaluator, arguments: Arguments) -> Any:
    return at.scope.information(at.expression(arguments[0]))


def _function(at: Evaluator, tree: Expression) -> Callable[..., Any]:
    """Returns a lambda as a function of Python; it takes as many arguments as it names."""
    if not isinstance(tree, Call) or tree.name != "lambda":
        raise ExpressionError("no lambda where one should be", "`lambda('x', …)`")
    *names, body = tree.arguments
    keys = [_name(at.expression(one)).lower() for one in names]

    def run(*values: Any) -> Any:
        return at.with_arguments(dict(zip(keys, values, strict=False))).expression(body)

    return run


def _map(at: Evaluator, arguments: Arguments, of: Any) -> Any:
    run = _function(at, arguments[1])
    return [run(one, turn) for turn, one in enumerate(as_list(of) or [])]


def _map_values(at: Evaluator, arguments: Arguments, of: Any) -> Any:
    run = _function(at, arguments[1])
    return {key: run(one) for key, one in (as_object(of) or {}).items()}


def _filter(at: Evaluator, arguments: Arguments, of: Any) -> Any:
    run = _function(at, arguments[1])
    kept = [(one, run(one, turn)) for turn, one in enumerate(as_list(of) or [])]
    unsure = next((holds for _, holds in kept if isinstance(holds, Partial)), None)
    return unsure or [one for one, holds in kept if _truth(holds)]


def _reduce(at: Evaluator, arguments: Arguments, of: Any) -> Any:
    run, value = _function(at, arguments[2]), at.expression(arguments[1])
    for turn, one in enumerate(as_list(of) or []):
        value = run(value, one, turn)
    return value


def _sort(at: Evaluator, arguments: Arguments, of: Any) -> Any:
    """Sorts by insertion: the lambda tells whether its first argument comes before the second."""
    run = _function(at, arguments[1])
    found: list[Any] = []
    for one in as_list(of) or []:
        place = len(found)
        while place > 0:
            before = run(one, found[place - 1])
            if isinstance(before, Partial):
                return before
            if not _truth(before):
                break
            place -= 1
        found.insert(place, one)
    return found


def _to_object(at: Evaluator, arguments: Arguments, of: Any) -> Any:
    elements = as_list(of) or []
    keys = [_function(at, arguments[1])(one) for one in elements]
    if part := first_unknown(keys):
        return part
    if len(arguments) > 2:
        elements = [_function(at, arguments[2])(one) for one in elements]
    return {shown(key): one for key, one in zip(keys, elements, strict=True)}


def _group_by(at: Evaluator, arguments: Arguments, of: Any) -> Any:
    elements = as_list(of) or []
    keys = [_function(at, arguments[1])(one) for one in elements]
    if part := first_unknown(keys):
        return part
    found: dict[str, list[Any]] = {}
    for key, one in zip(keys, elements, strict=True):
        found.setdefault(shown(key), []).append(one)
    return found


def _with_lambda(
    at: Evaluator,
    arguments: Arguments,
    *,
    name: str,
    run: Callable[[Evaluator, Arguments, Any], Any],
) -> Any:
    """Evaluates a function of a list and a lambda."""
    of = at.expression(arguments[0])
    found = of if isinstance(of, Partial) else run(at, arguments, of)
    if not isinstance(found, Partial) or name == "reduce":
        return found
    turns = "".join(f"#{shown(turn)}" for _, turn in sorted(at.loops.items()))
    return unknown(found.what, written(Call(name, arguments)) + turns)


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise ExpressionError(f"`{shown(value)}` where a name should be", "a text")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ExpressionError(f"`{shown(value)}` is no condition", "true or false")
    return value


_OF_LAMBDAS: Final[dict[str, Callable[[Evaluator, Arguments, Any], Any]]] = {
    "filter": _filter,
    "groupby": _group_by,
    "map": _map,
    "mapvalues": _map_values,
    "reduce": _reduce,
    "sort": _sort,
    "toobject": _to_object,
}

FORMS: Final[dict[str, Callable[[Evaluator, Arguments], Any]]] = {
    "and": partial(_all, end=False),
    "coalesce": _coalesce,
    "copyindex": _copy_index,
    "if": _if,
    "lambdavariables": _lambda_variables,
    "or": partial(_all, end=True),
    "parameters": _parameters,
    "reference": _reference,
    "resourceinfo": _resource_info,
    "tryget": _try_get,
    "variables": _variables,
    **{name: partial(_with_lambda, name=name, run=run) for name, run in _OF_LAMBDAS.items()},
}
"""What each function does; its name in lower case."""
