"""The resources of a plan or state, one for each address, with what is not known yet.

The form is Terraform's documented JSON output (`terraform show -json`); OpenTofu writes the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from flowverdict.load.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.load.node import Node

NOT_YET: Final = Unknown("known after apply")
Json = dict[str, Any]


def part(value: Any, *names: str) -> Json:
    """Returns an object inside of objects; an empty one where there is none."""
    for name in names:
        value = cast("Json", value).get(name) if isinstance(value, dict) else None
    return cast("Json", value) if isinstance(value, dict) else {}


def parts(value: Any, name: str) -> list[Json]:
    """Returns the objects of a list inside of an object; none where there is no list."""
    found = part(value).get(name)
    some = cast("list[Any]", found) if isinstance(found, list) else []
    return [cast("Json", one) for one in some if isinstance(one, dict)]


@dataclass(slots=True)
class Instance:
    """A resource or data source.

    Attributes:
        address: Terraform's, such as ``module.net.azurerm_subnet.web["a"]``.
        module: the address of its module; empty for the root.
        index: its key in ``count`` or ``for_each``; None without either.
        values: its attributes; ``Unknown`` stands for what is known after apply.
    """

    address: str
    module: str
    type: str
    name: str
    index: int | str | None
    is_data: bool
    values: Json = field(default_factory=dict[str, Any])

    @property
    def plain(self) -> str:
        """What references call it inside its module."""
        return f"{'data.' if self.is_data else ''}{self.type}.{self.name}"


def planned(document: Node) -> list[Instance]:
    """Returns what is there after a plan, or in a state."""
    value: Json = document.value
    if "planned_values" not in value:
        return list(_instances(_root(value, "values")))
    found = list(_instances(_root(value, "planned_values")))
    changes = {one["address"]: one for one in _changes(value)}
    for one in found:
        change = changes.get(one.address)
        if change is not None:
            one.values = _with_unknown(one.values, change["change"].get("after_unknown"))
    return [*found, *(one for one in before(document) if one.is_data)]


def before(document: Node) -> list[Instance]:
    """Returns what was there before a plan, data sources among it."""
    return list(_instances(_root(part(document.value, "prior_state"), "values")))


def deleted(document: Node) -> Iterator[Instance]:
    """Yields what a plan removes, or removes to make it anew."""
    left = {one.address for one in planned(document)}
    for one in before(document):
        if not one.is_data and one.address not in left:
            yield one
    for change in _changes(document.value):
        if {"delete", "create"} <= set(change["change"].get("actions") or ()):
            old = part(change, "change", "before")
            if old:
                yield Instance(
                    address=change["address"],
                    module="",
                    type=change["type"],
                    name=change["name"],
                    index=None,
                    is_data=False,
                    values=old,
                )


def _changes(value: Json) -> list[Json]:
    return [one for one in parts(value, "resource_changes") if one.get("change")]


def _root(value: Json, name: str) -> Json:
    """Returns the root module; an empty one where nothing is there.

    Raises:
        TypeError: something else stands in its place.
    """
    values: Any = value.get(name) or {}
    root: Any = values
    if isinstance(values, dict):
        root = cast("Json", values).get("root_module", {})
    if not isinstance(root, dict):
        raise TypeError(name)
    return cast("Json", root)


def _instances(module: Json) -> Iterator[Instance]:
    for one in parts(module, "resources"):
        told = one["address"], one["type"], one["name"], module.get("address", "")
        if not all(isinstance(text, str) and text.isprintable() for text in told):
            raise TypeError(told)
        yield Instance(
            address=one["address"],
            module=module.get("address", ""),
            type=one["type"],
            name=one["name"],
            index=one.get("index"),
            is_data=one.get("mode") == "data",
            values=dict(part(one, "values")),
        )
    for child in parts(module, "child_modules"):
        yield from _instances(child)


def _with_unknown(value: Any, unknown: Any) -> Any:
    """Returns a value with a mark wherever the plan says that it is known after apply."""
    if unknown is True:
        return NOT_YET
    if isinstance(unknown, dict):
        known = cast("Json", value) if isinstance(value, dict) else {}
        marks = cast("Json", unknown)
        return {
            name: _with_unknown(known.get(name), marks.get(name))
            for name in dict.fromkeys((*known, *marks))
        }
    if isinstance(unknown, list) and isinstance(value, list):
        marked = cast("list[Any]", unknown)
        values = cast("list[Any]", value)
        rest = [None] * (len(values) - len(marked))
        return [_with_unknown(a, b) for a, b in zip(values, [*marked, *rest], strict=False)]
    return value
