"""A management port for Azure Bastion alone: the rule that let attackers in lets that in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from flowverdict.impact.cause_rows import is_outside
from flowverdict.impact.cure_deny import Proposal, points
from flowverdict.impact.cure_edit import Edit, edited
from flowverdict.impact.cure_ends import Judge
from flowverdict.model import Endpoint
from flowverdict.net import (
    ALL_IPV4,
    ALL_IPV6,
    EMPTY,
    IntervalSet,
    format_address,
    format_addresses,
    is_ipv6,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flowverdict.impact.cure_deny import Asked
    from flowverdict.impact.cure_ends import End
    from flowverdict.model import Estate, Rule
    from flowverdict.policy import Options, Standpoint

MANAGEMENT: Final = {22: "SSH", 3389: "RDP", 5985: "WinRM", 5986: "WinRM"}
"""Ports by which machines are managed, and that Azure Bastion or a VPN can take over."""
_SERVICE: Final = "Azure Bastion"


class Bastion(NamedTuple):
    """A Bastion host that reaches an interface.

    Attributes:
        addresses: from which it comes.
    """

    name: str
    addresses: IntervalSet


def find_bastion(estate: Estate, place: Standpoint) -> Bastion | None:
    """Returns a Bastion host in the network of an interface, or in one that is peered with it."""
    vnet = place.vnet
    if vnet is None:
        return None
    near = {vnet.id, *(one.remote for one in vnet.peerings if one.state == "Connected")}
    subnets = estate.resources.subnets
    for service in estate.resources.services.values():
        if service.service == _SERVICE and any(one.parent in near for one in service.subnets):
            known = (subnets[one].prefixes for one in service.subnets if one in subnets)
            return Bastion(service.id.name, IntervalSet.union(known))
    return None


def is_management(end: End) -> bool:
    """Reports whether somebody from outside came to a port by which machines are managed."""
    source = format_address(end.packet.src)
    return end.is_inbound and end.packet.dst_port in MANAGEMENT and is_outside(source)


def for_bastion(
    estate: Estate, options: Options, asked: Mapping[int, Asked], removed: Proposal
) -> Proposal:
    """Proposes to let in Azure Bastion alone, where a rule opens management ports to the internet.

    Args:
        estate: the network.
        options: how open questions are answered.
        asked: by the findings' numbers.
        removed: the rules that let findings' flows pass, taken away.
    """
    found = Proposal()
    for number, edits in removed.edits.items():
        ends = asked[number].ends
        if not all(map(is_management, ends)):
            continue
        made = _made(estate, options, ends, edits)
        if isinstance(made, str):
            found.refuse([number], made)
        else:
            found.edits[number] = [made]
    return found


def _made(
    estate: Estate, options: Options, ends: Sequence[End], edits: Sequence[Edit]
) -> Edit | str:
    rule, vnet = edits[0].rule, ends[0].place.vnet
    if len(edits) > 1:
        return f"{len(edits)} rules let them in"
    bastions = {find_bastion(estate, one.place) for one in ends}
    if len(bastions) > 1 or None in bastions:
        return f"no Azure Bastion is known that reaches `{vnet.id.name if vnet else '?'}`"
    (bastion,) = bastions
    assert bastion is not None
    addresses = bastion.addresses & _family(ends)
    if not addresses:
        return f"no address of `{bastion.name}` is known"
    if other := _already(estate, options, ends, edits, addresses):
        return f"`{other.name}` lets `{bastion.name}` in, also without `{rule.name}`"
    side = Endpoint(addresses, texts=tuple(format_addresses(addresses)))
    ports = rule.destination_ports & points(MANAGEMENT)
    return Edit(replace(rule, source=side, destination_ports=ports), rule)


def _family(ends: Sequence[End]) -> IntervalSet:
    """Returns the family of the ends' addresses; nothing where they are of both."""
    families = {is_ipv6(one.packet.dst) for one in ends}
    return EMPTY if len(families) > 1 else ALL_IPV6 if True in families else ALL_IPV4


def _already(
    estate: Estate,
    options: Options,
    ends: Sequence[End],
    edits: Sequence[Edit],
    addresses: IntervalSet,
) -> Rule | None:
    """Returns the rule that lets addresses in when edits are made; None where some stay out."""
    judge = Judge(edited(estate, edits), options)
    asked = [
        (one.place.nic.id, one.direction, replace(one.packet, src=address))
        for one in ends
        for low, high in addresses
        for address in (low, high)
    ]
    judged = judge.judged(asked)
    if any(one.verdict.access != "Allow" for one in judged):
        return None
    return next((one.verdict.rule for one in judged if one.verdict.rule is not None), None)
