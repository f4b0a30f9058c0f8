"""Names for addresses: the subnet in an estate, else the surrounding prefix, else the internet."""

from __future__ import annotations

from bisect import bisect_right
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

from flowverdict.net import (
    PRIVATE,
    IntervalSet,
    NetworkTextError,
    parse_address,
    parse_prefixes,
)

if TYPE_CHECKING:
    from flowverdict.model import Estate, ResourceId

INTERNET: Final = "Internet"
OTHERS: Final = "others"
PLATFORM: Final = "Azure platform"
UNCLEAR: Final = "several networks"

_PLATFORM: Final = parse_prefixes(["168.63.129.16/32", "169.254.0.0/16", "fe80::/10"])
_LENGTHS: Final = {False: 24, True: 64}
"""How long the prefix is that stands for a network, by whether it is one of IPv6."""


class Places:
    """Where addresses are.

    Args:
        estate: whose subnets give the names; None for prefixes alone.
    """

    def __init__(self, estate: Estate | None = None) -> None:
        self._names: dict[str, str] = {}
        self._of_nics: dict[int, str] = {}
        self._hosts: dict[int, str] = {}
        self._starts: list[int] = []
        self._segments: list[str] = []
        if estate is None:
            return
        for point, nics in estate.nics_by_address.items():
            subnets = {nic.subnet for nic in nics if nic.subnet}
            if subnets:
                only = subnets.pop()
                self._of_nics[point] = UNCLEAR if subnets else short(only)
            if len(nics) == 1:
                self._hosts[point] = (nics[0].vm or nics[0].id).name
        prefixes = [
            (short(one.id), one.prefixes)
            for one in estate.resources.subnets.values()
            if one.prefixes
        ]
        self._lay_out(prefixes)

    def _lay_out(self, prefixes: list[tuple[str, IntervalSet]]) -> None:
        """Cuts the space where a prefix begins or ends: each piece has a name, or none."""
        changes: dict[int, list[tuple[bool, str]]] = {}
        for name, addresses in prefixes:
            for low, high in addresses:
                changes.setdefault(low, []).append((True, name))
                changes.setdefault(high + 1, []).append((False, name))
        inside: list[str] = []
        for point in sorted(changes):
            for begins, name in changes[point]:
                if begins:
                    inside.append(name)
                else:
                    inside.remove(name)
            self._starts.append(point)
            self._segments.append(UNCLEAR if len(set(inside)) > 1 else "".join(inside[:1]))

    def name(self, address: str) -> str:
        """Returns the name of the place of an address; the text itself, if it is no address."""
        found = self._names.get(address)
        if found is None:
            found = self._names[address] = self._find(address)
        return found

    def host(self, address: str) -> str:
        """Returns the name of the machine, or else of the interface, that has an address.

        Empty where none is known to have it, or several have.
        """
        try:
            return self._hosts.get(parse_address(address), "")
        except NetworkTextError:
            return ""

    def _find(self, address: str) -> str:
        try:
            point = parse_address(address)
        except NetworkTextError:
            return address  # ``INTERNET`` itself is one
        if point in _PLATFORM:
            return PLATFORM
        at = bisect_right(self._starts, point) - 1
        found = self._of_nics.get(point) or (self._segments[at] if at >= 0 else "")
        return found or (_around(address) if point in PRIVATE else INTERNET)


def short(subnet: ResourceId) -> str:
    """Returns a subnet's name behind that of its network."""
    return f"{subnet.parent.name}/{subnet.name}"


def _around(address: str) -> str:
    length = _LENGTHS[":" in address]
    return str(ip_network((address, length), strict=False))
