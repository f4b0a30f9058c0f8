"""Laws of what is not known: no answer is given that a missing fact could overturn."""

from __future__ import annotations

from copy import deepcopy
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowverdict.model import InputError
from flowverdict.policy import Verdict
from tests.conformance.sketch import service_tags, subscription_id
from tests.net.profiles import times
from tests.policy.estates import (
    FAR,
    NEAR,
    TAGS,
    Files,
    Json,
    Line,
    Question,
    ask,
    files_of,
    judge,
    lines,
    load,
    load_sketch,
    managed,
    networks,
    questions,
    some,
    spread,
)

ORDINARY = [*NEAR, *FAR]
OPEN = ["in 100 Allow * * -> *", "out 100 Allow * * -> *"]
SHUT = ["in 100 Deny * * -> *", "out 100 Deny * * -> *"]


def never_flips(partial: list[Verdict], complete: list[Verdict]) -> None:
    """A known answer stays what it is when a missing fact is supplied."""
    for before, after in zip(partial, complete, strict=True):
        if before.access != "Unknown":
            assert after.access == before.access, (before.as_json(), after.as_json())


@times(2)
@given(networks(tags=["Storage", "Sql"]), some(questions(), 8), st.sets(st.sampled_from([*TAGS])))
def test_supplying_the_prefixes_of_a_tag_flips_no_known_answer(
    network: Json, asked: list[Question], kept: set[str]
) -> None:
    """Q12: unknown tag: `Unknown`, never Allow or Deny by guess."""
    partial = {**network, "serviceTags": {name: TAGS[name] for name in kept}}
    never_flips(judge(partial, asked), judge(network, asked))


@times(2)
@given(managed(networks()), some(questions(remotes=ORDINARY), 8), st.sampled_from(["a", "b"]))
def test_supplying_an_nsg_flips_no_known_answer(
    network: Json, asked: list[Question], nsg: str
) -> None:
    partial = {**network, "omit": [f"nsgs/{nsg}"]}
    never_flips(judge(partial, asked), judge(network, asked))


@pytest.mark.parametrize("missing", ["nsg", "subnet"])
def test_an_nsg_that_is_missing_may_name_the_platform_service(missing: str) -> None:
    """Specification, 4.4: a deny rule on AzurePlatformDNS switches the exemption off."""
    network: Json = {
        "vnets": {
            "vnet1": {
                "space": ["10.1.0.0/16"],
                "subnets": {"s1": {"prefixes": ["10.1.0.0/24"], "nsg": "a"}},
            }
        },
        "nics": {"nic1": {"subnet": "vnet1/s1", "ip": ["10.1.0.4"]}},
        "nsgs": {"a": ["out 100 Deny * * -> AzurePlatformDNS"]},
    }
    asked = [Question("nic1", "Outbound", "UDP", "10.1.0.4", "168.63.129.16:53")]
    files = files_of(network)
    if missing == "nsg":
        del files["nsgs.json"]
    else:
        _only_refer_to_subnets(files)
    never_flips(ask(load(files), asked), judge(network, asked))


@times(2)
@given(managed(networks()), some(questions(remotes=ORDINARY), 8))
def test_supplying_the_subnets_flips_no_known_answer(network: Json, asked: list[Question]) -> None:
    files = files_of(network)
    _only_refer_to_subnets(files)
    partial = ask(load(files, service_tags(network, "rest")), asked)
    never_flips(partial, judge(network, asked))


def _only_refer_to_subnets(files: Files) -> None:
    for vnet in files["vnets.json"]["value"]:
        subnets = vnet["properties"]["subnets"]
        vnet["properties"]["subnets"] = [{"id": subnet["id"]} for subnet in subnets]


def test_a_missing_subnet_may_take_part_in_a_subnet_peering() -> None:
    """Specification, 2.2: subnet-level peering: only the named subnets take part."""
    network = _subnet_peering(["s1"], ["s1"])
    asked = [Question("nic1", "Inbound", "TCP", "10.1.0.4:443", "10.2.0.4:*")]
    files = files_of(network)
    _only_refer_to_subnets({"vnets.json": {"value": files["vnets.json"]["value"][:1]}})
    never_flips(ask(load(files), asked), judge(network, asked))


def test_a_named_remote_subnet_may_be_missing() -> None:
    """Specification, 2.2: include only the prefixes of `remoteSubnetNames`."""
    network = _subnet_peering([], ["s1", "s2"])
    asked = [Question("nic1", "Inbound", "TCP", "10.1.0.4:443", "10.2.1.4:*")]
    files = files_of(network)
    remote = files["vnets.json"]["value"][1]["properties"]
    remote["subnets"][1] = {"id": remote["subnets"][1]["id"]}
    never_flips(ask(load(files), asked), judge(network, asked))


