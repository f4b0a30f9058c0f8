"""Estates with flow logs, in the notation of ``tests/conformance/sketch.py``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowverdict.load import load_estate
from flowverdict.model import Estate, ResourceId
from tests.conformance.sketch import expand


def mac(number: int) -> str:
    """A MAC address as flow logs have it."""
    return f"6045BD{number:06X}"


def nic(number: int, subnet: str, **more: Any) -> dict[str, Any]:
    """An interface of the sketch with a machine and a MAC address as Azure writes it."""
    plain = mac(number)
    spelt = "-".join(plain[at : at + 2] for at in range(0, 12, 2))
    return {
        "subnet": subnet, "ip": [f"10.0.{number}.4"], "vm": f"vm{number}",
        "raw": {"macAddress": spelt}, **more,
    }  # fmt: skip


def pooled(address: str, *balancers: str) -> dict[str, Any]:
    """An address of an interface of the sketch, in a backend pool of each load balancer."""
    pools = [
        {"id": "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/"
         f"loadBalancers/{balancer}/backendAddressPools/pool"} for balancer in balancers
    ]  # fmt: skip
    return {"address": address, "raw": {"loadBalancerBackendAddressPools": pools}}


def flow_log(name: str, target: str, **properties: Any) -> dict[str, Any]:
    """A flow log; the target is `<kind/name>` of the sketch, or an id."""
    return {
        "id": "/subscriptions/s/resourceGroups/NetworkWatcherRG/providers/Microsoft.Network/"
        f"networkWatchers/NetworkWatcher_eastus/flowLogs/{name}",
        "name": name,
        "properties": {
            "targetResourceId": target, "enabled": True,
            "storageId": "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/"
            "storageAccounts/logs",
            "retentionPolicy": {"days": 7, "enabled": True}, **properties,
        },
    }  # fmt: skip


def write(folder: Path, sketch: Mapping[str, Any]) -> Path:
    """Writes an estate; interfaces 1, 2 … have the addresses 10.0.1.4, 10.0.2.4 …"""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in expand(sketch, "rest").items():
        (folder / name).write_text(value if isinstance(value, str) else json.dumps(value))
    return folder


def estate(folder: Path, sketch: Mapping[str, Any]) -> Estate:
    """Loads an estate of which nothing may be wrong."""
    found = load_estate([str(write(folder, sketch))])
    assert not found.errors, found.errors
    return found


def names(ids: Any) -> list[str]:
    """The last segments of ids."""
    return [ResourceId(str(one)).name for one in ids]
