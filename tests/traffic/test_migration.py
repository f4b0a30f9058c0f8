"""What takes the place of NSG flow logs (specification, section 7)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from flowverdict.model import ResourceId
from flowverdict.traffic import Migration, plan
from flowverdict.traffic.support import is_unseen_size
from tests.traffic.networks import estate, flow_log, names, nic


def planned(
    tmp_path: Path, subnets: Mapping[str, Any], nics: Mapping[str, Any], *also: Any, **more: Any
) -> Migration:
    """The plan for one network; the NSGs n1, n2 and n3 are there."""
    numbered = {
        name: {"prefixes": [f"10.0.{at + 1}.0/24"], **subnet}
        for at, (name, subnet) in enumerate(subnets.items())
    }
    sketch = {
        "vnets": {"vnet1": {"space": ["10.0.0.0/16"], "subnets": numbered}},
        "nsgs": {"n1": [], "n2": [], "n3": []}, "nics": nics, "also": list(also), **more,
    }  # fmt: skip
    network = estate(tmp_path, sketch)
    assert not network.diagnostics, network.diagnostics
    return plan(network, {})


def ids(targets: Any) -> list[str]:
    return names(one.id for one in targets)


ON = [flow_log("f1", "<nsgs/n1>"), flow_log("f2", "<nsgs/n2>")]


def test_a_network_whose_subnets_are_all_logged_alike_gets_one(tmp_path: Path) -> None:
    found = planned(
        tmp_path, {"s1": {"nsg": "n1"}, "s2": {"nsg": "n2"}},
        {"nic1": nic(1, "vnet1/s1"), "nic2": nic(2, "vnet1/s2")}, *ON,
    )  # fmt: skip
    (one,) = found.targets
    assert (one.id.name, one.kind, one.exists) == ("vnet1", "VirtualNetwork", False)
    assert names(one.replaces) == ["n1", "n2"]
    assert names(one.kept) == ["nic1", "nic2"]
    assert (one.gained, one.lost) == ((), ())
    assert ids(found.separate) == ["s1", "s2"]
    assert [(one.nsg.name, one.enabled, len(one.nics)) for one in found.nsgs] == [
        ("n1", True, 1), ("n2", True, 1),
    ]  # fmt: skip


def test_settings_that_differ_keep_subnets_apart(tmp_path: Path) -> None:
    found = planned(
        tmp_path, {"s1": {"nsg": "n1"}, "s2": {"nsg": "n2"}},
        {"nic1": nic(1, "vnet1/s1"), "nic2": nic(2, "vnet1/s2")},
        ON[0], flow_log("f2", "<nsgs/n2>", retentionPolicy={"days": 30, "enabled": True}),
    )  # fmt: skip
    assert ids(found.targets) == ["s1", "s2"]


def test_a_subnet_that_is_not_logged_keeps_the_others_apart(tmp_path: Path) -> None:
    """One flow log on the network would see more: the comparison says what."""
    found = planned(
        tmp_path, {"s1": {"nsg": "n1"}, "s2": {}, "GatewaySubnet": {}},
        {"nic1": nic(1, "vnet1/s1"), "nic2": nic(2, "vnet1/s2")}, *ON,
        gateways={"gw": {"subnet": "vnet1/GatewaySubnet", "type": "Vpn"}},
    )  # fmt: skip
    assert ids(found.targets) == ["s1"]
    (network,) = found.networks
    assert names(network.kept) == ["nic1"]
    assert names(network.gained) == ["nic2", "gw"]


def test_interfaces_that_are_all_logged_alike_become_their_subnet(tmp_path: Path) -> None:
    found = planned(
        tmp_path, {"s1": {}, "s2": {}},
        {
            "nic1": nic(1, "vnet1/s1", nsg="n1"),
            "nic2": {**nic(2, "vnet1/s2", nsg="n1"), "ip": ["10.0.2.4"]},
            "nic3": {**nic(3, "vnet1/s2"), "ip": ["10.0.2.5"]},
        },
        *ON,
    )  # fmt: skip
    assert [(one.id.name, one.kind) for one in found.targets] == [
        ("s1", "Subnet"), ("nic2", "NetworkInterface"),
    ]  # fmt: skip
    assert ids(found.separate) == ["nic1", "nic2"]
    (old,) = [one for one in found.nsgs if one.nsg.name == "n1"]
    assert names(old.attached) == names(old.nics) == ["nic1", "nic2"]


def test_interfaces_of_scale_sets_become_their_subnet(tmp_path: Path) -> None:
    """As Microsoft's script has it: instances come and go."""
    head = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute"
    instance = {
        "id": f"{head}/virtualMachineScaleSets/set/virtualMachines/0/networkInterfaces/nic",
        "properties": {
            "macAddress": "60-45-BD-00-00-0A", "networkSecurityGroup": {"id": "<nsgs/n1>"},
            "ipConfigurations": [{"name": "a", "properties": {
                "privateIPAddress": "10.0.1.9", "subnet": {"id": "<vnets/vnet1/subnets/s1>"}}}],
        },
    }  # fmt: skip
    found = planned(tmp_path, {"s1": {}}, {"nic1": nic(1, "vnet1/s1")}, ON[0], instance)
    assert ids(found.separate) == ids(found.targets) == ["s1"]
    assert names(found.targets[0].gained) == ["nic1"]


