"""Laws of verdicts, on random small networks. Each name is a law; docstrings quote the rules."""

from __future__ import annotations

import random
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import flowverdict
from flowverdict.policy import IP_FLOW_VERIFY, NoNsgError
from tests.conformance.sketch import service_tags
from tests.net.profiles import times
from tests.policy.estates import (
    FAR,
    NEAR,
    Json,
    Line,
    Question,
    answer,
    answers,
    ask,
    files_of,
    judge,
    lines,
    load,
    load_sketch,
    managed,
    networks,
    questions,
    some,
    spread,
)

ORDINARY = [*NEAR, *FAR]

any_network = st.one_of(networks(), managed(networks()))


@given(any_network, some(questions()), st.randoms())
def test_the_order_of_the_list_does_not_matter(
    network: Json, asked: list[Question], chance: random.Random
) -> None:
    """Specification, 3.5: sort by priority ascending inside the direction; first match wins."""
    shuffled = deepcopy(network)
    for rules in _rule_lists(shuffled):
        chance.shuffle(rules)
    assert answers(judge(network, asked)) == answers(judge(shuffled, asked))


def _rule_lists(network: Json) -> list[list[str]]:
    found: list[list[str]] = list(network["nsgs"].values())
    for manager in network.get("managers", {}).values():
        for configuration in manager["configurations"].values():
            found.extend(one["rules"] for one in configuration["collections"].values())
    return found


@given(networks(), some(questions(), 8), lines())
def test_a_rule_after_the_deciding_one_changes_nothing(
    network: Json, asked: list[Question], late: Line
) -> None:
    """Specification, 3.5: first match wins; stop."""
    before = judge(network, asked)
    for name in network["nsgs"]:
        changed = deepcopy(network)
        changed["nsgs"][name].append(str(replace(late, priority=4096, name="late")))
        for old, new in zip(before, judge(changed, asked), strict=True):
            decided = old.rule is not None and not old.rule.is_default
            if decided and old.decided_by and old.decided_by.resource:
                here = old.decided_by.resource.name == name
                if here and old.access == "Deny":
                    assert answer(old) == answer(new)
                elif here:
                    assert old.layer == new.layer
                    assert old.rule == new.rule


@given(networks(), some(questions()), lines(), st.integers(0, 5), st.sampled_from(["a", "b"]))
def test_a_rule_of_the_other_direction_changes_nothing(
    network: Json, asked: list[Question], other: Line, at: int, nsg: str
) -> None:
    """Specification, 3.5: rules are sorted inside the direction."""
    changed = deepcopy(network)
    changed["nsgs"][nsg].append(str(replace(other, priority=101 + at, name="other")))
    pairs = zip(asked, judge(network, asked), judge(changed, asked), strict=True)
    for question, old, new in pairs:
        if question.way != other.way:
            assert answer(old) == answer(new)


@times(2)
@given(networks(asgs=False), some(questions(), 8), st.data())
def test_splitting_a_prefix_changes_nothing(
    network: Json, asked: list[Question], data: st.DataObject
) -> None:
    """A rule for a prefix is the same as two adjacent rules for its two halves."""
    rest = "10.1.0.4/30,10.1.0.8/29,10.1.0.16/28,10.1.0.32/27,10.1.0.64/26,10.1.0.128/25"
    halves = {
        "10.1.0.0/16": ("10.1.0.0/17", "10.1.128.0/17"),
        "10.1.0.0/24": ("10.1.0.0/30", rest),
        "10.2.0.0/16": ("10.2.128.0/17", "10.2.0.0/17"),
        "203.0.113.0/24": ("203.0.113.0/25", "203.0.113.128/25"),
        "10.1.0.4,203.0.113.0/24": ("10.1.0.4", "203.0.113.0/24"),
    }
    rule = replace(
        data.draw(lines(asgs=False)),
        **{data.draw(st.sampled_from(["source", "target"])): data.draw(st.sampled_from([*halves]))},
    )
    side = "source" if rule.source in halves else "target"
    first, second = halves[getattr(rule, side)]
    whole = [replace(rule, priority=110, name="whole")]
    split = [
        replace(rule, priority=110, name="whole", **{side: first}),
        replace(rule, priority=111, name="whole-2", **{side: second}),
    ]
    _held_equal(network, asked, whole, split)


