"""What has to be stopped, and where: allowed flows of findings, judged by an estate's rules."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from flowverdict.impact.cause import WAYS, read_packet
from flowverdict.impact.cause_rows import allowed
from flowverdict.lake import ALWAYS
from flowverdict.model import Direction, ResourceId
from flowverdict.packets import Places
from flowverdict.policy import Network, Standpoint, evaluate_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from flowverdict.detect import Finding
    from flowverdict.lake import Lake
    from flowverdict.model import Estate, NetworkInterface
    from flowverdict.net import Packet
    from flowverdict.policy import Options, Verdict

Flow = tuple[int, int, int, "int | None"]
"""Protocol, source, destination and destination port."""


class End(NamedTuple):
    """A flow at an interface that let it pass.

    Attributes:
        packet: from any source port.
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


@dataclass(slots=True)
class Ends:
    """What has to be stopped of one finding.

    Attributes:
        ends: one for each flow, where the fewest NSGs stand before them.
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
    places = Standpoints(estate, options)
    by_flow: dict[int, dict[Flow, list[End]]] = defaultdict(lambda: defaultdict(list))
    for number, row, nic, lack in _rows(findings, lake, estate):
        of = found[number]
        of.left_out = row["left_out"]
        if nic is None:
            reason = lack or "which interface it was"
            of.unknown[reason] = of.unknown.get(reason, 0) + 1
            continue
        direction, packet = WAYS[row["direction"]], read_packet({**row, "src_port": None})
        end = places.judged(nic, direction, packet)
        by_flow[number][end.flow].append(end)
    for number, flows in by_flow.items():
        _sort_out(found[number], flows.values())
    return found


class Standpoints:
    """The interfaces of an estate as places, each resolved once."""

    def __init__(self, estate: Estate, options: Options) -> None:
        self.network = Network(estate, options)
        self._known: dict[ResourceId, Standpoint] = {}
        self._judged: dict[tuple[ResourceId, Direction, Packet], End] = {}

    def at(self, nic: ResourceId) -> Standpoint:
        """Returns the place of an interface."""
        if nic not in self._known:
            interface: NetworkInterface = self.network.estate.resources.nics[nic]
            self._known[nic] = Standpoint(self.network, interface)
        return self._known[nic]

    def judged(self, nic: ResourceId, direction: Direction, packet: Packet) -> End:
        """Returns what becomes of a packet at an interface."""
        key = nic, direction, packet
        if key not in self._judged:
            place = self.at(nic)
            self._judged[key] = End(place, direction, packet, evaluate_at(place, direction, packet))
        return self._judged[key]


def _rows(
    findings: Sequence[Finding], lake: Lake, estate: Estate
) -> Iterator[tuple[int, Mapping[str, Any], ResourceId | None, str | None]]:
    """Yields allowed flows with their finding and interface, or what is missing to know it."""
    places = Places(estate)
    for batch in allowed(findings, lake, ALWAYS).to_batches():
        names = ("direction", "mac", "target", "acl", "src_ip", "dst_ip")
        nics, missing = places.find({name: batch[name].cast("string") for name in names})
        rows = batch.to_pylist()
        for row, nic, lack in zip(rows, nics.to_pylist(), missing.to_pylist(), strict=True):
            yield row["finding"], row, ResourceId(nic) if nic else None, lack


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
