"""NSG rules in their places: what layers around them leave for them to decide."""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from flowverdict.model import Access, Direction
from flowverdict.net import ALL_ADDRESSES, IntervalSet
from flowverdict.policy.services import HOST
from flowverdict.prove.diagram import LimitError
from flowverdict.prove.lint.boxes import ACROSS, both, compared, touch
from flowverdict.prove.lint.matches import is_of_place, matches
from flowverdict.prove.lint.order import Listing, Order, holds_everywhere, lifts_exemption
from flowverdict.prove.lint.rests import course, takers
from flowverdict.prove.lint.search import Effort, survivor, walls
from flowverdict.prove.region import local_end, packets
from flowverdict.stages import WAYS

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from flowverdict.model import NetworkInterface, ResourceId, Rule
    from flowverdict.policy import Layer
    from flowverdict.prove.lint.boxes import Boxes
    from flowverdict.prove.lint.matches import Match
    from flowverdict.prove.lint.rests import Rest
    from flowverdict.prove.lint.search import Walls
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

    def took(self, stage: int, number: int) -> list[Rule] | None:
        """Returns which neither managers nor rules before one stop all that it may match.

        None if some is left for it.
        """
        one = self.stages[stage][number]
        before = self.stages[stage][:number]
        ahead = [course(rules) for rules in self.stages[:stage]]
        effort = Effort()
        if survivor(one.perhaps, [walls(other.sure for other in before), *ahead], effort):
            return None
        found: list[Rule] = []
        for at, rules in enumerate(self.stages[:stage]):
            found += _stopping(one.perhaps, [[], *ahead[:at]], rules, effort)
        return found + takers(one.perhaps, [[], *ahead] if ahead else [], before, effort)


_ALIVE: Final = Fate(ALIVE)
_BY_ADMIN, _BY_BEFORE, _BY_ALL = range(3)
"""What a fate hangs on: admin rules, all that stands before the NSG, or what stands behind too."""


class _Touching(NamedTuple):
    """Rules of a stage that touch some packets, and what of them keeps packets."""

    rules: list[Match]
    course: Walls


class _Spot(NamedTuple):
    """An NSG where it is attached, in one direction.

    Attributes:
        policy: what stands there.
        nic: one of the interfaces.
        local: the addresses behind it.
        here: the packets that it sees.
        order: its own list.
        lists: all lists in the order of evaluation, its own among them.
        at: the place of its own.
        of_admin: how many lists of admin rules there are.
    """

    policy: Policy
    nic: NetworkInterface
    direction: Direction
    local: IntervalSet
    here: Boxes
    order: Order
    lists: list[list[Match]]
    at: int
    of_admin: int


