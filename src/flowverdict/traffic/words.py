"""Traffic Analytics' words for what flow logs have: SQL over the columns of ``flows``."""

from __future__ import annotations

from typing import Final

ENCRYPTION: Final = {
    "X": "Encrypted",
    "NX": "Unencrypted",
    "NX_HW_NOT_SUPPORTED": "Unsupported hardware",
    "NX_SW_NOT_READY": "Software not ready",
    "NX_NOT_ACCEPTED": "Drop due to no encryption",
    "NX_NOT_SUPPORTED": "Discovery not supported",
    "NX_LOCAL_DST": "Destination on same host",
    "NX_FALLBACK": "Fall back to no encryption",
}
"""Traffic Analytics' labels (specification, 3.5); other tokens stay as they are."""

_ARM: Final = "^/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft.Network"
_NSG_ID: Final = f"{_ARM}/networkSecurityGroups/([^/]+)$"
_FLOW_LOG_ID: Final = f"{_ARM}/networkWatchers/([^/]+)/flowLogs/([^/]+)$"
_TYPES: Final = {
    "/virtualNetworks/[^/]+/subnets/[^/]+$": "Subnet",
    "/virtualNetworks/[^/]+$": "VirtualNetwork",
    "/networkInterfaces/[^/]+$": "NetworkInterface",
    "/networkSecurityGroups/[^/]+$": "NetworkSecurityGroup",
}
_LABELS: Final = " ".join(f"WHEN '{token}' THEN '{label}'" for token, label in ENCRYPTION.items())
_TYPE: Final = " ".join(
    f"WHEN regexp_matches(target, '{ending}', 'i') THEN '{word}'" for ending, word in _TYPES.items()
)

L4_PROTOCOL: Final = "CASE protocol WHEN 6 THEN 'T' WHEN 17 THEN 'U' ELSE protocol::VARCHAR END"
DIRECTION: Final = "CASE direction WHEN 'I' THEN 'Inbound' ELSE 'Outbound' END"
STATUS: Final = "CASE decision WHEN 'A' THEN 'Allowed' ELSE 'Denied' END"
FLOW_ENCRYPTION: Final = f"CASE encryption {_LABELS} ELSE encryption END"
ACL_GROUP: Final = f"regexp_replace(acl, '{_NSG_ID}', '\\1/\\2/\\3', 'i')"
ACL_RULE: Final = "CASE rule_kind WHEN 'platform' THEN 'platformrule' ELSE rule END"
FLOW_LOG: Final = f"regexp_replace(flow_log, '{_FLOW_LOG_ID}', '\\2/\\3/\\4', 'i')"
TARGET_TYPE: Final = f"CASE {_TYPE} END"
BEGINS: Final = "(decision = 'A' AND (state = 'B' OR state IS NULL))"
"""A tuple of version 1 of NSG logs has no state: it is a flow that was new."""
ENDS: Final = "(decision = 'A' AND coalesce(state = 'E', false))"
COUNTS: Final = "state IN ('C', 'E')"
"""B and D rows count nothing."""
