"""Each of the other detections: what it finds, and what looks like it and is none."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from tests.detect.lakes import OTHER, OUTSIDE, VM, Row, T, denied, flow, found, mac_of

DAY = 86_400
PEER = "198.51.100.7"


def web(hours: int, every: int = 600, host: str = VM, size: int = 800) -> Iterator[Row]:
    """Ordinary traffic of a machine, at odd moments, to several sites."""
    chance = random.Random(host)
    for at in range(hours * 3_600 // every):
        moment = at * every + chance.random() * every
        site = f"192.0.2.{chance.randrange(40)}"
        yield from flow(moment, host, site, 443, ways="O", src_port=1_024 + at,
                        packets=chance.randrange(8, 60), size=size)  # fmt: skip


# -- denied, then allowed


def test_a_probe_that_succeeds_later_is_told_with_the_moment(tmp_path: Path) -> None:
    before = chain.from_iterable(denied(at * 60, OUTSIDE, VM, 22, src_port=at) for at in range(5))
    entry = flow(3_600, OUTSIDE, VM, 22, src_port=99, packets=50)
    (one,) = found(tmp_path, [*before, *entry], "denied-then-allowed")
    assert (one.evidence["kind"], one.evidence["denied"], one.severity) == ("same", 5, "high")
    assert one.evidence["allowed_since"].hour == 1
    assert (one.first, one.last.hour) == (T, 1)


def test_allowed_before_it_was_denied_is_none(tmp_path: Path) -> None:
    entry = flow(0, OUTSIDE, VM, 22, src_port=99, packets=50)
    later = chain.from_iterable(denied(600 + at * 60, OUTSIDE, VM, 22) for at in range(5))
    assert not found(tmp_path, [*entry, *later], "denied-then-allowed")


def test_denied_elsewhere_and_let_in_at_a_sensitive_port(tmp_path: Path) -> None:
    def probed(port: int) -> list[Row]:
        before = (denied(at * 60, OUTSIDE, VM, 100 + at, src_port=at) for at in range(6))
        return [*chain.from_iterable(before), *flow(3_600, OUTSIDE, OTHER, port, packets=50)]

    (one,) = found(tmp_path / "rdp", probed(3389), "denied-then-allowed")
    assert one.evidence["kind"] == "elsewhere"
    assert not found(tmp_path / "web", probed(443), "denied-then-allowed")


# -- beacons


def calls(jitter: float, every: float = 60, hours: int = 24, **words) -> Iterator[Row]:
    """Calls home, each so far from the one before, give or take a part of it."""
    count = int(hours * 3_600 / every)
    gaps = [every * (1 + jitter * (2 * (at + 0.5) / count - 1)) for at in range(count)]
    random.Random(7).shuffle(gaps)
    moment = 0.0
    for at, gap in enumerate(gaps):
        yield from flow(moment, VM, PEER, 8_443, ways="O", src_port=at, packets=6, lasts=1, **words)
        moment += gap


@pytest.mark.parametrize(("jitter", "score"), [(0, 1.0), (0.1, 0.975), (0.2, 0.95), (0.3, 0.925),
                                               (0.5, 0.87)])  # fmt: skip
def test_the_score_for_intervals_is_ritas(tmp_path: Path, jitter: float, score: float) -> None:
    """Spec 9.4: reference values; times count by the second, as RITA's do."""
    (one,) = found(tmp_path, calls(jitter), "beacon")
    assert one.evidence["interval_score"] == pytest.approx(score, abs=0.01)
    assert (one.src_ip, one.dst_ip, one.ports) == (VM, PEER, (8443,))


def test_without_ends_the_sizes_are_left_out_of_the_score(tmp_path: Path) -> None:
    (one,) = found(tmp_path, calls(0.1, states="B"), "beacon")
    assert one.evidence["size_score"] is None
    assert one.evidence["score"] > 0.9


