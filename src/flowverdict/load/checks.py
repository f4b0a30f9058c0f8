"""What does not fit together among resources that were each read without complaint."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from flowverdict.load.manager import UNNAMED
from flowverdict.load.report import error, warning

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from flowverdict.model import (
        ActiveRule,
        Deployment,
        Diagnostic,
        Position,
        ResourceId,
        Resources,
        Rule,
    )


def check_admin_rules(resources: Resources) -> None:
    """Gives security admin rules the problems that show only beside other resources."""
    rules = resources.admin_rules
    slots: dict[tuple[ResourceId, int, str], ResourceId] = {}
    for rule in list(rules.values()):
        assert rule.where is not None
        configuration = resources.configurations.get(rule.id.parent.parent)
        uses_groups = rule.source.groups or rule.destination.groups
        if uses_groups and configuration and configuration.aggregation != "Manual":
            what = f"`{rule.name}` names a network group as an address"
            expected = f"`Manual` aggregation in `{configuration.id.name}`"
            _add_problem(
                rules, rule.id, error(rule.where, "network-group-aggregation", what, expected)
            )
        other = slots.setdefault((rule.id.parent, rule.priority, rule.direction.value), rule.id)
        if other != rule.id:
            what = f"`{rule.name}` and `{other.name}` both have priority {rule.priority}"
            expected = "a priority once in a rule collection"
            conflict = error(rule.where, "admin-rule-conflict", what, expected)
            _add_problem(rules, rule.id, conflict)
            _add_problem(rules, other, conflict)


def _add_problem(rules: dict[ResourceId, Rule], rule: ResourceId, problem: Diagnostic) -> None:
    rules[rule] = replace(rules[rule], problems=(*rules[rule].problems, problem))


def priorities_used_twice(resources: Resources) -> Iterator[Diagnostic]:
    """Yields admin rules whose priority the other direction of their collection has as well.

    A priority is unique in its collection, and the documentation does not say "per direction" as it
    does for NSGs (policy specification, 8.5): Azure may refuse such a collection.
    """
    slots: dict[tuple[ResourceId, int], Rule] = {}
    for rule in resources.admin_rules.values():
        other = slots.setdefault((rule.id.parent, rule.priority), rule)
        if other.direction is not rule.direction and rule.where is not None:
            what = (
                f"`{rule.name}` and `{other.name}` both have priority {rule.priority}, "
                "one inbound and one outbound"
            )
            expected = "a priority once in a rule collection: Azure may refuse this"
            yield warning(rule.where, "admin-rule-priority", what, expected, resource=rule.id)


def check_group_networks(resources: Resources) -> None:
    """Refuses NSG rules with application security groups of different networks."""
    networks: dict[ResourceId, set[ResourceId]] = {}
    for nic in resources.nics.values():
        for one in nic.ip_configurations:
            if one.subnet is not None:
                for asg in one.asgs:
                    networks.setdefault(asg, set()).add(one.subnet.parent)
    for nsg in list(resources.nsgs.values()):
        problems = [
            problem
            for rule in nsg.rules
            if rule.source.asgs and rule.destination.asgs
            for problem in _different_networks(rule, networks)
        ]
        if problems:
            resources.nsgs[nsg.id] = replace(nsg, problems=(*nsg.problems, *problems))


def _different_networks(
    rule: Rule, networks: dict[ResourceId, set[ResourceId]]
) -> Iterator[Diagnostic]:
    found = {
        network: asg
        for asg in (*rule.source.asgs, *rule.destination.asgs)
        for network in networks.get(asg, ())
    }
    if len(found) > 1 and rule.where is not None:
        members = " and ".join(f"`{asg.name}` in `{vnet.name}`" for vnet, asg in found.items())
        what = f"`{rule.name}` has application security groups of different networks, {members}"
        yield error(rule.where, "asg-networks", what, "members in one virtual network")


def newest(
    resources: Resources, deployments: list[Deployment]
) -> tuple[list[Deployment], list[Diagnostic]]:
    """Returns, for each manager, region and type, the deployment that holds.

    The second part of the answer is what stands in the way of telling.
    """
    conflicts: list[Diagnostic] = []
    managers = set(resources.managers)
    managers.update(one.manager for one in resources.configurations.values())
    by_place: dict[tuple[ResourceId, str, str], list[Deployment]] = {}
    for one in deployments:
        manager = one.manager
        if manager == UNNAMED and len(managers) == 1:
            manager = next(iter(managers))
        if manager == UNNAMED:
            assert one.where is not None
            what = "commit does not say which network manager it is of"
            expected = "configuration ids of one manager, or a single manager in the estate"
            conflicts.append(error(one.where, "commit", what, expected))
            continue
        by_place.setdefault((manager, one.region, one.kind), []).append(
            replace(one, manager=manager)
        )
    kept: list[Deployment] = []
    for found in by_place.values():
        latest = max(one.time for one in found)
        first, *rivals = [one for one in found if one.time in (latest, "")]
        kept.append(first)
        for one in rivals:
            if set(one.configurations) != set(first.configurations) or one.status != first.status:
                assert one.where is not None
                what = f"two commits for `{one.region}`, here and at {first.where}"
                expected = "`commitTime` in both, to tell which is newer"
                conflicts.append(error(one.where, "commit", what, expected))
    return kept, conflicts


def newest_active(
    active_rules: list[ActiveRule],
) -> tuple[list[ActiveRule], list[Diagnostic]]:
    """Returns, for each manager and region, the active rules of the newest commit listed.

    The second part of the answer is rules that stand there twice with different contents.
    """
    latest: dict[tuple[ResourceId, str], str] = {}
    for one in active_rules:
        place = (one.manager, one.region)
        latest[place] = max(latest.get(place, ""), one.time)
    kept: dict[tuple[ResourceId, str], ActiveRule] = {}
    conflicts: list[Diagnostic] = []
    for one in active_rules:
        if one.time != latest[one.manager, one.region]:
            continue
        other = kept.setdefault((one.rule.id, one.region), one)
        if other != one and one.where is not None:
            what = f"active rule `{one.rule.name}` stands at {other.where} too, with other contents"
            conflicts.append(error(one.where, "duplicate", what, "each rule once"))
    return list(kept.values()), conflicts


class _Reference(NamedTuple):
    """A reference from one resource, at a place, to another of a kind."""

    of: ResourceId
    where: Position | None
    to: ResourceId | None
    table: Container[ResourceId]
    kind: str


def dangling_references(
    resources: Resources, deployments: list[Deployment]
) -> Iterator[tuple[ResourceId, Diagnostic]]:
    """Yields references to resources that the input does not have.

    They are warnings: a verdict that needs the missing resource says so and is ``Unknown``.
    """
    for one in (
        *_of_interfaces(resources),
        *_of_networks(resources),
        *_of_managers(resources, deployments),
    ):
        if one.to is not None and one.to not in one.table and one.where is not None:
            what = f"refers to {one.kind} `{one.to}`, which is not in the estate"
            expected = f"an export of the {one.kind}"
            yield one.to, warning(one.where, "dangling", what, expected, resource=one.of)


def _of_interfaces(resources: Resources) -> Iterator[_Reference]:
    for nic in resources.nics.values():
        yield _Reference(nic.id, nic.where, nic.nsg, resources.nsgs, "network security group")
        for one in nic.ip_configurations:
            yield _Reference(nic.id, one.where, one.subnet, resources.subnets, "subnet")
            for asg in one.asgs:
                yield _Reference(
                    nic.id, one.where, asg, resources.asgs, "application security group"
                )
    for vm in resources.vms.values():
        for nic_id in vm.nics:
            yield _Reference(vm.id, vm.where, nic_id, resources.nics, "network interface")


def _of_networks(resources: Resources) -> Iterator[_Reference]:
    for subnet in resources.subnets.values():
        yield _Reference(subnet.id, subnet.where, subnet.vnet, resources.vnets, "virtual network")
        yield _Reference(
            subnet.id, subnet.where, subnet.nsg, resources.nsgs, "network security group"
        )
        yield _Reference(
            subnet.id, subnet.where, subnet.route_table, resources.route_tables, "route table"
        )
    for vnet in resources.vnets.values():
        for subnet_id in vnet.subnets:
            yield _Reference(vnet.id, vnet.where, subnet_id, resources.subnets, "subnet")
        for peering in vnet.peerings:
            if not peering.remote_space:
                yield _Reference(
                    vnet.id, peering.where, peering.remote, resources.vnets, "virtual network"
                )
    for one in resources.connections.values():
        yield _Reference(
            one.id, one.where, one.gateway, resources.gateways, "virtual network gateway"
        )
        yield _Reference(
            one.id, one.where, one.local_gateway, resources.local_gateways, "local network gateway"
        )


def _of_managers(resources: Resources, deployments: list[Deployment]) -> Iterator[_Reference]:
    for collection in resources.collections.values():
        for group in collection.groups:
            yield _Reference(
                collection.id, collection.where, group, resources.groups, "network group"
            )
    for rule in resources.admin_rules.values():
        yield _Reference(
            rule.id, rule.where, rule.id.parent, resources.collections, "rule collection"
        )
        for group in (*rule.source.groups, *rule.destination.groups):
            yield _Reference(rule.id, rule.where, group, resources.groups, "network group")
    kind = "security admin configuration"
    for deployment in deployments:
        if deployment.kind == "SecurityAdmin":
            for one in deployment.configurations:
                yield _Reference(
                    deployment.manager, deployment.where, one, resources.configurations, kind
                )
