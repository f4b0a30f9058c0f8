"""Types of azurerm that are not read: which of them may matter to what packets do."""

from __future__ import annotations

from typing import Final

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
