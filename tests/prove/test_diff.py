"""Two estates, all packets: what changes, and that nothing else does."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowverdict.model import Direction, Estate
from flowverdict.policy import DEFAULTS, Network, Standpoint, evaluate_at
from flowverdict.prove.diff import Diff, diff
from flowverdict.prove.text import lines
from tests.classify.test_laws import estates
from tests.classify.test_laws import packets as some_packets
from tests.load.template.templates import loaded, rule
from tests.load.template.templates import network as in_template
from tests.policy.estates import Json
from tests.prove.test_checker import SHUT, network
from tests.prove.test_laws import with_port

OPEN_RULE = "in 100 Allow * * -> * name=A"


def told(found: Diff) -> list[tuple[list[str], str, str, str, list[str]]]:
    return [
        (
            [nic.id.name for nic in one.nics],
            one.direction.value,
            one.before.access,
            one.after.access,
            lines(one.packets, one.names),
        )
        for one in found.changes
    ]


def test_an_opened_port() -> None:
    before = network()
    rules = [
        "in 100 Allow Tcp asg(web) -> *:1433 name=FromWeb",
        "in 110 Allow Tcp Internet -> *:1433 name=Net",
    ]
    after = network(nsgs__db=[*rules, SHUT])
    found = diff(before, after)
    assert told(found) == [
        (["db1"], "Inbound", "Deny", "Allow", ["TCP 1433 from Internet to 10.1.2.4"])
    ]
    [change] = found.changes
    verdicts = [
        evaluate_at(
            Standpoint(Network(estate, DEFAULTS), change.nic), change.direction, change.packet
        )
        for estate in (before, after)
    ]
    assert [one.access for one in verdicts] == ["Deny", "Allow"]


def test_a_refactoring_is_proven_to_be_one() -> None:
    """Two halves for any, a range split in two, rules in another order."""
    before = network(
        nsgs__db=["in 100 Allow Tcp * -> *:80-90 name=A", "in 110 Deny * * -> * name=B"]
    )
    after = network(
        nsgs__db=[
            "in 200 Allow Tcp 0.0.0.0/1 -> *:80-84,85-90 name=A1",
            "in 210 Allow Tcp 128.0.0.0/1 -> *:80-90 name=A2",
            "in 220 Allow Tcp [::/0] -> *:80-90 name=A3",
            "in 300 Deny * * -> * name=B",
        ]
    )
    found = diff(before, after)
    assert (found.is_same, found.compared) == (True, 2)
    one_port_less = network(
        nsgs__db=["in 100 Allow Tcp * -> *:80-89 name=A", "in 110 Deny * * -> * name=B"]
    )
    assert [one[4] for one in told(diff(before, one_port_less))] == [
        ["TCP 90 from any to 10.1.2.4"]
    ]


def test_interfaces_that_come_and_go_are_told() -> None:
    more = network(nics__new={"subnet": "v/web", "ip": ["10.1.1.9"]})
    assert [nic.id.name for nic in diff(network(), more).added] == ["new"]
    assert [nic.id.name for nic in diff(more, network()).removed] == ["new"]
    moved = network(nics__db1={"subnet": "v/db", "ip": ["10.1.2.5"], "vm": "db1", "asgs": ["db"]})
    found = diff(network(), moved)
    assert [nic.id.name for nic in (*found.added, *found.removed)] == ["db1", "db1"]
    assert not found.is_same


def test_interfaces_behind_the_same_rules_are_told_together() -> None:
    nics = {f"more{at}": {"subnet": "v/web", "ip": [f"10.1.1.{at}"]} for at in (10, 11)}
    before = network(**{f"nics__{name}": nic for name, nic in nics.items()})
    after = network(**{f"nics__{name}": nic for name, nic in nics.items()}, nsgs__web=[OPEN_RULE])
    together = [one[0] for one in told(diff(before, after))]
    assert all(names == ["web1", "more10", "more11"] for names in together)
    assert together


def test_what_is_not_known_is_a_change_too() -> None:
    lost = ["in 100 Allow Tcp Storage.Mars -> *:3389 name=A", SHUT]
    [(_, _, before, after, _)] = told(diff(network(nsgs__db=[SHUT]), network(nsgs__db=lost)))
    assert (before, after) == ("Deny", "Unknown")


@given(estates(), estates(), st.randoms(use_true_random=False))
def test_what_changes_is_what_the_evaluator_judges_otherwise(
    before: Estate, after: Estate, chance: random.Random
) -> None:
    found = diff(before, after)
    plans = Network(before, DEFAULTS), Network(after, DEFAULTS)
    for seen in some_packets(after, chance, 60):
        packet = with_port(seen, chance)
        local = packet.dst if seen.direction is Direction.INBOUND else packet.src
        for nic in after.resources.nics.values():
            old = before.resources.nics.get(nic.id)
            if old is None or local not in nic.addresses or local not in old.addresses:
                continue
            was = evaluate_at(Standpoint(plans[0], old), seen.direction, packet)
            now = evaluate_at(Standpoint(plans[1], nic), seen.direction, packet)
            changes = [
                one
                for one in found.changes
                if nic in one.nics and one.direction is seen.direction and packet in one.packets
            ]
            same = (was.access, was.missing) == (now.access, now.missing)
            assert len(changes) == (0 if same else 1)
            for one in changes:
                assert (one.before.access, one.after.access) == (was.access, now.access)


@given(estates(), st.randoms(use_true_random=False))
def test_interfaces_that_are_passed_over_have_nothing_to_tell(
    estate: Estate, chance: random.Random
) -> None:
    """Where policies are alike they are not compared packet by packet: with the same answer."""
    nsgs = [one for one in estate.resources.nsgs.values() if one.rules]
    if not nsgs:
        return
    nsg = chance.choice(nsgs)
    rules = list(nsg.rules)
    if own := [one for one in rules if not one.is_default]:
        rules.remove(chance.choice(own))
    changed = estate.with_nsg(replace(nsg, rules=tuple(rules)))
    quick = diff(estate, changed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flowverdict.prove.diff._Alike.are", lambda *_: False)
        slow = diff(estate, changed)
    assert told(quick) == told(slow)
    assert quick.compared == slow.compared


def test_an_interface_that_cannot_be_compared_is_no_proof() -> None:
    """It is missing, or nothing is known of its address, and what stands before it changes."""
    open_db = ["in 100 Allow Tcp Internet -> *:1433 name=Net"]
    lost = [network(omit=["nics/db1"], nsgs__db=rules) for rules in ([], open_db)]
    nowhere = [loaded(_without_subnet(*rules)) for rules in ((), (rule("web", 100),))]
    for (before, after), name in ((lost, "db1"), (nowhere, "nic")):
        found = diff(before, after)
        assert not found.is_same
        assert any(f"packets at `{name}`: " in one for one in found.limits)
        assert diff(before, before).is_same


def _without_subnet(*rules: Json) -> list[Json]:
    """An interface with an NSG, in a subnet that stands in another template."""
    nsg, _, nic = in_template(*rules, address=None)
    own = {"id": "[resourceId('Microsoft.Network/networkSecurityGroups', 'n')]"}
    nic["properties"]["networkSecurityGroup"] = own
    return [nsg, nic]
