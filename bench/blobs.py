"""Blobs as Azure writes them, made with a seed: what the benchmarks read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

RECORDS = 60
GROUPS = 12
TUPLES = 300
"""The most tuples in a group."""

RULES = {
    "I": (
        "DefaultRule_AllowVnetInBound", "DefaultRule_DenyAllInBound", "UserRule_Allow-HTTPS",
        "UserRule_AllowSSHFromBastion", "PlatformRule", "UserRule_Block_Scanners",
    ),
    "O": (
        "DefaultRule_AllowInternetOutBound", "DefaultRule_AllowVnetOutBound",
        "DefaultRule_DenyAllOutBound", "UserRule_AllowSQL", "UserRule_Allow-Storage-WestEurope",
    ),
}  # fmt: skip
TOKENS = ("NX", "X", "NX_HW_NOT_SUPPORTED", "NX_LOCAL_DST")
PORTS = (443, 80, 53, 22, 3389, 1433, 445, 8080, 5432, 123)
START_MS = 1_786_653_600_000


def make_blob(seed: int, records: int = RECORDS, *, only_ipv6: bool = False) -> bytes:
    """Return a blob as Azure writes it: an hour of one interface, 2 % of its peers IPv6."""
    rng = np.random.default_rng(seed)
    own = f"10.{seed % 200}.5.4"
    peers = _peers(rng)
    if only_ipv6:
        own, peers = "fd00:10:5::4", [one for one in peers if ":" in one]
    resource = "/SUBSCRIPTIONS/ABCDEF01-2345-6789-0ABC-DEF012345678/RESOURCEGROUPS/NETWORKWATCHERRG"
    watcher = f"{resource}/PROVIDERS/MICROSOFT.NETWORK/NETWORKWATCHERS/NETWORKWATCHER_WESTEUROPE"
    target = (
        "/subscriptions/abcdef01-2345-6789-0abc-def012345678/resourceGroups/shop"
        f"/providers/Microsoft.Network/virtualNetworks/hub{seed}"
    )
    parts: list[dict[str, Any]] = []
    for minute in range(records):
        flows: list[dict[str, Any]] = []
        for acl in range(2):
            groups: list[dict[str, Any]] = []
            for _ in range(GROUPS // 2):
                direction = "IO"[int(rng.integers(2))]
                rule = RULES[direction][int(rng.integers(len(RULES[direction])))]
                start = START_MS + 60_000 * minute
                tuples = list(_tuples(rng, own, peers, direction, rule, start))
                groups.append({"rule": rule, "flowTuples": tuples})
            acl_id = f"0000000{acl}-1234-abcd-ef00-c1c2c3c4c5c6"
            flows.append({"aclID": acl_id, "flowGroups": groups})
        parts.append({
            "time": f"2026-08-13T20:{minute:02d}:52.9481850Z",
            "flowLogGUID": "1ea85f4d-b35c-4a7b-b925-29bdc9bd40ba",
            "macAddress": f"0022486DBA{seed % 256:02X}",
            "category": "FlowLogFlowEvent",
            "flowLogResourceID": f"{watcher}/FLOWLOGS/HUB{seed}",
            "targetResourceID": target,
            "flowLogVersion": 4,
            "operationName": "FlowLogFlowEvent",
            "flowRecords": {"flows": flows},
        })  # fmt: skip
    return json.dumps({"records": parts}, separators=(",", ":")).encode()


def as_nsg_blob(data: bytes) -> bytes:
    """Return the flows of a blob as an NSG log has them (version 2): one rule after another."""
    records: list[dict[str, Any]] = []
    for one in json.loads(data)["records"]:
        groups = [group for flow in one["flowRecords"]["flows"] for group in flow["flowGroups"]]
        flows = [
            {
                "rule": group["rule"],
                "flows": [
                    {
                        "mac": one["macAddress"],
                        "flowTuples": [*map(_nsg_tuple, group["flowTuples"])],
                    }
                ],
            }
            for group in groups
        ]
        records.append({
            "time": one["time"],
            "systemId": one["flowLogGUID"],
            "macAddress": one["macAddress"],
            "category": "NetworkSecurityGroupFlowEvent",
            "resourceId": one["targetResourceID"].upper(),
            "operationName": "NetworkSecurityGroupFlowEvents",
            "properties": {"Version": 2, "flows": flows},
        })  # fmt: skip
    return json.dumps({"records": records}, separators=(",", ":")).encode()


def _nsg_tuple(raw: str) -> str:
    time_ms, *ends, protocol, direction, state, _, counters = raw.split(",", 9)
    verdict = "D,B" if state == "D" else f"A,{state}"
    words = (
        time_ms[:-3], *ends, "U" if protocol == "17" else "T", direction, verdict,
        ",,," if state in "BD" else counters,
    )  # fmt: skip
    return ",".join(words)


def _peers(rng: np.random.Generator) -> list[str]:
    """Return peers: a few of them are met often, as in real networks."""
    octets = rng.integers(1, 224, (20_000, 4)).tolist()
    groups = rng.integers(0x1000, 0x10000, (400, 4)).tolist()
    four = [".".join(map(str, one)) for one in octets]
    return four + [f"2603:1030:{one[0]:x}:{one[1]:x}::{one[2]:x}" for one in groups]


def _tuples(
    rng: np.random.Generator, own: str, peers: list[str], direction: str, rule: str, start: int
) -> Iterator[str]:
    count = int(rng.integers(10, TUPLES))
    denies = "Deny" in rule or "Block" in rule
    times = (start + np.sort(rng.integers(0, 60_000, count))).tolist()
    picks = (len(peers) * rng.random(count) ** 2).astype(int).tolist()
    sources = rng.integers(1024, 65536, count).tolist()
    ports = rng.choice(PORTS, count).tolist()
    protocols = rng.choice((6, 17, 1), count, p=(0.82, 0.17, 0.01)).tolist()
    states = ["D"] * count if denies else rng.choice(list("BCE"), count, p=(0.42, 0.16, 0.42))
    tokens = rng.choice(TOKENS, count, p=(0.9, 0.05, 0.03, 0.02)).tolist()
    packets = np.ceil(rng.lognormal(2, 1.8, (count, 2))).astype(int)
    sizes = (packets * rng.integers(40, 1400, (count, 2))).tolist()
    quiet = rng.random(count).tolist()
    for i, (sent, received) in enumerate(packets.tolist()):
        state = states[i]
        if state in "BD":
            counters = ",,," if quiet[i] < 0.1 else "0,0,0,0"
        else:
            counters = f"{sent},{sizes[i][0]},{received},{sizes[i][1]}"
        peer = peers[picks[i]]
        ends = f"{peer},{own}" if direction == "I" else f"{own},{peer}"
        yield (
            f"{times[i]},{ends},{sources[i]},{ports[i]},{protocols[i]},{direction},{state},"
            f"{tokens[i]},{counters}"
        )
