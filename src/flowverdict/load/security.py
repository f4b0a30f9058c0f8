"""Network security groups, their rules, and application security groups."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

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
    UnknownField,
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


_OF_ONE_RULE: Final = frozenset({"id", "name", "etag"})
"""What differs in rules that are otherwise the same; each of it is read, or is never looked at."""

_READ: Final[dict[tuple[bool, bytes], Rule]] = {}
"""Rules that were read without complaint, by all that they hold except what is of one rule: exports
repeat them, the six default rules in every NSG."""
_MOST_READ: Final = 1 << 14


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


def with_rules(nsg: NetworkSecurityGroup, new: list[Rule]) -> NetworkSecurityGroup:
    """Returns an NSG with rules more, or with some of the same names in another form."""
    ids = {rule.id for rule in new}
    rules = [*(one for one in nsg.rules if one.id not in ids), *new]
    return replace(
        nsg,
        rules=tuple(sorted(rules, key=lambda rule: (rule.direction.value, rule.priority))),
        problems=(*nsg.problems, *_conflicts([one for one in rules if not one.is_default])),
    )


def read_rule(node: Node, nsg: ResourceId, *, default: bool = False) -> Rule:
    """Reads a custom or default rule of an NSG.

    Raises:
        Unreadable: Azure would refuse it.
    """
    name = node.text("name") or node.need("name").as_text()
    resource = nsg.child("defaultSecurityRules" if default else "securityRules", name)
    value = cast("dict[str, Any]", node.value)
    contents = {key: inner for key, inner in value.items() if key not in _OF_ONE_RULE}
    key = (default, msgspec.json.encode(contents))
    same = _READ.get(key)
    if same is None:
        if len(_READ) >= _MOST_READ:
            _READ.clear()
        rule = _read_contents(node, resource, name, _DEFAULT if default else _CUSTOM)
        if not rule.has_unknown:
            _READ[key] = rule
        return rule
    return Rule(
        id=resource,
        name=name,
        priority=same.priority,
        direction=same.direction,
        access=same.access,
        protocols=same.protocols,
        source=same.source,
        source_ports=same.source_ports,
        destination=same.destination,
        destination_ports=same.destination_ports,
        where=node.where,
    )


def _read_contents(node: Node, resource: ResourceId, name: str, bounds: tuple[int, int]) -> Rule:
    node.refuse_fields_but(_RULE_FIELDS, "security rule")
    priority = node.need("priority").as_integer()
    if not bounds[0] <= priority <= bounds[1]:
        expected = f"a number from {bounds[0]} to {bounds[1]}"
        raise node.need("priority").fail("priority", f"priority {priority} of `{name}`", expected)
    unknown: list[UnknownField] = []
    rule = Rule(
        id=resource,
        name=name,
        priority=priority,
        direction=node.choice("direction", DIRECTIONS),
        access=node.choice("access", _ACCESS),
        protocols=read_protocols(node, resource, unknown),
        source=read_endpoint(node, "source", resource),
        source_ports=read_ports(node, "source", resource, unknown),
        destination=read_endpoint(node, "destination", resource),
        destination_ports=read_ports(node, "destination", resource, unknown),
        where=node.where,
    )
    if unknown:
        rule = replace(rule, unknown=tuple(unknown))
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
