"""What a verdict takes for granted, said aloud."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowverdict.model import Access, Direction
from flowverdict.net import format_address
from flowverdict.policy.matching import matches
from flowverdict.policy.services import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.net import Packet
    from flowverdict.policy.standpoint import Standpoint
    from flowverdict.policy.verdict import Step
    from flowverdict.policy.worlds import World

_HOST: Final = HOST.spans[0][0]


def tied(
    place: Standpoint, direction: Direction, packet: Packet, world: World, step: Step
) -> list[str]:
    """Warns where admin rules of one priority match alike and Azure's choice is not known (Q3)."""
    if step.rule is None or place.admin is None:
        return []
    return [
        f"admin rules `{step.rule.name}` and `{entry.rule.name}` have the same priority "
        f"{step.rule.priority}: the stricter is taken to decide"
        for manager in place.admin.managers
        if manager.manager == step.resource
        for entry in manager.towards(direction)
        if entry.rule
        and entry.rule.id != step.rule.id
        and entry.rule.priority == step.rule.priority
        and entry.rule.access is not step.rule.access
        and matches(entry.rule, packet, place, world, entry.committed)
    ]


def cautions(place: Standpoint, packet: Packet, step: Step) -> Iterator[str]:
    """Yields what the match of a rule takes for granted."""
    if step.rule is None:
        return
    entries = place.admin.entries_of(step.rule) if place.admin and step.layer == "admin" else ()
    committed = next((entry.committed for entry in entries), "")
    for endpoint, address in (
        (step.rule.source, packet.src),
        (step.rule.destination, packet.dst),
    ):
        for one in place.sets_of(endpoint, committed):
            part = one.part_of(address)
            if part is not None and part.assumed:
                yield f"taken for granted {part.assumed}"
        if step.layer != "admin" and endpoint.tags and len(endpoint.texts) > 1:
            yield (
                f"`{step.rule.name}` has a service tag in a list ({', '.join(endpoint.texts)}): "
                "taken as their union; Azure's documents disagree on whether that is allowed"
            )

    several = any(
        len(ports.spans) > 1 for ports in (step.rule.source_ports, step.rule.destination_ports)
    )
    if several and place.is_private_endpoint:
        yield (
            f"`{step.rule.name}` has several port ranges; private endpoints were once said to "
            "honour the first alone, or with a Deny all ports: not emulated"
        )


def about_probes(direction: Direction, packet: Packet, step: Step | None) -> list[str]:
    """Warns where the answer about the host's address hangs on an open question (Q8, Q16)."""
    host = packet.src if direction is Direction.INBOUND else packet.dst
    if host != _HOST or step is None or step.rule is None:
        return []
    side = step.rule.source if direction is Direction.INBOUND else step.rule.destination
    tags = {tag.lower() for tag in side.tags}
    found: list[str] = []
    if "virtualnetwork" in tags:
        note = "the host's address counts as part of VirtualNetwork (Q8)"
        if step.rule.access is Access.ALLOW and direction is Direction.INBOUND:
            note += "; AllowAzureLoadBalancerInBound (65001) matches too"
        found.append(f"{format_address(host)}: {note}")
    if "internet" in tags:
        found.append(f"{format_address(host)} counts as part of Internet, as recorded (Q16)")
    return found
