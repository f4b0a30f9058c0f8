"""Everything the input says about the network, typed and indexed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from flowverdict.model.diagnostics import Diagnostic, Severity
from flowverdict.model.manager import ManagementGroups
from flowverdict.net import ALL_IPV4, IntervalSet

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from flowverdict.model.flow_log import FlowLog
    from flowverdict.model.ids import ResourceId
    from flowverdict.model.manager import (
        ActiveRule,
        ConnectivityConfiguration,
        Deployment,
        GroupMember,
        MembershipPolicy,
        NetworkGroup,
        NetworkManager,
        PolicyAssignment,
        RuleCollection,
        SecurityAdminConfiguration,
    )
    from flowverdict.model.network import (
        Gateway,
        GatewayConnection,
        IpConfiguration,
        LoadBalancer,
        LocalGateway,
        NetworkInterface,
        PrivateEndpoint,
        PublicIp,
        RouteTable,
        ServiceSubnetUse,
        Subnet,
        VirtualMachine,
        VirtualNetwork,
    )
    from flowverdict.model.security import ApplicationSecurityGroup, NetworkSecurityGroup, Rule
    from flowverdict.model.tags import InternetSpace, ServiceTags

T = TypeVar("T")
K = TypeVar("K", bound="Hashable")
ById = dict["ResourceId", T]


@dataclass(slots=True)
class Resources:
    """The resources of an estate by id, one table a type."""

    vnets: ById[VirtualNetwork] = field(default_factory=dict["ResourceId", "VirtualNetwork"])
    subnets: ById[Subnet] = field(default_factory=dict["ResourceId", "Subnet"])
    route_tables: ById[RouteTable] = field(default_factory=dict["ResourceId", "RouteTable"])
    nics: ById[NetworkInterface] = field(default_factory=dict["ResourceId", "NetworkInterface"])
    vms: ById[VirtualMachine] = field(default_factory=dict["ResourceId", "VirtualMachine"])
    public_ips: ById[PublicIp] = field(default_factory=dict["ResourceId", "PublicIp"])
    load_balancers: ById[LoadBalancer] = field(default_factory=dict["ResourceId", "LoadBalancer"])
    private_endpoints: ById[PrivateEndpoint] = field(
        default_factory=dict["ResourceId", "PrivateEndpoint"]
    )
    gateways: ById[Gateway] = field(default_factory=dict["ResourceId", "Gateway"])
    local_gateways: ById[LocalGateway] = field(default_factory=dict["ResourceId", "LocalGateway"])
    connections: ById[GatewayConnection] = field(
        default_factory=dict["ResourceId", "GatewayConnection"]
    )
    services: ById[ServiceSubnetUse] = field(default_factory=dict["ResourceId", "ServiceSubnetUse"])
    nsgs: ById[NetworkSecurityGroup] = field(
        default_factory=dict["ResourceId", "NetworkSecurityGroup"]
    )
    asgs: ById[ApplicationSecurityGroup] = field(
        default_factory=dict["ResourceId", "ApplicationSecurityGroup"]
    )
    managers: ById[NetworkManager] = field(default_factory=dict["ResourceId", "NetworkManager"])
    groups: ById[NetworkGroup] = field(default_factory=dict["ResourceId", "NetworkGroup"])
    configurations: ById[SecurityAdminConfiguration] = field(
        default_factory=dict["ResourceId", "SecurityAdminConfiguration"]
    )
    collections: ById[RuleCollection] = field(default_factory=dict["ResourceId", "RuleCollection"])
    admin_rules: ById[Rule] = field(default_factory=dict["ResourceId", "Rule"])
    connectivity: ById[ConnectivityConfiguration] = field(
        default_factory=dict["ResourceId", "ConnectivityConfiguration"]
    )
    policies: ById[MembershipPolicy] = field(default_factory=dict["ResourceId", "MembershipPolicy"])
    assignments: ById[PolicyAssignment] = field(
        default_factory=dict["ResourceId", "PolicyAssignment"]
    )
    flow_logs: ById[FlowLog] = field(default_factory=dict["ResourceId", "FlowLog"])


@dataclass(frozen=True, eq=False)
class Estate:
    """An Azure network as the input describes it.

    Attributes:
        resources: the tables of resources.
        members: members of network groups that the input states outright.
        whole_memberships: the virtual networks of which all memberships are stated.
        deployments: what was committed, the newest for each manager, region and type.
        active_rules: what managers list as deployed.
        hierarchy: the management groups.
        policy_sets: the initiatives that the input has.
        diagnostics: what is wrong with the input, or deserves a look.
        broken: resources that stand in the input but could not be read, with the reason.
        service_tags: the public service tags.
        internet: what the ``Internet`` tag stands for.
    """

    resources: Resources
    service_tags: ServiceTags
    internet: InternetSpace
    members: tuple[GroupMember, ...] = ()
    whole_memberships: frozenset[ResourceId] = frozenset()
    deployments: tuple[Deployment, ...] = ()
    active_rules: tuple[ActiveRule, ...] = ()
    hierarchy: ManagementGroups = field(default_factory=ManagementGroups)
    policy_sets: frozenset[ResourceId] = frozenset()
    diagnostics: tuple[Diagnostic, ...] = ()
    broken: Mapping[ResourceId, Diagnostic] = field(default_factory=dict["ResourceId", Diagnostic])

    def with_nsg(self, nsg: NetworkSecurityGroup) -> Estate:
        """Returns an estate in which one NSG is another; everything else is shared."""
        nsgs = {**self.resources.nsgs, nsg.id: nsg}
        return replace(self, resources=replace(self.resources, nsgs=nsgs))

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that are errors."""
        return tuple(one for one in self.diagnostics if one.severity is Severity.ERROR)

    @cached_property
    def warnings_by_resource(self) -> dict[ResourceId, list[Diagnostic]]:
        """The warnings about each resource."""
        index: dict[ResourceId, list[Diagnostic]] = {}
        for one in self.diagnostics:
            if one.resource is not None and one.severity is Severity.WARNING:
                index.setdefault(one.resource, []).append(one)
        return index

    @cached_property
    def asg_members(self) -> dict[ResourceId, list[IpConfiguration]]:
        """The IP configurations of each application security group."""
        index: dict[ResourceId, list[IpConfiguration]] = {}
        for nic in self.resources.nics.values():
            for configuration in nic.ip_configurations:
                for asg in configuration.asgs:
                    index.setdefault(asg, []).append(configuration)
        for endpoint in self.resources.private_endpoints.values():
            nics = (self.resources.nics.get(one) for one in endpoint.nics)
            found = [one for nic in nics if nic for one in nic.ip_configurations]
            for asg in endpoint.asgs:
                index.setdefault(asg, []).extend(found)
        return index

    @cached_property
    def open_addresses(self) -> dict[ResourceId, tuple[IntervalSet, ...]]:
        """What interfaces that are only planned, or whose machine is off, may get as addresses.

        A set for each IP configuration without one: the addresses of its subnet that no interface
        of the estate has. Interfaces of which this is not known are left out.
        """
        nics = self.resources.nics.values()
        without = [one for one in nics if not all(at.addresses for at in one.ip_configurations)]
        held: dict[ResourceId | None, list[IntervalSet]] = {one.subnet: [] for one in without}
        for nic in nics if without else ():
            if nic.subnet in held:
                held[nic.subnet].append(nic.addresses)
        found: dict[ResourceId, tuple[IntervalSet, ...]] = {}
        for nic in without:
            subnet = self.resources.subnets.get(nic.subnet) if nic.subnet else None
            if subnet is None:
                continue
            taken = IntervalSet.union(held[nic.subnet])
            left = [
                _given(subnet.prefixes, is_ipv6=one.is_ipv6) - taken
                for one in nic.ip_configurations
                if not one.addresses
            ]
            if all(left):
                found[nic.id] = tuple(left)
        return found

    def name_lost(self, kind: str, resource: ResourceId) -> str:
        """Names a resource that the estate lacks, with the reason where it could not be read."""
        reason = self.broken.get(resource)
        return f"{kind} `{resource}`" + (f" ({reason})" if reason else "")

    def name_address_lost(self, nic: NetworkInterface) -> str:
        """Names the address that an interface lacks, with its subnet where that is lost too."""
        lost = f"private address of `{nic.id}`"
        if nic.subnet is None or nic.subnet in self.resources.subnets:
            return lost
        return f"{lost}, as its {self.name_lost('subnet', nic.subnet)} is missing"

    def lacks_address(self, nic: NetworkInterface) -> bool:
        """Reports whether an interface has an address of which nothing is known."""
        told = nic.ip_configurations and all(one.addresses for one in nic.ip_configurations)
        return not told and nic.id not in self.open_addresses

    def addresses_of(self, nic: NetworkInterface) -> IntervalSet:
        """Returns the addresses that an interface has, or may get."""
        own = nic.addresses
        if nic.id in self.open_addresses:
            own = IntervalSet.union((own, *self.open_addresses[nic.id]))
        return own

    def may_get(self, nic: NetworkInterface, configuration: IpConfiguration) -> IntervalSet:
        """Returns the addresses that one IP configuration of an interface has, or may get."""
        if configuration.addresses or nic.id not in self.open_addresses:
            return configuration.addresses
        left = [one for one in nic.ip_configurations if not one.addresses]
        return self.open_addresses[nic.id][left.index(configuration)]

    @cached_property
    def nics_by_name(self) -> dict[str, list[NetworkInterface]]:
        """The network interfaces of each name, in lower case."""
        return _index(self.resources.nics.values(), lambda nic: nic.id.last)

    @cached_property
    def nics_by_mac(self) -> dict[str, list[NetworkInterface]]:
        """The network interfaces with each MAC address; those without one are left out."""
        return _index((nic for nic in self.resources.nics.values() if nic.mac), lambda nic: nic.mac)

    @cached_property
    def flow_logs_by_target(self) -> dict[ResourceId, list[FlowLog]]:
        """The flow logs of each resource that is logged, those that are switched off too."""
        return _index(self.resources.flow_logs.values(), lambda one: one.target)

    @cached_property
    def nics_by_address(self) -> dict[int, list[NetworkInterface]]:
        """The network interfaces with each private address, blocks of addresses left out."""
        index: dict[int, list[NetworkInterface]] = {}
        for nic in self.resources.nics.values():
            for one in nic.ip_configurations:
                if one.addresses.size == 1:
                    index.setdefault(one.addresses.spans[0][0], []).append(nic)
        return index

    @cached_property
    def subnets_by_vnet(self) -> dict[ResourceId, list[Subnet]]:
        """The subnets of each virtual network, wherever they stand in the input."""
        return _index(self.resources.subnets.values(), lambda subnet: subnet.vnet)

    @cached_property
    def absent_nics(self) -> dict[ResourceId, Subnet | None]:
        """Interfaces that machines or subnets name and the input lacks, with their subnet."""
        found: dict[ResourceId, Subnet | None] = {}
        for vm in self.resources.vms.values():
            found.update(dict.fromkeys(one for one in vm.nics if one not in self.resources.nics))
        for subnet in self.resources.subnets.values():
            found.update(
                dict.fromkeys(
                    (one for one in subnet.nics if one not in self.resources.nics), subnet
                )
            )
        return found

    @cached_property
    def nics_by_vm(self) -> dict[ResourceId, list[NetworkInterface]]:
        """The network interfaces of each virtual machine, as either side states it."""
        index: dict[ResourceId, dict[ResourceId, NetworkInterface]] = {}
        for nic in self.resources.nics.values():
            if nic.vm:
                index.setdefault(nic.vm, {})[nic.id] = nic
        for vm in self.resources.vms.values():
            found = index.setdefault(vm.id, {})
            for nic_id in vm.nics:
                if nic := self.resources.nics.get(nic_id):
                    found[nic.id] = nic
        return {vm: list(nics.values()) for vm, nics in index.items()}

    @cached_property
    def nics_of_machines(self) -> frozenset[ResourceId]:
        """The network interfaces that belong to a machine, as either side states it."""
        return frozenset(nic.id for nics in self.nics_by_vm.values() for nic in nics)

    @cached_property
    def private_endpoint_nics(self) -> frozenset[ResourceId]:
        """The network interfaces of private endpoints, as either side states it."""
        of_endpoints = {
            nic for one in self.resources.private_endpoints.values() for nic in one.nics
        }
        own = {nic.id for nic in self.resources.nics.values() if nic.private_endpoint}
        return frozenset(of_endpoints | own)

    @cached_property
    def members_by_group(self) -> dict[ResourceId, list[GroupMember]]:
        """The members of each network group that the input states outright."""
        return _index(self.members, lambda one: one.group)

    @cached_property
    def policies_by_group(self) -> dict[ResourceId, list[MembershipPolicy]]:
        """The membership policies of each network group."""
        return _index(self.resources.policies.values(), lambda one: one.group)

    @cached_property
    def assignments_by_definition(self) -> dict[ResourceId, list[PolicyAssignment]]:
        """The assignments of each policy definition or initiative."""
        return _index(self.resources.assignments.values(), lambda one: one.definition)

    @cached_property
    def services_by_subnet(self) -> dict[ResourceId, list[ServiceSubnetUse]]:
        """The services that occupy each subnet."""
        index: dict[ResourceId, list[ServiceSubnetUse]] = {}
        for service in self.resources.services.values():
            for subnet in service.subnets:
                index.setdefault(subnet, []).append(service)
        return index

    @cached_property
    def configurations_by_manager(self) -> dict[ResourceId, list[SecurityAdminConfiguration]]:
        """The security admin configurations of each manager."""
        return _index(self.resources.configurations.values(), lambda one: one.manager)

    @cached_property
    def collections_by_configuration(self) -> dict[ResourceId, list[RuleCollection]]:
        """The rule collections of each security admin configuration."""
        return _index(self.resources.collections.values(), lambda one: one.id.parent)

    @cached_property
    def every_admin_rule(self) -> tuple[Rule, ...]:
        """The security admin rules that are configured, then those that are listed as deployed."""
        active = (one.rule for one in self.active_rules)
        return (*self.resources.admin_rules.values(), *active)

    @cached_property
    def rules_by_collection(self) -> dict[ResourceId, list[Rule]]:
        """The security admin rules of each collection."""
        return _index(self.resources.admin_rules.values(), lambda one: one.id.parent)

    @cached_property
    def rules_without_collection(self) -> dict[ResourceId, list[Rule]]:
        """The security admin rules of each configuration whose collection is not in the input."""
        lost = (
            one
            for one in self.resources.admin_rules.values()
            if one.id.parent not in self.resources.collections
        )
        return _index(lost, lambda one: one.id.parent.parent)

    @cached_property
    def active_by_place(self) -> dict[tuple[ResourceId, str], list[ActiveRule]]:
        """The active rules of each manager and region."""
        return _index(self.active_rules, lambda one: (one.manager, one.region))

    @cached_property
    def deployment_at(self) -> dict[tuple[ResourceId, str, str], Deployment]:
        """The deployment of each manager, region and type."""
        return {(one.manager, one.region, one.kind): one for one in self.deployments}

    @cached_property
    def managers(self) -> tuple[ResourceId, ...]:
        """Every network manager that the input knows of, in the order of ids."""
        found = {*self.resources.managers, *self.configurations_by_manager}
        found.update(one.manager for one in self.deployments)
        found.update(manager for manager, _ in self.active_by_place)
        found.update(one.parent for one in self.resources.connectivity)
        return tuple(sorted(found))

    @cached_property
    def gateways_by_vnet(self) -> dict[ResourceId, list[ResourceId]]:
        """The virtual network gateways of each network, as gateways or subnets state them."""
        index: dict[ResourceId, dict[ResourceId, None]] = {}
        for gateway in self.resources.gateways.values():
            for subnet in gateway.subnets:
                index.setdefault(subnet.parent, {})[gateway.id] = None
        for subnet in self.resources.subnets.values():
            for gateway_id in subnet.gateways:
                index.setdefault(subnet.vnet, {})[gateway_id] = None
        return {vnet: list(gateways) for vnet, gateways in index.items()}

    @cached_property
    def connections_by_gateway(self) -> dict[ResourceId, list[GatewayConnection]]:
        """The connections of each virtual network gateway, at either end."""
        index: dict[ResourceId, list[GatewayConnection]] = {}
        for one in self.resources.connections.values():
            for gateway in {one.gateway, one.remote_gateway} - {None}:
                assert gateway is not None
                index.setdefault(gateway, []).append(one)
        return index


def _given(prefixes: IntervalSet, *, is_ipv6: bool) -> IntervalSet:
    """Returns the addresses of a subnet that Azure gives to interfaces.

    The first four and the last one it keeps for itself (virtual network FAQ).
    """
    of_family = prefixes - ALL_IPV4 if is_ipv6 else prefixes & ALL_IPV4
    return IntervalSet((low + 4, high - 1) for low, high in of_family if high - low > 4)


def _index(values: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Returns the values of each key, in the order they came in."""
    index: dict[K, list[T]] = {}
    for value in values:
        index.setdefault(key(value), []).append(value)
    return index
