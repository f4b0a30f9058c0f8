"""Flows into the tuples that interfaces log of them (flow-log specification, sections 3.3, 3.4).

An interface logs a begin, whatever it still has at each of its sweeps, and an end some six seconds
after the last packet. Where a SYN is sent again, the flow ends and begins anew in the same
millisecond. What is denied is logged for every attempt. Counters are what came since the last
tuple, and the two ends of a flow do not count quite alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from flowverdict.demo.day.rhythm import DAY, MINUTE, Flags, Ints, Reals
from flowverdict.demo.day.sightings import Sightings, Spot
from flowverdict.demo.day.traffic import TCP, Flows

BEGIN, CONTINUE, END, DENIED = range(4)
"""Indexes into `BCED`."""

_KNOCKS = np.array([0, 1_005, 3_024])
"""When a SYN is sent again, in milliseconds: as in a real capture."""
_SWEEP = 5 * MINUTE
_SYN = 124
"""Bytes of a SYN as logs have it."""
_OVERHEAD = 42
"""Bytes that the network's own wrapping adds to a packet, counted where it arrives."""


class Tuples(NamedTuple):
    """Tuples in the order of their times, a column each; `flow` and `spot` are indexes.

    `order` tells what comes first among those of one flow at one spot in one millisecond.
    """

    flow: Ints
    spot: Ints
    time: Ints
    order: Ints
    state: Ints
    packets_sent: Ints
    bytes_sent: Ints
    packets_received: Ints
    bytes_received: Ints


class Seen(NamedTuple):
    """The sightings of some flows with what is to be known of them, a column each.

    Times in milliseconds since midnight; `length` to the last packet; `tries` is how often the
    first packet was sent; `sweep` is when the interface's first sweep is. `flow` and `spot` are
    handed on.
    """

    flow: Ints
    spot: Ints
    start: Ints
    length: Ints
    tries: Ints
    sweep: Ints
    packets_sent: Ints
    bytes_sent: Ints
    packets_received: Ints
    bytes_received: Ints

    def where(self, chosen: Ints | Flags) -> Seen:
        """Returns these, by index or mask."""
        return Seen(*(column[chosen] for column in self))


def tuples(
    flows: Flows, seen: Sightings, spots: Sequence[Spot], rng: np.random.Generator
) -> Tuples:
    """Returns the day's tuples of flows at their spots."""
    allowed = np.array([one.allowed for one in spots])[seen.spot]
    whole = logged(_table(flows, seen, spots, rng), allowed, rng)
    kept = np.flatnonzero(_is_logged(whole, spots))
    sequence = np.lexsort((whole.order[kept], whole.spot[kept], whole.flow[kept], whole.time[kept]))
    return Tuples(*(column[kept[sequence]] for column in whole))


