"""One record of a flow log, already JSON, into rows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from flowverdict.flowlog.tuples import Rejected, Schema, Values, read_tuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NSG: Final = "networksecuritygroupflowevent"
_VNET: Final = "flowlogflowevent"
_NO_RULE: Final = "unspecified"
_ZERO_GUID: Final = "00000000-0000-0000-0000-000000000000"
_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)
_DEEPEST_NESTING: Final = 2


@dataclass(frozen=True, slots=True)
class Group:
    """What a group of tuples has in common.

    Attributes:
        rule: the rule's name, without the log's prefix; None where the log has none.
        rule_kind: ``user``, ``default``, ``admin``, ``platform``, ``encryption`` or ``unknown``.
        acl: the id of what the rule belongs to, as the log writes it.
        mac: twelve hexadecimal digits in upper case, if it is a MAC address at all.
        target: the logged resource.
        flow_log: the flow log's own id.
    """

    rule: str | None
    rule_kind: str
    acl: str | None
    mac: str | None
    target: str | None
    flow_log: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """One tuple with everything around it; ``tuple_number`` counts from 0 inside the record."""

    values: Values
    group: Group
    tuple_number: int


@dataclass(frozen=True, slots=True)
class Reject:
    """A tuple that is no row: its text, its place, and why."""

    raw: str
    code: str
    tuple_number: int


@dataclass(slots=True)
class Record:
    """What one record gives.

    Attributes:
        is_flow_log: false for a record of another kind of log.
        warnings: how often each code came up.
    """

    rows: list[Row] = field(default_factory=list[Row])
    rejects: list[Reject] = field(default_factory=list[Reject])
    warnings: dict[str, int] = field(default_factory=dict[str, int])
    is_flow_log: bool = True
    tuples: int = 0

    def warn(self, code: str) -> None:
        """Counts a warning."""
        self.warnings[code] = self.warnings.get(code, 0) + 1


def read_record(value: Any) -> Record:
    """Reads a record of any form in which flow logs are met."""
    record = Record()
    _read(_lowered(value), record, 0)
    return record


def is_flow_log(value: Any) -> bool:
    """Reports whether a record, or what is whole of it, is one of a flow log."""
    return _is_flow_log(_lowered(value), 0)


def _is_flow_log(fields: dict[str, Any], depth: int) -> bool:
    nested = fields.get("records")
    if isinstance(nested, list) and depth < _DEEPEST_NESTING:
        return any(_is_flow_log(_lowered(one), depth + 1) for one in cast("list[Any]", nested))
    return _form(fields) is not None


def _lowered(value: Any) -> dict[str, Any]:
    """Returns an object with its names in lower case; empty for anything else."""
    if not isinstance(value, dict):
        return {}
    return {key.lower(): inner for key, inner in cast("dict[str, Any]", value).items()}


def _read(fields: dict[str, Any], record: Record, depth: int) -> None:
    nested = fields.get("records")
    if isinstance(nested, list) and depth < _DEEPEST_NESTING:
        record.warn("nested_records")
        for one in cast("list[Any]", nested):
            _read(_lowered(one), record, depth + 1)
        return
    form = _form(fields)
    if form is None:
        record.warn("unknown_category")
        record.is_flow_log = False
        return
    if form is not _read_flattened and not _category(fields):
        record.warn("unknown_category")
    form(fields, record)


def _form(fields: dict[str, Any]) -> Callable[[dict[str, Any], Record], None] | None:
    """Returns what reads a record of this form; nothing does if it is of another kind of log."""
    name = _category(fields)
    if "sourceaddress" in fields and "starttime" in fields:
        return _read_flattened
    if name == _VNET or (not name and "flowrecords" in fields):
        return _read_vnet
    if name == _NSG or (not name and "flows" in _lowered(fields.get("properties"))):
        return _read_nsg
    return None


def _category(fields: dict[str, Any]) -> str:
    category = fields.get("category")
    return category.lower() if isinstance(category, str) else ""


def _read_vnet(fields: dict[str, Any], record: Record) -> None:
    if fields.get("flowlogversion") not in (4, "4", None):
        record.warn("unknown_version")
    flow_log = _text(fields.get("flowlogresourceid"))
    if flow_log is None and (alias := _text(fields.get("resourceid"))) is not None:
        flow_log = alias
        record.warn("key_alias")
    holder = fields.get("flowrecords")
    flows = _lowered(holder).get("flows")
    if isinstance(holder, list):
        record.warn("schema_mismatch")
        flows = cast("list[Any]", holder)
    if not isinstance(flows, list):
        record.warn("schema_mismatch")
        return
    mac, target = _mac(fields.get("macaddress")), _text(fields.get("targetresourceid"))
    for flow in _objects(flows, record):
        acl = _text(flow.get("aclid"))
        for one in _objects(flow.get("flowgroups"), record):
            rule, kind = rule_of(_text(one.get("rule")), acl)
            group = Group(rule, kind, acl, mac, target, flow_log)
            _read_tuples(one.get("flowtuples"), Schema.VNET4, group, record)


def _read_nsg(fields: dict[str, Any], record: Record) -> None:
    properties = _lowered(fields.get("properties"))
    version = properties.get("version")
    if version not in (1, 2, "1", "2"):
        record.warn("unknown_version")
    envelope = Schema.NSG1 if version in (1, "1") else Schema.NSG2
    nsg = _text(fields.get("resourceid"))
    outer_mac = _mac(fields.get("macaddress"))
    flows = properties.get("flows")
    if not isinstance(flows, list):
        record.warn("schema_mismatch")
        return
    for flow in _objects(flows, record):
        rule, kind = rule_of(_text(flow.get("rule")), nsg)
        for one in _objects(flow.get("flows"), record):
            mac = _mac(one.get("mac")) or outer_mac
            group = Group(rule, kind, nsg, mac, nsg, None)
            _read_tuples(one.get("flowtuples"), envelope, group, record)


def _read_flattened(fields: dict[str, Any], record: Record) -> None:
    """Reads the form in which connectors send one tuple a record (specification, 4.4)."""
    words = [
        fields.get(name)
        for name in (
            "starttime", "sourceaddress", "destinationaddress", "sourceport", "destinationport",
            "transportprotocol", "devicedirection", "deviceaction", "flowstate", "packetsstod",
            "bytesstod", "packetsdtos", "bytesdtos",
        )
    ]  # fmt: skip
    nsg = _text(fields.get("resourceid"))
    rule, kind = rule_of(_text(fields.get("nsgrulename")), nsg)
    group = Group(rule, kind, nsg, _mac(fields.get("mac")), nsg, None)
    version = fields.get("version")
    envelope = Schema.NSG1 if version in (1, "1", 1.0, "1.0") else Schema.NSG2
    if envelope is Schema.NSG1:
        words = words[:8]
    raw = ",".join("" if one is None else str(one) for one in words)
    _read_tuples([raw], envelope, group, record)


def _read_tuples(tuples: Any, envelope: Schema, group: Group, record: Record) -> None:
    if tuples is None:
        return
    if not isinstance(tuples, list):
        record.warn("schema_mismatch")
        return
    for raw in cast("list[Any]", tuples):
        number = record.tuples
        record.tuples += 1
        text = raw if isinstance(raw, str) else str(raw)
        try:
            values, warnings = read_tuple(text, envelope)
        except Rejected as problem:
            record.rejects.append(Reject(text, problem.code, number))
            record.warn(problem.code)
            continue
        for code in warnings:
            record.warn(code)
        record.rows.append(Row(values, group, number))


def rule_of(name: str | None, acl: str | None) -> tuple[str | None, str]:
    """Returns a rule's name without the log's prefix, and its kind (specification, 3.6)."""
    if not name:
        return None, "unknown"
    for prefix, kind in (("UserRule_", "user"), ("DefaultRule_", "default")):
        if name.startswith(prefix):
            return name[len(prefix) :], kind
    lower, owner = name.lower(), (acl or "").lower()
    if lower == "platformrule":
        return name, "platform"
    if lower == _NO_RULE:
        return name, "encryption"
    is_guid = _GUID.match(owner) is not None and owner != _ZERO_GUID
    is_admin = "/networkmanagers/" in owner or "/securityadminconfigurations/" in owner
    return name, "admin" if is_guid or is_admin else "unknown"


def _objects(value: Any, record: Record) -> Iterator[dict[str, Any]]:
    """Yields the objects of a list; anything else counts as a mismatch."""
    if value is None:
        return
    if not isinstance(value, list):
        record.warn("schema_mismatch")
        return
    for one in cast("list[Any]", value):
        if isinstance(one, dict):
            yield _lowered(one)
        else:
            record.warn("schema_mismatch")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _mac(value: Any) -> str | None:
    """Returns a MAC address in one form: twelve hexadecimal digits in upper case."""
    if not isinstance(value, str) or not value:
        return None
    plain = value.replace("-", "").replace(":", "").replace(".", "").upper()
    is_mac = len(plain) == 12 and all(char in "0123456789ABCDEF" for char in plain)
    return plain if is_mac else value
