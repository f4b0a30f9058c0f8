"""Loading an organisation of 10,000 NICs and 1,000 NSGs, beside `json.load` of the same files."""

import tempfile
from pathlib import Path

from bench import estates, figures, processes
from bench.figures import Figure
from flowverdict.demo.bank import write_bank

NICS = 10_000
NSGS = 1_000
ROUNDS = 3

SNIPPETS = {
    "load": (
        "from flowverdict.load import load_estate",
        "estate = load_estate([sys.argv[1]])",
    ),
    "json": (
        "from pathlib import Path",
        "contents = [json.load(p.open('rb')) for p in sorted(Path(sys.argv[1]).rglob('*.json'))]",
    ),
}


def measure() -> list[Figure]:
    """Load a large estate in fresh processes: seconds and peak memory."""
    with tempfile.TemporaryDirectory(prefix="flowverdict-bench-") as name:
        folder = Path(name)
        write_bank(folder, seed=7, nics=NICS, nsgs=NSGS)
        nics = len(estates.nics(folder))
        nsgs = sum(1 for _ in estates.resources(folder, "networkSecurityGroups"))
        mb = sum(path.stat().st_size for path in estates.files(folder)) / 2**20
        usage = processes.usages(SNIPPETS, [str(folder)], rounds=ROUNDS)
    load, plain = usage["load"], usage["json"]
    size = f"{nics:,} NICs, {nsgs:,} NSGs, {mb:.0f} MB of JSON"
    return [
        Figure("load_10k_s", load.seconds, size, 3.0),
        Figure("load_10k_mb", load.peak_mb, "peak memory of that process", 600),
        Figure("json_load_s", plain.seconds, "json.load of the same files"),
        Figure("json_load_mb", plain.peak_mb, "peak memory of that process"),
        Figure("load_vs_json", load.seconds / plain.seconds, "the one to the other"),
    ]


if __name__ == "__main__":
    figures.run("load", measure)
