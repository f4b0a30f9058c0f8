"""Sets of whole numbers as sorted, disjoint, non-touching intervals."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Span = tuple[int, int]

_FEW: Final = 8
"""A set with so many times fewer spans than another is looked up in it span by span."""


class IntervalSet:
    """An immutable set of whole numbers, kept as inclusive spans ``(low, high)``.

    The spans are sorted, disjoint and never touch, so equal sets have equal spans. Membership
    costs O(log n); the set operations cost O(n + m) and sorting where needed.
    """

    __slots__ = ("_lows", "spans")

    spans: tuple[Span, ...]

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        merged: list[Span] = []
        for low, high in sorted(spans):
            if low > high:
                raise ValueError(f"empty span {low}..{high}: expected low <= high")
            if merged and low <= merged[-1][1] + 1:
                if high > merged[-1][1]:
                    merged[-1] = (merged[-1][0], high)
            else:
                merged.append((low, high))
        self.spans = tuple(merged)
        self._lows: tuple[int, ...] | None = None

    def __contains__(self, number: int) -> bool:
        """Reports whether the number is a member."""
        if len(self.spans) == 1:
            return self.spans[0][0] <= number <= self.spans[0][1]
        at = bisect_right(self.begins(), number) - 1
        return at >= 0 and number <= self.spans[at][1]

    def __iter__(self) -> Iterator[Span]:
        """Yields the spans, lowest first."""
        return iter(self.spans)

    def __bool__(self) -> bool:
        """Reports whether the set has a member."""
        return bool(self.spans)

    def __eq__(self, other: object) -> bool:
        """Reports whether both sets have the same members."""
        return isinstance(other, IntervalSet) and self.spans == other.spans

    def __hash__(self) -> int:
        """Hashes by members."""
        return hash(self.spans)

    def __repr__(self) -> str:
        """Shows the first spans, and how many there are."""
        shown = ", ".join(map(repr, self.spans[:3]))
        more = f", … {len(self.spans)} spans" if len(self.spans) > 3 else ""
        return f"IntervalSet([{shown}{more}])"

    def __or__(self, other: IntervalSet) -> IntervalSet:
        """Returns the union."""
        if not other.spans:
            return self
        return IntervalSet((*self.spans, *other.spans)) if self.spans else other

    def __and__(self, other: IntervalSet) -> IntervalSet:
        """Returns the intersection."""
        few, many = (self, other) if len(self.spans) <= len(other.spans) else (other, self)
        if _are_apart(few.spans, many.spans):
            return EMPTY
        if len(few.spans) * _FEW <= len(many.spans):
            return _made([part for span in few.spans for part in _within(many, *span)])
        out: list[Span] = []
        mine, theirs = self.spans, other.spans
        i = j = 0
        while i < len(mine) and j < len(theirs):
            low = max(mine[i][0], theirs[j][0])
            high = min(mine[i][1], theirs[j][1])
            if low <= high:
                out.append((low, high))
            if mine[i][1] < theirs[j][1]:
                i += 1
            else:
                j += 1
        return _made(out)

    def begins(self) -> tuple[int, ...]:
        """Returns the lowest numbers of the spans."""
        if self._lows is None:
            self._lows = tuple([low for low, _ in self.spans])
        return self._lows

    def __sub__(self, other: IntervalSet) -> IntervalSet:
        """Returns the members of this set that the other lacks."""
        out: list[Span] = []
        theirs = other.spans
        j = 0
        for low, high in self.spans:
            start = low
            while j < len(theirs) and theirs[j][1] < start:
                j += 1
            k = j
            while k < len(theirs) and theirs[k][0] <= high:
                if theirs[k][0] > start:
                    out.append((start, theirs[k][0] - 1))
                start = theirs[k][1] + 1
                k += 1
            if start <= high:
                out.append((start, high))
        return _made(out)

    def __le__(self, other: IntervalSet) -> bool:
        """Reports whether every member of this set is a member of the other."""
        return not (self - other)

    @property
    def size(self) -> int:
        """The number of members."""
        return sum(high - low + 1 for low, high in self.spans)

    def isdisjoint(self, other: IntervalSet) -> bool:
        """Reports whether the sets share no member."""
        few, many = (self, other) if len(self.spans) <= len(other.spans) else (other, self)
        if _are_apart(few.spans, many.spans):
            return True
        begins = many.begins()
        for low, high in few.spans:
            at = bisect_right(begins, high) - 1  # the last span that begins in time
            if at >= 0 and many.spans[at][1] >= low:
                return False
        return True

    @staticmethod
    def union(sets: Iterable[IntervalSet]) -> IntervalSet:
        """Returns the union of any number of sets, sorting once."""
        return IntervalSet(span for one in sets for span in one.spans)


def _are_apart(mine: tuple[Span, ...], theirs: tuple[Span, ...]) -> bool:
    """Reports whether one set ends before the other begins; false tells nothing."""
    return not mine or not theirs or mine[-1][1] < theirs[0][0] or theirs[-1][1] < mine[0][0]


def _within(one: IntervalSet, low: int, high: int) -> list[Span]:
    """Returns what of a set lies within a span."""
    begins = one.begins()
    first, last = bisect_right(begins, low), bisect_right(begins, high)
    found = list(one.spans[first:last])
    if first and one.spans[first - 1][1] >= low:
        found.insert(0, (low, min(one.spans[first - 1][1], high)))
    if found and found[-1][1] > high:
        found[-1] = (found[-1][0], high)
    return found


def _made(spans: list[Span]) -> IntervalSet:
    """Returns the set of spans that are in order already, disjoint, and do not touch."""
    if not spans:
        return EMPTY
    found = IntervalSet()
    found.spans = tuple(spans)
    return found


EMPTY: Final = IntervalSet()
