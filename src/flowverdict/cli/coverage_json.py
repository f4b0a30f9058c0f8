"""Coverage as one JSON object, written as it is computed: one interface after another."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from flowverdict.traffic import (
    BYTES_NSG,
    BYTES_VNET,
    CLOSED_SINCE,
    RETIRES,
    Tally,
    moment,
    plan,
    take_stock,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from flowverdict.model import Estate
    from flowverdict.traffic import Interface, Log, Target

_HOUR: Final = 60


def json_lines(interfaces: Iterable[Interface], estate: Estate | None) -> Iterator[str]:
    """Yields the lines of the answer; an interface takes one."""
    tally = Tally()
    yield '{\n"interfaces": ['
    comma = ""
    for one in tally.passing(interfaces):
        yield comma + json.dumps(interface_value(one, estate), ensure_ascii=False)
        comma = ","
    yield "],"
    yield f'"estate": {_text(estate_value(tally, estate))},'
    yield f'"nsgFlowLogs": {_text(migration_value(tally, estate))},'
    doubled = [{"mac": mac, "minutes": minutes} for mac, minutes in tally.doubled.items()]
    yield f'"loggedTwice": {_text(doubled)}\n}}'


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


def interface_value(one: Interface, estate: Estate | None) -> dict[str, Any]:
    """Returns one interface; times are ISO 8601, `until` the first minute behind."""
    nics = estate.nics_by_mac.get(one.mac or "", []) if estate else []
    return {
        "mac": one.mac,
        "nics": [str(nic.id) for nic in nics],
        "logs": _logs(one.rows),
        "since": time_text(one.span.first),
        "until": time_text(one.span.behind),
        "minutes": one.minutes,
        "span": one.span.minutes,
        "gaps": [
            {"since": time_text(gap.first), "until": time_text(gap.behind), "minutes": gap.minutes}
            for gap in one.gaps()
        ],
        "hours": [
            {
                "hour": time_text(hour.start * _HOUR),
                "logs": _logs(hour.rows),
                "minutes": hour.minutes.bit_count(),
                "minutesWithoutRows": sum(gap.minutes for gap in one.gaps_in(hour)),
            }
            for hour in one.hours
        ],
    }


def time_text(minute: int) -> str:
    """Returns a minute as ISO 8601."""
    return f"{moment(minute):%Y-%m-%dT%H:%M}Z"


def _logs(rows: Mapping[Log, int]) -> list[dict[str, Any]]:
    return [
        {
            "schema": log.schema,
            "target": log.target or None,
            "flowLog": log.id or None,
            "rows": count,
        }
        for log, count in sorted(rows.items())
    ]


def estate_value(tally: Tally, estate: Estate | None) -> dict[str, Any] | None:
    """Returns the estate held against what was logged."""
    if estate is None:
        return None
    stock = take_stock(estate, tally.macs, tally.rows)
    return {
        "unlogged": [
            {"nic": str(one.nic), "mac": one.mac, "why": one.why} for one in stock.unlogged
        ],
        "withoutMac": [str(one) for one in stock.without_mac],
        "absent": [str(one) for one in stock.absent],
        "unknownMacs": list(stock.unknown_macs),
        "silentFlowLogs": [
            {
                "flowLog": str(one.flow_log.id),
                "target": str(one.flow_log.target),
                "nics": one.nics,
            }
            for one in stock.silent
        ],
    }


def migration_value(tally: Tally, estate: Estate | None) -> dict[str, Any]:
    """Returns the NSG logs and what takes their place, which takes an estate to know."""
    rows = sum(tally.nsg_rows.values())
    value: dict[str, Any] = {
        "closedSince": CLOSED_SINCE.isoformat(),
        "retires": RETIRES.isoformat(),
        "rows": rows,
        "bytes": round(rows * BYTES_NSG),
        "bytesAsVnetFlowLogs": round(rows * BYTES_VNET),
    }
    if estate is None:
        logged = [{"nsg": str(nsg), "rows": count} for nsg, count in sorted(tally.nsg_rows.items())]
        return value | {"nsgs": logged, "targets": None, "separate": None, "networks": None}
    found = plan(estate, tally.nsg_rows)
    return value | {
        "nsgs": [
            {
                "nsg": str(one.nsg),
                "rows": one.rows,
                "enabled": one.enabled,
                "inEstate": one.nsg not in found.unattached,
                "attached": [str(place) for place in one.attached],
                "nics": [str(nic) for nic in one.nics],
            }
            for one in found.nsgs
        ],
        "targets": [_target(one) for one in found.targets],
        "separate": [_target(one) for one in found.separate],
        "networks": [_target(one) for one in found.networks],
    }


def _target(one: Target) -> dict[str, Any]:
    return {
        "target": str(one.id),
        "type": one.kind,
        "exists": one.exists,
        "replaces": [str(nsg) for nsg in one.replaces],
        "kept": [str(nic) for nic in one.kept],
        "gained": list(one.gained),
        "lost": list(one.lost),
    }
