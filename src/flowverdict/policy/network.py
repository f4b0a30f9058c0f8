"""What stands before network interfaces, resolved once for all that share it.

Tags, application security groups and network groups are functions of the estate; what lies around
a subnet, and the admin rules before it, are functions of the subnet.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from flowverdict.net import ALL_ADDRESSES, ALL_IPV4, IntervalSet
from flowverdict.policy.addresses import AddressSet, Doubt, Part
from flowverdict.policy.admin import AdminLayer, admin_layer
from flowverdict.policy.membership import YES, Membership, is_member
from flowverdict.policy.services import BY_TAG
from flowverdict.policy.surroundings import PROBES, Space, spaces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.model import Estate, ResourceId, Subnet, VirtualNetwork
    from flowverdict.policy.options import Options


class Network:
    """An estate seen with one set of options; resolves each thing once."""

    def __init__(self, estate: Estate, options: Options) -> None:
        self.estate = estate
        self.options = options
        self._sets: dict[object, AddressSet] = {}
        self._memberships: dict[tuple[ResourceId, ResourceId], Membership] = {}
        self._around: dict[tuple[ResourceId, ResourceId | None], tuple[Space, ...]] = {}
        self._admin: dict[tuple[ResourceId, ResourceId | None], AdminLayer] = {}

    def is_member(self, group: ResourceId, vnet: ResourceId) -> Membership:
        """Reports whether a virtual network is a member of a network group."""
        key = (group, vnet)
        if key not in self._memberships:
            self._memberships[key] = is_member(self.estate, group, vnet)
        return self._memberships[key]

    def members(self, group: ResourceId) -> Iterator[tuple[ResourceId, Membership, str]]:
        """Yields each possible member of a group, whether it is one, and since when if stated."""
        stated = self.estate.members_by_group.get(group, ())
        for member in stated:
            yield member.resource, YES, member.created
        listed = {member.resource for member in stated}
        for vnet in self.estate.resources.vnets:
            if vnet not in listed and (found := self.is_member(group, vnet)).holds is not False:
                yield vnet, found, ""

    def around(self, vnet: ResourceId, subnet: Subnet | None) -> tuple[Space, ...]:
        """Returns the address spaces around a subnet."""
        key = (vnet, subnet.id if subnet else None)
        if key not in self._around:
            self._around[key] = spaces(self, vnet, subnet)
        return self._around[key]

    def admin(self, vnet: VirtualNetwork, subnet: Subnet | None) -> AdminLayer:
        """Returns the admin rules that stand before a subnet."""
        key = (vnet.id, subnet.id if subnet else None)
        if key not in self._admin:
            self._admin[key] = admin_layer(self, vnet, subnet)
        return self._admin[key]

    def admin_warnings(self) -> tuple[str, ...]:
        """Returns what deserves a look about the admin rules of networks that have interfaces."""
        resources = self.estate.resources
        if not self.estate.managers:
            return ()
        used = dict.fromkeys(nic.subnet.parent for nic in resources.nics.values() if nic.subnet)
        layers = [self.admin(resources.vnets[one], None) for one in used if one in resources.vnets]
        return tuple(dict.fromkeys(text for layer in layers for text in layer.warnings))

    def tag(self, name: str) -> AddressSet:
        """Returns the addresses of a service tag that is the same everywhere."""
        key = name.lower()
        if key not in self._sets:
            self._sets[key] = self._resolve(key, name)
        return self._sets[key]

    def _resolve(self, key: str, name: str) -> AddressSet:
        if key == "azureloadbalancer":
            return AddressSet((Part(PROBES, "health probes of the load balancer"),))
        if service := BY_TAG.get(key):
            return AddressSet((Part(service.addresses, service.name),), service=service)
        label = self.estate.service_tags.label
        found = self.estate.service_tags.prefixes(name)
        if found is None:
            what = f"service tag `{name}`: not in {label}"
            return AddressSet(doubts=(Doubt(ALL_ADDRESSES, what),), data=label)
        return AddressSet((Part(found, f"service tag `{name}`"),), data=label)

    def asg(self, group: ResourceId) -> AddressSet:
        """Returns the addresses of an application security group's members."""
        if group not in self._sets:
            self._sets[group] = self._asg(group)
        return self._sets[group]

    def _asg(self, group: ResourceId) -> AddressSet:
        members = self.estate.asg_members.get(group, ())
        addresses = IntervalSet.union(one.addresses for one in members)
        doubts: list[Doubt] = []
        if group not in self.estate.resources.asgs:
            doubts.append(Doubt(ALL_ADDRESSES, f"application security group `{group}`"))
        for one in members:
            if not one.addresses:
                subnet = self.estate.resources.subnets.get(one.subnet) if one.subnet else None
                within = subnet.prefixes if subnet else ALL_ADDRESSES
                doubts.append(Doubt(within, f"private address of `{one.name}` at {one.where}"))
        doubts.extend(self._absent_members({one.subnet.parent for one in members if one.subnet}))
        part = Part(addresses, f"application security group `{group.name}`")
        return AddressSet((part,), tuple(doubts))

    def _absent_members(self, near: set[ResourceId]) -> Iterator[Doubt]:
        """Yields the interfaces that the input lacks, which may be members too.

        Args:
            near: the virtual networks of the members that are known; all are in one.
        """
        for nic, subnet in self.estate.absent_nics.items():
            if subnet is None or not near or subnet.vnet in near:
                within = (subnet.prefixes if subnet else ALL_ADDRESSES) - self._owned
                yield Doubt(within, self._describe_nic(nic))
        for broken in self.estate.broken:
            if broken.type.endswith("/networkinterfaces"):
                yield Doubt(ALL_ADDRESSES, self._describe_nic(broken))

    @cached_property
    def _owned(self) -> IntervalSet:
        """The addresses of every interface that the input has."""
        return IntervalSet.union(nic.addresses for nic in self.estate.resources.nics.values())

    def _describe_nic(self, nic: ResourceId) -> str:
        reason = self.estate.broken.get(nic)
        return f"network interface `{nic}`" + (f" ({reason})" if reason else "")

    def group(self, group: ResourceId, committed: str) -> AddressSet:
        """Returns the addresses of a network group used as a rule's source or destination.

        Azure computes them at the commit and freezes them until the next one (policy
        specification, 8.6). Members that joined after the commit are left out where the input
        tells when they joined.
        """
        key = (group, committed)
        if key not in self._sets:
            self._sets[key] = self._group(group, committed)
        return self._sets[key]

    def _group(self, group: ResourceId, committed: str) -> AddressSet:
        parts: list[Part] = []
        doubts: list[Doubt] = []
        for member, found, since in self.members(group):
            if committed and since > committed:
                continue
            space = self._space(member)
            if space is None:
                what = f"member `{member}` of network group `{group.name}`"
                doubts.append(Doubt(ALL_ADDRESSES, what))
            elif found.holds:
                why = f"`{member.name}`, member of network group `{group.name}`"
                assumed = (
                    f"that network group `{group.name}` has the addresses it had at the commit, "
                    "where Azure froze them"
                )
                parts.append(Part(space, why, assumed))
            else:
                doubts.append(Doubt(space, found.missing))
        if not parts and not doubts and group not in self.estate.members_by_group:
            doubts.append(Doubt(ALL_ADDRESSES, f"members of network group `{group}`"))
        return _of_one_family(parts, doubts)

    def _space(self, member: ResourceId) -> IntervalSet | None:
        if vnet := self.estate.resources.vnets.get(member):
            return vnet.space
        if subnet := self.estate.resources.subnets.get(member):
            return subnet.prefixes
        return None


def _of_one_family(parts: list[Part], doubts: list[Doubt]) -> AddressSet:
    """Keeps IPv4 alone where both families are there, as Azure does with a network group."""
    sure = IntervalSet.union(part.addresses for part in parts)
    if sure & ALL_IPV4 and sure - ALL_IPV4:
        parts = [Part(one.addresses & ALL_IPV4, one.why, one.assumed) for one in parts]
        doubts = [Doubt(one.addresses & ALL_IPV4, one.what) for one in doubts]
    return AddressSet(tuple(parts), tuple(doubts))
