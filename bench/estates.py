"""Reads off an estate on disk what a benchmark needs to know, without FlowVerdict's own loader."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Nic:
    """A NIC that can be asked about."""

    id: str
    address: str


def files(folder: Path) -> list[Path]:
    """The JSON files of an estate."""
    return sorted(folder.rglob("*.json"))


def resources(folder: Path, collection: str) -> Iterator[dict[str, Any]]:
    """The resources of one kind (`networkInterfaces`), each once, in whatever list they stand."""
    seen: set[str] = set()
    for path in files(folder):
        for found in _objects(json.loads(path.read_bytes())):
            resource_id = str(found.get("id", "")).lower()
            if resource_id.split("/")[-2:-1] == [collection.lower()] and resource_id not in seen:
                seen.add(resource_id)
                yield found


def nics(folder: Path) -> list[Nic]:
    """All NICs with a private address, flattened as `az` prints them or with `properties`."""
    found: list[Nic] = []
    for nic in resources(folder, "networkInterfaces"):
        for configuration in _properties(nic).get("ipConfigurations", []):
            address = _properties(configuration).get("privateIPAddress")
            if address:
                found.append(Nic(nic["id"], address))
                break
    return found


def _properties(resource: dict[str, Any]) -> dict[str, Any]:
    return resource.get("properties", resource)


def _objects(content: object) -> Iterator[dict[str, Any]]:
    """The resources of one file: a single object, a list, or a `value` or `data` list."""
    match content:
        case {"value": [*items]} | {"data": [*items]}:
            yield from _objects(items)
        case [*items]:
            for item in items:
                yield from _objects(item)
        case dict():
            yield content
        case _:
            pass
