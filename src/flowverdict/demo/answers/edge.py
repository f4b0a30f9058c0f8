"""What stands at the edge: public addresses, balancers, private endpoints, gateways, firewalls."""

from __future__ import annotations

from collections.abc import Iterator

from flowverdict.demo.answers.envelope import child, refs, resource
from flowverdict.demo.answers.uses import Uses
from flowverdict.demo.plan.hosts import Endpoint, LoadBalancer, PublicIp
from flowverdict.demo.plan.names import Json, host
from flowverdict.demo.plan.whole import Bank, Hub

_STANDARD: dict[str, Json] = {"name": "Standard", "tier": "Regional"}


def edge_json(bank: Bank, found: Uses) -> Iterator[dict[str, Json]]:
    """All resources of the edge."""
    for hub in bank.hubs:
        yield from _hub(hub)
    for public_ip in bank.part.public_ips:
        used_by = found.configuration_of_public_ip.get(public_ip.id)
        yield public_ip_json(public_ip, used_by or _frontend_of(public_ip, bank))
    for balancer in bank.part.load_balancers:
        yield load_balancer_json(balancer, found)
    for endpoint in bank.part.endpoints:
        yield endpoint_json(endpoint)


def public_ip_json(public_ip: PublicIp, configuration: str) -> dict[str, Json]:
    """A public address and the IP configuration (its id) that it belongs to."""
    return resource(
        "Microsoft.Network/publicIPAddresses",
        public_ip.place,
        public_ip.name,
        {
            "ipAddress": public_ip.address,
            "publicIPAddressVersion": "IPv4",
            "publicIPAllocationMethod": "Static",
            "idleTimeoutInMinutes": 4,
            "ipTags": [],
            "ipConfiguration": {"id": configuration},
        },
        sku=_STANDARD,
    )


def _frontend_of(public_ip: PublicIp, bank: Bank) -> str:
    balancer = next(each for each in bank.part.load_balancers if each.front == public_ip)
    return f"{balancer.id}/frontendIPConfigurations/frontend"


def load_balancer_json(balancer: LoadBalancer, found: Uses) -> dict[str, Json]:
    """A load balancer: frontend, backend pool, probe, rule."""
    kind = "Microsoft.Network/loadBalancers"
    frontend = f"{balancer.id}/frontendIPConfigurations/frontend"
    probe = f"{balancer.id}/probes/probe"
    rule = f"{balancer.id}/loadBalancingRules/rule"
    front: dict[str, Json] = {"loadBalancingRules": refs([rule])}
    if isinstance(balancer.front, PublicIp):
        front |= {"publicIPAddress": {"id": balancer.front.id}}
    else:
        front |= {
            "privateIPAddress": balancer.front,
            "privateIPAllocationMethod": "Static",
            "privateIPAddressVersion": "IPv4",
            "subnet": {"id": balancer.subnet_id},
        }
    members = refs(found.configurations_of_pool[balancer.pool])
    return resource(
        kind,
        balancer.place,
        balancer.name,
        {
            "frontendIPConfigurations": [
                child(balancer.id, kind, "frontendIPConfigurations", "frontend", front)
            ],
            "backendAddressPools": [
                child(
                    balancer.id,
                    kind,
                    "backendAddressPools",
                    "backend",
                    {"backendIPConfigurations": members, "loadBalancingRules": refs([rule])},
                )
            ],
            "loadBalancingRules": [
                child(
                    balancer.id,
                    kind,
                    "loadBalancingRules",
                    "rule",
                    {
                        "frontendIPConfiguration": {"id": frontend},
                        "backendAddressPool": {"id": balancer.pool},
                        "probe": {"id": probe},
                        "protocol": "Tcp",
                        "frontendPort": balancer.port,
                        "backendPort": balancer.backend_port,
                        "enableFloatingIP": False,
                        "idleTimeoutInMinutes": 4,
                    },
                )
            ],
            "probes": [
                child(
                    balancer.id,
                    kind,
                    "probes",
                    "probe",
                    {"protocol": "Tcp", "port": balancer.backend_port, "intervalInSeconds": 5},
                )
            ],
            "inboundNatRules": [],
            "outboundRules": [],
        },
        sku=_STANDARD,
    )


