"""Detections as files: those that come with the package, and those of users."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flowverdict.detect import TABLES, detect, packaged, read_detections
from flowverdict.lake import LakeError
from flowverdict.model import InputError
from tests.detect.lakes import TAGS, VM, denied, found, lake_of

WHOLE = """
id: my-own
title: Telnet
finds: f
matters: m
wrong_when: w
techniques: [T1190]
settings:
  port: {value: 23, about: "the port"}
query: >
  SELECT [src] AS sources, [dst] AS targets, [dst_port] AS ports, 6 AS protocol,
  min(start) AS first, max(stop) AS last, 'denied' AS outcome, 'low' AS severity,
  count(*) AS attempts
  FROM attempts WHERE dst_port = $port GROUP BY src, dst, dst_port
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "own.yaml"
    path.write_text(text, "utf-8")
    return path


def problem(folder: Path, text: str) -> str:
    with pytest.raises(InputError) as refused:
        read_detections([written(folder, text)])
    return str(refused.value)


@pytest.mark.parametrize("one", packaged(), ids=lambda one: one.id)
def test_what_comes_with_the_package_is_told_in_full(one) -> None:
    assert all(text.endswith(".") for text in (one.finds, one.matters, one.wrong_when))
    assert all(setting.about for setting in one.settings.values())
    assert any(re.search(rf"(FROM|JOIN) {name}\b", one.sql) for name in TABLES)


def test_one_of_ones_own_is_run(tmp_path: Path) -> None:
    own = read_detections([written(tmp_path, WHOLE)])
    lake = lake_of(tmp_path, denied(0, "203.0.113.9", VM, 23))
    (one,) = detect(lake, own, TAGS).findings
    assert (one.detection, one.technique, one.evidence) == ("my-own", "T1190", {"attempts": 1})
    other = [own[0].with_setting("port", "22")]
    assert not detect(lake, other, TAGS).findings


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("title: Telnet", "", "title"),
        ("id: my-own", "id: My Own", "`id` is `My Own`"),
        ("T1190", "TA0001", "technique `TA0001`"),
        ("[T1190]", "[]", "`techniques` is empty"),
        ("$port", "$other", "asks for settings that are not there: `other`"),
        ("dst_port = $port", "true", "does not ask for some settings: `port`"),
        ("title:", "titel: x\ntitle:", "titel"),
        ("value: 23", "value: {}", "Expected"),
        ("finds: f", "finds: [", "no YAML"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    line = problem(tmp_path, WHOLE.replace(old, new))
    assert told in line
    assert "own.yaml" in line
    assert "\n" not in line


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_detections([tmp_path / "nothing.yaml"])
    with pytest.raises(InputError, match="holds no detection"):
        read_detections([tmp_path])


def test_two_of_one_id_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, WHOLE)
    with pytest.raises(InputError, match="is there already"):
        read_detections([path, path])


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT $port", "lacks `sources`"),
        ("SELECT nothing FROM attempts WHERE $port", "my-own"),
        ("DROP TABLE attempts -- $port", "expected one SELECT"),
        ("SELECT * FROM read_csv('/etc/passwd') WHERE $port", "my-own"),
    ],
)
def test_a_query_that_is_wrong_is_told_with_its_detection(
    tmp_path: Path, query: str, told: str
) -> None:
    text = WHOLE.partition("query:")[0] + f'query: "{query}"'
    own = read_detections([written(tmp_path, text)])
    lake = lake_of(tmp_path, denied(0, "203.0.113.9", VM, 23))
    with pytest.raises(LakeError, match="my-own") as refused:
        detect(lake, own, TAGS)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("nothing", "1", "no setting `nothing`"),
        ("attempts", "many", "expected a value like `25`"),
        ("ports", "3389", "expected a value like `[3389]`"),
        ("attempts", "[1]", "expected a value like `25`"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(name: str, text: str, told: str) -> None:
    (rdp,) = (one for one in packaged() if one.id == "rdp-brute-force")
    with pytest.raises(ValueError, match=re.escape(told)):
        rdp.with_setting(name, text)


def test_another_threshold_is_another_answer(tmp_path: Path) -> None:
    rows = [one for at in range(6) for one in denied(at, "203.0.113.9", VM, at + 1, src_port=at)]
    assert not found(tmp_path, rows, "port-scan")
