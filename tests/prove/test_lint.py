"""What `lint` says, on small networks with known answers, and against the evaluator."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from flowverdict.model import Direction, Estate, ResourceId
from flowverdict.net import Packet, parse_address
from flowverdict.policy import Network, Options, Standpoint, evaluate_at
from flowverdict.policy.services import HOST
from flowverdict.prove.lint import CHECKS, Finding, lint
from flowverdict.prove.text import lines
from tests.classify.test_laws import estates, packets
from tests.net.profiles import times
from tests.policy.estates import files_of, load

WEB = "in 100 Allow Tcp Internet -> *:443 name=Web"


def network(*nic: str, subnet: list[str] | None = None, **more: Any) -> Estate:
    """One interface behind an NSG of its own, and perhaps one of its subnet."""
    sketch: dict[str, Any] = {
        "vnets": {
            "v": {
                "space": ["10.0.0.0/16", "fd00::/48"],
                "subnets": {"s": {"prefixes": ["10.0.0.0/24", "fd00::/64"]}},
            }
        },
        "nics": {"nic1": {"subnet": "v/s", "ip": ["10.0.0.4", "fd00::4"], "nsg": "n", "vm": "vm"}},
        "nsgs": {"n": list(nic)},
    }
    if subnet is not None:
        sketch["vnets"]["v"]["subnets"]["s"]["nsg"] = "outer"
        sketch["nsgs"]["outer"] = subnet
    for key, value in more.items():
        sketch[key] = {**sketch.get(key, {}), **value} if isinstance(value, dict) else value
    return load(files_of(sketch))


def found(estate: Estate, options: Options | None = None) -> list[tuple[str, str]]:
    result = lint(estate, options) if options else lint(estate)
    return [(one.check, one.resource.name if one.resource else "") for one in result.findings]


ONE_NSG: dict[str, tuple[list[str], list[tuple[str, str]]]] = {
    "nothing to say": ([WEB], []),
    "shadowed by one rule": (
        ["in 100 Deny * * -> * name=Shut", "in 200 Allow Tcp * -> *:22 name=Ssh"],
        [("shadowed", "Ssh")],
    ),
    "shadowed by two halves": (
        [
            "in 100 Deny Tcp 0.0.0.0/1 -> *:22 name=Low",
            "in 110 Deny Tcp 128.0.0.0/1 -> *:22 name=High",
            "in 200 Allow Tcp 0.0.0.0/0 -> *:22 name=Ssh",
        ],
        [("shadowed", "Ssh"), ("mergeable", "High")],
    ),
    "IPv6 is left by two halves of IPv4": (
        [
            "in 100 Deny Tcp 0.0.0.0/1 -> *:22 name=Low",
            "in 110 Deny Tcp 128.0.0.0/1 -> *:22 name=High",
            "in 200 Allow Tcp * -> *:22 name=Ssh",
        ],
        [("mergeable", "High")],
    ),
    "redundant: the same before": (
        ["in 100 Allow Tcp * -> *:20-30 name=Many", "in 200 Allow Tcp * -> *:22 name=Ssh"],
        [("redundant", "Ssh")],
    ),
    "of two that are the same, one can go": (
        [WEB, "in 200 Allow Tcp Internet -> *:443 name=Again"],
        [("redundant", "Again")],
    ),
    "all that are told can go together": (
        [
            "in 100 Allow Tcp 20.0.0.0/8 -> *:22 name=A",
            "in 200 Allow Tcp 20.0.0.0/8 -> *:22-23 name=B",
            "in 300 Deny Tcp 20.0.0.0/8 -> *:22 name=C",
            "in 400 Allow Tcp * -> * name=D",
        ],
        [("redundant", "B"), ("shadowed", "C")],
    ),
    "a Deny for a platform service opens it to the rules before it": (
        [
            "out 100 Deny * * -> * name=All",
            "out 200 Deny * * -> AzurePlatformDNS name=Dns",
        ],
        [],
    ),
    "redundant: the same behind": (
        ["in 100 Deny Tcp 20.0.0.0/8 -> *:22 name=NoSsh"],
        [("redundant", "NoSsh")],
    ),
    "an exception is no contradiction": (
        ["in 100 Deny Tcp 10.0.0.0/24 -> *:22 name=NotHere", "in 200 Allow Tcp * -> * name=All"],
        [],
    ),
    "contradictory": (
        [
            "in 100 Deny Tcp 10.0.0.0/8 -> *:20-30 name=One",
            "in 200 Allow Tcp 10.0.0.0/16 -> *:25-40 name=Other",
        ],
        [("contradictory", "Other")],
    ),
    "mergeable ports": (
        ["in 100 Allow Tcp * -> *:80 name=A", "in 110 Allow Tcp * -> *:443 name=B"],
        [("mergeable", "B")],
    ),
    "merging by one field alone: two lists would match every pair": (
        [
            "in 100 Allow Tcp 20.0.0.0/24 -> *:80 name=A",
            "in 110 Allow Tcp 20.0.0.0/24 -> *:443 name=B",
            "in 120 Allow Tcp 20.9.0.0/24 -> *:80 name=C",
            "in 130 Allow Tcp 20.0.0.0/24 -> *:8080 name=D",
        ],
        [("mergeable", "B"), ("mergeable", "D")],
    ),
    "what cannot join one rule may join another": (
        [
            "in 100 Allow Tcp 20.0.0.0/24 -> *:80 name=A",
            "in 110 Allow Tcp 20.0.0.0/24 -> *:443 name=B",
            "in 120 Allow Tcp 20.9.0.0/24 -> *:80 name=C",
            "in 130 Allow Tcp 20.9.0.0/24 -> *:443 name=D",
        ],
        [("mergeable", "B"), ("mergeable", "D")],
    ),
    "tags are no list": (
        ["in 100 Allow Tcp Sql -> *:80 name=A", "in 110 Allow Tcp Storage -> *:80 name=B"],
        [],
    ),
    "not past a rule of the other kind": (
        [
            "in 100 Allow Tcp 20.0.0.0/8 -> *:80 name=A",
            "in 105 Deny Tcp 20.0.0.0/16 -> *:443 name=Not",
            "in 110 Allow Tcp 20.0.0.0/8 -> *:443 name=B",
        ],
        [],
    ),
    "a public address": (
        ["in 100 Allow Tcp * -> 20.1.2.3:443 name=Public"],
        [("matches-no-address", "Public")],
    ),
    "ports of ICMP": (
        [
            {
                "name": "Ping",
                "priority": 100,
                "direction": "Inbound",
                "access": "Allow",
                "protocol": "Icmp",
                "sourceAddressPrefix": "*",
                "sourcePortRange": "*",
                "destinationAddressPrefix": "*",
                "destinationPortRange": "22",
            }  # type: ignore[list-item]
        ],
        [("ports-of-icmp", "Ping")],
    ),
    "an unknown tag": (
        ["in 100 Allow Tcp Mars -> *:22 name=Mars"],
        [("unknown-tag", "Mars")],
    ),
    "an unknown tag shadows nothing": (
        ["in 100 Deny Tcp Mars -> *:22 name=Mars", "in 200 Allow Tcp 20.0.0.0/8 -> *:22 name=B"],
        [("unknown-tag", "Mars")],
    ),
}


@pytest.mark.parametrize("case", ONE_NSG)
def test_one_list(case: str) -> None:
    rules, wanted = ONE_NSG[case]
    estate = network(*rules, nics={"nic1": _nic("20.1.2.3")})
    assert sorted(found(estate)) == sorted(wanted)


def _nic(public: str = "") -> dict[str, Any]:
    nic = {"subnet": "v/s", "ip": ["10.0.0.4", "fd00::4"], "nsg": "n", "vm": "vm"}
    return {**nic, "publicIp": public} if public else nic


def test_the_other_nsg() -> None:
    """Both NSGs have to allow (policy specification, 4.1)."""
    estate = network("in 100 Allow Tcp Internet -> *:22 name=Ssh", subnet=[WEB])
    assert found(estate) == [("dead-by-other-nsg", "Ssh"), ("dead-by-other-nsg", "Web")]
    both = network("in 100 Allow Tcp Internet -> *:443 name=Https", subnet=[WEB])
    assert found(both) == []


def test_every_place_counts() -> None:
    """Subnets without interfaces, which machines are to come to, and places that are not known."""
    web = "in 100 Allow Tcp * -> 10.0.1.0/24:443 name=Web"
    ssh = "in 200 Allow Tcp Internet -> *:22 name=Ssh"
    nics = {"nic1": {"subnet": "v/s", "ip": ["10.0.0.4"], "vm": "vm"}}
    own: dict[str, Any] = {
        "s": {"prefixes": ["10.0.0.0/24"], "nsg": "n"},
        "t": {"prefixes": ["10.0.1.0/24"]},
    }
    vnet = {"space": ["10.0.0.0/16"], "subnets": own}
    other: dict[str, Any] = {
        "space": ["10.1.0.0/16"],
        "subnets": {"t": {"prefixes": ["10.1.1.0/24"]}},
    }
    more: dict[str, Any] = {"nics": nics, "vnets": {"v": vnet, "w": other}}
    no_ssh = manager("in 200 Deny Tcp * -> *:22 name=NoSsh")
    assert found(network(web, ssh, managers=no_ssh, **more)) == [
        ("dead-by-admin-rule", "Ssh"),
        ("matches-no-address", "Web"),
    ]
    own["t"]["nsg"] = "n"
    assert found(network(web, ssh, managers=no_ssh, **more)) == [("dead-by-admin-rule", "Ssh")]
    other["subnets"]["t"]["nsg"] = "n"
    assert found(network(web, ssh, managers=no_ssh, **more)) == []
    del own["t"]["nsg"], other["subnets"]["t"]["nsg"]
    estate = network(web, ssh, managers=no_ssh, **more)
    [nsg] = estate.resources.nsgs.values()
    away = replace(nsg, attached=(*nsg.attached, ResourceId("/away")))
    assert found(estate.with_nsg(away)) == []


def _two_places(*rules: str) -> Estate:
    """The same NSG at two subnets of two networks: what ``VirtualNetwork`` holds is another."""
    subnets = [{"s": {"prefixes": [f"10.{at}.0.0/24"], "nsg": "n"}} for at in (0, 1)]
    vnets = {f"v{at}": {"space": [f"10.{at}.0.0/16"], "subnets": subnets[at]} for at in (0, 1)}
    return load(files_of({"vnets": vnets, "nsgs": {"n": list(rules)}}))


def test_a_rule_that_is_not_needed_for_another_reason_at_each_place() -> None:
    """Shadowed in one network; in the other packets reach it, and are denied without it too."""
    rules = [
        "in 100 Allow Tcp VirtualNetwork -> *:22 name=Near",
        "in 200 Deny Tcp 10.0.0.0/16 -> *:22 name=NoSsh",
    ]
    result = lint(_two_places(*rules), opens=True)
    [told] = [one for one in result.findings if one.resource and one.resource.name == "NoSsh"]
    assert told.check == "redundant"
    assert "at each place" in told.text
    assert [one.name for one in told.others] == ["Near", "DenyAllInBound"]
    needed = [*rules, "in 300 Allow Tcp 10.0.0.0/8 -> *:22 name=All"]
    assert found(_two_places(*needed)) == []


def test_a_rule_that_is_redundant_here_and_dead_there() -> None:
    """An admin rule denies its packets in one network, the default rules in the other."""
    spaces = {"v": "10.0", "w": "10.1"}
    vnets = {
        name: {
            "space": [f"{at}.0.0/16"],
            "subnets": {"s": {"prefixes": [f"{at}.0.0/24"], "nsg": "n"}},
        }
        for name, at in spaces.items()
    }
    two = {"vnets": vnets, "nsgs": {"n": ["in 100 Deny Tcp 10.0.0.0/16 -> *:22 name=NoSsh"]}}
    assert found(load(files_of(two))) == []
    managers = manager("in 300 Deny Tcp * -> *:22 name=Admin")
    result = lint(load(files_of({**two, "managers": managers})))
    [told] = result.findings
    assert told.check == "redundant"
    assert [one.name for one in told.others] == ["Admin", "DenyAllInBound"]
    some = manager(
        "in 300 Deny Tcp * -> *:22 name=Admin", "in 200 Allow Tcp 10.0.0.7 -> *:22 name=X"
    )
    assert found(load(files_of({**two, "managers": some}))) == []


def test_a_rule_that_no_packet_reaches_for_another_reason_at_each_place() -> None:
    rules = [
        "in 100 Allow Tcp VirtualNetwork -> *:22 name=Near",
        "in 150 Deny Tcp 10.0.0.0/16 -> *:22 name=Far",
        "in 200 Deny Tcp 10.0.0.0/24 -> *:22 name=NoSsh",
    ]
    result = lint(_two_places(*rules))
    [told] = [one for one in result.findings if one.resource and one.resource.name == "NoSsh"]
    assert told.check == "shadowed"
    assert {one.name for one in told.others} == {"Near", "Far"}
    assert told.packet is not None


def test_an_interface_that_forwards_sees_all_addresses() -> None:
    rule = "in 100 Allow Tcp 10.1.0.0/16 -> 10.2.0.0/16:443 name=Through"
    assert found(network(rule)) == [("matches-no-address", "Through")]
    assert found(network(rule, nics={"nic1": {**_nic(), "forwarding": True}})) == []


def test_what_a_rule_opens_at_any_of_its_places() -> None:
    """What the topology tags hold differs from one virtual network to another."""
    subnets = [{"s": {"prefixes": [f"10.{at}.0.0/24"], "nsg": "n"}} for at in (0, 1)]
    vnets = {f"v{at}": {"space": [f"10.{at}.0.0/16"], "subnets": subnets[at]} for at in (0, 1)}
    sketch = {"vnets": vnets, "nsgs": {"n": ["in 100 Allow Tcp 10.0.0.0/16 -> *:22 name=Ssh"]}}
    result = lint(load(files_of(sketch)), opens=True)
    assert [lines(one.packets) for one in result.opened] == [["TCP 22 from 10.0.0.0/16 to any"]]
    assert "redundant" not in [one.check for one in result.findings]


def test_an_admin_rule_counts_where_no_machine_is_yet() -> None:
    groups = {"G": {"members": ["v"]}, "All": {"members": ["v", "w"]}}
    managers = manager("in 100 Deny Tcp * -> *:22 name=First", groups=groups)
    second = {"groups": ["All"], "rules": ["in 200 Deny Tcp * -> *:22 name=Second"]}
    managers["M"]["configurations"]["cfg"]["collections"]["d"] = second
    other = {"w": {"space": ["10.1.0.0/16"], "subnets": {"t": {"prefixes": ["10.1.1.0/24"]}}}}
    assert found(network(WEB, managers=managers, vnets=_with(other))) == []
    groups["All"]["members"] = ["v"]
    told = found(network(WEB, managers=managers, vnets=_with(other)))
    assert told == [("shadowed-admin-rule", "Second")]


def manager(*rules: str, groups: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "M": {
            "scope": ["sub:main"],
            "groups": groups or {"G": {"members": ["v"]}},
            "configurations": {
                "cfg": {"collections": {"c": {"groups": ["G"], "rules": list(rules)}}, **more}
            },
            "deployments": [
                {
                    "regions": ["eastus"],
                    "configurations": ["cfg"],
                    "commitTime": "2026-01-01T00:00:00Z",
                }
            ],
        }
    }


def test_an_admin_rule_decides_before() -> None:
    """Deny is final (10.1); Allow hands over, and its exception keeps the NSG's rule alive."""
    ssh = "in 100 Allow Tcp Internet -> *:22 name=Ssh"
    deny = "in 200 Deny Tcp * -> *:22 name=NoSsh"
    estate = network(ssh, managers=manager(deny))
    assert found(estate) == [("dead-by-admin-rule", "Ssh")]
    some = "in 100 Allow Tcp 20.0.0.0/8 -> *:22 name=Some"
    assert found(network(ssh, managers=manager(some, deny))) == []
    always = "in 100 AlwaysAllow Tcp * -> *:22 name=Some"
    told = found(network(ssh, managers=manager(always, deny)))
    assert told == [("dead-by-admin-rule", "Ssh"), ("shadowed-admin-rule", "NoSsh")]


