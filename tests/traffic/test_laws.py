"""Sessions against the state machine of the specification, in plain Python, on logs at random."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from flowverdict.traffic import fold, once, stitch
from tests.net.profiles import times
from tests.traffic.logs import T, rows, taken, tuple4, vnet4

IDLE_MS = 600_000
COUNTERS = ("packets_sent", "bytes_sent", "packets_received", "bytes_received")


@dataclass
class Session:
    """What one interface logged of one flow."""

    opened: str
    closed: str = "open"
    times: list[int] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    sent: int = 0


def by_the_book(row_list: list[dict[str, Any]]) -> list[Session]:
    """Specification, 12: open on B, or replace; add on C and E; E closes; ten minutes expire."""
    found: list[Session] = []
    open_: Session | None = None
    for row in sorted(row_list, key=lambda row: row["time"]):  # stable: ties as in the file
        time, state = row["time"], row["state"]
        if open_ is not None and time - open_.times[-1] > IDLE_MS:
            open_.closed, open_ = "expired", None
        if state == "B":
            if open_ is not None:
                open_.closed = "replaced"
            open_ = Session("begun")
            found.append(open_)
        elif open_ is None:
            open_ = Session("resumed" if state == "C" else "orphan_end")
            found.append(open_)
        open_.times.append(time)
        open_.states.append(state)
        if state != "B":
            open_.sent += row["bytes_sent"]
        if state == "E":
            open_.closed, open_ = "ended", None
    for one in found:
        if one.closed == "open" and one.states == ["B"]:
            one.closed = "orphan_begin"
    return found


FLOWS = ("10.0.0.4,10.0.0.5,1,443,6", "10.0.0.4,10.0.0.5,2,443,6", "fd00::4,fd00::5,1,53,17")
ROWS = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 0, 1, 5, 9, 11, 300, 599, 601]),
        st.sampled_from("BCEBCED"),
        st.sampled_from(FLOWS),
        st.sampled_from("IO"),
        st.sampled_from(["0022486DBA37", "000D3AF87856"]),
        st.integers(0, 2000),
    ),
    max_size=40,
)


def log(steps: list[Any]) -> list[pa.RecordBatch]:
    """Rows of a blob, each some time behind the one before."""
    second, records = 0, []
    for gap, state, flow, direction, mac, sent in steps:
        second += gap
        counters = f"1,{sent},1,7" if state in "CE" else "0,0,0,0"
        row = tuple4(second, state, counters, flow=flow, direction=direction)
        records.append(vnet4(row, mac=mac))
    return rows(*records)


def key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("mac", "src_ip", "src_port", "dst_ip", "direction"))


def plain(batches: list[pa.RecordBatch]) -> list[dict[str, Any]]:
    found = [row for batch in batches for row in batch.to_pylist()]
    return [row | {"time": round(row["time"].timestamp() * 1000) - T} for row in found]


@times(3)
@given(ROWS)
def test_sessions_are_those_of_the_state_machine(steps: list[Any]) -> None:
    found = log(steps)
    flows: dict[Any, list[dict[str, Any]]] = {}
    for row in plain(found):
        if row["state"] != "D":
            flows.setdefault(key(row), []).append(row)
    expected = sorted(
        (
            *one,
            session.times[0], session.times[-1], session.opened, session.closed, session.sent,
            len(session.times),
        )
        for one, row_list in flows.items()
        for session in by_the_book(row_list)
    )  # fmt: skip
    got = sorted(
        (
            *key(row),
            *(round(row[name].timestamp() * 1000) - T for name in ("first_time", "last_time")),
            row["opened"], row["closed"], row["bytes_sent"], row["tuples"],
        )
        for row in taken(stitch(found))
    )  # fmt: skip
    assert got == expected


@given(ROWS)
def test_every_tuple_is_in_one_session_or_attempt_and_no_byte_is_lost(steps: list[Any]) -> None:
    found = log(steps)
    sessions, attempts = taken(stitch(found)), taken(fold(found))
    assert sum(one["tuples"] for one in sessions + attempts) == len(steps)
    for name in COUNTERS:
        booked = sum(row[name] for row in plain(found) if row["state"] in "CE")
        assert sum(one[name] for one in sessions) == booked


@given(ROWS)
def test_one_observer_is_one_of_the_sessions_and_asking_again_changes_nothing(
    steps: list[Any],
) -> None:
    order = ("first_time", "last_time", "mac", "direction", "opened", "closed", "bytes_sent")
    sessions = list(stitch(log(steps)))
    chosen = list(once(sessions))
    every = [tuple(one.values()) for one in taken(sessions)]
    assert all(tuple(one.values()) in every for one in taken(chosen))
    assert taken(once(chosen), *order) == taken(chosen, *order)
    assert {one["src_port"] for one in taken(chosen)} == {
        one["src_port"] for one in taken(sessions)
    }
