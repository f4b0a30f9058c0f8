"""What is said of findings."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest

from flowverdict.report.told import Told, by_weight, minute, value_text
from tests.report.made import CURE, EVERY, GAP, GUESSES, NIGHT, RULE, SCAN


def test_titles_name_who_and_what() -> None:
    assert [one.title for one in EVERY] == [
        "Port scan from 12 addresses at fd00::4, fd00::5 on ports 20, 21, 22 and 7 more",
        "RDP brute force from 203.0.113.200 at 10.17.1.4 on port 3389",
        "Log gap at 6045BD2A0000",
    ]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (RULE, "let in by securityRules/AllowRdpOld (nic, nsg-1), since 2026-03-10 01:30Z"),
        ({**RULE, "decision": "D", "since": NIGHT, "layer": None},
         "denied by securityRules/AllowRdpOld (nsg-1), since 2026-03-10 01:02Z"),
        ({"ruleName": "x", "decision": "Allow", "others": [
            {"ruleName": "y", "decision": "Allow"}, {"ruleName": "z", "decision": "Deny"},
        ]}, "let in by x; others denied by z"),
        ({"ruleName": "x", "others": [{"ruleName": None, "decision": "Deny"}]}, "by x"),
        ({"ruleName": "x"}, "by x"),
        ({"ruleName": "x", "since": "long ago"}, "by x, since long ago"),
        ({"ruleName": None, "acl": NIGHT}, ""),
        (None, ""),
    ],
)  # fmt: skip
def test_reasons_say_what_is_known(rule: dict | None, said: str) -> None:
    assert Told(GUESSES, rule).reason == said


@pytest.mark.parametrize(
    ("cure", "said"),
    [
        (CURE, "Deny 203.0.113.200 at priority 99: the rule that let it in stands at 100"),
        ({"what": "w", "effect": {"broken": 0}}, "w: breaks no other recorded flow"),
        ({"what": "w", "effect": {"broken": 1200}}, "w: breaks 1,200 other recorded flows"),
        ({"what": "x", "effect": None}, "x"),
        ({"what": "x", "effect": {"broken": None}}, "x"),
        ({"what": None, "why": "they are denied already"}, "they are denied already"),
        (None, ""),
    ],
)  # fmt: skip
def test_remedies_say_what_they_break(cure: dict | None, said: str) -> None:
    assert Told(GUESSES, RULE, cure).remedy == said


def test_other_remedies_are_told_too() -> None:
    cure = {**CURE, "alternatives": [{"what": "a", "why": "b"}], "advice": [{"what": "c"}, 5, {}]}
    assert Told(GUESSES, RULE, cure).other_remedies == ["a: b", "c"]
    assert Told(GUESSES, RULE, {"what": "x", "alternatives": None}).other_remedies == []


def test_evidence_reads_well() -> None:
    assert list(Told(GUESSES).evidence()) == [
        ("attempts", "1,312"), ("rate", "0.25"), ("peak", "2026-03-10 01:02Z"),
        ("rules", "a, b, c and 1 more"),
    ]  # fmt: skip
    assert list(Told(GAP).evidence()) == [("minutes", "30"), ("whole", "yes")]
    assert value_text(1234567.8) == "1,234,568"
    assert list(Told(SCAN).evidence()) == []


def test_the_order_of_findings_is_one_whatever_theirs_was() -> None:
    assert by_weight(EVERY) == by_weight(reversed(EVERY))
    assert [one.finding.severity for one in by_weight(EVERY)] == ["high", "low", "informational"]


def test_times_are_utc() -> None:
    assert minute(NIGHT.astimezone(timezone(timedelta(hours=-8)))) == "2026-03-10 01:02Z"
