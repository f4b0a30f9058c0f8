"""What infrastructure code says apart: parts of resources, and what ties two resources together.

Azure's own answers have rules inside of their NSG, and the NSG at its subnet. Terraform has each as
a resource of its own, and may have one without the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from flowverdict.load.network import read_peering, read_route
from flowverdict.load.report import Unreadable, warning
from flowverdict.load.security import read_rule, with_rules
from flowverdict.model import (
    NetworkInterface,
    NetworkSecurityGroup,
    Peering,
    ResourceId,
    Route,
    RouteTable,
    Rule,
    Subnet,
    VirtualNetwork,
)
from flowverdict.model.value import value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flowverdict.load.assemble import Assembly
    from flowverdict.load.kinds import Found
    from flowverdict.load.node import Node
    from flowverdict.model import Diagnostic, IpConfiguration, Resources

_NET: Final = "microsoft.network/"
_VNET: Final = _NET + "virtualnetworks"
PARENTS: Final = {
    _NET + "networksecuritygroups/securityrules": "nsgs",
    _NET + "networksecuritygroups/defaultsecurityrules": "nsgs",
    _VNET + "/virtualnetworkpeerings": "vnets",
    _NET + "routetables/routes": "route_tables",
}
"""Child resources that count only as part of their parent, and the parent's table."""

WHOLES: Final = {
    _VNET: "vnets",
    _VNET + "/subnets": "subnets",
    _NET + "networksecuritygroups": "nsgs",
    _NET + "routetables": "route_tables",
    _NET + "networkinterfaces": "nics",
}
"""Types of resources with parts or ties, and their tables."""

_SCALE_SETS: Final = "microsoft.compute/virtualmachinescalesets/"


def scale_set_of(resource: ResourceId) -> ResourceId | None:
    """Returns the scale set that an instance, or its interface, is of; None for anything else."""
    at = resource.key.find("/virtualmachines/") if resource.type.startswith(_SCALE_SETS) else -1
    return ResourceId(resource.text[:at]) if at > 0 else None


@value
class Tie:
    """What ties one resource to another.

    Attributes:
        slot: what of the first the second becomes: ``nsg``, ``route_table`` or ``asgs``.
        target: the first.
        node: the id of the second.
        is_cut: whether the tie is taken away.
    """

    slot: str
    target: ResourceId
    node: Node
    is_cut: bool = False


@dataclass(slots=True)
class Joined:
    """What is put into resources when all are read.

    Attributes:
        wholes: resources that are laid over those with their id, whose parts and ties stay.
        parts: rules, peerings and routes.
        ties: what is tied together, or is no longer.
        gone: what is taken away from the rest: resources and parts.
        doubts: resources of which something is not known.
    """

    wholes: list[Found] = field(default_factory=list["Found"])
    parts: list[Found] = field(default_factory=list["Found"])
    ties: list[Tie] = field(default_factory=list[Tie])
    gone: set[ResourceId] = field(default_factory=set[ResourceId])
    doubts: list[tuple[ResourceId, Diagnostic]] = field(
        default_factory=list[tuple[ResourceId, "Diagnostic"]]
    )

    def takes_away(self, resource: ResourceId) -> bool:
        """Reports whether a resource of the rest goes, or is an instance of a scale set that does.

        What is read of a scale set stands for all its instances.
        """
        if not self.gone:
            return False
        if resource in self.gone or resource.parent in self.gone:
            return True
        scale_set = scale_set_of(resource)
        return scale_set is not None and scale_set in self.gone

    def put_into(self, assembly: Assembly) -> None:
        """Puts all into the resources that an assembly has taken."""
        resources = assembly.resources
        for found in self.wholes:
            assert found.id is not None
            table: dict[ResourceId, Any] = getattr(resources, WHOLES[found.type])
            try:
                new = assembly.read_whole(found)
            except Unreadable as problem:
                assembly.spoil(found.id, problem.diagnostic)
            else:
                table[found.id] = _over(table[found.id], new) if found.id in table else new
        self._take_out(resources)
        self._put_parts(assembly)
        for tie in self.ties:
            if tie.target not in assembly.broken:
                assembly.diagnostics.extend(_tied(assembly, tie))
        for resource, doubt in self.doubts:
            assembly.spoil(resource, doubt)

    def _take_out(self, resources: Resources) -> None:
        by_parent: dict[ResourceId, set[ResourceId]] = {}
        for one in self.gone:
            by_parent.setdefault(one.parent, set()).add(one)
        for parent, gone in by_parent.items():
            if nsg := resources.nsgs.get(parent):
                kept = tuple(one for one in nsg.rules if one.id not in gone)
                resources.nsgs[parent] = replace(nsg, rules=kept)
            if vnet := resources.vnets.get(parent):
                resources.vnets[parent] = replace(
                    vnet,
                    peerings=tuple(one for one in vnet.peerings if one.id not in gone),
                    subnets=tuple(one for one in vnet.subnets if one not in gone),
                )
            if table := resources.route_tables.get(parent):
                names = {one.last for one in gone}
                routes = tuple(one for one in table.routes if one.name.lower() not in names)
                resources.route_tables[parent] = replace(table, routes=routes)

    def _put_parts(self, assembly: Assembly) -> None:
        by_parent: dict[ResourceId, list[Found]] = {}
        for found in self.parts:
            by_parent.setdefault(_id(found).parent, []).append(found)
        for parent, parts in by_parent.items():
            table: dict[ResourceId, Any] = getattr(assembly.resources, PARENTS[parts[0].type])
            if parent in assembly.broken:
                continue
            if parent not in table:
                assembly.diagnostics.extend(_without(one, parent) for one in parts)
                continue
            try:
                table[parent] = with_parts(table[parent], [read_part(one) for one in parts])
            except Unreadable as problem:
                assembly.spoil(parent, problem.diagnostic)


