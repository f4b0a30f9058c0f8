"""The networks in which the stories happen, drawn by hand so that they stay small and readable.

No subnet here has a default route: a user-defined 0.0.0.0/0 to an appliance would widen the
VirtualNetwork tag to every address, and with it the default rules.
"""

from __future__ import annotations

from flowverdict.demo.plan.draft import Draft
from flowverdict.demo.plan.hosts import Nic, PublicIp
from flowverdict.demo.plan.networks import Asg, Nsg, Rule, Subnet, VNet
from flowverdict.demo.plan.organisation import WEST, Tenant
from flowverdict.demo.plan.whole import Part

API_PORT = "8080"
VENDOR = "198.51.100.0/26"
"""Where the maintainer of the last mainframe comes from."""

_BASTION = Rule(
    "AllowBastion", 100, "Inbound", "Allow", "Tcp", (WEST.bastion,), ports=("22", "3389")
)


def open_banking(tenant: Tenant, *, restored: bool) -> Part:
    """A development network: developers' machines beside the API servers they call.

    Args:
        tenant: Gives the ids.
        restored: Whether `dev-vm-nsg` already has the rule that lets its machine call them.
    """
    place = tenant.place("development", "rg-openbanking-dev", WEST)
    developers, servers, data = "10.10.1.0/24", "10.10.2.0/24", "10.10.3.0/24"
    api, db = Asg(place, "asg-api"), Asg(place, "asg-db")
    api_rules = (
        _BASTION,
        Rule(
            "AllowApiFromDevelopers",
            200,
            "Inbound",
            "Allow",
            sources=(developers,),
            destination_asgs=(api,),
            ports=(API_PORT,),
        ),
        Rule("DenyVnetInbound", 4000, "Inbound", "Deny", "*", ("VirtualNetwork",)),
    )
    data_rules = (
        _BASTION,
        Rule(
            "AllowDatabaseFromApi",
            200,
            "Inbound",
            "Allow",
            source_asgs=(api,),
            destination_asgs=(db,),
            ports=("5432",),
        ),
        Rule("DenyVnetInbound", 4000, "Inbound", "Deny", "*", ("VirtualNetwork",)),
    )
    developer_rules = (
        _BASTION,
        Rule("AllowGit", 200, "Outbound", "Allow", destinations=("Internet",), ports=("443",)),
        *((_to_api(api),) if restored else ()),
        Rule("DenyAll", 4000, "Outbound", "Deny", "*"),
    )
    vnet = VNet(
        place,
        "vnet-openbanking-dev",
        ("10.10.0.0/20",),
        (
            Subnet("snet-developers", (developers,)),
            Subnet("snet-api", (servers,), Nsg(place, "nsg-api", api_rules)),
            Subnet("snet-data", (data,), Nsg(place, "nsg-data", data_rules)),
        ),
        environment="development",
        owner="open-banking",
    )
    draft = Draft(vnet)
    draft.vm("dev-vm", "snet-developers", nsg=Nsg(place, "dev-vm-nsg", developer_rules))
    draft.vm("build-agent-01", "snet-developers")
    for number in (1, 2, 3):
        draft.vm(f"api-{number:02}", "snet-api", asgs=(api,))
    draft.vm("db-01", "snet-data", asgs=(db,))
    return draft.part()


def _to_api(api: Asg) -> Rule:
    return Rule(
        "AllowApiServers", 300, "Outbound", "Allow", destination_asgs=(api,), ports=(API_PORT,)
    )


def branches(tenant: Tenant) -> Part:
    """A production network where a team opened RDP to the world at the highest priority."""
    place = tenant.place("retail", "rg-branches", WEST)
    team = Nsg(
        place,
        "nsg-tellers",
        (
            Rule("AllowRdp", 100, "Inbound", "Allow", ports=("3389",)),
            Rule(
                "AllowPrinting", 200, "Inbound", "Allow", "Tcp", ("10.11.2.0/24",), ports=("9100",)
            ),
        ),
    )
    vnet = VNet(
        place,
        "vnet-branches",
        ("10.11.0.0/20",),
        (
            Subnet("snet-tellers", ("10.11.1.0/24",), team),
            Subnet("snet-printing", ("10.11.2.0/24",)),
        ),
        environment="production",
        owner="branches",
    )
    draft = Draft(vnet)
    public_ip = PublicIp(place, "pip-branch-teller-01", "203.0.113.150")
    draft.vm("branch-teller-01", "snet-tellers", public_ip=public_ip, windows=True)
    for number in (2, 3, 4):
        draft.vm(f"branch-teller-{number:02}", "snet-tellers", windows=True)
    printing = Nsg(place, "nsg-branch-print-01", (_BASTION,))
    draft.vm("branch-print-01", "snet-printing", nsg=printing, windows=True)
    return draft.part()


