"""Flows out of the rows of their ends: where each begins, what is counted, what is told of it."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flowverdict.impact.recorded import FLOW, starts

Numbers = np.ndarray[Any, np.dtype[Any]]

TOLD: Final = pa.schema(
    [
        ("protocol", pa.int16()), ("src_ip", pa.string()), ("dst_ip", pa.string()),
        ("src_port", pa.int32()), ("dst_port", pa.int32()), ("direction", pa.string()),
        ("nic", pa.string()), ("hits", pa.int64()), ("bytes", pa.int64()),
        ("first", pa.timestamp("ms", "UTC")), ("last", pa.timestamp("ms", "UTC")),
        ("decisions", pa.string()),
    ]
)  # fmt: skip
"""A flow that changes, at the end that decides."""


def flow_starts(batch: pa.RecordBatch) -> Numbers:
    """Returns where flows begin; where an end is several interfaces, each row is a flow.

    Addresses are used twice in networks that do not meet: rows of two such flows look like one.
    """
    first = starts(batch)
    count = len(batch)
    flow = np.repeat(np.arange(len(first)), np.diff(np.append(first, count)))
    nics = batch["nic"].dictionary_encode().indices.fill_null(-1).to_numpy()
    inbound = pc.equal(batch["direction"], "I").to_numpy(zero_copy_only=False)
    alone = np.zeros(len(first), np.bool_)
    for way in (inbound, ~inbound):
        low = np.full(len(first), np.iinfo(np.int64).max)
        high = np.full(len(first), -2)
        np.minimum.at(low, flow[way], nics[way])
        np.maximum.at(high, flow[way], nics[way])
        alone |= (high > low) & (high >= 0)
    begins = np.zeros(count, np.bool_)
    begins[first] = True
    return np.flatnonzero(begins | alone[flow])


def summed(batch: pa.RecordBatch, first: Numbers) -> pa.RecordBatch:
    """Returns the counts of each flow: of what logged it, at either end, what has most of it."""
    inbound = pc.equal(batch["direction"], "I").to_numpy(zero_copy_only=False)
    nsg = batch["nsg"].to_numpy(zero_copy_only=False)
    sums: dict[str, pa.Array] = {}
    for name in ("hits", "bytes"):
        values = batch[name].to_numpy()
        seen = [
            np.add.reduceat(np.where((inbound == way) & (nsg == log), values, 0), first)
            for way in (True, False)
            for log in (True, False)
        ]
        sums[name] = pa.array(np.maximum.reduce(seen))
    for name, reduced in (("first", np.minimum), ("last", np.maximum)):
        column = batch[name]
        moments = column.cast(pa.int64()).to_numpy()
        sums[name] = pa.array(reduced.reduceat(moments, first)).cast(column.type)
    denied = pc.equal(batch["decision"], "D").to_numpy(zero_copy_only=False)
    kinds = np.bitwise_or.reduceat(np.where(denied, 2, 1), first)
    sums["decisions"] = pa.array(["", "A", "D", "AD"]).take(pa.array(kinds))
    return pa.RecordBatch.from_pydict(sums)


def first_of(wanted: Numbers, first: Numbers) -> Numbers:
    """Returns of each flow the first row that is wanted, outbound before inbound by their order."""
    places = np.where(wanted, np.arange(len(wanted)), len(wanted))
    return np.minimum.reduceat(places, first)


def told(
    batch: pa.RecordBatch,
    of_flows: pa.RecordBatch,
    first: Numbers,
    which: Numbers,
    decides: Numbers,
) -> pa.RecordBatch:
    """Returns what is told of some flows: the end that decides, and the sums.

    Args:
        batch: rows with their interfaces.
        of_flows: the counts of each flow: ``summed``.
        first: where flows begin.
        which: the flows.
        decides: the rows that may decide; of those of a flow the first does.
    """
    rows = first_of(decides, first)[which]
    ends = batch.select([*FLOW, "direction", "nic"]).take(pa.array(rows))
    sums = of_flows.filter(pa.array(which))
    columns = dict(zip(ends.schema.names, ends.columns, strict=True))
    columns |= dict(zip(sums.schema.names, sums.columns, strict=True))
    return pa.RecordBatch.from_pydict(columns)
