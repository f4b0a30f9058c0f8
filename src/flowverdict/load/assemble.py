"""Puts what was read into one estate, and finds what does not fit together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from flowverdict.load.kinds import Found, Shape
from flowverdict.load.governance import (
    read_assignment,
    read_management_group,
    read_policy_definition,
    read_policy_set,
    read_subscription_row,
)
from flowverdict.load.manager import (
    read_active_rule,
    read_admin_rule,
    read_collection,
    read_commit,
    read_configuration,
    read_connectivity,
    read_deployment_status,
    read_group,
    read_manager,
    read_memberships,
    read_static_member,
)
from flowverdict.load.network import (
    child_id,
    read_application_gateway,
    read_bastion,
    read_connection,
    read_databricks,
    read_firewall,
    read_gateway,
    read_load_balancer,
    read_local_gateway,
    read_managed_instance,
    read_nic,
    read_private_endpoint,
    read_public_ip,
    read_route_table,
    read_subnet,
    read_vm,
    read_vnet,
)
from flowverdict.load.report import Unreadable, error, warning
from flowverdict.load.security import read_asg, read_nsg
from flowverdict.model import (
    ActiveRule,
    Deployment,
    Diagnostic,
    GroupMember,
    ManagementGroups,
    PolicyAssignment,
    Position,
    ResourceId,
    Resources,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowverdict.load.node import Node


class _Placed(Protocol):
    @property
    def id(self) -> ResourceId: ...
    @property
    def where(self) -> Position | None: ...


P = TypeVar("P", bound=_Placed)

_NET: Final = "microsoft.network/"
_VNET: Final = _NET + "virtualnetworks"
_SUBNET: Final = _VNET + "/subnets"
_SCALE_SET: Final = "microsoft.compute/virtualmachinescalesets/virtualmachines"
_MANAGER: Final = _NET + "networkmanagers"
_CONFIGURATION: Final = _MANAGER + "/securityadminconfigurations"
_COLLECTION: Final = _CONFIGURATION + "/rulecollections"
_MEMBERSHIPS: Final = _NET + "networkgroupmemberships"

READERS: Final[dict[str, tuple[str, Callable[[Node, ResourceId], _Placed]]]] = {
    _SUBNET: ("subnets", read_subnet),
    _NET + "routetables": ("route_tables", read_route_table),
    _NET + "networkinterfaces": ("nics", read_nic),
    _SCALE_SET + "/networkinterfaces": ("nics", read_nic),
    "microsoft.compute/virtualmachines": ("vms", read_vm),
    _SCALE_SET: ("vms", read_vm),
    _NET + "publicipaddresses": ("public_ips", read_public_ip),
    _NET + "loadbalancers": ("load_balancers", read_load_balancer),
    _NET + "privateendpoints": ("private_endpoints", read_private_endpoint),
    _NET + "virtualnetworkgateways": ("gateways", read_gateway),
    _NET + "localnetworkgateways": ("local_gateways", read_local_gateway),
    _NET + "connections": ("connections", read_connection),
    _NET + "azurefirewalls": ("services", read_firewall),
    _NET + "bastionhosts": ("services", read_bastion),
    _NET + "applicationgateways": ("services", read_application_gateway),
    "microsoft.sql/managedinstances": ("services", read_managed_instance),
    "microsoft.databricks/workspaces": ("services", read_databricks),
    _NET + "networksecuritygroups": ("nsgs", read_nsg),
    _NET + "applicationsecuritygroups": ("asgs", read_asg),
    _MANAGER: ("managers", read_manager),
    _MANAGER + "/networkgroups": ("groups", read_group),
    _CONFIGURATION: ("configurations", read_configuration),
    _COLLECTION: ("collections", read_collection),
    _COLLECTION + "/rules": ("admin_rules", read_admin_rule),
    _MANAGER + "/connectivityconfigurations": ("connectivity", read_connectivity),
}
"""How each resource type is read, and into which table of ``Resources``."""

_PARTS: Final = {
    _NET + "networksecuritygroups/securityrules": "nsgs",
    _NET + "networksecuritygroups/defaultsecurityrules": "nsgs",
    _NET + "virtualnetworks/virtualnetworkpeerings": "vnets",
}
"""Child resources that count only as part of their parent, and the parent's table."""

