"""Values that the input does not tell: what needs them is not known, and nothing else."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import flowverdict
from flowverdict.model import Estate
from tests.load.unknowns import blanked, load_marked
from tests.net.profiles import times
from tests.policy.estates import (
    Json,
    Question,
    ask,
    files_of,
    load,
    networks,
    questions,
    some,
)
from tests.policy.test_missing import never_flips

NETWORK: Json = {
    "vnets": {"v": {"space": ["10.1.0.0/16"], "subnets": {"s": {"prefixes": ["10.1.0.0/24"]}}}},
    "nics": {"nic1": {"subnet": "v/s", "ip": ["10.1.0.4"], "nsg": "n"}},
    "nsgs": {
        "n": [
            "in 100 Deny Tcp 198.51.100.0/24,203.0.113.9 -> *:22,3389 name=deny",
            "in 200 Allow Tcp * -> *:80 name=web",
        ]
    },
}


def blank(**fields: Any) -> Estate:
    """The network, with some fields of its first rule replaced."""
    files = files_of(NETWORK)
    rule = files["nsgs.json"]["value"][0]["properties"]["securityRules"][0]["properties"]
    rule |= fields
    return load_marked(files)


def told(estate: Estate, remote: str, port: int) -> tuple[str, tuple[str, ...]]:
    verdict = flowverdict.verify(
        estate, nic="nic1", direction="Inbound", protocol="TCP",
        local=f"10.1.0.4:{port}", remote=f"{remote}:50000")  # fmt: skip
    return verdict.access, verdict.missing


NSG = "/networkSecurityGroups/n"
WHERE = "nsgs.json: $.value[0].properties.securityRules[0]"


@pytest.mark.parametrize(
    ("fields", "remote", "port", "access"),
    [
        ({"sourceAddressPrefixes": ["unknown:x", "203.0.113.9"]}, "203.0.113.9", 22, "Deny"),
        ({"sourceAddressPrefixes": ["unknown:x", "203.0.113.9"]}, "10.1.0.9", 22, "Unknown"),
        ({"sourceAddressPrefixes": ["unknown:x", "203.0.113.9"]}, "10.1.0.9", 80, "Allow"),
        ({"sourceAddressPrefixes": "unknown:x"}, "203.0.113.9", 22, "Deny"),
        ({"sourceAddressPrefix": "unknown:x", "sourceAddressPrefixes": []}, "10.1.0.9", 22,
         "Unknown"),
        ({"sourceApplicationSecurityGroups": ["unknown:x"]}, "203.0.113.9", 3389, "Deny"),
        ({"destinationPortRanges": ["22", "unknown:x"]}, "203.0.113.9", 22, "Deny"),
        ({"destinationPortRanges": ["22", "unknown:x"]}, "203.0.113.9", 80, "Unknown"),
        ({"destinationPortRanges": ["22", "unknown:x"]}, "192.0.2.1", 80, "Allow"),
        ({"sourcePortRange": "unknown:x"}, "203.0.113.9", 22, "Deny"),
        ({"sourcePortRange": "unknown:x"}, "10.1.0.9", 22, "Allow"),
        ({"protocol": "unknown:x"}, "203.0.113.9", 22, "Deny"),
        ({"access": "unknown:x"}, "10.1.0.9", 80, "Unknown"),
        ({"priority": "unknown:x"}, "10.1.0.9", 80, "Unknown"),
    ],
)  # fmt: skip
def test_what_is_not_known_counts_where_it_can_matter(
    fields: Json, remote: str, port: int, access: str
) -> None:
    """Deny and the default deny are one answer, so that a wider rule may be unknown for nothing."""
    found, missing = told(blank(**fields), remote, port)
    assert found == access
    assert bool(missing) == (access == "Unknown")
    if missing:
        assert NSG in missing[0] or WHERE in missing[0]
        assert "(x)" in missing[0]


def test_the_missing_value_is_named_with_its_rule_and_place() -> None:
    estate = blank(sourceAddressPrefixes=["unknown:parameter `admin` has no value"])
    _, missing = told(estate, "10.1.0.9", 22)
    assert len(missing) == 1
    assert missing[0].startswith("source of rule `deny` of `/subscriptions/")
    assert missing[0].endswith(f"{NSG}` (parameter `admin` has no value)")


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"properties": {"securityRules": "unknown:y"}}, "$.value[0].properties.securityRules"),
        ({"properties": {"securityRules": ["unknown:y"]}}, WHERE),
    ],
)  # fmt: skip
def test_a_resource_of_which_too_much_is_not_known_is_broken(value: Json, path: str) -> None:
    files = files_of(NETWORK)
    files["nsgs.json"]["value"][0] |= value
    estate = load_marked(files)
    (problem,) = [one for one in estate.diagnostics if one.code == "unknown-value"]
    assert str(problem).endswith(f"{path}: value is not known (y)")
    access, missing = told(estate, "192.0.2.1", 80)
    assert access == "Unknown"
    assert "value is not known (y)" in missing[0]


@times(3)
@given(networks(), some(questions(), 8), st.data())
def test_supplying_a_value_flips_no_known_answer(
    network: Json, asked: list[Question], data: st.DataObject
) -> None:
    files = files_of(network)
    partial = data.draw(blanked(deepcopy(files)))
    never_flips(ask(load_marked(partial), asked), ask(load(files), asked))
