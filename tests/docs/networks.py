"""Runs the pages of `docs/semantics`: small networks, packets, and the verdicts they must get.

A `network` block is a sketch in the notation of `tests/conformance/sketch.py`, written as TOML. A
`change` block is laid over the page's last `network` block: tables are merged, everything else is
replaced. A `verdicts` block sends packets through the network above it, one a line:

    in tcp 198.51.100.7 -> 10.0.0.4:22    Deny  securityRules/DenySsh [subnet]

The packet is seen at the interface that owns the local address. The port of the originator may be
left out (any). Behind the access stand the rule (`no rule` where none decides) and the layer; a
packet that cannot be judged is `Refused`, with the message. Indented lines below name what is
missing, the warnings, the dated data and the notes: `missing: TEXT`, `warning: TEXT`,
`relied on: TEXT`, `note: TEXT`. A line `with --option NAME=VALUE` holds for the lines after it, as
do `with --assume-deployed` and `with --compat ip-flow-verify`; `with nothing` ends that. A
`diagnostics` block holds what reading the network says, one message a line. `...` stands for
anything. Every network is tried as `az` prints it and as the REST API does.
"""

from __future__ import annotations

import doctest
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import flowverdict
from flowverdict.model import Estate, InputError
from flowverdict.net import NetworkTextError, parse_address
from flowverdict.policy import IP_FLOW_VERIFY, NoNsgError, Options, RequestError, Verdict
from flowverdict.policy.verdict import rule_name
from tests.conformance.sketch import FORMS, Form, write

Json = dict[str, Any]

_PACKET = re.compile(r"(in|out) +(\w+) +(\S+) -> (\S+) {2,}(\w+) *(.*)")
_SAME = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True, slots=True)
class Line:
    """A packet of a `verdicts` block with what must come out, as the page has it."""

    direction: str
    protocol: str
    source: str
    destination: str
    access: str
    decided_by: str
    options: Options
    details: list[tuple[str, str]] = field(default_factory=list)

    @property
    def packet(self) -> str:
        """The packet as the page has it."""
        return f"{self.direction} {self.protocol} {self.source} -> {self.destination}"


def read_network(text: str) -> Json:
    """Return the sketch that a `network` block holds."""
    return tomllib.loads(text)


def laid_over(base: Json, change: Json) -> Json:
    """Return a sketch with a change laid over it."""
    merged = dict(base)
    for key, value in change.items():
        inner: Any = merged.get(key)
        both = isinstance(inner, dict) and isinstance(value, dict)
        merged[key] = laid_over(inner, value) if both else value
    return merged


def read_verdicts(text: str) -> list[Line]:
    """Return the lines of a `verdicts` block."""
    options = Options()
    found: list[Line] = []
    for line in text.splitlines():
        if line.startswith("with "):
            options = _read_options(line.removeprefix("with "))
        elif line.startswith(" ") and found:
            kind, _, detail = line.strip().partition(": ")
            found[-1].details.append((kind, detail))
        elif line.strip() and not line.startswith("#"):
            packet = _PACKET.fullmatch(line.rstrip())
            if packet is None:
                raise ValueError(f"not a packet with its verdict: `{line}`")
            found.append(Line(*packet.groups(), options=options))
    return found


def _read_options(text: str) -> Options:
    options = Options()
    words = iter(shlex.split(text))
    for word in words:
        if word == "--assume-deployed":
            options = replace(options, assume_deployed=True)
        elif word == "--compat":
            assert next(words) == "ip-flow-verify"
            options = replace(IP_FLOW_VERIFY, assume_deployed=options.assume_deployed)
        elif word == "--option":
            name, _, value = next(words).partition("=")
            options = options.with_setting(name, value)
        elif word != "nothing":
            raise ValueError(f"not an option: `{word}`")
    return options


