"""Parts of a network that Azure makes for a resource, and that infrastructure code does not list.

A machine, a scale set and a private endpoint may describe their interfaces in their own bodies, and
a network that is connected to a virtual hub is peered with it. An export has those interfaces and
the peering as well; a template or a plan has nothing but the description.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flowverdict.load.kinds import Found, Shape
from flowverdict.load.node import Node
from flowverdict.model import ResourceId

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDPOINT: Final = "microsoft.network/privateendpoints"
_INTERFACE: Final = "microsoft.network/networkinterfaces"
_MACHINE: Final = "microsoft.compute/virtualmachines"
HUB_CONNECTION: Final = "microsoft.network/virtualhubs/hubvirtualnetworkconnections"
_PEERING: Final = "microsoft.network/virtualnetworks/virtualnetworkpeerings"
_SCALE_SET: Final = "microsoft.compute/virtualmachinescalesets"


def made_for(node: Node, kind: str, owner: ResourceId) -> Iterator[Found]:
    """Yields the interfaces, or the peering, that Azure makes for a resource.

    Args:
        node: the resource's body, as the REST API takes it.
        kind: its ARM type in lower case.
        owner: its id.

    Raises:
        Unreadable: how many there are is not known, or what describes them is wrong.
    """
    if kind == HUB_CONNECTION:
        yield from _of_hub(node, owner)
    elif kind == _SCALE_SET:
        yield from _of_scale_set(node, owner)
    elif kind == _MACHINE:
        yield from _of_machine(node, owner)
    elif kind == _ENDPOINT:
        yield from _of_endpoint(node, owner)


def _of_scale_set(node: Node, owner: ResourceId) -> Iterator[Found]:
    """Yields the network interface of one instance of a scale set: all are alike."""
    profile = node.get("virtualMachineProfile")
    machine = owner.child("virtualMachines", "0")
    for one in _described(profile):
        resource = machine.child("networkInterfaces", one.need("name").as_text())
        kind = f"{_SCALE_SET}/virtualmachines/networkinterfaces"
        yield _found(one, {**one.value, "id": resource.text}, kind, resource)


def _of_machine(node: Node, owner: ResourceId) -> Iterator[Found]:
    """Yields the interfaces that a machine describes instead of naming ones that are there."""
    for one in _described(node):
        resource = _beside(owner, one.need("name").as_text())
        value = {**one.value, "id": resource.text, "virtualMachine": {"id": owner.text}}
        yield _found(one, value, _INTERFACE, resource)


def _described(profile: Node | None) -> list[Node]:
    """Returns the interfaces that a profile describes."""
    network = profile.get("networkProfile") if profile else None
    return network.items("networkInterfaceConfigurations") if network else []


def _of_endpoint(node: Node, owner: ResourceId) -> Iterator[Found]:
    """Yields the interface of a private endpoint, with the addresses that it is to have, if any."""
    subnet = node.value_of("subnet")
    if subnet is None or node.items("networkInterfaces"):
        return
    static = [one.value_of("privateIPAddress") for one in node.items("ipConfigurations")]
    given = node.value_of("customNetworkInterfaceName")
    resource = _beside(owner, given if isinstance(given, str) and given else f"{owner.name}.nic")
    groups = node.value_of("applicationSecurityGroups")
    configurations = [
        {
            "name": f"ipconfig{number}",
            "subnet": subnet,
            **({"privateIPAddress": address} if address is not None else {}),
            **({"applicationSecurityGroups": groups} if groups is not None else {}),
        }
        for number, address in enumerate(static or [None], 1)
    ]
    value = {"privateEndpoint": {"id": owner.text}, "ipConfigurations": configurations}
    yield _found(node, {**value, "id": resource.text}, _INTERFACE, resource)


def _of_hub(node: Node, owner: ResourceId) -> Iterator[Found]:
    """Yields the peering of a network with a hub, which stands for the network in it."""
    remote = node.reference("remoteVirtualNetwork")
    if remote is not None:
        resource = remote.child("virtualNetworkPeerings", f"{owner.parent.name}-{owner.name}")
        value = {"name": resource.name, "remoteVirtualNetwork": {"id": owner.parent.text}}
        yield _found(node, {**value, "id": resource.text}, _PEERING, resource)


def _beside(owner: ResourceId, name: str) -> ResourceId:
    """Returns the id of an interface in the resource group of its owner."""
    group = owner.text[: owner.text.lower().rfind("/providers/")]
    return ResourceId(f"{group}/providers/Microsoft.Network/networkInterfaces/{name}")


def _found(of: Node, value: dict[str, Any], kind: str, resource: ResourceId) -> Found:
    made = Node(value, of.file, None, of.path)
    return Found(made, Shape.RESOURCE, kind, resource, planned=True)
