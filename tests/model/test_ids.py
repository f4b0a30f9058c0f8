"""ARM ids."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowverdict.model import ResourceId

NSG = "/subscriptions/S1/resourceGroups/Rg/providers/Microsoft.Network/networkSecurityGroups/Web"
RULE = f"{NSG}/securityRules/Allow443"

word = st.text("abcXYZ019-_.", min_size=1, max_size=8)


@st.composite
def ids(draw: st.DrawFn) -> str:
    pairs = draw(st.lists(st.tuples(word, word), min_size=1, max_size=3))
    tail = "/".join(f"{kind}/{name}" for kind, name in pairs)
    return f"/subscriptions/{draw(word)}/resourceGroups/{draw(word)}/providers/A.B/{tail}"


@given(ids(), st.randoms())
def test_case_does_not_matter(text: str, chance: Random) -> None:
    """Specification, 1.1: treat ARM ids as case-insensitive on input."""
    mixed = "".join(chance.choice((char.lower(), char.upper())) for char in text)
    one, other = ResourceId(text), ResourceId(mixed)
    assert one == other
    assert hash(one) == hash(other)
    assert one.type == other.type
    assert one.subscription == other.subscription
    assert one.parent == other.parent
    assert not one < other
    assert not other < one


@given(ids())
def test_an_id_is_shown_as_it_was_written(text: str) -> None:
    assert str(ResourceId(text)) == text


@given(ids(), word, word)
def test_a_child_stands_below_its_parent(text: str, kind: str, name: str) -> None:
    parent = ResourceId(text)
    child = parent.child(kind, name)
    assert child.parent == parent
    assert child.name == name
    assert child.is_below(parent)
    assert not parent.is_below(child)
    assert parent.is_below(parent)
    assert child.type == f"{parent.type}/{kind.lower()}"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (NSG, "microsoft.network/networksecuritygroups"),
        (RULE, "microsoft.network/networksecuritygroups/securityrules"),
        ("/subscriptions/s1", "microsoft.resources/subscriptions"),
        ("/subscriptions/s1/resourceGroups/rg", "microsoft.resources/subscriptions/resourcegroups"),
        (
            "/providers/Microsoft.Management/managementGroups/root",
            "microsoft.management/managementgroups",
        ),
        (
            f"{NSG}/providers/Microsoft.Network/networkGroupMemberships/default",
            "microsoft.network/networkgroupmemberships",
        ),
        ("/nothing", ""),
    ],
)
def test_the_type_is_read_from_the_id(text: str, kind: str) -> None:
    assert ResourceId(text).type == kind


def test_the_parts_of_an_id() -> None:
    rule = ResourceId(RULE)
    assert rule.name == "Allow443"
    assert rule.subscription == "s1"
    assert rule.resource_group == "Rg"
    assert rule.parent == ResourceId(NSG)


def test_a_longer_name_is_not_below() -> None:
    assert not ResourceId(NSG + "2").is_below(ResourceId(NSG))


@pytest.mark.parametrize("text", [f" {NSG}", f"{NSG} ", f"{NSG}/"])
def test_blanks_and_a_slash_at_the_end_do_not_matter(text: str) -> None:
    assert ResourceId(text) == ResourceId(NSG)


def test_an_id_equals_no_text() -> None:
    assert ResourceId(NSG) != NSG
