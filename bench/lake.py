"""Blobs into a lake: speed beside writing Parquet alone, memory, and room on the disk."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pyarrow as pa

from bench import processes
from bench.blobs import make_blob
from bench.figures import AtLeast, Figure
from flowverdict.flowlog import Reading
from flowverdict.flowlog.kernel import read_blob_fast
from flowverdict.lake import Lake, find_blobs, ingest
from flowverdict.lake.tables import FLOWS, Table

BLOBS = 6
ROUNDS = 5
MANY_BYTES = 2_000_000_000
LARGE_BYTES = 200_000_000

INGEST = (
    "from flowverdict.lake import Lake, find_blobs, ingest",
    "ingest(find_blobs([sys.argv[1]]), Lake(sys.argv[2]))",
)
NOTHING = ("from flowverdict.lake import Lake, find_blobs, ingest", "pass")


def measure() -> list[Figure]:
    """Ingest blobs, and write their rows as Parquet and nothing else, in turns."""
    with tempfile.TemporaryDirectory(prefix="flowverdict-bench-") as name:
        folder = Path(name)
        blobs = [make_blob(seed) for seed in range(1, BLOBS + 1)]
        logs = folder / "logs"
        logs.mkdir()
        for at, data in enumerate(blobs):
            (logs / f"{at}.json").write_bytes(data)
        return [*_speed(folder, logs, blobs), *_memory(folder, logs, blobs)]


def _speed(folder: Path, logs: Path, blobs: list[bytes]) -> list[Figure]:
    rows = pa.Table.from_batches(
        [batch for data in blobs for batch in read_blob_fast(data, Reading("blob"))]
    )
    lakes, writes = [], []
    for turn in range(ROUNDS + 1):
        lake = Lake(str(folder / f"lake-{turn}"))
        start = time.perf_counter()
        summary = ingest(find_blobs([str(logs)]), lake)
        lakes.append(time.perf_counter() - start)
        assert summary.rows == rows.num_rows
        alone = Table(Lake(str(folder / f"alone-{turn}")).store, "flows", FLOWS)
        start = time.perf_counter()
        alone.write(rows)
        writes.append(time.perf_counter() - start)
    size = sum(map(len, blobs))
    lake_s, write_s = sorted(lakes[1:])[ROUNDS // 2], sorted(writes[1:])[ROUNDS // 2]
    on_disk = sum(one.stat().st_size for one in (folder / "lake-0" / "flows").rglob("*.parquet"))
    return [
        Figure(
            "lake_s",
            lake_s,
            f"{size / 1e6:.0f} MB, {rows.num_rows:,} rows, two threads: "
            f"{size / lake_s / 1e6:.0f} MB/s, {rows.num_rows / lake_s / 1e6:.1f} M rows/s",
        ),
        AtLeast(
            "lake_vs_parquet_write",
            write_s / lake_s,
            f"the same rows as Parquet and nothing else, two threads: {write_s:.2f} s",
            at_least=0.6,
        ),
        Figure("bytes_per_row", on_disk / rows.num_rows, "on the disk, a tuple", 15),
    ]


def _memory(folder: Path, logs: Path, blobs: list[bytes]) -> list[Figure]:
    """Take the peaks of fresh processes; what Python and its libraries need is in them."""
    large = folder / "large" / "PT1H.json"
    large.parent.mkdir()
    with large.open("wb") as file:
        file.write(b'{"records":[')
        comma, size, at = b"", 0, 0
        while size < LARGE_BYTES:
            records = blobs[at % len(blobs)][len(b'{"records":[') : -len(b"]}")]
            size += file.write(comma + records)
            comma, at = b",", at + 1
        file.write(b"]}")
    many = folder / "many"
    many.mkdir()
    linked = count = 0
    while linked < MANY_BYTES:
        source = logs / f"{count % len(blobs)}.json"
        os.link(source, many / f"{count}.json")
        linked, count = linked + source.stat().st_size, count + 1
    peaks = {
        name: processes.usages(
            {name: snippet}, [str(source), str(folder / f"lake-of-{name}")], rounds=1
        )[name].peak_mb
        for name, source, snippet in (
            ("nothing", large.parent, NOTHING),
            ("large", large.parent, INGEST),
            ("many", many, INGEST),
        )
    }
    large_mb = large.stat().st_size / 2**20
    return [
        Figure("lake_start_mb", peaks["nothing"], "peak of a process that only imports"),
        Figure(
            "blob_200mb_vs_size",
            peaks["large"] / large_mb,
            f"peak of reading one blob of {large_mb:.0f} MB: {peaks['large']:.0f} MB, to its size",
            5,
        ),
        Figure(
            "blobs_2gb_mb",
            peaks["many"],
            f"peak of reading {linked / 1e9:.1f} GB in {count} blobs",
            1500,
        ),
    ]
