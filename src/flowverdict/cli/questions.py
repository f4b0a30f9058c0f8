"""What commands that hold an estate against a lake ask about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from flowverdict.cli.arguments import load, read_options
from flowverdict.cli.changes import has_both
from flowverdict.cli.lakes import open_lake
from flowverdict.cli.period import read_period

if TYPE_CHECKING:
    from flowverdict.lake import Lake, Period
    from flowverdict.model import Estate
    from flowverdict.policy import Options


class Question(NamedTuple):
    """An estate, recorded flows, which of them, and how open questions are answered."""

    estate: Estate
    lake: Lake
    period: Period
    options: Options


def read_question(location: str, others: dict[str, Any]) -> Question:
    """Returns what the words of a command say: those of the estate, the lake and the period."""
    period = read_period(others["since"], others["until"])
    options = read_options(others["settings"], None, assume_deployed=others["assume_deployed"])
    lake = open_lake(location)
    prior = has_both(others)
    estate = load(others["estate"], others["service_tags"], others["internet_tag"], prior=prior)
    return Question(estate, lake, period, options)