def _two_managers(parent: list[str], child: list[str], *, known: bool = True) -> Estate:
    managers = {"P": manager(*parent)["M"], "C": manager(*child)["M"]}
    managers["P"]["scope"] = ["mg:root"]
    above = {"root": {"subscriptions": ["main"] if known else []}}
    return network(WEB, managers=managers, managementGroups=above)


_CONTINUE = replace(Options(), multi_manager_allow="continue")


@pytest.mark.parametrize("options", [Options(), _CONTINUE], ids=["final", "continue"])
def test_an_admin_rule_of_a_manager_below_another_one(options: Options) -> None:
    """A Deny of the higher manager is final, whatever its Allow lets the lower one say (Q4)."""
    deny = "in 100 Deny Tcp * -> *:22-23 name=Parent"
    child = ["in 100 AlwaysAllow Tcp * -> *:22 name=Child"]
    assert found(_two_managers([deny], child), options) == [("shadowed-admin-rule", "Child")]
    assert found(_two_managers([deny], child, known=False), options) == []
    wider = ["in 100 AlwaysAllow Tcp * -> *:22-24 name=Child"]
    assert found(_two_managers([deny], wider), options) == []
    both = [*wider, "in 200 Deny Tcp * -> *:22-24 name=Late"]
    assert found(_two_managers([deny], both), options) == [("shadowed-admin-rule", "Late")]


