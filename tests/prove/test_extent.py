"""How far a failure goes, written down: exactly, and to be read again."""

from __future__ import annotations

from dataclasses import replace

from flowverdict.model import Direction, Estate
from flowverdict.net import ALL_ADDRESSES, EMPTY, IntervalSet, parse_prefix
from flowverdict.prove.checker import Checker
from flowverdict.prove.claims import Claim
from flowverdict.prove.exposures import Exposure
from flowverdict.prove.extent import Extent
from flowverdict.prove.region import ALL_PACKETS, Region, packets
from tests.policy.estates import files_of, load
from tests.prove.test_checker import RDP, SHUT, network

LOCAL = parse_prefix("10.0.0.4") | parse_prefix("fd00::4")
INTERNET = parse_prefix("8.0.0.0/5") | parse_prefix("2000::/3")
WORDS = {"Internet": INTERNET, "any": ALL_ADDRESSES, "Internet, !asg:a": INTERNET}
TAGS = {"Storage": parse_prefix("20.0.0.0/8"), "Sql": parse_prefix("40.0.0.0/8")}
REGIONS = [
    packets(destinations=LOCAL),
    packets(destinations=LOCAL, sources=INTERNET, protocols=IntervalSet([(6, 6)])),
    packets(destinations=parse_prefix("10.0.0.4"), ports=IntervalSet([(22, 22), (80, 90)])),
    packets(protocols=IntervalSet([(1, 1), (17, 17), (50, 51)]), sources=parse_prefix("8.8.8.8")),
    packets(source_ports=IntervalSet([(53, 53)])) | packets(ports=IntervalSet([(53, 53)])),
    packets(destinations=LOCAL, sources=INTERNET - parse_prefix("8.8.0.0/16")),
    packets(destinations=LOCAL, sources=INTERNET | parse_prefix("168.63.129.16")),
    ALL_PACKETS - packets(ports=IntervalSet([(3389, 3389)])),
]


def tag(name: str) -> IntervalSet:
    return TAGS.get(name, EMPTY)


def extent_of(region: Region, way: Direction = Direction.INBOUND) -> Extent:
    return Extent(region, way, LOCAL, WORDS, tag)


def test_what_is_written_holds_these_packets_and_no_other() -> None:
    for way in Direction:
        extents = [extent_of(one, way) for one in REGIONS]
        for one in extents:
            for other in extents:
                assert other.are_within(one.written()) == (other.region <= one.region)
    part = extent_of(REGIONS[1]).written()[0]
    assert part.keys() == {"family", "protocol", "ports", "local", "remote"}
    words = [{one["remote"] for one in extent_of(region).written()} for region in REGIONS]
    assert words[1] == {"Internet"}
    assert words[5] == {"Internet, !8.8.0.0/16", "Internet"}
    assert words[6] == {"Internet, 168.63.129.16", "Internet"}


def test_a_tag_is_known_by_its_name_when_no_rule_has_it_any_more() -> None:
    part = {"family": "IPv4", "protocol": "TCP", "ports": "*", "local": "*", "remote": "Storage"}
    tcp = IntervalSet([(6, 6)])
    some = packets(protocols=tcp, sources=parse_prefix("20.1.0.0/16"), destinations=LOCAL)
    assert extent_of(some).are_within([part])
    assert not extent_of(some).are_within([{**part, "remote": "Storage, !20.1.2.3"}])
    assert not extent_of(some).are_within([{**part, "remote": "Sql"}])


def test_what_cannot_be_read_holds_nothing() -> None:
    extent = extent_of(REGIONS[1])
    whole = {"family": "IPv4", "protocol": "TCP", "ports": "*", "local": "*", "remote": "Internet"}
    v6 = {**whole, "family": "IPv6"}
    assert extent.are_within([whole, v6])
    for change in (
        {"remote": "Mars"}, {"local": "10.0.0.4/8"}, {"ports": "x"}, {"protocol": "IPX"},
        {"family": "IPX"}, {"protocol": "TCP, ICMP"}, {"protocol": "TCP, 1-3"},
    ):  # fmt: skip
        assert not extent.are_within([{**whole, **change}, v6])
    assert not extent.are_within([])
    del whole["ports"]
    assert not extent.are_within([whole, v6])


def exposures(estate: Estate, claim: Claim) -> list[Exposure]:
    checker = Checker(estate)
    return checker.exposures(checker.check(claim))


def rules_of(found: list[Exposure]) -> list[str]:
    return [one.failure.judgement.rule.name for one in found if one.failure.judgement.rule]


def test_a_failure_is_told_apart_by_rule() -> None:
    halves = [
        "in 100 Allow Tcp 0.0.0.0/1 -> *:3389 name=A",
        "in 110 Allow Tcp Internet -> *:3389 name=B",
        SHUT,
    ]
    for way in (Direction.INBOUND, None):
        claim = replace(RDP, direction=way)
        found = exposures(network(nsgs__db=halves), claim)
        assert sorted(rules_of(found)) == ["A", "B"]
        for one in found:
            assert one.failure.packet in one.failure.packets
    one_rule = replace(RDP, expect="not-all")
    assert len(exposures(network(nsgs__db=halves), one_rule)) == 1


def test_words_stand_for_service_tags_and_not_for_what_an_estate_has() -> None:
    """Who joins a group, or is peered, is let in who was not."""
    wide = ["in 100 Allow * * -> * name=A", SHUT]
    words = {
        "Internet": "Internet", "any": "any", "asg:web": "10.1.1.4", "vm:web1": "10.1.1.4",
        "VirtualNetwork": "10.1.0.0/16",
    }  # fmt: skip
    for word, remote in words.items():
        found = exposures(network(nsgs__db=wide), replace(RDP, sources=(word,)))
        part = next(one.extent.written()[0] for one in found if one.failure.nic.id.name == "db1")
        assert part["remote"].split(", ")[0] == remote


def test_the_order_of_files_makes_no_difference() -> None:
    """Of two interfaces with one address, in networks that do not meet, the same one is told."""
    space = {"prefixes": ["10.1.1.0/24"], "nsg": "web"}
    vnets = {one: {"space": ["10.1.0.0/16"], "subnets": {"s": space}} for one in ("v", "w")}
    nics = {one: {"subnet": f"{one}/s", "ip": ["10.1.1.4"]} for one in vnets}
    nsgs = {"web": ["in 100 Allow Tcp Internet -> *:3389 name=A", SHUT]}
    told: list[list[str]] = []
    for some in (nics, dict(reversed(nics.items()))):
        estate = load(files_of({"vnets": vnets, "nics": some, "nsgs": nsgs}))
        found = exposures(estate, replace(RDP, direction=None))
        told.append([one.failure.nic.id.name for one in found])
    assert told[0] == told[1] == ["v"]
