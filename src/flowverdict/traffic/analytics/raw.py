"""``flows_analytics``: each flow row beside the row of ``NTANetAnalytics`` that it is part of.

Azure's tables lose source ports and single tuples. The key of a row is all in its columns, so the
way back is a join, written here once. A row has both addresses, or one and a packed list.
"""

from __future__ import annotations

from typing import Final

from flowverdict.traffic import words
from flowverdict.traffic.analytics.schema import NTA

NAME: Final = "flows_analytics"

_SAME: Final = {
    "MacAddress": "mac",
    "DestPort": "dst_port",
    "L4Protocol": words.L4_PROTOCOL,
    "FlowDirection": words.DIRECTION,
    "FlowStatus": words.STATUS,
    "FlowEncryption": words.FLOW_ENCRYPTION,
    "AclGroup": words.ACL_GROUP,
    "AclRule": words.ACL_RULE,
    "FlowLogResourceId": words.FLOW_LOG,
    "TargetResourceId": "target",
}
_KEY: Final = " AND ".join(f"{name} IS NOT DISTINCT FROM {one}" for name, one in _SAME.items())
_WHEN: Final = "time >= FlowIntervalStartTime AND time < FlowIntervalEndTime"


def _holds(packed: str, address: str) -> str:
    return f"contains(' ' || {packed}, ' ' || {address} || '|')"


_ENDS: Final = (
    "SrcIp = src_ip AND DestIp = dst_ip",
    f"SrcIp IS NULL AND DestIp = dst_ip AND {_holds('SrcPublicIps', 'src_ip')}",
    f"SrcIp = src_ip AND DestIp IS NULL AND {_holds('DestPublicIps', 'dst_ip')}",
)

SQL: Final = " UNION ALL ".join(
    f"SELECT flows.*, {NTA}.* FROM flows JOIN {NTA} ON {ends} AND {_KEY} AND {_WHEN}"  # noqa: S608 names of our own
    for ends in _ENDS
)
