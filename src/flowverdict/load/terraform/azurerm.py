"""The resource types of the azurerm provider that are read, and what becomes of their attributes.

Attribute names as the provider's documentation has them, those of older versions beside today's.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from flowverdict.load.terraform.fields import (
    constant,
    each,
    first_ref,
    holding,
    identities,
    identity,
    in_subnet,
    inside,
    one,
    ref,
    refs,
    same,
)
from flowverdict.load.terraform.types import (
    ASGS,
    ASSIGNMENTS,
    COLLECTIONS,
    CONFIGURATIONS,
    CONNECTIONS,
    DEFINITIONS,
    ENDPOINTS,
    GATEWAYS,
    GROUPS,
    LOAD_BALANCERS,
    LOCAL_GATEWAYS,
    MACHINES,
    MANAGERS,
    NETWORK,
    NETWORK_GROUPS,
    NICS,
    NSGS,
    PEERINGS,
    POLICY_SETS,
    PUBLIC_IPS,
    ROUTE_TABLES,
    ROUTES,
    RULES,
    SCALE_SETS,
    STORAGE,
    SUBNETS,
    VNETS,
    WATCHERS,
    WORKSPACES,
)
from flowverdict.load.terraform.world import Named
from flowverdict.load.unknown import Unknown
from flowverdict.model.value import value

if TYPE_CHECKING:
    from flowverdict.load.terraform.fields import Block, Field, Fields


@value
class Kind:
    """A type of resources.

    Attributes:
        named: how its ids are made.
        fields: the fields of the body, and what fills each.
        inline: blocks that are resources of their own in Azure: name of the block, their ARM type
            and their fields.
    """

    named: Named
    fields: Fields
    inline: tuple[tuple[str, str, Fields], ...] = ()


@value
class Tie:
    """A type of resources that only ties two others together.

    Attributes:
        slot: what of the first the second becomes: ``nsg``, ``route_table`` or ``asgs``.
        target: the attribute with the id of the first, and its type.
        value: the attribute with the id of the second, and its type.
    """

    slot: str
    target: tuple[str, str]
    value: tuple[str, str]


def _prefixes(block: Block) -> Any:
    many, single = block.get("address_prefixes"), block.get("address_prefix")
    return many if many or single is None else [single]


def _endpoint_policies(block: Block) -> Any:
    """A subnet's policies for private endpoints; the oldest attribute says what it switches off."""
    if (word := block.get("private_endpoint_network_policies")) is not None:
        return word
    enabled = block.get("private_endpoint_network_policies_enabled")
    if (
        enabled is None
        and (off := block.get("enforce_private_link_endpoint_network_policies")) is not None
    ):
        enabled = off if isinstance(off, Unknown) else not off
    if enabled is None or isinstance(enabled, Unknown):
        return enabled
    return "Enabled" if enabled else "Disabled"


def _parsed(name: str) -> Field:
    """The field holds the JSON that an attribute holds as text."""

    def fill(block: Block) -> Any:
        text = block.get(name)
        if not isinstance(text, str) or not text:
            return text or None
        try:
            return json.loads(text)
        except ValueError:
            return Unknown(f"`{name}` is no JSON")

    return fill


def _enforcement(block: Block) -> Any:
    enforce = block.get("enforce", "enforcement_mode")
    if isinstance(enforce, bool):
        return "Default" if enforce else "DoNotEnforce"
    return enforce


def _location(block: Block) -> Any:
    found = block.get("location")
    return found if isinstance(found, Unknown) else [found]


def _ip_version(block: Block) -> Any:
    return block.get("private_ip_address_version", "version")