_STANDS_ALONE: Final = frozenset(
    {"nsgs", "asgs", "vnets", "subnets", "route_tables", "nics", "vms", "public_ips"}
    | {"load_balancers", "private_endpoints", "configurations", "collections", "admin_rules"}
)
"""Tables in which one unreadable resource leaves the rest fit to be judged."""


class Assembly:
    """Takes what documents hold, one item after another."""

    def __init__(self) -> None:
        self.resources = Resources()
        self.members: list[GroupMember] = []
        self.deployments: list[Deployment] = []
        self.active_rules: list[ActiveRule] = []
        self.hierarchy = ManagementGroups()
        self.policy_sets: dict[ResourceId, list[ResourceId]] = {}
        self.parts: list[Found] = []
        self.diagnostics: list[Diagnostic] = []
        self.fatal: list[Diagnostic] = []
        self.broken: dict[ResourceId, Diagnostic] = {}
        self.recognised = 0

    def take(self, found: Found) -> None:
        """Reads one item; what cannot be read becomes a diagnostic."""
        try:
            self._take(found)
        except Unreadable as problem:
            table = "vnets" if found.type == _VNET else READERS.get(found.type, ("",))[0]
            if table in _STANDS_ALONE and found.id is not None:
                self._break(found.id, problem.diagnostic)
            else:
                self.fatal.append(problem.diagnostic)

    def _take(self, found: Found) -> None:
        node, resource = found.node, found.id
        self.recognised += 1
        if found.shape is Shape.COMMIT:
            self.deployments.extend(read_commit(node))
        elif found.shape is Shape.DEPLOYMENT:
            self.deployments.extend(read_deployment_status(node))
        elif resource is None:
            raise AssertionError(found)
        elif found.shape is Shape.ACTIVE_RULE:
            self.active_rules.append(read_active_rule(node, resource))
        elif found.shape is Shape.EFFECTIVE_RULE:
            what = "a list of effective admin rules does not say for which network it is"
            hint = "it is left out; export the manager's active rules instead"
            self.diagnostics.append(warning(node.where, "effective-list", what, hint=hint))
        elif found.shape is Shape.MANAGEMENT_GROUP:
            read_management_group(node, self.hierarchy)
        elif found.shape is Shape.SUBSCRIPTION:
            read_subscription_row(node, resource.subscription, self.hierarchy)
        else:
            self._take_resource(node, found.type, resource)

    def _take_resource(self, node: Node, kind: str, resource: ResourceId) -> None:
        if kind in READERS:
            table, read = READERS[kind]
            self._put(getattr(self.resources, table), read(node, resource), table)
        elif kind == _VNET:
            self._take_vnet(node, resource)
        elif kind in _PARTS:
            self.parts.append(Found(node, Shape.RESOURCE, kind, resource))
        elif kind == _MANAGER + "/networkgroups/staticmembers":
            self.members.append(read_static_member(node, resource))
        elif kind == _MEMBERSHIPS:
            self.members.extend(read_memberships(node, resource))
        elif kind == "microsoft.authorization/policydefinitions":
            if policy := read_policy_definition(node, resource):
                self._put(self.resources.policies, policy, "policies")
        elif kind == "microsoft.authorization/policysetdefinitions":
            self.policy_sets[resource] = read_policy_set(node)
        elif kind == "microsoft.authorization/policyassignments":
            self._put(self.resources.assignments, read_assignment(node, resource), "assignments")
        else:
            self.recognised -= 1

    def _take_vnet(self, node: Node, resource: ResourceId) -> None:
        vnet = read_vnet(node, resource)
        subnets: list[ResourceId] = []
        for item in node.items("subnets"):
            subnet = child_id(item, resource, "subnets")
            subnets.append(subnet)
            if item.fields.keys() <= {"id", "resourcegroup", "name"}:
                continue  # a reference: the subnet itself stands elsewhere, or is missing
            self.take(Found(item, Shape.RESOURCE, _SUBNET, subnet))
        self._put(self.resources.vnets, replace(vnet, subnets=tuple(subnets)), "vnets")

    def _put(self, table: dict[ResourceId, P], value: P, name: str) -> None:
        other = table.setdefault(value.id, value)
        if other == value:
            return
        assert value.where is not None
        what = f"`{value.id.name}` stands at {other.where} too, with different contents"
        diagnostic = error(value.where, "duplicate", what, "each resource once, or the same twice")
        if name in _STANDS_ALONE:
            self._break(value.id, diagnostic)
        else:
            self.fatal.append(diagnostic)

    def _break(self, resource: ResourceId, diagnostic: Diagnostic) -> None:
        self.diagnostics.append(diagnostic)
        self.broken.setdefault(resource, diagnostic)

    def finish(self) -> None:
        """Brings together what was read apart."""
        for resource in self.broken:
            for table in ("nsgs", "vnets", "subnets", "route_tables", "nics", "vms", "asgs"):
                getattr(self.resources, table).pop(resource, None)
            for table in ("configurations", "collections", "admin_rules"):
                getattr(self.resources, table).pop(resource, None)
        self._expand_policy_sets()
        self._check_parts()
        self._check_admin_rules()
        self.deployments = self._newest(self._named(self.deployments))
        for nsg in self.resources.nsgs.values():
            self.diagnostics.extend(nsg.problems)
        for rule in self.resources.admin_rules.values():
            self.diagnostics.extend(rule.problems)
        for deployment in self.deployments:
            self.diagnostics.extend(deployment.problems)

    def _expand_policy_sets(self) -> None:
        assignments = self.resources.assignments
        for assignment in list(assignments.values()):
            for definition in self.policy_sets.get(assignment.definition, ()):
                single = assignment.id.child("definitions", definition.name)
                assignments[single] = replace(assignment, id=single, definition=definition)

    def _check_parts(self) -> None:
        """Holds rules and peerings that stand alone against the parents that contain them."""
        for found in self.parts:
            assert found.id is not None
            parent = found.id.parent
            where = found.node.where
            if parent in self.broken:
                continue
            whole = getattr(self.resources, _PARTS[found.type]).get(parent)
            if whole is None:
                what = f"`{found.id.name}` stands here without `{parent.name}`, which it is part of"
                expected = f"the export of `{parent.name}` itself"
                self.diagnostics.append(warning(where, "part-alone", what, expected))
                continue
            inner = whole.rules if _PARTS[found.type] == "nsgs" else whole.peerings
            if all(one.id != found.id for one in inner):
                what = f"`{found.id.name}` is not in `{parent.name}` at {whole.where}"
                self._break(parent, error(where, "duplicate", what, "exports of the same moment"))
                getattr(self.resources, _PARTS[found.type]).pop(parent, None)

    def _check_admin_rules(self) -> None:
        rules = self.resources.admin_rules
        slots: dict[tuple[ResourceId, int, str], ResourceId] = {}
        for rule in list(rules.values()):
            assert rule.where is not None
            problems = list(rule.problems)
            configuration = self.resources.configurations.get(rule.id.parent.parent.parent)
            uses_groups = rule.source.groups or rule.destination.groups
            if uses_groups and configuration and configuration.aggregation != "Manual":
                what = f"`{rule.name}` names a network group as an address"
                expected = f"`Manual` aggregation in `{configuration.id.name}`"
                problems.append(error(rule.where, "network-group-aggregation", what, expected))
            slot = (rule.id.parent, rule.priority, rule.direction.value)
            other = slots.setdefault(slot, rule.id)
            if other != rule.id:
                what = f"`{rule.name}` and `{other.name}` both have priority {rule.priority}"
                expected = "a priority once in a rule collection"
                conflict = error(rule.where, "admin-rule-conflict", what, expected)
                problems.append(conflict)
                rules[other] = replace(
                    rules[other], problems=(*rules[other].problems, conflict)
                )
            if len(problems) != len(rule.problems):
                rules[rule.id] = replace(rules[rule.id], problems=tuple(problems))

    def _named(self, deployments: list[Deployment]) -> list[Deployment]:
        """Gives each deployment its manager; one without configurations does not say which."""
        managers = set(self.resources.managers) | {
            one.manager for one in self.resources.configurations.values()
        }
        named: list[Deployment] = []
        for one in deployments:
            assert one.where is not None
            if one.manager is None and len(managers) == 1:
                one = replace(one, manager=next(iter(managers)))
            if one.manager is None:
                what = "commit does not say which network manager it is of"
                expected = "configuration ids of one manager, or a single manager in the estate"
                self.fatal.append(error(one.where, "commit", what, expected))
            else:
                named.append(one)
        return named

    def _newest(self, deployments: list[Deployment]) -> list[Deployment]:
        """Keeps, for each manager, region and type, the deployment that holds."""
        newest: dict[tuple[ResourceId | None, str, str], Deployment] = {}
        for one in deployments:
            key = (one.manager, one.region, one.kind.lower())
            other = newest.setdefault(key, one)
            if other is one:
                continue
            same = {*one.configurations} == {*other.configurations} and one.status == other.status
            if not same and (not one.time or not other.time or one.time == other.time):
                assert one.where is not None
                what = f"two commits for `{one.region}`, here and at {other.where}"
                expected = "`commitTime` in both, to tell which is newer"
                self.fatal.append(error(one.where, "commit", what, expected))
            elif one.time > other.time:
                newest[key] = one
        return list(newest.values())