def test_an_allow_of_the_higher_manager_is_final_or_not() -> None:
    allow = "in 100 Allow Tcp * -> *:22 name=Parent"
    child = ["in 100 Deny Tcp * -> *:22 name=Child"]
    assert found(_two_managers([allow], child)) == [("shadowed-admin-rule", "Child")]
    assert found(_two_managers([allow], child), _CONTINUE) == []


def test_what_is_not_deployed_kills_nothing() -> None:
    ssh = "in 100 Allow Tcp Internet -> *:22 name=Ssh"
    managers = manager("in 200 Deny Tcp * -> *:22 name=NoSsh")
    managers["M"]["deployments"] = []
    estate = network(ssh, managers=managers)
    assert found(estate) == [("configuration-not-deployed", "cfg")]
    assumed = replace(Options(), assume_deployed=True)
    assert found(estate, assumed) == [("dead-by-admin-rule", "Ssh")]


def test_governance() -> None:
    deny = "in 200 Deny Tcp * -> *:2222 name=No"
    empty = manager(deny, groups={"G": {"members": ["v2"]}})
    other = {"v2": {"space": ["10.9.0.0/16"], "subnets": {}, "subscription": "other"}}
    assert found(network(managers=empty, vnets=_with(other))) == [("out-of-scope", "v2")]
    nobody = manager(deny, groups={"G": {"members": [], "policy": _policy("nothing")}})
    assert found(network(managers=nobody)) == [("admin-rule-reaches-nothing", "c")]
    sql = {"x": {"prefixes": ["10.0.1.0/24"], "delegations": ["Microsoft.Sql/managedInstances"]}}
    estate = network(managers=manager(deny), vnets=_with({}, sql))
    assert found(estate) == [("skipped-vnet", "v")]
    bastion = {"AzureBastionSubnet": {"prefixes": ["10.0.1.0/24"]}}
    estate = network(managers=manager(deny), vnets=_with({}, bastion))
    assert found(estate) == [("skipped-subnet", "AzureBastionSubnet")]


