"""Whole processes, measured in alternation, so that a busy machine disturbs all alike."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class BenchmarkError(RuntimeError):
    """A measured command did not do what it was started for."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a child process said of itself: seconds of its work, and its peak memory in MB."""

    seconds: float
    peak_mb: float


def console_script(name: str) -> str:
    """The path of a command that is installed beside this Python."""
    for candidate in (name, f"{name}.exe"):
        path = Path(sys.executable).parent / candidate
        if path.exists():
            return str(path)
    raise BenchmarkError(f"`{name}` is not installed beside {sys.executable}: run `make test` once")


def wall_times(
    commands: Mapping[str, Sequence[str]], *, rounds: int, good_exits: frozenset[int]
) -> dict[str, float]:
    """Median wall seconds of each command, from start to exit; one unmeasured round first."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            elapsed = time.perf_counter() - start
            if done.returncode not in good_exits:
                raise BenchmarkError(f"`{name}` ended with {done.returncode}: {done.stderr}")
            if number:
                seconds[name].append(elapsed)
    return {name: statistics.median(times) for name, times in seconds.items()}


# The child stops its own clock, so that starting Python is not counted. Its peak memory is read
# from /proc where there is one: ru_maxrss on Linux begins with the peak of the process that forked.
_SELF_MEASURED = """
import json, sys, time
{setup}
start = time.perf_counter()
{work}
seconds = time.perf_counter() - start

def peak_mb():
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 2**10
    except OSError:
        pass
    try:
        import resource
    except ImportError:  # Windows keeps no such count
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)

print(json.dumps([seconds, peak_mb()]))
"""


def usages(
    snippets: Mapping[str, tuple[str, str]], arguments: Sequence[str], *, rounds: int
) -> dict[str, Usage]:
    """Run pairs of (setup, work) in fresh processes, in alternation.

    Returns:
        For each the median seconds of `work`, and the greatest peak memory of the process.
    """
    seen: dict[str, list[Usage]] = {name: [] for name in snippets}
    for _ in range(rounds):
        for name, (setup, work) in snippets.items():
            code = _SELF_MEASURED.format(setup=setup, work=work)
            done = subprocess.run(
                [sys.executable, "-c", code, *arguments],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise BenchmarkError(f"`{name}` ended with {done.returncode}: {done.stderr}")
            seconds, peak_mb = json.loads(done.stdout.splitlines()[-1])
            seen[name].append(Usage(seconds, peak_mb))
    return {
        name: Usage(
            statistics.median(usage.seconds for usage in runs),
            max(usage.peak_mb for usage in runs),
        )
        for name, runs in seen.items()
    }
