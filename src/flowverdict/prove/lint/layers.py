"""NSG rules in their places: what layers around them leave for them to decide."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from flowverdict.model import Access, Direction
from flowverdict.net import ALL_ADDRESSES, IntervalSet
from flowverdict.policy.services import HOST
from flowverdict.prove.diagram import LimitError
from flowverdict.prove.lint.boxes import both, less, touch
from flowverdict.prove.lint.matches import Left, left_behind, matches
from flowverdict.prove.lint.order import Order, lifts_exemption
from flowverdict.prove.region import local_end, packets
from flowverdict.stages import STOP, WAYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from flowverdict.model import NetworkInterface, ResourceId, Rule
    from flowverdict.policy import Layer
    from flowverdict.prove.lint.boxes import Boxes
    from flowverdict.prove.lint.matches import Match
    from flowverdict.stages import Around, Policies, Policy, Stage

ALIVE: Final = ""
BY_ADMIN: Final = "dead-by-admin-rule"
BY_NSG: Final = "dead-by-other-nsg"
NO_ADDRESS: Final = "matches-no-address"
NEEDLESS: Final = "redundant"

_OF_HOST: Final = {
    Direction.INBOUND: tuple(packets(sources=HOST).disjoint()),
    Direction.OUTBOUND: tuple(packets(destinations=HOST).disjoint()),
}
"""Packets of the platform, which are in ``Internet`` and ``VirtualNetwork`` alike.

