"""Network managers, groups, security admin configurations and what was deployed of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from flowverdict.load.addresses import (
    endpoint,
    missing_of,
    mixes_families,
    port_set,
    read_protocols,
)
from flowverdict.load.report import error
from flowverdict.load.security import DIRECTIONS
from flowverdict.load.unknown import Unknown
from flowverdict.model import (
    ANYWHERE,
    Access,
    ActiveRule,
    ConnectivityConfiguration,
    Deployment,
    Diagnostic,
    Endpoint,
    GroupMember,
    NetworkGroup,
    NetworkManager,
    ResourceId,
    Rule,
    RuleCollection,
    SecurityAdminConfiguration,
    UnknownField,
)
from flowverdict.net import ALL_PORTS, IntervalSet

if TYPE_CHECKING:
    from flowverdict.load.node import Node

_ACCESS: Final = {one.value.lower(): one for one in Access}
_PRIORITIES: Final = (1, 4096)
_UNSUPPORTED_TAGS: Final = frozenset({"azureplatformdns", "azureplatformimds", "azureplatformlkm"})
_RULE_FIELDS: Final = frozenset(
    """id name type etag kind systemdata resourcegroup properties provisioningstate resourceguid
    description priority direction access protocol flag sources destinations sourceportranges
    destinationportranges region committime configurationdescription rulecollectiondescription
    rulecollectionappliestogroups rulegroups tenantid subscriptionid location tags managedby
    extendedlocation identity plan sku zones apiversion""".split()
)
UNNAMED: Final = ResourceId("")
"""Stands for the manager of a commit that names no configuration, until it is found out."""

_COMMIT_TYPES: Final = {
    one.lower(): one for one in ("SecurityAdmin", "Connectivity", "SecurityUser", "Routing")
} | {"adminpolicy": "SecurityAdmin"}
_STATUS: Final = {one.lower(): one for one in ("NotStarted", "Deploying", "Deployed", "Failed")}


def read_manager(node: Node, resource: ResourceId) -> NetworkManager:
    """Reads a network manager; what it may reach in other tenants counts as its scope too."""
    scopes = node.need("networkManagerScopes")
    nodes = [scopes, *scopes.items("crossTenantScopes")]
    groups = [one.as_text() for scope in nodes for one in scope.texts("managementGroups")]
    subscriptions = [one.as_text() for scope in nodes for one in scope.texts("subscriptions")]
    return NetworkManager(
        id=resource,
        management_groups=tuple(ResourceId(one).last for one in groups),
        subscriptions=tuple(ResourceId(one).last for one in subscriptions),
        where=node.where,
    )


def read_group(node: Node, resource: ResourceId) -> NetworkGroup:
    """Reads a network group."""
    kinds = {"virtualnetwork": "VirtualNetwork", "subnet": "Subnet"}
    kind = node.choice("memberType", kinds) if node.text("memberType") else "VirtualNetwork"
    return NetworkGroup(resource, kind, where=node.where)


def read_static_member(node: Node, resource: ResourceId) -> GroupMember:
    """Reads a static member of a network group."""
    return GroupMember(
        group=resource.parent,
        resource=node.need("resourceId").as_id(),
        created=read_time(node.get("systemData"), "createdAt"),
        where=node.where,
    )


def read_memberships(node: Node, resource: ResourceId) -> list[GroupMember]:
    """Reads a row of Resource Graph that lists the groups of one virtual network."""
    member = membership_owner(resource)
    return [
        GroupMember(one.need("networkGroupId").as_id(), member, where=one.where)
        for one in node.items("groupMemberships")
    ]


def membership_owner(row: ResourceId) -> ResourceId:
    """Returns the virtual network that a row of memberships is about."""
    return ResourceId(row.text[: row.key.rfind("/providers/")])


def read_configuration(node: Node, resource: ResourceId) -> SecurityAdminConfiguration:
    """Reads a security admin configuration."""
    words = [one.as_text() for one in node.texts("applyOnNetworkIntentPolicyBasedServices")]
    known = {one.lower(): one for one in ("None", "All", "AllowRulesOnly")}
    if bad := [word for word in words if word.lower() not in known]:
        field = node.need("applyOnNetworkIntentPolicyBasedServices")
        raise field.fail("choice", f"`{bad[0]}` found", "`None`, `All` or `AllowRulesOnly`")
    aggregation = "None"
    if node.text("networkGroupAddressSpaceAggregationOption"):
        options = {"none": "None", "manual": "Manual"}
        aggregation = node.choice("networkGroupAddressSpaceAggregationOption", options)
    return SecurityAdminConfiguration(
        id=resource,
        on_intent_services=known[words[0].lower()] if words else "None",
        aggregation=aggregation,
        modified=read_time(node.get("systemData"), "lastModifiedAt"),
        where=node.where,
    )


def read_collection(node: Node, resource: ResourceId) -> RuleCollection:
    """Reads a rule collection."""
    groups = node.need("appliesToGroups").elements()
    return RuleCollection(
        id=resource,
        groups=tuple(one.need("networkGroupId").as_id() for one in groups),
        created=read_time(node.get("systemData"), "createdAt"),
        modified=read_time(node.get("systemData"), "lastModifiedAt"),
        where=node.where,
    )


def read_admin_rule(node: Node, resource: ResourceId) -> Rule:
    """Reads a security admin rule; what Azure would refuse in it becomes its problems."""
    node.refuse_fields_but(_RULE_FIELDS, "security admin rule")
    priority = node.need("priority").as_integer()
    problems: list[Diagnostic] = []
    if not _PRIORITIES[0] <= priority <= _PRIORITIES[1]:
        expected = f"a number from {_PRIORITIES[0]} to {_PRIORITIES[1]}"
        raise node.need("priority").fail("priority", f"priority {priority}", expected)
    source, destination = (
        _read_side(node, "sources", resource),
        _read_side(node, "destinations", resource),
    )
    if mixes_families(source, destination):
        what = f"`{resource.name}` has IPv4 and IPv6 prefixes in one rule"
        problems.append(error(node.where, "mixed-families", what, "one family in a rule"))
    for tag in (*source.tags, *destination.tags):
        if tag.lower() in _UNSUPPORTED_TAGS:
            what = f"security admin rules cannot use the service tag `{tag}`"
            problems.append(error(node.where, "unsupported-tag", what, "another service tag"))
    unknown: list[UnknownField] = []
    protocols = read_protocols(node, resource, unknown)
    source_ports = _read_ports(node, "source", resource, unknown)
    destination_ports = _read_ports(node, "destination", resource, unknown)
    return Rule(
        id=resource,
        name=resource.name,
        priority=priority,
        direction=node.choice("direction", DIRECTIONS),
        access=node.choice("access", _ACCESS),
        protocols=protocols,
        source=source,
        source_ports=source_ports,
        destination=destination,
        destination_ports=destination_ports,
        where=node.where,
        problems=tuple(problems),
        created=read_time(node.get("systemData"), "createdAt"),
        modified=read_time(node.get("systemData"), "lastModifiedAt"),
        unknown=tuple(unknown),
    )


def _read_side(node: Node, name: str, rule: ResourceId) -> Endpoint:
    """Reads ``sources`` or ``destinations``; an empty list is any address."""
    tokens: list[tuple[Node, str, str]] = []
    groups: list[ResourceId] = []
    kinds = {one.lower(): one for one in ("IPPrefix", "ServiceTag", "NetworkGroup")}
    items, unknown = node.known_items(name)
    for item in items:
        prefix = item.need("addressPrefix")
        if isinstance(prefix.value, Unknown):
            unknown.append(prefix.value.what)
            continue
        kind = item.choice("addressPrefixType", kinds) if item.text("addressPrefixType") else ""
        if kind == "NetworkGroup":
            groups.append(prefix.as_id())
        else:
            parts = prefix.as_text().split(",")
            tokens.extend((prefix, part.strip(), kind) for part in parts)
    if not tokens and not groups and not unknown:
        return ANYWHERE
    what = missing_of(rule, name.removesuffix("s"), unknown) if unknown else ""
    return endpoint(tokens, groups=tuple(groups), unknown=what)


def _read_ports(
    node: Node, side: str, rule: ResourceId, unknown: list[UnknownField]
) -> IntervalSet:
    """Returns the known ports of a side; an empty list is any port."""
    found, reasons = node.known_items(f"{side}PortRanges")
    if reasons:
        what = missing_of(rule, f"{side} ports", reasons)
        unknown.append(UnknownField(f"{side} port", what))
    return port_set(found) if found or reasons else ALL_PORTS


def read_active_rule(node: Node, resource: ResourceId) -> ActiveRule:
    """Reads an item of a manager's list of active security admin rules."""
    return ActiveRule(
        rule=read_admin_rule(node, resource),
        region=region(node.need("region").as_text()),
        groups=tuple(
            one.need("networkGroupId").as_id()
            for one in node.items("ruleCollectionAppliesToGroups")
        ),
        time=read_time(node, "commitTime"),
        where=node.where,
    )


