"""Millions of packets by the classifier, beside what numpy and plain Python make of the same."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from bench import figures, processes
from bench.figures import AtLeast, Figure
from bench.networks import Size, as_ipv6, make_estate, make_flows, with_ipv6, without_a_tag
from flowverdict.classify import compile_estate
from flowverdict.classify.classifier import Rows
from flowverdict.model import Direction, Endpoint, Estate, Rule
from flowverdict.net import ALL_ADDRESSES, ALL_PORTS, ALL_PROTOCOLS, IntervalSet
from flowverdict.policy import DEFAULTS, Network, Standpoint

Numbers = np.ndarray[Any, np.dtype[Any]]

ROUNDS = 5
ROWS = 1_000_000
SLOW_ROWS = 2_000
CHUNK = 1 << 16
CHAIN = Size(
    vnets=50, subnets=500, nics=10_000, subnet_rules=20, nic_nsgs=500, nic_rules=20,
    admin_rules=1_000,
)  # fmt: skip

FIRST_BATCH = (
    """
from bench.classify import CHAIN, ROWS
from bench.networks import make_estate, make_flows
from flowverdict.classify import compile_estate
estate = make_estate(CHAIN)
flows = make_flows(estate, ROWS)
""",
    "assert compile_estate(estate).judge(flows).num_rows == ROWS",
)


class Fields:
    """The rules of an NSG towards an interface as sets of numbers, and packets as columns."""

    def __init__(self, estate: Estate, rows: Rows) -> None:
        nic = next(iter(estate.resources.nics.values()))
        self._place = Standpoint(Network(estate, DEFAULTS), nic)
        nsg = next(layer.nsg for layer in self._place.layers if layer.nsg)
        self.rules = nsg.towards(Direction.INBOUND)
        packets = rows.packets
        self.columns: tuple[Numbers, ...] = (
            packets.src.ipv4, packets.dst.ipv4, packets.protocol, packets.dst_port,
            packets.src_port,
        )  # fmt: skip
        self.sets = [self._fields(rule) for rule in self.rules]

    def _fields(self, rule: Rule) -> list[IntervalSet | None]:
        """The sets of a rule, in the order of columns; None where every number is in the set."""
        return [
            self._addresses(rule.source),
            self._addresses(rule.destination),
            None if rule.protocols == ALL_PROTOCOLS else rule.protocols,
            None if rule.destination_ports == ALL_PORTS else rule.destination_ports,
            None if rule.source_ports == ALL_PORTS else rule.source_ports,
        ]

    def _addresses(self, side: Endpoint) -> IntervalSet | None:
        found = IntervalSet.union(one.sure for one in self._place.sets_of(side))
        return None if found == ALL_ADDRESSES else found


def by_masks(fields: Fields) -> Numbers:
    """Return the first rule of each packet by numpy, rule by rule, in pieces that fit a cache."""
    out = np.empty(len(fields.columns[0]), np.int16)
    for start in range(0, len(out), CHUNK):
        columns = [one[start : start + CHUNK] for one in fields.columns]
        first = out[start : start + CHUNK]
        for number in range(len(fields.sets) - 1, -1, -1):
            mask: Numbers | None = None
            for column, one in zip(columns, fields.sets[number], strict=True):
                if one is not None:
                    inside = _inside(column, one)
                    mask = inside if mask is None else np.logical_and(mask, inside, out=mask)
            first[... if mask is None else mask] = number
    return out


def by_narrowing(fields: Fields) -> Numbers:
    """Return likewise, but look at a field only of packets that a rule may still match.

    Less work where rules are long lists, more where they are short.
    """
    out = np.empty(len(fields.columns[0]), np.int16)
    for start in range(0, len(out), CHUNK):
        columns = [one[start : start + CHUNK] for one in fields.columns]
        first = out[start : start + CHUNK]
        left = np.arange(len(first), dtype=np.int32)
        for number, sets in enumerate(fields.sets):
            rows = left
            for column, one in reversed([*zip(columns, sets, strict=True)]):  # ports have few spans
                if one is not None and len(rows):
                    rows = rows[_inside(column[rows], one)]
            if len(rows):
                first[rows] = number
                waits = np.ones(len(first), np.bool_)
                waits[rows] = False
                left = left[waits[left]]
    return out


def _inside(column: Numbers, one: IntervalSet) -> Numbers:
    found: Numbers | None = None
    top = int(np.iinfo(column.dtype).max)
    for low, high in one:
        if low > top:
            continue
        if low == high:
            inside = column == low
        elif low == 0:
            inside = column <= min(high, top)
        elif column.dtype.kind == "u":  # one comparison: what is below wraps around
            inside = column - column.dtype.type(low) <= column.dtype.type(min(high, top) - low)
        else:
            inside = (column >= low) & (column <= high)
        found = inside if found is None else np.logical_or(found, inside, out=found)
    return np.zeros(len(column), np.bool_) if found is None else found


class Bitsets:
    """Rows of bits for the runs of each field, as numpy would have them."""

    def __init__(self, fields: Fields) -> None:
        self._columns = fields.columns
        self._tables = [
            self._table([sets[at] for sets in fields.sets], int(np.iinfo(column.dtype).max))
            for at, column in enumerate(fields.columns)
        ]
        self._runs = [  # a table is faster than a search where it can hold every number
            np.searchsorted(starts, np.arange(1 << 16), "right") - 1 if at > 1 else None
            for at, (starts, _) in enumerate(self._tables)
        ]

    @staticmethod
    def _table(sets: Sequence[IntervalSet | None], top: int) -> tuple[Numbers, Numbers]:
        spans = [
            (number, low, min(high, top))
            for number, one in enumerate(sets)
            for low, high in (one or [(0, top)])
            if low <= top
        ]
        starts = np.unique([0, *(p for _, low, high in spans for p in (low, high + 1) if p <= top)])
        rows = np.zeros((len(starts), -(-len(sets) // 64)), np.uint64)
        for number, low, high in spans:
            first, last = np.searchsorted(starts, [low, high + 1])
            rows[first:last, number // 64] |= np.uint64(1 << number % 64)
        return starts, rows

    def first(self) -> Numbers:
        """Return the first rule of each packet."""
        out = np.empty(len(self._columns[0]), np.int16)
        for start in range(0, len(out), CHUNK):
            found: Numbers | None = None
            for column, (starts, rows), known in zip(
                self._columns, self._tables, self._runs, strict=True
            ):
                values = column[start : start + CHUNK]
                runs = (
                    np.searchsorted(starts, values, "right") - 1 if known is None else known[values]
                )
                row = rows[runs]
                found = row if found is None else np.bitwise_and(found, row, out=found)
            assert found is not None
            word = np.argmax(found != 0, axis=1)
            bits = found[np.arange(len(found)), word]
            lowest = np.log2((bits & (~bits + np.uint64(1))).astype(np.float64)).astype(np.int16)
            out[start : start + CHUNK] = word * 64 + lowest
        return out


def by_python(fields: Fields, rows: int) -> list[int]:
    """Return the first rule of some packets by a loop over rules."""
    columns = [one[:rows].tolist() for one in fields.columns]
    return [
        next(
            number
            for number, sets in enumerate(fields.sets)
            if all(one is None or value in one for value, one in zip(values, sets, strict=True))
        )
        for values in zip(*columns, strict=True)
    ]


def measure() -> list[Figure]:
    """Judge flows at one interface with a long NSG, and at ten thousand with three layers."""
    return [*_hundred(), *_thousand(), *_families(), *_unknown(), *_chain()]


class _OneList:
    """Flows towards one interface with so many rules, and how long the classifier takes."""

    def __init__(self, how_many: int, *, lists: bool) -> None:
        estate = make_estate(Size(nic_nsgs=1, nic_rules=how_many, lists=lists))
        flows = make_flows(estate, 2 * ROWS)
        flows = flows.filter(pa.array(flows["direction"].indices.to_numpy() == 1))
        self.count = flows.num_rows
        self.classifier = compile_estate(estate)
        self.rows = self.classifier.read(flows)
        self.fields = Fields(estate, self.rows)
        for _ in range(2):  # as in any long run: combinations are made when packets have come
            self.classifier.decide(self.rows)
        self.seconds = seconds(lambda: self.classifier.decide(self.rows))
        whole_s = seconds(lambda: self.classifier.judge(flows))
        self.rate = (
            f"{self.count / self.seconds / 1e6:.0f} M packets/s; texts read, columns written: "
            f"{self.count / whole_s / 1e6:.1f} M"
        )

    def against(self, reference: Callable[[], Numbers]) -> tuple[float, str]:
        """Return how many times as long numpy takes, and the speeds, once both agree."""
        names = np.array([str(rule.id) for rule in self.fields.rules])
        outcomes = self.classifier.decide(self.rows)
        found = self.classifier.verdicts(outcomes)["rule_id"].to_numpy(zero_copy_only=False)
        if not (found == names[reference()]).all():
            raise AssertionError("classifier and numpy disagree")
        reference_s = seconds(reference, rounds=3)
        speeds = f"{self.rate}; numpy {self.count / reference_s / 1e6:.2f} M"
        return reference_s / self.seconds, speeds


def _hundred() -> list[Figure]:
    lists = _OneList(100, lists=True)
    ratio, speeds = lists.against(lambda: by_masks(lists.fields))
    about = "rules of several prefixes and ports and of service tags; numbers in, numbers out"
    found: list[Figure] = [AtLeast("vs_numpy_masks_100", ratio, f"{about}: {speeds}", at_least=50)]
    ratio, speeds = lists.against(lambda: by_narrowing(lists.fields))
    found.append(Figure("vs_numpy_narrowed_100", ratio, f"fields only where needed: {speeds}"))
    plain = _OneList(100, lists=False)
    ratio, speeds = plain.against(lambda: by_masks(plain.fields))
    about = "rules of one prefix and one range of ports"
    return [*found, Figure("vs_numpy_masks_100_plain", ratio, f"{about}: {speeds}")]


def _thousand() -> list[Figure]:
    plain, lists = (_OneList(1_000, lists=lists) for lists in (False, True))
    ratio, speeds = plain.against(Bitsets(plain.fields).first)
    about = "rules of one prefix and one range of ports"
    found: list[Figure] = [AtLeast("vs_numpy_bitset_1000", ratio, f"{about}: {speeds}", at_least=5)]
    python_s = seconds(lambda: by_python(plain.fields, SLOW_ROWS), rounds=2)
    python_s *= plain.count / SLOW_ROWS
    about = f"likewise, a loop over rules: {plain.count / python_s:,.0f} packets/s"
    ratio_to_python = python_s / plain.seconds
    found.append(AtLeast("vs_python_1000", ratio_to_python, about, at_least=10_000))
    ratio, speeds = lists.against(Bitsets(lists.fields).first)
    about = "rules of several prefixes and ports and of service tags"
    return [*found, Figure("vs_numpy_bitset_1000_lists", ratio, f"{about}: {speeds}")]


def _families() -> list[Figure]:
    """IPv6 beside IPv4: the same rules and flows, with every IPv4 address as an IPv6 prefix too."""
    estate = make_estate(Size(nic_nsgs=1, nic_rules=100))
    estate = with_ipv6(estate)
    flows = make_flows(estate, ROWS)
    six = flows
    for name in ("src_ip", "dst_ip"):
        at = flows.schema.get_field_index(name)
        six = six.set_column(at, name, as_ipv6(flows[name]))
    classifier = compile_estate(estate)
    names = [classifier.judge(one)["rule_name"].to_pylist() for one in (flows, six)]
    default = "defaultSecurityRules/"  # what is in VirtualNetwork differs
    if any(one != other for one, other in zip(*names, strict=True) if not one.startswith(default)):
        raise AssertionError("the families disagree")
    four_s, six_s = (seconds(lambda one=one: classifier.judge(one)) for one in (flows, six))
    return [
        AtLeast(
            "ipv6_vs_ipv4",
            four_s / six_s,
            f"texts in, columns out: {ROWS / six_s / 1e6:.1f} M packets/s of IPv6",
            at_least=0.1,
        )
    ]


def _unknown() -> list[Figure]:
    """Flows that all hang on a missing fact, beside the same flows where nothing is missing."""
    known = make_estate(Size(nic_nsgs=1, nic_rules=100))
    lost = without_a_tag(known)
    flows = make_flows(known, ROWS)
    times: list[float] = []
    for estate in (known, lost):
        classifier = compile_estate(estate)
        start = time.perf_counter()
        found = classifier.judge(flows)["access"].to_pylist()
        first_s = time.perf_counter() - start
        times += [first_s, seconds(lambda one=classifier: one.judge(flows), rounds=3)]
        unknown = found.count("Unknown")
    about = f"a service tag is missing, {unknown / ROWS:.0%} of the verdicts are Unknown"
    return [
        AtLeast(
            "unknown_vs_known",
            times[1] / times[3],
            f"{about}: {ROWS / times[3] / 1e6:.1f} M packets/s",
            at_least=0.1,
        ),
        Figure("unknown_first_s", times[2], f"likewise, the first {ROWS:,} packets"),
    ]


def _chain() -> list[Figure]:
    estate = make_estate(CHAIN)
    flows = make_flows(estate, ROWS)
    mixed = flows.take(pa.array(np.random.default_rng(2).permutation(ROWS)))
    classifier = compile_estate(estate)
    classifier.judge(flows)
    sorted_s, random_s = (seconds(lambda one=one: classifier.judge(one)) for one in (flows, mixed))
    rows = classifier.read(flows)
    decide_s = seconds(lambda: classifier.decide(rows))
    about = "10,000 NICs, 500 + 500 NSGs, 1,000 admin rules each way"
    first = processes.usages({"first": FIRST_BATCH}, [], rounds=3)["first"]
    return [
        Figure("chain_compile_s", first.seconds, f"{about}; the first million flows judged", 5),
        Figure(
            "chain_compile_mb", first.peak_mb, "the whole process, estate and flows in it", 1000
        ),
        AtLeast(
            "chain_flows_per_s",
            ROWS / sorted_s,
            f"texts in, columns out, sorted by NIC; decision alone {ROWS / decide_s / 1e6:.1f} M",
            at_least=2e6,
        ),
        AtLeast(
            "chain_random_flows_per_s", ROWS / random_s, "likewise in random order", at_least=1e6
        ),
    ]


def seconds(work: Callable[[], object], *, rounds: int = ROUNDS) -> float:
    """Return the median time of some runs."""
    times: list[float] = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


if __name__ == "__main__":
    figures.run("classify", measure)
