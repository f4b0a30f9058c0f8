"""Edits of rules as text: for the Azure CLI, as an ARM template, and for Terraform."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Final

from flowverdict.impact import exception_text, hcl
from flowverdict.impact.cure_edit import NSG, NSG_RULE, STOPS, by_owner, edited, nsg_resource
from flowverdict.impact.usage_text import as_arm, as_terraform
from flowverdict.impact.usage_text import as_az as as_az_update
from flowverdict.net import format_ports

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from flowverdict.impact.cure_edit import Edit
    from flowverdict.model import Estate, ResourceId, Rule

_SCHEMA: Final = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
_VERSION: Final = "2024-05-01"


def as_az(edits: Sequence[Edit], regions: Iterable[str] = ()) -> str:
    """Returns the commands of the Azure CLI, one below the other.

    Args:
        edits: what is done.
        regions: where configurations of admin rules have to be committed.
    """
    return "\n".join([*map(_az, edits), *_commits(edits, regions)])


def _az(edit: Edit) -> str:
    rule = edit.rule
    if edit.is_admin:
        return exception_text.as_az(rule)
    if edit.new is None:
        return f"az network nsg rule delete {_of(edit.owner)} --name {shlex.quote(rule.name)}"
    if edit.old is not None:
        return as_az_update(edit.owner, edit.old, edit.new)
    fields = as_arm(rule)["properties"]
    words = [
        f"az network nsg rule create {_of(edit.owner)}",
        f"--name {shlex.quote(rule.name)} --priority {rule.priority}",
        f"--direction {rule.direction.value} --access {rule.access.value}",
        f"--protocol {shlex.quote(fields['protocol'])}",
        f"--source-address-prefixes {shlex.join(rule.source.texts)} --source-port-ranges '*'",
        f"--destination-address-prefixes {shlex.join(rule.destination.texts)}",
        f"--destination-port-ranges {shlex.join(format_ports(rule.destination_ports))}",
    ]
    return " \\\n  ".join(words)


def _of(nsg: ResourceId) -> str:
    group, name = shlex.quote(nsg.resource_group), shlex.quote(nsg.name)
    return f"--subscription {nsg.subscription} \\\n  --resource-group {group} --nsg-name {name}"


def _commits(edits: Iterable[Edit], regions: Iterable[str]) -> list[str]:
    """Returns what puts changed configurations in force: nothing of them counts before that."""
    configurations = sorted({one.owner.parent for one in edits if one.is_admin})
    return [
        " \\\n  ".join(
            [
                f"az network manager post-commit --subscription {one.subscription}",
                f"--resource-group {shlex.quote(one.resource_group)}",
                f"--network-manager-name {shlex.quote(one.parent.name)}",
                "--commit-type SecurityAdmin",
                f"--configuration-ids {shlex.quote(str(one))}",
                f"--target-locations {shlex.join(regions)}",
            ]
        )
        for one in configurations
    ]


def as_template(estate: Estate, edits: Sequence[Edit]) -> dict[str, Any]:
    """Returns an ARM template for the resource group of the NSGs, or of the network manager.

    A deployment takes no rule away: an NSG that loses one stands in it as a whole.
    """
    found: list[dict[str, Any]] = []
    for owner, some in by_owner(edits).items():
        if any(one.new is None for one in some):
            whole = nsg_resource(edited(estate, some).resources.nsgs[owner])
            found.append(
                {
                    "type": NSG,
                    "apiVersion": _VERSION,
                    "name": owner.name,
                    "location": "[resourceGroup().location]",
                    "properties": {
                        "securityRules": [
                            {name: rule[name] for name in ("name", "properties")}
                            for rule in whole["properties"]["securityRules"]
                        ]
                    },
                }
            )
            continue
        found += [_resource(one.rule, is_admin=one.is_admin) for one in some]
    return {"$schema": _SCHEMA, "contentVersion": "1.0.0.0", "resources": found}


def _resource(rule: Rule, *, is_admin: bool) -> dict[str, Any]:
    if not is_admin:
        kind, properties = NSG_RULE, as_arm(rule)["properties"]
        name = f"{rule.id.parent.name}/{rule.name}"
        return {"type": kind, "apiVersion": _VERSION, "name": name, "properties": properties}
    whole = exception_text.as_resource(rule, STOPS)
    collection = rule.id.parent
    parents = (collection.parent.parent, collection.parent, collection)
    return {
        "type": whole["type"],
        "apiVersion": _VERSION,
        "name": "/".join([*(one.name for one in parents), rule.name]),
        "kind": whole["kind"],
        "properties": whole["properties"],
    }


def as_hcl(edits: Iterable[Edit]) -> str:
    """Returns the rules as resources of Terraform's provider azurerm."""
    return "\n\n".join(map(_hcl_of, edits))


def _hcl_of(edit: Edit) -> str:
    if edit.is_admin:
        return _admin_hcl(edit.rule)
    if edit.new is None:
        return (
            f"# take away from the configuration: the rule {edit.rule.name} of {edit.owner.name},\n"
            f"# a resource azurerm_network_security_rule, or a block security_rule of the NSG\n"
            f"# {edit.rule.id}"
        )
    return as_terraform(edit.owner, edit.new)


def _admin_hcl(rule: Rule) -> str:
    body = exception_text.as_resource(rule, STOPS)["properties"]
    fields = {
        "name": rule.name,
        "admin_rule_collection_id": str(rule.id.parent),
        "action": body["access"],
        "description": body["description"],
        "direction": body["direction"],
        "priority": body["priority"],
        "protocol": body["protocol"],
        "source_port_ranges": body["sourcePortRanges"],
        "destination_port_ranges": body["destinationPortRanges"],
    }
    sides = (
        (name, {"address_prefix_type": one["addressPrefixType"],
                "address_prefix": one["addressPrefix"]})
        for name in ("source", "destination")
        for one in body[f"{name}s"]
    )  # fmt: skip
    return hcl.resource("azurerm_network_manager_admin_rule", rule.name, fields, sides)
