"""States: the same network as an export gives the same verdicts."""

from __future__ import annotations

import json
from pathlib import Path

import flowverdict
from flowverdict.model import Estate, InputError
from flowverdict.policy import NoNsgError, Options, RequestError
from tests.conformance.sketch import expand, service_tags
from tests.conformance.vectors import Case, Json, cases
from tests.load.terraform.states import as_state


def test_an_export_and_its_state_give_the_same_verdicts(tmp_path: Path) -> None:
    """Every vector of which azurerm has all attributes; the others are left out."""
    networks = {json.dumps(case.network): case.network for case in cases()}
    estates: dict[str, tuple[Estate, Estate]] = {}
    for number, (key, network) in enumerate(networks.items()):
        files = expand(network, "rest")
        state = as_state(files)
        if state is not None:
            tags = service_tags(network, "rest")
            folder = tmp_path / str(number)
            loaded = [_load(folder / "export", files, tags), _load(folder / "state", state, tags)]
            assert (loaded[0] is None) == (loaded[1] is None)
            if loaded[0] is not None and loaded[1] is not None:
                estates[key] = loaded[0], loaded[1]
    judged = 0
    for case in cases():
        if both := estates.get(json.dumps(case.network)):
            export, state = (_answer(one, case) for one in both)
            assert export == state, case.id
            judged += 1
    assert judged > 400


def _load(folder: Path, files: Json, tags: Json | None) -> Estate | None:
    folder.mkdir(parents=True)
    some = {"state.json": files} if "terraform_version" in files else files
    for name, content in some.items():
        (folder / name).write_text(json.dumps(content))
    path = folder.parent / "tags.json"
    path.write_text(json.dumps(tags))
    try:
        return flowverdict.load_estate(folder, service_tags=path if tags else None)
    except InputError:
        return None


def _answer(estate: Estate, case: Case) -> object:
    options = Options()
    for name, value in case.options.items():
        options = options.with_setting(name, value)
    try:
        verdict = flowverdict.verify(
            estate,
            vm=case.vm,
            nic=case.nic,
            direction=case.direction,
            protocol=case.protocol,
            local=case.local,
            remote=case.remote,
            options=options,
        )
    except (RequestError, NoNsgError) as problem:
        return type(problem)
    return verdict.access, verdict.as_json()["ruleName"], verdict.layer
