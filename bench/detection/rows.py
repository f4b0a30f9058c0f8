"""Flows as the rows that interfaces log of them, with all that real logs have and lack.

Both ends log a flow, each by its own clock and its own count. Some begins and ends are missing.
Networks with NSG flow logs know seconds only, and of inbound TCP that a user's rule allows only the
begins (flow-log specification, 2.2). What happens to flows in a log is `demo.day.tuples`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from bench.detection.enterprise import (
    ENCRYPTED,
    NETWORKS,
    NSG_LOGGED,
    OUT_INTERNET,
    OUT_VNET,
    ROLES,
    RULES,
    TOKENS,
    TWICE_LOGGED,
    Enterprise,
    mac_address,
)
from bench.detection.flows import TCP, Flows
from flowverdict.demo.day.rhythm import HOUR, MINUTE, SECOND, Flags, Ints
from flowverdict.demo.day.tuples import BEGIN, CONTINUE, DENIED, END, Seen, Tuples, logged
from flowverdict.flowlog import SCHEMA

_LOST: Final = 0.003
"""Of the begins and of the ends, those that a log lacks."""
_SUBSCRIPTION: Final = "/subscriptions/0d5f2e6a-7c1b-4f3e-9a8d-5b6c7d8e9f00/resourceGroups/fleet"
_OTHER_ACLS: Final = {
    "admin": "6f0c1d2e-3b4a-4958-8776-9a0b1c2d3e4f",
    "encryption": "unspecified",
    "platform": "00000000-0000-0000-0000-000000000000",
}
"""Where no security group decides (flow-log specification, 3.6); NSG flow logs have none of it."""
_VNET4, _NSG2 = 0, 1
_KINDS = np.array([one.kind for one in RULES])
_ALLOWS = np.array([*(one.allows for one in RULES), True])  # what nobody answers is let out


class Rows:
    """Makes rows of flows, a part of the time after the other."""

    def __init__(
        self,
        enterprise: Enterprise,
        gaps: Sequence[tuple[int, int, int]],
        begin: int,
        seed: int,
    ) -> None:
        """Takes whose rows they are.

        Args:
            enterprise: with everybody in it whom flows name.
            gaps: machine, begin and end of each time without a log.
            begin: the first midnight, milliseconds since 1970.
            seed: equal seeds and flows make equal rows.
        """
        self._rng = np.random.default_rng([seed, 4])
        self._begin = begin
        self._gaps = gaps
        self._addresses = pa.array(enterprise.addresses)
        self._owners = enterprise.owners()
        self._private = enterprise.are_private()
        self._role = enterprise.role
        networks = list(NETWORKS)
        vnet = np.array([networks.index(one.vnet) for one in ROLES])[enterprise.role]
        self._encrypts = vnet == networks.index(ENCRYPTED)
        self._has_nsg_log = (vnet == networks.index(NSG_LOGGED)) | (
            enterprise.role == [one.name for one in ROLES].index(TWICE_LOGGED)
        )
        self._has_vnet_log = vnet != networks.index(NSG_LOGGED)
        self._clock = self._rng.normal(0, 15, enterprise.vms).astype(np.int64)
        self._sweep = self._rng.integers(0, 5 * MINUTE, enterprise.vms)
        self._words = _Words(enterprise, vnet)
        self._later: list[tuple[Tuples, Flows]] = []

    def part(self, flows: Flows, first: int, last: int) -> pa.Table:
        """Returns the rows between two full hours, milliseconds since the first midnight.

        Args:
            flows: those that begin there. Their rows behind `last` come with the next part.
            first: when the part begins: where the one before ended.
            last: when it ends.
        """
        flows = flows._replace(token=self._tokens(flows))
        fresh = self._logged(flows)
        pieces = [(fresh, flows), *self._later]
        self._later = [
            kept for one in pieces if len((kept := _chosen(*one, one[0].time >= last))[0].time)
        ]
        now = _joined(
            [_chosen(*one, (one[0].time >= first) & (one[0].time < last)) for one in pieces]
        )
        return self._table(*now, first)

    def _tokens(self, flows: Flows) -> Ints:
        """Returns how encryption went, where it was as usual by who the two ends are."""
        src, dst = self._owners[flows.src], self._owners[flows.dst]
        inside = (src >= 0) & (dst >= 0) & (flows.rule < len(RULES))
        encrypted = inside & self._encrypts[src] & self._encrypts[dst]
        one_host = (flows.src + 2 * flows.dst) % 9 == 0
        usual = np.where(encrypted, np.where(one_host, TOKENS.index("NX_LOCAL_DST"), 0), 1)
        return np.where(flows.token < 0, usual, flows.token)

    def _logged(self, flows: Flows) -> Tuples:
        """Returns the tuples of flows.

        Their `spot` is four times the machine, and two for inbound, and one for an NSG flow log.
        """
        src, dst = self._owners[flows.src], self._owners[flows.dst]
        reaches = flows.rule < len(RULES)
        parts: list[tuple[Ints, Ints, Ints]] = []
        for owner, inbound in ((src, 0), (np.where(reaches, dst, -1), 1)):
            for has_log, form in ((self._has_vnet_log, _VNET4), (self._has_nsg_log, _NSG2)):
                at = np.flatnonzero((owner >= 0) & has_log[owner])
                parts.append((at, owner[at], 4 * owner[at] + 2 * inbound + form))
        flow, machine, spot = (np.concatenate(column) for column in zip(*parts, strict=True))
        inbound = (spot >> 1) & 1
        seen = Seen(
            flow,
            spot,
            flows.start[flow]
            + self._clock[machine]
            + inbound * self._rng.integers(1, 5, len(flow)),
            flows.length[flow],
            flows.tries[flow],
            self._sweep[machine],
            flows.packets_sent[flow],
            flows.bytes_sent[flow] + 42 * inbound * flows.packets_sent[flow],
            flows.packets_received[flow],
            flows.bytes_received[flow] + 42 * (1 - inbound) * flows.packets_received[flow],
        )
        found = logged(seen, _ALLOWS[flows.rule[flow]] | (inbound == 0), self._rng)
        written = self._is_written(found, flows)
        return Tuples(*(column[written] for column in found))

    def _is_written(self, found: Tuples, flows: Flows) -> Flags:
        """What is not: some of the begins and ends, what lies in gaps, counts of inbound TCP."""
        is_end = found.state == END
        kept = ~(((found.state == BEGIN) | is_end) & (self._rng.random(len(is_end)) < _LOST))
        earliest, latest = found.time.min(initial=1 << 40), found.time.max(initial=0)
        for machine, begin, end in self._gaps:
            if end <= earliest or begin > latest:
                continue
            kept &= (found.spot >> 2 != machine) | (found.time < begin) | (found.time >= end)
        is_nsg, is_inbound = found.spot & 1 == _NSG2, found.spot & 2 > 0
        rule = flows.rule[found.flow]
        by_user = np.append(_KINDS == "user", np.False_)[rule]
        by_others = np.append(np.isin(_KINDS, list(_OTHER_ACLS)), np.False_)[rule]
        begins_only = is_inbound & by_user & (flows.protocol[found.flow] == TCP)
        uncounted = begins_only & (is_end | (found.state == CONTINUE))
        return kept & ~(is_nsg & (uncounted | (is_inbound & by_others)))

    def _table(self, found: Tuples, flows: Flows, first: int) -> pa.Table:
        blob = (found.time - first) // HOUR * len(self._role) + (found.spot >> 2)
        blob = 2 * blob + (found.spot & 1)
        order = _in_file_order(found, blob, first)
        blob, found = blob[order], Tuples(*(column[order] for column in found))
        machine, is_inbound = found.spot >> 2, found.spot & 2 > 0
        is_nsg = found.spot & 1 == _NSG2
        record = found.time // MINUTE % 60
        words = self._words
        rule = np.where(is_inbound, flows.rule[found.flow], self._outbound(flows)[found.flow])
        time = np.where(is_nsg, found.time // SECOND * SECOND, found.time) + self._begin
        is_denied = found.state == DENIED
        state = np.where(is_nsg & is_denied, BEGIN, found.state)
        uncounted = is_nsg & ((found.state == BEGIN) | is_denied)
        columns = {
            "time": pa.array(time).cast(SCHEMA.field("time").type),
            "src_ip": self._texts(flows.src[found.flow]),
            "dst_ip": self._texts(flows.dst[found.flow]),
            "src_port": pa.array(flows.src_port.astype(np.int32)[found.flow]),
            "dst_port": pa.array(flows.dst_port.astype(np.int32)[found.flow]),
            "protocol": pa.array(flows.protocol.astype(np.int16)[found.flow]),
            "direction": _coded(is_inbound, pa.array(["O", "I"])),
            "decision": _coded(is_denied, pa.array(["A", "D"])),
            "state": _coded(state, pa.array(["B", "C", "E", "D"])),
            "encryption": _coded(flows.token[found.flow], pa.array(TOKENS), is_nsg),
            **{name: pa.array(getattr(found, name), mask=uncounted) for name in Tuples._fields[5:]},
            "rule": _coded(rule, words.rules),
            "rule_kind": _coded(rule, words.kinds),
            "acl": _coded(words.acl(rule, self._role[machine]), words.acls),
            "mac": _coded(machine, words.macs),
            "target": _coded(words.target(machine, is_nsg), words.targets),
            "flow_log": _coded(words.vnet[machine], words.flow_logs, is_nsg),
            "schema": _coded(is_nsg, pa.array(["vnet4", "nsg2"])),
            "blob": _coded(blob, words.blobs(self._begin + first)),
            "record": pa.array(record.astype(np.int32)),
            "tuple": pa.array(_running(blob * 60 + record).astype(np.int32)),
        }
        return pa.table({name: columns[name] for name in SCHEMA.names})

    def _outbound(self, flows: Flows) -> Ints:
        return np.where(self._private[flows.dst], OUT_VNET, OUT_INTERNET)

    def _texts(self, numbers: Ints) -> pa.DictionaryArray:
        """Returns addresses as text, with no more than those in the dictionary that are there."""
        used = np.zeros(len(self._addresses), bool)
        used[numbers] = True
        place = np.cumsum(used) - 1
        return _coded(place[numbers], self._addresses.filter(pa.array(used)))


class _Words:
    """The words that logs have for machines, networks and rules."""

    def __init__(self, enterprise: Enterprise, vnet: Ints) -> None:
        self.vnet = vnet
        self.macs = pa.array([mac_address(one) for one in range(enterprise.vms)])
        self.rules = pa.array([one.name for one in RULES])
        self.kinds = pa.array([one.kind for one in RULES])
        network = f"{_SUBSCRIPTION}/providers/Microsoft.Network"
        watcher = f"{network}/networkWatchers/NetworkWatcher_westeurope".upper()
        groups = [f"{network}/networkSecurityGroups/{one.name}-nsg" for one in ROLES]
        self.acls = pa.array([*groups, *_OTHER_ACLS.values()])
        self.targets = pa.array(
            [*groups, *(f"{network}/virtualNetworks/{one}" for one in NETWORKS)]
        )
        self.flow_logs = pa.array([f"{watcher}/FLOWLOGS/{one.upper()}" for one in NETWORKS])
        self._role = enterprise.role

    def acl(self, rule: Ints, role: Ints) -> Ints:
        """The group of the machine, unless something else decided."""
        others = list(_OTHER_ACLS)
        place = [others.index(one) if one in others else -1 for one in _KINDS.tolist()]
        other = np.array(place)[rule]
        return np.where(other < 0, role, len(ROLES) + other)

    def target(self, machine: Ints, is_nsg: Flags) -> Ints:
        return np.where(is_nsg, self._role[machine], len(ROLES) + self.vnet[machine])

    def blobs(self, first: int) -> pa.Array:
        """Names of the blobs of six hours and more, in the order of their numbers."""
        hours = range(first // HOUR, first // HOUR + 24)
        return pa.array(
            [
                f"{form}/h={hour}/macAddress={mac}/PT1H.json"
                for hour in hours
                for mac in self.macs.to_pylist()
                for form in ("vnet", "nsg")
            ]
        )


def _chosen(found: Tuples, flows: Flows, chosen: Flags) -> tuple[Tuples, Flows]:
    """Returns some tuples, with no more flows than they need."""
    rows = Tuples(*(column[chosen] for column in found))
    needed = np.zeros(len(flows.src), bool)
    needed[rows.flow] = True
    place = np.cumsum(needed) - 1
    return rows._replace(flow=place[rows.flow]), flows.where(needed)


def _joined(pieces: Iterable[tuple[Tuples, Flows]]) -> tuple[Tuples, Flows]:
    rows: list[Tuples] = []
    flows: list[Flows] = []
    behind = 0
    for found, their in pieces:
        rows.append(found._replace(flow=found.flow + behind))
        flows.append(their)
        behind += len(their.src)
    return (
        Tuples(*(np.concatenate(column) for column in zip(*rows, strict=True))),
        Flows(*(np.concatenate(column) for column in zip(*flows, strict=True))),
    )


def _in_file_order(found: Tuples, blob: Ints, first: int) -> Ints:
    """Returns tuples by blob, then by time, then as they came of one flow.

    One number holds time, order and place, 28, 6 and 28 bits: sorted, its last bits are the order.
    """
    count = len(blob)
    if not count:
        return np.zeros(0, np.int64)
    assert count < 1 << 28 and int(blob.max()) < 1 << 16  # noqa: PT018 both are limits of a part
    keys = ((found.time - first) << 34) | (np.minimum(found.order, 63) << 28) | np.arange(count)
    keys.sort()
    by_time = keys & ((1 << 28) - 1)
    return by_time[np.argsort(blob[by_time].astype(np.uint16), kind="stable")]


def _running(groups: Ints) -> Ints:
    """Returns for each row its place in its group; groups follow one another."""
    if not len(groups):
        return groups
    place = np.arange(len(groups))
    begins = np.concatenate(([True], groups[1:] != groups[:-1]))
    return place - np.maximum.accumulate(np.where(begins, place, 0))


def _coded(
    codes: Ints | Flags, words: pa.Array, missing: Flags | None = None
) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32), mask=missing), words)


def as_schema(table: pa.Table) -> Iterator[pa.RecordBatch]:
    """Yields a part's rows by `SCHEMA`, as a reader gives them."""
    yield from table.cast(SCHEMA).to_batches()
