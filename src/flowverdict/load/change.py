"""What a part of an estate takes the place of when it is laid over the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowverdict.model.value import value

if TYPE_CHECKING:
    from flowverdict.model import ActiveRule, Deployment, ResourceId

_RULES: Final = "SecurityAdmin"


@value
class Change:
    """What was read first, and lies over what was read behind it.

    Attributes:
        resources: what takes the place of a resource with the same id.
        deployments: how many commits belong to it, those that were read first.
        active_rules: how many active rules do.
    """

    resources: frozenset[ResourceId] = frozenset()
    deployments: int = 0
    active_rules: int = 0

    def left(
        self, deployments: list[Deployment], active_rules: list[ActiveRule]
    ) -> tuple[list[Deployment], list[ActiveRule]]:
        """Returns what is deployed with the change.

        A commit takes the place of the manager's last one of its type in a region. One of security
        admin configurations, or a list of active rules, takes that of the active rules there too.
        """
        new, new_rules = deployments[: self.deployments], active_rules[: self.active_rules]
        commits = {(one.manager, one.region, one.kind) for one in new}
        places = {(one.manager, one.region) for one in new_rules}
        places |= {(manager, region) for manager, region, kind in commits if kind == _RULES}
        old = deployments[self.deployments :]
        old_rules = active_rules[self.active_rules :]
        return (
            [*new, *(one for one in old if (one.manager, one.region, one.kind) not in commits)],
            [*new_rules, *(one for one in old_rules if (one.manager, one.region) not in places)],
        )
