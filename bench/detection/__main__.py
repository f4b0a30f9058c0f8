"""The command line: figures, the page of the documentation, or the scale."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.detection import scale
from bench.detection.report import Results, page, quality
from bench.detection.run import DAYS, MACHINES, WITHIN, run
from bench.detection.world import World
from bench.figures import Figure, print_table

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "report-card.md"
SEEDS: Final = (1, 2, 3)


def main() -> None:
    """Print how well attacks are found, or write it down."""
    parser = argparse.ArgumentParser(prog="python -m bench.detection", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object of figures")
    parser.add_argument("--write", action="store_true", help=f"write docs/reference/{PAGE.name}")
    parser.add_argument("--scale", action="store_true", help="measure a hundred million rows alone")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="one world each")
    parser.add_argument("--machines", type=int, default=MACHINES, help="of each world")
    parser.add_argument("--days", type=int, default=DAYS, help="of each world")
    wanted = parser.parse_args()
    figures = scale.measure() if wanted.scale else _quality(wanted)
    if wanted.json:
        print(json.dumps({one.name: round(one.value, 6) for one in figures}))
    else:
        print_table([("detection", one) for one in figures])


def _quality(wanted: argparse.Namespace) -> list[Figure]:
    worlds = [World(seed, wanted.machines, wanted.days) for seed in wanted.seeds]
    results = measure_quality(worlds, WITHIN if wanted.write else ())
    if wanted.write:
        PAGE.write_text("\n".join(page(results)) + "\n", encoding="utf-8")
        print(f"wrote {PAGE}", file=sys.stderr)
    return figures_of(results)


def measure_quality(worlds: Sequence[World], within: Sequence[int]) -> Results:
    """Returns how detections do on worlds.

    Args:
        worlds: each of another seed.
        within: minutes after which attacks are over, to learn how soon each is found; tried on the
            first world.
    """
    cards = tuple(run(one) for one in worlds)
    early = tuple((60_000 * one, run(worlds[0], 60_000 * one)[0]) for one in within)
    return Results(cards, early)


def figures_of(results: Results) -> list[Figure]:
    """Returns the figures of a report card."""
    figures: list[Figure] = []
    alarms = 0
    for detection in results.detections():
        found, name = quality(results, detection), detection.replace("-", "_")
        alarms += found.alarms
        if found.recall is not None:
            about = f"{found.found} of {found.expected} attacks found"
            figures.append(Figure(f"recall_{name}", found.recall, about))
        if found.precision is not None:
            about = f"{found.right} findings right, {found.misnamed} misnamed, {found.false} false"
            figures.append(Figure(f"precision_{name}", found.precision, about))
    about = f"of medium severity and more, {results.machine_days:,} days of machines"
    figures.append(Figure("false_alarms_a_machine_day", alarms / results.machine_days, about))
    return figures


if __name__ == "__main__":
    main()
