"""Traffic Analytics' rows in a lake: kept up to date, and always as if made from scratch."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowverdict.lake import (
    Lake,
    LakeError,
    Period,
    Store,
    compact,
    find_blobs,
    ingest,
    local_store,
    retain,
)
from flowverdict.net import parse_prefix
from flowverdict.traffic.analytics.asking import analytics_table, ask
from flowverdict.traffic.analytics.live import analyse_lake
from flowverdict.traffic.analytics.places import Places
from flowverdict.traffic.analytics.table import Updated, days_behind, update
from flowverdict.traffic.analytics.threats import Threat, Threats
from tests.traffic.analysed import places
from tests.traffic.test_traffic_analytics import SKETCH, logged
from tests.traffic.test_traffic_laws import TUPLES

EVERYTHING = "SELECT * FROM {} ORDER BY ALL"
TABLES = ("NTANetAnalytics", "NTAIpDetails")
FLOW = "O B 10.0.0.4:50001 8.8.8.8:443"
DAY = 86_400


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """The network of the vectors."""
    return places(tmp_path_factory.mktemp("estate") / "network", SKETCH)


class Logs:
    """A lake, and blobs that come into it one after the other."""

    def __init__(self, folder: Path, store: Store | None = None) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.lake = Lake(store or str(folder / "lake"))
        self.count = 0

    def add(self, *lines: str) -> Logs:
        self.count += 1
        path = self.folder / f"{self.count}.json"
        path.write_text(json.dumps({"records": [logged(line) for line in lines]}))
        ingest(find_blobs([str(path)]), self.lake)
        return self

    def kept(self) -> dict[str, Any]:
        return {name: ask(self.lake, EVERYTHING.format(name)).read_all() for name in TABLES}

    def made(self, known: Places, minutes: int = 60) -> dict[str, Any]:
        return {
            name: analyse_lake(
                self.lake, known, EVERYTHING.format(name), minutes=minutes
            ).read_all()
            for name in TABLES
        }


def done(days: int, intervals: int, rows: int) -> Updated:
    return Updated(days=days, intervals=intervals, rows=rows)


def test_only_intervals_with_new_rows_are_made_anew(tmp_path: Path, known: Places) -> None:
    logs = Logs(tmp_path).add(f"0 {FLOW}", f"3600 {FLOW}", f"{DAY} {FLOW}")
    assert update(logs.lake, known) == done(2, 3, 6)
    assert update(logs.lake, known) == done(0, 0, 0)
    logs.add(f"3700 {FLOW}", f"7200 {FLOW}")
    assert [str(day) for day in days_behind(logs.lake)] == ["2026-08-13"]
    assert update(logs.lake, known) == done(1, 2, 4)
    assert days_behind(logs.lake) == []
    assert logs.kept() == logs.made(known)
    starts = (
        "SELECT sum(AllowedOutFlows) AS flows FROM NTANetAnalytics GROUP BY FlowIntervalStartTime"
    )
    assert sorted(ask(logs.lake, starts).read_all()["flows"].to_pylist()) == [1, 1, 1, 2]


def test_a_row_that_comes_late_makes_its_interval_anew(tmp_path: Path, known: Places) -> None:
    logs = Logs(tmp_path).add(f"{DAY} {FLOW}")
    update(logs.lake, known)
    logs.add(f"0 {FLOW}").add(f"{DAY + 10} {FLOW}")
    assert update(logs.lake, known) == done(2, 2, 4)
    assert logs.kept() == logs.made(known)


def test_files_that_are_merged_change_nothing(tmp_path: Path, known: Places) -> None:
    logs = Logs(tmp_path)
    for second in range(20):
        logs.add(f"{second * 400} {FLOW}")
    update(logs.lake, known)
    before = logs.kept()
    assert compact(logs.lake).merged == 20
    assert update(logs.lake, known) == done(1, 0, 0)
    assert logs.kept() == before == logs.made(known)
    assert update(logs.lake, known) == done(0, 0, 0)
    assert update(logs.add(f"0 {FLOW}").lake, known) == done(1, 1, 2)
    assert logs.kept() == logs.made(known)


def test_what_retention_deletes_goes_from_the_table_too(tmp_path: Path, known: Places) -> None:
    logs = Logs(tmp_path).add(f"0 {FLOW}", f"{2 * DAY} {FLOW}")
    update(logs.lake, known)
    retain(logs.lake, 1, datetime(2026, 8, 16, tzinfo=UTC))
    assert update(logs.lake, known) == done(1, 1, 0)
    assert logs.kept() == logs.made(known)
    assert len(logs.kept()["NTANetAnalytics"]) == 1


def test_other_knowledge_and_other_intervals_make_all_anew(tmp_path: Path, known: Places) -> None:
    logs = Logs(tmp_path).add(f"0 {FLOW}", f"1200 {FLOW}", f"{DAY} {FLOW}")
    update(logs.lake, known)
    bad = Threats([Threat(parse_prefix("8.8.8.8"))])
    other = places(tmp_path / "other", SKETCH, threats=bad)
    assert update(logs.lake, other) == done(2, 2, 4)
    assert logs.kept() == logs.made(other)
    assert update(logs.lake, other, minutes=10) == done(2, 3, 6)
    assert logs.kept() == logs.made(other, 10)


def test_equal_knowledge_has_an_equal_label(tmp_path: Path, known: Places) -> None:
    """So that the same estate in another folder makes nothing anew."""
    assert places(tmp_path / "again", SKETCH).label == known.label
    nics = {**SKETCH["nics"], "nic0": SKETCH["nics"]["nic0"] | {"vm": "renamed"}}
    assert places(tmp_path / "changed", SKETCH | {"nics": nics}).label != known.label


def test_a_period_brings_its_days_alone_up_to_date(tmp_path: Path, known: Places) -> None:
    logs = Logs(tmp_path).add(f"0 {FLOW}", f"{DAY} {FLOW}", f"{2 * DAY} {FLOW}")
    period = Period(datetime(2026, 8, 14, tzinfo=UTC), datetime(2026, 8, 14, 23, tzinfo=UTC))
    assert update(logs.lake, known, period=period) == done(1, 1, 2)
    assert days_behind(logs.lake, period) == []
    assert len(days_behind(logs.lake)) == 2
    asked = ask(logs.lake, "FROM NTANetAnalytics", period=Period(period.until)).read_all()
    assert len(asked) == 0


def test_runs_at_once_make_each_row_once(tmp_path: Path, known: Places) -> None:
    logs = Logs(tmp_path).add(*(f"{day * DAY} {FLOW}" for day in range(3)))
    others = [places(tmp_path / f"n{at}", SKETCH) for at in range(3)]
    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(lambda one: update(Lake(str(tmp_path / "lake")), one), others))
    assert sum(one.intervals for one in found) == 3
    assert logs.kept() == logs.made(known)


class Killed(Exception):
    """Stands for the end of a process."""


def test_a_run_that_is_killed_anywhere_leaves_what_was_or_what_is(
    tmp_path: Path, known: Places
) -> None:
    """Whichever file is the last that gets written."""
    for survives in range(4):
        folder = tmp_path / str(survives)
        logs = Logs(folder).add(f"0 {FLOW}")
        update(logs.lake, known)
        before = logs.kept()
        logs.add(f"10 {FLOW}", f"4000 {FLOW}")
        plain = local_store(str(folder / "lake"))
        left = survives

        def put(path: str, data: pa.Buffer, *, new: bool = False, store: Store = plain) -> None:
            nonlocal left
            if not left:
                raise Killed
            left -= 1
            store.put(path, data, new=new)

        dying = Lake(Dying(plain, put))  # pyright: ignore[reportArgumentType] all that a store has
        try:
            update(dying, known)
        except Killed:
            assert logs.kept() == before
        update(logs.lake, known)
        assert logs.kept() == logs.made(known)


class Dying:
    """A store of which writing is another's."""

    def __init__(self, store: Store, put: Any) -> None:
        self._store = store
        self.put = put

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def test_a_table_that_is_not_there_is_named(tmp_path: Path, known: Places) -> None:
    logs = Logs(tmp_path).add(f"0 {FLOW}")
    for name in (*TABLES, "azurenetworkanalytics_cl"):
        with pytest.raises(LakeError, match=r"--update` to have made it"):
            ask(logs.lake, f"FROM {name}")
    assert analytics_table(logs.lake).open() is None
    with pytest.raises(LakeError, match="holds no flows yet"):
        update(Lake(str(tmp_path / "nothing")), known)


