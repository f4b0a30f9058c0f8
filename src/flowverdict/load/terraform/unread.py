"""Types of azurerm that are not read: which of them may matter to what packets do."""

from __future__ import annotations

from typing import Final

_OF_THE_NETWORK: Final = (
    "azurerm_network_", "azurerm_virtual_network", "azurerm_subnet", "azurerm_route",
    "azurerm_virtual_hub", "azurerm_private_link_service", "azurerm_virtual_machine_scale_set",
    "azurerm_kubernetes_cluster", "azurerm_template_deployment", "azurerm_container_group",
    "azurerm_resource_group_template_deployment", "azurerm_subscription_template_deployment",
    "azurerm_management_group_template_deployment", "azurerm_tenant_template_deployment",
    "azurerm_resource_group_deployment_stack", "azurerm_subscription_deployment_stack",
    "azurerm_management_group_policy_exemption", "azurerm_subscription_policy_exemption",
    "azurerm_resource_group_policy_exemption", "azurerm_resource_policy_exemption",
)  # fmt: skip
_BEHIND_A_HUB: Final = """
    azurerm_virtual_hub azurerm_virtual_hub_route_table azurerm_virtual_hub_route_table_route
    azurerm_virtual_hub_routing_intent azurerm_virtual_hub_security_partner_provider
    azurerm_route_map
"""
"""What a virtual WAN does to a network is unknown as soon as the network is connected to it."""
_WITHOUT_EFFECT: Final = frozenset(
    f"""{_BEHIND_A_HUB}
    azurerm_network_ddos_protection_plan azurerm_network_connection_monitor
    azurerm_network_packet_capture azurerm_network_profile azurerm_network_service_tags
    azurerm_network_interface_backend_address_pool_association
    azurerm_network_interface_nat_rule_association
    azurerm_network_interface_application_gateway_backend_address_pool_association
    azurerm_subnet_nat_gateway_association azurerm_subnet_service_endpoint_storage_policy
    azurerm_virtual_network_dns_servers azurerm_network_manager_management_group_connection
    azurerm_network_manager_subscription_connection azurerm_network_manager_scope_connection
    azurerm_network_manager_ipam_pool azurerm_network_manager_ipam_pool_static_cidr
    azurerm_network_manager_verifier_workspace
    azurerm_network_manager_verifier_workspace_reachability_analysis_intent
    azurerm_network_function_azure_traffic_collector azurerm_network_function_collector_policy
    azurerm_network_security_perimeter azurerm_network_security_perimeter_access_rule
    azurerm_network_security_perimeter_association azurerm_network_security_perimeter_profile
    azurerm_route_filter azurerm_kubernetes_cluster_extension
    azurerm_kubernetes_cluster_trusted_access_role_binding
    azurerm_virtual_machine_scale_set_extension azurerm_virtual_machine_scale_set_packet_capture
    azurerm_virtual_machine_scale_set_standby_pool""".split()
)
"""Types of the network that no verdict depends on.

Routes that a gateway learns are unknown from its connection on, whichever circuits lie behind it.
"""


def may_matter(kind: str) -> bool:
    """Reports whether a type that is not read may change what packets may do."""
    return kind.startswith(_OF_THE_NETWORK) and kind not in _WITHOUT_EFFECT
