"""Flow rows under the column names of Traffic Analytics, as far as a log alone can tell.

Flow-log specification, 8.2 and 8.3. One row is one tuple: nothing is folded, and the source port is
kept, which Traffic Analytics drops. What takes the network to know (``FlowType``, ``SrcVm``,
``SrcSubnet``, ``SrcPublicIps`` and their kin) is absent, and addresses are never blank. Counts of
flows are 0 or 1, so that sums over them are those of Traffic Analytics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa

from flowverdict.flowlog import Column
from flowverdict.traffic import words
from flowverdict.traffic.view import View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def _count(condition: str, name: str) -> str:
    return f"CASE WHEN {condition} THEN 1 ELSE 0 END::BIGINT AS {name}"


def _delta(column: str, name: str) -> str:
    """Counters of C and E rows: B and D rows count nothing."""
    return f"CASE WHEN {words.COUNTS} THEN {column} END AS {name}"


_SQL: Final = f"""
SELECT
    time AS FlowStartTime, time AS FlowEndTime,
    make_timestamptz(epoch_ms(time) // 3600000 * 3600000000) AS FlowIntervalStartTime,
    make_timestamptz((epoch_ms(time) // 3600000 + 1) * 3600000000) AS FlowIntervalEndTime,
    'FlowLog' AS SubType, '3' AS FaSchemaVersion,
    src_ip AS SrcIp, dst_ip AS DestIp, src_port AS SrcPort, dst_port AS DestPort,
    {words.L4_PROTOCOL} AS L4Protocol,
    {words.DIRECTION} AS FlowDirection,
    {words.STATUS} AS FlowStatus,
    {words.FLOW_ENCRYPTION} AS FlowEncryption,
    {words.ACL_GROUP} AS AclGroup,
    {words.ACL_RULE} AS AclRule,
    mac AS MacAddress,
    {_count(f"direction = 'I' AND {words.BEGINS}", "AllowedInFlows")},
    {_count(f"direction = 'O' AND {words.BEGINS}", "AllowedOutFlows")},
    {_count("direction = 'I' AND decision = 'D'", "DeniedInFlows")},
    {_count("direction = 'O' AND decision = 'D'", "DeniedOutFlows")},
    {_count(words.ENDS, "CompletedFlows")},
    {_delta("packets_sent", "PacketsSrcToDest")},
    {_delta("packets_received", "PacketsDestToSrc")},
    {_delta("bytes_sent", "BytesSrcToDest")},
    {_delta("bytes_received", "BytesDestToSrc")},
    {words.FLOW_LOG} AS FlowLogResourceId,
    target AS TargetResourceId,
    {words.TARGET_TYPE} AS TargetResourceType
FROM flows
"""  # noqa: S608 names of our own

_TIME: Final = pa.timestamp("ms", "UTC")
_NUMBER: Final = pa.int64()

TUPLES: Final = View(
    "analytics_tuples",
    "flows",
    _SQL,
    (
        Column("FlowStartTime", _TIME, "when the tuple was written"),
        Column("FlowEndTime", _TIME, "the same: a row is one tuple"),
        Column("FlowIntervalStartTime", _TIME, "the hour of the tuple"),
        Column("FlowIntervalEndTime", _TIME, "the next hour"),
        Column("SubType", pa.string(), "`FlowLog`"),
        Column("FaSchemaVersion", pa.string(), "`3`"),
        Column("SrcIp", pa.string(), "the originator's address, public ones too"),
        Column("DestIp", pa.string(), "the responder's address, public ones too"),
        Column("SrcPort", pa.int32(), "the originator's port, which Azure's table lacks",
               nullable=True),
        Column("DestPort", pa.int32(), "the responder's port", nullable=True),
        Column("L4Protocol", pa.string(), "`T`, `U`, or the number of another protocol"),
        Column("FlowDirection", pa.string(), "`Inbound` or `Outbound`"),
        Column("FlowStatus", pa.string(), "`Allowed` or `Denied`"),
        Column("FlowEncryption", pa.string(), "Azure's label; an unknown token as logged",
               nullable=True),
        Column("AclGroup", pa.string(), "`subscription/group/nsg`; anything else as logged",
               nullable=True),
        Column("AclRule", pa.string(), "the rule's name; `platformrule` for the platform's",
               nullable=True),
        Column("MacAddress", pa.string(), "the logged interface", nullable=True),
        Column("AllowedInFlows", _NUMBER, "1 for an inbound flow that begins"),
        Column("AllowedOutFlows", _NUMBER, "1 for an outbound flow that begins"),
        Column("DeniedInFlows", _NUMBER, "1 for a denied inbound tuple"),
        Column("DeniedOutFlows", _NUMBER, "1 for a denied outbound tuple"),
        Column("CompletedFlows", _NUMBER, "1 for a flow that ends"),
        Column("PacketsSrcToDest", _NUMBER, "since the flow's last tuple", nullable=True),
        Column("PacketsDestToSrc", _NUMBER, "likewise", nullable=True),
        Column("BytesSrcToDest", _NUMBER, "likewise", nullable=True),
        Column("BytesDestToSrc", _NUMBER, "likewise", nullable=True),
        Column("FlowLogResourceId", pa.string(), "`group/watcher/flow log`; null in NSG logs",
               nullable=True),
        Column("TargetResourceId", pa.string(), "the logged resource, as logged", nullable=True),
        Column("TargetResourceType", pa.string(), "`VirtualNetwork`, `Subnet`, "
               "`NetworkInterface` or `NetworkSecurityGroup`", nullable=True),
    ),
    "One tuple, under the column names of Traffic Analytics.",
)  # fmt: skip


def analyse(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yields flow rows under Traffic Analytics' names.

    Raises:
        LakeError: the batches have other columns.
    """
    return TUPLES.over(batches)
