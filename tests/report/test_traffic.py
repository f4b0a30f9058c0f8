"""What a report asks a lake, held against the same counted by hand and by a slow twin."""

# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from flowverdict.lake import Lake, LakeError, Period, query
from flowverdict.report import questions
from flowverdict.report.places import INTERNET, OTHERS, Places
from flowverdict.report.timeline import Timeline
from flowverdict.report.traffic import Cell, Port, Quiet, Talker, Traffic, ask
from tests.impact.logs import lake_at
from tests.report.lakes import DB, MAC, OUT, OUT6, RECORDS, WEB, WEB6, row, small_lake
from tests.traffic.logs import vnet4
from tests.traffic.networks import estate, flow_log, nic


def asked(lake: Lake, **words: Any) -> Traffic:
    found = ask(lake, **words)
    assert found is not None
    return found


def test_everything_of_a_small_lake(tmp_path: Path) -> None:
    found = asked(small_lake(tmp_path))
    assert (found.tuples, found.begun, found.denied, found.interfaces) == (20, 5, 9, 2)
    assert (found.first, found.last) == (
        datetime(2026, 8, 13, 20, 31, 46, tzinfo=UTC), datetime(2026, 8, 14, 1, 31, 46, tzinfo=UTC),
    )  # fmt: skip
    assert (found.schemas, found.hours) == ("nsg2, vnet4", 6)
    assert found.talkers == [
        Talker(WEB, 2, 7, 15_000), Talker(DB, 1, 2, 12_000), Talker(OUT, 1, 7, 3_000),
        Talker(OUT6, 1, 2, 30), Talker(WEB6, 1, 0, 30),
    ], "12,000 between the two, although three observers have them"  # fmt: skip
    assert found.denied_sources == [Talker(OUT, 1, 7, 3_000), Talker(OUT6, 1, 2, 30)]
    assert found.ports == [
        Port(6, 3389, 0, 7), Port(6, 1433, 3, 0), Port(1, 0, 0, 2), Port(6, 443, 2, 0),
    ]  # fmt: skip
    rules = {(one.name, one.kind, one.decision): one.hits for one in found.rules}
    assert rules == {
        ("NoRdp", "user", "D"): 7, ("Web", "user", "A"): 5, ("Out", "default", "A"): 2,
        ("Out", "user", "A"): 2, ("Sql", "user", "A"): 2, ("DenyAllInBound", "default", "D"): 2,
    }  # fmt: skip
    assert found.rules[0].last == datetime(2026, 8, 13, 20, 41, 52, tzinfo=UTC)
    assert found.matrix == [
        Cell("10.0.1.0/24", "10.0.2.0/24", 1, 0), Cell(INTERNET, "10.0.1.0/24", 1, 7),
        Cell(INTERNET, "10.0.2.0/24", 0, 2), Cell(INTERNET, "fd00:0:0:1::/64", 1, 0),
    ]  # fmt: skip
    assert [(one.minutes, f"{one.first:%H:%M}") for one in found.silences] == [
        (179, "22:32"), (109, "20:42"), (7, "20:34"),
    ]  # fmt: skip
    assert found.quiet == [Quiet(f"{MAC}1", 16, 1, 4), Quiet(f"{MAC}2", 4, 3, 4)]
    assert (found.countries, found.stock) == (None, None)


def test_a_timeline_has_every_piece(tmp_path: Path) -> None:
    found = asked(small_lake(tmp_path))
    pieces = found.timeline
    assert {one.end - one.start for one in pieces} == {timedelta(minutes=5)}
    assert [one.end for one in pieces[:-1]] == [one.start for one in pieces[1:]]
    assert pieces[0].start <= found.first < pieces[0].end
    assert pieces[-1].start <= found.last < pieces[-1].end
    assert sum(one.begun for one in pieces) == found.begun
    assert sum(one.denied for one in pieces) == found.denied
    assert [one.interfaces for one in pieces[:3]] == [2, 0, 1]


@pytest.mark.parametrize("days", [0, 0.001, 0.5, 1, 2, 30, 95, 97, 365, 4000])
def test_a_timeline_is_never_long(days: float) -> None:
    first = datetime(2026, 1, 1, 23, 59, 59, tzinfo=UTC)
    assert 1 <= len(list(Timeline.between(first, first + timedelta(days)).filled([]))) <= 98


def test_countries_are_those_of_the_other_end(tmp_path: Path) -> None:
    lake = small_lake(tmp_path)
    given: list[str] = []

    def countries(addresses: Any) -> list[str | None]:
        given.extend(addresses)
        return [None if ":" in one else "NL" for one in addresses]

    assert asked(lake, countries=countries).countries == [Talker("NL", 1, 7, 3_000)]
    assert sorted(given) == [OUT, OUT6]


