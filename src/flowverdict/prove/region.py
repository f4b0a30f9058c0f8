"""Exact sets of packets.

A packet has a protocol, two addresses of one family, and with TCP and UDP two ports. A region is a
decision diagram over these fields (``diagram``): every set that rules can describe has one form,
however it came about, and sets are never rounded.
"""

from __future__ import annotations

from itertools import zip_longest
from math import prod
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from flowverdict.model import Direction
from flowverdict.net import (
    ALL_ADDRESSES,
    ALL_IPV4,
    ALL_IPV6,
    ALL_PORTS,
    ALL_PROTOCOLS,
    EMPTY,
    PORTED,
    IntervalSet,
    Packet,
    has_ports,
)
from flowverdict.prove.diagram import Node, Store, beside_all, combined, folded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

NO_PORT: Final = 65536
"""Stands for the ports of protocols that have none."""
PORTLESS: Final = IntervalSet([(NO_PORT, NO_PORT)])
WITH_PORTS: Final = IntervalSet((one, one) for one in PORTED)
WITHOUT_PORTS: Final = ALL_PROTOCOLS - WITH_PORTS


class Box(NamedTuple):
    """Packets whose fields are any combination of some values; the fields of the diagrams.

    Attributes:
        protocols: with ports or without, not both.
        sources: of one address family.
        destinations: of the same one.
        ports: destination ports; ``NO_PORT`` alone where the protocols have none.
        source_ports: likewise.
    """

    protocols: IntervalSet
    sources: IntervalSet
    destinations: IntervalSet
    ports: IntervalSet
    source_ports: IntervalSet

    @property
    def size(self) -> int:
        """How many combinations there are."""
        return prod(one.size for one in self)

    def __and__(self, other: Box) -> Box:
        """Returns the packets of both."""
        return Box(*(one & two for one, two in zip(self, other, strict=True)))


DEPTH: Final = len(Box._fields)


class Region:
    """An exact set of packets; immutable."""

    __slots__ = ("_node", "_parts")

    def __init__(self, node: Node | None) -> None:
        """Takes a diagram whose leaves are true; None for no packet at all."""
        self._node: Node | None = node
        self._parts: tuple[Box, ...] | None = None

    @property
    def node(self) -> Node | None:
        """A diagram whose leaves are true; None for no packet at all."""
        if self._node is None and self._parts:
            store = Store()
            self._node = beside_all(store, [store.product(one, leaf=True) for one in self._parts])
        return self._node

    @classmethod
    def of_disjoint(cls, *boxes: Box) -> Region:
        """Returns the packets of boxes that share none; the diagram is made when it is needed."""
        found = cls(None)
        found._parts = tuple(boxes)
        return found

    def disjoint(self) -> Iterable[Box]:
        """Returns disjoint boxes that make up the region, in any order."""
        return self.boxes() if self._parts is None else self._parts

    @classmethod
    def of_boxes(cls, *boxes: Box) -> Region:
        """Returns the packets of some boxes."""
        return together([cls(Store().product(box, leaf=True)) for box in boxes if all(box)])

    @classmethod
    def of_packet(cls, packet: Packet) -> Region:
        """Returns the region of one packet; one without a source port stands for its lowest."""
        return cls.of_boxes(Box(*(IntervalSet([(one, one)]) for one in fields_of(packet))))

    def __bool__(self) -> bool:
        """Reports whether there is a packet."""
        return bool(self._parts) or self._node is not None

    def __contains__(self, packet: Packet) -> bool:
        """Reports whether a packet is in it; one without a source port if it is with every port."""
        fields = fields_of(packet)
        if packet.src_port is None and has_ports(packet.protocol):
            last = behind(self.node, fields[:-1])
            return last is not None and [one[:2] for one in last.edges] == [(0, NO_PORT - 1)]
        return behind(self.node, fields) is not None

    def __eq__(self, other: object) -> bool:
        """Reports whether both have the same packets."""
        return isinstance(other, Region) and _equal(self.node, other.node)

    def __hash__(self) -> int:
        """Hashes by members."""
        return int(folded(self.node, lambda edges: hash(tuple(edges))))

    def __repr__(self) -> str:
        """Shows how many boxes there are."""
        return f"Region({self.size:,} packets)"

    def __or__(self, other: Region) -> Region:
        """Returns the packets of either."""
        return self._with(other, lambda one, two: one or two)

    def __and__(self, other: Region) -> Region:
        """Returns the packets of both."""
        return self._with(other, lambda one, two: (one and two) or None)

    def __sub__(self, other: Region) -> Region:
        """Returns the packets that the other lacks."""
        return self._with(other, lambda one, two: None if two else one)

    def __le__(self, other: Region) -> bool:
        """Reports whether the other has every packet of this one."""
        return not (self - other)

    def _with(self, other: Region, join: Callable[[Any, Any], Any]) -> Region:
        return Region(combined(Store(), DEPTH, self.node, other.node, join))

    def boxes(self) -> Iterator[Box]:
        """Yields disjoint boxes that make up the region, in the order of their fields."""
        for values, _ in paths(self.node):
            yield Box(*values)

    @property
    def size(self) -> int:
        """How many packets there are."""
        return int(folded(self.node, _count))

    def values(self, field: str) -> IntervalSet:
        """Returns the values that a field of ``Box`` has in some packet of the region."""
        level = Box._fields.index(field)
        nodes = {id(self.node): self.node} if self.node else {}
        for _ in range(level):
            nodes = {id(edge[2]): edge[2] for one in nodes.values() for edge in one.edges}
        return IntervalSet(edge[:2] for one in nodes.values() for edge in one.edges)


