"""The envelope that Azure Resource Manager puts around every resource."""

from __future__ import annotations

from collections.abc import Sequence

from flowverdict.demo.plan.names import Json, Place, guid


def etag(resource_id: str) -> str:
    """The etag of a resource, the same as long as its id is."""
    return f'W/"{guid("etag", resource_id)}"'


def resource(
    kind: str,
    place: Place,
    name: str,
    properties: dict[str, Json],
    *,
    tags: dict[str, Json] | None = None,
    sku: dict[str, Json] | None = None,
) -> dict[str, Json]:
    """A tracked resource: envelope, provisioning state, properties."""
    resource_id = place.id(kind, name)
    body: dict[str, Json] = {
        "name": name,
        "id": resource_id,
        "etag": etag(resource_id),
        "type": kind,
        "location": place.region,
    }
    if tags is not None:
        body["tags"] = tags
    if sku is not None:
        body["sku"] = sku
    guid_of = guid("resource", resource_id)
    body["properties"] = {"provisioningState": "Succeeded", "resourceGuid": guid_of, **properties}
    return body


def child(
    parent: str, kind: str, collection: str, name: str, properties: dict[str, Json]
) -> dict[str, Json]:
    """A child resource, with its parent's etag."""
    return {
        "name": name,
        "id": f"{parent}/{collection}/{name}",
        "etag": etag(parent),
        "type": f"{kind}/{collection}",
        "properties": {"provisioningState": "Succeeded", **properties},
    }


def refs(ids: Sequence[str]) -> Json:
    """References by id."""
    return [{"id": each} for each in ids]
