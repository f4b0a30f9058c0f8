"""What ``reference()`` tells of a resource: what the template says of it, and Azure adds to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowverdict.load.template.partial import Opened, Partial, as_list, as_object, shown

if TYPE_CHECKING:
    from flowverdict.load.template.expand import Instance

Json = dict[str, Any]


def state_of(instance: Instance, *, whole: bool) -> Opened | None:
    """Returns what is known of a resource after its deployment; None where that is nothing.

    Args:
        instance: the resource.
        whole: with what stands beside its ``properties``.
    """
    name = instance.id.name
    what = f"state of `{name}` after deployment"
    text = f"reference('{name}')"
    known: Json = {}
    if instance.is_deployment:
        if instance.inner is not None:
            known["outputs"] = _open(instance.inner.outputs(), what, f"{text}.outputs")
    elif instance.is_existing:
        return None
    else:
        properties = as_object(instance.value.get("properties")) or {}
        properties = {key: _with_ids(one, instance, key) for key, one in properties.items()}
        known = {key: _open(one, what, f"{text}.{key}") for key, one in properties.items()}
    if whole and not instance.is_deployment:
        top = {key: one for key, one in instance.value.items() if key != "properties"}
        known = {**top, "properties": Opened(what, _braced(text), known)}
    return Opened(what, _braced(text), known)


def _with_ids(value: Any, instance: Instance, name: str) -> Any:
    """Returns a list of parts, such as subnets, with the ids that Azure gives them."""
    found: list[Any] = []
    for one in as_list(value) or []:
        part = as_object(one)
        if part is None or not {"name", "properties"} <= part.keys():
            return value
        identity = f"{instance.id}/{name}/{shown(part['name'])}"
        what = f"id of `{instance.id.name}`"
        found.append({**part, "id": Partial(what, identity) if "{" in identity else identity})
    return found or value


def _open(value: Any, what: str, text: str) -> Any:
    """Returns a value in which every object may have more fields than are known."""
    if (fields := as_object(value)) is not None:
        known = {name: _open(one, what, f"{text}.{name}") for name, one in fields.items()}
        return Opened(what, _braced(text), known)
    if (elements := as_list(value)) is not None:
        return [_open(one, what, f"{text}[{at}]") for at, one in enumerate(elements)]
    return value


def _braced(text: str) -> str:
    return "{" + text.replace("/", "|") + "}"
