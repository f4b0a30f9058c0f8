"""What logs say against what the rules say: held against the evaluator, and case by case."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import flowverdict
from flowverdict.demo.bank import write_bank
from flowverdict.impact.audit import RETURNS, audit
from flowverdict.impact.audit_findings import Audit, Finding
from flowverdict.lake import Lake, Period, query
from flowverdict.model import Access, Direction, Estate
from flowverdict.net import Packet, format_address, is_ipv6, parse_address
from flowverdict.policy import DEFAULTS, Network, Options, Standpoint, Verdict, evaluate_at
from tests.conformance.sketch import expand
from tests.impact import logs
from tests.impact.logs import ingested, lake_at
from tests.load.broken import write

MOMENT = 1786653060000
MAC = "0022486DBA37"
STRANGER = "000D3AFFFFFF"
GUID = "7208ce80-368a-5ca0-883c-2e3508e6d951"
NOWHERE = "00000000-0000-0000-0000-000000000000"
Json = dict[str, Any]


def lake_of(folder: Path, records: list[Json]) -> Lake:
    return lake_at(ingested(folder, records))


def vnet(rule: str, acl: str, *tuples: str, mac: str = MAC) -> Json:
    return logs.vnet(mac, *tuples, rule=rule, acl=acl)


def row(src: str, dst: str, way: str, port: int = 443, source: int = 50000, **of: Any) -> str:
    protocol, state, at = of.get("protocol", 6), of.get("state", "E"), of.get("at", 0)
    secret = of.get("encryption", "NX")
    return f"{MOMENT + at},{src},{dst},{source},{port},{protocol},{way},{state},{secret},1,10,1,20"


# -- held against the evaluator


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Estate:
    folder = tmp_path_factory.mktemp("bank")
    write_bank(folder)
    return flowverdict.load_estate([folder])


@pytest.fixture(scope="module")
def recorded(estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Made-up flows at the bank's interfaces, with what the evaluator says of each in the log."""
    some = random.Random(11)
    network = Network(estate, DEFAULTS)
    nics = sorted((one for one in estate.resources.nics.values() if one.mac), key=lambda n: n.id)
    points = [low for nic in nics for low, _ in nic.addresses]
    records: list[Json] = []
    for nic in nics:
        local = next(iter(nic.addresses))[0]
        others = [one for one in points if is_ipv6(one) == is_ipv6(local) and one != local]
        others += [] if is_ipv6(local) else [parse_address(f"203.0.113.{n}") for n in range(20)]
        groups: dict[tuple[str, str], list[str]] = defaultdict(list)
        for _ in range(12):
            remote, way = some.choice(others), some.choice(list(Direction))
            src, dst = (remote, local) if way is Direction.INBOUND else (local, remote)
            port, protocol = some.choice([22, 53, 443, 1433, 3389, 8080]), some.choice([6, 17])
            packet = Packet(protocol, src, dst, 50000, port)
            verdict = evaluate_at(Standpoint(network, nic), way, packet)
            if verdict.access == "Unknown" or verdict.rule is None:
                continue
            flow = row(
                format_address(src), format_address(dst), way.value[0], port, protocol=protocol,
                state="E" if verdict.access == "Allow" else "D", at=some.randrange(10**6),
            )  # fmt: skip
            groups[as_logged(verdict)].append(flow)
        records += [vnet(rule, acl, *flows, mac=nic.mac) for (rule, acl), flows in groups.items()]
    return lake_of(tmp_path_factory.mktemp("flows"), records)


def as_logged(verdict: Verdict) -> tuple[str, str]:
    assert verdict.rule is not None
    if verdict.layer == "admin":
        return verdict.rule.name, GUID
    prefix = "DefaultRule_" if verdict.rule.is_default else "UserRule_"
    return prefix + verdict.rule.name, str(verdict.rule.id.parent)


