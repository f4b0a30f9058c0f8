"""Small files are merged, and the rows stay what they were."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

from flowverdict.lake import Lake, compact, retain
from flowverdict.lake.compaction import _merge, _portions
from tests.lake.test_exactly_once import blob, rows, run


def grown(tmp_path: Path, steps: int) -> Lake:
    """A lake whose one blob was read after each of its minutes."""
    source = tmp_path / "PT1H.json"
    for minutes in range(1, steps + 1):
        source.write_text(blob("0022486DBA37", minutes))
        run(source, tmp_path / "lake")
    return Lake(str(tmp_path / "lake"))


def files(lake: Lake) -> list[str]:
    """The files of the flows that are part of the table."""
    table = lake.flows.open()
    assert table is not None
    return table.file_uris()


def test_many_small_files_become_one(tmp_path: Path) -> None:
    lake = grown(tmp_path, 17)
    before = rows(tmp_path / "lake")
    assert len(files(lake)) == 17
    done = compact(lake)
    assert (done.merged, done.into) == (17, 1)
    assert len(files(lake)) == 1
    assert rows(tmp_path / "lake") == before
    assert compact(lake).merged == 0


def test_few_small_files_stay(tmp_path: Path) -> None:
    assert compact(grown(tmp_path, 3)).merged == 0


def test_reading_goes_on_where_it_was_after_merging(tmp_path: Path) -> None:
    lake = grown(tmp_path, 17)
    compact(lake)
    source = tmp_path / "PT1H.json"
    assert run(source, tmp_path / "lake").rows == 0
    source.write_text(blob("0022486DBA37", 18))
    assert run(source, tmp_path / "lake").rows == 30
    run(source, tmp_path / "clean")
    assert rows(tmp_path / "lake") == rows(tmp_path / "clean")


def test_two_that_merge_at_once_do_not_both_win(tmp_path: Path) -> None:
    """Delta alone would let them: then each row would be there twice."""
    lake = grown(tmp_path, 17)
    before = rows(tmp_path / "lake")
    first, second = lake.flows.open(), lake.flows.open()
    assert first is not None
    assert second is not None
    (portion,) = _portions(first)
    assert [_merge(lake.flows, one, portion) for one in (first, second)] == [True, False]
    assert rows(tmp_path / "lake") == before


def test_what_retention_deletes_does_not_come_back_by_merging(tmp_path: Path) -> None:
    lake = grown(tmp_path, 17)
    stale = lake.flows.open()
    assert stale is not None
    (portion,) = _portions(stale)
    retain(lake, 1, datetime(2026, 8, 20, tzinfo=UTC))
    assert not _merge(lake.flows, stale, portion)
    assert not rows(tmp_path / "lake")


def test_rows_that_come_while_files_are_merged_stay(tmp_path: Path) -> None:
    lake = grown(tmp_path, 16)
    source = tmp_path / "other.json"
    source.write_text(blob("0022486DBA38", 40))
    other = threading.Thread(target=run, args=(source, tmp_path / "lake", 200))
    other.start()
    compact(lake)
    other.join()
    for one in (source, tmp_path / "PT1H.json"):
        run(one, tmp_path / "clean")
    assert rows(tmp_path / "lake") == rows(tmp_path / "clean")
