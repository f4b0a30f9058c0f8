"""Which virtual networks are members of which network groups (policy specification, 8.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flowverdict.model.conditions import holds, not_modelled
from flowverdict.net import ALL_ADDRESSES, ALL_IPV4, IntervalSet
from flowverdict.policy.addresses import AddressSet, Doubt, Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.model import (
        Estate,
        MembershipPolicy,
        PolicyAssignment,
        ResourceId,
        VirtualNetwork,
    )
    from flowverdict.policy.options import Options


@dataclass(frozen=True, slots=True)
class Membership:
    """Whether something is so: ``holds`` is None where ``missing`` would be needed to tell."""

    holds: bool | None
    missing: str = ""


YES = Membership(holds=True)
NO = Membership(holds=False)


def is_member(estate: Estate, group: ResourceId, vnet: ResourceId) -> Membership:
    """Reports whether a virtual network is a member of a network group, as of now."""
    stated = estate.members_by_group.get(group, ())
    if any(member.resource == vnet for member in stated):
        return YES
    known_group = estate.resources.groups.get(group)
    if known_group is not None and known_group.member_type == "Subnet":
        return NO
    policies = estate.policies_by_group.get(group, ())
    answers = [_by_policy(estate, policy, vnet) for policy in policies]
    if YES in answers:
        return YES
    if unknown := next((one for one in answers if one.holds is None), None):
        return unknown
    if known_group is None and not stated and not policies:
        return Membership(None, f"network group `{group}`")
    if not _has_memberships(estate, group.parent):
        return Membership(None, f"members of network group `{group}`")
    return NO


def _has_memberships(estate: Estate, manager: ResourceId) -> bool:
    """Reports whether the input says anything about the members of a manager's groups."""
    groups = (*estate.members_by_group, *estate.policies_by_group)
    return any(group.parent == manager for group in groups)


def _by_policy(estate: Estate, policy: MembershipPolicy, vnet_id: ResourceId) -> Membership:
    vnet = estate.resources.vnets.get(vnet_id)
    if vnet is None:
        return Membership(None, f"virtual network `{vnet_id}`")
    every = estate.resources.assignments.values()
    assignments = [one for one in every if one.definition == policy.id]
    if not assignments:
        return NO if every else Membership(None, f"assignment of policy `{policy.id.name}`")
    covered = [_covers(estate, one, vnet_id) for one in assignments]
    if all(one == NO for one in covered):
        return NO
    fulfilled = holds(policy.condition, lambda field: _value(vnet, field))
    if fulfilled is False:
        return NO
    if fulfilled is None:
        names = ", ".join(not_modelled(policy.condition)) or "a field that is not modelled"
        return Membership(None, f"{names} (policy `{policy.id.name}`)")
    return YES if YES in covered else next(one for one in covered if one.holds is None)


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
        what = f"resource selectors of policy assignment `{assignment.id.name}`"
        return Membership(None, what)
    return inside


def _below(estate: Estate, scope: str, vnet: ResourceId) -> Membership:
    key = scope.lower().rstrip("/")
    if "/managementgroups/" in key:
        return in_management_group(estate, key.rpartition("/")[2], vnet)
    return YES if vnet.key.startswith(key + "/") else NO


def in_management_group(estate: Estate, name: str, vnet: ResourceId) -> Membership:
    """Reports whether a virtual network's subscription is below a management group."""
    above = estate.hierarchy.above(vnet.subscription)
    if above is None:
        return Membership(None, hierarchy_needed(vnet))
    return YES if name in above else NO


def hierarchy_needed(vnet: ResourceId) -> str:
    """Names the missing part of the management-group hierarchy."""
    return f"management groups above subscription `{vnet.subscription}`"


