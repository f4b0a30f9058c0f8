"""The policies of an estate: what stands before an interface, shared where it is the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flowverdict.model import Direction, ResourceId
from flowverdict.net import EMPTY, IntervalSet
from flowverdict.policy import Network, Standpoint
from flowverdict.policy.exclusions import skipped_subnet
from flowverdict.stages.stage import ASKING, PLATFORM, Stage, admin_stages, nsg_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from flowverdict.model import Estate, NetworkInterface
    from flowverdict.policy import Layer, Options
    from flowverdict.policy.addresses import AddressSet
    from flowverdict.policy.admin import AdminLayer

WAYS: Final = (Direction.INBOUND, Direction.OUTBOUND)


@dataclass(frozen=True, slots=True)
class Topology:
    """A topology tag at a place: ``asks`` where a missing fact is needed.

    Attributes:
        sure: addresses in the tag, where nothing about the tag is in doubt.
        likely: addresses in the tag, where it is in doubt about others.
    """

    sure: IntervalSet
    asks: IntervalSet
    likely: IntervalSet
    cuts: tuple[IntervalSet, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Around:
    """The topology tags at a place."""

    network: Topology
    internet: Topology


class BothWays:
    """The stages inbound, then outbound, made when they are asked for: many ask for one way."""

    __slots__ = ("_found", "_make")

    def __init__(self, make: Callable[[Direction], tuple[Stage, ...]]) -> None:
        self._make = make
        self._found: list[tuple[Stage, ...] | None] = [None] * len(WAYS)

    def __getitem__(self, way: int) -> tuple[Stage, ...]:
        """Returns the stages of a way by its number in ``WAYS``."""
        found = self._found[way]
        if found is None:
            found = self._found[way] = self._make(WAYS[way])
        return found

    def __iter__(self) -> Iterator[tuple[Stage, ...]]:
        """Yields the stages of each way."""
        return (self[way] for way in range(len(WAYS)))


@dataclass(frozen=True, eq=False, slots=True)
class Policy:
    """What stands before interfaces that are alike.

    Attributes:
        place: one of the interfaces.
        stages: inbound, then outbound.
    """

    place: Standpoint
    around: Around
    stages: BothWays

    @property
    def lacks_nsg(self) -> bool:
        """Reports whether the option ``no-nsg=error`` refuses an answer here."""
        return not any(layer.nsg or layer.missing for layer in self.place.layers)


class Policies:
    """Makes the policies of an estate's interfaces, each part of them once."""

    def __init__(self, estate: Estate, options: Options) -> None:
        self.network = Network(estate, options)
        self._policies: dict[Hashable, Policy] = {}
        self._by_nic: dict[ResourceId, tuple[NetworkInterface, Policy]] = {}
        self._stages: dict[Hashable, tuple[Stage, ...]] = {}
        self._around: dict[Hashable, Around] = {}
        self._admin: dict[Hashable, tuple[Stage, ...]] = {}

    def at(self, nic: NetworkInterface) -> Policy:
        """Returns the policy before an interface."""
        known = self._by_nic.get(nic.id)
        if known is not None and known[0] is nic:
            return known[1]
        place = Standpoint(self.network, nic)
        layers = place.layers
        # what is missing may be told by the interface that refers to it
        lost = place.subnet is None or any(one.missing for one in layers)
        alone = nic.id if lost or place.own_groups else None
        key = (nic.subnet, nic.nsg, place.is_private_endpoint, alone)
        if key not in self._policies:
            stages = BothWays(lambda way: self._stages_of(place, way))
            self._policies[key] = Policy(place, self._around_of(place), stages)
        policy = self._policies[key]
        self._by_nic[nic.id] = nic, policy
        return policy

    def _around_of(self, place: Standpoint) -> Around:
        """Returns the topology tags at a place: looked up by subnet, then by what they hold."""
        subnet = place.subnet
        found = self._around.get(subnet.id) if subnet else None
        if found is None:
            tags = (place.tag(tag) for tag in ("VirtualNetwork", "Internet"))
            found = self._around.setdefault(place.around, Around(*map(_topology, tags)))
            if subnet:
                self._around[subnet.id] = found
        return found

    def _stages_of(self, place: Standpoint, way: Direction) -> tuple[Stage, ...]:
        found: list[Stage] = []
        if way is Direction.OUTBOUND and place.options.platform_exemptions == "on":
            found.append(PLATFORM)
        found += self._admin_of(place, way)
        for layer in place.layers_towards(way):
            if layer.missing:
                # an NSG with problems still has rules: the platform's exemptions hang on them
                found.append(Stage((ASKING, *self._nsg_of(place, layer, way).tests)))
            elif layer.nsg is not None:
                found.append(self._nsg_of(place, layer, way))
        return tuple(found)

    def _admin_of(self, place: Standpoint, way: Direction) -> tuple[Stage, ...]:
        """Returns the admin rules before an interface: a subnet's are those of all in it."""
        key: Hashable = (
            (place.subnet.id, way) if place.subnet and not place.is_private_endpoint else None
        )
        if key is None:
            return self._admin_stages(place, way)
        if key not in self._admin:
            self._admin[key] = self._admin_stages(place, way)
        return self._admin[key]

    def _admin_stages(self, place: Standpoint, way: Direction) -> tuple[Stage, ...]:
        layer = self._layer_of(place)
        if layer is None:
            return (Stage((ASKING,)),)
        if layer.skipped:
            return ()
        key = (id(layer), way)  # the network keeps its layers
        if key not in self._stages:
            rules = tuple(
                tuple((id(e.rule), e.doubts, e.committed, e.unread) for e in one.entries)
                for one in layer.managers
            )
            shared = (way, bool(layer.order_missing), rules)
            if shared not in self._stages:
                self._stages[shared] = tuple(admin_stages(place, layer, way))
            self._stages[key] = self._stages[shared]
        return self._stages[key]

    def _layer_of(self, place: Standpoint) -> AdminLayer | None:
        """Returns the admin rules of a place: the whole network's where the subnet is ordinary."""
        vnet, subnet, options = place.vnet, place.subnet, place.options
        if vnet is None or subnet is None or place.is_private_endpoint:
            return place.admin
        skipped = skipped_subnet(place.estate, subnet, options)
        if skipped or subnet.id in (*options.admin_rules_skip, *options.admin_rules_apply):
            return place.admin
        return self.network.admin(vnet, None)

    def _nsg_of(self, place: Standpoint, layer: Layer, way: Direction) -> Stage:
        if layer.nsg is None:
            return Stage(())
        key = (layer.nsg.id, layer.name, way, place.nic.id if place.own_groups else None)
        if key not in self._stages:
            self._stages[key] = (nsg_stage(place, layer.name, layer.nsg.towards(way)),)
        return self._stages[key][0]


def _topology(tag: AddressSet) -> Topology:
    """Returns a topology tag by what is known of each address."""
    cuts = (tag.sure, *(part.addresses for part in tag.parts))
    if not tag.doubts:
        return Topology(tag.sure, EMPTY, EMPTY, cuts)
    maybe = IntervalSet.union(doubt.addresses for doubt in tag.doubts if doubt.member_if)
    less = IntervalSet.union(doubt.addresses for doubt in tag.doubts if not doubt.member_if)
    cuts += tuple(doubt.addresses for doubt in tag.doubts)
    return Topology(EMPTY, (maybe - tag.sure) | (tag.sure & less), tag.sure - less, cuts)


def find_interface(estate: Estate, text: str) -> NetworkInterface | ResourceId:
    """Returns the interface with an ARM id, or the id of one that the estate lacks."""
    found = ResourceId(text)
    return estate.resources.nics.get(found, found)
