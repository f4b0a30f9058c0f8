"""``flowverdict explain``: the verdict on one packet, told to a person."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from flowverdict import api
from flowverdict.cli.arguments import (
    estate_arguments,
    nic_arguments,
    output_argument,
    packet_arguments,
    part_argument,
    question,
)
from flowverdict.cli.gates import explanation_lines
from flowverdict.cli.render import as_json, with_lines
from flowverdict.cli.verify import exit_code
from flowverdict.policy import as_az_command

if TYPE_CHECKING:
    from flowverdict.policy import Cure, Explanation, Gate


@click.command("explain")
@estate_arguments
@part_argument
@nic_arguments
@packet_arguments
@output_argument
def command(expect: str | None, output: str, **words: Any) -> None:
    """Tell why a packet passes or not: each layer, what nearly matched, and what would help.

    Takes the arguments of `verify`.
    """
    told = api.explain(**question(words))
    if output == "json":
        click.echo(as_json(with_lines(_json(told))))
    else:
        for line in explanation_lines(told):
            click.echo(line)
    sys.exit(exit_code(told.verdict, expect))


def _json(told: Explanation) -> dict[str, Any]:
    """Returns the verdict with ``gates``, ``cure`` and ``otherEnd``."""
    return {
        **told.verdict.as_json(),
        "gates": [_gate_json(gate) for gate in told.gates],
        "cure": _cure_json(told.cure) if told.cure else None,
        "otherEnd": told.other_end.as_json() if told.other_end else None,
    }


def _gate_json(gate: Gate) -> dict[str, Any]:
    return {
        "layer": gate.step.layer,
        "rules": gate.rules,
        "reasons": list(gate.reasons),
        "nearlyMatched": [
            {"ruleId": str(one.rule.id), "missedOn": one.field, "why": one.why}
            for one in gate.nearly
        ],
        "tooLate": [str(rule.id) for rule in gate.too_late],
        "mayMatch": [str(rule.id) for rule in gate.doubtful],
    }


def _cure_json(cure: Cure) -> dict[str, Any]:
    return {
        "rules": [
            {
                "networkSecurityGroup": str(nsg.id),
                "name": rule.name,
                "priority": rule.priority,
                "command": as_az_command(nsg, rule),
            }
            for nsg, rule in cure.rules
        ],
        "reason": cure.reason or None,
        "wider": cure.wider or None,
    }
