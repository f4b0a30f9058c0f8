"""Interfaces that have no address yet: each gets one of its subnet, and it is not known which.

A claim holds if it does for every address that the interface may get, and fails if it does for
none. Where it hangs on which one it gets, it is not known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowverdict.model import Direction
from flowverdict.net import IntervalSet
from flowverdict.prove.region import local_addresses

if TYPE_CHECKING:
    from flowverdict.model import Estate, NetworkInterface
    from flowverdict.prove.region import Region


def is_open(estate: Estate, nic: NetworkInterface) -> bool:
    """Reports whether an interface may get one of several addresses."""
    return nic.id in estate.open_addresses


def whichever(estate: Estate, nic: NetworkInterface, way: Direction, region: Region) -> bool:
    """Reports whether some packets of a region meet an interface whichever addresses it gets."""
    if not region:
        return False
    seen = local_addresses(way, region)
    if not seen.isdisjoint(nic.addresses):
        return True
    return any(one <= seen for one in estate.open_addresses.get(nic.id, ()))


def which(nic: NetworkInterface) -> str:
    """Names what is missing where a claim hangs on which address an interface gets."""
    subnet = f" `{nic.subnet.name}`" if nic.subnet else ""
    return f"private address of `{nic.id}`: the answer hangs on which of its subnet{subnet} it gets"


def may_be_given(estate: Estate) -> IntervalSet:
    """Returns the addresses that some interface without one may get."""
    return IntervalSet.union(one for some in estate.open_addresses.values() for one in some)
