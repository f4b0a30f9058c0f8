"""NSG rules as teams write them: a base for each tier, and what piles up over the years."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from flowverdict.demo.plan.networks import Asg, Rule
from flowverdict.demo.plan.organisation import Region

TIERS = ("web", "api", "data", "mgmt", "endpoints")
FEWEST, MOST = 10, 30
"""How many custom rules an application's NSG has."""


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """What the rules of one application can speak of."""

    region: Region
    prefixes: dict[str, str]
    asgs: dict[str, Asg]
    others: tuple[str, ...]


def bastion_rules() -> tuple[Rule, ...]:
    """The rules that Azure demands on an AzureBastionSubnet."""
    vnet = ("VirtualNetwork",)
    inner = ("8080", "5701")
    return (
        Rule("AllowHttpsInbound", 120, "Inbound", "Allow", sources=("Internet",), ports=("443",)),
        _inbound("AllowGatewayManagerInbound", 130, "GatewayManager", "443"),
        _inbound("AllowAzureLoadBalancerInbound", 140, "AzureLoadBalancer", "443"),
        Rule("AllowBastionHostCommunication", 150, "Inbound", "Allow", "*", vnet, vnet, inner),
        Rule("AllowSshRdpOutbound", 100, "Outbound", "Allow", "*", ("*",), vnet, ("22", "3389")),
        _outbound("AllowAzureCloudOutbound", 110, "AzureCloud", "443"),
        Rule("AllowBastionCommunication", 120, "Outbound", "Allow", "*", vnet, vnet, inner),
        Rule("AllowHttpOutbound", 130, "Outbound", "Allow", "*", ("*",), ("Internet",), ("80",)),
    )


def tier_rules(tier: str, around: Neighbourhood, rng: Random) -> tuple[Rule, ...]:
    """The base rules of a tier with as many others as make 10 to 30 in all."""
    base = _BASES[tier](around)
    grown = [
        _grown(number, tier, around, rng) for number in range(rng.randint(FEWEST, MOST) - len(base))
    ]
    return (*base, *grown)


def machine_rules(around: Neighbourhood, rng: Random) -> tuple[Rule, ...]:
    """The rules of an NSG that a team put on one machine's NIC."""
    base = (
        _from_bastion(around),
        _inbound("AllowProbes", 110, "AzureLoadBalancer", "*", protocol="*"),
        _inbound("AllowAgents", 120, around.prefixes["mgmt"], "5985-5986", "8443"),
        _outbound("AllowMonitor", 100, "AzureMonitor", "443"),
    )
    grown = [_grown(n, "mgmt", around, rng) for n in range(rng.randint(FEWEST, MOST) - len(base))]
    return (*base, *grown)


def _inbound(name: str, priority: int, source: str, *ports: str, protocol: str = "Tcp") -> Rule:
    return Rule(name, priority, "Inbound", "Allow", protocol, (source,), ports=ports)


def _outbound(name: str, priority: int, destination: str, *ports: str) -> Rule:
    return Rule(
        name, priority, "Outbound", "Allow", "Tcp", destinations=(destination,), ports=ports
    )


def _from_bastion(around: Neighbourhood) -> Rule:
    return _inbound("AllowBastion", 100, around.region.bastion, "22", "3389")


def _tier_to_tier(name: str, around: Neighbourhood, source: str, target: str, port: str) -> Rule:
    return Rule(
        name,
        200,
        "Inbound",
        "Allow",
        source_asgs=(around.asgs[source],),
        destination_asgs=(around.asgs[target],),
        ports=(port,),
    )


def _closing() -> tuple[Rule, ...]:
    return (
        Rule("DenyVnetInbound", 4090, "Inbound", "Deny", "*", ("VirtualNetwork",)),
        Rule("DenyInternetOutbound", 4096, "Outbound", "Deny", "*", destinations=("Internet",)),
    )


def _web(around: Neighbourhood) -> tuple[Rule, ...]:
    return (
        _from_bastion(around),
        _inbound("AllowHttps", 110, "Internet", "443"),
        _inbound("AllowFrontDoor", 120, "AzureFrontDoor.Backend", "80", "443"),
        _inbound("AllowProbes", 130, "AzureLoadBalancer", "*", protocol="*"),
        _outbound("AllowEntra", 100, "AzureActiveDirectory", "443"),
        _outbound("AllowMonitor", 110, "AzureMonitor", "443"),
        *_closing(),
    )


