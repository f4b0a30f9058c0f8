"""Exceptions to an admin Deny: what they keep, what else they let through, how few they are."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import flowverdict
from flowverdict.impact.covering import Box, Cover
from flowverdict.impact.exceptions import Exceptions, exceptions
from flowverdict.impact.what_if import what_if
from flowverdict.lake import Lake, LakeError
from flowverdict.model import Access, Direction, Estate
from flowverdict.net import format_addresses, parse_address
from tests.conformance.sketch import write
from tests.impact.logs import ingested, lake_at, vnet

MOMENT = 1786653060000
NICS = {f"nic{at}": f"10.0.0.{at}" for at in range(4, 10)}
OPEN = "in 100 Allow * * -> * name=Open"


def macs() -> dict[str, str]:
    return {name: f"0022486D00{at:02X}" for at, name in enumerate(NICS)}


def network(
    folder: Path,
    rules: list[str],
    nsgs: dict[str, list[str]] | None = None,
    *,
    beside: list[str] | None = None,
    active: bool = False,
) -> Estate:
    """Six interfaces behind NSGs that let everything in, and a collection of admin rules or two.

    With ``active`` the manager is known by its list of active rules alone.
    """
    groups = {name: [OPEN] for name in NICS} | (nsgs or {})
    collection = {"groups": ["G"], "rules": [*rules, "in 4000 Allow Tcp 192.0.2.1 -> *:9 name=X"]}
    collections = {"c": collection}
    if beside:
        collections["beside"] = {"groups": ["G"], "rules": beside}
    deployed: dict[str, Any] = {
        "deployments": [{"regions": ["eastus"], "configurations": ["cfg"]}],
        "configurations": {"cfg": {"collections": collections}},
    }
    if active:
        listed = {"region": "eastus", "configuration": "cfg", "collections": collections}
        deployed = {"active": [listed]}
    sketch: dict[str, Any] = {
        "vnets": {"v": {"space": ["10.0.0.0/16"], "subnets": {"s": {"prefixes": ["10.0.0.0/24"]}}}},
        "nics": {
            name: {"subnet": "v/s", "ip": [address], "nsg": name} for name, address in NICS.items()
        },
        "nsgs": groups,
        "managers": {
            "M": {
                "scope": ["sub:main"],
                "groups": {"G": {"members": ["v"]}},
                **deployed,
            }
        },
    }
    estate = flowverdict.load_estate([write(sketch, folder, "flat")])
    assert not estate.errors
    nics = {nic.id: replace(nic, mac=macs()[nic.id.name]) for nic in estate.resources.nics.values()}
    return replace(estate, resources=replace(estate.resources, nics=nics))


def lake(
    folder: Path,
    *flows: tuple[str, str, str, int] | tuple[str, str, str, int, int],
    states: str = "E",
) -> Lake:
    """Flows as interface, source, destination, port, and the protocol if it is not TCP."""
    records: list[dict[str, Any]] = []
    for nic, src, dst, port, *protocol in flows:
        number = protocol[0] if protocol else 6
        way = "I" if dst == NICS[nic] else "O"
        words = [
            f"{MOMENT},{src},{dst},50000,{port},{number},{way},{state},NX,1,10,1,20"
            for state in states
        ]
        records.append(vnet(macs()[nic], *words))
    return lake_at(ingested(folder, records))


def told(found: Exceptions) -> list[tuple[int, str, list[str], list[str]]]:
    return [
        (
            one.rule.priority,
            one.rule.access.value,
            format_addresses(one.rule.source.prefixes),
            format_addresses(one.rule.destination.prefixes),
        )
        for one in found.rules
    ]


@pytest.fixture
def open_network(tmp_path: Path) -> Estate:
    return network(tmp_path / "before", [])


def denied(tmp_path: Path, *rules: str, **nsgs: list[str]) -> Estate:
    return network(tmp_path / "after", ["in 10 Deny Tcp Internet -> *:22 name=NoSsh", *rules], nsgs)


def test_one_rule_keeps_the_flow_that_is_meant(tmp_path: Path, open_network: Estate) -> None:
    logs = lake(
        tmp_path / "logs",
        ("nic4", "203.0.113.7", "10.0.0.4", 22),
        ("nic5", "203.0.113.8", "10.0.0.5", 22),
        ("nic5", "203.0.113.7", "10.0.0.5", 22),
        ("nic4", "203.0.113.7", "10.0.0.4", 443),
    )
    found = exceptions(open_network, denied(tmp_path), logs, "dst_ip = '10.0.0.4'")
    assert told(found) == [(9, "Allow", ["203.0.113.7"], ["10.0.0.4"])]
    assert (found.broken, found.kept, found.lost) == (3, 1, {})
    assert found.is_smallest
    assert found.is_proven
    assert what_if(open_network, found.estate, logs).broken == 2


def test_services_and_machines_share_a_rule_where_nothing_forbids_it(
    tmp_path: Path, open_network: Estate
) -> None:
    change = denied(tmp_path, "in 11 Deny Tcp Internet -> *:3389 name=NoRdp")
    flows = [
        (nic, src, NICS[nic], port)
        for nic in ("nic4", "nic5")
        for src in ("203.0.113.7", "203.0.113.8")
        for port in (22, 3389)
    ]
    found = exceptions(open_network, change, lake(tmp_path / "logs", *flows), "true")
    assert [one.keeps for one in found.rules] == [8]
    assert found.is_smallest
    assert found.is_proven


def test_a_combination_that_must_not_pass_takes_a_second_rule(
    tmp_path: Path, open_network: Estate
) -> None:
    logs = lake(
        tmp_path / "logs",
        ("nic4", "203.0.113.7", "10.0.0.4", 22),
        ("nic5", "203.0.113.8", "10.0.0.5", 22),
        ("nic5", "203.0.113.7", "10.0.0.5", 22),
    )
    keep = "NOT (src_ip = '203.0.113.7' AND dst_ip = '10.0.0.5')"
    found = exceptions(open_network, denied(tmp_path), logs, keep)
    assert (len(found.rules), found.is_smallest, found.is_proven) == (2, True, True)


def test_it_always_allows_only_where_the_nsg_would_deny(tmp_path: Path) -> None:
    """An AlwaysAllow had carried it past the NSG; the Deny now comes first."""
    closed = {"nic4": ["in 100 Deny * * -> * name=Shut"]}
    carried = "in 50 AlwaysAllow Tcp Internet -> *:22 name=Carried"
    before = network(tmp_path / "before", [carried], closed)
    change = denied(tmp_path, carried, **closed)
    logs = lake(
        tmp_path / "logs",
        ("nic4", "203.0.113.7", "10.0.0.4", 22),
        ("nic5", "203.0.113.8", "10.0.0.5", 22),
    )
    found = exceptions(before, change, logs, "true")
    assert [one[:2] for one in told(found)] == [(8, "AlwaysAllow"), (9, "Allow")]
    assert found.is_proven


def test_it_stands_at_a_free_priority_in_front_of_the_deny(
    tmp_path: Path, open_network: Estate
) -> None:
    change = denied(
        tmp_path, "in 9 Allow Udp * -> *:53 name=Dns", "in 8 Allow Udp * -> *:54 name=D"
    )
    logs = lake(tmp_path / "logs", ("nic4", "203.0.113.7", "10.0.0.4", 22))
    found = exceptions(open_network, change, logs, "true")
    assert [one.rule.priority for one in found.rules] == [7]
    assert found.is_proven


def test_what_no_rule_can_keep_is_told(tmp_path: Path, open_network: Estate) -> None:
    first = network(tmp_path / "first", ["in 1 Deny Tcp Internet -> *:22 name=First"])
    shut = denied(tmp_path, nic5=["in 100 Deny * * -> * name=Shut"])
    logs = lake(
        tmp_path / "logs",
        ("nic4", "203.0.113.7", "10.0.0.4", 22),
        ("nic5", "203.0.113.7", "10.0.0.5", 443),
    )
    assert exceptions(open_network, first, logs, "true").lost == {
        "no priority is free in front of `First`": 1
    }
    found = exceptions(open_network, shut, logs, "true")
    assert found.lost == {"`Shut` stops it, which is no admin rule": 1}
    assert (len(found.rules), found.saved, found.is_proven) == (1, 1, True)


def test_a_protocol_that_rules_cannot_name_is_told(tmp_path: Path, open_network: Estate) -> None:
    change = network(tmp_path / "after", ["in 10 Deny * Internet -> * name=Nothing"])
    logs = lake(tmp_path / "logs", ("nic4", "203.0.113.7", "10.0.0.4", 0, 47))
    found = exceptions(open_network, change, logs, "true")
    assert found.lost == {"admin rules cannot name the protocol 47": 1}


def test_both_ends_get_a_rule_where_both_are_stopped(tmp_path: Path, open_network: Estate) -> None:
    change = network(
        tmp_path / "after",
        ["in 10 Deny Tcp * -> *:22 name=NoSsh", "out 10 Deny Tcp * -> *:22 name=NoSshOut"],
    )
    flow = "10.0.0.4", "10.0.0.5", 22
    logs = lake(tmp_path / "logs", ("nic4", *flow), ("nic5", *flow))
    found = exceptions(open_network, change, logs, "true")
    assert {one.rule.direction for one in found.rules} == set(Direction)
    assert (found.kept, found.is_proven) == (1, True)


def test_nothing_breaks_and_nothing_is_meant(tmp_path: Path, open_network: Estate) -> None:
    logs = lake(tmp_path / "logs", ("nic4", "203.0.113.7", "10.0.0.4", 22))
    for change, keep in ((open_network, "true"), (denied(tmp_path), "false")):
        found = exceptions(open_network, change, logs, keep)
        assert (found.rules, found.kept, found.is_proven) == ([], 0, True)


@pytest.mark.parametrize(
    "keep", ["", "nothing = 1", "number = 1", "src_ip", "true) UNION ALL SELECT (99"]
)
def test_a_wrong_filter_is_one_line(tmp_path: Path, open_network: Estate, keep: str) -> None:
    logs = lake(tmp_path / "logs", ("nic4", "203.0.113.7", "10.0.0.4", 22))
    with pytest.raises(LakeError) as problem:
        exceptions(open_network, denied(tmp_path), logs, keep)
    assert "\n" not in str(problem.value)
    assert "decisions" not in str(problem.value)
    assert '"number"' not in str(problem.value).partition("Candidate")[2]


@pytest.mark.parametrize("seed", range(3))
def test_replayed_random_flows_come_out_as_they_are_meant(
    tmp_path: Path, open_network: Estate, seed: int
) -> None:
    some = random.Random(seed)
    sources = [f"203.0.113.{at}" for at in range(1, 5)]
    flows = {
        (nic, some.choice(sources), NICS[nic], some.choice([22, 443]))
        for nic in some.choices(list(NICS), k=25)
    }
    logs = lake(tmp_path / "logs", *sorted(flows))
    shut = some.choice(list(NICS))
    change = denied(
        tmp_path, "in 5 Allow Tcp 203.0.113.1 -> *:22 name=Friend",
        **{shut: ["in 100 Deny Tcp * -> *:22 name=Shut", "in 200 Allow * * -> * name=Open"]},
    )  # fmt: skip
    meant = "(src_ip < '203.0.113.4') = (dst_ip < '10.0.0.7')"
    found = exceptions(open_network, change, logs, meant)
    assert found.is_proven
    assert found.rules
    for one in found.rules:
        if one.rule.access is Access.ALWAYS_ALLOW:
            assert format_addresses(one.rule.destination.prefixes) == [NICS[shut]]
    replay = what_if(open_network, found.estate, logs)
    assert replay.broken == found.broken - found.saved
    assert not replay.opened


def test_an_end_that_was_recorded_twice_is_one_end(tmp_path: Path, open_network: Estate) -> None:
    """Allowed and denied tuples of one flow are two rows."""
    flow = "nic4", "203.0.113.7", "10.0.0.4", 22
    found = exceptions(
        open_network, denied(tmp_path), lake(tmp_path / "logs", flow, states="ED"), "true"
    )
    assert (len(found.rules), found.kept, found.is_proven) == (1, 1, True)


def test_where_priorities_do_not_reach_the_rules_that_keep_most_are_left(
    tmp_path: Path, open_network: Estate
) -> None:
    change = network(tmp_path / "after", ["in 2 Deny Tcp Internet -> *:22 name=NoSsh"])
    meant = [(1, 4), (1, 6), (3, 4), (3, 6), (3, 8), (5, 6), (5, 8)]
    others = [(1, 8), (5, 4)]
    flows = [(f"nic{b}", f"203.0.113.{a}", f"10.0.0.{b}", 22) for a, b in (*meant, *others)]
    keep = " AND ".join(
        f"NOT (src_ip = '203.0.113.{a}' AND dst_ip = '10.0.0.{b}')" for a, b in others
    )
    found = exceptions(open_network, change, lake(tmp_path / "logs", *flows), keep)
    assert (len(found.rules), found.rules[0].keeps) == (1, found.saved)
    assert found.lost == {"no priority is free in front of `NoSsh`": found.kept - found.saved}
    assert found.is_proven


def test_what_skips_the_nsgs_does_so_for_nothing_else(tmp_path: Path) -> None:
    shut = {
        f"nic{nic}": [f"in 100 Deny * 203.0.113.{last} -> * name=Shut", OPEN.replace("100", "200")]
        for nic, last in ((4, 1), (6, 3))
    }
    carried = "in 50 AlwaysAllow Tcp Internet -> *:22 name=Carried"
    before = network(tmp_path / "before", [carried], shut)
    change = denied(tmp_path, carried, **shut)
    flows = [(f"nic{b}", f"203.0.113.{a}", f"10.0.0.{b}", 22) for a in (1, 3) for b in (4, 6)]
    found = exceptions(before, change, lake(tmp_path / "logs", *flows), "true")
    always = [one for one in found.rules if one.rule.access is Access.ALWAYS_ALLOW]
    assert sorted(one.keeps for one in always) == [1, 1]
    assert found.is_proven


def test_what_is_lost_at_one_end_gets_no_rule_at_the_other(
    tmp_path: Path, open_network: Estate
) -> None:
    shut = ["out 100 Deny Tcp * -> *:22 name=Shut", OPEN]
    change = network(tmp_path / "after", ["in 10 Deny Tcp * -> *:22 name=NoSsh"], {"nic4": shut})
    flow = "10.0.0.4", "10.0.0.5", 22
    found = exceptions(
        open_network, change, lake(tmp_path / "logs", ("nic4", *flow), ("nic5", *flow)), "true"
    )
    assert (found.rules, found.saved, found.is_proven) == ([], 0, True)
    assert found.lost == {"`Shut` stops it, which is no admin rule": 1}


def test_a_name_that_is_taken_is_left_alone(tmp_path: Path, open_network: Estate) -> None:
    change = denied(tmp_path, "in 20 Allow Udp * -> *:53 name=Keep-Inbound-9")
    logs = lake(tmp_path / "logs", ("nic4", "203.0.113.7", "10.0.0.4", 22))
    found = exceptions(open_network, change, logs, "true")
    assert [one.rule.name for one in found.rules] == ["Keep-Inbound-9-2"]
    assert found.is_proven


def test_a_deny_without_room_takes_none_from_another(tmp_path: Path, open_network: Estate) -> None:
    rules = ["in 1 Deny Tcp Internet -> *:3389 name=NoRdp", "in 100 Deny Tcp * -> *:22 name=NoSsh"]
    change = network(tmp_path / "after", rules)
    logs = lake(
        tmp_path / "logs",
        ("nic4", "203.0.113.7", "10.0.0.4", 22),
        ("nic4", "203.0.113.7", "10.0.0.4", 3389),
    )
    found = exceptions(open_network, change, logs, "true")
    assert [one.rule.priority for one in found.rules] == [99]
    assert found.lost == {"no priority is free in front of `NoRdp`": 1}
    assert found.is_proven


SSH = "nic4", "203.0.113.7", "10.0.0.4", 22
WITHIN = "10.0.0.4", "10.0.0.5", 22
BOTH_WAYS = ["in 10 Deny Tcp * -> *:22 name=NoSsh", "out 11 Deny Tcp * -> *:22 name=NoSshOut"]


def slots(found: Exceptions) -> list[tuple[str, int]]:
    """Collection and priority of each rule."""
    return [(one.rule.id.parent.name, one.rule.priority) for one in found.rules]


def test_a_priority_is_given_once_over_both_directions(
    tmp_path: Path, open_network: Estate
) -> None:
    """Policy specification, 8.5: unique inside the collection."""
    change = network(tmp_path / "after", [*BOTH_WAYS, "out 8 Allow Udp * -> *:53 name=Dns"])
    logs = lake(tmp_path / "logs", ("nic4", *WITHIN), ("nic5", *WITHIN))
    found = exceptions(open_network, change, logs, "true")
    taken = [one.priority for one in change.every_admin_rule]
    given = [one.rule.priority for one in found.rules]
    assert len(given) == 2
    assert len({*taken, *given}) == len(taken) + len(given)
    assert found.is_proven


def test_where_one_priority_is_left_for_both_directions_one_flow_is_kept(
    tmp_path: Path, open_network: Estate
) -> None:
    rules = ["in 2 Deny Tcp Internet -> *:22 name=NoSsh", "out 3 Deny Tcp * -> *:80 name=NoWeb"]
    change = network(tmp_path / "after", rules)
    out = ("nic5", "10.0.0.5", "203.0.113.9", 80), ("nic5", "10.0.0.5", "203.0.113.8", 80)
    found = exceptions(open_network, change, lake(tmp_path / "logs", SSH, *out), "true")
    assert [(one.rule.direction.value, one.keeps) for one in found.rules] == [("Outbound", 2)]
    assert found.lost == {"no priority is free in front of `NoSsh`": 1}
    assert found.is_proven


def test_it_ties_with_no_rule_of_another_collection(tmp_path: Path, open_network: Estate) -> None:
    """Which of two collections comes first at one priority is not documented (10.3)."""
    change = network(
        tmp_path / "after",
        ["in 10 Deny Tcp Internet -> *:22 name=NoSsh"],
        beside=["in 9 Allow Udp * -> *:53 name=Dns", "out 8 Allow Udp * -> *:53 name=DnsOut"],
    )
    found = exceptions(open_network, change, lake(tmp_path / "logs", SSH), "true")
    assert slots(found) == [("c", 8)]
    assert found.is_proven


def test_exceptions_of_two_collections_do_not_tie_with_one_another(
    tmp_path: Path, open_network: Estate
) -> None:
    change = network(
        tmp_path / "after",
        ["in 10 Deny Tcp Internet -> *:22 name=NoSsh"],
        beside=["in 11 Deny Tcp Internet -> *:3389 name=NoRdp"],
    )
    rdp = "nic4", "203.0.113.7", "10.0.0.4", 3389
    found = exceptions(open_network, change, lake(tmp_path / "logs", SSH, rdp), "true")
    assert sorted(slots(found)) == [("beside", 8), ("c", 9)]
    assert found.is_proven


@pytest.mark.parametrize(("others", "kept"), [(97, 1), (98, 0)])
@pytest.mark.parametrize("active", [False, True])
def test_a_manager_gets_no_more_rules_than_azure_allows(
    tmp_path: Path, open_network: Estate, others: int, kept: int, *, active: bool
) -> None:
    """The others, the Deny and one more rule, with the exceptions, are 100 (8.7)."""
    filling = [f"in {1000 + at} Allow Udp * -> *:{at + 1} name=R{at}" for at in range(others)]
    rules = ["in 10 Deny Tcp Internet -> *:22 name=NoSsh", *filling]
    change = network(tmp_path / "after", rules, active=active)
    others_too = ("nic5", "203.0.113.8", "10.0.0.5", 22), ("nic5", "203.0.113.7", "10.0.0.5", 22)
    logs = lake(tmp_path / "logs", SSH, *others_too)
    keep = "NOT (src_ip = '203.0.113.7' AND dst_ip = '10.0.0.5')"
    found = exceptions(open_network, change, logs, keep)
    assert len(found.rules) == found.saved == kept
    assert found.lost == {"a network manager can have 100 admin rules": 2 - kept}
    assert found.is_proven


def test_a_manager_that_is_beyond_the_limit_already_gets_a_note(
    tmp_path: Path, open_network: Estate
) -> None:
    filling = [f"in {1000 + at} Allow Udp * -> *:{at + 1} name=R{at}" for at in range(100)]
    change = network(tmp_path / "after", ["in 10 Deny Tcp Internet -> *:22 name=NoSsh", *filling])
    found = exceptions(open_network, change, lake(tmp_path / "logs", SSH), "true")
    assert (found.saved, found.lost, found.is_proven) == (1, {}, True)
    assert found.notes == ["`M` has 102 admin rules already: Azure documents 100"]


def test_a_manager_known_by_its_active_rules_gets_a_note(
    tmp_path: Path, open_network: Estate
) -> None:
    rules = ["in 10 Deny Tcp Internet -> *:22 name=NoSsh"]
    change = network(tmp_path / "after", rules, active=True)
    found = exceptions(open_network, change, lake(tmp_path / "logs", SSH), "true")
    assert (slots(found), found.is_proven) == ([("c", 9)], True)
    assert "known by its list of active rules" in found.notes[0]


def test_the_replay_tells_which_flows_pass_and_not_only_how_many(
    tmp_path: Path, open_network: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault in the search that lets the wrong flow through is caught."""
    wrong = Box(
        frozenset([parse_address("203.0.113.8")]),
        frozenset([parse_address("10.0.0.5")]),
        frozenset([22]),
    )
    monkeypatch.setattr("flowverdict.impact.exception_plan.cover", lambda *_: Cover((wrong,), 1))
    logs = lake(tmp_path / "logs", SSH, ("nic5", "203.0.113.8", "10.0.0.5", 22))
    found = exceptions(open_network, denied(tmp_path), logs, "dst_ip = '10.0.0.4'")
    assert (found.replay.opened, found.saved) == (1, 0)
    assert (found.mistaken, found.is_proven) == (2, False)


