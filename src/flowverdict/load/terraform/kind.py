"""What the tables of types hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowverdict.load.terraform.fields import same
from flowverdict.load.terraform.world import Named
from flowverdict.model.value import value

if TYPE_CHECKING:
    from flowverdict.load.terraform.fields import Fields

TAGS: Final[Fields] = {"location": same("location"), "tags": same("tags")}
"""The fields that nearly every resource has."""


@value
class Kind:
    """A type of resources.

    Attributes:
        named: how its ids are made.
        fields: the fields of the body, and what fills each.
        inline: blocks that are resources of their own in Azure: name of the block, their ARM type
            and their fields.
    """

    named: Named
    fields: Fields
    inline: tuple[tuple[str, str, Fields], ...] = ()


@value
class Tie:
    """A type of resources that only ties two others together.

    Attributes:
        slot: what of the first the second becomes: ``nsg``, ``route_table`` or ``asgs``.
        target: the attribute with the id of the first, and its type.
        value: the attribute with the id of the second, and its type.
    """

    slot: str
    target: tuple[str, str]
    value: tuple[str, str]
