"""Plans: ids that are not known yet, modules, what is removed, and what was there before."""

from __future__ import annotations

import contextlib
import json
import random
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

import flowverdict
from flowverdict.model import Estate, InputError
from tests.load.terraform.states import resource, state

Json = dict[str, Any]

RG = {"resource_group_name": "rg", "location": "eastus"}
ID = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network"


def refers(*names: str) -> Json:
    """An expression of the configuration: each reference as Terraform lists it, exact one first."""
    every = [one for name in names for one in (name, name.rpartition(".")[0])]
    return {"references": every}


def configured(kind: str, name: str, **expressions: Any) -> Json:
    return {
        "address": f"{kind}.{name}", "mode": "managed", "type": kind, "name": name,
        "expressions": expressions,
    }  # fmt: skip


def plan(
    planned: list[Json],
    unknown: Json,
    configuration: list[Json],
    prior: list[Json] | None = None,
    **more: Any,
) -> Json:
    """A plan of the root module; `unknown` has what is known after apply, by address."""
    old = {one["address"]: one["values"] for one in prior or ()}
    found: Json = {
        "format_version": "1.2",
        "terraform_version": "1.9.5",
        "planned_values": _in_modules(planned),
        "resource_changes": [
            *(_change(one, old, unknown.get(one["address"], {})) for one in planned),
            *(_deletion(one) for one in prior or ()
              if one["address"] not in {new["address"] for new in planned}),
        ],
        "configuration": {"root_module": {"resources": configuration}},
    }  # fmt: skip
    if prior is not None:
        found["prior_state"] = {"format_version": "1.0", "values": _in_modules(prior)}
    return {**found, **more}


def _change(one: Json, old: Json, unknown: Json) -> Json:
    before = old.get(one["address"])
    action = "create" if before is None else "no-op" if before == one["values"] else "update"
    change = {"actions": [action], "before": before, "after": one["values"],
              "after_unknown": unknown}  # fmt: skip
    return {**_named(one), "change": change}


def _deletion(one: Json) -> Json:
    change = {"actions": ["delete"], "before": one["values"], "after": None, "after_unknown": {}}
    return {**_named(one), "change": change}


def _named(one: Json) -> Json:
    """A resource as a change names it: with the address of its module, without values."""
    found = {key: told for key, told in one.items() if key != "values"}
    module = one["address"].rpartition(f"{one['type']}.")[0].removesuffix("data.").rstrip(".")
    return {**found, "module_address": module} if module else found


def _in_modules(resources: list[Json]) -> Json:
    """Resources in the modules of their addresses, one level deep."""
    modules: dict[str, list[Json]] = {}
    for one in resources:
        modules.setdefault(_named(one).get("module_address", ""), []).append(one)
    return {
        "root_module": {
            "resources": modules.pop("", []),
            "child_modules": [
                {"address": name, "resources": some} for name, some in modules.items()
            ],
        }
    }


def rule(name: str, port: Any, **more: Any) -> Json:
    return {
        "name": name, "priority": 100, "direction": "Inbound", "access": "Allow",
        "protocol": "Tcp", "source_port_range": "*", "source_port_ranges": None,
        "destination_port_range": port, "destination_port_ranges": None,
        "source_address_prefix": "Internet", "source_address_prefixes": None,
        "destination_address_prefix": "*", "destination_address_prefixes": None,
        "source_application_security_group_ids": None,
        "destination_application_security_group_ids": None, **more,
    }  # fmt: skip


