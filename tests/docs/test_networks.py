"""The pages of `docs/semantics` can fail: a wrong verdict, a missing reason and a typo are seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import networks

NETWORK = networks.read_network(
    """
    vnets.vnet1 = {space = ["10.0.0.0/16"], subnets.s1 = {prefixes = ["10.0.0.0/24"]}}
    nics.nic1 = {subnet = "vnet1/s1", ip = ["10.0.0.4"], nsg = "n1"}
    nsgs.n1 = ["in 100 Allow Tcp NoSuchTag -> *:443 name=rule"]
    serviceTags.Storage = ["203.0.113.0/24"]
    """
)
DENIED = "in tcp 10.9.0.4 -> 10.0.0.4:22    Deny  defaultSecurityRules/DenyAllInBound [nic]"
UNKNOWN = "in tcp 203.0.113.7 -> 10.0.0.4:443    Unknown"


def found(text: str, folder: Path) -> list[str]:
    return list(networks.differences(NETWORK, networks.read_verdicts(text), folder))


def test_a_page_that_is_right_passes(tmp_path: Path) -> None:
    assert not found(f"{DENIED}\n{UNKNOWN}\n    missing: service tag `NoSuchTag`...", tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        DENIED.replace("Deny  ", "Allow  "),
        DENIED.replace("[nic]", "[subnet]"),
        DENIED.replace("defaultSecurityRules", "securityRules"),
        f"{DENIED}\n    warning: something",
        f"{DENIED}\n    relied on: something",
        UNKNOWN,
        f"{UNKNOWN}\n    missing: service tag `Another`...",
        f"with --compat ip-flow-verify\n{DENIED.replace('Deny ', 'Refused ')}",
    ],
)
def test_a_page_that_is_wrong_fails(text: str, tmp_path: Path) -> None:
    assert found(text, tmp_path)


@pytest.mark.parametrize("text", ["in tcp 10.0.0.4 22 Deny", "with --optoin a=b"])
def test_a_line_that_is_no_packet_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        networks.read_verdicts(text)


def test_a_change_is_laid_over_the_network() -> None:
    changed = networks.laid_over(NETWORK, {"nsgs": {"n2": []}, "nics": {"nic1": {"nsg": "n2"}}})
    assert changed["nics"]["nic1"] == {"subnet": "vnet1/s1", "ip": ["10.0.0.4"], "nsg": "n2"}
    assert changed["nsgs"] == {**NETWORK["nsgs"], "n2": []}


def test_what_reading_says_is_held_against_the_page(tmp_path: Path) -> None:
    broken = networks.laid_over(NETWORK, {"nsgs": {"n1": ["in 99 Allow Tcp * -> * name=early"]}})
    said = networks.said_on_reading(broken, tmp_path)
    assert networks.same_messages("nsgs.json: $[0]...priority 99 of `early`...", said)
    assert not networks.same_messages("", said)
    assert not networks.same_messages("something else", said)
