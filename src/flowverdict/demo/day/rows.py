"""Tuples as flow rows: the table that the writer of blobs takes."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from flowverdict.demo.day.rhythm import MIDNIGHT, SECOND, Flags
from flowverdict.demo.day.sightings import Spot
from flowverdict.demo.day.traffic import Flows
from flowverdict.demo.day.tuples import CONTINUE, DENIED, END, Tuples
from flowverdict.flowlog.columns import SCHEMA

_FALLBACKS = 0.01
"""Of the flows that should be encrypted, those for which the attempt failed."""


def flow_rows(
    found: Tuples, flows: Flows, spots: Sequence[Spot], rng: np.random.Generator
) -> pa.RecordBatch:
    """Returns tuples as one batch by `SCHEMA`, in their order.

    Args:
        found: the tuples.
        flows: what their `flow` counts.
        spots: what their `spot` counts.
        rng: draws which flows fell back to no encryption.
    """
    spot = found.spot

    def by_spot(value: Callable[[Spot], str | int | None]) -> pa.Array:
        return pa.array([value(one) for one in spots]).take(pa.array(spot))

    falls_back = (rng.random(len(flows.route)) < _FALLBACKS)[found.flow]
    columns = {
        "time": pa.array(found.time + int(MIDNIGHT.timestamp()) * SECOND),
        "src_ip": by_spot(lambda one: one.route.src),
        "dst_ip": by_spot(lambda one: one.route.dst),
        "src_port": pa.array(flows.port[found.flow]),
        "dst_port": by_spot(lambda one: one.route.port),
        "protocol": by_spot(lambda one: one.route.protocol),
        "direction": by_spot(lambda one: one.direction),
        "decision": by_spot(lambda one: "A" if one.allowed else "D"),
        "state": _states(found, spots),
        "encryption": _encryption(by_spot(lambda one: one.encryption), falls_back),
        **_counters(found, spots),
        "rule": by_spot(lambda one: one.entry.rule),
        "rule_kind": by_spot(lambda one: one.entry.kind),
        "acl": by_spot(lambda one: one.entry.acl),
        "mac": by_spot(lambda one: one.mac),
        "target": by_spot(lambda one: one.entry.target),
        "flow_log": by_spot(lambda one: one.entry.flow_log),
        "schema": by_spot(lambda one: one.entry.schema),
        "blob": pa.array([""] * len(spot)),
        "record": pa.array(np.zeros(len(spot), np.int64)),
        "tuple": pa.array(np.zeros(len(spot), np.int64)),
    }
    return pa.RecordBatch.from_arrays(
        [_typed(columns[field.name], field.type) for field in SCHEMA], schema=SCHEMA
    )


def _typed(column: pa.Array, type_: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(type_):
        return column.dictionary_encode().cast(type_)
    return column.cast(type_)


def _states(found: Tuples, spots: Sequence[Spot]) -> pa.Array:
    """Returns the states as each form of log has them: none in v1, and no `D` in v2."""
    schema = np.array([one.entry.schema for one in spots])[found.spot]
    letters = np.array(["B", "C", "E", "D"])[found.state]
    letters = np.where((schema == "nsg2") & (found.state == DENIED), "B", letters)
    return pa.array(letters.tolist(), mask=schema == "nsg1")


def _encryption(tokens: pa.Array, falls_back: Flags) -> pa.Array:
    words = np.array(tokens.to_pylist(), object)
    words[(words == "X") & falls_back] = "NX_FALLBACK"
    return pa.array(words.tolist(), pa.string())


def _counters(found: Tuples, spots: Sequence[Spot]) -> dict[str, pa.Array]:
    """Returns the counters; a begin or a denial has zeros in a network's log, nothing in others."""
    is_network = np.array([one.entry.schema == "vnet4" for one in spots])[found.spot]
    is_counting = (found.state == CONTINUE) | (found.state == END)
    nothing = ~(is_network | is_counting)
    return {
        name: pa.array(getattr(found, name), mask=nothing)
        for name in ("packets_sent", "bytes_sent", "packets_received", "bytes_received")
    }