def test_source_ports_that_only_the_rules_before_the_change_test(tmp_path: Path) -> None:
    """Flows from two ports are two flows for the search and for the replay."""
    tested = {"nic4": ["in 100 Allow Tcp *:50000 -> *:22 name=Port", OPEN.replace("100", "200")]}
    before = network(tmp_path / "before", [], tested)
    words = [
        f"{MOMENT},203.0.113.7,10.0.0.4,{port},22,6,I,E,NX,1,10,1,20" for port in (50000, 50001)
    ]
    logs = lake_at(ingested(tmp_path / "logs", [vnet(macs()["nic4"], *words)]))
    found = exceptions(before, denied(tmp_path), logs, "true")
    assert (found.broken, found.saved, len(found.rules), found.is_proven) == (2, 2, 1, True)


def test_a_deny_farther_behind_has_its_own_room(tmp_path: Path, open_network: Estate) -> None:
    """What does not fit in front of all Denies of a collection stands in front of its own."""
    change = network(
        tmp_path / "after",
        ["in 2 Deny Tcp Internet -> *:3389 name=NoRdp", "in 100 Deny Tcp * -> *:22 name=NoSsh"],
    )
    flows = [
        ("nic4", "203.0.113.7", "10.0.0.4", 3389),
        ("nic5", "203.0.113.7", "10.0.0.5", 22),
        ("nic6", "203.0.113.8", "10.0.0.6", 22),
    ]
    others = [("nic6", "203.0.113.7", "10.0.0.6", 22), ("nic4", "203.0.113.8", "10.0.0.4", 3389)]
    keep = "(src_ip, dst_ip, dst_port) NOT IN " + str(
        (("203.0.113.7", "10.0.0.6", 22), ("203.0.113.8", "10.0.0.4", 3389))
    )
    logs = lake(tmp_path / "logs", *flows, *others)
    found = exceptions(open_network, change, logs, keep)
    assert (found.saved, found.lost, found.is_proven) == (3, {}, True)
    assert sorted(one.rule.priority for one in found.rules) == [1, 99]


