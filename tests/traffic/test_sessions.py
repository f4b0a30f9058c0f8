"""Tuples stitched into sessions: cases of the specification as they stand in real logs."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from flowverdict.lake import Lake, LakeError, find_blobs, ingest, query
from flowverdict.traffic import (
    DENIED_ATTEMPTS,
    SESSIONS,
    SESSIONS_ONCE,
    VIEWS,
    fold,
    once,
    stitch,
)
from tests.traffic.logs import T, nsg, rows, single, taken, tuple2, tuple4, vnet4

NAMES = ("packets_sent", "bytes_sent", "packets_received", "bytes_received")


def sessions(*records: dict[str, Any]) -> list[dict[str, Any]]:
    """The sessions of one blob, in the order of time."""
    return taken(stitch(rows(*records)), "first_time", "last_time", "opened")


def totals(session: dict[str, Any]) -> tuple[Any, ...]:
    """The four counters."""
    return tuple(session[name] for name in NAMES)


def words(session: dict[str, Any]) -> tuple[str, str]:
    """How a session was opened and closed."""
    return session["opened"], session["closed"]


def milliseconds(session: dict[str, Any], name: str) -> int:
    """A time of a session, behind T."""
    return round(session[name].timestamp() * 1000) - T


# -- the vectors of section 13.4


def test_deltas_are_summed() -> None:
    """S01: the documents' own arithmetic, 9,125 packets and 5,256,000 bytes in all."""
    (one,) = sessions(
        vnet4(tuple4(0, "B"), tuple4(300, "C", "1021,588096,8005,4610880"),
              tuple4(360, "E", "52,29952,47,27072"))
    )  # fmt: skip
    assert words(one) == ("begun", "ended")
    assert totals(one) == (1073, 618048, 8052, 4637952)
    assert one["packets_sent"] + one["packets_received"] == 9125
    assert one["bytes_sent"] + one["bytes_received"] == 5256000


def test_an_end_alone_is_counted_and_its_begin_is_not_known() -> None:
    """S04."""
    (one,) = sessions(vnet4(tuple4(0, "E", "1,124,0,0")))
    assert words(one) == ("orphan_end", "ended")
    assert one["counts_from"] is None
    assert totals(one) == (1, 124, 0, 0)


def test_a_begin_alone_is_an_open_session_of_no_bytes() -> None:
    """S05."""
    (one,) = sessions(vnet4(tuple4(0, "B")))
    assert words(one) == ("begun", "orphan_begin")
    assert totals(one) == (0, 0, 0, 0)


def test_the_bytes_of_a_stateless_flow_are_unknown_and_not_zero() -> None:
    """S06: NSG logs of inbound flows that a custom rule allows have begins alone."""
    flow = "73.1.2.3,20.0.0.4,50047,3389,T,I"
    (one,) = sessions(nsg(tuple2(0, "A,B,,,,", flow), rule="UserRule_RDP"))
    assert words(one) == ("begun", "orphan_begin")
    assert (one["rule"], one["tuples"]) == ("RDP", 1)
    assert totals(one) == (None, None, None, None)


def test_denied_tuples_are_folded_into_attempts() -> None:
    """S07: three rows, one five-tuple, one attempt."""
    flow = "173.34.158.146,10.0.5.4,59352,9999,6"
    found = rows(
        vnet4(*(tuple4(second, "D", flow=flow, direction="I") for second in (0, 1.005, 3.024)))
    )
    assert list(stitch(found)) == []
    (one,) = taken(fold(found))
    assert (one["tuples"], one["dst_port"], one["rule"]) == (3, 9999, "x")
    assert milliseconds(one, "last_time") == 3024


@pytest.mark.parametrize(("gap", "attempts"), [(10, 1), (10.001, 2)])
def test_an_attempt_ends_with_ten_seconds_of_silence(gap: float, attempts: int) -> None:
    found = rows(vnet4(tuple4(0, "D"), tuple4(gap, "D")))
    assert len(taken(fold(found))) == attempts


