"""One packet against the policy of one network interface: the specification as a program.

Policy specification, section 4.6. Small, slow and obvious: every other evaluator is held to it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from flowverdict.model import Access, Direction
from flowverdict.net import Protocol, format_address, parse_prefixes
from flowverdict.policy.matching import matches
from flowverdict.policy.options import DEFAULTS, Options
from flowverdict.policy.standpoint import ACTIVATION, DNS, METADATA, Standpoint
from flowverdict.policy.verdict import Step, Verdict
from flowverdict.policy.worlds import explore

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flowverdict.model import Estate, NetworkInterface, Rule
    from flowverdict.net import Packet
    from flowverdict.policy.admin import AdminLayer, Entry, ManagerRules
    from flowverdict.policy.standpoint import Layer
    from flowverdict.policy.worlds import World

_DHCP_SERVERS: Final = parse_prefixes(["168.63.129.16", "255.255.255.255"])
_HOST: Final = DNS.spans[0][0]


class NoNsgError(Exception):
    """Neither subnet nor interface has an NSG, which the option ``no-nsg=error`` refuses."""


@dataclass(frozen=True, slots=True)
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
    return evaluate_at(Standpoint(estate, nic, options), direction, packet)


def evaluate_at(place: Standpoint, direction: Direction, packet: Packet) -> Verdict:
    """Judges one packet at a place; cheaper than ``evaluate`` for several packets at one place."""
    if place.options.no_nsg == "error" and not any(
        layer.nsg or layer.missing for layer in place.layers
    ):
        raise NoNsgError(
            f"NsgsNotAppliedOnNic: no NSG applied on nic to allow or block traffic, "
            f"nic id {place.nic.id}"
        )
    place.used.clear()
    outcomes = explore(
        lambda world: _decide(place, direction, packet, world), lambda one: one.access
    )
    accesses = {one.access for one in outcomes.found}
    if not outcomes.complete:
        accesses.add("Unknown")
    last = outcomes.found[-1] if outcomes.found else _Decision("Unknown", None, ())
    warnings = dict.fromkeys(text for one in outcomes.found for text in one.warnings)
    if place.admin is not None:
        warnings = {**dict.fromkeys(place.admin.warnings), **warnings}
    told = " ".join(outcomes.matters)
    warnings.update(dict.fromkeys(one for one in place.remarks if not _told(one, told)))
    steps = {one.decided_by for one in outcomes.found}
    if len(accesses) == 1 and len(steps) > 1:
        facts = "; ".join(outcomes.touched)
        warnings[f"another rule may be the one that decides, with the same answer: {facts}"] = None
    known = len(accesses) == 1
    return Verdict(
        access=last.access if known else "Unknown",
        decided_by=last.decided_by if known else None,
        trace=last.trace if known else _merged([one.trace for one in outcomes.found]),
        missing=() if known else (outcomes.matters or outcomes.touched),
        warnings=tuple(warnings),
        data=tuple(place.used),
        packet=packet,
        direction=direction,
        nic=place.nic,
    )


def _told(remark: str, missing: str) -> bool:
    """Reports whether a remark is about a resource that is named as missing already."""
    parts = remark.split("`")
    return len(parts) > 1 and f"`{parts[1]}`" in missing


def _merged(traces: list[tuple[Step, ...]]) -> tuple[Step, ...]:
    """Returns what all traces agree about; the rest is ``Unknown``."""
    merged: list[Step] = []
    for steps in zip(*traces, strict=False):
        first = steps[0]
        if all(one == first for one in steps):
            merged.append(first)
        else:
            named = next((one for one in steps if one.resource), first)
            merged.append(replace(named, access="Unknown", rule=None, note=""))
    return tuple(merged)


def _decide(place: Standpoint, direction: Direction, packet: Packet, world: World) -> _Decision:
    """Judges the packet in one world."""
    subnet, nic = place.layers
    layers = (subnet, nic) if direction is Direction.INBOUND else (nic, subnet)
    if service := _exempt(place, direction, packet, layers, world):
        step = Step("platform", "Allow", note=f"{service} is exempt from rules")
        rest = (_admin_step(place, "NotEvaluated"), *map(_not_evaluated, layers))
        return _Decision("Allow", step, (step, *rest))
    trace = [_admin(place, direction, packet, world)]
    warnings = _ties(place, direction, packet, world, trace[0])
    warnings.extend(_cautions(place, packet, trace[0]))
    if trace[0].access in ("Deny", "AlwaysAllow"):
        access = "Deny" if trace[0].access == "Deny" else "Allow"
        rest = tuple(map(_not_evaluated, layers))
        return _Decision(access, trace[0], (trace[0], *rest), tuple(warnings))
    for at, layer in enumerate(layers):
        step = _nsg(place, layer, direction, packet, world)
        trace.append(step)
        warnings.extend(_cautions(place, packet, step))
        if step.access == "Deny":
            trace.extend(map(_not_evaluated, layers[at + 1 :]))
            break
    deciding = next((step for step in reversed(trace) if step.access in ("Allow", "Deny")), None)
    warnings.extend(_probe_warnings(direction, packet, deciding))
    access = deciding.access if deciding else "Allow"
    return _Decision(access, deciding, tuple(trace), tuple(warnings))


def _exempt(
    place: Standpoint,
    direction: Direction,
    packet: Packet,
    layers: Iterable[Layer],
    world: World,
) -> str:
    """Names the platform service that a packet is for, if rules have no effect on it (4.4)."""
    if place.options.platform_exemptions == "off" or direction is Direction.INBOUND:
        return ""
    service, tag = platform_service(packet)
    if not service:
        return ""
    if tag and any(
        matches(rule, packet, place, world)
        for layer in layers
        if layer.nsg and not layer.missing
        for rule in layer.nsg.towards(direction)
        if rule.access is Access.DENY and _names(rule, tag)
    ):
        return ""
    if tag == "azureplatformlkm" and _has_default_route(place, world):
        return ""
    return service


def platform_service(packet: Packet) -> tuple[str, str]:
    """Returns the platform service that an outbound packet is for, and the tag that names it.

    Both are empty where it is for none; the tag is empty for a service that no rule can block.
    """
    tcp, udp = packet.protocol == Protocol.TCP, packet.protocol == Protocol.UDP
    port = packet.dst_port
    if packet.dst in DNS and port == 53:
        return "Azure DNS", "azureplatformdns"
    if udp and port in (67, 68) and packet.dst in _DHCP_SERVERS:
        return "DHCP", ""
    if tcp and packet.dst in DNS and port in (80, 32526):
        return "WireServer", ""
    if tcp and packet.dst in METADATA and port == 80:
        return "the instance metadata service", "azureplatformimds"
    if tcp and packet.dst in ACTIVATION and port == 1688:
        return "Windows activation", "azureplatformlkm"
    return "", ""


def _names(rule: Rule, tag: str) -> bool:
    return any(one.lower() == tag for one in rule.destination.tags)


def _has_default_route(place: Standpoint, world: World) -> bool:
    """Reports whether the subnet has a user-defined default route."""
    if place.subnet is None:
        what = place.describe_missing("subnet", place.nic.subnet)
        return bool(world.ask(f"route table of {what}"))
    if place.subnet.route_table is None:
        return False
    table = place.estate.resources.route_tables.get(place.subnet.route_table)
    if table is None:
        return bool(world.ask(f"route table `{place.subnet.route_table}`"))
    return any(route.prefix == "0.0.0.0/0" for route in table.routes)


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
        if not all(world.ask(what) for what in entry.doubts[:-1]):
            return "NoMatch"
        return _any_access(world, entry.doubts[-1])
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


def _ties(
    place: Standpoint, direction: Direction, packet: Packet, world: World, step: Step
) -> list[str]:
    """Warns where admin rules of one priority match alike and Azure's choice is not known (Q3)."""
    if step.rule is None or place.admin is None:
        return []
    return [
        f"admin rules `{step.rule.name}` and `{entry.rule.name}` have the same priority "
        f"{step.rule.priority}: the stricter is taken to decide"
        for manager in place.admin.managers
        if manager.manager == step.resource
        for entry in manager.towards(direction)
        if entry.rule
        and entry.rule.id != step.rule.id
        and entry.rule.priority == step.rule.priority
        and entry.rule.access is not step.rule.access
        and matches(entry.rule, packet, place, world, entry.committed)
    ]


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


