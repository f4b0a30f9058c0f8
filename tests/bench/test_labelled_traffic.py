"""The labelled traffic has what its labels say, and what real logs have and lack."""

# pyright: reportMissingTypeStubs=false

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from bench.detection.labels import read_truth
from bench.detection.rows import as_schema
from bench.detection.world import BEGIN, World, fill
from flowverdict.flowlog import SCHEMA, Reading, read_blob
from flowverdict.flowlog.writer import write_blobs
from flowverdict.lake import Lake, scan

DAYS = 4
MACHINES = 60


@pytest.fixture(scope="module")
def world():
    return World(7, MACHINES, DAYS)


@pytest.fixture(scope="module")
def parts(world):
    return list(world.parts())


@pytest.fixture(scope="module")
def rows(parts):
    """The rows as a table in SQL."""
    found = duckdb.connect()
    table = pa.concat_tables([part.unify_dictionaries() for part in parts])
    found.register("rows", table)
    found.execute("SET TimeZone = 'UTC'")
    found.execute("CREATE TABLE flows AS SELECT *, epoch_ms(time) AS ms FROM rows")
    return found


def number(rows, sql, *values):
    return rows.execute(sql, values).fetchone()[0]


def test_equal_seeds_make_equal_rows(parts):
    again = World(7, MACHINES, DAYS)
    assert next(again.parts()).equals(parts[0])


def test_another_seed_makes_other_rows(parts):
    assert not next(World(8, MACHINES, DAYS).parts()).equals(parts[0])


def test_what_is_true_is_read_as_it_was_written(world, tmp_path):
    world.truth.write(tmp_path / "truth.json")
    assert read_truth(tmp_path / "truth.json") == world.truth


def test_too_few_machines_are_refused():
    with pytest.raises(ValueError, match="at least 60 machines, not 59"):
        World(1, 59, 1)


def test_every_row_has_a_place_of_its_own(rows):
    twice = """SELECT count(*) FROM (
        SELECT blob, record, tuple FROM flows GROUP BY ALL HAVING count(*) > 1)"""
    assert number(rows, twice) == 0


def test_rows_of_a_blob_stand_in_the_order_of_their_times(rows):
    wrong = """SELECT count(*) FROM (SELECT ms < lag(ms) OVER (
        PARTITION BY blob ORDER BY record, tuple) AS back FROM flows) WHERE back"""
    assert number(rows, wrong) == 0


def test_rows_lie_in_the_days_that_were_asked_for(rows):
    low, high = rows.execute("SELECT min(ms), max(ms) FROM flows").fetchone()
    assert BEGIN <= low < BEGIN + 60_000
    assert BEGIN + (DAYS * 24 * 60 - 1) * 60_000 < high < BEGIN + DAYS * 86_400_000


def test_written_as_blobs_and_read_again_rows_are_the_same(parts):
    cells = SCHEMA.names[:-3]
    part = pa.Table.from_batches(as_schema(parts[-1].slice(0, 20_000)))
    blobs = write_blobs(part.to_batches())
    read = [batch for blob in blobs for batch in read_blob(blob.data, Reading(blob.path))]

    def sorted_text(table):
        return sorted(map(repr, table.select(cells).to_pylist()))

    assert sorted_text(pa.Table.from_batches(read)) == sorted_text(part)


