"""At which network interface of an estate a packet is judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flowverdict.model import ResourceId
from flowverdict.net import NetworkTextError, format_address, parse_address
from flowverdict.policy import RequestError, check_local_address, find_nic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from flowverdict.model import Estate, NetworkInterface

Numbers = np.ndarray[Any, np.dtype[Any]]
Found = tuple[str | None, str | None]
"""The id of an interface, or what of it is missing."""

_BY: Final = ("nic", "vm", "mac", "target", "acl")
_MOST_KNOWN: Final = 1 << 17


class Places:
    """Finds the interface of each row by what names it: ``nic``, ``vm``, then what a flow log says.

    A flow log names the interface by its MAC address. Where the estate has no interface with that
    one, the interface may still be told by the local address, among those whose MAC address the
    estate does not have; ``target`` and ``acl`` then narrow the choice. Where nothing names it, it
    is the only one that owns the local address.
    """

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._known: dict[tuple[Any, ...], Found] = {}
        self._public = pa.array(sorted(_public(estate)), pa.string())

    def find(self, columns: Mapping[str, pa.Array]) -> tuple[pa.Array, pa.Array]:
        """Returns the id of each row's interface, null where there is none, and what is missing.

        Args:
            columns: any of ``nic``, ``vm``, ``mac``, ``target`` and ``acl``; ``src_ip``, ``dst_ip``
                and ``direction`` of the packets.
        """
        inbound = pc.equal(columns["direction"], "I")
        local = pc.if_else(inbound, columns["dst_ip"], columns["src_ip"])
        if self._is_named(columns):  # then the address chooses nothing
            seen = pc.is_in(local, self._public)
            local = pc.if_else(seen, local, pa.scalar(None, pa.string()))
        named = [columns[name] for name in _BY if name in columns]
        keys = [name for name in _BY if name in columns]
        words, codes = combined([*named, local])
        found: list[Found] = []
        for one in words:
            if one not in self._known:
                if len(self._known) > _MOST_KNOWN:
                    self._known.clear()
                self._known[one] = self._look(dict(zip(keys, one, strict=False)), one[-1])
            found.append(self._known[one])
        index = pa.array(codes)
        nics = pa.array([one[0] for one in found], pa.string()).take(index)
        return nics, pa.array([one[1] for one in found], pa.string()).take(index)

    def _is_named(self, columns: Mapping[str, pa.Array]) -> bool:
        """Reports whether every row has an interface's name, or a MAC address that is one's."""
        if "nic" in columns:
            names = columns["nic"]
            return names.null_count == 0 and not pc.any(pc.equal(names, "")).as_py()
        if "mac" not in columns or "vm" in columns:
            return False
        macs = self._estate.nics_by_mac
        single = [mac for mac, nics in macs.items() if len(nics) == 1]
        return pc.all(pc.is_in(columns["mac"], pa.array(single, pa.string()))).as_py() is True

    def _look(self, by: Mapping[str, str | None], local: str | None) -> Found:
        try:
            point = None if local is None else parse_address(local)
        except NetworkTextError:
            return None, None  # the row is told for its address
        try:
            if by.get("nic") or by.get("vm"):
                nic = find_nic(self._estate, nic=by.get("nic"), vm=by.get("vm"), local=point)
            else:
                nic = self._by_flow(by, point)
            if point is not None:
                check_local_address(self._estate, nic, point)
        except RequestError as problem:
            return None, problem.problem.partition(": expected ")[0]
        return str(nic.id), None

    def _by_flow(self, by: Mapping[str, str | None], local: int | None) -> NetworkInterface:
        """Returns the interface that a flow log's row, or the local address alone, tells.

        Raises:
            RequestError: there is none, or there are several.
        """
        mac = _mac(by.get("mac"))
        nics = self._estate.nics_by_mac.get(mac, []) if mac else []
        if len(nics) == 1:
            return nics[0]
        target = by.get("target")
        if not nics and target:
            named = self._estate.resources.nics.get(ResourceId(target))
            if named is not None and (not named.mac or not mac):
                return named
        owners = nics or self._estate.nics_by_address.get(-1 if local is None else local, [])
        if mac and not nics:
            owners = [one for one in owners if not one.mac]
        elif nics:
            owners = [one for one in nics if local is not None and local in one.addresses]
        for place in (target, by.get("acl")):
            if len(owners) > 1 and place:
                owners = self._at(owners, ResourceId(place)) or owners
        if len(owners) == 1:
            return owners[0]
        shown = "?" if local is None else format_address(local)
        if owners:
            many = " and ".join(f"`{one.id.name}`" for one in owners[:3])
            raise RequestError(f"which interface: `{shown}` is an address of {many}")
        if mac:
            raise RequestError(f"network interface with MAC address `{mac}`")
        raise RequestError(f"network interface with address `{shown}`")

    def _at(self, nics: Iterable[NetworkInterface], place: ResourceId) -> list[NetworkInterface]:
        """Returns those of some interfaces that a resource contains, or that an NSG is before."""
        subnets = self._estate.resources.subnets
        found: list[NetworkInterface] = []
        for nic in nics:
            subnet = subnets.get(nic.subnet) if nic.subnet else None
            nsgs = (nic.nsg, subnet.nsg if subnet else None)
            if place in nsgs or (nic.subnet is not None and nic.subnet.is_below(place)):
                found.append(nic)
        return found


def _public(estate: Estate) -> set[str]:
    """Returns addresses that rules never see: public ones, and those of load balancers."""
    found = {format_address(one.address) for one in estate.resources.public_ips.values()
             if one.address is not None}  # fmt: skip
    for one in estate.resources.load_balancers.values():
        for low, high in one.private_frontends:
            found.update(format_address(point) for point in range(low, high + 1))
    return found


def _mac(text: str | None) -> str:
    return "".join(one for one in text or "" if one not in ":-. ").upper()


def combined(columns: list[pa.Array]) -> tuple[list[tuple[Any, ...]], Numbers]:
    """Returns the different rows of some columns of text, and which of them each row is."""
    codes = np.zeros(len(columns[0]), np.int64)
    first = np.zeros(min(len(codes), 1), np.int64)
    for column in columns:
        encoded = column.dictionary_encode()
        size = len(encoded.dictionary)
        index = encoded.indices.fill_null(size).to_numpy()
        # renumbered each time: numbers stay small, however many columns there are
        _, first, codes = np.unique(
            codes * (size + 1) + index, return_index=True, return_inverse=True
        )
    chosen = [one.take(pa.array(first)).to_pylist() for one in columns]
    return list(zip(*chosen, strict=True)), codes
