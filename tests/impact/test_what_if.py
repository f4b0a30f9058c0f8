"""What a change does to recorded flows: held against the evaluator, flow by flow."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import flowverdict
from flowverdict.demo.bank import write_bank
from flowverdict.impact.gaps import gaps
from flowverdict.impact.recorded import recorded, starts
from flowverdict.impact.what_if import WhatIf, what_if, what_ifs
from flowverdict.lake import Lake, Period, query
from flowverdict.model import Direction, Estate
from flowverdict.net import Packet, format_address, is_ipv6, parse_address
from flowverdict.policy import DEFAULTS, Network, Standpoint, evaluate_at
from tests.impact.logs import ingested, lake_at, vnet

MOMENT = 1786653060000
RANKS = {"Allow": 0, "Unknown": 1, "Deny": 2}
STRANGER = "000D3AFFFFFF"


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bank")
    write_bank(folder)
    return folder


@pytest.fixture(scope="module")
def estate(bank: Path) -> Estate:
    return flowverdict.load_estate([bank])


@pytest.fixture(scope="module")
def changed(estate: Estate) -> Estate:
    """The bank with every fifth rule of its NSGs gone, and a few that nobody can read."""
    some = random.Random(8)
    nsgs = {
        name: replace(
            nsg, rules=tuple(one for one in nsg.rules if one.is_default or some.random() < 0.8)
        )
        for name, nsg in estate.resources.nsgs.items()
    }
    lost = some.sample(sorted(nsgs), 3)
    for name in lost:
        del nsgs[name]
    return replace(estate, resources=replace(estate.resources, nsgs=nsgs))


def lake_of(folder: Path, records: list[dict[str, Any]]) -> Lake:
    return lake_at(ingested(folder, records))


def row(src: str, dst: str, way: str, port: int = 22, source: int = 50000, **of: Any) -> str:
    protocol, state, at = of.get("protocol", 6), of.get("state", "E"), of.get("at", 0)
    return f"{MOMENT + at},{src},{dst},{source},{port},{protocol},{way},{state},NX,1,10,1,20"


@pytest.fixture(scope="module")
def lake(estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Made-up flows between the bank's interfaces, each logged at one end or at both."""
    some = random.Random(5)
    nics = sorted((one for one in estate.resources.nics.values() if one.mac), key=lambda n: n.id)
    tuples: dict[str, list[str]] = {nic.mac: [] for nic in nics}
    for _ in range(3000):
        one, other = some.sample(nics, 2)
        src, dst = (next(iter(nic.addresses))[0] for nic in (one, other))
        if is_ipv6(src) != is_ipv6(dst):
            continue
        texts = [format_address(src), format_address(dst)]
        port = some.choice([22, 53, 80, 443, 1433, 3389, 5432, 8080])
        source, protocol = some.randrange(20000, 60000), some.choice([6, 6, 17])
        for nic, way in ((one, "O"), (other, "I")):
            for _ in range(some.choice([0, 1, 1, 3])):
                flow = row(texts[0], texts[1], way, port, source, protocol=protocol)
                tuples[nic.mac].append(flow)
    records = [vnet(mac, *some.sample(of, len(of))) for mac, of in tuples.items() if of]
    records.append(vnet(STRANGER, row("192.0.2.1", "192.0.2.2", "I")))
    return lake_of(tmp_path_factory.mktemp("flows"), records)


def verdict(network: Network, found: dict[str, Any]) -> Any:
    nic = network.estate.nics_by_mac[found["mac"]][0]
    way = Direction.INBOUND if found["direction"] == "I" else Direction.OUTBOUND
    ends = parse_address(found["src_ip"]), parse_address(found["dst_ip"])
    packet = Packet(found["protocol"], ends[0], ends[1], found["src_port"], found["dst_port"])
    return evaluate_at(Standpoint(network, nic), way, packet)


def test_each_flow_gets_the_verdicts_of_its_ends(
    estate: Estate, changed: Estate, lake: Lake
) -> None:
    """What the evaluator says at every recorded end, put together by hand."""
    found = what_if(estate, changed, lake)
    networks = Network(estate, DEFAULTS), Network(changed, DEFAULTS)
    flows: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for one in query(lake, "SELECT * FROM flows").read_all().to_pylist():
        if one["mac"] != STRANGER:
            key = tuple(one[name] for name in ("protocol", "src_ip", "dst_ip", "dst_port"))
            flows.setdefault(key, []).append(one)
    ranks: Counter[tuple[int, int]] = Counter()
    broken: dict[str, int] = {}
    unchanged = unknown = 0
    for rows in flows.values():
        ends = {one["direction"]: one for one in rows}
        before, after = (
            max(RANKS[verdict(network, one).access] for one in ends.values())
            for network in networks
        )
        hits = max(Counter(one["direction"] for one in rows).values())
        ranks[before, after] += 1
        if 1 in (before, after):
            unknown += hits
        elif before == after:
            unchanged += hits
        elif before == 0:
            broken[str(rows[0]["src_ip"]) + rows[0]["dst_ip"] + str(rows[0]["dst_port"])] = hits
    assert min(ranks[0, 2], ranks[2, 0], ranks[0, 0], ranks[2, 2], ranks[0, 1]) > 2, ranks
    assert (found.broken, found.opened) == (ranks[0, 2], ranks[2, 0])
    assert found.unchanged == unchanged
    stranger = found.unknown.pop(f"network interface with MAC address `{STRANGER}`")
    assert (stranger.hits, stranger.flows, stranger.new) == (1, 1, 0)
    assert sum(one.hits for one in found.unknown.values()) == unknown
    assert found.newly_unknown > 0
    for one in found.breaks():
        key = format_address(one.packet.src) + format_address(one.packet.dst)
        assert broken[key + str(one.packet.dst_port)] == one.hits
    assert [one.hits for one in found.breaks()] == sorted(broken.values(), reverse=True)


