"""The named queries, held against plain counting over the flow rows of the demo's day."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import ipaddress
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest

from flowverdict.api import load_estate
from flowverdict.cli.judging import judge_of
from flowverdict.demo.bank import write_bank
from flowverdict.demo.day.blobs import make_day
from flowverdict.lake import Engine
from flowverdict.model import Estate
from flowverdict.net import format_address, format_addresses, parse_prefix
from flowverdict.traffic.analytics.places import Places
from flowverdict.traffic.analytics.queries import queries
from flowverdict.traffic.analytics.threats import Threat, Threats
from tests.traffic.analysed import flows, made, places
from tests.traffic.logs import rows as rows_of
from tests.traffic.networks import nic, pooled
from tests.traffic.test_traffic_analytics import GATEWAY, logged

Row = dict[str, Any]


@dataclass
class Day:
    """The demo's day: its flow rows, what is asked of them, and the network as plain tables."""

    rows: list[Row]
    engine: Engine
    estate: Estate

    def __post_init__(self) -> None:
        self.vm_of: dict[str, str] = {}
        publics = self.estate.resources.public_ips
        for one in self.estate.resources.nics.values():
            for place in one.ip_configurations if one.vm else ():
                held = publics.get(place.public_ip) if place.public_ip else None
                public = held.address if held else None
                for point in (place.addresses.spans[0][0], public):
                    if point is not None:
                        self.vm_of[format_address(point)] = machine(one.vm)
        self.networks = [
            (ipaddress.ip_network(text), subnet.id)
            for subnet in self.estate.resources.subnets.values()
            for text in format_addresses(subnet.prefixes)
        ]
        self._subnets: dict[str, Any] = {}

    def asked(self, name: str) -> list[Row]:
        found = self.engine.connection.sql(queries()[name].sql)
        return found.to_arrow_table().to_pylist()

    def subnet(self, address: str) -> Any:
        """The id of the subnet that has an address."""
        if address not in self._subnets:
            ip = ipaddress.ip_address(address)
            self._subnets[address] = next((id for net, id in self.networks if ip in net), None)
        return self._subnets[address]

    def subnet_name(self, address: str) -> str | None:
        found = self.subnet(address)
        return found and f"{found.resource_group}/{found.parent.name}/{found.name}"

    def is_public(self, row: Row) -> bool:
        """Whether one end is not of the bank; of the day's flows that is a public address."""
        return None in (self.subnet(row["src_ip"]), self.subnet(row["dst_ip"]))

    def once(self) -> Iterator[Row]:
        """The rows without those that the other end has too."""
        out = {
            (row["src_ip"], row["dst_ip"], row["dst_port"], row["protocol"])
            for row in self.rows if row["direction"] == "O"
        }  # fmt: skip
        newer = {(row["mac"], row["time"].hour) for row in self.rows if row["schema"] == "vnet4"}
        for row in self.rows:
            key = (row["src_ip"], row["dst_ip"], row["dst_port"], row["protocol"])
            if row["schema"] != "vnet4" and (row["mac"], row["time"].hour) in newer:
                continue
            if row["direction"] == "O" or row["decision"] == "D" or key not in out:
                yield row


def machine(vm: Any) -> str:
    """`group/machine`, and of a scale set `group/set_number`."""
    parts = str(vm).split("/")
    return f"{parts[4]}/{'_'.join(parts[8::2])}"


def begins(row: Row) -> int:
    return allowed(row) + denied(row)


def counted(row: Row, name: str) -> int:
    return row[name] if row["state"] in ("C", "E") else 0


def sums(
    rows: Iterator[Row] | list[Row], key: Callable[[Row], Any], **columns: Callable[[Row], int]
):
    """Sums of columns by key, as rows of an answer."""
    found: dict[Any, Counter[str]] = defaultdict(Counter)
    for row in rows:
        for name, value in columns.items():
            found[key(row)][name] += value(row)
    return {key: tuple(sums[name] for name in columns) for key, sums in found.items()}


