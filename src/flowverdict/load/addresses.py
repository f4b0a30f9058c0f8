"""The address, port and protocol fields of rules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from flowverdict.model import Endpoint, ResourceId
from flowverdict.net import (
    ALL_ADDRESSES,
    ALL_IPV4,
    ALL_PROTOCOLS,
    EMPTY,
    IntervalSet,
    NetworkTextError,
    parse_ports,
    parse_prefix,
)

if TYPE_CHECKING:
    from flowverdict.load.node import Node

_TAG: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*\Z")
_ANY: Final = frozenset({"*", "any"})
_CANONICAL: Final = {
    "virtualnetwork": "VirtualNetwork",
    "virtual_network": "VirtualNetwork",
    "azureloadbalancer": "AzureLoadBalancer",
    "azure_loadbalancer": "AzureLoadBalancer",
    "internet": "Internet",
}

PROTOCOLS: Final = {
    "tcp": IntervalSet([(6, 6)]),
    "udp": IntervalSet([(17, 17)]),
    "icmp": IntervalSet([(1, 1)]),
    "esp": IntervalSet([(50, 50)]),
    "ah": IntervalSet([(51, 51)]),
    "*": ALL_PROTOCOLS,
    "any": ALL_PROTOCOLS,
    "all": ALL_PROTOCOLS,
    "6": IntervalSet([(6, 6)]),
    "17": IntervalSet([(17, 17)]),
    "1": IntervalSet([(1, 1)]),
    "50": IntervalSet([(50, 50)]),
    "51": IntervalSet([(51, 51)]),
}


def read_prefix(node: Node, text: str, *, in_rule: bool = False) -> IntervalSet:
    """Returns the addresses of a prefix.

    Raises:
        Unreadable: it is none; in a rule Azure would refuse it, with a code that is named.
    """
    try:
        return parse_prefix(text)
    except NetworkTextError as problem:
        what, _, expected = str(problem).partition(": expected ")
        code = "SecurityRuleInvalidAddressPrefix"
        raise node.fail(code, f"{what} ({code})" if in_rule else what, expected) from None


def read_space(node: Node, name: str) -> IntervalSet:
    """Returns an address space ``{name: {"addressPrefixes": [...]}}``; empty where missing."""
    inner = node.get(name)
    if inner is None:
        return EMPTY
    return IntervalSet.union(
        read_prefix(one, one.as_text()) for one in inner.texts("addressPrefixes")
    )


def read_protocols(node: Node) -> IntervalSet:
    """Returns a rule's protocols."""
    field = node.need("protocol")
    word = field.as_text().lower()
    if word not in PROTOCOLS:
        what = f"`{field.value}` is no protocol of a security rule"
        expected = "`Tcp`, `Udp`, `Icmp`, `Esp`, `Ah` or `*`"
        hint = "ICMPv6 is matched by `*` alone" if word == "icmpv6" else ""
        raise field.fail("SecurityRuleInvalidProtocol", what, expected, hint)
    return PROTOCOLS[word]


def _listed(node: Node, singular: str, plural: str) -> list[Node]:
    """Returns the values of a field that has a singular and a plural spelling."""
    many = [one for one in node.texts(plural) if one.value]
    one = node.get(singular)
    if one is None or not one.as_text():
        return many
    if many and [node.value for node in many] != [one.value]:
        what = f"both `{singular}` and `{plural}` are set, and differ"
        raise one.fail("both-set", what, "one of the two")
    return [one]


def read_ports(node: Node, side: str) -> IntervalSet:
    """Returns the ports of one side (``source`` or ``destination``) of an NSG rule."""
    singular, plural = f"{side}PortRange", f"{side}PortRanges"
    found = _listed(node, singular, plural)
    if not found:
        raise node.fail("missing", f"missing {side} ports", f"`{singular}` or `{plural}`")
    return port_set(found)


def port_set(found: list[Node]) -> IntervalSet:
    """Returns the ports of texts, each one or several separated by commas."""
    for one in found:
        try:
            parse_ports(_split(one.as_text()))
        except NetworkTextError as problem:
            what, _, expected = str(problem).partition(": expected ")
            raise one.fail("SecurityRuleInvalidPortRange", what, expected) from None
    return parse_ports(part for one in found for part in _split(one.as_text()))


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]


def read_endpoint(node: Node, side: str) -> Endpoint:
    """Returns one side (``source`` or ``destination``) of an NSG rule."""
    singular, plural = f"{side}AddressPrefix", f"{side}AddressPrefixes"
    asgs_name = f"{side}ApplicationSecurityGroups"
    asgs = node.references(asgs_name)
    found = _listed(node, singular, plural)
    if asgs and found:
        what = f"both `{asgs_name}` and `{found[0].value}` are set"
        raise found[0].fail("both-set", what, "application security groups or prefixes")
    if not asgs and not found:
        expected = f"`{singular}`, `{plural}` or `{asgs_name}`"
        raise node.fail("missing", f"missing {side} addresses", expected)
    return endpoint([(one, one.as_text(), "") for one in found], asgs=asgs)


def endpoint(
    tokens: list[tuple[Node, str, str]],
    *,
    asgs: tuple[ResourceId, ...] = (),
    groups: tuple[ResourceId, ...] = (),
) -> Endpoint:
    """Returns one side of a rule.

    Args:
        tokens: for each value its node, its text, and what it must be: ``IPPrefix``,
            ``ServiceTag`` or, where the field does not say, nothing.
        asgs: application security groups.
        groups: network groups.
    """
    literal: list[tuple[Node, str, IntervalSet]] = []
    tags: list[str] = []
    for node, text, kind in tokens:
        if text.lower() in _ANY and kind != "ServiceTag":
            literal.append((node, text, ALL_ADDRESSES))
        elif kind != "IPPrefix" and _TAG.match(text):
            tags.append(_CANONICAL.get(text.lower(), text))
        elif kind == "ServiceTag":
            raise node.fail("SecurityRuleInvalidAddressPrefix", f"`{text}` is no service tag")
        else:
            literal.append((node, text, read_prefix(node, text, in_rule=True)))
    prefixes = IntervalSet.union(addresses for _, _, addresses in literal)
    _check_overlap(literal, prefixes)
    return Endpoint(
        prefixes=prefixes,
        tags=tuple(tags),
        asgs=asgs,
        groups=groups,
        texts=tuple(text for _, text, _ in tokens),
    )


def _check_overlap(literal: list[tuple[Node, str, IntervalSet]], union: IntervalSet) -> None:
    """Refuses prefixes that overlap in one list, as Azure does."""
    if sum(addresses.size for _, _, addresses in literal) == union.size:
        return
    for at, (node, text, addresses) in enumerate(literal):
        for _, other, taken in literal[:at]:
            if not addresses.isdisjoint(taken):
                what = f"`{text}` overlaps `{other}` in the same list"
                code = "OverlappingSubnetsNotPermittedInSecurityRule"
                raise node.fail(code, f"{what} ({code})", "prefixes that do not overlap")


def mixes_families(*endpoints: Endpoint) -> bool:
    """Reports whether literal prefixes of both families stand in one rule."""
    literal = [one.prefixes for one in endpoints if not one.is_any]
    together = IntervalSet.union(literal)
    return bool(together & ALL_IPV4) and bool(together - ALL_IPV4)
