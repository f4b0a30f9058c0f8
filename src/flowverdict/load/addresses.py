"""The address, port and protocol fields of rules."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from flowverdict.load.unknown import Unknown
from flowverdict.model import NOT_KNOWN, Endpoint, ResourceId, UnknownField
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


def read_protocols(node: Node, rule: ResourceId, unknown: list[UnknownField]) -> IntervalSet:
    """Returns a rule's protocols; none where the input does not tell, which ``unknown`` gets."""
    value = node.value_of("protocol")
    found = PROTOCOLS.get(value.lower()) if isinstance(value, str) else None
    if isinstance(value, Unknown):
        unknown.append(UnknownField("protocol", missing_of(rule, "protocol", [value.what])))
        return EMPTY
    if found is None:
        field = node.need("protocol")
        word = field.as_text().lower()
        what = f"`{field.value}` is no protocol of a security rule"
        expected = "`Tcp`, `Udp`, `Icmp`, `Esp`, `Ah` or `*`"
        hint = "ICMPv6 is matched by `*` alone" if word == "icmpv6" else ""
        raise field.fail("SecurityRuleInvalidProtocol", what, expected, hint)
    return found


def missing_of(rule: ResourceId, what: str, reasons: list[str]) -> str:
    """Names what of a rule is not known: the same words wherever the rule is read from."""
    why = "; ".join(dict.fromkeys(reasons))
    return f"{what} of rule `{rule.name}` of `{rule.parent}` ({why})"


def _single(node: Node, singular: str, plural: str) -> str:
    """Returns the text of a field's singular spelling; empty where there is more, or less."""
    value = node.value_of(singular)
    if not isinstance(value, str) or node.value_of(plural) not in (None, []):
        return ""
    return value if value.isprintable() else ""


def _listed(node: Node, singular: str, plural: str) -> tuple[list[Node], list[str]]:
    """Returns the values of a field that has a singular and a plural spelling.

    The second part of the answer is why others are not known.
    """
    items, unknown = node.known_items(plural)
    many = [one for one in items if one.as_text()]
    one = node.get(singular)
    if one is not None and isinstance(one.value, Unknown):
        return many, [*unknown, one.value.what]
    if one is None or not one.as_text():
        return many, unknown
    if many and [node.value for node in many] != [one.value]:
        what = f"both `{singular}` and `{plural}` are set, and differ"
        raise one.fail("both-set", what, "one of the two")
    return [one], unknown


def read_ports(node: Node, side: str, rule: ResourceId, unknown: list[UnknownField]) -> IntervalSet:
    """Returns the known ports of one side (``source`` or ``destination``) of an NSG rule.

    What else there is, and the input does not tell, goes to ``unknown``.
    """
    singular, plural = f"{side}PortRange", f"{side}PortRanges"
    if (text := _single(node, singular, plural)) and (known := _known_ports(text)) is not None:
        return known
    found, reasons = _listed(node, singular, plural)
    if reasons:
        field = f"{side} port"
        unknown.append(UnknownField(field, missing_of(rule, f"{field}s", reasons)))
    elif not found:
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


def read_endpoint(node: Node, side: str, rule: ResourceId) -> Endpoint:
    """Returns one side (``source`` or ``destination``) of an NSG rule."""
    singular, plural = f"{side}AddressPrefix", f"{side}AddressPrefixes"
    asgs_name = f"{side}ApplicationSecurityGroups"
    text = _single(node, singular, plural)
    if text and node.value_of(asgs_name) in (None, []) and (known := _known(text)) is not None:
        return known
    members, unknown = node.known_items(asgs_name)
    asgs = tuple([one.as_id() for one in members])
    found, reasons = _listed(node, singular, plural)
    reasons += unknown
    if asgs and found:
        what = f"both `{asgs_name}` and `{found[0].value}` are set"
        raise found[0].fail("both-set", what, "application security groups or prefixes")
    if not asgs and not found and not reasons:
        expected = f"`{singular}`, `{plural}` or `{asgs_name}`"
        raise node.fail("missing", f"missing {side} addresses", expected)
    what = missing_of(rule, side, reasons) if reasons else ""
    return endpoint([(one, one.as_text(), "") for one in found], asgs=asgs, unknown=what)


def endpoint(
    tokens: list[tuple[Node, str, str]],
    *,
    asgs: tuple[ResourceId, ...] = (),
    groups: tuple[ResourceId, ...] = (),
    unknown: str = "",
) -> Endpoint:
    """Returns one side of a rule.

    Args:
        tokens: for each value its node, its text, and what it must be: ``IPPrefix``,
            ``ServiceTag`` or, where the field does not say, nothing.
        asgs: application security groups.
        groups: network groups.
        unknown: what else there is and the input does not tell; empty where it tells all.
    """
    if unknown:
        known = endpoint(tokens, asgs=asgs, groups=groups)
        return replace(known, texts=(*known.texts, NOT_KNOWN), unknown=(unknown,))
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
