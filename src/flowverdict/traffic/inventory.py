"""What is logged, held against an estate: interfaces without a log, logs without an interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowverdict.traffic.support import unseen_by_nsg, unseen_by_vnet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flowverdict.model import Estate, FlowLog, NetworkInterface, ResourceId
    from flowverdict.traffic.coverage import Log


@dataclass(frozen=True, slots=True)
class Unlogged:
    """An interface of which no row came, and what is known about why."""

    nic: ResourceId
    mac: str
    why: str


@dataclass(frozen=True, slots=True)
class Silent:
    """A flow log that is switched on, and of which no row came."""

    flow_log: FlowLog
    nics: int


@dataclass(frozen=True, slots=True)
class Inventory:
    """An estate and what was logged of it.

    Attributes:
        unlogged: interfaces of which no row came.
        without_mac: interfaces whose MAC address the estate does not have: nothing can be said.
        absent: interfaces that the estate names and does not have: nothing can be said.
        unknown_macs: what was logged and is no interface of the estate.
        silent: flow logs that are switched on, and of which no row came.
    """

    unlogged: tuple[Unlogged, ...]
    without_mac: tuple[ResourceId, ...]
    absent: tuple[ResourceId, ...]
    unknown_macs: tuple[str, ...]
    silent: tuple[Silent, ...]


def take_stock(estate: Estate, macs: Iterable[str | None], logs: Iterable[Log]) -> Inventory:
    """Holds what was logged against an estate.

    Args:
        estate: the network.
        macs: the MAC addresses of which rows came.
        logs: the flow logs of which rows came.
    """
    logged = {one for one in macs if one is not None}
    nics = sorted(estate.resources.nics.values(), key=lambda nic: nic.id)
    return Inventory(
        unlogged=tuple(
            Unlogged(nic.id, nic.mac, _why(estate, nic))
            for nic in nics
            if nic.mac and nic.mac not in logged
        ),
        without_mac=tuple(
            nic.id for nic in nics if not nic.mac and nic.id not in estate.private_endpoint_nics
        ),
        absent=tuple(sorted(estate.absent_nics)),
        unknown_macs=tuple(sorted(logged - estate.nics_by_mac.keys())),
        silent=tuple(_silent(estate, logs)),
    )


def flow_logs_of(estate: Estate, nic: NetworkInterface) -> Iterator[FlowLog]:
    """Yields the flow logs that would log an interface, those that are switched off too.

    Of VNet flow logs that are on, the most specific counts: interface, then subnet, then network
    (specification, 6.2).
    """
    by_target = estate.flow_logs_by_target
    subnet = estate.resources.subnets.get(nic.subnet) if nic.subnet else None
    for nsg in (nic.nsg, subnet.nsg if subnet else None):
        yield from by_target.get(nsg, ()) if nsg else ()
    off: list[FlowLog] = []
    for place in (nic.id, nic.subnet, nic.subnet.parent if nic.subnet else None):
        found = by_target.get(place, []) if place else []
        on = [one for one in found if one.enabled]
        if on:
            yield from on
            return
        off += found
    yield from off


def _why(estate: Estate, nic: NetworkInterface) -> str:
    if nic.id in estate.private_endpoint_nics:
        return "a private endpoint: its traffic is logged at the other end"
    subnet = estate.resources.subnets.get(nic.subnet) if nic.subnet else None
    found = list(flow_logs_of(estate, nic))
    on = [one for one in found if one.enabled]
    if subnet is not None:
        unseen = unseen_by_nsg(subnet) if on and all(one.is_of_nsg for one in on) else ()
        if services := (unseen_by_vnet(subnet) or unseen):
            return f"flow logs do not record {', '.join(services)}"
    if on:
        names = " and ".join(f"`{one.id.name}`" for one in on)
        word = "flow log" if len(on) == 1 else "flow logs"
        verb = "is" if len(on) == 1 else "are"
        idle = "" if nic.id in estate.nics_of_machines else "; it is attached to no machine"
        return f"{word} {names} {verb} on, and no row came{idle}"
    if found:
        return f"flow log `{found[0].id.name}` is switched off"
    if not estate.resources.flow_logs:
        return "the estate has no flow logs: what is set up is not known"
    return "no flow log is set up for it"


def _silent(estate: Estate, logs: Iterable[Log]) -> Iterator[Silent]:
    """Yields flow logs that are on and gave no row; logs name ids in upper case."""
    seen = {name.lower() for log in logs for name in (log.id, _nsg(log)) if name}
    nics: dict[ResourceId, int] = {}
    for nic in estate.resources.nics.values():
        for one in flow_logs_of(estate, nic):
            nics[one.id] = nics.get(one.id, 0) + 1
    for one in sorted(estate.resources.flow_logs.values(), key=lambda one: one.id):
        name = one.target if one.is_of_nsg else one.id
        if one.enabled and name.key not in seen:
            yield Silent(one, nics.get(one.id, 0))


def _nsg(log: Log) -> str:
    return log.target if log.schema != "vnet4" else ""