def test_what_the_rules_decided_agrees(estate: Estate, recorded: Lake) -> None:
    found = flowverdict.audit(estate, recorded)
    assert found.judged > 1000
    assert found.agreement == 100
    assert not found.disagreed
    assert set(found.kinds) <= {"agrees", "unknown"}
    assert found.unknown.keys() <= {RETURNS}
    assert found.rows == found.judged + found.unknown.total()


def test_counts_are_those_of_the_evaluator_row_by_row(estate: Estate, recorded: Lake) -> None:
    """Some rules are gone and some are turned round: what then differs is told by hand."""
    some = random.Random(3)
    swap = {Access.ALLOW: Access.DENY, Access.DENY: Access.ALLOW}
    nsgs = {
        name: replace(
            nsg,
            rules=tuple(
                replace(one, access=swap[one.access] if some.random() < 0.3 else one.access)
                for one in nsg.rules
                if one.is_default or some.random() < 0.7
            ),
        )
        for name, nsg in sorted(estate.resources.nsgs.items())
    }
    changed = replace(estate, resources=replace(estate.resources, nsgs=nsgs))
    network = Network(changed, DEFAULTS)
    kinds: Counter[str] = Counter()
    returns = audit(estate, recorded).unknown.total()
    for one in query(recorded, "SELECT * FROM flows").read_all().to_pylist():
        kinds[_by_hand(network, one)] += 1
    assert min(kinds[one] for one in ("agrees", "rule-missing", "other-decision")) > 20, kinds
    found = audit(changed, recorded)
    unlike = {one: abs(kinds[one] - found.kinds[one]) for one in kinds}
    assert sum(unlike.values()) <= returns, (kinds, found.kinds)
    assert sum(found.kinds.values()) == found.rows
    for finding in found.findings.values():
        assert finding.verdict is not None
        assert finding.verdict.access == finding.key.access
        assert finding.verdict.nic.id in finding.nics
        assert finding.first <= finding.last


def _by_hand(network: Network, said: Json) -> str:
    nic = network.estate.nics_by_mac[said["mac"]][0]
    way = Direction.INBOUND if said["direction"] == "I" else Direction.OUTBOUND
    ends = parse_address(said["src_ip"]), parse_address(said["dst_ip"])
    packet = Packet(said["protocol"], *ends, said["src_port"], said["dst_port"])
    verdict = evaluate_at(Standpoint(network, nic), way, packet)
    same = verdict.access == {"A": "Allow", "D": "Deny"}[said["decision"]]
    key = said["acl"].lower(), said["rule"].lower()
    passes = ("Allow", "AlwaysAllow") if verdict.access == "Allow" else ()
    allowing = [one for one in verdict.trace if one.access in passes]
    on_way = [
        (GUID if one.layer == "admin" else one.rule.id.parent.key, one.rule.name.lower())
        for one in (verdict.decided_by, *allowing)
        if one is not None and one.rule is not None
    ]
    if same and key in on_way:
        return "agrees" if on_way[0] == key else "both-allow"
    nsgs = network.estate.resources.nsgs.items()
    if key[0] != GUID and not any(
        name.key == key[0] and any(rule.name.lower() == key[1] for rule in nsg.rules)
        for name, nsg in nsgs
    ):
        return "rule-missing"
    return "other-rule" if same else "other-decision"


# -- case by case

SKETCH: Json = {
    "vnets": {
        "v": {
            "space": ["10.1.0.0/16", "fd00:1::/48"],
            "subnets": {"s": {"prefixes": ["10.1.0.0/24", "fd00:1::/64"], "nsg": "below"}},
        },
        "w": {"space": ["10.2.0.0/16"], "subnets": {"s": {"prefixes": ["10.2.0.0/24"]}}},
    },
    "nics": {"n": {"subnet": "v/s", "ip": ["10.1.0.4", "fd00:1::4"], "nsg": "above"}},
    "nsgs": {
        "below": ["in 100 Allow Tcp * -> *:443 name=Web", "in 110 Allow Tcp * -> *:25 name=Mail"],
        "above": ["in 100 Allow Tcp * -> *:443 name=Https", "in 200 Deny * * -> * name=Rest"],
        "loose": ["in 100 Allow Tcp * -> *:443 name=Loose"],
    },
}  # fmt: skip
IN = "203.0.113.9", "10.1.0.4", "I"


