"""A part of an estate that is laid over the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowverdict import InputError, load_estate
from flowverdict.model import Estate

NETWORK = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network"
MANAGER = f"{NETWORK}/networkManagers/m"
CONFIGURATIONS = [f"{MANAGER}/securityAdminConfigurations/{name}" for name in ("c", "d")]


def vnet(*subnets: str, space: str = "10.0.0.0/16") -> dict[str, Any]:
    inner = [{"name": one, "addressPrefix": f"10.0.{at}.0/24"} for at, one in enumerate(subnets)]
    return {
        "id": f"{NETWORK}/virtualNetworks/v", "type": "Microsoft.Network/virtualNetworks",
        "name": "v", "location": "westeurope",
        "addressSpace": {"addressPrefixes": [space]}, "subnets": inner,
        "virtualNetworkPeerings": [],
    }  # fmt: skip


def nsg(name: str, *ports: int) -> dict[str, Any]:
    rules = [
        {
            "name": f"r{port}", "priority": 100 + at, "direction": "Inbound", "access": "Allow",
            "protocol": "Tcp", "sourceAddressPrefix": "*", "sourcePortRange": "*",
            "destinationAddressPrefix": "*", "destinationPortRange": str(port),
        }
        for at, port in enumerate(ports)
    ]  # fmt: skip
    return {
        "id": f"{NETWORK}/networkSecurityGroups/{name}", "name": name, "securityRules": rules,
        "type": "Microsoft.Network/networkSecurityGroups", "location": "westeurope",
    }  # fmt: skip


def status(configuration: str, region: str = "westeurope", time: str = "2026-05-01") -> Any:
    return {
        "commitTime": f"{time}T00:00:00Z", "region": region, "deploymentStatus": "Deployed",
        "configurationIds": [configuration], "deploymentType": "SecurityAdmin",
        "networkManagerId": MANAGER,
    }  # fmt: skip


def loaded(tmp_path: Path, rest: list[Any], change: list[Any]) -> Estate:
    for name, value in (("rest", rest), ("change", change)):
        (tmp_path / f"{name}.json").write_text(json.dumps(value))
    return load_estate([tmp_path / "rest.json"], change=[tmp_path / "change.json"])


def test_a_resource_takes_the_place_of_the_one_with_its_id(tmp_path: Path) -> None:
    upper = nsg("n", 443)
    upper["id"] = upper["id"].upper()
    estate = loaded(tmp_path, [nsg("n", 22, 80), nsg("other", 22)], [upper, nsg("new", 25)])
    ports = {
        one.id.name.lower(): [rule.name for rule in one.rules if not rule.is_default]
        for one in estate.resources.nsgs.values()
    }
    assert ports == {"n": ["r443"], "other": ["r22"], "new": ["r25"]}
    assert not estate.errors


def test_a_network_takes_its_subnets_along(tmp_path: Path) -> None:
    estate = loaded(tmp_path, [vnet("a", "b")], [vnet("b", "c")])
    assert sorted(one.id.name for one in estate.resources.subnets.values()) == ["b", "c"]


def test_what_stands_twice_in_the_change_is_refused(tmp_path: Path) -> None:
    estate = loaded(tmp_path, [nsg("n", 22)], [nsg("n", 80), nsg("n", 443)])
    assert [one.code for one in estate.errors] == ["duplicate"]


def test_a_commit_takes_the_place_of_the_last_one_there(tmp_path: Path) -> None:
    """Whatever its time: the change is what would be committed."""
    old, new = CONFIGURATIONS
    rest = [status(old, time="2026-06-01"), status(old, "northeurope", time="2026-06-01")]
    estate = loaded(tmp_path, rest, [status(new)])
    found = {one.region: str(one.configurations[0]) for one in estate.deployments}
    assert found["westeurope"].lower() == new.lower()
    assert found["northeurope"].lower() == old.lower()


def test_a_wrong_path_of_the_change_is_told(tmp_path: Path) -> None:
    (tmp_path / "rest.json").write_text(json.dumps([nsg("n", 22)]))
    with pytest.raises(InputError, match=r"nowhere"):
        load_estate([tmp_path / "rest.json"], change=[tmp_path / "nowhere.json"])


@pytest.mark.parametrize("content", ["[]", '{"value": []}'])
def test_a_change_that_holds_nothing_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "rest.json").write_text(json.dumps([nsg("n", 22)]))
    (tmp_path / "change.json").write_text(content)
    with pytest.raises(InputError, match=r"change.json: the change holds no Azure resource"):
        load_estate(tmp_path / "rest.json", change=tmp_path / "change.json")


def rule(name: str, port: int, priority: int) -> dict[str, Any]:
    alone = nsg("n", port)["securityRules"][0] | {"name": name, "priority": priority}
    kind = "Microsoft.Network/networkSecurityGroups/securityRules"
    return alone | {
        "id": f"{NETWORK}/networkSecurityGroups/n/securityRules/{name}",
        "type": kind,
    }


def ports(estate: Estate) -> list[tuple[str, int, str]]:
    (group,) = estate.resources.nsgs.values()
    return [
        (one.name, one.priority, str(one.destination_ports))
        for one in group.rules
        if not one.is_default
    ]


def test_a_rule_alone_joins_its_nsg_or_takes_the_place_of_the_one_with_its_name(
    tmp_path: Path,
) -> None:
    rest = [nsg("n", 22, 443), rule("r22", 22, 100)]
    change = [rule("r22", 8022, 100), rule("new", 53, 300)]
    estate = loaded(tmp_path, rest, change)
    assert not estate.diagnostics
    assert [one[:2] for one in ports(estate)] == [("r22", 100), ("r443", 101), ("new", 300)]
    assert ["8022" in one[2] for one in ports(estate)] == [True, False, False]


def test_a_rule_alone_whose_priority_is_taken_is_told(tmp_path: Path) -> None:
    estate = loaded(tmp_path, [nsg("n", 22)], [rule("new", 53, 100)])
    assert "both have priority 100" in str(estate.diagnostics[0])


def test_a_rule_beside_its_nsg_in_one_change_has_to_be_the_same(tmp_path: Path) -> None:
    estate = loaded(tmp_path, [nsg("n", 22)], [nsg("n", 443), rule("r443", 80, 100)])
    assert "expected exports of the same moment" in str(estate.diagnostics[0])


def test_a_peering_alone_joins_its_network(tmp_path: Path) -> None:
    peering = {
        "id": f"{NETWORK}/virtualNetworks/v/virtualNetworkPeerings/p", "name": "p",
        "type": "Microsoft.Network/virtualNetworks/virtualNetworkPeerings",
        "remoteVirtualNetwork": {"id": f"{NETWORK}/virtualNetworks/w"},
        "peeringState": "Connected", "allowVirtualNetworkAccess": True,
    }  # fmt: skip
    estate = loaded(tmp_path, [vnet("a")], [peering])
    (found,) = estate.resources.vnets.values()
    assert [one.id.name for one in found.peerings] == ["p"]