def test_what_is_told_of_a_flow_is_the_end_that_decides(
    estate: Estate, changed: Estate, lake: Lake
) -> None:
    found = what_if(estate, changed, lake)
    for one in found.breaks():
        assert (one.before.access, one.after.access) == ("Allow", "Deny")
        assert one.before.nic.id == one.after.nic.id == one.nic
    for one in found.opens():
        assert (one.before.access, one.after.access) == ("Deny", "Allow")
    assert len(list(found.breaks(3))) == 3


def test_nothing_changes_where_nothing_is_changed(estate: Estate, lake: Lake) -> None:
    found = flowverdict.what_if(estate, estate, lake)
    assert (found.broken, found.opened, found.newly_unknown) == (0, 0, 0)
    assert found.unchanged > 1000


def two(estate: Estate) -> tuple[Any, Any, str, str]:
    """Two interfaces of a subnet, and their addresses."""
    nics = [one for one in estate.resources.nics.values() if one.mac and one.subnet]
    one = min(nics, key=lambda nic: nic.id)
    other = next(nic for nic in nics if nic.subnet == one.subnet and nic != one)
    src, dst = (format_address(next(iter(nic.addresses))[0]) for nic in (one, other))
    return one, other, src, dst


def sums(found: WhatIf) -> dict[str, int]:
    return {
        "flows": found.flows,
        "unchanged": found.unchanged,
        "returning": found.returning,
        "unknown": sum(one.hits for one in found.unknown.values()),
    }


def test_a_flow_that_both_ends_logged_counts_once(estate: Estate, tmp_path: Path) -> None:
    one, other, src, dst = two(estate)
    states = ("B", "C", "E")
    lake = lake_of(
        tmp_path,
        [
            vnet(one.mac, *(row(src, dst, "O", state=state) for state in states)),
            vnet(other.mac, *(row(src, dst, "I", state=state) for state in states[:2])),
        ],
    )
    found = what_if(estate, estate, lake)
    assert sums(found) == {"flows": 1, "unchanged": 3, "returning": 0, "unknown": 0}


def test_an_nsg_log_and_a_vnet_log_of_one_flow_count_once(estate: Estate, tmp_path: Path) -> None:
    one, _, src, dst = two(estate)
    subnet = estate.resources.subnets[one.subnet]
    flow = f"{MOMENT // 1000},{src},{dst},50000,22,T,O,A,B,,,,"
    log = {"rule": "UserRule_r", "flows": [{"mac": one.mac, "flowTuples": [flow]}]}
    nsg = {
        "category": "NetworkSecurityGroupFlowEvent", "resourceId": str(one.nsg or subnet.nsg),
        "properties": {"Version": 2, "flows": [log]},
    }  # fmt: skip
    lake = lake_of(tmp_path, [nsg, vnet(one.mac, row(src, dst, "O", state="B"))])
    assert sums(what_if(estate, estate, lake))["unchanged"] == 1


def test_return_traffic_of_an_allowed_flow_is_not_judged_anew(
    estate: Estate, tmp_path: Path
) -> None:
    one, _, src, dst = two(estate)
    lake = lake_of(
        tmp_path,
        [
            vnet(
                one.mac,
                row(src, dst, "O", 443, 50000, state="B"),
                row(dst, src, "I", 50000, 443, at=500),  # its answer
                row(dst, src, "I", 50001, 443, at=500),  # of no flow: the port is another
            )
        ],
    )
    assert sums(what_if(estate, estate, lake)) == {
        "flows": 2, "unchanged": 3, "returning": 1, "unknown": 0,
    }  # fmt: skip


def test_a_denied_flow_has_no_return_traffic(estate: Estate, tmp_path: Path) -> None:
    one, _, src, dst = two(estate)
    rows = row(src, dst, "O", 443, state="D"), row(dst, src, "I", 50000, 443, at=500)
    lake = lake_of(tmp_path, [vnet(one.mac, *rows)])
    assert what_if(estate, estate, lake).returning == 0