def _value(vnet: VirtualNetwork, field: str) -> str | None:
    """Returns a field of a virtual network for an Azure Policy condition, in lower case."""
    if field.startswith("tags."):
        wanted = field.removeprefix("tags.")
        return next((text.lower() for key, text in vnet.tags if key.lower() == wanted), None)
    group = vnet.id.key.partition("/providers/")[0]
    values = {
        "name": vnet.id.name.lower(),
        "id": vnet.id.key,
        "type": "microsoft.network/virtualnetworks",
        "location": vnet.location.replace(" ", "").lower(),
        "resourcegroup": vnet.id.resource_group.lower(),
        "resourcegroup().id": group,
        "subscriptionid": vnet.id.subscription,
        "subscription().id": f"/subscriptions/{vnet.id.subscription}",
    }
    return values[field]


def members(estate: Estate, group: ResourceId) -> Iterator[tuple[ResourceId, Membership, str]]:
    """Yields each possible member of a group, whether it is one, and since when if stated."""
    stated = estate.members_by_group.get(group, ())
    for member in stated:
        yield member.resource, YES, member.created
    listed = {member.resource for member in stated}
    for vnet in estate.resources.vnets:
        if vnet not in listed and (found := is_member(estate, group, vnet)).holds is not False:
            yield vnet, found, ""


def group_addresses(estate: Estate, group: ResourceId, committed: str) -> AddressSet:
    """Returns the addresses of a network group used as a rule's source or destination.

    Azure computes them at the commit and freezes them until the next one (specification, 8.6).
    Members that joined after the commit are left out where the input tells when they joined.
    """
    parts: list[Part] = []
    doubts: list[Doubt] = []
    for member, found, since in members(estate, group):
        if committed and since > committed:
            continue
        space = _member_space(estate, member)
        if space is None:
            doubts.append(
                Doubt(ALL_ADDRESSES, f"member `{member}` of network group `{group.name}`")
            )
        elif found.holds:
            why = f"`{member.name}`, member of network group `{group.name}`"
            assumed = (
                f"that network group `{group.name}` has the addresses it had at the commit, where "
                "Azure froze them"
            )
            parts.append(Part(space, why, assumed))
        else:
            doubts.append(Doubt(space, found.missing))
    if not parts and not doubts:
        doubts.append(Doubt(ALL_ADDRESSES, f"members of network group `{group}`"))
    sure = IntervalSet.union(part.addresses for part in parts)
    if sure & ALL_IPV4 and sure - ALL_IPV4:
        # both families present: only IPv4 is used
        parts = [replace(part, addresses=part.addresses & ALL_IPV4) for part in parts]
        doubts = [Doubt(one.addresses & ALL_IPV4, one.what) for one in doubts]
    return AddressSet(tuple(parts), tuple(doubts))


def _member_space(estate: Estate, member: ResourceId) -> IntervalSet | None:
    if vnet := estate.resources.vnets.get(member):
        return vnet.space
    if subnet := estate.resources.subnets.get(member):
        return subnet.prefixes
    return None


def connected_networks(
    estate: Estate, vnet_id: ResourceId, options: Options
) -> Iterator[tuple[ResourceId, ResourceId]]:
    """Yields the other members of the connected groups of a virtual network, with the group.

    Only deployed configurations count. That such members are in ``VirtualNetwork`` is an
    assumption (Q14).
    """
    vnet = estate.resources.vnets.get(vnet_id)
    if vnet is None or not estate.resources.connectivity:
        return
    here = vnet.location.replace(" ", "").lower()
    deployed = {
        configuration
        for one in estate.deployments
        if one.kind.lower() == "connectivity" and one.region == here
        for configuration in one.configurations
    }
    for configuration in estate.resources.connectivity.values():
        if configuration.id not in deployed and not options.assume_deployed:
            continue
        for group, everywhere in configuration.meshes:
            if is_member(estate, group, vnet_id).holds is not True:
                continue
            for other, found, _ in members(estate, group):
                remote = estate.resources.vnets.get(other)
                near = remote is None or remote.location.replace(" ", "").lower() == here
                if other != vnet_id and found.holds and (everywhere or near):
                    yield group, other
