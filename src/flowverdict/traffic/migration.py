"""NSG flow logs that must become VNet flow logs, and what that changes in coverage.

Flow-log specification, section 7: since 2025-06-30 no NSG flow log can be made, and on 2027-09-30
they are deleted; their blobs stay. Microsoft's script knows two ways: without aggregation each
interface and subnet that an NSG is attached to gets a flow log of its own; with aggregation a
subnet gets one if all its interfaces are logged alike, and a network if all its subnets are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from flowverdict.traffic.support import is_unseen_size, unseen_by_nsg, unseen_by_vnet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from flowverdict.model import Estate, NetworkInterface, ResourceId, Subnet

CLOSED_SINCE: Final = date(2025, 6, 30)
RETIRES: Final = date(2027, 9, 30)
BYTES_NSG: Final = 57.2
"""A tuple of an NSG flow log, on the average of captured blobs (specification, 4.5)."""
BYTES_VNET: Final = 67.4
"""The same tuple in a VNet flow log: 18 % more, and the rows of PlatformRule besides."""

_SCALE_SET: Final = "/virtualmachinescalesets/"


@dataclass(frozen=True, slots=True)
class NsgLog:
    """An NSG that is logged.

    Attributes:
        enabled: as the estate sets it up; None where the estate does not say.
        rows: how many came.
        attached: the interfaces and subnets that it is attached to.
        nics: the interfaces that it sees: those, and those in the subnets.
    """

    nsg: ResourceId
    enabled: bool | None
    rows: int
    attached: tuple[ResourceId, ...]
    nics: tuple[ResourceId, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a VNet flow log goes.

    Attributes:
        id: an interface, a subnet or a network.
        replaces: the NSGs whose flow logs it takes the place of, as far as it reaches.
        kept: interfaces that are seen now and then.
        gained: interfaces, gateways and services that are seen then and not now.
        lost: interfaces that are seen now and not then, with the service that is the reason.
        exists: a VNet flow log that is on is there already, on this target or above it.
    """

    id: ResourceId
    replaces: tuple[ResourceId, ...]
    kept: tuple[ResourceId, ...]
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    exists: bool

    @property
    def kind(self) -> str:
        """``VirtualNetwork``, ``Subnet`` or ``NetworkInterface``."""
        return _KINDS.get(self.id.type, "NetworkInterface")


_KINDS: Final = {
    "microsoft.network/virtualnetworks": "VirtualNetwork",
    "microsoft.network/virtualnetworks/subnets": "Subnet",
}


@dataclass(frozen=True, slots=True)
class Migration:
    """From NSG flow logs to VNet flow logs.

    Attributes:
        nsgs: the NSGs that are logged.
        unattached: those of them that the estate does not have: where they are is not known.
        targets: the fewest flow logs in their place.
        separate: the flow logs in their place without aggregation.
        networks: for comparison, one flow log on each network that is concerned.
    """

    nsgs: tuple[NsgLog, ...]
    unattached: tuple[ResourceId, ...]
    targets: tuple[Target, ...]
    separate: tuple[Target, ...]
    networks: tuple[Target, ...]


def plan(estate: Estate, rows: Mapping[ResourceId, int]) -> Migration:
    """Plans what takes the place of NSG flow logs.

    Args:
        estate: the network.
        rows: how many rows came of each NSG.
    """
    return _Planner(estate, rows).plan()


