"""What is known of the addresses of flow rows: worked out once for each of them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa

from flowverdict.net import format_address, parse_address
from flowverdict.traffic.analytics.azure import AzureRanges
from flowverdict.traffic.analytics.countries import Registered
from flowverdict.traffic.analytics.kinds import METADATA, PRIVATE, SPECIAL, WIRE_SERVER, Kind
from flowverdict.traffic.analytics.links import Links
from flowverdict.traffic.analytics.sites import Sites
from flowverdict.traffic.analytics.threats import Threats

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from flowverdict.model import Estate, NetworkInterface
    from flowverdict.traffic.analytics.countries import Countries

PLACES: Final = pa.schema(
    [
        pa.field("ip", pa.string(), nullable=False),
        pa.field("scope", pa.int32(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("site", pa.int32()),
        pa.field("country", pa.string()),
        pa.field("region", pa.string()),
        pa.field("service", pa.string()),
        pa.field("tags", pa.string()),
        pa.field("about", pa.string()),
        pa.field("location", pa.string()),
        pa.field("threat", pa.string()),
        pa.field("threat_about", pa.string()),
        pa.field("domain", pa.string()),
        pa.field("url", pa.string()),
        pa.field("port", pa.int32()),
    ]
)
"""What is known of an address, seen from an interface in the network ``scope``."""

_WIRE_SERVER_NAME: Final = "Microsoft Virtual Public IP"
_GLOBAL: Final = "Global"
_FOREIGN: Final = (Kind.EXTERNAL, Kind.THREAT)


class _Place(NamedTuple):
    """A row of ``PLACES``."""

    ip: str
    scope: int
    kind: Kind
    site: int | None = None
    country: str | None = None
    region: str | None = None
    service: str | None = None
    tags: str | None = None
    about: str | None = None
    location: str | None = None
    threat: str | None = None
    threat_about: str | None = None
    domain: str | None = None
    url: str | None = None
    port: int | None = None


class Places:
    """All that is known of addresses: the estate, Microsoft's ranges, countries, threats.

    Attributes:
        sites: the places of the estate that were met so far.
        links: how they are connected.
        label: tells this knowledge from any other.
    """

    def __init__(
        self,
        estate: Estate,
        countries: Countries | None = None,
        threats: Threats | None = None,
    ) -> None:
        """Takes what is known.

        Args:
            estate: the network; of its service tags Microsoft's ranges are made.
            countries: None for those of the registries.
            threats: None for none.
        """
        self.sites = Sites(estate)
        self.links = Links(self.sites)
        self._azure = AzureRanges(estate.service_tags)
        self._countries = countries or Registered()
        self._threats = threats or Threats()
        digest = hashlib.sha256("\n".join(self.sites.lines()).encode())
        for one in (self._azure, self._countries, self._threats):
            digest.update(one.label.encode())
        self.label = digest.hexdigest()

    def observers(self) -> pa.Table:
        """Returns the interfaces that log: their network, their addresses, whether they forward."""
        rows = [
            {
                "mac": mac,
                "scope": self.sites.scope(nics),
                "addresses": _addresses(nics),
                "forwards": all(nic.ip_forwarding for nic in nics),
            }
            for mac, nics in sorted(self.sites.estate.nics_by_mac.items())
        ]
        return pa.Table.from_pylist(rows, _OBSERVERS)

    def told(self, addresses: Sequence[str], scopes: Sequence[int], day: date) -> pa.RecordBatch:
        """Returns what is known of addresses, a row each, by ``PLACES``.

        Args:
            addresses: canonical, of both families.
            scopes: the network of the interface that met it, or ``sites.NOWHERE``.
            day: on which threats have to count.
        """
        cells = [self._told(*one, day) for one in zip(addresses, scopes, strict=True)]
        foreign = [one.ip for one in cells if one.kind in _FOREIGN]
        countries = dict(zip(foreign, self._countries.of(foreign), strict=True))
        told = (
            one._replace(country=countries[one.ip], location=countries[one.ip])
            if one.kind in _FOREIGN
            else one
            for one in cells
        )
        columns: list[Any] = list(zip(*told, strict=True)) or [()] * len(PLACES)
        arrays = [pa.array(one, field.type) for one, field in zip(columns, PLACES, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, schema=PLACES)

    def _told(self, address: str, scope: int, day: date) -> _Place:
        point = parse_address(address)
        if point in WIRE_SERVER:
            about, location = _WIRE_SERVER_NAME, _GLOBAL
            return _Place(address, scope, Kind.AZURE, about=about, location=location)
        if (found := self.sites.find(point, scope)) is not None:
            return _Place(address, scope, found.kind, found.site)
        if point in PRIVATE:
            return _Place(address, scope, Kind.PRIVATE)
        if point in SPECIAL and point not in METADATA:
            return _Place(address, scope, Kind.SPECIAL)
        if (held := self._azure.at(point)) is not None or point in METADATA:
            region, service, tags = held or (None, None, None)
            kind = Kind.AZURE
            return _Place(address, scope, kind, None, None, region, service, tags, service, region)
        if (threat := self._threats.at(point, day)) is not None:
            return _Place(
                address,
                scope,
                Kind.THREAT,
                threat=threat.type,
                threat_about=threat.description,
                domain=threat.domain,
                url=threat.url,
                port=threat.port,
            )
        return _Place(address, scope, Kind.EXTERNAL)


_OBSERVERS: Final = pa.schema(
    [
        pa.field("mac", pa.string()),
        pa.field("scope", pa.int32()),
        pa.field("addresses", pa.list_(pa.string())),
        pa.field("forwards", pa.bool_()),
    ]
)


def _addresses(nics: Iterable[NetworkInterface]) -> list[str] | None:
    """Returns the addresses of interfaces; None where one has a whole block."""
    own = [one.addresses for nic in nics for one in nic.ip_configurations if one.addresses]
    if any(one.size > 1 for one in own):
        return None
    return [format_address(one.spans[0][0]) for one in own]
