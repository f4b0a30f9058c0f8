"""Every conformance vector through the classifier, in batches of one and of all its network's."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from flowverdict.classify import Classifier, compile_estate
from flowverdict.load import load_estate
from flowverdict.model import Estate, InputError
from flowverdict.policy import NoNsgError, Options, Question, RequestError, ask, evaluate_at
from tests.classify.asking import Seen, expected, judged
from tests.conformance.sketch import write
from tests.conformance.vectors import Case, Json, cases

Loaded = Callable[[Json], Estate | InputError]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """Loads a sketched network once, however many packets are sent through it."""
    estates: dict[str, Estate | InputError] = {}

    def load(network: Json) -> Estate | InputError:
        key = json.dumps(network, sort_keys=True)
        if key not in estates:
            folder = tmp_path_factory.mktemp("network")
            write(network, folder, "rest")
            estates[key] = _load(folder)
        return estates[key]

    return load


def _load(folder: Path) -> Estate | InputError:
    tags = folder / "service-tags.json"
    try:
        return load_estate([folder / "estate"], service_tags=tags if tags.exists() else None)
    except InputError as problem:
        return problem


def options_of(case: Case) -> Options:
    options = Options(assume_deployed="--assume-deployed" in case.flags)
    for name, value in case.options.items():
        options = options.with_setting(name, value)
    return options


def _refusal(asked: Question) -> str:
    try:
        evaluate_at(asked.place, asked.direction, asked.packet)
    except NoNsgError as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
def test_the_classifier_says_what_the_vector_says(case: Case, loaded: Loaded) -> None:
    exits = case.expect.get("exit", 0)
    exits = exits if isinstance(exits, list) else [exits]
    estate = loaded(case.network)
    if isinstance(estate, InputError):
        assert 2 in exits, "only a vector about bad input has no estate"
        return
    options = options_of(case)
    words = (case.vm, case.nic, case.direction, case.protocol, case.local, case.remote)
    try:
        asked = ask(estate, *words, options)
    except RequestError:
        assert 2 in exits, "only a vector about a bad question has no packet"
        return
    seen = Seen(str(asked.place.nic.id), asked.direction, asked.packet)
    classifier: Classifier = compile_estate(estate, options)
    refused = _refusal(asked)
    if refused:
        with pytest.raises(NoNsgError, match=re.escape(refused)):
            judged(classifier, [seen])
        return
    [got] = judged(classifier, [seen])
    assert [got] == expected(estate, [seen], options)
    if not case.known:
        wanted = case.expect
        told = dict(zip(("access", "ruleName", "ruleId", "layer"), got, strict=False))
        assert {key: told[key] for key in told if key in wanted} == {
            key: wanted[key] for key in told if key in wanted
        }, case.why
