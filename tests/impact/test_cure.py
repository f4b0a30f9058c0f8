"""What stops an attack: which rule, where it stands, and what else it breaks."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flowverdict.detect import Finding
from flowverdict.impact.cause import causes
from flowverdict.impact.cure import ADMIN_DENY, NARROW, NSG_DENY, REMOVE, Alternative, Cure, cures
from flowverdict.impact.cure_edit import edited
from flowverdict.impact.cure_json import cure_json, what, why
from flowverdict.impact.respond import respond
from flowverdict.impact.what_if import what_if
from flowverdict.lake import Lake
from flowverdict.model import Direction, Estate, Rule
from flowverdict.net import Packet, format_ports, parse_address
from flowverdict.policy import evaluate
from tests.impact.attacks import (
    MACS,
    NOON,
    Row,
    estate_of,
    finding,
    lake_of,
    manager,
    network,
    nic_of,
    nsg_id,
    nsg_of,
    with_bastion,
)

ROBBER, OTHER, VENDOR = "203.0.113.7", "198.51.100.9", "203.0.113.20"
FORGOTTEN = "in 200 Allow Tcp 203.0.113.0/24 -> *:3389 name=Forgotten"
NO_RDP = "in 300 Deny Tcp * -> *:3389 name=NoRdp"
WEB = {"web-nsg": [FORGOTTEN, NO_RDP]}
LET_IN = ("UserRule_Forgotten", "web-nsg")
KEPT_OUT = ("UserRule_NoRdp", "web-nsg")
ATTACK = Row("web", ROBBER, "10.0.0.4", 3389, *LET_IN)
ATTACKED = finding([ROBBER], ["10.0.0.4"])
QUIET = Row("db", "10.0.0.4", "10.0.1.4", 1433, "DefaultRule_AllowVnetInBound", "db-nsg")
"""Somebody at work."""
LONG_AGO = -60 * 24 * 20
"""Minutes: log enough to believe that nobody else uses a rule."""


def found_in(
    folder: Path,
    rows: Sequence[Row],
    findings: Sequence[Finding] = (ATTACKED,),
    **sketch: Any,
) -> tuple[Estate, Lake, list[Cure | None]]:
    """The network, the lake and the cures."""
    estate = estate_of(folder / "network", network(**{"nsgs": WEB, **sketch}))
    lake = lake_of(folder / "logs", [*rows, QUIET._replace(minute=LONG_AGO)])
    return estate, lake, cures(findings, causes(findings, lake, estate), estate, lake)


def only(found: list[Cure | None]) -> Cure:
    (one,) = found
    assert one is not None
    return one


def kinds(cure: Cure) -> dict[str, Alternative]:
    return {one.kind: one for one in cure.alternatives}


def rules_of(one: Alternative) -> list[Rule]:
    return [edit.rule for edit in one.edits]


def test_a_rule_that_nobody_else_used_goes(tmp_path: Path) -> None:
    estate, _, found = found_in(tmp_path, [ATTACK])
    cure = only(found)
    best = cure.recommended
    assert best is not None
    assert best.kind == REMOVE
    assert what(best) == "take `Forgotten` (200) out of `web-nsg`"
    assert best.notes == ()
    assert kinds(cure)[NSG_DENY].notes == (
        "`Forgotten` would still let in whomever else it names, and nobody else used it",
    )
    assert why(best) == "stops 1 flow of theirs and none of others in the 20 days to 2026-08-13"
    web = nic_of(estate, "web")
    after = edited(estate, best.edits)
    packet = Packet(6, parse_address(ROBBER), parse_address("10.0.0.4"), None, 3389)
    assert evaluate(estate, web, Direction.INBOUND, packet).access == "Allow"
    assert evaluate(after, web, Direction.INBOUND, packet).rule == nsg_of(after, "web-nsg").rules[0]


def test_a_deny_stands_in_front_of_what_lets_in(tmp_path: Path) -> None:
    sources = ["203.0.113.6", ROBBER, "203.0.113.9"]
    rows = [ATTACK._replace(src=one) for one in sources]
    _, _, found = found_in(tmp_path, rows, [finding(sources, ["10.0.0.4"])])
    (rule,) = rules_of(kinds(only(found))[NSG_DENY])
    assert (rule.priority, rule.access.value, rule.direction.value) == (190, "Deny", "Inbound")
    assert rule.source.texts == ("203.0.113.6/31", "203.0.113.9")
    assert rule.destination.texts == ("10.0.0.4",)
    assert format_ports(rule.destination_ports) == ["3389"]


def test_what_others_use_stays(tmp_path: Path) -> None:
    rows = [ATTACK, ATTACK._replace(src=VENDOR), ATTACK._replace(src="203.0.113.21")]
    estate, lake, found = found_in(tmp_path, rows)
    cure = only(found)
    assert [one.kind for one in cure.alternatives] == [NSG_DENY, NARROW, REMOVE]
    removed = kinds(cure)[REMOVE].effect
    assert (removed.stopped, removed.broken) == (1, 2)
    assert [str(one.packet) for one in removed.first] == [
        f"TCP {VENDOR}:* -> 10.0.0.4:3389",
        "TCP 203.0.113.21:* -> 10.0.0.4:3389",
    ]
    assert why(kinds(cure)[REMOVE]).startswith("stops 1 flow of theirs and 2 flows of others")
    (rule,) = rules_of(kinds(cure)[NARROW])
    assert rule.source.texts == ("203.0.113.20/31",)
    assert (rule.priority, rule.name) == (200, "Forgotten")
    for one in cure.alternatives:
        told = what_if(estate, edited(estate, one.edits), lake)
        assert told.broken == one.effect.broken + one.effect.stopped
        assert told.opened == 0


def test_of_a_few_days_it_is_not_believed_that_nobody_uses_a_rule(tmp_path: Path) -> None:
    estate = estate_of(tmp_path / "network", network(nsgs=WEB))
    lake = lake_of(tmp_path / "logs", [ATTACK, QUIET._replace(minute=-2000)])
    cure = only(cures([ATTACKED], causes([ATTACKED], lake, estate), estate, lake))
    assert [one.kind for one in cure.alternatives] == [NSG_DENY, REMOVE]
    assert kinds(cure)[REMOVE].notes == (
        "flows of 2 days alone were judged: what uses the rule less often is not among them",
    )


def test_who_does_not_look_like_an_attacker_is_told_as_broken(tmp_path: Path) -> None:
    suspect = replace(finding([VENDOR], ["10.0.0.4"]), severity="medium")
    rows = [ATTACK, ATTACK._replace(src=VENDOR)]
    estate, lake, found = found_in(tmp_path, rows, [ATTACKED, suspect])
    first, second = (kinds(one)[REMOVE].effect for one in found if one is not None)
    denies = [rules_of(kinds(one)[NSG_DENY]) for one in found if one is not None]
    assert [one.source.texts for some in denies for one in some] == [(ROBBER,), (VENDOR,)]
    assert (first.stopped, first.broken) == (1, 1)
    assert (second.stopped, second.broken) == (2, 0)
    answer = respond([ATTACKED, suspect], found, estate, lake)
    assert answer is not None
    assert (answer.effect.stopped, answer.effect.broken) == (1, 0)
    both = respond([ATTACKED, suspect], found, estate, lake, severity="medium")
    assert both is not None
    assert (both.effect.stopped, both.effect.broken) == (2, 0)


def test_flows_in_clear_are_not_to_be_stopped(tmp_path: Path) -> None:
    clear = replace(ATTACKED, detection="clear-text")
    _, _, found = found_in(tmp_path, [ATTACK], [clear])
    assert only(found).why.startswith("the flows are meant, their lack of encryption is not")


def test_an_open_service_is_narrowed_by_its_ports(tmp_path: Path) -> None:
    rows = [ATTACK]
    rows += [
        Row("web", f"198.51.100.{at}", "10.0.0.4", 443, "UserRule_Any", "web-nsg")
        for at in range(1, 200, 2)
    ]
    nsgs = {"web-nsg": ["in 500 Allow Tcp Internet -> *:443,3389 name=Any"]}
    _, _, found = found_in(tmp_path, rows, nsgs=nsgs)
    cure = only(found)
    (rule,) = rules_of(kinds(cure)[NARROW])
    assert format_ports(rule.destination_ports) == ["443"]
    assert rule.source.tags == ("Internet",)
    assert kinds(cure)[NARROW].effect.broken == 0


def test_what_came_before_the_days_does_not_count(tmp_path: Path) -> None:
    rows = [ATTACK, ATTACK._replace(src=VENDOR, minute=-60 * 24 * 31)]
    estate, lake, found = found_in(tmp_path, rows)
    effect = kinds(only(found))[REMOVE].effect
    assert effect.broken == 0
    assert effect.period.since == NOON - timedelta(days=30)
    reasons = causes([ATTACKED], lake, estate)
    longer = only(cures([ATTACKED], reasons, estate, lake, days=40))
    assert kinds(longer)[REMOVE].effect.broken == 1


def test_who_was_kept_out_needs_no_cure(tmp_path: Path) -> None:
    row = Row("web", OTHER, "10.0.0.4", 3389, *KEPT_OUT, state="D")
    _, _, found = found_in(tmp_path, [row], [finding([OTHER], ["10.0.0.4"], outcome="denied")])
    cure = only(found)
    assert cure.why == "nothing passed: Deny by securityRules/NoRdp of web-nsg: keep it"
    assert cure.recommended is None
    assert cure_json(cure)["az"] is None


def test_without_an_estate_there_is_none(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, [ATTACK])
    gap = finding([], [], outcome="")
    some = [ATTACKED, gap]
    first, second = cures(some, causes(some, lake), None, lake)
    assert first is not None
    assert first.why == "an ESTATE is needed to find one"
    assert second is None
    assert cures([], [], None, lake) == []


def test_what_the_rules_deny_by_now_is_told(tmp_path: Path) -> None:
    _, _, found = found_in(tmp_path, [ATTACK], nsgs={"web-nsg": [NO_RDP]})
    assert only(found).why == (
        f"the rules deny it by now: Deny inbound TCP {ROBBER}:* -> 10.0.0.4:3389 by "
        "securityRules/NoRdp (nic): keep that"
    )


def test_an_interface_that_the_estate_has_not(tmp_path: Path) -> None:
    sketch = network(nsgs=WEB)
    del sketch["nics"]["web"]
    estate = estate_of(tmp_path / "network", sketch)
    lake = lake_of(tmp_path / "logs", [ATTACK])
    cure = only(cures([ATTACKED], causes([ATTACKED], lake, estate), estate, lake))
    assert cure.why.startswith("what would stop it is not known: network interface with MAC")


def test_without_a_free_priority_it_is_told_what_has_to_move(tmp_path: Path) -> None:
    full = [f"in {at} Deny Udp 192.0.2.{at} -> * name=D{at}" for at in range(100, 110)]
    nsgs = {"web-nsg": [*full, "in 110 Allow Tcp 203.0.113.0/24 -> *:3389 name=Forgotten"]}
    _, _, found = found_in(tmp_path, [ATTACK], nsgs=nsgs)
    assert only(found).refused[NSG_DENY] == (
        "every priority of `web-nsg` in front of `Forgotten` is taken: `Forgotten` has to move "
        "behind the new rule, for example to 111"
    )
    first = {"web-nsg": ["in 100 Allow Tcp * -> * name=First", "in 101 Deny * * -> * name=Last"]}
    _, _, found = found_in(tmp_path / "first", [ATTACK], nsgs=first)
    assert only(found).refused[NSG_DENY] == (
        "`First` has priority 100, the first there is: `First` has to move behind the new rule"
    )


def test_both_families_get_a_rule_each(tmp_path: Path) -> None:
    rows = [ATTACK, Row("web", "2001:db8::7", "fd00::4", 3389, *LET_IN)]
    both = finding([ROBBER, "2001:db8::7"], ["10.0.0.4", "fd00::4"])
    nsgs = {"web-nsg": ["in 200 Allow Tcp * -> *:3389 name=Forgotten"]}
    _, _, found = found_in(tmp_path, rows, [both], nsgs=nsgs)
    rules = rules_of(kinds(only(found))[NSG_DENY])
    assert [one.source.texts for one in rules] == [("203.0.113.7",), ("2001:db8::7",)]
    assert [one.destination.texts for one in rules] == [("10.0.0.4",), ("fd00::4",)]
    assert len({one.priority for one in rules}) == len({one.name for one in rules}) == 2


def test_too_many_strangers_are_the_whole_internet(tmp_path: Path) -> None:
    many = [f"5.{high}.{low}.1" for high in range(18) for low in range(250)]
    rows = [ATTACK._replace(src=one) for one in many]
    nsgs = {"web-nsg": ["in 200 Allow Tcp * -> *:3389 name=Forgotten"]}
    _, _, found = found_in(tmp_path, rows, [finding(many, ["10.0.0.4"])], nsgs=nsgs)
    (rule,) = rules_of(kinds(only(found))[NSG_DENY])
    assert (rule.source.tags, rule.source.texts) == (("Internet",), ("Internet",))
    assert why(kinds(only(found))[NSG_DENY]).startswith("stops 4,500 flows of theirs")


def test_a_manager_denies_in_front_of_its_own_rules(tmp_path: Path) -> None:
    managers = manager("in 50 AlwaysAllow Tcp 203.0.113.0/24 -> *:3389 name=Vendors")
    row = ATTACK._replace(rule="Vendors", nsg="web-nsg")
    _, _, found = found_in(tmp_path, [row], managers=managers)
    cure = only(found)
    (rule,) = rules_of(kinds(cure)[ADMIN_DENY])
    assert (rule.priority, rule.id.parent.name) == (40, "c")
    assert set(kinds(cure)) == {ADMIN_DENY}
    assert cure.refused == {
        REMOVE: "admin rule `Vendors` lets them in, which is no rule of an NSG",
        NSG_DENY: "admin rule `Vendors` lets them in before any NSG is asked",
    }
    told = cure_json(cure)
    assert told["az"].splitlines()[0].startswith("az network manager security-admin-config")
    assert "az network manager post-commit" in told["az"]
    assert "--target-locations eastus" in told["az"]
    assert told["notes"] == ["nothing of it counts before `cfg` is committed again"]


def test_a_manager_known_by_its_active_rules_is_not_asked_for_more(tmp_path: Path) -> None:
    managers = manager("in 50 Deny Tcp * -> *:9 name=X", active=True)
    _, _, found = found_in(tmp_path, [ATTACK], managers=managers)
    assert only(found).refused[ADMIN_DENY] == "`M` is known by its list of active rules alone"


def test_a_manager_that_does_not_reach_is_no_help(tmp_path: Path) -> None:
    managers = manager("in 50 Deny Tcp * -> *:9 name=X")
    managers["M"]["groups"]["G"] = {"members": ["elsewhere"]}
    vnets = {"elsewhere": {"space": ["10.9.0.0/16"], "subnets": {}}}
    _, _, found = found_in(tmp_path, [ATTACK], managers=managers, vnets=vnets)
    assert only(found).refused[ADMIN_DENY] == "no committed collection of `M` reaches `v`"


def test_default_rules_cannot_go(tmp_path: Path) -> None:
    row = Row("web", "10.0.1.4", "10.0.0.4", 445, "DefaultRule_AllowVnetInBound", "web-nsg")
    _, _, found = found_in(tmp_path, [row], [finding(["10.0.1.4"], ["10.0.0.4"], [445])])
    cure = only(found)
    assert "`AllowVnetInBound` lets them in, a default rule" in cure.refused[REMOVE]
    (rule,) = rules_of(kinds(cure)[NSG_DENY])
    assert rule.priority == 310


def test_without_an_nsg_there_is_none_to_add_a_rule_to(tmp_path: Path) -> None:
    nics = {"web": {"subnet": "v/web", "ip": ["10.0.0.4"], "publicIp": "20.1.2.3"}}
    _, _, found = found_in(tmp_path, [ATTACK], nics=nics)
    cure = only(found)
    assert cure.alternatives == []
    assert cure.refused[NSG_DENY].startswith("no NSG stands before `web`")
    assert cure.refused[REMOVE] == "no rule lets them in: none stands in their way"
    assert cure.refused[ADMIN_DENY] == "the estate has no network manager"
    assert cure.why == "; ".join(f"{kind}: {text}" for kind, text in cure.refused.items())


def test_what_one_machine_does_to_many_is_stopped_at_that_machine(tmp_path: Path) -> None:
    out, into = "DefaultRule_AllowVnetOutBound", "DefaultRule_AllowVnetInBound"
    rows = [
        row
        for name, dst in (("web", "10.0.0.4"), ("db", "10.0.1.4"))
        for row in (
            Row("jump", "10.0.2.4", dst, 445, out, "jump-nsg"),
            Row(name, "10.0.2.4", dst, 445, into, f"{name}-nsg"),
        )
    ]
    sweep = finding(["10.0.2.4"], ["10.0.0.4", "10.0.1.4"], [445])
    _, _, found = found_in(tmp_path, rows, [sweep])
    (rule,) = rules_of(kinds(only(found))[NSG_DENY])
    assert (rule.direction, rule.id.parent.name) == (Direction.OUTBOUND, "jump-nsg")
    one = finding(["10.0.2.4"], ["10.0.0.4"], [445])
    _, _, found = found_in(tmp_path / "one", rows, [one])
    (rule,) = rules_of(kinds(only(found))[NSG_DENY])
    assert (rule.direction, rule.id.parent.name) == (Direction.INBOUND, "web-nsg")


def test_findings_that_differ_in_strangers_alone_share_a_rule(tmp_path: Path) -> None:
    rows = [ATTACK, ATTACK._replace(src=VENDOR)]
    both = [ATTACKED, finding([VENDOR], ["10.0.0.4"])]
    _, _, found = found_in(tmp_path, rows, both)
    first, second = (one for one in found if one is not None)
    assert kinds(first)[NSG_DENY].edits == kinds(second)[NSG_DENY].edits
    (rule,) = rules_of(kinds(first)[NSG_DENY])
    assert rule.source.texts == (ROBBER, VENDOR)
    assert kinds(first)[REMOVE].effect.broken == 0  # the other one is an attacker too


def test_two_rules_that_let_in_go_both(tmp_path: Path) -> None:
    nsgs = {"web-nsg": [FORGOTTEN, "in 250 Allow Tcp * -> *:3389 name=Wider", NO_RDP]}
    _, _, found = found_in(tmp_path, [ATTACK], nsgs=nsgs)
    assert [one.name for one in rules_of(kinds(only(found))[REMOVE])] == ["Forgotten", "Wider"]
    assert only(found).recommended == kinds(only(found))[NSG_DENY]  # one rule is less than two


def test_a_protocol_without_a_name_takes_a_rule_for_all(tmp_path: Path) -> None:
    row = Row("web", ROBBER, "10.0.0.4", 0, "UserRule_Any", "web-nsg", protocol=47)
    nsgs = {"web-nsg": ["in 200 Allow * 203.0.113.0/24 -> * name=Any"]}
    some = [finding([ROBBER], ["10.0.0.4"], (), protocol=47)]
    _, _, found = found_in(tmp_path, [row], some, nsgs=nsgs)
    one = kinds(only(found))[NSG_DENY]
    assert one.notes[0] == "rules cannot name the protocol: every protocol is denied"
    assert "--protocol '*'" in cure_json(only(found))["alternatives"][0]["az"]


def test_a_public_management_port_is_advised_against(tmp_path: Path) -> None:
    nics = {
        "web": {
            "subnet": "v/web",
            "ip": ["10.0.0.4"],
            "nsg": "web-nsg",
            "publicIp": "20.1.2.3",
        }
    }
    rows = [ATTACK, ATTACK._replace(src=VENDOR), ATTACK._replace(src="10.0.1.4")]
    _, _, found = found_in(tmp_path, rows, nics=nics)
    (one,) = only(found).advice
    assert one.why == "RDP need not be public: Azure Bastion or a VPN does without"
    assert one.broken == 1
    assert "az network nic ip-config update" in one.az
    https = [finding([ROBBER], ["10.0.0.4"], [443])]
    row = ATTACK._replace(port=443, rule="UserRule_Web")
    nsgs = {"web-nsg": ["in 200 Allow Tcp * -> *:443 name=Web"]}
    _, _, found = found_in(tmp_path / "https", [row], https, nics=nics, nsgs=nsgs)
    assert only(found).advice == []


def test_all_recommended_cures_are_one_response(tmp_path: Path) -> None:
    rows = [
        ATTACK,
        Row("db", OTHER, "10.0.1.4", 1433, "UserRule_Sql", "db-nsg"),
        Row("db", VENDOR, "10.0.1.4", 1433, "UserRule_Sql", "db-nsg"),
    ]
    nsgs = {**WEB, "db-nsg": ["in 150 Allow Tcp Internet -> *:1433 name=Sql"]}
    both = [ATTACKED, finding([OTHER], ["10.0.1.4"], [1433]), finding([], [], outcome="")]
    estate, lake, found = found_in(tmp_path, rows, both, nsgs=nsgs)
    answer = respond(both, found, estate, lake)
    assert answer is not None
    assert [one.rule.name for one in answer.edits] == ["Forgotten", "Deny-rdp-brute-force"]
    assert (answer.effect.stopped, answer.effect.broken) == (2, 0)
    assert [one["id"] for one in answer.resources] == [
        nsg_id("web-nsg"),
        f"{nsg_id('db-nsg')}/securityRules/Deny-rdp-brute-force",
    ]
    assert respond([both[2]], [None], estate, lake) is None


def test_the_answer_is_json(tmp_path: Path) -> None:
    rows = [ATTACK, ATTACK._replace(src=VENDOR)]
    _, _, found = found_in(tmp_path, rows, managers=manager("in 50 Deny Tcp * -> *:9 name=X"))
    told = json.loads(json.dumps(cure_json(only(found))))
    assert told["kind"] == NSG_DENY
    assert [one["kind"] for one in told["alternatives"]] == [NARROW, ADMIN_DENY, REMOVE]
    assert told["effect"]["broken"] == 0
    (flow,) = told["alternatives"][2]["effect"]["flows"]
    assert flow["packet"] == f"TCP {VENDOR}:* -> 10.0.0.4:3389"
    assert flow["deniedBy"] == "securityRules/NoRdp"
    assert flow["tuples"] == 1


@pytest.mark.parametrize("outcome", ["allowed", "both"])
def test_what_the_platform_let_in_no_rule_stops(tmp_path: Path, outcome: str) -> None:
    row = ATTACK._replace(rule="PlatformRule")
    some = [finding([ROBBER], ["10.0.0.4"], outcome=outcome)]
    _, _, found = found_in(tmp_path, [row], some)
    assert only(found).why == "no rule let them in: the platform decided"


def test_what_goes_out_is_stopped_on_its_way_out(tmp_path: Path) -> None:
    out = ("DefaultRule_AllowInternetOutBound", "web-nsg")
    rows = [Row("web", "10.0.0.4", ROBBER, 443, *out, minute=at) for at in range(9)]
    rows.append(Row("web", "10.0.0.4", OTHER, 443, *out))
    beacon = replace(finding(["10.0.0.4"], [ROBBER], [443]), detection="beacon")
    _, _, found = found_in(tmp_path, rows, [beacon])
    (rule,) = rules_of(kinds(only(found))[NSG_DENY])
    assert (rule.direction, rule.name) == (Direction.OUTBOUND, "Deny-beacon")
    assert (rule.source.texts, rule.destination.texts) == (("10.0.0.4",), (ROBBER,))
    assert kinds(only(found))[NSG_DENY].effect.broken == 0
    nsgs = {
        "web-nsg": ["out 100 Allow Tcp * -> Internet:443 name=Out", "out 200 Deny * * -> * name=No"]
    }
    rows = [one._replace(rule="UserRule_Out") for one in rows]
    _, _, found = found_in(tmp_path / "own", rows, [beacon], nsgs=nsgs)
    (rule,) = rules_of(kinds(only(found))[NARROW])
    assert (rule.source.texts, rule.destination.texts) == (("*",), (OTHER,))


def test_rules_that_test_source_ports_are_asked_with_them(tmp_path: Path) -> None:
    tested = {
        "name": "FromPort",
        "priority": 200, "direction": "Inbound", "access": "Allow", "protocol": "Tcp",
        "sourceAddressPrefix": "*", "sourcePortRange": "50000-50009",
        "destinationAddressPrefix": "*", "destinationPortRange": "3389",
    }  # fmt: skip
    rows = [ATTACK._replace(src_port=port, minute=port - 50_000) for port in (50_001, 50_002)]
    _, _, found = found_in(tmp_path, rows, nsgs={"web-nsg": [tested, NO_RDP]})
    cure = only(found)
    assert len(cure.flows) == 1
    assert {one.kind for one in cure.alternatives} == {REMOVE, NSG_DENY}
    assert kinds(cure)[NSG_DENY].effect.stopped == 2


def test_an_address_that_two_networks_have_is_two_flows(tmp_path: Path) -> None:
    vnets = {"w": {"space": ["10.0.0.0/24"], "subnets": {"s": {"prefixes": ["10.0.0.0/24"]}}}}
    nics = {"twin": {"subnet": "w/s", "ip": ["10.0.0.4"], "nsg": "db-nsg"}}
    sketch = network(nsgs={**WEB, "db-nsg": [NO_RDP]}, vnets=vnets, nics=nics)
    before = estate_of(tmp_path / "network", sketch)
    macs = {"web": MACS["web"], "twin": MACS["db"]}
    named = {
        nic.id: replace(nic, mac=macs.get(nic.id.name, ""))
        for nic in before.resources.nics.values()
    }
    estate = replace(before, resources=replace(before.resources, nics=named))
    rows = [ATTACK, ATTACK._replace(at="db", rule="UserRule_Old", nsg="db-nsg")]
    lake = lake_of(tmp_path / "logs", rows, ways=["I", "I"])
    cure = only(cures([ATTACKED], causes([ATTACKED], lake, estate), estate, lake))
    (rule,) = rules_of(kinds(cure)[NSG_DENY])
    assert rule.id.parent.name == "web-nsg"


def test_a_management_port_can_be_for_bastion_alone(tmp_path: Path) -> None:
    estate = estate_of(tmp_path / "network", with_bastion(nsgs=WEB))
    lake = lake_of(tmp_path / "logs", [ATTACK, ATTACK._replace(src=VENDOR)])
    reasons = causes([ATTACKED], lake, estate)
    one = kinds(only(cures([ATTACKED], reasons, estate, lake)))["bastion-only"]
    (rule,) = rules_of(one)
    assert (rule.name, rule.source.texts) == ("Forgotten", ("10.0.9.0/26",))
    assert (one.effect.stopped, one.effect.broken) == (1, 1)
    assert what(one) == ("narrow `Forgotten` (200) of `web-nsg` to TCP 3389 from 10.0.9.0/26 to *")
    changed = edited(estate, one.edits)
    packet = Packet(6, parse_address("10.0.9.5"), parse_address("10.0.0.4"), None, 3389)
    assert evaluate(changed, nic_of(changed, "web"), Direction.INBOUND, packet).access == "Allow"


def test_bastion_is_not_proposed_where_it_is_let_in_or_not_there(tmp_path: Path) -> None:
    own = {"web-nsg": [*WEB["web-nsg"], "in 250 Allow Tcp 10.0.9.0/26 -> *:3389 name=Bastion"]}
    estate = estate_of(tmp_path / "network", with_bastion(nsgs=own))
    lake = lake_of(tmp_path / "logs", [ATTACK])
    reasons = causes([ATTACKED], lake, estate)
    told = only(cures([ATTACKED], reasons, estate, lake)).refused["bastion-only"]
    assert told == "`Bastion` lets `bas` in, also without `Forgotten`"
    _, _, found = found_in(tmp_path / "none", [ATTACK])
    told = only(found).refused["bastion-only"]
    assert told == "no Azure Bastion is known that reaches `v`"


def test_of_two_rules_that_go_one_may_be_narrowed(tmp_path: Path) -> None:
    nsgs = {"web-nsg": [FORGOTTEN, "in 250 Allow Tcp Internet -> *:443,3389 name=Wider", NO_RDP]}
    rows = [ATTACK, Row("web", OTHER, "10.0.0.4", 443, "UserRule_Wider", "web-nsg")]
    _, _, found = found_in(tmp_path, rows, nsgs=nsgs)
    one = kinds(only(found))[NARROW]
    assert [(edit.rule.name, edit.new is None) for edit in one.edits] == [
        ("Forgotten", True),
        ("Wider", False),
    ]
    assert format_ports(one.edits[1].rule.destination_ports) == ["443"]
    assert one.effect.broken == 0


def test_what_two_findings_leave_of_a_rule_may_differ(tmp_path: Path) -> None:
    """Of two that may be meant, each one's rule lets the other one in."""
    suspects = [
        replace(finding([one], ["10.0.0.4"]), severity="medium") for one in (ROBBER, VENDOR)
    ]
    rows = [ATTACK, ATTACK._replace(src=VENDOR), ATTACK._replace(src="203.0.113.99")]
    estate, lake, found = found_in(tmp_path, rows, suspects)
    narrow = [kinds(one)[NARROW] for one in found if one is not None]
    assert [rules_of(one)[0].source.texts for one in narrow] == [
        (VENDOR, "203.0.113.99"),
        (ROBBER, "203.0.113.99"),
    ]
    assert [(one.effect.stopped, one.effect.broken) for one in narrow] == [(1, 0), (1, 0)]
    for cure in found:
        if cure is not None:
            cure.alternatives.sort(key=lambda one: one.kind != NARROW)
    answer = respond(suspects, found, estate, lake, severity="medium")
    assert answer is not None
    assert [one.rule.name for one in answer.edits] == ["Forgotten", "Deny-rdp-brute-force-2"]
    assert (answer.effect.stopped, answer.effect.broken) == (2, 0)
