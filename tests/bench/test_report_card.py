"""Findings are judged by who, whom and when; the page of the documentation tells all attacks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bench.detection.__main__ import PAGE, SEEDS, figures_of
from bench.detection.labels import Label, Lookalike, Truth
from bench.detection.report import Results, page, quality
from bench.detection.run import DAYS, MACHINES, run
from bench.detection.score import NOISE, ORDINARY, Verdict, found_within, score
from bench.detection.world import World
from flowverdict.detect import Finding, packaged

BEGIN = datetime(2026, 3, 12, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def ms(moment):
    return round(moment.timestamp() * 1000)


SCAN = Label(
    "port-scan/fast/0", "port-scan", "fast", ms(BEGIN), ms(BEGIN + HOUR), ("11.1.1.1", "11.1.1.2"),
    ("10.20.64.4",), expected=True, accepts=("deny-spike",), about="a scan", log=("vnet4",),
)  # fmt: skip
GAP = Label(
    "log-gap/slow/0", "log-gap", "slow", ms(BEGIN), ms(BEGIN + HOUR), (),
    ("10.20.64.9", "00224800000A"), expected=True, accepts=(), about="a gap", log=("vnet4",),
)  # fmt: skip
SMALL = replace(SCAN, id="port-scan/below/0", speed="below", expected=False, actors=("22.2.2.2",))
TRUTH = Truth(
    1, 10, 4, ms(BEGIN), (SCAN, GAP, SMALL),
    (Lookalike("scanner", "the company's own", ("10.10.48.4",)),
     Lookalike("calls", "video calls", (), ("52.113.0.1",)),
     Lookalike("off", "a machine that is off", (), ("10.20.64.7",),
               ms(BEGIN), ms(BEGIN + HOUR)),
     Lookalike("job", "a nightly job", ("10.10.48.4",), ("26.6.6.6",))),
    noise=("33.3.3.3",), public=(),
)  # fmt: skip


def finding(detection="port-scan", sources=("11.1.1.1",), targets=("10.20.64.4",), **changes):
    found = Finding(
        detection, "medium", "T1046", BEGIN, BEGIN + HOUR, sources=sources, targets=targets
    )
    return replace(found, **changes)


def judged(one):
    (found,) = score([one], TRUTH).judged
    return found.verdict, found.cause


@pytest.mark.parametrize(
    "one",
    [
        finding(),
        finding(sources=("11.1.1.2", "44.4.4.4")),
        finding(sources=()),
        finding(targets=()),
        finding("deny-spike"),
        finding(first=BEGIN - HOUR, last=BEGIN - HOUR / 4),
    ],
)
def test_a_finding_is_right_by_name_time_and_parties(one):
    assert judged(one) == (Verdict.RIGHT, SCAN.id)


@pytest.mark.parametrize(
    "one",
    [
        finding(sources=("44.4.4.4",)),
        finding(targets=("10.20.64.5",)),
        finding(first=BEGIN + 2 * HOUR, last=BEGIN + 3 * HOUR),
        finding(first=BEGIN - 2 * HOUR, last=BEGIN - HOUR),
    ],
)
def test_a_finding_about_others_or_another_time_is_false(one):
    assert judged(one) == (Verdict.FALSE, ORDINARY)


def test_a_finding_that_calls_an_attack_something_else_is_misnamed():
    assert judged(finding("beacon")) == (Verdict.MISNAMED, SCAN.id)
    outcome = score([finding("beacon")], TRUTH).outcomes[0]
    assert not outcome.is_told


def test_what_else_tells_of_an_attack_does_not_find_it():
    outcome = score([finding("deny-spike")], TRUTH).outcomes[0]
    assert outcome.is_told
    assert not outcome.is_found


def test_a_finding_of_an_interface_is_about_its_gap():
    lost = finding("log-gap", (), (), evidence={"mac": "00224800000A"})
    assert judged(lost) == (Verdict.RIGHT, GAP.id)
    assert judged(replace(lost, evidence={"mac": "00224800000B"})) == (Verdict.FALSE, ORDINARY)


@pytest.mark.parametrize(
    ("sources", "targets", "cause"),
    [
        (("10.10.48.4",), ("10.20.64.4",), "scanner"),
        (("10.30.144.4",), ("52.113.0.1",), "calls"),
        (("10.10.48.4",), ("52.113.0.1",), "calls"),
        (("10.10.48.4",), ("26.6.6.6", "52.113.0.1"), "job"),
        (("33.3.3.3", "10.10.48.4"), ("10.20.64.4",), NOISE),
        (("10.30.144.4",), ("55.5.5.5",), ORDINARY),
    ],
)
def test_false_alarms_have_a_cause(sources, targets, cause):
    assert judged(finding(sources=sources, targets=targets)) == (Verdict.FALSE, cause)


def test_a_false_alarm_is_only_about_what_was_then():
    about = finding(sources=("10.30.144.4",), targets=("10.20.64.7",))
    assert judged(about) == (Verdict.FALSE, "off")
    later = {"first": BEGIN + 2 * HOUR, "last": BEGIN + 3 * HOUR}
    assert judged(replace(about, **later)) == (Verdict.FALSE, ORDINARY)


def test_what_is_not_told_by_default_does_not_count():
    card = score([finding(severity="informational")], TRUTH)
    assert not card.judged
    assert not card.outcomes[0].is_told


def results(*findings):
    return Results(((score(findings, TRUTH), 100),), ())


def test_shares_are_of_all_findings_and_of_all_that_should_be_found():
    low = finding(sources=("44.4.4.4",), severity="low")
    found = quality(results(finding(), low, finding(sources=("55.4.4.4",))), "port-scan")
    assert (found.recall, found.precision) == (1.0, 1 / 3)
    assert (found.false, found.alarms) == (2, 1)


def test_without_findings_there_is_no_precision_and_nothing_is_recalled():
    found = quality(results(), "port-scan")
    assert (found.recall, found.precision) == (0.0, None)
    assert quality(results(), "beacon").recall is None


def test_figures_count_alarms_by_machine_and_day():
    figures = {one.name: one.value for one in figures_of(results(finding(sources=("44.4.4.4",))))}
    assert figures["false_alarms_a_machine_day"] == 1 / 40
    assert figures["recall_port_scan"] == 0
    assert figures["precision_port_scan"] == 0


def test_an_attack_is_found_within_the_shortest_time_after_which_it_is():
    some, none = score([finding()], TRUTH), score([], TRUTH)
    early = [(3_600_000, some), (60_000, none), (300_000, some)]
    assert found_within(early, SCAN.id) == 300_000
    assert found_within(early, GAP.id) is None


def test_the_page_says_what_fails_and_what_only_looked_like_an_attack():
    text = "\n".join(page(results(finding("deny-spike"), finding(sources=("10.10.48.4",)))))
    assert "* `port-scan`, fast (a scan): 1 of 1 missed; told as `deny-spike`." in text
    assert "* `log-gap`, slow (a gap): 1 of 1 missed." in text
    assert "port-scan`, below" not in text
    assert "| `scanner` | the company's own | `port-scan` | 1 | 1 |" in text
    assert "Nothing was said of `calls`, `internet-noise`, `job`, `off`, `ordinary`." in text


def test_a_small_world_runs_through_the_packaged_detections():
    world = World(5, 60, 2)
    card, rows = run(world)
    assert rows > 1_000_000
    found = {one.label.id for one in card.outcomes if one.is_found}
    assert {"rdp-brute-force/fast/0", "port-scan/moderate/0", "log-gap/moderate/0"} <= found
    assert not any(one.is_found for one in card.outcomes if one.label.id.endswith("kept open/0"))


def test_the_committed_page_tells_every_attack_and_every_detection():
    text = PAGE.read_text(encoding="utf-8")
    truth = World(SEEDS[0], MACHINES, DAYS).truth
    for one in truth.labels:
        assert f"| `{one.detection}` | {one.speed} | {one.about} |" in text, "run with --write"
    for one in packaged():
        assert f"`{one.id}`" in text
    assert f"seeds {', '.join(map(str, SEEDS))}: {MACHINES}" in text
