"""Which rules flows used: held against the evaluator, flow by flow."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import json
import random
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flowverdict
from flowverdict.demo.bank import write_bank
from flowverdict.impact.usage import Usage, narrowed, usage
from flowverdict.impact.usage_text import as_arm, as_az, as_terraform
from flowverdict.impact.usage_used import Points, Used, parts_of
from flowverdict.lake import query
from flowverdict.model import Access, Direction, Endpoint, Estate, ResourceId, Rule
from flowverdict.net import (
    ALL_ADDRESSES,
    ALL_PORTS,
    IntervalSet,
    Packet,
    format_address,
    is_ipv6,
    parse_address,
    parse_ports,
    parse_prefixes,
)
from flowverdict.policy import DEFAULTS, Network, Standpoint, evaluate_at
from tests.cli.runs import run
from tests.conformance.sketch import expand
from tests.impact.logs import ingested, lake_at, vnet
from tests.load.broken import write

MOMENT = 1786653060000
Trace = tuple[tuple[str, str, ResourceId | None], ...]


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bank")
    write_bank(folder)
    return folder


@pytest.fixture(scope="module")
def estate(bank: Path) -> Estate:
    return flowverdict.load_estate([bank])


@pytest.fixture(scope="module")
def location(estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of made-up flows at the bank's interfaces, some of them repeated, and at another's."""
    folder = tmp_path_factory.mktemp("flows")
    some = random.Random(4)
    nics = sorted((one for one in estate.resources.nics.values() if one.mac), key=lambda n: n.id)
    points = [point for nic in nics for low, high in nic.addresses for point in {low, high}]
    records: list[dict[str, Any]] = []
    for nic in nics:
        tuples = [_tuple(some, nic, points) for _ in range(25)]
        records.append(vnet(nic.mac, *tuples, *tuples[:5]))
    records.append(vnet("000D3AFFFFFF", _tuple(some, nics[0], points)))
    return ingested(folder, records)


def _tuple(some: random.Random, nic: Any, points: list[int]) -> str:
    local = some.choice([low for low, _ in nic.addresses])
    remote = some.choice([one for one in points if is_ipv6(one) == is_ipv6(local)])
    texts = [format_address(local), format_address(remote)]
    if some.random() < 0.3 and not is_ipv6(local):
        texts[1] = f"203.0.113.{some.randrange(256)}"
    way = some.choice("IO")
    src, dst = texts if way == "O" else texts[::-1]
    port = some.choice([22, 53, 80, 443, 1433, 3389, 5432, 8080, 9100])
    head = f"{MOMENT + some.randrange(10**7)},{src},{dst},{some.randrange(1024, 65536)},{port}"
    return f"{head},{some.choice([6, 6, 17])},{way},E,NX,1,10,1,{some.randrange(100)}"


def rows_of(location: Path) -> list[dict[str, Any]]:
    return query(lake_at(location), "SELECT * FROM flows").read_all().to_pylist()


def trace_of(network: Network, row: dict[str, Any]) -> Trace:
    """What the evaluator says of a recorded row, rule by rule."""
    nic = network.estate.nics_by_mac[row["mac"]][0]
    way = Direction.INBOUND if row["direction"] == "I" else Direction.OUTBOUND
    ends = parse_address(row["src_ip"]), parse_address(row["dst_ip"])
    packet = Packet(row["protocol"], *ends, row["src_port"], row["dst_port"])
    verdict = evaluate_at(Standpoint(network, nic), way, packet)
    return tuple(
        (one.layer, one.access, one.rule.id if one.rule else None) for one in verdict.trace
    )


@pytest.fixture(scope="module")
def found(estate: Estate, location: Path) -> Usage:
    return flowverdict.usage(estate, lake_at(location))


