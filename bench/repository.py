"""An ordinary repository of network resources, as `az` exports them: written with a seed."""

import json
import random
from pathlib import Path
from typing import Any

NSGS, RULES, NICS, VNETS = 30, 20, 60, 5
_GROUP = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-app"
_NETWORK = f"{_GROUP}/providers/Microsoft.Network"
_OPEN = 5
"""One NSG of so many has a rule that somebody forgot."""
_SERVICES: tuple[str, ...] = (
    "443",
    "80",
    "1433",
    "5432",
    "8080-8090",
    "9100",
    "53",
    "6379",
    "5671-5672",
    "9092",
)

CLAIMS = """
- {name: the web is open, expect: allow, direction: Inbound, from: Internet, to: "nic:nic-000",
   protocol: TCP, ports: [443]}
- {name: databases stay inside, expect: deny, direction: Inbound, from: Internet,
   protocol: TCP, ports: [1433, 5432, 6379]}
- {name: teams keep apart, expect: deny, from: "subnet:subnet-00", to: "subnet:subnet-29",
   protocol: TCP, ports: [22, 3389]}
"""


def write_repository(folder: Path, seed: int = 5) -> None:
    """Write virtual networks, interfaces and security groups, and claims about them.

    A subnet for each of 30 NSGs with 20 rules, two interfaces in each, in five virtual networks
    that are peered with the first.
    """
    chance = random.Random(seed)  # noqa: S311 - a benchmark
    files: dict[str, Any] = {
        "vnets.json": [_vnet(number) for number in range(VNETS)],
        "nics.json": [_nic(number) for number in range(NICS)],
    }
    for number in range(NSGS):
        files[f"nsgs/nsg-{number:02}.json"] = _nsg(number, chance)
    for name, content in files.items():
        path = folder / "network" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=2))
    (folder / "claims.yaml").write_text(CLAIMS)


def _vnet(number: int) -> dict[str, Any]:
    peers = range(1, VNETS) if number == 0 else [0]
    return {
        "id": _id("virtualNetworks", f"vnet-{number}"),
        "name": f"vnet-{number}",
        "location": "westeurope",
        "addressSpace": {"addressPrefixes": [f"10.{number}.0.0/16"]},
        "subnets": [
            {
                "id": _subnet(at),
                "name": f"subnet-{at:02}",
                "addressPrefix": f"10.{number}.{at}.0/24",
                "networkSecurityGroup": {"id": _id("networkSecurityGroups", f"nsg-{at:02}")},
            }
            for at in range(number, NSGS, VNETS)
        ],
        "virtualNetworkPeerings": [
            {
                "name": f"to-{peer}",
                "peeringState": "Connected",
                "allowVirtualNetworkAccess": True,
                "remoteVirtualNetwork": {"id": _id("virtualNetworks", f"vnet-{peer}")},
                "remoteAddressSpace": {"addressPrefixes": [f"10.{peer}.0.0/16"]},
            }
            for peer in peers
        ],
    }


def _nic(number: int) -> dict[str, Any]:
    at = number % NSGS
    return {
        "id": _id("networkInterfaces", f"nic-{number:03}"),
        "name": f"nic-{number:03}",
        "location": "westeurope",
        "ipConfigurations": [
            {
                "name": "ipconfig1",
                "primary": True,
                "privateIPAddress": f"10.{at % VNETS}.{at}.{4 + number // NSGS}",
                "privateIPAllocationMethod": "Static",
                "subnet": {"id": _subnet(at)},
            }
        ],
    }


def _nsg(number: int, chance: random.Random) -> dict[str, Any]:
    """Return a security group: what neighbours and offices may, what it sends out, and no more."""
    nsg = _id("networkSecurityGroups", f"nsg-{number:02}")
    rules: list[dict[str, Any]] = []

    def add(name: str, source: str, ports: list[str], **told: str) -> None:
        fields = {"direction": "Inbound", "access": "Allow", "sourceAddressPrefix": source, **told}
        priority = 100 + 10 * len(rules)
        rules.append(_made(f"{nsg}/securityRules", name, priority, {**fields, "ports": ports}))

    add("AllowWeb", "Internet", ["443"])
    add("AllowBastion", "10.0.0.0/24", ["22", "3389"])
    add("AllowProbes", "AzureLoadBalancer", ["*"], protocol="*")
    if number % _OPEN == 0:
        add("AllowVendor", f"198.51.100.{8 * number}/29", ["22", "3389"])
    for at in range(RULES - 8):
        source = f"10.{chance.randrange(VNETS)}.{chance.randrange(NSGS)}.0/24"
        ports = sorted(chance.sample(_SERVICES, chance.randrange(1, 4)))
        add(f"AllowNeighbour{at:02}", source, ports)
    for tag in ("Storage", "Sql", "AzureMonitor"):
        out = {"direction": "Outbound", "destinationAddressPrefix": tag}
        add(f"Allow{tag}", "VirtualNetwork", ["443"], **out)
    add("DenyRest", "*", ["*"], access="Deny", protocol="*")
    return {
        "id": nsg,
        "name": f"nsg-{number:02}",
        "location": "westeurope",
        "securityRules": rules,
    }


def _made(parent: str, name: str, priority: int, told: dict[str, Any]) -> dict[str, Any]:
    fields = {"protocol": "Tcp", "sourcePortRange": "*", "destinationAddressPrefix": "*", **told}
    ports = fields.pop("ports")
    return {
        "id": f"{parent}/{name}",
        "name": name,
        "priority": priority,
        "destinationPortRanges": ports if len(ports) > 1 else [],
        "destinationPortRange": ports[0] if len(ports) == 1 else None,
        **fields,
    }


def _id(collection: str, name: str) -> str:
    return f"{_NETWORK}/{collection}/{name}"


def _subnet(at: int) -> str:
    return f"{_id('virtualNetworks', f'vnet-{at % VNETS}')}/subnets/subnet-{at:02}"
