"""Policies as the tables that the kernel reads: ``records`` has what a stage is in them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from flowverdict.classify.atoms import Cuts, address_table, ipv6_starts
from flowverdict.classify.kernel import STAGE_FIELDS
from flowverdict.classify.records import Pool, Records
from flowverdict.net import ALL_PORTS, IntervalSet
from flowverdict.policy.services import SERVICES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from flowverdict.stages import Around, Policy, Test, Topology

Numbers = np.ndarray[Any, np.dtype[Any]]


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
    maker = Records(addresses, ports, protocols, len(stages), outcome)
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