def differences(sketch: Json, lines: list[Line], folder: Path) -> Iterator[str]:
    """Yield how verdicts differ from what a page says."""
    for form in FORMS:
        estate = _load(sketch, form, folder / form)
        for line in lines:
            got = _ask(estate, line)
            wanted = [f"{line.access} {line.decided_by}".strip()]
            if not _same(wanted[0], got[0]):
                yield f"{line.packet}  expected {wanted[0]}, got: {'; '.join(got)} (form {form})"
            for kind, text in line.details:
                if not any(_same(f"{kind}: {text}", one) for one in got[1:]):
                    yield f"{line.packet}  expected {kind}: {text}, got: {'; '.join(got)} ({form})"
            if got[0].startswith("Unknown") and not any(k == "missing" for k, _ in line.details):
                yield f"{line.packet}  a page says what is missing: {'; '.join(got)}"


def said_on_reading(sketch: Json, folder: Path) -> list[str]:
    """Return the messages of reading a network as `az` prints it, errors before warnings."""
    estate = _load(sketch, "flat", folder / "flat")
    said = str(estate) if isinstance(estate, InputError) else _messages(estate)
    return sorted(set(said.replace(f"{folder / 'flat' / 'estate'}/", "").splitlines()))


def _messages(estate: Estate) -> str:
    return "\n".join(map(str, estate.diagnostics))


def same_messages(wanted: str, got: list[str]) -> bool:
    """Report whether messages are those that a page has, in any order."""
    left = [line for line in wanted.splitlines() if line.strip()]
    return len(left) == len(got) and all(any(_same(one, line) for line in got) for one in left)


def _same(wanted: str, got: str) -> bool:
    return doctest.OutputChecker().check_output(f"{wanted}\n", f"{got}\n", _SAME)


def _load(sketch: Json, form: Form, folder: Path) -> Estate | InputError:
    tags = folder / "service-tags.json"
    try:
        return flowverdict.load_estate(
            [write(sketch, folder, form)], service_tags=tags if tags.exists() else None
        )
    except InputError as problem:
        return problem


def _ask(estate: Estate | InputError, line: Line) -> list[str]:
    """Return what comes out for a packet: access and rule, then the details."""
    if isinstance(estate, InputError):
        return [f"Refused {estate}"]
    inbound = line.direction == "in"
    local, remote = line.source, line.destination
    if inbound:
        local, remote = remote, local
    try:
        verdict = flowverdict.verify(
            estate,
            nic=_owner(estate, local),
            direction="Inbound" if inbound else "Outbound",
            protocol=line.protocol,
            local=local,
            remote=remote,
            options=line.options,
        )
    except (RequestError, NoNsgError) as problem:
        return [f"Refused {problem}"]
    return list(_told(verdict))


def _owner(estate: Estate, local: str) -> str:
    """Return the id of the interface with a local address; where there is only one, of that."""
    nics = list(estate.resources.nics.values())
    found = [one for one in nics if _address(local) in one.addresses] or nics
    assert len(found) == 1, f"whose address is {local}?"
    return str(found[0].id)


def _address(endpoint: str) -> int:
    host = re.sub(r":(\d+|\*)$", "", endpoint) if endpoint.count(":") == 1 else endpoint
    try:
        return parse_address(host.partition("]")[0].strip("["))
    except NetworkTextError as problem:
        raise ValueError(endpoint) from problem


def _told(verdict: Verdict) -> Iterator[str]:
    by = verdict.decided_by
    if by is None:
        yield verdict.access if verdict.access == "Unknown" else f"{verdict.access} no rule"
    else:
        name = f"{rule_name(by.layer, by.rule)} " if by.rule else ""
        yield f"{verdict.access} {name}[{by.layer}]"
    notes = tuple(step.note for step in verdict.trace if step.note)
    for kind, texts in (
        ("missing", verdict.missing),
        ("warning", verdict.warnings),
        ("relied on", verdict.data),
        ("note", notes),
    ):
        yield from (f"{kind}: {text}" for text in texts)