def _policy(name: str) -> dict[str, Any]:
    return {"if": {"field": "name", "equals": name}, "scope": "sub:main"}


def _with(vnets: dict[str, Any], subnets: dict[str, Any] | None = None) -> dict[str, Any]:
    own = {"s": {"prefixes": ["10.0.0.0/24", "fd00::/64"]}, **(subnets or {})}
    return {"v": {"space": ["10.0.0.0/16", "fd00::/48"], "subnets": own}, **vnets}


def test_members_after_the_commit() -> None:
    """Prefixes of a group in a rule are frozen at the commit (8.6)."""
    late = {"vnet": "v", "createdAt": "2026-02-01T00:00:00Z"}
    managers = manager(
        "in 200 Deny Tcp group(Late) -> *:2222 name=No",
        groups={"G": {"members": ["v"]}, "Late": {"members": [late]}},
        options={"networkGroupAddressSpaceAggregationOption": "Manual"},
    )
    assert ("stale-group-prefixes", "No") in found(network(managers=managers))


def test_limits() -> None:
    """1.7: 1,000 rules an NSG; nine tenths of a limit are a note."""
    rules = [f"in {100 + at} Allow Tcp 20.0.0.{at % 250} -> *:{at} name=R{at}" for at in range(950)]
    assert ("near-limit", "n") in found(network(*rules))


