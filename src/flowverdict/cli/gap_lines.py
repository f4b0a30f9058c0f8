"""Interfaces and hours without a row, as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowverdict.prove.text import few

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.impact.gaps import Gaps

_MOST_NAMES: Final = 5


def gap_lines(missing: list[Gaps]) -> Iterator[str]:
    """Yields a line for interfaces without a row, and one for those without rows of some hours."""
    for never, when in ((True, "any row"), (False, "rows of some hours")):
        some = [one for one in missing if (one.missing == one.hours) == never]
        if some:
            names = few([f"`{one.nic.id.name}`" for one in some], _MOST_NAMES)
            yield f"{when} of {names}: idle or not logged"
