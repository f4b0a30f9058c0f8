"""What is before a plan and behind it: deletions, what is left alone, what is only looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

import flowverdict
from flowverdict.load import line_and_column
from flowverdict.model import Direction, InputError
from flowverdict.policy import DEFAULTS
from flowverdict.prove.checker import Checker
from flowverdict.prove.claims import Claim
from flowverdict.prove.diff import diff
from tests.load.terraform.plans import (
    IN_GROUP,
    NETWORK,
    Json,
    ask,
    configured,
    load,
    nic,
    nsg,
    plan_of,
    refers,
    rule,
    rule_apart,
    subnet,
    tied,
    vnet,
)
from tests.load.terraform.states import resource, state

RDP = rule("Rdp")


def network(*more: Json, rules: list[Json] | None = None) -> list[Json]:
    return [vnet(), subnet(), nsg(rules=rules), tied(), nic(), *more]


def both(tmp_path: Path, document: Json) -> tuple[str, str]:
    """What becomes of RDP before a plan and behind it."""
    before = ask(load(tmp_path, document, prior=True))
    return before.access, ask(load(tmp_path, document)).access


def test_a_plan_without_changes_changes_no_packet(tmp_path: Path) -> None:
    there = network(rule_apart(RDP), rules=[RDP])
    document = plan_of(there, there)
    before, after = load(tmp_path, document, prior=True), load(tmp_path, document)
    assert diff(before, after, DEFAULTS).is_same
    assert before.resources == after.resources


def test_a_plan_of_which_all_is_known_is_the_state_behind_it(tmp_path: Path) -> None:
    there, would = network(), network(rule_apart(RDP), rules=[RDP])
    planned = load(tmp_path, plan_of(there, would))
    assert planned.resources == load(tmp_path, state(*would)).resources


@pytest.mark.parametrize("listed", [[RDP], []])
def test_a_deleted_rule_goes_though_the_group_still_lists_it(
    tmp_path: Path, listed: list[Json]
) -> None:
    """The provider fills the list with what it saw: the plan leaves the group as it is."""
    there = network(rule_apart(RDP), rules=listed)
    assert both(tmp_path, plan_of(there, network(rules=listed))) == ("Allow", "Deny")


def test_a_changed_rule_counts_before_the_one_that_the_group_lists(tmp_path: Path) -> None:
    there = network(rule_apart(RDP), rules=[RDP])
    would = network(rule_apart({**RDP, "access": "Deny"}), rules=[RDP])
    assert both(tmp_path, plan_of(there, would)) == ("Allow", "Deny")


def test_what_a_network_saw_at_a_subnet_is_attached_until_the_plan_takes_it_away(
    tmp_path: Path,
) -> None:
    """An NSG that something else attached stands in the list of the network alone."""
    seen = {"name": "s", "address_prefixes": ["10.0.1.0/24"],
            "security_group": f"{NETWORK}/networkSecurityGroups/n"}  # fmt: skip
    rest = [subnet(), nsg(), nic()]
    there = [vnet(subnet=[seen]), *rest]
    assert both(tmp_path, plan_of(there, there)) == ("Deny", "Deny")
    managed = [*there, tied()]
    assert both(tmp_path, plan_of(managed, there)) == ("Deny", "Allow")


def test_what_a_targeted_plan_does_not_speak_of_stays(tmp_path: Path) -> None:
    there, would = network(), network(rule_apart(RDP))
    document = plan_of(there, would, complete=False)
    document["resource_changes"] = document["resource_changes"][-1:]
    document["planned_values"]["root_module"]["resources"] = would[-1:]
    assert both(tmp_path, document) == ("Deny", "Allow")
    [told] = load(tmp_path, document).diagnostics
    assert "not complete" in told.what


def test_what_is_only_forgotten_stays(tmp_path: Path) -> None:
    there = network(rule_apart(RDP))
    forgotten = {"azurerm_network_security_rule.rdp": ["forget"]}
    assert both(tmp_path, plan_of(there, network(), actions=forgotten)) == ("Allow", "Allow")


def test_what_is_replaced_is_there_behind_it(tmp_path: Path) -> None:
    """Its id is known after apply: it is made of names again."""
    there = network(rule_apart(RDP))
    new = rule_apart({**RDP, "destination_port_range": "22"})
    del new["values"]["id"]
    document = plan_of(
        there, network(new),
        unknown={new["address"]: {"id": True}},
        actions={new["address"]: ["delete", "create"]},
    )  # fmt: skip
    assert both(tmp_path, document) == ("Allow", "Deny")
    assert ask(load(tmp_path, document), 22).access == "Allow"


def test_a_group_with_blocks_and_rules_beside_it_has_both_and_says_so(tmp_path: Path) -> None:
    written = {"resources": [configured("azurerm_network_security_group", "n", security_rule={})]}
    there = network(rule_apart(rule("Ssh", "22", 200)), rules=[RDP])
    estate = load(tmp_path, plan_of([], there, configuration=written))
    assert [ask(estate, port).access for port in (22, 3389, 80)] == ["Allow", "Allow", "Deny"]
    [told] = [one for one in estate.diagnostics if one.code == "inline"]
    assert "azurerm_network_security_rule.ssh" in told.what


def test_blocks_that_are_known_after_apply(tmp_path: Path) -> None:
    """Where none are written they come from Azure; where some are, the group is not known."""
    new = nsg()
    del new["values"]["security_rule"]
    there = [vnet(), subnet(), new, tied(), nic()]
    unknown = {new["address"]: {"security_rule": True}}
    bare = {"resources": [configured("azurerm_network_security_group", "n")]}
    none = ask(load(tmp_path, plan_of([], there, unknown=unknown, configuration=bare)))
    assert none.access == "Deny"
    expressions = configured("azurerm_network_security_group", "n", security_rule=refers("var.x"))
    written = {"resources": [expressions]}
    told = ask(load(tmp_path, plan_of([], there, unknown=unknown, configuration=written)))
    assert told.access == "Unknown"
    assert "azurerm_network_security_group.n.security_rule" in told.missing[0]


def test_two_peerings_of_one_plan_are_connected_and_one_is_assumed_to_be(tmp_path: Path) -> None:
    def peering(own: str, other: str) -> Json:
        return resource(
            "azurerm_virtual_network_peering", own, name=f"to-{other}", resource_group_name="rg",
            id=f"{NETWORK}/virtualNetworks/{own}/virtualNetworkPeerings/to-{other}",
            virtual_network_name=own,
            remote_virtual_network_id=f"{NETWORK}/virtualNetworks/{other}",
        )  # fmt: skip

    there = [*network(), vnet("w", address_space=["10.1.0.0/16"]), peering("v", "w")]
    one = ask(load(tmp_path, state(*there)), remote="10.1.0.4")
    two = ask(load(tmp_path, state(*there, peering("w", "v"))), remote="10.1.0.4")
    assert (one.access, two.access) == ("Allow", "Allow")
    assert any("is connected" in told for told in one.warnings)
    assert not two.warnings


def test_private_endpoints_and_scale_sets_have_interfaces(tmp_path: Path) -> None:
    place = f"{NETWORK}/virtualNetworks/v/subnets/s"
    endpoint = resource(
        "azurerm_private_endpoint", "pe", id=f"{NETWORK}/privateEndpoints/pe", name="pe",
        subnet_id=place, network_interface=[{"id": f"{NETWORK}/networkInterfaces/pe-nic"}],
        private_service_connection=[{"name": "c", "private_ip_address": "10.0.1.9"}], **IN_GROUP,
    )  # fmt: skip
    scale_set = resource(
        "azurerm_linux_virtual_machine_scale_set", "web", name="web", **IN_GROUP,
        id="/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachineScaleSets/web",
        network_interface=[{"name": "eth0", "ip_configuration": [{"name": "i", "subnet_id": place}],
                            "network_security_group_id": f"{NETWORK}/networkSecurityGroups/m"}],
    )  # fmt: skip
    older = resource(
        "azurerm_virtual_machine_scale_set", "old", name="old", **IN_GROUP,
        network_profile=[{"name": "eth9", "ip_configuration": [{"name": "i", "subnet_id": place}],
                          "network_security_group_id": f"{NETWORK}/networkSecurityGroups/m"}],
    )  # fmt: skip
    there = [vnet(), subnet(), nsg("m", [rule("Web", "80")]), endpoint, scale_set, older]
    estate = load(tmp_path, state(*there))
    assert ask(estate, 80, name="eth9", local="10.0.1.77").access == "Allow"
    assert ask(estate, 22, name="eth9", local="10.0.1.77").access == "Deny"
    assert ask(estate, name="pe-nic", local="10.0.1.9").access == "Allow"
    assert ask(estate, 80, name="eth0", local="10.0.1.77").access == "Allow"
    assert ask(estate, 22, name="eth0", local="10.0.1.77").access == "Deny"


def test_interfaces_of_a_scale_set_that_are_known_after_apply(tmp_path: Path) -> None:
    """They are somewhere: no claim about all interfaces holds."""
    scale_set = resource("azurerm_linux_virtual_machine_scale_set", "web", name="web", **IN_GROUP)
    document = plan_of(
        [],
        [vnet(), subnet(), nsg(), tied(), nic(), scale_set],
        unknown={scale_set["address"]: {"network_interface": True}},
    )
    claim = Claim("nobody", "deny", Direction.INBOUND, ("Internet",), ("any",))
    assert Checker(load(tmp_path, document)).check(claim).verdict == "unknown"
    without = plan_of([], [vnet(), subnet(), nsg(), tied(), nic()])
    assert Checker(load(tmp_path, without)).check(claim).verdict == "holds"


@pytest.mark.parametrize("told", [True, False])
def test_a_network_that_is_connected_to_a_virtual_hub(tmp_path: Path, told: bool) -> None:
    """What else is behind the hub is in ``VirtualNetwork``, and nothing in a plan says what."""
    hub = resource("azurerm_virtual_hub", "hub", name="hub", **IN_GROUP)
    values = {"remote_virtual_network_id": f"{NETWORK}/virtualNetworks/v"}
    if told:
        values["virtual_hub_id"] = f"{NETWORK}/virtualHubs/hub"
    joint = resource("azurerm_virtual_hub_connection", "c", name="c", **values)
    near = rule("Near", source_address_prefix="VirtualNetwork")
    shut = rule("Shut", "22", 200, access="Deny")
    there = [vnet(), subnet(), nsg("n", [near, shut]), tied(), nic(), hub]
    unknown = {joint["address"]: {} if told else {"virtual_hub_id": True}}
    assert ask(load(tmp_path, plan_of([], there))).access == "Deny"
    estate = load(tmp_path, plan_of([], [*there, joint], unknown=unknown))
    assert [one.code for one in estate.diagnostics] == ["dangling"]
    found = ask(estate)
    assert found.access == "Unknown"
    assert "/virtualHubs/" in found.missing[0]
    assert ask(estate, 22).access == "Deny"


@pytest.mark.parametrize("edited", ["action", "create", "deploy", "delete"])
def test_admin_rules_count_from_their_deployment_on(tmp_path: Path, edited: str) -> None:
    """A plan that edits a rule and deploys nothing leaves in force what was committed."""
    manager = f"{NETWORK}/networkManagers/m"
    configuration = f"{manager}/securityAdminConfigurations/c"
    collection = f"{configuration}/ruleCollections/k"

    def admin(access: str = "Deny") -> Json:
        return resource(
            "azurerm_network_manager_admin_rule", "r", id=f"{collection}/rules/r", name="r",
            admin_rule_collection_id=collection, action=access, direction="Inbound", priority=1,
            protocol="Tcp", destination_port_ranges=["80"], source=[], destination=[],
        )  # fmt: skip

    def deployed(number: int) -> Json:
        return resource(
            "azurerm_network_manager_deployment", "d", network_manager_id=manager,
            location="eastus", scope_access="SecurityAdmin", configuration_ids=[configuration],
            triggers={"number": str(number)},
        )  # fmt: skip

    base = [
        vnet(), subnet(), nsg(rules=[rule("Web", "80")]), tied(), nic(),
        resource("azurerm_network_manager", "m", id=manager, name="m",
                 scope=[{"subscription_ids": ["/subscriptions/s"]}]),
        resource("azurerm_network_manager_network_group", "g", id=f"{manager}/networkGroups/g",
                 name="g"),
        resource("azurerm_network_manager_static_member", "g", name="v",
                 id=f"{manager}/networkGroups/g/staticMembers/v",
                 target_virtual_network_id=f"{NETWORK}/virtualNetworks/v"),
        resource("azurerm_network_manager_security_admin_configuration", "c", id=configuration,
                 name="c"),
        resource("azurerm_network_manager_admin_rule_collection", "k", id=collection, name="k",
                 network_group_ids=[f"{manager}/networkGroups/g"]),
    ]  # fmt: skip
    before = [*base, admin(), deployed(1)]
    after, expected = {
        "action": ([*base, admin("Allow"), deployed(1)], "Unknown"),
        "create": ([*base, admin(), deployed(1)], "Allow"),
        "deploy": ([*base, admin("Allow"), deployed(2)], "Allow"),
        "delete": ([*base, admin()], "Allow"),
    }[edited]
    if edited == "create":
        before = [*base, deployed(1)]
    assert ask(load(tmp_path, plan_of(before, after)), 80).access == expected


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"format_version": "2.0"}, "version `2.0`"),
        ({"format_version": "1.2", "errored": True, "planned_values": {}}, "ended in an error"),
        ({"version": 4, "terraform_version": "1.9.0", "resources": []}, "no documented shape"),
        ([{"format_version": "1.0", "terraform_version": "1.9.0"}], "a file of its own"),
    ],
)
def test_what_is_refused(tmp_path: Path, document: Json, words: str) -> None:
    with pytest.raises(InputError, match=words):
        load(tmp_path, document)


def test_a_plan_as_terraform_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "plan.bin"
    path.write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(InputError, match="`terraform show -json FILE`"):
        flowverdict.load_estate(path)


def test_an_address_is_no_path_in_the_file(tmp_path: Path) -> None:
    """Not even if a member of the document has the name of a resource."""
    place = resource("azurerm_virtual_network", "variables", name="v", address_space=["10.0.0.0/8"])
    estate = load(tmp_path, plan_of([], [place], variables={"x": {"value": 1}}))
    [found] = estate.resources.vnets.values()
    assert found.where is not None
    assert found.where.path == "azurerm_virtual_network.variables"
    assert line_and_column(found.where) is None


def test_an_empty_state_as_terraform_prints_it(tmp_path: Path) -> None:
    assert not load(tmp_path, {"format_version": "1.0"}).resources.nics
