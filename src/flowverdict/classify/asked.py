"""Packets that a missing fact may touch: one of each kind is put to the evaluator.

Packets are of a kind if no set of the policy, sure or doubtful, tells them apart, and if source
and destination are one address in all of them or in none: what is missing about the one is then
what is missing about the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from flowverdict.classify.atoms import Cuts
from flowverdict.classify.packets import IPV6
from flowverdict.classify.policies import WAYS
from flowverdict.classify.verdicts import Outcomes, outcome_of
from flowverdict.policy import evaluate_at
from flowverdict.policy.services import SERVICES

if TYPE_CHECKING:
    from flowverdict.classify.packets import Addresses, Packets
    from flowverdict.classify.policies import Policy

Numbers = np.ndarray[Any, np.dtype[Any]]


class Asked:
    """The answers about packets under one policy."""

    def __init__(self, policy: Policy, outcomes: Outcomes) -> None:
        self._policy = policy
        self._outcomes = outcomes
        self._cuts: dict[int, tuple[Cuts, Cuts, Cuts, Cuts]] = {}
        self._answers: dict[bytes, int] = {}

    def outcomes(self, packets: Packets, rows: Numbers, way: int) -> Numbers:
        """Returns the outcomes of some rows of one direction."""
        kinds = self.kinds(packets, rows, way)
        distinct, first, inverse = np.unique(kinds, axis=0, return_index=True, return_inverse=True)
        found = np.empty(len(distinct), np.int32)
        for at, row in enumerate(rows[first].tolist()):
            key = distinct[at].tobytes()
            if key not in self._answers:
                verdict = evaluate_at(self._policy.place, WAYS[way], packets.packet(row))
                self._answers[key] = self._outcomes.number(outcome_of(verdict))
            found[at] = self._answers[key]
        return found[inverse.ravel()]

    def kinds(self, packets: Packets, rows: Numbers, way: int) -> Numbers:
        """Returns the kind of each of some rows: what the evaluator says of one, it says of all."""
        if way not in self._cuts:
            self._cuts[way] = self._cut(way)
        src, dst, src_ports, dst_ports = self._cuts[way]
        same = packets.src.ipv4[rows] == packets.dst.ipv4[rows]
        for at in np.flatnonzero(np.isin(rows, packets.src.others)).tolist():
            row = int(rows[at])
            same[at] = packets.src.point(row) == packets.dst.point(row)
        return np.stack(
            [
                np.full(len(rows), way),
                packets.protocol[rows],
                _ports(src_ports, packets.src_port[rows]),
                _ports(dst_ports, packets.dst_port[rows]),
                _addresses(src, packets.src, rows),
                _addresses(dst, packets.dst, rows),
                same,
            ],
            axis=1,
        ).astype(np.int64)

    def _cut(self, way: int) -> tuple[Cuts, Cuts, Cuts, Cuts]:
        tests = [test for stage in self._policy.stages[way] for test in stage.tests]
        around = self._policy.around
        tags = [*around.network.cuts, *around.internet.cuts]
        hosts = [one.addresses for one in SERVICES]
        return (
            Cuts([*tags, *(one for test in tests for one in test.src.cuts)]),
            Cuts([*tags, *hosts, *(one for test in tests for one in test.dst.cuts)]),
            Cuts(test.src_ports for test in tests),
            Cuts([*(test.dst_ports for test in tests), *(one.ports for one in SERVICES)]),
        )


def _ports(cuts: Cuts, ports: Numbers) -> Numbers:
    """Returns the atoms of ports; what is no port stays as it is."""
    found = np.searchsorted(np.array(cuts.starts), ports, "right") - 1
    return np.where(ports < 0, ports, found)


def _addresses(cuts: Cuts, addresses: Addresses, rows: Numbers) -> Numbers:
    """Returns the atoms of the addresses of some rows."""
    starts = np.array([one for one in cuts.starts if one < IPV6], np.int64)
    found = np.searchsorted(starts, addresses.ipv4[rows].astype(np.int64), "right") - 1
    for at in np.flatnonzero(np.isin(rows, addresses.others)).tolist():
        found[at] = cuts.of(addresses.point(int(rows[at])))
    return found
