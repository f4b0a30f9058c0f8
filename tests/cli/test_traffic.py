"""The command `traffic`."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flowverdict.traffic.analytics.queries import queries
from flowverdict.traffic.analytics.schema import COLUMNS, DETAILS
from tests.cli.runs import run
from tests.conformance import sketch as sketches
from tests.traffic.analysed import TAGS
from tests.traffic.mmdb import database
from tests.traffic.test_traffic_analytics import SKETCH, logged

LINES = (
    "0 O B 10.0.0.4:50001 10.1.0.5:443",
    "9 O E 10.0.0.4:50001 10.1.0.5:443 2,200,1,100",
    "0 I D 198.51.100.7:1000 10.0.0.4:22",
    "0 I D 198.51.100.8:1000 10.0.0.4:22",
    "4000 O B 10.0.0.4:50001 20.50.1.9:443",
)


def filled(tmp_path: Path, *lines: str, name: str = "PT1H.json") -> Path:
    """A lake with some more tuples."""
    path = tmp_path / name
    path.write_text(json.dumps({"records": [logged(line) for line in lines]}))
    assert run("ingest", path, "--lake", tmp_path / "lake").exit_code == 0
    return tmp_path / "lake"


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake of a few tuples."""
    return filled(tmp_path, *LINES)


@pytest.fixture
def network(tmp_path: Path) -> tuple[str, ...]:
    """The words that name a network and its service tags."""
    estate = sketches.write(SKETCH | {"serviceTags": TAGS}, tmp_path / "net", "rest")
    return "--estate", str(estate), "--service-tags", str(tmp_path / "net" / "service-tags.json")


