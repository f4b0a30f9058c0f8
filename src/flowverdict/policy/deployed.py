"""The security admin rules that are in force in a virtual network, of one manager.

Policy specification, section 9: what counts is what was committed to the network's region.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flowverdict.policy.membership import NO, YES, Membership, is_member

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.model import Estate, ResourceId, Rule, RuleCollection, VirtualNetwork
    from flowverdict.policy.options import Options


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


@dataclass(slots=True)
class Notes:
    """Warnings that come up on the way, once each."""

    warnings: dict[str, None] = field(default_factory=dict[str, None])

    def warn(self, text: str) -> None:
        """Adds a warning, unless it is there."""
        self.warnings[text] = None


def region_of(location: str) -> str:
    """Returns a region's name as Azure compares it: ``East US`` is ``eastus``."""
    return location.replace(" ", "").lower()


def deployed_entries(
    estate: Estate,
    manager: ResourceId,
    vnet: VirtualNetwork,
    options: Options,
    notes: Notes,
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
        if one.region == region and manager_of(one.rule.id) == manager
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
    estate: Estate, manager: ResourceId, vnet: VirtualNetwork, notes: Notes
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
    notes: Notes,
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
    notes: Notes,
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


def manager_of(rule: ResourceId) -> ResourceId:
    """Returns the manager of a security admin rule."""
    return rule.parent.parent.parent