def _subnet_peering(local: list[str], remote: list[str]) -> Json:
    silent = {"remoteAddressSpace": None, "remoteVirtualNetworkAddressSpace": None}
    names = {"localSubnetNames": local, "remoteSubnetNames": remote}
    peering = {"peerCompleteVnets": False, **names, **silent}
    return {
        "vnets": {
            "vnet1": {
                "space": ["10.1.0.0/16"],
                "subnets": {"s1": {"prefixes": ["10.1.0.0/24"]}},
                "peerings": {"vnet2": peering},
            },
            "vnet2": {
                "space": ["10.2.0.0/16"],
                "subnets": {
                    "s1": {"prefixes": ["10.2.0.0/24"]},
                    "s2": {"prefixes": ["10.2.1.0/24"]},
                },
            },
        },
        "nics": {"nic1": {"subnet": "vnet1/s1", "ip": ["10.1.0.4"], "nsg": "a"}},
        "nsgs": {"a": []},
    }


@times(2)
@given(managed(networks()), some(questions(), 8), st.sampled_from(["vnet1", "vnet2"]))
def test_supplying_a_virtual_network_flips_no_known_answer(
    network: Json, asked: list[Question], missing: str
) -> None:
    """Specification, 2.2: address spaces of peered VNets are in the tag."""
    silent = {"remoteAddressSpace": None, "remoteVirtualNetworkAddressSpace": None}
    network = deepcopy(network)
    network["vnets"]["vnet1"]["peerings"]["vnet2"] |= silent
    partial = {**network, "omit": [f"vnets/{missing}"]}
    never_flips(judge(partial, asked), judge(network, asked))


@given(networks(), some(questions(), 8), st.sampled_from(["asgs/web", "asgs/db", "routeTables/rt"]))
def test_supplying_what_a_rule_or_subnet_refers_to_flips_no_known_answer(
    network: Json, asked: list[Question], missing: str
) -> None:
    never_flips(judge({**network, "omit": [missing]}, asked), judge(network, asked))


@given(networks(), some(questions(), 8))
def test_supplying_what_a_gateway_connects_flips_no_known_answer(
    network: Json, asked: list[Question]
) -> None:
    """Specification, 2.2: on-premises spaces connected to the network are in the tag."""
    network = deepcopy(network)
    network["vnets"]["vnet1"]["subnets"]["GatewaySubnet"] = {"prefixes": ["10.1.255.0/27"]}
    network["gateways"] = {"gw": {"subnet": "vnet1/GatewaySubnet"}}
    network["localGateways"] = {"site": ["10.3.0.0/16"]}
    network["connections"] = {"c": {"from": "gw", "to": "site"}}
    complete = judge(network, asked)
    for omit in ("localGateways/site", "connections/c"):
        never_flips(judge({**network, "omit": [omit]}, asked), complete)


@times(2)
@given(
    managed(networks()),
    some(questions(remotes=ORDINARY), 8),
    st.sampled_from(["members", "groups", "collections", "rules"]),
)
def test_supplying_parts_of_a_manager_flips_no_known_answer(
    network: Json, asked: list[Question], kind: str
) -> None:
    """Design, section 2: a missing resource: the answer is `Unknown` and names it."""
    files = files_of(network)
    del files[f"{kind}.json"]
    partial = ask(load(files, service_tags(network, "rest")), asked)
    never_flips(partial, judge(network, asked))


@given(managed(networks()), some(questions(remotes=ORDINARY), 8))
def test_supplying_one_of_several_collections_flips_no_known_answer(
    network: Json, asked: list[Question]
) -> None:
    files = files_of(network)
    files["collections.json"]["value"].pop(0)
    partial = ask(load(files, service_tags(network, "rest")), asked)
    never_flips(partial, judge(network, asked))


def _two_managers(first: str, second: str) -> Json:
    def manager(scope: str, access: str) -> Json:
        rules = [f"in 100 {access} * * -> * name={access.lower()}"]
        return {
            "scope": [scope],
            "groups": {"G": {"members": ["vnet1"]}},
            "configurations": {"cfg": {"collections": {"c": {"groups": ["G"], "rules": rules}}}},
            "deployments": [{"regions": ["eastus"], "configurations": ["cfg"]}],
        }

    return {
        "vnets": {
            "vnet1": {"space": ["10.1.0.0/16"], "subnets": {"s1": {"prefixes": ["10.1.0.0/24"]}}}
        },
        "nics": {"nic1": {"subnet": "vnet1/s1", "ip": ["10.1.0.4"]}},
        "managementGroups": {
            "root": {
                "subscriptions": [],
                "children": {
                    "middle": {
                        "subscriptions": [],
                        "children": {"low": {"subscriptions": ["main"]}},
                    }
                },
            }
        },
        "managers": {"A": manager(first, "AlwaysAllow"), "B": manager(second, "Deny")},
    }


