"""An estate held against what was logged of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowverdict.traffic import Log, take_stock
from tests.traffic.networks import estate, flow_log, mac, names, nic

SUBNETS = {"s1": {"prefixes": ["10.0.1.0/24"], "nsg": "n1"}, "s2": {"prefixes": ["10.0.2.0/24"]}}
BASE: dict[str, Any] = {
    "vnets": {"vnet1": {"space": ["10.0.0.0/16"], "subnets": SUBNETS}},
    "nsgs": {"n1": [], "n2": []},
    "nics": {"nic1": nic(1, "vnet1/s1"), "nic2": nic(2, "vnet1/s2")},
}


def why(tmp_path: Path, *flow_logs: Any, **changes: Any) -> str:
    """Why no row came of the first interface."""
    found = take_stock(estate(tmp_path, BASE | {"also": list(flow_logs)} | changes), [mac(2)], [])
    (one,) = found.unlogged
    assert (one.nic.name, one.mac) == ("nic1", mac(1))
    return one.why


def test_an_interface_of_which_rows_came_is_logged(tmp_path: Path) -> None:
    found = take_stock(estate(tmp_path, BASE), [mac(1), None, mac(9)], [])
    assert [one.nic.name for one in found.unlogged] == ["nic2"]
    assert found.unknown_macs == (mac(9),)


@pytest.mark.parametrize(
    ("flow_logs", "expected"),
    [
        ([], "the estate has no flow logs: what is set up is not known"),
        ([flow_log("f", "<vnets/vnet1/subnets/s2>")], "no flow log is set up for it"),
        ([flow_log("f", "<vnets/vnet1>", enabled=False)], "flow log `f` is switched off"),
        ([flow_log("f", "<vnets/vnet1>")], "flow log `f` is on, and no row came"),
        (
            [flow_log("f", "<vnets/vnet1>"), flow_log("g", "<nics/nic1>")],
            "flow log `g` is on, and no row came",
        ),
        (
            [flow_log("f", "<vnets/vnet1>"), flow_log("g", "<nics/nic1>", enabled=False)],
            "flow log `f` is on, and no row came",
        ),
        (
            [flow_log("f", "<nsgs/n1>"), flow_log("g", "<vnets/vnet1/subnets/s1>")],
            "flow logs `f` and `g` are on, and no row came",
        ),
    ],
    ids=["none", "elsewhere", "off", "on", "more specific", "more specific but off", "both kinds"],
)
def test_what_is_known_about_why(tmp_path: Path, flow_logs: list[Any], expected: str) -> None:
    assert why(tmp_path, *flow_logs) == expected


def test_services_that_flow_logs_do_not_record(tmp_path: Path) -> None:
    subnet = {**SUBNETS["s1"], "delegations": ["Microsoft.NetApp/volumes"]}
    network = {"space": ["10.0.0.0/16"], "subnets": {**SUBNETS, "s1": subnet}}
    said = why(tmp_path, flow_log("f", "<vnets/vnet1>"), vnets={"vnet1": network})
    assert said == "flow logs do not record NetApp Files"


def test_an_interface_without_a_machine_writes_nothing(tmp_path: Path) -> None:
    alone = {**nic(1, "vnet1/s1")}
    del alone["vm"]
    nics = {"nic1": alone, "nic2": nic(2, "vnet1/s2")}
    said = why(tmp_path, flow_log("f", "<vnets/vnet1>"), nics=nics)
    assert said.endswith("no row came; it is attached to no machine")


def test_what_cannot_be_told_is_said(tmp_path: Path) -> None:
    """An interface that never ran has no MAC address; a private endpoint writes no log."""
    nics = {"nic1": {"subnet": "vnet1/s1", "ip": ["10.0.1.4"]}}
    endpoints = {"pe": {"subnet": "vnet1/s2", "ip": "10.0.2.9"}}
    found = take_stock(
        estate(tmp_path, BASE | {"nics": nics, "privateEndpoints": endpoints}), [], []
    )
    assert names(found.without_mac) == ["nic1"]
    assert found.unlogged == ()


def test_flow_logs_that_are_on_and_write_nothing(tmp_path: Path) -> None:
    """Ids stand in upper case in logs."""
    logs = [
        flow_log("came", "<vnets/vnet1>"), flow_log("silent", "<vnets/vnet1/subnets/s2>"),
        flow_log("off", "<nics/nic2>", enabled=False), flow_log("old", "<nsgs/n1>"),
        flow_log("older", "<nsgs/n2>"),
    ]  # fmt: skip
    network = estate(tmp_path, BASE | {"also": logs})
    old = next(one for one in network.resources.flow_logs.values() if one.id.name == "old")
    came = next(one for one in network.resources.flow_logs.values() if one.id.name == "came")
    rows = [Log("nsg2", str(old.target).upper()), Log("vnet4", "/v", str(came.id).upper())]
    found = take_stock(network, [], rows)
    assert [(one.flow_log.id.name, one.nics) for one in found.silent] == [
        ("older", 0), ("silent", 1),
    ]  # fmt: skip
