"""A change of policy against recorded flows: speed beside the classifier alone, and memory."""

import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from deltalake import Transaction

from bench import figures, processes
from bench.classify import CHAIN, seconds
from bench.figures import AtLeast, Figure
from bench.networks import make_estate, make_flows
from flowverdict.classify import compile_estate
from flowverdict.flowlog import SCHEMA
from flowverdict.lake import Lake
from flowverdict.model import Estate

ROWS = int(os.environ.get("FLOWVERDICT_BENCH_ROWS", "50000000"))
"""Recorded rows; fewer for a trial."""
FLOWS = 2_000_000
"""Different flows among them, source ports aside."""
_MOMENT = 1786653060000
_DAY = 86_400_000

WHAT_IF = (
    """
from bench.impact import estates
from flowverdict.impact.what_if import what_if
from flowverdict.lake import Lake
before, after = estates()
lake = Lake(sys.argv[1])
""",
    "found = what_if(before, after, lake); assert found.broken and found.opened",
)


def estates() -> tuple[Estate, Estate]:
    """Return an estate of ten thousand interfaces, and the same with every tenth rule gone."""
    estate = make_estate(CHAIN)
    nics = {
        nic.id: replace(nic, mac=f"{at:012X}")
        for at, nic in enumerate(estate.resources.nics.values())
    }
    nsgs = {
        nsg.id: replace(
            nsg, rules=tuple(one for at, one in enumerate(nsg.rules) if one.is_default or at % 10)
        )
        for nsg in estate.resources.nsgs.values()
    }
    before = replace(estate, resources=replace(estate.resources, nics=nics))
    return before, replace(before, resources=replace(before.resources, nsgs=nsgs))


def make_lake(folder: Path, flows: pa.RecordBatch, macs: pa.Array, rows: int) -> Lake:
    """Return a lake of so many rows: the flows again and again, from other ports at other times."""
    lake = Lake(str(folder))
    chance = np.random.default_rng(3)
    for start in range(0, rows, len(flows)):
        count = min(len(flows), rows - start)
        chosen = flows.take(pa.array(chance.permutation(len(flows))[:count]))
        columns = {
            **{name: chosen[name] for name in ("src_ip", "dst_ip", "dst_port", "protocol")},
            "direction": chosen["direction"],
            "mac": pa.DictionaryArray.from_arrays(chosen["nic"].indices, macs),
            "time": pa.array(_MOMENT + chance.integers(0, _DAY, count)),
            "src_port": pa.array(chance.integers(1024, 65536, count)),
            "record": pa.array(np.arange(count)),
            "tuple": pa.array(np.zeros(count, np.int32)),
            **{name: pa.array(chance.integers(0, 9000, count)) for name in _COUNTS},
        }
        words = {
            "decision": "A", "state": "E", "schema": "vnet4", "blob": str(start), "acl": "/nsg",
            "rule_kind": "user", "rule": "r1", "target": "/v", "flow_log": "/f",
        }  # fmt: skip
        for name, word in words.items():
            columns[name] = pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), [word])
        columns["encryption"] = pa.nulls(count, SCHEMA.field("encryption").type)
        table = pa.table([columns[one.name].cast(one.type) for one in SCHEMA], schema=SCHEMA)
        delta = lake.flows.snapshot().delta or lake.flows.create()
        lake.flows.commit(delta, lake.flows.write(table), Transaction("bench", start))
    return lake


_COUNTS = ("packets_sent", "bytes_sent", "packets_received", "bytes_received")


def measure() -> list[Figure]:
    """Judge the rows of a lake before and after a change, and the different ones without it."""
    before, _ = estates()
    flows = make_flows(before, FLOWS)
    macs = pa.array([one.mac for one in before.resources.nics.values()])
    classifier = compile_estate(before)
    mixed = flows.take(pa.array(np.random.default_rng(2).permutation(len(flows))))
    alone_s = seconds(lambda: classifier.judge(mixed), rounds=3)
    with tempfile.TemporaryDirectory(prefix="flowverdict-bench-") as folder:
        start = time.perf_counter()
        make_lake(Path(folder), flows, macs, ROWS)
        made_s = time.perf_counter() - start
        one = processes.usages({"what-if": WHAT_IF}, [folder], rounds=1)["what-if"]
    rate, alone = ROWS / one.seconds, FLOWS / alone_s
    return [
        Figure(
            "what_if_s",
            one.seconds,
            f"{ROWS:,} recorded rows, {FLOWS:,} different flows, 10,000 NICs, two cores: "
            f"{rate / 1e6:.2f} M rows/s; made in {made_s:.0f} s",
        ),
        AtLeast(
            "what_if_vs_classifier",
            rate / alone,
            f"the classifier alone in random order, one core: {alone / 1e6:.2f} M flows/s",
            at_least=0.5,
        ),
        Figure("what_if_mb", one.peak_mb, "peak of the process, the estates in it", 2000),
    ]


if __name__ == "__main__":
    figures.run("impact", measure)