Rules for the internet would hardly ever be dead: the default rules of the other NSG let them pass.
A rule that matters for them alone is alive.
"""


class Fate(NamedTuple):
    """What becomes of a rule at one place: ``ALIVE`` or why not, and the rules that take all.

    Attributes:
        is_whole: whether that is so of the platform's packets too.
    """

    why: str
    took: tuple[Rule, ...] = ()
    is_whole: bool = True


class Admin(NamedTuple):
    """The admin rules of one direction at a kind of place.

    Attributes:
        stages: what they match: one list, or one a manager where each has a say.
        in_order: whether it is known which manager comes first.
    """

    stages: tuple[list[Match], ...]
    in_order: bool

    def left(self, stage: int, number: int) -> Left:
        """Returns what a rule may match of what neither managers nor rules before it stop."""
        one = self.stages[stage][number]
        left, took = one.perhaps, tuple["Rule", ...]()
        for rules in self.stages[:stage]:
            left, some = _through(rules, left)
            took += some
        if not left:
            return Left(left, took)
        rest, some = left_behind(replace(one, perhaps=left), self.stages[stage][:number])
        return Left(rest, took + some)


class Layers:
    """Looks at every list of rules where it is attached; the same list at alike places once.

    Attributes:
        orders: of each NSG and direction, one for each kind of place.
        fates: of each NSG rule, one for each place.
        admin: the admin rules of each kind of place.
        limits: what was not looked at, and why.
        untold: NSGs with a place that was not looked at.
    """

    def __init__(self, policies: Policies, nics: Iterable[NetworkInterface]) -> None:
        self._matches: dict[tuple[int, int], tuple[Stage, Around, list[Match]]] = {}
        self._orders: dict[tuple[ResourceId, Direction, int], tuple[Around, Order]] = {}
        self.orders: defaultdict[tuple[ResourceId, Direction], list[Order]] = defaultdict(list)
        self.fates: defaultdict[ResourceId, list[Fate]] = defaultdict(list)
        self.admin: dict[tuple[int, ...], Admin] = {}
        self.limits: list[str] = []
        self.untold: set[ResourceId] = set()
        groups: defaultdict[int, list[NetworkInterface]] = defaultdict(list)
        kept: dict[int, Policy] = {}
        for nic in nics:
            policy = policies.at(nic)
            kept[id(policy)] = policy
            groups[id(policy)].append(nic)
        for key, some in groups.items():
            for way, direction in enumerate(WAYS):
                try:
                    self._look(kept[key], some, way, direction)
                except LimitError as problem:
                    told = f"{direction.value.lower()} at `{some[0].id.name}`: {problem}"
                    self.limits.append(told)
                    self.untold |= {one.nsg.id for one in kept[key].place.layers if one.nsg}

    def _look(
        self, policy: Policy, nics: list[NetworkInterface], way: int, direction: Direction
    ) -> None:
        place, around = policy.place, policy.around
        stages = list(policy.stages[way])
        layers = [
            one for one in place.layers_towards(direction) if one.nsg is not None or one.missing
        ]
        ahead = stages[: len(stages) - len(layers)]
        key = (*map(id, ahead), id(around))
        if key not in self.admin:
            in_order = place.admin is not None and not place.admin.order_missing
            self.admin[key] = Admin(tuple(self._of(one, around) for one in ahead), in_order)
        for at, layer in enumerate(layers):
            if layer.nsg is None or layer.missing:
                continue
            before = [*ahead, *stages[len(ahead) : len(ahead) + at]]
            behind = stages[len(ahead) + at + 1 :]
            here = tuple(local_end(direction, _local(policy, layer, nics)).disjoint())
            order = self._order(layer, direction, stages[len(ahead) + at], around, here)
            for number, one in enumerate(order.rules):
                if one.rule is None or not order.left.get(one.rule.id):
                    continue
                if lifts_exemption(one.rule):
                    continue
                left = both(order.left[one.rule.id], here)
                rest = less(left, _OF_HOST[direction]) or left
                fate = self._fate(one.rule, rest, around, before, behind, len(ahead))
                if fate.why == NO_ADDRESS and touch(one.perhaps, here):
                    fate = Fate(NO_ADDRESS, left_behind(one, order.rules[:number]).took)
                elif fate.why != ALIVE and rest is not left:
                    whole = self._fate(one.rule, left, around, before, behind, len(ahead))
                    fate = fate._replace(is_whole=whole.why != ALIVE)
                if not (fate.why and fate.is_whole) and one.rule.id in order.instead:
                    fate = Fate(NEEDLESS, order.instead[one.rule.id])
                self.fates[one.rule.id].append(fate)

    def _order(
        self, layer: Layer, direction: Direction, stage: Stage, around: Around, here: Boxes
    ) -> Order:
        assert layer.nsg is not None
        key = (layer.nsg.id, direction, id(around))
        if key not in self._orders:
            order = Order(self._of(stage, around), here)
            self._orders[key] = around, order
            self.orders[layer.nsg.id, direction].append(order)
        return self._orders[key][1]

    def _of(self, stage: Stage, around: Around) -> list[Match]:
        key = (id(stage), id(around))
        if key not in self._matches:
            self._matches[key] = stage, around, matches(stage.tests, around)
        return self._matches[key][2]

    def _fate(
        self,
        rule: Rule,
        left: Boxes,
        around: Around,
        before: Sequence[Stage],
        behind: Sequence[Stage],
        of_admin: int,
    ) -> Fate:
        if not left:
            return Fate(NO_ADDRESS)
        took: list[Rule] = []
        for at, stage in enumerate(before):
            left, some = _through(self._of(stage, around), left)
            took += some
            if not left:
                return Fate(BY_ADMIN if at < of_admin else BY_NSG, tuple(took))
        if rule.access is Access.ALLOW:
            for stage in behind:
                left, some = _through(self._of(stage, around), left)
                if not left:
                    return Fate(BY_NSG, some)
        return Fate(ALIVE)


def _through(rules: Sequence[Match], packets: Boxes) -> Left:
    """Returns the packets that may get past a stage, and the rules that stop some for sure."""
    passed: Boxes = ()
    rest, took = packets, list["Rule"]()
    for one in rules:
        if one.rule is None:
            return Left(packets, ())  # a rule that is not known may let all of them pass
        if not touch(rest, one.perhaps):
            continue
        if one.action != STOP:
            passed += both(rest, one.perhaps)
        elif touch(rest, one.sure):
            took.append(one.rule)
        rest = less(rest, one.sure)
    return Left(rest + less(passed, rest), tuple(took))


def _local(policy: Policy, layer: Layer, nics: Sequence[NetworkInterface]) -> IntervalSet:
    """Returns the addresses that stand behind a layer, or may once a machine is added.

    Interfaces that forward send and receive packets of all addresses.
    """
    if any(nic.ip_forwarding for nic in nics):
        return ALL_ADDRESSES
    subnet = policy.place.subnet
    within = subnet.prefixes if subnet else ALL_ADDRESSES
    own = IntervalSet.union(nic.addresses for nic in nics)
    settled = all(one.addresses for nic in nics for one in nic.ip_configurations)
    if layer.name == "subnet" or not (own and settled):
        return within | own
    return own