@pytest.fixture
def audited(tmp_path: Path) -> Any:
    """Audits records by a sketch; `{name}` in an acl stands for the id of an NSG."""

    def act(sketch: Json, *records: Json, **of: Any) -> Audit:
        write(tmp_path / "estate", expand(sketch, "rest"))
        found = flowverdict.load_estate([tmp_path / "estate"])
        assert not found.errors
        ids = {one.name: str(one) for one in found.resources.nsgs} | {"gone": "/gone"}
        texts = [json.dumps(one) for one in records]
        for name, text in ids.items():
            texts = [one.replace(f"{{{name}}}", text) for one in texts]
        lake = lake_of(tmp_path / "logs", [json.loads(one) for one in texts])
        return audit(found, lake, **of)

    return act


def only(found: Audit) -> Finding:
    (one,) = found.findings.values()
    return one


@pytest.mark.parametrize(
    ("acl", "rule", "port", "state", "kind", "why"),
    [
        ("{above}", "UserRule_Https", 443, "E", "agrees", ""),
        ("{ABOVE}", "UserRule_https", 443, "E", "agrees", ""),
        (GUID, "UserRule_Https", 443, "E", "agrees", ""),
        ("{below}", "UserRule_Web", 443, "E", "both-allow", "both `below` and `above` have to"),
        ("{above}", "UserRule_Rest", 25, "D", "agrees", ""),
        ("{above}", "UserRule_Old", 443, "E", "rule-missing", "`above` has no `Old`"),
        ("{above}", "DefaultRule_Https", 443, "E", "rule-missing", "`above` has no `Https`"),
        ("{above}-x", "UserRule_Https", 443, "E", "rule-missing", "has no NSG `above-x`"),
        (GUID, "AdminWeb", 443, "E", "rule-missing", "no network manager"),
        ("{below}", "UserRule_Mail", 25, "E", "other-decision", "`Rest` of `above` decides"),
        ("{above}", "UserRule_Https", 443, "D", "other-decision", "`Https` is Allow now"),
        ("{above}", "UserRule_Https", 25, "E", "other-decision", "by its destination port"),
        ("{above}", "DefaultRule_DenyAllInBound", 25, "D", "other-rule", "`Rest`, priority 200,"),
        ("{above}", "DefaultRule_AllowVnetOutBound", 443, "E", "other-rule", "for outbound"),
        ("{loose}", "UserRule_Loose", 443, "E", "other-rule", "`loose` is not before"),
        ("{above}", "", 443, "E", "no-rule-logged", "the log names no rule"),
        ("{above}", "", 443, "D", "other-decision", "the log names no rule"),
    ],
)  # fmt: skip
def test_each_kind_is_told_with_its_reason(
    audited: Any, acl: str, rule: str, port: int, state: str, kind: str, why: str
) -> None:
    acl = acl.replace("{ABOVE}", "{above}")
    found = audited(SKETCH, vnet(rule, acl, row(*IN, port, state=state)))
    assert found.kinds == {kind: 1}
    if kind == "agrees":
        assert not found.findings
        return
    one = only(found)
    assert why in one.key.why, one.key.why
    assert (one.hits, one.flows, len(one.nics)) == (1, 1, 1)
    assert (found.agreed, found.disagreed) == ((1, 0) if kind in AGREE else (0, 1))


AGREE = ("both-allow", "no-rule-logged")


def test_ipv6_and_nsg_logs_are_compared_alike(audited: Any) -> None:
    flow = f"{MOMENT // 1000},203.0.113.9,10.1.0.4,50000,443,T,I,A,B,,,,"
    nsg = {
        "category": "NetworkSecurityGroupFlowEvent", "resourceId": "{below}",
        "properties": {"Version": 2, "flows": [
            {"rule": "UserRule_Web", "flows": [{"mac": MAC, "flowTuples": [flow]}]}]},
    }  # fmt: skip
    six = vnet("UserRule_Https", "{above}", row("2001:db8::9", "fd00:1::4", "I"))
    found = audited(SKETCH, nsg, six)
    assert found.kinds == {"agrees": 1, "both-allow": 1}


