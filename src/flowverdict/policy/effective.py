"""The effective rules of a network interface, in the shape of Azure's answer.

The shape is that of ``effectiveNetworkSecurityGroups`` (policy specification, 7.1 and 13a).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowverdict.model import NOT_KNOWN, Direction
from flowverdict.net import (
    ALL_ADDRESSES,
    ALL_PROTOCOLS,
    IntervalSet,
    format_addresses,
    protocol_name,
)
from flowverdict.policy.verdict import rule_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowverdict.model import Endpoint, Rule
    from flowverdict.policy.standpoint import Standpoint


def effective_rules(place: Standpoint) -> dict[str, Any]:
    """Returns the effective rules of every layer: admin, subnet, interface.

    Besides Azure's fields the answer has ``missing`` (what would be needed to know the rest),
    ``warnings`` and ``data`` (the dated data it relied on).
    """
    value: list[dict[str, Any]] = []
    missing: list[str] = []
    warnings: list[str] = []
    used: dict[str, None] = {}
    admin = place.admin
    if admin is None:
        missing.append(place.describe_missing("virtual network", place.vnet_id))
    else:
        warnings.extend(admin.warnings)
        if admin.skipped:
            warnings.append(admin.skipped)
        for manager in admin.managers:
            rules: list[tuple[Rule, str]] = []
            for entry in manager.entries:
                missing.extend(one for one in (*entry.doubts, entry.unread) if one)
                if entry.rule is not None:
                    rules.append((entry.rule, entry.committed))
            association = {"networkManager": {"id": str(manager.manager)}}
            value.append(
                _entry(place, "admin", str(manager.manager), association, rules, missing, used)
            )
    for layer in place.layers:
        if layer.note:
            warnings.append(f"{layer.name}: {layer.note}")
        if layer.missing:
            missing.append(layer.missing)
        if layer.nsg is None or layer.note or layer.missing:
            continue
        kind = "subnet" if layer.name == "subnet" else "networkInterface"
        association = {kind: {"id": str(layer.applied_to)}}
        found = [(rule, "") for rule in layer.nsg.rules]
        value.append(
            _entry(place, layer.name, str(layer.nsg.id), association, found, missing, used)
        )
    return {
        "value": value,
        "missing": list(dict.fromkeys(missing)),
        "warnings": warnings,
        "data": list(used),
    }


def _entry(
    place: Standpoint,
    layer: str,
    nsg: str,
    association: dict[str, Any],
    rules: list[tuple[Rule, str]],
    missing: list[str],
    used: dict[str, None],
) -> dict[str, Any]:
    tags: dict[str, list[str]] = {}
    for rule, _ in rules:
        for name in (*rule.source.tags, *rule.destination.tags):
            if name not in tags:
                expanded = place.tag(name)
                missing.extend(doubt.what for doubt in expanded.doubts)
                if expanded.data:
                    used[expanded.data] = None
                tags[name] = prefixes(expanded.sure)
    ordered = sorted(rules, key=lambda one: one[0].direction is Direction.OUTBOUND)
    return {
        "networkSecurityGroup": {"id": nsg},
        "association": association,
        "effectiveSecurityRules": [
            _rule(place, layer, rule, committed, missing) for rule, committed in ordered
        ],
        "tagMap": tags,
    }


def _rule(
    place: Standpoint, layer: str, rule: Rule, committed: str, missing: list[str]
) -> dict[str, Any]:
    missing.extend(one.what for one in rule.unknown)
    unknown = {one.field for one in rule.unknown}
    protocol = "All"
    if "protocol" in unknown:
        protocol = NOT_KNOWN
    elif rule.protocols != ALL_PROTOCOLS:
        protocol = protocol_name(rule.protocols.spans[0][0]).capitalize()
    return {
        "name": rule_name(layer, rule),
        "protocol": protocol,
        **_ports("source", rule.source_ports, unknown),
        **_ports("destination", rule.destination_ports, unknown),
        **_addresses(place, "source", "Source", rule.source, committed, missing),
        **_addresses(place, "destination", "Destination", rule.destination, committed, missing),
        "access": rule.access.value,
        "priority": rule.priority,
        "direction": rule.direction.value,
    }


def _ports(side: str, ports: IntervalSet, unknown: set[str]) -> dict[str, Any]:
    texts = [f"{low}-{high}" for low, high in ports]
    if f"{side} port" in unknown:
        texts.append(NOT_KNOWN)
    return {f"{side}PortRange": _single(texts), f"{side}PortRanges": texts}


def _single(texts: list[str]) -> str | None:
    """Returns the value of a singular field: none where only the list can tell."""
    return texts[0] if len(texts) == 1 else None


def _addresses(
    place: Standpoint,
    side: str,
    title: str,
    endpoint: Endpoint,
    committed: str,
    missing: list[str],
) -> dict[str, Any]:
    """One side of a rule: tags stay in the prefix field and are expanded beside it."""
    members = [place.network.asg(one) for one in endpoint.asgs]
    members.extend(place.network.group(one, committed) for one in endpoint.groups)
    for one in members:
        missing.extend(doubt.what for doubt in one.doubts)
    missing.extend(endpoint.unknown)
    texts = ["0.0.0.0/0"] if endpoint.prefixes == ALL_ADDRESSES else prefixes(endpoint.prefixes)
    texts.extend(endpoint.tags)
    texts.extend(text for one in members for text in prefixes(one.sure))
    if endpoint.unknown:
        texts.append(NOT_KNOWN)
    expanded = IntervalSet.union(place.tag(one).sure for one in endpoint.tags)
    # Azure repeats an address that is any in the list (policy specification, 13a)
    listed = texts * 2 if texts == ["0.0.0.0/0"] else texts
    return {
        f"{side}AddressPrefix": _single(texts),
        f"{side}AddressPrefixes": listed,
        f"expanded{title}AddressPrefix": prefixes(expanded) if endpoint.tags else None,
    }


def prefixes(addresses: IntervalSet) -> list[str]:
    """Returns a set's prefixes as Azure lists them: a host has its length too."""
    return list(_lengths(format_addresses(addresses)))


def _lengths(texts: Iterable[str]) -> Iterable[str]:
    for text in texts:
        yield text if "/" in text else f"{text}/{128 if ':' in text else 32}"
