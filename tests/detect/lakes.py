"""Lakes in a few words: flows as one end or both of them log them."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from flowverdict.detect import Finding, detect, packaged
from flowverdict.lake import Lake
from flowverdict.lake.tables import FLOWS
from flowverdict.load.service_tags import PackagedTags

T = datetime(2026, 3, 10, tzinfo=UTC)
NSG = "/subscriptions/s/resourceGroups/r/providers/Microsoft.Network/networkSecurityGroups/n"
OUTSIDE = "203.0.113.9"
VM, OTHER = "10.0.0.4", "10.0.0.5"

TAGS = PackagedTags()

Row = dict[str, Any]


def mac_of(address: str) -> str:
    """The interface of an address."""
    return f"0022{abs(hash_of(address)) % (1 << 32):08X}"


def hash_of(text: str) -> int:
    """A number of a text that is the same in each run."""
    return int.from_bytes(text.encode().rjust(8, b"\0")[-6:], "big") * 2654435761 % (1 << 40)


def row(second: float, src: str, dst: str, port: int, **others: Any) -> Row:
    """One row, some seconds behind T; it is logged where the flow comes in."""
    way = others.get("direction", "I")
    return {
        "time": T + timedelta(seconds=second), "src_ip": src, "dst_ip": dst, "src_port": 50_000,
        "dst_port": port, "protocol": 6, "direction": way, "decision": "A", "state": "B",
        "encryption": "NX", "packets_sent": 0, "bytes_sent": 0, "packets_received": 0,
        "bytes_received": 0, "rule": "Allow", "rule_kind": "user", "acl": NSG,
        "mac": mac_of(dst if way == "I" else src), "target": None, "flow_log": None,
        "schema": "vnet4", "blob": "PT1H.json", "record": 0, "tuple": 0, **others,
    }  # fmt: skip


def denied(second: float, src: str, dst: str, port: int, **others: Any) -> Iterator[Row]:
    """A denied attempt with two retransmissions, as CAP-V4 has it."""
    words = {"decision": "D", "state": "D", "rule": "Deny", **others}
    for later in (0, 1.005, 3.024):
        yield row(second + later, src, dst, port, **words)


def flow(
    second: float, src: str, dst: str, port: int, *, packets: int = 10, size: int = 100,
    lasts: float = 6, ways: str = "I", states: str = "BE", **others: Any,
) -> Iterator[Row]:  # fmt: skip
    """An allowed flow: a begin, a C each five minutes, an end; seen by one end or by both."""
    for way in ways:
        late = 0.2 if way == "I" else 0
        words = {"direction": way, **others}
        counted = {
            "packets_sent": packets, "bytes_sent": packets * size,
            "packets_received": packets, "bytes_received": packets * size,
        }  # fmt: skip
        if "B" in states:
            yield row(second + late, src, dst, port, **words)
        ticks = int(lasts // 300)
        if "C" in states or ticks:
            for tick in range(1, ticks + 1):
                yield row(second + late + 300 * tick, src, dst, port, **words, **counted, state="C")
        if "E" in states:
            yield row(second + late + lasts, src, dst, port, **words, **counted, state="E")


def lake_of(folder: Path, rows: Iterable[Row]) -> Lake:
    """A lake that holds rows, in this order."""
    every = [{**one, "day": one["time"].date(), "tuple": at} for at, one in enumerate(rows)]
    table = pa.Table.from_pylist(every, FLOWS)
    location = folder / "lake"
    write_deltalake(f"{location}/flows", table, partition_by=["day"], mode="append")
    return Lake(str(location))


def found(folder: Path, rows: Iterable[Row], *ids: str) -> list[Finding]:
    """What detections find in rows; all of them if none is named."""
    chosen = [one for one in packaged() if not ids or one.id in ids]
    assert len(chosen) == len(ids or chosen)
    return detect(lake_of(folder, rows), chosen, TAGS).findings
