"""Suppressions: what they match, when they end, and what is wrong with a file of them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from flowverdict.findings import Finding, Suppression, read_suppressions, review
from flowverdict.model import InputError

GOOD = """
# why, and until when
- claim: no * from the internet
  nic: LAB-*
  rule: "*/networkSecurityGroups/lab/*"
  reason: torn down
    on Friday
  until: 2026-09-30
- {check: near-limit, reason: "raised with Azure", until: never}
- {claim: "*", missing: "service tag `Mars`", reason: "not in the data yet", until: 2027-01-01}
"""
NIC = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/lab-1"
RULE = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups/lab"
    "/securityRules/Rdp"
)
ABOUT = {"nic": NIC, "rule": RULE}


def read(folder: Path, text: str) -> list[Suppression]:
    path = folder / "known.yaml"
    path.write_text(text)
    return read_suppressions(path)


def test_a_file(tmp_path: Path) -> None:
    first, second, third = read(tmp_path, GOOD)
    assert (first.reason, first.end) == ("torn down on Friday", "2026-09-30")
    assert first.where == f"{tmp_path / 'known.yaml'}:3"
    assert (second.until, second.end) == (None, "never")
    assert str(third) == "claim `*`, missing `service tag `Mars``"
    assert read(tmp_path, "# nothing yet\n") == []
    [one] = read(tmp_path, '- {claim: a, reason: "b \\u202e c", until: never}')
    assert one.reason == "b \\u202e c", "what turns a terminal's text around is shown"


def test_what_they_match(tmp_path: Path) -> None:
    first, second, third = read(tmp_path, GOOD)
    finding = Finding("claim", "No RDP from the Internet", ABOUT)
    assert first.matches(finding)
    assert not second.matches(finding)
    assert not third.matches(finding), "what fails is not what cannot be known"
    assert not first.matches(Finding("claim", "no RDP from the internet", {**ABOUT, "nic": "/x/a"}))
    assert not first.matches(Finding("claim", "no RDP from the internet", {"nic": NIC}))
    assert second.matches(Finding("check", "near-limit", {"resource": NIC}))
    unknown = Finding("claim", "no SSH from the internet", missing="service tag `Mars`")
    assert third.matches(unknown)
    assert not first.matches(unknown)


def test_the_last_day_is_one(tmp_path: Path) -> None:
    suppressions = read(tmp_path, GOOD)
    finding = Finding("claim", "no RDP from the internet", ABOUT)
    for day, state in ((30, "suppressed"), (1, "suppressed")):
        found = review("claim", [finding], ["x"], None, suppressions, date(2026, 9, day))
        assert found.of(finding).state == state
    found = review("claim", [finding], ["x"], None, suppressions, date(2026, 10, 1))
    assert found.of(finding).state == "open"
    assert found.of(finding).note == "suppression ended on 2026-09-30: torn down on Friday"
    assert [one.patterns["claim"] for one in found.unused] == ["*"]


WRONG = {
    "- claim: a\n  until: never": ":1: missing `reason`: expected why",
    "- claim: a\n  reason: b": ":1: missing `until`: expected the last day as YYYY-MM-DD",
    "- claim: a\n  reason: b\n  until: 2026-02-30": ":3: `2026-02-30` is no day",
    "- claim: a\n  reason: b\n  until: soon": ":3: `soon` is no day",
    "- claim: a\n  reason: b\n  until: 20260930": ":3: `20260930` is no day",
    "- claim: a\n  reason:\n  until: never": ":2: `reason` is empty or no text",
    "- claim: [a, b]\n  reason: b\n  until: never": ":1: `claim` is empty or no text",
    "\n- reason: b\n  until: never": ":2: nothing to suppress",
    "- claim: a\n  check: b\n  reason: c\n  until: never": ":1: `claim` and `check`",
    "- claim: a\n  nics: b\n  reason: c\n  until: never": ":2: unknown field `nics`: expected",
    "- check: a\n  nic: b\n  reason: c\n  until: never": ":2: unknown field `nic`: expected",
    "- claim: a\n  nic: b\n  missing: c\n  reason: d\n  until: never": ":1: `missing` beside",
    "- claim: a\n  claim: b\n  reason: d\n  until: never": ":2: `claim` stands here twice",
    "- a": ":1: is no suppression",
    "a: b": ": is no list",
    "- {a": ":1: no YAML",
    "- *a": ":1: no YAML",
    "--- a\n--- b": ":2: no YAML",
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), WRONG.items(), ids=range(len(WRONG)))
def test_what_is_wrong_is_one_line_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'known.yaml'}{said}")
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"- claim: \xe9")
    for name, said in (("none", "cannot be read: No such file"), ("latin", "it is not UTF-8")):
        with pytest.raises(InputError, match=said):
            read_suppressions(tmp_path / name)


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, "- claim: a\n- check: b\n  reason: c\n  until: x\n")
    assert [str(one.where)[-2:] for one in caught.value.diagnostics] == [":1", ":1", ":4"]


def test_a_detection_is_suppressed_by_its_addresses(tmp_path: Path) -> None:
    scanner = {"sources": "10.0.0.9", "targets": "10.0.0.4"}
    [one] = read(tmp_path, '- {detection: "*-scan", sources: 10.0.0.9, reason: ours, until: never}')
    assert one.matches(Finding("detection", "port-scan", scanner))
    assert not one.matches(Finding("detection", "port-scan", {**scanner, "sources": "10.0.0.99"}))
    assert not one.matches(Finding("check", "port-scan", scanner))
