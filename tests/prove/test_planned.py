"""Interfaces without an address: what is said of them holds whichever address they get."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import flowverdict
from flowverdict.model import Direction, Estate
from flowverdict.net import IntervalSet, parse_prefix
from flowverdict.policy import RequestError
from flowverdict.prove.checker import Checker
from flowverdict.prove.claims import Claim
from flowverdict.prove.diff import diff
from flowverdict.prove.reach import Reach
from flowverdict.prove.results import Result
from tests.load.template.templates import loaded
from tests.load.template.templates import network as in_template
from tests.load.template.templates import rule as template_rule
from tests.net.profiles import times
from tests.policy.estates import Json, files_of, load
from tests.prove.test_checker import confirmed

FREE = ["10.1.0.4", "10.1.0.6"]
"""What the interface may get: of eight addresses Azure keeps five, and the other has one."""

TO_KNOWN = {"destinationAddressPrefix": "10.0.0.4", "protocol": "*", "destinationPortRange": "*"}
TCP22 = (IntervalSet([(6, 6)]), IntervalSet([(22, 22)]))
_SIDES = ["*", "10.1.0.4", "10.1.0.5", "10.1.0.4/30", "10.1.0.0/29", "10.1.1.0/24", "Internet",
          "VirtualNetwork", "asg(g)", "asg(h)"]  # fmt: skip
_WORDS = ["any", "10.1.0.4", "10.1.0.0/29", "nic:p", "nic:q", "nic:o", "vm:m", "subnet:s",
          "asg:g", "Internet", "!10.1.0.6", "!nic:p"]  # fmt: skip


def sketch(rules: list[str], other: list[str], address: str | None) -> Json:
    """Three interfaces, of which `p` has the address or none."""
    return {
        "vnets": {
            "v": {
                "space": ["10.1.0.0/16"],
                "subnets": {
                    "s": {"prefixes": ["10.1.0.0/29"], "nsg": "n"},
                    "t": {"prefixes": ["10.1.1.0/24"]},
                },
            }
        },
        "nics": {
            "p": {"subnet": "v/s", "ip": [address or "10.1.0.4"], "vm": "m", "asgs": ["g"]},
            "q": {"subnet": "v/s", "ip": ["10.1.0.5"], "asgs": ["h"]},
            "o": {"subnet": "v/t", "ip": ["10.1.1.9"], "nsg": "b"},
        },
        "asgs": {"g": {}, "h": {}},
        "nsgs": {"n": rules, "b": other},
    }


def estate_of(rules: list[str], other: list[str], address: str | None) -> Estate:
    files = deepcopy(files_of(sketch(rules, other, address)))
    for nic in files["nics.json"]["value"]:
        if nic["name"] == "p" and address is None:
            (one,) = nic["properties"]["ipConfigurations"]
            del one["properties"]["privateIPAddress"]
    return load(files)


@st.composite
def rule_lists(draw: st.DrawFn) -> list[str]:
    side = st.sampled_from(_SIDES)
    return [
        f"{draw(st.sampled_from(['in', 'out']))} {100 + at} "
        f"{draw(st.sampled_from(['Allow', 'Deny']))} "
        f"Tcp {draw(side)} -> {draw(side)}:{draw(st.sampled_from(['22', '*']))} name=r{at}"
        for at in range(draw(st.integers(1, 4)))
    ]


@st.composite
def claims(draw: st.DrawFn) -> Claim:
    word = st.lists(st.sampled_from(_WORDS), min_size=1, max_size=2, unique=True).map(
        lambda some: tuple(["any", *some] if some[0].startswith("!") else some)
    )
    expect = draw(st.sampled_from(["deny", "allow", "deny", "only", "not-all"]))
    ways = [Direction.INBOUND, Direction.OUTBOUND, None][: 2 if expect == "not-all" else 3]
    return Claim("claim", expect, draw(st.sampled_from(ways)), draw(word), draw(word), (), *TCP22)


def check(estate: Estate, claim: Claim) -> Result:
    found = Checker(estate).check(claim)
    confirmed(estate, found)
    return found


@times(8)
@given(rule_lists(), rule_lists(), claims())
def test_a_claim_is_what_it_is_for_every_address(
    rules: list[str], other: list[str], claim: Claim
) -> None:
    found = check(estate_of(rules, other, None), claim)
    known = {about_somebody(check(estate_of(rules, other, one), claim)) for one in FREE}
    if about_somebody(found) != "unknown":
        assert known == {about_somebody(found)}
    elif claim.direction is not None and known != {"unknown"}:
        by_name = {*claim.sources, *claim.destinations} & {"nic:p", "vm:m", "asg:g", "!nic:p"}
        assert len(known) > 1 or by_name or "asg(g)" in " ".join([*rules, *other])


def about_somebody(found: Result) -> str:
    """What became of a claim; it holds of nobody."""
    ends = ("there is none in the estate", "the claim is about no such ones")
    nobody = [one for one in found.missing if one.endswith(ends)]
    return "holds" if nobody and nobody == [*found.missing] else found.verdict


def rule(text: str) -> list[str]:
    return [text, "in 4000 Deny * * -> * name=shut"]


@pytest.mark.parametrize(
    ("first", "verdict"),
    [
        ("in 100 Allow Tcp Internet -> 10.1.0.4/30:22 name=r", "fails"),
        ("in 100 Allow Tcp Internet -> asg(g):22 name=r", "fails"),
        ("in 100 Allow Tcp Internet -> asg(h):22 name=r", "holds"),
        ("in 100 Allow Tcp Internet -> 10.1.0.4:22 name=r", "unknown"),
        ("in 100 Allow Tcp Internet -> 10.1.0.5:22 name=r", "holds"),
    ],
)
@pytest.mark.parametrize("way", [Direction.INBOUND, None])
def test_a_claim_about_an_interface_without_an_address(
    first: str, verdict: str, way: Direction | None
) -> None:
    estate = estate_of(rule(first), rule(first), None)
    claim = Claim("ssh", "deny", way, ("Internet",), ("nic:p",), (), *TCP22)
    found = check(estate, claim)
    assert found.verdict == verdict
    if verdict == "unknown":
        (missing,) = found.missing
        assert "networkInterfaces/p`" in missing
        assert "hangs on which of its subnet `s` it gets" in missing


@pytest.mark.parametrize("way", [Direction.INBOUND, None])
def test_an_interface_with_one_address_that_is_lost(way: Direction | None) -> None:
    """The rules are about the address that is known, and what they do with the other is not."""
    nsg, vnet, nic = in_template(template_rule("shut", 100, access="Deny", **TO_KNOWN),
                                 template_rule("open", 200))  # fmt: skip
    (subnet,) = vnet["properties"]["subnets"]
    own = subnet["properties"].pop("networkSecurityGroup")
    subnet["properties"]["addressPrefix"] = "[parameters('prefix')]"
    (first,) = nic["properties"]["ipConfigurations"]
    place = {"subnet": first["properties"]["subnet"]}
    nic["properties"]["ipConfigurations"].append({"name": "more", "properties": place})
    nic["properties"]["networkSecurityGroup"] = own
    estate = loaded([nsg, vnet, nic], parameters={"prefix": {"type": "string"}})
    https = (IntervalSet([(6, 6)]), IntervalSet([(443, 443)]))
    found = check(estate, Claim("https", "deny", way, ("Internet",), ("any",), (), *https))
    assert found.verdict == "unknown"
    assert any("private address of" in one for one in found.missing)


def test_two_interfaces_without_addresses_from_end_to_end() -> None:
    """The rule lets one in from anywhere in the other's subnet: whatever both get."""
    files = files_of(sketch(["in 100 Allow Tcp 10.1.1.0/24 -> *:22 name=r"], [], None))
    for nic in files["nics.json"]["value"]:
        if nic["name"] in ("p", "o"):
            nic["properties"]["ipConfigurations"][0]["properties"].pop("privateIPAddress")
    claim = Claim("apart", "deny", None, ("subnet:t",), ("subnet:s",), (), *TCP22)
    found = check(load(files), claim)
    assert found.verdict == "fails"
    assert "p" in {one.nic.id.name for one in found.failures}