@pytest.mark.parametrize(
    "record",
    [
        nsg(tuple2(0, "D,B,,,,"), tuple2(1, "D,B,,,,")),
        nsg(tuple2(0, "D"), tuple2(1, "D"), version=1),
    ],
    ids=["nsg2", "nsg1"],
)
def test_denied_tuples_of_nsg_logs_are_attempts_and_no_sessions(record: dict[str, Any]) -> None:
    """Specification, 2.2: denied rows of version 2 have the state B."""
    found = rows(record)
    assert list(stitch(found)) == []
    assert [one["tuples"] for one in taken(fold(found))] == [2]


def test_a_continuing_row_counts_the_sweep_before_it() -> None:
    """S09: 300 seconds, 116 and 166 bytes a packet."""
    flow = "10.0.3.4,192.168.10.254,38152,22,6"
    row = tuple4(0, "C", "300,34800,300,49800", flow=flow, direction="I")
    (one,) = sessions(vnet4(row))
    assert words(one) == ("resumed", "open")
    assert milliseconds(one, "counts_from") == -300_000
    assert one["bytes_sent"] / one["packets_sent"] == 116
    assert one["bytes_received"] / one["packets_received"] == 166


def test_counters_are_not_cumulative() -> None:
    """S11."""
    (one,) = sessions(
        vnet4(tuple4(0, "B"), tuple4(300, "C", "10,1000,0,0"), tuple4(600, "C", "20,2000,0,0"),
              tuple4(700, "E", "5,500,0,0"))
    )  # fmt: skip
    assert totals(one)[:2] == (35, 3500)


def test_two_ends_of_a_flow_are_two_sessions_and_the_outgoing_one_is_the_total() -> None:
    """S12."""
    out = vnet4(tuple4(0, "E", "10,1000,8,900"), mac="000D3A00000B")
    into = vnet4(tuple4(0.4, "E", "10,980,8,900", direction="I"), mac="000D3A00000A")
    found = list(stitch(rows(into, out)))
    assert len(taken(found)) == 2
    (one,) = taken(once(found))
    assert (one["mac"], one["direction"]) == ("000D3A00000B", "O")
    assert totals(one) == (10, 1000, 8, 900)


@pytest.mark.parametrize("side", ["I", "O"])
def test_a_vnet_flow_log_is_preferred_to_an_nsg_log(side: str) -> None:
    """S13; the rows of both stay."""
    flow = f"10.0.5.4,20.150.1.97,40000,443,T,{side}"
    old = nsg(tuple2(0, "A,B,,,,", flow), tuple2(6, "A,E,10,1000,8,900", flow))
    new = vnet4(tuple4(0.2, "B", direction=side), tuple4(6.3, "E", "10,1010,8,910", direction=side))
    found = list(stitch(rows(old, new)))
    assert [one["schema"] for one in taken(found)] == ["nsg2", "vnet4"]
    assert [totals(one) for one in taken(once(found))] == [(10, 1010, 8, 910)]


def test_without_begins_there_are_as_many_flows_as_ends() -> None:
    """S15: a flow log of the record types C and E alone; one flow is still open."""
    found = sessions(
        vnet4(
            tuple4(0, "C", "1,1,1,1"), tuple4(200, "E", "1,1,1,1"), tuple4(210, "E", "2,2,2,2"),
            tuple4(500, "C", "3,3,3,3"),
        )
    )  # fmt: skip
    assert [words(one) for one in found] == [
        ("resumed", "ended"), ("orphan_end", "ended"), ("resumed", "open"),
    ]  # fmt: skip
    assert sum(one["closed"] == "ended" for one in found) == 2


# -- one session and the next


def test_a_flow_may_end_and_begin_in_one_millisecond() -> None:
    """As in a real capture: B, E, B at one time, then E 5.78 s later."""
    first = (tuple4(0, "B"), tuple4(0, "E", "2,264,2,136"))
    second = (tuple4(0, "B"), tuple4(5.78, "E", "9,2659,9,15208"))
    found = sessions(vnet4(*first, *second))
    assert [words(one) for one in found] == [("begun", "ended")] * 2
    assert sorted(one["bytes_sent"] for one in found) == [264, 2659]