def test_a_long_connection_is_no_beacon(tmp_path: Path) -> None:
    """Spec 9.5: C rows come every 300 s by themselves."""
    assert not found(tmp_path, flow(0, VM, PEER, 8_443, ways="O", lasts=80_000), "beacon")


def test_ordinary_traffic_is_no_beacon(tmp_path: Path) -> None:
    assert not found(tmp_path, web(24), "beacon")


def test_calls_at_random_moments_are_no_beacon(tmp_path: Path) -> None:
    chance = random.Random(3)
    moments = sorted(chance.random() * DAY for _ in range(1_440))
    rows = chain.from_iterable(
        flow(at, VM, PEER, 443, ways="O", src_port=n, packets=9) for n, at in enumerate(moments)
    )
    assert not found(tmp_path, rows, "beacon")


def test_heartbeats_of_azures_own_are_known(tmp_path: Path) -> None:
    """Spec 9.6: the platform's address, time servers, Azure Monitor."""
    rows = [
        *(dict(one, dst_ip="13.81.158.230") for one in calls(0)),
        *(dict(one, dst_ip="168.63.129.16", dst_port=80) for one in calls(0)),
        *(dict(one, dst_port=123, protocol=17) for one in calls(0)),
    ]
    assert not found(tmp_path, rows, "beacon")


def test_what_half_of_the_machines_call_is_common(tmp_path: Path) -> None:
    rows = [{**one, "src_ip": f"10.0.0.{at}"} for at in range(4, 8) for one in calls(0.1, 300)]
    (one,) = found(tmp_path, rows, "beacon")
    assert (one.severity, len(one.sources)) == ("informational", 4)


# -- exfiltration


def upload(hour: float, megabytes: int, peer: str = PEER, **words) -> Iterator[Row]:
    """Much to one address within half an hour, with a C row each five minutes."""
    rows = flow(hour * 3_600, VM, peer, 443, ways="O", lasts=1_800, packets=1, **words)
    each = megabytes * 1_000_000 // 7
    for one in rows:
        yield one if one["state"] == "B" else {**one, "bytes_sent": each, "bytes_received": 9_000}


def test_an_upload_to_a_new_address_is_told(tmp_path: Path) -> None:
    (one,) = found(tmp_path, [*web(40), *upload(38, 700)], "exfiltration")
    assert (one.src_ip, one.dst_ip, one.evidence["speed"]) == (VM, PEER, "fast")
    assert one.evidence["bytes_out"] == 700_000_000
    assert one.first.hour == 14


def test_what_a_server_answers_outside_counts_as_well(tmp_path: Path) -> None:
    """Spec 9.5: of inbound flows it is the bytes that go back."""
    rows = [
        {**one, "src_ip": PEER, "dst_ip": VM, "direction": "I", "bytes_sent": one["bytes_received"],
         "bytes_received": one["bytes_sent"]}
        for one in upload(38, 700)
    ]  # fmt: skip
    (one,) = found(tmp_path, [*web(40), *rows], "exfiltration")
    assert (one.src_ip, one.dst_ip, one.evidence["connected"]) == (PEER, VM, "in")
    assert one.evidence["bytes_out"] == 700_000_000


def test_nothing_is_told_on_the_first_day(tmp_path: Path) -> None:
    """A day has a rhythm, which has to be known."""
    assert not found(tmp_path, [*web(24), *upload(14, 700)], "exfiltration")


def test_a_call_that_goes_both_ways_is_none(tmp_path: Path) -> None:
    rows = [{**one, "bytes_received": one["bytes_sent"]} for one in upload(38, 700)]
    assert not found(tmp_path, [*web(40), *rows], "exfiltration")


def test_a_backup_that_runs_each_night_is_usual(tmp_path: Path) -> None:
    nights = chain.from_iterable(upload(2 + 24 * day, 700, src_port=day) for day in range(5))
    told = found(tmp_path, [*web(24 * 5, every=3_000), *nights], "exfiltration")
    assert not [one for one in told if one.first.day > T.day]