def logged(seen: Seen, allowed: Flags, rng: np.random.Generator) -> Tuples:
    """Returns the tuples of sightings, in no order, those behind the end of the day included.

    Args:
        seen: the sightings.
        allowed: of each whether a rule lets it through.
        rng: draws how long after the last packet a flow ends.
    """
    passing = seen.where(allowed)
    parts = (_denied(seen.where(~allowed)), _knocking(passing), _passing(passing, rng))
    return Tuples(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _is_logged(rows: Tuples, spots: Sequence[Spot]) -> Flags:
    begin = np.array([one.entry.begin for one in spots])[rows.spot]
    end = np.array([min(one.entry.end, DAY) for one in spots])[rows.spot]
    begins_only = np.array([one.begins_only or one.entry.schema == "nsg1" for one in spots])
    is_counting = (rows.state == CONTINUE) | (rows.state == END)
    return (rows.time >= begin) & (rows.time < end) & ~(begins_only[rows.spot] & is_counting)


def _table(flows: Flows, seen: Sightings, spots: Sequence[Spot], rng: np.random.Generator) -> Seen:
    """Returns every sighting with its own clock and its own count."""
    count = len(seen.flow)
    is_inbound = np.array([one.direction == "I" for one in spots])[seen.spot]
    arrives = np.array([one.arrives for one in spots])[seen.spot]
    is_tcp = np.array([one.route.protocol == TCP for one in spots])[seen.spot]
    macs = {one.mac: None for one in spots}
    phases = dict(zip(macs, (rng.random(len(macs)) * _SWEEP).astype(np.int64), strict=True))
    again = 1 + (rng.random(len(flows.route)) < 0.006)[seen.flow]
    tries = np.where(is_tcp, np.where(arrives, again, flows.tries[seen.flow]), 1)
    delay = np.where(is_inbound, 1 + (rng.random(count) * 4).astype(np.int64), 0)
    lost = ((rng.random(count) < 0.03) & is_inbound).astype(np.int64)
    sent = flows.packets_sent[seen.flow]
    received = flows.packets_received[seen.flow]
    wrapped = np.where(is_inbound, sent, 0), np.where(is_inbound, 0, received)
    return Seen(
        seen.flow,
        seen.spot,
        flows.start[seen.flow] + delay,
        np.where(arrives, flows.length[seen.flow], 0),
        tries,
        np.array([phases[one.mac] for one in spots])[seen.spot],
        np.where(arrives, sent - lost * (sent > 5), 1),
        np.where(arrives, flows.bytes_sent[seen.flow] + _OVERHEAD * wrapped[0], _SYN),
        np.where(arrives, received, 0),
        np.where(arrives, flows.bytes_received[seen.flow] + _OVERHEAD * wrapped[1], 0),
    )


def _repeated(times: Ints) -> tuple[Ints, Ints]:
    """Returns for each of so many repetitions whose it is, and which of them, from 0."""
    whose = np.repeat(np.arange(len(times)), times)
    return whose, np.arange(len(whose)) - np.repeat(np.cumsum(times) - times, times)


def _uncounted(seen: Seen, time: Ints, order: Ints, state: int) -> Tuples:
    nothing = np.zeros(len(time), np.int64)
    states = np.full(len(time), state)
    return Tuples(seen.flow, seen.spot, time, order, states, *[nothing] * 4)


def _denied(seen: Seen) -> Tuples:
    whose, nth = _repeated(seen.tries)
    knocks = seen.where(whose)
    return _uncounted(knocks, knocks.start + _KNOCKS[nth], nth, DENIED)


def _knocking(seen: Seen) -> Tuples:
    """Begins that the next SYN ends, for all tries but the last."""
    whose, nth = _repeated(seen.tries - 1)
    knocks = seen.where(whose)
    begins = _uncounted(knocks, knocks.start + _KNOCKS[nth], 2 * nth, BEGIN)
    ends = _uncounted(knocks, knocks.start + _KNOCKS[nth + 1], 2 * nth + 1, END)
    one = np.ones(len(nth), np.int64)
    ends = ends._replace(packets_sent=one, bytes_sent=_SYN * one)
    return Tuples(*(np.concatenate(column) for column in zip(begins, ends, strict=True)))


def _passing(seen: Seen, rng: np.random.Generator) -> Tuples:
    """The last try of each: its begin, what the sweeps find, its end."""
    begin = seen.start + _KNOCKS[seen.tries - 1]
    end = begin + seen.length + 5_500 + (rng.random(len(begin)) * 500).astype(np.int64)
    first = (begin - seen.sweep) // _SWEEP + 1
    sweeps = np.maximum((end - 1 - seen.sweep) // _SWEEP - first + 1, 0)
    whose, nth = _repeated(sweeps + 2)
    state = np.full(len(whose), CONTINUE)
    state[nth == 0] = BEGIN
    state[nth > sweeps[whose]] = END
    time = (seen.sweep + (first - 1) * _SWEEP)[whose] + nth * _SWEEP
    time[state == BEGIN], time[state == END] = begin, end
    share = np.clip((time - begin[whose]) / np.maximum(seen.length[whose], 1), 0, 1)
    share[state == END] = 1
    order = 2 * seen.tries[whose] - 2 + state
    rows = seen.where(whose)
    sent = _since(rows.packets_sent, rows.bytes_sent, share, state)
    received = _since(rows.packets_received, rows.bytes_received, share, state)
    return Tuples(rows.flow, rows.spot, time, order, state, *sent, *received)


def _since(packets: Ints, content: Ints, share: Reals, state: Ints) -> tuple[Ints, Ints]:
    """Returns the packets and bytes since the tuple before, of totals and the share that is over.

    Rows of one flow follow one another, and each begins with its begin.
    """
    so_far = np.where(state == BEGIN, 0, (packets * share).astype(np.int64))
    bytes_so_far = content * so_far // np.maximum(packets, 1)
    is_begin = state == BEGIN
    return (
        np.where(is_begin, 0, np.diff(so_far, prepend=0)),
        np.where(is_begin, 0, np.diff(bytes_so_far, prepend=0)),
    )
