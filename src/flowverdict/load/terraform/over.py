"""What a plan changes, to be laid over an estate that was exported."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from flowverdict.load.joined import PARENTS, WHOLES, scale_set_of
from flowverdict.load.kinds import Shape
from flowverdict.load.node import Node
from flowverdict.load.report import Unreadable, warning
from flowverdict.load.terraform.plan import read_plan
from flowverdict.load.terraform.reading import units_of
from flowverdict.load.terraform.values import as_object
from flowverdict.model import Position, ResourceId

if TYPE_CHECKING:
    from flowverdict.load.assemble import Assembly
    from flowverdict.load.joined import Joined
    from flowverdict.load.terraform.plan import Plan
    from flowverdict.load.terraform.units import Unit

_SLOTS: Final = {
    "nsg": "network security group",
    "route_table": "route table",
    "asgs": "application security group",
}


def take(document: Node, assembly: Assembly, *, prior: bool) -> None:
    """Takes the resources of a plan or state.

    Args:
        document: what ``terraform show -json`` prints.
        assembly: takes them.
        prior: of a plan, what was there before it instead of what is planned.
    """
    units = units_of(_read(document), prior=prior)
    for unit in units.by_key.values():
        _add(unit, assembly, assembly.joined)
    assembly.diagnostics.extend(units.diagnostics)
    assembly.joined.doubts.extend(units.doubts)


def lay_over(document: Node, assembly: Assembly) -> None:
    """Takes what a plan changes; what it leaves as it is stays as it was exported.

    Created and changed resources take the place of those with their id. Rules, peerings, routes,
    subnets and what is attached count one by one: those that the plan does not know stay.
    """
    plan = _read(document)
    units = units_of(plan)
    before, after = units_of(plan, prior=True).by_key, units.by_key
    gone: set[ResourceId] = set()
    for key, unit in after.items():
        old = before.get(key)
        if unit.is_managed and (old is None or old.contents != unit.contents):
            _change(unit, assembly, gone)
    for key, unit in before.items():
        if unit.is_managed and key not in after:
            _remove(unit, assembly, gone)
    assembly.laid.gone |= gone  # from here on: what is new has the ids of what it replaces
    assembly.diagnostics.extend(units.diagnostics)
    assembly.laid.doubts.extend(units.doubts)
    assembly.items += 1  # a plan that changes nothing of Azure's network is one too


def _read(document: Node) -> Plan:
    try:
        return read_plan(document)
    except Unreadable as problem:
        told = problem.diagnostic
        hint = told.hint or "`terraform show -json` prints plans and states"
        raise Unreadable(replace(told, hint=hint)) from None


def _add(unit: Unit, assembly: Assembly, joined: Joined) -> None:
    if unit.tie is not None:
        joined.ties.append(unit.tie)
    elif unit.found is not None and unit.found.type in PARENTS:
        joined.parts.append(unit.found)
    elif unit.found is not None:
        assembly.take(unit.found)


def _change(unit: Unit, assembly: Assembly, gone: set[ResourceId]) -> None:
    found = unit.found
    if found is not None and found.type in WHOLES and unit.is_open:
        assembly.laid.wholes.append(found)
        return
    if found is not None and found.id and (scale_set := scale_set_of(found.id)):
        gone.add(scale_set)
    _add(unit, assembly, assembly.laid)


def _remove(unit: Unit, assembly: Assembly, gone: set[ResourceId]) -> None:
    """Takes away what a plan deletes, and says so."""
    found, tie = unit.found, unit.tie
    if tie is not None:
        assembly.laid.ties.append(replace(tie, is_cut=True))
        where, what = tie.node.file, f"{_SLOTS[tie.slot]} of `{tie.target.name}` is taken away"
    elif found is not None and found.shape is Shape.COMMIT:
        emptied = {**as_object(found.node.value)}
        emptied["configurationIds"] = []
        assembly.take(replace(found, node=Node(emptied, found.node.file, step=unit.address)))
        where, what = found.node.file, "the deployment is taken back"
    else:
        assert found is not None
        assert found.id is not None
        gone.add(scale_set_of(found.id) or found.id)
        where, what = found.node.file, f"`{found.id.name}` is removed"
    assembly.diagnostics.append(warning(Position(where, unit.address), "removed", what))
