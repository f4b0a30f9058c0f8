"""Findings as events of the Open Cybersecurity Schema Framework, one a line.

Class 2004, Detection Finding, with the profile Security Control where flows were decided; the field
rules are those of version 1.5.0 of the schema (github.com/ocsf/ocsf-schema).
"""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from flowverdict import __version__
from flowverdict.cli.detect_reports import plain
from flowverdict.cli.known import noted
from flowverdict.net import protocol_name
from flowverdict.report.told import last_part, spelt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from flowverdict.detect.finding import Finding
    from flowverdict.findings import Reviewed
    from flowverdict.report.told import Told

_VERSION: Final = "1.5.0"
_CLASS: Final = 2004
_CREATE: Final = 1
_RULE: Final = 1
_IP_ADDRESS: Final = 2
_NEW: Final = (1, "New")
_SUPPRESSED: Final = (3, "Suppressed")
_ACTIONS: Final = {
    "allowed": {"action_id": 1, "action": "Allowed", "disposition_id": 1, "disposition": "Allowed"},
    "denied": {"action_id": 2, "action": "Denied", "disposition_id": 2, "disposition": "Blocked"},
    "both": {"action_id": 99, "action": "Both", "disposition_id": 99, "disposition": "Both"},
}
_DIRECTIONS: Final = {"inbound": 1, "outbound": 2}
_MOST_EVIDENCES: Final = 100


def as_ocsf(findings: Sequence[tuple[Told, Reviewed]], now: datetime) -> Iterator[str]:
    """Yields an event for each finding, as JSON on one line.

    Args:
        findings: with what is known of each.
        now: when they were found: the time of the events, with a zone.
    """
    for one, known_of in findings:
        text = json.dumps(event(one, known_of, now), ensure_ascii=False)
        yield text.encode("utf-8", "backslashreplace").decode()


def event(one: Told, known_of: Reviewed, now: datetime) -> dict[str, Any]:
    """Returns a finding as an event; times are in milliseconds since 1970-01-01, UTC."""
    finding = one.finding
    status = _NEW if known_of.state == "open" else _SUPPRESSED
    found: dict[str, Any] = {
        "category_uid": _CLASS // 1000,
        "category_name": "Findings",
        "class_uid": _CLASS,
        "class_name": "Detection Finding",
        "activity_id": _CREATE,
        "activity_name": "Create",
        "type_uid": _CLASS * 100 + _CREATE,
        "type_name": "Detection Finding: Create",
        "time": _ms(now),
        "start_time": _ms(finding.first),
        "end_time": _ms(finding.last),
        "timezone_offset": 0,
        "severity_id": finding.grade + 1,
        "severity": finding.severity.capitalize(),
        "status_id": status[0],
        "status": status[1],
        "message": noted(". ".join(filter(None, (one.title, one.reason))), known_of),
        "is_alert": known_of.state == "open",
        "metadata": {
            "version": _VERSION,
            "product": {
                "name": "FlowVerdict",
                "vendor_name": "FlowVerdict",
                "version": __version__,
            },
            "log_name": "Azure flow logs",
            "profiles": ["security_control"] if finding.outcome else [],
        },
        "finding_info": _info(one, known_of),
        "evidences": list(_evidences(one)),
        "observables": list(_observables(finding)),
        "resources": [{"name": address, "ip": address} for address in _ips(finding.targets)],
        **_ACTIONS.get(finding.outcome, {}),
        **(_rule(one.decided_by) if finding.outcome and one.decided_by else {}),
    }
    if one.remedy:
        found["remediation"] = {"desc": one.remedy}
    return {name: value for name, value in found.items() if value not in ([], "")}


def _info(one: Told, known_of: Reviewed) -> dict[str, Any]:
    finding = one.finding
    found: dict[str, Any] = {
        "uid": f"{known_of.finding.fingerprint}-{_ms(finding.first)}",
        "title": one.title,
        "types": [finding.detection],
        "analytic": {"type_id": _RULE, "type": "Rule", "uid": finding.detection,
                     "name": spelt(finding.detection)},
        "first_seen_time": _ms(finding.first),
        "last_seen_time": _ms(finding.last),
        "data_sources": ["Azure flow logs"],
    }  # fmt: skip
    technique, dot, _ = finding.technique.partition(".")
    if technique:
        attack = {"technique": {"uid": technique}}
        if dot:
            attack["sub_technique"] = {"uid": finding.technique}
        found["attacks"] = [attack]
    return found


def _rule(decided_by: Mapping[str, Any]) -> dict[str, Any]:
    fields = {
        "name": decided_by.get("ruleName"),
        "uid": decided_by.get("ruleId"),
        "type": decided_by.get("layer"),
    }
    rule = {name: str(value) for name, value in fields.items() if value}
    acl = decided_by.get("acl")
    found: dict[str, Any] = {"firewall_rule": rule} if {"name", "uid"} & rule.keys() else {}
    return found | ({"policy": {"name": last_part(str(acl)), "uid": str(acl)}} if acl else {})


def _evidences(one: Told) -> Iterator[dict[str, Any]]:
    """Yields who met whom: pairs, where there is one of either; otherwise each end apart."""
    finding = one.finding
    data = plain(finding.evidence)
    if data:
        yield {"name": "evidence", "data": data}
    connection = _connection(one)
    sources, targets = list(_ips(finding.sources)), list(_ips(finding.targets))
    port = {"port": finding.ports[0]} if len(finding.ports) == 1 else {}
    ends: list[dict[str, Any]]
    if len(sources) <= 1 or len(targets) <= 1:
        ends = [
            {**({"src_endpoint": {"ip": source}} if source else {}),
             **({"dst_endpoint": {"ip": target, **port}} if target else {})}
            for source in sources or [""]
            for target in targets or [""]
        ]  # fmt: skip
    else:
        ends = [{"src_endpoint": {"ip": one}} for one in sources]
        ends += [{"dst_endpoint": {"ip": one, **port}} for one in targets]
    yield from ({**end, **connection} for end in ends[:_MOST_EVIDENCES] if end)


def _connection(one: Told) -> dict[str, Any]:
    finding = one.finding
    if finding.protocol is None:
        return {}
    direction = str((one.decided_by or {}).get("direction", "")).lower()
    versions = {ip_address(end).version for end in _ips((*finding.sources, *finding.targets))}
    info = {
        "direction_id": _DIRECTIONS.get(direction, 0),
        "protocol_num": finding.protocol,
        "protocol_name": protocol_name(finding.protocol).lower(),
    }
    if len(versions) == 1:
        info["protocol_ver_id"] = versions.pop()
    return {"connection_info": info}


def _observables(finding: Finding) -> Iterator[dict[str, Any]]:
    ends = ("src_endpoint", finding.sources), ("dst_endpoint", finding.targets)
    for end, addresses in ends:
        for one in list(_ips(addresses))[:_MOST_EVIDENCES]:
            yield {
                "name": f"evidences[].{end}.ip",
                "type_id": _IP_ADDRESS,
                "type": "IP Address",
                "value": one,
            }


def _ips(texts: Sequence[str]) -> Iterator[str]:
    """Yields what of a finding's ends is an address: a gap in a log may name an interface."""
    for one in texts:
        try:
            ip_address(one)
        except ValueError:
            continue
        yield one


def _ms(time: datetime) -> int:
    return round(time.timestamp() * 1000)
