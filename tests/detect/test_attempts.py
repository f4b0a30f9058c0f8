"""Rows drawn together into attempts: what is one, and what goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flowverdict.detect import detect, read_detections
from tests.detect.lakes import OUTSIDE, TAGS, VM, Row, flow, found, lake_of


def test_flows_that_go_on_beyond_midnight_count_once(tmp_path: Path) -> None:
    """Days are read one after another; what ends on the next one began on the day before."""

    def at_midnight(count: int) -> Iterator[Row]:
        for at in range(count):
            yield from flow(86_397 + at / 100, OUTSIDE, VM, 22, src_port=at)

    assert not found(tmp_path / "few", at_midnight(20), "ssh-brute-force")
    (one,) = found(tmp_path / "enough", at_midnight(25), "ssh-brute-force")
    assert one.evidence["attempts"] == 25


def test_an_end_without_ports_goes_on_with_its_begin(tmp_path: Path) -> None:
    """ICMP has no ports: without them a flow is still one flow."""
    lake = lake_of(tmp_path, [
        {**row, "protocol": 1, "src_port": None, "dst_port": None}
        for row in flow(598, OUTSIDE, VM, 0)
    ])  # fmt: skip
    own = read_detections([_counting(tmp_path)])
    (one,) = detect(lake, own, TAGS).findings
    assert one.evidence == {"attempts": 1}


def _counting(folder: Path) -> Path:
    path = folder / "count.yaml"
    path.write_text("""
id: count
title: t
finds: f
matters: m
wrong_when: w
techniques: [T1190]
query: >
  SELECT [src] AS sources, [dst] AS targets, []::INTEGER[] AS ports, protocol, min(start) AS first,
  max(stop) AS last, 'allowed' AS outcome, 'low' AS severity,
  count(*) FILTER (is_new) AS attempts FROM attempts GROUP BY src, dst, protocol
""", "utf-8")  # fmt: skip
    return path
