"""Interfaces behind lists of rules that are made to be awkward."""

from __future__ import annotations

from typing import Any

from flowverdict.model import Estate, NetworkInterface
from tests.conformance.sketch import service_tags
from tests.policy.estates import files_of, load


def behind(
    rules: list[str], tags: dict[str, list[str]] | None = None
) -> tuple[Estate, NetworkInterface]:
    """One interface with an NSG of these rules; service tags are the packaged ones, or these."""
    network: Any = {
        "vnets": {"v": {"space": ["10.1.0.0/16"], "subnets": {"s": {"prefixes": ["10.1.0.0/24"]}}}},
        "nics": {"nic1": {"subnet": "v/s", "ip": ["10.1.0.4"], "nsg": "n"}},
        "nsgs": {"n": rules},
    }
    if tags is not None:
        network["serviceTags"] = tags
    estate = load(files_of(network), service_tags(network, "rest") if tags is not None else None)
    return estate, next(iter(estate.resources.nics.values()))


def chequered(count: int) -> tuple[Estate, NetworkInterface]:
    """Every second port, from every second address, by turns allowed and denied."""
    rules: list[str] = []
    for at in range(count):
        access = ("Allow", "Deny")[at % 2]
        sources = ",".join(f"192.0.2.{last}" for last in range(at % 3, 200, 3))
        ports = ",".join(str(port) for port in range(1000 + at, 1100, 2 + at % 5))
        rules.append(f"in {100 + at} {access} Tcp {sources} -> *:{ports} name=r{at}")
    return behind(rules)


def nested(count: int) -> tuple[Estate, NetworkInterface]:
    """Prefixes within prefixes, with ranges of ports that overlap in part."""
    rules: list[str] = []
    for at in range(count):
        access = ("Allow", "Deny")[at % 2]
        low = at * 500
        base = 0xC0000000 & (0xFFFFFFFF << at) | (1 << 30)
        text = ".".join(str(base >> shift & 255) for shift in (24, 16, 8, 0))
        rules.append(
            f"in {100 + at} {access} Tcp {text}/{32 - at} -> *:{low}-{low + 20000} name=r{at}"
        )
    return behind(rules)
