"""Findings out of JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flowverdict.cli.detect_reports import finding_json
from flowverdict.model import InputError
from flowverdict.report.reading import read_findings
from flowverdict.report.told import Told
from tests.report.made import EVERY, GUESSES

GOOD: dict[str, Any] = {
    "detection": "x", "severity": "low", "first": "2026-03-10T00:00:00Z",
    "last": "2026-03-10T01:00:00+01:00",
}  # fmt: skip


def read(folder: Path, *findings: Any) -> list[Told]:
    path = folder / "f.json"
    path.write_text(json.dumps({"findings": findings}))
    return read_findings(path)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, *(finding_json(one) for one in EVERY))
    assert [one.title for one in found] == [one.title for one in EVERY]
    assert [finding_json(one) for one in found] == [finding_json(one) for one in EVERY]


def test_the_shape_of_the_design_is_enough(tmp_path: Path) -> None:
    [one] = read(tmp_path, {**GOOD, "src_ip": "10.0.0.4", "dst_ip": None, "protocol": 17})
    finding = one.finding
    assert (finding.sources, finding.targets, finding.protocol) == (("10.0.0.4",), (), 17)
    assert finding.last == datetime(2026, 3, 10, tzinfo=UTC)
    assert (one.decided_by, one.cure, finding.outcome) == (None, None, "")


def test_what_is_excused_is_left_out(tmp_path: Path) -> None:
    told = finding_json(Told(GUESSES))
    assert read(tmp_path, {**told, "state": "suppressed"}, {**told, "state": "baseline"}) == []
    assert len(read(tmp_path, {**told, "state": "open"})) == 1


def test_a_byte_order_mark_is_no_matter(tmp_path: Path) -> None:
    (tmp_path / "f.json").write_bytes(b'\xef\xbb\xbf{"findings": []}')
    assert read_findings(tmp_path / "f.json") == []


WRONG: list[tuple[bytes, str]] = [
    (b"", "f.json: "),
    (b"[]", "f.json: Expected `object`, got `array`"),
    (b"{}", "f.json: Object missing required field `findings`"),
    (b'{"findings": [1]}', "$.findings[0]: Expected `object`, got `int`"),
    (b'{"findings": [{}]}', "$.findings[0]: Object missing required field `detection`"),
    (b"\xff\xfe", "f.json: "),
    (b"[" * 100_000, "f.json: "),
    *(
        (json.dumps({"findings": [GOOD, {**GOOD, **change}]}).encode(), f"$.findings[1]: {said}")
        for change, said in [
            ({"severity": "huge"}, "Invalid enum value"),
            ({"first": "then"}, "Invalid RFC3339"),
            ({"protocol": "TPC"}, "`TPC` is no protocol"),
            ({"protocol": 256}, "`256` is no protocol"),
            ({"ports": ["rdp"]}, "Expected `int`"),
            ({"sources": "10.0.0.4"}, "Expected `array"),
            ({"outcome": "maybe"}, "Invalid enum value"),
        ]
    ),
]


@pytest.mark.parametrize(("content", "said"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_one_line_with_its_place(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "f.json"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_findings(path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("expected what `detect --output json` writes")


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, {**GOOD, "severity": 1}, GOOD, {})
    assert len(caught.value.diagnostics) == 2
    with pytest.raises(InputError, match="cannot be read"):
        read_findings(tmp_path / "none.json")
