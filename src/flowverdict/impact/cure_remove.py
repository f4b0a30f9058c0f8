"""The rule that let attackers in, taken away, or narrowed to what others use of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from flowverdict.impact.cure_deny import Proposal, points
from flowverdict.impact.cure_edit import Edit, cannot_be_written, edited
from flowverdict.impact.cure_ends import Judge, of_each_kind
from flowverdict.model import Direction, Endpoint
from flowverdict.net import format_addresses, is_ipv6, parse_address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flowverdict.impact.cure_deny import Asked
    from flowverdict.impact.cure_effect import Use
    from flowverdict.impact.cure_ends import End
    from flowverdict.model import Estate, ResourceId, Rule
    from flowverdict.policy import Options

_MOST_RULES: Final = 3
"""Rules in a row that would let the same flow in."""
_MOST_STRANGERS: Final = 50
"""Addresses that a narrowed rule lists: with more it is no rule for a few that are known."""
_MOST_PORTS: Final = 20


def removals(estate: Estate, options: Options, asked: Mapping[int, Asked]) -> Proposal:
    """Proposes to take away the Allow rules of NSGs that let findings' flows pass.

    Where another rule would let them pass then, that goes too.

    Args:
        estate: the network.
        options: how open questions are answered.
        asked: by the findings' numbers.
    """
    found = Proposal()
    for number, one in asked.items():
        edits = _removed(estate, options, one.ends)
        if isinstance(edits, str):
            found.refuse([number], edits)
        else:
            found.edits[number] = edits
    return found


def _removed(estate: Estate, options: Options, ends: Sequence[End]) -> list[Edit] | str:
    edits: dict[ResourceId, Edit] = {}
    left = list(ends)
    for _ in range(_MOST_RULES):
        for end in of_each_kind(left):
            rule = _letting_in(end)
            if isinstance(rule, str):
                return rule
            edits[rule.id] = Edit(old=rule)
        judge = Judge(edited(estate, edits.values()), options)
        left = [one for one in judge.again(left) if one.verdict.access == "Allow"]
        if not left:
            break
    if left:
        return f"would not stop it: {left[0].told}"
    for owner in {one.owner for one in edits.values()}:
        if why := cannot_be_written(estate.resources.nsgs[owner]):
            return why
    return list(edits.values())


def _letting_in(end: End) -> Rule | str:
    """Returns the rule of an NSG that lets a flow pass and can go, or why there is none."""
    steps = [one for one in end.verdict.trace if one.access == "Allow" and one.layer != "admin"]
    rules = [one.rule for one in reversed(steps) if one.rule is not None]
    for rule in rules:
        if not rule.is_default:
            return rule
    if rules:
        return f"`{rules[0].name}` lets them in, a default rule: it cannot go"
    step = end.verdict.decided_by
    if step is not None and step.rule is not None:
        return f"admin rule `{step.rule.name}` lets them in, which is no rule of an NSG"
    return "no rule lets them in: none stands in their way"


def narrowed(rule: Rule, use: Use) -> Rule | str:
    """Returns an Allow rule that still matches the flows that others had by it, and little else.

    The strangers' addresses and the ports become those that were used, where they are few; the rest
    stays.

    Args:
        rule: of an NSG.
        use: what others had by it.
    """
    strangers = points(map(parse_address, use.strangers or ()))
    ports = points(one for one in use.ports if one is not None)
    families = {is_ipv6(low) for low, _ in strangers}
    texts = tuple(format_addresses(strangers))
    new = rule
    if len(texts) <= _MOST_STRANGERS and len(families) == 1:
        side = Endpoint(strangers, texts=texts)
        is_in = rule.direction is Direction.INBOUND
        new = replace(new, source=side) if is_in else replace(new, destination=side)
    if None not in use.ports and len(ports.spans) <= _MOST_PORTS:
        new = replace(new, destination_ports=ports)
    if new == rule:
        who = "both families of addresses" if len(families) > 1 else "too many"
        return f"`{rule.name}` is used by {who}: one rule cannot be narrowed to them"
    return new
