"""Why a packet got its verdict: what each layer looked at, and what nearly matched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowverdict.model import Direction
from flowverdict.model.value import value
from flowverdict.net import (
    ALL_PROTOCOLS,
    IntervalSet,
    format_address,
    format_addresses,
    format_ports,
    protocol_name,
)
from flowverdict.policy.cure import Cure, find_cure
from flowverdict.policy.evaluate import evaluate_at
from flowverdict.policy.matching import missed
from flowverdict.policy.standpoint import Standpoint
from flowverdict.policy.worlds import Undecided, World

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowverdict.model import Endpoint, Rule
    from flowverdict.net import Packet
    from flowverdict.policy.verdict import Step, Verdict


@value
class NearMiss:
    """A rule that matched in all fields but one.

    Attributes:
        field: the field it missed on.
        why: what the rule has there and what the packet has.
    """

    rule: Rule
    field: str
    why: str


@value
class Gate:
    """One layer as the packet met it.

    Attributes:
        step: what the layer said.
        rules: how many rules it has in the packet's direction.
        reasons: why the deciding rule's tags and groups hold the packet's addresses.
        nearly: rules before the deciding one that would have said otherwise, and missed on a
            single field.
        too_late: rules that match too, but come after the deciding one and would do otherwise.
        doubtful: rules of which it is not known whether they match.
    """

    step: Step
    rules: int
    reasons: tuple[str, ...]
    nearly: tuple[NearMiss, ...]
    too_late: tuple[Rule, ...]
    doubtful: tuple[Rule, ...] = ()


@value
class Explanation:
    """A verdict with its whole reason.

    Attributes:
        cure: for a denied packet, what would let it through.
        other_end: the verdict at the interface with the remote address, if the estate has exactly
            one.
    """

    verdict: Verdict
    gates: tuple[Gate, ...]
    cure: Cure | None
    other_end: Verdict | None


def explain_at(place: Standpoint, direction: Direction, packet: Packet) -> Explanation:
    """Explains the verdict on one packet at a place."""
    verdict = evaluate_at(place, direction, packet)
    gates = tuple(_gate(place, direction, packet, step) for step in verdict.trace)
    cure = find_cure(place, direction, packet) if verdict.access == "Deny" else None
    return Explanation(verdict, gates, cure, _other_end(place, direction, packet))


def _other_end(place: Standpoint, direction: Direction, packet: Packet) -> Verdict | None:
    """Judges the packet where it comes from or goes to, if that interface is known."""
    inbound = direction is Direction.INBOUND
    found = place.estate.nics_by_address.get(packet.src if inbound else packet.dst, [])
    if len(found) != 1 or found[0] == place.nic:
        return None
    other = Direction.OUTBOUND if inbound else Direction.INBOUND
    return evaluate_at(Standpoint(place.network, found[0]), other, packet)


def _gate(place: Standpoint, direction: Direction, packet: Packet, step: Step) -> Gate:
    rules = _rules(place, direction, step)
    if step.access == "NotEvaluated" or step.note:
        return Gate(step, len(rules), (), (), ())
    at = len(rules)
    if step.rule is not None:
        at = next(i for i, (rule, _) in enumerate(rules) if rule.id == step.rule.id)
    nearly: list[NearMiss] = []
    doubtful: list[Rule] = []
    for rule, committed in rules[:at]:
        found = _missed(place, rule, packet, committed)
        if found is None:
            doubtful.append(rule)
        elif len(found) == 1 and _would_differ(rule, step):
            why = _why_missed(place, rule, packet, found[0], committed)
            nearly.append(NearMiss(rule, found[0], why))
    late = [
        rule
        for rule, committed in rules[at + 1 :]
        if step.rule is not None
        and not rule.is_default
        and rule.access is not step.rule.access
        and _missed(place, rule, packet, committed) == []
    ]
    reasons = _reasons(place, packet, step, rules[at][1]) if step.rule else ()
    return Gate(step, len(rules), reasons, tuple(nearly), tuple(late), tuple(doubtful))


def _would_differ(rule: Rule, step: Step) -> bool:
    """Reports whether a rule, had it matched, would have changed what its layer said.

    Of the default rules only the first of a direction is ever a surprise.
    """
    if rule.is_default and not rule.name.lower().startswith("allowvnet"):
        return False
    if step.access == "Unknown":
        return not rule.is_default
    return step.access == "NoMatch" or rule.access.value != step.access


def _rules(place: Standpoint, direction: Direction, step: Step) -> list[tuple[Rule, str]]:
    """Returns a layer's rules of one direction in order, each with the time of its commit."""
    if step.layer == "admin":
        managers = place.admin.managers if place.admin else ()
        return [
            (entry.rule, entry.committed)
            for manager in managers
            for entry in manager.towards(direction)
            if entry.rule is not None
        ]
    layer = next((one for one in place.layers if one.name == step.layer), None)
    if layer is None or layer.nsg is None or layer.missing:
        return []
    return [(rule, "") for rule in layer.nsg.towards(direction)]


