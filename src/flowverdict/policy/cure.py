"""The smallest rule that would let a denied packet through, tried out before it is offered."""

from __future__ import annotations

import re
from dataclasses import replace
from shlex import quote
from typing import TYPE_CHECKING, Final

from flowverdict.model import Access, Direction, Endpoint, Rule, free_name
from flowverdict.model.value import value
from flowverdict.net import (
    ALL_PORTS,
    IntervalSet,
    Protocol,
    format_address,
    protocol_name,
)
from flowverdict.policy.evaluate import evaluate_at
from flowverdict.policy.matching import matches
from flowverdict.policy.network import Network
from flowverdict.policy.standpoint import Standpoint
from flowverdict.policy.worlds import Undecided, World

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowverdict.model import NetworkSecurityGroup
    from flowverdict.net import Packet
    from flowverdict.policy.verdict import Step

_FIRST, _LAST = 100, 4096
_TIDY: Final = 10
_MOST_RULES: Final = 2
_MOST_IN_NSG: Final = 1000
_SELECTABLE: Final = (Protocol.TCP, Protocol.UDP, Protocol.ICMP, Protocol.ESP, Protocol.AH)


@value
class Cure:
    """What would let a packet through.

    Attributes:
        rules: the rules to add, each with the NSG to add it to; none where no NSG rule can.
        reason: why no NSG rule can; empty where one can.
        wider: what else the rules let through; empty where that is nothing.
    """

    rules: tuple[tuple[NetworkSecurityGroup, Rule], ...] = ()
    reason: str = ""
    wider: str = ""


def find_cure(place: Standpoint, direction: Direction, packet: Packet) -> Cure:
    """Finds the smallest rules that let a denied packet through, and nothing else.

    Each is for this source and this destination, protocol and destination port alone, at a free
    priority before the rule that denies. The packet is judged again with them before they are
    offered: a second NSG may deny what the first lets through.
    """
    if packet.protocol not in _SELECTABLE:
        named = protocol_name(packet.protocol)
        return Cure(
            reason=f"no NSG rule can let it through and nothing else: rules cannot name {named}, "
            "and a rule for every protocol opens every port between the two addresses"
        )
    added: list[tuple[NetworkSecurityGroup, Rule]] = []
    for _ in range(_MOST_RULES + 1):
        verdict = evaluate_at(place, direction, packet)
        if verdict.access == "Allow":
            return Cure(tuple(added), wider="" if packet.src_port is None else "any source port")
        step = verdict.decided_by
        if verdict.access != "Deny":
            return Cure(reason=f"what would help is not known: {'; '.join(verdict.missing)}")
        if step is None:
            return Cure(reason="what would help is not known: several layers may deny it")
        if step.layer == "admin":
            return Cure(reason=_admin_reason(step))
        layer = next(one for one in place.layers if one.name == step.layer)
        if layer.nsg is None or layer.missing:
            return Cure(reason=f"what would help is not known: {layer.missing}")
        before = first_that_may_match(place, layer.nsg, direction, packet)
        priority = free_priority(layer.nsg, direction, before.priority)
        if sum(not rule.is_default for rule in layer.nsg.rules) >= _MOST_IN_NSG:
            full = f"`{layer.nsg.id.name}` has {_MOST_IN_NSG} rules, as many as an NSG may have"
            return Cure(reason=f"no added rule can let it through: {full}")
        if priority is None:
            return Cure(reason=_no_room(layer.nsg, before))
        rule = _narrow_rule(layer.nsg, direction, packet, priority)
        added.append((layer.nsg, rule))
        place = _with_rule(place, layer.nsg, rule)
    raise AssertionError(f"{packet} is denied by more than two NSGs")


def first_that_may_match(
    place: Standpoint, nsg: NetworkSecurityGroup, direction: Direction, packet: Packet
) -> Rule:
    """Returns the first rule that matches a packet, or may match it: a cure goes before that."""
    for rule in nsg.towards(direction):
        try:
            if matches(rule, packet, place, World()):
                return rule
        except Undecided:
            return rule
    raise AssertionError(f"{nsg.id}: no default rule matched")


