"""What is known of the addresses of flow rows: worked out once for each of them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

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
    from flowverdict.traffic.analytics.threats import Threat

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
        rows = [self._told(*one, day) for one in zip(addresses, scopes, strict=True)]
        foreign = [row["ip"] for row in rows if row["kind"] in _FOREIGN]
        countries = dict(zip(foreign, self._countries.of(foreign), strict=True))
        for row in rows:
            if row["kind"] in _FOREIGN:
                row["country"] = row["location"] = countries[row["ip"]]
        return pa.RecordBatch.from_pylist(rows, PLACES)

    def _told(self, address: str, scope: int, day: date) -> dict[str, Any]:
        row: dict[str, Any] = {"ip": address, "scope": scope}
        point = parse_address(address)
        if point in WIRE_SERVER:
            about = {"about": _WIRE_SERVER_NAME, "location": _GLOBAL}
            return row | about | {"kind": Kind.AZURE}
        if (found := self.sites.find(point, scope)) is not None:
            return row | {"kind": found.kind, "site": found.site}
        if point in METADATA:
            return row | {"kind": Kind.AZURE, **self._azure_cells(point)}
        if point in PRIVATE or point in SPECIAL:
            return row | {"kind": Kind.PRIVATE if point in PRIVATE else Kind.SPECIAL}
        if cells := self._azure_cells(point):
            return row | {"kind": Kind.AZURE, **cells}
        if (threat := self._threats.at(point, day)) is not None:
            return row | {"kind": Kind.THREAT, **_threat_cells(threat)}
        return row | {"kind": Kind.EXTERNAL}

    def _azure_cells(self, point: int) -> dict[str, Any]:
        found = self._azure.at(point)
        if found is None:
            return {}
        return {
            "region": found.region,
            "service": found.service,
            "tags": found.tags,
            "about": found.service,
            "location": found.region,
        }


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


def _threat_cells(threat: Threat) -> dict[str, Any]:
    return {
        "threat": threat.type,
        "threat_about": threat.description,
        "domain": threat.domain,
        "url": threat.url,
        "port": threat.port,
    }
