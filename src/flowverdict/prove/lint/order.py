"""Rules of one list beside one another: shadowed, redundant, contradictory, mergeable.

The words are those of the literature on firewall policies: Al-Shaer and Hamed, "Discovery of policy
anomalies in distributed firewalls" (2004).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from flowverdict.model import Access, Direction
from flowverdict.model.limits import ASGS_OF_SIDE, LISTED
from flowverdict.net import ALL_IPV4, ALL_IPV6
from flowverdict.policy.services import BY_TAG
from flowverdict.prove.lint.boxes import both, corners, holds, less, touch
from flowverdict.prove.lint.rests import Rest
from flowverdict.prove.lint.search import Effort, survivor, walls
from flowverdict.prove.region import Region
from flowverdict.prove.witness import witness

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from flowverdict.model import Endpoint, ResourceId, Rule
    from flowverdict.net import Packet
    from flowverdict.prove.lint.boxes import Boxes, Point
    from flowverdict.prove.lint.matches import Match


class Trait(NamedTuple):
    """What the order of a list makes of a rule.

    Attributes:
        check: ``shadowed``, ``redundant``, ``contradictory`` or ``mergeable``.
        rule: the rule.
        others: the rules that make it so.
        how: told apart where a check has several reasons.
        shown: packets that show it.
    """

    check: str
    rule: Rule
    others: tuple[Rule, ...]
    how: str = ""
    shown: Boxes = ()

    @property
    def packet(self) -> Packet | None:
        """A packet that shows it."""
        return witness(Region.of_disjoint(*self.shown)) if self.shown else None


class Listing:
    """What is so of the rules of one NSG and direction wherever it is attached, found once."""

    def __init__(self) -> None:
        self._effort = Effort()
        self._rests: dict[tuple[int, int], tuple[int, Rest]] = {}
        self._hosts: dict[int, list[tuple[int, int]]] | None = None

    def rests(self, rules: Sequence[Match]) -> Iterator[tuple[Match, Rest]]:
        """Yields what the rules before each leave of it; rules are told apart by their identity."""
        behind = 0
        for at, one in enumerate(rules):
            if one.rule is None or not one.rule.is_default:
                key = (behind, id(one))
                if key not in self._rests:
                    self._rests[key] = len(self._rests) + 1, Rest(one, rules[:at], self._effort)
                behind, rest = self._rests[key]
                yield one, rest

    def hosts(self, rules: Sequence[Match], at: int) -> list[tuple[int, int]]:
        """Returns what a rule differs from in one field: the field, and the rule's place."""
        if self._hosts is None:
            self._hosts = {}
            known: dict[tuple[object, ...], list[int]] = {}
            for place, one in enumerate(rules):
                if one.rule is None or one.rule.is_default or one.rule.unknown:
                    continue
                keys = list(_all_but_one(one.rule))
                if some := list(_hosts(keys, known)):
                    self._hosts[place] = some
                for key in keys:
                    known.setdefault(key, []).append(place)
        return self._hosts.get(at, [])