def test_room_on_both_sides_of_another_rule_is_used(tmp_path: Path, open_network: Estate) -> None:
    change = network(
        tmp_path / "after",
        ["in 4 Deny Tcp Internet -> *:22 name=NoSsh", "in 2 Allow Udp * -> *:53 name=Dns"],
    )
    flows = [(f"nic{b}", f"203.0.113.{a}", f"10.0.0.{b}", 22) for a, b in ((7, 4), (8, 5), (7, 5))]
    keep = "NOT (src_ip = '203.0.113.7' AND dst_ip = '10.0.0.5')"
    found = exceptions(open_network, change, lake(tmp_path / "logs", *flows), keep)
    assert sorted(one.rule.priority for one in found.rules) == [1, 3]
    assert (found.saved, found.is_proven) == (2, True)


def test_a_flow_needs_room_at_both_of_its_ends(tmp_path: Path, open_network: Estate) -> None:
    change = network(
        tmp_path / "after",
        ["in 2 Deny Tcp * -> *:22 name=NoSshIn", "out 20 Deny Tcp * -> *:22 name=NoSshOut"],
    )
    outside = [("nic6", f"203.0.113.{a}", "10.0.0.6", 22) for a in (7, 8)]
    logs = lake(
        tmp_path / "logs", ("nic4", *WITHIN), ("nic5", *WITHIN), *outside,
        ("nic5", "203.0.113.7", "10.0.0.5", 22),
    )  # fmt: skip
    keep = "NOT (src_ip = '203.0.113.7' AND dst_ip = '10.0.0.5')"
    found = exceptions(open_network, change, logs, keep)
    assert [(one.rule.priority, one.keeps) for one in found.rules] == [(1, 2)]
    assert found.lost == {"no priority is free in front of `NoSshIn`": 1}
    assert (found.saved, found.is_proven) == (2, True)