def test_an_upload_seen_by_two_ends_counts_once(tmp_path: Path) -> None:
    twice = [{**one, "mac": "AABBCCDDEEFF", "direction": "I"} for one in upload(38, 700)]
    (one,) = found(tmp_path, [*web(40), *upload(38, 700), *twice], "exfiltration")
    assert one.evidence["bytes_out"] == 700_000_000


def test_a_slow_drip_is_told_by_the_day(tmp_path: Path) -> None:
    drip = chain.from_iterable(upload(24 + hour, 9 if hour % 2 else 40, src_port=hour)
                               for hour in range(20))  # fmt: skip
    (one,) = found(tmp_path, [*web(48, every=60, size=4_000_000 // 30), *drip], "exfiltration")
    assert one.evidence["bytes_out"] > 300e6


def test_a_counter_that_cannot_be_counts_nothing(tmp_path: Path) -> None:
    """T32: a counter near 2^63 is damaged."""
    broken = flow(38 * 3_600, VM, PEER, 443, ways="O", packets=1, size=2**60)
    assert not found(tmp_path, [*web(40), *broken], "exfiltration")


# -- lateral movement


def tour(hour: float, hosts: int, *, answered: bool = True, port: int = 3389) -> Iterator[Row]:
    """One machine at several others, one after another."""
    for at in range(hosts):
        rows = flow(hour * 3_600 + at * 300, VM, f"10.0.3.{at + 4}", port, ways="IO", src_port=at)
        for one in rows:
            yield one if answered else {**one, "packets_received": 0, "bytes_received": 0}


def test_five_new_machines_in_an_hour_are_told(tmp_path: Path) -> None:
    assert not found(tmp_path / "few", [*web(24), *tour(12, 4)], "lateral-movement")
    (one,) = found(tmp_path / "enough", [*web(24), *tour(12, 5)], "lateral-movement")
    assert (one.src_ip, len(one.targets), one.severity) == (VM, 5, "high")


def test_machines_that_it_reached_before_are_not_new(tmp_path: Path) -> None:
    rows = [*web(24), *tour(2, 9), *tour(12, 9)]
    assert not found(tmp_path, rows, "lateral-movement")


def test_nobody_answers(tmp_path: Path) -> None:
    rows = [*web(24), *tour(12, 9, answered=False)]
    assert not found(tmp_path, rows, "lateral-movement")


# -- deny spikes


def refusals(hours: range, each: int) -> Iterator[Row]:
    for hour in hours:
        for at in range(each):
            moment = hour * 3_600 + at * 3_600 / each
            yield from denied(moment, f"203.0.113.{at % 200}", VM, 1_000 + at, src_port=hour)


def test_a_rule_that_denies_far_more_than_usual(tmp_path: Path) -> None:
    rows = [*refusals(range(12), 20), *refusals(range(12, 13), 400)]
    (one,) = found(tmp_path, rows, "deny-spike")
    assert (one.dst_ip, one.evidence["kind"], one.evidence["rule"]) == (VM, "rule", "Deny")
    assert (one.evidence["denied"], one.evidence["usual_an_hour"]) == (1_200, 60)


def test_the_noise_of_the_internet_is_no_spike(tmp_path: Path) -> None:
    """CAP-V4: 16 a minute at one machine, all the time."""
    chance = random.Random(5)
    rows = chain.from_iterable(
        denied(chance.random() * DAY, f"203.0.113.{chance.randrange(250)}", VM,
               chance.choice([22, 23, 445, 8080]), src_port=at)
        for at in range(16 * 60 * 8)
    )  # fmt: skip
    assert not found(tmp_path, rows, "deny-spike")


def test_a_machine_inside_of_which_more_is_denied(tmp_path: Path) -> None:
    rows = chain.from_iterable(
        denied(10 * 3_600 + at * 30, VM, f"10.0.4.{at}", 8_000, src_port=at, direction="O")
        for at in range(60)
    )
    told = found(tmp_path, [*web(12), *rows], "deny-spike")
    assert [one.src_ip for one in told if one.evidence["kind"] == "source"] == [VM]


# -- mining, clear text, DNS, unexpected allow


def test_a_long_quiet_talk_with_a_pool(tmp_path: Path) -> None:
    """D08: one session of six hours to 203.0.113.9:3333, about 2 KB each five minutes."""
    rows = flow(0, VM, OUTSIDE, 3333, ways="O", lasts=6 * 3_600, packets=20)
    (one,) = found(tmp_path / "long", rows, "mining-port")
    assert one.evidence["minutes"] == 360
    assert not found(tmp_path / "short", flow(0, VM, OUTSIDE, 3333, ways="O"), "mining-port")
    busy = flow(0, VM, OUTSIDE, 3333, ways="O", lasts=6 * 3_600, packets=90_000)
    assert not found(tmp_path / "busy", busy, "mining-port")


def in_clear(token: str, peer: str = OTHER) -> list[Row]:
    return [one for at in range(3) for one in flow(at * 60, VM, peer, 5432, ways="IO",
            src_port=at, encryption=token)]  # fmt: skip


@pytest.mark.parametrize(
    ("token", "told"),
    [("NX_FALLBACK", True), ("NX_HW_NOT_SUPPORTED", True), ("NX_LOCAL_DST", False), ("NX", False),
     ("X", False), ("NX_QUANTUM", False)],
)  # fmt: skip
def test_tokens_that_say_that_it_was_to_be_encrypted(
    tmp_path: Path, token: str, told: bool
) -> None:
    """Spec 3.5."""
    assert bool(found(tmp_path, in_clear(token), "clear-text")) is told


def test_plain_text_between_machines_that_encrypt_with_others(tmp_path: Path) -> None:
    third, fourth = "10.0.0.6", "10.0.0.7"
    swapped = [{**one, "src_ip": OTHER, "dst_ip": fourth, "mac": mac_of(OTHER)}
               for one in in_clear("X")]  # fmt: skip
    rows = [*in_clear("X", third), *swapped, *in_clear("NX")]
    (one,) = found(tmp_path, rows, "clear-text")
    assert (one.src_ip, one.dst_ip, one.evidence["tokens"]) == (VM, OTHER, ["NX"])


def test_much_dns_to_a_resolver_outside(tmp_path: Path) -> None:
    def asked(count: int, resolver: str) -> list[Row]:
        return [
            {**one, "protocol": 17}
            for at in range(count)
            for one in flow(at * 3, VM, resolver, 53, ways="O", src_port=at, packets=1)
        ]

    (one,) = found(tmp_path / "outside", asked(1_100, "198.51.100.53"), "dns-tunnel")
    assert one.evidence["flows"] == 1_100
    assert not found(tmp_path / "few", asked(900, "198.51.100.53"), "dns-tunnel")
    assert not found(tmp_path / "inside", asked(1_100, "10.0.0.53"), "dns-tunnel")
    assert not found(tmp_path / "azure", asked(1_100, "168.63.129.16"), "dns-tunnel")


def test_a_sensitive_port_that_the_internet_reaches(tmp_path: Path) -> None:
    (one,) = found(tmp_path / "rdp", flow(0, OUTSIDE, VM, 3389), "unexpected-allow")
    assert (one.src_ip, one.dst_ip, one.ports) == (OUTSIDE, VM, (3389,))
    assert not found(tmp_path / "web", flow(0, OUTSIDE, VM, 443), "unexpected-allow")
    assert not found(tmp_path / "inside", flow(0, OTHER, VM, 3389), "unexpected-allow")
    platform = flow(0, OUTSIDE, VM, 3389, rule_kind="platform", rule="PlatformRule")
    assert not found(tmp_path / "platform", platform, "unexpected-allow")


# -- gaps


def busy(
    hosts: list[str], hours: int, *, silent: range = range(0), witness: bool = True
) -> Iterator[Row]:
    """Machines that talk with one another each minute; one's interface is silent for a while."""
    for minute in range(hours * 60):
        for at, host in enumerate(hosts):
            peer = hosts[(at + 1) % len(hosts)]
            for one in flow(
                minute * 60 + at, host, peer, 8_080, ways="IO", src_port=minute % 60_000
            ):
                gone = minute in silent and one["mac"] == mac_of(VM)
                if not gone and (witness or minute not in silent or VM not in (host, peer)):
                    yield one


def test_a_gap_that_others_saw_traffic_in(tmp_path: Path) -> None:
    rows = busy([VM, OTHER, "10.0.0.6"], 6, silent=range(100, 130))
    (one,) = found(tmp_path, rows, "log-gap")
    assert (one.dst_ip, one.severity, one.evidence["kind"]) == (VM, "high", "seen")
    assert one.evidence["minutes"] == pytest.approx(30, abs=1)


def test_an_interface_that_is_switched_off_for_good(tmp_path: Path) -> None:
    rows = busy([VM, OTHER, "10.0.0.6"], 6, silent=range(200, 360))
    (one,) = found(tmp_path, rows, "log-gap")
    assert (one.evidence["kind"], one.first.hour) == ("seen", 3)


def test_a_gap_without_a_witness(tmp_path: Path) -> None:
    rows = busy([VM, OTHER, "10.0.0.6"], 24, silent=range(600, 660), witness=False)
    told = found(tmp_path, rows, "log-gap")
    assert [(one.dst_ip, one.evidence["kind"]) for one in told] == [(VM, "unusual")]


def test_idle_interfaces_have_no_gap(tmp_path: Path) -> None:
    """Spec 9.5: idle interfaces write nothing."""
    rows = chain.from_iterable(flow(hour * 3_600, VM, PEER, 443, ways="O") for hour in range(24))
    assert not found(tmp_path, rows, "log-gap")


def test_a_machine_that_was_made_anew_left_no_gap(tmp_path: Path) -> None:
    """Its address is another interface's from then on: that others see it says nothing."""
    rows = [
        {**one, "mac": "AAAAAAAAAAAA" if minute < 150 else "BBBBBBBBBBBB"}
        if one["mac"] == mac_of(VM)
        else one
        for minute in range(300)
        for one in flow(minute * 60, OTHER, VM, 8_080, ways="IO", src_port=minute)
    ]
    assert not found(tmp_path, rows, "log-gap")


def test_a_busy_machine_with_the_same_address_is_no_witness(tmp_path: Path) -> None:
    """Networks that do not meet use the same addresses."""
    busy_one = (flow(m * 60, "10.0.0.9", VM, 8_080, src_port=m) for m in range(300))
    idle_one = (
        flow(m * 60, "10.0.0.8", VM, 8_080, src_port=m, mac="AAAAAAAAAAAA")
        for m in range(0, 300, 40)
    )
    assert not found(tmp_path, chain(*busy_one, *idle_one), "log-gap")


def test_a_gap_is_seen_although_another_interface_forwards(tmp_path: Path) -> None:
    """Spec 3.8: one that forwards logs a flow both ways, with two addresses of others."""
    rows = busy([VM, OTHER, "10.0.0.6"], 4, silent=range(100, 130))
    forwarded = [
        {**one, "mac": "FFFFFFFFFFFF", "direction": way}
        for minute in range(240)
        for one in flow(minute * 60, "10.0.0.9", VM, 8_443, src_port=minute)
        for way in "IO"
    ]
    (one,) = found(tmp_path, [*rows, *forwarded], "log-gap")
    assert (one.dst_ip, one.evidence["kind"]) == (VM, "seen")


def test_two_short_calls_on_two_days_are_no_long_talk(tmp_path: Path) -> None:
    rows = [*flow(0, VM, OUTSIDE, 3333, ways="O"),
            *flow(2 * DAY, VM, OUTSIDE, 3333, ways="O", src_port=3)]  # fmt: skip
    assert not found(tmp_path, rows, "mining-port")


def test_a_long_talk_of_which_only_begin_and_end_were_logged(tmp_path: Path) -> None:
    """Spec 6: a flow log may record B and E alone."""
    rows = [one for one in flow(0, VM, OUTSIDE, 3333, ways="O", lasts=6 * 3_600, packets=20)
            if one["state"] != "C"]  # fmt: skip
    (one,) = found(tmp_path, rows, "mining-port")
    assert (one.evidence["minutes"], one.evidence["connections"]) == (360, 1)


def test_a_spike_names_what_its_own_rule_denied(tmp_path: Path) -> None:
    others = chain.from_iterable(
        denied(hour * 3_600 + at, OUTSIDE, VM, 9, rule="Other", src_port=at)
        for hour in range(13) for at in range(100)
    )  # fmt: skip
    rows = [*others, *refusals(range(12), 20), *refusals(range(12, 13), 400)]
    (one,) = found(tmp_path, rows, "deny-spike")
    assert one.evidence["rule"] == "Deny"
    assert (9 in one.ports, one.evidence["sources"]) == (False, 200)


def test_a_spike_at_an_interface_that_the_log_does_not_name(tmp_path: Path) -> None:
    rows = [*refusals(range(12), 20), *refusals(range(12, 13), 400)]
    (one,) = found(tmp_path, ({**row, "mac": None} for row in rows), "deny-spike")
    assert (one.dst_ip, one.evidence["denied"]) == (VM, 1_200)


def test_what_is_denied_again_later_was_not_denied_before(tmp_path: Path) -> None:
    def refused(hour: int) -> Iterator[Row]:
        return chain.from_iterable(
            denied(hour * 3_600 + at * 60, OUTSIDE, VM, 22, src_port=at) for at in range(5)
        )

    knock = flow(0, OUTSIDE, VM, 22, src_port=9, packets=1)  # answered, and no more
    entry = flow(7_200, OUTSIDE, VM, 22, src_port=99, packets=50)
    rows = [*knock, *refused(1), *entry, *refused(3)]
    (one,) = found(tmp_path, rows, "denied-then-allowed")
    assert (one.evidence["denied"], one.evidence["allowed"], one.last.hour) == (5, 1, 2)


def test_what_a_machine_does_later_where_it_moved_is_not_the_move(tmp_path: Path) -> None:
    later = ({**one, "src_port": 77} for one in tour(20, 7))
    (one,) = found(tmp_path, [*web(24), *tour(12, 7), *later], "lateral-movement")
    assert (one.evidence["attempts"], one.last.hour) == (7, 12)


def test_what_one_source_found_elsewhere_is_told_once_a_port(tmp_path: Path) -> None:
    before = chain.from_iterable(
        denied(at * 60, OUTSIDE, VM, 100 + at, src_port=at) for at in range(6)
    )
    entries = chain.from_iterable(
        flow(3_600 + at * 60, OUTSIDE, f"10.0.5.{at}", 22, src_port=at, packets=50)
        for at in range(9)
    )
    (one,) = found(tmp_path, [*before, *entries], "denied-then-allowed")
    assert (len(one.targets), one.ports) == (9, (22,))
    assert (one.evidence["denied"], one.evidence["allowed"], one.first) == (6, 9, T)


def test_azure_storage_counts_as_one_peer(tmp_path: Path) -> None:
    """An account answers at many addresses: the backup of each night goes to another one."""
    first, other = "52.239.140.36", "52.239.136.68"
    nights = [*upload(26, 700, first), *upload(50, 700, other, src_port=2)]
    rows = [*web(72, every=3_000), *nights]
    (one,) = found(tmp_path / "usual", rows, "exfiltration")
    assert one.first.day == T.day + 1
    more = [*rows, *upload(68, 9_000, "52.239.140.99", src_port=3)]
    told = found(tmp_path / "more", more, "exfiltration")
    assert [one.dst_ip for one in told] == ["52.239.140.99", first]


def test_calls_are_none(tmp_path: Path) -> None:
    rows = [{**one, "dst_port": 3480, "protocol": 17} for one in upload(38, 700)]
    assert not found(tmp_path, [*web(40), *rows], "exfiltration")