class Order:
    """The rules of one NSG and direction at one place, and what is left for each to decide.

    Attributes:
        left: what is left, by rule.
        instead: of rules without which their packets get the same verdict, those that give it.
    """

    def __init__(
        self, rules: Sequence[Match], local: Boxes = (), listing: Listing | None = None
    ) -> None:
        """Takes the rules in their order, default rules among them.

        Args:
            rules: what each matches.
            local: packets that the place sees, to show contradictions with; none for all.
            listing: what is known of the same rules from other places.

        Raises:
            LimitError: it takes too much.
        """
        self.rules = rules
        self._local = local
        self._listing = listing or Listing()
        self.left: dict[ResourceId, Rest] = {}
        self.instead: dict[ResourceId, tuple[Rule, ...]] = {}
        self._needless: set[ResourceId] = set()
        self.traits: list[Trait] = list(self._traits())

    def _traits(self) -> Iterator[Trait]:
        for one, rest in self._listing.rests(self.rules):
            rule = one.rule
            if rule is None or not one.perhaps:
                continue
            self.left[rule.id] = rest
            if not rest and not lifts_exemption(rule):
                self._needless.add(rule.id)
                if any(other.access is not rule.access for other in rest.took):
                    yield Trait("shadowed", rule, rest.took, shown=one.perhaps)
                else:
                    yield Trait("redundant", rule, rest.took, "before")
        for at, one in reversed([*enumerate(self.rules)]):
            rule = one.rule
            rest = self._rest(one)
            if rule is None or not rest or lifts_exemption(rule):
                continue
            behind = self._same_behind(rest, at)
            if behind is not None:
                self._needless.add(rule.id)
                self.instead[rule.id] = behind
                yield Trait("redundant", rule, behind, "behind")
        for one in self.rules:
            rest = self._rest(one)
            if rest and rest.rule.id not in self._needless:
                yield from self._contradictions(rest)
        yield from self._mergeable()

    def _rest(self, one: Match) -> Rest | None:
        """Returns what is left for a rule; None for one with a namesake, which is an error."""
        rest = self.left.get(one.rule.id) if one.rule else None
        return rest if rest and rest.one is one else None

    def _same_behind(self, rest: Rest, at: int) -> tuple[Rule, ...] | None:
        """Returns the rules that decide alike about packets if a rule goes; None if some do not.

        Rules that are not needed themselves are no reason: of two that are the same one stays, and
        all that are told can go together.
        """
        rule, packets, left = rest.rule, rest.one.perhaps, rest.sample
        assert left is not None
        if any(self._is_otherwise(rule, point, at) for point in corners(left)):
            return None
        took: list[Rule] = []
        before = list(rest.walls)
        for other in self.rules[at + 1 :]:
            if not touch(packets, other.perhaps):
                continue
            if other.rule is None or other.rule.access is not rule.access:
                if survivor(both(packets, other.perhaps), [before], rest.effort):
                    return None
            elif other.rule.id not in self._needless and survivor(
                both(packets, other.sure), [before], rest.effort
            ):
                took.append(other.rule)
                before += walls([other.sure])
                if touch((left,), other.sure):
                    left = survivor(packets, [before], rest.effort)
                if left is None:
                    return tuple(took)
        return None

    def _is_otherwise(self, rule: Rule, packet: Point, at: int) -> bool:
        """Reports whether a packet may get another verdict behind a rule."""
        for other in self.rules[at + 1 :]:
            if other.rule is None or other.rule.access is not rule.access:
                if holds(other.perhaps, packet):
                    return True
            elif other.rule.id not in self._needless and holds(other.sure, packet):
                return False
        return True

    def _contradictions(self, rest: Rest) -> Iterator[Trait]:
        others: list[Rule] = []
        shown: Boxes = ()
        for rule, boxes in rest.against:
            shared = both(boxes, self._local) if self._local else boxes
            if shared:
                others.append(rule)
                shown = shown or shared
        if others:
            yield Trait("contradictory", rest.rule, tuple(others), shown=shown)

    def _mergeable(self) -> Iterator[Trait]:
        """Yields rules that a rule before them could take in, by a longer list in one field.

        All that are told can be done together: a rule takes in others by one field alone, as two
        lists would match every pair of their members, and what takes in others stays.
        """
        known: set[int] = set()
        taken: dict[int, tuple[int, list[Rule]]] = {}
        for at, one in enumerate(self.rules):
            rule = one.rule
            if rule is None or not self._rest(one) or rule.id in self._needless or rule.unknown:
                continue
            for field, place in self._listing.hosts(self.rules, at):
                host = self.rules[place].rule
                if place not in known or host is None:
                    continue
                by, others = taken.get(place, (field, [host]))
                if by == field and _fits(field, [*others, rule]) and self._may_move(at, place):
                    taken[place] = field, [*others, rule]
                    yield Trait("mergeable", rule, (host,), _LISTS[field])
                    break
            else:
                known.add(at)

    def _may_move(self, at: int, to: int) -> bool:
        """Reports whether a rule may stand before rules that it stands behind now."""
        one = self.rules[at]
        assert one.rule is not None
        return not any(
            (other.rule is None or other.rule.access is not one.rule.access)
            and touch(one.perhaps, other.perhaps)
            for other in self.rules[to + 1 : at]
        )


_LISTS: Final = ("sources", "source ports", "destinations", "destination ports")
"""The fields of a rule that can hold a list."""


