"""A day of flow logs: what the rules say is what is recorded, in the forms that Azure has.

Numbers in brackets are sections of the flow-log specification.
"""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

import flowverdict
from flowverdict.cli.judging import judge_of
from flowverdict.demo.bank import write_bank
from flowverdict.demo.day.blobs import make_day
from flowverdict.demo.plan.names import guid
from tests.demo.conftest import Day

# --- what is recorded is what the rules say -------------------------------------------


def sample(day: Day, each: int = 40) -> list[dict[str, Any]]:
    """Some rows of every kind of decision in every form of log, but of the platform's none."""
    kinds: dict[tuple[str, ...], list[int]] = {}
    columns = [day.rows.column(n).to_pylist() for n in ("schema", "rule_kind", "rule", "decision")]
    for at, kind in enumerate(zip(*columns, strict=True)):
        if kind[1] != "platform":
            kinds.setdefault(kind, []).append(at)
    assert len(kinds) > 25
    draw = Random(1)
    chosen = [at for one in kinds.values() for at in draw.sample(one, min(each, len(one)))]
    return day.rows.take(chosen).to_pylist()


def nic_by_mac(day: Day) -> dict[str, str]:
    bank: Any = day.bank
    listed = [*bank["network/nics.json"], *bank["network/nics-scale-sets.json"]]
    flat = [{**nic, **nic.get("properties", {})} for nic in listed]
    return {nic["macAddress"].replace("-", ""): nic["id"] for nic in flat if "macAddress" in nic}


def test_decision_rule_and_acl_are_what_verify_says(day: Day):
    nics = nic_by_mac(day)
    for row in sample(day):
        inbound = row["direction"] == "I"
        ends = {"src": (row["src_ip"], "*"), "dst": (row["dst_ip"], row["dst_port"])}
        source, target = (
            f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}" for ip, port in ends.values()
        )
        verdict = flowverdict.verify(
            day.estate,
            nic=nics[row["mac"]],
            direction="Inbound" if inbound else "Outbound",
            protocol={6: "TCP", 17: "UDP"}[row["protocol"]],
            local=target if inbound else source,
            remote=source if inbound else target,
        )
        assert row["decision"] == verdict.access[0], row
        assert verdict.rule is not None
        assert row["rule"] == verdict.rule.name
        step = verdict.decided_by
        assert step is not None
        kind = "default" if verdict.rule.is_default else "user"
        assert row["rule_kind"] == ("admin" if step.layer == "admin" else kind)
        owner = str(step.resource)
        if step.layer == "admin":
            assert row["acl"] == guid("resource", owner)
        else:
            assert row["acl"] == (owner if row["schema"] == "vnet4" else owner.upper())


def test_the_platform_has_no_more_than_what_no_rule_decides(day: Day):
    """3.6: the ACL of what Azure's own machinery lets through is a GUID of zeros."""
    found = day.sql(
        "SELECT DISTINCT rule, acl, decision, schema FROM flows WHERE rule_kind = 'platform'"
    )
    nobody = "00000000-0000-0000-0000-000000000000"
    assert found == [("PlatformRule", nobody, "A", "vnet4")]
    many, of = day.one("SELECT count(*) FILTER (rule_kind = 'platform'), count(*) FROM flows")
    assert 100 < many < of / 50


def test_logs_of_nsgs_know_their_own_rules_alone(day: Day):
    """2.3: an admin rule stands before every NSG."""
    kinds = day.sql("SELECT DISTINCT rule_kind FROM flows WHERE schema <> 'vnet4' ORDER BY ALL")
    assert kinds == [("default",), ("user",)]
    admin = day.one("SELECT count(DISTINCT rule) FROM flows WHERE rule_kind = 'admin'")
    assert admin >= (4,)


def test_what_is_denied_on_its_way_out_never_arrives(day: Day):
    lost = day.sql(
        "SELECT * FROM flows o JOIN flows i USING (src_ip, src_port, dst_ip, dst_port)"
        " WHERE o.direction = 'O' AND o.decision = 'D' AND i.direction = 'I'"
    )
    assert lost == []


# --- forms ----------------------------------------------------------------------------


def test_three_schemas_and_both_decisions(day: Day):
    found = day.sql("SELECT DISTINCT schema, decision FROM flows ORDER BY ALL")
    assert [one for one in found if one[0] != "nsg1"] == [
        ("nsg2", "A"), ("nsg2", "D"), ("vnet4", "A"), ("vnet4", "D"),
    ]  # fmt: skip
    assert ("nsg1", "D") in found
    rows = day.one("SELECT count(*) FROM flows")[0]
    assert 80_000 < rows < 200_000


