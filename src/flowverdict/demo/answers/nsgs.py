"""Network security groups as Azure answers them."""

from __future__ import annotations

from flowverdict.demo.answers.envelope import child, refs, resource
from flowverdict.demo.answers.uses import Uses
from flowverdict.demo.plan.names import Json
from flowverdict.demo.plan.networks import Nsg, Rule

_KIND = "Microsoft.Network/networkSecurityGroups"
_VNET = ("VirtualNetwork",)
_DEFAULT_RULES = (
    Rule(
        "AllowVnetInBound",
        65000,
        "Inbound",
        "Allow",
        "*",
        _VNET,
        _VNET,
        description="Allow inbound traffic from all VMs in VNET",
    ),
    Rule(
        "AllowAzureLoadBalancerInBound",
        65001,
        "Inbound",
        "Allow",
        "*",
        ("AzureLoadBalancer",),
        description="Allow inbound traffic from azure load balancer",
    ),
    Rule("DenyAllInBound", 65500, "Inbound", "Deny", "*", description="Deny all inbound traffic"),
    Rule(
        "AllowVnetOutBound",
        65000,
        "Outbound",
        "Allow",
        "*",
        _VNET,
        _VNET,
        description="Allow outbound traffic from all VMs to all VMs in VNET",
    ),
    Rule(
        "AllowInternetOutBound",
        65001,
        "Outbound",
        "Allow",
        "*",
        destinations=("Internet",),
        description="Allow outbound traffic from all VMs to Internet",
    ),
    Rule(
        "DenyAllOutBound", 65500, "Outbound", "Deny", "*", description="Deny all outbound traffic"
    ),
)
"""The rules that Azure puts into every NSG."""


def nsg_json(nsg: Nsg, found: Uses, *, defaults: bool) -> dict[str, Json]:
    """An NSG, with or without the six default rules."""
    properties: dict[str, Json] = {"securityRules": _rules(nsg, "securityRules", nsg.rules)}
    if defaults:
        properties["defaultSecurityRules"] = _rules(nsg, "defaultSecurityRules", _DEFAULT_RULES)
    if nsg.id in found.subnets_of_nsg:
        properties["subnets"] = refs(found.subnets_of_nsg[nsg.id])
    if nsg.id in found.nics_of_nsg:
        properties["networkInterfaces"] = refs(found.nics_of_nsg[nsg.id])
    return resource(_KIND, nsg.place, nsg.name, properties)


def _rules(nsg: Nsg, collection: str, rules: tuple[Rule, ...]) -> Json:
    return [child(nsg.id, _KIND, collection, rule.name, _rule(rule)) for rule in rules]


def _rule(rule: Rule) -> dict[str, Json]:
    """A rule: one value goes into the singular field, several into the plural one."""
    body: dict[str, Json] = {"description": rule.description} if rule.description else {}
    body |= {"protocol": rule.protocol, "sourcePortRange": "*", "sourcePortRanges": []}
    body |= _side("destinationPortRange", "destinationPortRanges", rule.ports)
    if rule.source_asgs:
        body["sourceAddressPrefixes"] = []
        body["sourceApplicationSecurityGroups"] = refs([asg.id for asg in rule.source_asgs])
    else:
        body |= _side("sourceAddressPrefix", "sourceAddressPrefixes", rule.sources)
    if rule.destination_asgs:
        body["destinationAddressPrefixes"] = []
        groups = refs([asg.id for asg in rule.destination_asgs])
        body["destinationApplicationSecurityGroups"] = groups
    else:
        body |= _side("destinationAddressPrefix", "destinationAddressPrefixes", rule.destinations)
    body |= {"access": rule.access, "priority": rule.priority, "direction": rule.direction}
    return body


def _side(singular: str, plural: str, values: tuple[str, ...]) -> dict[str, Json]:
    if len(values) == 1:
        return {singular: values[0], plural: []}
    return {plural: values}