def test_an_nsg_is_one_however_logs_spell_it(audited: Any, tmp_path: Path) -> None:
    acl = only(audited(SKETCH, vnet("UserRule_Old", "{above}", row(*IN)))).key.said.acl
    assert acl is not None
    records = [vnet("UserRule_Old", one, row(*IN)) for one in (acl, acl.upper(), acl.lower())]
    estate = flowverdict.load_estate([tmp_path / "estate"])
    found = only(audit(estate, lake_of(tmp_path / "more", records)))
    assert (found.hits, found.key.said.acl) == (3, acl)


def test_what_no_rule_decided_is_counted_apart(audited: Any) -> None:
    found = audited(
        SKETCH,
        vnet("PlatformRule", NOWHERE, row(*IN), row(*IN, 25)),
        vnet("unspecified", "unspecified", row(*IN, state="D", encryption="NX_NOT_ACCEPTED")),
    )
    assert found.kinds == {"platform": 2, "encryption": 1}
    assert (found.rows, found.judged, found.agreement) == (3, 0, None)
    assert [one.verdict for one in found.findings.values()] == [None, None]


def test_what_cannot_be_judged_is_counted_with_its_reason(audited: Any) -> None:
    sketch = deepcopy(SKETCH)
    sketch["nsgs"]["above"][0] = "in 100 Allow Tcp NoSuchTag -> *:443 name=Https"
    found = audited(
        sketch,
        vnet("UserRule_Https", "{above}", row(*IN)),
        vnet("UserRule_Https", "{above}", row("203.0.113.9", "192.0.2.1", "I"), mac=STRANGER),
        vnet("UserRule_Https", "{above}", row("2001:db8::9", "10.1.0.4", "I")),
        vnet(
            "DefaultRule_AllowInternetOutBound", "{below}",
            row("10.1.0.4", "203.0.113.7", "O", 80, state="B"),
            row("203.0.113.7", "10.1.0.4", "I", 50000, 80, at=500),
        ),
    )  # fmt: skip
    assert found.kinds == {"unknown": 4, "agrees": 1}
    assert found.rows == 5
    reasons = sorted(found.unknown)
    assert [found.unknown[one] for one in reasons] == [1, 1, 1, 1]
    assert RETURNS in reasons
    assert "what packet it was: a port or an address" in reasons
    assert f"network interface with MAC address `{STRANGER}`" in reasons
    assert any("NoSuchTag" in one for one in reasons)


def test_an_edit_is_told_by_its_time(audited: Any) -> None:
    """One flow is denied for an hour, and agrees with the rules from then on."""
    hour = 3_600_000
    old = [row(*IN, state="D", at=at) for at in (0, 60_000, 120_000)]
    new = [row(*IN, at=hour + at) for at in (0, 60_000)]
    records = vnet("UserRule_Rest", "{above}", *old), vnet("UserRule_Https", "{above}", *new)
    found = audited(SKETCH, *records)
    one = only(found)
    assert (one.key.kind, one.hits, one.flows) == ("other-decision", 3, 1)
    assert one.key.why == "`Https`, priority 100, stands before `Rest`, 200"
    assert one.first == moment(0)
    assert one.last == moment(120_000)
    assert (one.agreed_until, one.agreed_since) == (None, moment(hour))
    assert found.agreement == 40


def test_the_edit_may_be_newer_than_the_estate(audited: Any) -> None:
    agree = vnet("UserRule_Https", "{above}", row(*IN), row(*IN, at=1000))
    differ = vnet("UserRule_Rest", "{above}", row(*IN, state="D", at=5000))
    one = only(audited(SKETCH, agree, differ))
    assert (one.agreed_until, one.agreed_since) == (moment(1000), None)


