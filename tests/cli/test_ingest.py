"""`ingest`: what it is given, what it says, and when it says no."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.runs import run
from tests.lake.test_exactly_once import blob, fill, rows

MAC = "0022486DBA37"


def answer(*words: str | Path) -> dict[str, object]:
    """What `ingest --output json` prints."""
    result = run("ingest", *words, "--output", "json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_patterns_files_and_folders_together_read_each_blob_once(tmp_path: Path) -> None:
    logs = fill(tmp_path / "logs", 3)
    words = (logs, logs / "000.json", str(logs / "**" / "00[01].json"))
    assert answer(*words, "--lake", tmp_path / "lake")["blobs"] == 3


def test_a_pattern_that_matches_nothing_is_said(tmp_path: Path) -> None:
    result = run("ingest", tmp_path / "*.json", "--lake", tmp_path / "lake")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"{tmp_path}/*.json: matches no file: expected flow logs\n"


def test_a_second_run_opens_nothing(tmp_path: Path) -> None:
    logs = fill(tmp_path / "logs", 3)
    answer(logs, "--lake", tmp_path / "lake")
    again = answer(logs, "--lake", tmp_path / "lake")
    assert (again["bytes"], again["rows"], again["duplicate_records"]) == (0, 0, 12)
    said = run("ingest", logs, "--lake", tmp_path / "lake").stdout
    assert "not changed since they were read: 3 blobs" in said


def test_what_is_no_flow_log_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    logs = fill(tmp_path / "logs", 1)
    (logs / "audit.json").write_text('{"category": "AuditEvent"}\n{"category": "AuditEvent"}\n')
    (logs / "film.json").write_bytes(os.urandom(200_000))
    (logs / "empty.json").write_bytes(b"")
    (logs / "folder.json").mkdir()
    (logs / "packed.json.gz").write_bytes(gzip.compress(blob(MAC, 2).encode())[:-20])
    result = run("ingest", logs, "--lake", tmp_path / "lake")
    assert result.exit_code == 0
    assert f"{logs}/audit.json: is no flow log: passed over" in result.stderr
    assert f"{logs}/film.json: is no flow log: passed over" in result.stderr
    assert result.stderr.count("\n") == 2
    assert "without records so far: 1 blob" in result.stdout
    assert "warning truncated: " in result.stdout


def test_a_replaced_blob_is_reported(tmp_path: Path) -> None:
    source = tmp_path / "PT1H.json"
    for minutes in (4, 2):
        source.write_text(blob(MAC, minutes))
        result = run("ingest", source, "--lake", tmp_path / "lake")
    assert result.exit_code == 0
    assert result.stderr.startswith(f"{source}: was replaced: ")


def test_what_cannot_be_read_is_said_and_the_rest_is_read(tmp_path: Path) -> None:
    logs = fill(tmp_path / "logs", 1)
    (logs / "gone.json").symlink_to(tmp_path / "nowhere")
    result = run("ingest", logs, "--lake", tmp_path / "lake")
    assert result.exit_code == 0
    assert result.stderr == f"{tmp_path}/nowhere: no such file or directory\n"


def test_standard_input_is_known_by_its_contents(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "flowverdict", "ingest", "-", "--output", "json"]
    found = []
    for minutes in (2, 2, 3):
        done = subprocess.run(
            [*command, "--lake", str(tmp_path / "lake")],
            input=blob(MAC, minutes).encode(),
            capture_output=True,
            check=True,
        )
        found.append(json.loads(done.stdout)["rows"])
    assert found == [60, 0, 90]


@pytest.mark.parametrize("interval", ["0", "-1", "soon", "inf", "nan", "86401"])
def test_an_interval_is_a_number_of_seconds(tmp_path: Path, interval: str) -> None:
    logs = fill(tmp_path / "logs", 1)
    result = run("ingest", logs, "--lake", tmp_path / "lake", "--watch", "--interval", interval)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


def test_watching_reads_what_comes_until_it_is_interrupted(tmp_path: Path) -> None:
    """A blob that grows, a new one, and one that is no flow log."""
    logs = fill(tmp_path / "logs", 1)
    lake = tmp_path / "lake"
    command = [sys.executable, "-m", "flowverdict", "ingest", str(logs), "--lake", str(lake)]
    watch = subprocess.Popen(
        [*command, "--watch", "--interval", "0.2", "--output", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        _wait_for(lake, 120)
        (logs / "000.json").write_text(blob("0022486D0000", 5))
        (logs / "new.json").write_text(blob(MAC, 1))
        (logs / "notes.json").write_text('{"a": 1}')
        _wait_for(lake, 180)
    finally:
        watch.send_signal(signal.SIGINT)
        _, said = watch.communicate(timeout=60)
    assert watch.returncode == 0
    assert b"Traceback" not in said


def test_what_has_begun_when_it_is_interrupted_is_read_to_its_end(tmp_path: Path) -> None:
    logs = fill(tmp_path / "logs", 40)
    lake = tmp_path / "lake"
    command = [sys.executable, "-m", "flowverdict", "ingest", str(logs), "--lake", str(lake)]
    watch = subprocess.Popen([*command, "--watch"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not lake.exists():
        time.sleep(0.01)
    watch.send_signal(signal.SIGINT)
    _, said = watch.communicate(timeout=60)
    assert (watch.returncode, said) == (0, b"")
    assert sum(rows(lake).values()) == 40 * 120


def _wait_for(lake: Path, count: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (lake / "flows" / "_delta_log").exists() and sum(rows(lake).values()) == count:
            return
        time.sleep(0.1)
    raise AssertionError(f"never {count} rows")


def test_the_first_compile_is_said_and_small_work_does_not_wait_for_it(tmp_path: Path) -> None:
    """On a machine that has nothing compiled, which a fresh cache makes of this one."""
    source = tmp_path / "PT1H.json"
    source.write_text(blob(MAC, 60, 200))
    cache = tmp_path / "cache"
    done = subprocess.run(
        [sys.executable, "-m", "flowverdict", "ingest", source, "--lake", tmp_path / "lake"],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert source.stat().st_size > 500_000
    assert done.stderr == ""
    assert not list(cache.rglob("*.nbi"))


def test_a_lake_among_the_logs_is_not_read_as_logs(tmp_path: Path) -> None:
    logs = fill(tmp_path / "logs", 1)
    for _ in range(2):
        result = run("ingest", logs, "--lake", logs / "lake")
        assert (result.exit_code, result.stderr) == (0, "")
