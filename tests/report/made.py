"""Findings made by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from flowverdict.detect.finding import Finding
from flowverdict.report.told import Told

NIGHT = datetime(2026, 3, 10, 1, 2, 3, 456000, UTC)
NSG = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups/nsg-1"
RULE: dict[str, Any] = {
    "ruleName": "securityRules/AllowRdpOld",
    "ruleId": f"{NSG}/securityRules/AllowRdpOld",
    "layer": "nic",
    "acl": NSG,
    "decision": "Allow",
    "direction": "Inbound",
    "since": "2026-03-10T01:30:00.000Z",
}
CURE: dict[str, Any] = {
    "what": "Deny 203.0.113.200 at priority 99",
    "why": "the rule that let it in stands at 100",
    "az": "az network nsg rule create --name Deny-1",
    "arm": {"name": "Deny-1"},
    "terraform": 'resource "azurerm_network_security_rule" "deny_1" {}',
    "effect": {"broken": 1, "flows": [{"src_ip": "203.0.113.200", "dst_port": 443}]},
}
GUESSES = Finding(
    "rdp-brute-force",
    "high",
    "T1110.001",
    NIGHT,
    NIGHT + timedelta(hours=4),
    ("203.0.113.200",),
    ("10.17.1.4",),
    (3389,),
    6,
    "both",
    {"attempts": 1312, "rate": 0.25, "peak": NIGHT, "rules": ["a", "b", "c", "d"]},
)
SCAN = Finding(
    "port-scan",
    "low",
    "T1046",
    NIGHT + timedelta(hours=1),
    NIGHT + timedelta(hours=2),
    tuple(f"2001:db8::{n:x}" for n in range(1, 13)),
    ("fd00::4", "fd00::5"),
    tuple(range(20, 30)),
    6,
    "denied",
)
GAP = Finding(
    "log-gap",
    "informational",
    "",
    NIGHT,
    NIGHT + timedelta(minutes=30),
    targets=("6045BD2A0000",),
    evidence={"minutes": 30, "whole": True, "note": None},
)
EVERY = [Told(SCAN), Told(GUESSES, RULE, CURE), Told(GAP)]


def changed(one: Finding, **words: Any) -> Told:
    """A finding that differs in something."""
    return Told(replace(one, **words))
