"""Millions of packets by the classifier, beside what numpy and plain Python make of the same."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from bench import figures
from bench.figures import AtLeast, Figure
from bench.networks import Size, make_estate, make_flows
from flowverdict.classify import Classifier, compile_estate
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
            mask = np.ones(len(first), np.bool_)
            for column, one in zip(columns, fields.sets[number], strict=True):
                if one is not None:
                    mask &= _inside(column, one)
            first[mask] = number
    return out


def _inside(column: Numbers, one: IntervalSet) -> Numbers:
    found = np.zeros(len(column), np.bool_)
    for low, high in one:
        if low > np.iinfo(column.dtype).max:
            continue
        if low == high:
            found |= column == low
        else:
            found |= (column >= low) & (column <= min(high, int(np.iinfo(column.dtype).max)))
    return found


class Bitsets:
    """Rows of bits for the runs of each field, as numpy would have them."""

    def __init__(self, fields: Fields) -> None:
        self._columns = fields.columns
        self._tables = [
            self._table([sets[at] for sets in fields.sets], int(np.iinfo(column.dtype).max))
            for at, column in enumerate(fields.columns)
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
            for column, (starts, rows) in zip(self._columns, self._tables, strict=True):
                runs = np.searchsorted(starts, column[start : start + CHUNK], "right") - 1
                row = rows[runs]
                found = row if found is None else found & row
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
    return [*_one_list(100), *_one_list(1_000), *_chain()]


def _one_list(how_many: int) -> list[Figure]:
    estate = make_estate(Size(nic_nsgs=1, nic_rules=how_many))
    flows = make_flows(estate, 2 * ROWS)
    inbound = flows["direction"].indices.to_numpy() == 1
    flows = flows.filter(pa.array(inbound))
    classifier = compile_estate(estate)
    rows = classifier.read(flows)
    count = flows.num_rows
    fields = Fields(estate, rows)
    classifier_s = seconds(lambda: classifier.decide(rows))
    whole_s = seconds(lambda: classifier.judge(flows))
    rate = f"{count / classifier_s / 1e6:.0f} M packets/s; texts read, columns written: "
    rate += f"{count / whole_s / 1e6:.1f} M"
    if how_many == 100:
        _same(classifier, rows, fields, by_masks(fields))
        masks_s = seconds(lambda: by_masks(fields), rounds=2)
        return [
            AtLeast(
                "vs_numpy_masks_100",
                masks_s / classifier_s,
                f"numbers in, numbers out: {rate}; numpy {count / masks_s / 1e6:.2f} M",
                at_least=50,
            )
        ]
    bitsets = Bitsets(fields)
    _same(classifier, rows, fields, bitsets.first())
    bitsets_s = seconds(bitsets.first, rounds=2)
    python_s = seconds(lambda: by_python(fields, SLOW_ROWS), rounds=2) / SLOW_ROWS * count
    return [
        AtLeast(
            "vs_numpy_bitset_1000",
            bitsets_s / classifier_s,
            f"likewise: {rate}; numpy {count / bitsets_s / 1e6:.2f} M",
            at_least=5,
        ),
        AtLeast(
            "vs_python_1000",
            python_s / classifier_s,
            f"a loop over rules, by {SLOW_ROWS:,} packets: {count / python_s:,.0f} packets/s",
            at_least=10_000,
        ),
    ]


def _same(classifier: Classifier, rows: Rows, fields: Fields, first: Numbers) -> None:
    """Insist that two ways of judging name the same rule for every packet."""
    names = np.array([str(rule.id) for rule in fields.rules])
    found = classifier.verdicts(classifier.decide(rows))["rule_id"].to_numpy(zero_copy_only=False)
    if not (found == names[first]).all():
        raise AssertionError("classifier and numpy disagree")


def _chain() -> list[Figure]:
    estate = make_estate(CHAIN)
    flows = make_flows(estate, ROWS)
    mixed = flows.take(pa.array(np.random.default_rng(2).permutation(ROWS)))
    classifier = compile_estate(estate)
    start = time.perf_counter()
    classifier.judge(flows)
    compile_s = time.perf_counter() - start
    sorted_s, random_s = (seconds(lambda one=one: classifier.judge(one)) for one in (flows, mixed))
    rows = classifier.read(flows)
    decide_s = seconds(lambda: classifier.decide(rows))
    about = "10,000 NICs, 500 + 500 NSGs, 1,000 admin rules each way"
    return [
        Figure("chain_compile_s", compile_s, f"{about}; the first batch judged", 5),
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
