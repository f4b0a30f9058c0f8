"""Management groups and the Azure Policy that fills network groups."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from flowverdict.load.manager import last_segment
from flowverdict.load.node import Node
from flowverdict.model import (
    Combination,
    Condition,
    ManagementGroups,
    MembershipPolicy,
    NotModelled,
    PolicyAssignment,
    ResourceId,
    Test,
)
from flowverdict.model.conditions import OPERATORS

_FIELDS: Final = frozenset({"name", "id", "type", "location", "resourcegroup", "subscriptionid"})
_VALUES: Final = {
    "[subscription().id]": "subscription().id",
    "[subscription().subscriptionid]": "subscriptionid",
    "[resourcegroup().name]": "resourcegroup",
    "[resourcegroup().id]": "resourcegroup().id",
}


def read_policy_definition(node: Node, resource: ResourceId) -> MembershipPolicy | None:
    """Reads a policy definition; None for one that fills no network group."""
    rule = node.get("policyRule")
    then = rule.get("then") if rule else None
    if rule is None or then is None or then.text("effect").lower() != "addtonetworkgroup":
        return None
    group = then.need("details").need("networkGroupId").as_id()
    return MembershipPolicy(resource, group, read_condition(rule.need("if")), where=node.where)


def read_policy_set(node: Node) -> list[ResourceId]:
    """Reads the definitions that an initiative is made of."""
    return [one.need("policyDefinitionId").as_id() for one in node.items("policyDefinitions")]


def read_assignment(node: Node, resource: ResourceId) -> PolicyAssignment:
    """Reads a policy assignment."""
    suffix = "/providers/microsoft.authorization/policyassignments/"
    at = resource.key.rfind(suffix)
    scope = node.text("scope") or (resource.text[:at] if at > 0 else "")
    return PolicyAssignment(
        id=resource,
        definition=node.need("policyDefinitionId").as_id(),
        scope=scope,
        excluded=tuple(one.as_text() for one in node.texts("notScopes")),
        enforced=node.text("enforcementMode", "Default").lower() != "donotenforce",
        narrowed=bool(node.items("resourceSelectors") or node.items("overrides")),
        where=node.where,
    )


def read_condition(node: Node) -> Condition:
    """Reads the ``if`` of a policy rule."""
    fields = node.fields
    for operator in ("allof", "anyof"):
        if operator in fields:
            parts = tuple(read_condition(one) for one in node.need(operator).elements())
            return Combination(operator, parts)
    if "not" in fields:
        return Combination("not", (read_condition(node.need("not")),))
    name = _field_name(node)
    if name is None:
        shown = node.text("field") or node.text("value") or "a condition without `field`"
        return NotModelled(f"Azure Policy condition on `{shown}`")
    for operator in fields:
        if operator in OPERATORS or operator == "exists":
            wanted = _wanted(node.need(operator))
            if wanted and (len(wanted) == 1 or operator in ("in", "notin")):
                return Test(name, operator, wanted)
    return NotModelled(f"Azure Policy operator on `{name}`")


def _field_name(node: Node) -> str | None:
    """Returns the name of the field that a leaf looks at; None where it is not modelled."""
    if (field := node.text("field").lower()) and (
        field in _FIELDS or field.startswith(("tags[", "tags.", "tag["))
    ):
        if field.startswith(("tags", "tag[")):
            key = field.removeprefix("tags").removeprefix("tag").strip(".[]'\"")
            return f"tags.{key}"
        return field
    return _VALUES.get(node.text("value").lower().replace(" ", ""))


def _wanted(node: Node) -> tuple[str, ...]:
    nodes = node.elements() if isinstance(node.value, list) else [node]
    return tuple(str(one.value).lower() for one in nodes)


def read_management_group(node: Node, groups: ManagementGroups) -> None:
    """Reads a management group with everything that the answer shows below it."""
    name = last_segment(node.need("name").as_text())
    details = node.get("details")
    parent = details.get("parent") if details else None
    chain = details.items("managementGroupAncestorsChain") if details else []
    if chain:
        _chain(groups, name, chain)
    elif parent is not None:
        _link(groups, node, name, last_segment(parent.need("name").as_text()))
    else:
        groups.parents.setdefault(name, None)
    _children(node, name, groups)


def read_subscription_row(node: Node, subscription: str, groups: ManagementGroups) -> None:
    """Reads a subscription row of Resource Graph: the groups above it, nearest first."""
    chain = node.items("managementGroupAncestorsChain")
    if chain:
        groups.subscriptions[subscription] = last_segment(chain[0].need("name").as_text())
        _chain(groups, "", chain)


def _chain(groups: ManagementGroups, name: str, chain: list[Node]) -> None:
    names = [name, *(last_segment(one.need("name").as_text()) for one in chain)]
    for at, parent in pairwise(names):
        if at:
            groups.parents[at] = parent
    groups.parents.setdefault(names[-1], None)


def _children(node: Node, name: str, groups: ManagementGroups) -> None:
    for child in node.items("children"):
        inner = last_segment(child.need("name").as_text())
        if child.text("type").lower().endswith("/subscriptions"):
            groups.subscriptions[inner] = name
        else:
            _link(groups, child, inner, name)
            _children(child, inner, groups)


def _link(groups: ManagementGroups, node: Node, name: str, parent: str) -> None:
    known = groups.parents.get(name)
    if known not in (None, parent):
        what = f"management group `{name}` is below `{parent}` here and below `{known}` elsewhere"
        raise node.fail("duplicate", what, "one parent")
    groups.parents[name] = parent
    groups.parents.setdefault(parent, None)
