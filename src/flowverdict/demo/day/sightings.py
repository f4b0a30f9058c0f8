"""Which flow is seen by which interface, and under which entry of which log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from flowverdict.demo.day.logs import Entry, entries
from flowverdict.demo.day.passages import Course, Passage
from flowverdict.demo.day.rhythm import Ints
from flowverdict.demo.day.traffic import TCP, Flows, Route
from flowverdict.demo.plan.hosts import Nic


class Spot(NamedTuple):
    """A route at an interface in a log: what all its tuples have in common.

    Attributes:
        begins_only: whether the log has no more than the begins, as logs of NSGs do for inbound
            TCP that a rule of the user's allows (unless the network's flow timeout is set).
    """

    route: Route
    mac: str
    direction: str
    allowed: bool
    arrives: bool
    encryption: str | None
    entry: Entry
    begins_only: bool


class Sightings(NamedTuple):
    """Pairs of a flow and a spot, as indexes."""

    flow: Ints
    spot: Ints


def spots(
    routes: Sequence[Route], found: Sequence[Course], macs: Mapping[str, str]
) -> list[list[Spot]]:
    """Returns the spots of each route."""
    return [
        [
            Spot(
                route,
                macs[passage.nic.id],
                passage.direction[0],
                passage.ruling.allowed,
                course.arrives,
                _encryption(course) if entry.schema == "vnet4" else None,
                entry,
                _begins_only(route, passage, entry),
            )
            for passage in course.passages
            for entry in entries(passage)
        ]
        for route, course in zip(routes, found, strict=True)
    ]


def sightings(flows: Flows, of_routes: Sequence[Sequence[Spot]]) -> Sightings:
    """Returns every flow with every spot of its route; spots count through all routes in order."""
    many = np.array([len(one) for one in of_routes])
    first = np.cumsum(many) - many
    times = many[flows.route]
    flow = np.repeat(np.arange(len(flows.route)), times)
    nth = np.arange(len(flow)) - np.repeat(np.cumsum(times) - times, times)
    return Sightings(flow, first[flows.route[flow]] + nth)


def _begins_only(route: Route, passage: Passage, entry: Entry) -> bool:
    is_inbound_tcp = passage.direction == "Inbound" and route.protocol == TCP
    return entry.schema == "nsg2" and entry.kind == "user" and is_inbound_tcp


def _encryption(course: Course) -> str:
    """The token of a flow: encrypted where both ends are machines of one network that encrypts.

    Where both happen to run on one host, which stays so all day, there is nothing to encrypt.
    """
    nics = [one.nic for one in course.passages]
    if len(nics) < 2 or not course.arrives or not all(map(_encrypts, nics)):
        return "NX"
    if nics[0].vnet is not nics[1].vnet:
        return "NX"
    return "NX_LOCAL_DST" if _share_a_host(*nics) else "X"


def _encrypts(nic: Nic) -> bool:
    return nic.vnet.encrypted and nic.machine is not None


def _share_a_host(one: Nic, other: Nic) -> bool:
    """Reports whether two machines do, as far as their addresses decide it: one pair in nine."""
    return (int(one.address.rsplit(".")[-1]) + 2 * int(other.address.rsplit(".")[-1])) % 9 == 0
