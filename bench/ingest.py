"""Blobs of VNet flow logs into Arrow, beside what others make of the same bytes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import duckdb
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit
from pyarrow import csv

from bench import figures, lake
from bench.blobs import as_nsg_blob, make_blob
from bench.figures import AtLeast, Figure
from flowverdict.flowlog import SCHEMA
from flowverdict.flowlog.kernel import read_blob_fast
from flowverdict.flowlog.reader import Reading, read_blob
from flowverdict.flowlog.records import rule_of

BLOBS = 4
ROUNDS = 9
THREADS_ROUNDS = 25
STEPS = 50_000_000
"""About as long as a blob."""
PLAIN_ROUNDS = 3
PLAIN_RECORDS = 3


class _Group(msgspec.Struct):
    rule: str
    flowTuples: list[str]  # noqa: N815


class _Flow(msgspec.Struct):
    aclID: str  # noqa: N815
    flowGroups: list[_Group]  # noqa: N815


class _Flows(msgspec.Struct):
    flows: list[_Flow]


class _Record(msgspec.Struct):
    macAddress: str  # noqa: N815
    targetResourceID: str  # noqa: N815
    flowLogResourceID: str  # noqa: N815
    flowRecords: _Flows  # noqa: N815


class _Blob(msgspec.Struct):
    records: list[_Record]


_WORD = pa.dictionary(pa.int32(), pa.string())
_TUPLE_COLUMNS = {
    "time": pa.int64(), "src_ip": pa.string(), "dst_ip": pa.string(), "src_port": pa.int32(),
    "dst_port": pa.int32(), "protocol": pa.int16(), "direction": _WORD, "state": _WORD,
    "encryption": _WORD, "packets_sent": pa.int64(), "bytes_sent": pa.int64(),
    "packets_received": pa.int64(), "bytes_received": pa.int64(),
}  # fmt: skip
_DECODER = msgspec.json.Decoder(_Blob)


def read_by_msgspec(data: bytes) -> pa.Table:
    """Return the rows of a blob by msgspec and pyarrow's CSV reader, the fastest of libraries.

    All columns, as cheaply as they come; addresses and ports are taken as they are, unchecked.
    """
    texts: list[str] = []
    counts: list[int] = []
    words: dict[str, list[str]] = {
        name: [] for name in ("rule", "rule_kind", "acl", "mac", "target", "flow_log")
    }
    in_record: list[int] = []
    for record in _DECODER.decode(data).records:
        before = len(texts)
        for flow in record.flowRecords.flows:
            for group in flow.flowGroups:
                texts.extend(group.flowTuples)
                counts.append(len(group.flowTuples))
                place = (record.macAddress, record.targetResourceID, record.flowLogResourceID)
                about = (*rule_of(group.rule, flow.aclID), flow.aclID, *place)
                for column, word in zip(words.values(), about, strict=True):
                    column.append(word or "")
        in_record.append(len(texts) - before)
    table = csv.read_csv(
        BytesIO("\n".join(texts).encode()),
        csv.ReadOptions(column_names=list(_TUPLE_COLUMNS), use_threads=False, block_size=1 << 22),
        csv.ParseOptions(quote_char=False),
        csv.ConvertOptions(column_types=_TUPLE_COLUMNS),
    ).combine_chunks()
    is_denied = np.asarray(pc.cast(table["state"], pa.string())) == "D"
    decisions = pa.DictionaryArray.from_arrays(is_denied.astype(np.int32), ["A", "D"])
    table = table.append_column("decision", decisions)
    for name, column in words.items():
        encoded = pa.array(column).dictionary_encode()
        codes = np.repeat(encoded.indices.to_numpy(), counts)
        table = table.append_column(name, pa.DictionaryArray.from_arrays(codes, encoded.dictionary))
    nothing = np.zeros(table.num_rows, np.int32)
    for name, word in (("schema", "vnet4"), ("blob", "blob")):
        table = table.append_column(name, pa.DictionaryArray.from_arrays(nothing, [word]))
    numbers = np.repeat(np.arange(len(in_record), dtype=np.int32), in_record)
    table = table.append_column("record", pa.array(numbers))
    tuples = np.concatenate([np.arange(one, dtype=np.int32) for one in in_record])
    return table.append_column("tuple", pa.array(tuples)).select(SCHEMA.names)


_SQL = """
with records as (select unnest(records) r from read_json(?, maximum_object_size = 1000000000,
  columns = {records: 'struct("macAddress" varchar, "targetResourceID" varchar,
    "flowLogResourceID" varchar, "flowRecords" struct(flows struct("aclID" varchar,
    "flowGroups" struct(rule varchar, "flowTuples" varchar[])[])[]))[]'})),
flows as (select r.macAddress mac, r.targetResourceID target, r.flowLogResourceID flow_log,
  unnest(r.flowRecords.flows) f from records),
groups as (select mac, target, flow_log, f.aclID acl, unnest(f.flowGroups) g from flows),
tuples as (select mac, target, flow_log, acl, g.rule rule, unnest(g.flowTuples) t from groups),
parts as (select mac, target, flow_log, acl, rule, string_split(t, ',') t from tuples)
select t[1]::bigint as time, t[2] src_ip, t[3] dst_ip, t[4]::integer src_port,
  t[5]::integer dst_port, t[6]::smallint protocol, t[7] direction, t[8] state, t[9] encryption,
  nullif(t[10], '')::bigint packets_sent, nullif(t[11], '')::bigint bytes_sent,
  nullif(t[12], '')::bigint packets_received, nullif(t[13], '')::bigint bytes_received,
  rule, acl, mac, target, flow_log
from parts
"""


def read_by_duckdb(path: Path) -> pa.Table:
    """Return the rows of a blob by SQL, on one core."""
    with duckdb.connect(config={"threads": 1}) as connection:
        return connection.sql(_SQL, params=[str(path)]).to_arrow_table()


def read_by_kernel(data: bytes) -> pa.Table:
    """Return the rows of a blob by the compiled reader."""
    return pa.Table.from_batches(read_blob_fast(data, Reading("blob")))


def read_plainly(data: bytes) -> pa.Table:
    """Return the rows of a blob by the reader in Python."""
    return pa.Table.from_batches(read_blob(data, Reading("blob")))


def measure() -> list[Figure]:
    """Read the same blobs by several readers, and bring them into a lake."""
    return [*_reading(), *lake.measure()]


def _reading() -> list[Figure]:
    """Read the same blobs into Arrow by several readers, one core each, and by two threads."""
    blobs = [make_blob(seed) for seed in range(1, BLOBS + 1)]
    nsg_blobs = [as_nsg_blob(one) for one in blobs]
    six = make_blob(1, only_ipv6=True)
    size, nsg_size = (sum(map(len, some)) / 1e6 for some in (blobs, nsg_blobs))
    few = make_blob(9, PLAIN_RECORDS)
    with tempfile.TemporaryDirectory(prefix="flowverdict-bench-") as name:
        paths = [Path(name) / f"{i}.json" for i in range(len(blobs))]
        for path, data in zip(paths, blobs, strict=True):
            path.write_bytes(data)
        _same_rows(blobs[0], paths[0])
        with ThreadPoolExecutor(2) as threads:
            one, both, one_count, both_counts = _seconds(
                THREADS_ROUNDS,
                lambda: [read_by_kernel(one).num_rows for one in blobs],
                lambda: list(threads.map(lambda one: read_by_kernel(one).num_rows, blobs)),
                lambda: [_count(STEPS) for _ in blobs],
                lambda: list(threads.map(lambda _: _count(STEPS), blobs)),
            )
        kernel, nsg, ipv4, ipv6, msgspec_s, duckdb_s = _seconds(
            ROUNDS,
            lambda: [read_by_kernel(one).num_rows for one in blobs],
            lambda: [read_by_kernel(one).num_rows for one in nsg_blobs],
            lambda: read_by_kernel(blobs[0]),
            lambda: read_by_kernel(six),
            lambda: [read_by_msgspec(one).num_rows for one in blobs],
            lambda: [read_by_duckdb(one).num_rows for one in paths],
        )
    (plain,) = _seconds(PLAIN_ROUNDS, lambda: read_plainly(few))
    plain_s = plain / len(few) * size * 1e6
    mb = f"{size:.0f} MB in {BLOBS} blobs"
    return [
        Figure("arrow_s", kernel, f"{mb}, one core: {size / kernel:.0f} MB/s"),
        AtLeast(
            "arrow_vs_msgspec_pyarrow",
            msgspec_s / kernel,
            f"msgspec + pyarrow.csv, one core: {size / msgspec_s:.0f} MB/s",
            at_least=7,
        ),
        AtLeast(
            "arrow_vs_duckdb",
            duckdb_s / kernel,
            f"DuckDB SQL, one core: {size / duckdb_s:.0f} MB/s",
            at_least=20,
        ),
        Figure(
            "arrow_vs_plain",
            plain_s / kernel,
            f"the plain reader, by {len(few) / 1e6:.1f} MB: {size / plain_s:.1f} MB/s",
        ),
        Figure(
            "vnet_vs_nsg",
            (size / kernel) / (nsg_size / nsg),
            f"bytes a second, to an NSG log of the same flows: {nsg_size / nsg:.0f} MB/s",
            1.5,
        ),
        Figure(
            "ipv6_vs_ipv4",
            ipv6 / ipv4 * read_by_kernel(blobs[0]).num_rows / read_by_kernel(six).num_rows,
            "time a tuple, where all addresses are IPv6, to where 2 % of the peers' are",
            2,
        ),
        AtLeast("two_threads", one / both, "two threads, to one", at_least=1.7),
        Figure(
            "two_threads_of_machine",
            one_count / both_counts,
            "likewise in the same rounds: counting without memory, as good as this machine can",
        ),
    ]


def _seconds(rounds: int, *jobs: Callable[[], object]) -> list[float]:
    """Return the shortest time of each job, taken in turns after a first round for nothing.

    What else a machine does only ever adds to a time.
    """
    times: list[list[float]] = [[] for _ in jobs]
    for turn in range(rounds + 1):
        for taken, job in zip(times, jobs, strict=True):
            start = time.perf_counter()
            job()
            if turn:
                taken.append(time.perf_counter() - start)
    return [min(one) for one in times]


@njit(nogil=True)
def _count(steps: int) -> np.uint64:
    found = np.uint64(1)
    for _ in range(steps):
        found = found * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
    return found


def _same_rows(data: bytes, path: Path) -> None:
    """Check that what is compared does the same work."""
    rows = read_by_kernel(data)
    for other in (read_by_msgspec(data), read_by_duckdb(path)):
        for name in other.column_names:
            wanted = rows[name].cast(_text_of(rows[name].type))
            found = other[name].cast(_text_of(other[name].type))
            if name == "rule" and "rule_kind" not in other.column_names:
                continue  # the SQL leaves the log's prefix on it
            assert wanted.combine_chunks().equals(found.cast(wanted.type).combine_chunks()), name


def _text_of(kind: pa.DataType) -> pa.DataType:
    """Return the type to compare by: words as text, times as numbers."""
    if pa.types.is_timestamp(kind):
        return pa.int64()
    return pa.string() if pa.types.is_dictionary(kind) else kind


if __name__ == "__main__":
    figures.run("ingest", measure)
