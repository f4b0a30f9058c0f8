"""What would let a denied packet through: it does, and it lets nothing else through."""

from __future__ import annotations

import shlex
from copy import deepcopy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import flowverdict
from flowverdict.policy import Cure, as_az_command
from tests.policy.estates import (
    FAR,
    NEAR,
    Json,
    Question,
    answer,
    ask,
    load_sketch,
    managed,
    networks,
    questions,
    some,
)

any_network = st.one_of(networks(at_most=8), managed(networks()))


def applied(network: Json, command: str) -> Json:
    """The network after `az network nsg rule create ...`."""
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:5] == ["az", "network", "nsg", "rule", "create"]
    options = dict(zip(words[5::2], words[6::2], strict=True))
    rule = {
        "name": options["--name"],
        "priority": int(options["--priority"]),
        "direction": options["--direction"],
        "access": options["--access"],
        "protocol": options["--protocol"],
        "sourceAddressPrefix": options["--source-address-prefixes"],
        "sourcePortRange": options["--source-port-ranges"],
        "destinationAddressPrefix": options["--destination-address-prefixes"],
        "destinationPortRange": options["--destination-port-ranges"],
    }
    changed = deepcopy(network)
    changed["nsgs"][options["--nsg-name"]].append(rule)
    return changed


def neighbours(question: Question) -> list[Question]:
    """Questions that differ from one in a single field."""
    here, _, mine = question.local.partition(":")
    there, _, theirs = question.remote.partition(":")
    remotes = [one for one in ("10.1.0.9", "203.0.113.10", "20.60.0.5", "10.2.0.4") if one != there]
    found = [replace(question, remote=f"{one}:{theirs}" if theirs else one) for one in remotes]
    locals_ = ("10.1.0.5", "10.1.0.200")
    found += [replace(question, local=f"{one}:{mine}" if mine else one) for one in locals_]
    if mine:
        inbound = question.direction == "Inbound"
        port = int(mine if inbound else theirs)
        for near in {max(port - 1, 0), min(port + 1, 65535), 3389} - {port}:
            end = {"local": f"{here}:{near}"} if inbound else {"remote": f"{there}:{near}"}
            found.append(replace(question, **end))
        found.append(replace(question, protocol="UDP" if question.protocol == "TCP" else "TCP"))
    else:
        target = (
            {"local": f"{here}:80"}
            if question.direction == "Inbound"
            else {"remote": f"{there}:80"}
        )
        found.append(replace(question, protocol="TCP", **target))
    bare = replace(question, local=here, remote=there)
    found += [
        replace(bare, protocol=one) for one in ("ICMP", "ESP", "AH") if one != question.protocol
    ]
    return found


def cure_of(network: Json, question: Question) -> tuple[Json, str]:
    """The network with the offered rules, and the reason why there are none."""
    told = flowverdict.explain(load_sketch(network), **question.words)
    assert told.cure is not None
    changed = network
    for nsg, rule in told.cure.rules:
        changed = applied(changed, as_az_command(nsg, rule))
    return changed, told.cure.reason


@given(any_network, some(questions(remotes=[*NEAR, *FAR]), 4))
def test_the_cure_of_a_denied_packet_lets_it_through_and_nothing_else(
    network: Json, asked: list[Question]
) -> None:
    """Issue 2: the smallest rule that would let it through without touching anything else."""
    for question in asked:
        before = load_sketch(network)
        (denied,) = ask(before, [question])
        if denied.access != "Deny":
            continue
        changed, reason = cure_of(network, question)
        if changed is network:
            assert denied.layer == "admin" or "no added rule can" in reason
            continue
        after = load_sketch(changed)
        assert not after.errors
        (cured,) = ask(after, [question])
        assert cured.access == "Allow"
        near = neighbours(question)
        for other, old, new in zip(near, ask(before, near), ask(after, near), strict=True):
            assert answer(old) == answer(new), other


DUAL: Json = {
    "vnets": {
        "vnet1": {
            "space": ["10.1.0.0/16", "fd00:1::/48"],
            "subnets": {"s1": {"prefixes": ["10.1.0.0/24", "fd00:1::/64"]}},
        }
    },
    "nics": {"nic1": {"subnet": "vnet1/s1", "ip": ["10.1.0.4", "fd00:1::4"], "nsg": "a"}},
    "nsgs": {"a": []},
}