@times(2)
@given(networks(asgs=False), some(questions(), 8), lines(asgs=False), st.data())
def test_splitting_a_port_range_changes_nothing(
    network: Json, asked: list[Question], rule: Line, data: st.DataObject
) -> None:
    """A rule for a range of ports is the same as two adjacent rules for its two halves."""
    side = data.draw(st.sampled_from(["source_ports", "target_ports"]))
    low, high = sorted(data.draw(st.lists(st.integers(0, 65535), min_size=2, max_size=2)))
    at = data.draw(st.integers(low, high - 1)) if high > low else low
    pieces = [f"{low}-{at}"] + ([f"{at + 1}-{high}"] if high > at else [])
    whole = [replace(rule, priority=110, name="whole", **{side: f"{low}-{high}"})]
    split = [
        replace(rule, priority=110 + n, name=f"whole-{n + 1}", **{side: piece})
        for n, piece in enumerate(pieces)
    ]
    _held_equal(network, asked, whole, split)


def _held_equal(network: Json, asked: list[Question], whole: list[Line], split: list[Line]) -> None:
    found: list[list[tuple[object, ...]]] = []
    for rules in (whole, split):
        changed = deepcopy(network)
        changed["nsgs"]["a"] += map(str, rules)
        told = judge(changed, asked)
        found.append([(one.access, one.layer, _stem(one.as_json()["ruleName"])) for one in told])
    assert found[0] == found[1]


def _stem(name: str | None) -> str | None:
    return name and name.partition("-")[0]


def _commanded(network: Json, rules: list[str]) -> Json:
    """The network under a manager whose rules reach all of it."""
    changed = deepcopy(network)
    changed["managers"] = {
        "M": {
            "scope": ["sub:main"],
            "groups": {"G": {"members": ["vnet1", "vnet2", "vnet3"]}},
            "configurations": {"cfg": {"collections": {"c": {"groups": ["G"], "rules": rules}}}},
            "deployments": [{"regions": ["eastus"], "configurations": ["cfg"]}],
        }
    }
    return changed


@given(networks(), some(questions(remotes=ORDINARY)))
def test_an_admin_deny_trumps_any_nsg(network: Json, asked: list[Question]) -> None:
    """Specification, 10.1: Deny: dropped; NSGs evaluated? no."""
    rules = ["in 4095 Deny * * -> * name=no-in", "out 4096 Deny * * -> * name=no-out"]
    for verdict in judge(_commanded(network, rules), asked):
        assert (verdict.access, verdict.layer) == ("Deny", "admin")
        assert all(step.access in ("NotEvaluated", "NotPresent") for step in verdict.trace[1:])


@given(networks(), some(questions(remotes=ORDINARY)))
def test_always_allow_skips_the_nsgs(network: Json, asked: list[Question]) -> None:
    """Specification, 10.1: AlwaysAllow: delivered to the resource, regardless of NSGs."""
    rules = [
        "in 10 AlwaysAllow * * -> * name=go-in",
        "in 20 Deny * * -> *",
        "out 30 AlwaysAllow * * -> * name=go-out",
        "out 40 Deny * * -> *",
    ]
    for verdict in judge(_commanded(network, rules), asked):
        assert (verdict.access, verdict.layer) == ("Allow", "admin")
        assert all(step.access in ("NotEvaluated", "NotPresent") for step in verdict.trace[1:])


@given(networks(), some(questions(remotes=ORDINARY)))
def test_an_admin_allow_decides_nothing_where_an_nsg_matches(
    network: Json, asked: list[Question]
) -> None:
    """Specification, 10.1: Allow: admin stage ends, NSGs decide; without NSG it is allowed."""
    rules = ["in 10 Allow * * -> * name=go", "out 20 Allow * * -> * name=go-out"]
    for old, new in zip(
        judge(network, asked), judge(_commanded(network, rules), asked), strict=True
    ):
        assert old.access == new.access
        if old.access == "Unknown":
            continue
        if old.decided_by is not None:
            assert (old.layer, old.rule) == (new.layer, new.rule)
        else:
            assert new.layer == "admin"


