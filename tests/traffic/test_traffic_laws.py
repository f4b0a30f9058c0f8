"""Laws of Traffic Analytics' rows."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowverdict.flowlog import SCHEMA
from flowverdict.traffic.analytics.places import Places
from flowverdict.traffic.analytics.schema import IP_DETAILS, NTA
from tests.traffic.analysed import analysed, places
from tests.traffic.logs import rows
from tests.traffic.test_traffic_analytics import SKETCH, logged

ADDRESSES = ("10.0.0.4", "10.1.0.5", "10.0.0.77", "8.8.8.8", "8.8.4.4", "20.50.1.9", "10.99.0.1")
TUPLES = st.builds(
    "{} {} {} {}:{} {}:{} {}".format,
    st.integers(0, 9000), st.sampled_from("IO"), st.sampled_from("BCED"),
    st.sampled_from(ADDRESSES), st.integers(50000, 50003), st.sampled_from(ADDRESSES),
    st.sampled_from((22, 443)), st.sampled_from(("0,0,0,0", "1,100,2,200", "7,700,0,0")),
)  # fmt: skip
LOGS = st.lists(TUPLES, min_size=1, max_size=25)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """The network of the vectors."""
    return places(tmp_path_factory.mktemp("estate") / "network", SKETCH)


def log(lines: list[str]) -> pa.Table:
    return pa.Table.from_batches(rows(*(logged(line) for line in lines)), SCHEMA)


def packed(row: dict[str, Any]) -> list[tuple[str, list[int]]]:
    """The addresses of a row, each with its numbers."""
    entries = (row["SrcPublicIps"] or row["DestPublicIps"] or "").split()
    return [(ip, [int(one) for one in numbers]) for ip, *numbers in (e.split("|") for e in entries)]


@settings(max_examples=12, deadline=None)
@given(LOGS, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(known: Places, lines: list[str], chance: Any) -> None:
    table = log(lines)
    order = list(range(len(table)))
    chance.shuffle(order)
    assert analysed(table.to_batches(), known) == analysed(table.take(order).to_batches(), known)


@settings(max_examples=12, deadline=None)
@given(LOGS)
def test_nothing_is_lost_and_nothing_counts_twice(known: Places, lines: list[str]) -> None:
    table = log(lines)
    found = analysed(table.to_batches(), known, 10)[NTA]
    raw = table.to_pylist()
    for way, word in (("I", "In"), ("O", "Out")):
        for states, what in (("B", "Allowed"), ("D", "Denied")):
            expected = sum(row["direction"] == way and row["state"] in states for row in raw)
            assert sum(row[f"{what}{word}Flows"] for row in found) == expected
    assert sum(row["CompletedFlows"] for row in found) == sum(row["state"] == "E" for row in raw)
    counted = [row for row in raw if row["state"] in "CE"]
    for name, column in (
        ("BytesSrcToDest", "bytes_sent"), ("BytesDestToSrc", "bytes_received"),
        ("PacketsSrcToDest", "packets_sent"), ("PacketsDestToSrc", "packets_received"),
    ):  # fmt: skip
        assert sum(row[name] for row in found) == sum(row[column] for row in counted)


@settings(max_examples=12, deadline=None)
@given(LOGS)
def test_packed_addresses_add_up_to_their_row(known: Places, lines: list[str]) -> None:
    found = analysed(log(lines).to_batches(), known)
    for row in found[NTA]:
        entries = packed(row)
        assert bool(entries) == (row["FlowType"] in ("AzurePublic", "ExternalPublic"))
        assert (row["SrcIp"] is None) + (row["DestIp"] is None) == bool(entries)
        if entries:
            started = sum(
                row[f"{what}Flows"] for what in ("AllowedIn", "AllowedOut", "DeniedIn", "DeniedOut")
            )
            assert [sum(numbers) for numbers in zip(*(n for _, n in entries), strict=True)] == [
                started, row["CompletedFlows"], row["PacketsSrcToDest"], row["PacketsDestToSrc"],
                row["BytesSrcToDest"], row["BytesDestToSrc"],
            ]  # fmt: skip


@settings(max_examples=12, deadline=None)
@given(LOGS)
def test_each_packed_address_has_its_details_once_an_interval(
    known: Places, lines: list[str]
) -> None:
    found = analysed(log(lines).to_batches(), known)
    told = Counter((row["FlowIntervalStartTime"], row["Ip"]) for row in found[IP_DETAILS])
    met = {
        (row["FlowIntervalStartTime"], ip) for row in found[NTA] for ip, _ in packed(row)
    }  # fmt: skip
    assert told == Counter(met)
