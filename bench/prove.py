"""All packets: differences of two policies beside a solver's yes or no, and large estates."""

import random
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import z3

from bench import figures, processes
from bench.figures import AtLeast, Figure
from bench.networks import Size, make_estate
from flowverdict.model import Direction, Estate, NetworkInterface, NetworkSecurityGroup, Rule
from flowverdict.net import ALL_IPV4, ALL_PORTS, ALL_PROTOCOLS, IntervalSet
from flowverdict.policy import DEFAULTS, Network, Standpoint
from flowverdict.prove.checker import Checker
from flowverdict.prove.claims import Claim
from flowverdict.prove.prover import Difference, Prover
from flowverdict.prove.region import ALL_PACKETS

ROUNDS = 5
LISTS = Size(nic_nsgs=1, nic_rules=1_000)
LARGE = Size(
    vnets=50, subnets=500, nics=10_000, subnet_rules=20, nic_nsgs=500, nic_rules=20,
    admin_rules=100, collections=5,
)  # fmt: skip
_TCP = IntervalSet([(6, 6)])
NO_RDP = Claim(
    "no RDP from the internet",
    "deny",
    Direction.INBOUND,
    sources=("Internet",),
    protocols=_TCP,
    ports=IntervalSet([(3389, 3389)]),
)

FIRST = (
    """
from bench.networks import make_estate
from bench.prove import LARGE, NO_RDP
from flowverdict.prove.checker import Checker
estate = make_estate(LARGE)
""",
    "assert Checker(estate).check(NO_RDP).judged == 10_000",
)


class Solver:
    """Two lists of rules as a solver sees them, and whether a packet tells them apart."""

    def __init__(self, lists: Iterable[tuple[Estate, NetworkInterface]]) -> None:
        self._fields = {
            name: z3.BitVec(name, bits)
            for name, bits in {"src": 32, "dst": 32, "port": 16, "from": 16, "protocol": 8}.items()
        }
        one, other = (self._allowed(estate, nic) for estate, nic in lists)
        self._solver = z3.Solver()
        self._solver.add(one != other)

    def differ(self) -> bool:
        """Return whether there is a packet that one list lets in and the other does not."""
        return self._solver.check() == z3.sat

    def _allowed(self, estate: Estate, nic: NetworkInterface) -> Any:
        place = Standpoint(Network(estate, DEFAULTS), nic)
        nsg = place.layers[1].nsg
        assert nsg is not None
        found: Any = z3.BoolVal(val=False)
        for rule in reversed([*nsg.towards(Direction.INBOUND)]):
            allows = z3.BoolVal(rule.access.value == "Allow")
            found = z3.If(z3.And(self._fields_of(rule, place)), allows, found)
        return found

    def _fields_of(self, rule: Rule, place: Standpoint) -> list[Any]:
        src, dst = (
            IntervalSet.union(one.sure for one in place.sets_of(side))
            for side in (rule.source, rule.destination)
        )
        sets = (
            ("src", src & ALL_IPV4, ALL_IPV4),
            ("dst", dst & ALL_IPV4, ALL_IPV4),
            ("port", rule.destination_ports, ALL_PORTS),
            ("from", rule.source_ports, ALL_PORTS),
            ("protocol", rule.protocols, ALL_PROTOCOLS),
        )
        return [self._inside(name, one) for name, one, whole in sets if one != whole]

    def _inside(self, name: str, values: IntervalSet) -> Any:
        field = self._fields[name]
        return z3.Or(
            [
                field == low if low == high else z3.And(z3.UGE(field, low), z3.ULE(field, high))
                for low, high in values
            ]
        )


def measure() -> list[Figure]:
    """Compare two lists of a thousand rules, and hold a claim against ten thousand interfaces."""
    return [*_differences(), *_estate()]


def _lists(seed: int) -> tuple[Estate, NetworkInterface]:
    estate = make_estate(LISTS, seed)
    return estate, next(iter(estate.resources.nics.values()))