NOTHING: Final = Region(None)


def packets(
    *,
    protocols: IntervalSet = ALL_PROTOCOLS,
    sources: IntervalSet = ALL_ADDRESSES,
    destinations: IntervalSet = ALL_ADDRESSES,
    ports: IntervalSet = ALL_PORTS,
    source_ports: IntervalSet = ALL_PORTS,
) -> Region:
    """Returns the packets whose fields have some values.

    Args:
        protocols: by their numbers.
        sources: addresses of both families.
        destinations: likewise; only packets within a family exist.
        ports: destination ports. Packets of protocols without ports belong to the region only if
            these and the source ports are all ports.
        source_ports: likewise.
    """
    whole = ports == ALL_PORTS and source_ports == ALL_PORTS
    ported = _within(protocols, WITH_PORTS)
    portless = _within(protocols, WITHOUT_PORTS) if whole else EMPTY
    found: list[Box] = []
    for family in (ALL_IPV4, ALL_IPV6):
        ends = _within(sources, family), _within(destinations, family)
        if not all(ends):
            continue
        if ported and ports and source_ports:
            found.append(Box(ported, *ends, ports, source_ports))
        if portless:
            found.append(Box(portless, *ends, PORTLESS, PORTLESS))
    return Region.of_disjoint(*found)


def local_end(way: Direction, addresses: IntervalSet) -> Region:
    """Returns the packets that meet an interface with one of some addresses."""
    if way is Direction.INBOUND:
        return packets(destinations=addresses)
    return packets(sources=addresses)


def local_addresses(way: Direction, region: Region) -> IntervalSet:
    """Returns the interface's addresses in packets that meet it."""
    return region.values("destinations" if way is Direction.INBOUND else "sources")


def _count(edges: list[tuple[int, int, Any]]) -> int:
    return sum((high - low + 1) * int(behind) for low, high, behind in edges)


def _within(values: IntervalSet, others: IntervalSet) -> IntervalSet:
    """Returns the values among others; the same object where all of them are."""
    found = values & others
    return values if found == values else found


def together(regions: Sequence[Region]) -> Region:
    """Returns the packets of any of many regions."""
    left = [one for one in regions if one]
    while len(left) > 1:
        left = [one | other for one, other in zip_longest(left[::2], left[1::2], fillvalue=NOTHING)]
    return left[0] if left else NOTHING


def fields_of(packet: Packet) -> tuple[int, int, int, int, int]:
    """Returns a packet's fields in the order of ``Box``; without a source port the lowest."""
    if not has_ports(packet.protocol):
        return packet.protocol, packet.src, packet.dst, NO_PORT, NO_PORT
    assert packet.dst_port is not None
    return packet.protocol, packet.src, packet.dst, packet.dst_port, packet.src_port or 0


def packet_of(fields: tuple[int, ...]) -> Packet:
    """Returns the packet with some fields, in the order of ``Box``."""
    protocol, src, dst, port, source_port = fields
    if port == NO_PORT:
        return Packet(protocol, src, dst)
    return Packet(protocol, src, dst, source_port, port)


def paths(node: Node | None) -> Iterator[tuple[tuple[IntervalSet, ...], Any]]:
    """Yields the ways through a diagram: a set of values of each field, and the leaf."""
    if node is None:
        return
    behind: dict[int, tuple[Any, list[tuple[int, int]]]] = {}
    for low, high, child in node.edges:
        behind.setdefault(id(child), (child, []))[1].append((low, high))
    for child, spans in behind.values():
        values = IntervalSet(spans)
        if isinstance(child, Node):
            for others, leaf in paths(child):
                yield (values, *others), leaf
        else:
            yield (values,), child


def leaves(node: Node | None) -> Iterator[Any]:
    """Yields the leaves of a diagram, each at least once and seldom more often."""
    seen: set[int] = set()
    left: list[Any] = [node]
    while left:
        one = left.pop()
        if isinstance(one, Node):
            for *_, child in one.edges:
                if id(child) not in seen:
                    seen.add(id(child))
                    left.append(child)
        elif one is not None:
            yield one


def behind(node: Node | None, fields: Iterable[int]) -> Any:
    """Returns what follows from the values of the first fields; None outside of the function."""
    at: Any = node
    for value in fields:
        if at is None:
            return None
        at = next((child for low, high, child in at.edges if low <= value <= high), None)
    return at


def _equal(one: Any, other: Any) -> bool:
    known: set[tuple[int, int]] = set()

    def same(left: Any, right: Any) -> bool:
        if left is right or (id(left), id(right)) in known:
            return True
        if not (isinstance(left, Node) and isinstance(right, Node)):
            return False
        if len(left.edges) != len(right.edges):
            return False
        if not all(
            a[:2] == b[:2] and same(a[2], b[2])
            for a, b in zip(left.edges, right.edges, strict=True)
        ):
            return False
        known.add((id(left), id(right)))
        return True

    return same(one, other)


ALL_PACKETS: Final = packets()
