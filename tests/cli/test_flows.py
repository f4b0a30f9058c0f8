"""The commands `ingest` and `flows`."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import csv
import json
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from flowverdict.cli.flows import command
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
    found = list(csv.DictReader(run(*asked, "--output", "csv").stdout.splitlines()))
    assert [row["tuple"] for row in found] == ["0", "1", "0", "1"]
    assert found[0]["time"] == json.loads(lines[0])["time"] == "2026-08-13T20:31:46.963Z"
    assert run(*asked).stdout.startswith("TIME ")
    target = tmp_path / "rows.parquet"
    assert run(*asked, "--output", "parquet", "--to", target).exit_code == 0
    assert pq.read_table(target).num_rows == 4


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.ndjson", "a.csv", "A.CSV", "a.parquet"])
def test_a_file_is_what_its_name_says_and_the_same_as_is_printed(
    lake: Path, tmp_path: Path, name: str
) -> None:
    target = tmp_path / name
    result = run("flows", "--lake", lake, "--to", target)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    form = {"ndjson": "jsonl"}.get(name.lower().partition(".")[2], name.lower().partition(".")[2])
    if form == "parquet":
        assert pq.read_table(target).num_rows == 240
    else:
        printed = run("flows", "--lake", lake, "--output", form).stdout
        assert target.read_text() == printed
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_nothing_is_an_answer_too(lake: Path, tmp_path: Path) -> None:
    asked = ("flows", "--lake", lake, "--where", "false")
    assert json.loads(run(*asked, "--output", "json").stdout) == []
    assert run(*asked, "--output", "jsonl").stdout == ""
    assert run(*asked, "--output", "csv").stdout.count("\n") == 1
    assert run(*asked).stdout.count("\n") == 1
    assert run(*asked, "--to", tmp_path / "none.parquet").exit_code == 0
    assert pq.read_table(tmp_path / "none.parquet").num_rows == 0


def test_a_table_says_that_there_is_more(lake: Path) -> None:
    result = run("flows", "--lake", lake)
    assert result.stdout.count("\n") == 51
    assert "the first 50 rows" in result.stderr


@pytest.mark.parametrize("words", [(), ("--sql", "FROM flows ORDER BY time, blob, record, tuple")])
@pytest.mark.parametrize("output", ["table", "csv"])
def test_a_limit_is_the_number_of_rows(lake: Path, words: tuple[str, ...], output: str) -> None:
    result = run("flows", "--lake", lake, *words, "--limit", "70", "--output", output)
    assert result.stdout.count("\n") == 71
    assert result.stderr == ""


def test_times_bound_the_rows_that_a_query_has(lake: Path) -> None:
    """Two interfaces, 30 rows a minute from 20:31:46.963 on."""
    count = ("--sql", "SELECT count(*) AS n FROM flows", "--output", "jsonl")
    for words, rows in (
        ((), 240),
        (("--since", "2026-08-13"), 240),
        (("--until", "2026-08-13"), 240),
        (("--since", "2026-08-13", "--until", "2026-08-13"), 240),
        (("--since", "2026-08-14"), 0),
        (("--until", "2026-08-12"), 0),
        (("--since", "2026-08-13T20:32Z"), 180),
        (("--until", "2026-08-13 20:32"), 60),
        (("--since", "2026-08-13T22:32:46+02:00"), 180),
        (("--since", "2026-08-13T20:32:46.964Z", "--until", "2026-08-14T01:00+04:00"), 174),
    ):
        result = run("flows", "--lake", lake, *count, *words)
        assert json.loads(result.stdout)["n"] == rows, words


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("TIMESTAMPTZ '2026-08-13 20:31:46.963+00'", "2026-08-13T20:31:46.963Z"),
        ("TIMESTAMPTZ '2026-08-13 20:31:46.963001+00'", "2026-08-13T20:31:46.963001Z"),
        ("TIMESTAMPTZ '2026-08-13 22:31:46+02'", "2026-08-13T20:31:46.000Z"),
        ("TIMESTAMP '2026-08-13 20:31:46'", "2026-08-13T20:31:46.000"),
        ("DATE '2026-08-13'", "2026-08-13"),
        ("TIME '20:31'", "20:31:00.000000"),
        ("sum(9223372036854775807)", 9223372036854775807),
        ("1.25::DECIMAL(4, 2)", 1.25),
        ("0.5::DOUBLE", 0.5),
        ("'nan'::DOUBLE", "nan"),
        ("'-infinity'::DOUBLE", "-inf"),
        ("['-inf'::DOUBLE]", ["-inf"]),
        ("{'a': DATE '2026-08-13', 'b': NULL}", {"a": "2026-08-13", "b": None}),
        ("'\\x00\\xFF'::BLOB", "00ff"),
        ("true", True),
        ("NULL", None),
        ("'größe \"x\"'", 'größe "x"'),
    ],
)
def test_json_holds_whatever_sql_can_give(lake: Path, sql: str, value: object) -> None:
    asked = ("flows", "--lake", lake, "--sql", f"SELECT {sql} AS v", "--output")
    told = json.loads(run(*asked, "json").stdout, parse_constant=pytest.fail)
    assert told == [{"v": value}]
    assert json.loads(run(*asked, "jsonl").stdout) == told[0]
    assert run(*asked, "table").exit_code == run(*asked, "csv").exit_code == 0


def test_names_in_logs_do_not_steer_the_terminal(lake: Path) -> None:
    shown = run("flows", "--lake", lake, "--sql", r"SELECT e'\x1b[2J' AS v").stdout
    assert shown.splitlines()[1] == "\\x1b[2J"


def test_a_long_answer_comes_as_it_is_computed(lake: Path) -> None:
    """Two hundred million rows, of which someone reads three."""
    sql = "SELECT range AS n FROM range(200000000)"
    words = ["flows", "--lake", lake, "--sql", sql, "--output", "jsonl"]
    done = start(words, behind="| head -3")
    assert done.stdout.splitlines() == [b'{"n": 0}', b'{"n": 1}', b'{"n": 2}']
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--output", "json", "--sql", "SELECT 1 AS a, 2 AS a"), "two columns are named `a`"),
        (("--sql", "COPY flows TO 'x.csv'"), "SQL: expected one SELECT and nothing else"),
        (("--sql", "FROM read_csv('/etc/passwd')"), "SQL: Permission Error"),
        (("--sql", ""), "SQL: expected one SELECT"),
        (("--where", " "), "--where: is empty"),
        (("--where", "1) UNION SELECT 1; DROP VIEW flows --"), "SQL: "),
        (("--to", "rows.txt"), "--to rows.txt: expected --output, or a name that ends with .json"),
        (("--to", "no/rows.csv"), "no/rows.csv: no such file or directory: expected a file"),
        (("--to", "lake/rows.csv"), "--to lake/rows.csv: is inside the lake"),
        (("--to", "lake/../lake/flows/x.csv"), "is inside the lake"),
        (("--since", "yesterday"), "--since `yesterday`: expected a day such as 2026-08-13"),
        (("--until", "2026-13-01"), "--until `2026-13-01`: expected a day"),
        (("--until", "9999-12-31"), "--until `9999-12-31`: expected a day"),
        (("--since", "2026-08-14", "--until", "2026-08-13"), "expected a time behind --since"),
        (("--limit", "0"), "0"),
    ],
)
def test_wrong_questions_are_2_and_one_line(
    lake: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(lake.parent)
    result = run("flows", "--lake", "lake", *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    assert sorted(one.name for one in lake.parent.iterdir()) == ["lake", "logs"]


def test_a_file_is_there_when_it_is_whole(lake: Path, tmp_path: Path) -> None:
    target = tmp_path / "rows.csv"
    target.write_text("what was here before\n")
    sql = "SELECT CASE WHEN range = 300000 THEN error('far along') ELSE 1 END FROM range(400000)"
    result = run("flows", "--lake", lake, "--sql", sql, "--to", target)
    assert (result.exit_code, "far along" in result.stderr) == (2, True)
    assert target.read_text() == "what was here before\n"
    assert [one.name for one in tmp_path.iterdir() if "part" in one.name] == []


def test_the_top_talkers_of_the_help_are_a_query(lake: Path) -> None:
    told = " ".join(command.help.split()) if command.help else ""
    (asked,) = re.findall(r"flowverdict (flows --lake LAKE --sql \"[^\"]+\")", told)
    words = [str(lake) if one == "LAKE" else one for one in shlex.split(asked)]
    (row,) = json.loads(run(*words, "--output", "json").stdout)
    assert row["src_ip"] == "10.0.5.4"
    assert row["bytes"] > 0


def test_a_lake_may_lie_in_a_folder_with_any_letters(tmp_path: Path) -> None:
    lake = tmp_path / "Daten des Büros"
    assert run("ingest", fill(tmp_path / "logs", 1), "--lake", lake).exit_code == 0
    counted = run("flows", "--lake", lake, "--sql", "SELECT count(*) AS n FROM flows")
    assert counted.stdout.split() == ["N", "120"]


# -- sessions


def test_sessions_have_their_views(lake: Path) -> None:
    """Each third tuple of the blobs is the same end again: an end alone is a session."""
    words = ("sessions", "--lake", lake, "--output", "json")
    found = json.loads(run(*words).stdout)
    assert len(found) == 240
    assert (found[0]["opened"], found[0]["closed"]) == ("orphan_end", "ended")
    assert [one["first_time"] for one in found] == sorted(one["first_time"] for one in found)
    alone = json.loads(run(*words, "--view", "sessions_once").stdout)
    assert len(alone) == 120
    assert len({one["mac"] for one in alone}) == 1
    assert json.loads(run(*words, "--view", "denied_attempts").stdout) == []
    some = run(*words, "--where", "src_port = 40000", "--since", "2026-08-13T20:32Z").stdout
    assert len(json.loads(some)) == 2 * 3 * 3
    assert run("sessions", "--lake", lake).stdout.startswith("FIRST_TIME ")


def test_sessions_go_into_files(lake: Path, tmp_path: Path) -> None:
    target = tmp_path / "sessions.parquet"
    assert run("sessions", "--lake", lake, "--limit", "7", "--to", target).exit_code == 0
    assert pq.read_table(target).num_rows == 7


def test_an_interrupt_ends_a_query_that_would_not_end(lake: Path) -> None:
    endless = "SELECT count(*) FROM range(10_000_000_000) WHERE range + random() < 0"
    words = [sys.executable, "-m", "flowverdict", "flows", "--lake", str(lake), "--sql", endless]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as asked:
        time.sleep(3)  # it has begun by then; if not, it ends as well
        asked.send_signal(signal.SIGINT)
        said = asked.communicate(timeout=30)
    assert asked.returncode == 130
    assert b"Traceback" not in b"".join(said)
