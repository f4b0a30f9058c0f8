"""Cures as JSON, and in a sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flowverdict.impact.cause import moment
from flowverdict.impact.cure_edit import fragment
from flowverdict.impact.cure_text import as_az, as_hcl, as_template
from flowverdict.net import ALL_PROTOCOLS, format_ports, protocol_name
from flowverdict.policy import rule_name
from flowverdict.prove.text import few

if TYPE_CHECKING:
    from flowverdict.impact.cure import Alternative, Cure
    from flowverdict.impact.cure_edit import Edit
    from flowverdict.impact.cure_effect import Effect
    from flowverdict.impact.what_if import Change
    from flowverdict.model import Rule

MOST_FLOWS: Final = 5
"""Broken flows that are told one by one."""
_MOST_TEXTS: Final = 3
_NOTHING: Final[dict[str, Any]] = dict.fromkeys(
    ("kind", "what", "az", "arm", "terraform", "fragment", "effect")
)


def cure_json(cure: Cure) -> dict[str, Any]:
    """Returns a cure as it stands beside ``decided_by``: the recommended one, and the others."""
    best = cure.recommended
    told = [_alternative(cure, one) for one in cure.alternatives]
    return {
        **(told[0] if told else {**_NOTHING, "notes": []}),
        "why": why(best) if best else cure.why,
        "alternatives": told[1:],
        "refused": [{"kind": kind, "why": text} for kind, text in cure.refused.items()],
        "advice": [one.as_json() for one in cure.advice],
    }


def _alternative(cure: Cure, one: Alternative) -> dict[str, Any]:
    estate = cure.estate
    assert estate is not None
    return {
        "kind": one.kind,
        "what": what(one),
        "why": why(one),
        "az": as_az(one.edits, one.regions),
        "arm": as_template(estate, one.edits),
        "terraform": as_hcl(one.edits),
        "fragment": fragment(estate, one.edits),
        "effect": effect_json(one.effect),
        "notes": list(one.notes),
    }


def effect_json(of: Effect) -> dict[str, Any]:
    """Returns what an alternative does to recorded flows."""
    since, until = of.period.since, of.period.until
    return {
        "stopped": of.stopped,
        "broken": of.broken,
        "newlyUnknown": of.newly_unknown,
        "judged": of.flows,
        "since": moment(since) if since else None,
        "until": moment(until) if until else None,
        "flows": [_flow(one) for one in of.first[:MOST_FLOWS]],
    }


def _flow(one: Change) -> dict[str, Any]:
    return {
        "nic": str(one.nic),
        "direction": one.direction.value,
        "packet": str(one.packet),
        "tuples": one.hits,
        "last": moment(one.last),
        "deniedBy": rule_name(one.after.layer, one.after.rule) if one.after.rule else None,
    }


def what(one: Alternative) -> str:
    """Says what is done, in a sentence."""
    return "; ".join(_edit(edit) for edit in one.edits)


def _edit(edit: Edit) -> str:
    rule, owner = edit.rule, f"`{edit.owner.name}`"
    if edit.new is None:
        return f"take `{rule.name}` ({rule.priority}) out of {owner}"
    if edit.old is not None:
        return f"narrow `{rule.name}` ({rule.priority}) of {owner} to {_match(rule)}"
    where = f"priority {rule.priority} of {owner}"
    if edit.is_admin:
        where = f"priority {rule.priority} of {owner}, `{edit.owner.parent.parent.name}`"
    return f"deny {_match(rule)} {rule.direction.value.lower()} at {where}"


def _match(rule: Rule) -> str:
    protocol = "everything"
    if rule.protocols != ALL_PROTOCOLS:
        protocol = protocol_name(rule.protocols.spans[0][0])
    ports = format_ports(rule.destination_ports)
    port = "" if ports == ["*"] else f" {few(ports, _MOST_TEXTS)}"
    source, destination = (
        few([*side.texts, *(one.name for one in side.asgs)], _MOST_TEXTS)
        for side in (rule.source, rule.destination)
    )
    return f"{protocol}{port} from {source} to {destination}"


def why(one: Alternative) -> str:
    """Says what it does to recorded flows, in a sentence."""
    of = one.effect
    days = ""
    if of.period.until:
        span = "day" if of.days == 1 else f"{of.days:,} days"
        days = f" in the {span} to {of.period.until:%Y-%m-%d}"
    stops = f"stops {_counted(of.stopped, 'flow')} of theirs"
    if of.broken:
        return f"{stops} and {_counted(of.broken, 'flow')} of others{days}"
    return f"{stops} and none of others{days}"


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
