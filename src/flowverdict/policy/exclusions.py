"""Where security admin rules are not applied (policy specification, 10.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from flowverdict.model import Estate, Subnet, VirtualNetwork
    from flowverdict.policy.options import Options

_SERVICE_SUBNETS: Final = {
    "gatewaysubnet": "a virtual network gateway",
    "azurebastionsubnet": "Azure Bastion",
    "azurefirewallsubnet": "Azure Firewall",
    "azurefirewallmanagementsubnet": "Azure Firewall",
    "routeserversubnet": "Route Server",
}
_INTENT_DELEGATIONS: Final = {
    "microsoft.sql/managedinstances": "Azure SQL Managed Instance",
    "microsoft.databricks/workspaces": "Azure Databricks",
}
_GATEWAY: Final = (
    "an Application Gateway (where all of them have network isolation, which no export shows, "
    "they are applied: option admin-rules-apply)"
)
_INTENT_SERVICES: Final = frozenset(_INTENT_DELEGATIONS.values())


def skipped_by_option(vnet: VirtualNetwork, subnet: Subnet | None, options: Options) -> str:
    """Says that the user excluded a network or subnet; empty where not."""
    for place in (vnet.id, subnet.id if subnet else None):
        if place in options.admin_rules_skip:
            assert place is not None
            return f"option admin-rules-skip names `{place.name}`"
    return ""


def skipped_subnet(estate: Estate, subnet: Subnet | None, options: Options) -> str:
    """Says why admin rules do not apply in a subnet; empty where they do (10.4)."""
    if subnet is None or {subnet.id, subnet.vnet} & set(options.admin_rules_apply):
        return ""
    service = _SERVICE_SUBNETS.get(subnet.id.name.lower(), "")
    if not service and subnet.has_application_gateway:
        service = _GATEWAY
    for use in estate.services_by_subnet.get(subnet.id, ()):
        if use.service not in _INTENT_SERVICES:
            service = _GATEWAY if use.service == "Application Gateway" else use.service
    if not service and any(
        subnet.id in gateway.subnets for gateway in estate.resources.gateways.values()
    ):
        service = "a virtual network gateway"
    return (
        f"admin rules are not applied in `{subnet.id.name}`, which holds {service}"
        if service
        else ""
    )


def intent_service(estate: Estate, vnet: VirtualNetwork) -> str:
    """Names the service of a network that has network intent policies; empty where none is."""
    for subnet in estate.subnets_by_vnet.get(vnet.id, ()):
        for delegation in subnet.delegations:
            if service := _INTENT_DELEGATIONS.get(delegation.lower()):
                return service
    for subnet_id, uses in estate.services_by_subnet.items():
        for use in uses:
            if subnet_id.parent == vnet.id and use.service in _INTENT_SERVICES:
                return use.service
    return ""
