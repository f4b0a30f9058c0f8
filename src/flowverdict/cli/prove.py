"""``flowverdict prove``: claims about all packets."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from flowverdict.cli.arguments import estate_options, load, read_options
from flowverdict.cli.errors import UNKNOWN, Refused
from flowverdict.cli.proofs import answer, decided
from flowverdict.cli.prove_reports import as_junit, as_markdown, as_sarif
from flowverdict.cli.render import as_json, coloured, with_lines
from flowverdict.model import Diagnostic, InputError, Position, Severity
from flowverdict.prove.checker import Checker
from flowverdict.prove.claims import PACKS, described, read_claims, read_pack
from flowverdict.prove.results import FAILS, HOLDS
from flowverdict.prove.results import UNKNOWN as NOT_KNOWN
from flowverdict.prove.selectors import SelectorError
from flowverdict.prove.text import lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.prove.claims import Claim
    from flowverdict.prove.results import Result

_INVARIANTS: Final = (".yaml", ".yml")
_MOST_NICS: Final = 5
_MOST_LINES: Final = 3
_MOST_MISSING: Final = 10
_COLOURS: Final = {HOLDS: "green", FAILS: "red", NOT_KNOWN: "yellow"}


@click.command("prove")
@click.argument("words", metavar="ESTATE... [INVARIANTS.yaml]", nargs=-1, required=True)
@estate_options
@click.option(
    "--pack",
    "packs",
    type=click.Choice(PACKS),
    multiple=True,
    help="Claims that come with FlowVerdict.",
)
@click.option(
    "--set",
    "values",
    metavar="NAME=WORD[,WORD]",
    multiple=True,
    help="Who is meant by a name in a pack, such as database=asg:db.",
)
@click.option(
    "--output",
    type=click.Choice(["table", "json", "md", "junit", "sarif"]),
    default="table",
    show_default=True,
    help="A text for people, one JSON object, a comment for a pull request, or a report that "
    "pipelines read.",
)
def command(
    words: tuple[str, ...],
    packs: tuple[str, ...],
    values: tuple[str, ...],
    output: str,
    **others: Any,
) -> None:
    """Prove claims about all packets, or show a packet that breaks them.

    INVARIANTS is a YAML list of claims: each with a name, an expectation (deny, allow, not-all,
    only or only-via), a direction or none for end to end, from, to, protocol and ports.

    Exit code 1 means that a claim fails, 3 that none fails and one cannot be known.
    """
    estate, claims = _read(words, packs, values)
    options = read_options(others["settings"], None, assume_deployed=others["assume_deployed"])
    network = load(estate, others["service_tags"], others["internet_tag"])
    gc.freeze()  # the estate stays until the end: no use in looking through it again and again
    checker = Checker(network, options)
    results = [_check(checker, claim) for claim in claims]
    click.echo("\n".join(_REPORTS[output](results)))
    verdicts = {one.verdict for one in results}
    sys.exit(1 if FAILS in verdicts else UNKNOWN if NOT_KNOWN in verdicts else 0)


def _read(
    words: tuple[str, ...], packs: tuple[str, ...], values: tuple[str, ...]
) -> tuple[tuple[str, ...], list[Claim]]:
    """Returns the estate, and the claims of the file and of the packs."""
    claims: list[Claim] = []
    if Path(words[-1]).suffix.lower() in _INVARIANTS:
        *estate, invariants = words
        claims += read_claims(Path(invariants))
    else:
        estate = list(words)
    given: dict[str, list[str]] = {}
    for one in values:
        name, equals, some = one.partition("=")
        if not (equals and name and some):
            raise Refused(f"--set `{one}`: expected NAME=WORD, such as database=asg:db")
        given.setdefault(name, []).extend(some.split(","))
    for pack in packs:
        claims += read_pack(pack, given)
    if not claims:
        raise Refused("no claims: expected a file of invariants (.yaml) behind ESTATE, or --pack")
    if not estate:
        raise Refused("no estate: expected files or folders in front of the invariants")
    return tuple(estate), claims


def _check(checker: Checker, claim: Claim) -> Result:
    try:
        return checker.check(claim)
    except SelectorError as problem:
        where = claim.where or Position("")
        what, _, expected = str(problem).partition(": expected ")
        told = f"claim `{claim.name}`: {what}"
        raise InputError((Diagnostic(Severity.ERROR, "selector", where, told, expected),)) from None


def _json_lines(results: list[Result]) -> Iterator[str]:
    yield as_json(with_lines({"results": [answer(one) for one in results]}))


def _table(results: list[Result]) -> Iterator[str]:
    for result in results:
        verdict = coloured(f"{result.verdict:<8}", fg=_COLOURS[result.verdict])
        yield f"{verdict} {result.claim.name}  ({result.claim.expect} {described(result.claim)})"
        yield from (f"         {one}" for one in _told(result))
    counts = {one: sum(1 for r in results if r.verdict == one) for one in _COLOURS}
    yield ""
    yield ", ".join(f"{count} {one}" for one, count in counts.items())


def _told(result: Result) -> Iterator[str]:
    for failure in result.failures[:_MOST_NICS]:
        yield f"{failure.nic.id.name}: {failure.packet}, {decided(failure)}"
        some = lines(failure.packets, failure.names)
        yield from (f"  {one}" for one in some[:_MOST_LINES])
        if len(some) > _MOST_LINES:
            yield f"  and {len(some) - _MOST_LINES:,} more such sets of packets"
    if len(result.failures) > _MOST_NICS:
        yield f"and at {len(result.failures) - _MOST_NICS:,} more interfaces"
    for what in result.missing[:_MOST_MISSING]:
        yield f"missing: {what}"
    if len(result.missing) > _MOST_MISSING:
        yield f"and {len(result.missing) - _MOST_MISSING:,} more that are missing"


_REPORTS: Final = {
    "table": _table,
    "json": _json_lines,
    "md": as_markdown,
    "junit": as_junit,
    "sarif": as_sarif,
}