def test_a_cure_in_ipv6() -> None:
    question = Question("nic1", "Inbound", "TCP", "[fd00:1::4]:443", "[2001:db8::9]:*")
    changed, _ = cure_of(DUAL, question)
    assert ask(load_sketch(changed), [question])[0].access == "Allow"


def found_cure(network: Json, question: Question) -> Cure:
    """The cure as `explain` has it."""
    cure = flowverdict.explain(load_sketch(network), **question.words).cure
    assert cure is not None
    return cure


def test_a_cure_of_icmpv6_opens_no_port_unsaid() -> None:
    """Specification, 3.1: ICMPv6 matches only `*` rules, and a `*` rule opens every port."""
    question = Question("nic1", "Inbound", "ICMP", "fd00:1::4", "2001:db8::9")
    cure = found_cure(DUAL, question)
    told = cure.wider if cure.rules else cure.reason
    assert "ICMPV6" in told.upper()
    assert "every protocol" in told


def test_the_cure_for_one_source_port_says_that_it_opens_them_all() -> None:
    question = Question("nic1", "Inbound", "TCP", "10.1.0.4:443", "203.0.113.9:40000")
    other = replace(question, remote="203.0.113.9:40001")
    changed, _ = cure_of(DUAL, question)
    assert [one.access for one in ask(load_sketch(changed), [question, other])] == [
        "Allow",
        "Allow",
    ]
    assert "any source port" in found_cure(DUAL, question).wider


@pytest.mark.parametrize("protocol", ["TCP", "ICMP"])
def test_a_cure_that_opens_nothing_else_says_nothing(protocol: str) -> None:
    mine, theirs = (":443", ":*") if protocol == "TCP" else ("", "")
    question = Question("nic1", "Inbound", protocol, f"10.1.0.4{mine}", f"203.0.113.9{theirs}")
    cure = found_cure(DUAL, question)
    assert cure.rules
    assert not cure.wider


@pytest.mark.parametrize(
    "doubtful",
    [
        "in 110 Deny * *:1000-2000 -> * name=ports",
        "in 110 Deny * NoSuchTag -> * name=tag",
        "in 110 Allow * NoSuchTag:1000-2000 -> 10.1.0.9 name=elsewhere",
    ],
)
def test_a_cure_goes_before_a_rule_that_may_match(doubtful: str) -> None:
    """Design, 4: at a free priority that works. Behind a rule in doubt it may not."""
    network = deepcopy(DUAL)
    network["nsgs"]["a"] = [doubtful, "in 200 Deny * * -> * name=all"]
    question = Question("nic1", "Inbound", "TCP", "10.1.0.4:443", "203.0.113.9:*")
    assert ask(load_sketch(network), [question])[0].access == "Deny"
    changed, reason = cure_of(network, question)
    assert not reason
    added = changed["nsgs"]["a"][-1]["priority"]
    assert added < (200 if "10.1.0.9" in doubtful else 110)
    (cured,) = ask(load_sketch(changed), [question])
    assert cured.access == "Allow"
    assert not cured.warnings


@pytest.mark.parametrize("taken", [[100], list(range(100, 111)), list(range(100, 4000))])
def test_a_cure_needs_a_free_priority(taken: list[int]) -> None:
    """Design, 4: at a free priority that works, or the statement that there is none."""
    rules = [f"in {at} Deny Tcp 198.51.100.0/24 -> *:{at} name=r{at}" for at in taken[:-1]]
    network = deepcopy(DUAL)
    network["nsgs"]["a"] = [*rules, f"in {taken[-1]} Deny * * -> * name=last"]
    question = Question("nic1", "Inbound", "TCP", "10.1.0.4:443", "203.0.113.9:*")
    changed, reason = cure_of(network, question)
    assert changed is network
    assert "no added rule can let it through" in reason


def test_an_admin_deny_has_no_cure_in_an_nsg() -> None:
    network = deepcopy(DUAL)
    network["managers"] = {
        "M": {
            "scope": ["sub:main"],
            "groups": {"G": {"members": ["vnet1"]}},
            "configurations": {
                "cfg": {
                    "collections": {"c": {"groups": ["G"], "rules": ["in 9 Deny * * -> * name=no"]}}
                }
            },
            "deployments": [{"regions": ["eastus"], "configurations": ["cfg"]}],
        }
    }
    question = Question("nic1", "Inbound", "TCP", "10.1.0.4:443", "203.0.113.9:*")
    changed, reason = cure_of(network, question)
    assert changed is network
    assert "no NSG rule can let it through: admin rule `no` denies it" in reason
