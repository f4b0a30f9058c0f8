"""Recorded flows as a change meets them: each one once, with the ends at which it was recorded.

A flow is a protocol, two addresses and the port of the responder; the originator's port counts only
where a rule tests it. It is recorded at the originator's interface, at the responder's, or at both,
by a VNet flow log, an NSG flow log, or both. Rows of one flow are next to each other, so that a
batch of rows can be judged and its flows put together without knowing the others.
"""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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
    OUTBOUND,
    PLACE,
    PLATFORM,
    PORTS,
    PROTOCOL,
    REST,
    RETURN,
    SRC_PORT,
    SRC_TEXT,
    WORD,
)
from flowverdict.impact.groups import (
    COLUMNS,
    EVERY_PAIR,
    TIME,
    Groups,
    Part,
    Places,
    as_set,
    read_rows,
)
from flowverdict.impact.returns import answers, apart, may_answer
from flowverdict.lake import ALWAYS, scan
from flowverdict.net import ALL_PORTS, PORTED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.lake import Lake, Period
    from flowverdict.model import Estate

Numbers = np.ndarray[Any, np.dtype[Any]]

FLOW: Final = ("protocol", "src_ip", "dst_ip", "src_port", "dst_port")
"""What makes rows one flow."""
NO_PACKET: Final = "what packet it was: a port or an address"

MOST: Final = 3_000_000
"""Groups in memory at once, of about 100 bytes each: behind it the lake is read in parts."""
_FINEST: Final = 1 << 12
"""Parts of the lake that are not divided any more."""
_ROWS_A_BATCH: Final = 1 << 16
_SUMS: Final = (("hits", HITS), ("bytes", BYTES))
_TIMES: Final = (("first", FIRST), ("last", LAST))
_OUTBOUND: Final = np.uint64(1 << OUTBOUND)
_ONE_FLOW: Final = ~np.uint64(1 << OUTBOUND | 1 << RETURN | 1 << PLATFORM | 1 << DENIED)


def tests_source_ports(estate: Estate) -> bool:
    """Reports whether a rule tests the originator's port."""
    of_nsgs = (rule for nsg in estate.resources.nsgs.values() for rule in nsg.rules)
    rules = (*of_nsgs, *estate.every_admin_rule)
    return any(rule.source_ports != ALL_PORTS for rule in rules)


def recorded(
    lake: Lake, *, period: Period = ALWAYS, source_ports: bool = True, ruled: bool = False
) -> Iterator[pa.RecordBatch]:
    """Yields recorded flows, the rows of each one in one batch.

    A row is one end of a flow in one kind of log: ``FLOW``, ``direction``, ``mac``, ``target`` and
    ``acl``, ``nsg`` (of an NSG flow log), ``is_return`` (of return traffic), ``is_platform`` (no
    rule decided, but the platform or a demand for encryption), ``hits`` (recorded tuples),
    ``bytes`` both ways, ``first`` and ``last`` time. Allowed and denied tuples are rows apart:
    ``decision``. With ``ruled`` those of each ``rule`` and ``rule_kind`` are, too.

    Args:
        lake: where they are recorded.
        period: the time of the tuples.
        source_ports: whether flows from different ports are different flows.
        ruled: whether what different rules decided are different rows.

    Raises:
        LakeError: there is nothing in the lake yet; also while the rows are read.
    """
    left, places = [Part()], Places(ruled=ruled)
    while left:
        yield from _Reading(lake, period, places, left).flows(source_ports=source_ports)