def test_a_lake_takes_all_of_them(parts, tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    wanted = sum(map(len, parts[:3])) - 5
    assert fill(lake, parts, wanted) == wanted
    assert sum(batch.num_rows for batch in scan(lake, SCHEMA.names)) == wanted


def test_every_attack_leaves_rows(world, rows):
    """Those whose log is lost leave none: that is the attack."""
    assert len(world.truth.labels) > 50
    for one in world.truth.labels:
        found = number(
            rows,
            "SELECT count(*) FROM flows WHERE ms BETWEEN $1 - 1000 AND $2 + 60000"
            " AND list_contains($3, src_ip) AND list_contains($4, dst_ip)",
            one.first, one.last, list(one.actors), list(one.targets),
        )  # fmt: skip
        if one.detection == "log-gap":
            assert not one.actors
        else:
            assert found > 0, one


def test_a_lost_log_has_no_row_while_others_tell_of_the_machine(world, rows):
    gaps = [one for one in world.truth.labels if one.detection == "log-gap"]
    assert len(gaps) >= 4
    for one in gaps:
        macs = [name for name in one.targets if "." not in name]
        of_it = "SELECT count(*) FROM flows WHERE list_contains($1, mac) AND ms BETWEEN $2 AND $3"
        assert number(rows, of_it, macs, one.first, one.last - 1) == 0
        assert number(rows, of_it, macs, one.first - 300_000, one.first - 1) > 0
        assert number(rows, of_it, macs, one.last, one.last + 300_000) > 0


def test_attacks_use_what_the_first_half_of_the_days_never_saw(world):
    assert min(one.first for one in world.truth.labels) >= BEGIN + DAYS // 2 * 86_400_000


def test_an_attack_that_is_over_early_leaves_nothing_behind(world, rows):
    minutes = 15
    begins = {one.id: one for one in world.truth.labels}
    short = duckdb.connect()
    table = pa.concat_tables(
        [part.unify_dictionaries() for part in world.parts(within=minutes * 60_000)]
    )
    short.register("rows", table)
    for one in begins.values():
        late = number(
            short,
            "SELECT count(*) FROM rows WHERE epoch_ms(time) BETWEEN $1 AND $2"
            " AND list_contains($3, src_ip) AND list_contains($4, dst_ip)"
            " AND state IN ('B', 'D') AND rule = 'Temp-Allow-Any'",
            one.first + minutes * 60_000 + 10_000, one.last, list(one.actors), list(one.targets),
        )  # fmt: skip
        assert late == 0, one
    (theft,) = [one for one in begins.values() if one.id == "exfiltration/fast/0"]
    out = """SELECT sum(bytes_sent) FROM rows WHERE list_contains($1, src_ip)
        AND list_contains($2, dst_ip) AND direction = 'O'"""
    few, all_of_it = (
        number(found, out, list(theft.actors), list(theft.targets)) for found in (short, rows)
    )
    assert 0.1 < few / all_of_it < 0.4  # of an hour a quarter, the last transfers cut short


def test_without_attacks_nothing_is_labelled_and_nothing_forgotten_is_used():
    calm = World(7, MACHINES, 1, attacked=False)
    assert calm.truth.labels == ()
    for part in calm.parts():
        used = part.column("rule").unique().to_pylist()
        assert "Temp-Allow-Any" not in used


def test_denied_flows_knock_after_one_and_three_seconds(rows):
    waits = rows.execute(
        """SELECT DISTINCT ms - first AS wait FROM (SELECT ms, min(ms) OVER (
            PARTITION BY mac, src_ip, src_port, dst_ip, dst_port, schema) AS first
        FROM flows WHERE decision = 'D' AND schema = 'vnet4' AND protocol = 6
            AND src_port % 50 = 0) WHERE wait < 4000 ORDER BY 1"""
    ).fetchall()
    assert {0, 1005, 3024} <= {wait for (wait,) in waits}


def test_a_flow_inside_is_logged_at_both_ends_with_other_counts(rows):
    both = rows.execute(
        """SELECT avg((o.ms = i.ms)::INT), avg((o.bytes_sent = i.bytes_sent)::INT), count(*)
        FROM flows o JOIN flows i USING (src_ip, src_port, dst_ip, dst_port, protocol, state)
        WHERE o.direction = 'O' AND i.direction = 'I' AND o.schema = i.schema
            AND o.schema = 'vnet4' AND state = 'E' AND i.decision = 'A' AND dst_port = 8443
            AND abs(o.ms - i.ms) < 1000"""
    ).fetchone()
    same_time, same_bytes, count = both
    assert count > 1000
    assert same_time < 0.2
    assert same_bytes < 0.1


def test_nsg_logs_have_only_begins_of_inbound_flows_that_a_user_allowed(rows):
    forms = rows.execute(
        """SELECT DISTINCT schema, state FROM flows
        WHERE direction = 'I' AND rule_kind = 'user' AND decision = 'A' AND protocol = 6"""
    ).fetchall()
    assert set(forms) == {("nsg2", "B"), ("vnet4", "B"), ("vnet4", "C"), ("vnet4", "E")}


def test_some_begins_and_some_ends_are_missing(rows):
    """Questions for names come from ever new ports, so begins and ends would come in pairs."""
    alone = """SELECT avg((states = $1)::INT) FROM (
        SELECT string_agg(state, '' ORDER BY state) AS states FROM flows
        WHERE dst_port = 53 AND protocol = 17 AND direction = 'O' AND schema = 'vnet4'
        GROUP BY mac, src_port, dst_ip, ms // 120000)"""
    for state in "BE":
        assert 0.001 < number(rows, alone, state) < 0.1


def test_a_syn_sent_again_ends_one_flow_and_begins_the_next_in_one_millisecond(rows):
    ties = rows.execute(
        """SELECT state, count(*) FROM (SELECT state, ms = lag(ms) OVER flow AS tie,
            lag(state) OVER flow AS before FROM flows WHERE schema = 'vnet4' WINDOW flow AS (
            PARTITION BY mac, src_ip, src_port, dst_ip, dst_port, direction
            ORDER BY blob, record, tuple)) WHERE tie AND before = 'E' GROUP BY 1"""
    ).fetchall()
    assert dict(ties).keys() == {"B"}
    assert dict(ties)["B"] > 100


def test_only_flows_that_are_denied_have_no_answer_where_they_are_denied(rows):
    answered = "SELECT count(*) FROM flows WHERE decision = 'D' AND packets_received > 0"
    assert number(rows, answered) == 0


def test_developers_machines_sleep_at_night(world, rows):
    hours = rows.execute(
        "SELECT DISTINCT hour(time) FROM flows WHERE acl LIKE '%/dev-nsg' AND direction = 'O'"
    ).fetchall()
    assert {hour for (hour,) in hours} <= set(range(7, 20))


@pytest.mark.parametrize(
    ("speed", "low", "high"),
    [("60 s", 60.0, 60.0), ("60 s, 50 %", 30.0, 60.0), ("10 s, 23 %", 7.7, 12.3)],
)
def test_beacons_sleep_as_long_as_their_tools_do(world, rows, speed, low, high):
    (beacon,) = [
        one for one in world.truth.labels if one.detection == "beacon" and one.speed == speed
    ]
    times = rows.execute(
        "SELECT ms FROM flows WHERE list_contains($1, src_ip) AND list_contains($2, dst_ip)"
        " AND direction = 'O' AND state = 'B' AND schema = $3 ORDER BY ms",
        (list(beacon.actors), list(beacon.targets), beacon.log[-1]),
    ).fetchall()
    gaps = np.diff(np.array(times).ravel()) / 1000
    gaps = gaps[gaps > 4]  # a SYN that was sent again begins another flow
    assert len(gaps) > 300
    assert np.mean((gaps > low - 1.1) & (gaps < high + 4.1)) > 0.98


def test_nsg_logs_do_not_have_what_no_security_group_decided(rows):
    kinds = rows.execute("SELECT DISTINCT schema, rule_kind, acl FROM flows").fetchall()
    others = {(schema, kind) for schema, kind, _ in kinds if kind not in {"user", "default"}}
    assert {("vnet4", "admin"), ("vnet4", "platform")} <= others
    assert {schema for schema, _ in others} == {"vnet4"}
    acls = {kind: acl for _, kind, acl in kinds}
    assert acls["platform"] == "00000000-0000-0000-0000-000000000000"
    assert not acls["admin"].startswith("/")
    assert all(acl.endswith("-nsg") for _, kind, acl in kinds if kind in {"user", "default"})
