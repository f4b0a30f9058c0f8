"""A narrowed rule as text: for the Azure CLI, an ARM template and Terraform."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from flowverdict.impact import hcl
from flowverdict.net import ALL_PROTOCOLS, Protocol, format_ports, protocol_name

if TYPE_CHECKING:
    from flowverdict.model import Endpoint, ResourceId, Rule


def as_az(nsg: ResourceId, old: Rule, new: Rule) -> str:
    """Returns the command that changes the rule, with what changes alone."""
    words = [
        f"az network nsg rule update --subscription {nsg.subscription}",
        f"--resource-group {shlex.quote(nsg.resource_group)} --nsg-name {shlex.quote(nsg.name)}",
        f"--name {shlex.quote(new.name)}",
    ]
    sides = {"source": (old.source, new.source), "destination": (old.destination, new.destination)}
    words += [
        f"--{side}-address-prefixes {shlex.join(after.texts)}"
        for side, (before, after) in sides.items()
        if before != after
    ]
    if old.destination_ports != new.destination_ports:
        words.append(f"--destination-port-ranges {shlex.join(format_ports(new.destination_ports))}")
    return " \\\n  ".join(words)


def as_arm(rule: Rule) -> dict[str, Any]:
    """Returns the rule as it stands in ``securityRules`` of an NSG."""
    sides = {
        "source": (rule.source, rule.source_ports),
        "destination": (rule.destination, rule.destination_ports),
    }
    fields: dict[str, Any] = {
        "priority": rule.priority, "direction": rule.direction.value,
        "access": rule.access.value, "protocol": _protocol(rule),
    }  # fmt: skip
    for side, (endpoint, ports) in sides.items():
        if endpoint.asgs:
            fields[f"{side}ApplicationSecurityGroups"] = [{"id": str(one)} for one in endpoint.asgs]
        else:
            fields |= _one_or_more(f"{side}AddressPrefix", "es", endpoint.texts)
        fields |= _one_or_more(f"{side}PortRange", "s", format_ports(ports))
    return {"name": rule.name, "properties": fields}


def as_terraform(nsg: ResourceId, rule: Rule) -> str:
    """Returns the rule as a resource of the azurerm provider."""
    fields: dict[str, Any] = {
        "name": rule.name,
        "priority": rule.priority,
        "direction": rule.direction.value,
        "access": rule.access.value,
        "protocol": _protocol(rule),
    }
    for side, endpoint, ports in (
        ("source", rule.source, rule.source_ports),
        ("destination", rule.destination, rule.destination_ports),
    ):
        fields |= _one_or_more(f"{side}_port_range", "s", format_ports(ports))
        fields |= _terraform_side(side, endpoint)
    fields["resource_group_name"] = nsg.resource_group
    fields["network_security_group_name"] = nsg.name
    return hcl.resource("azurerm_network_security_rule", rule.name, fields)


def _terraform_side(side: str, endpoint: Endpoint) -> dict[str, Any]:
    if endpoint.asgs:
        return {f"{side}_application_security_group_ids": [str(one) for one in endpoint.asgs]}
    return _one_or_more(f"{side}_address_prefix", "es", endpoint.texts)


def _one_or_more(name: str, plural: str, texts: Any) -> dict[str, Any]:
    return {name: texts[0]} if len(texts) == 1 else {f"{name}{plural}": list(texts)}


def _protocol(rule: Rule) -> str:
    if rule.protocols == ALL_PROTOCOLS:
        return "*"
    number = rule.protocols.spans[0][0]
    return protocol_name(number).capitalize() if number in (*Protocol,) else str(number)
