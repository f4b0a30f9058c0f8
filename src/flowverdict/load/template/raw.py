"""Fields of a template as they are written, and evaluated; every failure with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowverdict.load.report import Unreadable, error
from flowverdict.load.template.partial import as_list, as_object, find_key
from flowverdict.load.template.syntax import ExpressionError
from flowverdict.model import Position

if TYPE_CHECKING:
    from flowverdict.load.template.evaluate import Evaluator


def field_of(raw: Any, *names: str) -> Any:
    """Returns a field, whatever its case, or one within it; None where there is none."""
    for name in names:
        fields = as_object(raw)
        key = None if fields is None else find_key(fields, name)
        if fields is None or key is None:
            return None
        raw = fields[key]
    return raw


def below(where: Position, step: str) -> Position:
    """Returns a place within another one."""
    return Position(where.file, where.path + step)


def evaluated(evaluator: Evaluator, raw: Any, where: Position, name: str = "") -> Any:
    """Returns a value, or a field of a name that is written so, with its expressions evaluated.

    Raises:
        Unreadable: Azure would refuse an expression in it.
    """
    try:
        return evaluator.value(raw)
    except ExpressionError as problem:
        path = _blamed(evaluator, raw, f"{where.path}.{name}" if name else where.path)
        at = Position(where.file, path)
        raise Unreadable(error(at, "expression", str(problem), problem.expected)) from None


def _blamed(evaluator: Evaluator, raw: Any, path: str) -> str:
    """Returns the path of the part of a value that cannot be evaluated."""
    parts = [(f".{name}", one) for name, one in (as_object(raw) or {}).items()]
    parts += [(f"[{at}]", one) for at, one in enumerate(as_list(raw) or [])]
    for step, one in parts:
        try:
            evaluator.value(one)
        except ExpressionError:
            return _blamed(evaluator, one, path + step)
    return path
