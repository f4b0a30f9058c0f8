"""A small lake whose numbers can be counted by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flowverdict.lake import Lake
from tests.impact.logs import ingested, lake_at
from tests.traffic.logs import NSG, nsg, tuple2, tuple4, vnet4

MAC = "00224800000"
WEB, DB, WEB6 = "10.0.1.4", "10.0.2.4", "fd00:0:0:1::4"
OUT, OUT6 = "198.51.100.7", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"


def flow(source: str, target: str, port: int, protocol: int = 6) -> str:
    return f"{source},{target},40000,{port},{protocol}"


def row(second: float, state: str, of: str, way: str, counters: str = "0,0,0,0") -> str:
    return tuple4(second, state, counters, flow=of, direction=way)


TO_WEB, TO_DB = flow(OUT, WEB, 443), flow(WEB, DB, 1433)
TO_WEB6, TO_RDP = flow(OUT6, WEB6, 443), flow(OUT, WEB, 3389)
RECORDS = [
    vnet4(
        row(0, "B", TO_WEB, "I"), row(60, "C", TO_WEB, "I", "5,500,5,1500"),
        row(90, "E", TO_WEB, "I", "1,100,1,900"), row(30, "B", TO_WEB6, "I"),
        row(40, "E", TO_WEB6, "I", "1,10,1,20"), mac=f"{MAC}1", rule="UserRule_Web",
    ),
    vnet4(
        *(row(600 + n, "D", TO_RDP, "I") for n in range(7)), mac=f"{MAC}1", rule="UserRule_NoRdp",
    ),
    vnet4(
        row(5, "B", TO_DB, "O"), row(65, "E", TO_DB, "O", "4,4000,4,8000"), mac=f"{MAC}1",
        rule="DefaultRule_Out",
    ),
    vnet4(  # the other end of it has lost a row
        row(5, "B", TO_DB, "I"), row(65, "E", TO_DB, "I", "4,3000,4,8000"), mac=f"{MAC}2",
        rule="UserRule_Sql", acl="",
    ),
    nsg(  # and an NSG flow log has it too
        tuple2(5, "A,B,,,,", f"{WEB},{DB},40000,1433,T,O"),
        tuple2(65, "A,E,4,4000,4,8000", f"{WEB},{DB},40000,1433,T,O"),
        mac=f"{MAC}1", rule="UserRule_Out", resource=NSG,
    ),
    vnet4(
        *(row(3600 * n, "D", flow(OUT6, DB, 0, 1), "I") for n in (2, 5)), mac=f"{MAC}2",
        rule="DefaultRule_DenyAllInBound",
    ),
]  # fmt: skip


def small_lake(folder: Path, records: list[dict[str, Any]] = RECORDS) -> Lake:
    """The lake, made in a folder."""
    return lake_at(ingested(folder, records))