def _api(around: Neighbourhood) -> tuple[Rule, ...]:
    return (
        _from_bastion(around),
        _inbound("AllowProbes", 130, "AzureLoadBalancer", "*", protocol="*"),
        _tier_to_tier("AllowWebToApi", around, "web", "api", "8080"),
        _outbound("AllowKeyVault", 100, f"AzureKeyVault.{around.region.tag}", "443"),
        _outbound("AllowStorage", 110, f"Storage.{around.region.tag}", "443"),
        _outbound("AllowMonitor", 120, "AzureMonitor", "443"),
        *_closing(),
    )


def _data(around: Neighbourhood) -> tuple[Rule, ...]:
    own = around.prefixes["data"]
    return (
        _from_bastion(around),
        _tier_to_tier("AllowApiToData", around, "api", "data", "5432"),
        Rule("AllowReplication", 210, "Inbound", "Allow", "Tcp", (own,), (own,), ("5432", "8008")),
        _outbound("AllowBackup", 100, "AzureBackup", "443"),
        _outbound("AllowStorage", 110, f"Storage.{around.region.tag}", "443"),
        _outbound("AllowMonitor", 120, "AzureMonitor", "443"),
        *_closing(),
    )


def _mgmt(around: Neighbourhood) -> tuple[Rule, ...]:
    return (
        _from_bastion(around),
        Rule("AllowPing", 110, "Inbound", "Allow", "Icmp", (around.region.monitoring,)),
        _inbound("AllowWinRm", 120, around.region.on_premises, "5985-5986"),
        _outbound("AllowResourceManager", 100, "AzureResourceManager", "443"),
        _outbound("AllowMonitor", 110, "AzureMonitor", "443"),
        *_closing(),
    )


def _endpoints(around: Neighbourhood) -> tuple[Rule, ...]:
    tiers = tuple(around.prefixes[tier] for tier in ("web", "api", "data"))
    return (
        Rule("AllowTiers", 100, "Inbound", "Allow", "Tcp", tiers, ports=("443", "1433")),
        _inbound("AllowOnPremises", 110, around.region.on_premises, "443"),
        *_closing(),
    )


_BASES: dict[str, Callable[[Neighbourhood], tuple[Rule, ...]]] = {
    "web": _web,
    "api": _api,
    "data": _data,
    "mgmt": _mgmt,
    "endpoints": _endpoints,
}


def _grown(number: int, tier: str, around: Neighbourhood, rng: Random) -> Rule:
    """One of the rules that nobody dares to delete."""
    priority = 1000 + 10 * number
    match rng.randrange(6):
        case 0 | 1:
            sources = _branches(around.region, rng)
            ports = _ports(rng)
            return Rule(
                f"AllowBranches-{number:02}",
                priority,
                "Inbound",
                "Allow",
                "Tcp",
                sources,
                ports=ports,
            )
        case 2:
            source = rng.choice(around.others)
            ports = _ports(rng)
            own = (around.prefixes[tier],)
            return Rule(
                f"AllowPeerTeam-{number:02}",
                priority,
                "Inbound",
                "Allow",
                "Tcp",
                (source,),
                own,
                ports,
            )
        case 3:
            other = rng.choice(around.others)
            return _outbound(f"AllowToPeerTeam-{number:02}", priority, other, *_ports(rng))
        case 4:
            tag, port = rng.choice(_SERVICES)
            tag = tag.format(region=around.region.tag)
            return _outbound(f"AllowService-{number:02}", priority, tag, port)
        case _:
            sources = _branches(around.region, rng)
            return Rule(
                f"DenyBranches-{number:02}",
                priority,
                "Inbound",
                "Deny",
                "*",
                sources,
                description=f"Closed after incident INC{rng.randrange(10_000, 99_999)}",
            )


_SERVICES = (
    ("Sql.{region}", "1433"),
    ("EventHub.{region}", "5671-5672"),
    ("ServiceBus", "5671-5672"),
    ("AzureContainerRegistry.{region}", "443"),
    ("AzureDevOps", "443"),
    ("Storage.{region}", "445"),
    ("AzureKeyVault", "443"),
    ("AzureCloud", "443"),
)


def _branches(region: Region, rng: Random) -> tuple[str, ...]:
    start = int(region.on_premises.split(".")[2])
    return tuple(
        f"192.168.{third}.0/24"
        for third in sorted(rng.sample(range(start, start + 64), rng.randint(1, 5)))
    )


def _ports(rng: Random) -> tuple[str, ...]:
    if rng.random() < 0.2:
        start = rng.randrange(8000, 9000)
        return (f"{start}-{start + rng.randint(1, 50)}",)
    known = ("22", "443", "1433", "1521", "5432", "5671", "8080", "8443", "9092")
    return tuple(sorted(rng.sample(known, rng.randint(1, 3)), key=int))
