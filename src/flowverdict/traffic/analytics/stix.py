"""Threats out of STIX 2.1: indicators whose patterns compare addresses, and nothing else.

A pattern that also demands something else (a port, a second observation) says more than that an
address is bad: it is passed over, as are patterns of files, domains and the like.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from flowverdict.load.report import Unreadable, error
from flowverdict.model import Diagnostic, Position
from flowverdict.net import IntervalSet, NetworkTextError, parse_prefix
from flowverdict.traffic.analytics.threats import WATCH_LIST, Threat, known_type

if TYPE_CHECKING:
    from pathlib import Path

_COMPARISON: Final = (
    r"ipv[46]-addr:value\s*(?:=\s*'(?P<one>[^']*)'|IN\s*\((?P<many>[^)]*)\)"
    r"|ISSUBSET\s*'(?P<part>[^']*)')"
)
_PIECE: Final = re.compile(_COMPARISON)
_TEXT: Final = re.compile(r"'([^']*)'")
_ONLY_ADDRESSES: Final = re.compile(
    rf"\s*\[\s*(?:{re.sub(r'[(][?]P<[a-z]+>', '(?:', _COMPARISON)})"
    rf"(?:\s*OR\s*(?:{re.sub(r'[(][?]P<[a-z]+>', '(?:', _COMPARISON)}))*\s*\]\s*"
)
_OBSERVATIONS: Final = re.compile(r"\]\s*OR\s*\[")
_CONTROL: Final = "command-and-control"


class _Phase(msgspec.Struct):
    phase_name: str = ""


class _Object(msgspec.Struct):
    type: str
    id: str = ""
    name: str | None = None
    description: str | None = None
    pattern: str = ""
    pattern_type: str = "stix"
    indicator_types: list[str] = []
    labels: list[str] = []
    kill_chain_phases: list[_Phase] = []
    valid_from: str | None = None
    valid_until: str | None = None
    revoked: bool = False


class _Bundle(msgspec.Struct):
    type: Annotated[str, msgspec.Meta(pattern="^bundle$")]
    objects: list[_Object] = []


def stix_threats(path: Path, text: str, wrong: list[Diagnostic]) -> list[Threat]:
    """Returns the threats of a bundle, or of a list of STIX objects.

    Args:
        path: the file, for messages.
        text: what it holds.
        wrong: takes what is wrong with single objects.

    Raises:
        Unreadable: it is neither.
    """
    try:
        found = msgspec.json.decode(text, type=_Bundle | list[_Object])
    except msgspec.DecodeError as problem:
        said = str(problem)
        raise Unreadable(
            error(Position(str(path)), "threats", said, "a bundle of STIX 2.1")
        ) from None
    objects = found.objects if isinstance(found, _Bundle) else found
    threats: list[Threat] = []
    for at, one in enumerate(objects):
        if one.type != "indicator" or one.revoked or one.indicator_types == ["benign"]:
            continue
        where = Position(str(path), f"$.objects[{at}]" if found is not objects else f"$[{at}]")
        try:
            threats += _threats(one)
        except (NetworkTextError, ValueError) as problem:
            what, _, expected = str(problem).partition(": expected ")
            wrong.append(error(where, "threats", what, expected or "as STIX 2.1 has it"))
    return threats


def _threats(one: _Object) -> list[Threat]:
    addresses = _addresses(one.pattern) if one.pattern_type == "stix" else None
    if addresses is None:
        return []
    return [
        Threat(
            addresses,
            _type(one),
            one.description or one.name,
            since=_day(one.valid_from),
            until=_last_day(one.valid_until),
        )
    ]


def _addresses(pattern: str) -> IntervalSet | None:
    """Returns the addresses that a pattern compares with; None if it demands anything else."""
    if not _ONLY_ADDRESSES.fullmatch(_OBSERVATIONS.sub(" OR ", pattern)):
        return None
    texts: list[str] = []
    for found in _PIECE.finditer(pattern):
        texts += _TEXT.findall(found["many"]) if found["many"] else [found["one"] or found["part"]]
    return IntervalSet.union(parse_prefix(text) for text in texts)


def _type(one: _Object) -> str:
    if any(phase.phase_name == _CONTROL for phase in one.kill_chain_phases):
        return "C2"
    words = (known_type(word) for word in (*one.indicator_types, *one.labels))
    return next((word for word in words if word), WATCH_LIST)


def _day(text: str | None) -> date | None:
    return None if text is None else _moment(text).date()


def _last_day(text: str | None) -> date | None:
    """Returns the last day on which an indicator counts, of which ``valid_until`` is the end."""
    if text is None:
        return None
    return (_moment(text) - timedelta(microseconds=1)).date()


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
