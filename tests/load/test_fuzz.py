"""A good estate with something wrong in it gives a verdict, Unknown, or the documented error."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import flowverdict
from tests.load.fuzz import Bank

TRIALS = int(os.environ.get("FLOWVERDICT_FUZZ", "40"))
"""How many mutations to try; `FLOWVERDICT_FUZZ=5000` looks longer."""


@pytest.mark.parametrize("nics", [44, 60])
def test_a_mutated_estate_gives_a_verdict_or_the_documented_error(
    tmp_path: Path, nics: int
) -> None:
    """Issue 2: mutated estates give a verdict, `Unknown`, or that error."""
    bank = Bank(tmp_path, nics)
    outcomes = {
        bank.trial(seed) for seed in range(nics * 1_000_000, nics * 1_000_000 + TRIALS // 2)
    }
    assert "refused" in outcomes
    assert any("Allow" in one or "Deny" in one for one in outcomes)


def test_an_unharmed_estate_has_nothing_wrong(tmp_path: Path) -> None:
    bank = Bank(tmp_path, 44)
    estate = flowverdict.load_estate([bank.folder])
    assert not estate.errors
    assert len(estate.resources.nics) == 44
