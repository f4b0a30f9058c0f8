"""What becomes of a route: which interfaces see it, and what the rules say there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flowverdict.demo.day.judging import Asked, Judge, Ruling
from flowverdict.demo.day.traffic import TCP, Route
from flowverdict.demo.plan.hosts import Nic
from flowverdict.demo.plan.networks import Direction
from flowverdict.demo.plan.whole import Bank


@dataclass(frozen=True, slots=True)
class Passage:
    """A route at one interface."""

    nic: Nic
    direction: Direction
    ruling: Ruling


@dataclass(frozen=True, slots=True)
class Course:
    """A route from end to end.

    Attributes:
        passages: at the source and at the destination, as far as a packet comes.
        arrives: whether somebody is there to answer.
    """

    passages: tuple[Passage, ...]
    arrives: bool


def courses(bank: Bank, routes: Iterable[Route], judge: Judge) -> list[Course]:
    """Returns the course of each route, by asking once for each interface that it meets."""
    nics = {each.address: nic for nic in bank.part.nics for each in nic.addresses}
    inside = tuple(f"10.{octet}." for octet in range(256))
    return [_course(route, nics, inside, judge) for route in routes]


def _course(route: Route, nics: dict[str, Nic], inside: tuple[str, ...], judge: Judge) -> Course:
    passages: list[Passage] = []
    for direction in ("Outbound", "Inbound"):
        nic = nics.get(route.src if direction == "Outbound" else route.dst)
        if nic is not None:
            ruling = _ruling(route, nic, direction, judge)
            passages.append(Passage(nic, direction, ruling))
            if not ruling.allowed:
                return Course(tuple(passages), arrives=False)
    is_nobody = route.dst.startswith(inside) and route.dst not in nics
    return Course(tuple(passages), arrives=not is_nobody)


def _ruling(route: Route, nic: Nic, direction: Direction, judge: Judge) -> Ruling:
    """Rules do not know the originator's port: none of the bank's asks for one."""
    if route.platform:
        return Ruling(allowed=True, layer="platform")
    target = f"[{route.dst}]:{route.port}" if ":" in route.dst else f"{route.dst}:{route.port}"
    local, remote = (route.src, target) if direction == "Outbound" else (target, route.src)
    protocol = "TCP" if route.protocol == TCP else "UDP"
    return judge(Asked(nic.id, direction, protocol, local, remote))
