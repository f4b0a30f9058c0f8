"""The command `coverage`: what is logged, what is not, and what becomes of NSG logs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.runs import run
from tests.traffic.logs import nsg, tuple2, tuple4, vnet4
from tests.traffic.networks import estate, flow_log, mac, names, nic, write

SKETCH = {
    "vnets": {"vnet1": {"space": ["10.0.0.0/16"], "subnets": {
        "s1": {"prefixes": ["10.0.1.0/24"], "nsg": "n1"}, "s2": {"prefixes": ["10.0.2.0/24"]}}}},
    "nsgs": {"n1": []},
    "nics": {"nic1": nic(1, "vnet1/s1"), "nic2": nic(2, "vnet1/s2")},
    "also": [flow_log("f1", "<nsgs/n1>"), flow_log("f2", "<vnets/vnet1/subnets/s2>")],
}  # fmt: skip


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """An estate of two interfaces, an NSG log and a VNet flow log."""
    return write(tmp_path / "estate", SKETCH)


@pytest.fixture
def lake(tmp_path: Path, network: Path) -> Path:
    """A lake: the first interface in both kinds of log, and a machine that nobody knows."""
    (group,) = estate(tmp_path / "other", SKETCH).resources.nsgs
    records = [
        nsg(tuple2(0, "A,B,,,,"), tuple2(600, "A,E,1,1,1,1"), tuple2(4 * 3600, "A,E,1,1,1,1"),
            mac=mac(1), resource=str(group)),
        vnet4(tuple4(0, "B"), tuple4(60, "E"), mac=mac(1)),
        vnet4(tuple4(0, "B"), mac="000D3AFFFFFF"),
    ]  # fmt: skip
    (tmp_path / "PT1H.json").write_text(json.dumps({"records": records}))
    assert run("ingest", tmp_path / "PT1H.json", "--lake", tmp_path / "lake").exit_code == 0
    return tmp_path / "lake"


def told(*words: str | Path) -> dict[str, Any]:
    """The JSON answer."""
    result = run("coverage", *words, "--output", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


def test_minutes_of_each_interface_and_hour(lake: Path) -> None:
    answer = told("--lake", lake)
    unknown, known = answer["interfaces"]
    assert (unknown["mac"], unknown["minutes"], unknown["gaps"]) == ("000D3AFFFFFF", 1, [])
    assert {key: known[key] for key in ("mac", "nics", "since", "until", "minutes", "span")} == {
        "mac": mac(1), "nics": [], "since": "2026-08-13T20:31Z", "until": "2026-08-14T00:32Z",
        "minutes": 4, "span": 241,
    }  # fmt: skip
    assert [(log["schema"], log["rows"]) for log in known["logs"]] == [("nsg2", 3), ("vnet4", 2)]
    assert known["gaps"] == [
        {"since": "2026-08-13T20:33Z", "until": "2026-08-13T20:41Z", "minutes": 8},
        {"since": "2026-08-13T20:42Z", "until": "2026-08-14T00:31Z", "minutes": 229},
    ]
    assert [(one["hour"], one["minutes"], one["minutesWithoutRows"]) for one in known["hours"]] == [
        ("2026-08-13T20:00Z", 3, 26), ("2026-08-14T00:00Z", 1, 31),
    ]  # fmt: skip
    assert answer["loggedTwice"] == [{"mac": mac(1), "minutes": 1}]
    assert answer["estate"] is None
    assert answer["nsgFlowLogs"]["targets"] is None
    assert [one["rows"] for one in answer["nsgFlowLogs"]["nsgs"]] == [3]


def test_an_estate_tells_what_has_no_log(lake: Path, network: Path) -> None:
    answer = told(network, "--lake", lake)
    assert [names(one["nics"]) for one in answer["interfaces"]] == [[], ["nic1"]]
    (unlogged,) = answer["estate"]["unlogged"]
    assert (names([unlogged["nic"]]), unlogged["why"]) == (
        ["nic2"], "flow log `f2` is on, and no row came",
    )  # fmt: skip
    assert answer["estate"]["unknownMacs"] == ["000D3AFFFFFF"]
    assert names(one["flowLog"] for one in answer["estate"]["silentFlowLogs"]) == ["f2"]
    (target,) = answer["nsgFlowLogs"]["targets"]
    assert (names([target["target"]]), target["type"], names(target["kept"])) == (
        ["s1"], "Subnet", ["nic1"],
    )  # fmt: skip
    assert names(answer["nsgFlowLogs"]["networks"][0]["gained"]) == ["nic2"]
    assert answer["nsgFlowLogs"]["retires"] == "2027-09-30"


def test_the_table_tells_the_same(lake: Path, network: Path) -> None:
    lines = run("coverage", network, "--lake", lake).stdout.splitlines()
    assert lines[2].split() == [
        mac(1), "nic1", "nsg2,", "vnet4", "5", "2026-08-13", "20:31", "2026-08-14", "00:31", "4",
        "of", "241", "229", "from", "2026-08-13", "20:42",
    ]  # fmt: skip
    text = "\n".join(lines)
    for part in (
        "In the estate, and no row came\n", "In the logs, and no interface of the estate",
        "Flow logs that are on, and of which no row came\n", "Azure deletes them on 2027-09-30",
        "In their place, the fewest VNet flow logs\n", "For comparison, one on each network\n",
        "Volume: 3 rows, about 0.2 KB", "(18% more)", "Logged twice",
    ):  # fmt: skip
        assert part in text


def test_the_table_by_hour_has_the_minutes_without_rows(lake: Path) -> None:
    lines = run("coverage", "--lake", lake, "--by", "hour").stdout.splitlines()
    assert [line.split("  ")[-1].strip() for line in lines[1:5]] == [
        "-", "20:33-20:40, 20:42-20:59", "all until 2026-08-14 00:00", "00:00-00:30",
    ]  # fmt: skip


def test_a_period_bounds_what_is_looked_at(lake: Path) -> None:
    answer = told("--lake", lake, "--since", "2026-08-14")
    (one,) = answer["interfaces"]
    assert (one["mac"], one["since"], one["span"]) == (mac(1), "2026-08-14T00:31Z", 1)
    empty = run("coverage", "--lake", lake, "--since", "2026-08-15")
    assert (empty.exit_code, empty.stdout.splitlines()[-1]) == (0, "no rows at all")
    assert told("--lake", lake, "--since", "2026-08-15")["interfaces"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--lake", "nowhere"), "nowhere: holds no flows yet"),
        (("nothing.json", "--lake", "lake"), "nothing.json: no such file"),
        (("--lake", "lake", "--since", "x"), "--since `x`: expected a day"),
        ((), "--lake"),
    ],
)
def test_bad_input_is_2_and_one_line(
    lake: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(lake.parent)
    result = run("coverage", *words, "--output", "json")
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
