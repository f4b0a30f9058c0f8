"""``flowverdict prove``: claims about all packets."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from flowverdict.cli.arguments import estate_options, load, read_options
from flowverdict.cli.errors import UNKNOWN, Refused, show_admin_warnings
from flowverdict.cli.known import Known, gone_json, gone_lines, known_options, noted, tally
from flowverdict.cli.proofs import Proof, answer, decided, failure_finding, missing_finding
from flowverdict.cli.prove_reports import as_junit, as_markdown, as_sarif
from flowverdict.cli.render import as_json, coloured, with_lines
from flowverdict.cli.sarif import first_place
from flowverdict.model import Diagnostic, InputError, Position, Severity
from flowverdict.prove.checker import Checker
from flowverdict.prove.claims import PACKS, described, read_claims, read_pack
from flowverdict.prove.results import FAILS, HOLDS
from flowverdict.prove.results import UNKNOWN as NOT_KNOWN
from flowverdict.prove.selectors import SelectorError
from flowverdict.prove.text import lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from flowverdict.findings import Finding, Review, Reviewed
    from flowverdict.prove.claims import Claim
    from flowverdict.prove.results import Result

T = TypeVar("T")

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
@known_options
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

    Exit code 1 means that a claim fails, 3 that none fails and one cannot be known. What is in the
    baseline or suppressed does not count.
    """
    known = Known.read(others)
    estate, claims = _read(words, packs, values)
    options = read_options(others["settings"], None, assume_deployed=others["assume_deployed"])
    network = load(estate, others["service_tags"], others["internet_tag"])
    gc.freeze()  # the estate stays until the end: no use in looking through it again and again
    show_admin_warnings(network, options)
    proofs, review = _proofs(Checker(network, options), claims, known)
    place = first_place(network, estate)
    reports: dict[str, Callable[[], Iterable[str]]] = {
        "table": lambda: _table(proofs, review),
        "json": lambda: _json_lines(proofs, review),
        "md": lambda: as_markdown(proofs, review),
        "junit": lambda: as_junit(proofs),
        "sarif": lambda: as_sarif(proofs, review, place, known.baseline_file),
    }
    known.tell(reports, output)
    counted = {one.counted for one in proofs}
    sys.exit(1 if FAILS in counted else UNKNOWN if NOT_KNOWN in counted else 0)


def _proofs(checker: Checker, claims: list[Claim], known: Known) -> tuple[list[Proof], Review]:
    """Returns what becomes of claims, with what is known of each finding."""
    found = [
        (
            result,
            [(one.failure, failure_finding(claim, one)) for one in checker.exposures(result)],
            [(what, missing_finding(claim, what)) for what in result.missing],
        )
        for claim in claims
        for result in (_check(checker, claim),)
    ]
    findings = [one for _, *parts in found for part in parts for _, one in part]
    review = known.review("claim", findings, {claim.name for claim in claims})

    def reviewed(part: list[tuple[T, Finding]]) -> list[tuple[T, Reviewed]]:
        every = [(what, review.of(one)) for what, one in part]
        return sorted(every, key=lambda one: one[1].state != "open")

    proofs = [
        Proof(result, reviewed(failures), reviewed(missing)) for result, failures, missing in found
    ]
    return proofs, review


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
    claims = _each_once(claims)
    if not claims:
        raise Refused("no claims: expected a file of invariants (.yaml) behind ESTATE, or --pack")
    if not estate:
        raise Refused("no estate: expected files or folders in front of the invariants")
    return tuple(estate), claims


def _each_once(claims: list[Claim]) -> list[Claim]:
    """Returns claims of which no two have one name, by which their findings are known."""
    found: dict[str, Claim] = {}
    for claim in claims:
        if found.setdefault(claim.name, claim) != claim:
            places = " and ".join(f"{one.where}" for one in (found[claim.name], claim))
            raise Refused(f"claim `{claim.name}` stands in {places}: expected a name for each")
    return list(found.values())


def _check(checker: Checker, claim: Claim) -> Result:
    try:
        return checker.check(claim)
    except SelectorError as problem:
        where = claim.where or Position("")
        what, _, expected = str(problem).partition(": expected ")
        told = f"claim `{claim.name}`: {what}"
        raise InputError((Diagnostic(Severity.ERROR, "selector", where, told, expected),)) from None


def _json_lines(proofs: list[Proof], review: Review) -> Iterator[str]:
    told = {"results": [answer(one) for one in proofs], "gone": gone_json(review)}
    yield as_json(with_lines(told))


def _table(proofs: list[Proof], review: Review) -> Iterator[str]:
    for proof in proofs:
        result = proof.result
        verdict = coloured(f"{result.verdict:<8}", fg=_COLOURS[result.verdict])
        yield f"{verdict} {result.claim.name}  ({result.claim.expect} {described(result.claim)})"
        yield from (f"         {one}" for one in _told(proof))
    counts = {one: sum(1 for proof in proofs if proof.result.verdict == one) for one in _COLOURS}
    yield ""
    yield from gone_lines(review)
    told = ", ".join(f"{count} {one}" for one, count in counts.items())
    yield told + tally(review)


def _told(proof: Proof) -> Iterator[str]:
    for failure, one in proof.failures[:_MOST_NICS]:
        yield noted(f"{failure.nic.id.name}: {failure.packet}, {decided(failure)}", one)
        some = lines(failure.packets, failure.names)
        yield from (f"  {line}" for line in some[:_MOST_LINES])
        if len(some) > _MOST_LINES:
            yield f"  and {len(some) - _MOST_LINES:,} more such sets of packets"
    if len(proof.failures) > _MOST_NICS:
        yield f"and {len(proof.failures) - _MOST_NICS:,} more such findings"
    for what, one in proof.missing[:_MOST_MISSING]:
        yield noted(f"missing: {what}", one)
    if len(proof.missing) > _MOST_MISSING:
        yield f"and {len(proof.missing) - _MOST_MISSING:,} more that are missing"
