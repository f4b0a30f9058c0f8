"""Where a claim fails, told apart by what decides: what a later run can compare with."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from flowverdict.prove.diagram import LimitError
from flowverdict.prove.extent import Extent
from flowverdict.prove.names import tag_names
from flowverdict.prove.witness import witness

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.model import Direction, ResourceId
    from flowverdict.prove.question import Question
    from flowverdict.prove.results import Failure, Result


class Exposure(NamedTuple):
    """What one rule lets happen at an interface that a claim forbids.

    Attributes:
        failure: with the packets of that rule alone, and one of them.
        extent: those packets, to be written down.
    """

    failure: Failure
    extent: Extent


def exposures(question: Question, result: Result) -> list[Exposure]:
    """Returns the failures of a claim, apart for each rule, in the order of interfaces."""
    found: dict[tuple[ResourceId, Direction, ResourceId | None], Failure] = {}
    for failure in result.failures:
        for one in _by_rule(question, failure):
            rule = one.judgement.rule
            key = (one.nic.id, one.direction, rule.id if rule else None)
            if key in found:
                one = replace(found[key], packets=found[key].packets | one.packets)  # noqa: PLW2901 the same failure
            found[key] = one
    return [_exposure(question, one) for one in found.values()]


def _by_rule(question: Question, failure: Failure) -> Iterator[Failure]:
    """Yields what each rule does to the packets of a failure.

    That every packet passes is no rule's doing: there the failure is one. So it is where telling
    the rules apart takes more work than is granted.
    """
    if question.claim.expect == "not-all":
        yield failure
        return
    try:
        outcome = question.prover.outcome(failure.nic, failure.direction, failure.packets)
    except LimitError:
        yield failure
        return
    for judgement, region in outcome.judgements():
        if failure.packet in region:
            yield replace(failure, packets=region, judgement=judgement)
        else:
            yield replace(failure, packets=region, judgement=judgement, packet=witness(region))


def _exposure(question: Question, failure: Failure) -> Exposure:
    nic, way, rule = failure.nic, failure.direction, failure.judgement.rule
    addresses = question.network.estate.addresses_of(nic)
    words = question.words(nic, way, rule)
    extent = Extent(failure.packets, way, addresses, words, partial(question.tag, nic))
    if rule is not None:
        tags = tag_names(question.prover.at(nic).place, [rule])
        failure = replace(failure, names={**tags, **failure.names})
    return Exposure(failure, extent)
