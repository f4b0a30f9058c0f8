"""The forms that cases are written in for other scanners."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from conformance.arm import made_by_azure
from conformance.azure import answers
from conformance.cases import read_cases
from conformance.hcl import configuration
from conformance.scanners.flowverdict import claim_of
from conformance.write import main, tag_file
from flowverdict.load import load_estate
from flowverdict.prove.checker import Checker
from tests.conformance_suite.verdicts import VERDICTS

Json = dict[str, Any]
_CALL = re.compile(r"\[resourceId\((.*)\)\]")


def test_every_case_without_a_manager_has_a_template_of_all_that_is_no_product_of_azure(
    written,
) -> None:
    for case in read_cases():
        wanted = sorted(
            (one["type"], one["name"])
            for one in answers(case).resources
            if not made_by_azure(one) and "managers" not in case.network
        )
        found = sorted(
            (one["type"], one["name"].rpartition("/")[2])
            for one in _resources(written, case.theme, case.id)
            if not one["type"].endswith("virtualNetworkPeerings")
        )
        assert found == wanted, case.id


def test_references_of_templates_lead_to_resources_of_the_case(written) -> None:
    """Apart from what a case leaves out, the vault behind an endpoint and a provider's circuit."""
    for case in read_cases():
        resources = _resources(written, case.theme, case.id)
        names = {(one["type"].lower(), one["name"].lower()) for one in resources}
        elsewhere = {text.partition("/")[2].lower() for text in case.network.get("omit", ())}
        elsewhere |= {"vault", "to-site-circuit"}
        for text in _strings(resources):
            if not text.startswith("["):
                continue
            call = _CALL.fullmatch(text)
            assert call, f"{case.id}: {text}"
            kind, *path = (one.strip(" '").lower() for one in call[1].split(","))
            if kind.endswith("virtualnetworks/subnets"):
                kind, path = kind.rpartition("/")[0], path[:1]
            assert (kind, "/".join(path)) in names or path[-1] in elsewhere, f"{case.id}: {text}"


def test_rules_keep_their_words_in_the_template(written) -> None:
    for case in read_cases():
        resources = _resources(written, case.theme, case.id)
        for nsg in answers(case).resources:
            if not resources or not nsg["type"].endswith("networkSecurityGroups"):
                continue
            [found] = [
                one for one in resources if (one["type"], one["name"]) == (nsg["type"], nsg["name"])
            ]
            rules = found["properties"].get("securityRules", [])
            for mine, theirs in zip(rules, nsg["properties"]["securityRules"], strict=True):
                kept = {key: one for key, one in theirs["properties"].items() if one}
                plain = {key: one for key, one in kept.items() if "Groups" not in key}
                assert plain.items() <= mine["properties"].items()
                assert kept.keys() == mine["properties"].keys()


def test_prove_gives_the_same_answer_of_the_template(written) -> None:
    wrong: list[str] = []
    there = [one for one in read_cases() if "managers" not in one.network]
    for case in there:
        tags = tag_file(written, case)
        path = written / "arm" / case.theme / case.id
        estate = load_estate(path, service_tags=tags if tags.exists() else None)
        found = Checker(estate).check(claim_of(case.question))
        if found.verdict != VERDICTS[case.answer]:
            wrong.append(f"{case.id}: {found.verdict}, {found.failures}, {found.missing}")
    assert not wrong
    assert len(there) >= 0.7 * len(read_cases())


def test_terraform_refers_to_what_it_declares() -> None:
    told = 0
    for case in read_cases():
        text = configuration(answers(case))
        if text is None:
            continue
        told += 1
        declared = {f"{kind}.{name}" for kind, name in _declared(text)}
        for name in re.findall(r"\b(azurerm_\w+\.\w+)\.(?:id|name)\b", text):
            assert name in declared, f"{case.id}: {name}"
        assert len(declared) == len(list(_declared(text))), f"{case.id}: declared twice"
        assert text.count("{") == text.count("}")
    assert told >= 0.9 * len(read_cases())


def test_terraform_has_the_rules_in_their_own_words() -> None:
    [case] = [one for one in read_cases() if one.id == "source-halves-in-list"]
    text = configuration(answers(case))
    assert text is not None
    assert 'source_address_prefixes = ["0.0.0.0/1", "128.0.0.0/1"]' in text
    assert 'destination_port_range = "3389"' in text


def test_the_command_writes_into_an_empty_folder_and_no_other(tmp_path, capsys) -> None:
    assert main([str(tmp_path / "new")]) == 0
    told = json.loads((tmp_path / "new" / "cases.json").read_text("utf-8"))
    assert len(told) == len(read_cases())
    first = told[0]
    assert first["question"]["text"] == "Does any interface accept TCP 3389 from the internet?"
    assert main([str(tmp_path / "new")]) == 2
    assert "expected a new or an empty folder" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert "usage: python -m conformance.write" in capsys.readouterr().err


def _resources(written: Path, theme: str, case: str) -> list[Json]:
    files = sorted((written / "arm" / theme / case).glob("*.json"))
    return [one for file in files for one in json.loads(file.read_text("utf-8"))["resources"]]


def _strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in _strings(one)]
    if isinstance(value, list):
        return [text for one in value for text in _strings(one)]
    return [value] if isinstance(value, str) else []


def _declared(text: str) -> list[tuple[str, str]]:
    return re.findall(r'^resource "(\w+)" "(\w+)"', text, re.MULTILINE)
