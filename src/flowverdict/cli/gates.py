"""An explanation as text: the layers as gates, in the order in which the packet meets them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flowverdict.cli.render import access_text, coloured, of, place_text, remarks
from flowverdict.model import Direction
from flowverdict.net import ALL_PORTS, ALL_PROTOCOLS, format_ports, protocol_name
from flowverdict.policy import as_az_command, describe_side, rule_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flowverdict.model import Rule
    from flowverdict.policy import Cure, Explanation, Gate, Step, Verdict

_MOST: Final = 5
_TITLES: Final = {
    "platform": "Azure platform",
    "admin": "Security admin rules",
    "subnet": "NSG of the subnet",
    "nic": "NSG of the network interface",
}


@dataclass(frozen=True, slots=True)
class Marks:
    """The signs that gates are drawn with."""

    way: str
    blocked: str
    open: str
    shut: str
    unknown: str
    absent: str


_DRAWN: Final = Marks("│", "┊", "✔", "✘", "?", "○")
_TYPED: Final = Marks("|", ":", "+", "X", "?", "o")


def marks() -> Marks:
    """Returns signs that the terminal's encoding has."""
    try:
        "".join(getattr(_DRAWN, name) for name in Marks.__slots__).encode(
            sys.stdout.encoding or "ascii"
        )
    except UnicodeEncodeError:
        return _TYPED
    return _DRAWN


def explanation_lines(told: Explanation) -> Iterator[str]:
    """Yields an explanation as ``explain`` prints it."""
    verdict, drawn = told.verdict, marks()
    arrow = "into" if verdict.direction is Direction.INBOUND else "out of"
    yield f"{verdict.packet}, {arrow} {verdict.nic.id.name}"
    passing = True
    for gate in told.gates:
        way = drawn.way if passing else drawn.blocked
        yield way
        yield from _gate_lines(gate, drawn, passing=passing)
        passing = passing and gate.step.access not in ("Deny", "Unknown")
    yield drawn.way if passing else drawn.blocked
    yield from _outcome(verdict)
    yield from remarks(verdict)
    if told.cure is not None:
        yield ""
        yield from _cure_lines(told.cure)
    if told.other_end is not None:
        yield ""
        yield from _other_end_lines(told.other_end)


def _gate_lines(gate: Gate, drawn: Marks, *, passing: bool) -> Iterator[str]:
    step = gate.step
    sign, colour = {
        "Allow": (drawn.open, "green"),
        "AlwaysAllow": (drawn.open, "green"),
        "NoMatch": (drawn.open, "green"),
        "Deny": (drawn.shut, "red"),
        "Unknown": (drawn.unknown, "yellow"),
    }.get(step.access, (drawn.absent, "white"))
    stays = step.access not in ("Deny", "Unknown") and passing
    way = drawn.way if stays else drawn.blocked
    name = f" {step.resource.name}" if step.resource else ""
    yield f"{coloured(sign, fg=colour, bold=True)} {_TITLES[step.layer]}{name}: {_word(gate)}"
    if step.access == "Unknown" and step.note:
        yield f"{way}     missing: {step.note}"
    for line in _details(gate):
        yield f"{way}     {line}"


def _word(gate: Gate) -> str:
    step = gate.step
    if step.rule is not None:
        meaning = {"AlwaysAllow": ", no NSG is asked", "Allow": ""}.get(step.access, "")
        if step.layer == "admin" and step.access == "Allow":
            meaning = ", the NSGs decide"
        name = rule_name(step.layer, step.rule)
        return f"{access_text(step.access)} by {name} ({step.rule.priority}){meaning}"
    count = f"{gate.rules} rules" if gate.rules != 1 else "1 rule"
    words = {
        "NotPresent": "none here" if step.layer == "admin" else "none attached",
        "NotEvaluated": "not asked",
        "NoMatch": f"no match among {count}, the NSGs decide",
        "Unknown": f"{access_text('Unknown')}",
        "Allow": access_text("Allow"),
        "Deny": access_text("Deny"),
    }
    return words[step.access] + (f", {step.note}" if step.note and step.access == "Allow" else "")


