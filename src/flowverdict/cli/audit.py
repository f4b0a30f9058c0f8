"""``flowverdict audit``: what flow logs say was decided, held against the rules."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import click

from flowverdict.cli.arguments import estate_arguments, output_argument
from flowverdict.cli.errors import UNKNOWN
from flowverdict.cli.gap_lines import gap_lines
from flowverdict.cli.lakes import lake_option, shown, told
from flowverdict.cli.period import period_options
from flowverdict.cli.questions import read_question
from flowverdict.cli.render import as_json, flow_json, minute, table
from flowverdict.impact.audit import audit
from flowverdict.impact.audit_causes import (
    BOTH_ALLOW,
    DISAGREEMENTS,
    ENCRYPTION,
    NO_RULE_LOGGED,
    OTHER_DECISION,
    OTHER_RULE,
    PLATFORM,
    RULE_MISSING,
    STALE_GROUP,
    decision_text,
)
from flowverdict.impact.gaps import gaps
from flowverdict.model.words import counted, moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.impact.audit_findings import Audit, Finding
    from flowverdict.impact.gaps import Gaps

_MOST_LINES: Final = 20
_HEAD: Final = ("TUPLES", "FIRST SEEN", "LAST SEEN", "AT", "RECORDED", "COMPUTED", "WHY")
_TITLES: Final = {
    OTHER_DECISION: "another decision",
    RULE_MISSING: "decided by a rule that the estate lacks",
    STALE_GROUP: "decided by a network group whose addresses were frozen at a commit",
    OTHER_RULE: "the same decision by another rule",
    BOTH_ALLOW: "agree: several have to allow, and Azure logs one of them",
    NO_RULE_LOGGED: "agree in the decision: the log names no rule",
    PLATFORM: "not compared: decided by the platform",
    ENCRYPTION: "not compared: decided by a demand for encryption",
}


@click.command("audit")
@estate_arguments
@lake_option
@period_options
@output_argument
def command(location: str, output: str, **others: Any) -> None:
    """Tell how far flow logs agree with the rules, and explain where they do not.

    Every recorded tuple is judged by ESTATE at the interface that recorded it, and the decision and
    the rule are compared with those of the log. The per cent are of the tuples that could be
    compared. Where flows agree in another part of the time, the answer says until when, or since
    when: the rules were edited then.

    Rows that the platform or a demand for encryption decided are counted apart. Return traffic,
    interfaces that the estate lacks, missing facts, and interfaces and hours without a row are told
    as unknown.

    Exit code 1 means that a tuple disagrees, 3 that not one could be compared.
    """
    estate, lake, period, options = read_question(location, others)
    with shown(lake):
        found = told(lambda: audit(estate, lake, period=period, options=options))
    missing = told(lambda: list(gaps(estate, lake, period=period)))
    if output == "json":
        click.echo(as_json(_answer(found, missing)))
    else:
        for line in _lines(found, missing):
            click.echo(line)
    sys.exit(1 if found.disagreed else 0 if found.judged else UNKNOWN)


def _answer(found: Audit, missing: list[Gaps]) -> dict[str, Any]:
    return {
        "rows": found.rows,
        "agreement": found.agreement,
        "agreed": found.agreed,
        "disagreed": found.disagreed,
        "disagreements": [_as_json(one) for one in found.of_kind(*DISAGREEMENTS)],
        "explained": [_as_json(one) for one in found.of_kind(BOTH_ALLOW, NO_RULE_LOGGED)],
        "withoutRule": [_as_json(one) for one in found.of_kind(PLATFORM, ENCRYPTION)],
        "unknown": [
            *({"missing": text, "rows": rows} for text, rows in found.unknown.most_common()),
            *({"missing": str(one), "rows": 0} for one in missing),
        ],
    }


def _as_json(one: Finding) -> dict[str, Any]:
    said, verdict = one.key.said, one.verdict
    return {
        "kind": one.key.kind,
        "why": one.key.why,
        "rows": one.hits,
        "flows": one.flows,
        "first": moment(one.first),
        "last": moment(one.last),
        "agreedUntil": one.agreed_until and moment(one.agreed_until),
        "agreedSince": one.agreed_since and moment(one.agreed_since),
        "nics": sorted(map(str, one.nics)),
        "recorded": {
            "access": said.access,
            "rule": said.rule,
            "ruleKind": said.rule_kind,
            "acl": said.acl,
        },
        "computed": verdict.as_json() if verdict else None,
        "flow": verdict and flow_json(verdict.nic.id, verdict.direction, verdict.packet),
    }


def _lines(found: Audit, missing: list[Gaps]) -> Iterator[str]:
    yield _sum(found)
    for kind, title in _TITLES.items():
        findings = found.of_kind(kind)
        if not findings:
            continue
        yield ""
        yield f"{title}: {counted(found.kinds[kind], 'tuple')}"
        if kind in (PLATFORM, ENCRYPTION):
            for one in findings:
                yield f"  {counted(one.hits, 'tuple')} {_ended(one)}, {_times(one)}"
            continue
        yield from table([_HEAD, *map(_cells, findings[:_MOST_LINES])])
        if len(findings) > _MOST_LINES:
            yield f"and {len(findings) - _MOST_LINES:,} more lines: --output json has all"
    if found.unknown or missing:
        yield ""
        yield "unknown:"
        for text, rows in found.unknown.most_common(_MOST_LINES):
            yield f"  {text}: {counted(rows, 'tuple')}"
        if (more := len(found.unknown) - _MOST_LINES) > 0:
            yield f"  {more:,} more reasons: --output json has all"
        for line in gap_lines(missing):
            yield f"  {line}"


def _sum(found: Audit) -> str:
    if found.agreement is None:
        return f"{counted(found.rows, 'tuple')}, of which none can be compared"
    judged = f"{found.agreement:.2f} % of {counted(found.judged, 'tuple')} agree with the rules"
    others = f", {found.disagreed:,} do not" if found.disagreed else ""
    rest = found.rows - found.judged
    apart = f"; {counted(rest, 'tuple')} not compared" if rest else ""
    return f"{judged}{others}{apart}"


def _cells(one: Finding) -> tuple[str, ...]:
    assert one.verdict is not None
    return (
        f"{one.hits:,}",
        minute(one.first),
        minute(one.last),
        one.verdict.nic.id.name if len(one.nics) == 1 else f"{len(one.nics):,} interfaces",
        str(one.key.said),
        decision_text(one.verdict),
        "; ".join([one.key.why, *_turns(one)]),
    )


def _turns(one: Finding) -> Iterator[str]:
    """Says when flows that disagree agreed."""
    if one.agreed_until:
        yield f"agreed until {minute(one.agreed_until)}"
    if one.agreed_since:
        yield f"agree since {minute(one.agreed_since)}"


def _ended(one: Finding) -> str:
    return "let through" if one.key.said.access == "Allow" else "denied"


def _times(one: Finding) -> str:
    return f"from {minute(one.first)} to {minute(one.last)}"
