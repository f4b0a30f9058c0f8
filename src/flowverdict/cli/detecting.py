"""What ``detect`` asks a lake, and what is said of each finding: its rule, and what stops it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowverdict.cli.arguments import load, read_options
from flowverdict.cli.errors import Refused
from flowverdict.cli.lakes import open_lake
from flowverdict.cli.period import read_period
from flowverdict.detect import detect, packaged, read_detections
from flowverdict.impact.attacks import explained, inside
from flowverdict.impact.cure_json import cure_json
from flowverdict.impact.respond import respond
from flowverdict.load.report import Unreadable
from flowverdict.load.service_tags import PackagedTags, read_service_tags
from flowverdict.report.told import Told

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from flowverdict.detect import Detected, Detection, Finding
    from flowverdict.impact.cure import Cure
    from flowverdict.impact.respond import Response
    from flowverdict.model import ServiceTags


def chosen(words: dict[str, Any]) -> list[Detection]:
    """Returns the detections that a command's words ask for, with the settings that are wanted.

    Raises:
        InputError: a file of detections cannot be used.
        Refused: there is no such detection or setting.
    """
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


class Search:
    """What a run asks: where, when, and of which network."""

    def __init__(self, location: str, words: dict[str, Any]) -> None:
        """Takes a command's words.

        Raises:
            InputError: the estate cannot be used.
            Refused: a word is none.
        """
        self._period = read_period(words["since"], words["until"])
        self._options = read_options(
            words["settings"], None, assume_deployed=words["assume_deployed"]
        )
        tags, internet = words["service_tags"], words["internet_tag"]
        self.estate = load(words["estate"], tags, internet) if words["estate"] else None
        if self.estate is not None:
            self._tags = self.estate.service_tags
        else:
            self._tags = _read_tags(tags) if tags else PackagedTags()
        self._cures = words["cure"]
        self.lake = open_lake(location)

    def run(self, detections: Sequence[Detection]) -> Detected:
        """Looks for what detections tell of.

        Raises:
            LakeError: the lake cannot be read, or a query is wrong.
        """
        return detect(
            self.lake, detections, self._tags, period=self._period, owned=inside(self.estate)
        )

    def told(self, findings: Sequence[Finding]) -> tuple[list[Told], list[Cure | None]]:
        """Returns findings with the rules that decided their flows and what stops them.

        Raises:
            LakeError: the lake cannot be read.
        """
        found = explained(
            findings, self.lake, self.estate, self._options, self._period, cured=self._cures
        )
        told = [
            Told(
                one.finding,
                one.cause.as_json() if one.cause else None,
                cure_json(one.cure) if one.cure else None,
            )
            for one in found
        ]
        return told, [one.cure for one in found]

    def response(
        self, findings: Sequence[Finding], stops: Sequence[Cure | None]
    ) -> Response | None:
        """Returns what is recommended against all findings, as one change; None for nothing.

        Raises:
            LakeError: the lake cannot be read.
        """
        if self.estate is None:
            return None
        return respond(findings, stops, self.estate, self.lake, self._options)

    def version(self) -> int | None:
        """Returns the version of the lake's rows; None where there are none.

        Raises:
            LakeError: the lake cannot be read.
        """
        table = self.lake.flows.open()
        return table.version() if table is not None else None


def _read_tags(path: Path) -> ServiceTags:
    try:
        return read_service_tags(path)
    except Unreadable as problem:
        raise Refused(str(problem)) from None
