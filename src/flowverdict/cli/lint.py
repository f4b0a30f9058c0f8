"""``flowverdict lint``: rules that do nothing, hide something, or break Azure's limits."""

from __future__ import annotations

import gc
import re
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import click

from flowverdict.cli.arguments import estate_arguments, load, read_options
from flowverdict.cli.known import (
    Known,
    gone_json,
    gone_lines,
    known_json,
    known_options,
    noted,
    tally,
)
from flowverdict.cli.lint_reports import as_junit, as_markdown, as_sarif
from flowverdict.cli.render import as_json, coloured, packet_json, place_text, with_lines
from flowverdict.cli.sarif import first_place
from flowverdict.findings import Finding
from flowverdict.model.words import counted
from flowverdict.prove.lint import CHECKS, Level, lint
from flowverdict.prove.text import lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from flowverdict.cli.lint_reports import Told
    from flowverdict.findings import Review
    from flowverdict.prove.lint import Finding as Linted
    from flowverdict.prove.lint import Lint

_LEVELS: Final = tuple(one.name.lower() for one in Level)
_COLOURS: Final = {Level.ERROR: "red", Level.WARNING: "yellow", Level.NOTE: "cyan"}
_MOST_LINES: Final = 3
_TOLD_BY_TEXT: Final = ("input", "limit", "near-limit", "not-finished")
"""Checks that may say several things of one resource; of limits the numbers make no difference."""
_NUMBER: Final = re.compile(r"\d[\d,]*")


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
@known_options
def command(output: str, level: str, **words: Any) -> None:
    """Find rules that do nothing, hide something, or break Azure's limits.

    Each list of rules is looked at as a whole and in its places: behind the admin rules, beside
    the other NSG, before the addresses it is attached to. What is said of a rule is so wherever
    its NSG stands, and proven: where something is missing that could change it, nothing is said.

    Exit code 1 means that a warning or an error is told. Notes do not count, nor what is in the
    baseline or suppressed.
    """
    known = Known.read(words)
    options = read_options(words["settings"], None, assume_deployed=words["assume_deployed"])
    estate = load(words["estate"], words["service_tags"], words["internet_tag"])
    gc.freeze()  # the estate stays until the end: no use in looking through it
    found = lint(estate, options, opens=words["opens"])
    least = Level[level.upper()]
    asked = [one for one in CHECKS if _is_chosen(one, words["only"], words["skip"])]
    chosen = [one for one in found.findings if one.check in asked]
    told, review = _known(chosen, least, asked, known)
    place = first_place(estate, words["estate"])
    reports: dict[str, Callable[[], Iterable[str]]] = {
        "table": lambda: _lines(found, chosen, told, review, opens=words["opens"]),
        "json": lambda: _json_lines(found, told, review, opens=words["opens"]),
        "md": lambda: as_markdown(told, review),
        "junit": lambda: as_junit(told, asked),
        "sarif": lambda: as_sarif(told, review, place, known.baseline_file),
    }
    known.tell(reports, output)
    counted_ones = [one for one, known_of in told if known_of.state == "open"]
    sys.exit(1 if any(one.level > Level.NOTE for one in counted_ones) else 0)


def _is_chosen(check: str, only: tuple[str, ...], skip: tuple[str, ...]) -> bool:
    return (not only or check in only) and check not in skip


def _known(
    chosen: list[Linted], least: Level, asked: list[str], known: Known
) -> tuple[list[Told], Review]:
    """Returns the findings that are told with what is known of each, those that count first."""
    findings = {id(one): _finding(one) for one in chosen}
    review = known.review("check", list(findings.values()), asked)
    told = [(one, review.of(findings[id(one)])) for one in chosen if one.level >= least]
    return sorted(told, key=lambda one: one[1].state != "open"), review


def _finding(one: Linted) -> Finding:
    """Returns what makes a finding the same one in another run."""
    about = {"resource": str(one.resource or one.where)}
    if one.others:
        about["others"] = ", ".join(map(str, sorted(one.others)))
    if one.check in _TOLD_BY_TEXT:
        about["text"] = _NUMBER.sub("…", one.text) if "limit" in one.check else one.text
    return Finding("check", one.check, about)


def _json_lines(found: Lint, told: list[Told], review: Review, *, opens: bool) -> Iterator[str]:
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
                **known_json(known_of),
            }
            for one, known_of in told
        ],
        "rules": found.rules,
        "gone": gone_json(review),
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
    yield as_json(with_lines(answer))


def _lines(
    found: Lint, chosen: list[Linted], told: list[Told], review: Review, *, opens: bool
) -> Iterator[str]:
    for one, known_of in told:
        where = f"{place_text(one.where)}: " if one.where else ""
        level = coloured(one.level.name.lower(), fg=_COLOURS[one.level])
        yield noted(f"{where}{level}: {one.text} [{one.check}]", known_of)
    if opens:
        yield from _opened(found)
    yield from gone_lines(review)
    counts = Counter(one.level for one in chosen)
    said = ", ".join(
        counted(counts[level], level.name.lower()) for level in reversed(Level) if counts[level]
    )
    yield f"{said or 'nothing found'} in {counted(found.rules, 'rule')}{tally(review)}"
    hidden = len(chosen) - len(told)
    if hidden:
        yield f"{counted(hidden, 'finding')} of a lower level not shown: --level note shows them"


def _opened(found: Lint) -> Iterator[str]:
    for one in found.opened:
        some = lines(one.packets, one.names)
        yield f"`{one.rule.name}` of `{one.rule.id.parent.name}` alone opens:"
        yield from (f"  {line}" for line in some[:_MOST_LINES] or ["nothing"])
        if len(some) > _MOST_LINES:
            yield f"  and {len(some) - _MOST_LINES:,} more such sets of packets"
