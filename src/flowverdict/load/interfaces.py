"""What does not fit together among network interfaces, and where they are attached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowverdict.load.report import warning
from flowverdict.net import format_address, format_addresses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.model import Diagnostic, ResourceId, Resources


def contradicted_attachments(resources: Resources) -> Iterator[Diagnostic]:
    """Yields where an NSG says that it is attached and the subnet or interface does not."""
    for nsg in resources.nsgs.values():
        for place in nsg.attached:
            found = resources.nics.get(place) or resources.subnets.get(place)
            if found is not None and found.nsg != nsg.id and nsg.where is not None:
                own = f"`{found.nsg.name}`" if found.nsg else "no NSG"
                what = f"`{nsg.id.name}` says it is attached to `{place.name}`, which names {own}"
                expected = "exports of the same moment"
                yield warning(nsg.where, "attachment", what, expected, resource=place)


def addresses_outside(resources: Resources) -> Iterator[Diagnostic]:
    """Yields interfaces with an address that is not their subnet's."""
    for nic in resources.nics.values():
        for one in nic.ip_configurations:
            subnet = resources.subnets.get(one.subnet) if one.subnet else None
            if (
                subnet is not None
                and one.where is not None
                and not one.addresses <= subnet.prefixes
            ):
                text = ", ".join(format_addresses(one.addresses))
                what = f"`{text}` of `{nic.id.name}` is outside of its subnet `{subnet.id.name}`"
                expected = ", ".join(f"`{prefix}`" for prefix in format_addresses(subnet.prefixes))
                yield warning(one.where, "outside", what, expected, resource=nic.id)


def addresses_held_twice(resources: Resources) -> Iterator[Diagnostic]:
    """Yields interfaces with a private address that another of their virtual network has.

    Azure gives an address of a virtual network to one IP configuration at a time.
    """
    holders: dict[tuple[ResourceId, int], ResourceId] = {}
    for nic in resources.nics.values():
        vnet = nic.subnet.parent if nic.subnet else None
        for one in nic.ip_configurations:
            if vnet is None or one.where is None or one.addresses.size != 1:
                continue
            address = one.addresses.spans[0][0]
            holder = holders.setdefault((vnet, address), nic.id)
            if holder != nic.id:
                text = format_address(address)
                what = f"`{nic.id.name}` has `{text}` in `{vnet.name}`, as `{holder.name}` has"
                expected = "an address once in a virtual network"
                yield warning(one.where, "address-twice", what, expected, resource=nic.id)