def test_hits_bytes_and_last_are_those_of_the_evaluator(
    estate: Estate, location: Path, found: Usage
) -> None:
    network = Network(estate, DEFAULTS)
    hits: Counter[tuple[str, ResourceId]] = Counter()
    moved: Counter[tuple[str, ResourceId]] = Counter()
    last: dict[tuple[str, ResourceId], Any] = {}
    rows = rows_of(location)
    for row in rows:
        if row["mac"] not in estate.nics_by_mac:
            continue
        for layer, _, rule in trace_of(network, row):
            if rule is not None:
                hits[layer, rule] += 1
                moved[layer, rule] += row["bytes_sent"] + row["bytes_received"]
                last[layer, rule] = max(last.get((layer, rule), row["time"]), row["time"])
    assert len(hits) > 50
    used = {(one.layer, one.rule.id): one for one in found.rules.values() if one.hits}
    assert {key: one.hits for key, one in used.items()} == hits
    assert {key: one.bytes for key, one in used.items()} == moved
    assert {key: one.last for key, one in used.items()} == last
    assert found.rows == len(rows)
    assert found.unknown == {"network interface with MAC address `000D3AFFFFFF`": 1}


def test_every_rule_that_stands_before_something_is_told(estate: Estate, found: Usage) -> None:
    told = {key.rule for key in found.rules}
    for place in (*estate.resources.subnets.values(), *estate.resources.nics.values()):
        if place.nsg:
            assert {rule.id for rule in estate.resources.nsgs[place.nsg].rules} <= told
    assert any(one.layer == "admin" and not one.hits for one in found.rules.values())


def test_narrowed_rules_lose_no_recorded_flow(estate: Estate, location: Path, found: Usage) -> None:
    """Replayed, each row meets the same rules in the same layers with the same answers."""
    smaller = {old.id: new for _, old, new in narrowed(found)}
    assert len(smaller) > 10
    nsgs = {
        name: replace(nsg, rules=tuple(smaller.get(rule.id, rule) for rule in nsg.rules))
        for name, nsg in estate.resources.nsgs.items()
    }
    changed = replace(estate, resources=replace(estate.resources, nsgs=nsgs))
    before, after = Network(estate, DEFAULTS), Network(changed, DEFAULTS)
    for row in rows_of(location):
        if row["mac"] in estate.nics_by_mac:
            assert trace_of(after, row) == trace_of(before, row)


def test_a_narrowed_rule_matches_less(found: Usage) -> None:
    for _, old, new in narrowed(found):
        assert old.access is Access.ALLOW
        assert new.destination_ports <= old.destination_ports
        for before, after in ((old.source, new.source), (old.destination, new.destination)):
            assert after.prefixes <= before.prefixes
            assert set(after.tags) <= set(before.tags)
        assert new != old


def test_the_texts_say_what_the_narrowed_rule_is(found: Usage) -> None:
    for nsg, old, new in narrowed(found):
        arm = as_arm(new)["properties"]
        for side, endpoint in (("source", new.source), ("destination", new.destination)):
            texts = arm.get(f"{side}AddressPrefixes") or [arm.get(f"{side}AddressPrefix")]
            if not endpoint.asgs:
                prefixes = [one for one in texts if one not in endpoint.tags]
                whole = ALL_ADDRESSES if prefixes == ["*"] else parse_prefixes(prefixes)
                assert whole == endpoint.prefixes
        ports = arm.get("destinationPortRanges") or [arm["destinationPortRange"]]
        assert parse_ports(ports) == new.destination_ports
        told = as_terraform(nsg, new)
        assert f'"{new.name}"' in told
        for port in ports:
            assert f'"{port}"' in told
        words = as_az(nsg, old, new)
        assert ("--destination-port-ranges" in words) == (
            old.destination_ports != new.destination_ports
        )
        assert f"--name {new.name}" in words


NSG = ResourceId("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/n/nsg1")


def points(*texts: str) -> Points:
    found = [parse_address(text) for text in texts]
    four = [one for one in found if not is_ipv6(one)]
    return Points(np.array(four, np.int64), [one for one in found if is_ipv6(one)])


