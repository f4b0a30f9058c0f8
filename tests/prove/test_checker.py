"""Claims on small networks with known answers, and on random ones against the evaluator."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowverdict.model import Direction, Estate
from flowverdict.net import ALL_PORTS, IntervalSet, Packet, parse_prefixes
from flowverdict.policy import Network, Standpoint, evaluate_at
from flowverdict.prove.checker import Checker
from flowverdict.prove.claims import Claim
from flowverdict.prove.results import Result
from flowverdict.prove.selectors import SelectorError
from flowverdict.prove.text import lines
from tests.classify.test_laws import estates
from tests.classify.test_laws import packets as some_packets
from tests.net.profiles import times
from tests.policy.estates import files_of, load

TCP = IntervalSet([(6, 6)])
SHUT = "in 4000 Deny * * -> * name=Shut"


def ports(*some: int) -> IntervalSet:
    return IntervalSet((one, one) for one in some)


RDP = Claim("rdp", "deny", Direction.INBOUND, ("Internet",), ("any",), (), TCP, ports(3389))


def network(**changes: Any) -> Estate:
    """A web and a database server in two subnets, each group with an NSG."""
    sketch: dict[str, Any] = {
        "vnets": {
            "v": {
                "space": ["10.1.0.0/16", "fd00:1::/48"],
                "tags": {"env": "prod"},
                "subnets": {
                    "web": {"prefixes": ["10.1.1.0/24"], "nsg": "web"},
                    "db": {"prefixes": ["10.1.2.0/24"], "nsg": "db"},
                },
            }
        },
        "nics": {
            "web1": {"subnet": "v/web", "ip": ["10.1.1.4"], "vm": "web1", "asgs": ["web"]},
            "db1": {"subnet": "v/db", "ip": ["10.1.2.4"], "vm": "db1", "asgs": ["db"]},
        },
        "nsgs": {
            "web": ["in 100 Allow Tcp Internet -> *:443 name=Https", SHUT],
            "db": ["in 100 Allow Tcp asg(web) -> *:1433 name=FromWeb", SHUT],
        },
    }
    for path, value in changes.items():
        at = sketch
        *front, last = path.split("__")
        for one in front:
            at = at[one]
        at[last] = value
    return load(files_of(sketch))


def check(estate: Estate, claim: Claim) -> Result:
    found = Checker(estate).check(claim)
    confirmed(estate, found)
    return found


def confirmed(estate: Estate, result: Result) -> None:
    """The evaluator agrees about every packet that is shown."""
    plan = Network(estate, Checker(estate)._options)
    for one in result.failures:
        assert one.packet in one.packets
        verdict = evaluate_at(Standpoint(plan, one.nic), one.direction, one.packet)
        assert (verdict.access, verdict.rule) == (one.judgement.access, one.judgement.rule)
    assert bool(result.failures) == (result.verdict == "fails")
    if result.verdict != "fails":
        assert bool(result.missing) == (result.verdict == "unknown")


def said(result: Result) -> list[tuple[str, list[str]]]:
    return [(one.nic.id.name, lines(one.packets, one.names)) for one in result.failures]


def test_it_holds() -> None:
    found = check(network(), RDP)
    assert (found.verdict, found.judged, found.failures) == ("holds", 2, ())


OPEN: dict[str, tuple[list[str], list[str]]] = {
    "one rule": (["in 100 Allow Tcp Internet -> *:3389 name=A"], ["TCP 3389 from Internet"]),
    "plural fields": (
        ["in 100 Allow Tcp 198.51.100.0/25,203.0.113.0/24 -> *:22,3389 name=A"],
        ["TCP 3389 from 198.51.100.0/25, 203.0.113.0/24"],
    ),
    "a range of ports": (
        ["in 100 Allow * Internet -> *:3000-4000 name=A"],
        ["TCP 3389 from Internet"],
    ),
    "any prefix": (["in 100 Allow * 0.0.0.0/0 -> * name=A"], ["TCP 3389 from Internet"]),
    "two halves": (
        [
            "in 100 Allow Tcp 0.0.0.0/1 -> *:3389 name=A",
            "in 101 Allow Tcp 128.0.0.0/1 -> *:3389 name=B",
        ],
        ["TCP 3389 from Internet"],
    ),
    "all but a hole": (
        [
            "in 100 Deny Tcp 0.0.0.0/1 -> *:3389 name=A",
            "in 101 Deny Tcp 128.0.0.0/2 -> *:3389 name=B",
            "in 102 Allow Tcp Internet -> *:3389 name=C",
            "in 103 Allow Tcp * -> *:22 name=D",
        ],
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rules", "wanted"), OPEN.values(), ids=OPEN)
def test_what_a_reader_of_single_rules_misses(rules: list[str], wanted: list[str]) -> None:
    found = check(network(nsgs__db=[*rules, SHUT]), RDP)
    assert found.verdict == "fails"
    [(nic, told)] = said(found)
    assert nic == "db1"
    if wanted:
        assert told == [f"{wanted[0]} to 10.1.2.4"]
    else:
        seen = found.failures[0].packets.values("sources")
        assert seen <= parse_prefixes(["192.0.0.0/2"])


CLOSED: dict[str, dict[str, Any]] = {
    "a deny above": {
        "nsgs__db": ["in 100 Deny Tcp * -> *:3389 name=No", "in 200 Allow * * -> * name=A"]
    },
    "the other NSG": {
        "nsgs__db": ["in 100 Allow * * -> * name=A"],
        "nsgs__own": [SHUT],
        "nics__db1": {"subnet": "v/db", "ip": ["10.1.2.4"], "nsg": "own"},
    },
    "two halves denied": {
        "nsgs__db": [
            "in 100 Deny Tcp 0.0.0.0/1 -> * name=A",
            "in 101 Deny Tcp 128.0.0.0/1 -> * name=B",
            "in 102 Allow Tcp * -> *:3389 name=C",
            SHUT,
        ]
    },
    "udp alone": {"nsgs__db": ["in 100 Allow Udp Internet -> *:3389 name=A", SHUT]},
    "another machine": {"nsgs__db": ["in 100 Allow Tcp Internet -> 10.1.2.9:3389 name=A", SHUT]},
    "nobody's group": {"nsgs__db": ["in 100 Allow Tcp asg(web) -> *:3389 name=A", SHUT]},
}


@pytest.mark.parametrize("changes", CLOSED.values(), ids=CLOSED)
def test_what_a_reader_of_single_rules_takes_for_open(changes: dict[str, Any]) -> None:
    assert check(network(**changes), RDP).verdict == "holds"


def managed(rules: list[str], **changes: Any) -> Estate:
    manager = {
        "scope": ["sub:main"],
        "groups": {"G": {"members": ["v"]}},
        "deployments": [{"regions": ["eastus"], "configurations": ["cfg"]}],
        "configurations": {"cfg": {"collections": {"c": {"groups": ["G"], "rules": rules}}}},
    }
    return network(managers={"M": manager}, **changes)


@pytest.mark.parametrize(
    ("rules", "nsg", "verdict"),
    [
        (["in 10 Deny Tcp Internet -> *:3389 name=No"], ["in 100 Allow * * -> * name=A"], "holds"),
        (["in 10 AlwaysAllow Tcp Internet -> *:3389 name=Y"], [SHUT], "fails"),
        (["in 10 Allow Tcp Internet -> *:3389 name=Y"], [SHUT], "holds"),
        (["in 10 Allow Tcp Internet -> *:3389 name=Y"], ["in 100 Allow * * -> * name=A"], "fails"),
    ],
)
def test_admin_rules_come_first(rules: list[str], nsg: list[str], verdict: str) -> None:
    assert check(managed(rules, nsgs__db=nsg, nsgs__web=nsg), RDP).verdict == verdict


def test_a_tag_that_is_not_in_the_data_is_unknown_only_where_it_matters() -> None:
    lost = ["in 200 Allow Tcp Storage.Mars -> *:3389 name=A", SHUT]
    found = check(network(nsgs__db=lost), RDP)
    assert found.verdict == "unknown"
    assert "Storage.Mars" in found.missing[0]
    behind = ["in 100 Deny Tcp * -> *:3389 name=No", *lost]
    assert check(network(nsgs__db=behind), RDP).verdict == "holds"
    both = check(network(nsgs__db=lost, nsgs__web=["in 100 Allow * * -> * name=A"]), RDP)
    assert [name for name, _ in said(both)] == ["web1"]
    assert "Storage.Mars" in both.missing[0]
    end_to_end = check(
        network(nsgs__db=lost, nsgs__web=["in 100 Allow * * -> * name=A"]),
        replace(RDP, direction=None),
    )
    assert [name for name, _ in said(end_to_end)] == ["web1"]
    assert "Storage.Mars" in end_to_end.missing[0]
    shut = check(network(nsgs__db=behind, nsgs__web=["in 100 Allow * * -> * name=A"]), RDP)
    assert (shut.verdict, shut.missing) == ("fails", ())


def test_a_claim_about_a_tag_that_is_not_in_the_data_is_unknown() -> None:
    claim = replace(RDP, sources=("service:Storage.Mars",))
    found = check(network(nsgs__db=["in 100 Allow * * -> * name=A"]), claim)
    assert found.verdict == "unknown"
    assert "Storage.Mars" in found.missing[0]
    assert check(network(), claim).verdict == "holds"


def test_an_interface_that_the_estate_lacks_is_missing() -> None:
    found = check(network(omit=["nics/db1"]), RDP)
    assert found.verdict == "unknown"
    assert any("db1" in one for one in found.missing)
    assert (
        check(network(omit=["nics/db1"]), replace(RDP, destinations=("vm:web1",))).verdict
        == "holds"
    )


def test_nobody_to_judge_is_not_a_claim_that_holds() -> None:
    found = check(network(), replace(RDP, destinations=("10.9.0.0/16",)))
    assert found.verdict == "unknown"
    assert "there is none in the estate" in found.missing[0]
    other_family = check(network(), replace(RDP, sources=("2001:db8::/32",)))
    assert other_family.verdict == "unknown"
    assert other_family.missing == (
        "packets for the addresses of `any`: the claim is about no such ones",
    )


@pytest.mark.parametrize(
    ("word", "nics"),
    [
        ("any", ["web1", "db1"]),
        ("10.1.2.0/24", ["db1"]),
        ("10.1.1.4", ["web1"]),
        ("vm:web1", ["web1"]),
        ("nic:db1", ["db1"]),
        ("subnet:db", ["db1"]),
        ("v/db", ["db1"]),
        ("v", ["web1", "db1"]),
        ("asg:web", ["web1"]),
        ("vm:*1", ["web1", "db1"]),
        ("nic:DB*", ["db1"]),
        ("tag:ENV=prod", ["web1", "db1"]),
        ("VirtualNetwork", ["web1", "db1"]),
    ],
)
def test_who_is_meant(word: str, nics: list[str]) -> None:
    estate = network(
        nsgs__db=["in 100 Allow * * -> * name=A"], nsgs__web=["in 100 Allow * * -> * name=A"]
    )
    found = check(estate, replace(RDP, destinations=(word,)))
    assert [name for name, _ in said(found)] == nics
    rest = check(estate, replace(RDP, destinations=("any", f"!{word}")))
    assert [name for name, _ in said(rest)] == [one for one in ["web1", "db1"] if one not in nics]


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("wbe1", "did you mean `web1`"),
        ("web1", "expected an id, or a kind such as `asg:web1`"),
        ("10.0.0.0/33", "`10.0.0.0/33` has a wrong prefix length"),
        ("tag:env", "expected `tag:key=value`"),
        ("vm:x*", "expected a pattern that is"),
        ("!", "names nobody"),
        ("/subscriptions/x/resourceGroups/y", "is not in the estate"),
    ],
)
def test_a_word_that_means_nobody_or_several(word: str, told: str) -> None:
    with pytest.raises(SelectorError, match=r"^[^\n]*$") as problem:
        Checker(network()).check(replace(RDP, destinations=(word,)))
    assert told in str(problem.value)


def test_from_end_to_end_both_have_to_let_it_through() -> None:
    claim = Claim("web to db", "deny", None, ("asg:web",), ("asg:db",), (), TCP, ports(1433))
    found = check(network(), claim)
    assert said(found) == [("db1", ["TCP 1433 from asg:web to 10.1.2.4"])]
    shut = ["out 100 Deny Tcp * -> *:1433 name=Out", "in 100 Allow * * -> * name=In"]
    assert check(network(nsgs__web=shut), claim).verdict == "holds"
    allow = replace(claim, expect="allow")
    assert check(network(), allow).verdict == "holds"
    stopped = check(network(nsgs__web=shut), allow)
    assert [(one.nic.id.name, one.direction) for one in stopped.failures] == [
        ("web1", Direction.OUTBOUND)
    ]


def test_to_somebody_outside_the_sender_alone_is_asked() -> None:
    claim = Claim("no mail", "deny", None, ("any",), ("Internet",), (), TCP, ports(25))
    found = check(network(), claim)
    assert [(one.nic.id.name, one.direction) for one in found.failures] == [
        ("db1", Direction.OUTBOUND), ("web1", Direction.OUTBOUND),
    ]  # fmt: skip


def test_only_via() -> None:
    claim = Claim(
        "db via web", "only-via", Direction.INBOUND, ("any",), ("asg:db",), ("asg:web",), TCP,
        ports(1433),
    )  # fmt: skip
    assert check(network(), claim).verdict == "holds"
    wide = ["in 100 Allow Tcp VirtualNetwork -> *:1433 name=Wide", SHUT]
    found = check(network(nsgs__db=wide), claim)
    assert found.verdict == "fails"
    assert parse_prefixes(["10.1.1.4"]).isdisjoint(found.failures[0].packets.values("sources"))


@pytest.mark.parametrize("way", [Direction.OUTBOUND, None])
def test_only(way: Direction | None) -> None:
    claim = Claim("web", "only", way, ("asg:web",), ("asg:db",), (), TCP, ports(1433))
    rules = ["out 100 Allow Tcp * -> asg(db):1433 name=Db", "out 200 Deny * * -> * name=No", SHUT]
    assert check(network(nsgs__web=rules), claim).verdict == "holds"
    wider = ["out 100 Allow Tcp * -> asg(db):1433-1434 name=Db", *rules[1:]]
    open_db = ["in 100 Allow * * -> * name=A"]
    found = check(network(nsgs__web=wider, nsgs__db=open_db), claim)
    [failure] = found.failures
    assert lines(failure.packets) == ["TCP 1434 from 10.1.1.4 to 10.1.2.4"]
    if way is None:  # the receiver stops it
        assert check(network(nsgs__web=wider), claim).verdict == "holds"


def test_not_all() -> None:
    claim = Claim("some", "not-all", Direction.INBOUND, ("Internet",), ("any",), (), TCP, ALL_PORTS)
    assert check(network(), claim).verdict == "holds"
    found = check(network(nsgs__db=["in 100 Allow * * -> * name=A"]), claim)
    assert [name for name, _ in said(found)] == ["db1"]


def test_ipv6_is_asked_too() -> None:
    nics = {"subnet": "v/db", "ip": ["10.1.2.4", "fd00:1::4"]}
    rules = ["in 100 Allow Tcp [2000::/3] -> *:3389 name=Six", SHUT]
    found = check(network(nics__db1=nics, nsgs__db=rules), RDP)
    assert said(found) == [("db1", ["TCP 3389 from Internet to fd00:1::4"])]


@times(3)
@given(estates(), st.randoms(use_true_random=False), st.sampled_from(["deny", "allow"]))
def test_what_holds_holds_for_every_packet(
    estate: Estate, chance: random.Random, expect: str
) -> None:
    way = chance.choice(list(Direction))
    sources, destinations = (
        chance.choice([("any",), ("Internet",), ("VirtualNetwork",), ("10.0.0.0/8",)])
        for _ in range(2)
    )
    claim = Claim(
        "c", expect, way, sources, destinations, (), TCP, chance.choice([ports(22), ALL_PORTS])
    )
    checker = Checker(estate)
    found = checker.check(claim)
    confirmed(estate, found)
    wrong = "Allow" if expect == "deny" else "Deny"
    failing = {one.nic.id: one.packets for one in found.failures}
    plan = Network(estate, checker._options)
    for seen in some_packets(estate, chance, 60):
        packet = Packet(6, seen.packet.src, seen.packet.dst, 50000, 22)
        nic = chance.choice(list(estate.resources.nics.values()))
        place = Standpoint(plan, nic)
        ends = dict(zip(("src", "dst"), (sources, destinations), strict=True))
        local = packet.dst if way is Direction.INBOUND else packet.src
        if local not in nic.addresses or not all(
            _is_in(getattr(packet, end), words[0], place) for end, words in ends.items()
        ):
            continue
        access = evaluate_at(place, way, packet).access
        if nic.id in failing:
            assert (packet in failing[nic.id]) == (access == wrong)
        else:
            assert access != wrong
            assert access != "Unknown" or found.verdict != "holds"


def _is_in(address: int, word: str, place: Standpoint) -> bool:
    if word == "any":
        return True
    if word == "10.0.0.0/8":
        return address in parse_prefixes([word])
    tag = place.tag(word)
    return (
        address in tag.sure
        and not tag.doubts
        and address != parse_prefixes(["168.63.129.16"]).spans[0][0]
    )


def test_after_a_changed_rule_only_what_it_stands_before_is_judged_again() -> None:
    estate = network()
    claims = [RDP, replace(RDP, name="ssh", ports=ports(22))]
    before = Checker(estate)
    assert [before.check(one).verdict for one in claims] == ["holds", "holds"]
    for rules in (["in 100 Allow * * -> * name=A"], [SHUT]):
        edited = network(nsgs__db=rules)
        nsg = next(one for one in edited.resources.nsgs.values() if one.id.name == "db")
        after = estate.with_nsg(nsg)
        again = Checker(after, before=before)
        assert {one.name for one in again.touched or ()} == {"db1"}
        for claim in claims:
            fresh, quick = Checker(after).check(claim), again.check(claim)
            assert (fresh.verdict, fresh.judged, said(fresh)) == (
                quick.verdict, quick.judged, said(quick),
            )  # fmt: skip
        estate, before = after, again


def test_after_any_other_change_everything_is_judged_again() -> None:
    before = Checker(network())
    before.check(RDP)
    assert Checker(network(), before=before).touched is None
