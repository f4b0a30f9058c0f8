"""A writer of small databases in MaxMind's format: https://maxmind.github.io/MaxMind-DB/."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

Tree = list[Any]


def _value(one: Any) -> bytes:
    if isinstance(one, str):
        data = one.encode()
        assert len(data) < 29
        return bytes([2 << 5 | len(data)]) + data
    if isinstance(one, dict):
        cells = b"".join(_value(name) + _value(inner) for name, inner in one.items())
        return bytes([7 << 5 | len(one)]) + cells
    if isinstance(one, list):
        return bytes([len(one), 4]) + b"".join(map(_value, one))
    size, number = one
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return {16: bytes([5 << 5 | len(data)]), 32: bytes([6 << 5 | len(data)]),
            64: bytes([len(data), 2])}[size] + data  # fmt: skip


def database(records: Mapping[str, Any], version: int = 6) -> bytes:
    """A database of prefixes and what is known of them."""
    root: Tree = [None, None]
    data, offsets = b"", {}
    for text, record in records.items():
        network = ipaddress.ip_network(text)
        bits = f"{int(network.network_address):0{network.max_prefixlen}b}"[: network.prefixlen]
        if network.version == 4 and version == 6:
            bits = "0" * 96 + bits
        node = root
        for bit in bits[:-1]:
            node[int(bit)] = node[int(bit)] or [None, None]
            node = node[int(bit)]
        offsets[text] = len(data)
        node[int(bits[-1])] = text
        data += _value(record)
    nodes: list[Tree] = []
    number(root, nodes)
    tree = b""
    at = {id(node): place for place, node in enumerate(nodes)}
    for node in nodes:
        for side in node:
            if side is None:
                pointer = len(nodes)
            elif isinstance(side, str):
                pointer = len(nodes) + 16 + offsets[side]
            else:
                pointer = at[id(side)]
            tree += pointer.to_bytes(3, "big")
    about = {
        "binary_format_major_version": (16, 2), "binary_format_minor_version": (16, 0),
        "build_epoch": (64, 1_767_225_600), "database_type": "Test-Country",
        "description": {"en": "x"}, "ip_version": (16, version), "languages": ["en"],
        "node_count": (32, len(nodes)), "record_size": (16, 24),
    }  # fmt: skip
    return tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + _value(about)


def number(node: Tree, nodes: list[Tree]) -> None:
    """Puts the nodes of a tree into a list."""
    nodes.append(node)
    for side in node:
        if isinstance(side, list):
            number(side, nodes)
