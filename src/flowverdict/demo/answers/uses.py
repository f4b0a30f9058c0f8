"""The way back from a resource to those that use it, which Azure writes into its answers."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from flowverdict.demo.plan.networks import Peering
from flowverdict.demo.plan.whole import Bank


@dataclass(frozen=True, slots=True)
class Uses:
    """The way back from a resource to those that use it, which Azure writes into its answers."""

    nics_of_nsg: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    subnets_of_nsg: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    subnets_of_route_table: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    configurations_of_subnet: dict[str, list[str]] = field(
        default_factory=lambda: defaultdict(list)
    )
    configuration_of_public_ip: dict[str, str] = field(default_factory=dict[str, str])
    configurations_of_pool: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    peerings_of_vnet: dict[str, list[Peering]] = field(default_factory=lambda: defaultdict(list))


def uses(bank: Bank) -> Uses:
    """Who uses what in the bank."""
    found = Uses()
    for vnet in bank.part.vnets:
        for subnet in vnet.subnets:
            if subnet.nsg:
                found.subnets_of_nsg[subnet.nsg.id].append(vnet.subnet_id(subnet.name))
            if subnet.route_table:
                table = subnet.route_table.id
                found.subnets_of_route_table[table].append(vnet.subnet_id(subnet.name))
    for nic in bank.part.nics:
        if nic.nsg:
            found.nics_of_nsg[nic.nsg.id].append(nic.id)
        for each in nic.addresses:
            configuration = f"{nic.id}/ipConfigurations/{each.name}"
            # Azure lists the addresses of scale sets at their subnet in capitals.
            shown = configuration.upper() if nic.in_scale_set else configuration
            found.configurations_of_subnet[nic.vnet.subnet_id(nic.subnet)].append(shown)
            if each.public_ip:
                found.configuration_of_public_ip[each.public_ip.id] = configuration
            if each.pool:
                found.configurations_of_pool[each.pool].append(configuration)
    for peering in bank.peerings:
        found.peerings_of_vnet[peering.vnet.id].append(peering)
    return found