def endpoint_json(endpoint: Endpoint) -> dict[str, Json]:
    """A private endpoint and its connection to the service."""
    kind = "Microsoft.Network/privateEndpoints"
    nic = endpoint.nic
    connection: dict[str, Json] = {
        "privateLinkServiceId": endpoint.service,
        "groupIds": [endpoint.kind],
        "privateLinkServiceConnectionState": {"status": "Approved", "description": "Auto-Approved"},
    }
    return resource(
        kind,
        endpoint.place,
        endpoint.name,
        {
            "privateLinkServiceConnections": [
                child(endpoint.id, kind, "privateLinkServiceConnections", endpoint.name, connection)
            ],
            "manualPrivateLinkServiceConnections": [],
            "subnet": {"id": nic.vnet.subnet_id(nic.subnet)},
            "networkInterfaces": refs([nic.id]),
            "customDnsConfigs": [],
        },
    )


def _hub(hub: Hub) -> Iterator[dict[str, Json]]:
    """Gateway with its connection on-premises, firewall and Bastion, with their addresses."""
    place, code, vnet = hub.vnet.place, hub.region.code, hub.vnet
    kinds = {
        "gateway": ("Microsoft.Network/virtualNetworkGateways", f"vgw-{code}", "GatewaySubnet"),
        "firewall": ("Microsoft.Network/azureFirewalls", f"afw-{code}", "AzureFirewallSubnet"),
        "bastion": ("Microsoft.Network/bastionHosts", f"bas-{code}", "AzureBastionSubnet"),
    }
    for name, (kind, resource_name, subnet) in kinds.items():
        parent = place.id(kind, resource_name)
        configuration: dict[str, Json] = {
            "privateIPAllocationMethod": "Dynamic",
            "publicIPAddress": {"id": hub.public_ips[name].id},
            "subnet": {"id": vnet.subnet_id(subnet)},
        }
        if name == "firewall":
            configuration["privateIPAddress"] = host(vnet.subnet(subnet).prefixes[0], 0)
        properties: dict[str, Json] = {
            "ipConfigurations": [child(parent, kind, "ipConfigurations", "default", configuration)]
        }
        if name == "gateway":
            properties |= {
                "gatewayType": "Vpn",
                "vpnType": "RouteBased",
                "vpnGatewayGeneration": "Generation2",
                "enableBgp": False,
                "activeActive": False,
                "sku": {"name": "VpnGw2AZ", "tier": "VpnGw2AZ", "capacity": 2},
            }
        if name == "firewall":
            properties |= {
                "sku": {"name": "AZFW_VNet", "tier": "Premium"},
                "threatIntelMode": "Deny",
            }
        yield resource(kind, place, resource_name, properties)
        yield public_ip_json(hub.public_ips[name], f"{parent}/ipConfigurations/default")
    yield from _on_premises(hub, place.id(*kinds["gateway"][:2]))


def _on_premises(hub: Hub, gateway: str) -> Iterator[dict[str, Json]]:
    place, region = hub.vnet.place, hub.region
    kind, name = "Microsoft.Network/localNetworkGateways", f"lgw-{region.data_centre}"
    local_id = place.id(kind, name)
    public = f"198.51.100.{240 + region.hub_octet // 128}"
    yield resource(
        kind,
        place,
        name,
        {
            "localNetworkAddressSpace": {"addressPrefixes": [region.on_premises]},
            "gatewayIpAddress": public,
        },
    )
    yield resource(
        "Microsoft.Network/connections",
        place,
        f"cn-{region.data_centre}",
        {
            "virtualNetworkGateway1": {"id": gateway},
            "localNetworkGateway2": {"id": local_id},
            "connectionType": "IPsec",
            "connectionProtocol": "IKEv2",
            "connectionStatus": "Connected",
            "enableBgp": False,
            "usePolicyBasedTrafficSelectors": False,
            "routingWeight": 0,
        },
    )