def test_a_begin_replaces_an_open_session() -> None:
    found = sessions(vnet4(tuple4(0, "B"), tuple4(2, "B"), tuple4(3, "E", "1,60,1,60")))
    assert [words(one) for one in found] == [("begun", "replaced"), ("begun", "ended")]


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (600, [("begun", "open")]),
        (600.001, [("begun", "expired"), ("resumed", "open")]),
    ],
)
def test_ten_minutes_of_silence_end_a_session(
    second: float, expected: list[tuple[str, str]]
) -> None:
    found = sessions(vnet4(tuple4(0, "B"), tuple4(second, "C", "1,1,1,1")))
    assert [words(one) for one in found] == expected


def test_each_interface_schema_and_direction_has_sessions_of_its_own() -> None:
    end = tuple4(5, "E", "1,1,1,1")
    flow = "10.0.5.4,20.150.1.97,40000,443,T,O"
    found = sessions(
        vnet4(tuple4(0, "B"), end),
        vnet4(end, mac="0022486DBA38"),
        vnet4(tuple4(5, "E", "1,1,1,1", direction="I")),
        nsg(tuple2(5, "A,E,1,1,1,1", flow)),
    )
    assert len(found) == 4


def test_a_log_that_names_no_interface_has_sessions_too() -> None:
    found = sessions(vnet4(tuple4(0, "B"), tuple4(5, "E", "1,1,1,1"), mac=None))
    assert [(one["mac"], words(one)) for one in found] == [(None, ("begun", "ended"))]


def test_tuples_that_lack_counters_are_told() -> None:
    (one,) = sessions(vnet4(tuple4(0, "B"), tuple4(9, "C", ",,,"), tuple4(10, "E", "1,60,1,60")))
    assert (totals(one), one["uncounted"]) == ((1, 60, 1, 60), 1)
    (one,) = sessions(vnet4(tuple4(0, "B"), tuple4(10, "E", ",,,")))
    assert (totals(one), one["uncounted"]) == ((None,) * 4, 1)


def test_sums_that_no_true_log_reaches_do_no_harm() -> None:
    most = 2**63 - 1
    (one,) = sessions(vnet4(tuple4(0, "C", f"1,{most},1,1"), tuple4(1, "E", f"1,{most},1,1")))
    assert one["bytes_sent"] == most


# -- one observer


def test_what_one_side_saw_twice_counts_twice() -> None:
    """A retransmitted SYN makes two flow objects at both ends: one end is kept, whole."""
    ends = [
        vnet4(
            tuple4(0, "B", direction=side), tuple4(0, "E", "1,66,0,0", direction=side),
            tuple4(0, "B", direction=side), tuple4(6, "E", "4,400,4,400", direction=side), mac=mac,
        )
        for side, mac in (("O", "A"), ("I", "B"))
    ]  # fmt: skip
    found = taken(once(stitch(rows(*ends))))
    assert [(one["direction"], one["bytes_sent"]) for one in found] == [("O", 66), ("O", 400)]


def test_an_appliance_between_the_ends_is_no_flow_of_its_own() -> None:
    """Specification, 3.8: it logs the five-tuple going in and out, under one MAC."""
    begin, end = tuple4(1, "B"), tuple4(6, "E", "3,300,3,300")
    back = (tuple4(1, "B", direction="I"), tuple4(6, "E", "3,300,3,300", direction="I"))
    found = once(
        stitch(
            rows(
                vnet4(*back, mac="NVA"), vnet4(begin, end, mac="NVA"),
                vnet4(tuple4(0, "B"), tuple4(5, "E", "3,310,3,310"), mac="VM"),
                vnet4(*back, mac="PEER"),
            )
        )
    )  # fmt: skip
    assert [(one["mac"], one["bytes_sent"]) for one in taken(found)] == [("VM", 310)]


