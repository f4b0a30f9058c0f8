"""The network from which the bank's machines were once managed, and which everybody forgot.

It is older than the landing zones and was never tagged as production, so the organisation's guard
against the internet does not reach it. What its NSGs let in was meant to be temporary.
"""

from __future__ import annotations

from flowverdict.demo.plan.draft import Draft
from flowverdict.demo.plan.hosts import PublicIp
from flowverdict.demo.plan.names import Place
from flowverdict.demo.plan.networks import Nsg, Rule, Subnet, VNet
from flowverdict.demo.plan.organisation import WEST, Tenant
from flowverdict.demo.plan.whole import Part

CONTRACTOR = "203.0.113.192/28"
"""Once the office of a contractor; since its lease ended anybody may sit there."""
CLEARING_HOUSE = "198.51.100.64/28"
"""The clearing house that delivers its files by SFTP, every hour, as agreed."""
ENGINEERS = ("203.0.113.101/32", "203.0.113.105/32")
"""Two engineers' homes, since the spring of 2020."""

_BASTION = Rule(
    "AllowBastion", 100, "Inbound", "Allow", "Tcp", (WEST.bastion,), ports=("22", "3389")
)


def management(tenant: Tenant) -> Part:
    """Three machines with public addresses, an NSG on the NIC of each, none on their subnet."""
    place = tenant.place("connectivity", "rg-management", WEST)
    vnet = VNet(
        place,
        "vnet-management",
        ("10.17.0.0/20",),
        (Subnet("snet-management", ("10.17.1.0/24",)),),
        environment="shared",
        owner="operations",
    )
    draft = Draft(vnet)
    for name, last, nsg in (
        ("mgmt-vm-01", 153, _mgmt(place)),
        ("sftp-01", 154, _sftp(place)),
        ("tools-01", 155, _tools(place)),
    ):
        public_ip = PublicIp(place, f"pip-{name}", f"203.0.113.{last}")
        windows = name == "mgmt-vm-01"
        draft.vm(name, "snet-management", nsg=nsg, public_ip=public_ip, windows=windows)
    return draft.part()


def _mgmt(place: Place) -> Nsg:
    """RDP is denied to the internet, by a rule that stands behind a forgotten exception."""
    forgotten = Rule(
        "AllowRdpMigration",
        200,
        "Inbound",
        "Allow",
        sources=(CONTRACTOR,),
        ports=("3389",),
        description="Temporary, until the migration is done",
    )
    deny = Rule("DenyRdp", 300, "Inbound", "Deny", sources=("Internet",), ports=("3389",))
    return Nsg(place, "nsg-mgmt-vm-01", (_BASTION, forgotten, deny))


def _sftp(place: Place) -> Nsg:
    allow = Rule("AllowSftp", 200, "Inbound", "Allow", sources=(CLEARING_HOUSE,), ports=("22",))
    return Nsg(place, "nsg-sftp-01", (_BASTION, allow))


def _tools(place: Place) -> Nsg:
    allow = Rule(
        "AllowSshFromHome",
        200,
        "Inbound",
        "Allow",
        sources=ENGINEERS,
        ports=("22",),
        description="For the time being",
    )
    return Nsg(place, "nsg-tools-01", (_BASTION, allow))