def test_what_is_lost_leaves_its_room_to_others(tmp_path: Path, open_network: Estate) -> None:
    change = network(
        tmp_path / "after",
        ["in 3 Deny Tcp * -> *:22 name=NoSsh", "out 1 Deny Tcp * -> *:22 name=NoSshOut"],
    )
    inner = [("10.0.0.4", "10.0.0.5", 22), ("10.0.0.6", "10.0.0.5", 22)]
    ends = [(nic, *flow) for flow, near in zip(inner, ("nic4", "nic6"), strict=True)
            for nic in (near, "nic5")]  # fmt: skip
    logs = lake(
        tmp_path / "logs", *ends, ("nic7", "203.0.113.7", "10.0.0.7", 22),
        ("nic5", "203.0.113.7", "10.0.0.5", 22),
    )  # fmt: skip
    keep = "NOT (src_ip = '203.0.113.7' AND dst_ip = '10.0.0.5')"
    found = exceptions(open_network, change, logs, keep)
    assert [one.rule.priority for one in found.rules] == [2]
    assert found.lost == {"no priority is free in front of `NoSshOut`": 2}
    assert (found.saved, found.is_proven) == (1, True)


def test_an_exception_does_not_stand_before_that_of_another_collection(tmp_path: Path) -> None:
    """Where an NSG denies behind an Allow, the other collection's AlwaysAllow has to come."""
    shut = {"nic4": ["in 100 Deny * 203.0.113.8 -> * name=Shut", OPEN.replace("100", "200")]}
    carried = "in 3000 AlwaysAllow Tcp * -> *:22 name=Carried"
    before = network(tmp_path / "before", [carried], shut)
    change = network(
        tmp_path / "after",
        [
            "in 10 Deny Tcp 203.0.113.7 -> 10.0.0.4:22 name=One",
            "in 11 Deny Tcp 203.0.113.8 -> 10.0.0.5:22 name=Two",
            carried,
        ],
        shut,
        beside=["in 60 Deny Tcp * -> *:22 name=NoSsh"],
    )
    flows = [(f"nic{b}", f"203.0.113.{a}", f"10.0.0.{b}", 22) for a, b in ((7, 4), (8, 5), (8, 4))]
    found = exceptions(before, change, lake(tmp_path / "logs", *flows), "true")
    assert (found.saved, found.lost, found.is_proven) == (3, {}, True)
    assert ("beside", 59) in slots(found)