def verify(estate: Estate, local: str) -> Any:
    return flowverdict.verify(
        estate, vm="m", direction="Inbound", protocol="TCP", local=f"{local}:22",
        remote="8.8.8.8:50000")  # fmt: skip


def test_verify_takes_an_address_of_the_subnet() -> None:
    estate = estate_of(rule("in 100 Allow Tcp Internet -> asg(g):22 name=r"), [], None)
    found = verify(estate, "10.1.0.6")
    assert (found.access, found.rule.name) == ("Allow", "r")
    assert found.warnings[0] == "`p` has no address yet: judged as if it got `10.1.0.6`"
    with pytest.raises(RequestError, match=r"expected one of `p` one of 10\.1\.0\.0/29"):
        verify(estate, "10.1.1.6")
    told = r"local `10\.1\.1\.6` is no address of `p`: expected one of 10\.1\.0\.0/29"
    with pytest.raises(RequestError, match=told):
        flowverdict.verify(
            estate, nic="p", direction="Inbound", protocol="ICMP", local="10.1.1.6",
            remote="8.8.8.8")  # fmt: skip


def test_interfaces_without_addresses_are_compared() -> None:
    before = estate_of(rule("in 100 Allow Tcp Internet -> asg(g):22 name=r"), [], None)
    after = estate_of(rule("in 100 Allow Tcp Internet -> asg(g):23 name=r"), [], None)
    found = diff(before, after)
    assert {one.nic.id.name for one in found.changes} >= {"p"}
    assert not found.added + found.removed
    assert diff(before, before).is_same


def test_who_reaches_interfaces_without_addresses() -> None:
    """What holds of every address is told for sure; what hangs on who gets it is not."""
    rules = rule("in 100 Allow Tcp 10.1.1.0/24 -> *:22 name=r")
    reach = Reach(estate_of(rules, [], None))
    by_name = {one.name: one for one in reach.groups("nic")}
    assert by_name["p"].addresses == IntervalSet.union(map(parse_prefix, FREE))
    (cell,) = reach.cells([by_name["o"]], [by_name["p"]])
    assert cell.passing.values("ports") == IntervalSet([(22, 22)])
    assert not reach.missing
    (hit,) = list(reach.blast(reach.chosen("nic:o")))
    assert {nic.id.name for nic, _ in hit} == {"p", "q"}


def test_an_address_that_one_of_two_interfaces_gets_is_neithers_for_sure() -> None:
    files = files_of(sketch(["in 100 Allow Tcp * -> *:22 name=r"], ["in 100 Deny * * -> *"], None))
    for nic in files["nics.json"]["value"]:
        if nic["name"] in ("p", "q"):
            nic["properties"]["ipConfigurations"][0]["properties"].pop("privateIPAddress")
        if nic["name"] == "q":
            nsg = files["nsgs.json"]["value"][1]["id"]
            nic["properties"]["networkSecurityGroup"] = {"id": nsg}
    reach = Reach(load(files))
    by_name = {one.name: one for one in reach.groups("nic")}
    (cell,) = reach.cells([by_name["o"]], [by_name["p"]])
    assert not cell.passing
    assert cell.perhaps
    assert "private address" in str(reach.missing)
