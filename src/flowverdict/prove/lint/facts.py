"""What single resources tell: Azure's limits and constraints, and what stands unused."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from flowverdict.model import Severity
from flowverdict.model.limits import ADMIN_PREFIXES, ADMIN_RULES, ASGS_OF_SIDE, LISTED
from flowverdict.net import ALL_PORTS, IntervalSet, Protocol
from flowverdict.prove.lint.checks import CHECKS, Level
from flowverdict.prove.lint.findings import Finding, of_resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.model import Endpoint, Estate, ResourceId, Rule
    from flowverdict.policy import Network
    from flowverdict.stages import Policies

_TOPOLOGY: Final = frozenset({"virtualnetwork", "internet"})
_ICMP: Final = IntervalSet([(Protocol.ICMP, Protocol.ICMP)])
_NEAR: Final = 0.9


class _Count(NamedTuple):
    """How many of something a resource has, and how many Azure allows."""

    of: Any
    many: int
    most: int
    what: str


def facts(estate: Estate, network: Network, policies: Policies) -> Iterator[Finding]:
    """Yields what is wrong with single resources."""
    yield from _input(estate)
    yield from _interfaces(estate, policies)
    yield from _nsgs(estate)
    for rule in every_rule(estate):
        yield from _rule(estate, network, rule)
    for one in _counts(estate):
        if one.many >= _NEAR * one.most:
            check = "limit" if one.many > one.most else "near-limit"
            text = f"{one.many:,} {one.what}: Azure's limit is {one.most:,}"
            yield of_resource(check, one.of, text)


def every_rule(estate: Estate) -> Iterator[Rule]:
    """Yields the rules that people wrote: of NSGs and of rule collections."""
    for nsg in estate.resources.nsgs.values():
        yield from (rule for rule in nsg.rules if not rule.is_default)
    yield from estate.resources.admin_rules.values()


def _input(estate: Estate) -> Iterator[Finding]:
    for one in estate.diagnostics:
        if one.code != "passed-over":
            text = one.what + (f": expected {one.expected}" if one.expected else "")
            level = Level.ERROR if one.severity is Severity.ERROR else CHECKS["input"].level
            yield Finding("input", level, one.resource, text, one.where)


def _interfaces(estate: Estate, policies: Policies) -> Iterator[Finding]:
    for nic in estate.resources.nics.values():
        if nic.subnet in estate.resources.subnets and policies.at(nic).lacks_nsg:
            text = "no NSG stands before it, on its subnet or on itself"
            if not policies.at(nic).place.is_private_endpoint:
                yield of_resource("no-nsg", nic, text)


def _nsgs(estate: Estate) -> Iterator[Finding]:
    resources = estate.resources
    attached = {one.nsg for one in (*resources.subnets.values(), *resources.nics.values())}
    for nsg in resources.nsgs.values():
        if nsg.id not in attached and not nsg.attached:
            yield of_resource("unattached-nsg", nsg, "it is attached to no subnet and no interface")


def _rule(estate: Estate, network: Network, rule: Rule) -> Iterator[Finding]:
    for name, side in (("source", rule.source), ("destination", rule.destination)):
        yield from _side(estate, network, rule, name, side)
    ports = (rule.source_ports, rule.destination_ports)
    if rule.protocols == _ICMP and any(one != ALL_PORTS for one in ports):
        yield of_resource(
            "ports-of-icmp", rule, "a rule for ICMP with ports: they count for nothing"
        )


def _side(
    estate: Estate, network: Network, rule: Rule, name: str, side: Endpoint
) -> Iterator[Finding]:
    for tag in side.tags:
        if tag.lower() not in _TOPOLOGY and network.tag(tag).doubts:
            yield of_resource("unknown-tag", rule, network.tag(tag).doubts[0].what)
    if len(side.tags) > 1:
        tags = ", ".join(f"`{one}`" for one in side.tags)
        yield of_resource("several-tags", rule, f"several service tags as {name}: {tags}")
    for asg in side.asgs:
        if asg in estate.resources.asgs and not estate.asg_members.get(asg):
            text = f"its {name} `{asg.name}` has no member"
            yield of_resource("empty-asg", rule, text, asg)


def _counts(estate: Estate) -> Iterator[_Count]:
    """Yields what Azure limits (policy specification, 1.7 and 8.7)."""
    resources = estate.resources
    for nsg in resources.nsgs.values():
        rules = [one for one in nsg.rules if not one.is_default]
        yield _Count(nsg, len(rules), 1_000, "rules")
        asgs = {asg for one in rules for asg in (*one.source.asgs, *one.destination.asgs)}
        yield _Count(nsg, len(asgs), 100, "application security groups in its rules")
        for rule in rules:
            for name, side in (("source", rule.source), ("destination", rule.destination)):
                yield _Count(rule, len(side.texts), LISTED, f"prefixes as {name}")
                yield _Count(
                    rule, len(side.asgs), ASGS_OF_SIDE, f"application security groups as {name}"
                )
    for vnet in resources.vnets.values():
        yield _Count(vnet, len(estate.subnets_by_vnet.get(vnet.id, ())), 3_000, "subnets")
        yield _Count(vnet, len(vnet.peerings), 500, "peerings")
    for table in resources.route_tables.values():
        yield _Count(table, len(table.routes), 400, "routes")
    for nic in resources.nics.values():
        for one in nic.ip_configurations:
            what = f"application security groups of `{one.name}`"
            yield _Count(nic, len(one.asgs), 20, what)
    for asg, members in estate.asg_members.items():
        if asg in resources.asgs:
            yield _Count(resources.asgs[asg], len(members), 4_000, "IP configurations")
    yield from _admin_counts(estate)


def _admin_counts(estate: Estate) -> Iterator[_Count]:
    rules, prefixes = Counter["ResourceId"](), Counter["ResourceId"]()
    for one in estate.resources.admin_rules.values():
        manager = one.id.parent.parent.parent
        rules[manager] += 1
        prefixes[manager] += len(one.source.texts) + len(one.destination.texts)
    for manager in estate.resources.managers.values():
        yield _Count(manager, rules[manager.id], ADMIN_RULES, "admin rules")
        yield _Count(manager, prefixes[manager.id], ADMIN_PREFIXES, "prefixes in admin rules")
    groups = {
        group: rule
        for rule in estate.resources.admin_rules.values()
        for group in (*rule.source.groups, *rule.destination.groups)
    }
    for group, rule in groups.items():
        many = len(estate.members_by_group.get(group, ()))
        yield _Count(rule, many, 100, f"members of `{group.name}`, which it names")
