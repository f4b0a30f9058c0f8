"""The last step from a template's resource to one as an export has it."""

from __future__ import annotations

from typing import Any, Final

from flowverdict.load.kinds import LISTS
from flowverdict.load.template.partial import Partial, as_list, as_object

Json = dict[str, Any]

_RULES: Final = ("/securityrules", "/rulecollections/rules")
_IGNORED: Final = frozenset({"location", "tags", "metadata"})
"""Fields that a template may give a rule, which has none."""


def finished(value: Any, key: str = "") -> Any:
    """Returns a value in which names and ids are texts, with what is not known in braces.

    References by the same expression then meet, as ids of resources that are not in the estate.
    Parts of one list that have the same expression for a name stay without one: it is not known
    whether they are one.
    """
    if (fields := as_object(value)) is not None:
        return {name: finished(one, name) for name, one in fields.items()}
    if (elements := as_list(value)) is not None:
        names = [_name(one) for one in elements]
        return [
            {**finished(one, key), "name": name}
            if isinstance(name, Partial) and names.count(name) > 1
            else finished(one, key)
            for one, name in zip(elements, names, strict=True)
        ]
    if isinstance(value, Partial):
        if value.text.startswith(("/subscriptions/", "/providers/")):
            return value.text
        if key.lower() == "id":
            return f"/(not known)/id/{value.text}"
        if key.lower() == "name":
            return value.text
    return value


def _name(part: Any) -> Any:
    fields = as_object(part)
    return None if fields is None else fields.get("name")


def completed(kind: str, value: Json) -> Json:
    """Returns a resource as an export has it: with empty lists, without what Azure ignores."""
    if kind.endswith(_RULES):
        value = {name: one for name, one in value.items() if name.lower() not in _IGNORED}
    inner = value.get("properties")
    fields = {} if inner is None else as_object(inner)
    if kind not in LISTS or fields is None:
        return value
    kept = {name: one for name, one in fields.items() if one is not None}
    present = {name.lower() for name in kept}
    for name in LISTS[kind]:
        if name.lower() not in present:
            kept[name] = []
    return {**value, "properties": kept}
