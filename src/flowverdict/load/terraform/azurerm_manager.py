"""Types of azurerm that govern the network: its managers, policies and flow logs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from flowverdict.load.terraform.fields import (
    constant,
    each,
    holding,
    identities,
    identity,
    one,
    refs,
    same,
)
from flowverdict.load.terraform.kind import TAGS, Kind
from flowverdict.load.terraform.types import (
    ASSIGNMENTS,
    COLLECTIONS,
    CONFIGURATIONS,
    DEFINITIONS,
    GROUPS,
    MANAGERS,
    NETWORK_GROUPS,
    POLICY_SETS,
    STORAGE,
    WATCHERS,
    WORKSPACES,
)
from flowverdict.load.terraform.world import Named
from flowverdict.load.unknown import Unknown

if TYPE_CHECKING:
    from flowverdict.load.terraform.fields import Block, Field, Fields


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

MANAGER_KINDS: Final[dict[str, Kind]] = {
    "azurerm_network_manager": Kind(
        Named(MANAGERS),
        {
            **TAGS,
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
    "azurerm_network_watcher": Kind(Named(WATCHERS), TAGS),
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
    "azurerm_resource_policy_assignment": Kind(
        Named(ASSIGNMENTS, scope="resource_id"),
        {**_ASSIGNMENT, "scope": identity("", "resource_id")},
    ),
    "azurerm_policy_assignment": Kind(
        Named(ASSIGNMENTS, scope="scope"), {**_ASSIGNMENT, "scope": identity("", "scope")}
    ),
    "azurerm_management_group_policy_assignment": Kind(
        Named(ASSIGNMENTS, scope="management_group_id"),
        {**_ASSIGNMENT, "scope": identity("", "management_group_id")},
    ),
}
"""What each type is read as."""

DEPLOYMENT: Final = "azurerm_network_manager_deployment"
COMMIT: Final[Fields] = {
    "targetLocations": _location,
    "configurationIds": identities("configuration_ids", ""),
    "commitType": same("scope_access"),
    "networkManagerId": identity(MANAGERS, "network_manager_id"),
}
"""A deployment of a network manager, as the body of a commit."""
