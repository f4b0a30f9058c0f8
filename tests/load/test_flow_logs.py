"""What `coverage` wants to know of an estate: flow logs, MAC addresses, sizes of machines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowverdict.load import load_estate
from flowverdict.model import FlowLog, ResourceId
from tests.traffic.networks import estate, flow_log, nic, write

SKETCH: dict[str, Any] = {
    "vnets": {"v": {"space": ["10.0.0.0/16"], "subnets": {"s": {"prefixes": ["10.0.1.0/24"]}}}},
    "nsgs": {"n": []},
}


def loaded(tmp_path: Path, **properties: Any) -> FlowLog:
    """The flow log `f` of the network, with some properties."""
    network = estate(tmp_path, SKETCH | {"also": [flow_log("f", "<vnets/v>", **properties)]})
    (one,) = network.resources.flow_logs.values()
    assert network.flow_logs_by_target == {one.target: [one]}
    return one


def said(tmp_path: Path, sketch: dict[str, Any]) -> list[str]:
    return [str(one) for one in load_estate([str(write(tmp_path, sketch))]).errors]


def test_a_flow_log_is_read(tmp_path: Path) -> None:
    workspace = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.X/workspaces/w"
    analytics = {"enabled": True, "workspaceResourceId": workspace}
    one = loaded(
        tmp_path, enabledFilteringCriteria="DstPort=443", recordTypes="B,E",
        flowAnalyticsConfiguration={"networkWatcherFlowAnalyticsConfiguration": analytics},
        format={"type": "JSON", "version": 2},
    )  # fmt: skip
    assert (one.id.name, one.target.name, one.enabled, one.is_of_nsg) == ("f", "v", True, False)
    assert (one.retention_days, one.criteria, one.record_types) == (7, "DstPort=443", "B,E")
    assert one.storage is not None
    assert one.storage.name == "logs"
    assert one.workspace == ResourceId(workspace)


@pytest.mark.parametrize(
    ("policy", "days"),
    [
        ({"days": 30, "enabled": True}, 30),
        ({"days": 0, "enabled": True}, 0),
        ({"days": 7, "enabled": False}, 0),
        ({"days": 7}, 0),
        (None, 0),
    ],
)
def test_retention_that_is_off_keeps(tmp_path: Path, policy: Any, days: int) -> None:
    """R02 and R03 of the flow-log specification."""
    assert loaded(tmp_path, retentionPolicy=policy).retention_days == days


def test_traffic_analytics_that_is_off_is_none(tmp_path: Path) -> None:
    off = {"enabled": False, "workspaceResourceId": "/subscriptions/s/x/y"}
    outer = {"networkWatcherFlowAnalyticsConfiguration": off}
    assert loaded(tmp_path, flowAnalyticsConfiguration=outer).workspace is None


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"retentionPolicy": {"days": 366, "enabled": True}}, "366 days: expected 0, or 1 to 365"),
        ({"enabled": None}, "missing `enabled`"),
        ({"enabled": "yes"}, "`yes` found: expected true or false"),
        ({"targetResourceId": None}, "missing `targetResourceId`"),
        ({"targetResourceId": "vnet1"}, "`vnet1` is no ARM id"),
    ],
    ids=lambda one: "" if isinstance(one, dict) else one,
)
def test_a_flow_log_that_does_not_tell_is_an_error(
    tmp_path: Path, properties: dict[str, Any], message: str
) -> None:
    """R04 among them."""
    (one,) = said(tmp_path, SKETCH | {"also": [flow_log("f", "<vnets/v>", **properties)]})
    assert message in one


@pytest.mark.parametrize(
    ("spelt", "mac"),
    [
        ("00-22-48-6D-BA-37", "0022486DBA37"),
        ("00:22:48:6d:ba:37", "0022486DBA37"),
        ("0022486dba37", "0022486DBA37"),
        ("", ""),
        (None, ""),
    ],
)
def test_mac_addresses_are_as_flow_logs_have_them(
    tmp_path: Path, spelt: str | None, mac: str
) -> None:
    nics = {"nic": nic(1, "v/s", raw={"macAddress": spelt})}
    network = estate(tmp_path, SKETCH | {"nics": nics})
    (one,) = network.resources.nics.values()
    assert one.mac == mac
    assert network.nics_by_mac == ({mac: [one]} if mac else {})


@pytest.mark.parametrize("spelt", ["00-22-48-6D-BA", "00-22-48-6D-BA-3G", "x", "0022486DBA3\uff17"])
def test_what_is_no_mac_address_is_an_error(tmp_path: Path, spelt: str) -> None:
    nics = {"nic": nic(1, "v/s", raw={"macAddress": spelt})}
    (one,) = said(tmp_path, SKETCH | {"nics": nics})
    assert f"`{spelt}` is no MAC address: expected 12 hexadecimal digits" in one


def test_a_machine_has_its_size(tmp_path: Path) -> None:
    machine = {
        "id": "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/m",
        "hardwareProfile": {"vmSize": "Standard_D4s_v6"},
    }
    network = estate(tmp_path, SKETCH | {"also": [machine]})
    assert [one.size for one in network.resources.vms.values()] == ["Standard_D4s_v6"]