_TAGS: Final = {"location": same("location"), "tags": same("tags")}
_DELEGATION: Final = {
    "name": same("name"),
    "serviceName": inside("service_delegation", same("name")),
}
_SUBNET: Final = {
    "addressPrefixes": _prefixes,
    "delegations": each("delegation", _DELEGATION),
    "privateEndpointNetworkPolicies": _endpoint_policies,
}
_RULE: Final = {
    "name": same("name"),
    "priority": same("priority"),
    "direction": same("direction"),
    "access": same("access"),
    "protocol": same("protocol"),
    "sourcePortRange": same("source_port_range"),
    "sourcePortRanges": same("source_port_ranges"),
    "destinationPortRange": same("destination_port_range"),
    "destinationPortRanges": same("destination_port_ranges"),
    "sourceAddressPrefix": same("source_address_prefix"),
    "sourceAddressPrefixes": same("source_address_prefixes"),
    "destinationAddressPrefix": same("destination_address_prefix"),
    "destinationAddressPrefixes": same("destination_address_prefixes"),
    "sourceApplicationSecurityGroups": refs("source_application_security_group_ids", ASGS),
    "destinationApplicationSecurityGroups": refs(
        "destination_application_security_group_ids", ASGS
    ),
}
_ROUTE: Final = {
    "name": same("name"),
    "addressPrefix": same("address_prefix"),
    "nextHopType": same("next_hop_type"),
}
_NIC_CONFIGURATION: Final = {
    "name": same("name"),
    "privateIPAddress": same("private_ip_address"),
    "privateIPAddressVersion": _ip_version,
    "subnet": ref("subnet_id", SUBNETS),
    "publicIPAddress": ref("public_ip_address_id", PUBLIC_IPS),
    "applicationSecurityGroups": refs("application_security_group_ids", ASGS),
}
_IN_SUBNET: Final = {"name": same("name"), "subnet": ref("subnet_id", SUBNETS)}
_MACHINE: Final = {
    **_TAGS,
    "hardwareProfile": holding({"vmSize": same("size", "vm_size")}),
    "networkProfile": holding({"networkInterfaces": refs("network_interface_ids", NICS)}),
}
_FRONTEND: Final = {
    "privateIPAddress": same("private_ip_address"),
    "publicIPAddress": ref("public_ip_address_id", PUBLIC_IPS),
}
_SIDE: Final = {
    "addressPrefix": same("address_prefix"),
    "addressPrefixType": same("address_prefix_type"),
}
_MESHED: Final = {
    "networkGroupId": identity(NETWORK_GROUPS, "network_group_id"),
    "groupConnectivity": same("group_connectivity"),
    "isGlobal": same("global_mesh_enabled"),
}
_ASSIGNMENT: Final = {
    "policyDefinitionId": identity("", "policy_definition_id"),
    "notScopes": same("not_scopes"),
    "enforcementMode": _enforcement,
    "resourceSelectors": same("resource_selectors"),
    "overrides": same("overrides"),
}
_POLICY_SET: Final = {
    "policyDefinitions": each(
        "policy_definition_reference",
        {"policyDefinitionId": identity(DEFINITIONS, "policy_definition_id")},
    )
}

