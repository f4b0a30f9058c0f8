"""Which rules recorded flows used, layer by layer, and which rules nothing used.

A rule is used where it matches a flow that comes to its layer, whether it decides or not: an NSG
that allows lets the next one see the flow.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from flowverdict.classify.packets import read_packets
from flowverdict.impact.traces import Traces
from flowverdict.impact.usage_used import Points, Used, parts_of
from flowverdict.lake import ALWAYS, query
from flowverdict.model import Access, ResourceId
from flowverdict.net import ALL_PORTS
from flowverdict.packets import Places
from flowverdict.policy import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from flowverdict.classify.packets import Addresses, Packets
    from flowverdict.lake import Lake, Period
    from flowverdict.model import Estate, Rule
    from flowverdict.policy import Network, Options, Step, Verdict
    from flowverdict.stages import Policy

Numbers = np.ndarray[Any, np.dtype[Any]]
Sums: TypeAlias = tuple[Numbers, Numbers, Numbers]
"""Of each distinct flow its rows, its bytes, and the time of its last row in milliseconds."""
_NO_RULE: Final = ("NoMatch", "NotPresent", "NotEvaluated")
_IS_PACKET: Final = (
    "contains(src_ip, ':') = contains(dst_ip, ':') "
    "AND (protocol NOT IN (6, 17) OR dst_port IS NOT NULL)"
)


class Key(NamedTuple):
    """A rule at a layer: an NSG may be before subnets and interfaces."""

    layer: str
    rule: ResourceId


@dataclass(slots=True)
class Hits:
    """How a rule was used at a layer.

    Attributes:
        hits: recorded rows, of which a flow may have several.
        bytes: both ways.
        last: the last row's time; None where there is none.
        deciding: the rows of ``hits`` that the rule decided.
    """

    layer: str
    rule: Rule
    resource: ResourceId | None
    hits: int = 0
    bytes: int = 0
    last: datetime | None = None
    deciding: int = 0


@dataclass(slots=True)
class Usage:
    """What recorded flows used of an estate's rules.

    Attributes:
        rules: every rule that stands before an interface or a network, used or not.
        used: what of each rule was used, by its id.
        doubtful: the NSGs and managers at which a row's rule is not known, with these rows.
        unknown: rows that could not be judged at all, by what is missing.
        unattached: the NSGs that are attached to nothing.
    """

    rules: dict[Key, Hits] = field(default_factory=dict[Key, Hits])
    used: dict[ResourceId, Used] = field(default_factory=dict[ResourceId, Used])
    doubtful: Counter[ResourceId] = field(default_factory=Counter[ResourceId])
    unknown: Counter[str] = field(default_factory=Counter[str])
    unattached: list[ResourceId] = field(default_factory=list[ResourceId])
    rows: int = 0


def usage(
    estate: Estate, lake: Lake, *, period: Period = ALWAYS, options: Options = DEFAULTS
) -> Usage:
    """Judges the flows of a lake, and returns which rules they used.

    Raises:
        LakeError: the lake cannot be read.
    """
    return _Counting(estate, options).count(lake, period)


class _Counting:
    def __init__(self, estate: Estate, options: Options) -> None:
        self._traces = Traces(estate, options)
        self._places = Places(estate)
        self._found = Usage()
        self._found.unattached = sorted(_unattached(estate))
        for hits in _standing(estate, self._traces.policies.network):
            self._found.rules.setdefault(Key(hits.layer, hits.rule.id), hits)

    def count(self, lake: Lake, period: Period) -> Usage:
        """Goes through the distinct flows of a lake."""
        for batch in query(lake, self._sql(), period=period):
            self._take(batch)
        return self._found

    def _sql(self) -> str:
        """Returns distinct flows; source ports count only where a rule tests them."""
        tested = any(one.rule.source_ports != ALL_PORTS for one in self._found.rules.values())
        port = "src_port" if tested else "CAST(NULL AS INTEGER) AS src_port"
        return (
            "SELECT direction, protocol, src_ip, dst_ip, dst_port, mac, target, acl, "  # noqa: S608 no words of others
            f"{port}, {_IS_PACKET} AS is_packet, count(*) AS hits, CAST(coalesce(sum("
            "coalesce(bytes_sent, 0) + coalesce(bytes_received, 0)), 0) AS BIGINT) AS bytes, "
            "max(time) AS last FROM flows GROUP BY ALL"
        )

    def _take(self, batch: pa.RecordBatch) -> None:
        rows = np.asarray(batch["hits"].to_pylist(), np.int64)
        self._found.rows += int(rows.sum())
        is_packet = batch["is_packet"]
        lost = int(rows[~is_packet.to_numpy(zero_copy_only=False)].sum())
        if lost:
            self._found.unknown["what packet it was: a port or an address"] += lost
        batch = batch.filter(is_packet)
        columns = {name: batch[name] for name in batch.schema.names}
        named = ("mac", "target", "acl")
        texts = {name: columns[name].cast(pa.string()) for name in (*named, "direction")}
        nics, missing = self._places.find(columns | texts)
        for reason, hits in zip(missing.to_pylist(), batch["hits"].to_pylist(), strict=True):
            if reason is not None:
                self._found.unknown[reason] += hits
        known = nics.is_valid()
        batch, nics = batch.filter(known), nics.filter(known)
        if len(batch):
            self._judge(batch, nics)

    def _judge(self, batch: pa.RecordBatch, nics: pa.Array) -> None:
        packets = read_packets(batch)
        last = batch["last"].cast(pa.timestamp("ms", "UTC")).cast(pa.int64())
        sums = batch["hits"].to_numpy(), batch["bytes"].to_numpy(), last.to_numpy()
        for policy, rows, verdict in self._traces.of(packets, nics):
            self._add(sums, packets, policy, rows, verdict)

    def _add(
        self, sums: Sums, packets: Packets, policy: Policy, rows: Numbers,
        verdict: Verdict,
    ) -> None:  # fmt: skip
        hits, moved = (int(column[rows].sum()) for column in sums[:2])
        last = pa.scalar(int(sums[2][rows].max()), pa.timestamp("ms", "UTC")).as_py()
        if verdict.access == "Unknown":
            self._found.unknown["; ".join(verdict.missing)] += hits
        src = dst = None
        for step in verdict.trace:
            if step.rule is None:
                if step.resource is not None and step.access not in _NO_RULE:
                    self._found.doubtful[step.resource] += hits  # one rule or another
                continue
            one = self._hits(step)
            one.hits += hits
            one.bytes += moved
            one.last = last if one.last is None else max(one.last, last)
            if verdict.rule is not None and verdict.rule.id == step.rule.id:
                one.deciding += hits if verdict.layer == step.layer else 0
            if src is None or dst is None:
                src, dst = _points(packets.src, rows), _points(packets.dst, rows)
            used = self._found.used.get(step.rule.id)
            if used is None:
                used = Used(step.rule, parts_of(step.rule.source), parts_of(step.rule.destination))
                self._found.used[step.rule.id] = used
            used.use(policy.place, src, dst, packets.dst_port[rows])

    def _hits(self, step: Step) -> Hits:
        assert step.rule is not None
        key = Key(step.layer, step.rule.id)
        if key not in self._found.rules:
            self._found.rules[key] = Hits(step.layer, step.rule, step.resource)
        return self._found.rules[key]


def _points(addresses: Addresses, rows: Numbers) -> Points:
    six = np.isin(rows, addresses.others)
    points = [addresses.point(row) for row in rows[six].tolist()]
    return Points(addresses.ipv4[rows[~six]].astype(np.int64), points)


def _standing(estate: Estate, network: Network) -> Iterator[Hits]:
    """Yields every rule that stands before something, not used yet."""
    for vnet in sorted(estate.resources.vnets.values(), key=lambda one: one.id):
        for manager in network.admin(vnet, None).managers:
            for entry in manager.entries:
                if entry.rule is not None:
                    yield Hits("admin", entry.rule, manager.manager)
    subnets, nics = estate.resources.subnets.values(), estate.resources.nics.values()
    for layer, places in (("subnet", subnets), ("nic", nics)):
        for name in sorted({one.nsg for one in places if one.nsg}):
            nsg = estate.resources.nsgs.get(name)
            for rule in nsg.rules if nsg else ():
                yield Hits(layer, rule, name)


def _unattached(estate: Estate) -> set[ResourceId]:
    places = [*estate.resources.subnets.values(), *estate.resources.nics.values()]
    attached = {one.nsg for one in places}
    return {
        nsg.id
        for nsg in estate.resources.nsgs.values()
        if nsg.id not in attached and not nsg.attached
    }


def narrowed(found: Usage) -> Iterator[tuple[ResourceId, Rule, Rule]]:
    """Yields the NSG, the rule and its narrowed form, for each rule that can be narrowed.

    Only an Allow of an NSG: a Deny that is narrowed lets more through. Not where it is not known
    which rule of the NSG a row met.
    """
    for name, used in sorted(found.used.items()):
        nsg = name.parent
        keys = [key for key in (Key("subnet", name), Key("nic", name)) if key in found.rules]
        if not keys or used.rule.is_default or used.rule.access is not Access.ALLOW:
            continue
        if nsg in found.doubtful:
            continue
        new = used.narrowed()
        if new is not None:
            yield nsg, used.rule, new