def test_interfaces_and_nsgs() -> None:
    bare = {"subnet": "v/s", "ip": ["10.0.0.9"]}
    estate = network(WEB, nics={"bare": bare}, nsgs={"spare": []})
    assert found(estate) == [("no-nsg", "bare"), ("unattached-nsg", "spare")]


def test_what_a_rule_opens_alone() -> None:
    estate = network(
        "in 100 Allow Tcp Internet -> *:80-90 name=Some",
        "in 200 Allow Tcp Internet -> *:85-443 name=More",
    )
    told = {one.rule.name: lines(one.packets, one.names) for one in lint(estate, opens=True).opened}
    assert told["More"] == ["TCP 91-443 from Internet to any"]
    assert told["Some"] == ["TCP 80-84 from Internet to any"]


def test_every_check_can_be_told_apart() -> None:
    text = [one.finds for one in CHECKS.values()]
    assert len(set(text)) == len(text)


@times(40)
@given(estates(), st.integers(0, 2**32))
def test_what_is_said_of_a_rule_is_so(estate: Estate, seed: int) -> None:
    """No packet is decided by a rule that is said to decide nothing."""
    said = [one for one in lint(estate).findings if one.check in _NOTHING]
    dead = {one.resource for one in said}
    event("something is said" if dead else "nothing is said")
    network = Network(estate, Options())
    for seen in packets(estate, random.Random(seed), 60):
        place = Standpoint(network, estate.resources.nics[ResourceId(seen.nic)])
        verdict = evaluate_at(place, seen.direction, seen.packet)
        if verdict.rule is None or verdict.rule.id not in dead or verdict.access == "Unknown":
            continue
        checks = {one.check for one in said if one.resource == verdict.rule.id}
        inbound = seen.direction is Direction.INBOUND
        local, remote = seen.packet.dst, seen.packet.src
        if not inbound:
            local, remote = remote, local
        assert "shadowed" not in checks
        assert "matches-no-address" not in checks or local not in place.nic.addresses
        assert remote in HOST or local not in place.nic.addresses