class _Reading:
    """One part of a lake; where it is too large, half of it, and the other half is left to do."""

    def __init__(self, lake: Lake, period: Period, places: Places, left: list[Part]) -> None:
        self._lake = lake
        self._period = period
        self._places = places
        self._left = left
        self._part = left.pop()
        self._groups: list[Groups] = []

    def flows(self, *, source_ports: bool) -> Iterator[pa.RecordBatch]:
        """Yields the rows of the part."""
        groups = self._read(source_ports=source_ports)
        if source_ports:
            lines = groups.lines
            lines[answers(lines, groups.pairs()), REST] |= np.uint64(1 << RETURN)
            yield from self._batches(groups, lines)
            return
        pairs = groups.pairs()
        pairs = np.unique(pairs[may_answer(groups.lines, pairs)])
        if len(pairs):  # to tell it takes both ports
            some = self._read(source_ports=True, pairs=as_set(pairs))
            yield from self._batches(some, apart(some.lines, answers(some.lines, some.pairs())))
        others = ~np.isin(groups.pairs(), pairs)
        yield from self._batches(groups, groups.lines[others])

    def _read(self, *, source_ports: bool, pairs: Numbers = EVERY_PAIR) -> Groups:
        groups = Groups()
        self._groups.append(groups)
        for batch in scan(self._lake, COLUMNS, period=self._period):
            if not len(batch):
                continue
            groups.add(read_rows(batch, self._places, source_ports=source_ports), self._part, pairs)
            while groups.size > MOST and self._part.of < _FINEST:
                self._part, other = self._part.halves()
                self._left.append(other)
                for one in self._groups:
                    one.keep(self._part.has(one.pairs()))
        return groups

    def _batches(self, groups: Groups, lines: Numbers) -> Iterator[pa.RecordBatch]:
        """Yields groups as rows, those of each flow in one batch, outbound ones first."""
        flow = lines[:, REST] & _ONE_FLOW
        order = np.lexsort((~lines[:, REST] & _OUTBOUND, flow, lines[:, ADDRESSES]))
        addresses, flow = lines[order, ADDRESSES], flow[order]
        new = np.flatnonzero((addresses[1:] != addresses[:-1]) | (flow[1:] != flow[:-1])) + 1
        after = np.searchsorted(new, np.arange(_ROWS_A_BATCH, len(order), _ROWS_A_BATCH))
        for rows in np.split(order, np.unique(new[after[after < len(new)]])):
            if len(rows):
                yield self._batch(groups, lines[rows])

    def _batch(self, groups: Groups, lines: Numbers) -> pa.RecordBatch:
        rest, addresses = lines[:, REST], lines[:, ADDRESSES]
        columns = {
            "protocol": pa.array((rest >> np.uint64(PROTOCOL) & WORD).astype(np.int16)),
            "src_ip": groups.addresses(addresses >> FRONT, rest & SRC_TEXT != 0),
            "dst_ip": groups.addresses(addresses & BACK, rest & DST_TEXT != 0),
            "src_port": _ports(rest >> np.uint64(SRC_PORT)),
            "dst_port": _ports(rest >> np.uint64(DST_PORT)),
            "direction": pc.if_else(pa.array(rest & _OUTBOUND != 0), "O", "I"),
            **self._places.columns(lines[:, PLACE]),
            "decision": pc.if_else(pa.array(rest & np.uint64(1 << DENIED) != 0), "D", "A"),
            "is_return": pa.array(rest & np.uint64(1 << RETURN) != 0),
            "is_platform": pa.array(rest & np.uint64(1 << PLATFORM) != 0),
            **{name: pa.array(lines[:, at].astype(np.int64)) for name, at in _SUMS},
            **{name: pa.array(lines[:, at].astype(np.int64)).cast(TIME) for name, at in _TIMES},
        }
        return pa.RecordBatch.from_pydict(columns)


def _ports(words: Numbers) -> pa.Array:
    ports = (words & PORTS).astype(np.int32) - 1
    return pa.array(ports, mask=ports < 0)


def naming(batch: pa.RecordBatch) -> dict[str, pa.Array]:
    """Returns what tells the interface of each row, as ``packets.Places`` takes it."""
    names = ("direction", "mac", "target", "acl", "src_ip", "dst_ip")
    return {name: batch[name] for name in names}


def tells_packet(batch: pa.RecordBatch) -> pa.Array:
    """Reports of each row whether it tells a packet: two addresses of a family, and the ports."""
    ported = pc.is_in(batch["protocol"], pa.array(PORTED, batch["protocol"].type))
    families = [pc.match_substring(batch[name], ":") for name in ("src_ip", "dst_ip")]
    return pc.and_(pc.equal(*families), pc.or_(pc.invert(ported), batch["dst_port"].is_valid()))


def starts(batch: pa.RecordBatch) -> Numbers:
    """Returns where flows begin in a batch of rows that stand together."""
    if not len(batch):
        return np.zeros(0, np.int64)
    new = np.zeros(len(batch), np.bool_)
    new[0] = True
    for name in FLOW:
        column = batch[name]
        if column.null_count == len(column):
            continue
        if not pa.types.is_string(column.type):
            column = column.cast(pa.int64()).fill_null(-1)
        new[1:] |= pc.not_equal(column[1:], column[:-1]).to_numpy(zero_copy_only=False)
    return np.flatnonzero(new)
