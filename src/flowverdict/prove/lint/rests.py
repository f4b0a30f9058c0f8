"""What rules leave of the packets of another: whether any, and which rules took the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowverdict.prove.lint.boxes import both, less, touch, within
from flowverdict.prove.lint.search import Wall, survivor, walls
from flowverdict.stages import STOP

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from flowverdict.model import Rule
    from flowverdict.prove.lint.boxes import Boxes
    from flowverdict.prove.lint.matches import Match
    from flowverdict.prove.lint.search import Effort, Walls


class Rest:
    """What a rule may match of what rules before it in its list surely do not take; true if any.

    Attributes:
        one: what the rule matches.
        before: the rules before it that take some.
        walls: those, for a search.
        sample: some of the packets that are left.
        effort: what may still be done for the list.
    """

    def __init__(self, one: Match, before: Iterable[Match], effort: Effort) -> None:
        """Looks for packets that are left.

        Raises:
            LimitError: it takes too much.
        """
        self.one = one
        self.effort = effort
        self.before = [other for other in before if touch(one.perhaps, other.sure)]
        self.walls = walls(other.sure for other in self.before)
        self.sample = survivor(one.perhaps, [self.walls], effort)
        self._took: tuple[Rule, ...] | None = None
        self._against: list[tuple[Rule, Boxes]] | None = None

    @property
    def rule(self) -> Rule:
        """The rule."""
        assert self.one.rule is not None
        return self.one.rule

    def __bool__(self) -> bool:
        """Reports whether a packet is left."""
        return self.sample is not None

    @property
    def took(self) -> tuple[Rule, ...]:
        """The rules before that take some of the packets, or the first that takes all of them."""
        if self._took is None:
            self._took = tuple(takers(self.one.perhaps, [], self.before, self.effort))
        return self._took

    @property
    def against(self) -> list[tuple[Rule, Boxes]]:
        """The rules before that contradict, neither an exception of the other, and about what."""
        if self._against is None:
            self._against = []
            for other in self.before:
                if other.rule and self.one.rule and other.rule.access is not self.one.rule.access:
                    shared = both(self.one.sure, other.sure)
                    if shared and survivor(other.sure, [walls([self.one.sure])], self.effort):
                        self._against.append((other.rule, shared))
        return self._against

    def boxes(self) -> Boxes:
        """Returns all packets that are left, which may be many boxes."""
        rest = self.one.perhaps
        for other in self.before:
            rest = less(rest, other.sure)
        return rest


def takers(
    packets: Boxes,
    stages: Sequence[Walls],
    rules: Iterable[Match],
    effort: Effort,
    *,
    stops: bool = False,
) -> list[Rule]:
    """Returns the rules of a list that surely take some of what gets past the stages before it.

    Only the first of those that takes all there is, if one does.

    Args:
        packets: those that are looked at.
        stages: what stands before the list.
        rules: the list.
        effort: what may still be done.
        stops: whether only rules count that no packet gets past.
    """
    touching = [one for one in rules if one.rule is not None and touch(packets, one.sure)]
    if not stages:
        whole = next((one for one in touching if within(packets, one.sure)), None)
        if whole is not None and whole.rule is not None:
            return [whole.rule]
    first, *others = stages or [[]]
    found: list[Rule] = []
    first = list(first)
    left = survivor(packets, [first, *others], effort)
    for one in touching:
        if left is None:
            break
        counts = one.action == STOP or not stops
        if one.rule and counts and survivor(both(packets, one.sure), [first, *others], effort):
            found.append(one.rule)
        first += walls([one.sure])
        if touch((left,), one.sure):
            left = survivor(packets, [first, *others], effort)
    return found


def course(rules: Sequence[Match]) -> Walls:
    """Returns what of a stage keeps packets from getting past it.

    A rule that is not known may let all of them pass.
    """
    if any(one.rule is None for one in rules):
        return []
    return [
        Wall(box, is_gate=one.action != STOP)
        for one in rules
        for box in (one.sure if one.action == STOP else one.perhaps)
    ]
