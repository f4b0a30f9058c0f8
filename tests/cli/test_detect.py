"""``detect`` as its users see it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Self

import pytest

from tests.cli.runs import run
from tests.detect.lakes import OUTSIDE, VM, denied, flow, lake_of
from tests.detect.test_brute_force import guesses


@pytest.fixture
def lake(tmp_path: Path) -> str:
    """Guesses from outside, and a scan that is denied."""
    scan = chain.from_iterable(
        denied(7_200 + at * 5, "203.0.113.77", VM, at + 1, src_port=at) for at in range(60)
    )
    return lake_of(tmp_path, [*guesses(30), *scan, *flow(0, VM, "198.51.100.7", 443)]).root


def test_findings_exit_codes_and_levels(lake: str) -> None:
    """Contract 4.4: 1 is for findings; what a rule stopped is told, and is none."""
    told = run("detect", "--lake", lake)
    assert told.exit_code == 1
    lines = told.stdout.splitlines()
    assert lines[0].startswith(f"high: RDP brute force from {OUTSIDE} at {VM} on port 3389")
    assert "let in by securityRules/Allow" in told.stdout
    assert lines[-1].startswith("3 findings (1 high, 1 medium, 1 low)")
    only = run("detect", "--lake", lake, "--only", "port-scan")
    assert (only.exit_code, only.stdout.splitlines()[0].split(":")[0]) == (0, "low")
    hidden = run("detect", "--lake", lake, "--only", "port-scan", "--severity", "high")
    assert hidden.stdout.splitlines() == [
        "no finding of 1 detection",
        "not shown: 1 low; --severity informational shows all",
    ]
    assert run("detect", "--lake", lake, "--skip", "rdp-brute-force", "--skip",
               "unexpected-allow").exit_code == 0  # fmt: skip


def test_the_shape_of_findings(lake: str) -> None:
    """Contract 4.5."""
    answer = json.loads(run("detect", "--lake", lake, "--output", "json").stdout)
    (one,) = (f for f in answer["findings"] if f["detection"] == "rdp-brute-force")
    assert (one["severity"], one["technique"]) == ("high", "T1110")
    assert (one["src_ip"], one["dst_ip"]) == (OUTSIDE, VM)
    assert one["first"].startswith("2026-03-10T00:00:00")
    assert one["evidence"]["attempts"] == 30
    assert one["decided_by"]["ruleName"] == "securityRules/Allow"


def test_thresholds_are_set_by_name(lake: str) -> None:
    words = ("detect", "--lake", lake, "--only", "port-scan", "--set")
    assert "no finding" in run(*words, "port-scan.failed_soon=80", "--set",
                               "port-scan.failed_a_day=90", "--set",
                               "port-scan.any_soon=90").stdout  # fmt: skip
    for text, told in (
        ("port-scan", "expected ID.SETTING=VALUE"),
        ("nothing.x=1", "expected ID.SETTING=VALUE"),
        ("port-scan.x=1", "no setting `x`"),
        ("port-scan.any_soon=many", "expected a value like `50`"),
    ):
        refused = run(*words, text)
        assert (refused.exit_code, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
        assert told in refused.stderr


def test_wrong_words_are_one_line(lake: str, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for words in (
        (),
        ("--lake", tmp_path / "nowhere"),
        ("--lake", lake, "--only", "everything"),
        ("--lake", lake, "--skip", "nothing"),
        ("--lake", lake, "--detections", tmp_path / "none.yaml"),
        ("--lake", lake, "--detections", empty),
        ("--lake", lake, "--service-tags", tmp_path / "none.json"),
        ("--lake", lake, "--estate", tmp_path / "none"),
    ):
        told = run("detect", *words)
        assert (told.exit_code, told.stdout, told.stderr.count("\n")) == (2, "", 1), words


def test_a_time_without_flows_is_not_known(lake: str) -> None:
    told = run("detect", "--lake", lake, "--since", "2027-01-01")
    assert told.exit_code == 3
    assert "no flow in this time" in told.stderr


def test_the_list_needs_no_lake() -> None:
    told = run("detect", "--list", "--only", "beacon")
    assert told.exit_code == 0
    assert told.stdout.startswith("beacon: ")
    assert "  score = 0.75: RITA's score" in told.stdout


def test_what_is_known_does_not_count(lake: str, tmp_path: Path) -> None:
    baseline = tmp_path / "known.json"
    words = ("detect", "--lake", lake)
    run(*words, "--write-baseline", baseline)
    assert run(*words, "--baseline", baseline).exit_code == 0


def test_what_is_not_told_is_not_gone(lake: str, tmp_path: Path) -> None:
    words = ("detect", "--lake", lake)
    whole, part = tmp_path / "whole.json", tmp_path / "part.json"
    run(*words, "--write-baseline", whole)
    told = run(*words, "--severity", "critical", "--baseline", whole)
    assert "no longer found" not in told.stdout
    run(*words, "--severity", "critical", "--write-baseline", part)
    assert part.read_text() == whole.read_text()


def test_it_follows_a_lake_and_tells_what_is_new(tmp_path: Path) -> None:
    """Issue 6: detections run as `ingest --watch` brings rows; each finding is told once."""
    lake = tmp_path / "lake"
    words = ["detect", "--lake", lake, "--follow", "--interval", "0.2", "--output", "json"]
    following = subprocess.Popen(
        [sys.executable, "-m", "flowverdict", *map(str, words)], stdout=subprocess.PIPE
    )
    try:
        assert following.stdout is not None
        first = chain.from_iterable(
            denied(at * 5, "203.0.113.77", VM, at + 1, src_port=at) for at in range(60)
        )
        lake_of(tmp_path, first)
        assert json.loads(following.stdout.readline())["detection"] == "port-scan"
        lake_of(tmp_path, guesses(30))
        told = [json.loads(following.stdout.readline()) for _ in range(2)]
        assert {one["detection"] for one in told} == {"rdp-brute-force", "unexpected-allow"}
        following.send_signal(signal.SIGINT)
        rest, _ = following.communicate(timeout=60)
        assert (following.returncode, rest) == (0, b"")
    finally:
        following.kill()


def test_streams_and_responses_need_their_words(lake: str) -> None:
    for words in (("--follow", "--output", "md"), ("--respond", "x.json")):
        told = run("detect", "--lake", lake, *words)
        assert (told.exit_code, told.stdout, told.stderr.count("\n")) == (2, "", 1)


def test_an_interrupt_ends_a_query_that_never_does(lake: str, tmp_path: Path) -> None:
    query = tmp_path / "slow.yaml"
    query.write_text(
        """
