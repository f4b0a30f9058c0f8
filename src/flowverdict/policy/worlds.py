"""Deciding with facts missing: every way they could be is tried.

The evaluator is written as if everything were known. Where it needs a fact that the input does
not have, it asks a ``World``. ``explore`` runs the evaluator once for each way the missing facts
could be, and tells which of them the answer hangs on. A missing fact that is never asked for, or
that changes nothing, makes no answer unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

from flowverdict.model.value import value
from flowverdict.net import IntervalSet

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")

SOURCE_PORT: Final = "the source port: `*` stands for ports that rules treat differently"
_MOST_WORLDS: Final = 5000
_DEEPEST: Final = 400


@value
class Fact:
    """A missing fact: what is missing, and about which subject it was asked."""

    what: str
    about: Hashable = None


class Undecided(Exception):
    """Raised to try each answer to a question in turn."""

    def __init__(self, fact: Fact, answers: tuple[object, ...]) -> None:
        super().__init__(fact.what)
        self.fact = fact
        self.answers = answers


class World:
    """One way in which the missing facts could be."""

    def __init__(self, known: dict[Fact, object] | None = None) -> None:
        self._known = known or {}
        self.used: dict[str, None] = {}
        """The dated data that was looked at."""

    def ask(self, what: str, about: Hashable = None, answers: tuple[object, ...] = ()) -> object:
        """Returns the answer that holds in this world: true or false unless others are named.

        Raises:
            Undecided: this world does not say; ``explore`` makes worlds that do.
        """
        fact = Fact(what, about)
        if fact in self._known:
            return self._known[fact]
        raise Undecided(fact, answers or (True, False))

    def narrow(self, ports: IntervalSet, wanted: IntervalSet) -> bool:
        """Reports whether the source port, known to be one of ``ports``, is a wanted one."""
        fact = Fact(SOURCE_PORT)
        left = self._known.get(fact, ports)
        assert isinstance(left, IntervalSet)
        inside = left & wanted
        if inside == left:
            return True
        if not inside:
            return False
        raise Undecided(fact, (inside, left - wanted))


@value
class Outcomes(Generic[T]):
    """What came out in the worlds that were tried.

    Attributes:
        found: one outcome a world; the last is that of a world in which every fact that is
            missing was answered by its last answer (a doubtful member is none, and so on).
        matters: the missing facts on which the outcome's key hangs.
        touched: all the missing facts that were asked for.
        used: the dated data that was looked at in any world.
        complete: false if there were too many worlds to try all.
    """

    found: tuple[T, ...]
    matters: tuple[str, ...]
    touched: tuple[str, ...]
    used: tuple[str, ...]
    complete: bool


def explore(decide: Callable[[World], T], key: Callable[[T], object]) -> Outcomes[T]:
    """Runs a decision in every world.

    Args:
        decide: the decision; it may ask its world.
        key: the part of an outcome that counts when facts are said to matter.
    """
    budget = _MOST_WORLDS
    touched: dict[str, None] = {}
    used: dict[str, None] = {}

    def visit(known: dict[Fact, object], depth: int) -> tuple[list[T], dict[str, None], bool]:
        nonlocal budget
        budget -= 1
        if budget < 0 or depth > _DEEPEST:
            return [], {}, False
        world = World(known)
        try:
            return [decide(world)], {}, True
        except Undecided as question:
            fact, answers = question.fact, question.answers
        finally:
            used.update(world.used)
        touched[fact.what] = None
        found: list[T] = []
        matters: dict[str, None] = {}
        complete = True
        keys: list[set[object]] = []
        for answer in answers:
            outcomes, inner, whole = visit({**known, fact: answer}, depth + 1)
            found.extend(outcomes)
            matters.update(inner)
            complete = complete and whole
            if whole:
                keys.append({key(one) for one in outcomes})
        if any(one != keys[0] for one in keys):
            matters[fact.what] = None
        return found, matters, complete

    found, matters, complete = visit({}, 0)
    return Outcomes(tuple(found), tuple(matters), tuple(touched), tuple(used), complete)
