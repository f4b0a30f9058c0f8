"""Names for addresses, with an estate and without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowverdict.report.places import INTERNET, PLATFORM, UNCLEAR, Places
from tests.traffic.networks import estate

SKETCH = {
    "vnets": {
        "v1": {"space": ["10.0.0.0/16", "fd00::/48"], "subnets": {
            "s1": {"prefixes": ["10.0.1.0/24", "fd00:0:0:1::/64"]},
            "s2": {"prefixes": ["10.0.2.0/24"]}}},
        "v2": {"space": ["10.0.0.0/16"], "subnets": {
            "s1": {"prefixes": ["10.0.2.128/25", "10.0.3.0/24"]}}},
    },
    "nics": {
        "n1": {"subnet": "v1/s1", "ip": ["10.0.1.4"]},
        "n2": {"subnet": "v1/s2", "ip": ["10.0.2.200"]},
        "n3": {"subnet": "v1/s2", "ip": ["10.0.2.201"]},
        "n4": {"subnet": "v2/s1", "ip": ["10.0.2.201"]},
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("10.1.2.3", "10.1.2.0/24"), ("192.168.0.1", "192.168.0.0/24"),
        ("100.64.1.1", "100.64.1.0/24"), ("172.31.255.255", "172.31.255.0/24"),
        ("172.32.0.0", INTERNET), ("100.128.0.0", INTERNET), ("8.8.8.8", INTERNET),
        ("fd12:3456:789a:bcde:1:2:3:4", "fd12:3456:789a:bcde::/64"), ("2001:db8::1", INTERNET),
        ("168.63.129.16", PLATFORM), ("169.254.169.254", PLATFORM), ("fe80::1", PLATFORM),
        (INTERNET, INTERNET), ("", ""),
    ],
)  # fmt: skip
def test_without_an_estate_a_place_is_a_prefix(address: str, name: str) -> None:
    assert Places().name(address) == name
    assert Places().host(address) == ""


def test_with_an_estate_a_place_is_a_subnet(tmp_path: Path) -> None:
    places = Places(estate(tmp_path, SKETCH))
    names = {
        "10.0.1.4": "v1/s1", "10.0.1.255": "v1/s1", "10.0.2.0": "v1/s2", "10.0.2.127": "v1/s2",
        "10.0.2.128": UNCLEAR, "10.0.2.255": UNCLEAR, "10.0.3.9": "v2/s1",
        "10.0.4.0": "10.0.4.0/24", "fd00:0:0:1::9": "v1/s1", "8.8.8.8": INTERNET,
        "10.0.2.200": "v1/s2", "10.0.2.201": UNCLEAR,
    }  # fmt: skip
    assert {one: places.name(one) for one in names} == names
    assert places.host("10.0.1.4") == "n1"
    assert places.host("10.0.2.201") == "", "two have it"
