"""Deny rules in NSGs for the flows of attackers, in front of what lets them in."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from flowverdict.impact.cure_edit import Edit, with_edits
from flowverdict.impact.cure_ends import nsgs_before, of_each_kind
from flowverdict.model import Access, Direction, Endpoint, ResourceId, Rule, free_name
from flowverdict.model.limits import LISTED
from flowverdict.net import (
    ALL_IPV4,
    ALL_IPV6,
    ALL_PORTS,
    ALL_PROTOCOLS,
    EMPTY,
    IntervalSet,
    Protocol,
    format_addresses,
    has_ports,
    is_ipv6,
)
from flowverdict.policy.cure import first_that_may_match, free_priority

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from flowverdict.impact.cure_ends import End
    from flowverdict.model import Estate, NetworkSecurityGroup
    from flowverdict.policy import Standpoint

NAMED: Final = (Protocol.TCP, Protocol.UDP, Protocol.ICMP, Protocol.ESP, Protocol.AH)
"""Protocols that a rule can name."""
_MOST_RULES: Final = 1_000
_FIRST: Final = 100
_MOST_PARTS: Final = 8
"""Forms of one rule that are tried for different findings: each is an estate to judge by."""


@dataclass(slots=True)
class Proposal:
    """Edits of one kind for several findings.

    Attributes:
        edits: of each finding, by its number; two findings may share one.
        reasons: why there are none for a finding, by its number.
        notes: what to know of a finding's edits.
    """

    edits: dict[int, list[Edit]] = field(default_factory=dict[int, list[Edit]])
    reasons: dict[int, str] = field(default_factory=dict[int, str])
    notes: dict[int, list[str]] = field(default_factory=dict[int, list[str]])

    def refuse(self, numbers: Iterable[int], reason: str) -> None:
        """Takes back what is proposed for findings: a half of it stops nobody."""
        for number in numbers:
            self.edits.pop(number, None)
            self.reasons.setdefault(number, reason)

    def note(self, number: int, text: str) -> None:
        """Adds what is to be known, once."""
        own = self.notes.setdefault(number, [])
        if text not in own:
            own.append(text)

    def consistent(self) -> list[dict[int, list[Edit]]]:
        """Returns the edits in parts, in each of which no rule is made into two different ones."""
        parts: list[tuple[dict[ResourceId, Edit], dict[int, list[Edit]]]] = []
        for number, edits in list(self.edits.items()):
            fits = (one for one in parts if all(one[0].get(it.rule.id, it) == it for it in edits))
            found = next(fits, None)
            if found is None and len(parts) == _MOST_PARTS:
                self.refuse([number], "other findings ask for other changes of the same rule")
                continue
            if found is None:
                found = {}, {}
                parts.append(found)
            found[0].update({one.rule.id: one for one in edits})
            found[1][number] = edits
        return [part for _, part in parts]

    @property
    def every_edit(self) -> list[Edit]:
        """All edits, each once."""
        return list({one.rule.id: one for some in self.edits.values() for one in some}.values())


class Asked(NamedTuple):
    """What has to be stopped of a finding.

    Attributes:
        name: what it is called.
        ends: where its flows pass.
        sources: those of which there are no ends, since there are too many.
        targets: likewise.
        is_severe: whether it is an attack beyond doubt: such findings share rules.
        notes: what of it is not stopped, or not known to be.
    """

    name: str
    ends: Sequence[End]
    sources: IntervalSet = EMPTY
    targets: IntervalSet = EMPTY
    is_severe: bool = True
    notes: tuple[str, ...] = ()


class Match(NamedTuple):
    """Which flows share a rule, the addresses of strangers aside.

    Attributes:
        owner: an NSG or a collection of admin rules.
        protocol: None for any.
        local: the addresses of the interfaces.
    """

    owner: ResourceId
    direction: Direction
    protocol: int | None
    is_ipv6: bool
    ports: IntervalSet
    local: IntervalSet


@dataclass(slots=True)
class Wanted:
    """A rule that is to be.

    Attributes:
        remote: the addresses of strangers.
        ends: what it is to stop.
        findings: for which.
        name: from which its name is made.
    """

    match: Match
    remote: IntervalSet
    ends: list[End]
    findings: list[int]
    name: str

    @property
    def place(self) -> Standpoint:
        """One of the interfaces."""
        return self.ends[0].place


def nsg_denies(estate: Estate, asked: Mapping[int, Asked]) -> Proposal:
    """Proposes Deny rules in NSGs for findings' flows.

    Each stands in an NSG that lets the flows pass, in front of the rule that does; of two such NSGs
    in the one that more flows have to pass.

    Args:
        estate: the network.
        asked: by the findings' numbers.
    """
    found = Proposal()
    chosen: dict[int, list[ResourceId]] = {}
    for number, one in asked.items():
        owners = _owners(one.ends)
        without = [end for end, owner in zip(one.ends, owners, strict=True) if owner is None]
        if without:
            found.refuse([number], _no_nsg(without[0]))
        else:
            chosen[number] = [owner for owner in owners if owner is not None]
    nsgs = dict(estate.resources.nsgs)
    for one in grouped(asked, chosen):
        nsg = nsgs[one.match.owner]
        made = _made(estate.resources.nsgs[nsg.id], nsg, one)
        if isinstance(made, str):
            found.refuse(one.findings, made)
            continue
        nsgs[nsg.id] = with_edits(nsg, [Edit(made)])
        for number in one.findings:
            if number not in found.reasons:
                found.edits.setdefault(number, []).append(Edit(made))
                if one.match.protocol is None:
                    found.note(number, "rules cannot name the protocol: every protocol is denied")
    return found


def _owners(ends: Sequence[End]) -> list[ResourceId | None]:
    """Returns the NSG in which each end is to be stopped; None where none can."""
    count: dict[ResourceId, int] = defaultdict(int)
    for end in ends:
        for nsg in nsgs_before(end):
            count[nsg] += 1

    def choose(end: End) -> ResourceId | None:
        step = end.verdict.decided_by
        deciding = step.resource if step else None
        some = sorted(nsgs_before(end), key=lambda one: (-count[one], one != deciding, one))
        return some[0] if some else None

    return [choose(end) for end in ends]


def _no_nsg(end: End) -> str:
    step = end.verdict.decided_by
    if step is not None and step.layer in ("admin", "platform"):
        what = f"admin rule `{step.rule.name}`" if step.rule else (step.note or step.layer)
        return f"{what} lets them in before any NSG is asked"
    return f"no NSG stands before `{end.place.nic.id.name}`: one has to be made and attached first"


def grouped(asked: Mapping[int, Asked], owners: Mapping[int, Sequence[ResourceId]]) -> list[Wanted]:
    """Returns the rules that are wanted.

    Severe findings that differ in strangers alone share one; another finding has its own, unless
    theirs stops it anyway.

    Args:
        asked: what has to be stopped.
        owners: of some of it, where each end is to be stopped.
    """
    severe: dict[Match, Wanted] = {}
    others: list[Wanted] = []
    for number in sorted(owners, key=lambda one: not asked[one].is_severe):
        of, places = asked[number], owners[number]
        by_kind: dict[tuple[ResourceId, Direction, int | None, bool], list[End]] = defaultdict(list)
        for owner, end in zip(places, of.ends, strict=True):
            protocol = end.packet.protocol if end.packet.protocol in NAMED else None
            by_kind[owner, end.direction, protocol, is_ipv6(end.packet.src)].append(end)
        in_order = sorted(by_kind.items(), key=lambda one: (one[0][0], one[0][3]))
        for (owner, way, protocol, six), own in in_order:
            is_in = way is Direction.INBOUND
            ports = ALL_PORTS
            if protocol is not None and has_ports(protocol):
                ports = points(one.packet.dst_port for one in own)
            local = points(one.packet.dst if is_in else one.packet.src for one in own)
            remote = points(one.packet.src if is_in else one.packet.dst for one in own)
            remote |= (of.sources if is_in else of.targets) & (ALL_IPV6 if six else ALL_IPV4)
            match = Match(owner, way, protocol, six, ports, local)
            one = severe.get(match)
            if one is None or not (of.is_severe or remote <= one.remote):
                one = Wanted(match, EMPTY, [], [], of.name)
                if of.is_severe:
                    severe[match] = one
                else:
                    others.append(one)
            one.remote |= remote
            one.ends += own
            one.findings.append(number)
    return [*severe.values(), *others]


def points(numbers: Iterable[int | None]) -> IntervalSet:
    """Returns the set of some numbers; None is none."""
    return IntervalSet((one, one) for one in {*numbers} if one is not None)


def _made(before: NetworkSecurityGroup, nsg: NetworkSecurityGroup, one: Wanted) -> Rule | str:
    """Returns a rule that does it, or why there is none.

    Args:
        before: the NSG as it is.
        nsg: with what was added so far.
        one: what is to be.
    """
    direction = one.match.direction
    if sum(not rule.is_default for rule in nsg.rules) >= _MOST_RULES:
        return f"`{nsg.id.name}` has {_MOST_RULES:,} rules, as many as an NSG may have"
    firsts = [
        first_that_may_match(end.place, before, direction, end.packet)
        for end in of_each_kind(one.ends)
    ]
    first = min(firsts, key=lambda rule: rule.priority)
    priority = free_priority(nsg, direction, first.priority)
    if priority is None:
        return _no_room(nsg, first)
    remote = remote_side(one)
    if isinstance(remote, str):
        return remote
    return deny_rule(nsg.id, "securityRules", nsg.rules, priority, one, remote)


def remote_side(one: Wanted) -> Endpoint | str:
    """Returns the strangers' side of a rule: their prefixes, or of too many the whole internet."""
    texts = tuple(format_addresses(one.remote))
    if len(texts) <= LISTED:
        return Endpoint(one.remote, texts=texts)
    internet = one.place.tag("Internet").sure
    if one.remote <= internet:
        return Endpoint(tags=("Internet",), texts=("Internet",))
    return f"they have {len(texts):,} prefixes, and a rule may list {LISTED:,}"


