"""What network managers put in force in a virtual network (policy specification, section 9).

What counts is what was committed to the network's region.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flowverdict.policy.membership import NO, YES, Membership

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.model import Deployment, ResourceId, Rule, RuleCollection, VirtualNetwork
    from flowverdict.policy.network import Network


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule that may be in force.

    Attributes:
        rule: None for a rule that is there but not known: it could be anything, or nothing.
        doubts: what is missing to know that it is in force; it is if all of it turns out so.
        unread: what is missing to know the rule; empty where there is one.
        committed: when the configuration was committed (ISO 8601), where that is known.
    """

    rule: Rule | None
    doubts: tuple[str, ...] = ()
    committed: str = ""
    unread: str = ""


@dataclass(slots=True)
class Notes:
    """Warnings that come up on the way, once each."""

    warnings: dict[str, None] = field(default_factory=dict[str, None])

    def warn(self, text: str) -> None:
        """Adds a warning, unless it is there."""
        self.warnings[text] = None


def deployed_entries(
    network: Network, manager: ResourceId, vnet: VirtualNetwork, notes: Notes
) -> Iterator[Entry]:
    """Yields the rules of one manager that reach a virtual network, in no order."""
    estate = network.estate
    if network.options.assume_deployed:
        configurations = estate.configurations_by_manager.get(manager, ())
        if len(configurations) > 1:
            count = len(configurations)
            notes.warn(f"`{manager.name}`: {count} configurations assumed deployed; Azure has one")
        for configuration in configurations:
            yield from _configured(network, configuration.id, vnet, "", (), notes)
        return
    regions = _regions(network, manager, vnet)
    if not regions:
        _warn_not_deployed(network, manager, vnet, notes)
    for region, doubts in regions:
        active = estate.active_by_place.get((manager, region), [])
        deployment = estate.deployment_at.get((manager, region, "SecurityAdmin"))
        listed = max((one.time for one in active), default="")
        if active and not (deployment and listed and deployment.time > listed):
            for one in active:
                member = _reaches(network, one.groups, vnet)
                if member.holds is not False:
                    found = doubts if member.holds else (*doubts, member.missing)
                    yield Entry(one.rule, found, one.time)
            continue
        if active:
            older = f"the active rules of `{manager.name}` are older than its last commit"
            notes.warn(f"{older}: left out")
        if deployment is None:
            _warn_not_deployed(network, manager, vnet, notes)
        else:
            yield from _committed(network, deployment, vnet, doubts, notes)


def _regions(
    network: Network, manager: ResourceId, vnet: VirtualNetwork
) -> list[tuple[str, tuple[str, ...]]]:
    """Returns the region of a network; where it is not known, every one that has something."""
    if vnet.region:
        return [(vnet.region, ())]
    estate = network.estate
    found = {region for owner, region in estate.active_by_place if owner == manager}
    found.update(one.region for one in estate.deployments if one.manager == manager)
    missing = f"location of virtual network `{vnet.id}`"
    return [(region, (f"{missing}: is it `{region}`",)) for region in sorted(found)]


def _committed(
    network: Network,
    deployment: Deployment,
    vnet: VirtualNetwork,
    doubts: tuple[str, ...],
    notes: Notes,
) -> Iterator[Entry]:
    """Yields what a commit put in force; after a failed one it may be any configuration."""
    configurations = deployment.configurations
    doubt = doubt_of(deployment)
    if doubt:
        doubts = (*doubts, doubt)
        every = network.estate.configurations_by_manager.get(deployment.manager, ())
        configurations = tuple(dict.fromkeys((*configurations, *(one.id for one in every))))
    elif deployment.status != "Deployed":
        notes.warn(f"commit at {deployment.where} is `{deployment.status}`: taken as deployed")
    for configuration in configurations:
        yield from _configured(network, configuration, vnet, deployment.time, doubts, notes)


def doubt_of(deployment: Deployment) -> str:
    """Says why it is not known what a commit put in force; empty where it is."""
    what = f"what is deployed in `{deployment.region}`"
    if deployment.problems:
        return f"{what} ({deployment.problems[0]})"
    if deployment.status == "Failed":
        return f"{what}: the commit at {deployment.where} failed"
    return ""


