"""Blocks of a resource that are resources in Azure: rules of an NSG, subnets, routes.

The provider fills such a list also with what others made, as it saw it when it last looked. So a
resource of its own is believed before the list, and what the plan deletes is not in it any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from flowverdict.load.terraform.azurerm import KINDS, NAMES, TIES
from flowverdict.load.terraform.fields import Block, body
from flowverdict.load.terraform.types import PEERINGS
from flowverdict.load.terraform.units import tie_key
from flowverdict.load.terraform.values import Json, as_object, as_text, at
from flowverdict.load.terraform.world import World
from flowverdict.load.unknown import Unknown
from flowverdict.model import ResourceId

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.load.terraform.plan import Instance, Plan
    from flowverdict.load.terraform.units import Units

APART: Final = frozenset({"azurerm_network_security_rule", "azurerm_subnet", "azurerm_route"})
"""Types whose resources stand in a list of their parent as well."""

_SEEN: Final = (("nsg", "networkSecurityGroup"), ("route_table", "routeTable"))


class Inline:
    """Takes the blocks of resources, after all resources of their own."""

    def __init__(self, world: World, units: Units) -> None:
        self._world = world
        self._units = units
        self._deleted = frozenset(_deleted(world.plan, world.instances))
        self._apart = {
            ResourceId(world.id_of(one)).parent.key: one
            for one in world.instances
            if one.type in APART and one.mode == "managed"
        }

    def take(self, one: Instance) -> None:
        """Takes the blocks of one resource."""
        kind = KINDS.get(one.type)
        if kind is None:
            return
        owner = ResourceId(self._world.id_of(one))
        for name, type_, fields in kind.inline:
            is_written = self._world.references.is_configured(one, name)
            given = one.values.get(name)
            if isinstance(given, Unknown):
                if is_written or not self._world.references.has(one):
                    what = f"value is not known ({given.what})"
                    self._units.doubt(owner, f"{one.address}.{name}", "unknown-value", what)
                continue  # nobody wrote any: what is known after apply comes from Azure
            if not all(isinstance(inner, dict) for inner in _elements(given)):
                what, expected = "a block that is not told, or is no object", "a list of objects"
                self._units.doubt(owner, f"{one.address}.{name}", "shape", what, expected)
                continue
            passed = frozenset[str]() if one.change and is_written else self._deleted
            some = Block(self._world, one, one.values).blocks(name)
            for block in some:
                self._block(block, owner, type_, body(block, fields), passed)
            if some and is_written and owner.key in self._apart:
                other = self._apart[owner.key].address
                what = f"blocks `{name}` here, and {other} beside them: both are counted"
                expected = "one way of both, as the provider's documentation asks"
                self._units.say(one.address, "inline", what, expected)
        for name, remote in as_object(one.values.get("vnet_peerings")).items():
            identity = owner.child("virtualNetworkPeerings", name)
            if identity.key not in self._units.by_key:
                contents = {"remoteVirtualNetwork": {"id": remote}}
                step = f'.vnet_peerings["{name}"]'
                self._units.put(PEERINGS, identity, contents, one, step)

    def _block(
        self, block: Block, owner: ResourceId, type_: str, contents: Json, passed: frozenset[str]
    ) -> None:
        name = block.path[0]
        step = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in block.path)
        told = as_text(block.get("name")) or f"{{{block.of.address}{step}}}"
        identity = owner.child(type_.rpartition("/")[2], told)
        if identity.key in passed:
            return
        other = self._units.by_key.get(identity.key)
        if other is None:
            self._units.put(type_, identity, contents, block.of, step)
        elif other.address.startswith(f"{block.of.address}.{name}["):
            key, address = f"{identity.key} {step}", f"{block.of.address}{step}"
            self._units.set(key, type_, identity, contents, block.of, address)  # a name twice
        else:
            self._see(identity, contents, block.of, step)

    def _see(self, subnet: ResourceId, contents: Json, of: Instance, step: str) -> None:
        """Ties to a subnet of its own what was seen at it, whoever attached it."""
        for slot, name in _SEEN:
            seen = at(contents, name, "id")
            key = tie_key(slot, subnet)
            if isinstance(seen, str) and key not in self._deleted:
                self._units.tie(slot, subnet, seen, of, step)


def _elements(given: Any) -> list[Any]:
    """Returns the blocks in an attribute; one that stands alone, or is none, by itself."""
    if given is None:
        return []
    return cast("list[Any]", given) if isinstance(given, list) else [given]


def _deleted(plan: Plan, now: tuple[Instance, ...]) -> Iterator[str]:
    """Yields the keys of what a plan deletes and a list in another resource may still have."""
    if now is not plan.after or plan.is_state:
        return
    before = World(plan, plan.before, NAMES)
    left = {one.address for one in plan.after}
    for one in plan.before:
        if one.mode != "managed" or one.address in left:
            continue
        if one.type in APART:
            yield ResourceId(before.id_of(one)).key
        elif tie := TIES.get(one.type):
            target = before.target(one, (tie.target[0],))
            if isinstance(target, str):
                yield tie_key(tie.slot, ResourceId(target))
