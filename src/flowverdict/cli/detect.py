"""``flowverdict detect``: what was done in a network, by whom, and which rule let them in."""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowverdict.cli.arguments import estate_options, load, read_options
from flowverdict.cli.detect_reports import (
    FORMATS,
    as_json_lines,
    as_markdown,
    as_sarif,
    as_text,
    reviewed,
)
from flowverdict.cli.errors import Refused
from flowverdict.cli.known import Known, known_options_in
from flowverdict.cli.lakes import open_lake, told
from flowverdict.cli.ocsf import as_ocsf
from flowverdict.cli.period import period_options, read_period
from flowverdict.detect import SEVERITIES, packaged, read_detections
from flowverdict.detect.run import detect
from flowverdict.impact.cause import causes
from flowverdict.load.report import Unreadable
from flowverdict.load.service_tags import PackagedTags, read_service_tags
from flowverdict.net import EMPTY, IntervalSet
from flowverdict.report.told import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from flowverdict.detect import Detected, Detection, Finding
    from flowverdict.model import ServiceTags


@click.command("detect")
@click.option(
    "--lake", "location", metavar="LAKE", help="A folder, or az://ACCOUNT/CONTAINER/PREFIX."
)
@click.option(
    "--estate",
    multiple=True,
    type=click.Path(),
    metavar="ESTATE",
    help="The network, for the rule behind each finding and what would stop it; may be given "
    "several times.",
)
@estate_options
@click.option(
    "--only",
    multiple=True,
    metavar="ID",
    help="Look for this alone; may be given several times.",
)
@click.option(
    "--skip", multiple=True, metavar="ID", help="Leave this out; may be given several times."
)
@click.option(
    "--set",
    "changed",
    multiple=True,
    metavar="ID.SETTING=VALUE",
    help="Another threshold, such as `rdp-brute-force.attempts=10`.",
)
@click.option(
    "--detections",
    "more",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Detections of your own: YAML files, or folders of them.",
)
@click.option(
    "--severity",
    type=click.Choice(SEVERITIES),
    default="low",
    show_default=True,
    help="The least that is told.",
)
@click.option("--list", "listed", is_flag=True, help="Print the detections and their settings.")
@period_options
@known_options_in(FORMATS)
def command(location: str | None, output: str, severity: str, **words: Any) -> None:
    """Look for attacks in recorded flows, and name the rule that decided each.

    Nothing is needed that a log may lack: flows that both ends logged count once, retransmissions
    too, and begins or ends may be missing. What each detection finds, why it matters and when it is
    wrong is told by --list and in the documentation.

    Exit code 1 means that something of medium severity or more was found that is neither in the
    baseline nor suppressed, 3 that there is no flow in this time.
    """
    known = Known.read(words, FORMATS)
    detections = _chosen(words)
    if words["listed"]:
        click.echo("\n".join(_listed(detections)))
        return
    if location is None:
        raise Refused("--lake: is missing: expected the lake to look in, or --list")
    question = _Question(location, words)
    found = told(lambda: _found(question, detections))
    least = SEVERITIES.index(severity)
    shown = [one for one in found.findings if SEVERITIES.index(one.severity) >= least]
    findings, review = reviewed(told(lambda: _told(question, shown)), known, found.asked)
    about = {one.id: one.finds for one in detections}
    now = datetime.now(UTC)
    reports: dict[str, Callable[[], Iterable[str]]] = {
        "table": lambda: (
            *as_text(findings, review, found.asked),
            *_hidden(found, len(shown), severity),
        ),
        "json": lambda: as_json_lines(findings, review),
        "md": lambda: as_markdown(findings, review),
        "sarif": lambda: as_sarif(findings, review, about, location, known.baseline_file),
        "ocsf": lambda: as_ocsf(findings, now),
    }
    known.tell(reports, output)
    if not found.attempts:
        click.echo("no flow in this time: nothing can be found", err=True)
        sys.exit(3)
    medium = SEVERITIES.index("medium")
    worst = [one for one, of in findings if of.state == "open"]
    sys.exit(1 if any(SEVERITIES.index(one.finding.severity) >= medium for one in worst) else 0)


def _chosen(words: dict[str, Any]) -> list[Detection]:
    """Returns the detections that are asked for, with the settings that are wanted."""
    own = read_detections(words["more"]) if words["more"] else []
    every = {one.id: one for one in (*packaged(), *own)}
    names = ", ".join(every)
    for option in ("only", "skip"):
        for name in words[option]:
            if name not in every:
                raise Refused(f"--{option} `{name}`: is no detection: expected one of {names}")
    for text in words["changed"]:
        name, _, rest = text.partition(".")
        setting, equals, value = rest.partition("=")
        if name not in every or not equals:
            raise Refused(f"--set `{text}`: expected ID.SETTING=VALUE, with one of {names}")
        try:
            every[name] = every[name].with_setting(setting, value)
        except ValueError as problem:
            raise Refused(f"--set `{text}`: {problem}") from None
    only, skip = words["only"], words["skip"]
    return [one for one in every.values() if (not only or one.id in only) and one.id not in skip]


def _listed(detections: Sequence[Detection]) -> Iterator[str]:
    for one in detections:
        yield f"{one.id}: {one.title} [{', '.join(one.techniques)}]"
        for word, text in (
            ("finds", one.finds),
            ("matters", one.matters),
            ("wrong when", one.wrong_when),
        ):
            yield f"  {word}: {text}"
        for name, of in one.settings.items():
            source = f" ({of.source})" if of.source else ""
            yield f"  {name} = {json.dumps(of.value)}: {of.about}{source}"
        yield ""


class _Question:
    """What a run asks: where, when, and of which network."""

    def __init__(self, location: str, words: dict[str, Any]) -> None:
        self.period = read_period(words["since"], words["until"])
        self.options = read_options(
            words["settings"], None, assume_deployed=words["assume_deployed"]
        )
        tags, internet = words["service_tags"], words["internet_tag"]
        self.estate = load(words["estate"], tags, internet) if words["estate"] else None
        if self.estate is not None:
            self.tags = self.estate.service_tags
        else:
            self.tags = _tags(tags) if tags else PackagedTags()
        self.lake = open_lake(location)

    @property
    def owned(self) -> IntervalSet:
        """The addresses of the estate's virtual networks."""
        if self.estate is None:
            return EMPTY
        return IntervalSet.union(one.space for one in self.estate.resources.vnets.values())


def _tags(path: Path) -> ServiceTags:
    try:
        return read_service_tags(path)
    except Unreadable as problem:
        raise Refused(str(problem)) from None


def _found(question: _Question, detections: Sequence[Detection]) -> Detected:
    return detect(
        question.lake,
        detections,
        question.tags,
        period=question.period,
        owned=question.owned,
    )


def _told(question: _Question, findings: Sequence[Finding]) -> list[Told]:
    """Returns findings with the rules that decided their flows."""
    found = causes(findings, question.lake, question.estate, question.options, question.period)
    return [
        Told(one, cause.as_json() if cause else None)
        for one, cause in zip(findings, found, strict=True)
    ]


def _hidden(found: Detected, shown: int, severity: str) -> Iterator[str]:
    if shown < len(found.findings):
        least = SEVERITIES.index(severity)
        counts = Counter(one.severity for one in found.findings)
        few = ", ".join(f"{counts[one]:,} {one}" for one in SEVERITIES[:least] if counts[one])
        yield f"not shown: {few}; --severity informational shows all"
