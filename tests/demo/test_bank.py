"""What must hold of every bank, of any seed and size."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from flowverdict.demo.bank import CHANGED_FILE, make_bank, write_bank, write_change

# Services behind private endpoints live in exports that nobody needs here.
ELSEWHERE = ("/Microsoft.Storage/", "/Microsoft.Sql/", "/Microsoft.KeyVault/")


@pytest.fixture(scope="module", params=[(7, 300, None), (11, 1_200, 150)], ids=["small", "larger"])
def bank(request: pytest.FixtureRequest) -> dict[str, object]:
    seed, nics, nsgs = request.param
    return make_bank(seed, nics, nsgs)


def flat(resource: dict[str, Any]) -> dict[str, Any]:
    return {**resource, **resource.get("properties", {})}


def walk(value: object) -> Iterator[dict[str, Any]]:
    """Every JSON object inside a value."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from walk(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from walk(each)


def strings(value: object) -> Iterator[str]:
    for each in walk(value):
        for inner in each.values():
            if isinstance(inner, str):
                yield inner
            elif isinstance(inner, list | tuple):
                yield from (one for one in inner if isinstance(one, str))


def defined(bank: dict[str, object]) -> list[str]:
    """Ids of everything that has a name of its own; a reference has none."""
    return [
        each["id"].lower()
        for value in bank.values()
        for each in walk(value)
        if "id" in each and "name" in each
    ]


def rows(bank: dict[str, object], *names: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name in names:
        value: Any = bank[name]
        if isinstance(value, dict):
            value = value.get("value") or value.get("data") or [value]
        found.extend(flat(each) for each in value)
    return found


def nics(bank: dict[str, object]) -> list[dict[str, Any]]:
    return rows(bank, "network/nics.json", "network/nics-scale-sets.json")


def nsgs(bank: dict[str, object]) -> list[dict[str, Any]]:
    return rows(bank, "network/nsgs.json", "network/nsgs-development.json", CHANGED_FILE)


def subnets(bank: dict[str, object]) -> dict[str, dict[str, Any]]:
    vnets = rows(bank, "network/vnets.json")
    return {subnet["id"]: flat(subnet) for vnet in vnets for subnet in vnet["subnets"]}


def prefixes(subnet: dict[str, Any]) -> list[str]:
    return subnet.get("addressPrefixes") or [subnet["addressPrefix"]]


def test_the_same_seed_makes_the_same_bytes(tmp_path: Path):
    write_bank(tmp_path / "one", seed=3, nics=120)
    write_bank(tmp_path / "two", seed=3, nics=120)
    one, two = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in files(tmp_path / name)}
        for name in ("one", "two")
    )
    assert one == two


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_another_seed_makes_another_bank():
    assert make_bank(3, 120) != make_bank(4, 120)


def test_no_id_occurs_twice(bank: dict[str, object]):
    assert [each for each, times in Counter(defined(bank)).items() if times > 1] == []


def test_every_reference_leads_somewhere(bank: dict[str, object]):
    known = set(defined(bank))
    lost = {
        each
        for value in bank.values()
        for each in strings(value)
        if each.lower().startswith(("/subscriptions/", "/providers/"))
        and each.lower() not in known
        and not any(word in each for word in ELSEWHERE)
    }
    assert lost == set()


def test_networks_do_not_overlap(bank: dict[str, object]):
    spaces = [
        ip_network(prefix)
        for vnet in rows(bank, "network/vnets.json")
        for prefix in vnet["addressSpace"]["addressPrefixes"]
    ]
    ordered = sorted(spaces, key=lambda space: (space.version, int(space.network_address)))
    for one, two in pairwise(ordered):
        assert one.version != two.version or not one.overlaps(two)


def test_subnets_lie_inside_their_network_and_apart(bank: dict[str, object]):
    for vnet in rows(bank, "network/vnets.json"):
        spaces = [ip_network(prefix) for prefix in vnet["addressSpace"]["addressPrefixes"]]
        parts = [ip_network(p) for subnet in vnet["subnets"] for p in prefixes(flat(subnet))]
        for number, part in enumerate(parts):
            assert any(part.version == s.version and part.subnet_of(s) for s in spaces)  # pyright: ignore[reportArgumentType]
            assert not any(part.overlaps(other) for other in parts[:number])


def test_addresses_lie_inside_their_subnet_and_occur_once(bank: dict[str, object]):
    known = subnets(bank)
    taken: Counter[tuple[str, str]] = Counter()
    for nic in nics(bank):
        for each in map(flat, nic["ipConfigurations"]):
            subnet = each["subnet"]["id"]
            address = ip_address(each["privateIPAddress"])
            assert any(address in ip_network(prefix) for prefix in prefixes(known[subnet]))
            taken[subnet.split("/subnets/")[0], str(address)] += 1
    assert [each for each, times in taken.items() if times > 1] == []