def read_deployment_status(node: Node) -> list[Deployment]:
    """Reads an item of a manager's deployment status."""
    status = _STATUS["deployed"]
    if node.text("deploymentStatus"):
        status = node.choice("deploymentStatus", _STATUS)
    return [
        _deployment(
            node,
            node.need("region").as_text(),
            node.choice("deploymentType", _COMMIT_TYPES),
            node.need("configurationIds").elements(),
            status,
        )
    ]


def read_commit(node: Node) -> list[Deployment]:
    """Reads the body of a commit, or the answer to it: one deployment for each region."""
    regions = node.need("targetLocations").elements()
    if not regions:
        raise node.need("targetLocations").fail("commit", "no region", "at least one region")
    kind = node.choice("commitType", _COMMIT_TYPES)
    ids = node.need("configurationIds").elements()
    return [_deployment(node, one.as_text(), kind, ids, "Deployed") for one in regions]


def _deployment(node: Node, location: str, kind: str, ids: list[Node], status: str) -> Deployment:
    configurations = tuple(dict.fromkeys(one.as_id() for one in ids))
    problems: tuple[Diagnostic, ...] = ()
    if kind == "SecurityAdmin" and len(configurations) > 1:
        what = f"{len(configurations)} security admin configurations for `{location}`"
        problems = (error(node.where, "commit", what, "one for a region and manager"),)
    managers = {one.parent for one in configurations}
    if told := node.reference("networkManagerId"):
        managers = {told}  # Terraform's; without a configuration nothing else tells
    return Deployment(
        manager=managers.pop() if len(managers) == 1 else UNNAMED,
        region=region(location),
        kind=kind,
        configurations=configurations,
        time=read_time(node, "commitTime"),
        status=status,
        where=node.where,
        problems=problems,
    )


def read_connectivity(node: Node, resource: ResourceId) -> ConnectivityConfiguration:
    """Reads a connectivity configuration, as far as it makes connected groups."""
    mesh = node.need("connectivityTopology").as_text().lower() == "mesh"
    meshes: list[tuple[ResourceId, bool]] = []
    for one in node.items("appliesToGroups"):
        if mesh or one.text("groupConnectivity").lower() == "directlyconnected":
            across = one.get("isGlobal")
            everywhere = across is not None and str(across.value).lower() == "true"
            meshes.append((one.need("networkGroupId").as_id(), everywhere))
    return ConnectivityConfiguration(resource, tuple(meshes), where=node.where)


def region(text: str) -> str:
    """Returns a region's name as Azure compares it: ``East US`` is ``eastus``."""
    return text.replace(" ", "").lower()


def read_time(node: Node | None, name: str) -> str:
    """Returns a time in ISO 8601 and UTC, so that times compare as text; empty where missing."""
    field = node.get(name) if node else None
    if field is None:
        return ""
    try:
        moment = datetime.fromisoformat(field.as_text())
    except ValueError:
        raise field.fail("time", f"`{field.value}` is no time", "ISO 8601") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
