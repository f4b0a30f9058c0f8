"""Sets of addresses that may be known in part."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from flowverdict.model.value import value
from flowverdict.net import IntervalSet, format_address

if TYPE_CHECKING:
    from flowverdict.policy.services import PlatformService
    from flowverdict.policy.worlds import World


@value
class Part:
    """Addresses that are in a set, and why.

    Attributes:
        assumed: what is taken for granted in saying so; empty where a document says so.
        data: the dated data that the addresses came from.
    """

    addresses: IntervalSet
    why: str
    assumed: str = ""
    data: str = ""


@value
class Doubt:
    """Addresses that may be in a set: they are if the missing fact is as ``member_if`` says."""

    addresses: IntervalSet
    what: str
    member_if: bool = True


@dataclass(frozen=True)
class AddressSet:
    """A set of addresses with its origins and its doubts.

    Attributes:
        parts: what is in the set.
        doubts: what may be in it; with ``member_if`` false, what of the parts may not be.
        data: the dated data that it came from; empty for the user's own resources.
        service: the platform service it stands for, whose packets alone it matches.
    """

    parts: tuple[Part, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    data: str = ""
    service: PlatformService | None = None

    @cached_property
    def sure(self) -> IntervalSet:
        """The addresses of all parts."""
        return IntervalSet.union(part.addresses for part in self.parts)

    def contains(self, address: int, world: World) -> bool:
        """Reports whether an address is in the set, asking the world where it is not known."""
        if address in self.sure:
            return not any(
                world.ask(doubt.what, format_address(address))
                for doubt in self.doubts
                if not doubt.member_if and address in doubt.addresses
            )
        return any(
            world.ask(doubt.what, format_address(address))
            for doubt in self.doubts
            if doubt.member_if and address in doubt.addresses
        )

    def part_of(self, address: int) -> Part | None:
        """Returns the part that holds an address; None where none does."""
        return next((part for part in self.parts if address in part.addresses), None)
