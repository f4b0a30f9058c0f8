"""One tuple and one record as Azure writes them: the way back of ``tuples`` and ``records``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from flowverdict.flowlog.records import rule_of

if TYPE_CHECKING:
    from datetime import datetime

_PREFIXES: Final = {"user": "UserRule_", "default": "DefaultRule_"}
_LETTERS: Final = {6: "T", 17: "U"}
_VERDICTS: Final[dict[tuple[str, str, str | None], str]] = {
    **{("nsg1", one, None): one for one in "AD"},
    **{("nsg2", one, state): f"{one},{state}" for one in "AD" for state in "BCE"},
    **{("nsg2", one, None): f"{one}," for one in "AD"},
    **{("vnet4", "A", state): state for state in "BCE"},
    ("vnet4", "D", "D"): "D",
}
"""What stands behind the direction, by schema, decision and state; there are no others."""

Flows = dict[tuple["str | None", str], "dict[str | None, list[str]]"]
"""Tuples by rule, inside acl and direction: one acl stands twice where it decided both ways."""


class Unwritable(ValueError):
    """A row that no flow log could have held."""


class Envelope(NamedTuple):
    """What the tuples of one record have in common.

    Attributes:
        schema: the form of the record: ``nsg1``, ``nsg2`` or ``vnet4``.
    """

    schema: str
    mac: str | None
    target: str | None
    flow_log: str | None


def tuple_text(cells: tuple[Any, ...]) -> str:
    """Returns a tuple as Azure writes it; null is an empty column, and not ``0``.

    Args:
        cells: the columns of a row from ``time``, in milliseconds, to ``bytes_received``, then
            its ``schema``.

    Raises:
        Unwritable: no tuple of this schema says that.
    """
    (
        time, src_ip, dst_ip, src_port, dst_port, protocol, direction, decision, state, encryption,
        *counters, schema,
    ) = cells  # fmt: skip
    verdict = _VERDICTS.get((schema, decision, state))
    is_vnet = schema == "vnet4"
    number = protocol if is_vnet else _LETTERS.get(protocol)
    if verdict is None:
        raise Unwritable(f"no {schema} tuple has decision {decision} with state {state}")
    if number is None:
        raise Unwritable(f"NSG logs have TCP and UDP, not protocol {protocol}")
    if not is_vnet:
        time //= 1000
        if encryption is not None:
            raise Unwritable(f"no {schema} tuple tells of encryption")
    ports = f"{_text(src_port)},{_text(dst_port)}"
    start = f"{time},{src_ip},{dst_ip},{ports},{number},{direction},{verdict}"
    if schema == "nsg1":
        if any(one is not None for one in counters):
            raise Unwritable("no nsg1 tuple has counters")
        return start
    if is_vnet:
        start = f"{start},{encryption or ''}"
    return ",".join((start, *map(_text, counters)))


def _text(number: int | None) -> str:
    return "" if number is None else str(number)


def rule_text(rule: str | None, kind: str, acl: str | None) -> str | None:
    """Returns a rule's name with the log's prefix.

    Raises:
        Unwritable: no name would be read as a rule of this kind.
    """
    name = rule if rule is None else _PREFIXES.get(kind, "") + rule
    if rule_of(name, acl) != (rule, kind):
        raise Unwritable(f"no log has a rule of kind {kind} with the name {rule} and the acl {acl}")
    return name


def record_text(time: datetime, envelope: Envelope, flows: Flows) -> str:
    """Returns a record, its fields in the order of real captures; what is null is left out."""
    when = f"{time:%Y-%m-%dT%H:%M:%S.%f}0Z"
    form = _vnet_record if envelope.schema == "vnet4" else _nsg_record
    fields = {
        name: value for name, value in form(when, envelope, flows).items() if value is not None
    }
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def _vnet_record(time: str, envelope: Envelope, flows: Flows) -> dict[str, Any]:
    return {
        "time": time,
        "flowLogGUID": _guid(envelope.flow_log),
        "macAddress": envelope.mac,
        "category": "FlowLogFlowEvent",
        "flowLogResourceID": envelope.flow_log,
        "targetResourceID": envelope.target,
        "flowLogVersion": 4,
        "operationName": "FlowLogFlowEvent",
        "flowRecords": {
            "flows": [
                _named("aclID", acl) | {
                    "flowGroups": [
                        _named("rule", rule) | {"flowTuples": tuples}
                        for rule, tuples in rules.items()
                    ]
                }
                for (acl, _), rules in flows.items()
            ]
        },
    }  # fmt: skip


def _nsg_record(time: str, envelope: Envelope, flows: Flows) -> dict[str, Any]:
    mac = _named("mac", envelope.mac)
    return {
        "time": time,
        "systemId": _guid(envelope.target),
        "macAddress": envelope.mac,
        "category": "NetworkSecurityGroupFlowEvent",
        "resourceId": envelope.target,
        "operationName": "NetworkSecurityGroupFlowEvents",
        "properties": {
            "Version": 1 if envelope.schema == "nsg1" else 2,
            "flows": [
                _named("rule", rule) | {"flows": [mac | {"flowTuples": tuples}]}
                for rules in flows.values()
                for rule, tuples in rules.items()
            ],
        },
    }


def _named(name: str, value: str | None) -> dict[str, Any]:
    return {} if value is None else {name: value}


def _guid(resource: str | None) -> str:
    """Returns a log's id: always the same one for a resource."""
    return str(uuid5(NAMESPACE_URL, (resource or "").lower()))
