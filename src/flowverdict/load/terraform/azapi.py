"""The azapi provider's resources: bodies of Azure's REST API as they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, cast

from flowverdict.load.terraform.types import (
    ASGS,
    NETWORK_GROUPS,
    NICS,
    NSGS,
    PUBLIC_IPS,
    ROUTE_TABLES,
    SUBNETS,
    VNETS,
)
from flowverdict.load.terraform.values import Json
from flowverdict.load.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.load.terraform.plan import Instance
    from flowverdict.load.terraform.world import World

_REFERENCES: Final = {
    "networksecuritygroup": NSGS,
    "routetable": ROUTE_TABLES,
    "subnet": SUBNETS,
    "remotevirtualnetwork": VNETS,
    "publicipaddress": PUBLIC_IPS,
    "networkinterfaces": NICS,
    "applicationsecuritygroups": ASGS,
    "sourceapplicationsecuritygroups": ASGS,
    "destinationapplicationsecuritygroups": ASGS,
    "networkgroupid": NETWORK_GROUPS,
}
"""What the fields of a body refer to, by name in lower case."""


def body_of(world: World, of: Instance) -> Json | None:
    """Returns a resource's body; None for a data source that does not have it."""
    given = _decoded(of.values.get("output" if of.mode == "data" else "body"))
    if of.mode == "data" and (not isinstance(given, dict) or "properties" not in given):
        return None
    if isinstance(given, Unknown):
        given = {"properties": given}
    told = cast("Json", given) if isinstance(given, dict) else {}
    found = cast("Json", _resolved(world, of, told, ""))
    for name in ("location", "tags"):
        if (value := of.values.get(name)) is not None:
            found.setdefault(name, value)
    return found


def _decoded(given: Any) -> Any:
    """Returns a body, which is an object, or the text of one in older versions of the provider."""
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except ValueError:
        return Unknown("`body` is no JSON")


def _resolved(world: World, of: Instance, value: Any, key: str) -> Any:
    """Returns a body in which ids that are known after apply are those of what is referred to."""
    if isinstance(value, dict):
        fields = cast("Json", value).items()
        inner = {
            name: _resolved(world, of, one, key if name.lower() == "id" else name.lower())
            for name, one in fields
        }
        return inner["id"] if isinstance(inner.get("id"), Unknown) else inner
    if isinstance(value, list):
        return [_resolved(world, of, one, key) for one in cast("list[Any]", value)]
    if isinstance(value, Unknown) and key in _REFERENCES:
        origin = world.origin(of, ("body",), _REFERENCES[key].lower())
        return world.id_of(origin.sure) if origin.sure else value
    return value


def taken(contents: Json, name: str) -> Iterator[Json]:
    """Takes a list out of a body's properties, and leaves an empty one; yields its objects."""
    properties = contents.setdefault("properties", {})
    if not isinstance(properties, dict):
        return
    fields = cast("Json", properties)
    inner = fields.get(name)
    if isinstance(inner, Unknown):
        return  # it stays, and makes the resource unknown
    fields[name] = []
    for one in cast("list[Any]", inner) if isinstance(inner, list) else ():
        if isinstance(one, dict):
            yield cast("Json", one)


def merged(below: Any, above: Any) -> Any:
    """Returns a body over which another one is laid, field by field.

    Bodies of azurerm resources have no ``properties``: there the fields stand beside the name.
    """
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    fields = dict(cast("Json", below))
    laid = dict(cast("Json", above))
    if "properties" not in fields and isinstance(laid.get("properties"), dict):
        laid |= laid.pop("properties")
    for name, value in laid.items():
        fields[name] = merged(fields[name], value) if name in fields else value
    return fields


def commit(of: Instance) -> Json | None:
    """Returns the body of a commit of a network manager; None for another action."""
    if str(of.values.get("action", "")).lower() != "commit":
        return None
    given = _decoded(of.values.get("body"))
    return dict(cast("Json", given)) if isinstance(given, dict) else None