def test_a_port_that_is_used_again_later_is_another_flow() -> None:
    """Each is counted where it was seen: the second one only by the other side."""
    found = once(
        stitch(
            rows(
                vnet4(tuple4(0, "B"), tuple4(5, "E", "1,100,1,100"), mac="A"),
                vnet4(tuple4(0, "B", direction="I"), tuple4(5, "E", "1,99,1,99", direction="I"),
                      tuple4(60, "B", direction="I"), tuple4(66, "E", "1,50,1,50", direction="I"),
                      mac="B"),
            )
        )
    )  # fmt: skip
    assert [one["bytes_sent"] for one in taken(found)] == [100, 50]


# -- a lake, and batches


def filled(tmp_path: Path, *blobs: list[dict[str, Any]]) -> Lake:
    """A lake of some blobs."""
    folder = tmp_path / "logs"
    folder.mkdir()
    for at, records in enumerate(blobs):
        (folder / f"{at}.json").write_text(json.dumps({"records": records}))
    lake = Lake(str(tmp_path / "lake"))
    ingest(find_blobs([str(folder)]), lake)
    return lake


def test_a_session_goes_on_in_the_next_blob(tmp_path: Path) -> None:
    """Across blobs, hours and days, whichever is read first."""
    lake = filled(
        tmp_path,
        [vnet4(tuple4(20, "E", "3,300,3,300"))],
        [vnet4(tuple4(0, "B"))],
        [vnet4(*(tuple4(300 * at, "C", "1,1,1,1", flow="10.0.0.1,10.0.0.2,1,2,17")
                 for at in range(1, 80)))],
    )  # fmt: skip
    views = {one.name: one.sql for one in VIEWS}
    asked = query(lake, "SELECT * FROM sessions ORDER BY first_time", views=views)
    short, long = asked.read_all().to_pylist()
    assert (words(short), short["tuples"]) == (("begun", "ended"), 2)
    assert (long["tuples"], long["bytes_sent"]) == (79, 79)
    assert long["last_time"].day == long["first_time"].day + 1


def test_a_lake_and_batches_have_one_answer(tmp_path: Path) -> None:
    records = [
        vnet4(tuple4(0, "B"), tuple4(0, "E", "1,66,0,0"), tuple4(0, "B"), tuple4(1, "D"),
              tuple4(5, "E", "1,60,1,60")),
        vnet4(tuple4(0, "B", direction="I"), tuple4(5, "E", "1,60,1,60", direction="I"), mac="B"),
        nsg(tuple2(0, "A,B,,,,"), tuple2(3, "D,B,,,,")),
    ]  # fmt: skip
    found = rows(*records)
    lake = filled(tmp_path, records)
    views = {one.name: one.sql for one in VIEWS}
    for view, batches in (
        (SESSIONS, stitch(found)),
        (SESSIONS_ONCE, once(stitch(found))),
        (DENIED_ATTEMPTS, fold(found)),
    ):
        asked = query(lake, f"FROM {view.name} ORDER BY ALL", views=views).read_all()
        over = pa.Table.from_batches(batches, view.schema)
        assert asked.column_names == over.column_names
        order = [(name, "ascending") for name in over.column_names]
        assert asked.cast(view.schema).to_pylist() == over.sort_by(order).to_pylist()
        assert asked.num_rows > 0


def test_how_rows_are_batched_does_not_matter() -> None:
    found = rows(vnet4(*(tuple4(at % 7, "BCEBE"[at % 5], "1,1,1,1") for at in range(40))))
    whole = taken(stitch(found), "first_time", "last_time", "opened", "closed", "tuples")
    pieces = stitch(single(found, 3))
    assert taken(pieces, "first_time", "last_time", "opened", "closed", "tuples") == whole


@pytest.mark.parametrize("function", [stitch, once, fold])
def test_nothing_comes_of_nothing(function: Any) -> None:
    assert list(function([])) == []
    assert list(function(rows(vnet4())[:0])) == []


def test_other_columns_are_refused() -> None:
    with pytest.raises(LakeError, match="decision"):
        list(stitch([pa.record_batch({"time": [1]})]))
