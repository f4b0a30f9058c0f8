"""Views over ``NTANetAnalytics`` that most questions want: addresses unpacked, flows once."""

from __future__ import annotations

from typing import Final

from flowverdict.traffic.analytics.schema import NTA

_FLOWS: Final = "AllowedInFlows + AllowedOutFlows + DeniedInFlows + DeniedOutFlows"
_NUMBERS: Final = ("Started", "Ended", "PacketsOut", "PacketsIn", "BytesOut", "BytesIn")
_CELLS: Final = ", ".join(
    f"cells[{at}]::BIGINT AS {name}" for at, name in enumerate(_NUMBERS, start=2)
)

PAIRS: Final = f"""
SELECT *, SrcIp AS Src, DestIp AS Dest, false AS SrcIsPacked, {_FLOWS} AS Started,
    CompletedFlows AS Ended, PacketsSrcToDest AS PacketsOut, PacketsDestToSrc AS PacketsIn,
    BytesSrcToDest AS BytesOut, BytesDestToSrc AS BytesIn
FROM {NTA} WHERE SrcPublicIps IS NULL AND DestPublicIps IS NULL
UNION ALL
SELECT * EXCLUDE (cells), coalesce(SrcIp, cells[1]) AS Src, coalesce(DestIp, cells[1]) AS Dest,
    SrcPublicIps IS NOT NULL AS SrcIsPacked, {_CELLS}
FROM (
    SELECT *, string_split(unnest(string_split(coalesce(SrcPublicIps, DestPublicIps), ' ')), '|')
        AS cells
    FROM {NTA} WHERE SrcPublicIps IS NOT NULL OR DestPublicIps IS NOT NULL
)
"""  # noqa: S608 names of our own

_NSG: Final = "'NetworkSecurityGroup'"

ONCE: Final = f"""
SELECT * FROM {NTA} AS one
WHERE IsFlowCapturedAtUdrHop IS NOT TRUE
    AND NOT (TargetResourceType IS NOT DISTINCT FROM {_NSG} AND EXISTS (
        SELECT 1 FROM {NTA} AS other
        WHERE other.MacAddress = one.MacAddress
            AND other.FlowIntervalStartTime = one.FlowIntervalStartTime
            AND other.TargetResourceType IS DISTINCT FROM {_NSG}))
    AND NOT (FlowDirection = 'Inbound' AND FlowStatus = 'Allowed' AND EXISTS (
        SELECT 1 FROM {NTA} AS other
        WHERE other.FlowDirection = 'Outbound' AND other.SrcIp = one.SrcIp
            AND other.DestIp = one.DestIp AND other.DestPort = one.DestPort
            AND other.L4Protocol = one.L4Protocol))
"""  # noqa: S608 names of our own

VIEWS: Final = {"analytics_pairs": PAIRS, "analytics_once": ONCE}
ABOUT: Final = {
    "analytics_pairs": "`NTANetAnalytics` with packed addresses unpacked: a row for each pair of "
    "addresses, `Src` and `Dest`, with its own `Started`, `Ended`, `PacketsOut`, `PacketsIn`, "
    "`BytesOut`, `BytesIn`; out is towards the destination.",
    "analytics_once": "The rows of `NTANetAnalytics` of which each flow is counted once, for "
    "totals of a network: of a flow that both ends logged the outbound rows, and those that deny; "
    "no rows of interfaces that forward; of NSG and VNet flow logs of one interface and interval "
    "those of the second.",
}
"""What they are, for the reference."""
