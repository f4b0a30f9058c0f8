"""A small network that is attacked, the flow logs of it, and findings about them."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import flowverdict
from flowverdict.detect import Finding
from flowverdict.lake import Lake
from flowverdict.model import Estate, NetworkInterface, NetworkSecurityGroup
from tests.conformance.sketch import subscription_id, write
from tests.impact.logs import ingested, lake_at, vnet

NOON = datetime(2026, 8, 13, 12, tzinfo=UTC)
NICS = {
    "web": ("10.0.0.4", "fd00::4"),
    "db": ("10.0.1.4", "fd00:0:0:1::4"),
    "jump": ("10.0.2.4", "fd00:0:0:2::4"),
}
MACS = {name: f"0022486D00{at:02X}" for at, name in enumerate(NICS)}


class Row(NamedTuple):
    """One tuple of a flow log.

    Attributes:
        at: the interface that logged it.
        rule: as the log spells it, and of which NSG.
        minute: from noon on; before it, if negative.
    """

    at: str
    src: str
    dst: str
    port: int
    rule: str
    nsg: str
    state: str = "E"
    minute: int = 0
    protocol: int = 6
    src_port: int = 50_000


def network(**others: Any) -> dict[str, Any]:
    """Three interfaces in subnets of their own, each with an NSG, as a sketch; more NSGs, NICs."""
    sketch: dict[str, Any] = {
        "vnets": {
            "v": {
                "space": ["10.0.0.0/16", "fd00::/48"],
                "subnets": {
                    name: {"prefixes": [f"10.0.{at}.0/24", f"fd00:0:0:{at}::/64"]}
                    for at, name in enumerate(NICS)
                },
            }
        },
        "nics": {
            name: {"subnet": f"v/{name}", "ip": list(ips), "nsg": f"{name}-nsg"}
            for name, ips in NICS.items()
        },
        "nsgs": {f"{name}-nsg": [] for name in NICS},
    }
    for kind, resources in others.items():
        sketch[kind] = {**sketch.get(kind, {}), **resources}
    return sketch


def saved(folder: Path, sketch: dict[str, Any]) -> Path:
    """Where the files of a network are."""
    return write(sketch, folder, "rest")


def estate_of(folder: Path, sketch: dict[str, Any]) -> Estate:
    estate = flowverdict.load_estate([saved(folder, sketch)])
    assert not estate.errors, estate.errors
    return estate


def nic_of(estate: Estate, name: str) -> NetworkInterface:
    (found,) = estate.nics_by_name[name]
    return found


def nsg_of(estate: Estate, name: str) -> NetworkSecurityGroup:
    return next(one for one in estate.resources.nsgs.values() if one.id.name == name)


def nsg_id(name: str) -> str:
    """The id that a sketch gives an NSG."""
    providers = "providers/Microsoft.Network/networkSecurityGroups"
    return f"/subscriptions/{subscription_id('main')}/resourceGroups/rg/{providers}/{name}"


def lake_of(
    folder: Path, rows: Sequence[Row], name: str = "lake", ways: Sequence[str] = ()
) -> Lake:
    """A lake of rows, each with 10 packets and 1,000 bytes either way.

    Whether a row is inbound is told by its addresses, or by `ways`.
    """
    told = ways or ["I" if one.dst in NICS[one.at] else "O" for one in rows]
    records = [
        vnet(
            MACS[one.at],
            f"{_milliseconds(one)},{one.src},{one.dst},{one.src_port},{one.port},{one.protocol},"
            f"{way},{one.state},NX,10,1000,10,1000",
            rule=one.rule,
            acl=nsg_id(one.nsg),
        )
        for one, way in zip(rows, told, strict=True)
    ]
    return lake_at(ingested(folder, records, name))


def _milliseconds(row: Row) -> int:
    return round((NOON + timedelta(minutes=row.minute)).timestamp() * 1000)


def finding(
    sources: Sequence[str],
    targets: Sequence[str],
    ports: Sequence[int] = (3389,),
    outcome: str = "allowed",
    *,
    minutes: tuple[int, int] = (0, 60),
    protocol: int | None = 6,
) -> Finding:
    """Somebody who tries passwords."""
    first, last = (NOON + timedelta(minutes=one) for one in minutes)
    return Finding(
        detection="rdp-brute-force",
        severity="high",
        technique="T1110.001",
        first=first,
        last=last,
        sources=tuple(sorted(sources)),
        targets=tuple(sorted(targets)),
        ports=tuple(sorted(ports)),
        protocol=protocol,
        outcome=outcome,
    )


def manager(*rules: str, active: bool = False) -> dict[str, Any]:
    """A network manager with a committed collection of admin rules for the network."""
    collections = {"c": {"groups": ["G"], "rules": list(rules)}}
    deployed: dict[str, Any] = {
        "deployments": [{"regions": ["eastus"], "configurations": ["cfg"]}],
        "configurations": {"cfg": {"collections": collections}},
    }
    if active:
        listed = {"region": "eastus", "configuration": "cfg", "collections": collections}
        deployed = {"active": [listed]}
    return {"M": {"scope": ["sub:main"], "groups": {"G": {"members": ["v"]}}, **deployed}}


HUB = {
    "id": "<sub:main>/resourceGroups/rg/providers/Microsoft.Network/bastionHosts/bas",
    "type": "Microsoft.Network/bastionHosts",
    "name": "bas",
    "properties": {
        "ipConfigurations": [
            {"name": "c", "properties": {"subnet": {"id": "<vnets/v/subnets/AzureBastionSubnet>"}}}
        ]
    },
}


def with_bastion(**others: Any) -> dict[str, Any]:
    """The network with a Bastion host beside it, as a sketch."""
    sketch = network(**others)
    subnet = {"prefixes": ["10.0.9.0/26"]}
    sketch["vnets"]["v"]["subnets"]["AzureBastionSubnet"] = subnet
    return {**sketch, "also": [[HUB]]}
