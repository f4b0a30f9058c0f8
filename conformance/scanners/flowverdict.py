"""FlowVerdict, in process: the question is a claim that `prove` breaks, holds or cannot know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from conformance.scanners.asked import CLOSED, EXPOSED, UNKNOWN
from conformance.write import tag_file
from flowverdict import __version__
from flowverdict.load import load_estate
from flowverdict.model import Direction
from flowverdict.net import ALL_PORTS, IntervalSet, Protocol, parse_ports
from flowverdict.prove.checker import Checker
from flowverdict.prove.claims import Claim
from flowverdict.prove.results import FAILS, HOLDS
from flowverdict.prove.results import UNKNOWN as NOT_KNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from conformance.cases import Case, Question

_ANSWERS: Final = {FAILS: EXPOSED, HOLDS: CLOSED, NOT_KNOWN: UNKNOWN}


def claim_of(question: Question) -> Claim:
    """Returns the claim that the answer to a question is no."""
    number = int(Protocol[question.protocol])
    direction = Direction(question.direction)
    ends = (question.remote,), ("any",)
    sources, destinations = ends if direction is Direction.INBOUND else ends[::-1]
    return Claim(
        name=str(question),
        expect="deny",
        direction=direction,
        sources=sources,
        destinations=destinations,
        protocols=IntervalSet([(number, number)]),
        ports=parse_ports(question.ports) if question.ports else ALL_PORTS,
    )


class FlowVerdict:
    """What `flowverdict prove` says."""

    name: str = "flowverdict"
    forms: tuple[str, ...] = ("azure", "arm")

    def version(self) -> str | None:
        """Returns the version."""
        return __version__

    def ask(self, cases: Sequence[Case], folder: Path, form: str) -> Mapping[str, str]:
        """Returns the answer for each case, by its id."""
        return {one.id: self._ask(one, folder, form) for one in cases}

    def _ask(self, case: Case, folder: Path, form: str) -> str:
        tags = tag_file(folder, case)
        estate = load_estate(
            folder / form / case.theme / case.id, service_tags=tags if tags.exists() else None
        )
        return _ANSWERS[Checker(estate).check(claim_of(case.question)).verdict]
