"""Azure Virtual Network Manager: managers, groups, security admin configurations, deployments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flowverdict.model.diagnostics import Diagnostic, Position
from flowverdict.model.ids import ResourceId
from flowverdict.model.value import value

if TYPE_CHECKING:
    from flowverdict.model.conditions import Condition
    from flowverdict.model.security import Rule


@value
class NetworkManager:
    """A network manager and its scope.

    Attributes:
        management_groups: names in lower case, without the id's head.
        subscriptions: ids in lower case, without the id's head.
    """

    id: ResourceId
    management_groups: tuple[str, ...] = ()
    subscriptions: tuple[str, ...] = ()
    where: Position | None = field(default=None, compare=False)


@value
class NetworkGroup:
    """A network group; ``member_type`` is ``VirtualNetwork`` or ``Subnet``."""

    id: ResourceId
    member_type: str = "VirtualNetwork"
    where: Position | None = field(default=None, compare=False)


@value
class GroupMember:
    """A member of a network group that the input states outright.

    Attributes:
        group: the group.
        resource: the virtual network or subnet.
        created: when it became a static member (ISO 8601), where the input says so.
    """

    group: ResourceId
    resource: ResourceId
    created: str = field(default="", compare=False)
    where: Position | None = field(default=None, compare=False)


@value
class MembershipPolicy:
    """An Azure Policy definition that adds virtual networks to a network group."""

    id: ResourceId
    group: ResourceId
    condition: Condition
    where: Position | None = field(default=None, compare=False)


@value
class PolicyAssignment:
    """An assignment of a policy definition to a scope.

    Attributes:
        scope: the id of a management group, subscription or resource group.
        excluded: ids below the scope to which it does not apply.
        enforced: false with the enforcement mode ``DoNotEnforce``.
        narrowed: true where resource selectors or overrides, which are not modelled, change it.
    """

    id: ResourceId
    definition: ResourceId
    scope: ResourceId
    excluded: tuple[ResourceId, ...] = ()
    enforced: bool = True
    narrowed: bool = False
    where: Position | None = field(default=None, compare=False)


@value
class SecurityAdminConfiguration:
    """A security admin configuration.

    Attributes:
        on_intent_services: ``None``, ``All`` or ``AllowRulesOnly`` (specification, 10.4).
        aggregation: ``None`` or ``Manual``.
    """

    id: ResourceId
    on_intent_services: str = "None"
    aggregation: str = "None"
    modified: str = field(default="", compare=False)
    where: Position | None = field(default=None, compare=False)

    @property
    def manager(self) -> ResourceId:
        """The manager it belongs to."""
        return self.id.parent


@value
class RuleCollection:
    """A collection of security admin rules and the groups it applies to."""

    id: ResourceId
    groups: tuple[ResourceId, ...] = ()
    created: str = field(default="", compare=False)
    modified: str = field(default="", compare=False)
    where: Position | None = field(default=None, compare=False)


@value
class ConnectivityConfiguration:
    """A connectivity configuration, as far as it connects the members of groups directly.

    Attributes:
        meshes: the groups whose members are connected with one another, each with whether that
            holds across regions.
    """

    id: ResourceId
    meshes: tuple[tuple[ResourceId, bool], ...] = ()
    where: Position | None = field(default=None, compare=False)


@value
class Deployment:
    """What a commit put in force in one region (specification, 9).

    Attributes:
        region: in lower case without spaces.
        kind: ``SecurityAdmin``, ``Connectivity``, …
        time: when it was committed (ISO 8601); empty where the input does not say.
        status: ``Deployed``, ``Deploying``, ``NotStarted`` or ``Failed``.
    """

    manager: ResourceId
    region: str
    kind: str
    configurations: tuple[ResourceId, ...]
    time: str = ""
    status: str = "Deployed"
    where: Position | None = field(default=None, compare=False)
    problems: tuple[Diagnostic, ...] = field(default=(), compare=False)


@value
class ActiveRule:
    """A rule from a manager's list of active rules: what is deployed in a region."""

    rule: Rule
    region: str
    groups: tuple[ResourceId, ...]
    time: str = ""
    where: Position | None = field(default=None, compare=False)

    @property
    def manager(self) -> ResourceId:
        """The manager that lists it."""
        return self.rule.id.parent.parent.parent


@dataclass(frozen=True, slots=True)
class ManagementGroups:
    """The management-group hierarchy, as far as the input has it.

    Attributes:
        parents: group name to parent name, in lower case; None for a group that has no parent,
            and no entry for one whose parent is not known.
        subscriptions: subscription id to the name of the group that holds it, in lower case.
    """

    parents: dict[str, str | None] = field(default_factory=dict[str, "str | None"])
    subscriptions: dict[str, str] = field(default_factory=dict[str, str])

    def above(self, subscription: str) -> tuple[tuple[str, ...], bool]:
        """Returns the groups above a subscription, highest first, and whether those are all."""
        name = self.subscriptions.get(subscription.lower())
        return self._up(name) if name is not None else ((), False)

    def is_above(self, group: str, subscription: str) -> bool | None:
        """Reports whether a group is above a subscription; None where that is not known."""
        above, whole = self.above(subscription)
        if group in above:
            return True
        if whole:
            return False
        # a group that is itself below one of them cannot be above the highest of them
        return False if above and set(self._up(group)[0]) & set(above) else None

    def _up(self, group: str) -> tuple[tuple[str, ...], bool]:
        """Returns a group and those above it, highest first, and whether those are all."""
        chain: list[str] = []
        name: str | None = group
        while name is not None and name not in chain:
            chain.append(name)
            if name not in self.parents:
                return tuple(reversed(chain)), False
            name = self.parents[name]
        return tuple(reversed(chain)), True
