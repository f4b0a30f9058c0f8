"""Plans as `terraform show -json` prints them, put together of their resources at two moments."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import flowverdict
from flowverdict.model import Estate
from tests.load.terraform.states import resource

Json = dict[str, Any]

SUBSCRIPTION = "/subscriptions/s"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg"
NETWORK = f"{GROUP}/providers/Microsoft.Network"
IN_GROUP = {"resource_group_name": "rg", "location": "eastus"}


def plan_of(
    before: list[Json],
    after: list[Json],
    *,
    unknown: Json | None = None,
    configuration: Json | None = None,
    actions: Json | None = None,
    **more: Any,
) -> Json:
    """Return a plan that leads from some resources to others.

    Args:
        before: resources, also data sources, as they are.
        after: resources as they would be; those of `before` that are missing are deleted.
        unknown: by address what is known after apply: `after_unknown`.
        configuration: the root module's.
        actions: by address what is done, where it does not follow.
        more: other members of the document.
    """
    old = {one["address"]: one for one in before if one["mode"] == "managed"}
    new = {one["address"]: one for one in after}
    changes = [
        _change(address, old.get(address), new.get(address), unknown or {}, actions or {})
        for address in {**old, **new}
    ]
    return {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "planned_values": _in_modules(after),
        "resource_changes": changes,
        "prior_state": {"format_version": "1.0", "values": _in_modules(before)},
        "configuration": {"root_module": configuration or {}},
        **more,
    }


def _change(address: str, old: Json | None, new: Json | None, unknown: Json, actions: Json) -> Json:
    one = new or old
    assert one is not None
    open_ = unknown.get(address, {})
    told = ["update"]
    if old is None:
        told = ["create"]
    elif new is None:
        told = ["delete"]
    elif old["values"] == new["values"] and not open_:
        told = ["no-op"]
    return {
        **{key: value for key, value in one.items() if key != "values"},
        "module_address": module_of(one),
        "change": {
            "actions": actions.get(address, told),
            "before": old["values"] if old else None,
            "after": new["values"] if new else None,
            "after_unknown": open_ if new else {},
        },
    }


def module_of(one: Json) -> str:
    """Return the address of the module that a resource stands in."""
    head = f"data.{one['type']}." if one["mode"] == "data" else f"{one['type']}."
    return one["address"].rpartition(head)[0].rstrip(".")


def _in_modules(resources: list[Json]) -> Json:
    modules: dict[str, list[Json]] = {}
    for one in resources:
        modules.setdefault(module_of(one), []).append(one)
    return {
        "root_module": {
            "resources": modules.pop("", []),
            "child_modules": [
                {"address": name, "resources": some} for name, some in modules.items()
            ],
        }
    }


def data(kind: str, label: str, **values: Any) -> Json:
    """Return a data source."""
    found = resource(kind, label, **values)
    return {**found, "mode": "data", "address": f"data.{found['address']}"}


def inside(module: str, one: Json) -> Json:
    """Return a resource of a module."""
    return {**one, "address": f"{module}.{one['address']}"}


def configured(kind: str, name: str, *, by: Json | None = None, **expressions: Any) -> Json:
    """Return a resource of the configuration; `by` is what repeats it."""
    return {
        "address": f"{kind}.{name}",
        "mode": "managed",
        "type": kind,
        "name": name,
        "provider_config_key": "azurerm",
        "expressions": expressions,
        **(by or {}),
    }


def refers(*references: str) -> Json:
    """Return an expression, each reference with the shorter ones that Terraform lists behind it."""
    return {"references": [found for one in references for found in _listed(one)]}


def _listed(reference: str) -> list[str]:
    """A reference, the instance that it is of, and the resource, or the module, that it is of."""
    head = reference.partition(".")[0]
    if head in ("var", "local", "each", "count"):
        return [reference]
    kept = re.match(r"(?:data\.)?[^.\[]+\.[^.\[]+", reference)
    whole = kept[0] if kept else reference
    if head == "module":  # what follows it are its key and an output
        return list(dict.fromkeys([reference, re.split(r"\.(?![^\[]*\]|[^.]*$)", reference)[0]]))
    found = [reference]
    rest = reference[len(whole) :]
    if rest.startswith("[") and "]" in rest:
        found.append(whole + rest[: rest.index("]") + 1])
    found.append(whole)
    return list(dict.fromkeys(found))


def rule(name: str, port: str = "3389", priority: int = 100, **more: Any) -> Json:
    """Return the attributes of an Allow rule from the internet."""
    return {
        "name": name,
        "priority": priority,
        "direction": "Inbound",
        "access": "Allow",
        "protocol": "Tcp",
        "source_port_range": "*",
        "destination_port_range": port,
        "source_address_prefix": "*",
        "destination_address_prefix": "*",
        **more,
    }


def nsg(name: str = "n", rules: list[Json] | None = None, **more: Any) -> Json:
    """Return an NSG with the rules that the provider saw in it."""
    return resource(
        "azurerm_network_security_group",
        name,
        id=f"{NETWORK}/networkSecurityGroups/{name}",
        name=name,
        security_rule=rules or [],
        **{**IN_GROUP, **more},
    )


def rule_apart(one: Json, group: str = "n") -> Json:
    """Return a rule that is a resource of its own."""
    return resource(
        "azurerm_network_security_rule",
        one["name"].lower(),
        id=f"{NETWORK}/networkSecurityGroups/{group}/securityRules/{one['name']}",
        resource_group_name="rg",
        network_security_group_name=group,
        **one,
    )


def vnet(name: str = "v", **more: Any) -> Json:
    """Return a virtual network."""
    values = {
        "id": f"{NETWORK}/virtualNetworks/{name}",
        "name": name,
        "address_space": ["10.0.0.0/16"],
        "subnet": [],
        **IN_GROUP,
        **more,
    }
    return resource("azurerm_virtual_network", name, **values)


def subnet(name: str = "s", prefix: str = "10.0.1.0/24", network: str = "v") -> Json:
    """Return a subnet that is a resource of its own."""
    return resource(
        "azurerm_subnet",
        name,
        id=f"{NETWORK}/virtualNetworks/{network}/subnets/{name}",
        name=name,
        address_prefixes=[prefix],
        resource_group_name="rg",
        virtual_network_name=network,
    )


def tied(name: str = "s", group: str = "n", network: str = "v") -> Json:
    """Return what attaches an NSG to a subnet."""
    place = f"{NETWORK}/virtualNetworks/{network}/subnets/{name}"
    return resource(
        "azurerm_subnet_network_security_group_association",
        name,
        id=place,
        subnet_id=place,
        network_security_group_id=f"{NETWORK}/networkSecurityGroups/{group}",
    )


def nic(
    name: str = "nic", at: str | None = "10.0.1.4", place: str = "s", network: str = "v"
) -> Json:
    """Return an interface."""
    subnet_id = f"{NETWORK}/virtualNetworks/{network}/subnets/{place}"
    return resource(
        "azurerm_network_interface",
        name,
        id=f"{NETWORK}/networkInterfaces/{name}",
        name=name,
        ip_configuration=[{"name": "main", "private_ip_address": at, "subnet_id": subnet_id}],
        **IN_GROUP,
    )


def load(tmp_path: Path, document: Json, **more: Any) -> Estate:
    """Load a document, and what is given beside it as `change` or `export`."""
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(document))
    return flowverdict.load_estate(path, **more)


def laid_over(tmp_path: Path, export: list[Json], document: Json) -> Estate:
    """Load an export of Azure with a plan laid over it."""
    (tmp_path / "export.json").write_text(json.dumps(export))
    (tmp_path / "plan.json").write_text(json.dumps(document))
    return flowverdict.load_estate(tmp_path / "export.json", change=tmp_path / "plan.json")


def ask(
    estate: Estate,
    port: int = 3389,
    *,
    name: str = "nic",
    local: str = "10.0.1.4",
    remote: str = "203.0.113.7",
) -> flowverdict.Verdict:
    """Ask whether a packet over TCP may come in."""
    return flowverdict.verify(
        estate, nic=name, direction="Inbound", protocol="TCP",
        local=f"{local}:{port}", remote=remote,
    )  # fmt: skip
