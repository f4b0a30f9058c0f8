"""Stages as records and rows of bits.

A stage has a bit for each test, and for each field rows of bits: which tests a value passes. Rows
of addresses come in three planes: tests that may match, tests that ask for a missing fact, and
tests that match whatever is missing. Topology tags are rows of their own, so that an NSG's tables
are the same at every place.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from flowverdict.net import ALL_PORTS, IntervalSet
from flowverdict.stages import Test

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flowverdict.classify.atoms import Cuts
    from flowverdict.stages import Side, Stage

Numbers = np.ndarray[Any, np.dtype[Any]]

MOST_CUTS_TO_SEARCH: Final = 64
"""Above, a side has an entry for each atom of the estate; few stages have so many cuts."""
SMALL: Final = 1 << 20
"""Entries of all stages together up to which every side has one for each atom."""


def _planes_of(states: list[int]) -> Numbers:
    """Returns all ones for each state and plane in which what has the state has bits."""
    planes = [(value != 0, value == 3, value == 1) for value in states]
    return np.array(planes).astype(np.uint64)[..., None] * np.uint64(2**64 - 1)


_IN_NETWORK: Final = _planes_of([state & 3 for state in range(16)])
_IN_INTERNET: Final = _planes_of([state >> 2 for state in range(16)])


class Pool:
    """Arrays one behind the other."""

    def __init__(self, kind: type[np.generic]) -> None:
        self._kind = kind
        self._parts: list[Numbers] = []
        self._size = 0

    def add(self, part: Numbers) -> int:
        """Appends an array, whatever its shape, and returns where it begins."""
        at = self._size
        self._parts.append(np.ascontiguousarray(part, self._kind).ravel())
        self._size += part.size
        return at

    def whole(self) -> Numbers:
        """Returns everything as one array; never empty."""
        return np.concatenate([*self._parts, np.zeros(1, self._kind)])


class Records:
    """Writes stages into pools."""

    def __init__(
        self,
        addresses: Cuts,
        ports: Cuts,
        protocols: Cuts,
        stages: int,
        outcome: Callable[[Test], int],
    ) -> None:
        self._addresses = addresses
        self._ports = ports
        self._protocols = protocols
        self._outcome = outcome
        entries = 2 * stages * (addresses.count + ports.count)
        self._most = MOST_CUTS_TO_SEARCH if entries > SMALL else 0
        self._port_rows: dict[tuple[IntervalSet | bool, ...], tuple[int, ...]] = {}
        self.lines = Pool(np.int32)
        self.words = Pool(np.uint64)

    def stage(self, stage: Stage) -> list[int]:
        """Returns a stage's record."""
        tests = stage.tests
        wide = max(1, -(-len(tests) // 64))
        columns: list[tuple[Any, ...]] = [*zip(*tests, strict=True)] or [()] * len(Test._fields)
        column = dict(zip(Test._fields, columns, strict=True))
        sides = column["src"], column["dst"]
        has_doubts = any(one.asks or one.likely for some in sides for one in some)
        protocols = [self._protocols.spans(one) for one in column["protocols"]]
        some_ports = [one != ALL_PORTS for one in column["src_ports"]]
        has_tags = any(one.in_network or one.in_internet for some in sides for one in some)
        from_ports = any(some_ports) or not all(column["without_src_port"])
        return [
            wide,
            has_doubts | any(column["asks"]) << 1 | has_tags << 2 | from_ports << 3,
            self.words.add(set_bits(protocols, np.arange(self._protocols.count), wide)),
            *self._port(column["dst_ports"], column["without_dst_port"], wide),
            *self._port(column["src_ports"], column["without_src_port"], wide),
            self.words.add(_bits(some_ports, wide)),
            self.words.add(_bits(column["asks"], wide)),
            *self._side(column["src"], wide, has_doubts=has_doubts),
            *self._side(column["dst"], wide, has_doubts=has_doubts),
            self.lines.add(np.array(column["action"], np.int32)),
            self.lines.add(np.array([self._outcome(one) for one in tests], np.int32)),
        ]

    def _port(
        self, sets: Sequence[IntervalSet], without: Sequence[bool], wide: int
    ) -> tuple[int, ...]:
        """Adds rows of ports: size of the search, lines, rows.

        The atom behind the last port stands for no port, the next one for any port.
        """
        key = (*sets, *without)  # source ports are the same nearly everywhere: any
        if key not in self._port_rows:
            self._port_rows[key] = self._make_ports(sets, without, wide)
        return self._port_rows[key]

    def _make_ports(
        self, sets: Sequence[IntervalSet], without: Sequence[bool], wide: int
    ) -> tuple[int, ...]:
        spans = [self._ports.spans(one) for one in sets]
        none = self._ports.count - 1
        local = _local([*spans, [none, none + 1]])
        rows = set_bits(spans, local, wide)
        rows[-2] = _bits(without, wide)
        rows[-1] = _bits([bool(one) for one in sets], wide)
        search, lines = _search(local, none + 2, self._most)
        return search, self.lines.add(lines), self.words.add(rows)

    def _side(self, sides: Sequence[Side], wide: int, *, has_doubts: bool) -> tuple[int, ...]:
        """Adds rows of addresses: size of the search, lines, rows, size of a plane, topology."""
        spans = [
            [self._addresses.spans(getattr(one, plane)) for one in sides]
            for plane in (("sure", "asks", "likely") if has_doubts else ("sure",))
        ]
        local = _local([one for some in spans for one in some])
        planes = np.stack([set_bits(some, local, wide) for some in spans])
        if has_doubts:
            sure, asks, likely = planes
            planes = np.stack([sure | asks | likely, asks, sure])
        search, lines = _search(local, self._addresses.count, self._most)
        if not search:
            together = planes.transpose(1, 0, 2).reshape(len(local), -1)
            distinct, inverse = np.unique(together, axis=0, return_inverse=True)
            lines = inverse.ravel()[lines]
            planes = distinct.reshape(len(distinct), len(planes), wide).transpose(1, 0, 2)
        topology = _topology_rows(sides, wide)
        return (
            search,
            self.lines.add(lines),
            self.words.add(planes),
            planes.shape[1] * wide,
            self.words.add(topology),
        )


def _local(spans: list[list[int]]) -> Numbers:
    """Returns the atoms at which any of the sets begins or ends; the first is 0."""
    return np.array(sorted({0, *chain.from_iterable(spans)}), np.int32)


def _search(local: Numbers, atoms: int, most: int) -> tuple[int, Numbers]:
    """Returns the cuts to search, and how many; or 0 and the row of each atom of the estate."""
    if len(local) <= most:
        return len(local), local
    return 0, np.searchsorted(local, np.arange(atoms), "right") - 1


def set_bits(spans: list[list[int]], local: Numbers, wide: int) -> Numbers:
    """Returns a row of bits for each run of atoms: which sets it is in.

    Args:
        spans: of each set the atoms at which it begins and ends, by turns.
        local: where the runs begin.
        wide: how many words a row has.
    """
    rows = np.zeros((len(local) + 1, wide), np.uint64)
    tests = np.array([at for at, one in enumerate(spans) for _ in one], np.int64)
    if len(tests):
        bits = np.uint64(1) << (tests & 63).astype(np.uint64)
        places = np.searchsorted(local, np.array([*chain.from_iterable(spans)], np.int32))
        np.bitwise_xor.at(rows, (places, tests >> 6), bits)
    return np.bitwise_xor.accumulate(rows, axis=0)[:-1]


def _bits(flags: Sequence[bool], wide: int) -> Numbers:
    """Returns one row of bits."""
    padded = np.zeros(wide * 64, np.bool_)
    padded[: len(flags)] = flags
    return np.packbits(padded, bitorder="little").view("<u8").astype(np.uint64)


def _topology_rows(sides: Sequence[Side], wide: int) -> Numbers:
    """Returns the planes of each state of ``_states``: what topology tags add to a side."""
    network = _bits([one.in_network for one in sides], wide)
    internet = _bits([one.in_internet for one in sides], wide)
    return (_IN_NETWORK & network) | (_IN_INTERNET & internet)
