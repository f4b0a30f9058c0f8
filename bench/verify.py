"""One `flowverdict verify` from the shell, beside a Python that does nothing."""

import sys
import tempfile
from pathlib import Path

from bench import estates, figures, processes
from bench.figures import Figure
from flowverdict.demo.bank import write_bank

ROUNDS = 15
ANSWERED = frozenset({0})  # an `Unknown` (3) or an error would be a benchmark of something else


def measure() -> list[Figure]:
    """Time whole processes: `flowverdict verify` on some 300 NICs, and `python -c pass`."""
    with tempfile.TemporaryDirectory(prefix="flowverdict-bench-") as name:
        folder = Path(name)
        write_bank(folder, seed=7)
        nics = estates.nics(folder)
        nic = nics[len(nics) // 2]
        verify = [
            *(processes.console_script("flowverdict"), "verify", str(folder)),
            *("--nic", nic.id, "--direction", "Inbound", "--protocol", "TCP"),
            *("--local", f"{nic.address}:443", "--remote", "203.0.113.7:50000"),
            *("--output", "json"),
        ]
        nothing = [sys.executable, "-c", "pass"]
        seconds = processes.wall_times(
            {"verify": verify, "python": nothing}, rounds=ROUNDS, good_exits=ANSWERED
        )
    verify_s, python_s = seconds["verify"], seconds["python"]
    return [
        Figure("verify_s", verify_s, f"one packet, {len(nics)} NICs, imports included", 0.4),
        Figure("python_s", python_s, "python -c pass"),
        Figure("verify_vs_python", verify_s / python_s, "the one to the other"),
    ]


if __name__ == "__main__":
    figures.run("verify", measure)
