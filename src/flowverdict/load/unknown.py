"""The mark that stands in a JSON value in the place of what the input does not tell."""

from __future__ import annotations

from flowverdict.model.value import value


@value
class Unknown:
    """A value that is there, and that the input does not tell.

    Attributes:
        what: why, such as ``parameter `adminIp` has no value`` or ``known after apply``.
    """

    what: str