@pytest.mark.parametrize(
    "scopes", [("mg:root", "mg:low"), ("mg:low", "mg:root"), ("mg:middle", "sub:main")]
)
def test_supplying_the_hierarchy_flips_no_known_answer(scopes: tuple[str, str]) -> None:
    """Specification, 10.3: the configuration of the manager with the higher scope is applied."""
    network = _two_managers(*scopes)
    asked = [Question("nic1", "Inbound", "TCP", "10.1.0.4:22", "203.0.113.9:*")]
    partial = {name: of for name, of in network.items() if name != "managementGroups"}
    (before,) = judge(partial, asked)
    assert before.access == "Unknown"
    assert subscription_id("main") in " ".join(before.missing)
    never_flips([before], judge(network, asked))


@pytest.mark.parametrize(
    "scopes", [("mg:root", "mg:low"), ("mg:low", "mg:root"), ("mg:root", "sub:main")]
)
def test_supplying_the_upper_part_of_the_hierarchy_flips_no_known_answer(
    scopes: tuple[str, str],
) -> None:
    """What `az account management-group show --name middle --expand --recurse` answers."""
    network = _two_managers(*scopes)
    asked = [Question("nic1", "Inbound", "TCP", "10.1.0.4:22", "203.0.113.9:*")]
    files = files_of(network)
    whole = files["managementGroup-root.json"]
    (middle,) = whole["properties"]["children"]
    files["managementGroup-root.json"] = {
        **{key: middle[key] for key in ("id", "name", "type")},
        "properties": {"displayName": "middle", "children": middle["children"]},
    }
    never_flips(ask(load(files), asked), judge(network, asked))


def test_supplying_the_members_of_one_group_flips_no_known_answer() -> None:
    """`az network manager group static-member list` lists the members of one group."""
    network = _two_managers("sub:main", "sub:other")
    network["managers"]["B"]["groups"]["H"] = {"members": ["vnet1"]}
    files = files_of(network)
    members = files["members.json"]["value"]
    files["members.json"]["value"] = [one for one in members if "/G/" not in one["id"]]
    asked = [Question("nic1", "Inbound", "TCP", "10.1.0.4:22", "203.0.113.9:*")]
    never_flips(ask(load(files), asked), judge(network, asked))


def test_supplying_a_machines_interface_flips_no_known_answer() -> None:
    """A machine names an interface that is missing: it may be in any application security group."""
    network: Json = {
        "vnets": {
            "vnet1": {"space": ["10.1.0.0/16"], "subnets": {"s1": {"prefixes": ["10.1.0.0/24"]}}}
        },
        "nics": {
            "nic1": {"subnet": "vnet1/s1", "ip": ["10.1.0.4"], "nsg": "a"},
            "nic2": {"subnet": "vnet1/s1", "ip": ["10.1.0.5"], "asgs": ["web"], "vm": "vm2"},
            "nic3": {"subnet": "vnet1/s1", "ip": ["10.1.0.6"], "asgs": ["web"]},
        },
        "nsgs": {"a": ["in 100 Deny * asg(web) -> *"]},
    }
    asked = [Question("nic1", "Inbound", "TCP", "10.1.0.4:22", "10.1.0.5:*")]
    never_flips(judge({**network, "omit": ["nics/nic2"]}, asked), judge(network, asked))


def test_an_unreadable_private_endpoint_is_an_error_of_the_whole() -> None:
    """Which interface would be judged otherwise is not known: nothing is judged."""
    network: Json = {
        "vnets": {
            "vnet1": {"space": ["10.1.0.0/16"], "subnets": {"s1": {"prefixes": ["10.1.0.0/24"]}}}
        },
        "privateEndpoints": {"pe": {"subnet": "vnet1/s1", "ip": "10.1.0.9"}},
    }
    files = files_of(network)
    files["privateEndpoints.json"]["value"][0]["properties"]["networkInterfaces"] = 5
    with pytest.raises(InputError, match="expected a list"):
        load(files)


# -- what is unknown could really be either


@times(2)
@given(networks(tags=["Mystery", "Secret", "Mystery"]), some(questions(remotes=ORDINARY), 8))
def test_an_unknown_tag_leaves_both_answers_open(network: Json, asked: list[Question]) -> None:
    """Design, section 2: an unknown that cannot change the answer does not make it Unknown."""
    partial = judge(network, asked)
    for question, before in zip(asked, partial, strict=True):
        if before.access != "Unknown" or any("source port" in one for one in before.missing):
            continue
        assert all("service tag `" in one for one in before.missing), before.missing
        ends = [_host(question.local), _host(question.remote)]
        sets = [[], ends[:1], ends[1:], ends]
        seen: set[str] = set()
        for mystery, secret in product(sets, sets):
            tags = {**TAGS, "Mystery": mystery, "Secret": secret}
            (after,) = judge({**network, "serviceTags": tags}, [question])
            seen.add(after.access)
        assert seen == {"Allow", "Deny"}