def _hosts(
    keys: Iterable[tuple[object, ...]], known: Mapping[tuple[object, ...], Sequence[int]]
) -> Iterator[tuple[int, int]]:
    """Yields rules that differ in one field: its number in ``_LISTS``, and their place."""
    for key in keys:
        field = key[0]
        assert isinstance(field, int)
        for place in known.get(key, ()):
            yield field, place


def _all_but_one(rule: Rule) -> Iterator[tuple[object, ...]]:
    """Yields the fields of a rule, each time without one that can hold a list."""
    fields = (rule.source, rule.source_ports, rule.destination, rule.destination_ports)
    kinds = (_kind(rule.source), "ports", _kind(rule.destination), "ports")
    for skipped, kind in enumerate(kinds):
        if kind is not None:
            others = (one for at, one in enumerate(fields) if at != skipped)
            yield (skipped, kind, rule.access, rule.protocols, *others)


def _kind(side: Endpoint) -> str | None:
    """Returns of what a side is a list; None for tags and ``*``, of which there are no lists."""
    if side.tags or side.groups or side.unknown or side.is_any:
        return None
    if side.asgs:
        return None if side.prefixes else "asgs"
    if not side.prefixes - ALL_IPV4:
        return "four"
    return None if side.prefixes - ALL_IPV6 else "six"


def _fits(field: int, rules: Iterable[Rule]) -> bool:
    """Reports whether the lists of rules in one field are together within Azure's limits."""
    if _LISTS[field].endswith("ports"):
        return True
    sides = [one.source if _LISTS[field] == "sources" else one.destination for one in rules]
    asgs = {asg for one in sides for asg in one.asgs}
    return len(asgs) <= ASGS_OF_SIDE and sum(len(one.texts) for one in sides) <= LISTED


def lifts_exemption(rule: Rule) -> bool:
    """Reports whether a rule counts for packets that others decide about, by being there.

    A Deny for a platform service opens it to all rules, those before it too (policy specification,
    4.4).
    """
    denies = rule.access is Access.DENY and rule.direction is Direction.OUTBOUND
    return denies and any(tag.lower() in BY_TAG for tag in rule.destination.tags)


def holds_everywhere(places: Sequence[Order]) -> Iterator[Trait]:
    """Yields what is so of rules at every place: elsewhere the rule has its use.

    For a rule that is not needed the reason may differ from place to place.
    """
    if not places:
        return
    said = [{_said(trait): trait for trait in one.traits} for one in places]
    for key in said[0]:
        if all(key in one for one in said):
            yield _in_sum([one[key] for one in said])


def _said(trait: Trait) -> tuple[object, ...]:
    """Returns what must be so of a rule at each place; of the others, only whom to merge with."""
    into = trait.others if trait.check == "mergeable" else ()
    check = "not needed" if trait.check in ("shadowed", "redundant") else trait.check
    return check, trait.rule.id, *(one.id for one in into)


def _in_sum(some: Sequence[Trait]) -> Trait:
    """Returns what a rule's places make of it together.

    Where it is shadowed at one place and every packet is decided alike before at the others, no
    packet reaches it at any. Where packets reach it at one, it is redundant.
    """
    took = {one.id: one for trait in some for one in trait.others}
    told = max(some, key=lambda one: (one.how == "behind", one.check == "shadowed"))
    if told.how == "behind" and any(one.how != "behind" for one in some):
        told = told._replace(how="by place")
    return told._replace(others=tuple(took.values()))


def opened(rule: Rule, order: Order) -> Boxes | None:
    """Returns the packets that a rule alone lets through a list, or may where something is missing.

    None for a rule that denies.
    """
    if rule.access is not Access.ALLOW or rule.id not in order.left:
        return None
    rest = order.left[rule.id].boxes()
    at = next(at for at, one in enumerate(order.rules) if one.rule is rule)
    found: Boxes = ()
    for other in order.rules[at + 1 :]:
        if other.rule is None:
            break
        if other.rule.access is Access.ALLOW:
            rest = less(rest, other.sure)
        else:
            found += both(rest, other.perhaps)
            rest = less(rest, other.perhaps)
    return found + rest