def _admin_reason(step: Step) -> str:
    manager = step.resource.name if step.resource else "the network manager"
    what, before = "a security admin rule", "an `AlwaysAllow` that is evaluated earlier"
    if step.rule is not None:
        what = f"admin rule `{step.rule.name}`"
        before = "a change of that rule"
        if step.rule.priority > 1:
            before = (
                "an `AlwaysAllow` (or an `Allow` that hands over to the NSGs) with a priority "
                f"below {step.rule.priority}"
            )
    return (
        f"no NSG rule can let it through: {what} denies it before any NSG is asked. Only whoever "
        f"runs `{manager}` can, with {before}"
    )


def _no_room(nsg: NetworkSecurityGroup, rule: Rule) -> str:
    last = min(rule.priority - 1, _LAST)
    taken = f"priorities {_FIRST} to {last} of `{nsg.id.name}` are taken"
    if last == _FIRST:
        taken = f"priority {_FIRST} of `{nsg.id.name}`, the only one before it, is taken"
    if rule.priority == _FIRST:
        taken = f"`{rule.name}` has priority {_FIRST}, the first there is"
    return (
        f"no added rule can let it through: {taken}. The rules of `{nsg.id.name}` would have to be "
        "renumbered"
    )


def free_priority(nsg: NetworkSecurityGroup, direction: Direction, before: int) -> int | None:
    """Returns a free priority below ``before``; None where none is left.

    As late as possible, so that rules to come find room before it; a multiple of ten if one is
    free.
    """
    taken = {rule.priority for rule in nsg.towards(direction)}
    top = min(before - 1, _LAST)
    if before > _LAST:
        custom = [one for one in taken if one <= _LAST]
        top = min(max(custom, default=990) + _TIDY, _LAST)
    free = [one for one in range(top, _FIRST - 1, -1) if one not in taken]
    return next((one for one in free if one % _TIDY == 0), free[0] if free else None)


def _narrow_rule(
    nsg: NetworkSecurityGroup, direction: Direction, packet: Packet, priority: int
) -> Rule:
    ports = ALL_PORTS
    if packet.dst_port is not None:
        ports = IntervalSet([(packet.dst_port, packet.dst_port)])
    protocols = IntervalSet([(packet.protocol, packet.protocol)])
    name = _name(nsg.rules, packet)
    return Rule(
        id=nsg.id.child("securityRules", name),
        name=name,
        priority=priority,
        direction=direction,
        access=Access.ALLOW,
        protocols=protocols,
        source=_host(packet.src),
        destination=_host(packet.dst),
        destination_ports=ports,
    )


def _host(address: int) -> Endpoint:
    return Endpoint(IntervalSet([(address, address)]), texts=(format_address(address),))


def _name(rules: Iterable[Rule], packet: Packet) -> str:
    """Returns a name that is free and that Azure accepts (policy specification, 1.4)."""
    port = "" if packet.dst_port is None else f"-{packet.dst_port}"
    remote = re.sub(r"[^0-9A-Za-z.]+", "-", format_address(packet.src)).strip("-")
    name = f"allow-{protocol_name(packet.protocol).lower()}{port}-from-{remote}"
    return free_name(name, rules)


def _with_rule(place: Standpoint, nsg: NetworkSecurityGroup, rule: Rule) -> Standpoint:
    """Returns the same place with one more rule in an NSG."""
    rules = sorted((*nsg.rules, rule), key=lambda one: (one.direction.value, one.priority))
    changed = replace(nsg, rules=tuple(rules))
    return Standpoint(Network(place.estate.with_nsg(changed), place.options), place.nic)


def as_az_command(nsg: NetworkSecurityGroup, rule: Rule) -> str:
    """Returns the command of the Azure CLI that adds a rule made here."""
    words = [
        f"az network nsg rule create --subscription {nsg.id.subscription}",
        f"--resource-group {quote(nsg.id.resource_group)} --nsg-name {quote(nsg.id.name)}",
        f"--name {rule.name} --priority {rule.priority}",
        f"--direction {rule.direction.value} --access {rule.access.value}",
        f"--protocol {protocol_name(rule.protocols.spans[0][0]).capitalize()}",
        f"--source-address-prefixes {' '.join(rule.source.texts)} --source-port-ranges '*'",
        f"--destination-address-prefixes {' '.join(rule.destination.texts)}",
        f"--destination-port-ranges {_az_port(rule)}",
    ]
    return " \\\n  ".join(words)


def _az_port(rule: Rule) -> str:
    return "'*'" if rule.destination_ports == ALL_PORTS else str(rule.destination_ports.spans[0][0])