def test_states_and_counters_are_those_of_each_schema(day: Day):
    """2.2, 3.2: no state in v1; `D,B` in v2; zeros in a network's begins, nothing in an NSG's."""
    found = day.sql(
        "SELECT schema, decision, state, list(DISTINCT counters) FROM flows WHERE schema <>"
        " 'nsg1' AND (state IN ('B', 'D') OR bytes_sent > 0) GROUP BY ALL ORDER BY ALL"
    )
    assert found == [
        ("nsg2", "A", "B", ["none"]),
        ("nsg2", "A", "C", ["some"]),
        ("nsg2", "A", "E", ["some"]),
        ("nsg2", "D", "B", ["none"]),
        ("vnet4", "A", "B", ["zeros"]),
        ("vnet4", "A", "C", ["some"]),
        ("vnet4", "A", "E", ["some"]),
        ("vnet4", "D", "D", ["zeros"]),
    ]
    first = day.sql("SELECT DISTINCT state, packets_sent FROM flows WHERE schema = 'nsg1'")
    assert first == [(None, None)]


def test_inbound_tcp_that_a_users_rule_allows_has_only_begins_in_logs_of_nsgs(day: Day):
    """2.2: without a flow timeout of the network, such flows are not followed."""
    states = day.sql(
        "SELECT DISTINCT state FROM flows WHERE schema = 'nsg2' AND rule_kind = 'user'"
        " AND decision = 'A' AND direction = 'I' AND protocol = 6"
    )
    assert states == [("B",)]


def test_tcp_and_udp_and_both_families(day: Day):
    assert day.sql("SELECT DISTINCT protocol FROM flows ORDER BY ALL") == [(6,), (17,)]
    many = day.one("SELECT count(*) FROM flows WHERE src_ip LIKE '2001:db8:%' AND decision = 'A'")
    assert many > (500,)


def test_every_tuple_is_of_the_day(day: Day):
    begin, end = day.one("SELECT min(time)::TEXT, max(time)::TEXT FROM flows")
    assert begin.startswith("2026-03-10 00:00")
    assert end.startswith("2026-03-10 23:59")


def test_one_network_is_logged_twice_while_it_moves(day: Day):
    """7: the new log begins before the old ones end."""
    found = dict(
        day.sql(
            "SELECT schema, (min(hour(time)), max(hour(time))) FROM flows"
            " WHERE lower(acl) LIKE '%/nsg-api' GROUP BY ALL"
        )
    )
    assert found["nsg2"][1] == 13
    assert found["vnet4"][0] == 11
    twice = day.one(
        "SELECT count(*) FROM flows a JOIN flows b USING (mac, src_ip, src_port, dst_ip, time)"
        " WHERE a.schema = 'nsg2' AND b.schema = 'vnet4' AND a.decision = b.decision"
    )
    assert twice > (50,)


# --- flows ----------------------------------------------------------------------------


def test_both_ends_log_the_same_flow_nearly_alike(day: Day):
    """3.8: the same 5-tuple, O at one interface and I at the other, times and counters near."""
    found = day.sql(
        "SELECT abs(epoch_ms(o.first_time) - epoch_ms(i.first_time)), o.bytes_sent, i.bytes_sent,"
        " o.packets_sent, i.packets_sent, o.bytes_received, i.bytes_received, o.packets_received"
        " FROM sessions o JOIN sessions i USING (src_ip, src_port, dst_ip, dst_port, protocol)"
        " WHERE o.direction = 'O' AND i.direction = 'I' AND o.schema = 'vnet4'"
        " AND i.schema = 'vnet4' AND o.opened = 'begun' AND i.opened = 'begun'"
        " AND o.closed = 'ended' AND i.closed = 'ended'"
        " AND abs(epoch_ms(o.first_time) - epoch_ms(i.first_time)) < 900"
    )
    assert len(found) > 3_000
    for apart, sent_o, sent_i, packets_o, packets_i, received_o, received_i, back in found:
        assert 0 < apart < 10
        assert packets_o - packets_i in (0, 1)
        assert 0 <= sent_i - sent_o <= 50 * packets_o
        assert 0 <= received_o - received_i <= 50 * back
    assert sum(row[3] != row[4] for row in found) > 10


def test_begins_and_ends_are_as_many_where_the_day_has_both(day: Day):
    found = dict(
        day.sql(
            "SELECT closed, count(*) FROM sessions WHERE schema = 'vnet4' AND opened = 'begun'"
            " GROUP BY ALL"
        )
    )
    assert found.pop("ended") > 15_000
    assert sum(found.values()) < 60
    left = day.one(
        "SELECT min(hour(last_time)) FROM sessions WHERE schema = 'vnet4' AND closed <> 'ended'"
    )
    assert left == (23,)


