"""At which interface a packet is judged, and what is said where that cannot be told."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

import flowverdict
from flowverdict.model import Estate
from flowverdict.packets import Places
from tests.conformance.sketch import expand
from tests.load.broken import write

SKETCH = {
    "vnets": {
        "v": {"space": ["10.1.0.0/16"], "subnets": {"s": {"prefixes": ["10.1.0.0/24"]}}},
        "w": {"space": ["10.1.0.0/16"], "subnets": {"s": {"prefixes": ["10.1.0.0/24"]}}},
    },
    "nics": {
        "one": {"subnet": "v/s", "ip": ["10.1.0.4"], "vm": "vm1", "publicIp": "20.1.2.3"},
        "two": {"subnet": "v/s", "ip": ["10.1.0.5"], "vm": "vm1"},
        "far": {"subnet": "w/s", "ip": ["10.1.0.5"], "nsg": "g"},
    },
    "nsgs": {"g": []},
}
MACS = {"one": "0022486DBA37", "two": "0022486DBA38"}


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Estate:
    folder = tmp_path_factory.mktemp("estate")
    write(folder, expand(SKETCH, "rest"))
    found = flowverdict.load_estate([folder])
    nics = {
        name: replace(nic, mac=MACS.get(name.name, ""))
        for name, nic in found.resources.nics.items()
    }
    return replace(found, resources=replace(found.resources, nics=nics))


def of(estate: Estate, kind: str, name: str) -> str:
    """The id of a resource of the estate."""
    return next(str(one) for one in getattr(estate.resources, kind) if one.name == name)


@pytest.mark.parametrize(
    ("by", "local", "found"),
    [
        ({"nic": "one"}, "10.1.0.4", "one"),
        ({"nic": "ONE"}, "10.9.9.9", "one"),
        ({"nic": ""}, "10.1.0.4", "one"),
        ({"nic": None, "vm": "vm1"}, "10.1.0.5", "two"),
        ({}, "10.1.0.4", "one"),
        ({"mac": "0022486DBA37"}, "10.1.0.4", "one"),
        ({"mac": "00-22-48-6d-ba-37"}, "192.0.2.1", "one"),  # it forwards
        ({"mac": "000D3AFFFFFF"}, "10.1.0.5", "far"),  # the only one whose MAC is not known
        ({"target": "vnets v"}, "10.1.0.5", "two"),
        ({"target": "vnets w"}, "10.1.0.5", "far"),
        ({"acl": "nsgs g"}, "10.1.0.5", "far"),
        ({"mac": None, "target": "nics far"}, "10.1.0.9", "far"),
    ],
)
def test_what_names_the_interface(
    estate: Estate, by: dict[str, str | None], local: str, found: str
) -> None:
    assert ask(estate, by, local) == (of(estate, "nics", found), None)


@pytest.mark.parametrize(
    ("by", "local", "missing"),
    [
        ({}, "10.1.0.9", "network interface with address `10.1.0.9`"),
        ({}, "10.1.0.5", "which interface: `10.1.0.5` is an address of `two` and `far`"),
        ({"mac": "000D3AFFFFFF"}, "10.1.0.4", "network interface with MAC address `000D3AFFFFFF`"),
        ({"nic": "none"}, "10.1.0.4", "network interface `none` is not in the estate"),
        ({"vm": "vm1"}, "10.1.0.9", "no interface of `vm1` has the address `10.1.0.9`"),
        ({"nic": "one"}, "20.1.2.3", "`20.1.2.3` is the public address of `one`"),
    ],
)
def test_what_cannot_be_told_is_named(
    estate: Estate, by: dict[str, str | None], local: str, missing: str
) -> None:
    assert ask(estate, by, local) == (None, missing)


@pytest.mark.parametrize("direction", ["I", "O"])
def test_rows_are_found_each_by_itself(estate: Estate, direction: str) -> None:
    local = pa.array(["10.1.0.4", "10.1.0.9", "10.1.0.4", None])
    other = pa.array(["203.0.113.7"] * 4)
    src, dst = (other, local) if direction == "I" else (local, other)
    ways = pa.array([direction] * 4)
    nics, missing = Places(estate).find({"src_ip": src, "dst_ip": dst, "direction": ways})
    one = of(estate, "nics", "one")
    assert nics.to_pylist() == [one, None, one, None]
    assert missing.to_pylist()[:3] == [None, "network interface with address `10.1.0.9`", None]


def ask(estate: Estate, by: dict[str, str | None], local: str) -> tuple[str | None, str | None]:
    columns: dict[str, list[str | None]] = {
        "src_ip": ["203.0.113.7"],
        "dst_ip": [local],
        "direction": ["I"],
    }
    for name, text in by.items():
        kind, space, rest = (text or "").partition(" ")
        columns[name] = [of(estate, kind, rest) if space else text]
    arrays = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    nics, missing = Places(estate).find(arrays)
    return nics[0].as_py(), missing[0].as_py()
