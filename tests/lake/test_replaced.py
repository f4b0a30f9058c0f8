"""A blob whose beginning is not what it was: nothing is lost, and nothing comes twice."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.lake.test_exactly_once import blob, record, rows, run

MAC = "0022486DBA37"


def times(lake: Path) -> list[int]:
    """How many rows each record's content has, whatever its number."""
    found = rows(lake)
    return sorted(found.values())


def test_a_shorter_copy_adds_nothing_and_is_reported(tmp_path: Path) -> None:
    source = tmp_path / "PT1H.json"
    source.write_text(blob(MAC, 5))
    run(source, tmp_path / "lake")
    before = rows(tmp_path / "lake")
    source.write_text(blob(MAC, 2))
    again = run(source, tmp_path / "lake")
    assert again.replaced == [source.as_posix()]
    assert (again.rows, again.duplicate_records) == (0, 2)
    assert rows(tmp_path / "lake") == before


def test_another_log_under_an_old_name_is_read(tmp_path: Path) -> None:
    """As long, or longer, or shorter: what is in it is in the lake afterwards, once."""
    source = tmp_path / "PT1H.json"
    source.write_text(blob(MAC, 3))
    run(source, tmp_path / "lake")
    for other, minutes in (("0022486DBA38", 3), ("0022486DBA39", 5), ("0022486DBA40", 1)):
        source.write_text(blob(other, minutes))
        again = run(source, tmp_path / "lake")
        assert again.rows == minutes * 30
        assert again.replaced == [source.as_posix()]
        assert run(source, tmp_path / "lake").rows == 0
    assert sum(rows(tmp_path / "lake").values()) == (3 + 3 + 5 + 1) * 30
    assert set(rows(tmp_path / "lake").values()) == {1}


def test_an_old_one_that_comes_back_adds_nothing(tmp_path: Path) -> None:
    source = tmp_path / "PT1H.json"
    for mac, added in ((MAC, 90), ("0022486DBA38", 90), (MAC, 0), ("0022486DBA38", 0)):
        source.write_text(blob(mac, 3))
        assert run(source, tmp_path / "lake").rows == added


@pytest.mark.parametrize("minutes", [4, 6])
def test_other_clothes_add_only_what_is_new(tmp_path: Path, minutes: int) -> None:
    """The same records, indented or packed, perhaps with more behind them."""
    source = tmp_path / "PT1H.json"
    source.write_text(blob(MAC, 4))
    run(source, tmp_path / "lake")
    indented = json.dumps({"records": [record(at, MAC, 30) for at in range(minutes)]}, indent=1)
    source.write_text(indented)
    again = run(source, tmp_path / "lake")
    assert (again.rows, again.replaced) == ((minutes - 4) * 30, [])
    source.write_bytes(gzip.compress(indented.encode()))
    assert run(source, tmp_path / "lake").rows == 0
    clean = tmp_path / "clean"
    run(source, clean)
    assert rows(tmp_path / "lake") == rows(clean)


def test_a_packed_blob_that_grows_is_read_on(tmp_path: Path) -> None:
    source = tmp_path / "PT1H.json.gz"
    for minutes in (2, 3, 6):
        source.write_bytes(gzip.compress(blob(MAC, minutes).encode()))
        run(source, tmp_path / "lake")
    clean = tmp_path / "clean"
    run(source, clean)
    assert rows(tmp_path / "lake") == rows(clean)


def test_what_is_quarantined_stays_once_when_a_blob_is_replaced(tmp_path: Path) -> None:
    source = tmp_path / "PT1H.json"
    bad = record(0, MAC, 3)
    bad["flowRecords"]["flows"][0]["flowGroups"][0]["flowTuples"].append("nonsense")
    source.write_text(json.dumps({"records": [bad]}))
    assert run(source, tmp_path / "lake").quarantined == 1
    source.write_text(json.dumps({"records": [bad]}, indent=2))
    assert run(source, tmp_path / "lake").quarantined == 0
    source.write_text(json.dumps({"records": [record(5, MAC, 3), bad]}))
    again = run(source, tmp_path / "lake")
    assert (again.rows, again.quarantined) == (3, 0)
