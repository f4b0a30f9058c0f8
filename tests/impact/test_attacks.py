"""``flowverdict.find_attacks``: the command ``detect`` for programs."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

import flowverdict
from flowverdict.detect import packaged, read_detections
from flowverdict.impact.cure_json import what
from flowverdict.lake import Lake, LakeError, Period
from flowverdict.model import Estate
from tests.cli.runs import run
from tests.impact.attacks import NOON, Row, estate_of, lake_of, network, saved
from tests.impact.logs import lake_at

ROBBER, OTHER = "203.0.113.7", "198.51.100.9"
SKETCH = network(
    nsgs={
        "web-nsg": [
            "in 200 Allow Tcp 203.0.113.0/24 -> *:3389 name=Forgotten",
            "in 300 Deny Tcp * -> *:3389 name=NoRdp",
        ]
    }
)
OWN = """\
id: anybody
title: Anybody at RDP
finds: each attempt
matters: for a test
wrong_when: never
techniques: [T1110]
query: |
  SELECT [src] AS sources, [dst] AS targets, [dst_port] AS ports, protocol, start AS first,
    stop AS last, CASE WHEN denied THEN 'denied' ELSE 'allowed' END AS outcome, 'low' AS severity
  FROM attempts WHERE dst_port = 3389
"""


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    return estate_of(tmp_path / "network", SKETCH)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Thirty guesses in five minutes by one who gets in, and forty by one who does not."""
    let_in, kept_out = ("UserRule_Forgotten", "web-nsg"), ("UserRule_NoRdp", "web-nsg")
    rows = [
        Row("web", ROBBER, "10.0.0.4", 3389, *let_in, minute=at // 8, src_port=50_000 + at)
        for at in range(30)
    ] + [
        Row("web", OTHER, "10.0.0.4", 3389, *kept_out, "D", at // 10, src_port=50_000 + at)
        for at in range(40)
    ]
    return lake_of(tmp_path / "logs", rows)


def access(estate: Estate, remote: str) -> str:
    """What the rules say of RDP."""
    return flowverdict.verify(
        estate,
        nic="web",
        direction="Inbound",
        protocol="TCP",
        local="10.0.0.4:3389",
        remote=remote,
    ).access


def test_each_finding_has_its_rule_and_what_stops_it(estate: Estate, lake: Lake) -> None:
    found = flowverdict.find_attacks(lake, estate).found
    guesses = [one for one in found if one.finding.detection == "rdp-brute-force"]
    robber, other = guesses
    assert (robber.finding.src_ip, robber.finding.severity) == (ROBBER, "high")
    assert robber.cause is not None
    assert robber.cause.main.name == "securityRules/Forgotten"
    assert robber.cause.main.rule is not None
    assert robber.cause.main.layer == "nic"
    assert robber.cure is not None
    assert robber.cure.recommended is not None
    assert what(robber.cure.recommended).startswith("deny TCP 3389 from 203.0.113.7 to 10.0.0.4")
    assert (other.finding.src_ip, other.finding.severity) == (OTHER, "low")
    assert other.cure is not None
    assert other.cure.recommended is None
    assert other.cure.why == "nothing passed: Deny by securityRules/NoRdp of web-nsg: keep it"


def test_it_says_what_the_command_says(estate: Estate, lake: Lake, tmp_path: Path) -> None:
    network = saved(tmp_path / "again", SKETCH)
    words = ("detect", "--lake", lake.root, "--estate", network, "--output", "json")
    told = json.loads(run(*words).stdout)["findings"]
    found = flowverdict.find_attacks(lake, estate).found
    assert len(found) == len(told) > 2
    for one, answer in zip(found, told, strict=True):
        assert one.finding.detection == answer["detection"]
        assert list(one.finding.sources) == answer["sources"]
        assert one.cause is not None
        assert one.cause.main.name == answer["decided_by"]["ruleName"]
        assert one.cure is not None
        best = one.cure.recommended
        assert (what(best) if best else None) == answer["cure"]["what"]


def test_the_response_stops_the_severe_ones_and_nobody_else(estate: Estate, lake: Lake) -> None:
    answer = flowverdict.find_attacks(lake, estate).respond()
    assert answer is not None
    assert answer.effect.broken == 0
    assert access(estate, ROBBER) == "Allow"
    assert access(answer.estate, ROBBER) == "Deny"
    assert access(answer.estate, "203.0.113.8") == "Allow"


def test_without_an_estate_the_log_names_the_rule_and_nothing_is_known_to_stop_it(
    lake: Lake,
) -> None:
    found = flowverdict.find_attacks(lake)
    first = found.found[0]
    assert first.cause is not None
    assert (first.cause.main.name, first.cause.main.rule) == ("securityRules/Forgotten", None)
    assert first.cure is None
    assert found.respond() is None
    assert found.detected.asked == [one.id for one in packaged()]


def test_detections_and_the_time_are_chosen(lake: Lake, tmp_path: Path) -> None:
    file = tmp_path / "anybody.yaml"
    file.write_text(OWN)
    own = read_detections([file])
    found = flowverdict.find_attacks(lake, detections=own)
    assert {one.finding.detection for one in found.found} == {"anybody"}
    assert len(found.found) == 70
    until = Period(until=NOON + timedelta(minutes=1))
    assert len(flowverdict.find_attacks(lake, detections=own, period=until).found) == 18


def test_a_time_without_rows_has_no_attack(lake: Lake) -> None:
    found = flowverdict.find_attacks(lake, period=Period(since=NOON + timedelta(days=1)))
    assert (found.found, found.detected.attempts, found.detected.first) == ((), 0, None)


def test_a_lake_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="holds no flows yet"):
        flowverdict.find_attacks(lake_at(tmp_path / "nothing"))


def test_public_addresses_of_a_network_are_inside(tmp_path: Path) -> None:
    """A sweep from one's own public range is one from inside, if the estate is known."""
    sketch = network()
    sketch["vnets"]["v"]["space"].append("192.0.2.0/24")
    owner = estate_of(tmp_path / "owner", sketch)
    rows = [
        Row("web", f"192.0.2.{at}", "10.0.0.4", 22, "UserRule_Ssh", "web-nsg") for at in range(1, 4)
    ]
    lake = lake_of(tmp_path / "logs", rows)
    open_port = [one for one in packaged() if one.id == "unexpected-allow"]
    counts = [
        len(flowverdict.find_attacks(lake, of, detections=open_port).found) for of in (None, owner)
    ]
    assert counts == [1, 0]


def test_a_query_that_cannot_be_asked_is_named(lake: Lake, tmp_path: Path) -> None:
    file = tmp_path / "anybody.yaml"
    file.write_text(OWN.replace("FROM attempts", "FROM nowhere"))
    with pytest.raises(LakeError, match=r"detection `anybody`: .*nowhere"):
        flowverdict.find_attacks(lake, detections=read_detections([file]))