def deny_rule(
    owner: ResourceId,
    kind: str,
    beside: Iterable[Rule],
    priority: int,
    one: Wanted,
    remote: Endpoint,
) -> Rule:
    """Returns a Deny for some flows."""
    match = one.match
    name = free_name(f"Deny-{one.name}", beside)
    local = Endpoint(match.local, texts=tuple(format_addresses(match.local)))
    source, destination = (remote, local)
    if match.direction is Direction.OUTBOUND:
        source, destination = local, remote
    protocols = ALL_PROTOCOLS
    if match.protocol is not None:
        protocols = IntervalSet([(match.protocol, match.protocol)])
    return Rule(
        id=owner.child(kind, name),
        name=name,
        priority=priority,
        direction=match.direction,
        access=Access.DENY,
        protocols=protocols,
        source=source,
        destination=destination,
        destination_ports=match.ports,
    )


def _no_room(nsg: NetworkSecurityGroup, before: Rule) -> str:
    """Says what has to move."""
    later = free_after(nsg, before)
    to = f", for example to {later}" if later else ""
    if before.priority <= _FIRST:
        taken = f"`{before.name}` has priority {before.priority}, the first there is"
    else:
        taken = f"every priority of `{nsg.id.name}` in front of `{before.name}` is taken"
    return f"{taken}: `{before.name}` has to move behind the new rule{to}"


def free_after(nsg: NetworkSecurityGroup, rule: Rule) -> int | None:
    """Returns a priority to which a rule can move without passing another one; None if none is."""
    taken = sorted(one.priority for one in nsg.towards(rule.direction))
    follows = next((one for one in taken if one > rule.priority), 4097)
    return rule.priority + 1 if follows > rule.priority + 1 else None
