"""``flowverdict diff``: which packets get another verdict."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from flowverdict.cli.arguments import estate_options, load, output_argument, read_options
from flowverdict.cli.changes import read_change
from flowverdict.cli.errors import UNKNOWN, Refused, show_admin_warnings
from flowverdict.cli.proofs import changed_json, nic_names, said
from flowverdict.cli.render import access_text, as_json, with_lines
from flowverdict.load import is_plan
from flowverdict.model.words import counted
from flowverdict.prove.diff import diff
from flowverdict.prove.text import lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.prove.diff import Changed, Diff

_MOST_LINES: Final = 5


@click.command("diff")
@click.argument("before", metavar="ESTATE", type=click.Path())
@click.argument("after", metavar="[ESTATE2]", type=click.Path(), required=False)
@estate_options
@click.option(
    "--part/--whole",
    default=None,
    help="Whether ESTATE2 is laid over ESTATE, or stands in its place. Without either it is a part "
    "if it has no network interface, or is a Terraform plan.",
)
@output_argument
def command(before: str, after: str | None, output: str, **others: Any) -> None:
    """Tell which packets get another verdict by ESTATE2 than by ESTATE.

    All packets are compared at every interface that both have, in both directions: that none
    changes is a proof. Interfaces or addresses that only one of them has are told. A Terraform plan
    alone is compared with what was there before it.

    Exit code 1 means that something changes, 3 that a comparison was not finished.
    """
    options = read_options(others["settings"], None, assume_deployed=others["assume_deployed"])
    tags = others["service_tags"], others["internet_tag"]
    if after is None and not is_plan(before):
        load((before,), *tags)  # where it cannot be read, that is what is said
        raise Refused("no ESTATE2: expected another estate, or a Terraform plan, which has both")
    estate = load((before,), *tags, prior=after is None)
    words = {**others, "estate": (before,), "change": (after,) if after else ()}
    changed, how = read_change(estate, words)
    gc.freeze()  # the estates stay until the end: no use in looking through them
    show_admin_warnings(changed, options)
    found = diff(estate, changed, options)
    if output == "json":
        click.echo(as_json(with_lines(_answer(found))))
    else:
        for line in _lines(found):
            click.echo(line)
        if how:
            click.echo(how, err=True)
    changes = found.changes or found.added or found.removed
    sys.exit(1 if changes else UNKNOWN if found.limits else 0)


def _answer(found: Diff) -> dict[str, Any]:
    return {
        "changes": [changed_json(one) for one in found.changes],
        "added": [str(nic.id) for nic in found.added],
        "removed": [str(nic.id) for nic in found.removed],
        "compared": found.compared,
        "limits": found.limits,
    }


def _lines(found: Diff) -> Iterator[str]:
    for one in found.changes:
        yield from _change(one)
        yield ""
    for word, nics in (("only in ESTATE2", found.added), ("only in ESTATE", found.removed)):
        for nic in nics:
            yield f"{word}: {nic.id.name}, or an address of it"
    for text in found.limits:
        yield f"not finished: {text}"
    if found.is_same:
        yield f"no packet gets another verdict at {counted(found.compared, 'interface')}: proven"
    else:
        told = f"{counted(len(found.changes), 'set')} of packets with another verdict"
        yield f"{told} at {counted(found.compared, 'interface')}"


def _change(one: Changed) -> Iterator[str]:
    arrow = f"{access_text(one.before.access)} -> {access_text(one.after.access)}"
    yield f"{arrow}  {one.direction.value.lower()} at {nic_names(one)}"
    some = lines(one.packets, one.names)
    yield from (f"  {line}" for line in some[:_MOST_LINES])
    if len(some) > _MOST_LINES:
        yield f"  and {len(some) - _MOST_LINES:,} more such sets of packets"
    yield f"  such as  {one.packet}"
    yield f"  before   {said(one.before)}"
    yield f"  after    {said(one.after)}"