def _cautions(place: Standpoint, packet: Packet, step: Step) -> Iterator[str]:
    """Yields what the match of a rule takes for granted."""
    if step.rule is None:
        return
    entries = place.admin.entries_of(step.rule) if place.admin and step.layer == "admin" else ()
    committed = next((entry.committed for entry in entries), "")
    for endpoint, address in (
        (step.rule.source, packet.src),
        (step.rule.destination, packet.dst),
    ):
        for one in place.sets_of(endpoint, committed):
            part = one.part_of(address)
            if part is not None and part.assumed:
                yield f"taken for granted {part.assumed}"
        if step.layer != "admin" and endpoint.tags and len(endpoint.texts) > 1:
            yield (
                f"`{step.rule.name}` has a service tag in a list ({', '.join(endpoint.texts)}): "
                "taken as their union; Azure's documents disagree on whether that is allowed"
            )


def _probe_warnings(direction: Direction, packet: Packet, step: Step | None) -> list[str]:
    """Warns where the answer about the host's address hangs on an open question (Q8, Q16)."""
    host = packet.src if direction is Direction.INBOUND else packet.dst
    if host != _HOST or step is None or step.rule is None:
        return []
    side = step.rule.source if direction is Direction.INBOUND else step.rule.destination
    tags = {tag.lower() for tag in side.tags}
    found: list[str] = []
    if "virtualnetwork" in tags:
        note = "the host's address counts as part of VirtualNetwork (Q8)"
        if step.rule.access is Access.ALLOW and direction is Direction.INBOUND:
            note += "; AllowAzureLoadBalancerInBound (65001) matches too"
        found.append(f"{format_address(host)}: {note}")
    if "internet" in tags:
        found.append(f"{format_address(host)} counts as part of Internet, as recorded (Q16)")
    return found
