"""Return traffic among groups of flow rows.

A row is return traffic if at the same interface the same five fields the other way are an allowed
flow that began before it. Of two that begin together, the one to the lower port is taken for the
flow. Nothing less: a stranger who sends from port 443 is no answer.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from flowverdict.impact.grouping import (
    ADDRESSES,
    BACK,
    BYTES,
    DENIED,
    DST_PORT,
    DST_TEXT,
    FIRST,
    FRONT,
    HITS,
    LAST,
    MAC_BITS,
    NEVER,
    OUTBOUND,
    PLACE,
    PORTS,
    PROTOCOL,
    REST,
    RETURN,
    SRC_PORT,
    SRC_TEXT,
    WORD,
)
from flowverdict.net import PORTED

Numbers = np.ndarray[Any, np.dtype[Any]]

_MAC: Final = np.uint64(2**MAC_BITS - 1)
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
_DENIED: Final = np.uint64(1 << DENIED)
_SUMMED: Final = {HITS: np.add, BYTES: np.add, FIRST: np.minimum, LAST: np.maximum}


def may_answer(lines: Numbers, pairs: Numbers) -> Numbers:
    """Returns groups at whose interface the same two addresses began flows both ways.

    Return traffic is among them, whatever the ports.

    Args:
        lines: of groups.
        pairs: the hash of each group's two addresses.
    """
    protocol, outbound = _part(lines, PROTOCOL, WORD), _part(lines, OUTBOUND, np.uint64(1))
    talk = ((pairs ^ (lines[:, PLACE] & _MAC)) * _SPREAD ^ protocol) * _SPREAD
    order = np.argsort(talk, kind="stable")
    starts = _starts(talk[order])
    ported = np.isin(protocol, PORTED)
    is_allowed = lines[:, REST] & _DENIED == 0
    kinds = (1 << outbound.astype(np.uint8) | is_allowed << 2) * ported  # bits: in, out, allowed
    both = np.bitwise_or.reduceat(kinds[order], starts) == 7 if len(starts) else starts
    sizes = np.diff(np.append(starts, len(order)))
    found = order[np.repeat(both, sizes)]
    return found[ported[found]]


def answers(lines: Numbers, pairs: Numbers) -> Numbers:
    """Returns the groups that are return traffic; they have the ports of both sides.

    Args:
        lines: of groups.
        pairs: the hash of each group's two addresses.
    """
    rows = may_answer(lines, pairs)
    src_port, dst_port = (_part(lines[rows], at, PORTS) for at in (SRC_PORT, DST_PORT))
    rows = rows[(src_port > 0) & (dst_port > 0)]
    lines = lines[rows]
    if not len(lines):
        return rows
    talk, outbound = _talks(lines)
    first = np.full((int(talk.max()) + 1, 2), NEVER, np.uint64)
    served, port = first.copy(), np.zeros_like(first)
    side = talk, outbound
    np.minimum.at(first, side, lines[:, FIRST])
    allowed = lines[:, REST] & _DENIED == 0
    np.minimum.at(served, (talk[allowed], outbound[allowed]), lines[allowed, FIRST])
    port[side] = _part(lines, DST_PORT, PORTS)
    asked, its_port = served[:, ::-1], port[:, ::-1]
    is_answer = (asked < first) | ((asked == first) & (its_port < port))
    return rows[is_answer[side]]


def apart(lines: Numbers, returns: Numbers) -> Numbers:
    """Drops the originator's port, and keeps return traffic in groups of its own."""
    lines = lines.copy()
    lines[:, REST] &= ~(PORTS << np.uint64(SRC_PORT))
    lines[returns, REST] |= np.uint64(1 << RETURN)
    lines = lines[np.lexsort((lines[:, PLACE], lines[:, REST], lines[:, ADDRESSES]))]
    starts = _starts(lines[:, : PLACE + 1])
    found = lines[starts]
    if len(starts):
        for column, how in _SUMMED.items():
            found[:, column] = how.reduceat(lines[:, column], starts)
    return found


def _part(lines: Numbers, at: int, mask: Numbers | np.uint64) -> Numbers:
    return lines[:, REST] >> np.uint64(at) & mask


def _starts(rows: Numbers) -> Numbers:
    """Returns where other rows begin."""
    new = rows[1:] != rows[:-1]
    new = new if new.ndim == 1 else new.any(axis=1)
    return np.concatenate([np.zeros(min(len(rows), 1), np.int64), np.flatnonzero(new) + 1])


def _talks(lines: Numbers) -> tuple[Numbers, Numbers]:
    """Returns a number for what two sides say to each other at an interface, and who began.

    Both directions of one protocol between two addresses and two ports are one talk.
    """
    rest = lines[:, REST]
    outbound = _part(lines, OUTBOUND, np.uint64(1)).astype(np.int64)
    ends = [
        np.stack([address, rest >> np.uint64(port) & PORTS, (rest & mark != 0).astype(np.uint64)])
        for address, port, mark in (
            (lines[:, ADDRESSES] >> FRONT, SRC_PORT, SRC_TEXT),
            (lines[:, ADDRESSES] & BACK, DST_PORT, DST_TEXT),
        )
    ]
    near, far = (np.where(outbound, *some) for some in (ends, ends[::-1]))
    words = [*near, *far, _part(lines, PROTOCOL, WORD), lines[:, PLACE] & _MAC]
    order = np.lexsort(words)
    new = np.zeros(len(order), np.int64)
    new[_starts(np.stack(words, axis=1)[order])[1:]] = 1
    talk = np.empty(len(order), np.int64)
    talk[order] = np.cumsum(new)
    return talk, outbound