SENT = {"out": lambda row: counted(row, "bytes_sent")}
BOTH = {**SENT, "in": lambda row: counted(row, "bytes_received")}


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    folder: Path = tmp_path_factory.mktemp("day") / "bank"
    write_bank(folder)
    estate = load_estate(folder)
    table = flows([make_day(judge_of(estate))])
    engine = made(table, Places(estate))
    yield Day(table.to_pylist(), engine, estate)
    engine.close()


def told(found: list[Row], keys: str, *values: str) -> dict[Any, tuple[int, ...]]:
    """An answer by key; no key comes twice."""
    names = keys.split()
    pairs = [
        (row[names[0]] if len(names) == 1 else tuple(row[name] for name in names),
         tuple(int(row[name] or 0) for name in values))
        for row in found
    ]  # fmt: skip
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def own(row: Row) -> str:
    return row["src_ip"] if row["direction"] == "O" else row["dst_ip"]


def sent(row: Row) -> int:
    return counted(row, "bytes_sent" if row["direction"] == "O" else "bytes_received")


def received(row: Row) -> int:
    return counted(row, "bytes_received" if row["direction"] == "O" else "bytes_sent")


def allowed(row: Row) -> int:
    return int(row["decision"] == "A" and row["state"] in ("B", None))


def denied(row: Row) -> int:
    return int(row["decision"] == "D")


def test_top_talkers(day: Day) -> None:
    found = day.asked("top-talkers")
    expected = sums(day.rows, lambda row: day.vm_of.get(own(row), own(row)),
                    sent=sent, received=received, allowed=allowed, denied=denied)  # fmt: skip
    assert (
        told(found, "Vm", "BytesSent", "BytesReceived", "AllowedFlows", "DeniedFlows") == expected
    )
    totals = [row["BytesSent"] + row["BytesReceived"] for row in found]
    assert totals == sorted(totals, reverse=True)


def test_subscriptions(day: Day) -> None:
    expected = sums(day.rows, lambda row: day.subnet(own(row)).subscription,
                    sent=sent, received=received)  # fmt: skip
    assert (
        told(day.asked("subscriptions"), "Subscription", "BytesSent", "BytesReceived") == expected
    )


def test_load_balancers(day: Day) -> None:
    behind = {
        format_address(one.addresses.spans[0][0]): one.pools[0].parent.name
        for nic in day.estate.resources.nics.values()
        for one in nic.ip_configurations if one.pools
    }  # fmt: skip
    rows = [
        row for row in day.rows
        if row["direction"] == "I" and row["decision"] == "A" and row["dst_ip"] in behind
        and row["src_ip"] != "168.63.129.16"
    ]  # fmt: skip
    expected = sums(rows, lambda row: (row["dst_port"], day.vm_of[row["dst_ip"]], row["dst_ip"]),
                    flows=allowed, **BOTH)  # fmt: skip
    found = day.asked("load-balancers")
    assert len(expected) == 7
    names = "Flows", "BytesSrcToDest", "BytesDestToSrc"
    assert told(found, "DestPort DestVm Dest", *names) == expected
    sources: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        sources[row["dst_ip"]].add(row["src_ip"])
    whole = sums(rows, lambda row: behind[row["dst_ip"]], flows=allowed)
    for row in found:
        balancer = behind[row["Dest"]]
        assert row["DestLoadBalancer"].endswith(f"/{balancer}")
        assert row["Sources"] == len(sources[row["Dest"]])
        assert row["Share"] == pytest.approx(int(row["Flows"]) / whole[balancer][0])


def test_subnet_pairs(day: Day) -> None:
    inside = [row for row in day.once() if not day.is_public(row)]
    expected = sums(
        inside, lambda row: (day.subnet_name(row["src_ip"]), day.subnet_name(row["dst_ip"])),
        **BOTH, allowed=allowed, denied=denied,
    )  # fmt: skip
    found = told(day.asked("subnet-pairs"), "SrcSubnet DestSubnet",
                 "BytesSrcToDest", "BytesDestToSrc", "AllowedFlows", "DeniedFlows")  # fmt: skip
    assert found == expected


