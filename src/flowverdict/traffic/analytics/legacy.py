"""``AzureNetworkAnalytics_CL``, the older table, made of the newer one (specification, 8.7).

`1` is the source and `2` the destination; what the documents call deprecated is null.
"""

from __future__ import annotations

from typing import Final

from flowverdict.traffic.analytics.schema import NTA

_ENDS: Final = {
    "Subscription": "Subscription{}_g",
    "Region": "Region{}_s",
    "Nic": "NIC{}_s",
    "Vm": "VM{}_s",
    "Subnet": "Subnet{}_s",
    "ApplicationGateway": "ApplicationGateway{}_s",
    "ExpressRouteCircuit": "ExpressRouteCircuit{}_s",
    "LoadBalancer": "LoadBalancer{}_s",
    "LocalNetworkGateway": "LocalNetworkGateway{}_s",
}
_OWN: Final = ("Subscription", "Region", "Nic", "Vm", "Subnet")
"""What the older table has of the logged end too, without a number."""
_NAMES: Final = {
    "SubType_s": "SubType",
    "FASchemaVersion_s": "'2'",
    "TimeGenerated": "TimeGenerated",
    "TimeProcessed_t": "TimeProcessed",
    "FlowIntervalStartTime_t": "FlowIntervalStartTime",
    "FlowIntervalEndTime_t": "FlowIntervalEndTime",
    "FlowStartTime_t": "FlowStartTime",
    "FlowEndTime_t": "FlowEndTime",
    "FlowType_s": "FlowType",
    "SrcIP_s": "SrcIp",
    "DestIP_s": "DestIp",
    "VMIP_s": "NULL::VARCHAR",
    "DestPort_d": "DestPort",
    "L4Protocol_s": "L4Protocol",
    "L7Protocol_s": "L7Protocol",
    "FlowDirection_s": "left(FlowDirection, 1)",
    "FlowStatus_s": "left(FlowStatus, 1)",
    "NSGList_s": "AclGroup",
    "NSGRules_s": (
        "concat_ws('|', 0, AclRule, left(FlowDirection, 1), left(FlowStatus, 1), "
        "AllowedInFlows + AllowedOutFlows + DeniedInFlows + DeniedOutFlows)"
    ),
    "NSGRule_s": "AclRule",
    "NSGRuleType_s": "NsgRuleType",
    "MACAddress_s": "MacAddress",
    **{
        one.format(""): f"if(FlowDirection = 'Inbound', Dest{name}, Src{name})"
        for name, one in _ENDS.items()
        if name in _OWN
    },
    **{
        one.format(number): f"{side}{name}"
        for name, one in _ENDS.items()
        for number, side in ((1, "Src"), (2, "Dest"))
    },
    "ExpressRouteCircuitPeeringType_s": "ExpressRouteCircuitPeeringType",
    "ConnectionType_s": "ConnectionType",
    "ConnectionName_s": "ConnectionName",
    "ConnectingVNets_s": "ConnectingVnets",
    "Country_s": "Country",
    "AzureRegion_s": "AzureRegion",
    "AllowedInFlows_d": "AllowedInFlows",
    "DeniedInFlows_d": "DeniedInFlows",
    "AllowedOutFlows_d": "AllowedOutFlows",
    "DeniedOutFlows_d": "DeniedOutFlows",
    "FlowCount_d": "NULL::BIGINT",
    "InboundPackets_d": "PacketsDestToSrc",
    "OutboundPackets_d": "PacketsSrcToDest",
    "InboundBytes_d": "BytesDestToSrc",
    "OutboundBytes_d": "BytesSrcToDest",
    "CompletedFlows_d": "CompletedFlows",
    "PublicIPs_s": "coalesce(SrcPublicIps, DestPublicIps)",
    "SrcPublicIPs_s": "SrcPublicIps",
    "DestPublicIPs_s": "DestPublicIps",
    "IsFlowCapturedAtUDRHop_b": "IsFlowCapturedAtUdrHop",
}

SQL: Final = f"SELECT {', '.join(f'{one} AS {name}' for name, one in _NAMES.items())} FROM {NTA}"  # noqa: S608 names of our own


def columns() -> list[tuple[str, str]]:
    """Returns the columns, and what of the newer table each is."""
    return [(name, "null" if "NULL" in one else f"`{one}`") for name, one in _NAMES.items()]
