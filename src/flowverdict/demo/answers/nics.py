"""Network interfaces as Azure answers them."""

from __future__ import annotations

from collections.abc import Iterable

from flowverdict.demo.answers.envelope import child, etag, refs, resource
from flowverdict.demo.plan.hosts import IpConfiguration, Nic
from flowverdict.demo.plan.names import Json

_FIRST_MAC = 0x6045BD2A0000


def mac_addresses(nics: Iterable[Nic]) -> dict[str, str]:
    """The MAC address of each NIC by its id, twelve digits: the order of the bank makes them."""
    return {nic.id: f"{number:012X}" for number, nic in enumerate(nics, _FIRST_MAC)}


def nic_json(nic: Nic, mac: str) -> dict[str, Json]:
    """A network interface."""
    properties: dict[str, Json] = {
        "ipConfigurations": [
            _configuration(nic, each, primary=index == 0)
            for index, each in enumerate(nic.addresses)
        ],
        "dnsSettings": {"dnsServers": [], "appliedDnsServers": []},
        "enableAcceleratedNetworking": nic.machine is not None,
        "vnetEncryptionSupported": nic.vnet.encrypted and nic.machine is not None,
        "enableIPForwarding": nic.forwarding,
        "disableTcpStateTracking": False,
        "hostedWorkloads": [],
        "tapConfigurations": [],
        "nicType": "Standard",
        "allowPort25Out": False,
        "auxiliaryMode": "None",
        "auxiliarySku": "None",
    }
    if nic.nsg:
        properties["networkSecurityGroup"] = {"id": nic.nsg.id}
    if nic.machine:
        properties["macAddress"] = "-".join(mac[at : at + 2] for at in range(0, 12, 2))
        properties["primary"] = nic.primary
        properties["virtualMachine"] = {"id": nic.machine}
    if nic.endpoint:
        properties["privateEndpoint"] = {"id": nic.endpoint}
    if nic.in_scale_set:
        # Azure answers NICs of scale sets without type and location.
        state: dict[str, Json] = {"provisioningState": "Succeeded", **properties}
        return {"name": nic.name, "id": nic.id, "etag": etag(nic.id), "properties": state}
    body = resource("Microsoft.Network/networkInterfaces", nic.place, nic.name, properties, tags={})
    body["kind"] = "Regular"
    return body


def _configuration(nic: Nic, each: IpConfiguration, *, primary: bool) -> Json:
    properties: dict[str, Json] = {
        "privateIPAddress": each.address,
        "privateIPAllocationMethod": "Dynamic",
        "subnet": {"id": nic.vnet.subnet_id(nic.subnet)},
        "primary": primary,
        "privateIPAddressVersion": "IPv6" if ":" in each.address else "IPv4",
    }
    if each.public_ip:
        properties["publicIPAddress"] = {"id": each.public_ip.id}
    if each.asgs:
        properties["applicationSecurityGroups"] = refs([asg.id for asg in each.asgs])
    if each.pool:
        properties["loadBalancerBackendAddressPools"] = refs([each.pool])
    kind = "Microsoft.Network/networkInterfaces"
    return child(nic.id, kind, "ipConfigurations", each.name, properties)
