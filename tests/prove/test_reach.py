"""Who can talk to whom: known answers, and every packet against the evaluator at both ends."""

from __future__ import annotations

import random
from dataclasses import replace
from math import prod
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowverdict.model import Direction, Estate, IpConfiguration, NetworkInterface
from flowverdict.net import ALL_IPV4, ALL_IPV6, ALL_PORTS, EMPTY, PORTED, IntervalSet
from flowverdict.policy import Network, Options, Standpoint, evaluate_at
from flowverdict.prove.reach import INTERNET, Reach, services_text
from flowverdict.prove.region import WITH_PORTS
from flowverdict.prove.selectors import SelectorError
from tests.classify.test_laws import estates, packets
from tests.net.profiles import times
from tests.policy.estates import files_of, load


def network(**changes: Any) -> Estate:
    """A web and a database server, each in a subnet with an NSG, and a private endpoint."""
    sketch: dict[str, Any] = {
        "vnets": {
            "v": {
                "space": ["10.1.0.0/16"],
                "subnets": {
                    "web": {"prefixes": ["10.1.1.0/24"], "nsg": "web"},
                    "db": {"prefixes": ["10.1.2.0/24"], "nsg": "db"},
                    "pe": {"prefixes": ["10.1.3.0/24"]},
                },
            }
        },
        "nics": {
            "web1": {"subnet": "v/web", "ip": ["10.1.1.4"], "vm": "web1", "asgs": ["front"]},
            "web2": {"subnet": "v/web", "ip": ["10.1.1.5"], "vm": "web2"},
            "db1": {"subnet": "v/db", "ip": ["10.1.2.4"], "vm": "db1"},
        },
        "privateEndpoints": {"pe": {"subnet": "v/pe", "ip": "10.1.3.4"}},
        "nsgs": {
            "web": [
                "in 100 Allow Tcp Internet -> *:443 name=Https",
                "in 4000 Deny * * -> * name=Shut",
                "out 100 Allow Tcp * -> 10.1.2.0/24:1433 name=Sql",
                "out 110 Allow Udp * -> *:53 name=Dns",
                "out 4000 Deny * * -> * name=ShutOut",
            ],
            "db": [
                "in 100 Allow Tcp asg(front) -> *:1433 name=FromFront",
                "in 4000 Deny * * -> * name=Shut",
            ],
        },
    }
    return load(files_of({**sketch, **changes}))


def matrix(reach: Reach, by: str = "subnet") -> dict[tuple[str, str], tuple[str, bool]]:
    groups = [*reach.groups(by), reach.internet]
    return {
        (one.source.name, one.target.name): (services_text(one.passing), one.is_whole)
        for one in reach.cells(groups, groups)
    }


def test_subnets() -> None:
    told = matrix(Reach(network()))
    assert told["web", "db"] == ("TCP 1433", False)  # one of two is in the ASG
    assert told["db", "web"] == ("-", False)
    assert told[INTERNET, "web"] == ("TCP 443", True)
    assert told[INTERNET, "db"] == ("-", False)
    assert told[INTERNET, "pe"] == ("-", False)  # nothing leads there from outside
    assert told["web", INTERNET] == ("TCP 1688; UDP 53", False)  # activation is exempt (4.4)
    assert told["db", INTERNET] == ("any", True)
    assert told["db", "pe"] == ("any", True)
    assert (INTERNET, INTERNET) not in told


def test_other_groups() -> None:
    reach = Reach(network())
    assert matrix(reach, "nic")["web1", "db1"] == ("TCP 1433", True)
    assert matrix(reach, "nic")["web2", "db1"] == ("-", False)
    assert [one.name for one in reach.groups("asg")] == ["front"]
    assert [one.name for one in reach.groups("vnet")] == ["v"]
    assert reach.groups("group") == []


def test_words() -> None:
    reach = Reach(network())
    [cell] = reach.cells([reach.chosen("asg:front")], [reach.chosen("vm:db1")])
    assert (services_text(cell.passing), cell.is_whole) == ("TCP 1433", True)
    [cell] = reach.cells([reach.chosen("203.0.113.0/24")], [reach.chosen("vm:web1")])
    assert services_text(cell.passing) == "TCP 443"
    with pytest.raises(SelectorError, match="nobody"):
        reach.chosen("vm:nobody")


def test_blast_radius() -> None:
    reach = Reach(network())
    hops = [[nic.id.name for nic, _ in some] for some in reach.blast(reach.chosen("vm:web1"))]
    assert hops == [["db1", "pe-nic"]]


