"""What judges a pull request runs with the small install."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import flowverdict.prove

HEAVY = {"numpy", "numba", "pyarrow", "deltalake", "duckdb", "pandas"}


def test_no_part_of_the_prover_needs_an_extra() -> None:
    folder = Path(flowverdict.prove.__file__).parent
    names = [f"flowverdict.prove.{one.stem}" for one in sorted(folder.glob("*.py"))]
    assert len(names) > 5
    code = f"import sys, {', '.join(names)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not HEAVY & set(done.stdout.split())
