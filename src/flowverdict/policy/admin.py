"""The security admin rules that stand before a virtual network (policy specification, 9 and 10)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from flowverdict.model import Access
from flowverdict.policy.membership import (
    NO,
    YES,
    Membership,
    hierarchy_needed,
    in_management_group,
    is_member,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.model import (
        Direction,
        Estate,
        NetworkManager,
        ResourceId,
        Rule,
        RuleCollection,
        Subnet,
        VirtualNetwork,
    )
    from flowverdict.policy.options import Options

_SERVICE_SUBNETS: Final = {
    "gatewaysubnet": "a virtual network gateway",
    "azurebastionsubnet": "Azure Bastion",
    "azurefirewallsubnet": "Azure Firewall",
    "azurefirewallmanagementsubnet": "Azure Firewall",
    "routeserversubnet": "Route Server",
}
_INTENT_DELEGATIONS: Final = {
    "microsoft.sql/managedinstances": "Azure SQL Managed Instance",
    "microsoft.databricks/workspaces": "Azure Databricks",
}
_INTENT_SERVICES: Final = frozenset(_INTENT_DELEGATIONS.values())
_STRICTEST_FIRST: Final = {Access.DENY: 0, Access.ALWAYS_ALLOW: 1, Access.ALLOW: 2}
_BELOW_ALL_GROUPS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule that may be in force.

    Attributes:
        rule: None for a rule that is there but could not be read: it could be anything.
        doubts: what is missing to know that it is in force; it is if all of it turns out so.
        committed: when the configuration was committed (ISO 8601), where that is known.
    """

    rule: Rule | None
    doubts: tuple[str, ...] = ()
    committed: str = ""


@dataclass(frozen=True, slots=True)
class ManagerRules:
    """What one manager puts before a virtual network, in the order of evaluation."""

    manager: ResourceId
    entries: tuple[Entry, ...]

    def towards(self, direction: Direction) -> Iterator[Entry]:
        """Yields the entries that concern one direction."""
        for one in self.entries:
            if one.rule is None or one.rule.direction is direction:
                yield one


@dataclass(frozen=True, slots=True)
class AdminLayer:
    """The admin rules of a virtual network.

    Attributes:
        managers: one after the other, the highest scope first.
        order_missing: what would be needed to know that order; empty where it is known.
        skipped: why admin rules do not apply here at all; empty where they do.
        warnings: what about them deserves a look.
    """

    managers: tuple[ManagerRules, ...] = ()
    order_missing: str = ""
    skipped: str = ""
    warnings: tuple[str, ...] = ()

    def entries_of(self, rule: Rule) -> Iterator[Entry]:
        """Yields the entries of one rule."""
        for manager in self.managers:
            for entry in manager.entries:
                if entry.rule is not None and entry.rule.id == rule.id:
                    yield entry


@dataclass(slots=True)
class _Collector:
    """What is found out on the way: warnings, once each."""

    warnings: dict[str, None] = field(default_factory=dict[str, None])

    def warn(self, text: str) -> None:
        self.warnings[text] = None


def region_of(location: str) -> str:
    """Returns a region's name as Azure compares it: ``East US`` is ``eastus``."""
    return location.replace(" ", "").lower()


def admin_layer(
    estate: Estate, vnet: VirtualNetwork, subnet: Subnet | None, options: Options
) -> AdminLayer:
    """Returns the admin rules that stand before a subnet of a virtual network."""
    notes = _Collector()
    skipped = _skipped_subnet(estate, subnet, options) or _skipped_by_option(vnet, subnet, options)
    if skipped:
        return AdminLayer(skipped=skipped)
    intent = _intent_services(estate, vnet)
    if {vnet.id, *([subnet.id] if subnet else [])} & set(options.admin_rules_apply):
        intent = ""
    found: list[tuple[ManagerRules, Membership, int]] = []
    for manager_id in _managers(estate):
        entries = tuple(_entries(estate, manager_id, vnet, options, notes))
        if entries:
            manager = estate.resources.managers.get(manager_id)
            scope, level = _scope(estate, manager, manager_id, vnet)
            if scope == NO:
                notes.warn(f"`{vnet.id.name}` is out of the scope of manager `{manager_id.name}`")
                continue
            found.append((ManagerRules(manager_id, _sorted(entries)), scope, level))
    unknown = [(rules.manager, scope) for rules, scope, _ in found if scope.holds is None]
    for manager, scope in unknown:
        notes.warn(
            f"`{vnet.id.name}` is taken to be in the scope of `{manager.name}`: "
            f"{scope.missing} not given"
        )
    order_missing = unknown[0][1].missing if unknown and len(found) > 1 else ""
    found.sort(key=lambda one: (one[2], one[0].manager))
    levels = [level for _, _, level in found]
    if len(set(levels)) < len(levels) and not order_missing:
        names = ", ".join(f"`{one.manager.name}`" for one, _, _ in found)
        notes.warn(f"managers {names} have scopes of the same level: taken in the order of ids")
    rules = tuple(one for one, _, _ in found)
    if intent and rules:
        rules, skipped = _on_intent(estate, rules, order_missing, intent, vnet)
    return AdminLayer(rules, order_missing, skipped, tuple(notes.warnings))