class Layers:
    """Looks at every list of rules where it is attached; the same list at alike places once.

    Attributes:
        orders: of each NSG and direction, one for each kind of place.
        redundant: the rules that are not needed in their list, at every place.
        fates: of each NSG rule, one for each place; of a rule that is alive somewhere that alone.
        admin: the admin rules of each kind of place.
        limits: what was not looked at, and why.
        untold: NSGs with a place that was not looked at.
    """

    def __init__(self, policies: Policies, nics: Iterable[NetworkInterface]) -> None:
        self._matches: dict[tuple[int, int], tuple[Stage, Around, list[Match]]] = {}
        self._kept: defaultdict[int, dict[int, Match]] = defaultdict(dict)
        self._touching: dict[tuple[int, int], _Touching] = {}
        self._listings: defaultdict[tuple[ResourceId, Direction], Listing] = defaultdict(Listing)
        self._orders: dict[tuple[ResourceId, Direction, int], tuple[Around, Order]] = {}
        self._sides: dict[tuple[int, Direction, IntervalSet], object] = {}
        self._dead: dict[tuple[object, ...], Fate] = {}
        """What becomes of rules at kinds of places, where that is not that they are alive."""
        self.orders: defaultdict[tuple[ResourceId, Direction], list[Order]] = defaultdict(list)
        self.fates: defaultdict[ResourceId, list[Fate]] = defaultdict(list)
        self.admin: dict[tuple[object, ...], Admin] = {}
        self.limits: list[str] = []
        self.untold: set[ResourceId] = set()
        groups: dict[int, tuple[Policy, list[NetworkInterface]]] = {}
        for nic in nics:
            policy = policies.at(nic)
            groups.setdefault(id(policy), (policy, []))[1].append(nic)
        spots: list[_Spot] = []
        for policy, some in groups.values():
            for direction in WAYS:
                with self._told_limit(direction, some[0], policy):
                    spots += self._spots(policy, some, direction)
        self.redundant = {
            one.rule.id
            for some in self.orders.values()
            for one in holds_everywhere(some)
            if one.check == NEEDLESS
        }
        for spot in spots:
            with self._told_limit(spot.direction, spot.nic, spot.policy):
                self._look(spot)

    @contextmanager
    def _told_limit(
        self, direction: Direction, nic: NetworkInterface, policy: Policy
    ) -> Generator[None]:
        """Keeps in mind that a limit ended what was looked at."""
        try:
            yield
        except LimitError as problem:
            self.limits.append(f"{direction.value.lower()} at `{nic.id.name}`: {problem}")
            self.untold |= {one.nsg.id for one in policy.place.layers if one.nsg}

    def _spots(
        self, policy: Policy, nics: list[NetworkInterface], direction: Direction
    ) -> Iterator[_Spot]:
        """Yields the NSGs at a place, and keeps its admin rules."""
        place, around = policy.place, policy.around
        lists = [self._of(one, around) for one in policy.stages[WAYS.index(direction)]]
        layers = [
            one for one in place.layers_towards(direction) if one.nsg is not None or one.missing
        ]
        of_admin = len(lists) - len(layers)
        ahead = tuple(lists[:of_admin])
        in_order = place.admin is not None and not place.admin.order_missing
        self.admin.setdefault((*map(id, ahead), in_order), Admin(ahead, in_order))
        for at, layer in enumerate(layers, of_admin):
            if layer.nsg is None or layer.missing:
                continue
            local = _local(policy, layer, nics)
            here = tuple(local_end(direction, local).disjoint())
            key = (layer.nsg.id, direction, id(around))
            if key not in self._orders:
                order = Order(lists[at], here, self._listings[layer.nsg.id, direction])
                self._orders[key] = around, order
                self.orders[layer.nsg.id, direction].append(order)
            order = self._orders[key][1]
            yield _Spot(policy, nics[0], direction, local, here, order, lists, at, of_admin)

    def _look(self, spot: _Spot) -> None:
        sides = [self._side(one, spot.direction, spot.local) for one in spot.lists]
        own, before, behind = sides[spot.at], sides[: spot.at], sides[spot.at + 1 :]
        keys = (
            (own, *before[: spot.of_admin]),
            (own, *before),
            (own, *before, None, *behind),
        )
        for rule, rest in spot.order.left.items():
            fates = self.fates[rule]
            settled = fates == [_ALIVE] or (
                rule in self.redundant and any(one.why == NEEDLESS for one in fates)
            )
            if rest and not settled and not lifts_exemption(rest.rule):
                fate = self._fate(rest, spot, keys)
                if fate.why == ALIVE:
                    fates[:] = [_ALIVE]
                else:
                    fates.append(fate)

    def _fate(self, rest: Rest, spot: _Spot, keys: tuple[tuple[object, ...], ...]) -> Fate:
        """Returns what becomes of a rule at a place.

        Args:
            rest: what its list leaves it.
            spot: the place.
            keys: what tells kinds of places apart, by what a fate hangs on.
        """
        own = [(id(rest), *key) for key in keys]
        fate = next((self._dead[key] for key in own if key in self._dead), None)
        if fate is None:
            fate, hangs_on = self._with_host(rest, both(rest.one.perhaps, spot.here), spot)
            if fate.why != ALIVE:
                self._dead[own[hangs_on]] = fate
        if fate.why == NO_ADDRESS and touch(rest.one.perhaps, spot.here):
            fate = Fate(NO_ADDRESS, rest.took)
        instead = spot.order.instead.get(rest.rule.id)
        if instead is not None and not (fate.why and fate.is_whole):
            fate = Fate(NEEDLESS, instead)
        return fate

    def _with_host(self, rest: Rest, here: Boxes, spot: _Spot) -> tuple[Fate, int]:
        """Returns what ``_alone`` does, of the packets that are not the platform's if there are."""
        host = _OF_HOST[spot.direction]
        if not touch(here, host):
            return self._alone(rest, here, spot, [])
        fate, hangs_on = self._alone(rest, here, spot, walls([host]))
        if fate.why == ALIVE:
            return fate, hangs_on
        whole, of_all = self._alone(rest, here, spot, [])
        if fate.why == NO_ADDRESS:  # no packets but the platform's, or none at all
            return whole, of_all
        return fate._replace(is_whole=whole.why != ALIVE), max(hangs_on, of_all)

    def _alone(self, rest: Rest, here: Boxes, spot: _Spot, host: Walls) -> tuple[Fate, int]:
        """Returns what becomes of a rule, and what that hangs on."""
        stages: list[Walls] = [[*rest.walls, *host]]
        if survivor(here, stages, rest.effort) is None:
            return Fate(NO_ADDRESS), _BY_ADMIN
        end = len(spot.lists) if rest.rule.access is Access.ALLOW else spot.at
        through = [
            self._that_touch(rest, rules, is_admin=at < spot.of_admin)
            for at, rules in enumerate(spot.lists[:end])
            if at != spot.at
        ]
        if survivor(here, [*stages, *(one.course for one in through)], rest.effort):
            return _ALIVE, _BY_ALL
        took: list[Rule] = []
        for at, (rules, walls_of_it) in enumerate(through):
            some = takers(here, stages, rules, rest.effort, stops=True)
            took = took + some if at < spot.at else some
            stages.append(walls_of_it)
            if survivor(here, stages, rest.effort) is None:
                if at < spot.of_admin:
                    return Fate(BY_ADMIN, tuple(took)), _BY_ADMIN
                return Fate(BY_NSG, tuple(took)), _BY_ALL if at >= spot.at else _BY_BEFORE
        return _ALIVE, _BY_ALL

    def _that_touch(self, rest: Rest, rules: list[Match], *, is_admin: bool) -> _Touching:
        """Returns what of a stage touches packets of a rule; of admin rules it is kept."""
        key = (id(rest), id(rules))
        found = self._touching.get(key)
        if found is None:
            unknown = any(one.rule is None for one in rules)
            some = [one for one in rules if touch(rest.one.perhaps, one.perhaps)]
            found = _Touching([], []) if unknown else _Touching(some, course(some))
            if is_admin:
                self._touching[key] = found
        return found

    def _side(self, rules: list[Match], direction: Direction, local: IntervalSet) -> object:
        """Returns what tells lists of rules and kinds of places apart.

        Where each rule matches all of some local addresses or none, others for which the same is
        so get the same answers.
        """
        key = (id(rules), direction, local)
        if key not in self._sides:
            near = 2 if direction is Direction.INBOUND else 1
            how = [
                compared(local, box[near])
                for one in rules
                for some in (one.perhaps, one.sure)
                for box in some
            ]
            alike = ACROSS not in how
            self._sides[key] = (id(rules), tuple(how) if alike else local)
        return self._sides[key]

    def _of(self, stage: Stage, around: Around) -> list[Match]:
        """Returns what a stage's rules match at a place: one list where places do not differ."""
        key = (id(stage), id(around))
        found = self._matches.get(key) or self._matches.get((id(stage), 0))
        if found is None:
            if not any(map(is_of_place, stage.tests)):
                key = (id(stage), 0)
            some = matches(stage.tests, around, self._kept[id(stage)])
            found = self._matches[key] = stage, around, some
        return found[2]


def _stopping(
    packets: Boxes, stages: Sequence[Walls], rules: Sequence[Match], effort: Effort
) -> list[Rule]:
    """Returns the rules of a stage that stop some of what gets to it; none where one is unknown."""
    if any(one.rule is None for one in rules):
        return []
    return takers(packets, stages, rules, effort, stops=True)


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
