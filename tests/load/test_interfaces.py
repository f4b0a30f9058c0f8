"""Interfaces that do not fit together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conformance.sketch import Form, expand
from tests.load.broken import diagnostics, write

VNET = {
    "space": ["10.0.0.0/16", "fd00::/48"],
    "subnets": {
        "s1": {"prefixes": ["10.0.0.0/24", "fd00::/64"]},
        "s2": {"prefixes": ["10.0.1.0/24"]},
    },
}
OTHER = {"space": ["10.0.0.0/16"], "subnets": {"s1": {"prefixes": ["10.0.0.0/24"]}}}


def warned(folder: Path, nics: Mapping[str, object], form: Form = "rest") -> list[str]:
    """What is said of interfaces, by what each message begins with behind its place."""
    write(folder, expand({"vnets": {"vnet1": VNET, "vnet2": OTHER}, "nics": nics}, form))
    return [one.what for one in diagnostics(folder)]


@pytest.mark.parametrize("form", ["rest", "flat"])
@pytest.mark.parametrize(
    ("ip", "text"), [("10.0.0.4", "10.0.0.4"), ("fd00:0::0004", "fd00::4"), ("FD00::4", "fd00::4")]
)
def test_an_address_of_two_interfaces(tmp_path: Path, form: Form, ip: str, text: str) -> None:
    nics = {
        "nic1": {"subnet": "vnet1/s1", "ip": ["10.0.0.9", text]},
        "nic2": {"subnet": "vnet1/s1", "ip": [ip]},
    }
    assert warned(tmp_path, nics, form) == [f"`nic2` has `{text}` in `vnet1`, as `nic1` has"]


def test_an_address_in_two_networks_is_two(tmp_path: Path) -> None:
    nics = {
        "nic1": {"subnet": "vnet1/s1", "ip": ["10.0.0.4"]},
        "nic2": {"subnet": "vnet2/s1", "ip": ["10.0.0.4"]},
    }
    assert warned(tmp_path, nics) == []


def test_an_address_that_is_not_its_subnets_is_still_its_networks(tmp_path: Path) -> None:
    nics = {
        "nic1": {"subnet": "vnet1/s1", "ip": ["10.0.0.4"]},
        "nic2": {"subnet": "vnet1/s2", "ip": ["10.0.0.4"]},
    }
    assert warned(tmp_path, nics) == [
        "`10.0.0.4` of `nic2` is outside of its subnet `s2`",
        "`nic2` has `10.0.0.4` in `vnet1`, as `nic1` has",
    ]
