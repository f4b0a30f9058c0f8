"""Resources of the azurerm provider as Azure's REST API writes them.

The attributes are those of the provider's documentation, versions 3 and 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

from flowverdict.load.unknown import Unknown

Json = dict[str, Any]
Refer = Callable[..., Any]
"""Returns the id that an attribute holds, by its path: the id, ``Unknown``, or None without one."""


@dataclass(frozen=True, slots=True)
class Type:
    """How a resource of azurerm is read.

    Attributes:
        of: the type of Azure.
        body: makes its properties out of its attributes.
        parent: the attribute with its parent's id, or with its parent's name where ``above`` is
            set; empty for a resource of a resource group.
        above: the type of the parent that ``parent`` names.
    """

    of: str
    body: Callable[[Json, Refer], Json]
    parent: str = ""
    above: str = ""


def known(value: Any) -> bool:
    """Reports whether a value is there: null, and lists of nothing, are not."""
    return value is not None and value not in ([], "")


def reference(value: Any) -> Json | None:
    """Returns an id as a reference to the resource."""
    if isinstance(value, Unknown):
        return {"id": value}
    return {"id": value} if known(value) else None


def blocks(values: Json, name: str) -> list[Json]:
    """Returns nested blocks; none where the whole list is not known, or missing."""
    found = values.get(name)
    return (
        [one for one in cast("list[Any]", found) if isinstance(one, dict)]
        if isinstance(found, list)
        else []
    )


def _pick(values: Json, **names: str) -> Json:
    """Returns attributes that are there, under the names of the REST API."""
    found = {rest: values.get(own) for rest, own in names.items()}
    return {name: value for name, value in found.items() if known(value)}


def _references(values: Json, refer: Refer, name: str, *path: str | int) -> list[Json]:
    found = values.get(name)
    if isinstance(found, Unknown):
        return [{"id": one} for one in refer(*path, name, several=True)]
    return [{"id": one} for one in cast("list[Any]", found or ())]


def _set(body: Json, name: str, value: Any) -> None:
    if value is not None:
        body[name] = value


def rule(values: Json, refer: Refer, *path: str | int) -> Json:
    """Returns the properties of a security rule."""
    body = _pick(
        values,
        priority="priority",
        direction="direction",
        access="access",
        protocol="protocol",
        sourcePortRange="source_port_range",
        sourcePortRanges="source_port_ranges",
        destinationPortRange="destination_port_range",
        destinationPortRanges="destination_port_ranges",
        sourceAddressPrefix="source_address_prefix",
        sourceAddressPrefixes="source_address_prefixes",
        destinationAddressPrefix="destination_address_prefix",
        destinationAddressPrefixes="destination_address_prefixes",
    )
    for side in ("source", "destination"):
        name = f"{side}_application_security_group_ids"
        if known(values.get(name)):
            body[f"{side}ApplicationSecurityGroups"] = _references(values, refer, name, *path)
    return body


def _nsg(values: Json, refer: Refer) -> Json:
    found = values.get("security_rule")
    if isinstance(found, Unknown):
        return {"securityRules": found}
    return {
        "securityRules": [
            {"name": one.get("name"), "properties": rule(one, refer, "security_rule", at)}
            for at, one in enumerate(blocks(values, "security_rule"))
        ]
    }


def _vnet(values: Json, refer: Refer) -> Json:
    return {
        "addressSpace": {"addressPrefixes": values.get("address_space")},
        "subnets": [
            {"name": one.get("name"), "properties": _inline_subnet(one, refer, at)}
            for at, one in enumerate(blocks(values, "subnet"))
        ],
        "virtualNetworkPeerings": [],
    }


def _inline_subnet(values: Json, refer: Refer, at: int) -> Json:
    prefixes = values.get("address_prefixes") or values.get("address_prefix")
    body: Json = {"addressPrefixes": [prefixes] if isinstance(prefixes, str) else prefixes}
    _set(body, "networkSecurityGroup", reference(refer("subnet", at, "security_group")))
    _set(body, "routeTable", reference(refer("subnet", at, "route_table_id")))
    body["delegations"] = _delegations(values)
    return body


def _delegations(values: Json) -> list[Json]:
    return [
        {"name": one.get("name"), "properties": {"serviceName": service.get("name")}}
        for one in blocks(values, "delegation")
        for service in blocks(one, "service_delegation")
    ]


def _subnet(values: Json, refer: Refer) -> Json:  # noqa: ARG001 like the others
    policies = values.get("private_endpoint_network_policies")
    if policies is None:
        enabled = values.get("private_endpoint_network_policies_enabled")
        enforced = values.get("enforce_private_link_endpoint_network_policies")
        if enforced is not None and enabled is None:
            enabled = not enforced
        policies = {True: "Enabled", False: "Disabled"}.get(cast("Any", enabled))
    body: Json = {"addressPrefixes": values.get("address_prefixes")}
    if body["addressPrefixes"] is None and values.get("address_prefix"):
        body["addressPrefixes"] = [values["address_prefix"]]  # data sources of older versions
    _set(body, "privateEndpointNetworkPolicies", policies)
    for name, own in (("networkSecurityGroup", "network_security_group_id"),
                      ("routeTable", "route_table_id")):  # fmt: skip
        if known(values.get(own)):
            body[name] = reference(values[own])  # of data sources alone
    body["delegations"] = _delegations(values)
    return body


def _nic(values: Json, refer: Refer) -> Json:
    configurations: list[Json] = []
    for at, one in enumerate(blocks(values, "ip_configuration")):
        properties = _pick(
            one,
            privateIPAddress="private_ip_address",
            privateIPAddressVersion="private_ip_address_version",
            primary="primary",
        )
        _set(properties, "subnet", reference(refer("ip_configuration", at, "subnet_id")))
        public = refer("ip_configuration", at, "public_ip_address_id")
        _set(properties, "publicIPAddress", reference(public))
        configurations.append({"name": one.get("name"), "properties": properties})
    body: Json = {"ipConfigurations": configurations}
    forwarding = values.get("ip_forwarding_enabled", values.get("enable_ip_forwarding"))
    _set(body, "enableIPForwarding", forwarding)
    _set(body, "networkSecurityGroup", reference(refer("network_security_group_id")))
    _set(body, "macAddress", values.get("mac_address") or None)
    if isinstance(body.get("macAddress"), Unknown):
        del body["macAddress"]
    return body


def _vm(values: Json, refer: Refer) -> Json:
    body: Json = {
        "networkProfile": {"networkInterfaces": _references(values, refer, "network_interface_ids")}
    }
    size = values.get("size") or values.get("vm_size")
    if isinstance(size, str):
        body["hardwareProfile"] = {"vmSize": size}
    return body


def _public_ip(values: Json, refer: Refer) -> Json:  # noqa: ARG001 like the others
    return _pick(values, ipAddress="ip_address")


def _peering(values: Json, refer: Refer) -> Json:
    body = _pick(
        values,
        allowVirtualNetworkAccess="allow_virtual_network_access",
        allowForwardedTraffic="allow_forwarded_traffic",
        allowGatewayTransit="allow_gateway_transit",
        useRemoteGateways="use_remote_gateways",
        peerCompleteVnets="peer_complete_virtual_networks_enabled",
        localSubnetNames="local_subnet_names",
        remoteSubnetNames="remote_subnet_names",
        enableOnlyIPv6Peering="only_ipv6_peering_enabled",
    )
    _set(body, "remoteVirtualNetwork", reference(refer("remote_virtual_network_id")))
    return body


def route(values: Json) -> Json:
    """Returns the properties of a route."""
    return _pick(
        values,
        addressPrefix="address_prefix",
        nextHopType="next_hop_type",
        nextHopIpAddress="next_hop_in_ip_address",
    )


def _route_table(values: Json, refer: Refer) -> Json:  # noqa: ARG001 like the others
    found = values.get("route")
    if isinstance(found, Unknown):
        return {"routes": found}
    return {
        "routes": [
            {"name": one.get("name"), "properties": route(one)} for one in blocks(values, "route")
        ]
    }


def _load_balancer(values: Json, refer: Refer) -> Json:
    frontends: list[Json] = []
    for at, one in enumerate(blocks(values, "frontend_ip_configuration")):
        properties = _pick(one, privateIPAddress="private_ip_address")
        public = refer("frontend_ip_configuration", at, "public_ip_address_id")
        _set(properties, "publicIPAddress", reference(public))
        frontends.append({"name": one.get("name"), "properties": properties})
    return {"frontendIPConfigurations": frontends}


def _with_subnets(block: str, rest: str) -> Callable[[Json, Refer], Json]:
    """Returns a body that stands in subnets by its IP configurations."""

    def body(values: Json, refer: Refer) -> Json:
        found: list[Json] = []
        for at, _ in enumerate(blocks(values, block)):
            subnet = reference(refer(block, at, "subnet_id"))
            found.append({"properties": {"subnet": subnet} if subnet else {}})
        return {rest: found}

    return body


def _gateway(values: Json, refer: Refer) -> Json:
    body = _with_subnets("ip_configuration", "ipConfigurations")(values, refer)
    for one in blocks(values, "vpn_client_configuration"):
        pool = {"addressPrefixes": one.get("address_space")}
        body["vpnClientConfiguration"] = {"vpnClientAddressPool": pool}
    return body


def _local_gateway(values: Json, refer: Refer) -> Json:  # noqa: ARG001 like the others
    return {"localNetworkAddressSpace": {"addressPrefixes": values.get("address_space")}}


def _connection(values: Json, refer: Refer) -> Json:
    body = _pick(values, connectionType="type", enableBgp="enable_bgp")
    for name, own in (
        ("virtualNetworkGateway1", "virtual_network_gateway_id"),
        ("virtualNetworkGateway2", "peer_virtual_network_gateway_id"),
        ("localNetworkGateway2", "local_network_gateway_id"),
    ):
        _set(body, name, reference(refer(own)))
    return body


def _private_endpoint(values: Json, refer: Refer) -> Json:  # noqa: ARG001 like the others
    found = values.get("network_interface")
    if isinstance(found, Unknown):
        return {"networkInterfaces": found}
    nics = blocks(values, "network_interface")
    return {"networkInterfaces": [{"id": one.get("id")} for one in nics]}


def _manager(values: Json, refer: Refer) -> Json:  # noqa: ARG001 like the others
    scopes = blocks(values, "scope")
    return {
        "networkManagerScopes": {
            "managementGroups": [
                g for one in scopes for g in one.get("management_group_ids") or ()
            ],
            "subscriptions": [s for one in scopes for s in one.get("subscription_ids") or ()],
        }
    }


def _group(values: Json, refer: Refer) -> Json:  # noqa: ARG001 like the others
    return _pick(values, memberType="member_type")


def _member(values: Json, refer: Refer) -> Json:  # noqa: ARG001 like the others
    return {"resourceId": refer("target_virtual_network_id")}


def _configuration(values: Json, refer: Refer) -> Json:  # noqa: ARG001 like the others
    return _pick(
        values,
        applyOnNetworkIntentPolicyBasedServices="apply_on_network_intent_policy_based_services",
    )


def _collection(values: Json, refer: Refer) -> Json:
    groups = _references(values, refer, "network_group_ids")
    return {"appliesToGroups": [{"networkGroupId": one["id"]} for one in groups]}


def _admin_rule(values: Json, refer: Refer) -> Json:  # noqa: ARG001 like the others
    body = _pick(
        values,
        access="action",
        direction="direction",
        priority="priority",
        protocol="protocol",
        sourcePortRanges="source_port_ranges",
        destinationPortRanges="destination_port_ranges",
    )
    if body.get("protocol") == "*":
        body["protocol"] = "Any"
    for name, own in (("sources", "source"), ("destinations", "destination")):
        found = values.get(own)
        body[name] = (
            found
            if isinstance(found, Unknown)
            else [
                _pick(one, addressPrefixType="address_prefix_type", addressPrefix="address_prefix")
                for one in blocks(values, own)
            ]
        )
    return body


def _connectivity(values: Json, refer: Refer) -> Json:
    return {
        "connectivityTopology": values.get("connectivity_topology"),
        "appliesToGroups": [
            {
                "networkGroupId": refer("applies_to_group", at, "network_group_id"),
                "groupConnectivity": one.get("group_connectivity"),
                "isGlobal": str(one.get("global_mesh_enabled") or False),
            }
            for at, one in enumerate(blocks(values, "applies_to_group"))
        ],
    }


def _nothing(values: Json, refer: Refer) -> Json:  # noqa: ARG001 like the others
    return {}


_NET: Final = "Microsoft.Network/"
_VNET: Final = _NET + "virtualNetworks"
_MANAGER: Final = _NET + "networkManagers"
_CONFIGURATION: Final = _MANAGER + "/securityAdminConfigurations"
_COMPUTE: Final = "Microsoft.Compute/virtualMachines"

TYPES: Final[dict[str, Type]] = {
    "azurerm_virtual_network": Type(_VNET, _vnet),
    "azurerm_subnet": Type(_VNET + "/subnets", _subnet, "virtual_network_name", _VNET),
    "azurerm_virtual_network_peering": Type(
        _VNET + "/virtualNetworkPeerings", _peering, "virtual_network_name", _VNET
    ),
    "azurerm_network_interface": Type(_NET + "networkInterfaces", _nic),
    "azurerm_network_security_group": Type(_NET + "networkSecurityGroups", _nsg),
    "azurerm_network_security_rule": Type(
        _NET + "networkSecurityGroups/securityRules",
        rule,
        "network_security_group_name",
        _NET + "networkSecurityGroups",
    ),
    "azurerm_application_security_group": Type(_NET + "applicationSecurityGroups", _nothing),
    "azurerm_public_ip": Type(_NET + "publicIPAddresses", _public_ip),
    "azurerm_linux_virtual_machine": Type(_COMPUTE, _vm),
    "azurerm_windows_virtual_machine": Type(_COMPUTE, _vm),
    "azurerm_virtual_machine": Type(_COMPUTE, _vm),
    "azurerm_route_table": Type(_NET + "routeTables", _route_table),
    "azurerm_route": Type(
        _NET + "routeTables/routes",
        lambda values, _: route(values),
        "route_table_name",
        _NET + "routeTables",
    ),
    "azurerm_lb": Type(_NET + "loadBalancers", _load_balancer),
    "azurerm_private_endpoint": Type(_NET + "privateEndpoints", _private_endpoint),
    "azurerm_virtual_network_gateway": Type(_NET + "virtualNetworkGateways", _gateway),
    "azurerm_local_network_gateway": Type(_NET + "localNetworkGateways", _local_gateway),
    "azurerm_virtual_network_gateway_connection": Type(_NET + "connections", _connection),
    "azurerm_bastion_host": Type(
        _NET + "bastionHosts", _with_subnets("ip_configuration", "ipConfigurations")
    ),
    "azurerm_firewall": Type(
        _NET + "azureFirewalls", _with_subnets("ip_configuration", "ipConfigurations")
    ),
    "azurerm_application_gateway": Type(
        _NET + "applicationGateways",
        _with_subnets("gateway_ip_configuration", "gatewayIPConfigurations"),
    ),
    "azurerm_network_manager": Type(_MANAGER, _manager),
    "azurerm_network_manager_network_group": Type(
        _MANAGER + "/networkGroups", _group, "network_manager_id"
    ),
    "azurerm_network_manager_static_member": Type(
        _MANAGER + "/networkGroups/staticMembers", _member, "network_group_id"
    ),
    "azurerm_network_manager_security_admin_configuration": Type(
        _CONFIGURATION, _configuration, "network_manager_id"
    ),
    "azurerm_network_manager_admin_rule_collection": Type(
        _CONFIGURATION + "/ruleCollections", _collection, "security_admin_configuration_id"
    ),
    "azurerm_network_manager_admin_rule": Type(
        _CONFIGURATION + "/ruleCollections/rules", _admin_rule, "admin_rule_collection_id"
    ),
    "azurerm_network_manager_connectivity_configuration": Type(
        _MANAGER + "/connectivityConfigurations", _connectivity, "network_manager_id"
    ),
}
"""The resources that are read, by their types in azurerm."""
