"""Rules that are added, changed or taken away: in an estate, and as resources that one reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from flowverdict.impact.exception_text import as_resource
from flowverdict.impact.usage_text import as_arm

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowverdict.model import Estate, NetworkSecurityGroup, ResourceId, Rule

NSG: Final = "Microsoft.Network/networkSecurityGroups"
NSG_RULE: Final = f"{NSG}/securityRules"
STOPS: Final = "stops recorded attacks"
"""What the description of an added admin rule says."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What is done to one rule of an NSG, or of a collection of security admin rules.

    Attributes:
        new: the rule as it will be; None where it goes.
        old: the rule as it is; None where there is none yet.
    """

    new: Rule | None = None
    old: Rule | None = None

    @property
    def rule(self) -> Rule:
        """The rule as it will be, or as it was."""
        rule = self.new or self.old
        assert rule is not None
        return rule

    @property
    def owner(self) -> ResourceId:
        """The NSG or the collection."""
        return self.rule.id.parent

    @property
    def is_admin(self) -> bool:
        """Whether it is about a security admin rule."""
        return self.owner.type != NSG.lower()


def edited(estate: Estate, edits: Iterable[Edit]) -> Estate:
    """Returns an estate with edits; everything else is shared."""
    nsgs, admin_rules = dict(estate.resources.nsgs), dict(estate.resources.admin_rules)
    for owner, some in by_owner(edits).items():
        if owner in nsgs:
            nsgs[owner] = with_edits(nsgs[owner], some)
        for one in some:
            if one.is_admin and one.new is not None:
                admin_rules[one.new.id] = one.new
    resources = replace(estate.resources, nsgs=nsgs, admin_rules=admin_rules)
    return replace(estate, resources=resources)


def with_edits(nsg: NetworkSecurityGroup, edits: Iterable[Edit]) -> NetworkSecurityGroup:
    """Returns an NSG with edits of its own rules, in the order of evaluation."""
    changed = {one.rule.id: one.new for one in edits}
    rules = [one for one in nsg.rules if one.id not in changed]
    rules += [one for one in changed.values() if one is not None]
    ordered = sorted(rules, key=lambda one: (one.direction.value, one.priority))
    return replace(nsg, rules=tuple(ordered))


def by_owner(edits: Iterable[Edit]) -> dict[ResourceId, list[Edit]]:
    """Returns the edits of each NSG and collection."""
    found: dict[ResourceId, list[Edit]] = {}
    for one in edits:
        found.setdefault(one.owner, []).append(one)
    return found


def cannot_be_written(nsg: NetworkSecurityGroup) -> str:
    """Says why an NSG cannot be written down as a whole; empty where it can."""
    if nsg.problems:
        return f"`{nsg.id.name}` is not as Azure would take it: {nsg.problems[0]}"
    doubtful = [one.name for one in nsg.rules if one.has_unknown or one.problems]
    if doubtful:
        return f"`{doubtful[0]}` of `{nsg.id.name}` is not known as a whole"
    return ""


def fragment(estate: Estate, edits: Iterable[Edit]) -> list[dict[str, Any]]:
    """Returns edits as resources that take the place of those of an estate, or come to it.

    A part of an estate can add a rule and change one, and it cannot take one away: an NSG that
    loses one is written as a whole.
    """
    found: list[dict[str, Any]] = []
    for owner, some in by_owner(edits).items():
        if all(one.new is not None for one in some):
            found += [_resource(one) for one in some]
        else:
            found.append(nsg_resource(with_edits(estate.resources.nsgs[owner], some)))
    return found


def nsg_resource(nsg: NetworkSecurityGroup) -> dict[str, Any]:
    """Returns an NSG as the REST API has it, without its default rules."""
    rules = [{"id": str(one.id), **as_arm(one)} for one in nsg.rules if not one.is_default]
    return {
        "id": str(nsg.id),
        "name": nsg.id.name,
        "type": NSG,
        "properties": {"securityRules": rules},
    }


def _resource(edit: Edit) -> dict[str, Any]:
    if edit.is_admin:
        return as_resource(edit.rule, STOPS)
    return {"id": str(edit.rule.id), "type": NSG_RULE, **as_arm(edit.rule)}
