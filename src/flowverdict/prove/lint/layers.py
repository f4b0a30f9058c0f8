"""NSG rules in their places: what layers around them leave for them to decide."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from flowverdict.model import Access, Direction
from flowverdict.net import ALL_ADDRESSES, IntervalSet
from flowverdict.policy.services import HOST
from flowverdict.prove.diagram import LimitError
from flowverdict.prove.lint.boxes import both, holds, less, touch
from flowverdict.prove.lint.matches import Left, left_behind, matches
from flowverdict.prove.lint.order import Order, lifts_exemption
from flowverdict.prove.region import local_end, packets
from flowverdict.stages import STOP, WAYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from flowverdict.model import NetworkInterface, ResourceId, Rule
    from flowverdict.policy import Layer
    from flowverdict.prove.lint.boxes import Boxes, Point
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


_ALIVE: Final = Fate(ALIVE)
_TRIED: Final = 4
"""Packets of a rule that are looked at before all of them are."""


class Layers:
    """Looks at every list of rules where it is attached; the same list at alike places once.

    Attributes:
        orders: of each NSG and direction, one for each kind of place.
        fates: of each NSG rule, one for each place; of a rule that is alive somewhere that alone.
        admin: the admin rules of each kind of place.
        limits: what was not looked at, and why.
        untold: NSGs with a place that was not looked at.
    """

    def __init__(self, policies: Policies, nics: Iterable[NetworkInterface]) -> None:
        self._matches: dict[tuple[int, int], tuple[Stage, Around, list[Match]]] = {}
        self._orders: dict[tuple[ResourceId, Direction, int], tuple[Around, Order]] = {}
        self._alike: dict[tuple[int, Direction, IntervalSet], bool] = {}
        self._dead: dict[tuple[object, ...], Fate] = {}
        """What becomes of rules at kinds of places, where that is not that they are alive."""
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
            wide = _local(policy, layer, nics, wide=True)
            alike = all(
                self._is_alike(self._of(one, around), direction, wide)
                for one in (*before, *behind, stages[len(ahead) + at])
            )
            around_it = (id(around), wide if alike else here, *map(id, before))
            for number, one in enumerate(order.rules):
                if one.rule is None or not order.left.get(one.rule.id):
                    continue
                fates = self.fates[one.rule.id]
                if lifts_exemption(one.rule) or fates == [_ALIVE]:
                    continue
                keys = (one.rule.id, *around_it), (one.rule.id, *around_it, None, *map(id, behind))
                fate = self._dead.get(keys[0]) or self._dead.get(keys[1])
                if fate is None:
                    left = both(order.left[one.rule.id], here)
                    fate, behind_it = self._with_host(
                        one.rule, left, around, before, behind, len(ahead), _OF_HOST[direction]
                    )
                    if left and fate.why != ALIVE:
                        self._dead[keys[behind_it]] = fate
                if fate.why == NO_ADDRESS and touch(one.perhaps, here):
                    fate = Fate(NO_ADDRESS, left_behind(one, order.rules[:number]).took)
                if not (fate.why and fate.is_whole) and one.rule.id in order.instead:
                    fate = Fate(NEEDLESS, order.instead[one.rule.id])
                if fate.why == ALIVE:
                    fates[:] = [_ALIVE]
                else:
                    fates.append(fate)

    def _with_host(
        self,
        rule: Rule,
        left: Boxes,
        around: Around,
        before: Sequence[Stage],
        behind: Sequence[Stage],
        of_admin: int,
        host: Boxes,
    ) -> tuple[Fate, bool]:
        """Returns what ``_fate`` does, of the packets that are not the platform's if there are."""
        rest = less(left, host) or left
        fate, behind_it = self._fate(rule, rest, around, before, behind, of_admin)
        if rest is not left and fate.why != ALIVE:
            whole, of_all = self._fate(rule, left, around, before, behind, of_admin)
            fate = fate._replace(is_whole=whole.why != ALIVE)
            behind_it = behind_it or of_all or not fate.is_whole
        return fate, behind_it

    def _is_alike(self, rules: list[Match], direction: Direction, local: IntervalSet) -> bool:
        """Reports whether each rule matches all of some local addresses alike, or none."""
        key = (id(rules), direction, local)
        if key not in self._alike:
            near = 2 if direction is Direction.INBOUND else 1
            self._alike[key] = all(
                local.isdisjoint(box[near]) or local <= box[near]
                for one in rules
                for box in one.perhaps
            )
        return self._alike[key]

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
    ) -> tuple[Fate, bool]:
        """Returns what becomes of a rule, and whether it does by what stands behind it."""
        if not left:
            return Fate(NO_ADDRESS), False
        through = [*before, *behind] if rule.access is Access.ALLOW else before
        lists = [self._of(stage, around) for stage in through]
        if any(all(_passes(one, packet) for one in lists) for packet in _some(left)):
            return _ALIVE, False
        took: list[Rule] = []
        for at, stage in enumerate(before):
            left, some = _through(self._of(stage, around), left)
            took += some
            if not left:
                return Fate(BY_ADMIN if at < of_admin else BY_NSG, tuple(took)), False
        if rule.access is Access.ALLOW:
            for stage in behind:
                left, some = _through(self._of(stage, around), left)
                if not left:
                    return Fate(BY_NSG, some), True
        return _ALIVE, False


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


def _some(packets: Boxes) -> Iterator[Point]:
    """Yields a few packets."""
    for box in packets[:_TRIED]:
        yield tuple([field.spans[0][0] for field in box])
        yield tuple([field.spans[-1][1] for field in box])


def _passes(rules: Sequence[Match], packet: Point) -> bool:
    """Reports whether a packet may get past a stage: ``_through`` for one."""
    for one in rules:
        if one.rule is None:
            return True
        if holds(one.perhaps, packet):
            if one.action != STOP:
                return True
            if holds(one.sure, packet):
                return False
    return True


def _local(
    policy: Policy, layer: Layer, nics: Sequence[NetworkInterface], *, wide: bool = False
) -> IntervalSet:
    """Returns the addresses that stand behind a layer, or may once a machine is added.

    Interfaces that forward send and receive packets of all addresses.

    Args:
        policy: what stands before the interfaces.
        layer: an NSG of it.
        nics: the interfaces.
        wide: whether all addresses of the subnet count.
    """
    if any(nic.ip_forwarding for nic in nics):
        return ALL_ADDRESSES
    subnet = policy.place.subnet
    within = subnet.prefixes if subnet else ALL_ADDRESSES
    own = IntervalSet.union(nic.addresses for nic in nics)
    settled = all(one.addresses for nic in nics for one in nic.ip_configurations)
    if wide or layer.name == "subnet" or not (own and settled):
        return within | own
    return own
