"""``flowverdict detect``: what was done in a network, by whom, and which rule let them in."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from flowverdict.cli.arguments import estate_options
from flowverdict.cli.detect_reports import (
    FORMATS,
    Reported,
    as_json_lines,
    as_markdown,
    as_sarif,
    as_text,
    reviewed,
)
from flowverdict.cli.detecting import Search, chosen
from flowverdict.cli.errors import UNKNOWN, Refused
from flowverdict.cli.interrupting import interval_option, until_interrupted
from flowverdict.cli.known import Known, known_options_in
from flowverdict.cli.lakes import told
from flowverdict.cli.ocsf import as_ocsf
from flowverdict.cli.period import period_options
from flowverdict.cli.render import as_json
from flowverdict.detect import SEVERITIES
from flowverdict.impact.cure_json import effect_json
from flowverdict.model.words import counted
from flowverdict.report.told import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from threading import Event

    from flowverdict.detect import Detected, Detection, Finding
    from flowverdict.impact.cure import Cure

_STREAMS: Final = ("table", "json", "ocsf")
"""The formats that can go on and on."""


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
@click.option(
    "--cure/--no-cure",
    default=True,
    show_default=True,
    help="With --estate: look for the smallest change that stops each finding, and try it on the "
    "last 30 days of the lake.",
)
@click.option(
    "--respond",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write what is recommended against findings of high severity as resources that `what-if "
    "--change` and `verify` read.",
)
@click.option(
    "--follow",
    is_flag=True,
    help="Go on until it is interrupted, and tell what is new whenever the lake has new rows.",
)
@interval_option("--follow")
@period_options
@known_options_in(FORMATS)
def command(
    location: str | None,
    output: str,
    severity: str,
    respond: Path | None,
    interval: float,
    *,
    follow: bool,
    **words: Any,
) -> None:
    """Look for attacks in recorded flows, and name the rule that decided each.

    Nothing is needed that a log may lack: flows that both ends logged count once, retransmissions
    too, and begins or ends may be missing. What each detection finds, why it matters and when it is
    wrong is told by --list and in the documentation.

    Exit code 1 means that something of medium severity or more was found that is neither in the
    baseline nor suppressed, 3 that there is no flow in this time.
    """
    known = Known.read(words, FORMATS)
    detections = chosen(words)
    if words["listed"]:
        click.echo("\n".join(_listed(detections)))
        return
    if location is None:
        raise Refused("--lake: is missing: expected the lake to look in, or --list")
    if respond is not None and not words["estate"]:
        raise Refused("--respond: needs --estate: expected the network whose rules are to change")
    if respond is not None and not words["cure"]:
        raise Refused("--respond: with --no-cure nothing is recommended: expected one of them")
    if not detections:
        raise Refused("--only, --skip: nothing is left to look for: expected a detection")
    if follow and output not in _STREAMS:
        raise Refused(f"--follow: --output {output}: expected table, json or ocsf")
    search = Search(location, words)
    run = _Run(search, detections, known, severity, location)
    if not follow:
        sys.exit(run.once(output, respond))
    with until_interrupted() as stop:
        run.follow(stop, interval, output, respond)


@dataclass(slots=True)
class _Run:
    """A command's run, or several one after another."""

    search: Search
    detections: Sequence[Detection]
    known: Known
    severity: str
    location: str
    _before: dict[tuple[str, ...], tuple[int, datetime]] = field(
        default_factory=dict[tuple[str, ...], tuple[int, datetime]]
    )

    def follow(self, stop: Event, interval: float, output: str, respond: Path | None) -> None:
        """Looks whenever the lake has another version, and tells what is new.

        What cannot be read once it could is told, and tried again: rows are deleted meanwhile, and
        storage accounts are not always there.
        """
        version, trouble, has_looked = -1, "", False
        while True:
            try:
                newest = told(self.search.version)
                if newest is not None and newest != version:
                    self.once(output, respond, only_new=True)
                    sys.stdout.flush()
                    version, trouble, has_looked = newest, "", True
            except Refused as problem:
                if not has_looked:
                    raise
                if problem.message != trouble:
                    click.echo(problem.message, err=True)
                trouble = problem.message
            if stop.wait(interval):
                return

    def once(self, output: str, respond: Path | None, *, only_new: bool = False) -> int:
        """Looks once, tells what was found, and returns the exit code.

        Args:
            output: the format.
            respond: where to write what is recommended.
            only_new: whether what was told before is not printed, unless it is severer or came
                again. Files have all of it.
        """
        found = told(lambda: self.search.run(self.detections))
        shown = [one for one in found.findings if one.is_at_least(self.severity)]
        new = [one for one in shown if self._is_new(one)] if only_new else shown
        if only_new and not new:
            self._keep(shown)
            return 0
        of_new = set(map(id, new))
        is_whole = not only_new or respond is not None or self.known.writes
        looked_up = shown if is_whole else new
        about, stops = told(lambda: self.search.told(looked_up))
        rest = [] if is_whole else [Told(one) for one in shown if id(one) not in of_new]
        hidden = [one for one in found.findings if not one.is_at_least(self.severity)]
        findings, review = reviewed([*about, *rest], self.known, found.asked, hidden)
        printed = [one for one in findings if id(one[0].finding) in of_new]
        now = datetime.now(UTC)

        def reports(
            told_of: Sequence[Reported], *, one_a_line: bool = False
        ) -> dict[str, Callable[[], Iterable[str]]]:
            return {
                "table": lambda: (
                    *as_text(told_of, review, found.asked),
                    *(() if only_new else _hidden(found, len(shown), self.severity)),
                ),
                "json": lambda: as_json_lines(told_of, review, one_a_line=one_a_line),
                "md": lambda: as_markdown(told_of, review),
                "sarif": lambda: as_sarif(
                    told_of,
                    review,
                    {one.id: one.finds for one in self.detections},
                    self.location,
                    self.known.baseline_file,
                ),
                "ocsf": lambda: as_ocsf(told_of, now),
            }

        self.known.write(reports(findings))
        click.echo("\n".join(reports(printed, one_a_line=only_new)[output]()))
        if respond is not None:
            told(lambda: _respond(self.search, shown, stops, respond))
        self._keep(shown)
        if not found.attempts:
            click.echo("no flow in this time: nothing can be found", err=True)
            return UNKNOWN
        open_ones = [one.finding for one, of in findings if of.state == "open"]
        return 1 if any(one.is_at_least("medium") for one in open_ones) else 0

    def _is_new(self, one: Finding) -> bool:
        """Reports whether a finding was not told yet, is severer now, or came again."""
        grade, last = self._before.get(_key(one), (-1, one.last))
        return one.grade > grade or one.first > last

    def _keep(self, told_of: Iterable[Finding]) -> None:
        """Keeps what is told by now."""
        for one in told_of:
            grade, last = self._before.get(_key(one), (-1, one.last))
            latest = max(one.grade, grade), max(one.last, last)
            self._before[_key(one)] = latest


