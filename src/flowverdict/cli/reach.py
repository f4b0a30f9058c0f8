"""``flowverdict reach``: who can talk to whom, and on what."""

from __future__ import annotations

import gc
import sys
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import click

from flowverdict.cli.arguments import estate_arguments, load, read_options
from flowverdict.cli.errors import UNKNOWN, Refused, show_admin_warnings
from flowverdict.cli.render import as_json, cell, counted, table
from flowverdict.prove.reach import BY, Reach
from flowverdict.prove.selectors import SelectorError
from flowverdict.prove.text import lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.prove.reach import Cell, Group

_MOST_COLUMNS: Final = 6
_MOST_MISSING: Final = 5


@click.command("reach")
@estate_arguments
@click.option(
    "--by",
    type=click.Choice(BY),
    default="subnet",
    show_default=True,
    help="What interfaces are put together by; `group` is a network group.",
)
@click.option(
    "--from",
    "sources",
    multiple=True,
    metavar="WORD",
    help="Who sends, instead of every group and the internet: a word as in the `from` of a claim. "
    "May be given several times.",
)
@click.option(
    "--to",
    "targets",
    multiple=True,
    metavar="WORD",
    help="Who receives, likewise.",
)
@click.option(
    "--blast",
    metavar="WORD",
    help="Tell instead whom these interfaces reach, whom those reach, and so on.",
)
@click.option(
    "--output",
    type=click.Choice(["table", "json", "md"]),
    default="table",
    show_default=True,
    help="A text for people, one JSON object, or a Markdown table.",
)
def command(by: str, output: str, **words: Any) -> None:
    """Tell who can talk to whom, and on what: all packets, by the rules at both ends.

    `TCP 443` means that every interface of the one group reaches every one of the other on it,
    `TCP 443 (some)` that some do, or from some ports. Whether routes lead there is not asked, but
    for private endpoints: nothing leads there from the internet.

    Exit code 3 means that something is not known; it is told as `perhaps`.
    """
    options = read_options(words["settings"], None, assume_deployed=words["assume_deployed"])
    blast: str | None = words["blast"]
    if blast is not None and (words["sources"] or words["targets"]):
        raise Refused("--blast stands alone: expected it without --from and --to")
    estate = load(words["estate"], words["service_tags"], words["internet_tag"])
    show_admin_warnings(estate, options)
    gc.freeze()  # the estate stays until the end: no use in looking through it
    reach = Reach(estate, options)
    try:
        if blast is not None:
            start = reach.chosen(blast)
            if start.is_outside:
                raise Refused(f"--blast `{start.name}`: no interface has such an address")
            answer, told = _blast(reach, start)
        else:
            sources, targets = (_groups(reach, by, words[side]) for side in ("sources", "targets"))
            cells = list(reach.cells(sources, targets))
            if not cells:
                raise Refused("--from and --to: expected interfaces of the estate at one end")
            answer, told = _matrix(cells), list(_shown(cells, targets, markdown=output == "md"))
    except SelectorError as problem:
        raise Refused(str(problem)) from None
    answer |= {"missing": list(reach.missing), "limits": reach.limits}
    click.echo(as_json(answer) if output == "json" else "\n".join(told))
    for text in (*list(reach.missing)[:_MOST_MISSING], *reach.limits):
        if output != "json":
            click.echo(f"not known without: {text}", err=True)
    sys.exit(UNKNOWN if reach.missing or reach.limits else 0)


def _groups(reach: Reach, by: str, words: tuple[str, ...]) -> list[Group]:
    if words:
        return [reach.chosen(word) for word in words]
    groups = reach.groups(by)
    if not groups:
        raise Refused(f"--by {by}: no interface of the estate is in one")
    return [*groups, reach.internet]


def _matrix(cells: list[Cell]) -> dict[str, Any]:
    return {
        "cells": [
            {
                "from": one.source.name,
                "to": one.target.name,
                "services": one.services,
                "whole": one.is_whole,
                "perhaps": one.unsure,
                "packets": lines(one.passing),
            }
            for one in cells
        ]
    }


def _text(cell: Cell) -> str:
    text = cell.services
    if cell.is_open and not cell.is_whole:
        text += " (some)"
    return text if cell.unsure == "-" else f"{text}, perhaps {cell.unsure}"


def _shown(cells: list[Cell], targets: list[Group], *, markdown: bool) -> Iterator[str]:
    rows = [(name, list(some)) for name, some in groupby(cells, lambda one: one.source.name)]
    if markdown or len(targets) <= _MOST_COLUMNS:
        head = ["from \\ to", *(one.name for one in targets)]
        body = [[name, *_aligned(some, targets)] for name, some in rows]
        yield from _markdown(head, body) if markdown else table([head, *body])
        return
    for name, some in rows:
        yield name
        passing = [one for one in some if one.is_possible]
        yield from table([[f"  to {one.target.name}", _text(one)] for one in passing] or [["  -"]])


def _markdown(head: list[str], body: list[list[str]]) -> Iterator[str]:
    for row in (head, *body):
        yield f"| {' | '.join(map(cell, row))} |"
        if row is head:
            yield "|---" * len(head) + "|"


def _aligned(some: list[Cell], targets: list[Group]) -> Iterator[str]:
    by_target = {id(one.target): one for one in some}
    for target in targets:
        yield _text(by_target[id(target)]) if id(target) in by_target else ""


def _blast(reach: Reach, start: Group) -> tuple[dict[str, Any], list[str]]:
    hops: list[dict[str, Any]] = []
    told: list[str] = []
    for at, some in enumerate(reach.blast(start), 1):
        told.append(f"{counted(len(some), 'interface')} in {counted(at, 'step')}")
        told += table([[f"  {nic.id.name}", cell.services] for nic, cell in some])
        hops += [{"nic": str(nic.id), "steps": at, "services": cell.services} for nic, cell in some]
    return {"from": start.name, "reached": hops}, told or ["no interface is reached"]
