"""Management groups, and the policies that put networks into network groups."""

from __future__ import annotations

from flowverdict.demo.answers.forms import cli_list
from flowverdict.demo.plan.admin import ALL_NETWORKS, PRODUCTION_BY_TAG, Manager, manager_of
from flowverdict.demo.plan.names import Json, guid
from flowverdict.demo.plan.organisation import (
    BANK,
    MANAGEMENT_GROUPS,
    REGIONS,
    ROOT,
    SUBSCRIPTIONS,
    Tenant,
)
from flowverdict.demo.plan.whole import Bank

_KIND = "Microsoft.Management/managementGroups"
_VNETS: Json = {"field": "type", "equals": "Microsoft.Network/virtualNetworks"}


def governance_files(bank: Bank) -> dict[str, Json]:
    """The hierarchy as one file, the policies as two."""
    manager = manager_of(bank)
    tagged: Json = {"field": "tags['environment']", "equals": "production"}
    near: Json = {"field": "location", "in": [region.name for region in REGIONS]}
    definitions = [
        _definition(manager, PRODUCTION_BY_TAG, "Networks tagged as production", tagged),
        _definition(manager, ALL_NETWORKS, "Networks in our two regions", near),
    ]
    assignments = [_assignment(name) for name in (PRODUCTION_BY_TAG, ALL_NETWORKS)]
    return {
        "governance/management-groups.json": _hierarchy(bank.tenant),
        "governance/policy-definitions.json": cli_list(definitions),
        "governance/policy-assignments.json": cli_list(assignments),
    }


def _group_id(name: str) -> str:
    return f"/providers/{_KIND}/{name}"


def _hierarchy(tenant: Tenant) -> Json:
    """What `az account management-group show --name … --expand --recurse` prints."""
    return {
        "children": _children(tenant, ROOT),
        "details": {
            "managementGroupAncestors": None,
            "managementGroupAncestorsChain": None,
            "parent": {
                "displayName": "Tenant Root Group",
                "id": _group_id(tenant.id),
                "name": tenant.id,
            },
            "path": None,
            "updatedBy": guid("user", tenant.id),
            "updatedTime": "2025-11-03T10:00:00.000000+00:00",
            "version": 3,
        },
        "displayName": BANK,
        "id": _group_id(ROOT),
        "name": ROOT,
        "tenantId": tenant.id,
        "type": _KIND,
    }


def _children(tenant: Tenant, parent: str) -> Json:
    groups: list[Json] = [
        {
            "children": _children(tenant, name),
            "displayName": title,
            "id": _group_id(name),
            "name": name,
            "type": _KIND,
        }
        for name, title, above in MANAGEMENT_GROUPS
        if above == parent
    ]
    subscriptions: list[Json] = [
        {
            "children": None,
            "displayName": f"{BANK} {name}",
            "id": f"/subscriptions/{tenant.subscription(name)}",
            "name": tenant.subscription(name),
            "type": "/subscriptions",
        }
        for name, above in SUBSCRIPTIONS
        if above == parent
    ]
    return [*groups, *subscriptions]


def _policy_id(kind: str, name: str) -> str:
    return f"{_group_id(ROOT)}/providers/Microsoft.Authorization/{kind}/{name}"


def _definition(manager: Manager, group: str, title: str, condition: Json) -> Json:
    return {
        "id": _policy_id("policyDefinitions", group),
        "name": group,
        "type": "Microsoft.Authorization/policyDefinitions",
        "properties": {
            "displayName": title,
            "policyType": "Custom",
            "mode": "Microsoft.Network.Data",
            "metadata": {"category": "Azure Virtual Network Manager"},
            "parameters": None,
            "policyRule": {
                "if": {"allOf": [_VNETS, condition]},
                "then": {
                    "effect": "addToNetworkGroup",
                    "details": {"networkGroupId": manager.group(group)},
                },
            },
        },
    }


def _assignment(group: str) -> Json:
    return {
        "id": _policy_id("policyAssignments", group),
        "name": group,
        "type": "Microsoft.Authorization/policyAssignments",
        "properties": {
            "displayName": group,
            "enforcementMode": "Default",
            "notScopes": [],
            "parameters": None,
            "policyDefinitionId": _policy_id("policyDefinitions", group),
            "scope": _group_id(ROOT),
        },
    }
