"""Names of things: where a resource lies, its ARM id, identifiers that stay the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TypeAlias
from uuid import NAMESPACE_DNS, UUID, uuid5

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | bool | None"

_NAMESPACE: UUID = uuid5(NAMESPACE_DNS, "harbour-bank.example")
_RESERVED = 4
"""Azure keeps the first four addresses of every subnet for itself."""


def guid(*words: str) -> str:
    """The identifier that belongs to these words, always the same one."""
    return str(uuid5(_NAMESPACE, "/".join(words)))


def host(prefix: str, number: int) -> str:
    """The address of host `number` (from 0) in a subnet, after those that Azure reserves."""
    return str(ip_network(prefix)[_RESERVED + number])


@dataclass(frozen=True, slots=True)
class Place:
    """Where resources lie: subscription (its GUID), resource group and region."""

    subscription: str
    group: str
    region: str

    def id(self, kind: str, name: str) -> str:
        """ARM id of the resource of this kind (`Microsoft.Network/virtualNetworks`) and name."""
        scope = f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"
        return f"{scope}/providers/{kind}/{name}"
