"""The rules of an estate as the judge that the demo's day of traffic asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowverdict.cli.errors import Refused
from flowverdict.demo.day.judging import Asked, Judge, Ruling
from flowverdict.model import Direction
from flowverdict.policy import DEFAULTS, Network, Standpoint, evaluate_at, find_nic, read_packet

if TYPE_CHECKING:
    from flowverdict.model import Estate


def judge_of(estate: Estate) -> Judge:
    """Returns a judge that answers as `verify` does, and knows an interface again."""
    network = Network(estate, DEFAULTS)
    places: dict[str, Standpoint] = {}

    def judge(asked: Asked) -> Ruling:
        place = places.get(asked.nic)
        if place is None:
            place = places[asked.nic] = Standpoint(network, find_nic(estate, nic=asked.nic))
        way = Direction(asked.direction)
        packet = read_packet(way, asked.protocol, asked.local, asked.remote)
        verdict = evaluate_at(place, way, packet)
        if verdict.access == "Unknown":
            raise Refused(f"{verdict}: expected rules of the bank that tell")
        step, rule = verdict.decided_by, verdict.rule
        return Ruling(
            allowed=verdict.access == "Allow",
            layer=verdict.layer,
            rule=rule.name if rule else None,
            is_default=rule is not None and rule.is_default,
            resource=str(step.resource) if step and step.resource else None,
        )

    return judge
