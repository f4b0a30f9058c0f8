"""The report card as a page: made of scores, and plain about what fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Final

from bench.detection.score import NOISE, ORDINARY, Card, Judged, Verdict, found_within
from flowverdict.detect import packaged

NOTE: Final = "<!-- Made by python -m bench.detection --write: do not edit. -->"

_ABOUT: Final = """\
How well `flowverdict detect` finds attacks, as it comes: no threshold was changed, no estate was
given, nothing was suppressed. What it looked at was made with the seeds {seeds}: {machines}
machines over {days} days each, {rows:,} rows in all. `python -m bench.detection --write` makes them
again, and this page.

The traffic is that of an enterprise with web shops, databases, desktops, backups at night, a patch
day, the noise of the internet, and much that only looks like an attack. Rows are as real logs have
them: both ends log a flow, begins and ends are missing, NSG flow logs tell less. Attacks go at the
speeds of the tools that are used for them, and were decided before any detection was run on them.
Made traffic is no real traffic: the figures compare detections and speeds, and do not foretell what
your network will see.

A finding is *right* if it names an attack by its time, one of its sources and one of its targets,
as what it is or as what comes with it, such as many denials with a scan. It is *misnamed* if it is
about an attack and calls it something else. All others are false alarms. Findings of
`informational` severity, which are not told by default, do not count."""

_COLUMNS: Final = (
    "*Found* counts the attacks that should be found, by the detection itself; *or otherwise* adds "
    "those that only another finding tells of. *Precision* is of all findings that are told. "
    "*Alarms* are those of medium severity and more, which make the exit code 1."
)
_WITHIN: Final = (
    "*Found within* is the shortest time after which an attack that is over then is found by the "
    "detection itself (of the first seed; tried after one, 5 and 15 minutes, one and four hours, a "
    "day). What is not *expected* stays below every published threshold, or leaves no trace of "
    "what it is."
)


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that a page tells.

    Attributes:
        cards: one for each seed, and how many rows it has.
        early: of the first seed, by the milliseconds after which each attack was over.
    """

    cards: tuple[tuple[Card, int], ...]
    early: tuple[tuple[int, Card], ...]

    @property
    def machine_days(self) -> int:
        """How many machines were watched for how many days."""
        return sum(card.truth.machines * card.truth.days for card, _ in self.cards)

    @property
    def judged(self) -> list[Judged]:
        """All findings."""
        return [one for card, _ in self.cards for one in card.judged]

    def detections(self) -> list[str]:
        """All that come with FlowVerdict, or are of an attack."""
        known = {one.id for one in packaged()} | {
            one.label.detection for card, _ in self.cards for one in card.outcomes
        }
        return sorted(known | {one.finding.detection for one in self.judged})


@dataclass(frozen=True, slots=True)
class Quality:
    """How one detection did, over all seeds.

    Attributes:
        expected: attacks that it should find.
        found: those that it found.
        told: those that it or another detection told of.
        right: its findings about attacks that it is right to name so.
        misnamed: its findings about attacks that are something else.
        false: its other findings, of any severity that is told.
        right_alarms: those of medium severity and more among the right ones,
        alarms: and among the false ones.
    """

    expected: int
    found: int
    told: int
    right: int
    misnamed: int
    false: int
    right_alarms: int
    alarms: int

    @property
    def precision(self) -> float | None:
        """Of its findings those that are right; None where there are none."""
        every = self.right + self.misnamed + self.false
        return self.right / every if every else None

    @property
    def recall(self) -> float | None:
        """Of the attacks that it should find, those that it found; None where there are none."""
        return self.found / self.expected if self.expected else None


def quality(results: Results, detection: str) -> Quality:
    """Returns how a detection did."""
    outcomes = [
        one
        for card, _ in results.cards
        for one in card.outcomes
        if one.label.detection == detection and one.label.expected
    ]
    judged = [one for one in results.judged if one.finding.detection == detection]
    verdicts = Counter(one.verdict for one in judged)
    return Quality(
        len(outcomes),
        sum(one.is_found for one in outcomes),
        sum(one.is_told for one in outcomes),
        verdicts[Verdict.RIGHT],
        verdicts[Verdict.MISNAMED],
        verdicts[Verdict.FALSE],
        *(
            sum(one.verdict is verdict and one.is_alarm for one in judged)
            for verdict in (Verdict.RIGHT, Verdict.FALSE)
        ),
    )


