"""How far a failure goes, written down so that a later run can tell whether it goes further.

The packets are written exactly, as boxes of one address family, with words for what moves while
nobody is let in who was not: `*` for all addresses of the interface, whichever it has, and service
tags, of the claim and of the rule, with what comes to them and what is taken out. The words mean
what they mean at the later run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flowverdict.model import Direction
from flowverdict.net import (
    ALL_IPV4,
    ALL_IPV6,
    ALL_PORTS,
    IntervalSet,
    NetworkTextError,
    Protocol,
    format_addresses,
    format_ports,
    is_ipv6,
    parse_ports,
    parse_prefix,
    parse_prefixes,
)
from flowverdict.prove.region import PORTLESS, WITHOUT_PORTS, Box, Region

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_FAMILIES: Final = {"IPv4": ALL_IPV4, "IPv6": ALL_IPV6}
_ALL: Final = "*"
_MOST_BESIDE: Final = 16
_PORTLESS: Final = "any but TCP and UDP"
_NUMBERS: Final = {one.name.lower(): str(int(one)) for one in Protocol}
_NAMES: Final = {int(one): one.name for one in Protocol}


@dataclass(frozen=True, slots=True)
class Extent:
    """The packets of a failure.

    Attributes:
        region: all of them.
        direction: how they meet the interface.
        local: all addresses of the interface.
        words: addresses of the other side that go by a name.
        tag: returns the addresses of any service tag; none for what is none.
    """

    region: Region
    direction: Direction
    local: IntervalSet
    words: Mapping[str, IntervalSet]
    tag: Callable[[str], IntervalSet]

    def written(self) -> list[dict[str, str]]:
        """Returns the packets as texts, exactly."""
        return [self._written(box) for box in self.region.boxes()]

    def are_within(self, written: Sequence[Mapping[str, str]]) -> bool:
        """Reports whether they are all among packets that were written down.

        A part that cannot be read, or has words that mean nobody any more, holds none.
        """
        boxes = [box for part in written if (box := self._box(part)) is not None]
        return self.region <= Region.of_boxes(*boxes)

    def _written(self, box: Box) -> dict[str, str]:
        family = "IPv6" if is_ipv6(box.sources.spans[0][0]) else "IPv4"
        local, remote = box.destinations, box.sources
        if self.direction is Direction.OUTBOUND:
            local, remote = remote, local
        whole = _FAMILIES[family]
        told = {"family": family, "protocol": _protocols(box.protocols)}
        if box.ports != PORTLESS:
            told["ports"] = ", ".join(format_ports(box.ports))
            if box.source_ports != ALL_PORTS:
                told["source_ports"] = ", ".join(format_ports(box.source_ports))
        told["local"] = _ALL if local == self.local & whole else _listed(local)
        told["remote"] = self._named(remote, whole)
        return told

    def _named(self, remote: IntervalSet, whole: IntervalSet) -> str:
        """Returns addresses of a family by the word that needs the fewest prefixes beside it."""
        best, found = _MOST_BESIDE + 1, ""
        for word, addresses in self.words.items():
            some = addresses & whole
            if some == remote:
                return word
            if "," in word or some.isdisjoint(remote):
                continue
            more, less = remote - some, some - remote
            count = len(more.spans) + len(less.spans)
            if count < best:
                beside = (*format_addresses(more), *(f"!{one}" for one in format_addresses(less)))
                best, found = count, ", ".join((word, *beside))
        listed = _listed(remote)
        return found if found and len(found) < len(listed) else listed

    def _box(self, part: Mapping[str, str]) -> Box | None:
        try:
            whole = _FAMILIES[part["family"]]
            protocols = _numbers(part["protocol"])
            local = self.local if part["local"] == _ALL else _prefixes(part["local"])
            remote = self._addresses(part["remote"])
            ports = source_ports = PORTLESS
            if "ports" in part:
                ports = _ports(part["ports"])
                source_ports = _ports(part.get("source_ports", _ALL))
        except (KeyError, NetworkTextError, ValueError):
            return None
        source, target = remote & whole, local & whole
        if self.direction is Direction.OUTBOUND:
            source, target = target, source
        is_ported = protocols.isdisjoint(WITHOUT_PORTS)
        if is_ported != ("ports" in part) or not (is_ported or protocols <= WITHOUT_PORTS):
            return None
        return Box(protocols, source, target, ports, source_ports)

    def _addresses(self, text: str) -> IntervalSet:
        """Returns the addresses of the other side that a text names.

        Raises:
            NetworkTextError: it names none.
        """
        if text in self.words:
            return self.words[text]
        more: list[IntervalSet] = []
        less: list[IntervalSet] = []
        for one in text.split(", "):
            (less if one.startswith("!") else more).append(self._item(one.removeprefix("!")))
        return IntervalSet.union(more) - IntervalSet.union(less)

    def _item(self, text: str) -> IntervalSet:
        if text in self.words:
            return self.words[text]
        try:
            return parse_prefix(text)
        except NetworkTextError:
            if addresses := self.tag(text):
                return addresses
            raise


def _protocols(numbers: IntervalSet) -> str:
    if numbers == WITHOUT_PORTS:
        return _PORTLESS
    return ", ".join(
        _NAMES.get(low, str(low)) if low == high else f"{low}-{high}" for low, high in numbers
    )


def _numbers(text: str) -> IntervalSet:
    if text == _PORTLESS:
        return WITHOUT_PORTS
    return _ports(", ".join(_NUMBERS.get(one.lower(), one) for one in text.split(", ")))


def _ports(text: str) -> IntervalSet:
    return parse_ports(text.split(", "))


def _listed(addresses: IntervalSet) -> str:
    return ", ".join(format_addresses(addresses))


def _prefixes(text: str) -> IntervalSet:
    return parse_prefixes(text.split(", "))