def _missed(place: Standpoint, rule: Rule, packet: Packet, committed: str) -> list[str] | None:
    """Returns the fields in which a rule does not match; None where that is not known."""
    try:
        return list(missed(rule, packet, place, World(), committed))
    except Undecided:
        return None


def _why_missed(place: Standpoint, rule: Rule, packet: Packet, field: str, committed: str) -> str:
    match field:
        case "protocol":
            return (
                f"rule has {_protocols(rule.protocols)}, packet is {protocol_name(packet.protocol)}"
            )
        case "destination port":
            return _ports(rule.destination_ports, packet.dst_port)
        case "source port":
            return _ports(rule.source_ports, packet.src_port)
        case "destination":
            return _outside(place, packet.dst, rule.destination, committed)
        case _:
            return _outside(place, packet.src, rule.source, committed)


def _outside(place: Standpoint, address: int, endpoint: Endpoint, committed: str) -> str:
    return f"{format_address(address)} is not in {_side(place, endpoint, committed)}"


def _protocols(protocols: IntervalSet) -> str:
    return "any" if protocols == ALL_PROTOCOLS else protocol_name(protocols.spans[0][0])


def _ports(ports: IntervalSet, port: int | None) -> str:
    has = "has no ports" if port is None else f"has {port}"
    return f"rule has {_shortened(format_ports(ports))}, packet {has}"


def _shortened(words: Iterable[str], most: int = 4) -> str:
    words = list(words)
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def describe_side(endpoint: Endpoint) -> str:
    """Returns one side of a rule as a person would write it."""
    groups = [group.name for group in (*endpoint.asgs, *endpoint.groups)]
    return _shortened([*endpoint.texts, *groups])


def _side(place: Standpoint, endpoint: Endpoint, committed: str) -> str:
    """Describes one side of a rule, with what its tags and groups stand for here."""
    described = describe_side(endpoint)
    if not (endpoint.tags or endpoint.asgs or endpoint.groups):
        return described
    sets = place.sets_of(endpoint, committed)
    addresses = IntervalSet.union(one.sure for one in sets)
    return f"{described} ({_shortened(format_addresses(addresses), 3) or 'no address'})"


def _reasons(place: Standpoint, packet: Packet, step: Step, committed: str) -> tuple[str, ...]:
    assert step.rule is not None
    found: list[str] = []
    local = "destination" if step.rule.direction is Direction.INBOUND else "source"
    for name, endpoint, address in (
        ("source", step.rule.source, packet.src),
        ("destination", step.rule.destination, packet.dst),
    ):
        if address in endpoint.prefixes:
            continue
        sets = place.sets_of(endpoint, committed, is_local=name == local)
        part = next((part for one in sets if (part := one.part_of(address))), None)
        if part is not None:
            side = describe_side(endpoint)
            found.append(f"{name} {format_address(address)} is in {side}: {part.why}")
    return tuple(found)
