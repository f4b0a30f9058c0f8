"""The rule that decided a finding's flows: by the log alone, and with the estate."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from flowverdict.impact.cause import Cause, Decision, causes
from flowverdict.lake import Lake, LakeError, Period
from flowverdict.model import Direction, Estate
from flowverdict.policy import evaluate
from tests.impact.attacks import (
    MACS,
    NOON,
    Row,
    estate_of,
    finding,
    lake_of,
    network,
    nic_of,
    nsg_id,
)
from tests.impact.logs import ingested, lake_at
from tests.traffic.logs import nsg

ROBBER, OTHER, CLERK = "203.0.113.7", "198.51.100.9", "10.0.1.4"
FORGOTTEN = "in 200 Allow Tcp 203.0.113.0/24 -> *:3389 name=Forgotten"
WEB = {"web-nsg": [FORGOTTEN, "in 300 Deny Tcp * -> *:3389 name=NoRdp"]}
LET_IN = ("UserRule_Forgotten", "web-nsg")
KEPT_OUT = ("UserRule_NoRdp", "web-nsg")


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    return estate_of(tmp_path / "network", network(nsgs=WEB))


def night(folder: Path, *more: Row) -> Lake:
    """Two who try: one gets in, and another one did a day before."""
    rows = [
        Row("web", "203.0.113.99", "10.0.0.4", 3389, *LET_IN, minute=-1440),
        *(Row("web", ROBBER, "10.0.0.4", 3389, *LET_IN, minute=at) for at in range(-5, 20)),
        *(Row("web", OTHER, "10.0.0.4", 3389, *KEPT_OUT, state="D", minute=at) for at in range(9)),
        *more,
    ]
    return lake_of(folder / "logs", rows)


def only(found: list[Cause | None]) -> Cause:
    (one,) = found
    assert one is not None
    return one


def test_the_rule_that_let_them_in_and_since_when(tmp_path: Path, estate: Estate) -> None:
    found = only(causes([finding([ROBBER], ["10.0.0.4"])], night(tmp_path), estate))
    rule = found.main.rule
    assert rule is not None
    assert rule.where is not None
    assert (rule.name, rule.priority, found.main.layer) == ("Forgotten", 200, "nic")
    assert found.main.rows == 20
    assert found.main.since == NOON - timedelta(minutes=5)
    assert found.main.open_since == NOON - timedelta(days=1)
    assert found.main.is_verified
    told = found.as_json()
    assert told["ruleName"] == "securityRules/Forgotten"
    assert told["ruleId"] == f"{nsg_id('web-nsg')}/securityRules/Forgotten"
    assert told["decision"] == "Allow"
    assert told["since"] == "2026-08-13T11:55:00.000Z"
    assert told["where"] == {"file": rule.where.file, "path": rule.where.path}


def test_without_an_estate_the_log_has_its_say(tmp_path: Path) -> None:
    told = only(causes([finding([ROBBER], ["10.0.0.4"])], night(tmp_path))).as_json()
    assert (told["ruleName"], told["acl"]) == ("securityRules/Forgotten", nsg_id("web-nsg"))
    assert told["openSince"] == "2026-08-12T12:00:00.000Z"
    for name in ("ruleId", "layer", "priority", "where", "nic", "differs"):
        assert told[name] is None
    assert told["verified"] is False


def test_what_kept_them_out(tmp_path: Path, estate: Estate) -> None:
    found = only(
        causes([finding([OTHER], ["10.0.0.4"], outcome="denied")], night(tmp_path), estate)
    )
    assert (found.main.name, found.main.said.access) == ("securityRules/NoRdp", "Deny")
    assert (found.allows, found.main.open_since) == ((), None)


def test_of_both_outcomes_what_let_in_comes_first(tmp_path: Path, estate: Estate) -> None:
    both = finding([ROBBER, OTHER], ["10.0.0.4"], outcome="both")
    found = only(causes([both], night(tmp_path), estate))
    assert [one.name for one in found.allows] == ["securityRules/Forgotten"]
    assert [one.name for one in found.denies] == ["securityRules/NoRdp"]
    assert found.main is found.allows[0]
    assert [one["decision"] for one in found.as_json()["others"]] == ["Deny"]


def test_an_estate_that_says_otherwise_is_told(tmp_path: Path) -> None:
    now = estate_of(tmp_path / "now", network(nsgs={"web-nsg": [WEB["web-nsg"][1]]}))
    found = only(causes([finding([ROBBER], ["10.0.0.4"])], night(tmp_path), now)).main
    assert not found.is_verified
    assert found.rule is None
    assert found.name == "securityRules/Forgotten"
    assert found.differs == (
        "the log says Allow by securityRules/Forgotten of web-nsg; the estate, Deny by "
        "securityRules/NoRdp of web-nsg: `web-nsg` has no `Forgotten`: deleted, renamed or new"
    )


def test_a_rule_that_stands_there_and_decides_no_more(tmp_path: Path) -> None:
    nsgs = {"web-nsg": ["in 100 Deny Tcp * -> *:3389 name=First", FORGOTTEN]}
    now = estate_of(tmp_path / "now", network(nsgs=nsgs))
    found = only(causes([finding([ROBBER], ["10.0.0.4"])], night(tmp_path), now)).main
    assert found.rule is not None
    assert (found.rule.priority, found.layer) == (200, "nic")
    assert "`First`, priority 100, stands before `Forgotten`, 200" in found.differs


def test_an_interface_that_the_estate_has_not(tmp_path: Path) -> None:
    sketch = network(nsgs=WEB)
    del sketch["nics"]["web"]
    now = estate_of(tmp_path / "now", sketch)
    found = only(causes([finding([ROBBER], ["10.0.0.4"])], night(tmp_path), now)).main
    assert found.rule is not None
    assert found.nic is None
    assert found.differs.startswith("not in the estate: network interface with MAC address")


def test_findings_without_flows_have_no_cause(tmp_path: Path, estate: Estate) -> None:
    gap = replace(finding([], [], outcome=""), targets=("10.0.0.4",))
    nobody = finding([], [], outcome="allowed")
    absent = finding(["192.0.2.1"], ["10.0.0.4"])
    early = finding([ROBBER], ["10.0.0.4"], minutes=(-50, -40))
    quote = finding(["x' OR true --"], ["10.0.0.4"])
    some = [gap, nobody, absent, early, quote]
    assert causes(some, night(tmp_path), estate) == [None] * 5
    assert causes([], night(tmp_path), estate) == []


def test_sources_targets_or_ports_may_be_left_out(tmp_path: Path, estate: Estate) -> None:
    known = night(tmp_path, Row("web", ROBBER, "10.0.0.4", 22, *KEPT_OUT, state="D"))
    whoever = finding([], ["10.0.0.4"], outcome="both")
    wherever = finding([ROBBER], [], (), outcome="both", protocol=None)
    first, second = causes([whoever, wherever], known, estate)
    assert first is not None
    assert second is not None
    assert [one.rows for one in first.decisions] == [20, 9]
    assert [one.rows for one in second.decisions] == [20, 1]


def test_asked_together_or_alone_the_answer_is_the_same(tmp_path: Path, estate: Estate) -> None:
    known = night(tmp_path)
    some = [
        finding([ROBBER], ["10.0.0.4"]),
        finding([], ["10.0.0.4"], (), outcome="both"),
        finding([OTHER], [], outcome="denied"),
        finding([ROBBER, OTHER], ["10.0.0.4"], outcome="both", minutes=(5, 6)),
    ]
    together = [one and one.as_json() for one in causes(some, known, estate)]
    assert together == [only(causes([one], known, estate)).as_json() for one in some]


def test_the_order_of_files_does_not_matter(tmp_path: Path, estate: Estate) -> None:
    rows = [
        Row("web", source, "10.0.0.4", 3389, *LET_IN, minute=at)
        for at in range(6)
        for source in (ROBBER, "203.0.113.8")
    ]
    asked = [finding([ROBBER, "203.0.113.8"], ["10.0.0.4"])]
    forth = lake_of(tmp_path / "forth", rows)
    back = lake_of(tmp_path / "back", rows[::-1])
    told = [only(causes(asked, one, estate)).as_json() for one in (forth, back)]
    assert told[0] == told[1]


def test_ipv6_is_no_other_matter(tmp_path: Path) -> None:
    rules = ["in 200 Allow Tcp [2001:db8::/32] -> *:3389 name=Forgotten"]
    now = estate_of(tmp_path / "now", network(nsgs={"web-nsg": rules}))
    rows = [
        Row("web", "2001:db8::7", "fd00::4", 3389, *LET_IN),
        Row("web", "fd00:0:0:1::4", "fd00::4", 3389, *LET_IN, minute=-9),
        Row("web", "fe80::1", "fd00::4", 3389, *LET_IN, minute=-8),
    ]
    known = lake_of(tmp_path / "logs", rows)
    found = only(causes([finding(["2001:db8::7"], ["fd00::4"])], known, now)).main
    assert found.is_verified
    assert found.open_since == NOON  # who is inside is not from outside


def test_who_moves_inside_is_let_in_where_he_arrives(tmp_path: Path, estate: Estate) -> None:
    rows = [
        Row("db", CLERK, "10.0.0.4", 445, "DefaultRule_AllowVnetOutBound", "db-nsg"),
        Row("web", CLERK, "10.0.0.4", 445, "DefaultRule_AllowVnetInBound", "web-nsg"),
    ]
    known = lake_of(tmp_path / "logs", rows)
    found = only(causes([finding([CLERK], ["10.0.0.4"], [445])], known, estate))
    assert [one.direction for one in found.decisions] == [Direction.INBOUND, Direction.OUTBOUND]
    assert [one.is_verified for one in found.decisions] == [True, True]
    assert found.main.open_since is None
    assert found.main.name == "defaultSecurityRules/AllowVnetInBound"


def test_the_verdict_is_the_evaluators(tmp_path: Path, estate: Estate) -> None:
    decided: Decision = only(
        causes([finding([ROBBER], ["10.0.0.4"])], night(tmp_path), estate)
    ).main
    web = nic_of(estate, "web")
    assert decided.nic == web
    assert decided.verdict is not None
    again = evaluate(estate, web, decided.direction, decided.packet)
    assert (decided.verdict.access, decided.verdict.rule) == (again.access, again.rule)


def test_what_only_the_platform_decided_has_no_rule(tmp_path: Path, estate: Estate) -> None:
    row = Row("web", "10.0.1.4", "10.0.0.4", 3389, "PlatformRule", "web-nsg")
    known = lake_of(tmp_path / "logs", [row])
    found = only(causes([finding([CLERK], ["10.0.0.4"])], known, estate)).main
    assert (found.layer, found.rule, found.verdict) == ("platform", None, None)
    assert found.nic == nic_of(estate, "web")


def test_a_period_bounds_how_far_back_is_looked(tmp_path: Path, estate: Estate) -> None:
    period = Period(since=NOON - timedelta(minutes=3))
    asked = [finding([ROBBER], ["10.0.0.4"])]
    found = only(causes(asked, night(tmp_path), estate, period=period)).main
    assert found.since == found.open_since == NOON - timedelta(minutes=3)


def test_thousands_of_sources_are_one_question(tmp_path: Path, estate: Estate) -> None:
    many = [f"198.18.{high}.{low}" for high in range(40) for low in range(250)]
    asked = [finding([*many, ROBBER], ["10.0.0.4"], range(1, 5000))]
    assert only(causes(asked, night(tmp_path), estate)).main.rows == 20


def test_an_empty_lake_is_refused(tmp_path: Path, estate: Estate) -> None:
    with pytest.raises(LakeError, match="holds no flows yet"):
        causes([finding([ROBBER], ["10.0.0.4"])], lake_at(tmp_path / "none"), estate)


def test_nsg_flow_logs_tell_the_same(tmp_path: Path, estate: Estate) -> None:
    second = round(NOON.timestamp())
    come = f"{ROBBER},10.0.0.4,50000,3389,T,I"
    records = [
        nsg(f"{second + at},{come},A,B,,,,", mac=MACS["web"], rule=rule, resource=nsg_id("web-nsg"))
        for at, rule in enumerate(("UserRule_Forgotten", "UserRule_Forgotten"))
    ]
    known = lake_at(ingested(tmp_path / "logs", records))
    found = only(causes([finding([ROBBER], ["10.0.0.4"])], known, estate)).main
    assert found.is_verified
    assert found.as_json()["acl"] == nsg_id("web-nsg")
    assert (found.rows, found.since) == (2, NOON)
