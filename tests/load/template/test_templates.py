"""ARM templates as an estate: what they deploy, and what of it is not known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import flowverdict
from flowverdict.load import line_and_column
from flowverdict.model import Direction, Estate, InputError, ResourceId
from flowverdict.net import IntervalSet
from flowverdict.prove.checker import Checker
from flowverdict.prove.claims import Claim
from tests.load.template.templates import (
    NETWORK,
    PLACE,
    SCHEMA,
    deployment,
    loaded,
    network,
    resource,
    rule,
    template,
    values,
    verdict,
)
from tests.policy.estates import Json, load

UNPLACED = "/subscriptions/{subscription}/resourceGroups/{resource-group}"
SECRET = {"admin": {"type": "string"}}


def refused(**files: Json) -> list[str]:
    """What is said of files that cannot be used, without their folder."""
    with pytest.raises(InputError) as caught:
        load({f"{name}.json": one for name, one in files.items()})
    return [f"{Path(one.where.file).name}: {str(one).partition(': ')[2]}"
            for one in caught.value.diagnostics]  # fmt: skip


def said(estate: Estate) -> list[str]:
    return [f"{Path(one.where.file).name}: {str(one).partition(': ')[2]}"
            for one in estate.diagnostics]  # fmt: skip


def test_a_template_stands_apart_until_it_is_told_where_it_goes() -> None:
    estate = loaded(network(rule("web", 100)))
    assert [str(one) for one in estate.resources.nics] == [
        f"{UNPLACED}/providers/Microsoft.Network/networkInterfaces/nic"
    ]
    assert verdict(estate).access == "Allow"
    assert said(estate) == []


def test_a_template_that_stands_apart_is_not_laid_over_an_estate(tmp_path: Path) -> None:
    """It would change nothing, and so prove that nothing changes."""
    placed = load({"main.json": template(network()), "told.json": deployment()})
    (nsg,) = placed.resources.nsgs
    state = {"id": nsg.text, "name": "n", "type": "Microsoft.Network/networkSecurityGroups",
             "securityRules": [], "location": "eastus"}  # fmt: skip
    files = {"main.json": template(network(rule("web", 100))[:1]), "told.json": deployment(),
             "export.json": [state]}  # fmt: skip
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    main, told, export = (tmp_path / name for name in files)
    with pytest.raises(InputError) as caught:
        flowverdict.load_estate(export, change=main)
    assert [Path(one.where.file).name for one in caught.value.diagnostics] == ["main.json"]
    assert "it changes nothing of it: expected the deployment beside it" in str(caught.value)
    changed = flowverdict.load_estate(export, change=[main, told])
    assert len(changed.resources.nsgs[nsg].rules) == 7
    beside = flowverdict.load_estate([export, main])
    assert [one.code for one in beside.diagnostics] == ["place"]


def test_a_deployment_tells_where_a_template_goes_and_its_values() -> None:
    rules = [rule("web", 100, sourceAddressPrefix="[parameters('admin')]")]
    files = {"main.json": template(network(*rules), parameters=SECRET)}
    estate = load({**files, "told.json": deployment(admin="8.8.8.8")})
    assert [str(one) for one in estate.resources.nics] == [f"{NETWORK}/networkInterfaces/nic"]
    assert verdict(estate).access == "Allow"
    assert verdict(estate, remote="9.9.9.9").access == "Deny"


def test_a_template_beside_an_export_says_that_it_stands_apart() -> None:
    nsg = {"id": f"{NETWORK}/networkSecurityGroups/other", "properties": {"securityRules": []}}
    estate = load({"export.json": [nsg], "main.json": template(network())})
    (told,) = said(estate)
    assert told.startswith("main.json: the template does not tell where it is deployed: ")


@pytest.mark.parametrize(
    ("name", "remote", "access"),
    [
        ("main.parameters.json", "8.8.8.8", "Allow"),
        ("main.dev.parameters.json", "9.9.9.9", "Deny"),
        ("any name at all.json", "9.9.9.9", "Deny"),
    ],
)
def test_parameters_beside_a_template(name: str, remote: str, access: str) -> None:
    rules = [rule("web", 100, sourceAddressPrefix="[parameters('ADMIN')]")]
    files = {"main.json": template(network(*rules), parameters=SECRET)}
    assert verdict(load({**files, name: values(Admin="8.8.8.8")}), remote=remote).access == access


def test_a_parameter_without_a_value_is_missing_where_it_matters() -> None:
    rules = [rule("web", 100, sourceAddressPrefix="[parameters('admin')]"),
             rule("open", 200, destinationPortRange="80")]  # fmt: skip
    estate = loaded(network(*rules), parameters=SECRET)
    found = verdict(estate)
    assert found.access == "Unknown"
    assert len(found.missing) == 1
    nsg = f"{UNPLACED}/providers/Microsoft.Network/networkSecurityGroups/n"
    why = "parameter `admin` has no value"
    assert found.missing[0] == f"source of rule `web` of `{nsg}` ({why})"
    assert verdict(estate, port=80).access == "Allow"
    assert verdict(estate, port=81).access == "Deny"


@pytest.mark.parametrize(
    ("field", "value"), [("access", "[parameters('admin')]"), ("priority", "[length(utcNow())]")]
)
def test_a_rule_without_access_or_priority_makes_its_nsg_unknown(field: str, value: str) -> None:
    web = rule("web", 100)
    web["properties"][field] = value
    estate = loaded(network(web), parameters=SECRET)
    found = verdict(estate, port=81)
    assert found.access == "Unknown"
    assert f"properties.{field}: value is not known" in found.missing[0]


def looped() -> list[Json]:
    made = rule("[concat('r', copyIndex())]", "[copyIndex(100)]")["properties"]
    made["destinationPortRange"] = "[string(add(440, copyIndex()))]"
    return [
        *network(),
        resource("networkSecurityGroups/securityRules", "[concat('n/r', copyIndex())]", made,
                 copy={"name": "all", "count": 5}),
    ]  # fmt: skip


def in_a_property() -> list[Json]:
    made = rule("[concat('r', copyIndex('securityRules'))]", "[copyIndex('securityRules', 100)]")
    made["properties"]["destinationPortRange"] = "[string(add(440, copyIndex('securityRules')))]"
    nsg, *others = network()
    nsg["properties"] = {"copy": [{"name": "securityRules", "count": 5, "input": made}]}
    return [nsg, *others]


@pytest.mark.parametrize("resources", [looped(), in_a_property()], ids=["resource", "property"])
def test_a_loop_is_its_turns(resources: list[Json]) -> None:
    estate = loaded(resources)
    (nsg,) = estate.resources.nsgs.values()
    unrolled = [rule(f"r{at}", 100 + at, destinationPortRange=str(440 + at)) for at in range(5)]
    (plain,) = loaded(network(*unrolled)).resources.nsgs.values()
    assert nsg.rules == plain.rules


def test_children_are_put_into_their_parents() -> None:
    nsg, vnet, nic = network()
    nsg["resources"] = [{"type": "securityRules", **rule("web", 100)}]
    (subnet,) = vnet["properties"].pop("subnets")
    vnet["resources"] = [{"type": "subnets", "apiVersion": "x", **subnet}]
    peering = resource("virtualNetworks/virtualNetworkPeerings", "v/p",
                       {"remoteVirtualNetwork": {"id": f"{NETWORK}/virtualNetworks/far"},
                        "remoteAddressSpace": {"addressPrefixes": ["10.9.0.0/16"]}})  # fmt: skip
    estate = loaded([nsg, vnet, nic, peering])
    assert verdict(estate).rule.name == "web"
    assert str(verdict(estate).rule.where).endswith("main.json: $.resources[0].resources[0]")
    (found,) = estate.resources.vnets.values()
    assert [one.id.name for one in found.peerings] == ["p"]


def test_a_route_that_stands_beside_its_table() -> None:
    """A default route widens `VirtualNetwork`, wherever it is written."""
    nsg, vnet, nic = network()
    table = {"id": "[resourceId('Microsoft.Network/routeTables', 't')]"}
    vnet["properties"]["subnets"][0]["properties"]["routeTable"] = table
    way = resource("routeTables/routes", "t/out",
                   {"addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance"})  # fmt: skip
    every = [nsg, vnet, nic, resource("routeTables", "t", {})]
    assert verdict(loaded(every)).access == "Deny"
    assert verdict(loaded([*every, way])).access == "Allow"
    doubtful = loaded([*every, {**way, "condition": "[parameters('admin')]"}], parameters=SECRET)
    assert verdict(doubtful).access == "Unknown"


def test_a_child_of_an_exported_parent_is_not_lost() -> None:
    child = resource("networkSecurityGroups/securityRules", "n/web", rule("web", 100)["properties"])
    estate = load({"main.json": template([child])})
    assert "`web` stands here without `n`, which it is part of" in said(estate)[0]


def test_conditions() -> None:
    nsg, vnet, nic = network(rule("web", 100))
    off = {**resource("networkSecurityGroups", "n", {}), "condition": "[equals(1, 2)]"}
    estate = loaded([off, {**nsg, "condition": "[equals(1, 1)]"}, vnet, nic])
    assert verdict(estate).access == "Allow"
    doubtful = {**nsg, "condition": "[parameters('admin')]"}
    found = verdict(loaded([doubtful, vnet, nic], parameters=SECRET))
    assert found.access == "Unknown"
    assert "it is not known whether `n` is deployed (parameter `admin` has no value)" in str(
        found.missing
    )


def test_a_rule_of_which_it_is_not_known_whether_it_is_there() -> None:
    child = resource("networkSecurityGroups/securityRules", "n/web", rule("web", 100)["properties"])
    estate = loaded([*network(), {**child, "condition": "[parameters('admin')]"}],
                    parameters=SECRET)  # fmt: skip
    assert verdict(estate).access == "Unknown"


ANY_NUMBER = {"copy": {"name": "c", "count": "[parameters('admin')]"}}


@pytest.mark.parametrize("kind", ["virtualNetworks", "virtualNetworkGateways"])
def test_how_many_there_are_has_to_be_known_of_what_says_something_of_others(kind: str) -> None:
    many = resource(kind, "x", {}, **ANY_NUMBER)
    (told,) = refused(main=template([many], parameters=SECRET))
    assert told == (
        f"main.json: $.resources[0]: it is not known how many of `Microsoft.Network/{kind}` "
        "there are (parameter `admin` has no value): expected a parameters file that tells"
    )


def _uncounted_rule(name: str) -> Json:
    made = rule("x", "[copyIndex(200)]", destinationPortRange="[string(copyIndex(440))]")
    return resource("networkSecurityGroups/securityRules", name, made["properties"], **ANY_NUMBER)


def test_rules_of_which_it_is_not_known_how_many_there_are() -> None:
    """Their NSG is not known; where it is not known whose they are, no NSG is."""
    other, *others = network()
    spare = {**other, "name": "spare"}
    estate = loaded([other, spare, *others, _uncounted_rule("[concat('n/r', copyIndex())]")],
                    parameters=SECRET)  # fmt: skip
    found = verdict(estate)
    assert found.access == "Unknown"
    why = "it is not known how many of `Microsoft.Network/networkSecurityGroups/securityRules`"
    assert why in found.missing[0]
    assert "n" not in {one.name for one in estate.resources.nsgs}
    assert "spare" in {one.name for one in estate.resources.nsgs}
    rules = _uncounted_rule("[concat('n', copyIndex(), '/r')]")
    found = verdict(loaded([other, spare, *others, rules], parameters=SECRET))
    assert "it is not known whose `r` is (parameter `admin` has no value)" in found.missing[0]


def test_a_network_that_is_connected_to_a_virtual_hub() -> None:
    """What else is behind the hub is in ``VirtualNetwork``, and no template says what."""
    near = network(rule("near", 100, sourceAddressPrefix="VirtualNetwork"))
    remote = {"id": "[resourceId('Microsoft.Network/virtualNetworks', 'v')]"}
    joint = resource("virtualHubs/hubVirtualNetworkConnections", "h/c",
                     {"remoteVirtualNetwork": remote})  # fmt: skip
    assert verdict(loaded(near)).access == "Deny"
    found = verdict(loaded([*near, joint]))
    assert found.access == "Unknown"
    assert "/virtualHubs/h`" in found.missing[0]


def test_a_rule_that_does_not_tell_whose_it_is_may_be_of_any_nsg() -> None:
    name = "[concat(parameters('admin'), '/shut')]"
    shut = rule("x", 100, "Deny")["properties"]
    part = resource("networkSecurityGroups/securityRules", name, shut)
    found = verdict(loaded([*network(rule("web", 200)), part], parameters=SECRET))
    assert found.access == "Unknown"
    assert "whose `shut` is (parameter `admin` has no value)" in found.missing[0]
    nsg, vnet, nic = network(rule("web", 200))
    nsg["name"] = "[parameters('admin')]"
    subnet = vnet["properties"]["subnets"][0]["properties"]
    subnet["networkSecurityGroup"]["id"] = (
        "[resourceId('Microsoft.Network/networkSecurityGroups', parameters('admin'))]"
    )
    found = verdict(loaded([nsg, vnet, nic, part], parameters=SECRET))
    assert found.access == "Deny"
    assert found.rule.name == "shut"


def test_interfaces_of_which_it_is_not_known_how_many_there_are() -> None:
    """They may be in any group, and any claim about all interfaces hangs on them."""
    asg = resource("applicationSecurityGroups", "g", {})
    group = {"id": "[resourceId('Microsoft.Network/applicationSecurityGroups', 'g')]"}
    by_group = rule("group", 101, "Deny", destinationPortRange="80",
                    sourceApplicationSecurityGroups=[group])  # fmt: skip
    del by_group["properties"]["sourceAddressPrefix"]
    nsg, vnet, nic = network(
        by_group, rule("web", 100), rule("all", 110, destinationPortRange="80")
    )
    many = {**nic, "name": "[concat('more', copyIndex())]", **ANY_NUMBER}
    estate = loaded([asg, nsg, vnet, nic, many], parameters=SECRET)
    assert verdict(estate).access == "Allow"
    found = verdict(estate, port=80)
    assert found.access == "Unknown"
    assert "how many of `Microsoft.Network/networkInterfaces` there are" in found.missing[0]
    claim = Claim("no SSH", "deny", Direction.INBOUND, ("Internet",), ("any",), (),
                  IntervalSet([(6, 6)]), IntervalSet([(22, 22)]))  # fmt: skip
    result = Checker(estate).check(claim)
    assert result.verdict == "unknown"


def test_nested_deployments_that_may_not_be_there_or_be_any_number() -> None:
    """What they deploy is as doubtful as they are."""
    nsg, *others = network(rule("web", 100))
    inner = {"type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "d",
             "properties": {"mode": "Incremental", "template": template([nsg])}}  # fmt: skip
    assert verdict(loaded([inner, *others])).access == "Allow"
    maybe = {**inner, "condition": "[parameters('admin')]"}
    found = verdict(loaded([maybe, *others], parameters=SECRET))
    assert found.access == "Unknown"
    assert "it is not known whether `d` is deployed" in found.missing[0]
    many = {**inner, "name": "[concat('d', copyIndex())]", **ANY_NUMBER}
    found = verdict(loaded([many, *others], parameters=SECRET))
    assert found.access == "Unknown"
    assert "how many of `Microsoft.Resources/deployments` there are" in found.missing[0]


def test_what_decides_no_packet_may_be_any_number() -> None:
    many = {"type": "Microsoft.Storage/storageAccounts", "name": "x",
            "copy": {"name": "c", "count": "[parameters('admin')]"}}  # fmt: skip
    assert verdict(loaded([*network(rule("web", 100)), many], parameters=SECRET)).access == "Allow"


def test_names_that_are_not_known_meet_by_their_expression() -> None:
    nsg, vnet, nic = network(rule("web", 100))
    nsg["name"] = "[concat(parameters('admin'), '-nsg')]"
    subnet = vnet["properties"]["subnets"][0]["properties"]
    subnet["networkSecurityGroup"]["id"] = (
        "[resourceId('Microsoft.Network/networkSecurityGroups', "
        "format('{0}-nsg', parameters('admin')))]"
    )
    found = verdict(loaded([nsg, vnet, nic], parameters=SECRET))
    assert found.access == "Allow"
    assert found.rule.id.parent.name == "{main.admin}-nsg"
    subnet["networkSecurityGroup"]["id"] = "[parameters('admin')]"
    found = verdict(loaded([nsg, vnet, nic], parameters=SECRET))
    assert found.access == "Unknown"
    assert "network security group `/(not known)/id/{main.admin}`" in found.missing[0]


def _loop(name: str) -> Json:
    """Three rules by a loop, each for another port."""
    made = rule("x", "[copyIndex(100)]", destinationPortRange="[string(copyIndex(443))]")
    return resource("networkSecurityGroups/securityRules", name, made["properties"],
                    copy={"name": "all", "count": 3})  # fmt: skip


def test_rules_whose_names_hang_on_a_function_that_is_not_evaluated() -> None:
    """Whether the turns of a loop have other names is not known: the function is named."""
    estate = loaded([*network(), _loop("[concat('n/r', copyIndx())]")])
    for told in said(estate):
        assert told.endswith("another turn of its loop (function `copyIndx` is not evaluated): "
                             "expected names that are known")  # fmt: skip
    assert verdict(estate).access == "Unknown"
    nsg, *others = network()
    made = rule("[concat('r', copyIndx())]", "[copyIndex('securityRules', 100)]")
    loop = {"name": "securityRules", "count": 2, "input": made}
    nsg["properties"] = {"copy": [loop]}
    estate = loaded([nsg, *others])
    assert said(estate)[0] == (
        "main.json: $.resources[0].properties.securityRules[0].name: value is not known "
        "(function `copyIndx` is not evaluated)"
    )
    assert verdict(estate).access == "Unknown"
    nsg["properties"]["copy"] = [{**loop, "count": 1}]
    assert verdict(loaded([nsg, *others])).access == "Allow"


def test_a_part_twice_with_different_contents_is_not_known() -> None:
    estate = loaded([*network(), _loop("n/web")])
    assert (
        "`web` stands at another turn of its loop too, with different contents" in said(estate)[0]
    )
    assert verdict(estate).access == "Unknown"
    web = resource("networkSecurityGroups/securityRules", "n/web", rule("x", 100)["properties"])
    assert verdict(loaded([*network(), web, web])).access == "Allow"


def bicep() -> Json:
    """What Bicep makes of a module with an NSG, and of a network that uses its output."""
    _, vnet, nic = network()
    subnet = vnet["properties"]["subnets"][0]["properties"]
    subnet["networkSecurityGroup"]["id"] = "[reference('nsgModule').outputs.id.value]"
    inner = template(
        {
            "nsg": resource("networkSecurityGroups", "[parameters('name')]", {
                "securityRules": "[parameters('rules')]"}),
        },
        languageVersion="2.0",
        definitions={"ruleType": {"type": "object"}},
        parameters={"name": {"type": "string"},
                    "rules": {"type": "array", "items": {"$ref": "#/definitions/ruleType"}}},
        outputs={"id": {"type": "string", "value": "[resourceInfo('nsg').id]"}},
    )  # fmt: skip
    return template(
        {
            "vnet": {**vnet, "dependsOn": ["nsgModule"]},
            "nic": nic,
            "old": {"existing": True, "type": "Microsoft.Network/routeTables", "name": "old",
                    "apiVersion": "x"},
            "nsgModule": {
                "type": "Microsoft.Resources/deployments",
                "apiVersion": "2022-09-01",
                "name": "[format('nsg-{0}', 'module')]",
                "properties": {
                    "mode": "Incremental",
                    "expressionEvaluationOptions": {"scope": "inner"},
                    "parameters": {
                        "name": {"value": "n"},
                        "rules": {"value": [rule("web", 100)]},
                    },
                    "template": inner,
                },
            },
        },
        languageVersion="2.0",
    )  # fmt: skip


def test_what_bicep_makes_with_modules_and_symbolic_names() -> None:
    found = verdict(load({"main.json": bicep()}))
    assert found.access == "Allow"
    assert str(found.rule.where).endswith(
        "$.resources.nsgModule.properties.template.resources.nsg.properties.securityRules[0]"
    )


def test_a_nested_template_of_the_outer_scope_and_another_group() -> None:
    nsg, vnet, nic = network(rule("web", 100, destinationPortRange="[variables('port')]"))
    nested = {
        "type": "Microsoft.Resources/deployments",
        "name": "inner",
        "resourceGroup": "other",
        "properties": {"mode": "Incremental", "template": template([nsg])},
    }
    vnet["properties"]["subnets"][0]["properties"]["networkSecurityGroup"]["id"] = (
        "[resourceId('other', 'Microsoft.Network/networkSecurityGroups', 'n')]"
    )
    estate = loaded([nested, vnet, nic], variables={"port": "443"})
    assert verdict(estate).access == "Allow"


def test_a_subscriptions_template_deploys_into_groups() -> None:
    main = template([
        {"type": "Microsoft.Resources/resourceGroups", "name": "rg", "properties": {}},
        {"type": "Microsoft.Resources/deployments", "name": "inner", "resourceGroup": "rg",
         "properties": {"template": template([]), "mode": "Incremental",
                        "expressionEvaluationOptions": {"scope": "inner"}}},
    ])  # fmt: skip
    main["$schema"] = SCHEMA.replace("deploymentTemplate", "subscriptionDeploymentTemplate")
    main["resources"][1]["properties"]["template"]["resources"] = network(rule("web", 100))
    told = {"id": "/subscriptions/s1/providers/Microsoft.Resources/deployments/main"}
    estate = load({"main.json": main, "told.json": told})
    assert list(estate.resources.nsgs) == [
        ResourceId("/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Network"
                   "/networkSecurityGroups/n")
    ]  # fmt: skip
    assert verdict(estate).access == "Allow"


def test_linked_templates(tmp_path: Path) -> None:
    nsg, *others = network(rule("web", 100))
    link: Json = {"type": "Microsoft.Resources/deployments", "name": "inner",
                  "properties": {"templateLink": {"relativePath": "parts/nsg.json"}}}  # fmt: skip
    files = {"main.json": template([link, *others]), "parts/nsg.json": template([nsg])}
    assert verdict(load(files)).access == "Allow"
    link["properties"]["templateLink"] = {"uri": "[uri(parameters('admin'), 'nsg.json')]"}
    estate = loaded([link, *others], parameters=SECRET)
    assert verdict(estate).access == "Unknown"
    (told,) = [one for one in said(estate) if "linked" in one]
    assert told == (
        "main.json: $.resources[0]: linked template `[uri(parameters('admin'), 'nsg.json')]` is "
        "not read: what it deploys is not here: expected a nested template"
    )


def test_interfaces_of_a_scale_set() -> None:
    nsg, vnet, nic = network(rule("web", 100))
    (ip,) = nic["properties"]["ipConfigurations"]
    del ip["properties"]["privateIPAddress"]
    configuration = {"name": "eth0", "properties": {"ipConfigurations": [ip]}}
    scale_set = {
        "type": "Microsoft.Compute/virtualMachineScaleSets",
        "name": "set",
        "properties": {"virtualMachineProfile": {
            "networkProfile": {"networkInterfaceConfigurations": [configuration]}}},
    }  # fmt: skip
    assert verdict(loaded([nsg, vnet, scale_set]), nic="eth0").access == "Allow"


def test_interfaces_that_a_machine_describes() -> None:
    """A machine of `networkApiVersion` has its interfaces in its own body, with an NSG each."""
    nsg, vnet, nic = network(rule("web", 100, access="Deny"))
    described = {"name": "made", "properties": nic["properties"]}
    machine = {
        "type": "Microsoft.Compute/virtualMachines",
        "name": "vm",
        "properties": {"networkProfile": {
            "networkApiVersion": "2022-11-01", "networkInterfaceConfigurations": [described]}},
    }  # fmt: skip
    assert verdict(loaded([nsg, vnet, machine]), nic="made").access == "Deny"
    nsg["properties"]["securityRules"][0]["properties"]["access"] = "Allow"
    estate = loaded([nsg, vnet, machine])
    found = flowverdict.verify(
        estate, vm="vm", direction="Inbound", protocol="TCP", local="10.0.0.4:443",
        remote="8.8.8.8:50000")  # fmt: skip
    assert found.access == "Allow"
    assert found.nic.id.text == f"{UNPLACED}/providers/Microsoft.Network/networkInterfaces/made"
    described["name"] = "[parameters('admin')]"
    secret = loaded([nsg, vnet, machine], parameters=SECRET)
    assert [one.name for one in secret.resources.nics] == ["{main.admin}"]


@pytest.mark.parametrize("address", ["10.0.0.4", None])
def test_the_interface_of_a_private_endpoint(address: str | None) -> None:
    """Azure makes it, outside of the rules of a subnet whose network policies are disabled."""
    nsg, vnet, _ = network(rule("web", 100, access="Deny"))
    (subnet,) = vnet["properties"]["subnets"]
    subnet["properties"]["privateEndpointNetworkPolicies"] = "Disabled"
    fixed = {"name": "fixed", "properties": {"privateIPAddress": address}}
    endpoint = resource("privateEndpoints", "vault", {
        "subnet": {"id": "[resourceId('Microsoft.Network/virtualNetworks/subnets', 'v', 's')]"},
        "customNetworkInterfaceName": "vault-nic",
        "ipConfigurations": [fixed] if address else [],
    })  # fmt: skip
    found = verdict(loaded([nsg, vnet, endpoint]), nic="vault-nic")
    assert found.access == "Allow"
    assert any("private endpoint" in one.note for one in found.trace)
    del endpoint["properties"]["customNetworkInterfaceName"]
    assert verdict(loaded([nsg, vnet, endpoint]), nic="vault.nic").access == "Allow"


def test_network_managers_and_their_scope() -> None:
    """A manager of `subscription()` reaches what the template deploys."""
    group = "[resourceId('Microsoft.Network/networkManagers/networkGroups', 'm', 'g')]"
    vnet = "[resourceId('Microsoft.Network/virtualNetworks', 'v')]"
    manager = [
        resource("networkManagers", "m", {
            "networkManagerScopes": {"subscriptions": ["[subscription().id]"]},
            "networkManagerScopeAccesses": ["SecurityAdmin"]}),
        resource("networkManagers/networkGroups", "m/g", {}),
        resource("networkManagers/networkGroups/staticMembers", "m/g/one", {"resourceId": vnet}),
        resource("networkManagers/securityAdminConfigurations", "m/c", {}),
        resource("networkManagers/securityAdminConfigurations/ruleCollections", "m/c/all",
                 {"appliesToGroups": [{"networkGroupId": group}]}),
        resource("networkManagers/securityAdminConfigurations/ruleCollections/rules",
                 "m/c/all/no", {
                     "priority": 1, "direction": "Inbound", "access": "Deny", "protocol": "Tcp",
                     "sources": [{"addressPrefixType": "ServiceTag", "addressPrefix": "Internet"}],
                     "destinations": [], "sourcePortRanges": ["0-65535"],
                     "destinationPortRanges": "[parameters('ports')]"}),
    ]  # fmt: skip
    ports = {"ports": {"defaultValue": ["443", "3389"]}}
    estate = loaded([*network(rule("web", 100)), *manager], parameters=ports)
    options = flowverdict.Options(assume_deployed=True)
    found = flowverdict.verify(
        estate, nic="nic", direction="Inbound", protocol="TCP", local="10.0.0.4:443",
        remote="8.8.8.8:50000", options=options)  # fmt: skip
    assert (found.access, found.layer) == ("Deny", "admin")


def test_the_state_of_a_resource_is_what_the_template_says_of_it() -> None:
    nsg, vnet, nic = network(rule("web", 100))
    ip = nic["properties"]["ipConfigurations"][0]["properties"]
    ip["subnet"]["id"] = "[reference('v').subnets[0].id]"
    ip["privateIPAddress"] = "[reference('v', '2023-09-01', 'Full').properties.dhcpOptions.x]"
    estate = loaded([nsg, vnet, nic])
    assert verdict(estate).access == "Allow"
    assert verdict(estate).warnings[0].startswith("`nic` has no address yet")


def test_an_id_in_a_text_of_json() -> None:
    nsg, vnet, nic = network(rule("web", 100))
    subnet = vnet["properties"]["subnets"][0]["properties"]
    subnet["networkSecurityGroup"] = (
        '[json(concat(\'{"id": "\', '
        "resourceId('Microsoft.Network/networkSecurityGroups', 'n'), '\"}'))]"
    )
    assert verdict(loaded([nsg, vnet, nic])).access == "Allow"


@pytest.mark.parametrize("prefix", ["[parameters('admin')]", "10.9.0.0/16"])
def test_an_address_space_beyond_a_gateway(prefix: str) -> None:
    gateway = "[resourceId('Microsoft.Network/virtualNetworkGateways', 'g')]"
    local = "[resourceId('Microsoft.Network/localNetworkGateways', 'l')]"
    nsg, vnet, nic = network(
        rule("web", 100, sourceAddressPrefix="VirtualNetwork"),
        rule("no", 4000, "Deny", protocol="*", destinationPortRange="*"),
    )
    vnet["properties"]["subnets"].append(
        {"name": "GatewaySubnet", "properties": {"addressPrefix": "10.0.1.0/24"}}
    )
    inner = "[resourceId('Microsoft.Network/virtualNetworks/subnets', 'v', 'GatewaySubnet')]"
    estate = loaded([
        nsg, vnet, nic,
        resource("localNetworkGateways", "l", {
            "localNetworkAddressSpace": {"addressPrefixes": [prefix]}}),
        resource("virtualNetworkGateways", "g", {
            "ipConfigurations": [{"name": "x", "properties": {"subnet": {"id": inner}}}]}),
        resource("connections", "c", {
            "connectionType": "IPsec", "virtualNetworkGateway1": {"id": gateway},
            "localNetworkGateway2": {"id": local}}),
    ], parameters=SECRET)  # fmt: skip
    found = verdict(estate, remote="10.9.0.4")
    assert found.access == ("Unknown" if "parameters" in prefix else "Allow")
    if found.missing:
        assert "local network gateway `l` (parameter `admin` has no value)" in found.missing[0]
    assert verdict(estate).access == "Deny"


def test_a_change_of_a_template_takes_its_place(tmp_path: Path) -> None:
    for name, port in (("old", "443"), ("new", "80")):
        child = resource("networkSecurityGroups/securityRules", f"n/{name}",
                         rule(name, 100, destinationPortRange=port)["properties"])  # fmt: skip
        folder = tmp_path / name
        folder.mkdir()
        (folder / "main.json").write_text(json.dumps(template([*network(), child])))
    estate = flowverdict.load_estate(tmp_path / "old", change=tmp_path / "new")
    assert verdict(estate, port=80).access == "Allow"
    assert verdict(estate, port=443).access == "Deny"


def test_comments_and_places(tmp_path: Path) -> None:
    path = tmp_path / "main.json"
    text = json.dumps(template(network(rule("web", 100))), indent=1)
    text = text.replace('"resources"', '// "a comment"\n /* of\n two lines */ "resources"', 1)
    path.write_text(text)
    found = verdict(flowverdict.load_estate(path)).rule.where
    line = next(at for at, one in enumerate(text.splitlines(), 1) if '"name": "web"' in one)
    assert line_and_column(found) == (line - 1, text.splitlines()[line - 2].index("{") + 1)


def test_the_place_of_what_an_expression_makes_is_the_expression(tmp_path: Path) -> None:
    nsg, *others = network()
    nsg["properties"]["securityRules"] = "[variables('rules')]"
    path = tmp_path / "main.json"
    text = json.dumps(template([nsg, *others], variables={"rules": [rule("web", 100)]}), indent=1)
    path.write_text(text)
    found = verdict(flowverdict.load_estate(path)).rule.where
    line = next(at for at, one in enumerate(text.splitlines(), 1) if "[variables('rules')]" in one)
    place = line_and_column(found)
    assert place is not None
    assert place[0] == line


MAIN = template(network(), parameters=SECRET)
CIRCLE = {"admin": {"defaultValue": "[parameters('admin')]"}}
RULE = "main.json: $.resources[0].properties.securityRules[0].properties"


def one(**fields: Any) -> Json:
    return {"main": template([fields])}


REFUSED: list[tuple[Json, str]] = [
    (
        one(type="Microsoft.A/b", name="[concat('a']"),
        "main.json: $.resources[0].name: `the end` within arguments: expected `,` or `)`",
    ),
    (
        {"main": template(network(rule("x", "[variables('p')]")))},
        f"{RULE}.priority: `p` is no variable of the template: expected one it declares",
    ),
    (
        {"main": template(network(rule("x", 100, "[parameters('admin')]")), parameters=CIRCLE)},
        f"{RULE}.access: parameter `admin` is made out of itself",
    ),
    (one(name="x"), "main.json: $.resources[0].type: `nothing`: expected `Microsoft.Network/…`"),
    (one(type="Microsoft.A/b"), "main.json: $.resources[0].name: `nothing`: expected a text"),
    (
        one(type="Microsoft.A/b/c", name="x"),
        "main.json: $.resources[0].name: `x` has 1 parts: expected 2, as `Microsoft.A/b/c` has",
    ),
    (
        one(type="Microsoft.A/b", name="x", condition="maybe"),
        "main.json: $.resources[0].condition: `maybe`: expected true or false",
    ),
    (
        one(type="Microsoft.A/b", name="x", copy={"count": "many"}),
        "main.json: $.resources[0].copy: `count` of `copy` is `many`: expected a whole number",
    ),
    (
        {"main": template("x")},
        "main.json: $.resources: no list of resources: expected a list, or an object of them",
    ),
    (
        {"main": template(["x"])},
        "main.json: $.resources[0]: no resource: expected an object with a `type`",
    ),
    (
        {"main": MAIN, "other": values(wrong=1)},
        (
            "other.json: $.parameters: `wrong` is no parameter of `main`: "
            "expected parameters that it declares"
        ),
    ),
    (
        {"main": MAIN, "main.a": values(admin="x"), "main.b": values(admin="y")},
        "main.b.json: `main.json` has another parameters file, `main.a.json`: expected one of both",
    ),
    (
        {"one": MAIN, "two": MAIN, "three": values(admin="x")},
        (
            "three.json: parameters of which template, `one.json` or `two.json`: "
            "expected a name such as `one.parameters.json`"
        ),
    ),
]


@pytest.mark.parametrize(("files", "message"), REFUSED, ids=[one for _, one in REFUSED])
def test_what_azure_refuses_is_told_in_a_line(files: Json, message: str) -> None:
    assert refused(**files) == [message]


def test_parameters_of_no_template_are_passed_over() -> None:
    nsg = {"id": f"{NETWORK}/networkSecurityGroups/other", "properties": {"securityRules": []}}
    estate = load({"export.json": [nsg], "dev.parameters.json": values(x=1)})
    assert said(estate) == [
        "dev.parameters.json: passed over: parameters of no template in the estate"
    ]
    assert PLACE in str(next(iter(estate.resources.nsgs)))


def test_resources_that_refer_to_each_others_state() -> None:
    around = [
        resource("networkSecurityGroups", one, {"x": f"[reference('{other}').x]"})
        for one, other in (("a", "b"), ("b", "a"))
    ]
    (told,) = refused(main=template(around))
    assert "template is nested too deeply, or refers to itself" in told


def test_an_output_of_a_deployment_in_another_group_by_its_id() -> None:
    """What Bicep writes for a module of a resource group that another module takes from."""
    nsg, *others = network(rule("web", 100))
    (subnet,) = others[0]["properties"]["subnets"]
    subnet["properties"]["networkSecurityGroup"]["id"] = "[parameters('nsg')]"

    def module(name: str, content: Json, **properties: Any) -> Json:
        inner = {"expressionEvaluationOptions": {"scope": "inner"}, "mode": "Incremental"}
        return {"type": "Microsoft.Resources/deployments", "name": name, "resourceGroup": "net",
                "properties": {**inner, "template": content, **properties}}  # fmt: skip

    group = "format('/subscriptions/{0}/resourceGroups/{1}', subscription().subscriptionId, 'net')"
    made = f"extensionResourceId({group}, 'Microsoft.Resources/deployments', 'rules')"
    told = "[resourceId('Microsoft.Network/networkSecurityGroups', 'n')]"
    rules = template([nsg], outputs={"id": {"type": "string", "value": told}})
    rest = template(others, parameters={"nsg": {"type": "string"}})
    taken = {"nsg": {"value": f"[reference({made}, '2022-09-01').outputs.id.value]"}}
    estate = loaded([module("rules", rules), module("rest", rest, parameters=taken)])
    assert verdict(estate).access == "Allow"
