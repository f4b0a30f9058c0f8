"""``flowverdict verify``: one packet, decided."""

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
from flowverdict.cli.errors import UNKNOWN
from flowverdict.cli.render import as_json, verdict_lines, with_lines

if TYPE_CHECKING:
    from flowverdict.policy import Verdict


@click.command("verify")
@estate_arguments
@part_argument
@nic_arguments
@packet_arguments
@output_argument
def command(expect: str | None, output: str, **words: Any) -> None:
    """Tell whether a packet passes a network interface, and which rule decides.

    ESTATE is files and folders with what `az ... list -o json` or Azure Resource Graph print.
    """
    verdict = api.verify(**question(words))
    if output == "json":
        click.echo(as_json(with_lines(verdict.as_json())))
    else:
        for line in verdict_lines(verdict):
            click.echo(line)
    sys.exit(exit_code(verdict, expect))


def exit_code(verdict: Verdict, expect: str | None) -> int:
    """Returns 3 for ``Unknown``, 1 for an expectation that is not met, 0 otherwise."""
    if verdict.access == "Unknown":
        return UNKNOWN
    return int(expect is not None and expect.lower() != verdict.access.lower())
