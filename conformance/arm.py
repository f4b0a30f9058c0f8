"""A case's network as an ARM template: literal values, references by `resourceId`.

What Azure makes itself is left out: interfaces of scale-set instances and of private endpoints.
Machines have what the schema asks for, and no more than is needed to read the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.azure import Answers

Json = dict[str, Any]

_SCHEMA: Final = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
_VERSIONS: Final = {"Microsoft.Network": "2024-05-01", "Microsoft.Compute": "2024-07-01"}
_MANAGER: Final = "Microsoft.Network/networkManagers"
_SCALE_SET_PARTS: Final = "Microsoft.Compute/virtualMachineScaleSets/virtualMachines"
_READ_ONLY: Final = frozenset(
    ("provisioningState", "ipConfiguration", "virtualMachine", "instanceView", "connectionStatus")
)
_CHILD_OF_VNET: Final = "virtualNetworkPeerings"
_IMAGE: Final = {
    "publisher": "Canonical",
    "offer": "ubuntu-24_04-lts",
    "sku": "server",
    "version": "latest",
}
_PROFILES: Final[Json] = {
    "osProfile": {
        "computerName": "machine",
        "adminUsername": "operator",
        "linuxConfiguration": {"disablePasswordAuthentication": True},
    },
    "storageProfile": {"imageReference": _IMAGE, "osDisk": {"createOption": "FromImage"}},
}


def made_by_azure(resource: Json) -> bool:
    """Reports whether a resource comes into being at run time and stands in no template."""
    return resource["type"].startswith(_SCALE_SET_PARTS) or "privateEndpoint" in resource.get(
        "properties", {}
    )


def template(answers: Answers) -> Json | None:
    """Returns the template for a case; None where there is a network manager.

    Its configurations count when they are deployed, which is an action: a template cannot say it.
    """
    resources = [one for one in answers.resources if not made_by_azure(one)]
    if any(one["type"] == _MANAGER for one in resources):
        return None
    made = {one["id"]: one for one in answers.resources if made_by_azure(one)}
    known = {one["id"].lower(): one["id"] for one in resources}
    written = [part for one in resources for part in _resource(one, known, made)]
    return {"$schema": _SCHEMA, "contentVersion": "1.0.0.0", "resources": written}


def _resource(resource: Json, known: dict[str, str], made: dict[str, Json]) -> Iterator[Json]:
    """Yields a resource as a template has it, and its peerings as resources of their own."""
    properties: Json = dict(resource.get("properties", {}))
    peerings = properties.pop(_CHILD_OF_VNET, [])
    _complete(resource, properties, made)
    kind: str = resource["type"]
    found: Json = {
        "type": kind,
        "apiVersion": _VERSIONS[kind.partition("/")[0]],
        "name": _name(resource["id"]),
    }
    if "location" in resource:
        found["location"] = resource["location"]
    for key in ("tags", "sku"):
        if key in resource:
            found[key] = resource[key]
    if kind.endswith("virtualMachineScaleSets"):
        found["sku"] = {"name": "Standard_D2s_v5", "tier": "Standard", "capacity": 2}
    if needed := _depends_on(resource["id"], properties, known):
        found["dependsOn"] = [_expression(one) for one in needed]
    found["properties"] = _written(properties)
    yield found
    for one in peerings:
        child = one | {"type": f"{kind}/{_CHILD_OF_VNET}"}
        yield from _resource(child, known, made)


def _complete(resource: Json, properties: Json, made: dict[str, Json]) -> None:
    """Adds what the schema asks for and an answer about the network lacks."""
    kind: str = resource["type"].rpartition("/")[2]
    if kind == "virtualMachines":
        properties["hardwareProfile"] = {"vmSize": "Standard_D2s_v5"}
        properties |= _PROFILES
    elif kind == "virtualMachineScaleSets":
        os = {key: one for key, one in _PROFILES["osProfile"].items() if key != "computerName"}
        profile = {**_PROFILES, "osProfile": {"computerNamePrefix": "machine", **os}}
        properties["virtualMachineProfile"] = profile | properties["virtualMachineProfile"]
        properties["upgradePolicy"] = {"mode": "Automatic"}
    elif kind == "publicIPAddresses":
        properties["publicIPAllocationMethod"] = "Static"
    elif kind == "networkInterfaces":
        properties["ipConfigurations"] = [
            {**one, "properties": one["properties"] | {"privateIPAllocationMethod": "Static"}}
            for one in properties["ipConfigurations"]
        ]
    elif kind == "privateEndpoints":
        reference = properties.pop("networkInterfaces")[0]["id"]
        nic = made[reference]
        address = nic["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"]
        fixed = {"privateIPAddress": address, "groupId": "vault", "memberName": "default"}
        properties["customNetworkInterfaceName"] = nic["name"]
        properties["ipConfigurations"] = [{"name": "fixed", "properties": fixed}]
        vault = "Microsoft.KeyVault/vaults"
        service = f"[resourceId('{vault}', '{resource['name']}')]"
        link = {"privateLinkServiceId": service, "groupIds": ["vault"]}
        properties["privateLinkServiceConnections"] = [{"name": "link", "properties": link}]


def _name(identity: str) -> str:
    return "/".join(identity.rpartition("/providers/")[2].split("/")[2::2])


def _written(value: Any) -> Any:
    """Returns a value as a template has it: nothing read-only, nothing empty, no ids spelt out."""
    if isinstance(value, list):
        return [_written(one) for one in value]
    if isinstance(value, str):
        return _expression(value) if value.startswith("/subscriptions/") else value
    if not isinstance(value, dict):
        return value
    named = "name" in value and "id" in value
    found: Json = {}
    for key, one in value.items():
        if key in _READ_ONLY or one is None or one == [] or (named and key in ("id", "type")):
            continue
        found[key] = _written(one)
    return found


def _owner(identity: str, known: dict[str, str]) -> str:
    """Returns which resource of the template an id leads to, or into; nothing if to none."""
    lowered = identity.lower()
    while lowered:
        if lowered in known:
            return lowered
        lowered = lowered.rpartition("/")[0]
    return ""


def _expression(identity: str) -> str:
    """Returns `[resourceId('TYPE', 'NAME', …)]` for an id."""
    provider, *rest = identity.rpartition("/providers/")[2].split("/")
    words = ["/".join([provider, *rest[0::2]]), *rest[1::2]]
    return f"[resourceId({', '.join(repr(one) for one in words)})]"


def _depends_on(own: str, properties: Json, known: dict[str, str]) -> list[str]:
    """Returns the ids of what has to be there before a resource: what it names, and its parent."""
    parent = own.lower().rsplit("/", 2)[0]
    owners = {_owner(one, known) for one in _ids(properties)} | {parent}
    return sorted(known[one] for one in owners - {own.lower()} if one in known)


def _ids(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            if key not in _READ_ONLY:
                yield from _ids(one)
    elif isinstance(value, list):
        for one in value:
            yield from _ids(one)
    elif isinstance(value, str) and value.startswith("/subscriptions/"):
        yield value
