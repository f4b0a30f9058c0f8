"""Packets that a missing fact may touch: one of each kind is put to the evaluator.

Packets are of a kind if no set of the policy, sure or doubtful, tells them apart, and if source
and destination are one address in all of them or in none: what is missing about the one is then
what is missing about the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from flowverdict.classify.atoms import Cuts
from flowverdict.classify.packets import IPV6
from flowverdict.classify.records import set_bits
from flowverdict.classify.verdicts import Outcomes, outcome_of
from flowverdict.policy import evaluate_at
from flowverdict.policy.services import SERVICES
from flowverdict.stages import WAYS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowverdict.classify.packets import Addresses, Packets
    from flowverdict.net import IntervalSet
    from flowverdict.stages import Policy

Numbers = np.ndarray[Any, np.dtype[Any]]


class Asked:
    """The answers about packets under one policy."""

    def __init__(self, policy: Policy, outcomes: Outcomes) -> None:
        self._policy = policy
        self._outcomes = outcomes
        self._fields: dict[int, tuple[_Field, _Field, _Field, _Field]] = {}
        self._numbers = _Numbers(), _Numbers(), _Numbers()
        self._answers = np.zeros(0, np.int32)

    def outcomes(self, packets: Packets, rows: Numbers, way: int) -> Numbers:
        """Returns the outcomes of some rows of one direction."""
        kinds = self.kinds(packets, rows, way)
        if self._numbers[-1].count > len(self._answers):
            more = np.full(self._numbers[-1].count - len(self._answers), -1, np.int32)
            self._answers = np.concatenate([self._answers, more])
        fresh = np.flatnonzero(self._answers[kinds] < 0)
        distinct, first = np.unique(kinds[fresh], return_index=True)
        for kind, row in zip(distinct.tolist(), rows[fresh[first]].tolist(), strict=True):
            verdict = evaluate_at(self._policy.place, WAYS[way], packets.packet(row))
            self._answers[kind] = self._outcomes.number(outcome_of(verdict))
        return self._answers[kinds]

    def kinds(self, packets: Packets, rows: Numbers, way: int) -> Numbers:
        """Returns the kind of each of some rows: what the evaluator says of one, it says of all."""
        if way not in self._fields:
            self._fields[way] = self._make_fields(way)
        src, dst, src_ports, dst_ports = self._fields[way]
        same = packets.src.ipv4[rows] == packets.dst.ipv4[rows]
        for at in np.flatnonzero(np.isin(rows, packets.src.others)).tolist():
            row = int(rows[at])
            same[at] = packets.src.point(row) == packets.dst.point(row)
        by_ends, by_service, by_both = self._numbers
        ends = src.addresses(packets.src, rows) << 31 | dst.addresses(packets.dst, rows)
        service = src_ports.ports(packets.src_port[rows]) << 20
        service = (service | dst_ports.ports(packets.dst_port[rows])) << 9
        service |= packets.protocol[rows].astype(np.int64) << 1 | way
        return by_both(by_ends(ends << 1 | same) << 31 | by_service(service))

    def _make_fields(self, way: int) -> tuple[_Field, _Field, _Field, _Field]:
        tests = [test for stage in self._policy.stages[way] for test in stage.tests]
        around = self._policy.around
        tags = [*around.network.cuts, *around.internet.cuts]
        hosts = [one.addresses for one in SERVICES]
        return (
            _Field([*tags, *(one for test in tests for one in test.src.cuts)]),
            _Field([*tags, *hosts, *(one for test in tests for one in test.dst.cuts)]),
            _Field(test.src_ports for test in tests),
            _Field([*(test.dst_ports for test in tests), *(one.ports for one in SERVICES)]),
        )


class _Field:
    """What sets tell apart: numbers are of a class if no set has one of them without the other."""

    def __init__(self, sets: Iterable[IntervalSet]) -> None:
        distinct = list(dict.fromkeys(sets))
        self._cuts = Cuts(distinct)
        self._starts = np.array([one for one in self._cuts.starts if one < IPV6], np.int64)
        spans = [self._cuts.spans(one) for one in distinct]
        rows = set_bits(spans, np.arange(self._cuts.count), -(-len(distinct) // 64) or 1)
        self._class = np.unique(rows, axis=0, return_inverse=True)[1].ravel()

    def ports(self, ports: Numbers) -> Numbers:
        """Returns the classes of ports; what is no port, and any port, have their own."""
        found = self._class[np.searchsorted(self._starts, ports, "right") - 1] + 2
        return np.where(ports < 0, ports + 2, found)

    def addresses(self, addresses: Addresses, rows: Numbers) -> Numbers:
        """Returns the classes of the addresses of some rows."""
        ipv4 = addresses.ipv4[rows].astype(np.int64)
        atoms = np.searchsorted(self._starts, ipv4, "right") - 1
        for at in np.flatnonzero(np.isin(rows, addresses.others)).tolist():
            atoms[at] = self._cuts.of(addresses.point(int(rows[at])))
        return self._class[atoms]


class _Numbers:
    """Numbers from 0 for whatever numbers come, the same one each time."""

    def __init__(self) -> None:
        self._known: dict[int, int] = {}

    def __call__(self, values: Numbers) -> Numbers:
        """Returns the number of each value."""
        encoded = pa.array(values).dictionary_encode()
        known = self._known
        words = [known.setdefault(one, len(known)) for one in encoded.dictionary.to_pylist()]
        return np.array(words, np.int64)[encoded.indices.to_numpy()]

    @property
    def count(self) -> int:
        """How many different values have come."""
        return len(self._known)
