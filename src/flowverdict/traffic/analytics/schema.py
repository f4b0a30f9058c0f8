"""The columns of Traffic Analytics' tables (flow-log specification, 8.3, 8.4 and 8.7)."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from flowverdict.flowlog import Column

NTA: Final = "NTANetAnalytics"
IP_DETAILS: Final = "NTAIpDetails"
LEGACY: Final = "AzureNetworkAnalytics_CL"

_TEXT: Final = pa.string()
_TIME: Final = pa.timestamp("ms", "UTC")
_COUNT: Final = pa.int64()
_NOT_KNOWN: Final = "null: only Azure knows"


def _text(name: str, about: str) -> Column:
    return Column(name, _TEXT, about, nullable=True)


def _time(name: str, about: str) -> Column:
    return Column(name, _TIME, about)


def _ends(name: str, about: str) -> tuple[Column, Column]:
    return _text(f"Src{name}", f"{about}, of the source"), _text(
        f"Dest{name}", "of the destination"
    )


COLUMNS: Final = (
    _time("TimeGenerated", "the end of the interval: when Azure could have made the row at the "
          "earliest"),
    Column("TimeProcessed", _TIME, _NOT_KNOWN, nullable=True),
    _time("FlowIntervalStartTime", "the interval's first moment"),
    _time("FlowIntervalEndTime", "the first moment behind it"),
    _time("FlowStartTime", "when the first flow of the row began; its first tuple if none did"),
    _time("FlowEndTime", "when the last one began; the last tuple if none did"),
    _text("SubType", "`FlowLog`"),
    _text("FaSchemaVersion", "`3`"),
    _text("FlowType", "see [flow types](../semantics/traffic-analytics.md#flow-types)"),
    _text("SrcIp", "the originator; null where it stands in `SrcPublicIps`"),
    _text("DestIp", "the responder; null where it stands in `DestPublicIps`"),
    _text("SrcPublicIps", "`IP|started|ended|packets out|in|bytes out|in`, with spaces between; "
          "out is towards the destination"),
    _text("DestPublicIps", "likewise"),
    Column("DestPort", pa.int32(), "the responder's port", nullable=True),
    _text("L4Protocol", "`T`, `U`, or the number of another protocol"),
    _text("L7Protocol", "IANA's name of the port, of common ones; null for others"),
    _text("FlowDirection", "`Inbound` or `Outbound`"),
    _text("FlowStatus", "`Allowed` or `Denied`"),
    _text("FlowEncryption", "Azure's label; an unknown token as logged"),
    _text("AclGroup", "`subscription/group/nsg`; anything else as logged"),
    _text("AclRule", "the rule's name; `platformrule` for the platform's"),
    _text("NsgList", "null: kept from an older table"),
    _text("NsgRule", "null: kept from an older table"),
    _text("NsgRuleType", "null: kept from an older table"),
    _text("MacAddress", "the logged interface"),
    *_ends("Subscription", "subscription"),
    *_ends("Region", "region of the network"),
    *_ends("Nic", "`group/interface`"),
    *_ends("Vm", "`group/machine`; of a scale set `group/set_instance`"),
    *_ends("Subnet", "`group/network/subnet`"),
    *_ends("ApplicationGateway", "`subscription/group/gateway` that has the subnet"),
    *_ends("ExpressRouteCircuit", _NOT_KNOWN),
    _text("ExpressRouteCircuitPeeringType", _NOT_KNOWN),
    *_ends("LoadBalancer", "`subscription/group/balancer` with the address in front or in a "
           "backend pool, or several with spaces between"),
    *_ends("LocalNetworkGateway", "`subscription/group/gateway` that has the address behind it"),
    _text("ConnectionType", "`VNetPeering`, `VpnGateway` or `ExpressRoute`"),
    _text("ConnectionName", "of the peering or connection; of a VPN client `gateway_address`"),
    _text("ConnectingVnets", "hub networks between, `group/network` with spaces between"),
    _text("Country", "two letters (ISO 3166-1), of an external address"),
    _text("AzureRegion", "region of an address of Microsoft's, by the service tags"),
    Column("AllowedInFlows", _COUNT, "inbound flows that began"),
    Column("AllowedOutFlows", _COUNT, "outbound flows that began"),
    Column("DeniedInFlows", _COUNT, "denied inbound tuples"),
    Column("DeniedOutFlows", _COUNT, "denied outbound tuples"),
    Column("CompletedFlows", _COUNT, "flows that ended"),
    Column("PacketsSrcToDest", _COUNT, "sum; null where the log has no counters", nullable=True),
    Column("PacketsDestToSrc", _COUNT, "likewise", nullable=True),
    Column("BytesSrcToDest", _COUNT, "likewise", nullable=True),
    Column("BytesDestToSrc", _COUNT, "likewise", nullable=True),
    _text("FlowLogResourceId", "`group/watcher/flow log`; null in NSG logs"),
    _text("TargetResourceId", "the logged resource, as logged"),
    _text("TargetResourceType", "`VirtualNetwork`, `Subnet`, `NetworkInterface` or "
          "`NetworkSecurityGroup`"),
    _text("Status", _NOT_KNOWN),
    Column("IsFlowCapturedAtUdrHop", pa.bool_(), "whether the interface forwards and has neither "
           "address; null where the estate does not tell", nullable=True),
    _text("PrivateEndpointResourceId", "the private endpoint that has the destination"),
    _text("PrivateLinkResourceId", _NOT_KNOWN),
    _text("PrivateLinkResourceName", _NOT_KNOWN),
    _text("SrcPorts", "null: see [source ports](../semantics/traffic-analytics.md#source-ports)"),
    _text("DestCloud", _NOT_KNOWN),
    _text("DestEnvironment", _NOT_KNOWN),
    *_ends("NetworkGroups", "ids of the network groups that its network or subnet is in for "
           "certain, with spaces between"),
    _text("DestServiceId", _NOT_KNOWN),
    _text("DestServiceName", "the narrowest service tag that holds the destination"),
    _text("DestServiceTags", "all of them, with spaces between"),
    Column("_BilledSize", pa.float64(), _NOT_KNOWN, nullable=True),
    _text("_IsBillable", _NOT_KNOWN),
    _text("SourceSystem", _NOT_KNOWN),
    _text("TenantId", _NOT_KNOWN),
    _text("Type", "`NTANetAnalytics`"),
)  # fmt: skip
"""``NTANetAnalytics``: the flows of an interval that share all but their source ports."""

DETAILS: Final = (
    _time("TimeGenerated", "the end of the interval"),
    _text("SubType", "`FlowLog`"),
    _text("FaSchemaVersion", "`2`"),
    _time("FlowIntervalStartTime", "the interval's first moment"),
    _time("FlowIntervalEndTime", "the first moment behind it"),
    _text("FlowType", "`AzurePublic`, `ExternalPublic` or `MaliciousFlow`"),
    _text("Ip", "the public address"),
    _text("PublicIpDetails", "the service of an address of Microsoft's; null for others, of which "
          "Azure has what WHOIS says"),
    _text("Location", "region of an address of Microsoft's, country of others, `Global` for "
          "168.63.129.16"),
    _text("ThreatType", "Azure's word for what a threat list says"),
    _text("ThreatDescription", "what the list says"),
    _text("DnsDomain", "likewise"),
    _text("Url", "likewise"),
    Column("Port", pa.int32(), "likewise", nullable=True),
    _text("Type", "`NTAIpDetails`"),
)  # fmt: skip
"""``NTAIpDetails``: a public address of an interval."""


_OWN: Final = tuple(one for one in DETAILS if one.name not in {one.name for one in COLUMNS})

_IN_BOTH: Final = ("TimeGenerated", "FlowIntervalStartTime", "FlowIntervalEndTime")

ANALYTICS: Final = pa.schema(
    [pa.field(one.name, one.type, nullable=one.name not in _IN_BOTH) for one in (*COLUMNS, *_OWN)]
)
"""Rows of both tables in one, so that they become true together; ``Type`` tells which it is of."""


def selected(columns: tuple[Column, ...], kind: str) -> str:
    """Returns the query that gives one of Azure's tables out of rows of both."""
    names = ", ".join(f'"{one.name}"' for one in columns)
    return f"SELECT {names} FROM analytics WHERE Type = '{kind}'"  # noqa: S608 names of our own
