"""Flows as the two ends know them, column by column."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from bench.detection.enterprise import NOBODY, RULES, VNET
from flowverdict.demo.day.rhythm import SECOND, Flags, Ints
from flowverdict.demo.day.traffic import TCP, UDP, Shape

__all__ = ["TCP", "UDP", "Flows", "Shape", "closed", "draw", "either", "join", "unreached"]

_SYN = 124
"""Bytes of a SYN as logs have it."""
_ALLOWS = np.array([*(one.allows for one in RULES), False])
_AGAIN = 0.006
"""Of the flows that are answered, those whose first packet had to be sent again."""
_HEADERS = 66


class Flows(NamedTuple):
    """Many flows, one column each.

    `src` and `dst` are numbers of addresses; times in milliseconds since the first midnight,
    `length` to the last packet; `rule` is what decides at the receiving end, an index into `RULES`,
    or `NOBODY`; `token` is how encryption went, an index into `TOKENS`, -1 as usual.
    """

    src: Ints
    dst: Ints
    src_port: Ints
    dst_port: Ints
    protocol: Ints
    start: Ints
    length: Ints
    packets_sent: Ints
    bytes_sent: Ints
    packets_received: Ints
    bytes_received: Ints
    rule: Ints
    tries: Ints
    token: Ints

    def where(self, chosen: Ints | Flags) -> Flows:
        """Returns these, by index or mask."""
        return Flows(*(column[chosen] for column in self))


def draw(
    rng: np.random.Generator,
    src: Ints | int,
    dst: Ints | int,
    port: Ints | int,
    start: Ints,
    shape: Shape,
    *,
    protocol: int = TCP,
    rule: Ints | int = VNET,
    token: int = -1,
) -> Flows:
    """Returns a flow for each start; what is no array is the same for all.

    Flows that a rule denies, or that nobody is there for, have no answer, and knock again up to
    twice (RFC 6298: after one second, then two more).
    """
    count = len(start)
    length, sent, received = (
        (size * shape.spread ** (2 * rng.random(count) - 1)).astype(np.int64)
        for size in (shape.seconds * SECOND, shape.sent, shape.received)
    )
    rules = _column(rule, count)
    answered = _ALLOWS[rules]
    tries = np.where(
        answered,
        1 + (rng.random(count) < _AGAIN),
        1 + (rng.random(count) * shape.tries).astype(np.int64),
    )
    size = 300 + (rng.random(count) * 1_000).astype(np.int64)
    packets_sent, packets_received = 2 + sent // size, 2 + received // size
    return Flows(
        _column(src, count),
        _column(dst, count),
        rng.integers(32_768, 65_536, count),
        _column(port, count),
        np.full(count, protocol),
        start.astype(np.int64),
        np.where(answered, length, 0),
        np.where(answered, packets_sent, 1),
        np.where(answered, sent + _HEADERS * packets_sent, _SYN),
        np.where(answered, packets_received, 0),
        np.where(answered, received + _HEADERS * packets_received, 0),
        rules,
        tries if protocol == TCP else np.ones(count, np.int64),
        np.full(count, token),
    )


def closed(found: Flows) -> Flows:
    """Returns flows to ports at which nobody listens: one packet, and one that refuses it."""
    one = np.ones(len(found.src), np.int64)
    return found._replace(
        length=0 * one,
        packets_sent=one,
        bytes_sent=_SYN * one,
        packets_received=one,
        bytes_received=54 * one,
    )


def either(chosen: Flags, one: Flows, other: Flows) -> Flows:
    """Returns flows out of the first where they are chosen, out of the second elsewhere."""
    return Flows(*(np.where(chosen, a, b) for a, b in zip(one, other, strict=True)))


def unreached(found: Flows) -> Flows:
    """Returns flows to machines that do not run."""
    one = np.ones(len(found.src), np.int64)
    return found._replace(
        length=0 * one,
        packets_sent=one,
        bytes_sent=_SYN * one,
        packets_received=0 * one,
        bytes_received=0 * one,
        rule=NOBODY * one,
        tries=np.where(found.protocol == TCP, 3, 1),
    )


def join(parts: Iterable[Flows]) -> Flows:
    """Returns flows behind one another; of no parts, none."""
    columns = list(zip(*parts, strict=True))
    if not columns:
        return Flows(*(np.zeros(0, np.int64) for _ in Flows._fields))
    return Flows(*(np.concatenate(column) for column in columns))


def _column(value: Ints | int, count: int) -> Ints:
    return np.broadcast_to(np.asarray(value, np.int64), (count,)).copy()
