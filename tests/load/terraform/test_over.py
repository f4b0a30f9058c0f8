"""A plan laid over an export of Azure: only what it changes counts, and what it deletes goes."""

from __future__ import annotations

from pathlib import Path

from flowverdict.net import parse_prefix
from tests.load.terraform.plans import (
    GROUP,
    NETWORK,
    Json,
    ask,
    data,
    laid_over,
    nic,
    nsg,
    plan_of,
    rule,
    rule_apart,
    subnet,
    tied,
    vnet,
)
from tests.load.terraform.states import resource

V, W, N = (f"{NETWORK}/virtualNetworks/{one}" for one in ("v", "w", "x"))
GROUP_N = f"{NETWORK}/networkSecurityGroups/n"
PEER = "10.1.0.4"


def arm_rule(name: str, port: str, access: str = "Allow", priority: int = 100) -> Json:
    return {
        "name": name, "id": f"{GROUP_N}/securityRules/{name}",
        "properties": {
            "priority": priority, "direction": "Inbound", "access": access, "protocol": "Tcp",
            "sourceAddressPrefix": "*", "sourcePortRange": "*",
            "destinationAddressPrefix": "*", "destinationPortRange": port,
        },
    }  # fmt: skip


def export(*rules: Json, attached: bool = True) -> list[Json]:
    """A network of which Terraform knows a part: it has a peering that no plan speaks of."""
    held = {"networkSecurityGroup": {"id": GROUP_N}} if attached else {}
    peering = {
        "id": f"{V}/virtualNetworkPeerings/p", "name": "p",
        "properties": {"remoteVirtualNetwork": {"id": W}, "peeringState": "Connected",
                       "remoteAddressSpace": {"addressPrefixes": ["10.1.0.0/16"]}},
    }  # fmt: skip
    place = {
        "id": f"{V}/subnets/s", "name": "s",
        "properties": {"addressPrefix": "10.0.1.0/24", **held},
    }  # fmt: skip
    return [
        {
            "id": V, "name": "v", "location": "eastus",
            "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
                           "subnets": [place], "virtualNetworkPeerings": [peering]},
        },
        {"id": GROUP_N, "name": "n", "properties": {"securityRules": list(rules)}},
        {
            "id": f"{NETWORK}/networkInterfaces/nic", "name": "nic",
            "properties": {"ipConfigurations": [
                {"name": "main", "properties": {"privateIPAddress": "10.0.1.4",
                                                "subnet": {"id": f"{V}/subnets/s"}}}]},
        },
    ]  # fmt: skip


def test_what_the_plan_does_not_know_stays(tmp_path: Path) -> None:
    """Tags of the network and the group change: peerings, subnets and rules of others stay."""
    before = [vnet(), nsg()]
    after = [vnet(tags={"a": "b"}), nsg(tags={"a": "b"})]
    estate = laid_over(tmp_path, export(arm_rule("Web", "80")), plan_of(before, after))
    assert ask(estate, 80).access == "Allow"
    assert ask(estate, 22).access == "Deny"
    assert ask(estate, 22, remote=PEER).access == "Allow"  # of the peered network
    [network] = estate.resources.vnets.values()
    assert dict(network.tags) == {"a": "b"}
    assert estate.diagnostics == ()


def test_what_is_only_looked_up_takes_nobodys_place(tmp_path: Path) -> None:
    looked_up = [
        data("azurerm_virtual_network", "v", id=V, name="v", address_space=["10.0.0.0/16"],
             vnet_peerings={}),
        data("azurerm_network_security_group", "n", id=GROUP_N, name="n", security_rule=[]),
    ]  # fmt: skip
    document = plan_of(looked_up, [rule_apart(rule("Rdp", priority=200))])
    estate = laid_over(tmp_path, export(arm_rule("Web", "80")), document)
    assert [ask(estate, port).access for port in (80, 3389, 22)] == ["Allow", "Allow", "Deny"]
    assert ask(estate, 22, remote=PEER).access == "Allow"


def test_an_unchanged_resource_stays_as_it_was_exported(tmp_path: Path) -> None:
    """What somebody changed since by hand is not put back by a plan that does not."""
    old = rule_apart(rule("Rdp"))
    document = plan_of([old], [old, rule_apart(rule("Ssh", "22", 200))])
    estate = laid_over(tmp_path, export(arm_rule("Rdp", "3389", "Deny")), document)
    assert [ask(estate, port).access for port in (3389, 22)] == ["Deny", "Allow"]


