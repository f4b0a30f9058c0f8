"""Ports of one machine, machines with one port."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from tests.detect.lakes import OUTSIDE, VM, Row, denied, flow, found


def knocks(count: int, every: float, *, wide: bool = False, start: int = 0) -> list[Row]:
    """Denied attempts at one port of many machines, or at many ports of one."""
    return list(
        chain.from_iterable(
            denied(at * every, OUTSIDE, f"10.0.1.{at + 4}" if wide else VM,
                   445 if wide else 1 + at, src_port=start + at)
            for at in range(count)
        )
    )  # fmt: skip


def test_fifteen_ports_in_five_minutes_are_a_scan(tmp_path: Path) -> None:
    """Zeek's threshold: 15 ports of one victim in 5 minutes."""
    assert not found(tmp_path / "few", knocks(14, 10), "port-scan")
    (one,) = found(tmp_path / "enough", knocks(15, 10), "port-scan")
    assert (one.src_ip, one.dst_ip, one.ports) == (OUTSIDE, VM, tuple(range(1, 16)))
    assert (one.severity, one.outcome, one.evidence["speed"]) == ("low", "denied", "fast")


def test_twenty_five_machines_in_five_minutes_are_a_sweep(tmp_path: Path) -> None:
    """Zeek's threshold: 25 hosts at one port in 5 minutes."""
    assert not found(tmp_path / "few", knocks(24, 5, wide=True), "host-sweep")
    (one,) = found(tmp_path / "enough", knocks(25, 5, wide=True), "host-sweep")
    assert (len(one.targets), one.ports, one.evidence["targets"]) == (25, (445,), 25)


def test_retransmissions_are_one_attempt(tmp_path: Path) -> None:
    """Spec 3.3: one SYN and its retransmissions are three rows and one port."""
    (one,) = found(tmp_path, knocks(20, 10), "port-scan")
    assert one.evidence["attempts"] == 20


def test_slow_scans_are_found_by_the_day(tmp_path: Path) -> None:
    slow, slower = knocks(60, 1_200), knocks(30, 2_400)
    (one,) = found(tmp_path / "slow", slow, "port-scan")
    assert one.evidence["speed"] == "slow"
    assert not found(tmp_path / "slower", slower, "port-scan")
    (one,) = found(tmp_path / "wide", knocks(60, 1_200, wide=True), "host-sweep")
    assert one.evidence["speed"] == "slow"


def test_many_sources_that_share_the_ports(tmp_path: Path) -> None:
    rows = list(
        chain.from_iterable(
            denied(at * 10, f"203.0.113.{at % 30 + 1}", VM, at + 1, src_port=at)
            for at in range(300)
        )
    )
    (one,) = found(tmp_path, rows, "port-scan")
    assert (one.evidence["speed"], len(one.sources), len(one.ports)) == ("distributed", 30, 300)


def test_allowed_and_unanswered_is_failed_too(tmp_path: Path) -> None:
    """Spec 3.3: an end with `1,124,0,0` is a SYN that nobody answered."""
    rows = [
        {**one, "packets_received": 0, "bytes_received": 0}
        for at in range(20)
        for one in flow(at * 9, OUTSIDE, VM, 1 + at, packets=1, src_port=at)
    ]
    (one,) = found(tmp_path, rows, "port-scan")
    assert (one.severity, one.outcome) == ("medium", "allowed")


def test_an_open_port_among_them_is_told(tmp_path: Path) -> None:
    answered = flow(150, OUTSIDE, VM, 8_080, packets=20, src_port=9)
    (one,) = found(tmp_path, [*knocks(20, 15), *answered], "port-scan")
    assert one.evidence["open_ports"] == [8080]
    assert one.outcome == "both"


def test_talk_with_many_machines_is_no_sweep(tmp_path: Path) -> None:
    """What is answered counts at other ports than the web's, and takes a hundred machines."""
    web = chain.from_iterable(
        flow(at, VM, f"198.51.100.{at}", 443, src_port=at, ways="O") for at in range(200)
    )
    assert not found(tmp_path / "web", web, "host-sweep", "port-scan")
    monitored = chain.from_iterable(
        flow(at, VM, f"10.0.2.{at}", 9_100, src_port=at, ways="O") for at in range(99)
    )
    assert not found(tmp_path / "monitored", monitored, "host-sweep")


def test_one_way_udp_is_no_scan(tmp_path: Path) -> None:
    """Syslog is never answered."""
    rows = (
        {**one, "packets_received": 0, "bytes_received": 0, "protocol": 17}
        for at in range(60)
        for one in flow(at, VM, "10.0.2.9", 20_000 + at, src_port=at, ways="O")
    )
    assert not found(tmp_path, rows, "port-scan")


def test_from_inside_it_is_severe(tmp_path: Path) -> None:
    rows = chain.from_iterable(
        denied(at * 10, "10.0.9.9", VM, 1 + at, src_port=at) for at in range(20)
    )
    (one,) = found(tmp_path, rows, "port-scan")
    assert one.severity == "high"


def test_scanner_noise_of_the_internet_is_no_scan(tmp_path: Path) -> None:
    """D02, as CAP-V4: 65 sources, at most two ports each."""
    rows = chain.from_iterable(
        denied(at * 3.6, f"203.0.113.{at % 65 + 1}", VM, 8_000 + at % 2, src_port=at)
        for at in range(66)
    )
    assert not found(tmp_path, rows, "port-scan", "host-sweep")
