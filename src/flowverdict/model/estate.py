"""Everything the input says about the network, typed and indexed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from flowverdict.model.diagnostics import Diagnostic, Severity
from flowverdict.model.manager import ManagementGroups

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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


class Estate:
    """An Azure network as the input describes it. Read only once it is made.

    Attributes:
        resources: the tables of resources.
        members: members of network groups that the input states outright.
        deployments: what was committed, in no particular order.
        active_rules: what managers list as deployed.
        hierarchy: the management groups.
        diagnostics: what is wrong with the input, or deserves a look.
        service_tags: the public service tags.
        internet: what the ``Internet`` tag stands for.
        read: how many resources of each type were read, and how many were of no concern.
    """

    def __init__(
        self,
        resources: Resources,
        *,
        service_tags: ServiceTags,
        internet: InternetSpace,
        members: Iterable[GroupMember] = (),
        deployments: Iterable[Deployment] = (),
        active_rules: Iterable[ActiveRule] = (),
        hierarchy: ManagementGroups | None = None,
        diagnostics: Iterable[Diagnostic] = (),
        broken: Mapping[ResourceId, Diagnostic] | None = None,
    ) -> None:
        self.resources = resources
        self.service_tags = service_tags
        self.internet = internet
        self.members = tuple(members)
        self.deployments = tuple(deployments)
        self.active_rules = tuple(active_rules)
        self.hierarchy = hierarchy or ManagementGroups()
        self.diagnostics = tuple(diagnostics)
        self.broken = dict(broken or {})
        """Resources that stand in the input but could not be read, with the reason."""

    def with_nsg(self, nsg: NetworkSecurityGroup) -> Estate:
        """Returns an estate in which one NSG is another; everything else is shared."""
        return Estate(
            replace(self.resources, nsgs={**self.resources.nsgs, nsg.id: nsg}),
            service_tags=self.service_tags,
            internet=self.internet,
            members=self.members,
            deployments=self.deployments,
            active_rules=self.active_rules,
            hierarchy=self.hierarchy,
            diagnostics=self.diagnostics,
            broken=self.broken,
        )

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that are errors."""
        return tuple(one for one in self.diagnostics if one.severity is Severity.ERROR)

    @cached_property
    def asg_members(self) -> dict[ResourceId, list[IpConfiguration]]:
        """The IP configurations of each application security group."""
        index: dict[ResourceId, list[IpConfiguration]] = {}
        for nic in self.resources.nics.values():
            for configuration in nic.ip_configurations:
                for asg in configuration.asgs:
                    index.setdefault(asg, []).append(configuration)
        for endpoint in self.resources.private_endpoints.values():
            for asg in endpoint.asgs:
                for nic_id in endpoint.nics:
                    if nic := self.resources.nics.get(nic_id):
                        index.setdefault(asg, []).extend(nic.ip_configurations)
        return index

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
    def members_by_group(self) -> dict[ResourceId, list[GroupMember]]:
        """The members of each network group that the input states outright."""
        index: dict[ResourceId, list[GroupMember]] = {}
        for member in self.members:
            index.setdefault(member.group, []).append(member)
        return index

    @cached_property
    def policies_by_group(self) -> dict[ResourceId, list[MembershipPolicy]]:
        """The membership policies of each network group."""
        index: dict[ResourceId, list[MembershipPolicy]] = {}
        for policy in self.resources.policies.values():
            index.setdefault(policy.group, []).append(policy)
        return index

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
        index: dict[ResourceId, list[SecurityAdminConfiguration]] = {}
        for configuration in self.resources.configurations.values():
            index.setdefault(configuration.manager, []).append(configuration)
        return index

    @cached_property
    def collections_by_configuration(self) -> dict[ResourceId, list[RuleCollection]]:
        """The rule collections of each security admin configuration."""
        index: dict[ResourceId, list[RuleCollection]] = {}
        for collection in self.resources.collections.values():
            index.setdefault(collection.id.parent, []).append(collection)
        return index

    @cached_property
    def rules_by_collection(self) -> dict[ResourceId, list[Rule]]:
        """The security admin rules of each collection."""
        index: dict[ResourceId, list[Rule]] = {}
        for rule in self.resources.admin_rules.values():
            index.setdefault(rule.id.parent, []).append(rule)
        return index

    @cached_property
    def gateways_by_vnet(self) -> dict[ResourceId, list[Gateway]]:
        """The virtual network gateways that stand in each virtual network."""
        index: dict[ResourceId, list[Gateway]] = {}
        for gateway in self.resources.gateways.values():
            for vnet in {subnet.parent for subnet in gateway.subnets}:
                index.setdefault(vnet, []).append(gateway)
        return index