def test_other_flows_say_nothing_of_when(audited: Any) -> None:
    agree = vnet("UserRule_Https", "{above}", row("203.0.113.8", "10.1.0.4", "I", at=9000))
    differ = vnet("UserRule_Rest", "{above}", row(*IN, state="D"))
    one = only(audited(SKETCH, agree, differ))
    assert (one.agreed_until, one.agreed_since) == (None, None)


def test_a_period_bounds_what_is_compared(audited: Any) -> None:
    rows = row(*IN), row(*IN, at=5000)
    found = audited(
        SKETCH, vnet("UserRule_Https", "{above}", *rows), period=Period(since=moment(1000))
    )
    assert found.rows == found.agreed == 1


def moment(at: int) -> datetime:
    return datetime.fromtimestamp((MOMENT + at) / 1000, UTC)


MANAGED: Json = {
    **SKETCH,
    "managers": {"M": {
        "scope": ["sub:main"],
        "groups": {"All": {"members": ["v"]}, "Friends": {"members": ["w"]}},
        "configurations": {"c": {
            "options": {"networkGroupAddressSpaceAggregationOption": "Manual"},
            "collections": {"c1": {"groups": ["All"], "rules": [
                "in 10 Deny Tcp group(Friends) -> *:443 name=NoFriends",
                "in 20 Allow Tcp 198.51.100.0/24 -> *:443 name=Partners",
                "in 30 Deny Tcp * -> *:22 name=NoSsh"]}},
        }},
        "deployments": [{"regions": ["eastus"], "configurations": ["c"]}],
    }},
}  # fmt: skip


@pytest.mark.parametrize(
    ("src", "port", "rule", "acl", "state", "kind", "why"),
    [
        ("203.0.113.9", 22, "NoSsh", GUID, "D", "agrees", ""),
        ("10.2.0.4", 443, "NoFriends", GUID, "D", "agrees", ""),
        ("10.2.0.4", 443, "UserRule_Https", "{above}", "E", "stale-network-group", "`Friends`"),
        ("10.3.0.4", 443, "NoFriends", GUID, "D", "stale-network-group", "`Friends`"),
        ("10.3.0.4", 80, "NoFriends", GUID, "D", "other-rule", "destination port"),
        ("198.51.100.7", 443, "Partners", GUID, "E", "both-allow", "an admin Allow"),
        ("198.51.100.7", 443, "NoSsh", GUID, "D", "other-decision", "destination port"),
        ("198.51.100.7", 22, "UserRule_Https", "{above}", "E", "other-decision", "not match"),
    ],
)
def test_admin_rules_and_network_groups(
    audited: Any, src: str, port: int, rule: str, acl: str, state: str, kind: str, why: str
) -> None:
    found = audited(MANAGED, vnet(rule, acl, row(src, "10.1.0.4", "I", port, state=state)))
    assert found.kinds == {kind: 1}
    assert kind == "agrees" or why in only(found).key.why


def test_an_admin_rule_that_is_not_deployed_does_not_reach(audited: Any) -> None:
    sketch = deepcopy(MANAGED)
    sketch["managers"]["M"]["deployments"] = [{"regions": ["eastus"], "configurations": []}]
    record = vnet("NoSsh", GUID, row(*IN, 22, state="D"))
    one = only(audited(sketch, record))
    assert (one.key.kind, one.key.why) == ("other-rule", "`NoSsh` does not reach `v` now")
    assert not audited(sketch, record, options=Options(assume_deployed=True)).findings


def test_what_rules_there_were_but_none_stands_now(audited: Any) -> None:
    sketch = deepcopy(SKETCH)
    del sketch["nics"]["n"]["nsg"], sketch["vnets"]["v"]["subnets"]["s"]["nsg"]
    found = audited(sketch, vnet("UserRule_Https", "{above}", row(*IN)))
    one = only(found)
    assert one.key.kind == "other-rule"
    assert one.key.why == "`above` is not before the interface or its subnet now"
    assert one.verdict is not None
    assert one.verdict.access == "Allow"
