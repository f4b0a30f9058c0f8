"""Packets by the million: what no missing fact touches by tables, the rest by the evaluator.

``policy.evaluate_at`` is the specification; what comes out here is what it says of each packet.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from flowverdict.classify.asked import Asked
from flowverdict.classify.classes import Columns
from flowverdict.classify.columns import find_atoms, find_atoms_ipv6
from flowverdict.classify.combined import Combined
from flowverdict.classify.kernel import NO_POLICY, OPEN
from flowverdict.classify.packets import Packets, read_packets, read_words
from flowverdict.classify.tables import Tables, make_tables
from flowverdict.classify.verdicts import Outcome, Outcomes, decided
from flowverdict.model import ResourceId
from flowverdict.policy import DEFAULTS, NoNsgError
from flowverdict.stages import Policies, find_interface, no_collection

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

    from flowverdict.classify.packets import Addresses
    from flowverdict.model import Estate
    from flowverdict.policy import Options
    from flowverdict.stages import Policy

Numbers = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a batch, ready to be judged.

    Attributes:
        policies: the number of each row's policy in ``tables``; where there is none, -2 less the
            number of the outcome.
    """

    packets: Packets
    policies: Numbers
    tables: Tables
    combined: Combined


def compile_estate(estate: Estate, options: Options = DEFAULTS) -> Classifier:
    """Returns a classifier for packets at any interface of an estate.

    Nothing is compiled yet: policies are when the first packets come to them.
    """
    return Classifier(estate, options)


class Classifier:
    """Judges batches of packets; threads may share one."""

    def __init__(self, estate: Estate, options: Options) -> None:
        self._estate = estate
        self._policies = Policies(estate, options)
        self._refuses = options.no_nsg == "error"
        self._outcomes = Outcomes()
        self._asked: dict[Policy, Asked] = {}
        self._by_nic: dict[str | None, Policy | int] = {}
        self._needed: dict[Policy, None] = {}
        self._tables = make_tables([], lambda _: 0)
        self._combined = Combined(self._tables)
        self._ahead = iter(estate.resources.nics.values())
        self._lock = Lock()

    def judge(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Returns the verdict on each row, in the order of the rows.

        Args:
            batch: ``nic``, ``direction``, ``protocol``, ``src_ip``, ``dst_ip``, ``src_port`` and
                ``dst_port``, among others; a null source port of TCP or UDP is any port.

        Returns:
            Columns of ``SCHEMA``.

        Raises:
            PacketError: a row is no packet.
            KeyError: a column is missing.
            NoNsgError: with ``no_nsg="error"``, where no NSG is attached.
        """
        return self.verdicts(self.decide(self.read(batch)))

    def read(self, batch: pa.RecordBatch) -> Rows:
        """Returns a batch's rows as numbers, with the tables to judge them by."""
        packets = read_packets(batch)
        with self._lock:
            numbers = self._read_interfaces(batch)
            return Rows(packets, numbers, self._tables, self._combined)

    def decide(self, rows: Rows) -> Numbers:
        """Returns the outcome of each row, by number."""
        packets, numbers, tables = rows.packets, rows.policies, rows.tables
        src, dst = _atoms(packets.src, tables), _atoms(packets.dst, tables)
        columns = Columns(
            numbers, packets.way, packets.protocol, packets.src_port, packets.dst_port, src, dst
        )
        out = rows.combined.judge(columns)
        if rows.combined.is_wanting:
            with self._lock:
                rows.combined.learn(columns)
        if (out < 0).any():
            lost = out == NO_POLICY
            out[lost] = -2 - numbers[lost]
            with self._lock:
                self._ask(packets, numbers, out, tables)
        return out

    def verdicts(self, outcomes: Numbers) -> pa.RecordBatch:
        """Returns outcomes as columns of ``SCHEMA``."""
        with self._lock:
            return self._outcomes.batch(outcomes)

    def prepare(self, nics: Iterable[str]) -> None:
        """Compiles the policies at some interfaces at once: batch by batch takes longer.

        Args:
            nics: their ARM ids.

        Raises:
            NoNsgError: as ``judge`` does.
        """
        with self._lock, no_collection():
            found = [self._policy(one) for one in nics]
            self._compile([one for one in found if not isinstance(one, int)])

    def _read_interfaces(self, batch: pa.RecordBatch) -> Numbers:
        """Returns the policy of each row as ``Rows`` has it, by the tables as they are then."""
        found: dict[int, Policy] = {}

        def place(word: str | None) -> int:
            policy = self._policy(word)
            if isinstance(policy, int):
                return -2 - policy
            found[len(found)] = policy
            return len(found) - 1

        with no_collection():
            codes = read_words(batch, "nic", place)
            self._compile(found.values())
        index = np.array([self._tables.index[one] for one in found.values()], np.int32)
        if len(index):
            codes = np.where(codes >= 0, index[np.maximum(codes, 0)], codes)
        return codes.astype(np.int32)

    def _policy(self, text: str | None) -> Policy | int:
        """Returns the policy at an interface, or the number of the outcome where there is none."""
        if text not in self._by_nic:
            found = find_interface(self._estate, text) if text else None
            if found is None or isinstance(found, ResourceId):
                missing = _missing(self._estate, found)
                self._by_nic[text] = self._outcomes.number(Outcome("Unknown", missing=missing))
            else:
                policy = self._policies.at(found)
                if self._refuses and policy.lacks_nsg:
                    raise NoNsgError(
                        "NsgsNotAppliedOnNic: no NSG applied on nic to allow or block traffic, "
                        f"nic id {found.id}"
                    )
                self._by_nic[text] = policy
        return self._by_nic[text]

    def _compile(self, needed: Any) -> None:
        """Sees to it that the tables have some policies, and then as many again for the next."""
        missing = [one for one in needed if one not in self._tables.index]
        if not missing:
            return
        self._needed.update(dict.fromkeys(missing))
        if self._tables.index:
            for nic in self._ahead:
                self._needed[self._policies.at(nic)] = None
                if len(self._needed) >= 2 * len(self._tables.index):
                    break
        self._tables = make_tables(
            list(self._needed),
            lambda test: self._outcomes.number(decided(test.access, test.layer, test.rule)),
        )
        self._combined = Combined(self._tables)

    def _ask(self, packets: Packets, numbers: Numbers, out: Numbers, tables: Tables) -> None:
        """Asks the evaluator about rows that the tables leave open."""
        rows = np.flatnonzero(out == OPEN)
        policies = list(tables.index)
        for number in np.unique(numbers[rows]).tolist():
            policy = policies[number]
            asked = self._asked.setdefault(policy, Asked(policy, self._outcomes))
            for way in (0, 1):
                some = rows[(numbers[rows] == number) & (packets.way[rows] == way)]
                if len(some):
                    out[some] = asked.outcomes(packets, some, way)


def _missing(estate: Estate, nic: ResourceId | None) -> str:
    if nic is None:
        return "network interface of the packet"
    reason = estate.broken.get(nic)
    return f"network interface `{nic}`" + (f" ({reason})" if reason else "")


def _atoms(addresses: Addresses, tables: Tables) -> Numbers:
    atoms = np.empty(len(addresses.ipv4), np.int32)
    find_atoms(addresses.ipv4, tables.root, tables.middle, tables.leaves, atoms)
    if len(addresses.others):
        found = np.empty(len(addresses.others), np.int32)
        find_atoms_ipv6(addresses.high, addresses.low, *tables.ipv6, found)
        atoms[addresses.others] = found
    return atoms