_NOTHING = (
    "shadowed",
    "shadowed-admin-rule",
    "matches-no-address",
    "dead-by-admin-rule",
    "dead-by-other-nsg",
)


@times(40)
@given(estates(), st.integers(0, 2**32), st.booleans())
def test_without_redundant_rules_nothing_changes(
    estate: Estate, seed: int, all_at_once: bool
) -> None:
    """One of them, or all at once and those that are shadowed."""
    chance = random.Random(seed)
    found = lint(estate).findings
    redundant = [one for one in found if one.check == "redundant"]
    event("a rule is redundant" if redundant else "no rule is redundant")
    if not redundant:
        return
    gone = [one for one in found if one.check in ("redundant", "shadowed")]
    less = _without(estate, gone if all_at_once else [chance.choice(redundant)])
    networks = [Network(one, Options()) for one in (estate, less)]
    for seen in packets(estate, chance, 60):
        nic = estate.resources.nics[ResourceId(seen.nic)]
        local = seen.packet.dst if seen.direction is Direction.INBOUND else seen.packet.src
        if local not in nic.addresses:
            continue
        before, after = (
            evaluate_at(Standpoint(one, nic), seen.direction, seen.packet) for one in networks
        )
        assert before.access == after.access


_MADE_ALIKE = st.lists(
    st.tuples(
        st.sampled_from(["Allow", "Allow", "Allow", "Deny"]),
        st.sampled_from(["20.0.0.0/24", "20.0.1.0/24", "20.0.0.0/16"]),
        st.sampled_from(["10.0.0.4", "10.0.0.5", "10.0.0.0/24"]),
        st.sampled_from(["22", "80", "443", "80-90"]),
    ),
    min_size=3,
    max_size=8,
)


