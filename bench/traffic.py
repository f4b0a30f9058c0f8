"""Traffic Analytics' rows of a day: speed beside a plain GROUP BY, memory, updates."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from bench import figures, processes
from bench.figures import AtLeast, Figure
from bench.impact import estates, make_lake
from bench.networks import make_flows
from flowverdict.lake import compact
from flowverdict.load.service_tags import PackagedTags
from flowverdict.traffic.analytics.places import Places

ROWS = int(os.environ.get("FLOWVERDICT_BENCH_ROWS", "5000000"))
"""Recorded rows of one day; fewer for a trial."""
FLOWS = 20_000
"""Different flows among them, source ports aside: about ten rows become one, as Azure tells."""
ROUNDS = 3
_COUNTERS = ("packets_sent", "bytes_sent", "packets_received", "bytes_received")

_HEAD = """
from bench.traffic import places
from flowverdict.lake import Lake, open_engine
from flowverdict.traffic.analytics.live import analyse_lake
from flowverdict.traffic.analytics.table import update
lake = Lake(sys.argv[1])
"""
_KEY = "src_ip, dst_ip, dst_port, protocol, direction, decision, encryption, rule, acl, mac"
_SUMS = ", ".join(f"sum({name}) AS {name}" for name in _COUNTERS)
_FOLD = (
    f"CREATE TABLE folded AS SELECT epoch_ms(time) // 3600000 AS slot, {_KEY}, count(*) AS n, "  # noqa: S608 names of our own
    f"{_SUMS} FROM flows GROUP BY ALL"
)
PLAIN = (_HEAD, f"engine, _ = open_engine(lake); engine.connection.execute({_FOLD!r})")
TALKERS = (
    f"{_HEAD}\nfrom flowverdict.traffic.analytics.queries import queries\nknown = places()",
    "assert analyse_lake(lake, known, queries()['top-talkers'].sql).read_all()",
)
MADE = (
    f"{_HEAD}\nknown = places()",
    "assert sum(map(len, analyse_lake(lake, known, 'FROM NTANetAnalytics')))",
)
KEPT = (f"{_HEAD}\nknown = places()", "assert update(lake, known).rows")
AGAIN = (f"{_HEAD}\nknown = places()", "assert not update(lake, known).rows")


def places() -> Places:
    """Return what is known of the addresses of an estate of ten thousand interfaces."""
    return Places(replace(estates()[0], service_tags=PackagedTags()))


def measure() -> list[Figure]:
    """Make the rows of a lake, and fold its rows without knowing any address, in turns."""
    start = time.perf_counter()
    known = places()
    places_s = time.perf_counter() - start
    estate = known.sites.estate
    flows = make_flows(estate, FLOWS)
    macs = pa.array([one.mac for one in estate.resources.nics.values()])
    with tempfile.TemporaryDirectory(prefix="flowverdict-bench-") as folder:
        compact(make_lake(Path(folder), flows, macs, ROWS))
        took = processes.usages(
            {"plain": PLAIN, "made": MADE, "talkers": TALKERS}, [folder], rounds=ROUNDS
        )
        kept = processes.usages({"kept": KEPT}, [folder], rounds=1)["kept"]
        again = processes.usages({"again": AGAIN}, [folder], rounds=1)["again"]
    plain, made = took["plain"], took["made"]
    return [
        Figure("places_s", places_s, "an estate of 10,000 NICs and 3,300 service tags, indexed"),
        Figure(
            "traffic_s",
            made.seconds,
            f"{ROWS:,} rows of two days into hours: {ROWS / made.seconds / 1e6:.2f} M rows/s",
        ),
        AtLeast(
            "traffic_vs_group_by",
            plain.seconds / made.seconds,
            f"a plain GROUP BY by the same key on the same lake: {plain.seconds:.2f} s",
            at_least=0.2,
        ),
        Figure("top_talkers_s", took["talkers"].seconds, "a named query, made on the spot"),
        Figure("traffic_mb", made.peak_mb, "peak of the process, the estate in it", 2000),
        Figure("update_s", kept.seconds, "the same into the lake's table"),
        Figure("update_again_s", again.seconds, "again, when nothing has changed", 1),
    ]


if __name__ == "__main__":
    figures.run("traffic", measure)