def network(**changes: Json) -> Json:
    """A plan of one machine, all of it new: its ids are known after apply."""
    nsg_rule = {
        **rule("Rdp", "3389"),
        "resource_group_name": "rg", "network_security_group_name": "web-nsg",
    } | changes.get("rule", {})  # fmt: skip
    address = changes.get("address", {"private_ip_address": "10.0.1.4"})
    planned = [
        resource("azurerm_virtual_network", "v", name="v", address_space=["10.0.0.0/16"], **RG),
        resource("azurerm_subnet", "web", name="web", address_prefixes=["10.0.1.0/24"],
                 resource_group_name="rg", virtual_network_name="v"),
        resource("azurerm_network_security_group", "web", name="web-nsg", **RG),
        resource("azurerm_network_security_rule", "rdp", **nsg_rule),
        resource("azurerm_subnet_network_security_group_association", "web"),
        resource("azurerm_network_interface", "web", name="web-nic", **RG,
                 ip_configuration=[{"name": "main", **address}]),
        resource("azurerm_linux_virtual_machine", "web", name="web-vm", size="Standard_B1s", **RG),
    ]  # fmt: skip
    unknown: Json = {
        "azurerm_virtual_network.v": {"id": True, "subnet": True},
        "azurerm_subnet.web": {"id": True},
        "azurerm_network_security_group.web": {"id": True, "security_rule": True},
        "azurerm_network_security_rule.rdp": {"id": True, **changes.get("unknown", {})},
        "azurerm_subnet_network_security_group_association.web": {
            "id": True, "subnet_id": True, "network_security_group_id": True,
        },
        "azurerm_network_interface.web": {
            "id": True, "mac_address": True,
            "ip_configuration": [{"subnet_id": True,
                                  **{name: True for name, value in address.items() if not value}}],
        },
        "azurerm_linux_virtual_machine.web": {"id": True, "network_interface_ids": True},
    }  # fmt: skip
    configuration = [
        configured("azurerm_virtual_network", "v"),
        configured("azurerm_network_security_group", "web"),
        configured("azurerm_subnet_network_security_group_association", "web",
                   subnet_id=refers("azurerm_subnet.web.id"),
                   network_security_group_id=refers("azurerm_network_security_group.web.id")),
        configured("azurerm_network_interface", "web",
                   ip_configuration=[{"subnet_id": refers("azurerm_subnet.web.id")}]),
        configured("azurerm_linux_virtual_machine", "web",
                   network_interface_ids=refers("azurerm_network_interface.web.id")),
    ]  # fmt: skip
    return plan(planned, unknown, configuration)


def load(tmp_path: Path, document: Json, **more: Any) -> Estate:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(document))
    return flowverdict.load_estate(path, **more)


def ask(estate: Estate, port: int = 3389, local: str = "10.0.1.4") -> flowverdict.Verdict:
    return flowverdict.verify(
        estate, vm="web-vm", direction="Inbound", protocol="TCP",
        local=f"{local}:{port}", remote="203.0.113.7",
    )  # fmt: skip


def test_what_is_new_is_judged_and_findings_carry_the_address(tmp_path: Path) -> None:
    estate = load(tmp_path, network())
    told = ask(estate)
    assert (told.access, told.layer) == ("Allow", "subnet")
    assert told.rule is not None
    assert str(told.rule.where).endswith("plan.json: azurerm_network_security_rule.rdp")
    assert ask(estate, 22).access == "Deny"
    assert estate.diagnostics == ()


def test_what_is_known_after_apply_is_unknown_where_it_matters(tmp_path: Path) -> None:
    document = network(
        rule={"source_address_prefix": None}, unknown={"source_address_prefix": True}
    )
    estate = load(tmp_path, document)
    told = ask(estate)
    assert told.access == "Unknown"
    assert "known after apply" in told.missing[0]
    assert ask(estate, 22).access == "Deny"


@pytest.mark.parametrize("told", ["known after apply", None, ""])
def test_an_interface_without_an_address_is_somewhere_in_its_subnet(
    tmp_path: Path, told: str | None
) -> None:
    """A state has an empty text where Azure has not given the address yet."""
    document = network(address={"private_ip_address": None if told else "10.0.1.4"})
    for one in document["resource_changes"]:
        if one["type"] == "azurerm_network_interface" and not told:
            one["change"]["after"]["ip_configuration"][0]["private_ip_address"] = told
    estate = load(tmp_path, document)
    assert ask(estate, local="10.0.1.77").access == "Allow"
    with pytest.raises(flowverdict.RequestError):
        ask(estate, local="10.0.2.77")


def test_a_reference_that_cannot_be_followed_is_named(tmp_path: Path) -> None:
    document = network()
    written = document["configuration"]["root_module"]["resources"]
    [own] = [one for one in written if one["type"] == "azurerm_network_interface"]
    own["expressions"] = {"ip_configuration": [{"subnet_id": {"references": ["local.subnet"]}}]}
    told = ask(load(tmp_path, document))
    assert told.access == "Unknown"
    assert any("subnet of network interface" in one for one in told.missing)


