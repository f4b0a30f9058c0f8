"""Which virtual networks are members of which network groups (policy specification, 8.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowverdict.model import tag_of
from flowverdict.model.conditions import holds, not_modelled
from flowverdict.model.value import value

if TYPE_CHECKING:
    from flowverdict.model import (
        Estate,
        MembershipPolicy,
        PolicyAssignment,
        ResourceId,
        VirtualNetwork,
    )


@value
class Membership:
    """Whether something is so: ``holds`` is None where ``missing`` would be needed to tell."""

    holds: bool | None
    missing: str = ""


YES = Membership(holds=True)
NO = Membership(holds=False)


def is_member(estate: Estate, group: ResourceId, vnet: ResourceId) -> Membership:
    """Reports whether a virtual network is a member of a network group, as of now.

    A group of which the input shows neither members nor a policy may be empty or forgotten: that
    is not known, unless the input states all memberships of the network.
    """
    stated = estate.members_by_group.get(group, ())
    if any(member.resource == vnet for member in stated):
        return YES
    if vnet in estate.whole_memberships:
        return NO
    known_group = estate.resources.groups.get(group)
    if known_group is not None and known_group.member_type == "Subnet":
        return NO
    policies = estate.policies_by_group.get(group, ())
    answers = [_by_policy(estate, policy, vnet) for policy in policies]
    if YES in answers:
        return YES
    if unknown := next((one for one in answers if one.holds is None), None):
        return unknown
    if not stated and not policies:
        what = "network group" if known_group is None else "members of network group"
        return Membership(None, f"{what} `{group}`")
    return NO


def _by_policy(estate: Estate, policy: MembershipPolicy, vnet_id: ResourceId) -> Membership:
    vnet = estate.resources.vnets.get(vnet_id)
    if vnet is None:
        return Membership(None, f"virtual network `{vnet_id}`")
    fulfilled = holds(policy.condition, lambda field: _value(vnet, field))
    if fulfilled is False:
        return NO
    covered = _assigned(estate, policy, vnet_id)
    if covered == NO or fulfilled:
        return covered
    names = ", ".join(not_modelled(policy.condition)) or "a field that is not modelled"
    return Membership(None, f"{names} (policy `{policy.id.name}`)")


def _assigned(estate: Estate, policy: MembershipPolicy, vnet: ResourceId) -> Membership:
    """Reports whether a policy is assigned to a scope that takes in a virtual network."""
    assignments = estate.assignments_by_definition.get(policy.id, ())
    covered = [_covers(estate, one, vnet) for one in assignments]
    if YES in covered:
        return YES
    if unknown := next((one for one in covered if one.holds is None), None):
        return unknown
    for one in estate.resources.assignments.values():
        is_set = one.definition.type.endswith("/policysetdefinitions")
        if is_set and one.definition not in estate.policy_sets and _covers(estate, one, vnet) != NO:
            return Membership(None, f"policy set `{one.definition}`")
    if not assignments:
        return Membership(None, f"assignment of policy `{policy.id.name}`")
    return NO


def _covers(estate: Estate, assignment: PolicyAssignment, vnet: ResourceId) -> Membership:
    """Reports whether an assignment's scope takes in a virtual network."""
    if not assignment.enforced:
        return NO
    for scope in assignment.excluded:
        inside = _below(estate, scope, vnet)
        if inside.holds is not False:
            return NO if inside.holds else inside
    inside = _below(estate, assignment.scope, vnet)
    if inside == YES and assignment.narrowed:
        what = f"selectors, overrides or enforcement of policy assignment `{assignment.id.name}`"
        return Membership(None, what)
    return inside


def _below(estate: Estate, scope: ResourceId, vnet: ResourceId) -> Membership:
    if "/managementgroups/" in scope.key:
        return in_management_group(estate, scope.last, vnet)
    if vnet.is_below(scope):
        return YES
    return NO if vnet.is_placed else Membership(None, f"subscription of `{vnet.name}`")


def in_management_group(estate: Estate, name: str, vnet: ResourceId) -> Membership:
    """Reports whether a virtual network's subscription is below a management group."""
    above = estate.hierarchy.is_above(name, vnet.subscription)
    if above is None:
        return Membership(None, hierarchy_needed(vnet))
    return YES if above else NO


def hierarchy_needed(vnet: ResourceId) -> str:
    """Names the missing part of the management-group hierarchy."""
    return f"management groups above subscription `{vnet.subscription}`"


def _value(vnet: VirtualNetwork, field: str) -> str | None:
    """Returns a field of a virtual network for an Azure Policy condition, in lower case.

    Raises:
        KeyError: the field is not modelled.
    """
    match field:
        case "name":
            return vnet.id.last
        case "id":
            return vnet.id.key
        case "type":
            return "microsoft.network/virtualnetworks"
        case "location":
            return vnet.region
        case "resourcegroup":
            return vnet.id.resource_group.lower()
        case "resourcegroup().id":
            return vnet.id.key.partition("/providers/")[0]
        case "subscriptionid":
            return vnet.id.subscription
        case "subscription().id":
            return f"/subscriptions/{vnet.id.subscription}"
        case _ if field.startswith("tags."):
            text = tag_of(vnet.tags, field.removeprefix("tags."))
            return None if text is None else text.lower()
        case _:
            raise KeyError(field)
