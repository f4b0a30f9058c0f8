"""The answer about one packet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowverdict.model import Direction
from flowverdict.model.value import value

if TYPE_CHECKING:
    from flowverdict.model import NetworkInterface, Position, ResourceId, Rule
    from flowverdict.net import Packet


@value
class Step:
    """What one layer said.

    Attributes:
        layer: ``platform``, ``admin``, ``subnet`` or ``nic``.
        access: ``Allow``, ``Deny``, ``AlwaysAllow``, ``NoMatch``, ``NotPresent``,
            ``NotEvaluated`` or ``Unknown``.
        rule: the rule that matched there.
        resource: the NSG or the network manager.
        applied_to: what the layer is attached to: virtual network, subnet or interface.
        note: why, where it is not plain.
    """

    layer: str
    access: str
    rule: Rule | None = None
    resource: ResourceId | None = None
    applied_to: ResourceId | None = None
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """Returns the step as it stands in ``trace``."""
        return {
            "layer": self.layer,
            "access": self.access,
            **_rule_json(self.layer, self.rule),
            "resource": str(self.resource) if self.resource else None,
            "appliedTo": str(self.applied_to) if self.applied_to else None,
            "where": _position_json(self.rule.where) if self.rule else None,
            "note": self.note or None,
        }


@value
class Verdict:
    """Whether a packet passes one network interface, and why.

    Attributes:
        access: ``Allow``, ``Deny`` or ``Unknown``.
        decided_by: the step that decided; None where none did, or where it is not known.
        trace: every layer in the order of evaluation.
        missing: what would be needed to know; empty unless ``access`` is ``Unknown``.
        warnings: what deserves a look.
        data: the dated data that the answer relied on.
    """

    access: str
    decided_by: Step | None
    trace: tuple[Step, ...]
    missing: tuple[str, ...]
    warnings: tuple[str, ...]
    data: tuple[str, ...]
    packet: Packet
    direction: Direction
    nic: NetworkInterface

    def __str__(self) -> str:
        """Says the answer in one line."""
        line = f"{self.access} {self.direction.value.lower()} {self.packet}"
        if self.rule is not None:
            return f"{line} by {rule_name(self.layer, self.rule)} ({self.layer})"
        return f"{line}, missing: {'; '.join(self.missing)}" if self.missing else line

    @property
    def rule(self) -> Rule | None:
        """The rule that decided."""
        return self.decided_by.rule if self.decided_by else None

    @property
    def layer(self) -> str | None:
        """The layer that decided."""
        return self.decided_by.layer if self.decided_by else None

    def as_json(self) -> dict[str, Any]:
        """Returns the verdict as the command line and the REST answer print it."""
        step = self.decided_by
        return {
            "access": self.access,
            **_rule_json(step.layer if step else None, self.rule),
            "layer": self.layer,
            "appliedTo": str(step.applied_to) if step and step.applied_to else None,
            "where": _position_json(self.rule.where) if self.rule else None,
            "trace": [one.as_json() for one in self.trace],
            "missing": list(self.missing),
            "warnings": list(self.warnings),
            "data": list(self.data),
        }


def rule_name(layer: str | None, rule: Rule) -> str:
    """Returns a rule's name as IP flow verify spells it; an admin rule's stands bare (Q2)."""
    if layer == "admin":
        return rule.name
    return f"{'defaultSecurityRules' if rule.is_default else 'securityRules'}/{rule.name}"


def _rule_json(layer: str | None, rule: Rule | None) -> dict[str, Any]:
    if rule is None:
        return {"ruleName": None, "ruleId": None, "priority": None}
    return {
        "ruleName": rule_name(layer, rule),
        "ruleId": str(rule.id),
        "priority": rule.priority,
    }


def _position_json(where: Position | None) -> dict[str, str] | None:
    return {"file": where.file, "path": where.path} if where else None