KINDS: Final[dict[str, Kind]] = {
    "azurerm_resource_group": Kind(Named(GROUPS), _TAGS),
    "azurerm_virtual_network": Kind(
        Named(VNETS),
        {**_TAGS, "addressSpace": holding({"addressPrefixes": same("address_space")})},
        (
            (
                "subnet",
                SUBNETS,
                {
                    **_SUBNET,
                    "networkSecurityGroup": first_ref(
                        NSGS, "security_group", "network_security_group_id"
                    ),
                    "routeTable": ref("route_table_id", ROUTE_TABLES),
                },
            ),
        ),
    ),
    "azurerm_subnet": Kind(
        Named(SUBNETS, "virtual_network_name"),
        {
            **_SUBNET,
            "networkSecurityGroup": ref("network_security_group_id", NSGS),  # of a data source
            "routeTable": ref("route_table_id", ROUTE_TABLES),
        },
    ),
    "azurerm_virtual_network_peering": Kind(
        Named(PEERINGS, "virtual_network_name"),
        {
            "remoteVirtualNetwork": ref("remote_virtual_network_id", VNETS),
            "allowVirtualNetworkAccess": same("allow_virtual_network_access"),
            "useRemoteGateways": same("use_remote_gateways"),
            "peerCompleteVnets": same("peer_complete_virtual_networks_enabled"),
            "localSubnetNames": same("local_subnet_names"),
            "remoteSubnetNames": same("remote_subnet_names"),
            "enableOnlyIPv6Peering": same("only_ipv6_peering_enabled"),
        },
    ),
    "azurerm_network_security_group": Kind(Named(NSGS), _TAGS, (("security_rule", RULES, _RULE),)),
    "azurerm_network_security_rule": Kind(Named(RULES, "network_security_group_name"), _RULE),
    "azurerm_application_security_group": Kind(Named(ASGS), _TAGS),
    "azurerm_network_interface": Kind(
        Named(NICS),
        {
            **_TAGS,
            "ipConfigurations": each("ip_configuration", _NIC_CONFIGURATION),
            "networkSecurityGroup": ref("network_security_group_id", NSGS),
            "enableIPForwarding": same("ip_forwarding_enabled", "enable_ip_forwarding"),
            "macAddress": same("mac_address"),
        },
    ),
    "azurerm_public_ip": Kind(Named(PUBLIC_IPS), {**_TAGS, "ipAddress": same("ip_address")}),
    "azurerm_route_table": Kind(Named(ROUTE_TABLES), _TAGS, (("route", ROUTES, _ROUTE),)),
    "azurerm_route": Kind(Named(ROUTES, "route_table_name"), _ROUTE),
    "azurerm_linux_virtual_machine": Kind(Named(MACHINES), _MACHINE),
    "azurerm_windows_virtual_machine": Kind(Named(MACHINES), _MACHINE),
    "azurerm_virtual_machine": Kind(Named(MACHINES), _MACHINE),
    "azurerm_lb": Kind(
        Named(LOAD_BALANCERS),
        {**_TAGS, "frontendIPConfigurations": each("frontend_ip_configuration", _FRONTEND)},
    ),
    "azurerm_private_endpoint": Kind(Named(ENDPOINTS), _TAGS),
    "azurerm_virtual_network_gateway": Kind(
        Named(GATEWAYS),
        {
            **_TAGS,
            "ipConfigurations": each("ip_configuration", {"subnet": in_subnet("GatewaySubnet")}),
            "vpnClientConfiguration": one(
                "vpn_client_configuration",
                {"vpnClientAddressPool": holding({"addressPrefixes": same("address_space")})},
            ),
        },
    ),
    "azurerm_local_network_gateway": Kind(
        Named(LOCAL_GATEWAYS),
        {**_TAGS, "localNetworkAddressSpace": holding({"addressPrefixes": same("address_space")})},
    ),
    "azurerm_virtual_network_gateway_connection": Kind(
        Named(CONNECTIONS),
        {
            **_TAGS,
            "connectionType": same("type"),
            "virtualNetworkGateway1": ref("virtual_network_gateway_id", GATEWAYS),
            "virtualNetworkGateway2": ref("peer_virtual_network_gateway_id", GATEWAYS),
            "localNetworkGateway2": ref("local_network_gateway_id", LOCAL_GATEWAYS),
            "enableBgp": same("bgp_enabled", "enable_bgp"),
        },
    ),
    "azurerm_firewall": Kind(
        Named(NETWORK + "azureFirewalls"),
        {
            **_TAGS,
            "ipConfigurations": each(
                "ip_configuration", {"subnet": in_subnet("AzureFirewallSubnet")}
            ),
        },
    ),
    "azurerm_bastion_host": Kind(
        Named(NETWORK + "bastionHosts"),
        {
            **_TAGS,
            "ipConfigurations": each(
                "ip_configuration", {"subnet": in_subnet("AzureBastionSubnet")}
            ),
        },
    ),
    "azurerm_application_gateway": Kind(
        Named(NETWORK + "applicationGateways"),
        {**_TAGS, "gatewayIPConfigurations": each("gateway_ip_configuration", _IN_SUBNET)},
    ),
    "azurerm_mssql_managed_instance": Kind(
        Named("Microsoft.Sql/managedInstances"),
        {**_TAGS, "subnetId": identity(SUBNETS, "subnet_id")},
    ),
    "azurerm_databricks_workspace": Kind(
        Named("Microsoft.Databricks/workspaces"),
        {
            **_TAGS,
            "parameters": one(
                "custom_parameters",
                {
                    "customVirtualNetworkId": holding(
                        {"value": identity(VNETS, "virtual_network_id")}
                    ),
                    "customPublicSubnetName": holding({"value": same("public_subnet_name")}),
                    "customPrivateSubnetName": holding({"value": same("private_subnet_name")}),
                },
            ),
        },
    ),
    "azurerm_network_manager": Kind(
        Named(MANAGERS),
        {
            **_TAGS,
            "networkManagerScopes": one(
                "scope",
                {
                    "managementGroups": same("management_group_ids"),
                    "subscriptions": same("subscription_ids"),
                },
            ),
        },
    ),
    "azurerm_network_manager_network_group": Kind(
        Named(NETWORK_GROUPS, "network_manager_id"), {"memberType": same("member_type")}
    ),
    "azurerm_network_manager_static_member": Kind(
        Named(NETWORK_GROUPS + "/staticMembers", "network_group_id"),
        {"resourceId": identity("", "target_virtual_network_id")},
    ),
    "azurerm_network_manager_security_admin_configuration": Kind(
        Named(CONFIGURATIONS, "network_manager_id"),
        {
            "applyOnNetworkIntentPolicyBasedServices": same(
                "apply_on_network_intent_policy_based_services"
            )
        },
    ),
    "azurerm_network_manager_admin_rule_collection": Kind(
        Named(COLLECTIONS, "security_admin_configuration_id"),
        {"appliesToGroups": refs("network_group_ids", NETWORK_GROUPS, "networkGroupId")},
    ),
    "azurerm_network_manager_admin_rule": Kind(
        Named(COLLECTIONS + "/rules", "admin_rule_collection_id"),
        {
            "kind": constant("Custom"),
            "access": same("action"),
            "direction": same("direction"),
            "priority": same("priority"),
            "protocol": same("protocol"),
            "sourcePortRanges": same("source_port_ranges"),
            "destinationPortRanges": same("destination_port_ranges"),
            "sources": each("source", _SIDE),
            "destinations": each("destination", _SIDE),
        },
    ),
    "azurerm_network_manager_connectivity_configuration": Kind(
        Named(MANAGERS + "/connectivityConfigurations", "network_manager_id"),
        {
            "connectivityTopology": same("connectivity_topology"),
            "appliesToGroups": each("applies_to_group", _MESHED),
        },
    ),
    "azurerm_network_watcher": Kind(Named(WATCHERS), _TAGS),
    "azurerm_network_watcher_flow_log": Kind(
        Named(WATCHERS + "/flowLogs", "network_watcher_name"),
        {
            "targetResourceId": identity("", "target_resource_id", "network_security_group_id"),
            "storageId": identity(STORAGE, "storage_account_id"),
            "enabled": same("enabled"),
            "retentionPolicy": one(
                "retention_policy", {"days": same("days"), "enabled": same("enabled")}
            ),
            "flowAnalyticsConfiguration": holding(
                {
                    "networkWatcherFlowAnalyticsConfiguration": one(
                        "traffic_analytics",
                        {
                            "enabled": same("enabled"),
                            "workspaceResourceId": identity(WORKSPACES, "workspace_resource_id"),
                        },
                    )
                }
            ),
        },
    ),
    "azurerm_policy_definition": Kind(
        Named(DEFINITIONS, scope="management_group_id"), {"policyRule": _parsed("policy_rule")}
    ),
    "azurerm_policy_set_definition": Kind(
        Named(POLICY_SETS, scope="management_group_id"), _POLICY_SET
    ),
    "azurerm_subscription_policy_assignment": Kind(
        Named(ASSIGNMENTS, scope="subscription_id"),
        {**_ASSIGNMENT, "scope": identity("", "subscription_id")},
    ),
    "azurerm_resource_group_policy_assignment": Kind(
        Named(ASSIGNMENTS, scope="resource_group_id"),
        {**_ASSIGNMENT, "scope": identity(GROUPS, "resource_group_id")},
    ),
    "azurerm_management_group_policy_assignment": Kind(
        Named(ASSIGNMENTS, scope="management_group_id"),
        {**_ASSIGNMENT, "scope": identity("", "management_group_id")},
    ),
}
"""What each type is read as."""