def _key(one: Finding) -> tuple[str, ...]:
    """Returns what stays the same while a finding goes on: one target or port more is no news."""
    ends = one.sources, one.targets, tuple(map(str, one.ports))
    return one.detection, *(every[0] if len(every) == 1 else "" for every in ends)


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


def _respond(search: Search, findings: Sequence[Finding], stops: Sequence[Cure | None],
             path: Path) -> None:  # fmt: skip
    """Writes what is recommended as a part of an estate, and tells what it would break."""
    found = search.response(findings, stops)
    resources = found.resources if found else []
    try:
        path.write_text(as_json(resources) + "\n", encoding="utf-8")
    except OSError as problem:
        raise Refused(f"--respond `{path}`: cannot be written: {problem.strerror}") from None
    if found is None:
        click.echo(f"{path}: no change is recommended", err=True)
        return
    effect = effect_json(found.effect)
    stopped = counted(effect["stopped"], "recorded flow")
    told_of = f"stops {stopped} of theirs, breaks {effect['broken']:,} others"
    click.echo(f"{path}: {counted(len(found.edits), 'rule')} changed: {told_of}", err=True)


def _hidden(found: Detected, shown: int, severity: str) -> Iterator[str]:
    if shown < len(found.findings):
        least = SEVERITIES.index(severity)
        counts = Counter(one.severity for one in found.findings)
        few = ", ".join(f"{counts[one]:,} {one}" for one in SEVERITIES[:least] if counts[one])
        yield f"not shown: {few}; --severity informational shows all"