def rule(source: Endpoint, ports: IntervalSet = ALL_PORTS) -> Rule:
    return Rule(
        NSG.child("securityRules", "r"), "r", 100, Direction.INBOUND, Access.ALLOW, source=source,
        destination_ports=ports,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "used", "narrow"),
    [
        (["10.0.0.0/8", "192.168.0.0/16"], ["10.1.0.4"], ["10.1.0.4"]),
        (["10.0.0.0/8"], ["10.1.0.4", "10.1.0.7"], ["10.1.0.4/30"]),
        (["*"], ["10.1.0.4", "203.0.113.7"], ["*"]),
        (["*"], ["10.1.0.4"], ["10.1.0.4"]),
        (["*"], ["10.1.0.4", "fd00::4"], ["10.1.0.4", "fd00::4"]),
        (["fd00::/8"], ["fd00::4", "fd00::5"], ["fd00::4/127"]),
        (["10.0.0.0/8"], ["10.0.0.0", "10.255.255.255"], ["10.0.0.0/8"]),
    ],
)
def test_prefixes_become_the_smallest_that_hold_what_was_used(
    texts: list[str], used: list[str], narrow: list[str]
) -> None:
    prefixes = ALL_ADDRESSES if texts == ["*"] else parse_prefixes(texts)
    parts = parts_of(Endpoint(prefixes, texts=tuple(texts)))
    for one in parts:
        one.use(points(*used))
    assert [text for one in parts for text in one.narrowed()] == narrow


def test_ports_of_packets_without_any_keep_a_rule_wide() -> None:
    one = rule(Endpoint(ALL_ADDRESSES, texts=("*",)))
    used = Used(one, parts_of(one.source), parts_of(one.destination))
    place: Any = None  # no tag is asked for
    used.use(place, points("10.0.0.4"), points("10.0.0.5"), np.array([443, -2]))
    smaller = used.narrowed()
    assert smaller is not None
    assert smaller.destination_ports == ALL_PORTS
    used.has_portless = False
    smaller = used.narrowed()
    assert smaller is not None
    assert smaller.destination_ports == parse_ports(["443"])


def test_the_command_prints_a_table_and_json(bank: Path, location: Path) -> None:
    told = run("usage", bank, "--lake", location)
    assert told.exit_code == 0
    assert told.stdout.startswith("LAYER ")
    assert "1 could not be judged" in told.stderr
    answer = json.loads(run("usage", bank, "--lake", location, "--output", "json").stdout)
    assert answer["rows"] == len(rows_of(location))
    first = answer["rules"][0]
    assert first["layer"] == "admin"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", first["last"])
    assert {one["hits"] > 0 for one in answer["rules"]} == {True, False}
    for language in ("az", "arm", "terraform"):
        assert run("usage", bank, "--lake", location, "--narrow", language).stdout.strip()


def test_nothing_that_could_be_judged_is_3(bank: Path, location: Path, tmp_path: Path) -> None:
    words = ("usage", bank, "--lake", location)
    assert run(*words, "--since", "2030-01-01").exit_code == 0  # no rows: nothing is unknown
    missing = run("usage", bank, "--lake", tmp_path / "nowhere")
    assert (missing.exit_code, len(missing.stderr.splitlines())) == (2, 1)


def test_an_nsg_that_is_attached_to_nothing_is_told(bank: Path, location: Path) -> None:
    name = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups/no"
    loose = bank.parent / f"{bank.name}-loose.json"
    loose.write_text(
        json.dumps(
            [
                {
                    "id": name,
                    "name": "no",
                    "type": "Microsoft.Network/networkSecurityGroups",
                    "securityRules": [],
                }
            ]
        )
    )
    told = run("usage", bank, loose, "--lake", location)
    assert "attached to nothing: no" in told.stdout, told.stderr


def test_where_one_rule_or_another_matched_neither_is_narrowed(tmp_path: Path) -> None:
    sketch = {
        "vnets": {"v": {"space": ["10.1.0.0/16"], "subnets": {"s": {"prefixes": ["10.1.0.0/24"]}}}},
        "nics": {"n": {"subnet": "v/s", "ip": ["10.1.0.4"], "nsg": "g"}},
        "nsgs": {"g": ["in 100 Allow Tcp NoSuchTag -> *:443 name=Maybe",
                       "in 110 Allow Tcp * -> *:443-500 name=Else"]},
    }  # fmt: skip
    write(tmp_path / "estate", expand(sketch, "rest"))
    flow = f"{MOMENT},203.0.113.9,10.1.0.4,50000,443,6,I,E,NX,1,10,1,10"
    ingested(tmp_path, [vnet("0022486DBA37", flow)])
    found = usage(flowverdict.load_estate([tmp_path / "estate"]), lake_at(tmp_path / "lake"))
    assert found.rows == 1
    assert not found.unknown
    assert [one.name for one in found.doubtful] == ["g"]
    assert list(narrowed(found)) == []
