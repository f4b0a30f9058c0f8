"""Who reaches whom, and what lint finds, in large estates."""

import gc
import random
import time
from collections.abc import Callable
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

LISTS = Size(nics=1, nic_nsgs=1, nic_rules=500, lists=True)
"""One NSG of Azure's largest size, 500 rules of each direction with tags and lists of ports."""
QUESTIONS = 500


def measure() -> list[Figure]:
    """Tell who reaches whom among ten thousand interfaces, and look at their rules."""
    estate = make_estate(LARGE)
    gc.collect()
    gc.freeze()  # as the commands do
    by_subnet, by_vnet = (_seconds(partial(_matrix, estate, by)) for by in ("subnet", "vnet"))
    pairs = len(estate.resources.nics) ** 2
    asked = _question_s(estate) * pairs
    about = "10,000 NICs, 1,000 NSGs, 5 admin collections"
    return [
        Figure("reach_10k_s", by_subnet, f"{about}: 500 subnets and the internet, every cell"),
        Figure("reach_vnets_10k_s", by_vnet, "likewise of 50 virtual networks"),
        Figure(
            "reach_vs_evaluator",
            asked / by_subnet,
            "the evaluator on one packet of each pair of NICs, both ends, reckoned from "
            f"{QUESTIONS} of them, by reach on all packets",
        ),
        Figure("lint_10k_s", _seconds(partial(lint, estate)), f"{about}: every check"),
        Figure(
            "lint_1000_s",
            _seconds(partial(lint, make_estate(LISTS))),
            "one NSG of 1,000 rules with service tags and lists of ports",
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


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    figures.run("reach", measure)
