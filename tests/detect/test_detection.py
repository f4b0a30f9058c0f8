"""Detections as files: those that come with the package, and those of users."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flowverdict.detect import TABLES, Finding, detect, packaged, read_detections
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


def told_by(folder: Path, **columns: str) -> list[Finding]:
    """What a query of one's own finds, that tells some columns in another way."""
    words = ", ".join(f"{value} AS {name}" for name, value in columns.items())
    head, _, query = WHOLE.replace("$port", "23").partition("query: >")
    query = f"  SELECT * REPLACE ({words}) FROM ({' '.join(query.split())})"  # noqa: S608 words of tests
    text = f"{head.partition('settings:')[0]}query: >\n{query}"
    own = read_detections([written(folder, text)])
    return detect(lake_of(folder, denied(0, "203.0.113.9", VM, 23)), own, TAGS).findings


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("sources", "['10.0.0.4']", "`sources` is of type list"),
        ("sources", "6", "`sources` is of type int32"),
        ("targets", "[99999]", "hold 99999: expected `id` of `addresses`"),
        ("first", "first::DATE", "`first` is of type date32[day]: expected a time"),
        ("first", "last + INTERVAL 1 DAY", "behind `last`"),
        ("last", "'infinity'::TIMESTAMP", "cannot be read"),
        ("first", "NULL::TIMESTAMP", "a row without times"),
        ("ports", "['http']", "`ports` is of type list"),
        ("ports", "[65536]", "`ports` hold 65536"),
        ("protocol", "'TCP'", "`protocol` is of type string"),
        ("protocol", "256", "`protocol` is 256"),
        ("outcome", "'perhaps'", "`outcome` is `perhaps`"),
        ("severity", "'huge'", "one of `informational`"),
    ],
)
def test_an_answer_of_another_shape_is_one_line(
    tmp_path: Path, name: str, value: str, told: str
) -> None:
    with pytest.raises(LakeError, match="detection `my-own`") as refused:
        told_by(tmp_path, **{name: value})
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_no_number_is_told_as_none(tmp_path: Path) -> None:
    """JSON has no NaN."""
    (one,) = told_by(tmp_path, attempts="['nan'::DOUBLE, 0.5]")
    assert one.evidence == {"attempts": [None, 0.5]}


def test_who_finds_too_much_is_stopped(tmp_path: Path) -> None:
    text = WHOLE.replace("FROM attempts", "FROM attempts, range(300000) AS many(one)")
    text = text.replace("GROUP BY src", "GROUP BY one, src")
    own = read_detections([written(tmp_path, text)])
    lake = lake_of(tmp_path, denied(0, "203.0.113.9", VM, 23))
    with pytest.raises(LakeError, match="finds more than 200,000"):
        detect(lake, own, TAGS)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("nothing", "1", "no setting `nothing`"),
        ("attempts", "many", "expected a value like `25`"),
        ("ports", "3389", "expected a value like `[3389]`"),
        ("attempts", "[1]", "expected a value like `25`"),
        ("attempts", "-1", "expected a value like `25`"),
        ("attempts", "9" * 30, "expected a value like `25`"),
        ("times_usual", ".nan", "expected a value like `3.0`"),
        ("times_usual", ".inf", "expected a value like `3.0`"),
        ("ports", "[-1]", "expected a value like `[3389]`"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(name: str, text: str, told: str) -> None:
    (rdp,) = (one for one in packaged() if one.id == "rdp-brute-force")
    with pytest.raises(ValueError, match=re.escape(told)):
        rdp.with_setting(name, text)


def test_another_threshold_is_another_answer(tmp_path: Path) -> None:
    rows = [one for at in range(6) for one in denied(at, "203.0.113.9", VM, at + 1, src_port=at)]
    assert not found(tmp_path, rows, "port-scan")
