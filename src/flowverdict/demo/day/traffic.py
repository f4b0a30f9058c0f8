"""Flows as the two machines at their ends know them, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from flowverdict.demo.day.rhythm import SECOND, Ints

TCP, UDP = 6, 17
_FIRST_PORT, _PORTS, _STEP = 32_768, 28_232, 7_919
"""Linux's range for originators; the step has no divisor in common with its size, so that a port
comes again only after all the others."""


class Route(NamedTuple):
    """Who begins to talk to whom.

    `platform` is for what Azure's own machinery lets through, which no rule decides.
    """

    src: str
    dst: str
    port: int
    protocol: int = TCP
    platform: bool = False


class Shape(NamedTuple):
    """How long and large the flows of a kind are.

    Single flows differ by up to the factor `spread` both ways. `tries` is how often the originator
    knocks where nobody answers.
    """

    seconds: float
    sent: float
    received: float
    spread: float = 3.0
    tries: int = 3


class Flows(NamedTuple):
    """Many flows, one column each.

    Times in milliseconds, `start` since midnight, `length` to the last packet; `route` is an index.
    `tries` is how often the originator knocks where nobody answers.
    """

    route: Ints
    start: Ints
    length: Ints
    port: Ints
    packets_sent: Ints
    bytes_sent: Ints
    packets_received: Ints
    bytes_received: Ints
    tries: Ints


class Traffic:
    """The flows of a day while they are being drawn; equal seeds draw equal flows."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self._routes: dict[Route, int] = {}
        self._parts: list[Flows] = []
        self._number = 0

    @property
    def routes(self) -> list[Route]:
        """Every route that a flow takes, each once."""
        return list(self._routes)

    def flows(self) -> Flows:
        """Everything drawn so far."""
        return Flows(*(np.concatenate(column) for column in zip(*self._parts, strict=True)))

    def add(
        self, routes: Sequence[Route], starts: Ints, shape: Shape, *, together: int = 1
    ) -> None:
        """Adds flows, each along one of some routes.

        Args:
            routes: by chance; one that stands there twice is taken twice as often. Without any,
                there are no flows.
            starts: when they begin.
            shape: how long and large they are.
            together: how many flows follow one another in the seconds from each start, all along
                one route.
        """
        if not routes:
            return
        known = np.array([self._routes.setdefault(one, len(self._routes)) for one in routes])
        chosen = known[self._below(len(starts), len(known))]
        if together > 1:
            chosen, starts = np.repeat(chosen, together), np.repeat(starts, together)
            starts = starts + self._below(len(starts), 12 * SECOND)
        count = len(starts)
        length, sent, received = (
            self._around(count, size, shape.spread)
            for size in (shape.seconds * SECOND, shape.sent, shape.received)
        )
        self._parts.append(
            Flows(
                chosen,
                starts,
                length,
                _FIRST_PORT + (np.arange(self._number, self._number + count) * _STEP) % _PORTS,
                *self._packets(sent),
                *self._packets(received),
                1 + self._below(count, shape.tries),
            )
        )
        self._number += count

    def _below(self, count: int, limit: int) -> Ints:
        return (self.rng.random(count) * limit).astype(np.int64)

    def _around(self, count: int, middle: float, spread: float) -> Ints:
        return (middle * spread ** (2 * self.rng.random(count) - 1)).astype(np.int64)

    def _packets(self, content: Ints) -> tuple[Ints, Ints]:
        """Returns packets and bytes, with headers, that carry some content."""
        size = 300 + self._below(len(content), 1_000)
        packets = 2 + content // size
        return packets, content + 66 * packets
