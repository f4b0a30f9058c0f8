"""Template functions that make ids of resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flowverdict.load.template.partial import Partial, shown
from flowverdict.load.template.place import Place, joined, replace_value
from flowverdict.load.template.syntax import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowverdict.load.template.scope import Scope


def _split(name: str, values: list[Any]) -> tuple[list[Any], str, list[Any]]:
    """Returns what stands before the type, the type, and the names behind it."""
    for at, one in enumerate(values):
        if isinstance(one, str) and "/" in one and not one.startswith("/"):
            names = [each for value in values[at + 1 :] for each in _segments(value)]
            if len(names) != one.count("/"):
                what = f"`{name}` of `{one}` with {len(names)} names"
                raise ExpressionError(what, f"{one.count('/')}")
            return values[:at], one, names
    raise ExpressionError(f"`{name}` without a resource type", "`Microsoft.Network/…`")


def _segments(value: Any) -> list[Any]:
    """Returns the names in a text such as ``vnet/subnet``, each a mark if it has one."""
    if isinstance(value, Partial):
        return [Partial(value.what, one) if "{" in one else one for one in value.text.split("/")]
    return shown(value).split("/")


def _resource_id(scope: Scope, values: list[Any]) -> Any:
    before, kind, names = _split("resourceId", values)
    place = replace_value(scope.place, kind="group")
    if scope.place.kind == "subscription" and not before:
        place = scope.place
    if len(before) == 2:
        place = place.inside(*before)
    elif before:
        place = place.inside(None, before[0])
    return place.resource(kind, names)


def _subscription_id(scope: Scope, values: list[Any]) -> Any:
    before, kind, names = _split("subscriptionResourceId", values)
    place = replace_value(scope.place, kind="subscription")
    return place.inside(before[0] if before else None, None).resource(kind, names)


def _tenant_id(_scope: Scope, values: list[Any]) -> Any:
    _, kind, names = _split("tenantResourceId", values)
    return Place("tenant").resource(kind, names)


def _management_group_id(scope: Scope, values: list[Any]) -> Any:
    before, kind, names = _split("managementGroupResourceId", values)
    place = replace_value(scope.place, kind="management-group")
    if before:
        place = replace_value(place, management_group=before[0])
    return place.resource(kind, names)


def _extension_id(_scope: Scope, values: list[Any]) -> Any:
    of, *others = values
    _, kind, names = _split("extensionResourceId", others)
    return joined([of, Place("tenant").resource(kind, names).lstrip("/")])


IDENTITY: Final[dict[str, Callable[[Scope, list[Any]], Any]]] = {
    "extensionresourceid": _extension_id,
    "managementgroupresourceid": _management_group_id,
    "resourceid": _resource_id,
    "subscriptionresourceid": _subscription_id,
    "tenantresourceid": _tenant_id,
}
"""What each function does; its name in lower case."""