def test_an_estate_names_places_and_tells_what_is_not_logged(tmp_path: Path) -> None:
    network = estate(tmp_path / "e", {
        "vnets": {"v": {"space": ["10.0.0.0/16"], "subnets": {
            "web": {"prefixes": ["10.0.1.0/24"]}, "db": {"prefixes": ["10.0.2.0/24"]}}}},
        "nics": {"nic3": nic(3, "v/web")},
        "also": [flow_log("f", "<vnets/v>")],
    })  # fmt: skip
    found = asked(small_lake(tmp_path), estate=network)
    assert [cell[:2] for cell in found.matrix][-1] == ("v/web", "v/db")
    assert found.stock is not None
    assert [one.nic.name for one in found.stock.unlogged] == ["nic3"]


def test_only_the_time_that_is_asked_for_counts(tmp_path: Path) -> None:
    lake = small_lake(tmp_path)
    later = Period(datetime(2026, 8, 13, 22, tzinfo=UTC))
    found = asked(lake, period=later)
    assert (found.tuples, found.talkers) == (2, [])
    assert found.matrix == [Cell(INTERNET, "10.0.2.0/24", 0, 2)]
    assert ask(lake, period=Period(datetime(2027, 1, 1, tzinfo=UTC))) is None


def test_a_lake_that_holds_nothing_says_so(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="holds no flows yet"):
        ask(lake_at(tmp_path / "none"))


def test_many_places_become_others(tmp_path: Path) -> None:
    records = [
        vnet4(*(row(n, "B", f"10.{n}.0.1,10.{n}.1.1,1,443,6", "O") for n in range(40)
                for _ in range(40 - n)), mac=f"{MAC}1")
    ]  # fmt: skip
    found = asked(small_lake(tmp_path, records))
    names = {end for cell in found.matrix for end in cell[:2]}
    assert len(names) == 17
    assert OTHERS in names
    assert sum(cell.begun for cell in found.matrix) == found.begun == 820


def slow(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The same by loops over rows."""
    observers: Any = defaultdict(lambda: defaultdict(lambda: [0, 0, 0]))
    inside = {one["dst_ip"] if one["direction"] == "I" else one["src_ip"] for one in rows}
    for one in rows:
        observer = one["mac"], one["schema"], one["direction"]
        counts = observers[one["src_ip"], one["dst_ip"]][observer]
        counts[0] += one["decision"] == "A" and one["state"] in ("B", None)
        counts[1] += one["decision"] == "D"
        counts[2] += (one["bytes_sent"] or 0) + (one["bytes_received"] or 0)
    pairs = {
        pair: [max(every) for every in zip(*of.values(), strict=True)]
        for pair, of in observers.items()
    }
    ends: Any = defaultdict(lambda: [0, 0, 0])
    cells: Any = defaultdict(lambda: [0, 0])
    places = Places()
    for pair, counts in pairs.items():
        for address in pair:
            for at, count in enumerate(counts):
                ends[address][at] += count
        names = tuple(
            places.name(one) if one in inside or places.name(one) != INTERNET else INTERNET
            for one in pair
        )
        for at in (0, 1):
            cells[names][at] += counts[at]
    talkers = [Talker(one, *counts) for one, counts in ends.items() if counts[2]]
    outside = {one: counts for one, counts in ends.items() if places.name(one) == INTERNET}
    return {
        "talkers": sorted(talkers, key=lambda one: (-one.bytes, one.name))[: questions.MOST],
        "matrix": sorted(Cell(*names, *counts) for names, counts in cells.items()),
        "outside": {one: tuple(counts) for one, counts in outside.items() if one not in inside},
    }


@pytest.mark.parametrize("seed", range(4))
def test_what_is_added_up_is_what_loops_add_up(tmp_path: Path, seed: int) -> None:
    draw = Random(seed)
    addresses = ["10.0.0.4", "10.0.1.4", "fd00::4", "fd00::5", "8.8.8.8", "2001:db8::1", "1.1.1.1"]
    records: list[dict[str, Any]] = []
    for mac in "12":
        tuples: list[str] = []
        for _ in range(60):
            is_ipv6 = draw.random() < 0.4
            family = [one for one in addresses if (":" in one) == is_ipv6]
            source, target = draw.sample(family, 2)
            port = draw.choice((443, 22))
            state = draw.choice("BCED")
            counters = "0,0,0,0" if state in "BD" else f"1,{draw.randrange(999)},1,5"
            flow = f"{source},{target},{draw.randrange(50000, 50004)},{port},6"
            tuples.append(row(draw.randrange(9000), state, flow, draw.choice("IO"), counters))
        records.append(vnet4(*tuples, mac=f"{MAC}{mac}"))
    lake = small_lake(tmp_path, records)
    rows = [one for batch in query(lake, "SELECT * FROM flows") for one in batch.to_pylist()]
    wanted = slow(rows)
    found = asked(lake, countries=list)
    assert found.talkers == wanted["talkers"]
    assert found.matrix == wanted["matrix"]
    assert found.countries is not None
    assert {one.name: one[1:] for one in found.countries} == wanted["outside"]


def test_the_order_of_files_changes_nothing(tmp_path: Path) -> None:
    there = asked(small_lake(tmp_path / "a"))
    back = asked(small_lake(tmp_path / "b", RECORDS[::-1]))
    assert there == back
