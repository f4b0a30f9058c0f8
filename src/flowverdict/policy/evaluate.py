"""One packet against the policy of one network interface: the specification as a program.

Policy specification, section 4.6. Small, slow and obvious: every other evaluator is held to it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from flowverdict.model import Direction
from flowverdict.model.value import value
from flowverdict.policy.cautions import about_probes, cautions, tied
from flowverdict.policy.matching import matches
from flowverdict.policy.network import Network
from flowverdict.policy.options import DEFAULTS, Options
from flowverdict.policy.platform import exempt_service
from flowverdict.policy.standpoint import Standpoint
from flowverdict.policy.verdict import Step, Verdict, rule_name
from flowverdict.policy.worlds import Outcomes, explore

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowverdict.model import Estate, NetworkInterface
    from flowverdict.net import Packet
    from flowverdict.policy.admin import AdminLayer, ManagerRules
    from flowverdict.policy.deployed import Entry
    from flowverdict.policy.standpoint import Layer
    from flowverdict.policy.worlds import World


_MOST_FACTS: Final = 3


class NoNsgError(Exception):
    """Neither subnet nor interface has an NSG, which the option ``no-nsg=error`` refuses."""


@value
class _Decision:
    """What came out in one world."""

    access: str
    decided_by: Step | None
    trace: tuple[Step, ...]
    warnings: tuple[str, ...] = ()


def evaluate(
    estate: Estate,
    nic: NetworkInterface,
    direction: Direction,
    packet: Packet,
    options: Options = DEFAULTS,
) -> Verdict:
    """Judges one packet at one network interface.

    Args:
        estate: the network.
        nic: the interface at which the packet is seen.
        direction: inbound if the interface is the packet's destination.
        packet: source and destination as the packet carries them.
        options: how open questions are answered.

    Raises:
        NoNsgError: with ``no_nsg="error"``, where no NSG is attached.
    """
    return evaluate_at(Standpoint(Network(estate, options), nic), direction, packet)


def evaluate_at(place: Standpoint, direction: Direction, packet: Packet) -> Verdict:
    """Judges one packet at a place; cheaper than ``evaluate`` for several packets at one place."""
    if place.options.no_nsg == "error" and not any(
        layer.nsg or layer.missing for layer in place.layers
    ):
        raise NoNsgError(
            f"NsgsNotAppliedOnNic: no NSG applied on nic to allow or block traffic, "
            f"nic id {place.nic.id}"
        )
    outcomes = explore(
        lambda world: _decide(place, direction, packet, world), lambda one: one.access
    )
    accesses = {one.access for one in outcomes.found}
    known = len(accesses) == 1 and outcomes.complete
    deciding = _common([one.decided_by for one in outcomes.found]) if known else None
    warnings = dict.fromkeys(text for one in outcomes.found for text in one.warnings)
    if place.admin is not None:
        warnings = {**dict.fromkeys(place.admin.warnings), **warnings}
    undecided = not all(_same(one.decided_by, deciding) for one in outcomes.found)
    if known and undecided and (deciding is None or deciding.rule is None):
        warnings[f"another rule may give the same answer; missing: {_few(outcomes.touched)}"] = None
    told = " ".join(outcomes.touched)
    warnings.update(dict.fromkeys(one for one in place.remarks if not _told(one, told)))
    return Verdict(
        access=accesses.pop() if known else "Unknown",
        decided_by=deciding,
        trace=_merged([one.trace for one in outcomes.found]),
        missing=() if known else _missing(outcomes),
        warnings=tuple(warnings),
        data=outcomes.used,
        packet=packet,
        direction=direction,
        nic=place.nic,
    )


def _common(steps: list[Step | None]) -> Step | None:
    """Returns the step that decided in every world; where rules differ, what they share.

    The answer is the same in all of them. A stage that is not known at all may give it too, but
    then it is a rule that is known which makes it certain.
    """
    known = [one for one in steps if one is not None]
    if len(known) < len(steps):
        return None
    with_rules = [one for one in known if one.rule is not None]
    candidates = with_rules or known
    first = candidates[0]
    if all(_same(one, first) for one in candidates):
        return first
    if any(one.layer != first.layer for one in candidates):
        return None
    names = dict.fromkeys(rule_name(one.layer, one.rule) for one in with_rules if one.rule)
    return replace(first, rule=None, note=f"by one of {', '.join(f'`{one}`' for one in names)}")


def _same(one: Step | None, other: Step | None) -> bool:
    """Reports whether two steps are the same rule of the same layer, doing the same."""
    if one is None or other is None:
        return one is other
    if (one.layer, one.access) != (other.layer, other.access):
        return False
    return (one.rule.id if one.rule else None) == (other.rule.id if other.rule else None)


def _few(facts: tuple[str, ...]) -> str:
    more = len(facts) - _MOST_FACTS
    return "; ".join(facts[:_MOST_FACTS]) + (f" and {more} more" if more > 0 else "")


def _missing(outcomes: Outcomes[_Decision]) -> tuple[str, ...]:
    """Returns what is missing; of too many cases to try them all, everything that was asked for."""
    if outcomes.complete:
        return outcomes.matters
    return (*outcomes.touched, "more facts than can be tried in all their combinations")


def _told(remark: str, missing: str) -> bool:
    """Reports whether a remark is about a resource that is named as missing already."""
    parts = remark.split("`")
    return len(parts) > 1 and f"`{parts[1]}`" in missing


def _merged(traces: list[tuple[Step, ...]]) -> tuple[Step, ...]:
    """Returns what the traces agree about, layer by layer; the rest is ``Unknown``.

    A trace in which a layer was not asked does not count against the others.
    """
    merged: list[Step] = []
    for first in max(traces, key=len, default=()):
        steps = [one for trace in traces for one in trace if one.layer == first.layer]
        asked = [one for one in steps if one.access != "NotEvaluated"] or steps
        if len(steps) == len(traces) and all(one.access == asked[0].access for one in asked):
            merged.append(_common(list(asked)) or replace(asked[0], rule=None))
        else:
            named = next((one for one in asked if one.note or one.resource), first)
            merged.append(replace(named, access="Unknown", rule=None))
    return tuple(merged)


def _decide(place: Standpoint, direction: Direction, packet: Packet, world: World) -> _Decision:
    """Judges the packet in one world."""
    layers = place.layers_towards(direction)
    if service := exempt_service(place, direction, packet, world):
        step = Step("platform", "Allow", note=f"{service} is exempt from rules")
        rest = (_admin_step(place, "NotEvaluated"), *map(_not_evaluated, layers))
        return _Decision("Allow", step, (step, *rest))
    trace = [_admin(place, direction, packet, world)]
    warnings = tied(place, direction, packet, world, trace[0])
    warnings.extend(cautions(place, packet, trace[0]))
    if trace[0].access in ("Deny", "AlwaysAllow"):
        access = "Deny" if trace[0].access == "Deny" else "Allow"
        rest = tuple(map(_not_evaluated, layers))
        return _Decision(access, trace[0], (trace[0], *rest), tuple(warnings))
    for at, layer in enumerate(layers):
        step = _nsg(place, layer, direction, packet, world)
        trace.append(step)
        warnings.extend(cautions(place, packet, step))
        if step.access == "Deny":
            trace.extend(map(_not_evaluated, layers[at + 1 :]))
            break
    deciding = next((step for step in reversed(trace) if step.access in ("Allow", "Deny")), None)
    warnings.extend(about_probes(direction, packet, deciding))
    access = deciding.access if deciding else "Allow"
    return _Decision(access, deciding, tuple(trace), tuple(warnings))


def _admin_step(place: Standpoint, access: str, note: str = "") -> Step:
    return Step("admin", access, applied_to=place.vnet_id, note=note)


def _admin(place: Standpoint, direction: Direction, packet: Packet, world: World) -> Step:
    """The stage of the security admin rules."""
    layer = place.admin
    if layer is None:
        what = place.describe_missing("virtual network", place.vnet_id)
        return _admin_step(place, _any_access(world, what))
    if layer.skipped:
        return _admin_step(place, "NotPresent", layer.skipped)
    if not any(True for one in layer.managers for _ in one.towards(direction)):
        return _admin_step(place, "NotPresent")
    allowed: Step | None = None
    for manager in _in_order(layer, world, place, direction, packet):
        for entry in manager.towards(direction):
            access = _entry_access(entry, place, packet, world)
            if access == "NoMatch":
                continue
            step = Step("admin", access, entry.rule, manager.manager, place.vnet_id)
            if access != "Allow" or place.options.multi_manager_allow == "final":
                return step
            allowed = allowed or step
            break
    return allowed or _admin_step(place, "NoMatch")


def _any_access(world: World, what: str) -> str:
    """A rule that could be anything, or nothing."""
    return str(world.ask(what, "access", ("Deny", "AlwaysAllow", "Allow", "NoMatch")))


def _entry_access(entry: Entry, place: Standpoint, packet: Packet, world: World) -> str:
    """What one admin rule does with the packet."""
    if entry.rule is None:
        if not all(world.ask(what) for what in entry.doubts):
            return "NoMatch"
        return _any_access(world, entry.unread)
    if not matches(entry.rule, packet, place, world, entry.committed):
        return "NoMatch"
    if not all(world.ask(what) for what in entry.doubts):
        return "NoMatch"
    return entry.rule.access.value


def _in_order(
    layer: AdminLayer,
    world: World,
    place: Standpoint,
    direction: Direction,
    packet: Packet,
) -> Iterable[ManagerRules]:
    """Yields the managers by scope; where their order is not known, the world chooses it.

    Only managers with a matching rule are put in order: the others have no say.
    """
    if not layer.order_missing or len(layer.managers) < 2:
        yield from layer.managers
        return
    left = [
        one
        for one in layer.managers
        if any(_entry_access(e, place, packet, world) != "NoMatch" for e in one.towards(direction))
    ]
    while left:
        if len(left) == 1:
            first = 0
        else:
            names = tuple(one.manager for one in left)
            first = world.ask(layer.order_missing, names, tuple(range(len(left))))
            assert isinstance(first, int)
        yield left.pop(first)


def _not_evaluated(layer: Layer) -> Step:
    resource = layer.nsg.id if layer.nsg else None
    access = "NotEvaluated" if layer.nsg or layer.missing else "NotPresent"
    return Step(layer.name, access, None, resource, layer.applied_to, layer.note)


def _nsg(
    place: Standpoint, layer: Layer, direction: Direction, packet: Packet, world: World
) -> Step:
    """One NSG stage: the first matching rule decides, and one always matches."""
    resource = layer.nsg.id if layer.nsg else None
    if layer.missing:
        access = str(world.ask(layer.missing, layer.name, ("Allow", "Deny")))
        return Step(layer.name, access, None, resource, layer.applied_to, layer.missing)
    if layer.nsg is None:
        return Step(layer.name, "NotPresent", None, None, layer.applied_to, layer.note)
    for rule in layer.nsg.towards(direction):
        if matches(rule, packet, place, world):
            return Step(layer.name, rule.access.value, rule, resource, layer.applied_to)
    raise AssertionError(f"{layer.nsg.id}: no default rule matched")