TIES: Final[dict[str, Tie]] = {
    "azurerm_subnet_network_security_group_association": Tie(
        "nsg", ("subnet_id", SUBNETS), ("network_security_group_id", NSGS)
    ),
    "azurerm_subnet_route_table_association": Tie(
        "route_table", ("subnet_id", SUBNETS), ("route_table_id", ROUTE_TABLES)
    ),
    "azurerm_network_interface_security_group_association": Tie(
        "nsg", ("network_interface_id", NICS), ("network_security_group_id", NSGS)
    ),
    "azurerm_network_interface_application_security_group_association": Tie(
        "asgs", ("network_interface_id", NICS), ("application_security_group_id", ASGS)
    ),
    "azurerm_private_endpoint_application_security_group_association": Tie(
        "asgs", ("private_endpoint_id", ENDPOINTS), ("application_security_group_id", ASGS)
    ),
}
"""What ties two resources together."""

SCALE_SET_TYPES: Final = frozenset(
    {
        "azurerm_linux_virtual_machine_scale_set",
        "azurerm_windows_virtual_machine_scale_set",
        "azurerm_orchestrated_virtual_machine_scale_set",
    }
)
"""Their interfaces have no resources of their own in Terraform."""

SCALE_SET_NIC: Final = {
    "networkSecurityGroup": ref("network_security_group_id", NSGS),
    "enableIPForwarding": same("ip_forwarding_enabled", "enable_ip_forwarding"),
    "ipConfigurations": each("ip_configuration", _NIC_CONFIGURATION),
}

