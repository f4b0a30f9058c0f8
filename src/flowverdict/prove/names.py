"""What sets of addresses are called at a place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowverdict.net import ALL_IPV4, ALL_IPV6
from flowverdict.policy.services import HOST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowverdict.model import Estate, NetworkInterface, Rule
    from flowverdict.net import IntervalSet
    from flowverdict.policy import Standpoint


def free_addresses(estate: Estate, nic: NetworkInterface) -> dict[IntervalSet, str]:
    """Returns what the addresses are called of which an interface without one gets one."""
    left = estate.open_addresses.get(nic.id, ())
    return {one: f"any free address of {nic.subnet.name}" for one in left if nic.subnet}


def tag_names(place: Standpoint, rules: Iterable[Rule]) -> dict[IntervalSet, str]:
    """Returns the names of service tags by their addresses: of those in rules, and common ones."""
    used = [tag for one in rules for tag in (*one.source.tags, *one.destination.tags)]
    found: dict[IntervalSet, str] = {}
    for name in dict.fromkeys(("Internet", "VirtualNetwork", *used)):
        addresses = place.tag(name).sure
        four = addresses & ALL_IPV4
        for some in (addresses, four, four - HOST, addresses & ALL_IPV6):
            if some:  # the host's own address is in several tags: without it they go by their name
                found.setdefault(some, name)
    for name in ("VirtualNetwork", "Internet"):
        addresses = place.tag(name).sure
        for family in (ALL_IPV4, ALL_IPV6):
            if addresses & family and (rest := family - addresses):
                found.setdefault(rest, f"any but {name}")
    return found
