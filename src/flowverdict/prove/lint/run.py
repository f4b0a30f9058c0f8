"""Every check on one estate."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flowverdict.model import Access, Direction, IpConfiguration, NetworkInterface, ResourceId
from flowverdict.net import ALL_ADDRESSES, EMPTY
from flowverdict.policy import DEFAULTS, Standpoint
from flowverdict.prove.diagram import LimitError
from flowverdict.prove.lint.checks import CHECKS
from flowverdict.prove.lint.facts import facts
from flowverdict.prove.lint.findings import Finding, named, of_rule
from flowverdict.prove.lint.layers import (
    ALIVE,
    BY_ADMIN,
    BY_NSG,
    NEEDLESS,
    NO_ADDRESS,
    Fate,
    Layers,
)
from flowverdict.prove.lint.managers import managers
from flowverdict.prove.lint.matches import matches
from flowverdict.prove.lint.order import Order, Trait, holds_everywhere, opened
from flowverdict.prove.names import tag_names
from flowverdict.prove.region import Region, together
from flowverdict.stages import Around, Policies, Topology
from flowverdict.stages.stage import nsg_stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flowverdict.model import Estate, NetworkSecurityGroup, Rule
    from flowverdict.net import IntervalSet
    from flowverdict.policy import Options

_NOBODY = ResourceId("/nobody")
_UNTOLD = Topology(EMPTY, ALL_ADDRESSES, EMPTY, ())
NOWHERE = Around(_UNTOLD, _UNTOLD)
"""Around an NSG that is attached to nothing: what the topology tags hold is not known."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What an NSG rule lets through its NSG that no other rule of it does.

    Attributes:
        packets: all of them, at any of its places; none where the rule opens nothing of its own.
        names: what sets of addresses are called.
    """

    rule: Rule
    packets: Region
    names: Mapping[IntervalSet, str]


@dataclass(slots=True)
class Lint:
    """What the checks found.

    Attributes:
        findings: the ones that matter most first, then in the order of the checks and of ids.
        opened: of each NSG rule that allows, what it alone opens; empty unless it is wanted.
        rules: how many rules were looked at.
    """

    findings: list[Finding] = field(default_factory=list[Finding])
    opened: list[Opened] = field(default_factory=list[Opened])
    rules: int = 0


def lint(estate: Estate, options: Options = DEFAULTS, *, opens: bool = False) -> Lint:
    """Runs every check on an estate.

    Args:
        estate: the network.
        options: how open questions are answered.
        opens: whether what each rule alone opens is wanted too.
    """
    policies = Policies(estate, options)
    layers = Layers(policies, [*estate.resources.nics.values(), *_to_come(estate)])
    found = Lint(rules=sum(len(nsg.rules) for nsg in estate.resources.nsgs.values()))
    found.rules += len(estate.resources.admin_rules)
    place = Standpoint(policies.network, NetworkInterface(_NOBODY, ()))
    for nsg in estate.resources.nsgs.values():
        told = nsg.id not in layers.untold and _can_tell(estate, nsg)
        for direction in Direction:
            orders = layers.orders.get((nsg.id, direction)) if told else None
            try:
                orders = orders or [_unattached(place, nsg, direction)]
                found.findings += _of_order(orders)
                if opens:
                    found.opened += _opened(place, nsg, direction, orders)
            except LimitError as problem:
                layers.limits.append(
                    f"{direction.value.lower()} rules of `{nsg.id.name}`: {problem}"
                )
        if told:
            found.findings += _of_layers(estate, nsg, layers)
    if not layers.limits:
        found.findings += _of_admin(layers)
    found.findings += managers(estate, policies.network)
    found.findings += facts(estate, policies.network, policies)
    level = CHECKS["not-finished"].level
    found.findings += [Finding("not-finished", level, None, text) for text in layers.limits]
    found.findings.sort(key=_place)
    return found


def _to_come(estate: Estate) -> Iterator[NetworkInterface]:
    """Yields an interface for each subnet without one: rules count for machines that are to come.

    And for what stands in a subnet without interfaces that an estate tells of, such as gateways.
    """
    of_endpoints = estate.private_endpoint_nics
    nics = estate.resources.nics.values()
    peopled = {one.subnet for one in nics if one.id not in of_endpoints}
    for subnet in estate.resources.subnets:
        if subnet not in peopled:
            name = ResourceId(f"{subnet}/nobody")
            yield NetworkInterface(name, (IpConfiguration("", EMPTY, subnet),))


def _can_tell(estate: Estate, nsg: NetworkSecurityGroup) -> bool:
    """Reports whether all places of an NSG are known, and its rules the choice of people.

    Azure demands rules of the NSG of a Bastion, whether they are needed or not.
    """
    resources = estate.resources
    there = all(one in resources.subnets or one in resources.nics for one in nsg.attached)
    return there and not any(
        one.nsg == nsg.id and one.id.last == "azurebastionsubnet"
        for one in resources.subnets.values()
    )


_ORDER = {name: at for at, name in enumerate(CHECKS)}


def _place(one: Finding) -> tuple[int, int, str, str]:
    return -one.level, _ORDER[one.check], one.resource.key if one.resource else "", one.text


def _unattached(place: Standpoint, nsg: NetworkSecurityGroup, direction: Direction) -> Order:
    return Order(matches(nsg_stage(place, "nic", nsg.towards(direction)).tests, NOWHERE, {}))


def _of_order(orders: list[Order]) -> Iterator[Finding]:
    for trait in holds_everywhere(orders):
        yield of_rule(trait.check, trait.rule, _text(trait), trait.others, trait.packet)


def _text(trait: Trait) -> str:
    others = named(trait.others)
    match trait.check, trait.how:
        case "shadowed", _:
            verb = "denies" if trait.rule.access is Access.DENY else "allows"
            return f"{verb} nothing: every packet for it is decided before, by {others}"
        case "redundant", "before":
            return f"not needed: every packet for it is decided alike before, by {others}"
        case "redundant", "behind":
            return f"not needed: without it, its packets get the same verdict by {others}"
        case "redundant", _:
            each = "at each place other rules decide its packets, or they get the same verdict"
            return f"not needed: {each} without it, by {others}"
        case "contradictory", _:
            assert trait.packet is not None
            return f"contradicts {others} about packets such as {trait.packet}: order decides"
        case _:
            return f"could be one rule with {others}: they differ in {trait.how} alone"


def _opened(
    place: Standpoint, nsg: NetworkSecurityGroup, direction: Direction, orders: list[Order]
) -> Iterator[Opened]:
    for rule in nsg.towards(direction):
        if rule.is_default:
            continue
        alone = [opened(rule, one) for one in orders]
        some = [Region.of_disjoint(*one) for one in alone if one is not None]
        if some:
            yield Opened(rule, together(some), tag_names(place, [rule]))


def _of_layers(estate: Estate, nsg: NetworkSecurityGroup, layers: Layers) -> Iterator[Finding]:
    """Yields what its places make of an NSG's rules."""
    for rule in nsg.rules:
        fates = layers.fates.get(rule.id, [])
        if not fates or any(one.why == ALIVE for one in fates):
            continue
        whys = {one.why for one in fates}
        if NEEDLESS in whys:
            if rule.id not in layers.redundant and all(one.is_whole for one in fates):
                yield _needless(rule, fates)
            continue
        check = next(one for one in (BY_ADMIN, BY_NSG, NO_ADDRESS) if one in whys)
        took = list({one.id: one for fate in fates for one in fate.took}.values())
        yield of_rule(check, rule, _fate_text(estate, rule, check, took, fates), took)


