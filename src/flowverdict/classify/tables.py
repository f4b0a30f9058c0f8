"""Policies as the tables that the kernel reads.

A stage has a bit for each test, and for each field rows of bits: which tests a value passes. Rows
of addresses come in three planes: tests that may match, tests that ask for a missing fact, and
tests that match whatever is missing. Topology tags are rows of their own, so that an NSG's tables
are the same at every place.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from flowverdict.classify.atoms import Cuts, address_table, ipv6_starts
from flowverdict.classify.kernel import STAGE_FIELDS
from flowverdict.net import ALL_PORTS, IntervalSet
from flowverdict.policy.services import SERVICES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from flowverdict.classify.policies import Around, Policy, Topology
    from flowverdict.classify.stages import Side, Stage, Test

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


@dataclass(frozen=True, slots=True)
class Tables:
    """What the kernel reads; see ``kernel.judge`` for the columns of each table."""

    root: Numbers
    middle: Numbers
    leaves: Numbers
    ipv6: tuple[Numbers, Numbers, int]
    ports: Numbers
    protocols: Numbers
    topology: Numbers
    policies: Numbers
    lists: Numbers
    stages: Numbers
    lines: Numbers
    words: Numbers
    index: dict[Policy, int]


def make_tables(policies: Sequence[Policy], outcome: Callable[[Test], int]) -> Tables:
    """Returns the tables of some policies.

    Args:
        policies: those that packets will be judged by.
        outcome: numbers what comes out where a test decides.
    """
    stages = list(dict.fromkeys(s for one in policies for way in one.stages for s in way))
    arounds = list(dict.fromkeys(one.around for one in policies))
    tests = [test for stage in stages for test in stage.tests]
    addresses = Cuts(chain(_address_sets(tests), _topology_sets(arounds)))
    ports = Cuts(
        chain((t.dst_ports for t in tests), (t.src_ports for t in tests), (ALL_PORTS,)),
        always=[1 << 16],
    )
    protocols = Cuts((test.protocols for test in tests), always=[256])
    maker = _Maker(addresses, ports, protocols, len(stages), outcome)
    records = [maker.stage(one) for one in stages]
    number = {stage: at for at, stage in enumerate(stages)}
    number_around = {one: at for at, one in enumerate(arounds)}
    lists, heads = Pool(np.int32), np.zeros((max(1, len(policies)), 5), np.int32)
    for at, policy in enumerate(policies):
        heads[at, 4] = number_around[policy.around]
        for way in (0, 1):
            some = policy.stages[way]
            listed = np.array([number[stage] for stage in some], np.int32)
            heads[at, 2 * way : 2 * way + 2] = lists.add(listed), len(some)
    topology = [_states(one, addresses) for one in arounds]
    return Tables(
        *address_table(addresses),
        ipv6_starts(addresses),
        np.concatenate([[ports.count - 1, ports.count], ports.table(1 << 16)]).astype(np.int32),
        protocols.table(256),
        np.array(topology or [np.zeros(1)], np.uint8),
        heads,
        lists.whole(),
        np.array(records or [[0] * STAGE_FIELDS], np.int64).ravel(),
        maker.lines.whole(),
        maker.words.whole(),
        {policy: at for at, policy in enumerate(policies)},
    )


def _address_sets(tests: Iterable[Test]) -> Iterator[IntervalSet]:
    for test in tests:
        for side in (test.src, test.dst):
            yield from (side.sure, side.asks, side.likely, *side.cuts)


def _topology_sets(arounds: Iterable[Around]) -> Iterator[IntervalSet]:
    for around in arounds:
        for tag in (around.network, around.internet):
            yield from (tag.sure, tag.asks, tag.likely, *tag.cuts)
    yield from (one.addresses for one in SERVICES)


def _states(around: Around, addresses: Cuts) -> Numbers:
    """Returns for each atom what is known of it: two bits for each topology tag.

    0 it is not in the tag, 1 it is for sure, 2 it is in a tag that has doubts, 3 it is in doubt.
    """

    def of(tag: Topology) -> Numbers:
        state = np.zeros(addresses.count + 1, np.uint8)
        for value, one in ((1, tag.sure), (2, tag.likely), (3, tag.asks)):
            spans = addresses.spans(one)
            state[spans] ^= value  # spans of one set never touch, and the three sets are disjoint:
        return np.bitwise_xor.accumulate(state)[:-1]

    return of(around.network) | (of(around.internet) << 2)


class _Maker:
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
        has_doubts = any(side.asks or side.likely for t in tests for side in (t.src, t.dst))
        protocols = set_bits(
            [self._protocols.spans(one.protocols) for one in tests],
            np.arange(self._protocols.count),
            wide,
        )
        return [
            wide,
            _marks(tests, has_doubts=has_doubts),
            self.words.add(protocols),
            *self._port([t.dst_ports for t in tests], [t.without_dst_port for t in tests], wide),
            *self._port([t.src_ports for t in tests], [t.without_src_port for t in tests], wide),
            self.words.add(_bits([t.src_ports != ALL_PORTS for t in tests], wide)),
            self.words.add(_bits([t.asks for t in tests], wide)),
            *self._side([t.src for t in tests], wide, has_doubts=has_doubts),
            *self._side([t.dst for t in tests], wide, has_doubts=has_doubts),
            self.lines.add(np.array([t.action for t in tests], np.int32)),
            self.lines.add(np.array([self._outcome(t) for t in tests], np.int32)),
        ]

    def _port(self, sets: list[IntervalSet], without: list[bool], wide: int) -> tuple[int, ...]:
        """Adds rows of ports: size of the search, lines, rows.

        The atom behind the last port stands for no port, the next one for any port.
        """
        key = (*sets, *without)  # source ports are the same nearly everywhere: any
        if key not in self._port_rows:
            self._port_rows[key] = self._make_ports(sets, without, wide)
        return self._port_rows[key]

    def _make_ports(
        self, sets: list[IntervalSet], without: list[bool], wide: int
    ) -> tuple[int, ...]:
        spans = [self._ports.spans(one) for one in sets]
        none = self._ports.count - 1
        local = _local([*spans, [none, none + 1]])
        rows = set_bits(spans, local, wide)
        rows[-2] = _bits(without, wide)
        rows[-1] = _bits([bool(one) for one in sets], wide)
        search, lines = _search(local, none + 2, self._most)
        return search, self.lines.add(lines), self.words.add(rows)

    def _side(self, sides: list[Side], wide: int, *, has_doubts: bool) -> tuple[int, ...]:
        """Adds rows of addresses: size of the search, lines, rows, size of a plane, topology."""
        spans = [
            [self._addresses.spans(getattr(one, name)) for one in sides]
            for name in (("sure", "asks", "likely") if has_doubts else ("sure",))
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


def _marks(tests: Sequence[Test], *, has_doubts: bool) -> int:
    """Returns what the kernel has to look at: see ``kernel.ASKING``."""
    has_tags = any(side.in_network or side.in_internet for t in tests for side in (t.src, t.dst))
    from_ports = any(t.src_ports != ALL_PORTS or not t.without_src_port for t in tests)
    return has_doubts | any(t.asks for t in tests) << 1 | has_tags << 2 | from_ports << 3


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


def _topology_rows(sides: list[Side], wide: int) -> Numbers:
    """Returns the planes of each state of ``_states``: what topology tags add to a side."""
    network = _bits([one.in_network for one in sides], wide)
    internet = _bits([one.in_internet for one in sides], wide)
    return (_IN_NETWORK & network) | (_IN_INTERNET & internet)
