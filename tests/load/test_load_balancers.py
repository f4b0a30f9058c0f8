"""Load balancers: what stands in front and behind, and what is not told of either."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import flowverdict
from flowverdict.model import Estate
from flowverdict.net import format_addresses
from tests.conformance.sketch import Form, expand
from tests.load.broken import said, write
from tests.load.template.templates import resource, template
from tests.load.unknowns import load_marked

NETWORK = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/"
POOL = f"{NETWORK}loadBalancers/lb/backendAddressPools/p"


def files(pools: Any, *, form: Form = "rest", **balancer: Any) -> dict[str, Any]:
    """An interface in backend pools, and a load balancer."""
    address = {"address": "10.0.0.4", "raw": {"loadBalancerBackendAddressPools": pools}}
    return expand(
        {
            "vnets": {"v": {"space": ["10.0.0.0/16"], "subnets": {"s": {
                "prefixes": ["10.0.0.0/24"]}}}},
            "nics": {"nic": {"subnet": "v/s", "ip": [address]}},
            "also": [{"id": f"{NETWORK}loadBalancers/lb", "name": "lb", "properties": balancer}],
        },
        form,
    )  # fmt: skip


def pools_of(estate: Estate) -> list[str]:
    (nic,) = estate.resources.nics.values()
    return [pool.text for one in nic.ip_configurations for pool in one.pools]


def backends_of(estate: Estate) -> list[tuple[str, list[str]]]:
    (balancer,) = estate.resources.load_balancers.values()
    return [(vnet.name, list(format_addresses(one))) for vnet, one in balancer.backends]


@pytest.mark.parametrize("form", ["rest", "flat"])
def test_pools_of_interfaces_and_pools_of_addresses(form: Form) -> None:
    vnet = {"id": f"{NETWORK}virtualNetworks/v"}
    members = [
        {"name": "a", "properties": {"ipAddress": "10.0.0.5"}},
        {"name": "b", "properties": {"ipAddress": ""}},
        {"name": "c"},
        {"name": "d", "properties": {"ipAddress": "fd00::5"}},
    ]
    pool = {"name": "q", "properties": {
        "virtualNetwork": vnet, "loadBalancerBackendAddresses": members}}  # fmt: skip
    found = load_marked(files([{"id": POOL}], form=form, backendAddressPools=[pool]))
    assert pools_of(found) == [POOL]
    assert backends_of(found) == [("v", ["10.0.0.5"]), ("v", ["fd00::5"])]


def test_what_is_not_told_is_not_known_and_spoils_nothing_else() -> None:
    mark = "unknown:known after apply"
    for pools in (mark, [mark], [{"id": mark}]):
        assert pools_of(load_marked(files(pools))) == []
    assert pools_of(load_marked(files([{"id": mark}, {"id": POOL}]))) == [POOL]
    known = {"ipAddress": "10.0.0.5", "virtualNetwork": {"id": f"{NETWORK}virtualNetworks/v"}}
    for lost in ({"ipAddress": mark}, {"virtualNetwork": mark}, {"virtualNetwork": {"id": mark}}):
        members = [{"name": "a", "properties": known | lost}, {"name": "b", "properties": known}]
        pool = {"name": "q", "properties": {"loadBalancerBackendAddresses": members}}
        found = load_marked(files([], backendAddressPools=[pool]))
        assert backends_of(found) == [("v", ["10.0.0.5"])]
    members = [{"name": "a", "properties": mark}]
    told = {"name": "q", "properties": {"loadBalancerBackendAddresses": members}}
    for unknown in (mark, [mark], [{"name": "q", "properties": mark}], [told]):
        assert backends_of(load_marked(files([], backendAddressPools=unknown))) == []


def test_pools_of_a_template_as_far_as_it_tells(tmp_path: Path) -> None:
    pool = "'Microsoft.Network/loadBalancers/backendAddressPools'"
    told = {"id": f"[resourceId({pool}, 'lb', 'p')]"}
    named = {"id": f"[resourceId({pool}, parameters('name'), 'p')]"}
    opened = {"id": "[reference('far').outputs.pool.value]"}
    written = template(
        [
            *(nic(name, pools) for name, pools in {
                "a": [told, opened], "b": [named], "c": "[parameters('all')]"}.items()),
            resource("loadBalancers", "lb", {"backendAddressPools": "[parameters('all')]"}),
        ],
        parameters={"name": {"type": "string"}, "all": {"type": "array"}},
    )  # fmt: skip
    (tmp_path / "t.json").write_text(json.dumps(written))
    assert said(tmp_path) == []
    estate = flowverdict.load_estate(tmp_path)
    found = {
        id.name: [pool.parent.name for one in interface.ip_configurations for pool in one.pools]
        for id, interface in estate.resources.nics.items()
    }
    assert found == {"a": ["lb"], "b": ["{t.name}"], "c": []}


def nic(name: str, pools: Any) -> dict[str, Any]:
    configuration = {"privateIPAddress": "10.0.0.4", "loadBalancerBackendAddressPools": pools}
    configurations = [{"name": "c", "properties": configuration}]
    return resource("networkInterfaces", name, {"ipConfigurations": configurations})


@pytest.mark.parametrize(
    ("pools", "balancer", "what"),
    [
        (
            [{"id": NETWORK + "applicationGateways/g/backendAddressPools/p"}],
            {},
            "applicationGateways/g/backendAddressPools/p` is no backend pool of a load balancer",
        ),
        ("p", {}, "a text found: expected a list"),
        (
            [],
            {"frontendIPConfigurations": [{"name": "f", "privateIPAddress": "10.0.0.0/8"}]},
            "`10.0.0.0/8` is no single address: expected `10.0.0.4`",
        ),
        (
            [],
            {"backendAddressPools": [
                {"name": "p", "loadBalancerBackendAddresses": [{"ipAddress": "fd00::/64"}]}]},
            "`fd00::/64` is no single address: expected `10.0.0.4`",
        ),
    ],
)  # fmt: skip
def test_nonsense_is_refused(
    tmp_path: Path, pools: Any, balancer: dict[str, Any], what: str
) -> None:
    write(tmp_path, files(pools, **balancer))
    (line,) = said(tmp_path)
    assert what in line