def test_subnets_and_internet(day: Day) -> None:
    public = [row for row in day.rows if day.is_public(row)]

    def key(row: Row) -> Any:
        outside = row["dst_ip"] if day.subnet(row["src_ip"]) else row["src_ip"]
        way = "Inbound" if row["direction"] == "I" else "Outbound"
        return day.subnet_name(own(row)), way, outside

    found = told(day.asked("subnets-and-internet"), "Subnet FlowDirection PublicIp",
                 "Flows", "BytesSrcToDest", "BytesDestToSrc")  # fmt: skip
    assert found == sums(public, key, flows=begins, **BOTH)


def test_denied(day: Day) -> None:
    expected = sums(
        [row for row in day.rows if row["decision"] == "D"],
        lambda row: (row["rule"], row["dst_port"], row["src_ip"],
                     day.vm_of.get(row["dst_ip"], row["dst_ip"])),
        denied=denied,
    )  # fmt: skip
    found: Counter[Any] = Counter()
    for row in day.asked("denied"):
        found[row["AclRule"], row["DestPort"], row["Src"], row["Target"]] += int(row["Denied"])
    assert {key: (count,) for key, count in found.items()} == expected


def test_ports_between(day: Day) -> None:
    letters = {6: "T", 17: "U"}
    expected = sums(
        day.rows,
        lambda row: (row["src_ip"], row["dst_ip"], row["dst_port"], letters[row["protocol"]]),
        allowed=allowed, denied=denied,
    )  # fmt: skip
    found = day.asked("ports-between")
    assert told(found, "Src Dest DestPort L4Protocol", "Allowed", "Denied") == expected


def test_permitting_rules(day: Day) -> None:
    expected = sums(
        [row for row in day.rows if row["decision"] == "A"],
        lambda row: (row["src_ip"], row["dst_ip"], row["dst_port"], row["direction"],
                     "platformrule" if row["rule_kind"] == "platform" else row["rule"]),
        flows=begins,
    )  # fmt: skip
    found: Counter[Any] = Counter()
    for row in day.asked("permitting-rules"):
        key = (row["Src"], row["Dest"], row["DestPort"], row["FlowDirection"][0], row["AclRule"])
        found[key] += int(row["Flows"])
    assert {key: (count,) for key, count in found.items()} == expected


def test_the_intruder_of_the_demo_is_named_with_the_rule_that_let_it_in(day: Day) -> None:
    """What the demo tells: one source got in by RDP through a forgotten rule."""
    seen = {
        (row["DestVm"], row["Src"], row["AclRule"]) for row in day.asked("permitting-rules")
        if row["DestPort"] == 3389 and day.subnet(row["Src"]) is None
    }  # fmt: skip
    raw = {
        (day.vm_of[row["dst_ip"]], row["src_ip"], row["rule"]) for row in day.rows
        if row["dst_port"] == 3389 and row["decision"] == "A" and row["direction"] == "I"
        and day.subnet(row["src_ip"]) is None
    }  # fmt: skip
    assert seen == raw
    assert ("rg-management/mgmt-vm-01", "AllowRdpMigration") in {(vm, rule) for vm, _, rule in seen}


def test_unused_rules(day: Day) -> None:
    named = {(row["acl"].lower(), row["rule"].lower(), row["direction"])
             for row in day.rows if row["acl"] and row["rule"]}  # fmt: skip
    logged_nsgs = {acl for acl, _, _ in named}
    expected = {
        (nsg.id.name, rule.name, rule.direction.value, nsg.id.key in logged_nsgs)
        for nsg in day.estate.resources.nsgs.values() for rule in nsg.rules
        if not rule.is_default
        and (nsg.id.key, rule.name.lower(), rule.direction.value[0]) not in named
    }  # fmt: skip
    found = [
        (row["AclGroup"].rpartition("/")[2], row["AclRule"], row["Direction"], row["NsgIsLogged"])
        for row in day.asked("unused-rules")
    ]
    assert len(set(found)) == len(found)
    assert set(found) == expected != set()


def test_azure_services(day: Day) -> None:
    """Which addresses are Microsoft's, the demo's plan says: they are in no other table."""
    expected: Counter[Any] = Counter()
    for row in day.rows:
        tags = {"13.81.158.230": "AZUREMONITOR"}
        if row["dst_ip"] in tags:
            subnet = day.subnet_name(row["src_ip"])
            expected[tags[row["dst_ip"]], "westeurope", subnet, row["dst_port"]] += begins(row)
    found = told(day.asked("azure-services"), "DestServiceName AzureRegion SrcSubnet DestPort",
                 "Flows")  # fmt: skip
    monitored = {key: flows for key, flows in found.items() if key[0] == "AZUREMONITOR"}
    assert monitored == {key: (count,) for key, count in expected.items()} != {}


