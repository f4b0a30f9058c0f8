"""Laws: what does not change what is found."""

from __future__ import annotations

import random
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from flowverdict.detect import Finding
from tests.detect.lakes import OTHER, OUTSIDE, VM, Row, denied, flow, found
from tests.detect.test_others import busy, calls, in_clear, tour, upload, web
from tests.net import profiles

FEW = settings(profiles.times(1), max_examples=max(4, profiles.times(1).max_examples // 4))
_TWO = st.sampled_from(["I", "O", "IO"])


def everything(ways: str = "IO") -> list[Row]:
    """A bit of each attack, and what is ordinary."""
    return [
        *web(30), *web(24, host=OTHER), *calls(0.1, every=300), *tour(12, 7), *upload(28, 300),
        *in_clear("NX_FALLBACK"), *busy([OTHER, "10.0.0.6", "10.0.0.7"], 2),
        *chain.from_iterable(
            flow(3_600 + at * 8, "10.0.9.9", VM, 3389, src_port=at, ways=ways) for at in range(30)
        ),
        *chain.from_iterable(
            denied(7_200 + at * 5, OUTSIDE, VM, at + 1, src_port=at) for at in range(60)
        ),
    ]  # fmt: skip


def told(rows: list[Row]) -> list[Finding]:
    with TemporaryDirectory() as folder:
        return [*found(Path(folder), rows)]


EVERYTHING = everything()
TOLD = told(EVERYTHING)


def test_there_is_something_to_find() -> None:
    kinds = {one.detection for one in TOLD}
    assert kinds >= {"rdp-brute-force", "port-scan", "beacon", "exfiltration", "clear-text",
                     "lateral-movement"}  # fmt: skip


@FEW
@given(seed=st.integers(0, 2**32))
def test_the_order_of_rows_and_files_makes_no_difference(seed: int) -> None:
    """Must hold: results do not change when files arrive in another order."""
    shuffled = list(EVERYTHING)
    random.Random(seed).shuffle(shuffled)
    assert told(shuffled) == TOLD


@FEW
@given(ways=_TWO)
def test_who_logged_a_flow_makes_no_difference_to_its_count(ways: str) -> None:
    """Spec 3.8: at one end, at the other one, or at both."""
    (one,) = (f for f in told(everything(ways)) if f.detection == "rdp-brute-force")
    (same,) = (f for f in TOLD if f.detection == "rdp-brute-force")
    assert one.evidence == same.evidence


@FEW
@given(seed=st.integers(0, 2**32), share=st.floats(0, 1), states=st.sampled_from("BE"))
def test_begins_or_ends_that_are_missing_hide_no_attack(
    seed: int, share: float, states: str
) -> None:
    """Must hold: no detection needs what may be missing; bytes are counted by ends alone."""
    chance = random.Random(seed)
    rows = [one for one in EVERYTHING if one["state"] != states or chance.random() > share]
    kinds = {one.detection for one in told(rows)}
    assert kinds >= {"rdp-brute-force", "port-scan", "clear-text", "lateral-movement"}
