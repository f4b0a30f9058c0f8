"""Flow rows into Traffic Analytics' rows, in SQL (flow-log specification, 8.2 and 8.5).

Day by day what the log says is folded (``folds``), and what is known of both addresses is laid
beside it (``typed``). Of all days together a view folds once more what a flow's type blanks, and
spells the rest as Azure does (``rows``, ``details``): what is not asked of it is not made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowverdict.traffic import words
from flowverdict.traffic.analytics.kinds import Kind

if TYPE_CHECKING:
    from datetime import date

_SAID: Final = (
    "dst_port, protocol, direction, decision, encryption, acl_rule, acl, mac, target, flow_log"
)
"""What of a flow's row is part of the key, but for its addresses."""
_KEPT: Final = (
    f"{_SAID}, type, is_hop, src_kind, dst_kind, src_site, dst_site, src_party, dst_party, "
    "country, azure_region, service, tags"
)
"""What else a row keeps of its ends: rows of which neither is packed are folded already."""
_COUNTERS: Final = ("packets_sent", "packets_received", "bytes_sent", "bytes_received")
_BEGUN: Final = f"({words.BEGINS} OR decision = 'D')"


def _sums(form: str) -> str:
    return ", ".join(form.format(name) for name in _COUNTERS)


_DELTA: Final = (
    f"sum(CASE WHEN {words.COUNTS} THEN {{0}} WHEN schema = 'vnet4' OR decision = 'D' THEN 0 END)"
    "::BIGINT AS {0}"
)
"""What B and D rows of a VNet flow log have is no counter, and is known to be 0."""


def folds(milliseconds: int, condition: str) -> str:
    """Returns the query that folds rows: all but source ports and times."""
    return f"""
CREATE OR REPLACE TABLE folds AS
SELECT epoch_ms(time) // {milliseconds} AS slot, src_ip, dst_ip,
    {_SAID.replace("acl_rule", f"{words.ACL_RULE} AS acl_rule")},
    count(*) FILTER ({_BEGUN}) AS begun, count(*) FILTER ({words.ENDS}) AS ended,
    min(time) AS first_time, max(time) AS last_time,
    min(time) FILTER ({_BEGUN}) AS first_begun, max(time) FILTER ({_BEGUN}) AS last_begun,
    {_sums(_DELTA)}
FROM flows WHERE {condition} GROUP BY ALL
"""  # noqa: S608 names of our own


ADDRESSES: Final = """
SELECT DISTINCT ip, coalesce(scope, -1)::INTEGER AS scope
FROM (SELECT src_ip AS ip, mac FROM folds UNION SELECT dst_ip, mac FROM folds)
LEFT JOIN observers USING (mac)
"""

_OTHER: Final = {
    Kind.CLIENT: "P2S",
    Kind.SITE: "S2S",
    Kind.THREAT: "MaliciousFlow",
    Kind.AZURE: "AzurePublic",
    Kind.EXTERNAL: "ExternalPublic",
    Kind.PRIVATE: "UnknownPrivate",
}
"""A flow's type by its other end, where one end is in a network."""
_WHENS: Final = " ".join(f"WHEN '{kind}' THEN '{word}'" for kind, word in _OTHER.items())

_TYPED: Final = f"""
WITH seen AS (
    SELECT folds.*, coalesce(observers.scope, -1) AS scope, CASE
        WHEN observers.addresses IS NULL THEN NULL
        WHEN list_contains(observers.addresses, src_ip)
            OR list_contains(observers.addresses, dst_ip) THEN false
        WHEN observers.forwards THEN true END AS is_hop
    FROM folds LEFT JOIN observers USING (mac)
),
placed AS (
    SELECT seen.*, s.kind AS src_kind, d.kind AS dst_kind,
        s.site AS src_site, d.site AS dst_site,
        s.country AS src_country, d.country AS dst_country,
        s.region AS src_region, d.region AS dst_region,
        d.service, d.tags,
        CASE
            WHEN s.kind = 'network' THEN d.kind
            WHEN d.kind = 'network' THEN s.kind
            WHEN direction = 'O' AND s.kind = 'private' AND d.kind <> 'private'
                THEN d.kind
            WHEN direction = 'I' AND d.kind = 'private' AND s.kind <> 'private'
                THEN s.kind
        END AS other
    FROM seen
    JOIN places AS s ON s.ip = src_ip AND s.scope = seen.scope AND s.day = DATE '{{day}}'
    JOIN places AS d ON d.ip = dst_ip AND d.scope = seen.scope AND d.day = DATE '{{day}}'
)
SELECT placed.*, DATE '{{day}}' AS day, CASE
    WHEN other = 'network' AND s.party = d.party THEN 'IntraVNet'
    WHEN other = 'network' THEN 'InterVNet'
    ELSE CASE other {_WHENS} ELSE 'Unknown' END END AS type,
    s.party AS src_party, d.party AS dst_party
FROM placed
LEFT JOIN sites AS s ON s.site = src_site
LEFT JOIN sites AS d ON d.site = dst_site
"""  # noqa: S608 names of our own


