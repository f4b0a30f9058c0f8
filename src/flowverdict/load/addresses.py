"""The address, port and protocol fields of rules."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from flowverdict.model import Endpoint, ResourceId
from flowverdict.net import (
    ALL_ADDRESSES,
    ALL_PROTOCOLS,
    EMPTY,
    IntervalSet,
    NetworkTextError,
    is_ipv6,
    parse_ports,
    parse_prefix,
)

if TYPE_CHECKING:
    from flowverdict.load.node import Node

_TAG: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*\Z")
_NO_PREFIX: Final = "SecurityRuleInvalidAddressPrefix"
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


def read_prefix(node: Node, text: str) -> IntervalSet:
    """Returns the addresses of a prefix.

    Raises:
        Unreadable: it is none.
    """
    try:
        return parse_prefix(text)
    except NetworkTextError as problem:
        what, _, expected = str(problem).partition(": expected ")
        raise node.fail(_NO_PREFIX, what, expected) from None


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
    value = node.value_of("protocol")
    found = PROTOCOLS.get(value.lower()) if isinstance(value, str) else None
    if found is None:
        field = node.need("protocol")
        word = field.as_text().lower()
        what = f"`{field.value}` is no protocol of a security rule"
        expected = "`Tcp`, `Udp`, `Icmp`, `Esp`, `Ah` or `*`"
        hint = "ICMPv6 is matched by `*` alone" if word == "icmpv6" else ""
        raise field.fail("SecurityRuleInvalidProtocol", what, expected, hint)
    return found


def _single(node: Node, singular: str, plural: str) -> str:
    """Returns the text of a field's singular spelling; empty where there is more, or less."""
    value = node.value_of(singular)
    if not isinstance(value, str) or node.value_of(plural) not in (None, []):
        return ""
    return value if value.isprintable() else ""


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
    if (text := _single(node, singular, plural)) and (known := _known_ports(text)) is not None:
        return known
    found = _listed(node, singular, plural)
    if not found:
        raise node.fail("missing", f"missing {side} ports", f"`{singular}` or `{plural}`")
    return port_set(found)


def port_set(found: list[Node]) -> IntervalSet:
    """Returns the ports of texts, each one or several separated by commas."""
    try:
        return _ports(tuple([one.as_text() for one in found]))
    except NetworkTextError:
        for one in found:
            try:
                _ports((one.value,))
            except NetworkTextError as problem:
                what, _, expected = str(problem).partition(": expected ")
                raise one.fail("SecurityRuleInvalidPortRange", what, expected) from None
        raise


@lru_cache(maxsize=1 << 12)
def _ports(texts: tuple[str, ...]) -> IntervalSet:
    return parse_ports(part.strip() for text in texts for part in text.split(","))


@lru_cache(maxsize=1 << 12)
def _known_ports(text: str) -> IntervalSet | None:
    """Returns the ports that a text stands for; None where there is something to say about it."""
    try:
        return _ports((text,))
    except NetworkTextError:
        return None


def read_endpoint(node: Node, side: str) -> Endpoint:
    """Returns one side (``source`` or ``destination``) of an NSG rule."""
    singular, plural = f"{side}AddressPrefix", f"{side}AddressPrefixes"
    asgs_name = f"{side}ApplicationSecurityGroups"
    text = _single(node, singular, plural)
    if text and node.value_of(asgs_name) in (None, []) and (known := _known(text)) is not None:
        return known
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
    if not tokens:
        return Endpoint(asgs=asgs, groups=groups)
    try:
        found = _literal(tuple([(text, kind) for _, text, kind in tokens]))
    except _RefusedToken as problem:
        raise tokens[problem.at][0].fail(problem.code, problem.what, problem.expected) from None
    return replace(found, asgs=asgs, groups=groups) if asgs or groups else found


class _RefusedToken(Exception):
    """A value in the list of one side of a rule that Azure would refuse."""

    def __init__(self, at: int, code: str, what: str, expected: str = "") -> None:
        super().__init__(what)
        self.at = at
        self.code = code
        self.what = what
        self.expected = expected


@lru_cache(maxsize=1 << 14)
def _literal(tokens: tuple[tuple[str, str], ...]) -> Endpoint:
    """Returns what texts and what they must be stand for; rules repeat few of them.

    Raises:
        _RefusedToken: Azure would refuse one.
    """
    literal: list[tuple[int, IntervalSet]] = []
    tags: list[str] = []
    for at, (text, kind) in enumerate(tokens):
        if text.lower() in _ANY and kind != "ServiceTag":
            literal.append((at, ALL_ADDRESSES))
        elif kind != "IPPrefix" and _TAG.match(text):
            tags.append(_CANONICAL.get(text.lower(), text))
        elif kind == "ServiceTag":
            raise _RefusedToken(at, _NO_PREFIX, f"`{text}` is no service tag")
        else:
            try:
                literal.append((at, parse_prefix(text)))
            except NetworkTextError as problem:
                what, _, expected = str(problem).partition(": expected ")
                raise _RefusedToken(at, _NO_PREFIX, f"{what} ({_NO_PREFIX})", expected) from None
    prefixes = IntervalSet.union(addresses for _, addresses in literal)
    texts = tuple(text for text, _ in tokens)
    _check_overlap(literal, prefixes, texts)
    return Endpoint(prefixes, tuple(tags), texts=texts)


@lru_cache(maxsize=1 << 14)
def _known(text: str) -> Endpoint | None:
    """Returns what a single text stands for; None where there is something to say about it."""
    try:
        return _literal(((text, ""),))
    except _RefusedToken:
        return None


def _check_overlap(
    literal: list[tuple[int, IntervalSet]], union: IntervalSet, texts: tuple[str, ...]
) -> None:
    """Refuses prefixes that overlap in one list, as Azure does."""
    if sum(addresses.size for _, addresses in literal) == union.size:
        return
    for nth, (at, addresses) in enumerate(literal):
        for other, taken in literal[:nth]:
            if not addresses.isdisjoint(taken):
                code = "OverlappingSubnetsNotPermittedInSecurityRule"
                what = f"`{texts[at]}` overlaps `{texts[other]}` in the same list ({code})"
                raise _RefusedToken(at, code, what, "prefixes that do not overlap")


def mixes_families(*endpoints: Endpoint) -> bool:
    """Reports whether literal prefixes of both families stand in one rule."""
    spans = [span for one in endpoints if not one.is_any for span in one.prefixes]
    return any(not is_ipv6(low) for low, _ in spans) and any(is_ipv6(high) for _, high in spans)
