"""The baseline: a file that changes where findings do, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from flowverdict.findings import (
    Baseline,
    Entry,
    Finding,
    read_baseline,
    review,
    write_baseline,
)
from flowverdict.model import InputError

TODAY = date(2026, 1, 1)


@dataclass(frozen=True)
class Ports:
    """Packets that are told apart by their ports."""

    ports: frozenset[str]

    def written(self) -> list[dict[str, str]]:
        return [{"ports": one} for one in sorted(self.ports)]

    def are_within(self, written: Sequence[Mapping[str, str]]) -> bool:
        return self.ports <= {one["ports"] for one in written}


def finding(nic: str, *ports: str, rule: str = "/r") -> Finding:
    return Finding("claim", "c", {"nic": nic, "rule": rule}, Ports(frozenset(ports)))


def states(before: list[Finding], now: list[Finding]) -> list[str]:
    baseline = Baseline(tuple(map(Entry.of, before)))
    found = review("claim", now, ["c"], baseline, [], TODAY)
    return [*(one.baseline for one in found.every), *(f"gone {one.about}" for one in found.gone)]


def test_what_is_new() -> None:
    """A baseline must not hide a new exposure under a claim that failed already."""
    old = finding("/a", "22", "80")
    assert states([old], [old]) == ["unchanged"]
    assert states([old], [finding("/A", "22", rule="/R")]) == ["unchanged"], "less, other letters"
    assert states([old], [finding("/a", "22", "443")]) == ["grown"]
    assert states([old], [old, finding("/b", "22")]) == ["unchanged", "new"]
    other = finding("/a", "22", rule="/s")
    assert states([old], [other]) == ["new", "gone {'nic': '/a', 'rule': '/r'}"]
    assert states([], [old]) == ["new"]


def test_what_was_not_asked_is_not_gone() -> None:
    baseline = Baseline((Entry("claim", "c", {}), Entry("claim", "d", {}), Entry("check", "c", {})))
    found = review("claim", [], ["c"], baseline, [], TODAY)
    assert ([one.name for one in found.gone], found.unasked) == (["c"], ["d"])


def test_what_cannot_be_known_is_in_no_baseline() -> None:
    unknown = Finding("claim", "c", missing="a tag")
    found = review("claim", [unknown], ["c"], Baseline((Entry.of(unknown),)), [], TODAY)
    assert found.of(unknown).state == "open"


def test_the_file_is_sorted_and_keeps_the_other_kind(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    some = [finding("/b", "80"), finding("/a", "22", "443"), finding("/é", "1")]
    write_baseline(path, map(Entry.of, some), "claim", "1.0")
    first = path.read_bytes()
    write_baseline(path, map(Entry.of, reversed(some)), "claim", "1.0")
    assert path.read_bytes() == first
    assert [one.about["nic"] for one in read_baseline(path).entries] == ["/a", "/b", "/é"]
    assert [entry.holds(one) for one in some if (entry := read_baseline(path).of(one))] == [
        True
    ] * 3
    write_baseline(path, [Entry("check", "shadowed", {"resource": "/x"})], "check", "1.0")
    write_baseline(path, [], "claim", "1.0")
    assert [one.kind for one in read_baseline(path).entries] == ["check"]
    assert json.loads(path.read_bytes()).keys() == {"flowverdict", "format", "findings"}


def test_fingerprints_are_apart() -> None:
    every = [finding("/a"), finding("/b"), finding("/a", rule="/s"), Finding("check", "c")]
    assert len({one.fingerprint for one in every}) == 4
    assert (
        finding("/a").fingerprint
        == finding("/A", "22").fingerprint
        == Entry.of(every[0]).fingerprint
    )


WRONG = {
    "": "is no JSON",
    "[]": "holds no baseline",
    "{}": "holds no baseline",
    '{"findings": []}': "$.format: `None` is not read by this version",
    '{"format": 1, "findings": {}}': "$.findings: is no list",
    '{"format": 1, "findings": [1]}': "$.findings[0]: is no finding",
    '{"format": 1, "findings": [{"nic": "a"}]}': "$.findings[0]: is no finding",
    '{"format": 1, "findings": [{"claim": "a", "nic": 1}]}': "$.findings[0]: is no finding",
    '{"format": 1, "findings": [{"claim": "a", "packets": [1]}]}': "$.findings[0]: is no finding",
    '{"format": 1, "findings": [{"claim": "a"}, {"claim": "a"}]}': "$.findings[1]: stands here",
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), WRONG.items(), ids=range(len(WRONG)))
def test_what_is_no_baseline(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "b.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_baseline(path)
    assert str(caught.value).startswith(f"{path}: {said}")
    if text:
        with pytest.raises(InputError):
            write_baseline(path, [], "claim", "1.0")
        assert path.read_text() == text, "what is no baseline is not written over"


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_baseline(tmp_path / "none")
    with pytest.raises(InputError, match="cannot be written: No such file"):
        write_baseline(tmp_path / "none" / "b.json", [], "claim", "1.0")