def typed(day: date) -> str:
    """Returns the query that lays what is known of addresses beside the folded rows of a day."""
    return _TYPED.format(day=day)


PARTIES: Final = """
SELECT DISTINCT src_party, dst_party FROM typed
WHERE src_party <> dst_party AND type IN ('InterVNet', 'S2S', 'P2S')
"""


def _count(direction: str, decision: str, name: str) -> str:
    return (
        f"CASE WHEN direction = '{direction}' AND decision = '{decision}' THEN begun ELSE 0 END "
        f"AS {name}"
    )


def _packed(side: str, name: str) -> str:
    cells = ", ".join(f"coalesce({one}, 0)" for one in ("begun", "ended", *_COUNTERS))
    entry = f"concat_ws('|', {side}_ip, {cells})"
    return f"string_agg({entry}, ' ' ORDER BY {side}_ip) FILTER ({side}_is_packed) AS {name}"


def _end(prefix: str, alias: str) -> str:
    names = {
        "Subscription": "subscription", "Region": "region", "Nic": "nic", "Vm": "vm",
        "Subnet": "subnet", "ApplicationGateway": "application_gateway",
        "LoadBalancer": "load_balancer", "LocalNetworkGateway": "local_network_gateway",
        "NetworkGroups": "network_groups",
    }  # fmt: skip
    return ", ".join(f"{alias}.{column} AS {prefix}{name}" for name, column in names.items())


