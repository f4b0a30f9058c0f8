"""What is known of findings, as options of the commands of the gate: a baseline, suppressions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from flowverdict import __version__
from flowverdict.cli.errors import Refused
from flowverdict.cli.sarif import entry_text
from flowverdict.findings import Entry, read_baseline, read_suppressions, review, write_baseline
from flowverdict.model.words import counted
from flowverdict.prove.text import few

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from flowverdict.findings import Baseline, Finding, Review, Reviewed, Suppression

F = TypeVar("F", bound="Callable[..., Any]")
_PATH: Final = click.Path(path_type=Path)
FORMATS: Final = ("table", "json", "md", "junit", "sarif")
"""The formats of ``--output`` and of ``--report``."""
_MOST_NAMES: Final = 5


def known_options(command: F) -> F:
    """Adds the options about what is known of findings, and about the answer's formats."""
    return known_options_in(FORMATS)(command)


def known_options_in(formats: Sequence[str]) -> Callable[[F], F]:
    """Returns what adds ``known_options`` to a command that has formats of its own.

    Args:
        formats: those of ``--output``; the first one is for people.
    """

    def add_to(command: F) -> F:
        for add in reversed(_options(formats)):
            command = add(command)
        return command

    return add_to


def _options(formats: Sequence[str]) -> tuple[Callable[[Any], Any], ...]:
    return (
        click.option(
            "--baseline",
            type=_PATH,
            metavar="FILE",
            help="Findings that were there before: they are shown, and do not count.",
        ),
        click.option(
            "--write-baseline",
            type=_PATH,
            metavar="FILE",
            help="Write the findings as a baseline; with --baseline only those that it has.",
        ),
        click.option(
            "--suppressions",
            type=_PATH,
            metavar="FILE",
            help="A YAML list of findings that somebody answers for, each with a reason and "
            "an end: they are shown, and do not count.",
        ),
        click.option(
            "--today",
            type=click.DateTime(["%Y-%m-%d"]),
            metavar="YYYY-MM-DD",
            help="The day by which suppressions have ended or not; otherwise today in UTC.",
        ),
        click.option(
            "--report",
            "reports",
            multiple=True,
            metavar="FORMAT=FILE",
            help="Write the answer to a file too, in a format of --output; may be given "
            "several times.",
        ),
        click.option(
            "--output",
            type=click.Choice(formats),
            default=formats[0],
            show_default=True,
            help="A text for people, one JSON object, a comment for a pull request, or a "
            "report that pipelines read.",
        ),
    )


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of findings before they are found.

    Attributes:
        baseline: None where none was given.
        reports: the files to write, with their formats.
    """

    baseline: Baseline | None
    write_to: Path | None
    suppressions: Sequence[Suppression]
    today: date
    reports: Sequence[tuple[str, Path]]

    @property
    def baseline_file(self) -> str:
        """The file of the baseline; empty where none was given."""
        return self.baseline.file if self.baseline else ""

    @classmethod
    def read(cls, words: dict[str, Any], formats: Sequence[str] = FORMATS) -> Known:
        """Takes the words of ``known_options`` out of a command's, and reads the files.

        Args:
            words: those of the command, by name.
            formats: those of ``--output``.

        Raises:
            InputError: a file cannot be used.
            Refused: a report is none.
        """
        baseline, suppressions = words.pop("baseline"), words.pop("suppressions")
        today: datetime | None = words.pop("today")
        return cls(
            None if baseline is None else read_baseline(baseline),
            words.pop("write_baseline"),
            [] if suppressions is None else read_suppressions(suppressions),
            (today or datetime.now(UTC)).date(),
            [_report(one, formats) for one in words.pop("reports")],
        )

    def review(self, kind: str, findings: Sequence[Finding], asked: Collection[str]) -> Review:
        """Returns findings with what is known of each, and writes a baseline if one is wanted.

        What a person should see to is told on stderr.

        Args:
            kind: ``claim``, ``check`` or ``detection``.
            findings: all of them.
            asked: the names of all claims, checks or detections of the run.
        """
        found = review(kind, findings, asked, self.baseline, self.suppressions, self.today)
        for line in _remarks(kind, found):
            click.echo(line, err=True)
        if self.write_to is None:
            return found
        entries = list(self._kept(found))
        write_baseline(self.write_to, entries, kind, __version__)
        unknown = sum(1 for one in found.every if one.finding.missing and one.state == "open")
        rest = f", {unknown:,} unknown left out" if unknown else ""
        click.echo(f"{self.write_to}: {counted(len(entries), 'finding')} written{rest}", err=True)
        if self.baseline is not None:
            return found
        written = read_baseline(self.write_to)
        return review(kind, findings, asked, written, self.suppressions, self.today)

    def _kept(self, found: Review) -> Iterator[Entry]:
        """Yields what is to be written: all that counts, or what of the baseline is still there.

        What cannot be known is left out: nothing would tell it from what is not known later.
        """
        for one in found.every:
            if one.suppression or one.finding.missing:
                continue
            if self.baseline is None or one.baseline == "unchanged":
                yield Entry.of(one.finding)
            elif one.baseline == "grown" and (entry := self.baseline.of(one.finding)):
                yield entry

    @property
    def writes(self) -> bool:
        """Whether files are wanted of the answer."""
        return bool(self.reports) or self.write_to is not None

    def tell(self, of: Mapping[str, Callable[[], Iterable[str]]], output: str) -> None:
        """Writes the reports that are wanted, and prints the answer.

        Args:
            of: what yields the lines, by format.
            output: the format that is printed.

        Raises:
            Refused: a file cannot be written.
        """
        self.write(of)
        click.echo("\n".join(of[output]()))

    def write(self, of: Mapping[str, Callable[[], Iterable[str]]]) -> None:
        """Writes the reports that are wanted.

        Args:
            of: what yields the lines, by format.

        Raises:
            Refused: a file cannot be written.
        """
        for form, path in self.reports:
            text = "\n".join(of[form]()) + "\n"
            try:
                path.write_bytes(text.encode("utf-8", "backslashreplace"))
            except OSError as problem:
                raise Refused(
                    f"--report `{form}={path}`: cannot be written: {problem.strerror}"
                ) from None


def _report(text: str, formats: Sequence[str]) -> tuple[str, Path]:
    form, equals, name = text.partition("=")
    if form not in formats or not (equals and name) or name == "-":
        told = ", ".join(formats)
        raise Refused(f"--report `{text}`: expected FORMAT=FILE, with one of {told}")
    return form, Path(name)


def _remarks(kind: str, found: Review) -> Iterator[str]:
    for one in found.unused:
        yield f"{one.where}: suppression of {one} matches no finding: it can go"
    if found.unasked:
        names = few([f"`{one}`" for one in found.unasked], _MOST_NAMES)
        yield f"the baseline has findings of {kind}s that were not asked: {names}"


def known_json(one: Reviewed) -> dict[str, Any]:
    """Returns what is known of a finding as JSON answers have it."""
    by = one.suppression or one.expired
    return {
        "state": one.state,
        "baseline": one.baseline or None,
        "suppression": {"reason": by.reason, "until": by.end, "in_force": by is one.suppression}
        if by
        else None,
        "fingerprint": one.finding.fingerprint,
    }


def gone_json(found: Review) -> list[dict[str, Any]]:
    """Returns what the baseline has and is no longer found, as JSON answers have it."""
    return [
        {"name": one.name, "about": dict(one.about), "fingerprint": one.fingerprint}
        for one in found.gone
    ]


def noted(text: str, one: Reviewed) -> str:
    """Returns a line about a finding with what is known of it."""
    return f"{text} [{one.note}]" if one.note else text


def tally(found: Review) -> str:
    """Says how many findings do not count, and why, behind a semicolon; empty where all do."""
    states = Counter(one.state for one in found.every)
    told = [
        (states[state], words)
        for state, words in (("baseline", "in the baseline"), ("suppressed", "suppressed"))
        if states[state]
    ]
    if not told:
        return ""
    (first, why), *rest = told
    every = [f"{counted(first, 'finding')} {why}", *(f"{count:,} {why}" for count, why in rest)]
    return f"; {', '.join(every)}"


def gone_lines(found: Review) -> Iterator[str]:
    """Yields what the baseline has and is no longer found."""
    for one in found.gone:
        yield f"no longer found, still in the baseline: {entry_text(one)}"
