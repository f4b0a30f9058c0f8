"""What Microsoft's service tags tell of a public address: its region, its service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from flowverdict.traffic.analytics.overlay import Overlay

if TYPE_CHECKING:
    from flowverdict.model import ServiceTags

_CLOUD: Final = "azurecloud"
_REGIONS: Final = {
    "brazilne": "brazilnortheast",
    "brazilse": "brazilsoutheast",
    "centralfrance": "francecentral",
    "chilec": "chilecentral",
    "germanyn": "germanynorth",
    "germanywc": "germanywestcentral",
    "norwaye": "norwayeast",
    "norwayw": "norwaywest",
    "southfrance": "francesouth",
    "switzerlandn": "switzerlandnorth",
    "switzerlandw": "switzerlandwest",
}
"""The tags of AzureCloud spell some regions in their own way."""


class Range(NamedTuple):
    """What is known of an address of Microsoft's.

    Attributes:
        region: such as ``westeurope``; None where no regional tag of AzureCloud holds it.
        service: the narrowest tag of a service, without a region; None where only AzureCloud
            holds it.
        tags: all tags that hold it, with spaces between them.
    """

    region: str | None
    service: str | None
    tags: str


class AzureRanges:
    """Microsoft's public addresses, by its service tags."""

    def __init__(self, tags: ServiceTags) -> None:
        """Takes the tags; laying some 3,300 of them over one another takes about two seconds."""
        self.label = tags.label
        found = [(name, tags.prefixes(name)) for name in tags.names]
        known = [(name, addresses) for name, addresses in found if addresses]
        self._sizes = {name: addresses.size for name, addresses in known}
        self._overlay = Overlay(known)
        self._ranges: dict[tuple[str, ...], Range] = {}

    def at(self, point: int) -> Range | None:
        """Returns what is known of an address; None if it is none of Microsoft's."""
        names = self._overlay.at(point)
        if not names:
            return None
        if names not in self._ranges:
            self._ranges[names] = self._told(names)
        return self._ranges[names]

    def _told(self, names: tuple[str, ...]) -> Range:
        split = [(name, *name.lower().partition(".")[::2]) for name in names]
        regions = {region for _, head, region in split if head == _CLOUD and region}
        region = _REGIONS.get(one, one) if len(regions) == 1 and (one := min(regions)) else None
        services = [name for name, head, region in split if head != _CLOUD and not region]
        narrowest = min(services, key=lambda name: (self._sizes[name], name), default=None)
        return Range(region, narrowest, " ".join(names))
