"""Traffic Analytics' rows: the vectors of the flow-log specification and more, as data."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from flowverdict.traffic.analytics.places import Places
from flowverdict.traffic.analytics.schema import IP_DETAILS, NTA
from tests.traffic.analysed import analysed, places
from tests.traffic.logs import NSG, nsg, rows, tuple2, tuple4, vnet4
from tests.traffic.networks import mac, nic, pooled

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text("utf-8"))
GATEWAY = {
    "vpnClientConfiguration": {"vpnClientAddressPool": {"addressPrefixes": ["172.16.9.0/24"]}}
}
SKETCH: dict[str, Any] = {
    "vnets": {
        "vnet0": {"space": ["10.0.0.0/16"], "subnets": {"s": {"prefixes": ["10.0.0.0/24"]}},
                  "peerings": {"hub": {"useRemoteGateways": True}}},
        "vnet1": {"space": ["10.1.0.0/16"], "subnets": {"s": {"prefixes": ["10.1.0.0/24"]}},
                  "peerings": {"hub": {"useRemoteGateways": True}}},
        "hub": {"space": ["10.9.0.0/16"], "subnets": {
            "s": {"prefixes": ["10.9.0.0/24"]}, "GatewaySubnet": {"prefixes": ["10.9.1.0/24"]}}},
    },
    "nics": {
        "nic0": nic(0, "vnet0/s", ip=["10.0.0.4"]),
        "nic1": nic(1, "vnet1/s", ip=["10.1.0.5"], publicIp="20.1.2.3"),
        "nic9": nic(9, "hub/s", ip=["10.9.0.4"],
                    raw={"macAddress": "60-45-BD-00-00-09", "enableIPForwarding": True}),
    },
    "gateways": {"gw": {"subnet": "hub/GatewaySubnet", "raw": GATEWAY}},
    "localGateways": {"site": ["192.168.50.0/24"]},
    "connections": {"tunnel": {"from": "gw", "to": "site"}},
}  # fmt: skip


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """A hub with a gateway, two spokes, and a machine in each."""
    return places(tmp_path_factory.mktemp("estate") / "network", SKETCH)


def logged(line: str, *, times: int = 1, **more: Any) -> dict[str, Any]:
    """A record of one tuple: `SECOND WAY STATE SOURCE DESTINATION [COUNTERS [PROTOCOL]]`."""
    at, way, state, source, target, *rest = line.split()
    counters, protocol = (*rest, *("0,0,0,0", "6")[len(rest) :])
    (src, sport), (dst, dport) = (side.strip("[").split("]:" if "]" in side else ":")
                                  for side in (source, target))  # fmt: skip
    encryption = more.pop("encryption", "NX")
    tuples = [
        tuple4(
            float(at) + number, state, counters, direction=way, encryption=encryption,
            flow=f"{src},{dst},{int(sport) + number},{dport},{protocol}",
        )
        for number in range(times)
    ]  # fmt: skip
    return vnet4(*tuples, mac=mac(more.pop("mac", 0)), **more)


def shown(row: dict[str, Any], names: Any) -> dict[str, Any]:
    return {
        name: row[name].isoformat() if isinstance(row[name], datetime) else row[name]
        for name in names
    }


@pytest.mark.parametrize("vector", VECTORS, ids=[one["id"] for one in VECTORS])
def test_vectors(vector: dict[str, Any], known: Places) -> None:
    log = rows(*(logged(**one) for one in vector["tuples"]))
    found = analysed(log, known, vector.get("minutes", 60))
    for table, expected in ((NTA, vector["rows"]), (IP_DETAILS, vector["details"])):
        assert len(found[table]) == len(expected), found[table]
        left = [shown(row, row) for row in found[table]]
        for want in expected:
            match = next((row for row in left if want.items() <= row.items()), None)
            assert match is not None, (want, [shown(row, want) for row in left])
            left.remove(match)


def types(known: Places, *lines: str, **more: Any) -> list[tuple[Any, ...]]:
    """Type and machines of each row."""
    found = analysed(rows(*(logged(line, **more) for line in lines)), known)[NTA]
    return [(row["FlowType"], row["SrcVm"], row["DestVm"]) for row in found]


def test_without_an_estate_only_public_addresses_are_told(tmp_path: Path) -> None:
    """Flow logs are of interfaces in networks: the logged end is in one, whichever it is."""
    nothing = places(tmp_path / "none", {})
    lines = {
        "0 O B 10.0.0.4:5000 20.50.1.9:443": "AzurePublic",
        "0 I B 8.8.8.8:5000 10.0.0.4:443": "ExternalPublic",
        "0 O B 10.0.0.4:5000 10.0.0.5:443": "Unknown",
        "0 I B 8.8.8.8:5000 8.8.4.4:443": "Unknown",
    }
    for line, kind in lines.items():
        assert types(nothing, line) == [(kind, None, None)]


def test_of_networks_that_share_addresses_the_observers_counts_then_its_peer(
    tmp_path: Path,
) -> None:
    """Specification, 8.5: overlapping networks need the observing interface as tie-break."""
    space = {"space": ["10.0.0.0/16"], "subnets": {"s": {"prefixes": ["10.0.0.0/24"]}}}
    other = {"space": ["10.5.0.0/16"], "subnets": {"s": {"prefixes": ["10.5.0.0/24"]}}}
    known = places(
        tmp_path / "twice",
        {
            "vnets": {
                "a": space,
                "b": space,
                "c": {**other, "peerings": {"b": {}}},
                "d": {"space": ["10.6.0.0/16"], "subnets": {"s": {"prefixes": ["10.6.0.0/24"]}}},
            },
            "nics": {
                "nic1": nic(1, "a/s", ip=["10.0.0.4"]), "nic2": nic(2, "b/s", ip=["10.0.0.4"]),
                "nic3": nic(3, "c/s", ip=["10.5.0.4"]), "nic4": nic(4, "d/s", ip=["10.6.0.4"]),
            },
        },
    )  # fmt: skip
    inside = "0 O B 10.0.0.4:5000 10.0.0.9:443"
    assert types(known, inside, mac=1) == [("IntraVNet", "rg/vm1", None)]
    assert types(known, inside, mac=2) == [("IntraVNet", "rg/vm2", None)]
    assert types(known, "0 O B 10.5.0.4:5000 10.0.0.4:443", mac=3) == [
        ("InterVNet", "rg/vm3", "rg/vm2")
    ]
    assert types(known, "0 O B 10.6.0.4:5000 10.0.0.4:443", mac=4) == [
        ("UnknownPrivate", "rg/vm4", None)
    ]


def test_a_network_that_only_a_peering_tells_of(tmp_path: Path) -> None:
    peering = {"id": "/subscriptions/x/resourceGroups/far/providers/Microsoft.Network/"
               "virtualNetworks/away"}  # fmt: skip
    known = places(
        tmp_path / "peered",
        {
            "vnets": {"a": {
                "space": ["10.0.0.0/16"], "subnets": {"s": {"prefixes": ["10.0.0.0/24"]}},
                "raw": {"virtualNetworkPeerings": [{"name": "p", "properties": {
                    "remoteVirtualNetwork": peering, "peeringState": "Connected",
                    "remoteAddressSpace": {"addressPrefixes": ["10.44.0.0/16"]}}}]},
            }},
            "nics": {"nic0": nic(0, "a/s", ip=["10.0.0.4"])},
        },
    )  # fmt: skip
    (row,) = analysed(rows(logged("0 O B 10.0.0.4:5000 10.44.0.9:443")), known)[NTA]
    told = (row["FlowType"], row["ConnectionType"], row["DestSubscription"], row["DestRegion"])
    assert told == ("InterVNet", "VNetPeering", "x", None)


def test_load_balancers_groups_endpoints_and_gateways_are_named(tmp_path: Path) -> None:
    known = places(
        tmp_path / "more",
        {
            "vnets": {"v": {"space": ["10.0.0.0/16"], "subnets": {
                "s": {"prefixes": ["10.0.0.0/24"]}, "agw": {"prefixes": ["10.0.1.0/24"]}}}},
            "nics": {"nic0": nic(0, "v/s", ip=["10.0.0.4"])},
            "privateEndpoints": {"pe": {"subnet": "v/s", "ip": "10.0.0.9"}},
            "applicationGateways": {"agw": {"subnet": "v/agw"}},
            "managers": {"M": {"scope": ["sub:main"], "groups": {"G": {"members": ["v"]}}}},
            "also": [{
                "id": "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/"
                "loadBalancers/lb", "name": "lb",
                "properties": {"frontendIPConfigurations": [
                    {"name": "f", "properties": {"privateIPAddress": "10.0.0.7"}}]},
            }],
        },
    )  # fmt: skip
    log = rows(*(logged(f"0 O B 10.0.0.4:5000 {to}:443")
                 for to in ("10.0.0.7", "10.0.0.9", "10.0.1.5")))  # fmt: skip
    balanced, private, gateway = analysed(log, known)[NTA]
    assert balanced["DestLoadBalancer"] == "s/rg/lb"
    assert balanced["SrcLoadBalancer"] is None
    assert private["PrivateEndpointResourceId"].endswith("/privateEndpoints/pe")
    assert gateway["DestApplicationGateway"].endswith("/rg/agw")
    assert gateway["DestNetworkGroups"].endswith("/networkManagers/M/networkGroups/G")


BALANCER = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/loadBalancers/"
POOLS_OF_ADDRESSES = [
    {"name": "each", "properties": {"loadBalancerBackendAddresses": [
        {"name": "a", "properties": {
            "virtualNetwork": {"id": "<vnets/v>"}, "ipAddress": "10.0.0.6"}},
        {"name": "b", "properties": {
            "subnet": {"id": "<vnets/w>/subnets/s"}, "ipAddress": "fd00::6"}},
        {"name": "c", "properties": {"networkInterfaceIPConfiguration": {"id": "/of/a/nic"}}},
        {"name": "where it is, nobody says", "properties": {"ipAddress": "10.0.0.8"}}]}},
    {"name": "whole", "properties": {
        "virtualNetwork": {"id": "<vnets/v>"},
        "loadBalancerBackendAddresses": [{"name": "a", "properties": {"ipAddress": "10.0.0.9"}}]}},
]  # fmt: skip


def test_load_balancers_are_named_at_what_stands_behind_them(tmp_path: Path) -> None:
    both = [pooled("10.0.0.4", "OUT", "in"), "10.0.0.5", pooled("fd00::4", "in")]
    known = places(
        tmp_path / "pools",
        {
            "vnets": {
                "v": {"space": ["10.0.0.0/16", "fd00::/64"],
                      "subnets": {"s": {"prefixes": ["10.0.0.0/24", "fd00::/64"]}}},
                "w": {"space": ["10.0.0.0/16", "fd00::/64"],
                      "subnets": {"s": {"prefixes": ["10.0.0.0/24", "fd00::/64"]}}},
            },
            "nics": {"nic0": nic(0, "v/s", ip=both), "nic1": nic(1, "w/s", ip=["10.0.0.4"])},
            "also": [
                {"id": BALANCER + "out", "name": "out", "properties": {}},
                {"id": BALANCER + "many", "name": "many",
                 "properties": {"backendAddressPools": POOLS_OF_ADDRESSES}},
            ],
        },
    )  # fmt: skip

    def balancer(address: str, mac: int = 0) -> str | None:
        end = f"[{address}]" if ":" in address else address
        far = "[fd00::ff]" if ":" in address else "10.0.0.99"
        (row,) = analysed(rows(logged(f"0 I B {far}:5000 {end}:443", mac=mac)), known)[NTA]
        assert row["SrcLoadBalancer"] is None
        return row["DestLoadBalancer"]

    assert balancer("10.0.0.4") == "s/rg/in s/rg/out"
    assert balancer("10.0.0.5") is None
    assert balancer("fd00::4") == "s/rg/in"
    assert balancer("10.0.0.6") == balancer("10.0.0.9") == "s/rg/many"
    assert balancer("10.0.0.8") is None
    assert balancer("fd00::6") is None
    assert balancer("fd00::6", mac=1) == "s/rg/many"
    assert balancer("10.0.0.4", mac=1) is balancer("10.0.0.6", mac=1) is None


def test_nsg_flow_logs_make_rows_too_and_what_they_do_not_count_is_null(known: Places) -> None:
    """Specification, 13.4 S06: a B of an NSG log without an end has no counters, which is not 0."""
    flow = "10.0.0.4,10.1.0.5,5000,443,T,O"
    log = rows(
        nsg(tuple2(0, "A", flow), version=1, mac=mac(0)),
        nsg(tuple2(1, "A,B,,,,", flow), mac=mac(0)),
        nsg(tuple2(2, "D,B,,,,", flow), mac=mac(0)),
    )
    allowed, denied = sorted(analysed(log, known)[NTA], key=lambda row: row["FlowStatus"])
    assert (allowed["AllowedOutFlows"], allowed["BytesSrcToDest"]) == (2, None)
    assert (denied["DeniedOutFlows"], denied["BytesSrcToDest"]) == (1, 0)
    assert allowed["TargetResourceType"] == "NetworkSecurityGroup"
    assert allowed["AclGroup"] == "/".join(NSG.upper().split("/")[at] for at in (2, 4, 8))


def test_no_rows_make_no_rows(known: Places) -> None:
    assert analysed([], known) == {NTA: [], IP_DETAILS: []}
