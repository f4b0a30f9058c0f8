"""Exceptions as text: for the Azure CLI, and as resources that an estate is read from."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any, Final

from flowverdict.net import ALL_PORTS, ALL_PROTOCOLS, format_ports, protocol_name

if TYPE_CHECKING:
    from flowverdict.model import Endpoint, Rule
    from flowverdict.net import IntervalSet

_TYPE: Final = "Microsoft.Network/networkManagers/securityAdminConfigurations/ruleCollections/rules"
_EVERY_PORT: Final = "0-65535"


def as_resource(rule: Rule, description: str = "keeps recorded flows") -> dict[str, Any]:
    """Returns a security admin rule as the REST API has it."""
    return {
        "id": str(rule.id),
        "name": rule.name,
        "type": _TYPE,
        "kind": "Custom",
        "properties": {
            "access": rule.access.value,
            "description": description,
            "destinationPortRanges": _ports(rule.destination_ports),
            "destinations": _side(rule.destination),
            "direction": rule.direction.value,
            "priority": rule.priority,
            "protocol": _protocol(rule),
            "sourcePortRanges": [_EVERY_PORT],
            "sources": _side(rule.source),
        },
    }


def as_az(rule: Rule) -> str:
    """Returns the command that creates a security admin rule; a commit has to follow."""
    collection, manager = rule.id.parent, rule.id.parent.parent.parent
    names = {
        "subscription": manager.subscription,
        "resource-group": manager.resource_group,
        "network-manager-name": manager.name,
        "configuration-name": collection.parent.name,
        "rule-collection-name": collection.name,
        "name": rule.name,
        "kind": "Custom",
        "access": rule.access.value,
        "direction": rule.direction.value,
        "priority": str(rule.priority),
        "protocol": _protocol(rule),
    }
    words = [f"--{name} {shlex.quote(value)}" for name, value in names.items()]
    words += [
        f"--sources {_json(_side(rule.source))}",
        f"--destinations {_json(_side(rule.destination))}",
        f"--source-port-ranges {_EVERY_PORT}",
        f"--dest-port-ranges {' '.join(_ports(rule.destination_ports))}",
    ]
    head = "az network manager security-admin-config rule-collection rule create"
    return " \\\n  ".join([head, *words])


def _protocol(rule: Rule) -> str:
    if rule.protocols == ALL_PROTOCOLS:
        return "Any"
    return protocol_name(rule.protocols.spans[0][0]).capitalize()


def _ports(ports: IntervalSet) -> list[str]:
    return [_EVERY_PORT] if ports == ALL_PORTS else format_ports(ports)


def _side(side: Endpoint) -> list[dict[str, str]]:
    return [
        {
            "addressPrefix": one,
            "addressPrefixType": "ServiceTag" if one in side.tags else "IPPrefix",
        }
        for one in side.texts
    ]


def _json(value: object) -> str:
    return shlex.quote(json.dumps(value, separators=(",", ":")))