def _needless(rule: Rule, fates: list[Fate]) -> Finding:
    """Returns what is said of a rule that is redundant in its list, or decides nothing there."""
    took = tuple({one.id: one for fate in fates for one in fate.took}.values())
    return of_rule("redundant", rule, _text(Trait("redundant", rule, took, "by place")), took)


def _fate_text(estate: Estate, rule: Rule, check: str, took: list[Rule], fates: list[Fate]) -> str:
    some = [one for one in fates if one.why == check]
    where = f" at {len(some):,} of {len(fates):,} places" if len(some) < len(fates) else ""
    if check == BY_ADMIN:
        return f"decides nothing{where}: before it decides {named(took)}"
    if check == BY_NSG:
        return f"decides nothing{where}: the other NSG denies its packets, by {named(took)}"
    if took:
        return f"decides nothing: for addresses behind its NSG, before it decides {named(took)}"
    inbound = rule.direction is Direction.INBOUND
    side = rule.destination if inbound else rule.source
    end = "destination" if inbound else "source"
    public = next(
        (
            one.id.name
            for one in estate.resources.public_ips.values()
            if one.address is not None and one.address in side.prefixes
        ),
        "",
    )
    because = f" (it has public address `{public}`, and an NSG sees private ones)" if public else ""
    return f"matches nothing: its {end} is no address behind its NSG{because}"


def _of_admin(layers: Layers) -> Iterator[Finding]:
    alive: set[ResourceId] = set()
    dead: dict[ResourceId, tuple[Rule, list[Rule]]] = {}
    for admin in layers.admin.values():
        for stage, rules in enumerate(admin.stages):
            for number, one in enumerate(rules):
                if one.rule is None or one.rule.id in alive:
                    continue
                try:
                    took = admin.took(stage, number)
                except LimitError as problem:
                    layers.limits.append(f"admin rule `{one.rule.name}`: {problem}")
                    alive.add(one.rule.id)
                    continue
                if took is None or not one.perhaps or not admin.in_order:
                    alive.add(one.rule.id)
                else:
                    dead[one.rule.id] = one.rule, took
    for rule, took in dead.values():
        if rule.id not in alive:
            text = f"no packet reaches it: before it decides {named(took)}"
            yield of_rule("shadowed-admin-rule", rule, text, took)