def _details(gate: Gate) -> Iterator[str]:
    step = gate.step
    if step.rule is not None:
        yield rule_text(step.rule)
        if step.rule.where:
            yield place_text(step.rule.where)
        yield str(step.rule.id)
        yield from gate.reasons
    if gate.doubtful:
        yield "may match:"
        yield from _limited(
            [
                f"{rule.priority} {rule_name(step.layer, rule)}, {rule_text(rule)}"
                for rule in gate.doubtful
            ]
        )
    if gate.nearly:
        yield "nearly matched:"
        yield from _limited(
            [
                f"{_short(one.rule, step)} but missed on the {one.field}: {one.why}"
                for one in gate.nearly
            ]
        )
    if gate.too_late:
        yield "would match too, but come later:"
        yield from _limited([_short(rule, step) for rule in gate.too_late])


def _limited(lines: Sequence[str]) -> Iterator[str]:
    for line in lines[:_MOST]:
        yield f"  {line}"
    if len(lines) > _MOST:
        yield f"  and {len(lines) - _MOST} more"


def _short(rule: Rule, step: Step) -> str:
    return f"{rule.priority} {rule_name(step.layer, rule)} {rule.access.value}"


def rule_text(rule: Rule) -> str:
    """Returns what a rule matches, on one line."""
    protocol = "any protocol"
    if rule.protocols != ALL_PROTOCOLS:
        protocol = protocol_name(rule.protocols.spans[0][0])
    source = describe_side(rule.source)
    if rule.source_ports != ALL_PORTS:
        source += f" port {','.join(format_ports(rule.source_ports))}"
    destination = describe_side(rule.destination)
    if rule.destination_ports != ALL_PORTS:
        destination += f" port {','.join(format_ports(rule.destination_ports))}"
    return f"{rule.access.value} {protocol} from {source} to {destination}"


def _outcome(verdict: Verdict) -> Iterator[str]:
    words = {
        "Allow": ("ALLOWED", "green"),
        "Deny": ("DENIED", "red"),
        "Unknown": ("UNKNOWN", "yellow"),
    }
    word, colour = words[verdict.access]
    text = coloured(word, fg=colour, bold=True)
    step = verdict.decided_by
    if step is None:
        why = "nothing stands in the way" if verdict.access == "Allow" else "something is missing"
        yield f"{text}: {why}"
    elif step.rule is None:
        yield f"{text}: {step.note or _TITLES[step.layer]}"
    else:
        yield f"{text} by {rule_name(step.layer, step.rule)}, {of(step)}"


def _cure_lines(cure: Cure) -> Iterator[str]:
    if not cure.rules:
        yield coloured("What would let it through", bold=True)
        yield f"  {cure.reason[0].upper()}{cure.reason[1:]}."
        return
    title = "The smallest rule that lets it through here"
    if len(cure.rules) > 1:
        title = "The smallest rules that let it through here"
    extent = f", with {cure.wider}" if cure.wider else ", and nothing else"
    yield f"{coloured(title, bold=True)}{extent} (tried out on this estate):"
    for nsg, rule in cure.rules:
        for line in as_az_command(nsg, rule).splitlines():
            yield f"  {line}"


def _other_end_lines(verdict: Verdict) -> Iterator[str]:
    step = verdict.decided_by
    how = "nothing stands in the way"
    if step is not None:
        how = f"by {rule_name(step.layer, step.rule)}, {of(step)}" if step.rule else step.note
    if verdict.access == "Unknown":
        how = f"missing: {'; '.join(verdict.missing)}"
    way = verdict.direction.value.lower()
    yield f"At the other end, {way} at {verdict.nic.id.name}: {access_text(verdict.access)} {how}"
