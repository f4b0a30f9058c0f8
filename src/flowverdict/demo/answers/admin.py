"""The network manager as Azure answers it: groups, members, configuration, rules, deployments."""

from __future__ import annotations

from flowverdict.demo.answers.forms import as_cli, cli_list, rest_list
from flowverdict.demo.plan.admin import (
    ALL_NETWORKS,
    COLLECTIONS,
    COMMIT_TIME,
    LEGACY,
    PRODUCTION,
    PRODUCTION_BY_TAG,
    SSH_EVERYWHERE,
    AdminRule,
    Collection,
    Manager,
    manager_of,
    static_members,
)
from flowverdict.demo.plan.names import Json, guid
from flowverdict.demo.plan.networks import VNet
from flowverdict.demo.plan.organisation import BANK, REGIONS, ROOT
from flowverdict.demo.plan.whole import Bank

_KIND = "Microsoft.Network/networkManagers"
_SYSTEM_DATA: Json = {
    "createdBy": "network-platform@harbour-bank.example",
    "createdByType": "User",
    "createdAt": "2026-01-12T09:00:00.0000000Z",
    "lastModifiedBy": "network-platform@harbour-bank.example",
    "lastModifiedByType": "User",
    "lastModifiedAt": "2026-02-27T15:10:00.0000000Z",
}
_GROUPS = (
    (PRODUCTION, "Networks that were put here by hand"),
    (PRODUCTION_BY_TAG, "Networks with the tag environment=production, by policy"),
    (ALL_NETWORKS, "Every network in both regions, by policy"),
    (LEGACY, "Networks that the mainframe's vendor may enter"),
)


def manager_files(bank: Bank) -> dict[str, Json]:
    """One file for each list command."""
    manager = manager_of(bank)
    files: dict[str, Json] = {
        "manager/network-managers.json": cli_list([_manager(manager)]),
        "manager/network-groups.json": cli_list([_group(manager, *group) for group in _GROUPS]),
        "manager/security-admin-configurations.json": rest_list([_configuration(manager)]),
        "manager/rule-collections.json": cli_list([_collection(manager, c) for c in COLLECTIONS]),
        "manager/deployment-status.json": _deployments(manager),
    }
    for group, members in static_members(bank).items():
        rows = [_member(manager, group, vnet) for vnet in members]
        files[f"manager/static-members-{group}.json"] = cli_list(rows)
    for index, collection in enumerate(COLLECTIONS):
        rows = [_rule(manager, collection, rule) for rule in collection.rules]
        form = rest_list if index % 2 else cli_list
        files[f"manager/rules-{collection.name}.json"] = form(rows)
    return files


def deny_files(bank: Bank) -> dict[str, Json]:
    """What the platform team would like to deploy besides: a collection and its rule."""
    manager = manager_of(bank)
    rules = [_rule(manager, SSH_EVERYWHERE, rule) for rule in SSH_EVERYWHERE.rules]
    return {
        "rule-collections.json": cli_list([_collection(manager, SSH_EVERYWHERE)]),
        f"rules-{SSH_EVERYWHERE.name}.json": cli_list(rules),
    }


def _child(
    parent: str, kind: str, collection: str, name: str, properties: dict[str, Json]
) -> dict[str, Json]:
    resource_id = f"{parent}/{collection}/{name}"
    return {
        "name": name,
        "id": resource_id,
        "type": f"{kind}/{collection}",
        "etag": f'"{guid("etag", resource_id)}"',
        "properties": {
            **properties,
            "provisioningState": "Succeeded",
            "resourceGuid": guid("resource", resource_id),
        },
        "systemData": _SYSTEM_DATA,
    }


def _manager(manager: Manager) -> Json:
    body = _child("", "", "", manager.name, {})
    return {
        **body,
        "id": manager.id,
        "type": _KIND,
        "location": manager.place.region,
        "tags": {},
        "properties": {
            "description": f"Network rules of {BANK}",
            "networkManagerScopes": {
                "managementGroups": [f"/providers/Microsoft.Management/managementGroups/{ROOT}"],
                "subscriptions": [],
                "crossTenantScopes": [],
            },
            "networkManagerScopeAccesses": ["SecurityAdmin"],
            "provisioningState": "Succeeded",
            "resourceGuid": guid("resource", manager.id),
        },
    }


def _group(manager: Manager, name: str, description: str) -> Json:
    properties: dict[str, Json] = {"description": description, "memberType": "VirtualNetwork"}
    return _child(manager.id, _KIND, "networkGroups", name, properties)


def _member(manager: Manager, group: str, vnet: VNet) -> Json:
    properties: dict[str, Json] = {"resourceId": vnet.id, "region": vnet.place.region}
    kind = f"{_KIND}/networkGroups"
    return _child(manager.group(group), kind, "staticMembers", vnet.name, properties)


def _configuration(manager: Manager) -> Json:
    return _child(
        manager.id,
        _KIND,
        "securityAdminConfigurations",
        manager.configuration_name,
        {
            "description": f"Admin rules of {BANK}",
            "applyOnNetworkIntentPolicyBasedServices": ["None"],
            "networkGroupAddressSpaceAggregationOption": "None",
        },
    )


def _collection(manager: Manager, collection: Collection) -> Json:
    return _child(
        manager.configuration,
        f"{_KIND}/securityAdminConfigurations",
        "ruleCollections",
        collection.name,
        {
            "description": collection.description,
            "appliesToGroups": [
                {"networkGroupId": manager.group(group)} for group in collection.groups
            ],
        },
    )


def _rule(manager: Manager, collection: Collection, rule: AdminRule) -> Json:
    body = _child(
        f"{manager.configuration}/ruleCollections/{collection.name}",
        f"{_KIND}/securityAdminConfigurations/ruleCollections",
        "rules",
        rule.name,
        {
            "description": rule.description,
            "flag": "",
            "priority": rule.priority,
            "protocol": rule.protocol,
            "direction": rule.direction,
            "access": rule.access,
            "sources": [_address(each) for each in rule.sources or ("*",)],
            "destinations": [_address(each) for each in rule.destinations or ("*",)],
            "sourcePortRanges": ["0-65535"],
            "destinationPortRanges": rule.ports,
        },
    )
    return {**body, "kind": "Custom"}


def _address(prefix: str) -> Json:
    is_tag = prefix[0].isalpha()
    return {
        "addressPrefix": prefix,
        "addressPrefixType": "ServiceTag" if is_tag else "IPPrefix",
    }


def _deployments(manager: Manager) -> Json:
    """What `listDeploymentStatus` answers: the same configuration in both regions."""
    rows: list[Json] = [
        {
            "commitTime": COMMIT_TIME,
            "configurationIds": [manager.configuration],
            "deploymentStatus": "Deployed",
            "deploymentType": "SecurityAdmin",
            "errorMessage": "",
            "region": region.name,
        }
        for region in REGIONS
    ]
    return as_cli({"skipToken": "", "value": rows})