def _reordered(one: tuple[Estate, NetworkInterface]) -> tuple[Estate, NetworkInterface]:
    """Return the same policy written otherwise: neighbours of one access have changed places."""
    estate, nic = one
    [nsg] = estate.resources.nsgs.values()
    rules = sorted(nsg.rules, key=lambda rule: rule.priority)
    for at in range(0, len(rules) - 3, 2):
        first, second = rules[at], rules[at + 2]
        if first.access is second.access and not (first.is_default or second.is_default):
            rules[at] = replace(second, priority=first.priority)
            rules[at + 2] = replace(first, priority=second.priority)
    return estate.with_nsg(NetworkSecurityGroup(nsg.id, tuple(rules))), nic


def _difference(lists: list[tuple[Estate, NetworkInterface]]) -> Difference:
    """Return the difference of two lists, from the rules on: nothing is kept from before."""
    (one, nic), (other, other_nic) = lists
    return Prover(one).difference(nic, Prover(other), other_nic, Direction.INBOUND, ALL_PACKETS)


def _differences() -> list[Figure]:
    first = _lists(1)
    lists = [first, _lists(2)]
    changes = _difference(lists).changes()
    if not (changes and Solver(lists).differ()):
        raise AssertionError("two random lists of rules do not differ")
    ours_s, whole_s, bare_s = _side_by_side(lists)
    about = (
        f"two random lists of 1,000 rules: {len(changes)} changes with their regions in "
        f"{ours_s * 1e3:.0f} ms, the solver's yes in {whole_s * 1e3:.0f} ms"
    )
    same = [first, _reordered(first)]
    if _difference(same).changes():
        raise AssertionError("the order of rules of one access counts")
    same_s = _seconds(lambda: _difference(same).changes())
    return [
        AtLeast("vs_z3_1000", whole_s / ours_s, about, at_least=5),
        Figure("vs_z3_1000_bare", bare_s / ours_s, "likewise, terms of the solver made before"),
        Figure("same_1000_s", same_s, "that a list and its rewriting do not differ, proved"),
    ]


def _side_by_side(lists: list[tuple[Estate, NetworkInterface]]) -> tuple[float, float, float]:
    """Return the median seconds of the difference, and of the solver with and without its terms."""
    ours: list[float] = []
    whole: list[float] = []
    bare: list[float] = []
    for _ in range(ROUNDS):
        ours.append(_once(lambda: _difference(lists).changes()))
        start = time.perf_counter()
        solver = Solver(lists)
        made = time.perf_counter()
        solver.differ()
        end = time.perf_counter()
        whole.append(end - start)
        bare.append(end - made)
    return statistics.median(ours), statistics.median(whole), statistics.median(bare)


def _estate() -> list[Figure]:
    first = processes.usages({"first": FIRST}, [], rounds=3)["first"]
    about = "10,000 NICs, 1,000 NSGs, 5 admin collections: no TCP 3389 from the internet"
    return [
        Figure("estate_10k_s", first.seconds, about, 5),
        Figure("estate_10k_mb", first.peak_mb, "the whole process, estate in it", 1000),
        Figure("recheck_ms", _recheck_s() * 1e3, "again, after one rule has changed", 50),
    ]


def _recheck_s() -> float:
    """Return the median seconds of the same claim after a rule of one NSG has changed."""
    chance = random.Random(1)  # noqa: S311 - a benchmark
    estate = make_estate(LARGE)
    checker = Checker(estate)
    again = checker.check(NO_RDP)
    times: list[float] = []
    for _ in range(2 * ROUNDS):
        nsg = chance.choice([*estate.resources.nsgs.values()])
        at = chance.randrange(len(nsg.rules) - 6)
        rules = list(nsg.rules)
        rules[at] = replace(rules[at], source_ports=ALL_PORTS, destination_ports=ALL_PORTS)
        estate = estate.with_nsg(replace(nsg, rules=tuple(rules)))
        start = time.perf_counter()
        checker = Checker(estate, before=checker)
        again = checker.check(NO_RDP)
        times.append(time.perf_counter() - start)
    fresh = Checker(estate).check(NO_RDP)
    if [one.nic.id for one in again.failures] != [one.nic.id for one in fresh.failures]:
        raise AssertionError("what was kept is not what is found anew")
    return statistics.median(times)


def _once(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _seconds(work: Callable[[], object]) -> float:
    return statistics.median(_once(work) for _ in range(ROUNDS))


if __name__ == "__main__":
    figures.run("prove", measure)
