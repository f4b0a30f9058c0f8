"""Findings of a lake with the rules that decided their flows, and with what stops them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flowverdict.detect import detect, packaged
from flowverdict.impact.cause import causes
from flowverdict.impact.cure import cures
from flowverdict.impact.respond import respond
from flowverdict.lake import ALWAYS
from flowverdict.load.service_tags import PackagedTags
from flowverdict.net import EMPTY, IntervalSet
from flowverdict.policy import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowverdict.detect import Detected, Detection, Finding
    from flowverdict.impact.cause import Cause
    from flowverdict.impact.cure import Cure
    from flowverdict.impact.respond import Response
    from flowverdict.lake import Lake, Period
    from flowverdict.model import Estate
    from flowverdict.policy import Options


@dataclass(frozen=True, slots=True)
class Attack:
    """A finding, and what the rules have to do with it.

    Attributes:
        finding: what was done, by whom, to whom and when.
        cause: the rules that decided its flows; None where the lake has none of them.
        cure: what stops it, tried on recorded flows; None without an estate, or without a cause.
    """

    finding: Finding
    cause: Cause | None = None
    cure: Cure | None = None


@dataclass(frozen=True, slots=True)
class Attacks:
    """What was found in a lake.

    Attributes:
        found: the severest first, then by time.
        detected: the run: which detections were asked, and the time of the rows.
    """

    found: tuple[Attack, ...]
    detected: Detected
    _lake: Lake = field(repr=False)
    _estate: Estate | None = field(repr=False)
    _options: Options = field(repr=False)

    def respond(self) -> Response | None:
        """Returns what is recommended against findings of high severity as one change.

        None where there is none, or no estate.

        Raises:
            LakeError: the lake cannot be read.
        """
        if self._estate is None:
            return None
        cures = [one.cure for one in self.found]
        findings = [one.finding for one in self.found]
        return respond(findings, cures, self._estate, self._lake, self._options)


def find_attacks(
    lake: Lake,
    estate: Estate | None = None,
    *,
    detections: Sequence[Detection] | None = None,
    period: Period = ALWAYS,
    options: Options = DEFAULTS,
) -> Attacks:
    """Looks for attacks, for the rules behind them, and for what stops them.

    Args:
        lake: recorded flows.
        estate: the network; without one the rules are those that the log names, and nothing is
            known to stop them.
        detections: what to look for; None for all that come with FlowVerdict.
        period: the time of the tuples.
        options: how open questions are answered.

    Raises:
        LakeError: the lake cannot be read, or a query is wrong.
    """
    tags = PackagedTags() if estate is None else estate.service_tags
    found = detect(
        lake,
        packaged() if detections is None else detections,
        tags,
        period=period,
        owned=inside(estate),
    )
    attacks = explained(found.findings, lake, estate, options, period)
    return Attacks(attacks, found, lake, estate, options)


def explained(
    findings: Sequence[Finding],
    lake: Lake,
    estate: Estate | None,
    options: Options,
    period: Period,
    *,
    cured: bool = True,
) -> tuple[Attack, ...]:
    """Returns findings with their causes and, with an estate, with what stops them.

    Args:
        findings: what was found in the lake.
        lake: recorded flows.
        estate: the network, if it is known.
        options: how open questions are answered.
        period: the time of the tuples.
        cured: whether to look for what stops them.

    Raises:
        LakeError: the lake cannot be read.
    """
    why = causes(findings, lake, estate, options, period)
    stops: Sequence[Cure | None] = [None] * len(why)
    if estate is not None and cured:
        stops = cures(findings, why, estate, lake, options)
    return tuple(map(Attack, findings, why, stops))


def inside(estate: Estate | None) -> IntervalSet:
    """Returns the addresses of an estate's virtual networks, public ones too."""
    if estate is None:
        return EMPTY
    return IntervalSet.union(one.space for one in estate.resources.vnets.values())
