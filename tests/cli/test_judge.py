"""The command `judge`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from flowverdict.demo.bank import write_bank
from tests.cli.runs import run, start
from tests.lake.test_exactly_once import fill

HEAD = "direction,protocol,src_ip,dst_ip,dst_port,note"
ROWS = ("O,TCP,10.10.1.4,10.10.2.4,8080,a", "I,TCP,10.0.1.4,10.12.1.5,9100,b")
ELSEWHERE = "I,TCP,203.0.113.7,192.0.2.4,22,c"
WRONG = "I,TCP,203.0.113.7,10.10.1.4,70000,d"


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bank")
    write_bank(folder)
    return folder


def written(folder: Path, *rows: str) -> Path:
    path = folder / "packets.csv"
    path.write_text("\n".join([HEAD, *rows, ""]))
    return path


def test_rows_come_out_with_verdicts_and_a_sum(tmp_path: Path, bank: Path) -> None:
    result = run("judge", bank, written(tmp_path, *ROWS, ELSEWHERE), "--output", "csv")
    assert result.exit_code == 0
    deny, allow, unknown = csv.DictReader(result.stdout.splitlines())
    assert (deny["access"], deny["rule_name"], deny["layer"], deny["note"]) == (
        "Deny", "securityRules/DenyAll", "nic", "a",
    )  # fmt: skip
    assert deny["rule_id"].endswith("/networkSecurityGroups/dev-vm-nsg/securityRules/DenyAll")
    assert (allow["access"], allow["rule_name"]) == ("Allow", "AlwaysAllowMonitoring")
    assert (unknown["access"], unknown["rule_id"], unknown["note"]) == ("Unknown", "", "c")
    assert result.stderr.splitlines() == [
        "3 rows judged: 1 Allow, 1 Deny, 1 Unknown",
        "unknown, 1 row: network interface with address `192.0.2.4`",
    ]


def test_nothing_but_unknown_is_3(tmp_path: Path, bank: Path) -> None:
    assert run("judge", bank, written(tmp_path, ELSEWHERE)).exit_code == 3
    assert run("judge", bank, written(tmp_path, ELSEWHERE, ROWS[0])).exit_code == 0
    assert run("judge", bank, written(tmp_path)).exit_code == 0


def test_bad_input_is_2_and_leaves_no_file(tmp_path: Path, bank: Path) -> None:
    packets = written(tmp_path, *ROWS, WRONG)
    result = run("judge", bank, packets, "--to", tmp_path / "out.csv")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"{packets}:4: dst_port: `70000` is no port: expected a number from 0 to 65535\n"
    )
    assert not (tmp_path / "out.csv").exists()


def test_a_table_tells_of_bad_input_behind_what_it_shows(tmp_path: Path, bank: Path) -> None:
    result = run("judge", bank, written(tmp_path, *ROWS * 60, WRONG))
    assert result.exit_code == 2
    assert "packets.csv:122: dst_port" in result.stderr


def test_lenient_puts_rows_aside(tmp_path: Path, bank: Path) -> None:
    aside = tmp_path / "aside.jsonl"
    words = ("--lenient", "--quarantine", aside, "--output", "jsonl")
    result = run("judge", bank, written(tmp_path, ROWS[0], WRONG, "I,TCP", ROWS[1]), *words)
    assert result.exit_code == 0
    assert [json.loads(line)["note"] for line in result.stdout.splitlines()] == ["a", "b"]
    assert result.stderr.splitlines()[-1] == f"{aside}: 2 rows that could not be judged"
    first, second = (json.loads(line) for line in aside.read_text().splitlines())
    assert (first["line"], first["column"], second["line"]) == (4, None, 3)
    assert (first["raw"], second["raw"]["note"]) == ("I,TCP", "d")
    assert run("judge", bank, written(tmp_path, WRONG), *words).exit_code == 2


@pytest.mark.parametrize("named", ["--lake", "as packets"])
def test_flow_rows_are_judged_where_they_were_logged(
    tmp_path: Path, bank: Path, named: str
) -> None:
    lake = tmp_path / "lake"
    assert run("ingest", fill(tmp_path / "logs", 1), "--lake", lake).exit_code == 0
    words = ("--lake", lake) if named == "--lake" else (lake,)
    result = run("judge", bank, *words, "--output", "jsonl", "--where", "dst_port > 0")
    assert result.exit_code == 3  # another network's rows
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert rows
    for row in rows:
        assert row["access"] == "Unknown"
        assert row["missing"] == f"network interface with MAC address `{row['mac']}`"
        assert row["rule"]  # what was recorded stays


def test_standard_input_and_parquet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bank: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    out = "out.parquet"
    packets = written(tmp_path, *ROWS)
    done = start(["judge", bank, "-", "--to", out], folder=tmp_path, behind=f"< {packets}")
    assert (done.returncode, done.stdout) == (0, b"")
    table = run("judge", bank, out)
    assert table.exit_code == 2  # judged once already
    assert "has a column `access` already" in table.stderr
    assert b"2 rows judged: 1 Allow, 1 Deny" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("x",), "`x` alone: expected ESTATE and PACKETS"),
        (("x", "nowhere.csv"), "nowhere.csv: no such file: expected a file of CSV"),
        (("x", "."), ".: is a folder: expected a file of CSV, JSON Lines or Parquet, or a lake"),
        (("x", "p", "--lenient"), "--lenient and --quarantine FILE: expected both or none"),
        (("x", "p", "--since", "2026-01-01"), "choose rows of a lake: expected a lake"),
        (("x", "--lake", "nowhere"), "holds no flows yet"),
        (("x", "--lake", "nowhere", "--where", " "), "--where: is empty"),
        (("x", "p", "--output", "parquet"), "expected --to FILE"),
    ],
)
def test_wrong_words_are_2_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("judge", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