def page(results: Results) -> Iterator[str]:
    """Yields the lines of the page."""
    truths = [card.truth for card, _ in results.cards]
    seeds = ", ".join(str(one.seed) for one in truths)
    rows = sum(rows for _, rows in results.cards)
    yield "# Report card of the detections"
    yield ""
    yield NOTE
    yield ""
    yield from _ABOUT.format(
        seeds=seeds, machines=truths[0].machines, days=truths[0].days, rows=rows
    ).splitlines()
    yield ""
    yield "## Detections"
    yield ""
    yield from wrap(_COLUMNS, 100)
    yield ""
    yield from _table(
        ("detection", "found", "or otherwise", "recall", "precision", "right", "misnamed",
         "false", "alarms right", "alarms false", "false alarms a machine and day"),
        (_detection_row(results, one) for one in results.detections()),
    )  # fmt: skip
    yield ""
    yield from _speeds(results)
    yield from _failures(results)
    yield from _false_alarms(results)


def _detection_row(results: Results, detection: str) -> tuple[str, ...]:
    found = quality(results, detection)
    return (
        f"`{detection}`",
        f"{found.found} of {found.expected}",
        str(found.told),
        _share(found.recall),
        _share(found.precision),
        str(found.right),
        str(found.misnamed),
        str(found.false),
        str(found.right_alarms),
        str(found.alarms),
        f"{found.alarms / results.machine_days:.4f}",
    )


def _speeds(results: Results) -> Iterator[str]:
    yield "## Speeds"
    yield ""
    yield from wrap(_WITHIN, 100)
    yield ""
    yield from _table(
        ("attack", "speed", "what is done", "expected", "found", "or otherwise", "found within"),
        _speed_rows(results),
    )
    yield ""


def _speed_rows(results: Results) -> Iterator[tuple[str, ...]]:
    for detection, speed in _kinds(results):
        outcomes = [
            one
            for card, _ in results.cards
            for one in card.outcomes
            if (one.label.detection, one.label.speed) == (detection, speed)
        ]
        first = next(
            (one.label for one in results.cards[0][0].outcomes
             if (one.label.detection, one.label.speed) == (detection, speed)), None,
        )  # fmt: skip
        label = outcomes[0].label
        yield (
            f"`{detection}`",
            speed,
            label.about,
            "yes" if label.expected else "no",
            f"{sum(one.is_found for one in outcomes)} of {len(outcomes)}",
            str(sum(one.is_told for one in outcomes)),
            _within(results, first.id if first else None),
        )


def _kinds(results: Results) -> list[tuple[str, str]]:
    """Returns attacks and speeds, each once, as they were drawn."""
    labels = (one.label for card, _ in results.cards for one in card.outcomes)
    found = dict.fromkeys((one.detection, one.speed) for one in labels)
    return sorted(found, key=lambda one: one[0])


def _within(results: Results, label: str | None) -> str:
    if label is None:
        return ""
    within = found_within(results.early, label)
    if within is not None:
        minutes = within // 60_000
        return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h"
    (whole, _), *_ = results.cards
    if any(one.label.id == label and one.is_found for one in whole.outcomes):
        return "its end"
    return "never"


def _failures(results: Results) -> Iterator[str]:
    yield "## Where it fails"
    yield ""
    lines = 0
    for detection, speed in _kinds(results):
        outcomes = [
            one
            for card, _ in results.cards
            for one in card.outcomes
            if (one.label.detection, one.label.speed) == (detection, speed) and one.label.expected
        ]
        missed = [one for one in outcomes if not one.is_found]
        if not missed:
            continue
        lines += 1
        told = sorted({one.detection for out in missed for one in out.findings})
        other = f"; told as {', '.join(f'`{one}`' for one in told)}" if told else ""
        yield (
            f"* `{detection}`, {speed} ({missed[0].label.about}): {len(missed)} of "
            f"{len(outcomes)} missed{other}."
        )
    if not lines:
        yield "Every attack that should be found was found."
    yield ""


def _false_alarms(results: Results) -> Iterator[str]:
    yield "## False alarms"
    yield ""
    yield "What was taken for an attack, and as what; counts of findings over all seeds."
    yield ""
    about = {one.id: one.about for card, _ in results.cards for one in card.truth.lookalikes}
    about |= {NOISE: "strangers that knock at public addresses", ORDINARY: "anything else"}
    false = [one for one in results.judged if one.verdict is Verdict.FALSE]
    counts = Counter((one.cause, one.finding.detection) for one in false)
    alarms = Counter((one.cause, one.finding.detection) for one in false if one.is_alarm)
    yield from _table(
        ("cause", "what it is", "taken for", "findings", "of medium severity and more"),
        (
            (
                f"`{cause}`",
                about[cause],
                f"`{detection}`",
                str(count),
                str(alarms[cause, detection]),
            )
            for (cause, detection), count in sorted(counts.items(), key=lambda one: -one[1])
        ),
    )
    quiet = sorted(about.keys() - {cause for cause, _ in counts})
    if quiet:
        yield ""
        yield f"Nothing was said of {', '.join(f'`{one}`' for one in quiet)}."


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.0f} %"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join(['---'] * len(head))}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