id: slow
title: t
finds: f
matters: m
wrong_when: w
techniques: [T1190]
query: >
  SELECT [a.src] AS sources, [a.dst] AS targets, [a.dst_port] AS ports, 6 AS protocol,
  min(a.start) AS first, max(a.stop) AS last, 'denied' AS outcome, 'low' AS severity,
  count(*) AS n FROM attempts AS a, range(1000000), range(1000000) GROUP BY ALL
"""
    )
    words = ["detect", "--lake", lake, "--detections", query, "--only", "slow"]
    rooms = tmp_path / "rooms"
    rooms.mkdir()
    slow = subprocess.Popen(
        [sys.executable, "-m", "flowverdict", *map(str, words)],
        env={**os.environ, "TMPDIR": str(rooms)}, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        while not list(rooms.glob("flowverdict-*")):
            assert slow.poll() is None
            time.sleep(0.1)
        time.sleep(2)  # the tables are there by now
        slow.send_signal(signal.SIGINT)
        _, told = slow.communicate(timeout=60)
        assert (slow.returncode, told.strip()) == (130, b"")
        assert not list(rooms.iterdir())
    finally:
        slow.kill()


class _Following:
    """``detect --follow`` on a lake, line by line."""

    def __init__(self, folder: Path, *words: object) -> None:
        every = ["detect", "--lake", folder / "lake", "--follow", "--interval", "0.2", *words]
        self.program = subprocess.Popen(
            [sys.executable, "-m", "flowverdict", *map(str, every), "--output", "json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.program.kill()
        self.program.communicate()

    def told(self) -> dict:
        assert self.program.stdout is not None
        return json.loads(self.program.stdout.readline())

    def interrupted(self) -> tuple[int, bytes, bytes]:
        self.program.send_signal(signal.SIGINT)
        rest, told = self.program.communicate(timeout=60)
        return self.program.returncode, rest, told


def swept(ports: range) -> list[dict]:
    return [one for at in ports for one in denied(at * 5, "203.0.113.77", VM, at + 1, src_port=at)]


def test_who_follows_has_files_of_all_and_hears_of_growth_once(tmp_path: Path) -> None:
    """What is written anew has what was found before, too; a scan that goes on is the same one."""
    report, baseline = tmp_path / "all.json", tmp_path / "base.json"
    words = ("--report", f"json={report}", "--write-baseline", baseline)
    with _Following(tmp_path, *words) as following:
        lake_of(tmp_path, swept(range(60)))
        assert following.told()["detection"] == "port-scan"
        lake_of(tmp_path, swept(range(60, 90)))
        lake_of(tmp_path, guesses(30))
        told = [following.told() for _ in range(2)]
        assert {one["detection"] for one in told} == {"rdp-brute-force", "unexpected-allow"}
        assert following.interrupted()[:2] == (0, b"")
    every = json.loads(report.read_text())["findings"]
    (scan,) = (one for one in every if one["detection"] == "port-scan")
    assert len(scan["ports"]) == 90
    names = {one["detection"] for one in json.loads(baseline.read_text())["findings"]}
    assert names == {"port-scan", "rdp-brute-force", "unexpected-allow"}


def test_who_follows_knows_what_is_in_the_baseline_and_what_comes_again(tmp_path: Path) -> None:
    baseline = tmp_path / "base.json"
    run("detect", "--lake", lake_of(tmp_path / "before", swept(range(60))).root,
        "--write-baseline", baseline)  # fmt: skip
    with _Following(tmp_path, "--baseline", baseline) as following:
        lake_of(tmp_path, swept(range(60)))
        assert following.told()["state"] == "baseline"
        lake_of(tmp_path, [dict(one, time=one["time"] + timedelta(days=1))
                           for one in swept(range(60))])  # fmt: skip
        again = following.told()
        assert again["first"].startswith("2026-03-11")
        assert following.interrupted()[:2] == (0, b"")


def test_who_follows_goes_on_where_files_are_gone_for_a_while(tmp_path: Path) -> None:
    with _Following(tmp_path) as following:
        lake_of(tmp_path, swept(range(60)))
        following.told()
        away = tmp_path / "away"
        lake = lake_of(tmp_path, guesses(30, src="203.0.113.8"))
        (day,) = Path(lake.root).glob("flows/day=*")
        day.rename(away)
        time.sleep(2)
        away.rename(day)
        lake_of(tmp_path, guesses(30, src="203.0.113.7"))
        told = [following.told() for _ in range(2)]
        assert {one["detection"] for one in told} >= {"rdp-brute-force"}
        code, _, problem = following.interrupted()
        assert (code, b"Traceback" in problem) == (0, False)


@pytest.mark.parametrize("seconds", ["nan", "inf", "0", "-1"])
def test_an_interval_is_a_time(lake: str, seconds: str) -> None:
    told = run("detect", "--lake", lake, "--follow", "--interval", seconds)
    assert (told.exit_code, told.stdout) == (2, "")


def test_nothing_left_to_look_for_is_told(lake: str) -> None:
    told = run("detect", "--lake", lake, "--only", "beacon", "--skip", "beacon")
    assert (told.exit_code, told.stderr.count("\n")) == (2, 1)
