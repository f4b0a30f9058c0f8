"""The packets of one list in classes: addresses and services that none of its tests tells apart.

A list is what one policy does in one direction. Only classes of packets that came are numbered.
"""

# Compiled code has no types that a checker could follow: numba infers them.
# pyright: reportMissingParameterType=false

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numba import njit

from flowverdict.classify.columns import COMPILED
from flowverdict.classify.kernel import (
    ASKING,
    DST,
    DST_PORTS,
    LINES,
    PLANE,
    PROTOCOLS,
    ROWS,
    SRC,
    SRC_PORTS,
    STAGE_FIELDS,
    WIDE,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowverdict.classify.tables import Tables

Numbers = np.ndarray[Any, np.dtype[Any]]

ELSE: Final = -(1 << 30)
"""Stands for what had not come."""


@njit("Tuple((int32[:, ::1], int64[::1]))(uint64[:, ::1], uint64[:, ::1])", **COMPILED)
def _number(first, second):
    """Numbers what rows of bits have in common, and says at which pair each number is first met."""
    wide, across = first.shape[1], len(second)
    numbers = np.empty((len(first), across), np.int32)
    met = np.empty(len(first) * across, np.int64)
    size = 2
    while size < 2 * len(met):
        size *= 2
    places = np.full(size, -1, np.int32)  # numbers by a hash of the bits
    count = 0
    for i in range(len(first)):
        for j in range(across):
            mixed = np.uint64(0)
            for w in range(wide):
                mixed = (mixed ^ (first[i, w] & second[j, w])) * np.uint64(0x9E3779B97F4A7C15)
                mixed ^= mixed >> np.uint64(29)
            at = np.int64(mixed & np.uint64(size - 1))
            while places[at] >= 0:
                pair = met[places[at]]
                k, m = pair // across, pair % across
                w = 0
                while w < wide and first[i, w] & second[j, w] == first[k, w] & second[m, w]:
                    w += 1
                if w == wide:
                    break
                at = (at + 1) & (size - 1)
            if places[at] < 0:
                met[count] = i * across + j
                places[at] = count
                count += 1
            numbers[i, j] = places[at]
    return numbers, met[:count].copy()


def cross(first: Numbers, second: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Numbers what rows of bits have in common, each of the first with each of the second.

    Returns:
        The number for each pair, the different rows that come out, by number, and the pair at which
        each is first met.
    """
    numbers, met = _number(first, second)
    return numbers, first[met // len(second)] & second[met % len(second)], met


class Columns(NamedTuple):
    """Rows as ``kernel.judge`` takes them, addresses by their atoms."""

    policy: Numbers
    way: Numbers
    protocol: Numbers
    src_port: Numbers
    dst_port: Numbers
    src: Numbers
    dst: Numbers


@dataclass(frozen=True, slots=True)
class Axis:
    """The classes of one field.

    Attributes:
        atoms: those that came.
        numbers: the class of each.
        bits: what the tests of the list know of each class.
        examples: for each class a value that is in it.
    """

    atoms: Numbers
    numbers: Numbers
    bits: Numbers
    examples: Numbers

    def steps(self, size: int, step: int) -> Numbers:
        """Returns for each of so many atoms its class times ``step``, or ``ELSE``."""
        found = np.full(size, ELSE, np.int32)
        found[self.atoms] = self.numbers * step
        return found


class Classes:
    """The classes of the rows that came to a list, and their combinations.

    Attributes:
        size: how many combinations there are.
    """

    def __init__(self, tables: Tables, policy: int, way: int, rows: Columns) -> None:
        self._tables = tables
        self._list = policy, way
        begin, count = tables.policies[policy, 2 * way : 2 * way + 2].tolist()
        records = tables.stages.reshape(-1, STAGE_FIELDS)
        self._stages = records[tables.lists[begin : begin + count]].tolist()
        self._states = tables.topology[tables.policies[policy, 4]]
        self._src = _axis(rows.src, rows.src, lambda atoms: self._addresses(SRC, atoms))
        self._dst = _axis(rows.dst, rows.dst, lambda atoms: self._addresses(DST, atoms))
        self._protocol = _axis(tables.protocols[rows.protocol], rows.protocol, self._protocols)
        src_port, dst_port = tables.ports[rows.src_port + 2], tables.ports[rows.dst_port + 2]
        self._src_port = _axis(
            src_port,
            rows.src_port,
            # whether the port is any is asked apart from what it matches
            lambda atoms: self._ports(SRC_PORTS, atoms, atoms == tables.ports[1]),
        )
        self._dst_port = _axis(
            dst_port,
            rows.dst_port,
            lambda atoms: self._ports(DST_PORTS, atoms, np.ones(len(atoms))),
        )
        pairs, kinds, _ = cross(self._protocol.bits, self._src_port.bits)
        numbers, kinds, _ = cross(kinds, self._dst_port.bits)
        self._services = numbers[pairs]  # by class of protocol, source and destination port
        _, self._met = np.unique(self._services, return_index=True)
        self.size = len(self._met) * len(self._src.bits) * len(self._dst.bits)

    def steps(self) -> list[Numbers]:
        """Returns how the number of a combination is found: steps of five fields, and services.

        Protocol, source port and destination port add up to a place among the services; what
        stands there, source and destination add up to the combination.
        """
        _, by_src_port, by_dst_port = self._services.shape
        kinds = len(self._met)
        tables, atoms = self._tables, len(self._states)
        return [
            self._src.steps(atoms, kinds),
            self._dst.steps(atoms, kinds * len(self._src.bits)),
            self._protocol.steps(int(tables.protocols.max()) + 1, by_src_port * by_dst_port),
            self._src_port.steps(int(tables.ports.max()) + 1, by_dst_port),
            self._dst_port.steps(int(tables.ports.max()) + 1, 1),
            self._services.ravel(),
        ]

    def combinations(self, numbers: Numbers) -> Columns:
        """Returns an example of each combination."""
        rest, kind = np.divmod(numbers, len(self._met))
        dst, src = np.divmod(rest, len(self._src.bits))
        protocol, src_port, dst_port = np.unravel_index(self._met[kind], self._services.shape)
        policy, way = self._list
        return Columns(
            np.full(len(numbers), policy, np.int32),
            np.full(len(numbers), way, np.uint8),
            self._protocol.examples[protocol],
            self._src_port.examples[src_port],
            self._dst_port.examples[dst_port],
            self._src.examples[src],
            self._dst.examples[dst],
        )

    def _addresses(self, field: int, atoms: Numbers) -> Numbers:
        rows = [self._states[atoms].astype(np.uint64)[:, None]]
        for stage in self._stages:
            at = self._lines(stage, field, atoms)
            planes = 3 if stage[ASKING] & 1 else 1
            rows += [
                self._words(stage, stage[field + ROWS] + plane * stage[field + PLANE], at)
                for plane in range(planes)
            ]
        return np.concatenate(rows, axis=1)

    def _ports(self, field: int, atoms: Numbers, marks: Numbers) -> Numbers:
        rows = [marks.astype(np.uint64)[:, None]]
        for stage in self._stages:
            at = self._lines(stage, field, atoms)
            rows.append(self._words(stage, stage[field + ROWS], at))
        return np.concatenate(rows, axis=1)

    def _protocols(self, atoms: Numbers) -> Numbers:
        rows = [np.ones((len(atoms), 1), np.uint64)]
        rows += [self._words(stage, stage[PROTOCOLS], atoms) for stage in self._stages]
        return np.concatenate(rows, axis=1)

    def _lines(self, stage: list[int], field: int, atoms: Numbers) -> Numbers:
        """Returns the number of each atom's row, as ``kernel._line`` finds it."""
        search, at = stage[field], stage[field + LINES]
        lines = self._tables.lines
        if search:
            return np.searchsorted(lines[at : at + search], atoms, "right") - 1
        return lines[at + atoms]

    def _words(self, stage: list[int], at: int, lines: Numbers) -> Numbers:
        wide = stage[WIDE]
        return self._tables.words[at + lines[:, None].astype(np.int64) * wide + np.arange(wide)]


def _axis(atoms: Numbers, values: Numbers, bits: Callable[[Numbers], Numbers]) -> Axis:
    """Returns the classes of a field.

    Args:
        atoms: of each row.
        values: of each row, what the atom stands for.
        bits: returns what tests know of atoms.
    """
    distinct, first = np.unique(atoms, return_index=True)
    rows = np.ascontiguousarray(bits(distinct))
    numbers, rows, met = cross(rows, np.full((1, rows.shape[1]), -1).astype(np.uint64))
    return Axis(distinct, numbers.ravel(), rows, values[first[met]])
