"""Verdicts as numbers, and the numbers as the columns of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from flowverdict.policy import rule_name

if TYPE_CHECKING:
    from flowverdict.model import Rule
    from flowverdict.policy import Verdict

Numbers = np.ndarray[Any, np.dtype[Any]]

_WORD: Final = pa.dictionary(pa.int32(), pa.string())


class Outcome(NamedTuple):
    """A verdict as the columns have it."""

    access: str
    rule_name: str | None = None
    rule_id: str | None = None
    layer: str | None = None
    missing: str | None = None


SCHEMA: Final = pa.schema(
    [pa.field(name, _WORD, nullable=name != "access") for name in Outcome._fields]
)
"""The columns of a verdict; null where no rule or no layer decided, or nothing is missing."""


def decided(access: str, layer: str | None, rule: Rule | None) -> Outcome:
    """Returns the outcome where a rule, a layer or nothing decides."""
    if rule is None:
        return Outcome(access, layer=layer)
    return Outcome(access, rule_name(layer, rule), str(rule.id), layer)


def outcome_of(verdict: Verdict) -> Outcome:
    """Returns a verdict of the evaluator as an outcome."""
    if verdict.missing:
        return Outcome(verdict.access, missing="; ".join(verdict.missing))
    return decided(verdict.access, verdict.layer, verdict.rule)


class Outcomes:
    """Outcomes by number; number 0 is that nothing decided."""

    def __init__(self) -> None:
        self._numbers: dict[Outcome, int] = {}
        self._words: list[dict[str, int]] = [{} for _ in SCHEMA]
        self._codes: list[list[int]] = [[] for _ in SCHEMA]
        self._ready: tuple[int, list[tuple[Numbers, pa.Array]]] = (-1, [])
        self.number(Outcome("Allow"))

    def number(self, outcome: Outcome) -> int:
        """Returns the number of an outcome."""
        found = self._numbers.setdefault(outcome, len(self._numbers))
        if found == len(self._codes[0]):
            for word, words, codes in zip(outcome, self._words, self._codes, strict=True):
                codes.append(-1 if word is None else words.setdefault(word, len(words)))
        return found

    def batch(self, numbers: Numbers) -> pa.RecordBatch:
        """Returns outcomes as columns of ``SCHEMA``."""
        return pa.RecordBatch.from_arrays(
            [_column(codes[numbers], words) for codes, words in self._columns()], schema=SCHEMA
        )

    def _columns(self) -> list[tuple[Numbers, pa.Array]]:
        size = len(self._numbers)
        if self._ready[0] != size:
            self._ready = size, [
                (np.array(codes, np.int32), pa.array(list(words), pa.string()))
                for codes, words in zip(self._codes, self._words, strict=True)
            ]  # fmt: skip
        return self._ready[1]


def _column(codes: Numbers, words: pa.Array) -> pa.DictionaryArray:
    empty = codes < 0
    indices = pa.array(codes, pa.int32(), mask=empty) if empty.any() else pa.array(codes)
    return pa.DictionaryArray.from_arrays(indices, words)
