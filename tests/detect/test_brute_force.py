"""Passwords tried: what counts as an attempt, and how many are too many."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pytest

from tests.detect.lakes import OTHER, OUTSIDE, VM, T, denied, flow, found, row

RDP = "rdp-brute-force"


def guesses(count: int, every: float = 8, **words) -> list[dict]:
    """Short allowed flows from new ports, one behind another."""
    return list(
        chain.from_iterable(
            flow(at * every, words.get("src", OUTSIDE), VM, words.get("port", 3389),
                 src_port=40_000 + at, packets=words.get("packets", 12),
                 ways=words.get("ways", "I"), states=words.get("states", "BE"))
            for at in range(count)
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("detection", "port", "count"),
    [
        ("rdp-brute-force", 3389, 10),
        ("ssh-brute-force", 22, 10),
        ("winrm-brute-force", 5985, 25),
        ("sql-brute-force", 1433, 100),
    ],
)
def test_the_threshold_is_where_it_is_said_to_be(
    tmp_path: Path, detection: str, port: int, count: int
) -> None:
    """Spec 9.5: 10 short ends within 5 minutes; databases are used often, and take more."""
    few = guesses(count - 1, every=2, port=port)
    enough = guesses(count, every=2, port=port)
    assert not found(tmp_path / "few", few, detection)
    (one,) = found(tmp_path / "enough", enough, detection)
    assert (one.src_ip, one.dst_ip, one.ports) == (OUTSIDE, VM, (port,))
    assert (one.severity, one.outcome, one.evidence["attempts"]) == ("high", "allowed", count)
    assert one.first == enough[0]["time"]
    assert one.last == enough[-2]["time"]


@pytest.mark.parametrize("states", ["B", "E", "BE"])
def test_begins_or_ends_alone_are_enough(tmp_path: Path, states: str) -> None:
    """Spec 2.2, 6.3: inbound flows may have no ends, and a filter may take the begins."""
    (one,) = found(tmp_path, guesses(30, states=states), RDP)
    assert one.evidence["attempts"] == 30


def test_attempts_without_counters_count_at_the_published_threshold(tmp_path: Path) -> None:
    """Microsoft Sentinel: 25 in 5 minutes."""
    assert not found(tmp_path / "few", guesses(24, states="B"), RDP)
    assert found(tmp_path / "enough", guesses(25, states="B"), RDP)


def test_both_ends_count_once(tmp_path: Path) -> None:
    """Spec 3.8: what two interfaces log is one flow."""
    inside = "10.0.9.9"
    assert not found(tmp_path / "few", guesses(9, src=inside, ways="IO"), RDP)
    (one,) = found(tmp_path / "enough", guesses(10, src=inside, ways="IO"), RDP)
    assert one.evidence["attempts"] == 10
    assert one.evidence["bytes"] == 10 * 2 * 12 * 100


def test_a_flow_that_retransmissions_begin_anew_counts_once(tmp_path: Path) -> None:
    """Spec 3.3: B, E, B, E of one five-tuple, up to seven pairs in a minute."""
    again = [
        one
        for port in range(5)
        for at in (0, 1.06, 3.1, 7.1, 15.4, 31.8, 50)
        for one in flow(port * 60 + at, OUTSIDE, VM, 3389, src_port=40_000 + port, packets=1)
    ]
    assert not found(tmp_path, again, RDP)


def test_the_sweep_of_long_sessions_is_no_attempt(tmp_path: Path) -> None:
    """Spec 3.3: a C row each five minutes of each flow that goes on."""
    pool = chain.from_iterable(
        flow(0, "10.0.9.9", VM, 1433, src_port=40_000 + at, lasts=7_000, packets=200)
        for at in range(99)
    )
    assert not found(tmp_path, pool, "sql-brute-force")


def test_sessions_that_carry_much_are_no_guesses(tmp_path: Path) -> None:
    assert not found(tmp_path, guesses(60, packets=400), RDP)


def test_a_session_behind_the_guesses_makes_it_critical(tmp_path: Path) -> None:
    entry = flow(400, OUTSIDE, VM, 3389, src_port=60_000, packets=9_000, lasts=600)
    (one,) = found(tmp_path, [*guesses(40), *entry], RDP)
    assert (one.severity, one.evidence["sessions_after"]) == ("critical", 1)
    assert one.evidence["first_session"] >= T.replace(minute=6, second=40)


def test_denied_attempts_are_told_with_low_severity(tmp_path: Path) -> None:
    rows = chain.from_iterable(
        denied(at * 8, OUTSIDE, VM, 3389, src_port=40_000 + at) for at in range(30)
    )
    (one,) = found(tmp_path, rows, RDP)
    assert (one.severity, one.outcome, one.evidence["denied"]) == ("low", "denied", 30)


def test_slow_guesses_are_found_by_the_day(tmp_path: Path) -> None:
    (one,) = found(tmp_path, guesses(48, every=1_800), RDP)
    assert one.evidence["speed"] == "slow"
    assert not found(tmp_path / "slower", guesses(30, every=2_880), RDP)


def test_many_sources_with_a_few_attempts_each_are_one_finding(tmp_path: Path) -> None:
    rows = list(
        chain.from_iterable(
            denied(3_600 * 5 + at * 25, f"203.0.113.{at % 40 + 1}", VM, 3389, src_port=40_000 + at)
            for at in range(120)
        )
    )
    quiet = [row(hour * 3_600, VM, "198.51.100.7", 443, direction="O") for hour in range(24)]
    (one,) = found(tmp_path, [*rows, *quiet], RDP)
    assert (one.evidence["speed"], len(one.sources), one.src_ip) == ("distributed", 40, None)
    assert one.evidence["attempts"] == 120


def test_an_address_from_which_people_work_is_none(tmp_path: Path) -> None:
    """Log-ins that fail now and then, and sessions behind most of them."""
    work = chain.from_iterable(
        flow(at * 1_800 + 60, OUTSIDE, VM, 3389, src_port=50_000 + at, packets=900)
        for at in range(40)
    )
    assert not found(tmp_path, [*guesses(48, every=1_800), *work], RDP)


def test_what_is_usual_for_a_service_is_no_crowd(tmp_path: Path) -> None:
    rows = chain.from_iterable(
        flow(hour * 3_600 + at * 50, f"203.0.113.{at + 1}", VM, 22, src_port=hour * 100 + at)
        for hour in range(24)
        for at in range(60)
    )
    assert not found(tmp_path, rows, "ssh-brute-force")


def test_two_attacks_that_are_hours_apart_are_two_findings(tmp_path: Path) -> None:
    later = [
        {**one, "time": one["time"].replace(hour=5), "src_port": one["src_port"] + 5_000}
        for one in guesses(12)
    ]
    both = found(tmp_path, [*guesses(12), *later], RDP)
    assert [one.first.hour for one in both] == [0, 5]


def test_an_attack_across_midnight_is_one(tmp_path: Path) -> None:
    late = [{**one, "time": one["time"].replace(hour=23, minute=58)} for one in guesses(7)]
    early = [{**one, "time": one["time"].replace(day=11)} for one in guesses(7)]
    assert len(found(tmp_path, [*late, *early], RDP)) == 1


def test_ipv6_is_found_as_well(tmp_path: Path) -> None:
    rows = chain.from_iterable(
        flow(at * 8, "2001:db8::9", "fd00::4", 3389, src_port=40_000 + at) for at in range(12)
    )
    (one,) = found(tmp_path, rows, RDP)
    assert (one.src_ip, one.dst_ip) == ("2001:db8::9", "fd00::4")


def test_probes_of_the_platform_are_none(tmp_path: Path) -> None:
    """D07: the load balancer asks each five seconds."""
    rows = chain.from_iterable(
        flow(at * 5, "168.63.129.16", VM, 22, src_port=40_000 + at, packets=3) for at in range(200)
    )
    assert not found(tmp_path, [*rows, *flow(0, VM, OTHER, 443)])
