"""Load balancers: their frontends, and what stands in their backend pools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from flowverdict.load.addresses import read_prefix
from flowverdict.load.unknown import Unknown
from flowverdict.model import LoadBalancer
from flowverdict.net import EMPTY, IntervalSet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.load.node import Node
    from flowverdict.model import ResourceId

_POOLS: Final = "microsoft.network/loadbalancers/backendaddresspools"


def read_load_balancer(node: Node, resource: ResourceId) -> LoadBalancer:
    """Reads a load balancer's frontends, and those backend pools that are made of addresses."""
    private: list[IntervalSet] = []
    public: list[ResourceId] = []
    for frontend in node.items("frontendIPConfigurations"):
        private.append(_known_address(frontend, "privateIPAddress"))
        if reference := frontend.reference("publicIPAddress"):
            public.append(reference)
    pools = _told_items(node, "backendAddressPools")
    return LoadBalancer(
        resource,
        IntervalSet.union(private),
        tuple(public),
        backends=tuple(one for pool in pools for one in _addresses_in(pool)),
        where=node.where,
    )


def read_pools(configuration: Node) -> tuple[ResourceId, ...]:
    """Returns the backend pools that an IP configuration is in, as far as they are known."""
    pools, _ = configuration.known_items("loadBalancerBackendAddressPools")
    told = (_pool_id(one) for one in pools if not _is_open(one))
    return tuple(one for one in told if one is not None)


def _pool_id(node: Node) -> ResourceId | None:
    """Returns a pool's id; None for one that a template leaves open, which it has in braces."""
    found = node.as_id()
    if found.type == _POOLS:
        return found
    if "{" in found.text:
        return None
    what = f"`{found}` is no backend pool of a load balancer"
    raise node.fail("id", what, "`…/loadBalancers/NAME/backendAddressPools/NAME`")


def _addresses_in(pool: Node) -> Iterator[tuple[ResourceId, IntervalSet]]:
    """Yields the network and the address of what a pool names by address, where both are known.

    A pool of IP configurations has the same list, without addresses of its own (API reference of
    load balancers, ``LoadBalancerBackendAddress``).
    """
    for one in _told_items(pool, "loadBalancerBackendAddresses"):
        subnet = _known_reference(one, "subnet")
        vnet = (
            _known_reference(one, "virtualNetwork")
            or _known_reference(pool, "virtualNetwork")
            or (subnet.parent if subnet else None)
        )
        address = _known_address(one, "ipAddress")
        if vnet and address:
            yield vnet, address


def _told_items(node: Node, name: str) -> list[Node]:
    """Returns the objects in a list, without those of which the input does not tell the body."""
    items, _ = node.known_items(name)
    return [one for one in items if not _has_open_body(one.value)]


def _has_open_body(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    return isinstance(cast("dict[str, Any]", value).get("properties"), Unknown)


def _known_address(node: Node, name: str) -> IntervalSet:
    """Returns a single address; none where it is missing, empty or not known."""
    found = node.get(name)
    if found is None or isinstance(found.value, Unknown) or found.value == "":
        return EMPTY
    address = read_prefix(found, found.as_text())
    if address.size != 1:
        raise found.fail("address", f"`{found.as_text()}` is no single address", "`10.0.0.4`")
    return address


def _known_reference(node: Node, name: str) -> ResourceId | None:
    found = node.get(name)
    return None if found is None or _is_open(found) else found.as_id()


def _is_open(reference: Node) -> bool:
    """Reports whether a reference leads to something that the input does not tell."""
    value = reference.value
    return isinstance(value, Unknown) or (
        isinstance(value, dict) and isinstance(reference.value_of("id"), Unknown)
    )
