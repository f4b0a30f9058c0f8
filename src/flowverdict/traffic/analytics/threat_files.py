"""Threat lists in files: an address or prefix a line, CSV with a head, or STIX 2.1."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Final

from flowverdict.load.document import decode_text, read_bytes
from flowverdict.load.report import Unreadable, error
from flowverdict.model import Diagnostic, InputError, Position
from flowverdict.net import IntervalSet, NetworkTextError, parse_prefix
from flowverdict.traffic.analytics.stix import stix_threats
from flowverdict.traffic.analytics.threats import WATCH_LIST, Threat, Threats, known_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_COLUMNS: Final = {
    "address": ("ip", "address", "ipaddress", "indicator", "prefix", "cidr", "network", "value",
                "dstip", "srcip", "ioc"),
    "type": ("threattype", "type", "category", "threat", "malware"),
    "description": ("threatdescription", "description", "comment", "name", "title"),
    "domain": ("dnsdomain", "domain", "hostname", "host"),
    "url": ("url",),
    "port": ("port", "dstport"),
}  # fmt: skip
"""How the columns of published lists are called, without signs and in lower case."""


def read_threats(paths: Sequence[Path]) -> Threats:
    """Reads threat lists: of one address or prefix a line, CSV with a head, or STIX 2.1 as JSON.

    Raises:
        InputError: a file cannot be read, or a line of it holds no address.
    """
    found: list[Threat] = []
    wrong: list[Diagnostic] = []
    for path in paths:
        try:
            found += _read(path, wrong)
        except Unreadable as problem:
            wrong.append(problem.diagnostic)
    if wrong:
        raise InputError(tuple(wrong))
    return Threats(found)


def _read(path: Path, wrong: list[Diagnostic]) -> list[Threat]:
    text = decode_text(path, read_bytes(path))
    if text.lstrip()[:1] in ("{", "["):
        return stix_threats(path, text, wrong)
    lines = [(at, line) for at, line in enumerate(text.splitlines(), 1) if _says(line)]
    if not lines:
        what = "holds no address"
        raise Unreadable(error(Position(str(path)), "threats", what, "an address or prefix a line"))
    head = _head(lines[0][1])
    if head is None:
        return list(_plain(path, lines, wrong))
    return list(_rows(path, lines[1:], *head, wrong))


def _says(line: str) -> bool:
    return bool(line.strip()) and line.lstrip()[0] not in "#;"


def _head(line: str) -> tuple[dict[str, int], str] | None:
    """Returns the places of a CSV file's columns, and what is between them; None for no head."""
    for delimiter in (",", ";", "\t"):
        names = [re.sub("[^a-z0-9]", "", one.lower()) for one in _cells(line, delimiter)]
        found = {
            what: names.index(spelt)
            for what, spellings in _COLUMNS.items()
            for spelt in spellings[::-1]
            if spelt in names
        }
        if "address" in found:
            return found, delimiter
    return None


def _cells(line: str, delimiter: str) -> list[str]:
    return [one.strip() for one in next(csv.reader([line], delimiter=delimiter), [])]


def _plain(
    path: Path, lines: Iterable[tuple[int, str]], wrong: list[Diagnostic]
) -> Iterator[Threat]:
    """Yields a line's address; a comment may stand behind it."""
    for at, line in lines:
        text, _, said = line.partition("#")
        if ";" in text:
            text, _, said = line.partition(";")
        addresses = _addresses(path, at, text.strip(), wrong)
        if addresses:
            yield Threat(addresses, description=said.strip() or None)


def _rows(
    path: Path,
    lines: Iterable[tuple[int, str]],
    columns: dict[str, int],
    delimiter: str,
    wrong: list[Diagnostic],
) -> Iterator[Threat]:
    for at, line in lines:
        cells = _cells(line, delimiter)
        row = {what: cells[place] for what, place in columns.items() if place < len(cells)}
        addresses = _addresses(path, at, row.get("address", ""), wrong)
        port = row.get("port", "")
        if port and not (port.isascii() and port.isdigit() and int(port) <= 65535):
            wrong.append(_wrong(path, at, f"`{port}` is no port", "a number from 0 to 65535"))
        elif addresses:
            yield Threat(
                addresses,
                known_type(row.get("type", "")) or WATCH_LIST,
                row.get("description") or None,
                row.get("domain") or None,
                row.get("url") or None,
                int(port) if port else None,
            )


def _addresses(path: Path, at: int, text: str, wrong: list[Diagnostic]) -> IntervalSet | None:
    try:
        return parse_prefix(text)
    except NetworkTextError as problem:
        what, _, expected = str(problem).partition(": expected ")
        wrong.append(_wrong(path, at, what, expected))
        return None


def _wrong(path: Path, line: int, what: str, expected: str) -> Diagnostic:
    return error(Position(f"{path}:{line}"), "threats", what, expected)
