"""Run every benchmark and print one table."""

import sys
from collections.abc import Callable

from bench import classify, gate, impact, ingest, load, prove, reach, traffic, verify
from bench.detection import scale
from bench.figures import Figure, print_table

MODULES: dict[str, Callable[[], list[Figure]]] = {
    "verify": verify.measure,
    "load": load.measure,
    "ingest": ingest.measure,
    "classify": classify.measure,
    "prove": prove.measure,
    "reach": reach.measure,
    "gate": gate.measure,
    "impact": impact.measure,
    "traffic": traffic.measure,
    "detection": scale.measure,
}


def main() -> None:
    """Run the modules one after the other, so that none disturbs another."""
    rows: list[tuple[str, Figure]] = []
    for name, measure in MODULES.items():
        print(f"bench.{name} …", file=sys.stderr)
        rows.extend((name, figure) for figure in measure())
    print_table(rows)


if __name__ == "__main__":
    main()
