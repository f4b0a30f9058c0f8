"""The gate on a pull request of an ordinary repository, from the shell; and its install."""

import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from pathlib import Path

from bench import figures, processes
from bench.figures import Figure
from bench.repository import NICS, NSGS, RULES, write_repository

ROUNDS = 9
ANSWERED = frozenset({0})  # all findings are in the baseline
PACKS = ("management-ports", "high-risk-ports", "no-any-any")
ROOT = Path(__file__).parents[1]


def measure() -> list[Figure]:
    """Time whole processes: `prove` and `lint` on 30 NSGs, and `python -c pass`."""
    with tempfile.TemporaryDirectory(prefix="flowverdict-bench-") as name:
        folder = Path(name)
        write_repository(folder)
        commands = _commands(folder, [processes.console_script("flowverdict")])
        nothing = [sys.executable, "-c", "pass"]
        seconds = processes.wall_times(
            {**commands, "python": nothing}, rounds=ROUNDS, good_exits=ANSWERED
        )
    prove_s, lint_s, python_s = seconds["prove"], seconds["lint"], seconds["python"]
    about = f"{NSGS} NSGs of {RULES} rules, {NICS} NICs: ten claims, baseline, SARIF and Markdown"
    return [
        Figure("gate_s", prove_s, about, 1),
        Figure("gate_lint_s", lint_s, "lint of the same, with the same reports", 1),
        Figure("gate_vs_python", prove_s / python_s, "the first beside `python -c pass`"),
    ]


def measure_install() -> list[Figure]:
    """Install the gate into a fresh environment, as a pipeline does, and run it from there."""
    with tempfile.TemporaryDirectory(prefix="flowverdict-bench-") as name:
        folder = Path(name)
        made = folder / "venv"
        venv.create(made, with_pip=True)
        python = made / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        before = _megabytes(made)
        start = time.perf_counter()
        install = ["-m", "pip", "--disable-pip-version-check", "install", "--quiet", str(ROOT)]
        done = subprocess.run([python, *install], check=False, capture_output=True, text=True)
        elapsed = time.perf_counter() - start
        if done.returncode:
            raise processes.BenchmarkError(
                f"the install ended with {done.returncode}: {done.stderr}"
            )
        size = _megabytes(made) - before
        write_repository(folder)
        commands = _commands(folder, [str(python), "-I", "-m", "flowverdict"])
        seconds = processes.wall_times(commands, rounds=ROUNDS, good_exits=ANSWERED)
    return [
        Figure("install_mb", size, "on disk, all that `pip install flowverdict` adds"),
        Figure("install_s", elapsed, "from the network, building it included"),
        Figure("installed_gate_s", seconds["prove"], "the gate from that install", 1),
    ]


def _commands(folder: Path, program: list[str]) -> dict[str, Sequence[str]]:
    """Return the commands of a pipeline, after their baselines were written."""
    known = folder / "baseline.json"
    network, claims = str(folder / "network"), str(folder / "claims.yaml")
    words = {
        "prove": ["prove", network, claims, *(f"--pack={one}" for one in PACKS)],
        "lint": ["lint", network],
    }
    for one in words.values():
        write = [*program, *one, f"--write-baseline={known}"]
        done = subprocess.run(write, check=False, capture_output=True, text=True)
        if done.returncode:
            raise processes.BenchmarkError(
                f"`{one[0]}` ended with {done.returncode}: {done.stderr}"
            )
    reports = [f"--report={form}={folder / form}" for form in ("sarif", "md")]
    return {name: [*program, *one, f"--baseline={known}", *reports] for name, one in words.items()}


def _megabytes(folder: Path) -> float:
    return sum(one.lstat().st_size for one in folder.rglob("*") if not one.is_dir()) / 2**20


if __name__ == "__main__":
    if "--install" in sys.argv:
        sys.argv.remove("--install")
        figures.run("gate", measure_install)
    else:
        figures.run("gate", measure)
