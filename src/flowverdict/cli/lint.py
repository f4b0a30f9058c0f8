"""``flowverdict lint``: rules that do nothing, hide something, or break Azure's limits."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import click

from flowverdict.cli.arguments import estate_arguments, load, read_options
from flowverdict.cli.lint_reports import as_markdown, as_sarif
from flowverdict.cli.render import as_json, coloured, counted, packet_json, place_text, with_lines
from flowverdict.prove.lint import CHECKS, Level, lint
from flowverdict.prove.text import lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.prove.lint import Finding, Lint

_LEVELS: Final = tuple(one.name.lower() for one in Level)
_COLOURS: Final = {Level.ERROR: "red", Level.WARNING: "yellow", Level.NOTE: "cyan"}
_MOST_LINES: Final = 3


@click.command("lint")
@estate_arguments
@click.option(
    "--check",
    "only",
    multiple=True,
    type=click.Choice(list(CHECKS)),
    metavar="NAME",
    help="Run this check alone; may be given several times.",
)
@click.option(
    "--skip",
    multiple=True,
    type=click.Choice(list(CHECKS)),
    metavar="NAME",
    help="Leave this check out; may be given several times.",
)
@click.option(
    "--level",
    type=click.Choice(_LEVELS),
    default="warning",
    show_default=True,
    help="The least that is told: a note, a warning or an error.",
)
@click.option(
    "--opens",
    is_flag=True,
    help="Tell too what each NSG rule that allows opens, and no other rule of its NSG does.",
)
@click.option(
    "--output",
    type=click.Choice(["table", "json", "md", "sarif"]),
    default="table",
    show_default=True,
    help="A text for people, one JSON object, a comment for a pull request, or SARIF 2.1.0.",
)
def command(output: str, level: str, **words: Any) -> None:
    """Find rules that do nothing, hide something, or break Azure's limits.

    Each list of rules is looked at as a whole and in its places: behind the admin rules, beside
    the other NSG, before the addresses it is attached to. What is said of a rule is so wherever
    its NSG stands, and proven: where something is missing that could change it, nothing is said.

    Exit code 1 means that a warning or an error is told. Notes do not count.
    """
    options = read_options(words["settings"], None, assume_deployed=words["assume_deployed"])
    estate = load(words["estate"], words["service_tags"], words["internet_tag"])
    gc.freeze()  # the estate stays until the end: no use in looking through it
    found = lint(estate, options)
    least = Level[level.upper()]
    chosen = [one for one in found.findings if _is_chosen(one, words["only"], words["skip"])]
    told = [one for one in chosen if one.level >= least]
    if output == "json":
        answer = _answer(found, told, opens=words["opens"])
        click.echo(as_json(with_lines(answer)))
    else:
        form = {"md": as_markdown, "sarif": as_sarif}.get(output)
        text = form(told) if form else _lines(found, chosen, least, opens=words["opens"])
        for line in text:
            click.echo(line)
    sys.exit(1 if any(one.level > Level.NOTE for one in told) else 0)


def _is_chosen(one: Finding, only: tuple[str, ...], skip: tuple[str, ...]) -> bool:
    return (not only or one.check in only) and one.check not in skip


def _answer(found: Lint, told: list[Finding], *, opens: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "findings": [
            {
                "check": one.check,
                "level": one.level.name.lower(),
                "resource": str(one.resource) if one.resource else None,
                "text": one.text,
                "where": {"file": one.where.file, "path": one.where.path} if one.where else None,
                "others": [str(other) for other in one.others],
                "witness": packet_json(one.packet) if one.packet else None,
            }
            for one in told
        ],
        "rules": found.rules,
    }
    if opens:
        answer["opens"] = [
            {
                "rule": str(one.rule.id),
                "packets": lines(one.packets, one.names),
                "count": one.packets.size,
            }
            for one in found.opened
        ]
    return answer


def _lines(found: Lint, chosen: list[Finding], least: Level, *, opens: bool) -> Iterator[str]:
    for one in chosen:
        if one.level >= least:
            where = f"{place_text(one.where)}: " if one.where else ""
            level = coloured(one.level.name.lower(), fg=_COLOURS[one.level])
            yield f"{where}{level}: {one.text} [{one.check}]"
    if opens:
        yield from _opened(found)
    counts = Counter(one.level for one in chosen)
    said = ", ".join(
        counted(counts[level], level.name.lower()) for level in reversed(Level) if counts[level]
    )
    yield f"{said or 'nothing found'} in {counted(found.rules, 'rule')}"
    hidden = sum(counts[level] for level in Level if level < least)
    if hidden:
        yield f"{counted(hidden, 'finding')} of a lower level not shown: --level note shows them"


def _opened(found: Lint) -> Iterator[str]:
    for one in found.opened:
        some = lines(one.packets, one.names)
        yield f"`{one.rule.name}` of `{one.rule.id.parent.name}` alone opens:"
        yield from (f"  {line}" for line in some[:_MOST_LINES] or ["nothing"])
        if len(some) > _MOST_LINES:
            yield f"  and {len(some) - _MOST_LINES:,} more such sets of packets"
