"""The commands `ingest` and `flows`."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.cli.runs import run, start
from tests.lake.test_exactly_once import blob, fill


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake of two blobs."""
    result = run("ingest", fill(tmp_path / "logs", 2), "--lake", tmp_path / "lake")
    assert result.exit_code == 0
    return tmp_path / "lake"


def test_ingest_says_what_it_did(tmp_path: Path) -> None:
    logs = fill(tmp_path / "logs", 2)
    result = run("ingest", logs, "--lake", tmp_path / "lake", "--output", "json")
    answer = json.loads(result.stdout)
    assert answer.pop("seconds") >= 0
    assert answer.pop("bytes") > 0
    assert answer == {
        "blobs": 2, "records": 8, "rows": 240, "quarantined": 0, "duplicate_records": 0,
        "warnings": {},
    }  # fmt: skip
    assert result.stderr == ""


def test_standard_input_is_a_source(tmp_path: Path) -> None:
    (tmp_path / "PT1H.json").write_text(blob("0022486DBA37", 1))
    done = start(["ingest", "-", "--lake", tmp_path / "lake"], behind=f"< {tmp_path}/PT1H.json")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"30 rows from 1 record of 1 blob")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"notes.json": '{"a": 1}'}, "is no flow log: passed over"),
        ({}, "nothing to read"),
    ],
)
def test_nothing_that_could_be_read_is_2(tmp_path: Path, files: dict[str, str], said: str) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    result = run("ingest", folder, "--lake", tmp_path / "lake")
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ingest", "nowhere", "--lake", "lake"), "nowhere: no such file or folder"),
        (("ingest", "", "--lake", "lake"), "no such file or folder"),
        (("flows", "--lake", "nowhere"), "holds no flows yet"),
        (("flows", "--lake", "nowhere", "--where", "1", "--sql", "2"), "expected one of the two"),
        (("flows", "--lake", "nowhere", "--output", "parquet"), "expected --to FILE"),
    ],
)
def test_wrong_words_are_2_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_query_may_be_wrong(lake: Path) -> None:
    result = run("flows", "--lake", lake, "--sql", "SELECT nothing FROM nowhere")
    assert result.exit_code == 2
    assert result.stderr.startswith("SQL: ")
    assert result.stderr.count("\n") == 1


def test_rows_come_out_in_every_form(lake: Path, tmp_path: Path) -> None:
    asked = ("flows", "--lake", lake, "--where", "record = 0 AND tuple < 2")
    lines = run(*asked, "--output", "jsonl").stdout.splitlines()
    assert [json.loads(line)["tuple"] for line in lines] == [0, 1, 0, 1]
    assert json.loads(run(*asked, "--output", "json").stdout) == [json.loads(one) for one in lines]
    csv = run(*asked, "--output", "csv").stdout.splitlines()
    assert csv[0].startswith("time,src_ip,dst_ip,")
    assert len(csv) == 5
    assert run(*asked).stdout.startswith("TIME ")
    target = tmp_path / "rows.parquet"
    assert run(*asked, "--output", "parquet", "--to", target).exit_code == 0
    assert pq.read_table(target).num_rows == 4


def test_a_table_says_that_there_is_more(lake: Path) -> None:
    result = run("flows", "--lake", lake)
    assert result.stdout.count("\n") == 51
    assert "the first 50 rows" in result.stderr


def test_the_top_talkers_of_the_help_are_a_query(lake: Path) -> None:
    sql = "SELECT src_ip, sum(bytes_sent) AS bytes FROM flows GROUP BY src_ip ORDER BY bytes DESC"
    (row,) = json.loads(run("flows", "--lake", lake, "--sql", sql, "--output", "json").stdout)
    assert row["src_ip"] == "10.0.5.4"


def test_a_lake_may_lie_in_a_folder_with_any_letters(tmp_path: Path) -> None:
    lake = tmp_path / "Daten des Büros"
    assert run("ingest", fill(tmp_path / "logs", 1), "--lake", lake).exit_code == 0
    counted = run("flows", "--lake", lake, "--sql", "SELECT count(*) AS n FROM flows")
    assert counted.stdout.split() == ["N", "120"]
