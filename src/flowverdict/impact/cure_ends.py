"""What has to be stopped, and where: allowed flows of findings, judged by an estate's rules."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from flowverdict.classify.packets import read_packets
from flowverdict.impact.cause import WAYS, read_packet
from flowverdict.impact.cause_rows import RowsOf, time_of
from flowverdict.impact.recorded import tests_source_ports
from flowverdict.impact.traces import Traces
from flowverdict.model import Direction, ResourceId
from flowverdict.net import format_address
from flowverdict.packets import Places
from flowverdict.policy import Standpoint, evaluate_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from flowverdict.detect import Finding
    from flowverdict.lake import Lake
    from flowverdict.model import Estate
    from flowverdict.net import Packet
    from flowverdict.policy import Options, Verdict

Flow = tuple[int, int, int, "int | None"]
"""Protocol, source, destination and destination port."""
Asked = tuple["ResourceId", Direction, "Packet"]
"""A packet at an interface."""


class End(NamedTuple):
    """A flow at an interface that let it pass.

    Attributes:
        packet: from any source port, where no rule tests it.
        verdict: on a packet that meets the same rules; ``told`` has the one on this packet.
    """

    place: Standpoint
    direction: Direction
    packet: Packet
    verdict: Verdict

    @property
    def flow(self) -> Flow:
        """What tells the flow from others."""
        packet = self.packet
        return packet.protocol, packet.src, packet.dst, packet.dst_port

    @property
    def is_inbound(self) -> bool:
        """Whether it comes in."""
        return self.direction is Direction.INBOUND

    @property
    def told(self) -> Verdict:
        """The verdict on the very packet at the very interface."""
        return evaluate_at(self.place, self.direction, self.packet)


@dataclass(slots=True)
class Ends:
    """What has to be stopped of one finding.

    Attributes:
        ends: where each flow is to be stopped.
        denied: flows that were allowed and would not be any more.
        unknown: flows that cannot be judged, by what is missing.
        left_out: flows that are more than are looked at.
    """

    ends: list[End] = field(default_factory=list[End])
    denied: list[End] = field(default_factory=list[End])
    unknown: dict[str, int] = field(default_factory=dict[str, int])
    left_out: int = 0


def ends_of(
    findings: Sequence[Finding], lake: Lake, estate: Estate, options: Options
) -> list[Ends]:
    """Returns what has to be stopped of each finding.

    Raises:
        LakeError: the lake cannot be read.
    """
    found = [Ends() for _ in findings]
    if not findings:
        return found
    numbers: list[int] = []
    asked: list[Asked] = []
    for number, row, nic, lack in _rows(findings, lake, estate):
        of = found[number]
        of.left_out = row["left_out"]
        if nic is None:
            reason = lack or "which interface it was"
            of.unknown[reason] = of.unknown.get(reason, 0) + 1
        else:
            numbers.append(number)
            asked.append((nic, WAYS[row["direction"]], read_packet(row)))
    by_packet: dict[int, dict[Packet, list[End]]] = defaultdict(lambda: defaultdict(list))
    for number, end in zip(numbers, Judge(estate, options).judged(asked), strict=True):
        by_packet[number][end.packet].append(end)
    for number, packets in by_packet.items():
        _sort_out(found[number], [one for ends in packets.values() for one in _apart(ends)])
    return found


class Judge:
    """Says what the rules of an estate do with packets; one of each kind is put to them."""

    def __init__(self, estate: Estate, options: Options) -> None:
        self._traces = Traces(estate, options)
        self._estate = estate
        self._places: dict[ResourceId, Standpoint] = {}

    def judged(self, asked: Sequence[Asked]) -> list[End]:
        """Returns what becomes of packets at interfaces, in their order.

        Raises:
            NoNsgError: with ``no_nsg="error"``, where no NSG is attached.
        """
        packets = [one[2] for one in asked]
        ways = [one[1].value[0] for one in asked]
        columns = {
            "direction": pa.array(ways, pa.string()),
            "protocol": pa.array([one.protocol for one in packets], pa.int16()),
            "src_ip": pa.array([format_address(one.src) for one in packets], pa.string()),
            "dst_ip": pa.array([format_address(one.dst) for one in packets], pa.string()),
            "src_port": pa.array([one.src_port for one in packets], pa.int32()),
            "dst_port": pa.array([one.dst_port for one in packets], pa.int32()),
        }
        nics = pa.array([str(one[0]) for one in asked], pa.string())
        found: list[Verdict | None] = [None] * len(asked)
        numbers = read_packets(pa.RecordBatch.from_pydict(columns))
        for _, rows, verdict in self._traces.of(numbers, nics) if asked else ():
            for row in rows.tolist():
                found[row] = verdict
        return [
            End(self._place(nic), way, packet, verdict)
            for (nic, way, packet), verdict in zip(asked, found, strict=True)
            if verdict is not None
        ]

    def again(self, ends: Sequence[End]) -> list[End]:
        """Returns what becomes here of what was judged by another estate."""
        return self.judged([(one.place.nic.id, one.direction, one.packet) for one in ends])

    def _place(self, nic: ResourceId) -> Standpoint:
        if nic not in self._places:
            network = self._traces.policies.network
            self._places[nic] = Standpoint(network, self._estate.resources.nics[nic])
        return self._places[nic]


def of_each_kind(ends: Iterable[End]) -> list[End]:
    """Returns one of the ends that meet the same rules."""
    return list({id(one.verdict): one for one in ends}.values())


def _rows(
    findings: Sequence[Finding], lake: Lake, estate: Estate
) -> Iterator[tuple[int, Mapping[str, Any], ResourceId | None, str | None]]:
    """Yields allowed flows with their finding and interface, or what is missing to know it."""
    places = Places(estate)
    with RowsOf(findings, lake, time_of(findings)) as of:
        flows = of.allowed(source_ports=tests_source_ports(estate))
    for batch in flows.to_batches():
        names = ("direction", "mac", "target", "acl", "src_ip", "dst_ip")
        nics, missing = places.find({name: batch[name].cast("string") for name in names})
        rows = batch.to_pylist()
        for row, nic, lack in zip(rows, nics.to_pylist(), missing.to_pylist(), strict=True):
            yield row["finding"], row, ResourceId(nic) if nic else None, lack


def _apart(ends: list[End]) -> Iterable[list[End]]:
    """Returns the ends of each flow; an address may be used twice, in networks that do not meet."""
    for inbound in (True, False):
        nics = {one.place.nic.id for one in ends if one.is_inbound is inbound}
        if len(nics) > 1:
            return [[one] for one in ends]
    return [ends]


def _sort_out(of: Ends, flows: Iterable[list[End]]) -> None:
    """Chooses at which end each flow is to be stopped.

    Where both were logged, it is the side with fewer NSGs to change: where the flows arrive, unless
    one machine does it to many.
    """
    passing: list[list[End]] = []
    for ends in flows:
        denies = [one for one in ends if one.verdict.access == "Deny"]
        allows = [one for one in ends if one.verdict.access == "Allow"]
        if denies:
            of.denied.append(denies[0])
        elif allows:
            passing.append(allows)
        else:
            reason = "; ".join(ends[0].verdict.missing)
            of.unknown[reason] = of.unknown.get(reason, 0) + 1
    lists: dict[bool, set[ResourceId]] = {True: set(), False: set()}
    for one in (end for ends in passing if len(ends) > 1 for end in ends):
        lists[one.is_inbound] |= nsgs_before(one)
    comes_first = len(lists[True]) <= len(lists[False])
    for ends in passing:
        of.ends.append(min(ends, key=lambda one: one.is_inbound is not comes_first))


def nsgs_before(end: End) -> set[ResourceId]:
    """Returns the NSGs that let a flow pass, of which a rule more could stop it."""
    return {
        step.resource
        for step in end.verdict.trace
        if step.layer in ("subnet", "nic") and step.access == "Allow" and step.resource is not None
    }