def test_what_is_deleted_goes_and_is_told(tmp_path: Path) -> None:
    document = plan_of([rule_apart(rule("Rdp"))], [])
    there = export(arm_rule("Rdp", "3389"), arm_rule("Web", "80", priority=200))
    estate = laid_over(tmp_path, there, document)
    assert [ask(estate, port).access for port in (3389, 80)] == ["Deny", "Allow"]
    [told] = estate.diagnostics
    assert (told.code, told.where.path) == ("removed", "azurerm_network_security_rule.rdp")
    assert "`Rdp`" in told.what


def test_attached_to_what_stands_in_the_export_alone(tmp_path: Path) -> None:
    open_, attached = export(attached=False), export()
    assert ask(laid_over(tmp_path, open_, plan_of([], [tied()]))).access == "Deny"
    assert ask(laid_over(tmp_path, attached, plan_of([tied()], []))).access == "Allow"
    other = tied(group="other")
    estate = laid_over(tmp_path, attached, plan_of([tied()], [nsg("other"), other]))
    assert ask(estate).layer == "subnet"
    [place] = estate.resources.subnets.values()
    assert place.nsg is not None
    assert place.nsg.name == "other"


def test_taking_away_what_another_has_replaced_takes_nothing(tmp_path: Path) -> None:
    estate = laid_over(tmp_path, export(), plan_of([tied(group="older")], []))
    assert ask(estate).access == "Deny"


def test_a_subnet_keeps_what_others_attached_to_it(tmp_path: Path) -> None:
    changed = subnet(prefix="10.0.1.0/25")
    estate = laid_over(tmp_path, export(), plan_of([subnet()], [changed]))
    assert ask(estate).access == "Deny"
    [place] = estate.resources.subnets.values()
    assert place.prefixes.size == 128


def test_an_interface_stays_in_its_backend_pools(tmp_path: Path) -> None:
    pool = f"{NETWORK}/loadBalancers/lb/backendAddressPools/p"
    exported = export()
    (main,) = exported[-1]["properties"]["ipConfigurations"]
    main["properties"]["loadBalancerBackendAddressPools"] = [{"id": pool}]
    changed = nic(at="10.0.1.5")
    estate = laid_over(tmp_path, exported, plan_of([nic()], [changed]))
    [interface] = estate.resources.nics.values()
    [(address, pools)] = [(one.addresses, one.pools) for one in interface.ip_configurations]
    assert address == parse_prefix("10.0.1.5")
    assert [one.text for one in pools] == [pool]


def test_whole_networks_go_with_what_is_in_them(tmp_path: Path) -> None:
    estate = laid_over(tmp_path, export(), plan_of([vnet(), nic()], []))
    assert not estate.resources.vnets
    assert not estate.resources.subnets
    assert not estate.resources.nics
    assert {one.code for one in estate.diagnostics} == {"removed"}


def test_nothing_to_do_changes_nothing(tmp_path: Path) -> None:
    there = [vnet(), subnet(), nsg(), tied(), nic()]
    estate = laid_over(tmp_path, export(), plan_of(there, there))
    assert ask(estate).access == "Deny"
    assert estate.diagnostics == ()


def test_instances_of_a_scale_set_that_changes_are_those_of_the_plan(tmp_path: Path) -> None:
    owner = f"{GROUP}/providers/Microsoft.Compute/virtualMachineScaleSets/web"
    instance = f"{owner}/virtualMachines/0"

    def scale_set(group: str) -> Json:
        inner = [{"name": "i", "subnet_id": f"{V}/subnets/s"}]
        eth = {"name": "eth0", "ip_configuration": inner,
               "network_security_group_id": f"{NETWORK}/networkSecurityGroups/{group}"}  # fmt: skip
        return resource("azurerm_linux_virtual_machine_scale_set", "web", id=owner, name="web",
                        network_interface=[eth])  # fmt: skip

    own = {
        "id": f"{instance}/networkInterfaces/eth0", "name": "eth0",
        "properties": {"ipConfigurations": [
            {"name": "i", "properties": {"privateIPAddress": "10.0.1.9",
                                         "subnet": {"id": f"{V}/subnets/s"}}}]},
    }  # fmt: skip
    other = nsg("m")
    group = {"id": other["values"]["id"], "name": "m", "properties": {"securityRules": []}}
    there = [*export(arm_rule("Rdp", "3389")), own, group]
    document = plan_of([scale_set("n"), other], [scale_set("m"), other])
    estate = laid_over(tmp_path, there, document)
    assert len(estate.resources.nics) == 2
    assert ask(estate, name="eth0", local="10.0.1.9").access == "Deny"
    assert ask(estate).access == "Allow"
