"""Reads the vectors: what stands in the JSON files of this folder, as typed values."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

Json = dict[str, Any]

FOLDER = Path(__file__).parent

_PACKET = re.compile(r"(in|out) (\w+) (\S+) -> (\S+)")


@dataclass(frozen=True, slots=True)
class Case:
    """One packet at one NIC, and what the specification says becomes of it."""

    id: str
    title: str
    source: str
    strength: str
    network: Json
    nic: str | None
    vm: str | None
    direction: str
    protocol: str
    local: str
    remote: str
    options: dict[str, str]
    flags: tuple[str, ...]
    expect: Json
    why: str
    known: str | None = field(default=None)

    @property
    def is_decision(self) -> bool:
        """Reports whether no document decides the case, so that it may change one day."""
        return self.strength in ("I", "K")


@dataclass(frozen=True, slots=True)
class Vector:
    """One point of the specification with its cases."""

    id: str
    title: str
    source: str
    strength: str
    cases: tuple[Case, ...]


@cache
def vectors() -> tuple[Vector, ...]:
    """Return all vectors, in the order of their files."""
    files = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))]
    networks: dict[str, Json] = {}
    for content in files:
        networks |= content.get("networks", {})
    return tuple(_vector(raw, networks) for content in files for raw in content["vectors"])


def cases() -> tuple[Case, ...]:
    """Return the cases of all vectors."""
    return tuple(case for vector in vectors() for case in vector.cases)


def resolve(network: str | Json, networks: dict[str, Json]) -> Json:
    """Return the sketch that `network` stands for.

    A text names a shared network. An object with `like` is laid over the network it names, as a
    JSON merge patch (RFC 7386): objects are merged, everything else replaces, null removes.
    """
    if isinstance(network, str):
        return resolve(networks[network], networks)
    if "like" not in network:
        return network
    patch = {key: value for key, value in network.items() if key != "like"}
    return _merge(resolve(network["like"], networks), patch)


def _merge(base: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    merged: Json = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge(merged.get(key), value)
    return merged


def _vector(raw: Json, networks: dict[str, Json]) -> Vector:
    network = resolve(raw.get("network", {}), networks)
    found = tuple(_case(raw, case, network, networks) for case in raw["cases"])
    return Vector(raw["id"], raw["title"], raw["source"], raw["strength"], found)


def _case(vector: Json, raw: Json, network: Json, networks: dict[str, Json]) -> Case:
    if "network" in raw:
        network = resolve(raw["network"], networks)
    elif "change" in raw:
        network = _merge(network, raw["change"])
    packet = _PACKET.fullmatch(raw["packet"])
    if packet is None:
        raise ValueError(f"{raw['id']}: not a packet: `{raw['packet']}`")
    direction, protocol, source, destination = packet.groups()
    inbound = direction == "in"
    on_vm = raw.get("vm")
    return Case(
        id=raw["id"],
        title=vector["title"],
        source=raw.get("source", vector["source"]),
        strength=raw.get("strength", vector["strength"]),
        network=network,
        nic=None if on_vm else raw.get("nic", vector.get("nic", "nic1")),
        vm=on_vm,
        direction="Inbound" if inbound else "Outbound",
        protocol=protocol.upper(),
        local=destination if inbound else source,
        remote=source if inbound else destination,
        options={**vector.get("options", {}), **raw.get("options", {})},
        flags=tuple(raw.get("flags", ())),
        expect=raw["expect"],
        why=raw["why"],
        known=raw.get("known"),
    )