def test_modules_and_their_outputs_are_followed(tmp_path: Path) -> None:
    """A subnet of one module, given to another by an output and a variable; with for_each."""
    net = [
        resource("azurerm_virtual_network", "v", name="v", address_space=["10.0.0.0/16"], **RG),
        *(
            resource("azurerm_subnet", "s", key, name=key, address_prefixes=[prefix],
                     resource_group_name="rg", virtual_network_name="v")
            for key, prefix in (("web", "10.0.1.0/24"), ("db", "10.0.2.0/24"))
        ),
    ]  # fmt: skip
    nics = [
        resource("azurerm_network_interface", "n", name="web-nic", **RG,
                 ip_configuration=[{"name": "main", "private_ip_address": "10.0.1.4"}]),
        resource("azurerm_linux_virtual_machine", "n", name="web-vm", **RG),
    ]  # fmt: skip
    for one in net:
        one["address"] = f"module.net.{one['address']}"
    for one in nics:
        one["address"] = f"module.web.{one['address']}"
    calls = {
        "net": {
            "module": {
                "outputs": {
                    "web_id": {"expression": {"references": [
                        'azurerm_subnet.s["web"].id', 'azurerm_subnet.s["web"]', "azurerm_subnet.s",
                    ]}}
                },
                "resources": [],
            }
        },
        "web": {
            "expressions": {"subnet": {"references": ["module.net.web_id", "module.net"]}},
            "module": {
                "resources": [
                    configured("azurerm_network_interface", "n",
                               ip_configuration=[{"subnet_id": {"references": ["var.subnet"]}}]),
                    configured("azurerm_linux_virtual_machine", "n",
                               network_interface_ids=refers("azurerm_network_interface.n.id")),
                ]
            },
        },
    }  # fmt: skip
    unknown: Json = {
        "module.web.azurerm_network_interface.n": {"ip_configuration": [{"subnet_id": True}]},
        "module.web.azurerm_linux_virtual_machine.n": {"network_interface_ids": True},
    }
    document = plan([*net, *nics], unknown, [])
    document["configuration"]["root_module"] = {"module_calls": calls}
    estate = load(tmp_path, document)
    [nic] = estate.resources.nics.values()
    assert nic.subnet is not None
    assert nic.subnet.name == "web"
    assert ask(estate).access == "Allow"  # no NSG


def test_azapi(tmp_path: Path) -> None:
    body = {
        "properties": {
            "securityRules": [
                {
                    "name": "Rdp",
                    "properties": {
                        "priority": 100, "direction": "Inbound", "access": "Deny", "protocol": "*",
                        "sourceAddressPrefix": "*", "sourcePortRange": "*",
                        "destinationAddressPrefix": "*", "destinationPortRange": "*",
                    },
                }
            ]
        }
    }  # fmt: skip
    for form in (body, json.dumps(body)):
        nsg = resource(
            "azapi_resource", "n", type="Microsoft.Network/networkSecurityGroups@2023-09-01",
            name="n", parent_id="/subscriptions/s/resourceGroups/rg", location="eastus", body=form,
        )  # fmt: skip
        estate = load(tmp_path, state(nsg))
        [found] = estate.resources.nsgs.values()
        assert found.id.text == f"{ID}/networkSecurityGroups/n"
        assert [one.name for one in found.rules if not one.is_default] == ["Rdp"]