def test_unencrypted(day: Day) -> None:
    def key(row: Row) -> Any:
        ends = [day.subnet(row[name]).parent for name in ("src_ip", "dst_ip")]
        return tuple(f"{vnet.resource_group}/{vnet.name}" for vnet in ends)

    clear = [row for row in day.once() if not day.is_public(row) and row["encryption"] == "NX"]
    found = told(
        [row for row in day.asked("unencrypted") if row["FlowEncryption"] == "Unencrypted"],
        "SrcVnet DestVnet", "AllowedFlows", "BytesSrcToDest", "BytesDestToSrc",
    )  # fmt: skip
    assert found == sums(clear, key, allowed=allowed, **BOTH) != {}


def test_machine_baseline(day: Day) -> None:
    hours = sums(day.rows, lambda row: (day.vm_of.get(own(row), own(row)),
                 row["time"].replace(minute=0, second=0, microsecond=0)),
                 bytes=lambda row: sent(row) + received(row))  # fmt: skip
    found = {(row["Vm"], row["FlowIntervalStartTime"].astimezone(UTC)): row
             for row in day.asked("machine-baseline")}  # fmt: skip
    assert found.keys() == hours.keys()
    for (vm, hour), row in found.items():
        upto = [
            total for (other, at), (total,) in hours.items()
            if other == vm and hour - timedelta(1) <= at <= hour
        ]  # fmt: skip
        assert row["Bytes"] == hours[vm, hour][0]
        assert row["Mean"] == pytest.approx(statistics.fmean(upto))
        expected = statistics.stdev(upto) if len(upto) > 1 else None
        assert row["Deviation"] == (expected if expected is None else pytest.approx(expected))
        assert (row["Deviations"] is None) >= (len(upto) <= 3)


OFFICE: dict[str, Any] = {
    "vnets": {
        "a": {"space": ["10.0.0.0/16"], "subnets": {
            "s": {"prefixes": ["10.0.0.0/24"]}, "GatewaySubnet": {"prefixes": ["10.0.9.0/24"]}}},
        "b": {"space": ["10.1.0.0/16"], "location": "westeurope",
              "subnets": {"s": {"prefixes": ["10.1.0.0/24"]}}},
    },
    "nics": {
        "nic0": nic(0, "a/s", ip=["10.0.0.4"]), "nic1": nic(1, "b/s", ip=["10.1.0.4"]),
        **{f"nic{at}": nic(at, "a/s", ip=[pooled(f"10.0.0.1{at}", "lb")]) for at in (2, 3)},
    },
    "gateways": {"gw": {"subnet": "a/GatewaySubnet", "raw": GATEWAY}},
    "localGateways": {"site": ["192.168.50.0/24"]},
    "connections": {"tunnel": {"from": "gw", "to": "site"}},
    "also": [{
        "id": "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/loadBalancers/lb",
        "name": "lb", "properties": {"frontendIPConfigurations": [
            {"name": "f", "properties": {"privateIPAddress": "10.0.0.7"}}]},
    }],
}  # fmt: skip


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """What the demo's day lacks: a gateway, regions, calls of a frontend, threats."""
    bad = Threats([Threat(parse_prefix("8.8.8.8"), "C2", "bad")])
    known = places(tmp_path_factory.mktemp("office") / "net", OFFICE, threats=bad)
    log = [
        ("0 O E 10.0.0.4:1000 192.168.50.9:445 1,100,2,200", 0),
        ("0 I E 172.16.9.4:1000 10.0.0.4:3389 1,10,2,20", 0),
        ("0 O E 10.0.0.4:1000 10.99.0.9:445 1,7,2,8", 0),
        ("0 O E 10.0.0.4:1000 10.1.0.4:443 1,1000,2,2000", 0),
        ("1 I E 10.0.0.4:1000 10.1.0.4:443 1,990,2,1990", 1),
        ("0 O B 10.0.0.4:1000 10.0.0.7:443", 0),
        ("1 O B 10.0.0.4:1001 10.0.0.7:443", 0),
        ("0 O B 10.0.0.4:1000 8.8.8.8:443", 0),
        ("9 O E 10.0.0.4:1000 8.8.8.8:443 1,50,2,60", 0),
        ("0 I D 8.8.8.8:1000 10.1.0.4:22", 1),
        ("0 I B 10.0.0.4:1000 10.0.0.12:443", 2),
        ("1 I B 10.0.0.4:1001 10.0.0.13:443", 3),
        ("0 I B 9.9.9.9:1000 10.0.0.12:443", 2),
        ("1 I B 9.9.9.9:1001 10.0.0.12:443", 2),
        ("2 I E 9.9.9.9:1001 10.0.0.12:443 1,5,1,6", 2),
        ("0 I B 168.63.129.16:1000 10.0.0.13:443", 3),
        ("0 O B 10.0.0.4:1002 10.0.0.13:22", 0),  # both ends log it, and it counts once
        ("0 I B 10.0.0.4:1002 10.0.0.13:22", 3),
        ("1 I D 9.9.9.9:1002 10.0.0.12:22", 2),
    ]
    rows = flows(rows_of(*(logged(line, mac=mac) for line, mac in log)))
    engine = made(rows, known)
    yield Day(rows.to_pylist(), engine, known.sites.estate)
    engine.close()


