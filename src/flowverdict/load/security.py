"""Network security groups, their rules, and application security groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowverdict.load.addresses import mixes_families, read_endpoint, read_ports, read_protocols
from flowverdict.load.report import Unreadable, error
from flowverdict.model import (
    Access,
    ApplicationSecurityGroup,
    Diagnostic,
    Direction,
    NetworkSecurityGroup,
    ResourceId,
    Rule,
    default_rules,
)

if TYPE_CHECKING:
    from flowverdict.load.node import Node

DIRECTIONS: Final = {"inbound": Direction.INBOUND, "outbound": Direction.OUTBOUND}
_ACCESS: Final = {"allow": Access.ALLOW, "deny": Access.DENY}
_CUSTOM: Final = (100, 4096)
_DEFAULT: Final = (65000, 65500)

_RULE_FIELDS: Final = frozenset(
    """id name type etag kind systemdata resourcegroup properties provisioningstate description
    priority direction access protocol
    sourceportrange sourceportranges destinationportrange destinationportranges
    sourceaddressprefix sourceaddressprefixes destinationaddressprefix destinationaddressprefixes
    sourceapplicationsecuritygroups destinationapplicationsecuritygroups""".split()
)


def read_asg(node: Node, resource: ResourceId) -> ApplicationSecurityGroup:
    """Reads an application security group."""
    return ApplicationSecurityGroup(resource, where=node.where)


def read_nsg(node: Node, resource: ResourceId) -> NetworkSecurityGroup:
    """Reads a network security group; rules that Azure would refuse become its problems."""
    problems: list[Diagnostic] = []
    rules: list[Rule] = []
    node.need_body("securityRules", "defaultSecurityRules")
    node.check_spelling("securityRules")
    for item in node.items("securityRules"):
        try:
            rules.append(read_rule(item, resource))
        except Unreadable as problem:
            problems.append(problem.diagnostic)
    problems.extend(_conflicts(rules))
    standard = {rule.id: rule for rule in default_rules(resource)}
    for item in node.items("defaultSecurityRules"):
        try:
            rule = read_rule(item, resource, default=True)
            if standard.get(rule.id) != rule:
                expected = "the six rules that no one can change, or none of them"
                raise item.fail("default-rule", f"`{rule.name}` is not Azure's", expected)
            standard[rule.id] = rule
        except Unreadable as problem:
            problems.append(problem.diagnostic)
    rules.extend(standard.values())
    return NetworkSecurityGroup(
        id=resource,
        rules=tuple(sorted(rules, key=lambda rule: (rule.direction.value, rule.priority))),
        attached=(*node.references("subnets"), *node.references("networkInterfaces")),
        where=node.where,
        problems=tuple(problems),
    )


def read_rule(node: Node, nsg: ResourceId, *, default: bool = False) -> Rule:
    """Reads a custom or default rule of an NSG.

    Raises:
        Unreadable: Azure would refuse it.
    """
    collection = "defaultSecurityRules" if default else "securityRules"
    bounds = _DEFAULT if default else _CUSTOM
    name = node.need("name").as_text()
    node.refuse_fields_but(_RULE_FIELDS, "security rule")
    priority = node.need("priority").as_integer()
    if not bounds[0] <= priority <= bounds[1]:
        expected = f"a number from {bounds[0]} to {bounds[1]}"
        raise node.need("priority").fail("priority", f"priority {priority} of `{name}`", expected)
    rule = Rule(
        id=nsg.child(collection, name),
        name=name,
        priority=priority,
        direction=node.choice("direction", DIRECTIONS),
        access=node.choice("access", _ACCESS),
        protocols=read_protocols(node),
        source=read_endpoint(node, "source"),
        source_ports=read_ports(node, "source"),
        destination=read_endpoint(node, "destination"),
        destination_ports=read_ports(node, "destination"),
        where=node.where,
    )
    if mixes_families(rule.source, rule.destination):
        what = f"`{name}` has IPv4 and IPv6 prefixes in one rule"
        raise node.fail("SecurityRuleInvalidAddressPrefix", what, "one family in a rule")
    return rule


def _conflicts(rules: list[Rule]) -> list[Diagnostic]:
    """Finds rules of one NSG that share a priority and direction, or a name."""
    found: list[Diagnostic] = []
    slots: dict[tuple[Direction, int], Rule] = {}
    names: dict[str, Rule] = {}
    for rule in rules:
        assert rule.where is not None
        other = slots.setdefault((rule.direction, rule.priority), rule)
        if other is not rule:
            what = (
                f"`{rule.name}` and `{other.name}` both have priority {rule.priority} "
                f"{rule.direction.value.lower()} (SecurityRuleConflict)"
            )
            expected = "one rule for a priority and direction"
            found.append(error(rule.where, "SecurityRuleConflict", what, expected))
        if names.setdefault(rule.name.lower(), rule) is not rule:
            what = f"two rules are named `{rule.name}`"
            found.append(error(rule.where, "rule-name", what, "a name once in an NSG"))
    return found
