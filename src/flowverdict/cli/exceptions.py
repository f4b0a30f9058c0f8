"""``flowverdict exceptions``: what keeps the flows that are meant from a wanted admin Deny."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import click

from flowverdict.cli.arguments import estate_arguments
from flowverdict.cli.changes import change_arguments, read_change
from flowverdict.cli.errors import UNKNOWN
from flowverdict.cli.lakes import lake_option, shown, told
from flowverdict.cli.period import period_options
from flowverdict.cli.questions import read_question
from flowverdict.cli.render import as_json, table
from flowverdict.impact.exception_text import as_az, as_resource
from flowverdict.impact.exceptions import exceptions
from flowverdict.model.words import counted
from flowverdict.net import format_ports, protocol_name
from flowverdict.prove.text import few

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.impact.exceptions import Exceptions, Keeper

_HEAD: Final = (
    "PRIORITY",
    "RULE",
    "ACCESS",
    "DIRECTION",
    "PROTOCOL",
    "FROM",
    "TO",
    "PORTS",
    "KEEPS",
)
_MOST: Final = 3
"""Prefixes of a side in the table."""


@click.command("exceptions")
@estate_arguments
@change_arguments
@lake_option
@click.option(
    "--keep",
    required=True,
    metavar="SQL",
    help="Which of the broken flows are meant: a condition over protocol, src_ip, src_port, "
    "dst_ip, dst_port, direction, nic, hits, bytes, first and last. `true` keeps all.",
)
@period_options
@click.option(
    "--output",
    type=click.Choice(["table", "json", "az", "change"]),
    default="table",
    show_default=True,
    help="A text for people, one JSON object, commands of the Azure CLI, or the rules as JSON that "
    "--change reads.",
)
def command(location: str, output: str, keep: str, **others: Any) -> None:
    """Find the fewest admin rules that keep the flows that are meant from a wanted Deny.

    --change has the Deny. Of the recorded flows that it breaks, --keep says which are meant. The
    rules name their addresses and ports, stand in front of the Deny, and allow: the NSGs still
    decide. They always allow only where an NSG would deny.

    That nothing else comes through is proven by replay: every recorded flow is judged by the change
    without the rules and with them.

    Exit code 1 means that a flow that is meant cannot be kept, or that the replay disagrees, 3
    that no flow was recorded in this time.
    """
    estate, lake, period, options = read_question(location, others)
    changed, how = read_change(estate, others)
    with shown(lake):
        found = told(
            lambda: exceptions(estate, changed, lake, keep, period=period, options=options)
        )
    if output == "json":
        click.echo(as_json(_answer(found)))
    elif output == "change":
        click.echo(as_json([as_resource(one.rule) for one in found.rules]))
    else:
        for line in _commands(found) if output == "az" else _lines(found):
            click.echo(line)
    fails = bool(found.lost) or not found.is_proven
    if output in ("az", "change"):
        for line in _summary(found) if fails else _notes(found):
            click.echo(line, err=True)
    if how and output != "json":
        click.echo(how, err=True)
    sys.exit(1 if fails else UNKNOWN if found.replay.is_empty else 0)


def _answer(found: Exceptions) -> dict[str, Any]:
    replay = found.replay
    return {
        "counts": {"broken": found.broken, "meant": found.kept, "kept": found.saved},
        "exceptions": [{"rule": as_resource(one.rule), "keeps": one.keeps} for one in found.rules],
        "atLeast": found.at_least,
        "notKept": [{"why": why, "flows": count} for why, count in sorted(found.lost.items())],
        "notes": found.notes,
        "replay": {
            "flows": replay.flows,
            "opened": replay.opened,
            "broken": replay.broken,
            "newlyUnknown": replay.newly_unknown,
            "mistaken": found.mistaken,
            "holds": found.is_proven,
        },
    }


def _lines(found: Exceptions) -> Iterator[str]:
    summary = list(_summary(found))
    yield summary[0]
    if found.rules:
        yield ""
        yield from table([_HEAD, *map(_cells, found.rules)])
        yield ""
    yield from summary[1:]


def _summary(found: Exceptions) -> Iterator[str]:
    yield (
        f"{counted(found.broken, 'flow')} broken, {found.kept:,} of them meant, "
        f"{found.saved:,} kept by {counted(len(found.rules), 'rule')}{_fewest(found)}"
    )
    for why, count in sorted(found.lost.items()):
        yield f"not kept: {counted(count, 'flow')}: {why}"
    yield from _notes(found)
    replay = found.replay
    says = "nothing else changes" if found.is_proven else "THAT IS NOT WHAT WAS MEANT"
    yield (
        f"replay of {counted(replay.flows, 'flow')}: {replay.opened:,} kept, "
        f"{replay.broken:,} break, {found.broken - replay.opened:,} stay broken: {says}"
    )


def _notes(found: Exceptions) -> Iterator[str]:
    yield from (f"note: {one}" for one in found.notes)


def _fewest(found: Exceptions) -> str:
    if not found.rules or len(found.rules) < found.at_least:
        return ""
    if found.is_smallest:
        return ", the fewest there can be"
    return f"; it takes at least {found.at_least:,}, fewer than there are were not found"


def _cells(one: Keeper) -> tuple[str, ...]:
    rule = one.rule
    return (
        str(rule.priority),
        rule.name,
        rule.access.value,
        rule.direction.value,
        protocol_name(rule.protocols.spans[0][0]),
        few(rule.source.texts, _MOST),
        few(rule.destination.texts, _MOST),
        few(format_ports(rule.destination_ports), _MOST),
        str(one.keeps),
    )


def _commands(found: Exceptions) -> Iterator[str]:
    for one in found.rules:
        yield as_az(one.rule)