def test_a_lost_state_is_told(tmp_path: Path, known: Places) -> None:
    logs = Logs(tmp_path).add(f"0 {FLOW}")
    update(logs.lake, known)
    for path in (tmp_path / "lake" / "cursors" / "analytics").iterdir():
        path.unlink()
    with pytest.raises(LakeError, match=r"the state of `analytics` is gone: expected the files"):
        update(logs.lake, known)


PARTS = st.lists(st.lists(TUPLES, min_size=1, max_size=6), min_size=1, max_size=4)


@settings(max_examples=8, deadline=None)
@given(PARTS, st.data())
def test_bringing_up_to_date_is_making_from_scratch_whatever_the_order(
    known: Places, tmp_path_factory: pytest.TempPathFactory, parts: list[list[str]], data: Any
) -> None:
    one, other = (Logs(tmp_path_factory.mktemp("logs")) for _ in range(2))
    for part in parts:
        update(one.add(*part).lake, known)
    for part in data.draw(st.permutations(parts)):
        other.add(*part)
        if data.draw(st.booleans()):
            update(other.lake, known)
    update(other.lake, known)
    assert one.kept() == other.kept() == one.made(known) == other.made(known)


@settings(max_examples=12, deadline=None)
@given(st.lists(TUPLES, min_size=1, max_size=20))
def test_each_flow_row_is_part_of_one_row(
    known: Places, tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    """And the way back is a view: with it come source ports and single tuples."""
    logs = Logs(tmp_path_factory.mktemp("logs")).add(*lines)
    again = "SELECT {} FROM flows_analytics ORDER BY ALL"
    columns = "time, src_ip, src_port, dst_ip, dst_port, blob, record, tuple"
    plain = again.replace("_analytics", "").format(columns)
    raw = ask(logs.lake, plain).read_all()
    assert analyse_lake(logs.lake, known, again.format(columns)).read_all() == raw
    types = analyse_lake(logs.lake, known, again.format("FlowType, src_ip, dst_ip")).read_all()
    for row in types.to_pylist():
        assert (row["FlowType"] == "IntraVNet") == (
            row["src_ip"][:5] == row["dst_ip"][:5] and row["src_ip"][:5] in ("10.0.", "10.1.")
        )
