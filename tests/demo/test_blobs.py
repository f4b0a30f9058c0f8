"""The day on disk: laid out as Azure lays it out, and read back as it was made."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from flowverdict.demo.day.blobs import Written, write_day
from flowverdict.flowlog import SCHEMA, Reading, read_blob
from flowverdict.flowlog.paths import parse_path
from tests.demo.conftest import Day

PLACE = ["blob", "record", "tuple"]


@pytest.fixture(scope="module")
def written(day: Day, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Written]:
    folder = tmp_path_factory.mktemp("written") / "logs"
    return folder, write_day(folder, day.judge)


def files(folder: Path) -> list[Path]:
    return sorted(one for one in folder.rglob("*") if one.is_file())


def test_it_says_how_much_it_wrote(written: tuple[Path, Written]):
    folder, said = written
    sizes = [one.stat().st_size for one in files(folder)]
    assert (said.blobs, said.bytes) == (len(sizes), sum(sizes))


def test_every_path_is_one_of_azures(written: tuple[Path, Written]):
    folder, _ = written
    families: Counter[str] = Counter()
    for one in files(folder):
        path = parse_path(one.relative_to(folder).as_posix())
        assert path is not None
        assert path.hour is not None
        assert path.mac is not None
        families[path.family] += 1
    assert families["vnet"] > families["nsg"] > 50
    containers = {one.name for one in folder.iterdir()}
    assert containers == {
        "insights-logs-flowlogflowevent",
        "insights-logs-networksecuritygroupflowevent",
    }


def test_every_blob_has_its_head_and_tail(written: tuple[Path, Written]):
    for one in files(written[0]):
        data = one.read_bytes()
        assert data.startswith(b'{"records":[{"time":"2026-03-1')
        assert data.endswith(b"]}")


def test_what_is_read_is_what_was_made(day: Day, written: tuple[Path, Written]):
    (mac,) = day.one("SELECT any_value(mac) FROM flows WHERE dst_port = 3389 AND rule = 'DenyRdp'")
    made = day.rows.filter(pa.array([one == mac for one in day.rows.column("mac").to_pylist()]))
    assert made.num_rows > 20_000
    batches: list[pa.RecordBatch] = []
    for one in written[0].rglob(f"macAddress={mac}/PT1H.json"):
        reading = Reading(one.name)
        batches.extend(read_blob(one.read_bytes(), reading))
        assert not reading.rejected
        assert not reading.warnings
    names = [name for name in SCHEMA.names if name not in PLACE]
    read = pa.Table.from_batches(batches)

    def sorted_rows(table: pa.Table | pa.RecordBatch) -> list[str]:
        return sorted(map(str, table.select(names).to_pylist()))

    assert sorted_rows(read) == sorted_rows(made)


def test_a_machine_that_never_compiled_the_reader_need_not_for_the_demo(
    written: tuple[Path, Written],
):
    """Above 16 MB `ingest` compiles, once for a machine and for half a minute."""
    assert written[1].bytes < 16_000_000
