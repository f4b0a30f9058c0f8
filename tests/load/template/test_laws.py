"""Laws of templates: how a value is written changes no verdict."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.conformance.sketch import service_tags
from tests.load.template.templates import as_template, deployment, disguised, is_deployed
from tests.net.profiles import times
from tests.policy.estates import (
    Json,
    Question,
    answers,
    ask,
    files_of,
    load,
    managed,
    networks,
    questions,
    some,
)
from tests.policy.test_missing import never_flips


def files_beside(files: Json) -> Json:
    """What of an export is no resource that a template deploys: commits, management groups."""
    return {name: one for name, one in files.items() if not is_deployed(one)}


@times(2)
@given(st.one_of(networks(), managed(networks())), some(questions(), 8), st.integers(0, 1 << 30))
def test_a_template_is_judged_as_the_export_of_what_it_deploys(
    network: Json, asked: list[Question], seed: int
) -> None:
    files, tags = files_of(network), service_tags(network, "rest")
    plain = as_template(files)
    written = {**files_beside(files), "deployment.json": deployment()}
    export = ask(load(files, tags), asked)
    for one in (plain, disguised(plain, seed)):
        planned = ask(load({**written, "main.json": one}, tags), asked)
        assert answers(planned) == answers(export)


@given(networks(), some(questions(), 8), st.integers(0, 1 << 30))
def test_a_parameter_without_a_value_flips_no_known_answer(
    network: Json, asked: list[Question], seed: int
) -> None:
    files, tags = files_of(network), service_tags(network, "rest")
    template = disguised(as_template(files), seed, secret=True)
    partial = load({"deployment.json": deployment(), "main.json": template}, tags)
    never_flips(ask(partial, asked), ask(load(files, tags), asked))