def check_references(assembly: Assembly) -> list[Diagnostic]:
    """Finds references to resources that the input does not have.

    They are warnings: a verdict that needs the missing resource says so and is ``Unknown``.
    """
    tables = assembly.resources
    found: list[Diagnostic] = []

    def check(
        where: Position | None, reference: ResourceId | None, table: object, what: str
    ) -> None:
        if reference is None or reference in assembly.broken or where is None:
            return
        assert isinstance(table, dict)
        if reference not in table:
            text = f"refers to {what} `{reference}`, which is not in the estate"
            found.append(warning(where, "dangling", text, f"an export of the {what}"))

    for nic in tables.nics.values():
        check(nic.where, nic.nsg, tables.nsgs, "network security group")
        for one in nic.ip_configurations:
            check(one.where, one.subnet, tables.subnets, "subnet")
            for asg in one.asgs:
                check(one.where, asg, tables.asgs, "application security group")
    for vm in tables.vms.values():
        for nic_id in vm.nics:
            check(vm.where, nic_id, tables.nics, "network interface")
    for subnet in tables.subnets.values():
        check(subnet.where, subnet.vnet, tables.vnets, "virtual network")
        check(subnet.where, subnet.nsg, tables.nsgs, "network security group")
        check(subnet.where, subnet.route_table, tables.route_tables, "route table")
    for vnet in tables.vnets.values():
        for subnet_id in vnet.subnets:
            check(vnet.where, subnet_id, tables.subnets, "subnet")
        for peering in vnet.peerings:
            if not peering.remote_space:
                check(peering.where, peering.remote, tables.vnets, "virtual network")
    for collection in tables.collections.values():
        for group in collection.groups:
            check(collection.where, group, tables.groups, "network group")
    for rule in tables.admin_rules.values():
        check(rule.where, rule.id.parent, tables.collections, "rule collection")
        for group in (*rule.source.groups, *rule.destination.groups):
            check(rule.where, group, tables.groups, "network group")
    for deployment in assembly.deployments:
        if deployment.kind.lower() == "securityadmin":
            for configuration in deployment.configurations:
                check(
                    deployment.where,
                    configuration,
                    tables.configurations,
                    "security admin configuration",
                )
    for connection in tables.connections.values():
        check(connection.where, connection.gateway, tables.gateways, "virtual network gateway")
        check(connection.where, connection.local_gateway, tables.local_gateways,
              "local network gateway")  # fmt: skip
    return found