def test_an_end_comes_some_six_seconds_after_the_last_packet(day: Day):
    """3.3: a lone SYN shows it, for its only packet is its first."""
    found = day.one(
        "SELECT min(epoch_ms(last_time) - epoch_ms(first_time)),"
        " max(epoch_ms(last_time) - epoch_ms(first_time)), count(*)"
        " FROM sessions WHERE closed = 'ended' AND tuples = 2 AND bytes_sent = 124"
        " AND bytes_received = 0 AND last_time - first_time > INTERVAL 4 SECOND"
    )
    assert 5_500 <= found[0] <= found[1] < 6_000
    assert found[2] > 50


def test_a_syn_sent_again_ends_the_flow_and_begins_it_in_the_same_millisecond(day: Day):
    found = day.sql(
        "SELECT state, lead(state) OVER seen, epoch_ms(time), lead(epoch_ms(time)) OVER seen"
        " FROM flows"
        " WHERE schema = 'vnet4' AND decision = 'A'"
        " WINDOW seen AS (PARTITION BY flow ORDER BY tuple)"
    )
    again = [one for one in found if one[2] == one[3]]
    assert len(again) > 100
    assert {one[:2] for one in again} == {("E", "B")}


def test_a_denied_syn_is_logged_each_time(day: Day):
    found = day.sql(
        "SELECT list(epoch_ms(time) ORDER BY tuple) FROM flows"
        " WHERE schema = 'vnet4' AND state = 'D' AND protocol = 6 GROUP BY flow"
    )
    apart = {tuple(time - times[0] for time in times) for (times,) in found}
    assert apart == {(0,), (0, 1005), (0, 1005, 3024)}


def test_sweeps_of_an_interface_find_all_flows_at_once(day: Day):
    """2.2: C rows of one interface share their times, five minutes apart."""
    found = day.sql(
        "SELECT mac, count(DISTINCT epoch_ms(time) % 300000) FROM flows WHERE state = 'C'"
        " GROUP BY ALL"
    )
    assert len(found) > 20
    assert {many for _, many in found} == {1}


def test_counters_are_what_came_since(day: Day):
    """3.4: a flow that is always busy has C rows of about one size, not a growing one."""
    found = day.sql(
        "SELECT list(bytes_sent ORDER BY tuple) FROM flows WHERE state = 'C' AND dst_port = 9100"
        " AND src_ip = '10.0.1.4' GROUP BY flow HAVING count(*) > 20"
    )
    assert len(found) > 10
    for (sizes,) in found:
        inner = sizes[1:-1]
        assert max(inner) < 1.2 * min(inner)


def test_no_bytes_without_packets(day: Day):
    odd = day.one(
        "SELECT count(*) FROM flows WHERE (packets_sent = 0 AND bytes_sent > 0)"
        " OR (packets_received = 0 AND bytes_received > 0) OR packets_sent < 0 OR bytes_sent < 0"
        " OR packets_received < 0 OR bytes_received < 0"
    )
    assert odd == (0,)


def test_sessions_go_on_over_the_edges_of_hours_and_of_the_day(day: Day):
    over = day.one("SELECT count(*) FROM sessions WHERE hour(first_time) < hour(last_time)")
    assert over > (200,)
    edges = day.sql("SELECT DISTINCT opened FROM sessions WHERE schema = 'vnet4' ORDER BY ALL")
    assert ("resumed",) in edges


def test_encryption_is_where_both_ends_can(day: Day):
    """3.5: between machines of a network that encrypts, unless they share a host or it failed."""
    bank: Any = day.bank
    vnets = {vnet["id"]: vnet for vnet in bank["network/vnets.json"]}
    found = day.sql("SELECT DISTINCT encryption, target FROM flows WHERE schema = 'vnet4'")
    assert {word for word, _ in found} == {"X", "NX", "NX_LOCAL_DST", "NX_FALLBACK"}
    for word, target in found:
        assert word == "NX" or vnets[target]["encryption"]["enabled"]
    outside = day.sql(
        "SELECT DISTINCT encryption FROM flows WHERE schema = 'vnet4'"
        " AND NOT (is_inside(src_ip) AND is_inside(dst_ip))"
    )
    assert outside == [("NX",)]
    clear = day.one("SELECT count(*) FROM flows WHERE schema <> 'vnet4' AND encryption IS NOT NULL")
    assert clear == (0,)


# --- what happens ---------------------------------------------------------------------


def test_offices_work_by_day_and_backups_by_night(day: Day):
    busy = day.one(
        "SELECT count(*) FILTER (hour(time) BETWEEN 8 AND 15), count(*) FROM flows"
        " WHERE state = 'B' AND decision = 'A' AND is_inside(src_ip)"
    )
    assert busy[0] > busy[1] / 2
    backups = day.one(
        "SELECT sum(bytes_sent) FILTER (hour(time) < 7), sum(bytes_sent) FROM flows"
        " WHERE rule IN ('AllowBackup', 'AllowStorage', 'AllowInternetOutBound')"
    )
    assert backups[0] > 0.99 * backups[1] > 1e11


