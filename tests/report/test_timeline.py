"""When the flows of findings passed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from flowverdict.detect.finding import Finding
from flowverdict.lake import Lake, Period
from flowverdict.report.timeline import Timeline, of_findings
from tests.report.lakes import DB, OUT, OUT6, WEB, small_lake

FIRST, LAST = datetime(2026, 8, 13, 20, tzinfo=UTC), datetime(2026, 8, 14, 2, tzinfo=UTC)
TIME = Timeline.between(FIRST, LAST)


def finding(sources: Any = (), targets: Any = (), ports: Any = ()) -> Finding:
    return Finding("x", "low", "", FIRST, LAST, tuple(sources), tuple(targets), tuple(ports))


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return small_lake(tmp_path_factory.mktemp("lake"))


def counts(lake: Lake, *findings: Finding, **words: Any) -> list[tuple[int, int] | None]:
    found = of_findings(lake, findings, TIME, **words)
    return [
        (sum(part.begun for part in one), sum(part.denied for part in one)) if one else None
        for one in found
    ]


def test_flows_are_those_between_the_ends_at_the_ports(lake: Lake) -> None:
    assert counts(
        lake,
        finding([OUT], [WEB], [3389]),
        finding([OUT], [WEB]),
        finding([OUT, OUT6]),
        finding(targets=[DB]),
        finding(ports=[443, 3389]),
        finding([OUT], ports=[443]),
        finding([WEB], [DB], [443]),
        finding(["nobody", "o'brien"]),
        finding(),
    ) == [(0, 7), (1, 7), (2, 9), (3, 2), (2, 7), (1, 0), None, None, None]


def test_a_finding_does_not_take_another_one_s_ends(lake: Lake) -> None:
    assert counts(lake, finding([OUT], [DB]), finding([WEB], [WEB])) == [None, None]


def test_pieces_are_those_of_the_whole_time(lake: Lake) -> None:
    [one] = of_findings(lake, [finding([OUT6], [DB])], TIME)
    assert (one[0].start, one[-1].end > LAST) == (FIRST, True)
    denied = [f"{part.start:%H:%M}" for part in one if part.denied]
    assert denied == ["22:30", "01:30"]


def test_only_the_period_counts(lake: Lake) -> None:
    later = Period(datetime(2026, 8, 13, 23, tzinfo=UTC))
    assert counts(lake, finding([OUT6], [DB]), period=later) == [(0, 1)]


def test_too_many_ends_are_not_looked_for(lake: Lake) -> None:
    many = [f"10.{n // 256}.{n % 256}.1" for n in range(3000)]
    assert counts(lake, finding([*many, OUT]), finding([OUT])) == [None, (1, 7)]
    assert of_findings(lake, [], TIME) == []