def _managers(estate: Estate) -> list[ResourceId]:
    """Returns every manager that the input knows of, in the order of ids."""
    found = set(estate.resources.managers)
    found.update(estate.configurations_by_manager)
    found.update(one.manager for one in estate.deployments if one.manager)
    found.update(_manager_of(one.rule.id) for one in estate.active_rules)
    return sorted(found)


def _manager_of(rule: ResourceId) -> ResourceId:
    return rule.parent.parent.parent


def _scope(
    estate: Estate, manager: NetworkManager | None, manager_id: ResourceId, vnet: VirtualNetwork
) -> tuple[Membership, int]:
    """Reports whether a network is in a manager's scope, and on which level (lower is higher)."""
    if manager is None:
        return Membership(None, f"scope of network manager `{manager_id}`"), 0
    above = estate.hierarchy.above(vnet.id.subscription) or ()
    levels = [above.index(name) for name in manager.management_groups if name in above]
    if levels:
        return YES, min(levels)
    unknown = [in_management_group(estate, one, vnet.id) for one in manager.management_groups]
    if any(one.holds is None for one in unknown):
        return Membership(None, hierarchy_needed(vnet.id)), 0
    if vnet.id.subscription in manager.subscriptions:
        return YES, _BELOW_ALL_GROUPS
    return NO, _BELOW_ALL_GROUPS