def test_a_meant_flow_that_another_one_carries_along_is_kept(tmp_path: Path) -> None:
    """Two AlwaysAllow make a box in which a third flow is, that an NSG stops."""
    shut = {f"nic{at}": ["in 100 Deny * * -> * name=Shut"] for at in (4, 5)}
    carried = "in 3000 AlwaysAllow Tcp * -> *:22 name=Carried"
    before = network(tmp_path / "before", [carried], shut)
    rules = [
        "in 10 Deny Tcp 203.0.113.7 -> 10.0.0.4:22 name=One",
        "in 11 Deny Tcp 203.0.113.8 -> 10.0.0.5:22 name=Two",
    ]
    change = network(tmp_path / "after", rules, shut)
    flows = [(f"nic{b}", f"203.0.113.{a}", f"10.0.0.{b}", 22) for a, b in ((7, 4), (8, 5), (8, 4))]
    found = exceptions(before, change, lake(tmp_path / "logs", *flows), "true")
    assert (found.saved, found.lost, found.is_proven) == (3, {}, True)


def test_source_ports_that_an_nsg_tests_share_what_skips_it(tmp_path: Path) -> None:
    shut = {"nic4": ["in 100 Deny Tcp *:50000 -> *:22 name=Shut", OPEN.replace("100", "200")]}
    carried = "in 3000 AlwaysAllow Tcp * -> *:22 name=Carried"
    before = network(tmp_path / "before", [carried], shut)
    words = [
        f"{MOMENT},203.0.113.7,10.0.0.4,{port},22,6,I,E,NX,1,10,1,20" for port in (50000, 50001)
    ]
    logs = lake_at(ingested(tmp_path / "logs", [vnet(macs()["nic4"], *words)]))
    found = exceptions(before, denied(tmp_path, carried, **shut), logs, "true")
    assert [one[1] for one in told(found)] == ["AlwaysAllow"]
    assert (found.saved, found.is_proven) == (2, True)


