"""Runs every vector through every front end, in both forms of the data."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from flowverdict.api import verify
from flowverdict.cli import main
from flowverdict.load import load_estate
from flowverdict.model import InputError
from flowverdict.policy import NoNsgError, Options, RequestError
from tests.conformance.sketch import FORMS, Form, write
from tests.conformance.vectors import FOLDER, Case, Json, cases, vectors

FrontEnd = Callable[[Path, Case], Json]

SPECIFIED = """
    A1 A2 A5 A6 A7 A8 B1 B2 B3 B4 B5 B6 B7 B9 B10 B12 C1 C2 C3 C5 C6 C8 P1 P3 P4 P5 P6 P8 P10
    V1 V2 V4 V6 V7 L1 L2 L4 L5 L6 L8 L10 L11 S1 S2 R1 R2 R4 R5 D1 D2 D4 D5
    M1 M2 M3 M4 M5 M7 M8 M9 M11 M12 M13 M15 M16 M19 M21 M22 M24 M25 M27 M29 M30 M32 M33 M34 M36 M38
    X1 X3 X4
""".split()

EXPECTATIONS = set("access ruleName layer trace missing warnings data notes message exit".split())

NOT_APPLICABLE = {
    "S1": "the reply of a flow: one packet has no history",
    "R5": "a restriction of the Network Watcher operation, which `verify` does not share",
    "D5": "two profiles in one request: a matter of the diagnostics operation",
}


def ask_command_line(folder: Path, case: Case) -> Json:
    """Ask `flowverdict verify`; the answer is what it prints, with `exit` and `message` added."""
    arguments = ["verify", str(folder / "estate"), "--output", "json"]
    arguments += ["--vm", case.vm] if case.vm else ["--nic", str(case.nic)]
    arguments += ["--direction", case.direction, "--protocol", case.protocol]
    arguments += ["--local", case.local, "--remote", case.remote]
    if (folder / "service-tags.json").exists():
        arguments += ["--service-tags", str(folder / "service-tags.json")]
    for name, value in case.options.items():
        arguments += ["--option", f"{name}={value}"]
    result = CliRunner().invoke(main, [*arguments, *case.flags])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    answer: Json = json.loads(result.stdout) if result.stdout.strip() else {}
    return {**answer, "exit": result.exit_code, "message": result.stderr}


def ask_evaluator(folder: Path, case: Case) -> Json:
    """Ask the library: `flowverdict.policy` is the specification as a program."""
    tags = folder / "service-tags.json"
    try:
        estate = load_estate([folder / "estate"], service_tags=tags if tags.exists() else None)
    except InputError as problem:
        return {"exit": 2, "message": str(problem)}
    said = "\n".join(str(one) for one in estate.diagnostics)
    options = Options(assume_deployed="--assume-deployed" in case.flags)
    for name, value in case.options.items():
        options = options.with_setting(name, value)
    try:
        verdict = verify(
            estate,
            vm=case.vm,
            nic=case.nic,
            direction=case.direction,
            protocol=case.protocol,
            local=case.local,
            remote=case.remote,
            options=options,
        )
    except (NoNsgError, RequestError) as problem:
        return {"exit": 2, "message": f"{said}\n{problem}"}
    return {
        **verdict.as_json(),
        "exit": 3 if verdict.access == "Unknown" else 0,
        "message": said,
    }


FRONT_ENDS: dict[str, FrontEnd] = {"evaluator": ask_evaluator, "cli": ask_command_line}


def differences(expect: Json, got: Json) -> list[str]:
    """Return how an answer differs from what was expected of it, one line each."""
    wanted = {"exit": 3 if expect.get("access") == "Unknown" else 0, **expect}
    exits = wanted["exit"] if isinstance(wanted["exit"], list) else [wanted["exit"]]
    found = [] if got["exit"] in exits else [f"exit: expected {exits}, got {got['exit']}"]
    found += [
        f"{key}: expected {expect[key]}, got {got.get(key, 'nothing')}"
        for key in ("access", "ruleName", "layer")
        if key in expect and (key not in got or got[key] != expect[key])
    ]
    said = {
        key: json.dumps(got.get(key, []), ensure_ascii=False)
        for key in ("missing", "warnings", "data")
    }
    said["notes"] = json.dumps([step.get("note") for step in got.get("trace", [])])
    said["message"] = got["message"] + said["missing"]
    found += [
        f"{key}: expected `{part}`, got {text}"
        for key, text in said.items()
        for part in expect.get(key, ())
        if not any(word in text.lower() for word in part.lower().split("|"))
    ]
    if "trace" in expect:
        found += _trace_differences(expect["trace"], got.get("trace", []))
    return found


def _trace_differences(expect: list[Json], got: list[Json]) -> list[str]:
    layers = {step["layer"] for step in expect}
    steps = [step for step in got if step["layer"] in layers]
    if len(steps) != len(expect):
        return [f"trace: expected {expect}, got {steps}"]
    seen = [{key: step.get(key) for key in of} for of, step in zip(expect, steps, strict=True)]
    return [] if seen == expect else [f"trace: expected {expect}, got {seen}"]


def _parameters() -> Iterator[Any]:
    for form in FORMS:
        for name in FRONT_ENDS:
            for case in cases():
                marks: list[pytest.MarkDecorator] = []
                if case.is_decision:
                    marks.append(pytest.mark.decision)
                if case.known:
                    marks.append(pytest.mark.xfail(reason=case.known, strict=True))
                yield pytest.param(name, form, case, id=f"{case.id}-{name}-{form}", marks=marks)


@pytest.fixture(scope="session")
def sketched(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Json, Form], Path]:
    """Writes a sketched network once, however many packets are sent through it."""
    folders: dict[tuple[str, Form], Path] = {}

    def folder(network: Json, form: Form) -> Path:
        key = (json.dumps(network, sort_keys=True), form)
        if key not in folders:
            folders[key] = tmp_path_factory.mktemp("network")
            write(network, folders[key], form)
        return folders[key]

    return folder


@pytest.mark.parametrize(("front_end", "form", "case"), list(_parameters()))
def test_the_verdict_is_the_specified_one(
    front_end: str, form: Form, case: Case, sketched: Callable[[Json, Form], Path]
) -> None:
    got = FRONT_ENDS[front_end](sketched(case.network, form), case)
    assert not differences(case.expect, got), case.why


def test_ids_are_unique() -> None:
    ids = [vector.id for vector in vectors()] + [case.id for case in cases()]
    repeated = {name for name in ids if ids.count(name) > 1}
    # A vector of one case may share its id with it.
    alone = {vector.id for vector in vectors() if vector.id in {case.id for case in vector.cases}}
    assert not repeated - alone


def test_every_vector_of_the_specification_is_here() -> None:
    here = {case.id for case in cases()} | {vector.id for vector in vectors()}
    assert not [name for name in SPECIFIED if name not in here | NOT_APPLICABLE.keys()]
    assert not here & NOT_APPLICABLE.keys()


def test_sources_and_what_is_not_applicable_are_listed_for_readers() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in readme for name in NOT_APPLICABLE)
    keys = {key for case in cases() for key in case.source.split(", ")}
    listed = [line for line in readme.splitlines() if line.startswith("|")]
    assert not [key for key in keys if not any(re.search(rf"\b{key}\b", one) for one in listed)]


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector.id)
def test_every_case_has_its_provenance(vector: Any) -> None:
    assert vector.title.endswith(".")
    assert vector.cases
    for case in vector.cases:
        assert re.fullmatch(r"[A-Z][A-Z0-9, ]+[A-Z0-9]", case.source), case.id
        assert case.strength in ("D", "C", "I", "K"), case.id
        assert case.why.endswith((".", ")")), case.id
        assert case.expect.keys() <= EXPECTATIONS, case.id
        assert "exit" in case.expect or "access" in case.expect, case.id


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
def test_the_sketched_network_is_sound(case: Case) -> None:
    network = case.network
    assert case.nic is None or case.nic in _nic_names(network), case.nic
    for name, vnet in network.get("vnets", {}).items():
        space = [ipaddress.ip_network(prefix) for prefix in vnet["space"]]
        for title, subnet in vnet.get("subnets", {}).items():
            for prefix in map(ipaddress.ip_network, subnet["prefixes"]):
                inside = any(
                    prefix.version == one.version
                    and prefix.network_address in one
                    and prefix.broadcast_address in one
                    for one in space
                )
                assert inside, f"{name}/{title} {prefix}"
    for name, nic in network.get("nics", {}).items():
        vnet_name, _, subnet_name = (nic["subnet"] or "").partition("/")
        subnet = network.get("vnets", {}).get(vnet_name, {}).get("subnets", {}).get(subnet_name)
        if subnet is None:
            continue
        for entry in nic["ip"]:
            address = entry if isinstance(entry, str) else entry["address"]
            first = ipaddress.ip_interface(address).ip
            assert any(first in ipaddress.ip_network(p) for p in subnet["prefixes"]), name


def _nic_names(network: Json) -> set[str]:
    endpoints = {f"{name}-nic" for name in network.get("privateEndpoints", {})}
    return set(network.get("nics", {})) | endpoints
