"""The forms in which people export Azure: as az prints it, as REST answers, as Resource Graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from flowverdict.demo.plan.names import Json


def rest_list(resources: Iterable[Json]) -> Json:
    """The answer of a list request."""
    return {"value": list(resources)}


def cli_list(resources: Iterable[Json]) -> Json:
    """What `az … list -o json` prints."""
    return [as_cli(each) for each in resources]


def as_cli(value: Json) -> Json:
    """What az makes of an answer.

    The fields of `properties` move up beside `id`, every id brings a `resourceGroup`, and the keys
    are sorted.
    """
    if isinstance(value, Mapping):
        inner = value.get("properties")
        flat = {key: each for key, each in value.items() if key != "properties"}
        if isinstance(inner, Mapping):
            flat |= inner
        resource_id = value.get("id")
        if isinstance(resource_id, str) and (group := _resource_group(resource_id)):
            flat["resourceGroup"] = group
        return {key: as_cli(flat[key]) for key in sorted(flat)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [as_cli(each) for each in value]
    return value


def resource_graph(resources: Iterable[Mapping[str, Json]], tenant: str) -> Json:
    """What `az graph query` prints for the rows of the Resources table."""
    rows = [_row(each, tenant) for each in resources]
    return {"count": len(rows), "data": rows, "skip_token": None, "total_records": len(rows)}


def _row(resource: Mapping[str, Json], tenant: str) -> Json:
    """A row: lower-case type and resource group, the properties as they were."""
    resource_id, kind = str(resource["id"]), str(resource["type"])
    return {
        "extendedLocation": None,
        "id": resource_id,
        "identity": None,
        "kind": str(resource.get("kind", "")),
        "location": resource["location"],
        "managedBy": "",
        "name": resource["name"],
        "plan": None,
        "properties": resource["properties"],
        "resourceGroup": (_resource_group(resource_id) or "").lower(),
        "sku": resource.get("sku"),
        "subscriptionId": resource_id.split("/")[2],
        "tags": resource.get("tags"),
        "tenantId": tenant,
        "type": kind.lower(),
        "zones": None,
    }


def _resource_group(resource_id: str) -> str | None:
    words = resource_id.split("/")
    return words[4] if len(words) > 4 and words[3].lower() == "resourcegroups" else None