def test_every_nic_has_an_ipv4_address_and_one_primary_configuration(bank: dict[str, object]):
    for nic in nics(bank):
        configurations = [flat(each) for each in nic["ipConfigurations"]]
        primary = [each for each in configurations if each["primary"]]
        assert [each["privateIPAddressVersion"] for each in primary] == ["IPv4"]


def test_mac_and_public_addresses_occur_once(bank: dict[str, object]):
    macs = [nic["macAddress"] for nic in nics(bank) if "macAddress" in nic]
    public = [row["ipAddress"] for row in rows(bank, "graph/edge.json") if "ipAddress" in row]
    assert len(macs) == len(set(macs))
    assert len(public) == len(set(public)) > 5


def test_priorities_and_names_of_rules_occur_once(bank: dict[str, object]):
    for nsg in nsgs(bank):
        rules = [flat(rule) for rule in nsg["securityRules"]]
        assert len({(rule["direction"], rule["priority"]) for rule in rules}) == len(rules)
        assert len({rule["name"].lower() for rule in rules}) == len(rules)
        assert all(100 <= rule["priority"] <= 4096 for rule in rules)


def test_no_list_of_prefixes_overlaps_itself(bank: dict[str, object]):
    """Azure refuses such rules: OverlappingSubnetsNotPermittedInSecurityRule."""
    for nsg in nsgs(bank):
        for rule in map(flat, nsg["securityRules"]):
            for side in ("sourceAddressPrefixes", "destinationAddressPrefixes"):
                networks = [ip_network(prefix) for prefix in rule[side]]
                for number, network in enumerate(networks):
                    assert not any(network.overlaps(other) for other in networks[:number])


def test_an_asg_stays_inside_one_network(bank: dict[str, object]):
    homes: dict[str, set[str]] = {}
    for nic in nics(bank):
        for each in map(flat, nic["ipConfigurations"]):
            for asg in each.get("applicationSecurityGroups", ()):
                homes.setdefault(asg["id"], set()).add(each["subnet"]["id"].split("/subnets/")[0])
    assert homes
    assert all(len(home) == 1 for home in homes.values())


def test_nsgs_stay_in_the_region_and_subscription_of_what_they_guard(bank: dict[str, object]):
    regions = {nsg["id"]: nsg["location"] for nsg in nsgs(bank)}
    places = {vnet["id"]: vnet["location"] for vnet in rows(bank, "network/vnets.json")}
    for subnet_id, subnet in subnets(bank).items():
        if "networkSecurityGroup" in subnet:
            nsg = subnet["networkSecurityGroup"]["id"]
            assert regions[nsg] == places[subnet_id.split("/subnets/")[0]]
            assert nsg.split("/")[2] == subnet_id.split("/")[2]


def test_peerings_come_in_pairs_and_one_end_lends_its_gateway(bank: dict[str, object]):
    peerings = {
        (vnet["id"], peering["remoteVirtualNetwork"]["id"]): peering
        for vnet in rows(bank, "network/vnets.json")
        for peering in map(flat, vnet["virtualNetworkPeerings"])
    }
    spaces = {v["id"]: v["addressSpace"] for v in rows(bank, "network/vnets.json")}
    for (here, there), peering in peerings.items():
        back = peerings[there, here]
        assert peering["peeringState"] == "Connected"
        assert peering["useRemoteGateways"] == back["allowGatewayTransit"]
        assert peering["remoteAddressSpace"] == spaces[there]


def test_default_routes_lead_to_the_firewall_of_the_region(bank: dict[str, object]):
    firewalls = {
        row["location"]: flat(row["ipConfigurations"][0])["privateIPAddress"]
        for row in rows(bank, "graph/edge.json")
        if row["type"] == "microsoft.network/azurefirewalls"
    }
    tables = rows(bank, "network/route-tables.json")
    hops = [
        (table["location"], route["nextHopIpAddress"])
        for table in tables
        for route in map(flat, table["routes"])
        if route["addressPrefix"] == "0.0.0.0/0"
    ]
    assert 0 < len(hops) < len(tables)
    assert all(firewalls[region] == hop for region, hop in hops)


def test_the_networks_of_the_stories_have_no_default_route(bank: dict[str, object]):
    told = ("openbanking-dev", "branches", "ledger", "legacy", "sandbox", "hub-weu")
    for vnet in rows(bank, "network/vnets.json"):
        if vnet["name"].removeprefix("vnet-") in told:
            assert all("routeTable" not in flat(subnet) for subnet in vnet["subnets"])


def test_priorities_of_admin_rules_occur_once_in_all_collections(bank: dict[str, object]):
    rules = rows(bank, *(name for name in bank if name.startswith("manager/rules-")))
    assert len(rules) == 8
    assert len({rule["priority"] for rule in rules}) == len(rules)


def test_some_of_production_is_found_by_its_tag_alone(bank: dict[str, object]):
    listed = {row["resourceId"] for row in rows(bank, "manager/static-members-production.json")}
    vnets = rows(bank, "network/vnets.json")
    tagged = {vnet["id"] for vnet in vnets if vnet["tags"]["environment"] == "production"}
    assert listed < tagged < {vnet["id"] for vnet in vnets}


