"""Virtual machines and scale sets as Azure answers them."""

from __future__ import annotations

from collections.abc import Iterator

from flowverdict.demo.plan.hosts import Machine, ScaleSet
from flowverdict.demo.plan.names import Json, guid


def machine_json(machine: Machine) -> dict[str, Json]:
    """A virtual machine."""
    offer = "WindowsServer" if machine.windows else "ubuntu-24_04-lts"
    publisher = "MicrosoftWindowsServer" if machine.windows else "Canonical"
    return {
        "name": machine.name,
        "id": machine.id,
        "type": "Microsoft.Compute/virtualMachines",
        "location": machine.place.region,
        "properties": {
            "provisioningState": "Succeeded",
            "vmId": guid("vm", machine.id),
            "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
            "storageProfile": {
                "imageReference": {"publisher": publisher, "offer": offer, "version": "latest"},
                "osDisk": {"osType": "Windows" if machine.windows else "Linux"},
                "dataDisks": [],
            },
            "osProfile": {"computerName": machine.name, "adminUsername": "operator"},
            "networkProfile": {
                "networkInterfaces": [
                    {"id": nic.id, "properties": {"primary": nic.primary, "deleteOption": "Delete"}}
                    for nic in machine.nics
                ]
            },
        },
    }


def scale_set_json(scale_set: ScaleSet) -> dict[str, Json]:
    """A scale set, without its instances."""
    first = scale_set.nics[0]
    configuration: Json = {
        "name": first.name,
        "properties": {
            "primary": True,
            "enableIPForwarding": False,
            "ipConfigurations": [
                {
                    "name": "ipconfig1",
                    "properties": {
                        "primary": True,
                        "privateIPAddressVersion": "IPv4",
                        "subnet": {"id": first.vnet.subnet_id(first.subnet)},
                    },
                }
            ],
        },
    }
    return {
        "name": scale_set.name,
        "id": scale_set.id,
        "type": "Microsoft.Compute/virtualMachineScaleSets",
        "location": scale_set.place.region,
        "sku": {"name": "Standard_D2s_v5", "tier": "Standard", "capacity": len(scale_set.nics)},
        "properties": {
            "provisioningState": "Succeeded",
            "uniqueId": guid("scale-set", scale_set.id),
            "orchestrationMode": "Uniform",
            "singlePlacementGroup": False,
            "overprovision": False,
            "virtualMachineProfile": {
                "networkProfile": {"networkInterfaceConfigurations": [configuration]}
            },
        },
    }


def instances_json(scale_set: ScaleSet) -> Iterator[dict[str, Json]]:
    """The instances of a scale set."""
    for number, nic in enumerate(scale_set.nics):
        yield {
            "name": f"{scale_set.name}_{number}",
            "id": nic.machine,
            "type": "Microsoft.Compute/virtualMachineScaleSets/virtualMachines",
            "location": scale_set.place.region,
            "instanceId": str(number),
            "properties": {
                "provisioningState": "Succeeded",
                "latestModelApplied": True,
                "networkProfile": {"networkInterfaces": [{"id": nic.id}]},
            },
        }
