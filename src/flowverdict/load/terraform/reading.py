"""Terraform's resources into units of an Azure network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowverdict.load.joined import PARENTS
from flowverdict.load.kinds import LISTS
from flowverdict.load.made import HUB_CONNECTION, made_for
from flowverdict.load.node import Node
from flowverdict.load.report import Unreadable
from flowverdict.load.terraform import azapi
from flowverdict.load.terraform.azurerm import (
    KINDS,
    NAMES,
    SCALE_SET_NIC,
    SCALE_SET_TYPES,
    TIES,
)
from flowverdict.load.terraform.azurerm_manager import COMMIT, DEPLOYMENT
from flowverdict.load.terraform.fields import Block, body
from flowverdict.load.terraform.inline import Inline
from flowverdict.load.terraform.types import (
    ASSIGNMENTS,
    COLLECTIONS,
    CONNECTIONS,
    DEFINITIONS,
    GATEWAYS,
    MANAGERS,
    NETWORK,
    NETWORK_GROUPS,
    NICS,
    PEERINGS,
    POLICY_SETS,
    SCALE_SETS,
    SUBNETS,
    VNETS,
)
from flowverdict.load.terraform.units import Units, tie_key
from flowverdict.load.terraform.unread import may_matter
from flowverdict.load.terraform.values import Json, as_objects, as_text, at, leaves
from flowverdict.load.terraform.world import World
from flowverdict.load.unknown import Unknown
from flowverdict.model import ResourceId

if TYPE_CHECKING:
    from flowverdict.load.terraform.plan import Instance, Plan

_ADMIN: Final = COLLECTIONS.lower()
_COMMITTED: Final = "2000-01-01T00:00:00Z"
_EDITED: Final = "9999-01-01T00:00:00Z"
_COMMITTED_ANEW: Final = "9999-12-31T00:00:00Z"
"""Moments of a plan, in this order: Terraform tells no times. What is edited counts from the next
commit on."""


_DOUBTFUL: Final = {
    **dict.fromkeys(
        (
            f"{NETWORK}azureFirewalls",
            f"{NETWORK}bastionHosts",
            f"{NETWORK}applicationGateways",
            "Microsoft.Sql/managedInstances",
            "Microsoft.Databricks/workspaces",
        ),
        SUBNETS,
    ),
    **dict.fromkeys(
        (
            GATEWAYS,
            CONNECTIONS,
            MANAGERS,
            f"{NETWORK_GROUPS}/staticMembers",
            f"{MANAGERS}/connectivityConfigurations",
            DEFINITIONS,
            POLICY_SETS,
            ASSIGNMENTS,
        ),
        VNETS,
    ),
}
"""Types that say something of others, and of which others nothing is known where it is not told."""


def units_of(plan: Plan, *, prior: bool = False) -> Units:
    """Returns the units of a plan.

    Args:
        plan: a plan or a state.
        prior: whether it is read as it is before the plan; otherwise as it would be.
    """
    world = World(plan, plan.before if prior else plan.after, NAMES)
    units = Units(plan.file)
    units.diagnostics.extend(plan.diagnostics)
    _Reading(world, units).run()
    return units


class _Reading:
    def __init__(self, world: World, units: Units) -> None:
        self._world = world
        self._units = units
        self._unread: dict[str, list[str]] = {}

    def run(self) -> None:
        """Reads all: what is managed first, and what stands apart before what stands inside."""
        managed = [one for one in self._world.instances if one.mode == "managed"]
        data = [one for one in self._world.instances if one.mode == "data"]
        inline = Inline(self._world, self._units)
        for some in (managed, data):
            for one in some:
                self._take(one)
            for one in some:
                inline.take(one)
        for one in managed:
            if one.type == "azapi_update_resource":
                self._update(one)
        self._connect()
        for kind, addresses in self._unread.items():
            more = f", {len(addresses) - 1} more" if len(addresses) > 1 else ""
            what = f"`{kind}` is not read{more}: what it does is left out"
            self._units.say(addresses[0], "not-read", what)
        counted = {(of.address.partition("[")[0], path) for of, path in self._world.counted}
        for address, path in sorted(counted):
            what = "the plan tells `count.index` here, not what is done with it: taken as it is"
            self._units.say(f"{address}.{path}", "count", what)

    def _take(self, one: Instance) -> None:
        block = Block(self._world, one, one.values)
        if one.type in KINDS:
            self._resource(block)
        elif one.type in TIES:
            self._tie(block)
        elif one.type in SCALE_SET_TYPES:
            self._scale_set(block)
        elif one.type == DEPLOYMENT:
            self._commit(one, body(block, COMMIT))
        elif one.type == "azapi_resource":
            self._azapi(one)
        elif one.type == "azapi_resource_action" and (found := azapi.commit(one)):
            self._commit(one, found)
        elif one.mode == "managed" and may_matter(one.type):
            self._unread.setdefault(one.type, []).append(one.address)

    def _resource(self, block: Block) -> None:
        kind = KINDS[block.of.type]
        identity = ResourceId(self._world.id_of(block.of))
        contents = body(block, kind.fields)
        type_ = kind.named.type
        if block.of.type == "azurerm_private_endpoint":
            self._endpoint(block, identity, contents)
        for name in LISTS.get(type_.lower(), ()):
            contents[name] = []
        if type_.lower().startswith(_ADMIN) and block.of.change:
            created = {"createdAt": _EDITED} if block.of.change == "create" else {}
            contents["systemData"] = {"lastModifiedAt": _EDITED, **created}
        if type_ == NICS:
            for number, one in enumerate(as_objects(contents.get("ipConfigurations"))):
                if isinstance(unknown := at(one, "subnet", "id"), Unknown):
                    address = f"{block.of.address}.ip_configuration[{number}].subnet_id"
                    self._units.say(address, "unknown-value", f"not known ({unknown.what})")
        doubtful = _DOUBTFUL.get(type_)
        told = {key: one for key, one in contents.items() if key not in ("tags", "location")}
        unknown = next((one for one in leaves(told) if isinstance(one, Unknown)), None)
        if doubtful and unknown:
            if type_ == DEFINITIONS and self._fills_no_group(block.of):
                return
            what = f"a reference is not known ({unknown.what})"
            self._units.say(block.of.address, "unknown-value", what)
            for one in self._world.of_type(doubtful):
                near = ResourceId(self._world.id_of(one))
                self._units.doubt(near, block.of.address, "unknown-value", what)
            return
        self._units.put(type_, identity, contents, block.of)
        self._parentless(type_, identity, block.of)

    def _parentless(self, kind: str, part: ResourceId, of: Instance) -> None:
        """Notes a rule, peering or route of something that the plan does not tell: each may be."""
        parent = kind.rpartition("/")[0]
        if kind.lower() not in PARENTS or "{" not in part.parent.text:
            return
        some = self._world.of_type(parent)
        if part.parent.key in {ResourceId(self._world.id_of(one)).key for one in some}:
            return
        named = self._world.named(of)
        under = named.under if named else ""
        what = f"it is not known whose it is: `{part.parent.text}`"
        for one in some:
            near = ResourceId(self._world.id_of(one))
            if "{" in part.parent.name or part.parent.last == near.last:
                self._units.doubt(near, f"{of.address}.{under}", "unknown-value", what)
        self._units.say(f"{of.address}.{under}", "unknown-value", what)

    def _fills_no_group(self, policy: Instance) -> bool:
        """Reports whether a policy whose rule is not told mentions no network group."""
        origin = self._world.origin(policy, ("policy_rule",), NETWORK_GROUPS.lower())
        return origin.is_whole and not origin.found

    # -- ties

    def _tie(self, block: Block) -> None:
        tie = TIES[block.of.type]
        target = block.target(*tie.target)
        worth = block.target(*tie.value)
        if worth is None:
            worth = Unknown("it is missing")
        if isinstance(target, str):
            identity = ResourceId(target)
            self._units.tie(tie.slot, identity, worth, block.of, f".{tie.value[0]}")
        else:
            why = target.what if isinstance(target, Unknown) else "it is missing"
            self._loose(block.of, tie.slot, tie.target, why)

    def _loose(self, of: Instance, slot: str, target: tuple[str, str], why: str) -> None:
        """Notes what is tied to something that the plan does not tell: each may be meant."""
        name, kind = target
        origin = self._world.origin(of, (name,), kind.lower())
        candidates = list(origin.found) if origin.is_whole else []
        candidates = candidates or self._world.of_type(kind)
        address, what = f"{of.address}.{name}", f"value is not known ({why})"
        for one in candidates:
            identity = ResourceId(self._world.id_of(one))
            if slot == "asgs" or tie_key(slot, identity) not in self._units.by_key:
                self._units.doubt(identity, address, "unknown-value", what)
        self._units.say(address, "unknown-value", what)

    def _connect(self) -> None:
        """Says of peerings that have their opposite that they are connected: no attribute does."""
        leads: dict[tuple[str, str], Json] = {}
        for unit in self._units.by_key.values():
            if unit.found is not None and unit.found.type == PEERINGS.lower() and unit.found.id:
                to = at(unit.contents, "remoteVirtualNetwork", "id")
                if isinstance(to, str):
                    leads[unit.found.id.parent.key, to.lower()] = unit.found.node.value
        for (own, to), contents in leads.items():
            if (to, own) in leads:
                contents.setdefault("peeringState", "Connected")

    # -- what Azure makes of one resource

    def _endpoint(self, block: Block, identity: ResourceId, contents: Json) -> None:
        """Adds a private endpoint's interface, which is no resource of Terraform's."""
        own = as_text(at(block.values, "network_interface", 0, "id"))
        if not own:
            step = f"{block.of.address}.network_interface".replace("/", "_")
            name = as_text(block.get("custom_network_interface_name")) or f"{{{step}}}"
            own = f"{identity.text.rpartition('/providers/')[0]}/providers/{NICS}/{name}"
        contents["networkInterfaces"] = [{"id": own}]
        subnet = block.target("subnet_id", SUBNETS)
        if subnet is None:
            return
        fixed = block.blocks("ip_configuration") or block.blocks("private_service_connection")
        configurations: list[Json] = []
        for number, one in enumerate(fixed[:1] or [block], 1):
            told: Json = {"name": str(number), "subnet": {"id": subnet}}
            if (address := one.get("private_ip_address")) not in (None, ""):
                told["privateIPAddress"] = address
            configurations.append(told)
        interface = {"ipConfigurations": configurations, "privateEndpoint": {"id": identity.text}}
        self._units.put(NICS, ResourceId(own), interface, block.of, ".network_interface[0]")

    def _scale_set(self, block: Block) -> None:
        """Adds one interface for all instances of a scale set: they differ in addresses alone."""
        owner = ResourceId(self._world.id_of(block.of))
        machine = owner.child("virtualMachines", "{instance}")
        kind = f"{SCALE_SETS}/virtualMachines"
        nics: list[Json] = []
        described = SCALE_SET_TYPES[block.of.type]
        if isinstance(given := block.get(described), Unknown):
            nic = machine.child("networkInterfaces", f"{{{described}}}")
            what = f"value is not known ({given.what})"
            self._units.doubt(nic, f"{block.of.address}.{described}", "unknown-value", what)
        for number, inner in enumerate(block.blocks(described)):
            name = as_text(inner.get("name")) or f"{{{number}}}"
            identity = machine.child("networkInterfaces", name)
            nics.append({"id": identity.text})
            contents = {**body(inner, SCALE_SET_NIC), "virtualMachine": {"id": machine.text}}
            step = f".{described}[{number}]"
            self._units.put(f"{kind}/networkInterfaces", identity, contents, block.of, step)
        contents = {"networkProfile": {"networkInterfaces": nics}}
        self._units.put(kind, machine, contents, block.of)

    def _commit(self, of: Instance, contents: Json) -> None:
        if not self._world.plan.is_state:
            contents["commitTime"] = _COMMITTED_ANEW if of.change else _COMMITTED
        self._units.commit(contents, of)

    # -- azapi

    def _azapi(self, one: Instance) -> None:
        named = self._world.named(one)
        contents = azapi.body_of(self._world, one)
        if named is None or contents is None:
            return
        identity = ResourceId(self._world.id_of(one))
        kind = named.type.lower()
        for name in LISTS.get(kind, ()):
            for number, inner in enumerate(azapi.taken(contents, name)):
                step = f".body.properties.{name}[{number}]"
                told = as_text(inner.get("name")) or f"{{{one.address}{step}}}"
                self._units.put(f"{kind}/{name}", identity.child(name, told), inner, one, step)
        self._units.put(named.type, identity, contents, one)
        self._parentless(named.type, identity, one)
        self._made(one, kind, identity, contents)

    def _made(self, one: Instance, kind: str, owner: ResourceId, contents: Json) -> None:
        """Adds what Azure makes for a resource that azapi describes."""
        node = Node(contents, self._units.file, step=f"{one.address}.body")
        try:
            for made in made_for(node, kind, owner):
                assert made.id is not None
                self._units.put(made.type, made.id, made.node.value, one, ".body")
        except Unreadable as problem:
            lost = [owner.child("networkInterfaces", "{body}")]
            if kind == HUB_CONNECTION:
                lost = [ResourceId(self._world.id_of(near)) for near in self._world.of_type(VNETS)]
            self._units.doubts += [(near, problem.diagnostic) for near in lost]

    def _update(self, one: Instance) -> None:
        """Lays the fields of an ``azapi_update_resource`` over the resource that it changes."""
        target = self._world.target(one, ("resource_id",))
        identity = ResourceId(target if isinstance(target, str) else self._world.id_of(one))
        unit = self._units.by_key.get(identity.key)
        contents = azapi.body_of(self._world, one)
        if unit is None or unit.found is None or contents is None:
            what = f"`{identity.name}` is changed here, and the rest of it is not in the plan"
            self._units.doubt(identity, one.address, "update", what, "the whole resource")
            return
        merged = azapi.merged(unit.contents, contents)
        self._units.set(identity.key, unit.found.type, identity, merged, one, one.address)
