"""The security admin rules that stand before a virtual network (policy specification, 9 and 10)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from flowverdict.model import Access
from flowverdict.model.value import value
from flowverdict.policy.deployed import Entry, Notes, deployed_connectivity, deployed_entries
from flowverdict.policy.exclusions import intent_service, skipped_by_option, skipped_subnet
from flowverdict.policy.membership import (
    NO,
    YES,
    Membership,
    hierarchy_needed,
    in_management_group,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.model import (
        Direction,
        Estate,
        NetworkManager,
        ResourceId,
        Rule,
        Subnet,
        VirtualNetwork,
    )
    from flowverdict.policy.network import Network

_STRICTEST_FIRST: Final = {Access.DENY: 0, Access.ALWAYS_ALLOW: 1, Access.ALLOW: 2}
_BELOW_ALL_GROUPS: Final = 1_000_000


@value
class ManagerRules:
    """What one manager puts before a virtual network, in the order of evaluation."""

    manager: ResourceId
    entries: tuple[Entry, ...]

    def towards(self, direction: Direction) -> Iterator[Entry]:
        """Yields the entries that concern one direction."""
        for one in self.entries:
            if one.rule is None or one.rule.direction is direction:
                yield one


@value
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


def admin_layer(network: Network, vnet: VirtualNetwork, subnet: Subnet | None) -> AdminLayer:
    """Returns the admin rules that stand before a subnet of a virtual network."""
    estate, options = network.estate, network.options
    notes = Notes()
    skipped = skipped_subnet(estate, subnet, options) or skipped_by_option(vnet, subnet, options)
    if skipped:
        return AdminLayer(skipped=skipped)
    intent = intent_service(estate, vnet)
    if {vnet.id, *([subnet.id] if subnet else [])} & set(options.admin_rules_apply):
        intent = ""
    found: list[tuple[ManagerRules, Membership, int]] = []
    for manager_id in estate.managers:
        entries = tuple(deployed_entries(network, manager_id, vnet, notes))
        if entries:
            manager = estate.resources.managers.get(manager_id)
            scope, level = scope_of(estate, manager, manager_id, vnet)
            if scope == NO:
                notes.warn(f"`{vnet.id.name}` is out of the scope of manager `{manager_id.name}`")
                continue
            found.append((ManagerRules(manager_id, _sorted(entries)), scope, level))
    _warn_meshes(network, vnet, notes)
    order_missing = ""
    if len(found) == 1 and found[0][1].holds is None:
        rules, scope, _ = found[0]
        notes.warn(
            f"`{vnet.id.name}` is taken to be in the scope of `{rules.manager.name}`, the only "
            f"manager with rules for it: {scope.missing} not given"
        )
    elif missing := next((scope.missing for _, scope, _ in found if scope.holds is None), ""):
        order_missing = missing
        found = [(_doubted_rules(rules, scope), scope, level) for rules, scope, level in found]
    found.sort(key=lambda one: (one[2], one[0].manager))
    levels = [level for _, _, level in found]
    if len(set(levels)) < len(levels) and not order_missing:
        names = ", ".join(f"`{one.manager.name}`" for one, _, _ in found)
        notes.warn(f"managers {names} have scopes of the same level: taken in the order of ids")
    rules = tuple(one for one, _, _ in found)
    if intent and rules:
        held = f"`{vnet.id.name}`, which holds {intent}"
        rules, skipped = _on_intent(estate, rules, order_missing, notes, held)
    return AdminLayer(rules, order_missing, skipped, tuple(notes.warnings))


def _warn_meshes(network: Network, vnet: VirtualNetwork, notes: Notes) -> None:
    """Warns of connected groups that the input has but does not show as deployed."""
    deployed = {configuration for configuration, _ in deployed_connectivity(network, vnet)}
    for one in network.estate.resources.connectivity.values():
        groups = [group for group, _ in one.meshes]
        if one.id not in deployed and any(
            network.is_member(group, vnet.id).holds is not False for group in groups
        ):
            notes.warn(
                f"connectivity configuration `{one.id.name}` is not deployed in `{vnet.region}` "
                "as far as the estate tells: its connected groups do not count"
            )


def scope_of(
    estate: Estate, manager: NetworkManager | None, manager_id: ResourceId, vnet: VirtualNetwork
) -> tuple[Membership, int]:
    """Reports whether a network is in a manager's scope, and on which level (lower is higher)."""
    if manager is None:
        return Membership(None, f"scope of network manager `{manager_id}`"), 0
    above, _ = estate.hierarchy.above(vnet.id.subscription)
    levels = [above.index(name) for name in manager.management_groups if name in above]
    if levels:
        return YES, min(levels)
    unknown = [in_management_group(estate, one, vnet.id) for one in manager.management_groups]
    if any(one.holds is None for one in unknown):
        return Membership(None, hierarchy_needed(vnet.id)), 0
    if vnet.id.subscription in manager.subscriptions:
        return YES, _BELOW_ALL_GROUPS
    if not vnet.id.is_placed:
        return Membership(None, f"subscription of `{vnet.id.name}`"), 0
    return NO, _BELOW_ALL_GROUPS