def deployed_connectivity(
    network: Network, vnet: VirtualNetwork
) -> Iterator[tuple[ResourceId, str]]:
    """Yields the connectivity configurations in force where a network is, and what is in doubt."""
    estate = network.estate
    if network.options.assume_deployed:
        for configuration in estate.resources.connectivity:
            yield configuration, ""
        return
    for manager in estate.managers:
        for region, doubts in _regions(network, manager, vnet):
            deployment = estate.deployment_at.get((manager, region, "Connectivity"))
            if deployment is not None:
                doubt = doubt_of(deployment) or "; ".join(doubts)
                for configuration in deployment.configurations:
                    yield configuration, doubt


def _warn_not_deployed(
    network: Network, manager: ResourceId, vnet: VirtualNetwork, notes: Notes
) -> None:
    estate = network.estate
    place = f"`{vnet.region}`" if vnet.region else f"the region of `{vnet.id.name}`"
    for configuration in estate.configurations_by_manager.get(manager, ()):
        collections = estate.collections_by_configuration.get(configuration.id, ())
        if any(_reaches(network, one.groups, vnet).holds is not False for one in collections):
            notes.warn(
                f"security admin configuration `{configuration.id.name}` is not deployed in "
                f"{place} as far as the estate tells: not evaluated "
                "(--assume-deployed evaluates it)"
            )


def _reaches(network: Network, groups: tuple[ResourceId, ...], vnet: VirtualNetwork) -> Membership:
    """Reports whether one of a collection's groups holds a virtual network."""
    answers = [network.is_member(group, vnet.id) for group in groups]
    if YES in answers:
        return YES
    return next((one for one in answers if one.holds is None), NO)


def _configured(
    network: Network,
    configuration: ResourceId,
    vnet: VirtualNetwork,
    committed: str,
    doubts: tuple[str, ...],
    notes: Notes,
) -> Iterator[Entry]:
    """Yields the rules of a configuration as it stands now that reach a virtual network."""
    estate = network.estate
    broken = [one for one in estate.broken if one.is_below(configuration)]
    for one in broken:
        collection = estate.resources.collections.get(one.parent)
        member = _reaches(network, collection.groups, vnet) if collection else YES
        if member.holds is not False:
            yield Entry(None, doubts, unread=f"`{one.name}`: {estate.broken[one]}")
    lost = estate.rules_without_collection.get(configuration, ())
    for rule in lost:
        if rule.id.parent not in estate.broken:
            missing = f"rule collection `{rule.id.parent}`"
            yield Entry(rule, (*doubts, missing), committed)
    collections = estate.collections_by_configuration.get(configuration, ())
    if not collections and not broken and not lost:
        yield Entry(None, doubts, unread=f"rule collections of configuration `{configuration}`")
    for collection in collections:
        member = _reaches(network, collection.groups, vnet)
        _check_collection(network, collection, notes)
        if member.holds is False:
            continue
        found = doubts if member.holds else (*doubts, member.missing)
        rules = estate.rules_by_collection.get(collection.id, ())
        if not rules and not any(one.is_below(collection.id) for one in broken):
            yield Entry(None, found, unread=f"rules of collection `{collection.id}`")
        for rule in rules:
            yield from _as_deployed(rule, collection, committed, found, notes)


def _check_collection(network: Network, collection: RuleCollection, notes: Notes) -> None:
    """Warns of what Azure's documents do not foresee in a collection."""
    rules = network.estate.rules_by_collection.get(collection.id, ())
    slots = {(rule.priority, rule.direction) for rule in rules}
    if len(slots) > len({priority for priority, _ in slots}):
        notes.warn(
            f"collection `{collection.id.name}` has one priority in both directions: accepted, "
            "though Azure's documents ask for a priority once in a collection"
        )
    for group_id in collection.groups:
        group = network.estate.resources.groups.get(group_id)
        if group is not None and group.member_type == "Subnet":
            notes.warn(
                f"collection `{collection.id.name}` targets `{group_id.name}`, a group of subnets: "
                "security admin rules apply to virtual networks"
            )


def _as_deployed(
    rule: Rule,
    collection: RuleCollection,
    committed: str,
    doubts: tuple[str, ...],
    notes: Notes,
) -> Iterator[Entry]:
    """Yields a rule as far as the commit can hold it: edits count from the next commit on."""
    created = max(rule.created, collection.created)
    if committed and created > committed:
        notes.warn(f"admin rule `{rule.name}` is newer than the commit: not deployed yet")
    elif committed and max(rule.modified, collection.modified) > committed:
        unread = f"text of admin rule `{rule.name}` as committed: it was edited since"
        yield Entry(None, doubts, committed, unread)
    else:
        yield Entry(rule, (*doubts, *(str(one) for one in rule.problems)), committed)
