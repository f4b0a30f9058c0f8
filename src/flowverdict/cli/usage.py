"""``flowverdict usage``: which rules recorded flows used, and what of them nothing used."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import click

from flowverdict.cli.arguments import estate_arguments, output_argument
from flowverdict.cli.errors import UNKNOWN
from flowverdict.cli.lakes import lake_option, told
from flowverdict.cli.period import period_options
from flowverdict.cli.questions import read_question
from flowverdict.cli.render import as_json, minute, table
from flowverdict.impact.usage import narrowed, usage
from flowverdict.impact.usage_text import as_arm, as_az, as_terraform
from flowverdict.model.words import moment
from flowverdict.policy import rule_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.impact.usage import Hits, Usage
    from flowverdict.model import ResourceId, Rule

_MOST_LINES: Final = 10


@click.command("usage")
@estate_arguments
@lake_option
@period_options
@click.option(
    "--narrow",
    type=click.Choice(["az", "arm", "terraform"]),
    help="Print, instead of the table, the narrowed rules in this language.",
)
@output_argument
def command(location: str, output: str, narrow: str | None, **others: Any) -> None:
    """Tell which rules recorded flows used, and what of them nothing used.

    A rule is used at a layer where it matches a recorded flow that comes there, by the rules of
    ESTATE as they are: whether it decides, or lets the next layer see the flow. HITS are recorded
    rows. Rules without hits stand at the end of each layer.

    A narrowed rule is an Allow of an NSG that still matches every recorded flow that it matched,
    and little else. What was not recorded it does not know: a job that runs once a quarter is not
    in the log of a day.

    Exit code 3 means that not one row could be judged.
    """
    estate, lake, period, options = read_question(location, others)
    found = told(lambda: usage(estate, lake, period=period, options=options))
    if output == "json":
        click.echo(as_json(_answer(found)))
    else:
        for line in _narrow_lines(found, narrow) if narrow else _lines(found):
            click.echo(line)
        for line in _unknown_lines(found):
            click.echo(line, err=True)
    sys.exit(UNKNOWN if found.rows and found.unknown.total() >= found.rows else 0)


def _answer(found: Usage) -> dict[str, Any]:
    smaller = {old.id: (nsg, old, new) for nsg, old, new in narrowed(found)}
    return {
        "rows": found.rows,
        "rules": [_rule(found, one, smaller.get(one.rule.id)) for one in _sorted(found)],
        "unattached": [str(one) for one in found.unattached],
        "unknown": [{"missing": text, "rows": rows} for text, rows in found.unknown.most_common()],
    }


def _rule(found: Usage, one: Hits, smaller: tuple[ResourceId, Rule, Rule] | None) -> dict[str, Any]:
    used = found.used.get(one.rule.id)
    return {
        "layer": one.layer,
        "ruleName": rule_name(one.layer, one.rule),
        "ruleId": str(one.rule.id),
        "resource": str(one.resource) if one.resource else None,
        "access": one.rule.access.value,
        "hits": one.hits,
        "deciding": one.deciding,
        "bytes": one.bytes,
        "last": moment(one.last) if one.last else None,
        "unused": used.unused if used else None,
        "narrowed": smaller
        and {
            "az": as_az(*smaller),
            "arm": as_arm(smaller[2]),
            "terraform": as_terraform(smaller[0], smaller[2]),
        },
    }


def _lines(found: Usage) -> Iterator[str]:
    head = ("LAYER", "OF", "RULE", "ACCESS", "HITS", "BYTES", "LAST HIT", "NOTHING USED")
    rows: list[tuple[str, ...]] = [head]
    for one in _sorted(found):
        used = found.used.get(one.rule.id)
        rows.append(
            (
                one.layer,
                one.resource.name if one.resource else "-",
                rule_name(one.layer, one.rule),
                one.rule.access.value,
                f"{one.hits:,}",
                f"{one.bytes:,}",
                minute(one.last) if one.last else "never",
                ", ".join(used.unused) if used and not one.rule.is_default else "",
            )
        )
    yield from table(rows)
    if count := sum(1 for _ in narrowed(found)):
        yield ""
        yield f"{count:,} rules could be narrower: --narrow az, arm or terraform prints them"
    if found.unattached:
        yield ""
        yield f"attached to nothing: {', '.join(one.name for one in found.unattached)}"


def _narrow_lines(found: Usage, language: str) -> Iterator[str]:
    rules = list(narrowed(found))
    if language == "arm":
        yield as_json({str(old.id): as_arm(new) for _, old, new in rules})
        return
    for nsg, old, new in rules:
        yield as_az(nsg, old, new) if language == "az" else as_terraform(nsg, new)


def _unknown_lines(found: Usage) -> Iterator[str]:
    yield f"{found.rows:,} rows, of which {found.unknown.total():,} could not be judged"
    for text, rows in found.unknown.most_common(_MOST_LINES):
        yield f"unknown, {rows:,} rows: {text}"
    if (more := len(found.unknown) - _MOST_LINES) > 0:
        yield f"unknown for {more:,} more reasons: --output json has all"


def _sorted(found: Usage) -> list[Hits]:
    """Returns rules by layer, those with most hits first."""
    order = {"admin": 0, "subnet": 1, "nic": 2}
    return sorted(found.rules.values(), key=lambda one: (order[one.layer], -one.hits, one.rule.id))
