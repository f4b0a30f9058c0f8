"""``flowverdict rules``: the effective rules of a network interface."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from flowverdict import api
from flowverdict.cli.arguments import (
    estate_arguments,
    load,
    nic_arguments,
    output_argument,
    read_options,
)
from flowverdict.cli.errors import UNKNOWN
from flowverdict.cli.render import access_text, as_json, coloured, table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST_WORDS = 3


@click.command("rules")
@estate_arguments
@nic_arguments
@output_argument
def command(
    estate: tuple[str, ...],
    service_tags: Path | None,
    internet_tag: Path | None,
    settings: tuple[str, ...],
    vm: str | None,
    nic: str | None,
    output: str,
    *,
    assume_deployed: bool,
) -> None:
    """Print the rules of every layer before a network interface, in the order of evaluation.

    With --output json in the shape of Azure's effectiveNetworkSecurityGroups.
    """
    options = read_options(settings, None, assume_deployed=assume_deployed)
    loaded = load(estate, service_tags, internet_tag)
    answer = api.rules(loaded, vm=vm, nic=nic, options=options)
    if output == "json":
        click.echo(as_json(answer))
    else:
        for line in _lines(answer):
            click.echo(line)
    sys.exit(UNKNOWN if answer["missing"] else 0)


def _lines(answer: dict[str, Any]) -> Iterator[str]:
    if not answer["value"]:
        yield "No rules: nothing is attached to the interface or its subnet."
    for entry in answer["value"]:
        kind, target = next(iter(entry["association"].items()))
        name = (
            entry["networkSecurityGroup"]["id"] if entry["networkSecurityGroup"] else target["id"]
        )
        head = f"{name.rpartition('/')[2]}  on {kind} {target['id'].rpartition('/')[2]}"
        yield coloured(head, bold=True)
        yield from table([_HEAD, *(_row(rule) for rule in entry["effectiveSecurityRules"])])
        yield ""
    for title in ("missing", "warnings", "data"):
        for text in answer[title]:
            yield f"{title}: {text}"


_HEAD = ("DIRECTION", "PRIORITY", "ACCESS", "NAME", "PROTOCOL", "SOURCE", "PORTS", "DESTINATION",
         "PORTS")  # fmt: skip


def _row(rule: dict[str, Any]) -> tuple[str, ...]:
    return (
        rule["direction"],
        str(rule["priority"]),
        access_text(rule["access"]),
        rule["name"],
        rule["protocol"],
        _short(rule["sourceAddressPrefixes"]),
        _ports(rule["sourcePortRanges"]),
        _short(rule["destinationAddressPrefixes"]),
        _ports(rule["destinationPortRanges"]),
    )


def _short(words: list[str]) -> str:
    if set(words) == {"0.0.0.0/0"}:
        return "*"
    more = len(words) - _MOST_WORDS
    return ", ".join(words[:_MOST_WORDS]) + (f" +{more}" if more > 0 else "") or "-"


def _ports(ranges: list[str]) -> str:
    if ranges == ["0-65535"]:
        return "*"
    ends = (one.split("-") for one in ranges)
    return _short([low if low == high else f"{low}-{high}" for low, high in ends])
