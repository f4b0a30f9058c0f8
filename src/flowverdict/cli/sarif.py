"""SARIF 2.1.0, as code scanning takes it: each result has a place in a file that is there."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from flowverdict import __version__
from flowverdict.cli.render import as_json
from flowverdict.load import line_and_column
from flowverdict.model import Position

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowverdict.findings import Entry, Review, Reviewed
    from flowverdict.model import Estate

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_FINGERPRINT: Final = "flowverdict/v1"
_found: Final = cache(line_and_column)


def sarif_log(command: str, rules: list[dict[str, Any]], results: list[dict[str, Any]]) -> str:
    """Returns a SARIF log of one run of a command, given its rules and its results.

    Its category is the command's: code scanning takes one run of a tool for each.
    """
    run = {
        "automationDetails": {"id": f"flowverdict-{command}/"},
        "tool": {"driver": {"name": "flowverdict", "version": __version__, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return as_json({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def located(where: Position | None, otherwise: Position) -> list[dict[str, Any]]:
    """Returns a place as the locations of a SARIF result.

    GitHub refuses a whole log if one of its results is nowhere, or its place is no URI.

    Args:
        where: the place; None where there is none.
        otherwise: the place that is told if there is none, or its file is not there.
    """
    if where is None or not Path(where.file).is_file():
        where = otherwise
    line, column = _found(where) or (1, 1)  # GitHub asks for a line; plans of Terraform have none
    place = {
        "artifactLocation": {"uri": _uri(where.file)},
        "region": {"startLine": line, "startColumn": column},
    }
    return [{"physicalLocation": place, "logicalLocations": [{"name": where.path or where.file}]}]


def _uri(file: str) -> str:
    """Returns a path as a URI: relative where that can be, as code scanning wants it."""
    if "://" in file:
        return file
    path = Path(file)
    if path.is_absolute():
        if not path.is_relative_to(Path.cwd()):
            return path.as_uri()
        path = path.relative_to(Path.cwd())
    return quote(path.as_posix().encode("utf-8", "surrogateescape"))


def first_place(estate: Estate, words: Sequence[str]) -> Position:
    """Returns a place that stands for an estate: its first NSG or interface that has one."""
    resources = estate.resources
    every = (*resources.nsgs.values(), *resources.nics.values())
    found = next((one.where for one in every if one.where), None)
    return Position(found.file) if found else Position(words[0])


def known(one: Reviewed) -> dict[str, Any]:
    """Returns what a SARIF result says of a finding besides its text and place."""
    told: dict[str, Any] = {"partialFingerprints": {_FINGERPRINT: one.finding.fingerprint}}
    if one.baseline:
        told["baselineState"] = "unchanged" if one.baseline == "unchanged" else "new"
    if one.suppression:
        justification = f"{one.suppression.reason} (until {one.suppression.end})"
        told["suppressions"] = [_suppressed(justification)]
    return told


def gone(review: Review, indices: dict[str, int], baseline: str) -> list[dict[str, Any]]:
    """Returns results for what is in the baseline and not there any more.

    They count as suppressed: GitHub knows no ``baselineState``, and would open an alert.

    Args:
        review: what was found.
        indices: the number of each rule.
        baseline: the file.
    """
    return [
        {
            "ruleId": one.name,
            "ruleIndex": indices[one.name],
            "level": "none",
            "message": {"text": f"no longer found: {entry_text(one)}"},
            "locations": located(None, Position(baseline)),
            "partialFingerprints": {_FINGERPRINT: one.fingerprint},
            "baselineState": "absent",
            "suppressions": [_suppressed("no longer found")],
        }
        for one in review.gone
    ]


def _suppressed(justification: str) -> dict[str, str]:
    return {"kind": "external", "status": "accepted", "justification": justification}


def entry_text(entry: Entry) -> str:
    """Returns what a finding of a baseline is about, in a few words."""
    about = ", ".join(
        f"{name} {text.rpartition('/')[2] or text}" for name, text in entry.about.items()
    )
    return f"{entry.name} ({about})" if about else entry.name
