"""Flow logs in a few words, and flow rows out of them without a lake."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from flowverdict.flowlog import SCHEMA, Reading, read_blob

T = 1_786_653_106_000
"""2026-08-13T20:31:46Z in milliseconds."""
FLOW_LOG = (
    "/subscriptions/S/resourceGroups/NW/providers/Microsoft.Network/networkWatchers/W/flowLogs/F"
)
VNET = "/subscriptions/s/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/vnet1"
NSG = "/subscriptions/s/resourceGroups/net/providers/Microsoft.Network/networkSecurityGroups/n1"


def tuple4(
    second: float,
    state: str,
    counters: str = "0,0,0,0",
    *,
    flow: str = "10.0.5.4,20.150.1.97,40000,443,6",
    direction: str = "O",
    encryption: str = "NX",
) -> str:
    """A VNet tuple, some seconds behind T."""
    return f"{T + round(second * 1000)},{flow},{direction},{state},{encryption},{counters}"


def tuple2(second: int, words: str, flow: str = "10.0.5.4,20.150.1.97,40000,443,T,O") -> str:
    """An NSG tuple, some seconds behind T: `A,B,,,,`."""
    return f"{T // 1000 + second},{flow},{words}"


def vnet4(
    *tuples: str,
    mac: str | None = "0022486DBA37",
    rule: str = "UserRule_x",
    target: str = VNET,
    acl: str = NSG,
) -> dict[str, Any]:
    """A VNet record."""
    return {
        "time": "2026-08-13T20:33:21.9481850Z", "macAddress": mac, "category": "FlowLogFlowEvent",
        "flowLogResourceID": FLOW_LOG.upper(), "targetResourceID": target, "flowLogVersion": 4,
        "flowRecords": {"flows": [
            {"aclID": acl, "flowGroups": [{"rule": rule, "flowTuples": list(tuples)}]}
        ]},
    }  # fmt: skip


def nsg(
    *tuples: str, mac: str = "0022486DBA37", rule: str = "UserRule_x", version: int = 2,
    resource: str = NSG,
) -> dict[str, Any]:  # fmt: skip
    """An NSG record."""
    flows = [{"rule": rule, "flows": [{"mac": mac, "flowTuples": list(tuples)}]}]
    return {
        "category": "NetworkSecurityGroupFlowEvent",
        "resourceId": resource.upper(),
        "properties": {"Version": version, "flows": flows},
    }


def rows(*records: dict[str, Any], blob: str = "PT1H.json") -> list[pa.RecordBatch]:
    """The flow rows of records, as reading a blob gives them."""
    reading = Reading(blob)
    found = list(read_blob(json.dumps({"records": records}).encode(), reading))
    assert not reading.rejected, reading.rejected
    return found


def taken(batches: Iterable[pa.RecordBatch], *order: str) -> list[dict[str, Any]]:
    """What comes out of a function over batches, in order."""
    found = [row for batch in batches for row in batch.to_pylist()]
    return sorted(found, key=lambda row: tuple(row[name] for name in order or ("first_time",)))


def single(batches: Iterable[pa.RecordBatch], size: int) -> list[pa.RecordBatch]:
    """The same rows in batches of another size."""
    whole = pa.Table.from_batches(list(batches), SCHEMA)
    return whole.combine_chunks().to_batches(size)
