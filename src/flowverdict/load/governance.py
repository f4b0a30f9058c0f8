"""Management groups and the Azure Policy that fills network groups."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

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
    mode = node.text("enforcementMode", "Default").lower()
    scope = node.text("scope") or (resource.text[:at] if at > 0 else "")
    return PolicyAssignment(
        id=resource,
        definition=node.need("policyDefinitionId").as_id(),
        scope=ResourceId(scope),
        excluded=tuple(one.as_id() for one in node.texts("notScopes")),
        enforced=mode not in ("donotenforce", "disabled"),
        narrowed=mode not in ("default", "donotenforce", "disabled")
        or bool(node.items("resourceSelectors") or node.items("overrides")),
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
            wanted = _wanted(node.need(operator), name)
            if any(one.startswith("[") and not one.startswith("[[") for one in wanted):
                return NotModelled(f"Azure Policy expression `{wanted[0]}`")
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


def _wanted(node: Node, field: str) -> tuple[str, ...]:
    """Returns the values of a leaf as they are compared: in lower case, regions without spaces."""
    nodes = node.elements() if isinstance(node.value, list) else [node]
    values = tuple(str(one.value).lower() for one in nodes)
    return tuple(one.replace(" ", "") for one in values) if field == "location" else values


def read_management_group(node: Node, groups: ManagementGroups) -> None:
    """Reads a management group with everything that the answer shows below it.

    An answer tells the group's own parent. That parent's parents are known only where a chain
    of ancestors or another answer tells them.
    """
    name = _last(node.need("name").as_text())
    details = node.get("details")
    parent = details.get("parent") if details else None
    chain = details.items("managementGroupAncestorsChain") if details else []
    if chain:
        _chain(groups, node, [name, *_names(chain)])
    elif parent is not None:
        _link(groups, node, name, _last(parent.need("name").as_text()))
    elif details is not None:
        _link(groups, node, name, None)
    _children(node, name, groups)


def read_subscription_row(node: Node, subscription: str, groups: ManagementGroups) -> None:
    """Reads a subscription row of Resource Graph: the groups above it, nearest first."""
    names = _names(node.items("managementGroupAncestorsChain"))
    if names:
        _hold(groups, node, subscription, names[0])
        _chain(groups, node, names)


def _names(chain: list[Node]) -> list[str]:
    return [_last(one.need("name").as_text()) for one in chain]


def _chain(groups: ManagementGroups, node: Node, names: list[str]) -> None:
    """Links groups that are listed nearest first; the last has no parent."""
    for name, parent in pairwise(names):
        _link(groups, node, name, parent)
    _link(groups, node, names[-1], None)


def _children(node: Node, name: str, groups: ManagementGroups) -> None:
    for child in node.items("children"):
        inner = _last(child.need("name").as_text())
        if child.text("type").lower().endswith("/subscriptions"):
            _hold(groups, child, inner, name)
        else:
            _link(groups, child, inner, name)
            _children(child, inner, groups)


def _hold(groups: ManagementGroups, node: Node, subscription: str, group: str) -> None:
    known = groups.subscriptions.setdefault(subscription, group)
    if known != group:
        what = f"subscription `{subscription}` is below `{group}` here and `{known}` elsewhere"
        raise node.fail("duplicate", what, "one management group")


def _link(groups: ManagementGroups, node: Node, name: str, parent: str | None) -> None:
    known = groups.parents.setdefault(name, parent)
    if known != parent:
        what = f"management group `{name}` is below `{parent}` here and below `{known}` elsewhere"
        raise node.fail("duplicate", what, "one parent")


def _last(text: str) -> str:
    return ResourceId(text).last
