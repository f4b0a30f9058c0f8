"""The organisation's own rules: network groups, admin rules over them, and what is deployed where.

Priorities are compared across collections, so each number occurs once, and the exceptions have
the smallest ones.
"""

from __future__ import annotations

from dataclasses import dataclass

from flowverdict.demo.plan.cast import VENDOR
from flowverdict.demo.plan.hubs import MONITORING_PORTS
from flowverdict.demo.plan.names import Place
from flowverdict.demo.plan.networks import VNet
from flowverdict.demo.plan.organisation import REGIONS, WEST
from flowverdict.demo.plan.whole import Bank

COMMIT_TIME = "2026-03-02T07:30:00Z"

PRODUCTION, PRODUCTION_BY_TAG = "production", "production-by-tag"
ALL_NETWORKS, LEGACY = "all-networks", "legacy-jump"

_HIGH_RISK_TCP = ("20", "21", "23", "119", "161", "445", "512", "514", "873", "5800", "5900")
_HIGH_RISK_UDP = ("69", "11211")
_HIGH_RISK_BOTH = ("111", "135", "162", "593", "2049")


@dataclass(frozen=True, slots=True)
class AdminRule:
    """Security admin rule. A side without entries means any address."""

    name: str
    priority: int
    direction: str
    access: str
    protocol: str
    ports: tuple[str, ...]
    sources: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class Collection:
    """Rule collection and the network groups it applies to."""

    name: str
    groups: tuple[str, ...]
    rules: tuple[AdminRule, ...]
    description: str


COLLECTIONS = (
    Collection(
        "exceptions",
        (LEGACY,),
        (
            AdminRule(
                "AllowLegacyVendor",
                10,
                "Inbound",
                "Allow",
                "Tcp",
                ("22", "3389"),
                (VENDOR,),
                description="Agreed until the mainframe is gone",
            ),
        ),
        "Exceptions: smaller numbers than the rules they make exceptions from",
    ),
    Collection(
        "monitoring",
        (ALL_NETWORKS,),
        (
            AdminRule(
                "AlwaysAllowMonitoring",
                50,
                "Inbound",
                "AlwaysAllow",
                "Tcp",
                MONITORING_PORTS,
                tuple(region.monitoring for region in REGIONS),
                description="Nobody switches off the monitoring",
            ),
        ),
        "What every network must let in",
    ),
    Collection(
        "internet-guard",
        (PRODUCTION, PRODUCTION_BY_TAG),
        (
            AdminRule(
                "DenyRdpFromInternet", 100, "Inbound", "Deny", "Tcp", ("3389",), ("Internet",)
            ),
            AdminRule("DenySshFromInternet", 110, "Inbound", "Deny", "Tcp", ("22",), ("Internet",)),
            AdminRule(
                "DenyHighRiskTcpFromInternet",
                120,
                "Inbound",
                "Deny",
                "Tcp",
                (*_HIGH_RISK_TCP, *_HIGH_RISK_BOTH),
                ("Internet",),
            ),
            AdminRule(
                "DenyHighRiskUdpFromInternet",
                130,
                "Inbound",
                "Deny",
                "Udp",
                (*_HIGH_RISK_UDP, *_HIGH_RISK_BOTH),
                ("Internet",),
            ),
            AdminRule(
                "DenyMailToInternet",
                140,
                "Outbound",
                "Deny",
                "Tcp",
                ("25",),
                destinations=("Internet",),
            ),
        ),
        "What production never takes from the internet",
    ),
    Collection(
        "handed-over",
        (PRODUCTION, PRODUCTION_BY_TAG),
        (
            AdminRule(
                "AllowHttps",
                200,
                "Inbound",
                "Allow",
                "Tcp",
                ("443",),
                description="The networks' own NSGs decide",
            ),
        ),
        "What the organisation leaves to the teams",
    ),
)

SSH_EVERYWHERE = Collection(
    "ssh-everywhere",
    (ALL_NETWORKS,),
    (AdminRule("DenySshEverywhere", 150, "Inbound", "Deny", "Tcp", ("22",), ("Internet",)),),
    "What the platform team would like to deploy",
)
"""Not deployed: the bank has no SSH from the internet in production alone."""


@dataclass(frozen=True, slots=True)
class Manager:
    """The one network manager, at the top management group."""

    place: Place
    name: str = "avnm-harbour-bank"
    configuration_name: str = "organisation"

    @property
    def id(self) -> str:
        """ARM id."""
        return self.place.id("Microsoft.Network/networkManagers", self.name)

    @property
    def configuration(self) -> str:
        """ARM id of the security admin configuration."""
        return f"{self.id}/securityAdminConfigurations/{self.configuration_name}"

    def group(self, name: str) -> str:
        """ARM id of a network group."""
        return f"{self.id}/networkGroups/{name}"


def manager_of(bank: Bank) -> Manager:
    """The bank's network manager."""
    return Manager(bank.tenant.place("connectivity", "rg-network-manager", WEST))


def static_members(bank: Bank) -> dict[str, tuple[VNet, ...]]:
    """The networks that were put into a group by hand.

    Every fifth application came after the last revision of the list; its tag makes it a member.
    """
    production = [vnet for vnet in bank.part.vnets if vnet.environment == "production"]
    listed = tuple(each for index, each in enumerate(production) if index % 5 != 4 or index < 8)
    return {PRODUCTION: listed, LEGACY: (bank.vnet("vnet-legacy"),)}
