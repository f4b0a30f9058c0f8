"""``flowverdict what-if``: what a change of policy does to recorded flows."""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import click

from flowverdict.cli.arguments import estate_arguments
from flowverdict.cli.changes import change_arguments, read_change
from flowverdict.cli.errors import UNKNOWN
from flowverdict.cli.gap_lines import gap_lines
from flowverdict.cli.lakes import lake_option, shown, told
from flowverdict.cli.period import period_options
from flowverdict.cli.proofs import changed_json, nic_names, said
from flowverdict.cli.questions import read_question
from flowverdict.cli.render import as_json, counted, flow_json, minute, moment, table
from flowverdict.impact.gaps import gaps
from flowverdict.impact.what_if import what_if
from flowverdict.policy import rule_name
from flowverdict.prove.diff import diff
from flowverdict.prove.text import lines as region_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.impact.gaps import Gaps
    from flowverdict.impact.what_if import Change, Unknown, WhatIf
    from flowverdict.policy import Verdict
    from flowverdict.prove.diff import Changed, Diff

_MOST_LINES: Final = 20
_MOST_SETS: Final = 10
_NOTHING: Final = "everything: no flow was recorded in this time"
_HEAD: Final = ("TUPLES", "FIRST SEEN", "LAST SEEN", "FLOW", "AT", "BEFORE", "AFTER")


@click.command("what-if")
@estate_arguments
@change_arguments
@lake_option
@click.option(
    "--accept",
    metavar="SQL",
    help="Which flows are meant to break: a condition over protocol, src_ip, src_port, dst_ip, "
    "dst_port, direction, nic, hits, bytes, first and last. They are told apart.",
)
@period_options
@click.option(
    "--output",
    type=click.Choice(["table", "json", "md"]),
    default="table",
    show_default=True,
    help="A text for people, one JSON object, or a comment for a pull request.",
)
def command(location: str, output: str, accept: str | None, **others: Any) -> None:
    """Tell which recorded flows a change of policy breaks, and which it lets through.

    Each flow is judged by ESTATE and by the changed one, at the ends at which it was recorded; one
    that both ends logged counts once. Return traffic of an allowed flow is not judged anew. Counts
    are recorded tuples. What cannot be judged, and interfaces and hours without a row, are told as
    unknown. Exposed and closed are all packets, recorded or not, that pass now and did not, and the
    other way round.

    Exit code 1 means that a flow breaks that --accept does not name, 3 that none does but a flow
    that could be judged before the change cannot be judged behind it, or that no flow was
    recorded in this time.
    """
    estate, lake, period, options = read_question(location, others)
    changed, how = read_change(estate, others)
    with shown(lake):
        found = told(lambda: what_if(estate, changed, lake, period=period, options=options))
    if accept is not None:
        told(lambda: found.accept(accept))
    missing = told(lambda: list(gaps(changed, lake, period=period)))
    packets = diff(estate, changed, options)
    if output == "json":
        answer = _answer(found, missing, packets)
        if accept is not None:
            answer["accepted"] = [_as_json(one) for one in found.accepts()]
        click.echo(as_json(answer))
    else:
        lines = _markdown if output == "md" else _lines
        for line in lines(found, missing, packets):
            click.echo(line)
        if how:
            click.echo(how, err=True)
    sys.exit(1 if found.broken else UNKNOWN if found.newly_unknown or found.is_empty else 0)


def _answer(found: WhatIf, missing: list[Gaps], packets: Diff) -> dict[str, Any]:
    return {
        "broken": [_as_json(one) for one in found.breaks()],
        "opened": [_as_json(one) for one in found.opens()],
        "exposed": [changed_json(one) for one in packets.changes if one.after.access == "Allow"],
        "closed": [changed_json(one) for one in packets.changes if one.after.access == "Deny"],
        "unknown": [
            *(
                {"missing": text, "flows": one.hits, "new": one.new, "last": moment(one.last)}
                for text, one in _sorted(found)
            ),
            *(
                {"missing": one, "flows": 0, "new": 0, "last": None}
                for one in [_NOTHING] * found.is_empty
            ),
            *({"missing": str(one), "flows": 0, "new": 0, "last": None} for one in missing),
            *({"missing": one, "flows": 0, "new": 0, "last": None} for one in _uncompared(packets)),
        ],
        "unchanged": found.unchanged,
    }


def _as_json(one: Change) -> dict[str, Any]:
    return {
        "flow": {
            **flow_json(one.nic, one.direction, one.packet),
            "bytes": one.bytes,
            "first": moment(one.first),
            "last": moment(one.last),
            "recorded": one.recorded,
        },
        "flows": one.hits,
        "before": one.before.as_json(),
        "after": one.after.as_json(),
    }


def _lines(found: WhatIf, missing: list[Gaps], packets: Diff) -> Iterator[str]:
    yield _sum(found)
    for title, count, changes in _parts(found):
        yield ""
        yield f"{title}: {counted(count, 'flow')}"
        yield from table([_HEAD, *map(_cells, changes)])
        if count > _MOST_LINES:
            yield f"and {count - _MOST_LINES:,} more: --output json has all"
    for title, changes in _sets(packets):
        yield ""
        yield f"{title}: {counted(len(changes), 'set')} of packets, recorded or not"
        yield from (f"  {line}" for line in _some(changes))
    if texts := [*_unknown(found, missing), *_uncompared(packets)]:
        yield ""
        yield "unknown:"
        yield from (f"  {text}" for text in texts)