def _sorted(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Orders by priority; on a tie Deny, AlwaysAllow, Allow, then by id (Q3)."""

    def place(one: Entry) -> tuple[int, int, str]:
        if one.rule is None:
            return 0, 0, ""
        return one.rule.priority, _STRICTEST_FIRST[one.rule.access], one.rule.id.key

    return tuple(sorted(entries, key=place))


def _entries(
    estate: Estate,
    manager: ResourceId,
    vnet: VirtualNetwork,
    options: Options,
    notes: _Collector,
) -> Iterator[Entry]:
    """Yields the rules of one manager that reach a virtual network, in no order."""
    if options.assume_deployed:
        configurations = estate.configurations_by_manager.get(manager, ())
        if len(configurations) > 1:
            count = len(configurations)
            notes.warn(f"`{manager.name}`: {count} configurations assumed deployed; Azure has one")
        for configuration in configurations:
            yield from _configured(estate, configuration.id, vnet, "", (), notes)
        return
    region = region_of(vnet.location)
    deployment = next(
        (
            one
            for one in estate.deployments
            if one.manager == manager
            and one.region == region
            and one.kind.lower() == "securityadmin"
        ),
        None,
    )
    active = [
        one
        for one in estate.active_rules
        if one.region == region and _manager_of(one.rule.id) == manager
    ]
    listed = max((one.time for one in active), default="")
    if active and not (deployment and listed and deployment.time > listed):
        for one in active:
            member = _reaches(estate, one.groups, vnet)
            if member.holds is not False:
                doubts = () if member.holds else (member.missing,)
                yield Entry(one.rule, doubts, one.time)
        return
    if active:
        notes.warn(f"the active rules of `{manager.name}` are older than its last commit: left out")
    if deployment is None:
        _warn_not_deployed(estate, manager, vnet, notes)
        return
    doubts: tuple[str, ...] = ()
    if deployment.problems:
        doubts = (f"what is deployed in `{region}` ({deployment.problems[0]})",)
    elif deployment.status == "Failed":
        doubts = (f"what is deployed in `{region}`: the commit at {deployment.where} failed",)
    elif deployment.status != "Deployed":
        notes.warn(f"commit at {deployment.where} is `{deployment.status}`: taken as deployed")
    for configuration in deployment.configurations:
        yield from _configured(estate, configuration, vnet, deployment.time, doubts, notes)


def _warn_not_deployed(
    estate: Estate, manager: ResourceId, vnet: VirtualNetwork, notes: _Collector
) -> None:
    for configuration in estate.configurations_by_manager.get(manager, ()):
        collections = estate.collections_by_configuration.get(configuration.id, ())
        if any(_reaches(estate, one.groups, vnet).holds is not False for one in collections):
            notes.warn(
                f"security admin configuration `{configuration.id.name}` is not deployed in "
                f"`{region_of(vnet.location)}` as far as the estate tells: not evaluated "
                "(--assume-deployed evaluates it)"
            )


def _reaches(estate: Estate, groups: tuple[ResourceId, ...], vnet: VirtualNetwork) -> Membership:
    """Reports whether one of a collection's groups holds a virtual network."""
    answers = [is_member(estate, group, vnet.id) for group in groups]
    if YES in answers:
        return YES
    return next((one for one in answers if one.holds is None), NO)


def _configured(
    estate: Estate,
    configuration: ResourceId,
    vnet: VirtualNetwork,
    committed: str,
    doubts: tuple[str, ...],
    notes: _Collector,
) -> Iterator[Entry]:
    """Yields the rules of a configuration as it stands now that reach a virtual network."""
    broken = [one for one in estate.broken if one.is_below(configuration)]
    for one in broken:
        collection = estate.resources.collections.get(one.parent)
        member = _reaches(estate, collection.groups, vnet) if collection else YES
        if member.holds is not False:
            yield Entry(None, (*doubts, f"`{one.name}`: {estate.broken[one]}"))
    collections = estate.collections_by_configuration.get(configuration, ())
    if not collections and not broken:
        yield Entry(None, (*doubts, f"rule collections of configuration `{configuration}`"))
    for collection in collections:
        member = _reaches(estate, collection.groups, vnet)
        if member.holds is False:
            continue
        found = doubts if member.holds else (*doubts, member.missing)
        rules = estate.rules_by_collection.get(collection.id, ())
        if not rules and not any(one.is_below(collection.id) for one in broken):
            yield Entry(None, (*found, f"rules of collection `{collection.id}`"))
        directions = {(rule.priority, rule.direction) for rule in rules}
        if len(directions) > len({priority for priority, _ in directions}):
            notes.warn(
                f"collection `{collection.id.name}` has one priority in both directions: accepted, "
                "though Azure's documents ask for a priority once in a collection"
            )
        for rule in rules:
            yield from _as_deployed(rule, collection, committed, found, notes)


def _as_deployed(
    rule: Rule,
    collection: RuleCollection,
    committed: str,
    doubts: tuple[str, ...],
    notes: _Collector,
) -> Iterator[Entry]:
    """Yields a rule as far as the commit can hold it: edits count from the next commit on."""
    created = max(rule.created, collection.created)
    if committed and created > committed:
        notes.warn(f"admin rule `{rule.name}` is newer than the commit: not deployed yet")
        return
    extra = tuple(str(problem) for problem in rule.problems)
    if committed and max(rule.modified, collection.modified) > committed:
        extra = (*extra, f"text of admin rule `{rule.name}` as committed: it was edited since")
        yield Entry(None, (*doubts, *extra), committed)
        return
    yield Entry(rule, (*doubts, *extra), committed)


def _skipped_by_option(vnet: VirtualNetwork, subnet: Subnet | None, options: Options) -> str:
    for place in (vnet.id, subnet.id if subnet else None):
        if place in options.admin_rules_skip:
            return f"option admin-rules-skip names `{place.name}`" if place else ""
    return ""


def _skipped_subnet(estate: Estate, subnet: Subnet | None, options: Options) -> str:
    """Says why admin rules do not apply in a subnet; empty where they do (10.4)."""
    if subnet is None or {subnet.id, subnet.vnet} & set(options.admin_rules_apply):
        return ""
    service = _SERVICE_SUBNETS.get(subnet.id.name.lower(), "")
    if not service and subnet.has_application_gateway:
        service = "Application Gateway"
    for use in estate.services_by_subnet.get(subnet.id, ()):
        if use.service not in _INTENT_SERVICES:
            service = use.service
    if not service and any(
        subnet.id in gateway.subnets for gateway in estate.resources.gateways.values()
    ):
        service = "a virtual network gateway"
    return (
        f"admin rules are not applied in `{subnet.id.name}`, which holds {service}"
        if service
        else ""
    )


def _intent_services(estate: Estate, vnet: VirtualNetwork) -> str:
    """Names the service of a network that has network intent policies; empty where none is."""
    for subnet_id in vnet.subnets:
        subnet = estate.resources.subnets.get(subnet_id)
        for delegation in subnet.delegations if subnet else ():
            if service := _INTENT_DELEGATIONS.get(delegation.lower()):
                return service
        for use in estate.services_by_subnet.get(subnet_id, ()):
            if use.service in _INTENT_SERVICES:
                return use.service
    return ""


def _on_intent(
    estate: Estate,
    rules: tuple[ManagerRules, ...],
    order_missing: str,
    service: str,
    vnet: VirtualNetwork,
) -> tuple[tuple[ManagerRules, ...], str]:
    """Keeps what applies in a network with intent policies: the highest manager's setting rules."""
    settings = [_setting(estate, one) for one in rules]
    setting = settings[0]
    if order_missing and len(set(settings)) > 1:
        missing = (order_missing,)
        return tuple(
            ManagerRules(
                one.manager,
                tuple(Entry(e.rule, (*e.doubts, *missing), e.committed) for e in one.entries),
            )
            for one in rules
        ), ""
    if setting == "All":
        return rules, ""
    if setting == "AllowRulesOnly":
        return tuple(
            ManagerRules(
                one.manager,
                tuple(e for e in one.entries if e.rule is None or e.rule.access is not Access.DENY),
            )
            for one in rules
        ), ""
    return (), f"admin rules are not applied in `{vnet.id.name}`, which holds {service}"


def _setting(estate: Estate, rules: ManagerRules) -> str:
    """Returns a manager's setting for intent services, from the configuration of its rules."""
    ids = {one.rule.id.parent.parent for one in rules.entries if one.rule}
    found = (estate.resources.configurations.get(one) for one in sorted(ids))
    return next((one.on_intent_services for one in found if one), "None")