def test_rows_that_tell_no_packet_are_counted(estate: Estate, tmp_path: Path) -> None:
    one, _, src, _ = two(estate)
    lake = lake_of(tmp_path, [vnet(one.mac, row(src, "2001:db8::1", "O"))])
    found = what_if(estate, estate, lake)
    assert [(text, one.hits) for text, one in found.unknown.items()] == [
        ("what packet it was: a port or an address", 1)
    ]


@pytest.mark.parametrize("rule", ["PlatformRule", "unspecified"])
def test_rows_that_no_rule_decided_are_counted(estate: Estate, tmp_path: Path, rule: str) -> None:
    one, _, src, dst = two(estate)
    record = vnet(one.mac, row(src, dst, "O"))
    record["flowRecords"]["flows"][0]["flowGroups"][0]["rule"] = rule
    found = what_if(estate, estate, lake_of(tmp_path, [record]))
    assert found.flows == found.unchanged == 0
    assert [(text, one.hits) for text, one in found.unknown.items()] == [
        ("which rule: the platform decided, or a demand for encryption", 1)
    ]


def test_source_ports_count_where_a_rule_tests_them(estate: Estate, tmp_path: Path) -> None:
    one, _, src, dst = two(estate)
    flows = [row(src, dst, "O", source=port) for port in (50000, 50001)]
    lake = lake_of(tmp_path, [vnet(one.mac, *flows)])
    for source_ports, count in ((False, 1), (True, 2)):
        batches = list(recorded(lake, source_ports=source_ports))
        assert sum(len(starts(batch)) for batch in batches) == count
        assert sum(sum(batch["hits"].to_pylist()) for batch in batches) == 2


def test_the_rows_of_a_flow_come_in_one_batch(lake: Lake) -> None:
    seen: Counter[tuple[Any, ...]] = Counter()
    for batch in recorded(lake, source_ports=False):
        keys = batch.select(["protocol", "src_ip", "dst_ip", "dst_port"]).to_pylist()
        distinct = {tuple(one.values()) for one in keys}
        assert len(starts(batch)) == len(distinct)
        seen.update(distinct)
    assert max(seen.values()) == 1
    assert len(starts(pa.RecordBatch.from_pylist([]))) == 0


def test_interfaces_and_hours_without_rows_are_told(estate: Estate, tmp_path: Path) -> None:
    one, other, src, dst = two(estate)
    rows = row(src, dst, "O"), row(src, dst, "O", at=2 * 3_600_000)
    lake = lake_of(tmp_path, [vnet(one.mac, *rows), vnet(other.mac, row(src, dst, "I"))])
    found = {gap.nic.id: (gap.missing, gap.hours) for gap in gaps(estate, lake)}
    assert len(found) == len(estate.resources.nics)
    assert found.pop(one.id) == (1, 3)
    assert found.pop(other.id) == (2, 3)
    assert set(found.values()) == {(3, 3)}


def test_the_period_is_the_window_of_the_gaps(estate: Estate, tmp_path: Path) -> None:
    one, _, src, dst = two(estate)
    lake = lake_of(tmp_path, [vnet(one.mac, row(src, dst, "O"))])
    time = next(iter(recorded(lake)))["first"][0].as_py().replace(minute=0, second=0)
    period = Period(time.replace(hour=0), time.replace(hour=23))
    found = {gap.nic.id: (gap.missing, gap.hours) for gap in gaps(estate, lake, period=period)}
    assert found[one.id] == (22, 23)


@pytest.mark.parametrize(
    ("states", "recorded_as"), [("D", "denied"), ("BE", "allowed"), ("DB", "both")]
)
def test_a_change_says_what_was_recorded(
    estate: Estate, changed: Estate, lake: Lake, tmp_path: Path, states: str, recorded_as: str
) -> None:
    broken = next(what_if(estate, changed, lake).breaks())
    packet, way = broken.packet, "I" if broken.direction is Direction.INBOUND else "O"
    ends = format_address(packet.src), format_address(packet.dst)
    rows = [
        row(*ends, way, packet.dst_port or 0, protocol=packet.protocol, state=state)
        for state in states
    ]
    mac = estate.resources.nics[broken.nic].mac
    (again,) = what_if(estate, changed, lake_of(tmp_path, [vnet(mac, *rows)])).breaks()
    assert again.recorded == recorded_as
    assert again.contradicts_log == (recorded_as == "denied")


def test_several_changes_at_once_are_each_as_if_alone(
    estate: Estate, changed: Estate, lake: Lake
) -> None:
    some = [changed, estate, changed]
    for one, together in zip(some, what_ifs(estate, some, lake), strict=True):
        alone = what_if(estate, one, lake)
        assert together.unchanged == alone.unchanged
        assert together.unknown == alone.unknown
        assert together.flows == alone.flows
        for ours, theirs in (
            (together.broken_rows, alone.broken_rows),
            (together.opened_rows, alone.opened_rows),
        ):
            rows = [[row for batch in one for row in batch.to_pylist()] for one in (ours, theirs)]
            assert rows[0] == rows[1]