def test_the_internet_knocks_sixteen_times_a_minute(day: Day):
    """4.5: as at an idle machine with a public address."""
    (many,) = day.one(
        "SELECT count(*) FROM flows WHERE state = 'D' AND dst_port <> 3389"
        " AND dst_ip = '10.17.1.4' AND direction = 'I'"
    )
    assert 12 < many / 1440 < 20


def test_probes_come_from_the_load_balancer(day: Day):
    found = day.sql(
        "SELECT DISTINCT rule, direction FROM flows WHERE src_ip = '168.63.129.16' ORDER BY ALL"
    )
    assert found == [("AllowProbes", "I")]


def test_hundreds_of_rdp_attempts_from_many_sources_are_denied(day: Day):
    rules, sources, flows, most = day.one(
        "SELECT list(DISTINCT rule), count(DISTINCT src_ip), count(DISTINCT (src_ip, src_port)),"
        " (SELECT max(n) FROM (SELECT count(DISTINCT src_port) AS n FROM flows"
        " WHERE dst_ip = '10.17.1.4' AND dst_port = 3389 AND decision = 'D' GROUP BY src_ip))"
        " FROM flows WHERE dst_ip = '10.17.1.4' AND dst_port = 3389 AND decision = 'D'"
    )
    assert rules == ["DenyRdp"]
    assert sources > 100
    assert flows > 700
    assert most < 30


def test_one_source_got_in_through_the_forgotten_rule(day: Day):
    found = day.sql(
        "SELECT src_ip, rule, count(*), max(last_time - first_time) > INTERVAL 2 HOUR,"
        " count(*) FILTER (last_time - first_time < INTERVAL 20 SECOND), max(bytes_received)"
        " FROM sessions WHERE dst_ip = '10.17.1.4' AND dst_port = 3389 AND src_ip NOT LIKE '10.%'"
        " GROUP BY ALL"
    )
    ((source, rule, sessions, is_long, short, largest),) = found
    assert (source, rule) == ("203.0.113.200", "AllowRdpMigration")
    assert is_long
    assert 200 < short < sessions
    assert largest > 50_000_000


def test_a_port_scan_takes_minutes_and_one_goes_slowly_along(day: Day):
    ports, minutes = day.one(
        "SELECT count(DISTINCT dst_port), max(time) - min(time) < INTERVAL 6 MINUTE FROM flows"
        " WHERE src_ip = '198.51.100.250' AND dst_ip = '10.17.1.6' AND decision = 'D'"
    )
    assert ports > 500
    assert minutes
    targets, hours = day.one(
        "SELECT count(DISTINCT dst_ip), max(time) - min(time) > INTERVAL 10 HOUR FROM flows"
        " WHERE src_ip = '10.17.1.4' AND dst_port = 445"
    )
    assert targets > 150
    assert hours


def test_three_flows_of_ssh_come_in_from_the_internet(day: Day):
    """A denial of SSH from the internet everywhere would break these, and nothing else."""
    found = day.sql(
        "SELECT src_ip, dst_ip, rule, count(*) > 1 FROM sessions"
        " WHERE dst_port = 22 AND direction = 'I' AND NOT is_inside(src_ip)"
        " GROUP BY ALL ORDER BY ALL"
    )
    assert found == [
        ("198.51.100.66", "10.17.1.5", "AllowSftp", True),
        ("203.0.113.101", "10.17.1.6", "AllowSshFromHome", False),
        ("203.0.113.105", "10.17.1.6", "AllowSshFromHome", False),
    ]


def test_the_first_story_is_in_it(day: Day):
    rules = day.sql(
        "SELECT DISTINCT rule, decision FROM flows WHERE src_ip = '10.10.1.4' AND dst_port = 8080"
    )
    assert rules == [("DenyAll", "D")]


# --- seeds ----------------------------------------------------------------------------


def test_the_same_seed_makes_the_same_day(day: Day):
    assert make_day(day.judge).equals(day.rows)


@pytest.mark.parametrize(("seed", "nics"), [(8, 300), (3, 60)])
def test_other_seeds_and_sizes_have_a_day_too(tmp_path: Path, seed: int, nics: int):
    write_bank(tmp_path / "bank", seed=seed, nics=nics)
    judge = judge_of(flowverdict.load_estate(tmp_path / "bank"))
    rows = make_day(judge, seed, nics)
    assert rows.num_rows > 50_000
    acls = set(rows.column("acl").dictionary.to_pylist())
    names = json.dumps([*acls])
    assert "nsg-mgmt-vm-01" in names
