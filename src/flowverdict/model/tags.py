"""Address data that comes with the input or with the package, each with its date."""

from __future__ import annotations

from typing import Protocol

from flowverdict.model.value import value
from flowverdict.net import IntervalSet


class ServiceTags(Protocol):
    """The public service tags: Microsoft's sets of prefixes by name."""

    @property
    def label(self) -> str:
        """What the data is and of which date, for answers that used it."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all tags, as the data spells them, in order."""
        ...

    def prefixes(self, name: str) -> IntervalSet | None:
        """Returns a tag's addresses; None for a name that the data does not have."""
        ...


@value
class InternetSpace:
    """What Azure expands the ``Internet`` tag to, before a network's own space is taken out.

    Attributes:
        addresses: IPv4 as recorded, IPv6 as inferred (policy specification, 2.2).
        label: what the data is and of which date.
    """

    addresses: IntervalSet
    label: str
