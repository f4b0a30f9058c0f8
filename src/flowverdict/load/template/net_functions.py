"""Template functions of prefixes: ``parseCidr``, ``cidrSubnet`` and ``cidrHost``."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Any, Final

from flowverdict.load.template.syntax import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Callable


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise ExpressionError(f"`{text}` is no prefix", "a prefix such as `10.0.0.0/16`") from None


def _parse(text: str) -> dict[str, Any]:
    network = _network(text)
    told: dict[str, Any] = {
        "network": str(network.network_address),
        "netmask": str(network.netmask),
    }
    kept = 0  # addresses that are not usable, at either end
    if network.version == 4:
        told["broadcast"] = str(network.broadcast_address)
        kept = 1 if network.num_addresses > 2 else 0
    told["firstUsable"] = str(network[kept])
    told["lastUsable"] = str(network[-1 - kept])
    told["cidr"] = network.prefixlen
    return told


def _subnet(text: str, length: int, index: int) -> str:
    network = _network(text)
    if not network.prefixlen <= length <= network.max_prefixlen:
        raise ExpressionError(f"`cidrSubnet` of `{text}` to /{length}")
    if not 0 <= index < 1 << (length - network.prefixlen):
        raise ExpressionError(f"`cidrSubnet` of `{text}` has no /{length} number {index}")
    size = 1 << (network.max_prefixlen - length)
    return f"{network.network_address + index * size}/{length}"


def _host(text: str, index: int) -> str:
    """Returns a usable address: the first is number 0, as Azure counts."""
    network = _network(text)
    if not 0 <= index < network.num_addresses - 1:
        raise ExpressionError(f"`cidrHost` of `{text}` has no number {index}")
    return str(network.network_address + 1 + index)


PREFIXES: Final[dict[str, Callable[..., Any]]] = {
    "cidrhost": _host,
    "cidrsubnet": _subnet,
    "parsecidr": _parse,
}
"""What each function does; its name in lower case."""
