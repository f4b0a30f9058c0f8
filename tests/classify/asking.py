"""Packets as batches, and the evaluator's answers to them in the classifier's words."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from flowverdict.classify import Classifier
from flowverdict.model import Direction, Estate, ResourceId
from flowverdict.net import Packet, format_address
from flowverdict.policy import (
    DEFAULTS,
    Network,
    Options,
    Standpoint,
    Verdict,
    evaluate_at,
    rule_name,
)

Answer = tuple[str | None, ...]


@dataclass(frozen=True)
class Seen:
    """A packet and the interface at which it is seen."""

    nic: str
    direction: Direction
    packet: Packet


def batch_of(some: Iterable[Seen]) -> pa.RecordBatch:
    rows = [
        {
            "nic": one.nic,
            "direction": one.direction.value[0],
            "protocol": one.packet.protocol,
            "src_ip": format_address(one.packet.src),
            "dst_ip": format_address(one.packet.dst),
            "src_port": one.packet.src_port,
            "dst_port": one.packet.dst_port,
        }
        for one in some
    ]
    return pa.RecordBatch.from_pylist(
        rows,
        schema=pa.schema(
            {
                "nic": pa.string(),
                "direction": pa.dictionary(pa.int32(), pa.string()),
                "protocol": pa.int16(),
                "src_ip": pa.string(),
                "dst_ip": pa.string(),
                "src_port": pa.int32(),
                "dst_port": pa.int32(),
            }
        ),
    )


def answers(batch: pa.RecordBatch) -> list[Answer]:
    return [tuple(row.values()) for row in batch.to_pylist()]


def judged(classifier: Classifier, some: list[Seen]) -> list[Answer]:
    return answers(classifier.judge(batch_of(some)))


def expected(estate: Estate, some: list[Seen], options: Options = DEFAULTS) -> list[Answer]:
    """The evaluator's answers, packet for packet, at a place that is made anew for each."""
    network = Network(estate, options)
    found: list[Answer] = []
    for one in some:
        nic = estate.resources.nics[ResourceId(one.nic)]
        found.append(answer_of(evaluate_at(Standpoint(network, nic), one.direction, one.packet)))
    return found


def answer_of(verdict: Verdict) -> Answer:
    """A verdict of the evaluator in the classifier's words."""
    rule: Any = verdict.rule
    return (
        verdict.access,
        rule_name(verdict.layer, rule) if rule else None,
        str(rule.id) if rule else None,
        verdict.layer,
        "; ".join(verdict.missing) or None,
    )
