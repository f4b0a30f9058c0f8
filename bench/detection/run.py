"""Worlds put to the detections."""

from __future__ import annotations

import sys
import tempfile
from typing import Final

from bench.detection.score import Card, score
from bench.detection.world import World, fill
from flowverdict.detect import detect, packaged
from flowverdict.lake import Lake
from flowverdict.load.service_tags import PackagedTags

MACHINES: Final = 80
DAYS: Final = 12
WITHIN: Final = (1, 5, 15, 60, 240, 1_440)
"""Minutes after which attacks are over, to learn how soon each is found."""


def run(world: World, within: int | None = None) -> tuple[Card, int]:
    """Returns how the packaged detections do on a world, and how many rows it has.

    Args:
        world: what happened.
        within: milliseconds after its begin at which each attack is over; None for its own end.
    """
    with tempfile.TemporaryDirectory(prefix="flowverdict-bench-") as folder:
        lake = Lake(folder)
        rows = fill(lake, world.parts(within))
        found = detect(lake, packaged(), PackagedTags())
    print(
        f"seed {world.truth.seed}, {rows:,} rows, attacks over after "
        f"{'their time' if within is None else f'{within // 60_000} minutes'}: "
        f"{len(found.findings):,} findings",
        file=sys.stderr,
    )
    return score(found.findings, world.truth), rows