def test_fewest_is_not_said_where_the_other_end_may_do_the_work(
    tmp_path: Path, open_network: Estate
) -> None:
    change = network(tmp_path / "after", BOTH_WAYS)
    pairs = ((4, 6), (5, 7), (4, 7))
    ends = [(f"nic{nic}", f"10.0.0.{a}", f"10.0.0.{b}", 22) for a, b in pairs for nic in (a, b)]
    keep = "NOT (src_ip = '10.0.0.4' AND dst_ip = '10.0.0.7')"
    found = exceptions(open_network, change, lake(tmp_path / "logs", *ends), keep)
    assert (found.saved, found.is_proven, found.is_smallest) == (2, True, False)


def test_many_sources_of_one_prefix_are_one_prefix(tmp_path: Path, open_network: Estate) -> None:
    flows = [("nic4", f"20.10.{a >> 8}.{a & 255}", "10.0.0.4", 22) for a in range(4096)]
    found = exceptions(open_network, denied(tmp_path), lake(tmp_path / "logs", *flows), "true")
    assert [one.rule.source.texts for one in found.rules] == [("20.10.0.0/20",)]
    assert (found.saved, found.is_proven) == (4096, True)


def test_a_source_port_that_nobody_tests_is_no_filter(tmp_path: Path, open_network: Estate) -> None:
    logs = lake(tmp_path / "logs", SSH)
    with pytest.raises(LakeError, match="keep: `src_port` is not known here"):
        exceptions(open_network, denied(tmp_path), logs, "src_port = 50000")
