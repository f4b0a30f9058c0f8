"""Verdicts as text for people, and answers as JSON."""

from __future__ import annotations

import json
import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

import click

from flowverdict.load import line_and_column
from flowverdict.model import Position
from flowverdict.net import format_address, protocol_name
from flowverdict.policy import rule_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from flowverdict.model import Direction, ResourceId
    from flowverdict.net import Packet
    from flowverdict.policy import Step, Verdict

COLOURS: Final = {
    "Allow": "green",
    "AlwaysAllow": "green",
    "Deny": "red",
    "Unknown": "yellow",
}


def as_json(value: Any) -> str:
    """Returns a value as indented JSON; what is no Unicode text is shown by its bytes."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode()


def minute(time: datetime) -> str:
    """Returns a time in UTC as tables have it."""
    return f"{time:%Y-%m-%dT%H:%MZ}"


def flow_json(nic: ResourceId, direction: Direction, packet: Packet) -> dict[str, Any]:
    """Returns a flow at an interface as JSON answers have it."""
    return {"nic": str(nic), "direction": direction.value, **packet_json(packet)}


def packet_json(packet: Packet) -> dict[str, Any]:
    """Returns a packet as JSON answers have it."""
    return {
        "protocol": protocol_name(packet.protocol),
        "src_ip": format_address(packet.src),
        "src_port": packet.src_port,
        "dst_ip": format_address(packet.dst),
        "dst_port": packet.dst_port,
    }


def with_lines(value: Any) -> Any:
    """Returns an answer with the line and column of every place in it, read from the files."""
    return _with_lines(value, cache(line_and_column))


def _with_lines(value: Any, find: Callable[[Position], tuple[int, int] | None]) -> Any:
    if isinstance(value, list):
        return [_with_lines(one, find) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    fields = cast("dict[str, Any]", value)
    found = {key: _with_lines(inner, find) for key, inner in fields.items()}
    if fields.keys() == {"file", "path"}:
        line = find(Position(fields["file"], fields["path"])) or (None, None)
        found |= {"line": line[0], "column": line[1]}
    return found


def coloured(text: str, **style: Any) -> str:
    """Returns a text in colour on a terminal; plain where piped or with ``NO_COLOR``."""
    if os.environ.get("NO_COLOR") or not getattr(sys.stdout, "isatty", bool)():
        return text
    return click.style(text, **style)


def access_text(access: str) -> str:
    """Returns a layer's word in its colour."""
    colour = COLOURS.get(access)
    return coloured(access, fg=colour, bold=True) if colour else coloured(access, dim=True)


def cell(text: str) -> str:
    """Returns a text as a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yields aligned lines; the first row is the head. Cells may be coloured."""
    widths = [max(len(click.unstyle(row[at])) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        cells = (
            cell + " " * (width - len(click.unstyle(cell)))
            for cell, width in zip(row, widths, strict=True)
        )
        yield "  ".join(cells).rstrip()


def place_text(where: Position) -> str:
    """Returns a place with its line: ``nsg.json:41 ($.securityRules[2])``."""
    found = line_and_column(where)
    line = f":{found[0]}" if found else ""
    return f"{where.file}{line} ({where.path})"


def verdict_lines(verdict: Verdict) -> Iterator[str]:
    """Yields a verdict as ``verify`` prints it."""
    step = verdict.decided_by
    yield f"{access_text(verdict.access)}  {verdict.direction.value.lower()} {verdict.packet}"
    if step is None:
        why = "no rule stands in the way" if verdict.access == "Allow" else ""
        if why:
            yield f"  {why}"
    elif step.rule is None:
        yield f"  {step.note or step.layer}"
    else:
        yield from _rule_lines(step)
    yield ""
    yield from table([("LAYER", "ACCESS", "RULE", "PRIORITY", "OF", "APPLIED TO"), *_rows(verdict)])
    yield from remarks(verdict)


def _rule_lines(step: Step) -> Iterator[str]:
    assert step.rule is not None
    yield f"  by {rule_name(step.layer, step.rule)}, priority {step.rule.priority}, {of(step)}"
    yield f"  {step.rule.id}"
    if step.rule.where:
        yield f"  {place_text(step.rule.where)}"


def of(step: Step) -> str:
    """Says whose rule a step's is: the NSG or the manager, and on what it is applied."""
    target = step.applied_to.name if step.applied_to else "?"
    source = step.resource.name if step.resource else "?"
    if step.layer == "admin":
        return f"security admin rule of {source} on {target}"
    return f"{source} on {'subnet' if step.layer == 'subnet' else 'network interface'} {target}"


def _rows(verdict: Verdict) -> Iterator[tuple[str, ...]]:
    for step in verdict.trace:
        yield (
            step.layer,
            access_text(step.access),
            rule_name(step.layer, step.rule) if step.rule else "-",
            str(step.rule.priority) if step.rule else "-",
            step.resource.name if step.resource else "-",
            step.applied_to.name if step.applied_to else "-",
        )


def remarks(verdict: Verdict) -> Iterator[str]:
    """Yields what is missing, what deserves a look, and what dated data was used."""
    told = verdict.decided_by.note if verdict.decided_by else ""
    notes = [
        f"{step.layer}: {step.note}"
        for step in verdict.trace
        if step.note and step.note != told and step.note not in verdict.missing
    ]
    sections: tuple[tuple[str, Iterable[str], str], ...] = (
        ("missing", verdict.missing, "yellow"),
        ("note", notes, "white"),
        ("warning", verdict.warnings, "yellow"),
        ("relied on", verdict.data, "white"),
    )
    first = True
    for title, texts, colour in sections:
        for text in texts:
            if first:
                yield ""
                first = False
            yield f"{coloured(title, fg=colour)}: {text}"
