"""A case's network as an ARM template: literal values, references by `resourceId`.

What stands in no template is left out: interfaces that Azure makes (of scale-set instances and of
private endpoints) and deployments of network managers, which are actions. Machines have what the
schema asks for, and no more than is needed to read the network.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.azure import Answers

Json = dict[str, Any]

_SCHEMA: Final = "https://schema.management.azure.com/schemas"
_GROUP_SCHEMA: Final = f"{_SCHEMA}/2019-04-01/deploymentTemplate.json#"
_SUBSCRIPTION_SCHEMA: Final = f"{_SCHEMA}/2018-05-01/subscriptionDeploymentTemplate.json#"
_VERSIONS: Final = {
    "Microsoft.Network": "2024-05-01",
    "Microsoft.Compute": "2024-07-01",
    "Microsoft.Authorization": "2023-04-01",
}
_SCALE_SET_PARTS: Final = "Microsoft.Compute/virtualMachineScaleSets/virtualMachines"
_READ_ONLY: Final = frozenset(
    ("provisioningState", "ipConfiguration", "virtualMachine", "instanceView", "connectionStatus")
)
_GROUP: Final = re.compile(r"/resourceGroups/([^/]+)")
_SUBSCRIPTION: Final = re.compile(r"/subscriptions/[^/]+")
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


def templates(answers: Answers) -> dict[str, Json]:
    """Returns the templates for a case: that of its resource group, and of policies if it has some.

    The keys are file names.
    """
    resources = [one for one in answers.resources if not made_by_azure(one)]
    made = {one["id"]: one for one in answers.resources if made_by_azure(one)}
    policies = [one for one in resources if one["type"].startswith("Microsoft.Authorization/")]
    others = [one for one in resources if one not in policies]
    found = {"azuredeploy.json": _template(_GROUP_SCHEMA, others, made)}
    if policies:
        found["policies.json"] = _template(_SUBSCRIPTION_SCHEMA, policies, made)
    return found


def _template(schema: str, resources: list[Json], made: dict[str, Json]) -> Json:
    group = "rg" if schema == _GROUP_SCHEMA else ""
    known = {one["id"].lower(): one["id"] for one in resources}
    written = [part for one in resources for part in _resource(one, known, made, group)]
    return {"$schema": schema, "contentVersion": "1.0.0.0", "resources": written}


def _resource(
    resource: Json, known: dict[str, str], made: dict[str, Json], group: str
) -> Iterator[Json]:
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
    for key in ("tags", "sku", "kind"):
        if key in resource:
            found[key] = resource[key]
    if kind.endswith("virtualMachineScaleSets"):
        found["sku"] = {"name": "Standard_D2s_v5", "tier": "Standard", "capacity": 2}
    if needed := _depends_on(resource["id"], properties, known):
        found["dependsOn"] = [_expression(one, group) for one in needed]
    found["properties"] = _written(properties, group)
    yield found
    for one in peerings:
        child = one | {"type": f"{kind}/{_CHILD_OF_VNET}"}
        yield from _resource(child, known, made, group)


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


def _written(value: Any, group: str) -> Any:
    """Returns a value as a template has it: nothing read-only, nothing empty, no ids spelt out."""
    if isinstance(value, list):
        return [_written(one, group) for one in value]
    if isinstance(value, str):
        return _reference(value, group)
    if not isinstance(value, dict):
        return value
    named = "name" in value and "id" in value
    found: Json = {}
    for key, one in value.items():
        if key in _READ_ONLY or one is None or one == [] or (named and key in ("id", "type")):
            continue
        found[key] = _written(one, group)
    return found


def _reference(text: str, group: str) -> str:
    if not text.startswith("/subscriptions/"):
        return text
    return "[subscription().id]" if _SUBSCRIPTION.fullmatch(text) else _expression(text, group)


def _owner(identity: str, known: dict[str, str]) -> str:
    """Returns which resource of the template an id leads to, or into; nothing if to none."""
    lowered = identity.lower()
    while lowered:
        if lowered in known:
            return lowered
        lowered = lowered.rpartition("/")[0]
    return ""


def _expression(identity: str, group: str) -> str:
    """Returns `[resourceId('TYPE', 'NAME', …)]` for an id.

    Args:
        identity: the id.
        group: the resource group that the template is deployed to; empty for a subscription.
    """
    provider, *rest = identity.rpartition("/providers/")[2].split("/")
    words = ["/".join([provider, *rest[0::2]]), *rest[1::2]]
    of = _group_of(identity)
    if of and of != group:
        words.insert(0, of)
    function = "resourceId" if of else "subscriptionResourceId"
    return f"[{function}({', '.join(repr(one) for one in words)})]"


def _group_of(identity: str) -> str:
    found = _GROUP.search(identity)
    return found[1] if found else ""


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