@times(60)
@given(_MADE_ALIKE)
def test_all_that_can_be_merged_together_changes_nothing(
    rows: list[tuple[str, str, str, str]],
) -> None:
    """Rules that are told to be mergeable join their hosts, and those that are redundant go."""
    estate = network(
        *(
            f"in {100 + at} {access} Tcp {source} -> {target}:{port} name=R{at}"
            for at, (access, source, target, port) in enumerate(rows)
        )
    )
    result = lint(estate).findings
    event(f"{sum(one.check == 'mergeable' for one in result)} can be merged")
    less = _merged(estate, result)
    [nic] = estate.resources.nics.values()
    before, after = (Standpoint(Network(one, Options()), nic) for one in (estate, less))
    for source in ("20.0.0.7", "20.0.1.7", "20.0.2.7"):
        for target in ("10.0.0.4", "10.0.0.5"):
            for port in (22, 80, 85, 443):
                packet = Packet(6, parse_address(source), parse_address(target), 50000, port)
                one, other = (
                    evaluate_at(place, Direction.INBOUND, packet) for place in (before, after)
                )
                assert one.access == other.access


def _merged(estate: Estate, findings: list[Finding]) -> Estate:
    """Does all at once that is said of redundant and mergeable rules."""
    [nsg] = estate.resources.nsgs.values()
    rules = {one.id: one for one in nsg.rules}
    for one in findings:
        assert one.resource is not None
        if one.check in ("redundant", "shadowed"):
            del rules[one.resource]
        elif one.check == "mergeable":
            guest, [into] = rules.pop(one.resource), one.others
            host = rules[into]
            rules[into] = replace(
                host,
                source=replace(host.source, prefixes=host.source.prefixes | guest.source.prefixes),
                destination=replace(
                    host.destination,
                    prefixes=host.destination.prefixes | guest.destination.prefixes,
                ),
                destination_ports=host.destination_ports | guest.destination_ports,
            )
    return estate.with_nsg(replace(nsg, rules=tuple(rules.values())))


def _without(estate: Estate, findings: list[Finding]) -> Estate:
    gone = {one.resource for one in findings}
    for nsg in estate.resources.nsgs.values():
        kept = tuple(one for one in nsg.rules if one.id not in gone)
        if kept != nsg.rules:
            estate = estate.with_nsg(replace(nsg, rules=kept))
    return estate
