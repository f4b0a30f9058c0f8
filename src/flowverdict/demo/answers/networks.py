"""Virtual networks, route tables and application security groups as Azure answers them."""

from __future__ import annotations

from flowverdict.demo.answers.envelope import child, refs, resource
from flowverdict.demo.answers.uses import Uses
from flowverdict.demo.plan.names import Json, guid
from flowverdict.demo.plan.networks import Asg, Peering, Route, RouteTable, Subnet, VNet


def vnet_json(vnet: VNet, found: Uses) -> dict[str, Json]:
    """A virtual network with its subnets and peerings."""
    encryption: dict[str, Json] = {"enabled": True, "enforcement": "AllowUnencrypted"}
    return resource(
        "Microsoft.Network/virtualNetworks",
        vnet.place,
        vnet.name,
        {
            **({"encryption": encryption} if vnet.encrypted else {}),
            "addressSpace": {"addressPrefixes": vnet.space},
            "privateEndpointVNetPolicies": "Disabled",
            "subnets": [_subnet(vnet, subnet, found) for subnet in vnet.subnets],
            "virtualNetworkPeerings": [_peering(each) for each in found.peerings_of_vnet[vnet.id]],
            "enableDdosProtection": False,
        },
        tags={"environment": vnet.environment, "owner": vnet.owner},
    )


def _subnet(vnet: VNet, subnet: Subnet, found: Uses) -> Json:
    first, *rest = subnet.prefixes
    properties: dict[str, Json] = (
        {"addressPrefixes": subnet.prefixes} if rest else {"addressPrefix": first}
    )
    if subnet.nsg:
        properties["networkSecurityGroup"] = {"id": subnet.nsg.id}
    if subnet.route_table:
        properties["routeTable"] = {"id": subnet.route_table.id}
    configurations = found.configurations_of_subnet[vnet.subnet_id(subnet.name)]
    if configurations:
        properties["ipConfigurations"] = refs(configurations)
    properties["delegations"] = []
    properties["privateEndpointNetworkPolicies"] = subnet.endpoint_policies
    properties["privateLinkServiceNetworkPolicies"] = "Enabled"
    return child(vnet.id, "Microsoft.Network/virtualNetworks", "subnets", subnet.name, properties)


def _peering(peering: Peering) -> Json:
    space: Json = {"addressPrefixes": peering.remote.space}
    return child(
        peering.vnet.id,
        "Microsoft.Network/virtualNetworks",
        "virtualNetworkPeerings",
        f"to-{peering.remote.name.removeprefix('vnet-')}",
        {
            "resourceGuid": guid("peering", *sorted((peering.vnet.id, peering.remote.id))),
            "peeringState": "Connected",
            "peeringSyncLevel": "FullyInSync",
            "remoteVirtualNetwork": {"id": peering.remote.id},
            "allowVirtualNetworkAccess": True,
            "allowForwardedTraffic": True,
            "allowGatewayTransit": peering.gateway == "lends",
            "useRemoteGateways": peering.gateway == "borrows",
            "doNotVerifyRemoteGateways": False,
            "peerCompleteVnets": True,
            "remoteAddressSpace": space,
            "remoteVirtualNetworkAddressSpace": space,
        },
    )


def asg_json(asg: Asg) -> dict[str, Json]:
    """An application security group."""
    return resource("Microsoft.Network/applicationSecurityGroups", asg.place, asg.name, {})


def route_table_json(table: RouteTable, found: Uses) -> dict[str, Json]:
    """A route table."""
    kind = "Microsoft.Network/routeTables"
    return resource(
        kind,
        table.place,
        table.name,
        {
            "disableBgpRoutePropagation": True,
            "routes": [
                child(table.id, kind, "routes", route.name, _route(route)) for route in table.routes
            ],
            "subnets": refs(found.subnets_of_route_table[table.id]),
        },
    )


def _route(route: Route) -> dict[str, Json]:
    body: dict[str, Json] = {
        "addressPrefix": route.prefix,
        "nextHopType": route.hop_type,
        "hasBgpOverride": False,
    }
    if route.hop:
        body["nextHopIpAddress"] = route.hop
    return body