@given(managed(networks()), some(questions(remotes=ORDINARY)))
def test_without_a_deployment_admin_rules_are_inert(network: Json, asked: list[Question]) -> None:
    """Specification, 9: nothing takes effect until committed to a region."""
    alone, inert = deepcopy(network), deepcopy(network)
    del alone["managers"]
    inert["managers"]["M"]["deployments"] = []
    for old, new in zip(judge(alone, asked), judge(inert, asked), strict=True):
        assert (old.access, old.rule, old.layer) == (new.access, new.rule, new.layer)


@given(any_network, some(questions()))
def test_both_forms_of_the_data_give_the_same_verdict(network: Json, asked: list[Question]) -> None:
    """Specification, 1.1: the payload is under `properties`; az lifts it to the top level."""
    assert answers(judge(network, asked, "flat")) == answers(judge(network, asked, "rest"))


@given(any_network, some(questions()), st.sampled_from(["flat", "rest"]))
def test_the_case_of_ids_does_not_matter(network: Json, asked: list[Question], form: Any) -> None:
    """Specification, 1.1: treat ARM ids and names as case-insensitive on input."""
    shouted = {**network, "idCase": "upper"}
    assert answers(judge(network, asked, form)) == answers(judge(shouted, asked, form))


@given(any_network, some(questions()), st.randoms())
def test_however_files_are_split_the_verdict_is_the_same(
    network: Json, asked: list[Question], chance: random.Random
) -> None:
    """Contract 4.1: one or more files or folders, single objects, lists, `{"value": [...]}`."""
    files: dict[str, Any] = {}
    loose = [one for content in files_of(network).values() for one in _items(content)]
    chance.shuffle(loose)
    while loose:
        count = chance.randint(1, 4)
        taken, loose = loose[:count], loose[count:]
        wrapped = chance.choice([taken, {"value": taken}, {"data": taken, "count": len(taken)}])
        name = f"{chance.choice(['', 'deep/', 'deep/er/'])}{len(files)}.json"
        files[name] = taken[0] if len(taken) == 1 and chance.random() < 0.5 else wrapped
    tags = service_tags(network, "rest")
    assert answers(ask(load(files, tags), asked)) == answers(judge(network, asked))


def _items(content: Any) -> list[Json]:
    if isinstance(content, list):
        return content
    return content["value"] if isinstance(content.get("value"), list) else [content]


@given(any_network, some(questions()), st.randoms())
def test_the_order_of_the_files_does_not_matter(
    network: Json, asked: list[Question], chance: random.Random
) -> None:
    files = list(files_of(network).items())
    renamed = [f"{number}-{chance.randint(0, 9)}.json" for number in range(len(files))]
    chance.shuffle(renamed)
    other = {name: content for name, (_, content) in zip(renamed, files, strict=True)}
    tags = service_tags(network, "rest")
    assert answers(ask(load(other, tags), asked)) == answers(judge(network, asked))


@given(any_network, some(questions(), 3), st.randoms())
def test_a_resource_that_stands_twice_counts_once(
    network: Json, asked: list[Question], chance: random.Random
) -> None:
    """Two exports of one network, in two forms, are one network."""
    files = files_of(network)
    again = {f"again/{name}": content for name, content in files_of(network, "flat").items()}
    kept = {name: again[name] for name in again if chance.random() < 0.7}
    tags = service_tags(network, "rest")
    assert answers(ask(load({**files, **kept}, tags), asked)) == answers(judge(network, asked))


@given(any_network, some(questions()))
def test_what_explain_says_is_what_verify_says(network: Json, asked: list[Question]) -> None:
    estate = load_sketch(network)
    for question in asked:
        told = flowverdict.explain(estate, **question.words)
        assert told.verdict == flowverdict.verify(estate, **question.words)
        assert [gate.step for gate in told.gates] == list(told.verdict.trace)
        assert (told.cure is not None) == (told.verdict.access == "Deny")
        for gate in told.gates:
            assert all(
                late.access != gate.step.rule.access for late in gate.too_late if gate.step.rule
            )


