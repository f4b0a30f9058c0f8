"""The resource types of the azurerm provider that are read, and what becomes of their attributes.

Attribute names as the provider's documentation has them, those of older versions beside today's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flowverdict.load.terraform.azurerm_manager import DEPLOYMENT, MANAGER_KINDS
from flowverdict.load.terraform.fields import (
    each,
    first_ref,
    holding,
    identity,
    in_subnet,
    inside,
    one,
    ref,
    refs,
    same,
)
from flowverdict.load.terraform.kind import TAGS, Kind, Tie
from flowverdict.load.terraform.types import (
    ASGS,
    CONNECTIONS,
    ENDPOINTS,
    GATEWAYS,
    GROUPS,
    LOAD_BALANCERS,
    LOCAL_GATEWAYS,
    MACHINES,
    NETWORK,
    NICS,
    NSGS,
    PEERINGS,
    PUBLIC_IPS,
    ROUTE_TABLES,
    ROUTES,
    RULES,
    SCALE_SETS,
    STORAGE,
    SUBNETS,
    VIRTUAL_HUBS,
    VNETS,
    WORKSPACES,
)
from flowverdict.load.terraform.world import Named
from flowverdict.load.unknown import Unknown

if TYPE_CHECKING:
    from flowverdict.load.terraform.fields import Block


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


def _address(block: Block) -> Any:
    """An address; a state has an empty text for one that Azure has not given yet."""
    return block.get("private_ip_address") or None


def _ip_version(block: Block) -> Any:
    return block.get("private_ip_address_version", "version")


def _of_hub(block: Block) -> Any:
    """A virtual hub in the place of the network in it, which nobody can export."""
    hub = block.target("virtual_hub_id", VIRTUAL_HUBS)
    if not isinstance(hub, str):
        step = f"{block.of.address}.virtual_hub_id".replace("/", "_")
        hub = f"/providers/{VIRTUAL_HUBS}/{{{step}}}"
    return {"id": hub}


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
    "privateIPAddress": _address,
    "privateIPAddressVersion": _ip_version,
    "subnet": ref("subnet_id", SUBNETS),
    "publicIPAddress": ref("public_ip_address_id", PUBLIC_IPS),
    "applicationSecurityGroups": refs("application_security_group_ids", ASGS),
}
_IN_SUBNET: Final = {"name": same("name"), "subnet": ref("subnet_id", SUBNETS)}
_MACHINE: Final = {
    **TAGS,
    "hardwareProfile": holding({"vmSize": same("size", "vm_size")}),
    "networkProfile": holding({"networkInterfaces": refs("network_interface_ids", NICS)}),
}
_FRONTEND: Final = {
    "privateIPAddress": _address,
    "publicIPAddress": ref("public_ip_address_id", PUBLIC_IPS),
}
_MANAGED_INSTANCE: Final = Kind(
    Named("Microsoft.Sql/managedInstances"), {**TAGS, "subnetId": identity(SUBNETS, "subnet_id")}
)
KINDS: Final[dict[str, Kind]] = {
    **MANAGER_KINDS,
    "azurerm_resource_group": Kind(Named(GROUPS), TAGS),
    "azurerm_virtual_network": Kind(
        Named(VNETS),
        {**TAGS, "addressSpace": holding({"addressPrefixes": same("address_space")})},
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
    "azurerm_virtual_hub_connection": Kind(  # Azure peers the network with one of Microsoft's
        Named(PEERINGS, "remote_virtual_network_id"),
        {"remoteVirtualNetwork": _of_hub},
    ),
    "azurerm_network_security_group": Kind(Named(NSGS), TAGS, (("security_rule", RULES, _RULE),)),
    "azurerm_network_security_rule": Kind(Named(RULES, "network_security_group_name"), _RULE),
    "azurerm_application_security_group": Kind(Named(ASGS), TAGS),
    "azurerm_network_interface": Kind(
        Named(NICS),
        {
            **TAGS,
            "ipConfigurations": each("ip_configuration", _NIC_CONFIGURATION),
            "networkSecurityGroup": ref("network_security_group_id", NSGS),
            "enableIPForwarding": same("ip_forwarding_enabled", "enable_ip_forwarding"),
            "macAddress": same("mac_address"),
        },
    ),
    "azurerm_public_ip": Kind(Named(PUBLIC_IPS), {**TAGS, "ipAddress": same("ip_address")}),
    "azurerm_route_table": Kind(Named(ROUTE_TABLES), TAGS, (("route", ROUTES, _ROUTE),)),
    "azurerm_route": Kind(Named(ROUTES, "route_table_name"), _ROUTE),
    "azurerm_linux_virtual_machine": Kind(Named(MACHINES), _MACHINE),
    "azurerm_windows_virtual_machine": Kind(Named(MACHINES), _MACHINE),
    "azurerm_virtual_machine": Kind(Named(MACHINES), _MACHINE),
    "azurerm_lb": Kind(
        Named(LOAD_BALANCERS),
        {**TAGS, "frontendIPConfigurations": each("frontend_ip_configuration", _FRONTEND)},
    ),
    "azurerm_private_endpoint": Kind(Named(ENDPOINTS), TAGS),
    "azurerm_virtual_network_gateway": Kind(
        Named(GATEWAYS),
        {
            **TAGS,
            "ipConfigurations": each("ip_configuration", {"subnet": in_subnet("GatewaySubnet")}),
            "vpnClientConfiguration": one(
                "vpn_client_configuration",
                {"vpnClientAddressPool": holding({"addressPrefixes": same("address_space")})},
            ),
        },
    ),
    "azurerm_local_network_gateway": Kind(
        Named(LOCAL_GATEWAYS),
        {**TAGS, "localNetworkAddressSpace": holding({"addressPrefixes": same("address_space")})},
    ),
    "azurerm_virtual_network_gateway_connection": Kind(
        Named(CONNECTIONS),
        {
            **TAGS,
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
            **TAGS,
            "ipConfigurations": each(
                "ip_configuration", {"subnet": in_subnet("AzureFirewallSubnet")}
            ),
        },
    ),
    "azurerm_bastion_host": Kind(
        Named(NETWORK + "bastionHosts"),
        {
            **TAGS,
            "ipConfigurations": each(
                "ip_configuration", {"subnet": in_subnet("AzureBastionSubnet")}
            ),
        },
    ),
    "azurerm_application_gateway": Kind(
        Named(NETWORK + "applicationGateways"),
        {**TAGS, "gatewayIPConfigurations": each("gateway_ip_configuration", _IN_SUBNET)},
    ),
    "azurerm_mssql_managed_instance": _MANAGED_INSTANCE,
    "azurerm_sql_managed_instance": _MANAGED_INSTANCE,
    "azurerm_databricks_workspace": Kind(
        Named("Microsoft.Databricks/workspaces"),
        {
            **TAGS,
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

SCALE_SET_TYPES: Final = {
    "azurerm_linux_virtual_machine_scale_set": "network_interface",
    "azurerm_windows_virtual_machine_scale_set": "network_interface",
    "azurerm_orchestrated_virtual_machine_scale_set": "network_interface",
    "azurerm_virtual_machine_scale_set": "network_profile",
}
"""What describes their interfaces, which have no resources of their own in Terraform."""

SCALE_SET_NIC: Final = {
    "networkSecurityGroup": ref("network_security_group_id", NSGS),
    "enableIPForwarding": same("ip_forwarding_enabled", "enable_ip_forwarding", "ip_forwarding"),
    "ipConfigurations": each("ip_configuration", _NIC_CONFIGURATION),
}

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
    "azurerm_virtual_hub": Named(VIRTUAL_HUBS),
    "azurerm_log_analytics_workspace": Named(WORKSPACES),
}
"""How the ids of all types are made that something may refer to."""
