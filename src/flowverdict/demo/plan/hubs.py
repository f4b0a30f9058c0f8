"""The hub of a region: gateway, firewall, Bastion, monitoring and name servers."""

from __future__ import annotations

from flowverdict.demo.plan.draft import Draft
from flowverdict.demo.plan.hosts import PublicIp
from flowverdict.demo.plan.names import Place
from flowverdict.demo.plan.networks import Asg, Nsg, Rule, Subnet, VNet
from flowverdict.demo.plan.organisation import NORTH, WEST, Region, Tenant
from flowverdict.demo.plan.rulebook import bastion_rules
from flowverdict.demo.plan.whole import Hub

MONITORING_PORTS = ("9100", "10050")
"""Prometheus node exporter and Zabbix agent."""

_FIRST_PUBLIC = {WEST.name: 130, NORTH.name: 140}


def make_hub(tenant: Tenant, region: Region) -> Hub:
    """The hub network of a region with its machines."""
    place = tenant.place("connectivity", f"rg-hub-{region.code}", region)
    subnet = f"10.{region.hub_octet}.{{}}".format
    vnet = VNet(
        place,
        f"vnet-hub-{region.code}",
        (region.hub,),
        (
            Subnet("GatewaySubnet", (subnet("0.0/26"),)),
            Subnet("AzureFirewallSubnet", (subnet("0.64/26"),)),
            Subnet("AzureBastionSubnet", (region.bastion,), _bastion_nsg(place, region)),
            Subnet("snet-monitoring", (region.monitoring,), _monitoring_nsg(place, region)),
            Subnet("snet-dns", (subnet("2.0/24"),), _dns_nsg(place, region)),
        ),
        environment="production",
        owner="network-platform",
    )
    draft = Draft(vnet)
    monitoring = Asg(place, f"asg-monitoring-{region.code}")
    suffix = "" if region is WEST else f"-{region.code}"
    for number in (1, 2):
        draft.vm(f"monitor{suffix}-{number:02}", "snet-monitoring", asgs=(monitoring,))
        draft.vm(f"dns{suffix}-{number:02}", "snet-dns")
    last = _FIRST_PUBLIC[region.name]
    public_ips = {
        name: PublicIp(place, f"pip-{name}-{region.code}", f"203.0.113.{last + number}")
        for number, name in enumerate(("gateway", "firewall", "bastion"))
    }
    return Hub(draft.part(), vnet, region, public_ips)


def _bastion_nsg(place: Place, region: Region) -> Nsg:
    return Nsg(place, f"nsg-bastion-{region.code}", bastion_rules())


def _monitoring_nsg(place: Place, region: Region) -> Nsg:
    return Nsg(
        place,
        f"nsg-monitoring-{region.code}",
        (
            Rule("AllowBastion", 100, "Inbound", "Allow", "Tcp", (region.bastion,), ports=("22",)),
            Rule(
                "AllowGrafana", 110, "Inbound", "Allow", "Tcp", ("VirtualNetwork",), ports=("3000",)
            ),
            Rule("DenyInbound", 4096, "Inbound", "Deny", "*"),
            Rule(
                "AllowScrape",
                100,
                "Outbound",
                "Allow",
                destinations=("10.0.0.0/8",),
                ports=MONITORING_PORTS,
            ),
            Rule(
                "AllowMonitor", 110, "Outbound", "Allow", "Tcp", ("*",), ("AzureMonitor",), ("443",)
            ),
        ),
    )


def _dns_nsg(place: Place, region: Region) -> Nsg:
    clients = ("10.0.0.0/8", "192.168.0.0/16")
    return Nsg(
        place,
        f"nsg-dns-{region.code}",
        (
            Rule("AllowBastion", 100, "Inbound", "Allow", "Tcp", (region.bastion,), ports=("22",)),
            Rule("AllowDns", 110, "Inbound", "Allow", "*", clients, ports=("53",)),
            Rule("DenyInbound", 4096, "Inbound", "Deny", "*"),
        ),
    )
