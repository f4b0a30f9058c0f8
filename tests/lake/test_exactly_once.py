"""Whatever is repeated, cut, killed or run twice at once: the rows are those of one clean read."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from flowverdict.lake import Lake, Summary, find_blobs, ingest, query

START_MS = 1_786_653_106_963
MINUTE_MS = 60_000

RUN = """
import sys
from flowverdict.lake import Lake, compact, find_blobs, ingest
ingest(find_blobs([sys.argv[1]]), Lake(sys.argv[2]), rows_a_commit=int(sys.argv[3]))
compact(Lake(sys.argv[2]))
"""


def record(minute: int, mac: str, tuples: int) -> dict[str, Any]:
    """A VNet record of one minute; every third tuple is the same as the one before."""
    lines: list[str] = []
    for at in range(tuples):
        moment = START_MS + minute * MINUTE_MS + at // 3
        lines.append(
            f"{moment},10.0.5.4,20.150.1.97,{40000 + at // 3},443,6,O,E,NX,1,{60 + at // 3},2,3"
        )
    groups = [{"rule": "DefaultRule_AllowInternetOutBound", "flowTuples": lines}]
    return {
        "time": "2026-08-13T20:33:21.9481850Z", "macAddress": mac, "category": "FlowLogFlowEvent",
        "flowLogResourceID": "/F", "targetResourceID": "/v", "flowLogVersion": 4,
        "flowRecords": {"flows": [{"aclID": "/n", "flowGroups": groups}]},
    }  # fmt: skip


def blob(mac: str, minutes: int, tuples: int = 30) -> str:
    """A blob as Azure writes it."""
    records = [record(minute, mac, tuples) for minute in range(minutes)]
    return json.dumps({"records": records}, separators=(",", ":"))


def fill(folder: Path, blobs: int, minutes: int = 4) -> Path:
    """A folder of blobs."""
    folder.mkdir(parents=True, exist_ok=True)
    for at in range(blobs):
        (folder / f"{at:03}.json").write_text(blob(f"0022486D{at:04X}", minutes))
    return folder


def run(source: Path, lake: Path, rows_a_commit: int = 1_000_000) -> Summary:
    """One run."""
    return ingest(find_blobs([str(source)]), Lake(str(lake)), rows_a_commit=rows_a_commit)


def rows(lake: Path) -> Counter[tuple[Any, ...]]:
    """What is in the lake, with how often."""
    found = query(Lake(str(lake)), "SELECT * FROM flows").read_all().to_pylist()
    return Counter(tuple(row.values()) for row in found)


def clean(source: Path, tmp_path: Path) -> Counter[tuple[Any, ...]]:
    """The rows of one clean read; each has a place of its own."""
    run(source, tmp_path / "clean")
    found = rows(tmp_path / "clean")
    assert set(found.values()) == {1}
    return found


def test_a_second_run_adds_nothing(tmp_path: Path) -> None:
    source = fill(tmp_path / "logs", 5)
    first, second = run(source, tmp_path / "lake"), run(source, tmp_path / "lake")
    assert (first.rows, first.duplicate_records) == (5 * 4 * 30, 0)
    assert (second.rows, second.duplicate_records) == (0, 5 * 4)
    assert rows(tmp_path / "lake") == clean(source, tmp_path)


@pytest.mark.parametrize("seed", range(6))
def test_a_blob_that_grows_is_read_on(tmp_path: Path, seed: int) -> None:
    """It is met cut anywhere, again and again, and at last whole."""
    whole = blob("0022486DBA37", 6)
    chance = random.Random(seed)
    source = tmp_path / "PT1H.json"
    for cut in sorted(chance.sample(range(len(whole)), 5)):
        source.write_text(whole[:cut])
        run(source, tmp_path / "lake")
    source.write_text(whole)
    run(source, tmp_path / "lake")
    assert rows(tmp_path / "lake") == clean(source, tmp_path)


def test_identical_tuples_of_one_record_stay(tmp_path: Path) -> None:
    source = fill(tmp_path / "logs", 1, minutes=1)
    run(source, tmp_path / "lake")
    answer = query(Lake(str(tmp_path / "lake")), "SELECT max(n) AS n FROM (SELECT count(*) AS n "
                   "FROM flows GROUP BY time, src_port, bytes_sent)")  # fmt: skip
    assert answer.read_all().to_pylist() == [{"n": 3}]


@pytest.mark.parametrize("attempt", range(4))
def test_two_runs_at_once_add_each_row_once(tmp_path: Path, attempt: int) -> None:
    """Both may find no table; each attempt meets other moments, and other blobs."""
    source = fill(tmp_path / "logs", 12 + attempt)
    command = [sys.executable, "-c", RUN, str(source), str(tmp_path / "lake"), "200"]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]
    for one in both:
        _, said = one.communicate(timeout=120)
        assert one.returncode == 0, said.decode()
    assert rows(tmp_path / "lake") == clean(source, tmp_path)


def test_whatever_moment_it_is_killed(tmp_path: Path) -> None:
    """Killed at 20 random moments, while it reads, commits or merges; the last run ends it."""
    source = fill(tmp_path / "logs", 30)
    bad = record(9, "0022486DBA37", 3)
    bad["flowRecords"]["flows"][0]["flowGroups"][0]["flowTuples"].insert(1, "nonsense")
    (source / "bad.json").write_text(json.dumps({"records": [bad] * 4}))
    command = [sys.executable, "-c", RUN, str(source), str(tmp_path / "lake"), "120"]
    started = time.monotonic()
    subprocess.run([*command[:4], str(tmp_path / "timing"), "120"], check=True, timeout=120)
    whole = time.monotonic() - started
    chance = random.Random(7)
    ended = 0
    for _ in range(20):
        one = subprocess.Popen(command)
        try:
            one.wait(chance.uniform(0.3, 0.9) * whole)
            ended += 1
        except subprocess.TimeoutExpired:
            one.kill()
            one.wait()
    assert ended < 20
    subprocess.run(command, check=True, timeout=120)
    assert rows(tmp_path / "lake") == clean(source, tmp_path)
    asked = "SELECT blob, record, tuple, raw FROM quarantine ORDER BY ALL"
    found = query(Lake(str(tmp_path / "lake")), asked).read_all().to_pylist()
    assert found == query(Lake(str(tmp_path / "clean")), asked).read_all().to_pylist()
    assert len(found) == 4


def test_what_cannot_be_a_row_is_in_quarantine_once(tmp_path: Path) -> None:
    bad = record(0, "0022486DBA37", 3)
    bad["flowRecords"]["flows"][0]["flowGroups"][0]["flowTuples"].insert(1, "nonsense")
    source = tmp_path / "PT1H.json"
    source.write_text(json.dumps({"records": [bad]}))
    assert run(source, tmp_path / "lake").quarantined == 1
    assert run(source, tmp_path / "lake").quarantined == 0
    answer = query(Lake(str(tmp_path / "lake")), "SELECT record, tuple, code, raw FROM quarantine")
    assert answer.read_all().to_pylist() == [
        {"record": 0, "tuple": 1, "code": "short_tuple", "raw": "nonsense"}
    ]


def test_rows_lie_by_the_day_of_their_time(tmp_path: Path) -> None:
    run(fill(tmp_path / "logs", 1), tmp_path / "lake")
    days = {path.name for path in (tmp_path / "lake" / "flows").glob("day=*")}
    assert days == {"day=2026-08-13"}