def told(*words: str | Path) -> list[dict[str, Any]]:
    """The rows as JSON."""
    result = run("traffic", *words, "--output", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


def test_rows_have_azures_columns_in_azures_order(lake: Path, network: tuple[str, ...]) -> None:
    rows = told("--lake", lake, *network)
    assert list(rows[0]) == [one.name for one in COLUMNS]
    assert [(row["FlowType"], row["DestPort"], row["DestVm"]) for row in rows] == [
        ("ExternalPublic", 22, "rg/vm0"), ("InterVNet", 443, "rg/vm1"), ("AzurePublic", 443, None),
    ]  # fmt: skip
    assert rows[0]["SrcPublicIps"] == "198.51.100.7|1|0|0|0|0|0 198.51.100.8|1|0|0|0|0|0"
    assert rows[2]["FlowIntervalStartTime"] == "2026-08-13T21:00:00.000Z"


def test_every_form_and_every_table(lake: Path, tmp_path: Path, network: tuple[str, ...]) -> None:
    words = ("traffic", "--lake", lake, *network)
    details = told("--lake", lake, *network, "--table", "NTAIpDetails")
    assert list(details[0]) == [one.name for one in DETAILS]
    assert [row["Ip"] for row in details] == ["198.51.100.7", "198.51.100.8", "20.50.1.9"]
    old = told("--lake", lake, *network, "--table", "AzureNetworkAnalytics_CL")
    assert [(row["FlowType_s"], row["FlowDirection_s"], row["VM_s"]) for row in old] == [
        ("ExternalPublic", "I", "rg/vm0"), ("InterVNet", "O", "rg/vm0"),
        ("AzurePublic", "O", "rg/vm0"),
    ]  # fmt: skip
    lines = run(*words, "--output", "csv").stdout.splitlines()
    assert [row["FlowStatus"] for row in csv.DictReader(lines)] == ["Denied", "Allowed", "Allowed"]
    table = run(*words).stdout.splitlines()
    assert table[0].startswith("FLOWINTERVALSTARTTIME")
    assert " 198.51.100.7 and 1 more " in table[1]
    path = tmp_path / "rows.parquet"
    assert run(*words, "--output", "parquet", "--to", path).exit_code == 0
    assert pq.read_table(path)["FlowType"].to_pylist()[1] == "InterVNet"


def test_intervals_conditions_and_periods(lake: Path) -> None:
    asked = ("--lake", lake, "--where", "FlowStatus = 'Denied'")
    assert len(told(*asked)) == 1
    (row,) = told(*asked, "--interval", "10m")
    assert row["FlowIntervalEndTime"] == "2026-08-13T20:40:00.000Z"
    assert told("--lake", lake, "--since", "2026-08-14") == []
    assert len(told("--lake", lake, "--since", "2026-08-13T21:00Z")) == 1


def test_threats_and_countries(lake: Path, tmp_path: Path) -> None:
    bad, geo = tmp_path / "bad.txt", tmp_path / "geo.mmdb"
    bad.write_text("198.51.100.7\n")
    geo.write_bytes(database({"198.51.100.0/24": {"country": {"iso_code": "NZ"}}}))
    words = ("--lake", lake, "--threats", bad, "--countries", geo, "--where", "DestPort = 22")
    assert [(row["FlowType"], row["SrcIp"], row["Country"]) for row in told(*words)] == [
        ("MaliciousFlow", "198.51.100.7", "NZ"), ("ExternalPublic", None, "NZ"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--lake", "nowhere"), "nowhere: holds no flows yet"),
        (("--lake", "lake", "--estate", "nowhere"), "nowhere: no such file"),
        (("--lake", "lake", "--threats", "nowhere"), "nowhere: no such file"),
        (("--lake", "lake", "--countries", "nowhere"), "nowhere: no such file"),
        (("--lake", "lake", "--service-tags", "nowhere"), "nowhere: no such file"),
        (("--lake", "lake", "--interval", "5m"), "main traffic: Invalid value for"),
        (("--lake", "lake", "--where", "nothing = 1"), "SQL: Binder Error: "),
        (("--lake", "lake", "--where", " "), "--where: is empty"),
        (("--lake", "lake", "--update", "--where", "true"), "--update: prints no rows: expected"),
        (("--lake", "lake", "--update", "--output", "csv"), "--update: has no --output csv"),
        (("--lake", "nowhere", "--update"), "nowhere: holds no flows yet"),
        (("--lake", "lake", "--update", "--query", "denied"), "--update: prints no rows: expected"),
        (("--lake", "lake", "--query", "unused-rules"), "--query unused-rules: asks for rules too"),
        (("--lake", "lake", "--query", "nothing"), "main traffic: Invalid value for `--query`"),
    ],
)
def test_wrong_words_are_2_and_one_line(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("traffic", *words)
    assert result.exit_code == 2
    assert result.stderr.startswith(said)
    assert result.stderr.count("\n") == 1


def test_a_query_reads_the_lake_and_nothing_else(lake: Path) -> None:
    result = run("traffic", "--lake", lake, "--where",
                 "exists (FROM read_csv('/etc/passwd'))")  # fmt: skip
    assert result.exit_code == 2
    assert "Permission Error" in result.stderr


def test_a_lake_keeps_the_rows_and_answers_with_them(
    lake: Path, tmp_path: Path, network: tuple[str, ...]
) -> None:
    result = run("traffic", "--lake", lake, *network, "--update")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "1 day looked at, 2 intervals made anew: 6 rows\n"
    made = told("--lake", lake, *network)
    assert told("--lake", lake) == made
    query = ("flows", "--lake", lake, "--output", "json", "--sql")
    found = json.loads(run(*query, "SELECT DestVm FROM NTANetAnalytics ORDER BY 1").stdout)
    assert found == [{"DestVm": "rg/vm0"}, {"DestVm": "rg/vm1"}, {"DestVm": None}]
    assert len(json.loads(run(*query, "FROM AzureNetworkAnalytics_CL").stdout)) == 3
    assert len(json.loads(run(*query, "FROM NTAIpDetails").stdout)) == 3
    filled(tmp_path, "10 I D 198.51.100.7:1000 10.0.0.4:22", name="more.json")
    behind = run("traffic", "--lake", lake, "--output", "json")
    assert json.loads(behind.stdout) == made
    assert behind.stderr == (
        f"{lake}: rows of 2026-08-13 have changed since the table was made: expected "
        "`flowverdict traffic --update`\n"
    )
    words = ("traffic", "--lake", lake, *network, "--update", "--output", "json")
    assert json.loads(run(*words).stdout) == {"days": 1, "intervals": 1, "rows": 4}
    assert told("--lake", lake) == told("--lake", lake, *network) != made


def test_rows_that_a_lake_does_not_have_yet_are_named(lake: Path) -> None:
    result = run("flows", "--lake", lake, "--sql", "FROM NTAIpDetails")
    assert result.exit_code == 2
    assert result.stderr == (
        f"{lake}: holds no NTAIpDetails yet: expected `flowverdict traffic --update` to have made "
        "it\n"
    )


def test_queries_are_listed_and_answered(lake: Path, network: tuple[str, ...]) -> None:
    listed = run("traffic", "--lake", lake, "--query", "list").stdout
    assert [line.split()[0] for line in listed.splitlines()] == ["QUERY", *queries()]
    bare = run("traffic", "--lake", lake, "--query", "load-balancers")
    assert bare.stderr.startswith("--query load-balancers: without --estate machines")
    (first, second) = told("--lake", lake, *network, "--query", "denied")
    assert (first["Src"], first["Denied"], second["Src"]) == ("198.51.100.7", 1, "198.51.100.8")
    asked = ("--lake", lake, "--query", "denied", "--where", "Src = '198.51.100.8'")
    assert len(told(*asked)) == 1
    assert run("traffic", "--lake", lake, *network, "--update").exit_code == 0
    assert told(*asked) == told(*asked, *network)
    assert told("--lake", lake, *network, "--query", "unused-rules") == []
