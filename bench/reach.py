"""Who reaches whom, and what lint finds, in large estates."""

import gc
import random
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from bench import figures
from bench.figures import Figure
from bench.networks import Size, make_estate
from bench.prove import LARGE
from flowverdict.model import Direction, Estate
from flowverdict.net import Packet
from flowverdict.policy import DEFAULTS, Network, Standpoint, evaluate_at
from flowverdict.prove.lint import lint
from flowverdict.prove.reach import Reach

MEDIUM = replace(LARGE, vnets=10, subnets=100, nics=2_000, nic_nsgs=100)
LISTS = Size(nics=1, nic_nsgs=1, nic_rules=500, lists=True)
"""One NSG of Azure's largest size, 500 rules of each direction with tags and lists of ports."""
QUESTIONS = 500


def measure() -> list[Figure]:
    """Tell who reaches whom among ten thousand interfaces, and look at their rules."""
    medium, large = make_estate(MEDIUM), make_estate(LARGE)
    gc.collect()
    gc.freeze()  # as the commands do
    of_medium = "2,000 NICs, 200 NSGs, 5 admin collections"
    of_large = "10,000 NICs, 1,000 NSGs, 5 admin collections"
    by_vnet = _timed(
        "reach_10k_s",
        partial(_matrix, large, "vnet"),
        f"{of_large}: 50 virtual networks and the internet, every cell",
    )
    asked = _question_s(large) * len(large.resources.nics) ** 2
    return [
        _timed(
            "reach_2k_s",
            partial(_matrix, medium, "subnet"),
            f"{of_medium}: 100 subnets and the internet, every cell",
        ),
        by_vnet,
        Figure(
            "reach_vs_evaluator",
            asked / by_vnet.value,
            "the evaluator on one packet of each pair of 10,000 NICs, both ends, reckoned from "
            f"{QUESTIONS} of them, by reach on all packets",
        ),
        _timed("lint_2k_s", partial(lint, medium), f"{of_medium}: every check", 60),
        _timed("lint_10k_s", partial(lint, large), f"{of_large}: every check"),
        _timed(
            "lint_1000_s",
            partial(lint, make_estate(LISTS)),
            "one NSG of 1,000 rules with service tags and lists of ports",
            30,
        ),
    ]


def _matrix(estate: Estate, by: str) -> None:
    reach = Reach(estate)
    groups = [*reach.groups(by), reach.internet]
    told = [(one.services, one.is_whole, one.unsure) for one in reach.cells(groups, groups)]
    if len(told) != len(groups) ** 2 - 1 or reach.missing or reach.limits:
        raise AssertionError("not all cells are told")


def _question_s(estate: Estate) -> float:
    """Return the seconds that the evaluator takes for a packet at both ends."""
    chance = random.Random(1)  # noqa: S311 - a benchmark
    around = Network(estate, DEFAULTS)
    nics = list(estate.resources.nics.values())
    pairs = [chance.sample(nics, 2) for _ in range(QUESTIONS)]
    places = [[Standpoint(around, nic) for nic in pair] for pair in pairs]
    start = time.perf_counter()
    for (source, target), (sender, receiver) in zip(pairs, places, strict=True):
        src, dst = source.addresses.spans[0][0], target.addresses.spans[0][0]
        packet = Packet(6, src, dst, 50000, 443)
        evaluate_at(sender, Direction.OUTBOUND, packet)
        evaluate_at(receiver, Direction.INBOUND, packet)
    return (time.perf_counter() - start) / QUESTIONS


def _timed(
    name: str, work: Callable[[], object], about: str, at_most: float | None = None
) -> Figure:
    """Return the seconds that some work takes; with how many a processor was at it."""
    start, busy = time.perf_counter(), time.process_time()
    work()
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    return Figure(name, seconds, f"{about} ({busy:.0f} s of one processor)", at_most)


if __name__ == "__main__":
    figures.run("reach", measure)
