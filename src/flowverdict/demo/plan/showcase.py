"""Networks with more than plain machines: scale set, dual stack, appliances."""

from __future__ import annotations

from flowverdict.demo.plan.draft import Draft
from flowverdict.demo.plan.hosts import IpConfiguration, LoadBalancer, Nic, PublicIp, ScaleSet
from flowverdict.demo.plan.networks import Asg, Nsg, Route, RouteTable, Rule, Subnet, VNet
from flowverdict.demo.plan.organisation import WEST, Tenant
from flowverdict.demo.plan.whole import Part

_BASTION = Rule("AllowBastion", 100, "Inbound", "Allow", "Tcp", (WEST.bastion,), ports=("22",))
_PROBES = Rule("AllowProbes", 110, "Inbound", "Allow", "*", ("AzureLoadBalancer",))


def online_banking(tenant: Tenant) -> Part:
    """The bank's website: a dual-stack scale set, an inner balancer, private endpoints."""
    place = tenant.place("digital", "rg-online-banking", WEST)
    web_prefixes, api_prefix = ("10.15.1.0/24", "fd48:b000:f:1::/64"), "10.15.2.0/24"
    web, api = Asg(place, "asg-online-web"), Asg(place, "asg-online-api")
    web_rules = (
        _BASTION,
        _PROBES,
        Rule("AllowHttps", 200, "Inbound", "Allow", "Tcp", ("Internet",), ports=("80", "443")),
        Rule("AllowHttpsV6", 210, "Inbound", "Allow", "Tcp", ("2000::/3",), ports=("80", "443")),
        Rule("DenyVnetInbound", 4000, "Inbound", "Deny", "*", ("VirtualNetwork",)),
        Rule(
            "AllowMonitor", 100, "Outbound", "Allow", destinations=("AzureMonitor",), ports=("443",)
        ),
    )
    api_rules = (
        _BASTION,
        _PROBES,
        Rule(
            "AllowWebToApi",
            200,
            "Inbound",
            "Allow",
            source_asgs=(web,),
            destination_asgs=(api,),
            ports=("8443",),
        ),
        Rule("DenyVnetInbound", 4000, "Inbound", "Deny", "*", ("VirtualNetwork",)),
    )
    endpoint_rules = (
        Rule(
            "AllowTiers",
            100,
            "Inbound",
            "Allow",
            "Tcp",
            ("10.15.1.0/24", api_prefix),
            ports=("443",),
        ),
        Rule("AllowSql", 110, "Inbound", "Allow", "Tcp", (api_prefix,), ports=("1433",)),
        Rule("DenyVnetInbound", 4000, "Inbound", "Deny", "*", ("VirtualNetwork",)),
    )
    vnet = VNet(
        place,
        "vnet-online-banking",
        ("10.15.0.0/20", "fd48:b000:f::/48"),
        (
            Subnet("snet-web", web_prefixes, Nsg(place, "nsg-online-web", web_rules)),
            Subnet("snet-api", (api_prefix,), Nsg(place, "nsg-online-api", api_rules)),
            Subnet(
                "snet-endpoints",
                ("10.15.5.0/26",),
                Nsg(place, "nsg-online-endpoints", endpoint_rules),
                endpoint_policies="NetworkSecurityGroupEnabled",
            ),
        ),
        environment="production",
        owner="online-banking",
        encrypted=True,
    )
    draft = Draft(vnet)
    front = PublicIp(place, "pip-online-banking", "203.0.113.160")
    outer = LoadBalancer(place, "lb-online-web", front, None, port=443, backend_port=443)
    inner = LoadBalancer(
        place,
        "lb-online-api",
        "10.15.2.250",
        vnet.subnet_id("snet-api"),
        port=443,
        backend_port=8443,
    )
    draft.load_balancers.extend((outer, inner))
    scale_set = place.id("Microsoft.Compute/virtualMachineScaleSets", "vmss-online-web")
    instances = tuple(
        Nic(
            place,
            "nic-online-web",
            vnet,
            "snet-web",
            draft.addresses("snet-web", asgs=(web,), pool=outer.pool),
            machine=f"{scale_set}/virtualMachines/{number}",
        )
        for number in range(4)
    )
    draft.nics.extend(instances)
    draft.scale_sets.append(ScaleSet(place, "vmss-online-web", instances))
    for number in (1, 2, 3):
        draft.vm(f"online-api-{number:02}", "snet-api", asgs=(api,), pool=inner.pool)
    storage = place.id("Microsoft.Storage/storageAccounts", "stharbouronline")
    server = place.id("Microsoft.Sql/servers", "sql-harbour-online")
    draft.endpoint("pe-online-blob", "snet-endpoints", storage, "blob")
    draft.endpoint("pe-online-sql", "snet-endpoints", server, "sqlServer")
    return draft.part()


def swift(tenant: Tenant) -> Part:
    """Payment gateways with two NICs each that forward, and a machine with two addresses."""
    place = tenant.place("core-banking", "rg-swift", WEST)
    default_route = RouteTable(
        place,
        "rt-swift-inside",
        (
            Route("default", "0.0.0.0/0", "VirtualAppliance", WEST.firewall),
            Route("on-premises", WEST.on_premises, "VirtualAppliance", WEST.firewall),
        ),
    )
    outside_rules = (
        Rule(
            "AllowSwift", 200, "Inbound", "Allow", "Tcp", ("198.51.100.128/26",), ports=("48002",)
        ),
        Rule("AllowIpsec", 210, "Inbound", "Allow", "Esp", ("198.51.100.128/26",)),
        Rule("DenyInbound", 4096, "Inbound", "Deny", "*"),
    )
    inside_rules = (
        _BASTION,
        Rule("DenyInternet", 4000, "Outbound", "Deny", "*", ("*",), ("Internet",)),
    )
    vnet = VNet(
        place,
        "vnet-swift",
        ("10.16.0.0/20",),
        (
            Subnet(
                "snet-outside", ("10.16.1.0/24",), Nsg(place, "nsg-swift-outside", outside_rules)
            ),
            Subnet(
                "snet-inside",
                ("10.16.2.0/24",),
                Nsg(place, "nsg-swift-inside", inside_rules),
                default_route,
            ),
        ),
        environment="production",
        owner="payments-network",
    )
    draft = Draft(vnet)
    for number in (1, 2):
        name = f"swift-gw-{number:02}"
        machine = place.id("Microsoft.Compute/virtualMachines", name)
        nics = tuple(
            Nic(
                place,
                f"{name}-{side}-nic",
                vnet,
                f"snet-{side}",
                draft.addresses(f"snet-{side}"),
                machine=machine,
                forwarding=True,
                primary=side == "outside",
            )
            for side in ("outside", "inside")
        )
        draft.machine(name, nics)
    _two_addresses(draft)
    return draft.part()


def _two_addresses(draft: Draft) -> None:
    """A machine whose NIC has two IP configurations, only the first of them in the ASG."""
    name, subnet = "swift-hsm-01", "snet-inside"
    hsm = Asg(draft.place, "asg-hsm")
    first = draft.addresses(subnet, asgs=(hsm,))[0]
    second = IpConfiguration("ipconfig2", draft.addresses(subnet)[0].address)
    machine = draft.place.id("Microsoft.Compute/virtualMachines", name)
    nic = Nic(draft.place, f"{name}-nic", draft.vnet, subnet, (first, second), machine=machine)
    draft.machine(name, (nic,))
