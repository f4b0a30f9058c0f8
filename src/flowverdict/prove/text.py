"""Regions as a person would write them down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowverdict.net import (
    ALL_ADDRESSES,
    ALL_IPV4,
    ALL_IPV6,
    ALL_PORTS,
    format_addresses,
    format_ports,
    protocol_name,
)
from flowverdict.prove.region import NO_PORT, PORTLESS, WITH_PORTS, WITHOUT_PORTS, Box

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from flowverdict.net import IntervalSet
    from flowverdict.prove.region import Region

_MOST: Final = 4
_NOBODY: Final[dict[IntervalSet, str]] = {}


def lines(region: Region, names: Mapping[IntervalSet, str] = _NOBODY) -> list[str]:
    """Returns a region in lines such as ``TCP 22, 3389 from Internet to 10.0.0.4``.

    Args:
        region: the packets.
        names: what some sets of addresses are called, service tags for example.
    """
    found: dict[str, None] = {}
    for box in _merged(list(region.boxes())):
        source, target = (_addresses(one, names) for one in (box.sources, box.destinations))
        found[f"{_kind(box)} from {source} to {target}"] = None
    return list(found)


def _merged(boxes: list[Box]) -> Iterator[Box]:
    """Puts packets with ports and those without together where they are all of both kinds."""
    every = {
        box._replace(protocols=WITH_PORTS, ports=ALL_PORTS, source_ports=ALL_PORTS)
        for box in boxes
        if box.protocols == WITHOUT_PORTS
    }
    for box in boxes:
        whole = box._replace(protocols=WITH_PORTS, ports=ALL_PORTS, source_ports=ALL_PORTS)
        if box.protocols == WITHOUT_PORTS and whole in boxes:
            continue
        yield box._replace(protocols=WITH_PORTS | WITHOUT_PORTS) if box in every else box


def _kind(box: Box) -> str:
    if box.protocols == WITH_PORTS | WITHOUT_PORTS:
        return "any protocol"
    if box.protocols == WITHOUT_PORTS:
        return "any protocol but TCP and UDP"
    numbers = [one for low, high in box.protocols for one in range(low, high + 1)]
    kind = few([protocol_name(one) for one in numbers])
    if box.ports not in (ALL_PORTS, PORTLESS):
        kind += f" {few(format_ports(box.ports))}"
    if box.source_ports not in (ALL_PORTS, PORTLESS) and NO_PORT not in box.source_ports:
        kind += f" (source ports {few(format_ports(box.source_ports))})"
    return kind


def _addresses(addresses: IntervalSet, names: Mapping[IntervalSet, str]) -> str:
    if addresses in names:
        return names[addresses]
    if addresses in (ALL_ADDRESSES, ALL_IPV4, ALL_IPV6):
        return "any"
    return few(format_addresses(addresses))


def few(texts: Sequence[str], most: int = _MOST) -> str:
    """Returns some texts in a row, the first few of many, and how many more there are."""
    more = f" and {len(texts) - most:,} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more