DEPLOYMENT: Final = "azurerm_network_manager_deployment"
COMMIT: Final[Fields] = {
    "targetLocations": _location,
    "configurationIds": identities("configuration_ids", ""),
    "commitType": same("scope_access"),
    "networkManagerId": identity(MANAGERS, "network_manager_id"),
}
"""A deployment of a network manager, as the body of a commit."""

READ_AS: Final = {
    **{name: kind.named.type for name, kind in KINDS.items()},
    **{name: f"the {tie.slot} of a resource" for name, tie in TIES.items()},
    **dict.fromkeys(sorted(SCALE_SET_TYPES), SCALE_SETS),
    DEPLOYMENT: "a commit",
}
"""What each type is read as, for the reference."""

NAMES: Final[dict[str, Named]] = {
    **{name: kind.named for name, kind in KINDS.items()},
    **{name: Named(SCALE_SETS) for name in SCALE_SET_TYPES},
    "azurerm_storage_account": Named(STORAGE),
    "azurerm_log_analytics_workspace": Named(WORKSPACES),
}
"""How the ids of all types are made that something may refer to."""

_OF_THE_NETWORK: Final = (
    "azurerm_network_", "azurerm_virtual_network", "azurerm_subnet", "azurerm_route",
    "azurerm_virtual_hub", "azurerm_virtual_wan", "azurerm_vpn_", "azurerm_express_route",
    "azurerm_point_to_site", "azurerm_private_link", "azurerm_public_ip_prefix",
    "azurerm_virtual_machine_scale_set", "azurerm_kubernetes_cluster",
    "azurerm_template_deployment",
    "azurerm_resource_group_template_deployment", "azurerm_subscription_template_deployment",
    "azurerm_policy_assignment", "azurerm_resource_policy_assignment",
)  # fmt: skip
_WITHOUT_EFFECT: Final = frozenset(
    """azurerm_network_ddos_protection_plan azurerm_network_connection_monitor
    azurerm_network_packet_capture azurerm_network_profile azurerm_network_service_tags
    azurerm_network_interface_backend_address_pool_association
    azurerm_network_interface_nat_rule_association
    azurerm_network_interface_application_gateway_backend_address_pool_association
    azurerm_subnet_nat_gateway_association azurerm_subnet_service_endpoint_storage_policy
    azurerm_virtual_network_dns_servers azurerm_network_manager_management_group_connection
    azurerm_network_manager_subscription_connection azurerm_virtual_machine_extension
    azurerm_network_watcher azurerm_network_manager_scope_connection
    azurerm_network_manager_ipam_pool azurerm_network_manager_ipam_pool_static_cidr
    azurerm_network_manager_verifier_workspace
    azurerm_network_manager_verifier_workspace_reachability_analysis_intent
    azurerm_express_route_circuit azurerm_express_route_circuit_authorization
    azurerm_express_route_circuit_peering azurerm_express_route_port
    azurerm_express_route_port_authorization azurerm_network_function_azure_traffic_collector
    azurerm_network_function_collector_policy""".split()
)
"""Types of the network that no verdict depends on."""


def may_matter(kind: str) -> bool:
    """Reports whether a type that is not read may change what packets may do."""
    return kind.startswith(_OF_THE_NETWORK) and kind not in _WITHOUT_EFFECT
