"""Results of claims as other tools read them: a comment for a pull request, JUnit, SARIF 2.1.0."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

from flowverdict import __version__
from flowverdict.cli.proofs import decided
from flowverdict.cli.render import as_json
from flowverdict.load import line_and_column
from flowverdict.prove.claims import described
from flowverdict.prove.results import FAILS, HOLDS, UNKNOWN
from flowverdict.prove.text import lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.model import Position
    from flowverdict.prove.results import Failure, Result

_SIGNS: Final = {HOLDS: "✅", FAILS: "❌", UNKNOWN: "❓"}
_LEVELS: Final = {FAILS: "error", UNKNOWN: "warning"}
_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_MOST: Final = 20
_found: Final = cache(line_and_column)


def as_markdown(results: list[Result]) -> Iterator[str]:
    """Yields the lines of a comment for a pull request."""
    failing = sum(1 for one in results if one.verdict == FAILS)
    yield f"### Network claims: {failing} of {len(results)} fail"
    yield ""
    yield "| | claim | at | packet | decided by |"
    yield "|---|---|---|---|---|"
    for result in results:
        sign = _SIGNS[result.verdict]
        name = f"{cell(result.claim.name)}<br>{cell(described(result.claim))}"
        if result.failures:
            for one in result.failures[:_MOST]:
                cells = one.nic.id.name, str(one.packet), decided(one)
                yield f"| {sign} | {name} | {' | '.join(map(cell, cells))} |"
            more = len(result.failures) - _MOST
            if more > 0:
                yield f"| {sign} | {name} | {more:,} more interfaces | | |"
        elif result.missing:
            told = "; ".join(result.missing[:_MOST])
            yield f"| {sign} | {name} | | missing | {cell(told)} |"
        else:
            yield f"| {sign} | {name} | {result.judged:,} interfaces | | |"


def cell(text: str) -> str:
    """Returns a text as a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")


def as_junit(results: list[Result]) -> Iterator[str]:
    """Yields a JUnit report: each claim is a test, what cannot be known an error."""
    suite = ET.Element(
        "testsuite",
        name="flowverdict prove",
        tests=str(len(results)),
        failures=str(sum(1 for one in results if one.verdict == FAILS)),
        errors=str(sum(1 for one in results if one.verdict == UNKNOWN)),
    )
    for result in results:
        case = ET.SubElement(suite, "testcase", classname="prove", name=result.claim.name)
        if result.verdict == FAILS:
            text = "\n".join(_failure_lines(result))
            ET.SubElement(case, "failure", message=text.partition("\n")[0]).text = text
        elif result.verdict == UNKNOWN:
            text = "\n".join(f"missing: {one}" for one in result.missing)
            ET.SubElement(case, "error", message=text.partition("\n")[0]).text = text
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield ET.tostring(suites, encoding="unicode")


def _failure_lines(result: Result) -> Iterator[str]:
    for one in result.failures:
        yield f"{one.nic.id.name}: {one.packet}, {decided(one)}"
        yield from (f"  {line}" for line in lines(one.packets, one.names))


def as_sarif(results: list[Result]) -> Iterator[str]:
    """Yields a SARIF 2.1.0 log: a result for each interface at which a claim fails."""
    rules = [
        {
            "id": result.claim.name,
            "shortDescription": {"text": result.claim.name},
            "fullDescription": {"text": f"{result.claim.expect} {described(result.claim)}"},
        }
        for result in results
    ]
    yield sarif_log(rules, [one for at, result in enumerate(results) for one in _sarif(at, result)])


def sarif_log(rules: list[dict[str, Any]], results: list[dict[str, Any]]) -> str:
    """Returns a SARIF log of one run, given its rules and its results."""
    run = {
        "tool": {"driver": {"name": "flowverdict", "version": __version__, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return as_json({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _sarif(at: int, result: Result) -> Iterator[dict[str, Any]]:
    base = {
        "ruleId": result.claim.name,
        "ruleIndex": at,
        "level": _LEVELS.get(result.verdict, "none"),
    }
    if result.verdict == UNKNOWN:
        text = "cannot be known; missing: " + "; ".join(result.missing[:_MOST])
        yield {**base, "message": {"text": text}, "locations": located(result.claim.where)}
    for one in result.failures:
        text = f"{one.nic.id.name}: {one.packet}, {decided(one)}"
        rule = one.judgement.rule
        where = (rule.where if rule else None) or one.nic.where or result.claim.where
        yield {
            **base,
            "message": {"text": text},
            "locations": located(where),
            "partialFingerprints": {"claim/nic": _fingerprint(one, result)},
        }


def _fingerprint(failure: Failure, result: Result) -> str:
    return f"{result.claim.name}@{str(failure.nic.id).lower()}"


def located(where: Position | None) -> list[dict[str, Any]]:
    """Returns a place as the locations of a SARIF result."""
    if where is None:
        return []
    place: dict[str, Any] = {"artifactLocation": {"uri": where.file.replace("\\", "/")}}
    found = _found(where)
    if found is not None:
        line, column = found
        place["region"] = {"startLine": line, "startColumn": column}
    return [{"physicalLocation": place, "logicalLocations": [{"name": where.path or where.file}]}]