def read_part(part: Found) -> Rule | Peering | Route:
    """Reads a part.

    Raises:
        Unreadable: it is none that Azure has.
    """
    match PARENTS[part.type]:
        case "nsgs":
            is_default = part.type.endswith("/defaultsecurityrules")
            return read_rule(part.node, _id(part).parent, default=is_default)
        case "vnets":
            return read_peering(part.node, _id(part))
        case _:
            return read_route(part.node)


def part_of(
    whole: NetworkSecurityGroup | VirtualNetwork | RouteTable, part: ResourceId
) -> Rule | Peering | Route | None:
    """Returns the part of an id inside of a resource; None where there is none."""
    match whole:
        case NetworkSecurityGroup():
            return next((one for one in whole.rules if one.id == part), None)
        case VirtualNetwork():
            return next((one for one in whole.peerings if one.id == part), None)
        case _:
            return next((one for one in whole.routes if one.name.lower() == part.last), None)


def with_parts(
    of: NetworkSecurityGroup | VirtualNetwork | RouteTable, parts: Sequence[Rule | Peering | Route]
) -> NetworkSecurityGroup | VirtualNetwork | RouteTable:
    """Returns a resource with parts more, or with some of the same names in another form."""
    match of:
        case NetworkSecurityGroup():
            return with_rules(of, [one for one in parts if isinstance(one, Rule)])
        case VirtualNetwork():
            sides = [one for one in parts if isinstance(one, Peering)]
            ids = {one.id for one in sides}
            kept = (one for one in of.peerings if one.id not in ids)
            return replace(of, peerings=(*kept, *sides))
        case _:
            ways = [one for one in parts if isinstance(one, Route)]
            names = {one.name.lower() for one in ways}
            others = (one for one in of.routes if one.name.lower() not in names)
            return replace(of, routes=(*others, *ways))


def _id(found: Found) -> ResourceId:
    assert found.id is not None
    return found.id


def _without(part: Found, parent: ResourceId) -> Diagnostic:
    what = f"`{_id(part).name}` stands here without `{parent.name}`, which it is part of"
    return warning(part.node.where, "part-alone", what, f"an export of `{parent.name}`")


def _over(old: Any, new: Any) -> Any:
    """Returns a resource with the parts and ties of the one that it takes the place of."""
    match new:
        case VirtualNetwork():
            return replace(new, subnets=old.subnets, peerings=old.peerings)
        case NetworkSecurityGroup():
            return replace(new, rules=old.rules, attached=old.attached, problems=old.problems)
        case RouteTable():
            return replace(new, routes=old.routes)
        case Subnet():
            return replace(
                new,
                nsg=new.nsg or old.nsg,
                route_table=new.route_table or old.route_table,
                has_application_gateway=old.has_application_gateway,
                gateways=old.gateways,
                nics=old.nics,
            )
        case NetworkInterface():
            parts = {one.name.lower(): one for one in old.ip_configurations}
            return replace(
                new,
                nsg=new.nsg or old.nsg,
                vm=new.vm or old.vm,
                ip_configurations=tuple(
                    _with_ties(one, parts.get(one.name.lower(), one))
                    for one in new.ip_configurations
                ),
            )
        case _:
            raise AssertionError(new)


def _with_ties(new: IpConfiguration, old: IpConfiguration) -> IpConfiguration:
    return replace(new, asgs=new.asgs or old.asgs, pools=new.pools or old.pools)


def _tied(assembly: Assembly, tie: Tie) -> Iterator[Diagnostic]:
    """Ties two resources together, or takes them apart."""
    resources = assembly.resources
    tables: list[dict[ResourceId, Any]] = [
        resources.subnets,
        resources.nics,
        resources.private_endpoints,
    ]
    table = next((one for one in tables if tie.target in one), None)
    if table is None:
        if not tie.is_cut:
            what = f"is tied to `{tie.target}`, which is not in the estate"
            yield warning(tie.node.where, "tie", what, f"an export of `{tie.target.name}`")
        return
    try:
        other = tie.node.as_id()
    except Unreadable as problem:
        assembly.spoil(tie.target, problem.diagnostic)
        return
    of: Any = table[tie.target]
    if tie.slot != "asgs":
        held = getattr(of, tie.slot)
        if tie.is_cut:
            other = None if held == other else held
        table[tie.target] = replace(of, **{tie.slot: other})
    elif isinstance(of, NetworkInterface):
        configurations = tuple(
            replace(one, asgs=_changed(one.asgs, other, is_cut=tie.is_cut))
            for one in of.ip_configurations
        )
        table[tie.target] = replace(of, ip_configurations=configurations)
    else:
        asgs = _changed(of.asgs, other, is_cut=tie.is_cut)
        table[tie.target] = replace(of, asgs=asgs)


def _changed(
    asgs: tuple[ResourceId, ...], other: ResourceId, *, is_cut: bool
) -> tuple[ResourceId, ...]:
    kept = tuple(one for one in asgs if one != other)
    return kept if is_cut else (*kept, other)