@given(any_network, some(questions()))
def test_a_verdict_is_the_same_when_asked_again(network: Json, asked: list[Question]) -> None:
    estate = load_sketch(network)
    first = ask(estate, asked)
    assert ask(estate, list(reversed(asked))) == list(reversed(first))


@times(2)
@given(any_network, some(questions(), 8))
def test_any_source_port_means_every_source_port(network: Json, asked: list[Question]) -> None:
    """`*` on the originator's side: a known verdict holds at each port, an unknown one differs."""
    estate = load_sketch(network)
    for question in asked:
        if question.protocol not in ("TCP", "UDP"):
            continue
        end = "remote" if question.direction == "Inbound" else "local"
        host = getattr(question, end).rpartition(":")[0]
        (starred,) = ask(estate, [replace(question, **{end: f"{host}:*"})])
        ports = (0, 1, 22, 53, 80, 442, 443, 444, 1023, 1024, 40000, 65535)
        at_each = ask(estate, [replace(question, **{end: f"{host}:{port}"}) for port in ports])
        seen = {one.access for one in at_each}
        if starred.access == "Unknown":
            assert all(one.startswith("the source port") for one in starred.missing)
            assert len(seen) == 2
        else:
            assert seen == {starred.access}


@given(any_network, some(questions()))
def test_a_port_left_out_is_any_port(network: Json, asked: list[Question]) -> None:
    estate = load_sketch(network)
    for question in asked:
        end = "remote" if question.direction == "Inbound" else "local"
        host, _, port = getattr(question, end).partition(":")
        if port == "*":
            bare = replace(question, **{end: host})
            assert answer(ask(estate, [bare])[0]) == answer(ask(estate, [question])[0])


@given(networks(), some(questions()))
def test_as_ip_flow_verify_has_it(network: Json, asked: list[Question]) -> None:
    """Specification, 5.4 and 4.4: no NSG is an error; it most likely simulates rules only."""
    estate = load_sketch(network)
    for question in asked:
        plain = ask(estate, [question])[0]
        present = any(step.access != "NotPresent" for step in plain.trace[-2:])
        if not present:
            with pytest.raises(NoNsgError, match="NsgsNotAppliedOnNic: no NSG"):
                ask(estate, [question], IP_FLOW_VERIFY)
            continue
        (strict,) = ask(estate, [question], IP_FLOW_VERIFY)
        assert strict.layer != "platform"
        if plain.layer != "platform":
            assert answer(strict) == answer(plain)


@times(2)
@given(networks(asgs=False), some(questions(), 8), st.integers(100, 4096))
def test_priorities_matter_by_their_order_alone(
    network: Json, asked: list[Question], last: int
) -> None:
    changed = deepcopy(network)
    for name, rules in changed["nsgs"].items():
        assume(len(rules) <= last - 99)
        moved: list[str] = []
        for at, rule in enumerate(rules):
            way, _, rest = rule.split(" ", 2)
            moved.append(f"{way} {last - len(rules) + at + 1} {rest}")
        changed["nsgs"][name] = moved
    before, after = judge(network, asked), judge(changed, asked)
    assert answers(before) == answers(after)


@given(networks(), some(questions()))
def test_an_nsg_that_is_attached_nowhere_changes_nothing(
    network: Json, asked: list[Question]
) -> None:
    changed = deepcopy(network)
    changed["nsgs"]["idle"] = ["in 100 Deny * * -> *", "out 100 Deny * * -> *"]
    assert answers(judge(network, asked)) == answers(judge(changed, asked))


@given(networks(), some(questions()), st.lists(lines(), max_size=3))
def test_rules_that_stand_before_others_shift_none(
    network: Json, asked: list[Question], extra: list[Line]
) -> None:
    """Two NSGs are told apart by their ids, however alike their rules are named."""
    swapped = deepcopy(network)
    swapped["nsgs"]["c"] = [str(one) for one in spread(extra)]
    assert answers(judge(network, asked)) == answers(judge(swapped, asked))