def rows(milliseconds: int) -> str:
    """Returns the query that gives the rows of ``NTANetAnalytics``, as far as they are known."""
    return f"""
WITH packed AS (
    SELECT *, type IN ('AzurePublic', 'ExternalPublic') AND src_kind IN ('azure', 'external')
            AS src_is_packed,
        type IN ('AzurePublic', 'ExternalPublic') AND dst_kind IN ('azure', 'external')
            AS dst_is_packed,
        CASE WHEN type IN ('ExternalPublic', 'MaliciousFlow')
            THEN coalesce(src_country, dst_country) END AS country,
        CASE WHEN type = 'AzurePublic' THEN coalesce(src_region, dst_region) END AS azure_region
    FROM typed
),
folded AS (
    SELECT slot, src_ip AS SrcIp, dst_ip AS DestIp, {_KEPT},
        NULL::VARCHAR AS SrcPublicIps, NULL::VARCHAR AS DestPublicIps, begun, ended,
        coalesce(first_begun, first_time) AS FlowStartTime,
        coalesce(last_begun, last_time) AS FlowEndTime, {", ".join(_COUNTERS)}
    FROM packed WHERE NOT src_is_packed AND NOT dst_is_packed
    UNION ALL
    SELECT slot, CASE WHEN NOT src_is_packed THEN src_ip END AS SrcIp,
        CASE WHEN NOT dst_is_packed THEN dst_ip END AS DestIp, {_KEPT},
        {_packed("src", "SrcPublicIps")}, {_packed("dst", "DestPublicIps")},
        sum(begun)::BIGINT AS begun, sum(ended)::BIGINT AS ended,
        coalesce(min(first_begun), min(first_time)) AS FlowStartTime,
        coalesce(max(last_begun), max(last_time)) AS FlowEndTime,
        {_sums("sum({0})::BIGINT AS {0}")}
    FROM packed WHERE src_is_packed OR dst_is_packed GROUP BY ALL
),
acls AS (SELECT acl, {words.ACL_GROUP} AS AclGroup FROM (SELECT DISTINCT acl FROM typed)),
logs AS (
    SELECT flow_log, {words.FLOW_LOG} AS FlowLogResourceId
    FROM (SELECT DISTINCT flow_log FROM typed)
),
targets AS (
    SELECT target, {words.TARGET_TYPE} AS TargetResourceType
    FROM (SELECT DISTINCT target FROM typed)
)
SELECT make_timestamptz((slot + 1) * {milliseconds} * 1000) AS TimeGenerated,
    make_timestamptz(slot * {milliseconds} * 1000) AS FlowIntervalStartTime,
    make_timestamptz((slot + 1) * {milliseconds} * 1000) AS FlowIntervalEndTime,
    FlowStartTime, FlowEndTime,
    'FlowLog' AS SubType, '3' AS FaSchemaVersion, type AS FlowType, SrcIp, DestIp,
    SrcPublicIps, DestPublicIps, dst_port AS DestPort, {words.L4_PROTOCOL} AS L4Protocol,
    (SELECT any_value(name) FROM services WHERE port = dst_port
        AND (services.protocol IS NULL OR services.protocol = folded.protocol)) AS L7Protocol,
    {words.DIRECTION} AS FlowDirection, {words.STATUS} AS FlowStatus,
    {words.FLOW_ENCRYPTION} AS FlowEncryption, AclGroup,
    acl_rule AS AclRule, mac AS MacAddress,
    {_end("Src", "s")}, {_end("Dest", "d")},
    coalesce(links.kind, CASE WHEN type = 'P2S' THEN 'VpnGateway' END) AS ConnectionType,
    CASE WHEN src_kind = '{Kind.CLIENT}' THEN links.name || '_' || SrcIp
        WHEN dst_kind = '{Kind.CLIENT}' THEN links.name || '_' || DestIp
        ELSE links.name END AS ConnectionName,
    links.through AS ConnectingVnets, country AS Country, azure_region AS AzureRegion,
    {_count("I", "A", "AllowedInFlows")}, {_count("O", "A", "AllowedOutFlows")},
    {_count("I", "D", "DeniedInFlows")}, {_count("O", "D", "DeniedOutFlows")},
    ended AS CompletedFlows, packets_sent AS PacketsSrcToDest,
    packets_received AS PacketsDestToSrc, bytes_sent AS BytesSrcToDest,
    bytes_received AS BytesDestToSrc, FlowLogResourceId,
    folded.target AS TargetResourceId, TargetResourceType,
    is_hop AS IsFlowCapturedAtUdrHop, d.private_endpoint AS PrivateEndpointResourceId,
    service AS DestServiceName, tags AS DestServiceTags, 'NTANetAnalytics' AS Type
FROM folded
LEFT JOIN acls ON acls.acl = folded.acl
LEFT JOIN logs ON logs.flow_log = folded.flow_log
LEFT JOIN targets ON targets.target = folded.target
LEFT JOIN sites AS s ON s.site = src_site
LEFT JOIN sites AS d ON d.site = dst_site
LEFT JOIN links ON links.src_party = folded.src_party AND links.dst_party = folded.dst_party
    AND type IN ('InterVNet', 'S2S', 'P2S')
"""  # noqa: S608 names of our own


_FOREIGN: Final = "type IN ('AzurePublic', 'ExternalPublic', 'MaliciousFlow')"
_PUBLIC: Final = "('azure', 'external', 'threat')"


def details(milliseconds: int) -> str:
    """Returns the query of the rows of ``NTAIpDetails``: one for an address and interval."""
    return f"""
WITH met AS (
    SELECT slot, day, src_ip AS ip, scope FROM typed WHERE {_FOREIGN} AND src_kind IN {_PUBLIC}
    UNION ALL SELECT slot, day, dst_ip, scope FROM typed WHERE {_FOREIGN} AND dst_kind IN {_PUBLIC}
),
once AS (SELECT slot, day, ip, any_value(scope) AS scope FROM met GROUP BY ALL)
SELECT make_timestamptz((slot + 1) * {milliseconds} * 1000) AS TimeGenerated,
    'FlowLog' AS SubType, '2' AS FaSchemaVersion,
    make_timestamptz(slot * {milliseconds} * 1000) AS FlowIntervalStartTime,
    make_timestamptz((slot + 1) * {milliseconds} * 1000) AS FlowIntervalEndTime,
    CASE kind {_WHENS} END AS FlowType, ip AS Ip, about AS PublicIpDetails, location AS Location,
    threat AS ThreatType, threat_about AS ThreatDescription, domain AS DnsDomain, url AS Url,
    port AS Port, 'NTAIpDetails' AS Type
FROM once JOIN places USING (ip, scope, day)
"""  # noqa: S608 names of our own