def test_a_flow_log_that_is_there_already_is_told(tmp_path: Path) -> None:
    subnets, nics = {"s1": {"nsg": "n1"}, "s2": {}}, {"nic1": nic(1, "vnet1/s1")}
    for name, properties, exists in (("a", {}, True), ("b", {"enabled": False}, False)):
        new = flow_log("new", "<vnets/vnet1>", **properties)
        (one,) = planned(tmp_path / name, subnets, nics, ON[0], new).targets
        assert (one.id.name, one.exists) == ("s1", exists)


@pytest.mark.parametrize(
    ("delegation", "kept", "lost"),
    [
        ("Microsoft.Sql/managedInstances", [], "SQL Managed Instance"),
        ("Microsoft.ContainerInstance/containerGroups", [], "Container Instances"),
        ("Microsoft.BareMetal/AzureVMware", ["nic1"], ""),
    ],
)
def test_services_that_vnet_flow_logs_do_not_record(
    tmp_path: Path, delegation: str, kept: list[str], lost: str
) -> None:
    subnets = {"s1": {"nsg": "n1", "delegations": [delegation]}}
    found = planned(tmp_path, subnets, {"nic1": nic(1, "vnet1/s1")}, *ON)
    (one,) = found.targets
    assert names(one.kept) == kept
    assert [text.partition(" (")[2].rstrip(")") for text in one.lost] == ([lost] if lost else [])


def test_machines_and_gateways_that_nsg_logs_do_not_record_are_gained(tmp_path: Path) -> None:
    machine = {
        "id": "<vms/vm9>".replace("<vms/vm9>", "/subscriptions/s/resourceGroups/rg/providers/"
                                  "Microsoft.Compute/virtualMachines/new"),
        "properties": {
            "hardwareProfile": {"vmSize": "Standard_D4s_v6"},
            "networkProfile": {"networkInterfaces": [{"id": "<nics/nic1>"}]},
        },
    }  # fmt: skip
    plain = {**nic(1, "vnet1/s1")}
    del plain["vm"]
    plain["raw"] = {**plain["raw"], "virtualMachine": {"id": machine["id"]}}
    found = planned(
        tmp_path, {"s1": {"nsg": "n1"}, "s2": {"nsg": "n1"}}, {"nic1": plain}, ON[0], machine,
        applicationGateways={"agw": {"subnet": "vnet1/s2"}},
    )  # fmt: skip
    (one,) = found.targets
    assert [text.rpartition("/")[2] for text in one.gained] == [
        "nic1 (size Standard_D4s_v6)", "agw",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("size", "unseen"),
    [
        ("Standard_D4s_v6", True), ("standard_e8ds_V6", True), ("Standard_F4as_v6", True),
        ("Standard_D4s_v5", False), ("Standard_B2s_v6", False), ("Standard_D4s_v60", False),
        ("", False),
    ],
)  # fmt: skip
def test_sizes_that_nsg_logs_do_not_support(size: str, *, unseen: bool) -> None:
    """Specification, 2.3: D, E and F, version 6."""
    assert is_unseen_size(size) == unseen


def test_an_nsg_of_which_rows_came_is_logged_whatever_the_estate_knows(tmp_path: Path) -> None:
    sketch = {
        "vnets": {"v": {"space": ["10.0.0.0/16"], "subnets": {"s1": {
            "prefixes": ["10.0.1.0/24"], "nsg": "n1"}}}},
        "nsgs": {"n1": []}, "nics": {"nic1": nic(1, "v/s1")},
    }  # fmt: skip
    network = estate(tmp_path, sketch)
    (nsg,) = network.resources.nsgs
    found = plan(network, {ResourceId(str(nsg).upper()): 7, ResourceId("/gone"): 3})
    assert [(one.rows, one.enabled) for one in found.nsgs] == [(3, None), (7, None)]
    assert [one.nsg.name for one in found.nsgs] == ["gone", "n1"]
    assert names(found.unattached) == ["gone"]
    assert ids(found.targets) == ["v"]


def test_without_nsg_logs_there_is_nothing_to_do(tmp_path: Path) -> None:
    found = planned(tmp_path, {"s1": {"nsg": "n1"}}, {"nic1": nic(1, "vnet1/s1")})
    assert found == Migration((), (), (), (), ())
