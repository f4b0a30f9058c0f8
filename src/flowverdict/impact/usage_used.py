"""What of a rule was used: which prefixes, tags and ports recorded flows needed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from flowverdict.model import Endpoint
from flowverdict.net import (
    ALL_ADDRESSES,
    ALL_IPV4,
    ALL_PORTS,
    IntervalSet,
    NetworkTextError,
    format_address,
    format_ports,
    parse_prefix,
)

if TYPE_CHECKING:
    from flowverdict.model import Rule
    from flowverdict.policy import Standpoint

Numbers = np.ndarray[Any, np.dtype[Any]]
_MOST_PORTS: Final = 32
"""Of more different ports than these, the ranges are kept that the rule has."""
_WIDEST: Final = {False: 8, True: 16}
"""A prefix shorter than this says no more than `*`: by family, whether IPv6."""


@dataclass(frozen=True, slots=True)
class Points:
    """Addresses of flows: IPv4 as numbers, IPv6 as points of ``flowverdict.net.address``."""

    ipv4: Numbers
    ipv6: list[int]

    def within(self, held: IntervalSet) -> Points:
        """Returns those that a set holds."""
        if held == ALL_ADDRESSES:
            return self
        low = (held & ALL_IPV4).spans
        edges = np.array([edge for one in low for edge in (one[0], one[1] + 1)], np.int64)
        inside = np.searchsorted(edges, self.ipv4, "right") % 2 == 1
        return Points(self.ipv4[inside], [one for one in self.ipv6 if one in held])

    def bounds(self) -> dict[bool, tuple[int, int]]:
        """Returns the lowest and the highest, by family, whether IPv6."""
        found: dict[bool, tuple[int, int]] = {}
        if len(self.ipv4):
            found[False] = int(self.ipv4.min()), int(self.ipv4.max())
        if self.ipv6:
            found[True] = min(self.ipv6), max(self.ipv6)
        return found


@dataclass(slots=True)
class Part:
    """A prefix or a tag of a rule.

    Attributes:
        text: as written.
        addresses: what a prefix holds; None for a tag.
        bounds: by family, the lowest and the highest address that was used.
    """

    text: str
    addresses: IntervalSet | None
    bounds: dict[bool, tuple[int, int]] = field(default_factory=dict[bool, tuple[int, int]])

    @property
    def is_used(self) -> bool:
        """Reports whether a flow needed it."""
        return bool(self.bounds)

    def use(self, points: Points) -> None:
        """Takes addresses that flows had on this side, of which some may be others'."""
        if self.addresses is not None:
            points = points.within(self.addresses)
        for six, (low, high) in points.bounds().items():
            before = self.bounds.get(six, (low, high))
            self.bounds[six] = min(low, before[0]), max(high, before[1])

    def narrowed(self) -> list[str]:
        """Returns the smallest prefixes that hold what was used."""
        if self.addresses is None:
            return [self.text] if self.is_used else []
        found: list[str] = []
        for six, (low, high) in sorted(self.bounds.items()):
            prefix, length = _cover(low, high, six=six)
            if self.addresses == ALL_ADDRESSES and length < _WIDEST[six]:
                return [self.text]
            found.append(prefix)
        return found


def parts_of(endpoint: Endpoint) -> list[Part]:
    """Returns the parts of a side of a rule."""
    found: list[Part] = []
    for text in endpoint.texts:
        if text == "*" or endpoint.is_any:
            return [Part(text, ALL_ADDRESSES)]
        try:
            found.append(Part(text, parse_prefix(text)))
        except NetworkTextError:
            found.append(Part(text, None))
    return found


@dataclass(slots=True)
class Used:
    """What flows needed of a rule.

    Attributes:
        ports: whether each destination port was used.
        has_portless: packets without ports were among them.
    """

    rule: Rule
    source: list[Part]
    destination: list[Part]
    ports: Numbers = field(default_factory=lambda: np.zeros(65536, np.bool_))
    has_portless: bool = False

    def use(self, place: Standpoint, src: Points, dst: Points, ports: Numbers) -> None:
        """Takes the addresses and ports of flows that matched the rule at a place."""
        for parts, points in ((self.source, src), (self.destination, dst)):
            for one in parts:
                if one.addresses is not None:
                    one.use(points)
                elif not one.is_used:
                    one.use(_of_tag(place, one.text, points))
        self.has_portless |= bool((ports < 0).any())
        self.ports[ports[ports >= 0]] = True

    @property
    def unused(self) -> list[str]:
        """The prefixes, tags and port ranges that nothing used."""
        parts = [*self.source, *self.destination]
        found = [one.text for one in parts if not one.is_used]
        if self.has_portless:
            return found
        for low, high in self.rule.destination_ports:
            if not self.ports[low : high + 1].any():
                found += format_ports(IntervalSet([(low, high)]))
        return found

    def narrowed(self) -> Rule | None:
        """Returns a rule that matches all these flows, and as little else as can be said shortly.

        None where there is nothing to narrow. Groups stay as they are, and so do source ports.
        """
        rule = self.rule
        source = _side(rule.source, self.source)
        destination = _side(rule.destination, self.destination)
        ports = rule.destination_ports if self.has_portless else self._ports()
        found = replace(rule, source=source, destination=destination, destination_ports=ports)
        return None if found == rule else found

    def _ports(self) -> IntervalSet:
        used = np.flatnonzero(self.ports)
        if len(used) <= _MOST_PORTS:
            return IntervalSet((port, port) for port in used.tolist())
        spans = [
            one for one in self.rule.destination_ports if self.ports[one[0] : one[1] + 1].any()
        ]
        return IntervalSet(spans) if self.rule.destination_ports != ALL_PORTS else ALL_PORTS


def _side(endpoint: Endpoint, parts: list[Part]) -> Endpoint:
    if endpoint.asgs or endpoint.groups or not any(one.is_used for one in parts):
        return endpoint
    texts: list[str] = []
    prefixes: list[IntervalSet] = []
    for one in parts:
        narrowed = one.narrowed()
        texts += narrowed
        if one.addresses is not None:
            prefixes += [ALL_ADDRESSES if text == "*" else parse_prefix(text) for text in narrowed]
    texts = list(dict.fromkeys(texts))
    tags = tuple(tag for tag in endpoint.tags if tag in texts)
    if len(tags) < sum(text in texts for text in endpoint.tags):
        return endpoint
    return Endpoint(IntervalSet.union(prefixes), tags, texts=tuple(texts))


def _of_tag(place: Standpoint, tag: str, points: Points) -> Points:
    """Returns the addresses that are, or may be, in a tag."""
    (found,) = place.sets_of(Endpoint(tags=(tag,)))
    if found.service is not None:
        return points  # kept: what it stands for is the platform's
    inside = points.within(found.sure)
    if inside.bounds() or not found.doubts:
        return inside
    return points.within(IntervalSet.union(doubt.addresses for doubt in found.doubts))


def _cover(low: int, high: int, *, six: bool) -> tuple[str, int]:
    """Returns the smallest prefix with two addresses of a family, and its length."""
    offset = (1 << 32) if six else 0
    bits = ((low - offset) ^ (high - offset)).bit_length()
    base = ((low - offset) >> bits << bits) + offset
    length = (128 if six else 32) - bits
    return (format_address(base) if not bits else f"{format_address(base)}/{length}"), length