def cells(found: list[Row], names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names.split()) for row in found]


def test_on_premises_and_gateways(office: Day) -> None:
    found = office.asked("on-premises")
    assert cells(found, "Vm FlowType ConnectionName BytesSent BytesReceived") == [
        ("rg/vm0", "S2S", "tunnel", 100, 200),
        ("rg/vm0", "P2S", "gw_172.16.9.4", 20, 10),
        ("rg/vm0", "UnknownPrivate", None, 7, 8),
    ]
    assert cells(office.asked("gateways"), "ConnectionType ConnectionName Vnet BytesSrcToDest") == [
        ("VpnGateway", "tunnel", "rg/a", 100),
        ("VpnGateway", "gw_172.16.9.4", "rg/a", 10),
        (None, None, "rg/a", 7),
    ]


def test_cross_region_counts_a_flow_once(office: Day) -> None:
    assert cells(office.asked("cross-region"), "SrcRegion DestRegion BytesSrcToDest") == [
        ("eastus", "westeurope", 1000)
    ]


def test_flows_of_a_load_balancer_by_machine(office: Day) -> None:
    found = office.asked("load-balancers")
    assert {row["DestLoadBalancer"] for row in found} == {"s/rg/lb"}
    names = "FlowDirection DestPort DestVm Dest Sources Flows Share BytesSrcToDest"
    assert cells(found, names) == [
        ("Inbound", 22, "rg/vm3", "10.0.0.13", 1, 1, 1, 0),
        ("Inbound", 443, "rg/vm2", "10.0.0.12", 2, 3, 0.75, 5),
        ("Inbound", 443, "rg/vm3", "10.0.0.13", 1, 1, 0.25, 0),
        ("Outbound", 443, None, "10.0.0.7", 1, 2, 1, 0),
    ]


def test_threats(office: Day) -> None:
    names = "ThreatType Ip Location FlowDirection FlowStatus Vm DestPort Flows BytesSrcToDest"
    assert cells(office.asked("threats"), names) == [
        ("C2", "8.8.8.8", "US", "Inbound", "Denied", "rg/vm1", 22, 1, 0),
        ("C2", "8.8.8.8", "US", "Outbound", "Allowed", "rg/vm0", 443, 1, 50),
    ]


@pytest.mark.parametrize("name", queries())
def test_every_query_says_what_it_tells_and_answers_on_a_day_without_rows(
    name: str, tmp_path: Path
) -> None:
    one = queries()[name]
    assert one.title
    assert one.about.strip().endswith(".")
    assert one.source
    engine = made(flows([]), places(tmp_path / "net", {}))
    assert engine.connection.sql(one.sql).fetchall() == []
    engine.close()