def _markdown(found: WhatIf, missing: list[Gaps], packets: Diff) -> Iterator[str]:
    yield "### What this change does to recorded flows"
    yield ""
    yield f"{_sum(found)}."
    for title, count, changes in _parts(found):
        yield ""
        yield f"#### {title.capitalize()}: {counted(count, 'flow')}"
        yield ""
        yield f"| {' | '.join(one.capitalize() for one in _HEAD)} |"
        yield "|---:|" + "---|" * (len(_HEAD) - 1)
        for one in changes:
            yield f"| {' | '.join(_escaped(cell) for cell in _cells(one))} |"
        if count > _MOST_LINES:
            yield ""
            yield f"and {count - _MOST_LINES:,} more"
    for title, changes in _sets(packets):
        told_sets = f"{counted(len(changes), 'set')} of packets, recorded or not"
        yield ""
        yield f"#### {title.capitalize()}: {told_sets}"
        yield ""
        yield from (f"* {line}" for line in _some(changes))
    if texts := [*_unknown(found, missing), *_uncompared(packets)]:
        yield ""
        yield "#### Unknown"
        yield ""
        yield from (f"* {text}" for text in texts)


def _sets(packets: Diff) -> Iterator[tuple[str, list[Changed]]]:
    """Yields title and sets of packets, of which there are some."""
    for title, access in (("exposed", "Allow"), ("closed", "Deny")):
        changes = [one for one in packets.changes if one.after.access == access]
        if changes:
            yield title, changes


def _some(changes: list[Changed]) -> Iterator[str]:
    """Yields the first sets of packets: what they are, where, and by which rule."""
    for one in changes[:_MOST_SETS]:
        texts = region_lines(one.packets, one.names)
        more = f" and {len(texts) - 1:,} more such sets" if len(texts) > 1 else ""
        where = f"{one.direction.value.lower()} at {nic_names(one)}"
        yield f"{texts[0]}{more}, {where}: {said(one.after)}"
    if len(changes) > _MOST_SETS:
        yield f"and {len(changes) - _MOST_SETS:,} more: --output json has all"


def _uncompared(packets: Diff) -> Iterator[str]:
    """Yields of which packets it is not known whether they become possible."""
    for one in packets.changes:
        if one.after.access == "Unknown":
            where = f"{one.direction.value.lower()} at {nic_names(one)}"
            yield f"packets {where}, such as {one.packet}: {'; '.join(one.after.missing)}"
    for word, nics in (("the changed estate", packets.added), ("ESTATE", packets.removed)):
        for nic in nics[:_MOST_SETS]:
            yield f"packets at `{nic.id.name}`, which only {word} has, or an address of it"
        if len(nics) > _MOST_SETS:
            yield f"packets at {len(nics) - _MOST_SETS:,} more interfaces that only {word} has"
    yield from packets.limits


def _sum(found: WhatIf) -> str:
    accepted = (
        f" ({found.accepted:,} more {'is' if found.accepted == 1 else 'are'} meant to)"
        if found.accepted
        else ""
    )
    return (
        f"{counted(found.flows, 'flow')}: {found.broken:,} break{accepted}, "
        f"{found.opened:,} newly pass; "
        f"{counted(found.unchanged, 'tuple')} unchanged"
    )


def _parts(found: WhatIf) -> Iterator[tuple[str, int, Iterator[Change]]]:
    """Yields title, count and the first changes of what there is."""
    if found.broken:
        yield "broken", found.broken, found.breaks(_MOST_LINES)
    if found.accepted:
        yield "meant to break", found.accepted, found.accepts(_MOST_LINES)
    if found.opened:
        yield "opened", found.opened, found.opens(_MOST_LINES)


def _cells(one: Change) -> tuple[str, ...]:
    return (
        f"{one.hits:,}",
        minute(one.first),
        minute(one.last),
        str(one.packet),
        f"{one.nic.name} {one.direction.value.lower()}",
        _verdict(one.before) + (f"; logged as {one.recorded}" if one.contradicts_log else ""),
        _verdict(one.after),
    )


def _verdict(one: Verdict) -> str:
    if one.rule is None:
        return one.access
    return f"{one.access} by {rule_name(one.layer, one.rule)} ({one.layer})"


def _unknown(found: WhatIf, missing: list[Gaps]) -> Iterator[str]:
    if found.is_empty:
        yield _NOTHING
    for text, one in islice(_sorted(found), _MOST_LINES):
        line = f"{text}: {counted(one.hits, 'tuple')}, the last at {minute(one.last)}"
        yield f"{line}; {one.new:,} could be judged before" if one.new else line
    if (more := len(found.unknown) - _MOST_LINES) > 0:
        yield f"{more:,} more reasons: --output json has all"
    yield from gap_lines(missing)


def _sorted(found: WhatIf) -> list[tuple[str, Unknown]]:
    return sorted(found.unknown.items(), key=lambda one: (-one[1].hits, one[0]))


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|").replace("*", "\\*")