@given(networks(), some(questions(remotes=ORDINARY), 8), st.sampled_from(["a", "b"]))
def test_a_missing_nsg_leaves_both_answers_open(
    network: Json, asked: list[Question], nsg: str
) -> None:
    partial = judge({**network, "omit": [f"nsgs/{nsg}"]}, asked)
    completions = [
        judge({**network, "nsgs": {**network["nsgs"], nsg: rules}}, asked) for rules in (OPEN, SHUT)
    ]
    for before, *after in zip(partial, *completions, strict=True):
        if before.access == "Unknown" and not any("source port" in one for one in before.missing):
            assert [one.access for one in after] == ["Allow", "Deny"]
            assert all("network security group `" in one for one in before.missing)


def test_a_denied_packet_is_denied_by_something_that_is_there() -> None:
    """Design, section 2: every answer names its reason: the rule, the layer, where it stands."""
    network: Json = {
        "vnets": {
            "vnet1": {
                "space": ["10.1.0.0/16"],
                "subnets": {"s1": {"prefixes": ["10.1.0.0/24"], "nsg": "gone"}},
            }
        },
        "nics": {"nic1": {"subnet": "vnet1/s1", "ip": ["10.1.0.4"], "nsg": "a"}},
        "nsgs": {"a": [], "gone": []},
        "omit": ["nsgs/gone"],
    }
    question = Question("nic1", "Inbound", "TCP", "10.1.0.4:22", "203.0.113.9:*")
    (verdict,) = judge(network, [question])
    assert verdict.access == "Deny"
    assert verdict.rule is not None
    assert (verdict.layer, verdict.rule.name) == ("nic", "DenyAllInBound")


def test_the_deciding_step_stands_in_the_trace() -> None:
    """Contract 4.2: `trace`: every layer, with the rule that matched there."""
    network = _two_managers("sub:main", "sub:other")
    collections = network["managers"]["A"]["configurations"]["cfg"]["collections"]
    collections["c"]["rules"] = ["in 10 Allow * * -> * name=r10", "in 30 Allow * * -> * name=r30"]
    collections["d"] = {"groups": ["G"], "rules": ["in 15 Allow * * -> *:22 name=r15"]}
    del network["managers"]["B"]
    files = files_of(network)
    files["collections.json"]["value"].pop(0)
    question = Question("nic1", "Inbound", "TCP", "10.1.0.4:443", "203.0.113.9:1")
    (verdict,) = ask(load(files), [question])
    assert verdict.access == "Allow"
    assert verdict.decided_by is None or verdict.decided_by in verdict.trace


def _host(end: str) -> str:
    return end.partition(":")[0]


@given(networks(), lines(), questions(remotes=ORDINARY))
def test_a_tag_that_cannot_matter_makes_nothing_unknown(
    network: Json, rule: Line, question: Question
) -> None:
    """Design, section 2: the rule's port misses anyway, or a rule above it decides."""
    first = [str(one) for one in spread([rule], 100)]
    way, port = question.way, "12345"
    hidden = [f"{way} 90{n} Deny Tcp Mystery -> *:{port} name=hidden{n}" for n in range(3)]
    changed = deepcopy(network)
    for name in changed["nsgs"]:
        changed["nsgs"][name] = [*first, *changed["nsgs"][name][1:], *hidden]
    plain = deepcopy(changed)
    for name in plain["nsgs"]:
        plain["nsgs"][name] = plain["nsgs"][name][: -len(hidden)]
    (before,), (after,) = judge(plain, [question]), judge(changed, [question])
    assert (before.access, before.missing) == (after.access, after.missing)


def test_what_is_missing_is_named() -> None:
    network: Any = {
        "vnets": {
            "vnet1": {"space": ["10.1.0.0/16"], "subnets": {"s1": {"prefixes": ["10.1.0.0/24"]}}}
        },
        "nics": {"nic1": {"subnet": "vnet1/s1", "ip": ["10.1.0.4"], "nsg": "a"}},
        "nsgs": {"a": ["in 100 Allow Tcp Mystery -> *:22"]},
        "serviceTags": TAGS,
    }
    estate = load_sketch(network)
    (verdict,) = ask(estate, [Question("nic1", "Inbound", "TCP", "10.1.0.4:22", "203.0.113.9:*")])
    assert verdict.access == "Unknown"
    assert "`Mystery`" in verdict.missing[0]
