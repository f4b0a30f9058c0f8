"""Ids that are known after apply: made of names, and references followed to what they mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowverdict.model import ResourceId
from tests.load.terraform.plans import (
    GROUP,
    IN_GROUP,
    NETWORK,
    Json,
    ask,
    configured,
    data,
    inside,
    load,
    nic,
    nsg,
    plan_of,
    refers,
    rule,
    subnet,
    tied,
    vnet,
)
from tests.load.terraform.states import resource

TIE = "azurerm_subnet_network_security_group_association"


def new(one: Json, *unknown: str) -> Json:
    """A resource that is not there yet: without its id, and without what is known after apply."""
    values = {key: told for key, told in one["values"].items() if key not in ("id", *unknown)}
    return {**one, "values": values}


def repeated(kind: str, label: str, keys: list[Any], **values: Any) -> list[Json]:
    """Instances of one resource; `KEY` in a value stands for the key."""
    return [
        resource(kind, label, key, **{
            name: told.replace("KEY", str(key)) if isinstance(told, str) else told
            for name, told in values.items()
        })
        for key in keys
    ]  # fmt: skip


def network(
    keys: list[Any],
    expression: Json,
    *,
    by: Json | None = None,
    more: Json | None = None,
    places: list[Any] | None = None,
) -> Json:
    """A plan of subnets, of a closed NSG, and of what attaches it to each of some subnets."""
    subnets = repeated(
        "azurerm_subnet", "s", places or keys, name="sKEY", address_prefixes=["10.0.1.0/24"],
        resource_group_name="rg", virtual_network_name="v",
    )  # fmt: skip
    ties = repeated(TIE, "t", keys)
    nics = [
        resource(
            "azurerm_network_interface", f"n{one['index']}", name=f"n{one['index']}", **IN_GROUP,
            id=f"{NETWORK}/networkInterfaces/n{one['index']}",
            ip_configuration=[{
                "name": "i", "private_ip_address": "10.0.1.4",
                "subnet_id": f"{NETWORK}/virtualNetworks/v/subnets/s{one['index']}",
            }],
        )
        for one in subnets
    ]  # fmt: skip
    unknown: Json = {one["address"]: {"id": True} for one in subnets}
    unknown |= {
        one["address"]: {"subnet_id": True, "network_security_group_id": True} for one in ties
    }
    group = refers("azurerm_network_security_group.n.id")
    configuration = {
        "resources": [
            configured(TIE, "t", by=by, subnet_id=expression, network_security_group_id=group),
            configured("azurerm_subnet", "s", by=by),
        ],
        **(more or {}),
    }
    after = [vnet(), new(nsg()), *subnets, *ties, *nics]
    unknown["azurerm_network_security_group.n"] = {"id": True}
    return plan_of([], after, unknown=unknown, configuration=configuration)


def accesses(tmp_path: Path, document: Json, keys: list[Any]) -> list[str]:
    """What becomes of RDP in each subnet: without the NSG everything is allowed."""
    estate = load(tmp_path, document)
    return [ask(estate, name=f"n{key}").access for key in keys]


FOR_EACH: Json = {"for_each_expression": {"references": ["local.subnets"]}}
COUNT: Json = {"count_expression": {"references": ["var.n"]}}
MAP: Json = {"for_each_expression": {"references": ["var.ties"]}}


CASES: dict[str, tuple[Json, Json | None, list[Any], list[str]]] = {
    "an index that is written out": (
        refers('azurerm_subnet.s["a"].id'), None, [None], ["Deny", "Allow"],
    ),
    "the same key": (
        refers("azurerm_subnet.s", "each.key"), FOR_EACH, ["a", "b"], ["Deny", "Deny"],
    ),
    "a key of some": (
        refers("azurerm_subnet.s", "each.key"), FOR_EACH, ["b"], ["Allow", "Deny"],
    ),
    "over the resources themselves": (
        refers("each.value.id", "each.value"), {"for_each_expression": refers("azurerm_subnet.s")},
        ["a", "b"], ["Deny", "Deny"],
    ),
    "by a map that is a variable": (
        refers("azurerm_subnet.s", "each.value.subnet", "each.value"), MAP, ["x"],
        ["Allow", "Deny"],
    ),
    "through a resource that passes it on": (
        refers("terraform_data.first.output"), None, [None], ["Unknown", "Unknown"],
    ),
    "a local value": (refers("local.ids", "each.key"), FOR_EACH, ["a"], ["Unknown", "Unknown"]),
    "one of all": (refers("azurerm_subnet.s"), FOR_EACH, ["a"], ["Unknown", "Unknown"]),
    "one or the other": (
        refers('azurerm_subnet.s["a"].id', 'azurerm_subnet.s["b"].id'), None, [None],
        ["Unknown", "Unknown"],
    ),
    "an id that is put together": (
        refers("azurerm_virtual_network.v.id"), None, [None], ["Unknown", "Unknown"],
    ),
    "a module that is not there": (
        refers("module.m.subnet"), None, [None], ["Unknown", "Unknown"],
    ),
    "nothing that the plan keeps": ({}, None, [None], ["Unknown", "Unknown"]),
}  # fmt: skip


@pytest.mark.parametrize(("expression", "by", "keys", "found"), CASES.values(), ids=CASES)
def test_who_is_meant(
    tmp_path: Path, expression: Json, by: Json | None, keys: list[Any], found: list[str]
) -> None:
    """Where the plan does not tell which subnet the NSG is attached to, each may be the one."""
    document = network(keys, expression, by=by, places=["a", "b"])
    document["variables"] = {"ties": {"value": {"x": {"subnet": "b"}}}}
    assert accesses(tmp_path, document, ["a", "b"]) == found


def test_count_is_taken_as_it_is_and_that_is_said(tmp_path: Path) -> None:
    expression = refers("azurerm_subnet.s", "count.index")
    document = network([0, 1], expression, by=COUNT)
    assert accesses(tmp_path, document, [0, 1]) == ["Deny", "Deny"]
    [told] = [one for one in load(tmp_path, document).diagnostics if one.code == "count"]
    assert (told.code, told.where.path) == ("count", f"{TIE}.t.subnet_id")


def test_repeated_resources_are_as_if_written_out(tmp_path: Path) -> None:
    """The law: with `for_each` or one by one, the same estate but for the addresses."""
    by_key = load(
        tmp_path, network(["a", "b"], refers("azurerm_subnet.s", "each.key"), by=FOR_EACH)
    )
    ties = [new(tied(f"s{key}"), "subnet_id", "network_security_group_id") for key in "ab"]
    written = network([], {}, places=["a", "b"])
    for one in ties:
        written["resource_changes"].append({
            **{name: told for name, told in one.items() if name != "values"},
            "change": {"actions": ["create"], "before": None, "after": {},
                       "after_unknown": {"subnet_id": True, "network_security_group_id": True}},
        })  # fmt: skip
        written["configuration"]["root_module"]["resources"].append(configured(
            TIE, one["name"], subnet_id=refers(f'azurerm_subnet.s["{one["name"][1:]}"].id'),
            network_security_group_id=refers("azurerm_network_security_group.n.id"),
        ))  # fmt: skip
    assert load(tmp_path, written).resources == by_key.resources


def test_modules_are_followed_by_outputs_and_variables(tmp_path: Path) -> None:
    """A module for each region makes a subnet; another attaches the NSG that it is given."""
    subnets = [
        inside(f'module.net["{key}"]', resource(
            "azurerm_subnet", "s", name=f"s{key}", address_prefixes=["10.0.1.0/24"],
            resource_group_name="rg", virtual_network_name="v",
        ))
        for key in ("a", "b")
    ]  # fmt: skip
    ties = [inside(f'module.tie["{key}"]', resource(TIE, "t")) for key in ("b",)]
    nics = [nic(f"n{key}", place=f"s{key}") for key in ("a", "b")]
    unknown: Json = {one["address"]: {"id": True} for one in subnets}
    unknown |= {
        one["address"]: {"subnet_id": True, "network_security_group_id": True} for one in ties
    }
    group = new(nsg())
    unknown[group["address"]] = {"id": True}
    regions = {"for_each_expression": refers("local.regions")}
    calls = {
        "net": {
            **regions,
            "module": {"outputs": {"subnet": {"expression": refers("azurerm_subnet.s.id")},
                                   "name": {"expression": refers("azurerm_subnet.s.name")}},
                       "resources": [configured("azurerm_subnet", "s")]},
        },
        "tie": {
            **regions,
            "expressions": {"place": refers("module.net", "each.key"),
                            "group": refers("azurerm_network_security_group.n.id")},
            "module": {"resources": [configured(
                TIE, "t", subnet_id=refers("var.place"),
                network_security_group_id=refers("var.group"),
            )]},
        },
    }  # fmt: skip
    after = [vnet(), group, *subnets, *ties, *nics]
    document = plan_of([], after, unknown=unknown, configuration={"module_calls": calls})
    assert accesses(tmp_path, document, ["a", "b"]) == ["Allow", "Deny"]


def test_the_peering_of_the_documentation_is_not_guessed(tmp_path: Path) -> None:
    """`element(vnet.*.id, 1 - count.index)`: a plan keeps `count.index` of it alone."""
    networks = [
        resource("azurerm_virtual_network", "v", at, name=f"v{at}",
                 address_space=[f"10.{at}.0.0/16"], **IN_GROUP)
        for at in (0, 1)
    ]  # fmt: skip
    peerings = [
        resource("azurerm_virtual_network_peering", "p", at, name=f"p{at}",
                 resource_group_name="rg", virtual_network_name=f"v{at}")
        for at in (0, 1)
    ]  # fmt: skip
    unknown: Json = {one["address"]: {"id": True, "subnet": True} for one in networks}
    unknown |= {one["address"]: {"remote_virtual_network_id": True} for one in peerings}
    expression = refers("azurerm_virtual_network.v", "count.index")
    written = [configured("azurerm_virtual_network_peering", "p", by=COUNT,
                          remote_virtual_network_id=expression)]  # fmt: skip
    document = plan_of(
        [], [*networks, *peerings], unknown=unknown, configuration={"resources": written}
    )
    estate = load(tmp_path, document)
    assert not estate.resources.vnets
    told = {one.where.path.partition(".remoteV")[0] for one in estate.errors}
    assert told == {f"azurerm_virtual_network_peering.p[{at}]" for at in (0, 1)}


def test_names_that_are_not_known_do_not_make_one_of_two(tmp_path: Path) -> None:
    groups = [
        resource("azurerm_network_security_group", f"n{at}", name="same", location="eastus",
                 security_rule=[rule("Rdp")] * at)
        for at in (0, 1)
    ]  # fmt: skip
    unknown = {one["address"]: {"id": True, "resource_group_name": True} for one in groups}
    estate = load(tmp_path, plan_of([], groups, unknown=unknown))
    assert len(estate.resources.nsgs) == 2
    assert all("{azurerm_network_security_group" in str(one) for one in estate.resources.nsgs)


@pytest.mark.parametrize(("name", "doubtful"), [(None, ["a", "b"]), ("a", ["a"]), ("c", [])])
def test_a_rule_of_which_it_is_not_known_whose_it_is(
    tmp_path: Path, name: str | None, doubtful: list[str]
) -> None:
    """Each NSG that it may be part of is not known; left out, it could only be missed."""
    groups = [
        resource("azurerm_network_security_group", one, name=one, location="eastus",
                 resource_group_name="rg", security_rule=[])
        for one in ("a", "b")
    ]  # fmt: skip
    attribute = "resource_group_name" if name else "network_security_group_name"
    told = {"resource_group_name": "rg", "network_security_group_name": name}
    part = resource("azurerm_network_security_rule", "r", **{**rule("Rdp"), **told})
    del part["values"][attribute]
    unknown: Json = {part["address"]: {"id": True, attribute: True}}
    written = [configured("azurerm_network_security_rule", "r", **{attribute: refers("local.x")})]
    document = plan_of([], [*groups, part], unknown=unknown, configuration={"resources": written})
    estate = load(tmp_path, document)
    assert [one.name for one in estate.broken] == doubtful
    assert any("it is not known whose it is" in one.what for one in estate.diagnostics)


def test_blocks_that_are_not_told_are_not_left_out(tmp_path: Path) -> None:
    """A list of rules without its configuration, and lists in which something is no rule."""
    nsg = resource("azurerm_network_security_group", "n", name="n", location="eastus",
                   resource_group_name="rg")  # fmt: skip
    unknown: Json = {nsg["address"]: {"id": True, "security_rule": True}}
    assert not load(tmp_path, plan_of([], [nsg], unknown=unknown)).resources.nsgs
    for wrong in ("*", [1], [None]):
        nsg["values"]["security_rule"] = wrong
        estate = load(tmp_path, plan_of([], [nsg]))
        [(broken, reason)] = estate.broken.items()
        assert (broken.name, reason.where.path) == ("n", f"{nsg['address']}.security_rule")


def test_each_provider_has_its_own_subscription(tmp_path: Path) -> None:
    """Told by a constant, by a variable, by what it looked up, or not at all."""
    networks = [new(vnet(name)) for name in ("c", "x", "d", "u")]
    looked_up = data("azurerm_client_config", "d", subscription_id="of-d")
    written = [
        {**configured("azurerm_virtual_network", name), "provider_config_key": f"azurerm.{name}"}
        for name in ("c", "x", "d", "u")
    ]
    written.append({
        **configured("azurerm_client_config", "d"),
        "mode": "data", "provider_config_key": "azurerm.d",
    })  # fmt: skip
    document = plan_of(
        [looked_up], networks, unknown={one["address"]: {"id": True} for one in networks},
        configuration={"resources": written}, variables={"sub": {"value": "of-x"}},
    )  # fmt: skip
    document["configuration"]["provider_config"] = {
        "azurerm.c": {"expressions": {"subscription_id": {"constant_value": "of-c"}}},
        "azurerm.x": {"expressions": {"subscription_id": refers("var.sub")}},
    }
    found = {one.name: one.subscription for one in load(tmp_path, document).resources.vnets}
    assert found == {"c": "of-c", "x": "of-x", "d": "of-d", "u": "{subscription of azurerm.u}"}


def test_bodies_of_azapi(tmp_path: Path) -> None:
    """References inside of a body, an update, and a commit."""
    group = resource(
        "azapi_resource", "g", name="n", parent_id=f"{NETWORK.partition('/providers')[0]}",
        type="Microsoft.Network/networkSecurityGroups@2024-05-01",
        body={"properties": {"securityRules": [
            {"name": "Rdp", "properties": {
                "priority": 100, "direction": "Inbound", "access": "Allow", "protocol": "*",
                "sourceAddressPrefix": "*", "sourcePortRange": "*",
                "destinationAddressPrefix": "*", "destinationPortRange": "3389"}}]}},
    )  # fmt: skip
    place = resource(
        "azapi_resource", "s", name="s",
        type="Microsoft.Network/virtualNetworks/subnets@2024-05-01",
        parent_id=f"{NETWORK}/virtualNetworks/v",
        body={"properties": {"addressPrefix": "10.0.1.0/24", "networkSecurityGroup": {}}},
    )  # fmt: skip
    unknown = {
        group["address"]: {"id": True},
        place["address"]: {
            "id": True, "body": {"properties": {"networkSecurityGroup": {"id": True}}},
        },
    }  # fmt: skip
    written = [configured("azapi_resource", "s", body=refers("azapi_resource.g.id"))]
    there = [vnet(), group, place, nic()]
    document = plan_of([], there, unknown=unknown, configuration={"resources": written})
    estate = load(tmp_path, document)
    assert [ask(estate, port).access for port in (3389, 22)] == ["Allow", "Deny"]
    update = resource(
        "azapi_update_resource", "u", resource_id=f"{NETWORK}/virtualNetworks/v/subnets/s",
        type="Microsoft.Network/virtualNetworks/subnets@2024-05-01",
        body={"properties": {"networkSecurityGroup": None}},
    )  # fmt: skip
    document = plan_of([], [*there, update], unknown=unknown, configuration={"resources": written})
    assert ask(load(tmp_path, document)).layer is None
    update["values"]["resource_id"] = f"{NETWORK}/virtualNetworks/x"
    document = plan_of([], [*there, update], unknown=unknown, configuration={"resources": written})
    assert len(load(tmp_path, document).broken) == 1


@pytest.mark.parametrize("kind", ["virtualMachines", "virtualMachineScaleSets"])
def test_interfaces_of_machines_of_azapi(tmp_path: Path, kind: str) -> None:
    """They stand in the body alone; where that is not told, some interface is not known."""
    place = {"subnet": {"id": f"{NETWORK}/virtualNetworks/v/subnets/s"}}
    card = {"name": "made", "properties": {"ipConfigurations": [{"properties": place}]}}
    body: Json = {"networkProfile": {"networkInterfaceConfigurations": [card]}}
    if kind == "virtualMachineScaleSets":
        body = {"virtualMachineProfile": body}
    machine = resource(
        "azapi_resource", "m", name="m", type=f"Microsoft.Compute/{kind}@2024-03-01",
        parent_id=GROUP, body={"properties": body},
    )  # fmt: skip
    estate = load(tmp_path, plan_of([], [machine]))
    assert [(one.name, nic.subnet) for one, nic in estate.resources.nics.items()] == [
        ("made", ResourceId(place["subnet"]["id"]))
    ]
    del machine["values"]["body"]
    unknown: Json = {machine["address"]: {"body": True}}
    estate = load(tmp_path, plan_of([], [machine], unknown=unknown))
    assert any(one.type.endswith("/networkinterfaces") for one in estate.broken)


def _by_azapi(kind: str, parent: str, **properties: Any) -> Json:
    return resource(
        "azapi_resource", "x", name="x", type=f"Microsoft.{kind}@2024-05-01",
        parent_id=f"{NETWORK.partition('/providers')[0]}{parent}", location="eastus",
        body={"properties": properties},
    )  # fmt: skip


def test_what_azure_makes_for_bodies_of_azapi(tmp_path: Path) -> None:
    """The interfaces of a scale set, and the peering of a network with a hub."""
    own = {"ipConfigurations": [{"name": "i", "properties": {
        "subnet": {"id": f"{NETWORK}/virtualNetworks/v/subnets/s"}}}]}  # fmt: skip
    described = [{"name": "eth7", "properties": own}]
    scale_set = _by_azapi(
        "Compute/virtualMachineScaleSets", "",
        virtualMachineProfile={"networkProfile": {"networkInterfaceConfigurations": described}},
    )  # fmt: skip
    there = [vnet(), subnet(), nsg(), tied(), nic()]
    estate = load(tmp_path, plan_of([], [*there, scale_set]))
    assert ask(estate, 80, name="eth7", local="10.0.1.9").access == "Deny"
    v = {"id": f"{NETWORK}/virtualNetworks/v"}
    hub = "/providers/Microsoft.Network/virtualHubs/h"
    joint = _by_azapi("Network/virtualHubs/hubVirtualNetworkConnections", hub,
                      remoteVirtualNetwork=v)  # fmt: skip
    near = nsg("n", [rule("Near", source_address_prefix="VirtualNetwork")])
    there = [vnet(), subnet(), near, tied(), nic()]
    assert ask(load(tmp_path, plan_of([], there))).access == "Deny"
    found = ask(load(tmp_path, plan_of([], [*there, joint])))
    assert found.access == "Unknown"
    assert "/virtualHubs/h" in found.missing[0]
    unknown = {joint["address"]: {"body": {"properties": {"remoteVirtualNetwork": {"id": True}}}}}
    found = ask(load(tmp_path, plan_of([], [*there, joint], unknown=unknown)))
    assert found.access == "Unknown"


def test_groups_that_a_policy_fills(tmp_path: Path) -> None:
    """Dynamic membership is a policy and its assignment: with them admin rules reach."""
    manager = f"{NETWORK}/networkManagers/m"
    group, collection = f"{manager}/networkGroups/g", f"{manager}/securityAdminConfigurations/c"
    definition = "/subscriptions/s/providers/Microsoft.Authorization/policyDefinitions/p"
    then = {"effect": "addToNetworkGroup", "details": {"networkGroupId": group}}
    if_ = {"field": "tags['env']", "equals": "prod"}
    there = [
        vnet(tags={"env": "prod"}), subnet(), nic(),
        resource("azurerm_network_manager", "m", id=manager, name="m",
                 scope=[{"subscription_ids": ["/subscriptions/s"]}]),
        resource("azurerm_network_manager_network_group", "g", id=group, name="g"),
        resource("azurerm_policy_definition", "p", id=definition, name="p",
                 policy_rule=json.dumps({"if": if_, "then": then})),
        resource("azurerm_subscription_policy_assignment", "a", name="a",
                 subscription_id="/subscriptions/s", policy_definition_id=definition),
        resource("azurerm_network_manager_security_admin_configuration", "c", id=collection,
                 name="c"),
        resource("azurerm_network_manager_admin_rule_collection", "k", name="k",
                 id=f"{collection}/ruleCollections/k", network_group_ids=[group]),
        resource("azurerm_network_manager_admin_rule", "r", name="r", action="Deny",
                 id=f"{collection}/ruleCollections/k/rules/r", priority=1, direction="Inbound",
                 protocol="Tcp", destination_port_ranges=["3389"]),
        resource("azurerm_network_manager_deployment", "d", network_manager_id=manager,
                 location="East US", scope_access="SecurityAdmin", configuration_ids=[collection]),
    ]  # fmt: skip
    assert ask(load(tmp_path, plan_of(there, there))).layer == "admin"
    there[0]["values"]["tags"] = {"env": "test"}
    assert ask(load(tmp_path, plan_of(there, there))).access == "Allow"


def test_a_service_whose_subnet_is_not_told(tmp_path: Path) -> None:
    """Azure wants a firewall's subnet to have a name; a gateway of applications may be anywhere."""
    places = [new(subnet("s")), new(subnet("AzureFirewallSubnet", "10.0.2.0/24"))]
    inner = [{"name": "i"}]
    firewall = resource("azurerm_firewall", "f", name="f", ip_configuration=inner, **IN_GROUP)
    gateway = resource(
        "azurerm_application_gateway", "g", name="g", gateway_ip_configuration=inner, **IN_GROUP
    )
    unknown: Json = {one["address"]: {"id": True} for one in places}
    unknown[firewall["address"]] = {"ip_configuration": [{"subnet_id": True}]}
    unknown[gateway["address"]] = {"gateway_ip_configuration": [{"subnet_id": True}]}
    through = {"subnet_id": refers("local.places")}
    written = [
        configured("azurerm_firewall", "f", ip_configuration=[through]),
        configured("azurerm_application_gateway", "g", gateway_ip_configuration=[through]),
    ]
    more: Json = {"unknown": unknown, "configuration": {"resources": written}}
    estate = load(tmp_path, plan_of([], [vnet(), *places, firewall, nic()], **more))
    [service] = estate.resources.services.values()
    assert [one.name for one in service.subnets] == ["AzureFirewallSubnet"]
    assert ask(estate).access == "Allow"
    told = ask(load(tmp_path, plan_of([], [vnet(), *places, gateway, nic()], **more)))
    assert told.access == "Unknown"
    assert "azurerm_application_gateway.g" in told.missing[0]


@pytest.mark.parametrize(
    ("named", "doubtful"),
    [("azurerm_network_manager_network_group.g.id", ["v"]), ("random_id.x.hex", [])],
)
def test_a_policy_whose_rule_is_not_told(tmp_path: Path, named: str, doubtful: list[str]) -> None:
    """One that mentions a network group may fill it with any network."""
    manager = f"{NETWORK}/networkManagers/m"
    there = [
        vnet(), subnet(), nic(),
        resource("azurerm_network_manager_network_group", "g", name="g",
                 network_manager_id=manager),
        resource("random_id", "x"),
        resource("azurerm_policy_definition", "p", name="p"),
    ]  # fmt: skip
    written = [configured("azurerm_policy_definition", "p", policy_rule=refers(named))]
    unknown = {"azurerm_policy_definition.p": {"policy_rule": True}}
    unknown |= {one["address"]: {"id": True} for one in there[3:5]}
    document = plan_of([], there, unknown=unknown, configuration={"resources": written})
    assert [one.name for one in load(tmp_path, document).broken] == doubtful
