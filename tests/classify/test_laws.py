"""The classifier says of every packet what the evaluator says: `policy` is the specification."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import random
import re
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowverdict.classify import compile_estate
from flowverdict.classify.combined import FIRST_LOOK
from flowverdict.model import Direction, Estate
from flowverdict.net import Packet, has_ports, parse_address
from flowverdict.policy import DEFAULTS, Options
from tests.classify.asking import Seen, batch_of, expected, judged
from tests.conformance.sketch import service_tags
from tests.load.unknowns import blanked, load_marked
from tests.net.profiles import times
from tests.policy.estates import (
    ADDRESSES,
    FAR,
    NEAR,
    PLATFORM,
    TAGS,
    Json,
    files_of,
    load,
    managed,
    networks,
)

EDGES = """10.1.0.0 10.0.255.255 10.1.255.255 10.2.0.0 203.0.112.255 203.0.114.0 0.0.0.0
    255.255.255.255 192.168.1.1 23.102.135.246""".split()
SIX = ["fd00::4", "2001:db8::1", "fe80::1234:5678:9abc", "::", "ffff:ffff::"]
ANY_PORT = [
    None,
    None,
    None,
    None,
    None,
    0,
    22,
    53,
    67,
    80,
    85,
    90,
    91,
    443,
    1023,
    1024,
    1688,
    32526,
    40000,
    65535,
]
TAG_NAMES = ["Storage", "Sql", "AzurePlatformDNS", "AzurePlatformIMDS", "AzurePlatformLKM"]
OPTIONS = [
    DEFAULTS,
    DEFAULTS,
    DEFAULTS.with_setting("multi-manager-allow", "continue"),
    DEFAULTS.with_setting("platform-exemptions", "off"),
    DEFAULTS.with_setting("learned-routes", "any"),
    Options(assume_deployed=True),
]


def packets(estate: Estate, chance: random.Random, count: int) -> list[Seen]:
    """Packets between anybody, about one in five at the edges of what rules name."""
    nics = list(estate.resources.nics)
    four = [*NEAR, *FAR, *PLATFORM, *ADDRESSES.values(), *EDGES]
    found: list[Seen] = []
    for _ in range(count):
        family = SIX if chance.random() < 0.1 else four
        protocol = chance.choice([6, 6, 6, 17, 17, 1, 50, 51, 58, 0, 255])
        src_port = chance.choice(ANY_PORT) if has_ports(protocol) else None
        dst_port = chance.choice(ANY_PORT[5:]) if has_ports(protocol) else None
        source, target = (parse_address(chance.choice(family)) for _ in range(2))
        packet = Packet(protocol, source, target, src_port, dst_port)
        found.append(Seen(str(chance.choice(nics)), chance.choice(list(Direction)), packet))
    return found


def _rule_lists(network: Json) -> list[list[str]]:
    found: list[list[str]] = list(network["nsgs"].values())
    for manager in network.get("managers", {}).values():
        for configuration in manager["configurations"].values():
            found.extend(one["rules"] for one in configuration["collections"].values())
    return found


def _wider(line: str, how: int) -> str:
    """A rule with less to match, so that layers behind the first have a say."""
    if how & 1:
        line = re.sub(r"\S+ \S+ ->", "* *:* ->", line)
    return re.sub(r"-> \S+", "-> *:*", line) if how & 2 else line


@st.composite
def estates(draw: st.DrawFn) -> Estate:
    """Random estates, most of them with something missing."""
    network: Json = draw(st.one_of(networks(tags=TAG_NAMES), managed(networks(tags=TAG_NAMES))))
    network = deepcopy(network)
    for rules in _rule_lists(network):
        rules[:] = [_wider(line, draw(st.integers(0, 5))) for line in rules]
    network["serviceTags"] = {name: TAGS[name] for name in draw(st.sets(st.sampled_from([*TAGS])))}
    lost = ["nsgs/a", "nics/nic2", "asgs/db", "vnets/vnet2", "routeTables/rt"]
    network["omit"] = draw(st.lists(st.sampled_from(lost), max_size=2, unique=True))
    files = files_of(network)
    if draw(st.integers(0, 4)) == 0:
        for vnet in files.get("vnets.json", {"value": []})["value"]:
            listed = vnet["properties"]["subnets"]
            vnet["properties"]["subnets"] = [{"id": subnet["id"]} for subnet in listed]
    if draw(st.integers(0, 3)) == 0:
        return load_marked(draw(blanked(files)), service_tags(network, "rest"))
    return load(files, service_tags(network, "rest"))


@times(10)
@given(estates(), st.randoms(use_true_random=False), st.sampled_from(OPTIONS))
def test_every_packet_gets_the_verdict_of_the_evaluator(
    estate: Estate, chance: random.Random, options: Options
) -> None:
    some = packets(estate, chance, 150)
    got = judged(compile_estate(estate, options), some)
    for one, answer, wanted in zip(some, got, expected(estate, some, options), strict=True):
        assert answer == wanted, one


@given(estates(), st.randoms(use_true_random=False))
def test_batches_do_not_change_each_other(estate: Estate, chance: random.Random) -> None:
    """A policy that is compiled later renumbers everything, and changes no answer."""
    some = packets(estate, chance, 60)
    classifier = compile_estate(estate)
    by_nic = sorted(some, key=lambda one: one.nic)
    alone = [judged(classifier, [one])[0] for one in by_nic]
    assert alone == judged(compile_estate(estate), by_nic) == judged(classifier, by_nic)


@pytest.mark.parametrize("count", [0, 1])
def test_few_rows(count: int) -> None:
    network: Any = {
        "vnets": {"v": {"space": ["10.1.0.0/16"], "subnets": {"s": {"prefixes": ["10.1.0.0/24"]}}}},
        "nics": {"nic1": {"subnet": "v/s", "ip": ["10.1.0.4"]}},
    }
    estate = load(files_of(network))
    some = packets(estate, random.Random(1), count)
    assert judged(compile_estate(estate), some) == expected(estate, some)


def test_what_is_missing_about_one_address_is_asked_once() -> None:
    """Whether the tag holds the address or not, a packet from it to itself is allowed."""
    network: Any = {
        "vnets": {
            "v": {
                "space": ["10.1.0.0/16"],
                "subnets": {"s": {"prefixes": ["10.1.0.0/24"], "nsg": "a"}},
            }
        },
        "nics": {"nic1": {"subnet": "v/s", "ip": ["10.1.0.4"]}},
        "nsgs": {
            "a": [
                "in 100 Allow * Storage -> * name=from",
                "in 110 Deny * * -> Storage name=to",
                "in 120 Allow * * -> * name=rest",
            ]
        },
        "serviceTags": {},
    }
    estate = load(files_of(network), service_tags(network, "rest"))
    [nic] = estate.resources.nics
    ends = [("203.0.113.9", "203.0.113.9"), ("203.0.113.9", "203.0.113.8")]
    some = [
        Seen(str(nic), Direction.INBOUND, Packet(6, parse_address(a), parse_address(b), 9, 22))
        for a, b in [*ends, *reversed(ends)]
    ]
    got = judged(compile_estate(estate), some)
    assert [one[0] for one in got] == ["Allow", "Unknown", "Unknown", "Allow"]
    assert got == expected(estate, some)


@pytest.mark.parametrize(("choice", "rules"), [("final", [*"ab"]), ("continue", [*"ad"])])
def test_each_manager_may_have_a_say(choice: str, rules: list[str]) -> None:
    """Q4: an Allow ends the admin stage, or lets the next manager deny; the first one is named."""
    manager: Any = {
        "groups": {"G": {"members": ["v"]}},
        "deployments": [{"regions": ["eastus"], "configurations": ["cfg"]}],
    }
    network: Any = {
        "vnets": {"v": {"space": ["10.1.0.0/16"], "subnets": {"s": {"prefixes": ["10.1.0.0/24"]}}}},
        "nics": {"nic1": {"subnet": "v/s", "ip": ["10.1.0.4"]}},
        "managementGroups": {"root": {"subscriptions": ["main"]}},
        "managers": {
            "M1": manager
            | {
                "scope": ["mg:root"],
                "configurations": _configuration(
                    "in 10 Allow Tcp *:* -> *:22 name=a", "in 20 Allow Tcp *:* -> *:23 name=b"
                ),
            },
            "M2": manager
            | {
                "scope": ["sub:main"],
                "configurations": _configuration(
                    "in 10 Allow Tcp *:* -> *:22 name=c", "in 20 Deny Tcp *:* -> *:23 name=d"
                ),
            },
        },
    }
    estate = load(files_of(network))
    [nic] = estate.resources.nics
    ends = parse_address("10.1.0.9"), parse_address("10.1.0.4")
    some = [Seen(str(nic), Direction.INBOUND, Packet(6, *ends, 9, port)) for port in (22, 23)]
    options = DEFAULTS.with_setting("multi-manager-allow", choice)
    got = judged(compile_estate(estate, options), some)
    assert [one[1] for one in got] == rules
    assert got == expected(estate, some, options)


def _configuration(*rules: str) -> Json:
    return {"cfg": {"collections": {"c": {"groups": ["G"], "rules": list(rules)}}}}


@times(2)
@given(estates(), st.randoms(use_true_random=False), st.sampled_from(OPTIONS))
def test_a_list_to_which_many_packets_come_keeps_its_answers(
    estate: Estate, chance: random.Random, options: Options
) -> None:
    """The second batch is judged by combinations; some of its packets are of no kind in them."""
    seen = packets(estate, chance, 120)
    nic, direction = seen[0].nic, seen[0].direction
    some = [replace(one, nic=nic, direction=direction) for one in seen]
    classifier = compile_estate(estate, options)
    often = pa.array(np.arange(FIRST_LOOK + 1000) % 60)
    rows = classifier.read(batch_of(some[:60]).take(often))
    classifier.decide(rows)
    assert rows.combined.lists == 1
    assert judged(classifier, some) == expected(estate, some, options)


MANY_TAGS = """ApiManagement AppService AzureActiveDirectory AzureContainerRegistry AzureCosmosDB
    AzureKeyVault AzureMonitor DataFactory EventHub GatewayManager ServiceBus Sql Storage""".split()


def test_rules_of_one_priority_may_ask_behind_the_one_that_decides() -> None:
    """A Deny decides; which of 13 Allows of its priority match too, is more than can be tried."""
    rules = ["in 10 Deny Tcp *:* -> *:22 name=deny", "in 20 Deny Tcp *:* -> *:23 name=alone"]
    rules += [f"in 10 Allow Tcp {tag}:* -> *:22 name={tag}" for tag in MANY_TAGS]
    collections = {f"c{at}": {"groups": ["G"], "rules": [rule]} for at, rule in enumerate(rules)}
    network: Any = {
        "vnets": {"v": {"space": ["10.1.0.0/16"], "subnets": {"s": {"prefixes": ["10.1.0.0/24"]}}}},
        "nics": {"nic1": {"subnet": "v/s", "ip": ["10.1.0.4"]}},
        "managementGroups": {"root": {"subscriptions": ["main"]}},
        "managers": {
            "M1": {
                "scope": ["mg:root"],
                "groups": {"G": {"members": ["v"]}},
                "deployments": [{"regions": ["eastus"], "configurations": ["cfg"]}],
                "configurations": {"cfg": {"collections": collections}},
            }
        },
        "serviceTags": {},
    }
    estate = load(files_of(network), service_tags(network, "rest"))
    [nic] = estate.resources.nics
    ends = parse_address("203.0.113.9"), parse_address("10.1.0.4")
    some = [Seen(str(nic), Direction.INBOUND, Packet(6, *ends, 9, port)) for port in (22, 23)]
    got = judged(compile_estate(estate), some)
    assert [one[0] for one in got] == ["Unknown", "Deny"]
    assert got == expected(estate, some)
