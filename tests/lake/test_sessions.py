"""Tuples stitched into sessions: cases of the specification as they stand in real logs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowverdict.lake import Lake, query
from tests.lake.test_exactly_once import run

T = 1_786_653_106_000


def row(second: float, state: str, counters: str = "0,0,0,0", port: int = 40000) -> str:
    """A VNet tuple of one flow."""
    moment = T + int(second * 1000)
    return f"{moment},10.0.5.4,20.150.1.97,{port},443,6,O,{state},NX,{counters}"


def vnet4(*tuples: str, mac: str = "0022486DBA37") -> dict[str, Any]:
    """A VNet record."""
    groups = [{"rule": "UserRule_x", "flowTuples": list(tuples)}]
    return {
        "time": "x", "macAddress": mac, "category": "FlowLogFlowEvent", "flowLogVersion": 4,
        "flowRecords": {"flows": [{"aclID": "/n", "flowGroups": groups}]},
    }  # fmt: skip


def nsg2(*tuples: str) -> dict[str, Any]:
    """An NSG record."""
    flows = [{"rule": "UserRule_RDP", "flows": [{"mac": "M", "flowTuples": list(tuples)}]}]
    return {
        "category": "NetworkSecurityGroupFlowEvent",
        "resourceId": "/n",
        "properties": {"Version": 2, "flows": flows},
    }


def sessions(tmp_path: Path, *blobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The sessions of some blobs, in the order of time."""
    folder = tmp_path / "logs"
    folder.mkdir()
    for at, records in enumerate(blobs):
        (folder / f"{at}.json").write_text(json.dumps({"records": records}))
    run(folder, tmp_path / "lake")
    sql = "SELECT * FROM sessions ORDER BY first_time, last_time, opened"
    return query(Lake(str(tmp_path / "lake")), sql).read_all().to_pylist()


def totals(session: dict[str, Any]) -> tuple[Any, ...]:
    """The four counters."""
    names = ("packets_sent", "bytes_sent", "packets_received", "bytes_received")
    return tuple(session[name] for name in names)


def words(session: dict[str, Any]) -> tuple[str, str]:
    """How a session was opened and closed."""
    return session["opened"], session["closed"]


def test_deltas_are_summed(tmp_path: Path) -> None:
    """The documents' own arithmetic: 9,125 packets and 5,256,000 bytes in all (S01)."""
    (one,) = sessions(
        tmp_path,
        [vnet4(row(0, "B"), row(300, "C", "1021,588096,8005,4610880"),
               row(360, "E", "52,29952,47,27072"))],
    )  # fmt: skip
    assert words(one) == ("begun", "ended")
    assert totals(one) == (1073, 618048, 8052, 4637952)
    assert one["packets_sent"] + one["packets_received"] == 9125


def test_counters_are_not_cumulative(tmp_path: Path) -> None:
    """S11."""
    (one,) = sessions(
        tmp_path,
        [vnet4(row(0, "B"), row(300, "C", "10,1000,0,0"), row(600, "C", "20,2000,0,0"),
               row(700, "E", "5,500,0,0"))],
    )  # fmt: skip
    assert totals(one)[:2] == (35, 3500)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row(0, "E", "1,124,0,0")], ("orphan_end", "ended")),
        ([row(0, "B")], ("begun", "orphan_begin")),
        ([row(0, "C", "300,34800,300,49800")], ("resumed", "open")),
        ([row(0, "C", "1,1,1,1"), row(300, "E", "1,1,1,1")], ("resumed", "ended")),
        ([row(0, "B"), row(300, "C", "1,1,1,1")], ("begun", "open")),
    ],
    ids=["S04 end alone", "S05 begin alone", "S09 continuing alone", "S15 without begins", "open"],
)
def test_what_a_log_lacks_is_said(
    tmp_path: Path, rows: list[str], expected: tuple[str, str]
) -> None:
    (one,) = sessions(tmp_path, [vnet4(*rows)])
    assert words(one) == expected


def test_a_begin_without_an_end_has_no_bytes_rather_than_none(tmp_path: Path) -> None:
    """NSG logs of inbound flows that a custom rule allows have begins alone (S06)."""
    tuple_ = "1639372371,73.1.2.3,20.0.0.4,50047,3389,T,I,A,B,,,,"
    (one,) = sessions(tmp_path, [nsg2(tuple_)])
    assert totals(one) == (None, None, None, None)


def test_denied_tuples_are_no_sessions(tmp_path: Path) -> None:
    assert sessions(tmp_path, [vnet4(row(0, "D"), row(1, "D"), row(3, "B"))])[0]["tuples"] == 1


def test_a_flow_may_end_and_begin_in_one_millisecond(tmp_path: Path) -> None:
    """As in a real capture: B, E, B at one time, then E 5.78 s later."""
    first = (row(0, "B"), row(0, "E", "2,264,2,136"))
    second = (row(0, "B"), row(5.78, "E", "9,2659,9,15208"))
    found = sessions(tmp_path, [vnet4(*first, *second)])
    assert [words(one) for one in found] == [("begun", "ended")] * 2
    assert sorted(one["bytes_sent"] for one in found) == [264, 2659]


def test_a_begin_replaces_an_open_session(tmp_path: Path) -> None:
    found = sessions(tmp_path, [vnet4(row(0, "B"), row(2, "B"), row(3, "E", "1,60,1,60"))])
    assert [words(one) for one in found] == [("begun", "replaced"), ("begun", "ended")]


def test_silence_ends_a_session(tmp_path: Path) -> None:
    found = sessions(tmp_path, [vnet4(row(0, "B"), row(601, "C", "1,1,1,1"))])
    assert [words(one) for one in found] == [("begun", "expired"), ("resumed", "open")]


def test_a_session_goes_on_in_the_next_blob(tmp_path: Path) -> None:
    """Across blobs and hours, whichever is read first."""
    begin, end = [vnet4(row(0, "B"))], [vnet4(row(20, "E", "3,300,3,300"))]
    (one,) = sessions(tmp_path, end, begin)
    assert words(one) == ("begun", "ended")
    assert one["tuples"] == 2


def test_each_interface_has_sessions_of_its_own(tmp_path: Path) -> None:
    """S12: raw, both stay; a total over the network takes one side."""
    rows = (row(0, "B"), row(5, "E", "10,1000,8,900"))
    found = sessions(tmp_path, [vnet4(*rows), vnet4(*rows, mac="0022486DBA38")])
    assert len(found) == 2
