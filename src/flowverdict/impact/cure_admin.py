"""Denies of a network manager for the flows of attackers: no NSG is asked behind them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from flowverdict.impact.cure_deny import Proposal, deny_rule, grouped, remote_side
from flowverdict.impact.cure_edit import Edit
from flowverdict.impact.cure_ends import of_each_kind
from flowverdict.impact.exception_room import Budget
from flowverdict.model import Access
from flowverdict.policy.matching import matches
from flowverdict.policy.worlds import Undecided, World

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flowverdict.impact.cure_deny import Asked, Wanted
    from flowverdict.impact.cure_ends import End
    from flowverdict.model import ResourceId, Rule
    from flowverdict.policy import Network
    from flowverdict.policy.deployed import Entry

_LAST: Final = 4096
_TIDY: Final = 10


def admin_denies(network: Network, asked: Mapping[int, Asked]) -> Proposal:
    """Proposes Deny rules of network managers for findings' flows.

    Each stands in a collection that is committed and that reaches the network of the interface, in
    front of the admin rules that match.

    Args:
        network: the estate, with the options that it is judged by.
        asked: by the findings' numbers.
    """
    found = Proposal()
    owners: dict[int, list[ResourceId]] = {}
    known: dict[ResourceId | None, ResourceId | str] = {}
    for number, one in asked.items():
        chosen: list[ResourceId] = []
        for end in one.ends:
            vnet = end.place.vnet_id
            if vnet not in known:
                known[vnet] = _collection(network, end)
            collection = known[vnet]
            if isinstance(collection, str):
                found.refuse([number], collection)
                break
            chosen.append(collection)
        else:
            owners[number] = chosen
    rules = list(network.estate.every_admin_rule)
    budgets: dict[ResourceId, Budget] = {}
    for one in grouped(asked, owners):
        manager = one.match.owner.parent.parent
        budget = budgets.setdefault(manager, Budget.of(network.estate, manager))
        made = _made(rules, one, budget)
        if isinstance(made, str):
            found.refuse(one.findings, made)
            continue
        rules.append(made)
        for number in one.findings:
            if number not in found.reasons:
                found.edits.setdefault(number, []).append(Edit(made))
                found.note(number, _commit(made))
                if budget.note:
                    found.note(number, budget.note)
                if one.match.protocol is None:
                    found.note(number, "rules cannot name the protocol: every protocol is denied")
    return found


def _commit(rule: Rule) -> str:
    configuration = rule.id.parent.parent
    return f"nothing of it counts before `{configuration.name}` is committed again"


def _collection(network: Network, end: End) -> ResourceId | str:
    """Returns where a Deny before an interface can stand, or why it cannot.

    Of several managers the one that decides about the flow now, of several collections one that
    denies something already.
    """
    place, estate = end.place, network.estate
    vnet = place.vnet
    if not estate.managers:
        return "the estate has no network manager"
    if vnet is None:
        return f"{place.describe_missing('virtual network', place.vnet_id)} is not in the estate"
    if place.admin is not None and place.admin.skipped:
        return place.admin.skipped
    step = end.verdict.trace[0]
    decides = step.resource if step.layer == "admin" else None
    reasons: list[str] = []
    for manager in sorted(estate.managers, key=lambda one: (one != decides, one)):
        if (manager, vnet.region) in estate.active_by_place:
            reasons.append(f"`{manager.name}` is known by its list of active rules alone")
            continue
        collections = set(_reaching(network, manager, vnet.id, vnet.region))
        if collections:
            denying = {
                one.id.parent for one in estate.every_admin_rule if one.access is Access.DENY
            }
            return min(collections, key=lambda one: (one not in denying, one))
        reasons.append(f"no committed collection of `{manager.name}` reaches `{vnet.id.name}`")
    return "; ".join(reasons)


def _reaching(
    network: Network, manager: ResourceId, vnet: ResourceId, region: str
) -> Iterator[ResourceId]:
    """Yields the committed collections of a manager that apply to a virtual network."""
    estate = network.estate
    deployment = estate.deployment_at.get((manager, region, "SecurityAdmin"))
    configurations = deployment.configurations if deployment else ()
    if network.options.assume_deployed:
        own = estate.configurations_by_manager.get(manager, ())
        configurations = tuple(one.id for one in own)
    for configuration in configurations:
        for one in estate.collections_by_configuration.get(configuration, ()):
            if any(network.is_member(group, vnet).holds for group in one.groups):
                yield one.id


def _made(rules: list[Rule], one: Wanted, budget: Budget) -> Rule | str:
    """Returns a rule that does it, or why there is none."""
    collection = one.match.owner
    before = min((_first(end) for end in of_each_kind(one.ends)), default=_LAST + 1)
    priority = _free(rules, one, before)
    if priority is None:
        return f"no priority of `{collection.name}` is free in front of {before}"
    remote = remote_side(one)
    if isinstance(remote, str):
        return remote
    beside = [rule for rule in rules if rule.id.parent == collection]
    made = deny_rule(collection, "rules", beside, priority, one, remote)
    prefixes = len(made.source.texts) + len(made.destination.texts)
    if lacks := budget.lacks(prefixes):
        return lacks
    budget.spend(prefixes)
    return replace(made, created="", modified="")


def _first(end: End) -> int:
    """Returns the priority of the first admin rule that matches, or may match, an end's packet."""
    layer = end.place.admin
    managers = layer.managers if layer else ()
    found = [
        entry.rule.priority
        for manager in managers
        for entry in manager.towards(end.direction)
        if entry.rule is not None and _may_match(entry, end)
    ]
    return min(found, default=_LAST + 1)


def _may_match(entry: Entry, end: End) -> bool:
    assert entry.rule is not None
    try:
        return matches(entry.rule, end.packet, end.place, World(), entry.committed)
    except Undecided:
        return True


def _free(rules: list[Rule], one: Wanted, before: int) -> int | None:
    """Returns a free priority below ``before``, as late as can be; a multiple of ten if one is.

    A priority is taken once in its collection (policy specification, 8.5), and of two rules of a
    configuration with the same one it is not documented which comes first (10.3).
    """
    collection, way = one.match.owner, one.match.direction
    taken = {
        rule.priority
        for rule in rules
        if rule.id.parent == collection
        or (rule.id.parent.parent == collection.parent and rule.direction is way)
    }
    top = before - 1
    if before > _LAST:
        top = min(max(taken, default=990) // _TIDY * _TIDY + _TIDY, _LAST)
    free = [priority for priority in range(top, 0, -1) if priority not in taken]
    return next((one for one in free if one % _TIDY == 0), free[0] if free else None)
