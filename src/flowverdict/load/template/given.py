"""Values of parameters: of a parameters file, of a deployment, of an outer template."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from flowverdict.load.report import Unreadable, error
from flowverdict.load.template.partial import as_object, unknown
from flowverdict.load.template.raw import below, evaluated, field_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowverdict.load.template.evaluate import Evaluator
    from flowverdict.load.template.scope import Scope
    from flowverdict.model import Position

Given = dict[str, "Callable[[], Any]"]
"""What gives each parameter its value, by name in lower case."""


def given_by(section: Any, where: Position, evaluator: Evaluator | None = None) -> Given:
    """Returns the values in a section ``parameters``.

    Args:
        section: parameters by name, each ``{"value": …}`` or ``{"reference": …}``.
        where: its place.
        evaluator: for expressions in it; None where there are none.
    """
    return {
        name.lower(): partial(_stated, evaluator, raw, below(where, f".{name}"), name)
        for name, raw in (as_object(section) or {}).items()
    }


def _stated(evaluator: Evaluator | None, raw: Any, where: Position, name: str) -> Any:
    fields = {key.lower(): one for key, one in (as_object(raw) or {}).items()}
    if "value" in fields:
        value = fields["value"]
        return value if evaluator is None else evaluated(evaluator, value, where, "value")
    if "reference" in fields:
        return unknown(f"parameter `{name}` is a secret of a key vault", name)
    if "secure" in str(field_of(raw, "type")).lower():  # a deployment does not show it
        return unknown(f"parameter `{name}` is a secret", name)
    raise Unreadable(error(where, "parameters", "no value", "`value` or `reference`"))


def check_given(scope: Scope, where: Position) -> None:
    """Refuses values for parameters that a template does not declare, as Azure does.

    Raises:
        Unreadable: there is one.
    """
    name = scope.undeclared()
    if name is not None:
        what = f"`{name}` is no parameter of `{scope.label}`"
        raise Unreadable(error(where, "parameters", what, "parameters that it declares"))