def ledger(tenant: Tenant) -> Part:
    """A production network whose first server is frozen: Deny everything at priority 100."""
    place = tenant.place("core-banking", "rg-ledger", WEST)
    subnet_rules = (
        Rule("AllowHttps", 100, "Inbound", "Allow", "Tcp", ("VirtualNetwork",), ports=("443",)),
        Rule("AllowBastion", 110, "Inbound", "Allow", "Tcp", (WEST.bastion,), ports=("22",)),
    )
    frozen_rules = (
        Rule(
            "DenyAllInbound",
            100,
            "Inbound",
            "Deny",
            "*",
            description="Frozen for the year-end close",
        ),
        Rule("AllowHttps", 200, "Inbound", "Allow", "Tcp", ("VirtualNetwork",), ports=("443",)),
    )
    vnet = VNet(
        place,
        "vnet-ledger",
        ("10.12.0.0/20",),
        (Subnet("snet-ledger", ("10.12.1.0/24",), Nsg(place, "nsg-ledger", subnet_rules)),),
        environment="production",
        owner="core-ledger",
        encrypted=True,
    )
    draft = Draft(vnet)
    asg = Asg(place, "asg-ledger")
    frozen = Nsg(place, "core-ledger-01-nsg", frozen_rules)
    draft.vm("core-ledger-01", "snet-ledger", asgs=(asg,), nsg=frozen)
    draft.vm("core-ledger-02", "snet-ledger", asgs=(asg,))
    draft.vm("ledger-batch-01", "snet-ledger")
    return draft.part()


def legacy(tenant: Tenant) -> Part:
    """The exception: a production network that its vendor may enter."""
    place = tenant.place("core-banking", "rg-legacy", WEST)
    rules = (Rule("AllowVendor", 200, "Inbound", "Allow", sources=(VENDOR,), ports=("22", "3389")),)
    vnet = VNet(
        place,
        "vnet-legacy",
        ("10.13.0.0/20",),
        (Subnet("snet-jump", ("10.13.1.0/24",)), Subnet("snet-mainframe", ("10.13.2.0/24",))),
        environment="production",
        owner="mainframe",
    )
    draft = Draft(vnet)
    draft.vm(
        "legacy-jump-01",
        "snet-jump",
        nsg=Nsg(place, "legacy-jump-01-nsg", rules),
        public_ip=PublicIp(place, "pip-legacy-jump-01", "203.0.113.151"),
        windows=True,
    )
    draft.vm(
        "mainframe-gw-01", "snet-mainframe", nsg=Nsg(place, "nsg-mainframe-gw-01", (_BASTION,))
    )
    return draft.part()


def sandbox(tenant: Tenant) -> Part:
    """A network outside production, with a machine and a spare NIC that no NSG guards."""
    place = tenant.place("sandbox", "rg-sandbox", WEST)
    rules = (Rule("AllowRdp", 100, "Inbound", "Allow", ports=("3389",)),)
    vnet = VNet(
        place,
        "vnet-sandbox",
        ("10.14.0.0/20",),
        (Subnet("default", ("10.14.0.0/24",)),),
        environment="sandbox",
        owner="innovation",
    )
    draft = Draft(vnet)
    draft.vm(
        "sandbox-vm-01",
        "default",
        nsg=Nsg(place, "sandbox-vm-01-nsg", rules),
        public_ip=PublicIp(place, "pip-sandbox-vm-01", "203.0.113.152"),
        windows=True,
    )
    draft.vm("sandbox-vm-02", "default")
    draft.nics.append(Nic(place, "spare-nic", vnet, "default", draft.addresses("default")))
    return draft.part()