def test_what_is_missing_is_told() -> None:
    reach = Reach(network(omit=["nsgs/db"]))
    groups = reach.groups("subnet")
    cells = {(one.source.name, one.target.name): one for one in reach.cells(groups, groups)}
    cell = cells["web", "db"]
    assert services_text(cell.passing) == "-"
    assert services_text(cell.perhaps) == "TCP 1433; UDP 53"
    assert any("networkSecurityGroups/db" in one for one in reach.missing)


@times(40)
@given(estates(), st.integers(0, 2**32))
def test_a_packet_gets_through_if_both_ends_let_it(estate: Estate, seed: int) -> None:
    reach = Reach(estate)
    groups = reach.groups("nic")
    cells = {(one.source.name, one.target.name): one for one in reach.cells(groups, groups)}
    around = Network(estate, Options())
    nics = {one.id.name: one for one in estate.resources.nics.values()}
    for seen in packets(estate, random.Random(seed), 60):
        packet = seen.packet
        for (source, target), cell in cells.items():
            if packet.src not in nics[source].addresses or packet.dst not in nics[target].addresses:
                continue
            verdicts = {
                evaluate_at(Standpoint(around, nics[source]), Direction.OUTBOUND, packet).access,
                evaluate_at(Standpoint(around, nics[target]), Direction.INBOUND, packet).access,
            }
            assert (packet in cell.passing) == (verdicts == {"Allow"})
            assert (packet in cell.perhaps) == ("Deny" not in verdicts)


def test_an_interface_without_an_address_counts_with_its_subnets() -> None:
    whole = network()
    nics = {one.id: replace(one, ip_configurations=_open(one)) for one in _nics(whole)}
    estate = replace(whole, resources=replace(whole.resources, nics=nics))
    told = matrix(Reach(estate), "nic")
    assert told[INTERNET, "web1"] == ("TCP 443", True)
    assert told["web1", "db1"] == ("-", False)  # it is not known whose address is in the group


def _nics(estate: Estate) -> list[NetworkInterface]:
    return list(estate.resources.nics.values())


def _open(nic: NetworkInterface) -> tuple[IpConfiguration, ...]:
    if nic.id.name != "web1":
        return nic.ip_configurations
    return tuple(replace(one, addresses=EMPTY) for one in nic.ip_configurations)


def test_interfaces_with_one_address_are_told_apart() -> None:
    """Virtual networks that do not meet may have the same addresses, and other rules."""
    vnets = {
        name: {"space": ["10.0.0.0/16"], "subnets": {name: {"prefixes": ["10.0.0.0/24"], **nsg}}}
        for name, nsg in (("open", {"nsg": "web"}), ("shut", {"nsg": "db"}))
    }
    nics = {name: {"subnet": f"{name}/{name}", "ip": ["10.0.0.4"]} for name in vnets}
    reach = Reach(network(vnets=vnets, nics=nics, privateEndpoints={}))
    told = matrix(reach, "nic")
    assert told[INTERNET, "shut"] == ("-", False)
    assert told[INTERNET, "open"] == ("TCP 443", True)
    assert told["open", INTERNET] == ("TCP 1688; UDP 53", False)
    assert told["shut", INTERNET] == ("any", True)
    [cell] = reach.cells([reach.internet], [reach.chosen("10.0.0.4")])
    assert (cell.services, cell.is_whole) == ("TCP 443", False)  # at one of two
    assert cell.perhaps == cell.passing
    assert not reach.missing


@times(40)
@given(estates(), st.sampled_from(["nic", "subnet", "vnet", "asg"]))
def test_what_is_told_of_a_cell_is_so_of_its_packets(estate: Estate, by: str) -> None:
    reach = Reach(estate)
    groups = [*reach.groups(by), reach.internet]
    for cell in reach.cells(groups, groups):
        assert cell.services == services_text(cell.passing)
        assert cell.unsure == services_text(cell.perhaps - cell.passing)
        assert cell.is_open == bool(cell.passing)
        assert cell.is_possible == bool(cell.perhaps)
        assert cell.passing <= cell.perhaps
        ends = cell.source.addresses, cell.target.addresses
        pairs = sum(prod((end & family).size for end in ends) for family in (ALL_IPV4, ALL_IPV6))
        ports: dict[int, IntervalSet] = {}
        portless = EMPTY
        for box in cell.passing.boxes():
            portless |= box.protocols - WITH_PORTS
            for one in PORTED:
                if one in box.protocols:
                    ports[one] = ports.get(one, EMPTY) | box.ports
        many = sum(one.size for one in ports.values()) * ALL_PORTS.size + portless.size
        if not _share_addresses(estate):
            assert cell.is_whole == (bool(cell.passing) and cell.passing.size == many * pairs)


def _share_addresses(estate: Estate) -> bool:
    own = [one.addresses for one in estate.resources.nics.values()]
    return IntervalSet.union(own).size != sum(one.size for one in own)