def existing(*rules: Json) -> list[Json]:
    """What is there: an NSG with its rules as resources of their own, before one machine."""
    nsg = f"{ID}/networkSecurityGroups/n"
    nic = {"network_interface_id": f"{ID}/networkInterfaces/nic", "network_security_group_id": nsg}
    ip = {"name": "m", "private_ip_address": "10.0.1.4",
          "subnet_id": f"{ID}/virtualNetworks/v/subnets/s"}  # fmt: skip
    return [
        resource("azurerm_virtual_network", "v", id=f"{ID}/virtualNetworks/v", name="v",
                 address_space=["10.0.0.0/16"],
                 subnet=[{"name": "s", "address_prefixes": ["10.0.1.0/24"], "security_group": ""}]),
        resource("azurerm_network_security_group", "n", id=nsg, name="n", security_rule=[*rules]),
        *(
            resource("azurerm_network_security_rule", one["name"],
                     id=f"{nsg}/securityRules/{one['name']}", **one)
            for one in rules
        ),
        resource("azurerm_network_interface", "nic", id=f"{ID}/networkInterfaces/nic", name="nic",
                 ip_configuration=[ip]),
        resource("azurerm_network_interface_security_group_association", "nic", **nic),
        resource("azurerm_linux_virtual_machine", "web-vm", name="web-vm",
                 id="/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/web-vm",
                 network_interface_ids=[f"{ID}/networkInterfaces/nic"]),
    ]  # fmt: skip


def test_before_and_after(tmp_path: Path) -> None:
    document = plan(existing(), {}, [], prior=existing(rule("Rdp", "3389")))
    assert ask(load(tmp_path, document)).access == "Deny"
    assert ask(load(tmp_path, document, prior=True)).access == "Allow"


def test_what_a_plan_removes_goes_from_an_export(tmp_path: Path) -> None:
    """The rule stands in the NSG's own list too, as the provider reads it back."""
    export = tmp_path / "export"
    export.mkdir()
    (export / "state.json").write_text(json.dumps(state(*existing(rule("Rdp", "3389")))))
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan(existing(), {}, [], prior=existing(rule("Rdp", "3389")))))
    assert ask(flowverdict.load_estate(export)).access == "Allow"
    assert ask(flowverdict.load_estate(export, change=path)).access == "Deny"


@pytest.mark.parametrize(
    "wrong",
    [
        {"planned_values": {"root_module": {"resources": [{"type": "azurerm_subnet"}]}}},
        {"values": {"root_module": {"resources": [{"address": 1}]}}},
    ],
)
def test_what_is_no_plan_is_one_line(tmp_path: Path, wrong: Json) -> None:
    with pytest.raises(InputError) as told:
        load(tmp_path, {"format_version": "1.0", "terraform_version": "1.9.5", **wrong})
    assert "\n" not in str(told.value)
    assert "terraform show -json" in str(told.value)


def test_an_empty_state_is_an_empty_estate(tmp_path: Path) -> None:
    assert not load(
        tmp_path, {"format_version": "1.0", "terraform_version": "1.9.5"}
    ).resources.nics


def test_what_is_not_read_and_matters_is_told(tmp_path: Path) -> None:
    estate = load(
        tmp_path,
        state(
            resource("azurerm_route_server", "x", name="x"),
            resource("azurerm_route_server", "y", name="y"),
            resource("azurerm_route_filter", "w", name="w"),
            resource("azurerm_storage_account", "z", name="z"),
        ),
    )
    [told] = estate.diagnostics
    assert told.where.path == "azurerm_route_server.x"
    assert "`azurerm_route_server` is not read, 1 more" in told.what


def test_a_mutated_plan_is_read_or_refused(tmp_path: Path) -> None:
    """Whatever stands in the place of a value: an estate, or the documented error."""
    chance = random.Random(7)
    junk = [None, True, 7, "x", "/subscriptions/a", [], {}, [1], {"a": 1}, ["x"], [[]], [{}]]
    for _ in range(150):
        document = plan(existing(rule("A", "22")), {}, [], prior=existing())
        if chance.random() < 0.5:
            document = network()
        document = json.loads(json.dumps(document))
        for _ in range(chance.randint(1, 3)):
            _mutate(document, chance, deepcopy(chance.choice(junk)))
        for prior in (False, True):
            with contextlib.suppress(InputError):
                load(tmp_path, document, prior=prior)


def _mutate(value: Any, chance: random.Random, junk: Any) -> None:
    """Puts something else in the place of one value, somewhere below."""
    while value:
        some = list(value) if isinstance(value, dict) else range(len(value))
        key = chance.choice(some)
        if not isinstance(value[key], (dict, list)) or not value[key] or chance.random() < 0.15:
            value[key] = junk
            return
        value = value[key]