def test_both_regions_have_the_configuration(bank: dict[str, object]):
    deployments = rows(bank, "manager/deployment-status.json")
    assert {row["region"] for row in deployments} == {"westeurope", "northeurope"}


def test_files_have_the_forms_in_which_people_export():
    bank = make_bank()
    export: Any = bank["graph/edge.json"]
    assert export["count"] == export["total_records"] == len(export["data"])
    assert all("securityRules" in nsg["properties"] for nsg in bank["network/nsgs.json"]["value"])  # pyright: ignore[reportIndexIssue]
    assert all("defaultSecurityRules" in nsg for nsg in rows(bank, "network/nsgs.json"))
    assert all("defaultSecurityRules" not in n for n in rows(bank, "network/nsgs-development.json"))
    assert all("properties" not in each for each in walk(bank["network/nics.json"]))


def test_it_has_what_real_estates_have():
    bank = make_bank()
    found = nics(bank)
    guarded = {each for each, subnet in subnets(bank).items() if "networkSecurityGroup" in subnet}
    bare = [
        nic
        for nic in found
        if "networkSecurityGroup" not in nic
        and flat(nic["ipConfigurations"][0])["subnet"]["id"] not in guarded
    ]
    versions = [[flat(c)["privateIPAddressVersion"] for c in n["ipConfigurations"]] for n in found]
    machines = Counter(nic["virtualMachine"]["id"] for nic in found if "virtualMachine" in nic)
    assert len(bare) >= 2
    assert ["IPv4", "IPv6"] in versions
    assert ["IPv4", "IPv4"] in versions
    assert max(machines.values()) == 2
    assert any("privateEndpoint" in nic for nic in found)
    assert any("/virtualMachineScaleSets/" in each for each in machines)


@pytest.mark.parametrize(("count", "guards"), [(44, 43), (300, 120), (2_000, 200), (5_000, 500)])
def test_as_many_nics_and_nsgs_as_asked_for(count: int, guards: int):
    bank = make_bank(nics=count, nsgs=guards if count > 44 else None)
    assert len(nics(bank)) == count
    if count > 44:
        assert len(nsgs(bank)) == guards


def test_nsgs_of_applications_have_ten_to_thirty_rules():
    every = nsgs(make_bank(nics=1_000, nsgs=150))
    grown = [nsg for nsg in every if "-weu-" in nsg["name"] or "-neu-" in nsg["name"]]
    assert len(grown) > 100
    assert all(10 <= len(nsg["securityRules"]) <= 30 for nsg in grown)


@pytest.mark.parametrize(
    ("count", "guards", "complaint"),
    [(10, None, "nics: 10"), (300, 5, "nsgs: 5"), (100, 900, "nsgs: 900"), (10**6, None, "nics")],
)
def test_numbers_that_do_not_go_together_are_refused(
    count: int, guards: int | None, complaint: str
):
    with pytest.raises(ValueError, match=complaint):
        make_bank(nics=count, nsgs=guards)


def test_the_change_is_one_rule_in_one_file(tmp_path: Path):
    write_bank(tmp_path / "bank", nics=60)
    write_change(tmp_path / "changed", nics=60)
    before, after = tmp_path / "bank", tmp_path / "changed"
    names = [path.relative_to(before).as_posix() for path in files(before)]
    assert names == [path.relative_to(after).as_posix() for path in files(after)]
    different = [n for n in names if (before / n).read_bytes() != (after / n).read_bytes()]
    assert different == [CHANGED_FILE]
    old, new = (json.loads((folder / CHANGED_FILE).read_text()) for folder in (before, after))
    added = [rule for rule in new["securityRules"] if rule not in old["securityRules"]]
    assert [(rule["name"], rule["priority"]) for rule in added] == [("AllowApiServers", 300)]
    assert {**new, "securityRules": old["securityRules"]} == old


def test_the_forgotten_network_is_in_no_group_of_production(bank: dict[str, object]):
    vnets = {vnet["name"]: vnet for vnet in rows(bank, "network/vnets.json")}
    forgotten = vnets["vnet-management"]
    assert forgotten["tags"]["environment"] != "production"
    listed = {row["resourceId"] for row in rows(bank, "manager/static-members-production.json")}
    assert forgotten["id"] not in listed


def test_networks_that_encrypt_have_nics_that_can(bank: dict[str, object]):
    vnets = rows(bank, "network/vnets.json")
    encrypted = {vnet["id"] for vnet in vnets if vnet.get("encryption", {}).get("enabled")}
    assert 3 < len(encrypted) < len(vnets)
    for nic in nics(bank):
        home = flat(nic["ipConfigurations"][0])["subnet"]["id"].split("/subnets/")[0]
        able = home in encrypted and "virtualMachine" in nic
        assert nic["vnetEncryptionSupported"] == able
