"""Answers beside the right ones."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from conformance.scanners.asked import CLOSED, EXPOSED, NO_CHECK, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from conformance.cases import Case

RIGHT: Final = "right"
MISSED: Final = "missed exposure"
FALSE_ALARM: Final = "false alarm"
GUESS: Final = "guess"
NO_ANSWER: Final = "no answer"
NOT_ASKED: Final = "not asked"
OUTCOMES: Final = (RIGHT, MISSED, FALSE_ALARM, GUESS, NO_ANSWER, NOT_ASKED)


def outcome(answer: str, right: str) -> str:
    """Returns what becomes of an answer.

    A definite answer where the data do not tell is a guess. Not to know what the data do tell is no
    answer.
    """
    if answer == NO_CHECK:
        return NOT_ASKED
    if answer == right:
        return RIGHT
    if answer not in (EXPOSED, CLOSED):
        return NO_ANSWER
    if right == UNKNOWN:
        return GUESS
    return MISSED if right == EXPOSED else FALSE_ALARM


@dataclass(frozen=True, slots=True)
class Score:
    """How a scanner did on one form of the cases.

    Attributes:
        form: what it read; empty where that is not known.
        answers: its answer for each case, by id.
        outcomes: what became of each, by id.
    """

    scanner: str
    version: str
    form: str
    answers: Mapping[str, str]
    outcomes: Mapping[str, str]

    @property
    def name(self) -> str:
        """The scanner and the form, in a word or three."""
        return f"{self.scanner} ({self.form})" if self.form else self.scanner

    def counts(self, cases: Sequence[Case]) -> dict[str, int]:
        """Returns how often each outcome came, of some cases."""
        found = Counter(self.outcomes[one.id] for one in cases)
        return {one: found[one] for one in OUTCOMES}

    def as_json(self, cases: Sequence[Case]) -> dict[str, Any]:
        """Returns the score as JSON: total, by theme and by case."""
        themes = {one.theme: None for one in cases}
        return {
            "scanner": self.scanner,
            "version": self.version,
            "form": self.form,
            "total": self.counts(cases),
            "themes": {
                theme: self.counts([one for one in cases if one.theme == theme]) for theme in themes
            },
            "cases": {
                one.id: {"answer": self.answers[one.id], "outcome": self.outcomes[one.id]}
                for one in cases
            },
        }


def score(
    cases: Sequence[Case], answers: Mapping[str, str], scanner: str, version: str, form: str
) -> Score:
    """Returns how a scanner did; a case without an answer was not asked."""
    given = {one.id: answers.get(one.id, NO_CHECK) for one in cases}
    found = {one.id: outcome(given[one.id], one.answer) for one in cases}
    return Score(scanner, version, form, given, found)
