"""An ordinary day: customers, offices, machines among themselves, backups at night."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flowverdict.demo.day import outside
from flowverdict.demo.day.rhythm import (
    CUSTOMERS,
    NIGHT,
    OFFICE,
    between,
    every,
    times_of,
    twice,
)
from flowverdict.demo.day.traffic import UDP, Route, Shape, Traffic
from flowverdict.demo.plan.hosts import Nic
from flowverdict.demo.plan.networks import VNet
from flowverdict.demo.plan.organisation import REGIONS, WEST
from flowverdict.demo.plan.whole import Bank

_REQUEST = Shape(2, 2_400, 18_000, 4)
_QUERY = Shape(4, 3_000, 9_000, 5)
_NAME = Shape(0.02, 45, 120, 1.5)
_HEARTBEAT = Shape(1, 4_200, 1_600, 1.3)
_KEPT_OPEN = Shape(12 * 3600, 40_000_000, 160_000_000, 1.1)
_SCRAPED = Shape(12 * 3600, 2_500_000, 55_000_000, 1.1)
_DESKTOP = Shape(1_500, 900_000, 9_000_000, 3)
_BACKUP = Shape(3_000, 9_000_000_000, 14_000_000, 3)
_PROBED = Shape(3_300, 130_000, 160_000, 1.05)

_NAME_SERVERS = (("dns-01", "dns-01", "dns-02"), ("dns-neu-01", "dns-neu-01", "dns-neu-02"))
"""Of each region; most ask the first."""
_BUSY_APPLICATIONS, _BUSY_MACHINES = 4, 2
"""The others have a quiet day, and so has what is more of a tier."""


def add_business(traffic: Traffic, bank: Bank) -> None:
    """Adds everything that is as it should be."""
    _online_banking(traffic, bank)
    _ledger(traffic, bank)
    _branches(traffic, bank)
    _development(traffic, bank)
    _legacy(traffic, bank)
    applications = _applications(bank)
    for vnet in applications:
        _housekeeping(traffic, bank, vnet)
    for vnet in applications[:_BUSY_APPLICATIONS]:
        _application(traffic, bank, vnet)
    for vnet in applications[:1]:
        _replica(traffic, bank, vnet)
    _monitoring(traffic, bank)
    _names(traffic, bank)
    _administrators(traffic, bank)


def _addresses(nics: Iterable[Nic]) -> list[str]:
    return [nic.address for nic in nics]


def _machine(bank: Bank, *names: str) -> list[str]:
    return _addresses(bank.machine(name).nics[0] for name in names)


def _in_subnet(bank: Bank, vnet: str, subnet: str) -> list[Nic]:
    return [
        nic
        for nic in bank.part.nics
        if nic.vnet.name == vnet and nic.subnet == subnet and nic.machine
    ]


def _pairs(
    sources: Sequence[str], targets: Sequence[str], port: int, protocol: int = 6
) -> list[Route]:
    return [Route(a, b, port, protocol) for a in sources for b in targets if a != b]


def _applications(bank: Bank) -> list[VNet]:
    return [vnet for vnet in bank.part.vnets if any(s.name == "snet-mgmt" for s in vnet.subnets)]


def _online_banking(traffic: Traffic, bank: Bank) -> None:
    """Customers over a load balancer, probes of it, the tiers behind."""
    name = "vnet-online-banking"
    web, api = _in_subnet(bank, name, "snet-web"), _in_subnet(bank, name, "snet-api")
    front, behind = _addresses(web), _addresses(api)
    front6 = [nic.addresses[1].address for nic in web]
    rng = traffic.rng
    customers = _pairs(outside.CUSTOMERS, front, 443)
    traffic.add(customers, times_of(rng, CUSTOMERS, 480), _REQUEST, together=13)
    customers6 = _pairs(outside.CUSTOMERS_V6, front6, 443)
    traffic.add(customers6, times_of(rng, CUSTOMERS, 120), _REQUEST, together=10)
    traffic.add(_pairs(front, behind, 8443), times_of(rng, CUSTOMERS, 240), _QUERY, together=8)
    (blob,) = [each.nic.address for each in bank.part.endpoints if each.name == "pe-online-blob"]
    (sql,) = [each.nic.address for each in bank.part.endpoints if each.name == "pe-online-sql"]
    traffic.add(_pairs(behind, [sql], 1433), times_of(rng, CUSTOMERS, 100), _QUERY, together=6)
    traffic.add(_pairs(behind, [blob], 443), times_of(rng, CUSTOMERS, 60), _REQUEST)
    for address in front:
        traffic.add([Route(outside.PROBE, address, 443)], every(rng, 60), _PROBED)
    again = [Route(customer, one, 443, platform=True) for customer in outside.CUSTOMERS[:9]
             for one in front]  # fmt: skip
    traffic.add(again, times_of(rng, CUSTOMERS, 90), Shape(0, 60, 20, 1.2))


def _ledger(traffic: Traffic, bank: Bank) -> None:
    """One client has not heard that the first server is frozen."""
    frozen, server, batch = _machine(bank, "core-ledger-01", "core-ledger-02", "ledger-batch-01")
    rng = traffic.rng
    traffic.add([Route(batch, server, 443)], times_of(rng, OFFICE, 100), _QUERY, together=6)
    traffic.add([Route(batch, frozen, 443)], every(rng, 24), _QUERY)
    storage = outside.STORAGE[WEST.name]
    traffic.add(_pairs([frozen, server], [storage], 443), times_of(rng, NIGHT, 16), _BACKUP)
    traffic.add([Route(batch, server, 443)], times_of(rng, NIGHT, 6), _BACKUP)


def _branches(traffic: Traffic, bank: Bank) -> None:
    tellers = _addresses(_in_subnet(bank, "vnet-branches", "snet-tellers"))
    printer = _machine(bank, "branch-print-01")
    rng = traffic.rng
    sites = _pairs(tellers, outside.SITES, 443)
    traffic.add(sites, times_of(rng, OFFICE, 130), _REQUEST, together=6)
    traffic.add(_pairs(tellers, printer, 9100), times_of(rng, OFFICE, 90), Shape(6, 400_000, 900))
    traffic.add(_pairs(printer, tellers, 9100), times_of(rng, OFFICE, 30), _QUERY)


def _development(traffic: Traffic, bank: Bank) -> None:
    """The first story is in it: calls from dev-vm to an API server are denied."""
    developer, agent, db = _machine(bank, "dev-vm", "build-agent-01", "db-01")
    servers = _machine(bank, "api-01", "api-02", "api-03")
    rng = traffic.rng
    traffic.add(_pairs([agent], servers, 8080), times_of(rng, OFFICE, 60), _QUERY, together=6)
    traffic.add(_pairs(servers, [db], 5432), times_of(rng, OFFICE, 60), _QUERY, together=6)
    traffic.add(_pairs([developer, agent], outside.SITES[:2], 443), times_of(rng, OFFICE, 60),
                Shape(20, 60_000, 4_000_000, 6))  # fmt: skip
    traffic.add(_pairs([developer], servers[:1], 8080), between(rng, 8.2, 15.5, 25), _QUERY)


def _legacy(traffic: Traffic, bank: Bank) -> None:
    jump, mainframe = _machine(bank, "legacy-jump-01", "mainframe-gw-01")
    rng = traffic.rng
    traffic.add([Route(outside.VENDOR, jump, 3389)], between(rng, 8, 16, 3), _DESKTOP)
    traffic.add([Route(jump, mainframe, 23)], between(rng, 8, 16, 12), Shape(900, 60_000, 700_000))


def _tier(bank: Bank, vnet: VNet, tier: str) -> list[str]:
    return _addresses(_in_subnet(bank, vnet.name, f"snet-{tier}")[:_BUSY_MACHINES])


def _application(traffic: Traffic, bank: Bank, vnet: VNet) -> None:
    """Three tiers."""
    web, api, data = (_tier(bank, vnet, tier) for tier in ("web", "api", "data"))
    rng = traffic.rng
    traffic.add(_pairs(web, api, 8080), times_of(rng, OFFICE, 45), _QUERY, together=11)
    traffic.add(_pairs(api, data, 5432), times_of(rng, OFFICE, 45), _QUERY, together=11)


def _replica(traffic: Traffic, bank: Bank, vnet: VNet) -> None:
    """A database that feeds another all day."""
    data = _tier(bank, vnet, "data")
    traffic.add(_pairs(data[:1], data[1:2], 5432), twice(traffic.rng), _KEPT_OPEN)


def _housekeeping(traffic: Traffic, bank: Bank, vnet: VNet) -> None:
    """Heartbeats, a backup at night, and a mailer that may not mail."""
    region = vnet.place.region
    web, api, data = (_tier(bank, vnet, tier) for tier in ("web", "api", "data"))
    rng = traffic.rng
    traffic.add(_pairs(web[:1], [outside.MONITOR], 443), every(rng, 30), _HEARTBEAT)
    backup = _pairs(data, [outside.BACKUP[region], outside.STORAGE[region]], 443)
    traffic.add(backup, times_of(rng, NIGHT, 8), _BACKUP)
    if vnet.environment == "production":
        traffic.add(_pairs(api[-1:], outside.SITES[-1:], 25), every(rng, 180), _REQUEST)


def _monitoring(traffic: Traffic, bank: Bank) -> None:
    """Servers are asked for their metrics, over connections that are kept open."""
    (monitor,) = _machine(bank, "monitor-01")
    for address in _machine(bank, "core-ledger-01", "core-ledger-02", "mgmt-vm-01"):
        traffic.add([Route(monitor, address, 9100)], twice(traffic.rng), _SCRAPED)


def _names(traffic: Traffic, bank: Bank) -> None:
    """Who talks asks for names, in the region's hub; developers ask Azure, which no log has."""
    talking = {route.src for route in traffic.routes}
    for region, names in zip(REGIONS, _NAME_SERVERS, strict=True):
        clients = [
            nic.address
            for nic in bank.part.nics
            if nic.address in talking
            and nic.place.region == region.name
            and nic.vnet.environment == "production"
        ]
        routes = _pairs(clients, _machine(bank, *names), 53, UDP)
        traffic.add(routes, times_of(traffic.rng, OFFICE, 110), _NAME, together=8)


def _administrators(traffic: Traffic, bank: Bank) -> None:
    """People come in through Bastion, whose own interfaces Azure does not show."""
    bastion = ["10.0.0.132", "10.0.0.133"]
    linux = _pairs(bastion, _machine(bank, "core-ledger-02", "monitor-01"), 22)
    windows = _pairs(bastion, _machine(bank, "mgmt-vm-01", "branch-print-01"), 3389)
    traffic.add([*linux, *windows], times_of(traffic.rng, OFFICE, 18), _DESKTOP)
