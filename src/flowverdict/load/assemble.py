"""Puts what was read into one estate, and finds what does not fit together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from flowverdict.load.change import Change
from flowverdict.load.checks import (
    check_admin_rules,
    check_group_networks,
    dangling_references,
    newest,
    newest_active,
    priorities_used_twice,
)
from flowverdict.load.flow_logs import read_flow_log
from flowverdict.load.governance import (
    read_assignment,
    read_management_group,
    read_policy_definition,
    read_policy_set,
    read_subscription_row,
)
from flowverdict.load.interfaces import (
    addresses_held_twice,
    addresses_outside,
    contradicted_attachments,
)
from flowverdict.load.joined import PARENTS, Joined, part_of, read_part, with_parts
from flowverdict.load.kinds import Found, Shape
from flowverdict.load.load_balancers import read_load_balancer
from flowverdict.load.manager import (
    membership_owner,
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
    lists_left_out,
    read_application_gateway,
    read_bastion,
    read_connection,
    read_databricks,
    read_firewall,
    read_gateway,
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
    _NET + "networkwatchers/flowlogs": ("flow_logs", read_flow_log),
}
"""How each resource type is read, and into which table of ``Resources``."""

_OTHERS: Final = frozenset(
    {_MANAGER + "/networkgroups/staticmembers", _MEMBERSHIPS}
    | {f"microsoft.authorization/policy{one}" for one in ("definitions", "setdefinitions")}
    | {"microsoft.authorization/policyassignments"}
)
"""Types of which the resources are no rows of a table."""


def is_read(kind: str) -> bool:
    """Reports whether resources of a type are read."""
    return kind in READERS or kind == _VNET or kind in PARENTS or kind in _OTHERS


_STANDS_ALONE: Final = frozenset(
    {"nsgs", "asgs", "vnets", "subnets", "route_tables", "nics", "vms", "public_ips"}
    | {"load_balancers", "configurations", "collections", "admin_rules", "flow_logs"}
)
"""Tables in which one unreadable resource leaves the rest fit to be judged."""


class Assembly:
    """Takes what documents hold, one item after another."""

    def __init__(self) -> None:
        self.resources = Resources()
        self.members: list[GroupMember] = []
        self.whole_memberships: set[ResourceId] = set()
        self.deployments: list[Deployment] = []
        self.active_rules: list[ActiveRule] = []
        self.hierarchy = ManagementGroups()
        self.policy_sets: dict[ResourceId, list[ResourceId]] = {}
        self.parts: list[Found] = []
        self.left_out: list[tuple[str, Diagnostic]] = []
        self.effective: dict[ResourceId, Position] = {}
        self.diagnostics: list[Diagnostic] = []
        self.fatal: list[Diagnostic] = []
        self.broken: dict[ResourceId, Diagnostic] = {}
        self.over = Change()
        self.joined = Joined()
        self.laid = Joined()
        self.items = 0
        self.has_exports = False
        self.apart: list[str] = []
        """The templates with resources that lie where only a deployment could tell."""
        self._taken: set[ResourceId] = set()

    def lie_over(self) -> None:
        """Lets what was taken so far take the place of what is taken from here on."""
        self.over = Change(frozenset(self._taken), len(self.deployments), len(self.active_rules))

    def take(self, found: Found) -> None:
        """Reads one item; what cannot be read becomes a diagnostic."""
        self.items += 1
        self.has_exports = self.has_exports or not found.planned
        if found.shape is Shape.RESOURCE and found.id is not None:
            if found.id in self.over.resources or self.laid.takes_away(found.id):
                return
            self._taken.add(found.id)
        try:
            self._take(found)
        except Unreadable as problem:
            self._refuse(found, problem.diagnostic)

    def take_doubtful(self, found: Found, doubt: Diagnostic) -> None:
        """Takes a resource of which it is not known whether there is one."""
        if found.id is not None and found.id not in self.over.resources and is_read(found.type):
            self.items += 1
            self._taken.add(found.id)
            self._refuse(found, doubt)

    def _refuse(self, found: Found, problem: Diagnostic) -> None:
        """Notes why a resource cannot be read, or why it is not known whether it is there."""
        table = "vnets" if found.type == _VNET else READERS.get(found.type, ("",))[0]
        if table in _STANDS_ALONE and found.id is not None:
            self._break(found.id, problem)
        elif found.type in PARENTS and found.id is not None:
            self._break(found.id.parent, problem)
        else:
            self.fatal.append(problem)

    def _take(self, found: Found) -> None:
        node, resource = found.node, found.id
        if found.shape is Shape.RESOURCE and resource is not None:
            self._take_resource(node, found.type, resource, planned=found.planned)
        elif found.shape is Shape.COMMIT:
            self.deployments.extend(read_commit(node))
        elif found.shape is Shape.DEPLOYMENT:
            self.deployments.extend(read_deployment_status(node))
        elif resource is None:
            raise AssertionError(found)
        elif found.shape is Shape.ACTIVE_RULE:
            self.active_rules.append(read_active_rule(node, resource))
        elif found.shape is Shape.EFFECTIVE_RULE:
            self.effective[resource] = node.where
        elif found.shape is Shape.MANAGEMENT_GROUP:
            read_management_group(node, self.hierarchy)
        elif found.shape is Shape.SUBSCRIPTION:
            read_subscription_row(node, resource.subscription, self.hierarchy)
        else:
            self._take_resource(node, found.type, resource)

    def _take_resource(
        self, node: Node, kind: str, resource: ResourceId, *, planned: bool = False
    ) -> None:
        if kind in READERS:
            table, read = READERS[kind]
            self._put(getattr(self.resources, table), read(node, resource), table)
        elif kind == _VNET:
            self._take_vnet(node, resource, planned=planned)
        elif kind in PARENTS:
            self.parts.append(Found(node, Shape.RESOURCE, kind, resource, planned=planned))
        elif kind == _MANAGER + "/networkgroups/staticmembers":
            self.members.append(read_static_member(node, resource))
        elif kind == _MEMBERSHIPS:
            self.members.extend(read_memberships(node, resource))
            self.whole_memberships.add(membership_owner(resource))
        elif kind == "microsoft.authorization/policydefinitions":
            if policy := read_policy_definition(node, resource):
                self._put(self.resources.policies, policy, "policies")
        elif kind == "microsoft.authorization/policysetdefinitions":
            self.policy_sets[resource] = read_policy_set(node)
        elif kind == "microsoft.authorization/policyassignments":
            self._put(self.resources.assignments, read_assignment(node, resource), "assignments")

    def _take_vnet(self, node: Node, resource: ResourceId, *, planned: bool) -> None:
        subnets: list[ResourceId] = []
        for item in node.items("subnets"):
            subnet = child_id(item, resource, "subnets")
            subnets.append(subnet)
            if item.fields.keys() <= {"id", "resourcegroup", "name"}:
                continue  # a reference: the subnet itself stands elsewhere, or is missing
            self.take(Found(item, Shape.RESOURCE, _SUBNET, subnet, planned=planned))
        vnet = read_vnet(node, resource)  # its subnets count, whatever is wrong with it
        self.left_out.extend(lists_left_out(node, resource))
        self._put(self.resources.vnets, replace(vnet, subnets=tuple(subnets)), "vnets")

    def _put(self, table: dict[ResourceId, P], value: P, name: str) -> None:
        other = table.setdefault(value.id, value)
        if other is value or other == value:
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

    def read_whole(self, found: Found) -> _Placed:
        """Reads a resource by itself.

        Raises:
            Unreadable: Azure would refuse it, or it is not known.
        """
        assert found.id is not None
        read = read_vnet if found.type == _VNET else READERS[found.type][1]
        return read(found.node, found.id)

    def spoil(self, resource: ResourceId, diagnostic: Diagnostic) -> None:
        """Takes back a resource that was read, and of which something is not known now."""
        for table in _STANDS_ALONE:
            getattr(self.resources, table).pop(resource, None)
        self._break(resource, diagnostic)

    def finish(self) -> None:
        """Brings together what was read apart."""
        for resource in self.broken:
            for table in _STANDS_ALONE:
                getattr(self.resources, table).pop(resource, None)
        for joined in (self.joined, self.laid):
            joined.put_into(self)
        self.deployments, self.active_rules = self.over.left(self.deployments, self.active_rules)
        self._expand_policy_sets()
        self._check_effective_lists()
        for found in self.parts:
            self._check_part(found)
        check_admin_rules(self.resources)
        check_group_networks(self.resources)
        self.deployments, conflicts = newest(self.resources, self.deployments)
        self.fatal.extend(conflicts)
        self.active_rules, conflicts = newest_active(self.active_rules)
        self.fatal.extend(conflicts)
        for one in (
            *self.resources.nsgs.values(),
            *self.resources.admin_rules.values(),
            *self.deployments,
        ):
            self.diagnostics.extend(one.problems)
        self.diagnostics.extend(priorities_used_twice(self.resources))
        self.diagnostics.extend(contradicted_attachments(self.resources))
        self.diagnostics.extend(addresses_outside(self.resources))
        apart = {subnet.vnet for subnet in self.resources.subnets.values()}
        self.diagnostics.extend(
            diagnostic
            for name, diagnostic in self.left_out
            if name != "subnets" or diagnostic.resource not in apart
        )
        self.diagnostics.extend(addresses_held_twice(self.resources))
        self.diagnostics.extend(
            diagnostic
            for resource, diagnostic in dangling_references(self.resources, self.deployments)
            if resource not in self.broken
        )

    def _expand_policy_sets(self) -> None:
        assignments = self.resources.assignments
        for assignment in list(assignments.values()):
            for definition in self.policy_sets.get(assignment.definition, ()):
                single = assignment.id.child("definitions", definition.name)
                assignments[single] = replace(assignment, id=single, definition=definition)

    def _check_effective_lists(self) -> None:
        """Refuses effective admin rules that nothing else in the input knows.

        Such a list does not say for which virtual network it is (policy specification, 11).
        """
        known = {*self.resources.admin_rules, *(one.rule.id for one in self.active_rules)}
        for resource, where in self.effective.items():
            if resource not in known and resource not in self.broken:
                what = f"effective admin rule `{resource.name}` of an unnamed virtual network"
                expected = "the manager's active rules (az network manager list-active-…)"
                self.fatal.append(error(where, "effective-list", what, expected))

    def _check_part(self, found: Found) -> None:
        """Holds a rule, peering or route that stands alone against the parent that contains it."""
        assert found.id is not None
        parent, where = found.id.parent, found.node.where
        if parent in self.broken:
            return
        table = getattr(self.resources, PARENTS[found.type])
        whole = table.get(parent)
        is_over = found.id in self.over.resources
        if found.planned and parent in self.over.resources and not is_over:
            return  # the parent is another one by now, and that one's parts count
        if whole is None:
            what = f"`{found.id.name}` stands here without `{parent.name}`, which it is part of"
            expected = f"the export of `{parent.name}` itself"
            self.diagnostics.append(warning(where, "part-alone", what, expected))
            return
        same = part_of(whole, found.id)
        try:
            alone = read_part(found)
        except Unreadable as problem:
            self._break(parent, problem.diagnostic)
        else:
            if found.planned or (is_over and parent not in self.over.resources):
                table[parent] = with_parts(whole, [alone])
                return
            if same == alone:
                return
            other = getattr(same, "where", None) or whole.where
            what = f"`{found.id.name}` is not as in `{parent.name}` at {other}"
            self._break(parent, error(where, "duplicate", what, "exports of the same moment"))
        table.pop(parent, None)