def _sorted(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Orders by priority; on a tie Deny, AlwaysAllow, Allow, then by id (Q3)."""

    def place(one: Entry) -> tuple[int, int, str]:
        if one.rule is None:
            return 0, 0, ""
        return one.rule.priority, _STRICTEST_FIRST[one.rule.access], one.rule.id.key

    return tuple(sorted(entries, key=place))


def _on_intent(
    estate: Estate, rules: tuple[ManagerRules, ...], order_missing: str, notes: Notes, held: str
) -> tuple[tuple[ManagerRules, ...], str]:
    """Keeps what applies in a network with intent policies: the highest manager's setting rules.

    Args:
        estate: the network.
        rules: what the managers put before the virtual network.
        order_missing: what would be needed to know which manager is the highest.
        notes: takes what deserves a look.
        held: names the network and the service in it.
    """
    settings = [_setting(estate, one) for one in rules]
    setting, missing = settings[0]
    if order_missing and len({one for one, _ in settings}) > 1:
        missing = order_missing
    if missing:
        return tuple(
            replace(one, entries=tuple(_doubted(entry, missing) for entry in one.entries))
            for one in rules
        ), ""
    if setting == "AllowRulesOnly":
        notes.warn(f"admin rules that deny are not applied in {held} (AllowRulesOnly)")
        return tuple(
            replace(one, entries=tuple(entry for entry in one.entries if not _denies(entry)))
            for one in rules
        ), ""
    return (rules, "") if setting == "All" else ((), f"admin rules are not applied in {held}")


def _doubted_rules(rules: ManagerRules, scope: Membership) -> ManagerRules:
    if scope.holds:
        return rules
    return replace(rules, entries=tuple(_doubted(one, scope.missing) for one in rules.entries))


def _doubted(entry: Entry, missing: str) -> Entry:
    return replace(entry, doubts=(missing, *entry.doubts))


def _denies(entry: Entry) -> bool:
    return entry.rule is not None and entry.rule.access is Access.DENY


def _setting(estate: Estate, rules: ManagerRules) -> tuple[str, str]:
    """Returns a manager's setting for intent services, and what would be needed to know it.

    It stands in the configuration that its rules belong to.
    """
    ids = sorted({one.rule.id.parent.parent for one in rules.entries if one.rule})
    committed = max((one.committed for one in rules.entries), default="")
    for one in ids:
        configuration = estate.resources.configurations.get(one)
        if configuration and committed and configuration.modified > committed:
            return "", f"text of configuration `{one.name}` as committed: it was edited since"
        if configuration:
            return configuration.on_intent_services, ""
    return "", f"security admin configuration `{ids[0] if ids else rules.manager}`"