class _Planner:
    def __init__(self, estate: Estate, rows: Mapping[ResourceId, int]) -> None:
        self._estate = estate
        self._rows = rows
        set_up = estate.resources.flow_logs.values()
        self._flow_logs = {one.target: one for one in set_up if one.is_of_nsg}
        self._covered = {one.target for one in set_up if one.enabled and not one.is_of_nsg}
        self._gateways: dict[ResourceId, set[ResourceId]] = {}
        for gateway in estate.resources.gateways.values():
            for subnet in gateway.subnets:
                self._gateways.setdefault(subnet, set()).add(gateway.id)
        on = {nsg for nsg, one in self._flow_logs.items() if one.enabled}
        self._logged = dict.fromkeys(sorted(on | rows.keys()))
        self._nics = [
            nic
            for nic in sorted(estate.resources.nics.values(), key=lambda nic: nic.id)
            if nic.id not in estate.private_endpoint_nics
        ]
        self._nsgs_of = {nic.id: self._logged_nsgs(nic) for nic in self._nics}
        self._subnets_with: dict[ResourceId, list[ResourceId]] = {}
        for one in estate.resources.subnets.values():
            if one.nsg:
                self._subnets_with.setdefault(one.nsg, []).append(one.id)
        self._in_subnet: dict[ResourceId, list[NetworkInterface]] = {}
        self._with_nsg: dict[ResourceId, list[NetworkInterface]] = {}
        for nic in self._nics:
            if nic.subnet:
                self._in_subnet.setdefault(nic.subnet, []).append(nic)
            for nsg in self._nsgs_of[nic.id]:
                self._with_nsg.setdefault(nsg, []).append(nic)

    def plan(self) -> Migration:
        """Returns the whole plan."""
        subnets = [one for one in self._estate.resources.subnets.values() if self._concerns(one)]
        subnets.sort(key=lambda one: one.id)
        networks = sorted({one.vnet for one in subnets})
        separate = [place for one in subnets for place in self._attachments(one)]
        return Migration(
            nsgs=tuple(self._nsg_log(nsg) for nsg in self._logged),
            unattached=tuple(nsg for nsg in self._logged if nsg not in self._estate.resources.nsgs),
            targets=tuple(self._target(one) for one in self._aggregated(networks, subnets)),
            separate=tuple(self._target(one) for one in dict.fromkeys(separate)),
            networks=tuple(self._target(one) for one in networks),
        )

    # -- what is logged now

    def _subnet(self, nic: NetworkInterface) -> Subnet | None:
        return self._estate.resources.subnets.get(nic.subnet) if nic.subnet else None

    def _logged_nsgs(self, nic: NetworkInterface) -> list[ResourceId]:
        subnet = self._subnet(nic)
        both = (nic.nsg, subnet.nsg if subnet else None)
        return [one for one in dict.fromkeys(both) if one and one in self._logged]

    def _nsg_log(self, nsg: ResourceId) -> NsgLog:
        set_up, nics = self._flow_logs.get(nsg), self._with_nsg.get(nsg, [])
        subnets = self._subnets_with.get(nsg, [])
        known = self._estate.resources.nsgs.get(nsg)
        return NsgLog(
            nsg=known.id if known else nsg,  # logs spell it in upper case
            enabled=set_up.enabled if set_up else None,
            rows=self._rows.get(nsg, 0),
            attached=tuple(sorted([nic.id for nic in nics if nic.nsg == nsg] + subnets)),
            nics=tuple(nic.id for nic in nics),
        )

    def _concerns(self, subnet: Subnet) -> bool:
        return subnet.nsg in self._logged or any(
            self._nsgs_of[nic.id] for nic in self._in_subnet.get(subnet.id, [])
        )

    def _subnets_of(self, place: ResourceId) -> list[Subnet]:
        """Returns the subnets of a network, or the subnet itself; of an interface none."""
        alone = self._estate.resources.subnets.get(place)
        return [alone] if alone else self._estate.subnets_by_vnet.get(place, [])

    def _nics_in(self, place: ResourceId) -> list[NetworkInterface]:
        """Returns the interfaces of a network, of a subnet, or the interface itself."""
        if (alone := self._estate.resources.nics.get(place)) is not None:
            return [alone]
        return [nic for one in self._subnets_of(place) for nic in self._in_subnet.get(one.id, [])]

    # -- what takes its place

    def _attachments(self, subnet: Subnet) -> Iterator[ResourceId]:
        """Yields where logged NSGs are attached; of a scale set's interfaces their subnet."""
        if subnet.nsg in self._logged:
            yield subnet.id
        for nic in self._nics_in(subnet.id):
            if nic.nsg in self._logged:
                yield subnet.id if _SCALE_SET in nic.id.key else nic.id

    def _aggregated(
        self, networks: Iterable[ResourceId], subnets: Iterable[Subnet]
    ) -> Iterator[ResourceId]:
        whole: set[ResourceId] = set()
        for network in networks:
            alike = [self._alike(one) for one in self._estate.subnets_by_vnet.get(network, [])]
            if all(one is not None for one in alike) and _are_one(
                setting for one in alike if one for setting in one
            ):
                whole.add(network)
                yield network
        for subnet in subnets:
            if subnet.vnet in whole:
                continue
            if self._alike(subnet) is not None:
                yield subnet.id
            else:
                yield from dict.fromkeys(self._attachments(subnet))

    def _alike(self, subnet: Subnet) -> set[object] | None:
        """Returns the settings of a subnet in which everything is logged alike; else None."""
        nics = self._nics_in(subnet.id)
        is_logged = subnet.nsg in self._logged
        absent = any(one not in self._estate.resources.nics for one in subnet.nics)
        if not is_logged and (not nics or absent or any(not self._nsgs_of[nic.id] for nic in nics)):
            return None
        nsgs = {one for nic in nics for one in self._nsgs_of[nic.id]}
        nsgs |= {subnet.nsg} if is_logged and subnet.nsg else set()
        found = {self._flow_logs[one].settings for one in nsgs if one in self._flow_logs}
        return set(found) if _are_one(found) else None

    def _target(self, place: ResourceId) -> Target:
        nics = self._nics_in(place)
        now = [nic for nic in nics if self._nsgs_of[nic.id]]
        lost = {nic.id: services for nic in now if (services := self._lost(nic))}
        unseen = [nic for nic in nics if not self._nsgs_of[nic.id]]
        gained = [str(nic.id) for nic in unseen if not self._lost(nic)]
        gained += [f"{nic.id} ({why})" for nic in now if (why := self._blind(nic))]
        gained += [str(one) for one in self._besides(place)]
        nsgs = [nsg for nic in nics for nsg in self._nsgs_of[nic.id]]
        nsgs += [one.nsg for one in self._subnets_of(place) if one.nsg in self._logged and one.nsg]
        return Target(
            id=place,
            replaces=tuple(dict.fromkeys(nsgs)),
            kept=tuple(nic.id for nic in now if nic.id not in lost),
            gained=tuple(gained),
            lost=tuple(f"{nic} ({', '.join(services)})" for nic, services in lost.items()),
            exists=not self._covered.isdisjoint(self._at_or_above(place)),
        )

    def _at_or_above(self, place: ResourceId) -> Iterator[ResourceId]:
        """Yields a place, and the subnet and the network that it is in."""
        nic = self._estate.resources.nics.get(place)
        for one in (place, nic.subnet if nic else None):
            if one is not None:
                yield one
                yield one.parent

    def _lost(self, nic: NetworkInterface) -> tuple[str, ...]:
        """Returns the services for which VNet flow logs do not record an interface."""
        subnet = self._subnet(nic)
        return unseen_by_vnet(subnet) if subnet else ()

    def _blind(self, nic: NetworkInterface) -> str:
        """Returns why an NSG log does not record an interface although it is set up."""
        subnet = self._subnet(nic)
        if subnet and (services := unseen_by_nsg(subnet)) and not unseen_by_vnet(subnet):
            return ", ".join(services)
        vm = self._estate.resources.vms.get(nic.vm) if nic.vm else None
        return f"size {vm.size}" if vm and is_unseen_size(vm.size) else ""

    def _besides(self, place: ResourceId) -> Iterator[str]:
        """Yields gateways and application gateways, which VNet flow logs record."""
        for subnet in self._subnets_of(place):
            for gateway in sorted(self._gateways.get(subnet.id, set()) | {*subnet.gateways}):
                yield str(gateway)
            for service in self._estate.services_by_subnet.get(subnet.id, []):
                if service.service == "Application Gateway":
                    yield str(service.id)


def _are_one(settings: Iterable[object]) -> bool:
    return len(set(settings)) <= 1
