"""Names for addresses: the subnet in an estate, else the surrounding prefix, else the internet."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

from flowverdict.net import PRIVATE, NetworkTextError, parse_address, parse_prefixes
from flowverdict.traffic.analytics.overlay import Overlay

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
        self._subnets: Overlay[str] = Overlay(())
        if estate is None:
            return
        for point, nics in estate.nics_by_address.items():
            subnets = {nic.subnet for nic in nics if nic.subnet}
            if subnets:
                only = subnets.pop()
                self._of_nics[point] = UNCLEAR if subnets else short(only)
            if len(nics) == 1:
                self._hosts[point] = (nics[0].vm or nics[0].id).name
        self._subnets = Overlay(
            (short(one.id), one.prefixes) for one in estate.resources.subnets.values()
        )

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
        subnets = set(self._subnets.at(point))
        subnet = UNCLEAR if len(subnets) > 1 else "".join(subnets)
        found = self._of_nics.get(point) or subnet
        return found or (_around(address) if point in PRIVATE else INTERNET)


def short(subnet: ResourceId) -> str:
    """Returns a subnet's name behind that of its network."""
    return f"{subnet.parent.name}/{subnet.name}"


def _around(address: str) -> str:
    length = _LENGTHS[":" in address]
    return str(ip_network((address, length), strict=False))
