"""What becomes of a claim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from flowverdict.model import Direction, NetworkInterface
    from flowverdict.net import IntervalSet, Packet
    from flowverdict.prove.claims import Claim
    from flowverdict.prove.prover import Judgement
    from flowverdict.prove.region import Region

HOLDS: Final = "holds"
FAILS: Final = "fails"
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Failure:
    """Where a claim fails.

    Attributes:
        nic: the interface that decides.
        direction: how the packets meet it.
        packets: all that break the claim there.
        packet: one of them.
        judgement: what decides about that one.
        names: what sets of addresses are called in the claim.
    """

    nic: NetworkInterface
    direction: Direction
    packets: Region
    packet: Packet
    judgement: Judgement
    names: Mapping[IntervalSet, str]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a claim.

    Attributes:
        verdict: ``holds``, ``fails`` or ``unknown``.
        failures: where it fails, in the order of interfaces.
        missing: what is needed to know; where the claim fails, to know of other packets.
        judged: how many interfaces were asked.
    """

    claim: Claim
    verdict: str
    failures: tuple[Failure, ...]
    missing: tuple[str, ...]
    judged: int


def verdict_of(
    claim: Claim, failures: tuple[Failure, ...], missing: Iterable[str], judged: int
) -> Result:
    """Returns the result: what fails is no less so for what else is not known."""
    told = tuple(dict.fromkeys(missing))
    verdict = FAILS if failures else UNKNOWN if told else HOLDS
    return Result(claim, verdict, failures, told, judged)
