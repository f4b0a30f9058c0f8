"""Reads the cases: what stands in `cases/*.toml`, as typed values.

A file is a theme. It may hold `networks` (sketches that its cases build on, beside the shared ones
of `networks.toml`) and holds cases:

    [[case]]
    id = "deny-above-allow"
    network.like = "one-vm"
    network.nsgs.web = ["in 100 Deny Tcp Internet -> *:3389", "in 200 Allow * * -> *"]
    question = "in tcp 3389 from Internet"
    answer = "closed"
    why = "Two sentences."
    source = "NSGO: Security rules"
    witness = "tcp 203.0.113.7:50000 -> 10.0.0.4:3389"     (of an exposed case)

The notation of networks is that of `tests/conformance/sketch.py`, with `scaleSets` added.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.conformance.vectors import resolve

Json = dict[str, Any]

FOLDER: Final = Path(__file__).parent
ANSWERS: Final = ("exposed", "closed", "unknown")

_QUESTION: Final = re.compile(r"(in|out) (tcp|udp|icmp) (?:([\d,-]+|any) )?(from|to) (\S+)")
_PACKET: Final = re.compile(r"(tcp|udp|icmp) (\S+) -> (\S+)")
_FIELDS: Final = frozenset(
    ("id", "network", "question", "answer", "why", "source", "witness", "note")
)
_NEEDED: Final = _FIELDS - {"witness", "note"}


class CaseError(ValueError):
    """A case that cannot be read; the message says where and what was expected."""


@dataclass(frozen=True, slots=True)
class Question:
    """Whether any interface lets some packet of a set pass.

    Attributes:
        direction: `Inbound`: does an interface accept it; `Outbound`: may one send it.
        protocol: `TCP`, `UDP` or `ICMP`.
        ports: destination ports, such as `("22", "80-90")`; empty for any.
        remote: the other end: `Internet`, or a prefix.
    """

    direction: str
    protocol: str
    ports: tuple[str, ...]
    remote: str

    def __str__(self) -> str:
        """Returns the question in plain English."""
        ports = f" {', '.join(self.ports)}" if self.ports else ""
        remote = "the internet" if self.remote == "Internet" else self.remote
        if self.direction == "Inbound":
            return f"Does any interface accept {self.protocol}{ports} from {remote}?"
        return f"May any interface send {self.protocol}{ports} to {remote}?"


@dataclass(frozen=True, slots=True)
class Witness:
    """A packet that shows an exposure: protocol and two ends, as `IP:PORT` or `IP`."""

    protocol: str
    source: str
    destination: str


@dataclass(frozen=True, slots=True)
class Case:
    """One network with one question, its right answer and why.

    Attributes:
        theme: the file that it stands in, without its suffix.
        network: the sketch.
        answer: one of `ANSWERS`.
        why: the reason, in two sentences.
        source: title and address of the page that it follows from, and the section if one is given.
        witness: what shows the exposure; None unless the answer is `exposed`.
        note: what the documentation leaves open and how the case was read; empty mostly.
    """

    id: str
    theme: str
    network: Json
    question: Question
    answer: str
    why: str
    source: str
    witness: Witness | None
    note: str


@cache
def read_cases(folder: Path = FOLDER) -> tuple[Case, ...]:
    """Returns all cases, in the order of their files.

    Raises:
        CaseError: a case lacks something, has a field too many, or says it in other words.
    """
    networks: dict[str, Json] = _read(folder / "networks.toml")
    sources: dict[str, Json] = _read(folder / "sources.toml")
    found: list[Case] = []
    for path in sorted((folder / "cases").glob("*.toml")):
        content = _read(path)
        known = networks | content.get("networks", {})
        found += [_case(raw, path, known, sources) for raw in content.get("case", ())]
    ids = [one.id for one in found]
    if twice := sorted({one for one in ids if ids.count(one) > 1}):
        raise CaseError(f"`{twice[0]}` is the id of two cases: expected an id of its own for each")
    return tuple(found)


def _read(path: Path) -> Json:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as problem:
        raise CaseError(f"{path.name}: {problem}") from None


def _case(raw: Json, path: Path, networks: dict[str, Json], sources: dict[str, Json]) -> Case:
    where = f"{path.name}: case `{raw.get('id', '?')}`"
    for name in sorted(_NEEDED - raw.keys()):
        raise CaseError(f"{where}: missing `{name}`")
    for name in sorted(raw.keys() - _FIELDS):
        raise CaseError(f"{where}: `{name}`: expected one of {', '.join(sorted(_FIELDS))}")
    if raw["answer"] not in ANSWERS:
        raise CaseError(f"{where}: answer `{raw['answer']}`: expected {' or '.join(ANSWERS)}")
    if (raw["answer"] == "exposed") != ("witness" in raw):
        raise CaseError(f"{where}: a witness stands with `exposed`, and with nothing else")
    try:
        network = resolve(raw["network"], networks)
    except KeyError as problem:
        raise CaseError(f"{where}: no network is called `{problem.args[0]}`") from None
    return Case(
        id=raw["id"],
        theme=path.stem,
        network=network,
        question=_question(raw["question"], where),
        answer=raw["answer"],
        why=raw["why"],
        source=_source(raw["source"], sources, where),
        witness=_witness(raw["witness"], where) if "witness" in raw else None,
        note=raw.get("note", ""),
    )


def _question(text: str, where: str) -> Question:
    found = _QUESTION.fullmatch(text)
    if found is None or (found[1] == "in") != (found[4] == "from"):
        raise CaseError(
            f"{where}: question `{text}`: expected `in PROTOCOL [PORTS] from WHERE` or "
            "`out PROTOCOL [PORTS] to WHERE`"
        )
    ports = () if found[3] in (None, "any") else tuple(found[3].split(","))
    direction = {"in": "Inbound", "out": "Outbound"}[found[1]]
    return Question(direction, found[2].upper(), ports, found[5])


def _witness(text: str, where: str) -> Witness:
    found = _PACKET.fullmatch(text)
    if found is None:
        raise CaseError(f"{where}: witness `{text}`: expected `tcp IP:PORT -> IP:PORT`")
    return Witness(found[1].upper(), found[2], found[3])


def _source(text: str, sources: dict[str, Json], where: str) -> str:
    key, _, section = text.partition(": ")
    if key not in sources:
        raise CaseError(f"{where}: source `{key}`: expected one of {', '.join(sources)}")
    page = sources[key]
    return f"{page['title']}{f' ({section})' if section else ''}, {page['url']}"
